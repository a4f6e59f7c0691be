use super::*;
use crate::app::{Desktop, Options};
use std::path::PathBuf;
use std::sync::Mutex;

/// Every field of the policy has a value.
const FULL: &str = r#"
[registries]
own = { kind = "embedded" }
a = { kind = "mlflow", url = "http://a.example" }
b = { kind = "oci", url = "http://b.example", repository = "r", ca = "ca.pem" }
c = { kind = "gto", repository = "." }
[targets]
here = { kind = "local", python = "python3", port = 5000 }
d = { kind = "v2", url = "http://d.example", repository = "/m", metrics = "http://d.example:2" }
e = { kind = "ray_serve", url = "http://e.example", serve = "s", metrics = "m", share = { here = "/a", there = "/b" }, application = { x = [1, 2.5] } }
f = { kind = "kserve", context = "c", namespace = "n", ingress = "i", storage = { uri = "u", mount = "/m" }, protocol = "v1", format = "sklearn", runtime = "r" }
[models.churn]
registry = "own"
target = "here"
service = "s"
alias = "champion"
alias_first = true
shares = [10]
bake = { secs = 1, max_error_rate = 0.5, max_p95_ms = 2.0, min_requests = 3, too_few = "go_on" }
health = { prometheus = "http://p.example", requests = "r", errors = "e", p95_ms = "p" }
keep_old = true
gates = { metric = { name = "m", better = "lower", margin = 0.1 }, max_bytes = 5, latency = { max_p95_ms = 1.0, n_requests = 2, max_error_rate = 0.5 }, signature = true, drift = { data = "seen", hours = 24, max_columns = 1, ignore = ["a"], min_accuracy = 0.5, max_unfairness = 0.25, rules = true }, approvals = { n = 1, valid_hours = 3 } }
[data.seen]
reference = "train.parquet"
current = "inference"
min_rows = 5
[data.seen.columns.x]
max = 1.5
[roles]
approvers = ["ada"]
overriders = ["eve"]
keys = { ada = "ssh-ed25519 AAAA" }
[[freeze]]
from = 2026-12-20
to = 2027-01-04T08:00:00+01:00
reason = "holidays"
"#;

#[test]
fn the_page_s_policy_has_every_field_and_no_other() {
    let (policy, _) = Policy::parse(FULL, "signalbox.toml").expect("read");
    let shown = view(&policy).expect("the same fields");
    let mut changes = Vec::new();
    for (name, rules) in shown.models {
        changes.push(PolicyChange::SetModel { name, rules: Box::new(rules) });
    }
    changes.extend(shown.registries.into_iter().map(|(name, at)| PolicyChange::SetRegistry { name, at }));
    changes.extend(shown.targets.into_iter().map(|(name, at)| PolicyChange::SetTarget { name, at }));
    changes.extend(shown.data.into_iter().map(|(name, table)| PolicyChange::SetData { name, table }));
    changes.push(PolicyChange::SetRoles { roles: shown.roles });
    let freeze = shown.freeze[0].clone();
    changes.push(PolicyChange::ChangeFreeze { was: freeze.clone(), freeze });
    let changes: Vec<Value> = changes.iter().map(|change| serde_json::to_value(change).expect("JSON")).collect();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(POLICY_FILE), FULL).expect("written");
    let proposal = propose_in(folder.path(), &changes).expect("proposed");
    assert_eq!((proposal.diff.as_str(), proposal.text.as_str()), ("", FULL), "{:?}", proposal.problem);
    assert_eq!(proposal.says, ["Nothing changes."]);
}

#[test]
fn a_proposal_says_whom_it_would_ask() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = |name: &str, at: Value| json!({ "change": "set_registry", "name": name, "at": at });
    let new = propose_in(folder.path(), &[set("own", json!({ "kind": "embedded" }))]).expect("proposed");
    assert_eq!(new.says, ["It names nobody elsewhere: nothing has to be allowed."]);
    assert_eq!(new.digest, None);
    std::fs::write(folder.path().join(POLICY_FILE), FULL).expect("written");
    let moved = propose_in(folder.path(), &[set("a", json!({ "kind": "mlflow", "url": "http://z.example" }))]);
    let moved = moved.expect("proposed");
    assert_eq!(moved.new_addresses, ["http://z.example"]);
    assert_eq!(moved.says[..2], ["New to it: http://z.example.", "No longer in it: http://a.example."]);
    assert!(moved.says[2].contains("allowed its addresses anew"), "{:?}", moved.says);
}

