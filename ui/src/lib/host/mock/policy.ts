// A project's rules, and how they would be. The text is written anew from the policy: the real one changes only what a
// change is about, and has tests of its own.
import { HostError } from "../error";
import type { Commands, PolicyChange, PolicyFile, PolicyProblem, TeamPolicy } from "../wire";

type Reply<N extends keyof Commands> = (args: Commands[N]["args"]) => Commands[N]["reply"];

const NONE: TeamPolicy = { registries: {}, targets: {}, models: {}, data: {}, roles: { approvers: [], overriders: [], keys: {} }, freeze: [] };
const CHURN: TeamPolicy = {
  models: {
    churn: {
      registry: "own", target: "here", service: null, alias: "champion", alias_first: false, shares: [10, 50],
      bake: { secs: 60, max_error_rate: 0.01, max_p95_ms: null, min_requests: 20, too_few: "take_back" }, health: null, keep_old: false,
      gates: { metric: { name: "val_acc", better: "higher", margin: 0.005 }, max_bytes: null, latency: null, signature: true, drift: null, approvals: { n: 1, valid_hours: 24 } },
    },
  },
  registries: { own: { kind: "embedded" }, team: { kind: "mlflow", url: "https://mlflow.example" } },
  targets: { here: { kind: "local", python: null, port: null } },
  data: {},
  roles: { approvers: ["ada", "grace"], overriders: [], keys: {} },
  freeze: [{ from: "2026-12-20", to: "2027-01-04T08:00:00+01:00", reason: "holidays" }],
};
const DEFAULTS: Record<string, unknown> = { alias_first: false, keep_old: false, too_few: "take_back", margin: 0, signature: false, rules: false, hours: 168, max_columns: 0, valid_hours: 24, n_requests: 20, protocol: "v2", format: "mlflow" };

const options = new URLSearchParams(location.search);
const policies = new Map<number, TeamPolicy>([[1, CHURN]]);

/** For tests: another writes the file. */
(globalThis as { mockPolicy?: (project: number, change: PolicyChange) => void }).mockPolicy = (project, change) => {
  const policy = applied(policies.get(project) ?? NONE, [change]);
  policies.set(project, policy);
  texts.set(project, write(policy));
};

const isDefault = (key: string, value: unknown) => value === null || DEFAULTS[key] === value || (Array.isArray(value) && value.length === 0) || (key !== "gates" && typeof value === "object" && Object.keys(value as object).length === 0);
const FIELDS = ["kind", "registry", "target", "service", "alias", "alias_first", "shares", "bake", "health", "secs", "name", "better", "margin", "max_error_rate", "max_p95_ms", "min_requests", "metric", "max_bytes", "latency", "signature", "drift", "approvals"];
const place = (key: string) => (FIELDS.indexOf(key) + FIELDS.length + 1) % (FIELDS.length + 1);
const told = (table: object) => Object.entries(table).filter(([key, value]) => !isDefault(key, value)).toSorted(([a], [b]) => place(a) - place(b));
const texts = new Map<number, string | null>([[1, write(CHURN)]]);

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (typeof value === "object" && value !== null) return `{ ${told(value).map(([key, one]) => `${key} = ${inline(one)}`).join(", ")} }`;
  return JSON.stringify(value);
}

function block(header: string, table: object): string[] {
  return [header, ...told(table).map(([key, value]) => `${key} = ${inline(value)}`)];
}

function write(policy: TeamPolicy): string {
  const lines: string[] = [];
  for (const [name, { gates, ...rules }] of Object.entries(policy.models)) {
    lines.push(...block(`[models.${name}]`, rules));
    if (told(gates).length > 0) lines.push(...block(`[models.${name}.gates]`, gates));
  }
  for (const [name, at] of Object.entries(policy.registries)) lines.push(...block(`[registries.${name}]`, at));
  for (const [name, at] of Object.entries(policy.targets)) lines.push(...block(`[targets.${name}]`, at));
  for (const [name, table] of Object.entries(policy.data)) lines.push(...block(`[data.${name}]`, table));
  if (told(policy.roles).length > 0) lines.push(...block("[roles]", policy.roles));
  for (const { from, to, reason } of policy.freeze) lines.push("[[freeze]]", `from = ${from}`, `to = ${to}`, `reason = ${inline(reason)}`);
  return lines.map((line) => `${line}\n`).join("");
}

function applied(policy: TeamPolicy, changes: readonly PolicyChange[]): TeamPolicy {
  const next = structuredClone(policy);
  const placeIn = (freeze: unknown) => next.freeze.findIndex((one) => JSON.stringify(one) === JSON.stringify(freeze));
  for (const change of changes) {
    switch (change.change) {
      case "set_model": next.models[change.name] = change.rules; break;
      case "remove_model": delete next.models[change.name]; break;
      case "set_registry": next.registries[change.name] = change.at; break;
      case "remove_registry": delete next.registries[change.name]; break;
      case "set_target": next.targets[change.name] = change.at; break;
      case "remove_target": delete next.targets[change.name]; break;
      case "set_roles": next.roles = change.roles; break;
      case "set_data": next.data[change.name] = change.table; break;
      case "remove_data": delete next.data[change.name]; break;
      case "add_freeze": next.freeze.push(change.freeze); break;
      case "change_freeze": next.freeze[placeIn(change.was)] = change.freeze; break;
      case "remove_freeze": next.freeze.splice(placeIn(change.freeze), 1); break;
    }
  }
  return next;
}

