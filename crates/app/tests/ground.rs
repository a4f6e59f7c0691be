//! A project's file that changes under a plan, and one that names what nobody has allowed.

use serde_json::{Value, json};
use signalbox_app::{App, ErrorCode, Options};
use signalbox_release::{Journal, Line, Plan};
use signalbox_store::Ledger;
use std::path::Path;
use std::time::{Duration, Instant};

struct Place {
    dir: tempfile::TempDir,
    app: App,
}

const OWN: &str = "[registries.own]\nkind = 'embedded'\n[models.wine]\nregistry = 'own'\nalias = 'champion'\n";

impl Place {
    fn new(policy: &str) -> Place {
        let dir = tempfile::tempdir().expect("a folder");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo/wine"), &dir.path().join("wine"));
        let options = Options::alone(dir.path().join("data"), "test");
        let place = Place { app: App::open(options).expect("the app opens"), dir };
        place.policy(policy);
        place
    }

    fn policy(&self, text: &str) {
        std::fs::write(self.dir.path().join("wine/signalbox.toml"), text).expect("written");
    }

    fn open(&self) -> u64 {
        let path = self.dir.path().join("wine").display().to_string();
        self.call("open_project", json!({ "path": path }))["id"].as_u64().expect("an id")
    }

    fn call(&self, name: &str, args: Value) -> Value {
        self.app.call(name, args).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// A plan for the run that is called `final`.
    fn plan(&self, project: u64) -> Value {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let page = self.call(
                "table",
                json!({ "project": project, "filter": "attributes.name = 'final'", "sort": [], "columns": [],
                        "offset": 0, "limit": 1, "show_deleted": false, "show_hidden": false }),
            );
            if let Some(run) = page["rows"][0]["id"].as_u64()
                && let Ok(plan) = self.app.call("propose", json!({ "run": run }))
            {
                return plan;
            }
            assert!(Instant::now() < end, "the run is read within 60 s");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("read").map(|entry| entry.expect("read")) {
        let to = to.join(entry.file_name());
        if entry.file_type().expect("known").is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("copied");
        }
    }
}

/// As a kill leaves it: the call of the first step was about to be made.
fn cut_short(place: &Place, plan: &Value) {
    let ledger = Ledger::open(&place.dir.path().join("data/ledger.db")).expect("opens");
    let row = ledger.plan(plan["row"]["id"].as_str().expect("an id")).expect("read").expect("kept");
    let plan: Plan = serde_json::from_str(&row.body).expect("a plan");
    let journal = Journal::of(&ledger, &plan).expect("kept");
    for line in [Line::Began { by: "ada".into() }, Line::Intends { step: 0, back: false }] {
        journal.write(1, &line).expect("written");
    }
}

#[test]
fn a_plan_that_was_cut_short_goes_back_on_the_systems_that_it_was_made_for() {
    // Renamed, broken, gone: what the file says by now is no reason to be stuck.
    let others = [Some(OWN.replace("own", "theirs")), Some("[models.wine]\nregistry = 7\n".to_owned()), None];
    for other in others {
        let place = Place::new(OWN);
        let project = place.open();
        let plan = place.plan(project);
        let id = &plan["row"]["id"];
        cut_short(&place, &plan);
        match &other {
            Some(text) => place.policy(text),
            None => {
                place.call("close_project", json!({ "project": project }));
                std::fs::remove_file(place.dir.path().join("wine/signalbox.toml")).expect("removed");
            }
        }
        let shown = place.call("plan", json!({ "plan": id }));
        assert_eq!(
            (&shown["row"]["state"], &shown["standing"]),
            (&json!("cut_short"), &json!("not_done")),
            "{shown:#}"
        );
        let judged = shown["gates"].as_array().expect("gates").iter().find(|gate| gate["gate"] == "policy");
        assert!(judged.is_some_and(|gate| gate["ruling"] != "pass"), "{other:?}: {shown:#}");
        place.call("resume_plan", json!({ "plan": id, "choice": "go_back" }));
        let end = Instant::now() + Duration::from_secs(60);
        while place.call("plan", json!({ "plan": id }))["row"]["state"] != "taken_back" {
            assert!(Instant::now() < end, "{other:?}: {:#}", place.call("plan", json!({ "plan": id })));
            std::thread::sleep(Duration::from_millis(100));
        }
        place.app.shutdown();
    }
}

#[test]
fn a_plan_whose_verdicts_are_lost_is_not_carried_out() {
    let place = Place::new(OWN);
    let project = place.open();
    let plan = place.plan(project);
    let ledger = Ledger::open(&place.dir.path().join("data/ledger.db")).expect("opens");
    let hash = plan["hash"].as_str().expect("a hash");
    ledger.record("verdicts", hash, 1, "{\"verdicts\":[{\"gate\":\"size\",\"ruling\":\"later\"}]}").expect("written");
    let over = json!([{ "gate": "gates", "reason": "I know better" }]);
    let refused = place.app.call("apply_plan", json!({ "plan": plan["row"]["id"], "hash": hash, "overrides": over }));
    let refused = refused.expect_err("its gates are not known");
    assert_eq!(refused.code, ErrorCode::Refused);
    assert!(refused.message.contains("not yours to override"), "{refused}");
    place.app.shutdown();
}

#[test]
fn what_is_allowed_is_what_was_shown() {
    let named =
        |url: &str| format!("[registries.team]\nkind = 'oci'\nurl = '{url}'\nrepository = 'models'\nca = 'team.pem'\n");
    // A port where nobody listens: should it be asked, it fails, and that would be seen.
    let place = Place::new(&named("https://reg.example@127.0.0.1:9"));
    place.open();
    let asked = |place: &Place| {
        let models = place.call("models", json!({}));
        models
            .as_array()
            .expect("a list")
            .iter()
            .find(|registry| !registry["allow"].is_null())
            .map(|r| r["allow"].clone())
    };
    let first = asked(&place).expect("it is asked for");
    let names = first["names"].to_string();
    assert!(names.contains("https://127.0.0.1:9, below models") && !names.contains("reg.example"), "{names}");
    assert!(names.contains("team.pem, trusted for it"), "{names}");
    place.policy(&named("https://127.0.0.1:10"));
    let refused = place.app.call("allow_policy", json!({ "project": first["project"], "policy": first["policy"] }));
    assert!(refused.expect_err("another file").message.contains("not the one that was shown"));
    let second = asked(&place).expect("it is asked for");
    place.call("allow_policy", json!({ "project": second["project"], "policy": second["policy"] }));
    assert_eq!(asked(&place), None);
    place.policy(&format!("{}# a word\n", named("https://127.0.0.1:10")));
    assert!(asked(&place).is_some(), "another text");
    place.app.shutdown();
}
