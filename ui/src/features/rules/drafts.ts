// What the person has begun to change, and the changes that it makes.
import type { DataRules, FreezeRule, ModelRules, PolicyChange, RegistryRules, RoleRules, TargetRules, TeamPolicy } from "$lib/host";
import { fieldsOf, type Section } from "./fields";
import { fresh, fromValues, rebased, toValues, type Spec, type Values } from "./form";

export interface Draft {
  /** `models/churn`, `freeze/0`; of one that is new, `models/+1`. */
  id: string;
  section: Section;
  name: string;
  /** As the file has it; `null`: it is new. */
  was: Values | null;
  /** For a freeze, which has no name. */
  wasFreeze: FreezeRule | null;
  values: Values;
  removed: boolean;
}

export type Drafts = ReadonlyMap<string, Draft>;

const NONE: TeamPolicy = { registries: {}, targets: {}, models: {}, data: {}, roles: { approvers: [], overriders: [], keys: {} }, freeze: [] };
const ORDER: readonly Section[] = ["models", "registries", "targets", "data", "roles", "freeze"];

/** The names of registries, targets or data, as they would be. */
export function namesOf(policy: TeamPolicy | null, drafts: Drafts, section: "registries" | "targets" | "data"): string[] {
  const mine = [...drafts.values()].filter((draft) => draft.section === section);
  const there = Object.keys((policy ?? NONE)[section]).filter((name) => !mine.some((draft) => draft.removed && draft.was && draft.name === name));
  return [...there, ...mine.filter((draft) => !draft.was && draft.name.trim() !== "").map((draft) => draft.name.trim())];
}

export const specsOf = (draft: Draft, policy: TeamPolicy | null, drafts: Drafts): Spec[] =>
  fieldsAmong(policy, drafts, draft.section, draft.values["kind"]);

const fieldsAmong = (policy: TeamPolicy | null, drafts: Drafts, section: Section, kind: unknown): Spec[] =>
  fieldsOf(section, kind, namesOf(policy, drafts, "registries"), namesOf(policy, drafts, "targets"), namesOf(policy, drafts, "data"));

const jsonOf = (policy: TeamPolicy, section: Section, name: string): unknown => {
  if (section === "roles") return policy.roles;
  if (section === "freeze") return policy.freeze[Number(name)];
  return policy[section][name];
};

/** The form of something that is in the file; `null` if it is not. */
export function draftOf(policy: TeamPolicy | null, section: Section, name: string): Draft | null {
  const json = jsonOf(policy ?? NONE, section, name);
  if (json === undefined) return null;
  const values = toValues(fieldsOf(section, (json as { kind?: string }).kind, [], [], []), json);
  const id = section === "roles" ? "roles" : `${section}/${name}`;
  return { id, section, name, was: values, wasFreeze: section === "freeze" ? (json as FreezeRule) : null, values, removed: false };
}

/** The form of something new. */
export function newDraft(n: number, section: Section, policy: TeamPolicy | null, drafts: Drafts, name = "", values: Values = {}): Draft {
  const kind = values["kind"] ?? (section === "registries" ? "embedded" : "local");
  const specs = fieldsAmong(policy, drafts, section, kind);
  return { id: `${section}/+${n}`, section, name, was: null, wasFreeze: null, values: { ...fresh(specs), ...values }, removed: false };
}

