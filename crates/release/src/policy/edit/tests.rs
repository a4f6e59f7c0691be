use std::process::{Command, Stdio};

use proptest::prelude::*;
use serde_json::json;

use super::*;

mod samples;
use samples::{CHANGES, SAMPLES};

fn change(value: &serde_json::Value) -> Change {
    serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{value}: {e}"))
}

fn changes() -> Vec<Change> {
    let list: Vec<serde_json::Value> = serde_json::from_str(CHANGES).expect("JSON");
    list.iter().map(change).collect()
}

fn crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

fn parsed(text: &str) -> Policy {
    Policy::parse(text, "signalbox.toml").unwrap_or_else(|e| panic!("{e}\n{text}")).0
}

/// What is proposed says what was asked for, or is refused for what was asked, never for how the file is written.
fn check(text: &str, changes: &[Change]) {
    let mut wanted = parsed(text);
    let applied = changes.iter().try_for_each(|change| apply(change, &mut wanted));
    match propose(Some(text), changes) {
        Ok(proposal) => {
            applied.expect("it was proposed");
            assert_eq!(parsed(&proposal.text), wanted);
            assert_eq!(proposal.diff.is_empty(), proposal.text == text);
        }
        Err(PolicyError::Field { .. }) => {}
        Err(e) => panic!("{changes:?}: {e}\n{text}"),
    }
}

#[test]
fn every_change_of_every_sample_says_what_was_asked_for() {
    for sample in SAMPLES {
        for change in changes() {
            check(sample, std::slice::from_ref(&change));
            check(&crlf(sample), &[change]);
        }
    }
}

proptest! {
    #[test]
    fn many_changes_one_after_the_other(sample in 0..SAMPLES.len(), picked in prop::collection::vec(0..changes().len(), 0..7)) {
        let all = changes();
        let picked: Vec<Change> = picked.into_iter().map(|n| all[n].clone()).collect();
        check(SAMPLES[sample], &picked);
    }
}

proptest! {
    #[test]
    fn lists_in_any_form(
        shares in prop::collection::vec(1u8..9, 0..6),
        form in 0..6usize,
        old in prop::collection::vec(1u8..9, 0..6),
    ) {
        let join = |by: &str| old.iter().map(u8::to_string).collect::<Vec<_>>().join(by);
        let list = match form {
            0 => format!("[{}]", join(", ")),
            1 => format!("[\n  {},\n]", join(", # c\n  ")),
            2 => format!("[ {}\n]", join("\n, ")),
            3 => format!("[{} # one\n]", join(",\n# above\n ")),
            4 => format!("[\n# first\n{}]", join(",")),
            _ => format!("[{},]", join(" ,\n")),
        };
        let list = if old.is_empty() { "[ # none\n]".to_owned() } else { list };
        let text = format!("registries.own = {{ kind = \"embedded\" }}\nmodels.churn.registry = \"own\"\nmodels.churn.shares = {list}\n");
        let asked = json!({ "change": "set_model", "name": "churn", "rules": { "registry": "own", "shares": shares } });
        check(&text, &[change(&asked)]);
    }
}

#[test]
fn what_holds_already_changes_no_byte() {
    for sample in SAMPLES {
        for text in [(*sample).to_owned(), crlf(sample), format!("\u{feff}{sample}")] {
            let policy = parsed(&text);
            let mut same: Vec<Change> = Vec::new();
            same.extend(
                policy.models.into_iter().map(|(name, rules)| Change::SetModel { name, rules: Box::new(rules) }),
            );
            same.extend(policy.registries.into_iter().map(|(name, at)| Change::SetRegistry { name, at }));
            same.extend(policy.targets.into_iter().map(|(name, at)| Change::SetTarget { name, at }));
            same.push(Change::SetRoles { roles: policy.roles });
            same.extend(
                policy.freeze.iter().map(|freeze| Change::ChangeFreeze { was: freeze.into(), freeze: freeze.into() }),
            );
            let proposal = propose(Some(&text), &same).expect("proposed");
            assert_eq!(proposal.text, text);
            assert_eq!(proposal.diff, "");
        }
    }
}