function problemOf(policy: TeamPolicy): PolicyProblem | null {
  for (const [name, rules] of Object.entries(policy.models)) {
    const at = (field: string, why: string): PolicyProblem => ({ field: ["models", name, field], message: `${why[0]?.toUpperCase()}${why.slice(1)}.` });
    if (!(rules.registry in policy.registries)) return at("registry", `there is no registry called ${rules.registry}`);
    if (rules.target !== null && !(rules.target in policy.targets)) return at("target", `there is no target called ${rules.target}`);
    if (rules.alias?.includes(" ")) return at("alias", `${JSON.stringify(rules.alias)} is no alias: it holds a character that separates names`);
  }
  const bad = Object.entries(policy.roles.keys).find(([, key]) => !/^(ssh|ecdsa|sk)-\S+ \S/.test(key));
  if (bad) return { field: ["roles", "keys", bad[0]], message: `It is no public SSH key, as in ~/.ssh/id_ed25519.pub.` };
  const n = policy.freeze.findIndex((freeze) => !/^\d{4}-\d\d-\d\d/.test(freeze.to) || freeze.to <= freeze.from);
  return n < 0 ? null : { field: ["freeze", String(n), "to"], message: "It ends before it begins." };
}

/** Lines that both have stay, by the longest common sequence. */
function diffOf(old: string | null, text: string): string {
  if ((old ?? "") === text) return "";
  const [a, b] = [(old ?? "").split("\n").slice(0, -1), text.split("\n").slice(0, -1)];
  const common = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) common[i]![j] = a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
  const lines: string[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) lines.push(` ${a[i++]}`), j++;
    else if (i < a.length && (j === b.length || common[i + 1]![j]! >= common[i]![j + 1]!)) lines.push(`-${a[i++]}`);
    else lines.push(`+${b[j++]}`);
  }
  // One hunk with three lines around it is enough here.
  const changed = lines.map((line, n) => (line.startsWith(" ") ? -1 : n)).filter((n) => n >= 0);
  const [from, to] = [Math.max(0, (changed[0] ?? 0) - 3), Math.min(lines.length, (changed.at(-1) ?? 0) + 4)];
  const shown = lines.slice(from, to);
  const count = (sign: string) => shown.filter((line) => !line.startsWith(sign)).length;
  const start = old === null ? 0 : from + 1;
  return [old === null ? "--- /dev/null" : "--- a/signalbox.toml", "+++ b/signalbox.toml", `@@ -${start},${count("+")} +${from + 1},${count("-")} @@`, ...shown].map((line) => `${line}\n`).join("");
}

const addresses = (policy: TeamPolicy): string[] => JSON.stringify([policy.registries, policy.targets, policy.models]).match(/https?:[^"]+/g) ?? [];
const digestOf = (text: string | null) => (text === null ? null : `sha256:${[...text].reduce((sum, char) => (Math.imul(sum, 31) + (char.codePointAt(0) ?? 0)) | 0, 7) >>> 0}`);

const policyFile: Reply<"policy_file"> = ({ project }): PolicyFile => {
  const text = texts.get(project) ?? null;
  const path = `/home/ada/work/${project === 1 ? "churn" : "segmentation"}/signalbox.toml`;
  if (options.has("broken")) return { path, text: "[models.churn\n", digest: "sha256:0", policy: null, failure: { message: "TOML parse error at line 1, column 14\n  |\n1 | [models.churn\n  |              ^\nunclosed table, expected `]`", hint: "Mend signalbox.toml; nothing is promoted by a policy that is not understood.", code: "invalid" } };
  return { path, text, digest: digestOf(text), policy: policies.get(project) ?? null, failure: null };
};

const proposePolicy: Reply<"propose_policy"> = ({ project, changes }) => {
  const [text, before] = [texts.get(project) ?? null, policies.get(project) ?? NONE];
  const after = applied(before, changes);
  const problem = problemOf(after);
  if (problem) return { digest: digestOf(text), text: text ?? "", diff: "", says: [], new_addresses: [], problem };
  const next = changes.length === 0 ? (text ?? "") : write(after);
  const fresh = addresses(after).filter((address) => !addresses(before).includes(address));
  const says = next === (text ?? "") ? ["Nothing changes."] : [...(fresh.length > 0 ? [`New to it: ${fresh.join(", ")}.`] : []), addresses(after).length > 0 ? "A changed file asks nobody elsewhere until you have allowed its addresses anew, under Models." : "It names nobody elsewhere: nothing has to be allowed."];
  return { digest: digestOf(text), text: next, diff: diffOf(text, next), says, new_addresses: fresh, problem: null };
};

export const policy = {
  policy_file: policyFile,
  propose_policy: proposePolicy,
  save_policy: (() => {
    throw new HostError("refused", "A browser saves files itself.");
  }) satisfies Reply<"save_policy">,
};