/** Another kind has other fields: those that both have keep what was written. */
export function withValue(draft: Draft, key: string, value: Values[string]): Draft {
  if (key !== "kind") return { ...draft, values: { ...draft.values, [key]: value } };
  const written = Object.entries(draft.values).filter(([, old]) => old !== "" && old !== false);
  return { ...draft, values: { ...fresh(fieldsOf(draft.section, value, [], [], [])), ...Object.fromEntries(written), [key]: value } };
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

const hasName = (section: Section) => section !== "roles" && section !== "freeze";

export interface Asked {
  changes: PolicyChange[];
  /** By draft and field; a draft with an error is not among the changes. */
  errors: Record<string, Record<string, string>>;
}

export function changesOf(policy: TeamPolicy | null, drafts: Drafts): Asked {
  const asked: Asked = { changes: [], errors: {} };
  const sorted = [...drafts.values()].toSorted((a, b) => ORDER.indexOf(a.section) - ORDER.indexOf(b.section));
  for (const draft of sorted) {
    if (draft.removed) {
      const change = draft.was && removal(draft);
      if (change) asked.changes.push(change);
      continue;
    }
    if (draft.was && same(draft.was, draft.values)) continue;
    const { json, errors } = fromValues(specsOf(draft, policy, drafts), draft.values);
    const name = draft.name.trim();
    if (!draft.was && hasName(draft.section)) {
      const taken = jsonOf(policy ?? NONE, draft.section, name) !== undefined || sorted.some((other) => other !== draft && other.section === draft.section && !other.was && !other.removed && other.name.trim() === name);
      if (name === "") errors["name"] = "It needs a name.";
      else if (taken) errors["name"] = "There is one of this name.";
    }
    if (Object.keys(errors).length > 0) asked.errors[draft.id] = errors;
    else asked.changes.push(setting(draft, name, json));
  }
  return asked;
}

function removal({ section, name, wasFreeze }: Draft): PolicyChange | null {
  switch (section) {
    case "models":
      return { change: "remove_model", name };
    case "registries":
      return { change: "remove_registry", name };
    case "targets":
      return { change: "remove_target", name };
    case "data":
      return { change: "remove_data", name };
    case "freeze":
      return wasFreeze && { change: "remove_freeze", freeze: wasFreeze };
    case "roles":
      return null;
  }
}

function setting({ section, wasFreeze }: Draft, name: string, json: unknown): PolicyChange {
  switch (section) {
    case "models":
      return { change: "set_model", name, rules: json as ModelRules };
    case "registries":
      return { change: "set_registry", name, at: json as RegistryRules };
    case "targets":
      return { change: "set_target", name, at: json as TargetRules };
    case "data":
      return { change: "set_data", name, table: told(json as DataRules) };
    case "roles":
      return { change: "set_roles", roles: json as RoleRules };
    case "freeze": {
      const freeze = json as FreezeRule;
      return wasFreeze ? { change: "change_freeze", was: wasFreeze, freeze } : { change: "add_freeze", freeze };
    }
  }
}

/** A table of data has no field that must be there: what says nothing is left out. */
function told(table: DataRules): DataRules {
  const says = (value: unknown) => value !== null && (typeof value !== "object" || Object.keys(value).length > 0);
  return Object.fromEntries(Object.entries(table).filter(([, value]) => says(value)));
}

/** The draft and the field that the backend's way to a field leads to. */
export function placeOf(field: readonly string[], policy: TeamPolicy | null, drafts: Drafts): { id: string; key: string } | null {
  const [section, name = "", ...rest] = field as [Section, ...string[]];
  const all = [...drafts.values()].filter((draft) => draft.section === section && !draft.removed);
  if (section === "roles") return { id: "roles", key: name };
  if (section === "freeze") {
    // Those in the file that stay come first, then those that are new.
    const gone = new Set([...drafts.values()].filter((draft) => draft.section === "freeze" && draft.removed).map((draft) => draft.id));
    const ids = [...(policy ?? NONE).freeze.map((_, n) => `freeze/${n}`).filter((id) => !gone.has(id)), ...all.filter((draft) => !draft.was).map((draft) => draft.id)];
    const id = ids[Number(name)];
    return id === undefined ? null : { id, key: rest.join(".") };
  }
  const draft = all.find((one) => one.name.trim() === name);
  if (draft) return { id: draft.id, key: rest.join(".") };
  return section && jsonOf(policy ?? NONE, section, name) !== undefined ? { id: `${section}/${name}`, key: rest.join(".") } : null;
}

/** The drafts over a file that has changed: what was not touched follows it. */
export function moved(drafts: Drafts, now: TeamPolicy | null): Map<string, Draft> {
  const kept = new Map<string, Draft>();
  for (const draft of drafts.values()) {
    if (!draft.was) {
      kept.set(draft.id, draft);
      continue;
    }
    const name = draft.section === "freeze" ? String((now ?? NONE).freeze.findIndex((freeze) => same(freeze, draft.wasFreeze))) : draft.name;
    const there = draftOf(now, draft.section, name);
    if (there) kept.set(there.id, { ...there, removed: draft.removed, values: rebased(draft.values, draft.was, there.was ?? {}) });
    else if (!draft.removed && !same(draft.was, draft.values)) {
      const id = `${draft.section}/+${draft.name}`;
      kept.set(id, { ...draft, id, was: null, wasFreeze: null });
    }
  }
  return kept;
}

export const isTouched = (draft: Draft) => draft.removed || !draft.was || !same(draft.was, draft.values);
