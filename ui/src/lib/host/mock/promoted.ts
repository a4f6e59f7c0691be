// A model with two versions, one of which serves, and a plan for the second.
import type { AuditPage, LineageView, PlanView, RegistryView, ServiceView, StepView } from "../wire";
import { NOW } from "./runs";

const step = (title: string, state: string, saw: string[], proof: string[] = [], does = title): StepView => ({
  title, does, state, saw, proof, at: state === "waiting" ? null : NOW, limit_secs: 120, leaves: null, inverse: "point production at churn 1",
  requests: [{ verb: "set alias", to: "churn production", body: '{\n  "to": "{version}"\n}' }], before: ["production points at churn 1"], after: ["production points at the new churn"],
});

class Promoted {
  plan: PlanView = {
    row: { id: "0199aa", title: "Promote churn to churn at local", made_by: "ada", made: NOW - 40, state: "proposed", back: null },
    hash: `sha256:${"3f9c1e2ab477".repeat(5)}abcd`, model: "churn", version: null, n_golden: 1, tidy: ["unload churn 1 at local"], standing: null, standing_saw: [], approvals: [{ by: "grace", at: 1_790_000_000, comment: "fine by me", signed: true, counts: true, note: null }], own_approval: null, n_approvals: 1, is_own: true, foreign: false, project: 1, proven: [], ended: null,
    gates: [
      { gate: "artifact", ruling: "pass", says: "6 files, 3f9c1e2ab477", evidence: "{}" },
      { gate: "size", ruling: "skipped", says: "1204112 bytes; no limit is set", evidence: "{}" },
      { gate: "metric", ruling: "inconclusive", says: "val_acc 0.972 against 0.961; better by -0.004 to 0.026 (95 %, 120 pairs): 0 may be on either side", evidence: "{}" },
    ],
    risks: ["model.pkl is a pickle: loading it runs what its author put in"],
    steps: [step("Register churn in Signalbox's own registry", "waiting", []), step("Load churn {version} at the local target, without traffic", "waiting", []), step("Give {version} the traffic of churn", "waiting", []), step("Move production from 1 to {version}", "waiting", [])],
  };
  registry: RegistryView = {
    id: "signalbox", title: "Signalbox's own registry", project: null, failure: null, allow: null,
    models: [{ name: "churn", versions: [
      { version: "2", state: "ready", why: null, aliases: [], digest: "3f9c1e2ab477", run: "ab12", run_here: null, project: null, made: NOW - 60, made_by: "ada", tags: [] },
      { version: "1", state: "ready", why: null, aliases: ["production"], digest: "0a64f9dd01c2", run: "cd34", run_here: null, project: null, made: NOW - 86_400, made_by: "grace", tags: [] },
    ] }],
  };
  services: ServiceView[] = [{
    target: "local", target_title: "this machine", service: "churn", project: null, can_go_back: true, phase: "serving", alarm: null, address: "http://127.0.0.1:5301/invocations", failure: null,
    loaded: [{ label: "1", model: "churn", version: "1", share: 100, ready: true, proven: true, digest: "0a64f9dd01c2", since: NOW - 86_000, n_requests: 1204, n_errors: 0, p95_ms: 8.4 }],
    alias: { registry: "signalbox", alias: "production", version: "1", moved_by: "grace", moved: NOW - 86_000 },
  }];
  refused: RegistryView = { id: "team", title: "team at https://mlflow.example", project: 1, models: [], allow: null, failure: { message: "team: the server does not accept who we are (401).", hint: "Check the user and the password, or the token.", code: "denied" } };
  refusedService: ServiceView = { target: "cluster", target_title: "Ray Serve at http://127.0.0.1:8265", service: "segments", project: 1, can_go_back: false, phase: "unknown", loaded: [], alias: { registry: "team", alias: "champion", version: null, moved_by: null, moved: null }, alarm: null, address: null, failure: { message: "The vault is locked, and the token for this server is in it.", hint: null, code: "locked" } };
  /** Of a policy that nobody has allowed yet. */
  /** The person has allowed to load the models. */
  loads = false;
  asked: RegistryView = {
    id: "shared", title: "shared, at addresses that are not allowed yet", project: 2, models: [],
    allow: { project: 2, policy: `sha256:${"77aa".repeat(16)}`, names: ["https://mlflow.example", "https://ghcr.io/acme/a-team-with-a-rather-long-name/and-a-repository-with-a-longer-one/that-no-column-of-this-window-would-hold-in-one-line/churn", "/srv/models/registry.git"] },
    failure: { message: "The policy of segmentation names systems elsewhere.", hint: "Nothing is asked of them before you have allowed it.", code: null },
  };
  audit: AuditPage = {
    total: 2, broken: null, head: `sha256:${"3f9c1e2ab477".repeat(5)}abcd`,
    rows: [
      { seq: 1, hash: `sha256:${"0a64f9dd01c2".repeat(5)}abcd`, at: NOW - 90_000, who: "grace", machine: "gpu-3", what: "plan", plan: "0199aa", step: null, detail: "{}" },
      { seq: 2, hash: `sha256:${"3f9c1e2ab477".repeat(5)}abcd`, at: NOW - 89_990, who: "grace", machine: "gpu-3", what: "apply", plan: "0199aa", step: null, detail: "{}" },
    ],
  };