#[test]
fn what_is_wrong_has_its_field_or_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let field = |change: Value| {
        let proposal = propose_in(folder.path(), &[change]).expect("told");
        proposal.problem.expect("a problem").field.join("/")
    };
    let model = |rules: Value| json!({ "change": "set_model", "name": "churn", "rules": rules });
    assert_eq!(field(model(json!({ "registry": "own", "alias": "a b" }))), "models/churn/alias");
    assert_eq!(field(model(json!({ "registry": "own" }))), "models/churn/registry");
    assert_eq!(field(json!({ "change": "set_target", "name": "a/b", "at": { "kind": "local" } })), "targets/a/b/name");
    let error = propose_in(folder.path(), &[json!({ "change": "explode" })]).expect_err("no change");
    assert_eq!(error.code, ErrorCode::BadRequest);
    std::fs::write(folder.path().join(POLICY_FILE), "[models.churn\n").expect("written");
    let file = policy_file(folder.path()).expect("told");
    assert!(file.policy.is_none() && file.failure.expect("a failure").message.contains("line 1, column 14"));
    assert_eq!(propose_in(folder.path(), &[]).expect_err("refused").code, ErrorCode::Unreadable);
}

/// Somebody who points at a file, after something has happened.
struct Points(PathBuf, Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Desktop for Points {
    fn pick_folder(&self) -> Option<PathBuf> {
        None
    }
    fn save_file(&self, _: &str) -> Option<PathBuf> {
        if let Some(before) = crate::app::lock(&self.1).take() {
            before();
        }
        Some(self.0.clone())
    }
    fn notify(&self, _: &str, _: &str) {}
}

fn app(data: &Path, desktop: Points) -> App {
    App::open(Options { desktop: Some(Box::new(desktop)), ..Options::alone(data, "test") }).expect("the app opens")
}

#[test]
fn it_is_saved_where_the_person_points_unless_the_file_has_changed() {
    let (folder, data, out) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let file = folder.path().join(POLICY_FILE);
    std::fs::write(&file, FULL).expect("written");
    let chosen = out.path().join("any.patch");
    let changed_meanwhile = {
        let file = file.clone();
        Box::new(move || std::fs::write(file, format!("# late\n{FULL}")).expect("written"))
    };
    let app = app(data.path(), Points(chosen.clone(), Mutex::new(Some(changed_meanwhile))));
    let project = app.call("open_project", json!({ "path": folder.path() })).expect("opened")["id"].clone();
    let changes = json!([{ "change": "set_roles", "roles": {} }]);
    let save = |digest: &Value| {
        let args = json!({ "project": project, "changes": changes, "digest": digest, "what": "diff" });
        app.call("save_policy", args).expect("told")
    };
    let shown = app.call("policy_file", json!({ "project": project })).expect("read");
    // It changes while the dialog stands open.
    assert_eq!(save(&shown["digest"]), json!({ "path": null, "stale": true }));
    // And has changed when it is asked for again.
    assert_eq!(save(&shown["digest"]), json!({ "path": null, "stale": true }));
    assert!(!chosen.exists());
    let proposal = app.call("propose_policy", json!({ "project": project, "changes": changes })).expect("proposed");
    assert_ne!(proposal["digest"], shown["digest"]);
    assert_eq!(save(&proposal["digest"]), json!({ "path": chosen, "stale": false }));
    assert_eq!(json!(std::fs::read_to_string(&chosen).expect("read")), proposal["diff"]);
    assert_eq!(std::fs::read_to_string(&file).expect("read"), format!("# late\n{FULL}"), "the project is not written");
    app.shutdown();
}