/// The lines that go and those that come.
fn changed(text: &str, asked: serde_json::Value) -> String {
    let proposal = propose(Some(text), &[change(&asked)]).unwrap_or_else(|e| panic!("{e}"));
    let lines = proposal.diff.lines().skip(2).filter(|line| line.starts_with(['-', '+', '\\']));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn only_the_key_that_changes_is_touched() {
    let rules = |gates: serde_json::Value| json!({ "change": "set_model", "name": "churn", "rules": { "registry": "own", "gates": gates } });
    let head = "registries.own = { kind = \"embedded\" }\n";
    let dotted = format!("{head}models.churn.registry = 'own' # ours\nmodels.churn.gates.signature = true\n");
    assert_eq!(
        changed(&dotted, rules(json!({ "signature": true, "approvals": { "n": 2 } }))),
        "+models.churn.gates.approvals = { n = 2 }"
    );
    assert_eq!(changed(&dotted, rules(json!({}))), "-models.churn.gates.signature = true");
    let inline = format!(
        "{head}[models]\nchurn = {{ registry = \"own\", gates = {{ metric = {{ name = 'acc', better = 'higher' }} }} }}\n"
    );
    assert_eq!(
        changed(&inline, rules(json!({ "metric": { "name": "acc", "better": "higher", "margin": 0.5 } }))),
        "-churn = { registry = \"own\", gates = { metric = { name = 'acc', better = 'higher' } } }\n\
         +churn = { registry = \"own\", gates = { metric = { name = 'acc', better = 'higher', margin = 0.5 } } }"
    );
    let table =
        format!("{head}[models.churn]\nregistry = \"own\"\n# it must fit\ngates.signature = true # always\n[roles]\n");
    assert_eq!(changed(&table, rules(json!({}))), "-# it must fit\n-gates.signature = true # always");
    let table = format!("{head}[models.churn]\nregistry = \"own\"\nalias = \"old\"   # the one that serves\n");
    let alias = json!({ "change": "set_model", "name": "churn", "rules": { "registry": "own", "alias": "new" } });
    assert_eq!(
        changed(&table, alias),
        "-alias = \"old\"   # the one that serves\n+alias = \"new\"   # the one that serves"
    );
}

#[test]
fn a_page_s_whole_numbers_are_no_change() {
    let head = "[targets.cluster]\nkind = \"ray_serve\"\nurl = \"http://h.example\"\n";
    let text = format!("{head}application = {{ args = [1.0, 2], rate = 3.0 }}\n");
    let asked = |rate: f64| {
        let application = json!({ "args": [1, 2.0], "rate": rate });
        let at = json!({ "kind": "ray_serve", "url": "http://h.example", "application": application });
        changed(&text, json!({ "change": "set_target", "name": "cluster", "at": at }))
    };
    assert_eq!(asked(3.0), "");
    assert!(asked(4.0).ends_with("+application = { args = [1.0, 2], rate = 4.0 }"), "{}", asked(4.0));
}

#[test]
fn a_list_keeps_its_lines_and_comments() {
    let text =
        "[roles]\napprovers = [\n  \"ada\", # lead\n  \"grace\", # ops\n  \"eve\" # left\n]\noverriders = [\"ada\"]\n";
    let roles = |approvers: &[&str], overriders: &[&str]| json!({ "change": "set_roles", "roles": { "approvers": approvers, "overriders": overriders } });
    assert_eq!(changed(text, roles(&["ada", "grace"], &["ada"])), "-  \"eve\" # left");
    assert_eq!(changed(text, roles(&["grace", "eve"], &["ada"])), "-  \"ada\", # lead");
    assert_eq!(
        changed(text, roles(&["ada", "grace", "eve", "joan"], &["ada", "joan"])),
        "-  \"eve\" # left\n+  \"eve\", # left\n+  \"joan\"\n-overriders = [\"ada\"]\n+overriders = [\"ada\", \"joan\"]"
    );
    assert_eq!(changed(text, roles(&[], &["ada"])).lines().count(), 5);
}

#[test]
fn a_new_file_reads_as_the_readme() {
    let asked = [
        json!({ "change": "set_model", "name": "churn", "rules": {
            "registry": "own", "target": "here", "alias": "champion", "shares": [10, 50],
            "bake": { "secs": 60, "max_error_rate": 0.01, "max_p95_ms": null, "min_requests": 20 },
            "gates": { "metric": { "name": "val_acc", "better": "higher", "margin": 0.005 }, "signature": true, "approvals": { "n": 1 } } } }),
        json!({ "change": "set_registry", "name": "own", "at": { "kind": "embedded" } }),
        json!({ "change": "set_target", "name": "here", "at": { "kind": "local", "python": null, "port": null } }),
        json!({ "change": "add_freeze", "freeze": { "from": "2026-12-20", "to": "2027-01-04T08:00:00+01:00", "reason": "holidays" } }),
    ];
    let proposal = propose(None, &asked.iter().map(change).collect::<Vec<_>>()).expect("proposed");
    assert_eq!(
        proposal.text,
        r#"[models.churn]
registry = "own"
target = "here"
alias = "champion"
shares = [10, 50]
bake = { secs = 60, max_error_rate = 0.01, min_requests = 20 }
[models.churn.gates]
metric = { name = "val_acc", better = "higher", margin = 0.005 }
signature = true
approvals = { n = 1 }
[registries.own]
kind = "embedded"
[targets.here]
kind = "local"
[[freeze]]
from = 2026-12-20
to = 2027-01-04T08:00:00+01:00
reason = "holidays"
"#
    );
    assert!(proposal.diff.starts_with("--- /dev/null\n+++ b/signalbox.toml\n@@ -0,0 +1,18 @@\n+[models.churn]\n"));
    assert_eq!((proposal.made_from, proposal.before), (None, Policy::default()));
}

#[test]
fn a_file_with_an_error_is_refused_with_its_place() {
    let error = propose(Some("[models.churn]\nregistry = \n"), &[]).expect_err("refused").to_string();
    assert!(error.contains("line 2, column 12"), "{error}");
    let error = propose(Some("[models.churn]\nregistry = \"none\"\n"), &[]).expect_err("refused").to_string();
    assert!(error.contains("there is no registry called none"), "{error}");
}

#[test]
fn what_does_not_hold_together_names_its_field() {
    let field = |asked: serde_json::Value| match propose(Some(SAMPLES[0]), &[change(&asked)]) {
        Err(PolicyError::Field { field, .. }) => field.join("/"),
        other => panic!("{other:?}"),
    };
    let model = |rules: serde_json::Value| field(json!({ "change": "set_model", "name": "a.b", "rules": rules }));
    assert_eq!(model(json!({ "registry": "none" })), "models/a.b/registry");
    assert_eq!(model(json!({ "registry": "own", "target": "none" })), "models/a.b/target");
    let bake = json!({ "secs": 1, "max_error_rate": 2.0, "max_p95_ms": null, "min_requests": 0 });
    assert_eq!(model(json!({ "registry": "own", "bake": bake })), "models/a.b/bake/max_error_rate");
    assert_eq!(field(json!({ "change": "set_roles", "roles": { "keys": { "ada": "no key" } } })), "roles/keys/ada");
    let freeze = json!({ "from": "2026-12-20", "to": "soon", "reason": "r" });
    assert_eq!(field(json!({ "change": "add_freeze", "freeze": freeze })), "freeze/1/to");
    assert_eq!(field(json!({ "change": "remove_target", "name": "none" })), "targets/none");
    let far = json!({ "registry": "own", "gates": { "max_bytes": u64::MAX } });
    assert_eq!(model(far), "");
}

#[test]
fn hostile_text_is_text() {
    let evil = "a\"]\n[registries.evil]\nkind = 'mlflow' # \u{1b}'''\\";
    let asked = [
        json!({ "change": "set_registry", "name": "own", "at": { "kind": "embedded" } }),
        json!({ "change": "set_registry", "name": "team", "at": { "kind": "mlflow", "url": evil } }),
        json!({ "change": "set_model", "name": "x\"]. [y] = '", "rules": { "registry": "own", "gates": { "metric": { "name": evil, "better": "lower" } } } }),
        json!({ "change": "add_freeze", "freeze": { "from": "2026-01-01", "to": "2026-01-02", "reason": evil } }),
    ];
    let asked: Vec<Change> = asked.iter().map(change).collect();
    for sample in SAMPLES {
        let after = propose(Some(sample), &asked).unwrap_or_else(|e| panic!("{e}")).after;
        assert!(!after.registries.keys().any(|name| name.as_str() == "evil"));
        check(sample, &asked);
        check(&crlf(sample), &asked);
    }
}

/// Runs a program of the system's in a folder, with a diff on stdin.
fn patched(folder: &std::path::Path, program: &str, args: &[&str], diff: &str) {
    use std::io::Write;
    let mut child = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env("GIT_CEILING_DIRECTORIES", folder.parent().expect("a parent"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    child.stdin.take().expect("piped").write_all(diff.as_bytes()).expect("written");
    assert!(child.wait().expect("ended").success(), "{program} takes\n{diff}");
}

#[test]
fn git_and_patch_apply_the_diff() {
    let samples = SAMPLES.iter().map(|sample| Some((*sample).to_owned()));
    let crlf = SAMPLES.iter().map(|sample| Some(crlf(sample)));
    for text in samples.chain(crlf).chain([None, Some(SAMPLES[1].trim_end().to_owned())]) {
        let all = changes().into_iter().filter(|change| propose(text.as_deref(), std::slice::from_ref(change)).is_ok());
        for asked in all.step_by(3) {
            let proposal = propose(text.as_deref(), &[asked]).expect("proposed");
            if proposal.diff.is_empty() {
                continue;
            }
            for (program, args) in [("git", &["apply", "-"][..]), ("patch", &["-p1", "--binary", "-s"])] {
                let folder = tempfile::tempdir().expect("a folder");
                let file = folder.path().join("signalbox.toml");
                if let Some(text) = &text {
                    std::fs::write(&file, text).expect("written");
                }
                patched(folder.path(), program, args, &proposal.diff);
                assert_eq!(std::fs::read_to_string(&file).expect("read"), proposal.text, "{program}");
            }
        }
    }
}