  lineage: LineageView = {
    at: NOW, endpoint: this.services[0]!, unseen: [this.refused.failure!],
    run: { id: 1_000_004, key: "cd34", name: "brave-fox-4", project: "churn", path: "mlruns/1/cd34", tool: "MLflow", experiment: "churn", state: "finished", state_why: "The logger wrote the end of the run.", user: "grace", started: NOW - 90_000, ended: NOW - 88_000, params: [["optimizer", "adam"], ["lr", "0.001"]], metrics: [{ name: "val_acc", last: 0.9612, step: 120, n: 120 }, { name: "val_loss", last: "NaN", step: 120, n: 120 }], tags: [] },
    data: [{ name: "churn-2026-09", digest: "a81f44c2", context: "training", source: "s3://datasets/churn/2026-09.parquet", schema: "" }],
    promotions: [{
      row: { ...this.plan.row, id: "0198ff", made_by: "grace", made: NOW - 86_300, state: "committed" }, hash: this.plan.hash, gates: this.plan.gates, risks: this.plan.risks, ended: NOW - 86_000, proven: ["it names 0a64f9dd01c2; 1 golden request answered as stored"],
      approvals: [{ by: "ada", at: NOW - 86_200, comment: "fine by me", says: "counted" }], overrides: [],
      calls: [{ line: { at: NOW - 86_010, what: "asks", step: 3, title: "Move production to 1", back: false, outcome: null, says: [], proof: [] }, requests: [{ verb: "set alias", to: "churn production", body: null }] }],
    }],
    version: { registry: "signalbox", registry_title: "Signalbox's own registry", model: "churn", version: "1", state: "ready", digest: `sha256:${"0a64f9dd01c2".repeat(5)}abcd`, made: NOW - 86_400, made_by: "grace", source: null, run: "cd34", tags: [] },
    code: { commit: null, dirty: null, branch: null, repository: null, entry: "train.py" },
    environment: { python: "3.11.7", mlflow: "3.17.2", files: [{ path: "requirements.txt", bytes: 36, digest: "sha256:77aa", text: "mlflow==3.17.2\nscikit-learn==1.7.2\n" }] },
    artifact: { digest: `sha256:${"0a64f9dd01c2".repeat(5)}abcd`, bytes: 1_204_112, files: [{ path: "model.pkl", bytes: 1_204_076, digest: "sha256:77bb" }, { path: "requirements.txt", bytes: 36, digest: "sha256:77aa" }], failure: null },
    used: [{ kind: "alias", system: "Signalbox's own registry", name: "production", share: null, proven: null, address: null, by: "grace", since: NOW - 86_000 }],
    people: [{ who: "grace", did: ["registered churn 1"] }],
  };

  /** What a colleague's machine says, some of it twice and none of it to be relied on. */
  foreign: PlanView = {
    ...this.plan, row: { id: "0199cc", title: "Tidy up a little", made_by: "grace", made: NOW - 4000, state: "proposed", back: null }, is_own: false, foreign: true, n_approvals: 2,
    gates: [{ gate: "size", ruling: "pass", says: "small", evidence: "{}" }, { gate: "size", ruling: "pass", says: "small indeed", evidence: "{}" }],
    risks: ["none to speak of", "none to speak of"],
    approvals: [{ by: "eve", at: NOW - 90, comment: null, signed: false, counts: false, note: "it is not signed" }, { by: "eve", at: NOW - 90, comment: null, signed: false, counts: false, note: "it is not signed" }],
    steps: [step("Tidy up", "waiting", [], [], "Move production of churn from 1 to {version}"), step("Load churn {version} at the local target, without traffic", "waiting", [])],
  };
  /** Stopped by a fault in its midst. */
  short: PlanView = {
    ...this.plan, row: { id: "0198ee", title: "Promote churn to churn at cluster", made_by: "grace", made: NOW - 90_000, state: "cut_short", back: null }, version: "1", standing: "unseen", standing_saw: ["cluster does not answer"], is_own: false,
    steps: [step("Register churn in Signalbox's own registry", "seen", ["churn 1 is there"]), step("Move production from 1 to {version}", "open", [])],
  };
  discarded = new Set<string>();

  get plans(): PlanView[] {
    return [this.plan, this.foreign, this.short].filter((plan) => !this.discarded.has(plan.row.id));
  }

  apply() {
    const proof = ["it names 3f9c1e2ab477; 1 golden request answered as stored"];
    this.plan = { ...this.plan, version: "2", proven: proof, ended: NOW, row: { ...this.plan.row, state: "committed" }, steps: this.plan.steps.map((s) => ({ ...s, state: "seen", saw: ["churn 2 has 100 % of the traffic"], proof })) };
  }
}

export const promoted = new Promoted();
