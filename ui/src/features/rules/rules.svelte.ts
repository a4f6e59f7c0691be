import type { RuleFill } from "$lib/state/rules.svelte";
import { call, toHostError, type HostError, type PolicyFile, type PolicyProposal } from "$lib/host";
import { changesOf, draftOf, isTouched, moved, newDraft, placeOf, specsOf, withValue, type Draft } from "./drafts";
import type { Section } from "./fields";
import { toValues, valueAt, type Value } from "./form";

const WAIT_MS = 180;

/** One project's rules as they are, and as they would be. Kept while the page lives: closing the dialog loses nothing. */
export class Rules {
  file = $state.raw<PolicyFile | null>(null);
  error = $state.raw<HostError | null>(null);
  drafts = $state.raw<ReadonlyMap<string, Draft>>(new Map());
  proposal = $state.raw<PolicyProposal | null>(null);
  /** The file was changed by somebody since it was first shown. */
  hasMoved = $state(false);
  section = $state<Section>("models");
  /** The draft that the form shows. */
  at = $state<string | null>(null);

  readonly policy = $derived(this.file?.policy ?? null);
  readonly asked = $derived(changesOf(this.policy, this.drafts));
  readonly draft = $derived(this.at === null ? null : (this.drafts.get(this.at) ?? null));
  readonly specs = $derived(this.draft ? specsOf(this.draft, this.policy, this.drafts) : []);
  readonly isTouched = $derived([...this.drafts.values()].some(isTouched));
  /** What the backend says against it, with the field that it means. */
  readonly problem = $derived.by(() => {
    const problem = this.proposal?.problem;
    if (!problem) return null;
    const [section, , person] = problem.field;
    return { message: section === "roles" && person ? `${person}: ${problem.message}` : problem.message, place: placeOf(problem.field, this.policy, this.drafts) };
  });
  #n = 0;
  #asking = 0;

  constructor(readonly project: number) {}

  /** Reads the file. What was begun stays, over the file as it is now. */
  async load() {
    try {
      const file = await call("policy_file", { project: this.project });
      if (this.file && file.digest !== this.file.digest) {
        const drafts = moved(this.drafts, file.policy);
        // Whoever has applied the diff has nothing to be told.
        this.hasMoved = [...drafts.values()].some(isTouched);
        const draft = this.draft;
        this.drafts = drafts;
        if (draft && !drafts.has(draft.id)) this.at = [...drafts.values()].find((one) => one.section === draft.section)?.id ?? null;
      }
      const isNews = !this.file || file.digest !== this.file.digest;
      if (isNews) this.file = file;
      this.error = null;
      if (isNews && this.at === null) this.show(this.section);
    } catch (thrown) {
      this.error = toHostError(thrown);
    }
  }

  /** Asks how the file would be, a moment after the last key. */
  async propose() {
    const mine = ++this.#asking;
    const changes = this.asked.changes;
    if (this.proposal) await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    if (mine !== this.#asking) return;
    try {
      const proposal = await call("propose_policy", { project: this.project, changes });
      if (mine !== this.#asking) return;
      this.error = null;
      if (proposal.digest !== this.file?.digest) await this.load();
      // With the file, the changes may be others: then they are asked for by themselves.
      if (mine === this.#asking) this.proposal = proposal;
    } catch (thrown) {
      if (mine === this.#asking) this.error = toHostError(thrown);
    }
  }

  /** The entries of a section: those in the file and those that are new. */
  entries(section: Section): { id: string; label: string }[] {
    const policy = this.policy;
    const there = section === "roles" ? [] : section === "freeze" ? (policy?.freeze ?? []).map((freeze, n) => ({ id: `freeze/${n}`, label: `${freeze.from}: ${freeze.reason}` })) : Object.keys(policy?.[section] ?? {}).map((name) => ({ id: `${section}/${name}`, label: name }));
    const fresh = [...this.drafts.values()].filter((draft) => draft.section === section && !draft.was).map((draft) => ({ id: draft.id, label: (section === "freeze" ? String(draft.values["reason"] ?? "") : draft.name).trim() || "New" }));
    return [...there, ...fresh].map((entry) => ({ ...entry, label: this.drafts.get(entry.id)?.removed ? `${entry.label} (goes)` : entry.label }));
  }

  /** Shows a section, at an entry if one is named; one that is not there is begun. */
  show(section: Section, name?: string) {
    this.section = section;
    if (section === "roles") return this.pick("roles");
    const known = this.entries(section);
    const wanted = name === undefined ? known[0] : known.find((entry) => entry.id === `${section}/${name}` || this.drafts.get(entry.id)?.name === name);
    if (wanted) return this.pick(wanted.id);
    if (name !== undefined && this.file?.text != null && this.policy) return this.begin(section, name);
    this.at = null;
  }

  pick(id: string) {
    if (!this.drafts.has(id)) {
      const [section, ...name] = id.split("/") as [Section, ...string[]];
      const draft = draftOf(this.policy, section, name.join("/"));
      if (!draft) return;
      this.#put(draft);
    }
    this.section = (this.drafts.get(id)?.section ?? this.section) as Section;
    this.at = id;
  }

  begin(section: Section, name = "", values: Record<string, Value> = {}) {
    const draft = newDraft(++this.#n, section, this.policy, this.drafts, name, values);
    this.#put(draft);
    this.section = section;
    this.at = draft.id;
  }

  /** A first file: our own registry, this machine, and what the dialog was opened for. */
  start(model?: string) {
    this.begin("registries", "own", { kind: "embedded" });
    this.begin("targets", "here", { kind: "local" });
    if (model) this.begin("models", model);
  }

  /** Begins what another page wants to be a rule: an entry, there or new, with these fields of it set. */
  fill({ section, name, json }: RuleFill) {
    if (this.file?.text === null && this.drafts.size === 0) this.start();
    const known = this.entries(section).find((entry) => entry.id === `${section}/${name}` || (name !== "" && this.drafts.get(entry.id)?.name === name));
    if (known) this.pick(known.id);
    else this.begin(section, name);
    const values = toValues(this.specs, json);
    for (const { key } of this.specs) if (valueAt(json, key) != null) this.set(key, values[key] ?? "");
  }

  rename(name: string) {
    if (this.draft) this.#put({ ...this.draft, name });
  }

  set(key: string, value: Value) {
    if (this.draft) this.#put(withValue(this.draft, key, value));
  }

  /** Takes the entry out of the file, or brings it back; what is new is gone at once. */
  toggleRemoved() {
    const draft = this.draft;
    if (!draft) return;
    if (draft.was) return this.#put({ ...draft, removed: !draft.removed });
    const drafts = new Map(this.drafts);
    drafts.delete(draft.id);
    this.drafts = drafts;
    this.show(draft.section);
  }

  startOver() {
    this.drafts = new Map();
    this.hasMoved = false;
    this.at = null;
    this.show(this.section);
  }

  /** The words against one field of what is shown. */
  errorAt(key: string): string | null {
    if (this.at === null) return null;
    const own = this.asked.errors[this.at]?.[key];
    if (own) return own;
    const place = this.problem?.place;
    return place?.id === this.at && (place.key === key || (key === "keys" && place.key.startsWith("keys"))) ? (this.problem?.message ?? null) : null;
  }

  #put(draft: Draft) {
    this.drafts = new Map(this.drafts).set(draft.id, draft);
  }
}

const kept = new Map<number, Rules>();

/** Its own root: what it derives outlives the dialog that asked for it first. */
export function rulesOf(project: number): Rules {
  if (!kept.has(project)) $effect.root(() => void kept.set(project, new Rules(project)));
  return kept.get(project)!;
}
