import { describe, expect, test } from "vitest";
import type { PolicyChange, TeamPolicy } from "$lib/host";
import { changesOf, draftOf, moved, newDraft, placeOf, withValue, type Draft } from "./drafts";
import { countOf, linesOf } from "./diff";
import { fieldsOf, type Section } from "./fields";
import { fromValues, NEEDED, rebased, toValues } from "./form";

/** Every field of every kind has a value; the compiler wants all of them, so that a new one is missed here. */
const FULL: TeamPolicy = {
  models: {
    churn: {
      registry: "own", target: "here", service: "churn-eu", alias: "champion", alias_first: true, shares: [10, 50], keep_old: true,
      bake: { secs: 60, max_error_rate: 0.01, max_p95_ms: 250.5, min_requests: 20, too_few: "go_on" },
      health: { prometheus: "http://p.example", requests: "r\n + r", errors: "e", p95_ms: "p" },
      gates: { metric: { name: "val_acc", better: "lower", margin: 0.005 }, max_bytes: 5, latency: { max_p95_ms: 50, n_requests: 7, max_error_rate: 0.5 }, signature: true, drift: { data: "seen", hours: 24, max_columns: 2, ignore: ["a", "b"], min_accuracy: 0.9, max_unfairness: 0.1, rules: true }, approvals: { n: 2, valid_hours: 8 } },
    },
    bare: { registry: "own", target: null, service: null, alias: null, alias_first: false, shares: [], bake: null, health: null, keep_old: false, gates: { metric: null, max_bytes: null, latency: null, signature: false, drift: null, approvals: null } },
  },
  registries: {
    own: { kind: "embedded" }, team: { kind: "mlflow", url: "http://m.example" }, tags: { kind: "gto", repository: "." },
    images: { kind: "oci", url: "http://o.example", repository: "r", ca: "ca.pem" },
  },
  targets: {
    here: { kind: "local", python: ".venv/bin/python", port: 5301 }, v2: { kind: "v2", url: "http://t.example", repository: "/m", metrics: "http://t.example:8002" },
    ray: { kind: "ray_serve", url: "http://h.example", serve: "s", metrics: "m", share: { here: "/a", there: "/b" }, application: { import_path: "a:b", args: { n: [1, { x: true }] } } },
    kube: { kind: "kserve", context: "c", namespace: "n", ingress: "i", storage: { uri: "u", mount: "/m" }, protocol: "v1", format: "sklearn", runtime: "r" },
  },
  data: {
    seen: { reference: "train.parquet", current: "inference", engine: null, table: null, last_hours: null, every_minutes: null, time: "ts", segment: "site", ignore: ["id"], prediction: "p", score: "s", positive: "yes", label: "y", labels: "labels.csv", id: "id", groups: ["sex", "age"], min_group: 30, importance: "imp.json", alpha: 0.05, min_shift: 0.2, min_js: 0.15, min_values: 50,
      schema: "exact", min_rows: 5, max_rows: 9, max_age_hours: 1.5, warnings: ["min_rows"], columns: { x: { type: "numeric", max: 1.5 } } },
  },
  roles: { approvers: ["ada", "grace"], overriders: ["eve"], keys: { ada: "ssh-ed25519 AAAA" } },
  freeze: [{ from: "2026-12-20", to: "2026-12-21", reason: "one" }, { from: "2027-01-01", to: "2027-01-02", reason: "two" }],
};

const draft = (section: Section, name: string) => draftOf(FULL, section, name)!;
const asked = (...drafts: Draft[]) => changesOf(FULL, new Map(drafts.map((one) => [one.id, one])));
const ENTRIES: [Section, string, unknown][] = [
  ...(["models", "registries", "targets", "data"] as const).flatMap((section) => Object.entries(FULL[section]).map(([name, json]): [Section, string, unknown] => [section, name, json])),
  ["roles", "roles", FULL.roles],
  ["freeze", "1", FULL.freeze[1]],
];

describe("forms", () => {
  test.each(ENTRIES)("%s %s: every field is in the form, and comes back as it was", (section, _name, json) => {
    const specs = fieldsOf(section, (json as { kind?: string }).kind, ["own"], ["here"], ["seen"]);
    expect(fromValues(specs, toValues(specs, json))).toEqual({ json, errors: {} });
  });

  test("what is wrong is said at its field", () => {
    const wrong = (section: Section, name: string, key: string, value: string | [string, string][]) => asked(withValue(draft(section, name), key, value)).errors[section === "roles" ? "roles" : `${section}/${name}`]?.[key];
    expect(wrong("models", "churn", "bake.max_error_rate", "1.5")).toBe("At most 1.");
    expect(wrong("models", "churn", "bake.secs", "1.5")).toBe("A whole number.");
    expect(wrong("models", "churn", "shares", "10, x")).toBe("“x” is no number.");
    expect(wrong("models", "churn", "shares", "0")).toBe("At least 1.");
    expect(wrong("targets", "here", "port", "0x10")).toBe("“0x10” is no number.");
    expect(wrong("targets", "here", "port", "70000")).toBe("At most 65535.");
    expect(wrong("registries", "team", "url", "  ")).toBe(NEEDED);
    expect(wrong("targets", "ray", "application", "[]")).toBe("An object, in braces.");
    expect(wrong("targets", "ray", "application", '{"a": [null]}')).toContain("no null");
    expect(wrong("roles", "roles", "keys", [["ada", "k"], ["ada", "l"]])).toBe("ada stands there twice.");
  });

  test("what is not asked for is not looked at", () => {
    const off = withValue(withValue(draft("models", "churn"), "bake.secs", "x"), "bake", false);
    const change = asked(off).changes[0] as Extract<PolicyChange, { change: "set_model" }>;
    expect(change.rules.bake).toBeNull();
  });

  test("another kind has other fields, and keeps what both have", () => {
    const oci = withValue(withValue(draft("registries", "team"), "kind", "oci"), "repository", "models");
    expect(asked(oci).changes).toEqual([{ change: "set_registry", name: "team", at: { kind: "oci", url: "http://m.example", repository: "models", ca: null } }]);
    expect(asked(withValue(draft("registries", "team"), "kind", "gto")).changes).toEqual([{ change: "set_registry", name: "team", at: { kind: "gto", repository: "." } }]);
  });
});

describe("changes", () => {
  test("what was not touched is no change", () => expect(asked(...ENTRIES.map(([section, name]) => draft(section, name)))).toEqual({ changes: [], errors: {} }));

  test("models come first, then what they need", () => {
    const registry = { ...newDraft(1, "registries", FULL, new Map()), name: "new" };
    const model = { ...newDraft(2, "models", FULL, new Map()), name: "fraud" };
    expect(asked(registry, { ...draft("targets", "v2"), removed: true }, model).changes.map((change) => change.change)).toEqual(["set_model", "set_registry", "remove_target"]);
  });

  test("a table of data says what it has to say, and nothing of the rest", () => {
    const fresh = newDraft(1, "data", FULL, new Map(), "logs", { reference: "a.csv", current: "b", groups: "sex" });
    expect(asked(fresh).changes).toEqual([{ change: "set_data", name: "logs", table: { reference: "a.csv", current: "b", groups: ["sex"] } }]);
    expect(asked({ ...draft("data", "seen"), removed: true }).changes).toEqual([{ change: "remove_data", name: "seen" }]);
    const drafts = new Map([[fresh.id, fresh]]);
    expect(placeOf(["models", "churn", "gates", "drift", "data"], FULL, drafts)).toEqual({ id: "models/churn", key: "gates.drift.data" });
  });

  test("a name is needed, and one's own", () => {
    const name = (name: string) => asked({ ...newDraft(1, "models", FULL, new Map()), name }).errors["models/+1"]?.["name"];
    expect([name(" "), name("churn"), name("fraud")]).toEqual(["It needs a name.", "There is one of this name.", undefined]);
  });

  test("a freeze is known by what it was", () => {
    const freeze = withValue(draft("freeze", "1"), "to", "2027-01-05");
    expect(asked(freeze).changes).toEqual([{ change: "change_freeze", was: FULL.freeze[1], freeze: { ...FULL.freeze[1], to: "2027-01-05" } }]);
  });

  test("the backend's field is found", () => {
    const drafts = new Map([draft("models", "churn"), { ...draft("freeze", "0"), removed: true }, { ...newDraft(1, "freeze", FULL, new Map()) }].map((one) => [one.id, one]));
    expect(placeOf(["models", "churn", "bake", "secs"], FULL, drafts)).toEqual({ id: "models/churn", key: "bake.secs" });
    expect(placeOf(["models", "bare", "registry"], FULL, drafts)).toEqual({ id: "models/bare", key: "registry" });
    expect(placeOf(["freeze", "0", "to"], FULL, drafts)).toEqual({ id: "freeze/1", key: "to" });
    expect(placeOf(["freeze", "1", "to"], FULL, drafts)).toEqual({ id: "freeze/+1", key: "to" });
    expect(placeOf(["roles", "keys", "ada"], FULL, drafts)).toEqual({ id: "roles", key: "keys" });
    expect(placeOf(["models", "gone", "registry"], FULL, drafts)).toBeNull();
  });
});

describe("a file that changes below", () => {
  test("what was not touched follows it", () => {
    expect(rebased({ a: "mine", b: "old" }, { a: "old", b: "old" }, { a: "new", b: "new" })).toEqual({ a: "mine", b: "new" });
    const mine = withValue(draft("models", "churn"), "alias", "best");
    const theirs = structuredClone(FULL);
    theirs.models["churn"]!.shares = [5];
    const change = changesOf(theirs, moved(new Map([[mine.id, mine]]), theirs)).changes[0] as Extract<PolicyChange, { change: "set_model" }>;
    expect([change.rules.alias, change.rules.shares]).toEqual(["best", [5]]);
  });

  test("what went from it is there again only if it was touched", () => {
    const theirs = { ...FULL, models: {} };
    const touched = withValue(draft("models", "churn"), "alias", "best");
    expect(changesOf(theirs, moved(new Map([[touched.id, touched]]), theirs)).changes.map((change) => change.change)).toEqual(["set_model"]);
    const plain = draft("models", "churn");
    expect(moved(new Map([[plain.id, plain]]), theirs).size).toBe(0);
  });
});

test("a diff's lines are told apart by where they stand", () => {
  const lines = linesOf("--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n same\n--- gone\r\n+++ come\n\\ No newline at end of file\n");
  expect(lines.map((line) => line.kind)).toEqual(["head", "head", "place", "same", "removed", "added", "note"]);
  expect(lines[4]?.text).toBe("--- gone");
  expect(countOf(lines)).toBe("1 added, 1 removed");
  expect(linesOf("")).toEqual([]);
});
