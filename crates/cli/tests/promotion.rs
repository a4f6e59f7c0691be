//! Promotions as a person and a script meet them: the demo's wine project, our own registry, the keeper, and a Python
//! that only serves quickly. The real one is killed in `tests/e2e/crash/promote.test.mjs`.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

struct Place {
    dir: tempfile::TempDir,
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

const OWN: &str = "
    [registries.own]
    kind = 'embedded'
    [models.wine]
    registry = 'own'
    alias = 'champion'
";

const SERVED: &str = "
    [registries.own]
    kind = 'embedded'
    [targets.here]
    kind = 'local'
    [models.wine]
    registry = 'own'
    target = 'here'
    alias = 'champion'
";

impl Place {
    fn new(policy: &str) -> Place {
        let place = Place { dir: tempfile::tempdir().expect("a folder") };
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo/wine"), &place.project());
        place.policy(policy);
        let python = place.dir.path().join("python");
        std::fs::write(&python, include_str!("fake_python.py")).expect("written");
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).expect("set");
        place.ends(0, &["allow", ".", "--models", "--yes"]);
        place
    }

    fn project(&self) -> PathBuf {
        self.dir.path().join("wine")
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn policy(&self, text: &str) {
        std::fs::write(self.project().join("signalbox.toml"), text).expect("written");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
        command.args(arguments).current_dir(self.project()).stdin(Stdio::null());
        command.env("HOME", self.dir.path()).env("SIGNALBOX_DATA_DIR", self.data());
        command.env("SIGNALBOX_PYTHON", self.dir.path().join("python")).env("SIGNALBOX_USER", "ada");
        command.env_remove("VIRTUAL_ENV");
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().expect("the program starts"))
    }

    /// Runs a command that must end so.
    fn ends(&self, code: i32, arguments: &[&str]) -> Said {
        let said = self.run(arguments);
        assert_eq!(said.code, code, "{arguments:?}: {}{}", said.out, said.err);
        said
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.ends(0, &[arguments, &["--json"]].concat());
        serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}", said.out))
    }

    /// Plans the promotion of a run's model; the plan's id and hash.
    fn plan(&self, run: &str) -> (String, String) {
        let plan = self.json(&["plan", ".", "--run", run]);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&plan["row"]["id"]), text(&plan["hash"]))
    }

    fn n_entries(&self) -> u64 {
        self.json(&["audit", "verify"])["total"].as_u64().expect("a number")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What keeps the models outlives the commands: it is ended by the id that it wrote down.
        let Ok(pid) = std::fs::read_to_string(self.data().join("keeper/lock")) else { return };
        let _ = Command::new("kill").arg(pid.trim()).status();
        let late = Instant::now() + Duration::from_secs(30);
        while Path::new("/proc").join(pid.trim()).exists() && Instant::now() < late {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Said {
    fn of(output: Output) -> Said {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Said { code: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("listed").flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("copied");
        }
    }
}

#[test]
fn no_model_is_loaded_before_the_person_has_allowed_it() {
    let place = Place::new(SERVED);
    let trace = place.dir.path().join("ran");
    let python = place.dir.path().join("python");
    let fake = std::fs::read_to_string(&python).expect("read");
    let (first, rest) = fake.split_once('\n').expect("lines");
    std::fs::write(&python, format!("{first}\nopen({:?}, 'a').close()\n{rest}", trace.display().to_string()))
        .expect("written");
    // As a stranger's folder: with a Python of its own, that nobody was asked about.
    std::fs::create_dir_all(place.project().join(".venv/bin")).expect("made");
    let own = place.project().join(".venv/bin/python");
    std::fs::copy(&python, &own).expect("copied");

    let said = place.ends(3, &["plan", ".", "--run", "final"]);
    for part in ["loads wine", &own.display().to_string(), "signalbox allow . --models"] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    assert!(!trace.exists(), "nothing was run");
    place.ends(2, &["allow", ".", "--models"]);
    place.ends(3, &["plan", ".", "--run", "final"]);
    assert!(!trace.exists(), "nobody said yes");

    let said = place.ends(0, &["allow", ".", "--models", "--yes"]);
    assert!(said.out.contains(&own.display().to_string()), "{}", said.out);
    place.ends(0, &["plan", ".", "--run", "final"]);
    assert!(trace.exists(), "it was loaded by the project's own");
    let said = place.ends(0, &["allow", ".", "--models"]);
    assert!(said.out.contains("Nothing is left to allow"), "{}", said.out);
}

#[test]
fn a_plan_is_shown_rehearsed_and_carried_out_once() {
    let place = Place::new(OWN);
    let said = place.ends(0, &["plan", ".", "--run", "final"]);
    for part in [
        "1. Register wine",
        "2. Point champion",
        "sends   add version",
        "mark the new wine as withdrawn",
        "is a pickle",
        "Nothing was changed",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    assert_eq!(place.json(&["models"])["registries"][0]["models"], Value::Array(vec![]));
    let (plan, hash) = place.plan("final");

    let before = place.n_entries();
    let said = place.ends(0, &["apply", &plan, "--dry-run"]);
    assert!(said.out.contains("holds") && said.out.contains("It would be carried out."), "{}", said.out);
    assert_eq!(place.n_entries(), before, "a dry run writes nothing");
    let said = place.ends(2, &["apply", &plan]);
    assert!(said.err.contains("--yes"), "{}", said.err);
    place.ends(2, &["apply", &plan, "--hash", "abc", "--yes"]);
    place.ends(3, &["apply", &plan, "--hash", "0123456789abcdef", "--yes"]);
    place.ends(3, &["resume", &plan, "--go-on"]);
    assert_eq!(place.n_entries(), before, "what is refused leaves no trace");

    let said = place.ends(0, &["apply", &plan, "--hash", &hash[7..27], "--yes", "--json"]);
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let what: Vec<&str> = lines.iter().filter_map(|line| line["line"]["what"].as_str()).collect();
    let step = ["asks", "answered", "seen"];
    assert_eq!(what, [&["began"][..], &step, &step, &["committed", "tidied"]].concat());
    assert_eq!((&lines[0]["type"], &lines.last().expect("a line")["type"]), (&"plan".into(), &"end".into()));
    assert_eq!(lines.last().expect("a line")["plan"]["version"], "1");
    place.ends(3, &["apply", &plan, "--yes"]);
    place.ends(1, &["apply", "nothing", "--yes"]);

    let said = place.ends(0, &["models", "."]);
    let row = said.out.lines().find(|line| line.contains("wine")).expect("a row");
    for part in ["1", "champion", "ready", "final", "ada"] {
        assert!(row.contains(part), "{part}: {row}");
    }
    let said = place.ends(0, &["audit", "--plan", &plan[..plan.len() - 2]]);
    assert!(said.out.contains("committed") && said.out.lines().count() > 10, "{}", said.out);
}

#[test]
fn gates_and_approvals_refuse_with_a_code_of_their_own() {
    let place = Place::new(&format!("{OWN}\n[models.wine.gates]\nmax_bytes = 1000\napprovals = {{ n = 1 }}\n"));
    let (plan, hash) = place.plan("final");
    let said = place.ends(3, &["apply", &plan, "--dry-run"]);
    assert!(said.out.contains("stands against it: the gate \"size\""), "{}", said.out);
    let said = place.ends(3, &["apply", &plan, "--yes"]);
    assert!(said.err.contains("\"size\" does not pass"), "{}", said.err);
    place.ends(2, &["apply", &plan, "--yes", "--override", "size="]);
    let over = ["apply", plan.as_str(), "--yes", "--override", "size=on purpose"];
    place.ends(3, &over);
    // Another person approves this very plan.
    let approve = |by: &str, more: &[&str]| {
        let arguments = [&["approve", plan.as_str(), "--hash", hash.as_str()], more].concat();
        Said::of(place.command(&arguments).env("SIGNALBOX_USER", by).output().expect("the program starts"))
    };
    let said = approve("grace", &["--comment", "fine"]);
    assert!(said.code == 0 && said.out.contains("approved by grace"), "{}{}", said.out, said.err);
    assert!(approve("grace", &["--withdraw"]).out.contains("0 of 1"));
    place.ends(3, &over);
    assert_eq!(approve("grace", &[]).code, 0);
    place.ends(0, &over);

    let report = place.ends(0, &["audit", "report", "wine", "1"]).out;
    for part in ["on purpose", "approved", "grace", "overrode a gate of", "fine", "taken back"] {
        assert!(report.contains(part), "{part}: {report}");
    }
    place.policy("[models.wine]\nregistry = 7\n");
    let said = place.ends(1, &["plan", ".", "--run", "final"]);
    assert!(said.err.contains("line 2"), "{}", said.err);
}

/// A public key of somebody whose home this is; the private half is beside it.
fn key_in(home: &Path) -> String {
    std::fs::create_dir_all(home.join(".ssh")).expect("made");
    let file = home.join(".ssh/id_ed25519");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status();
    assert!(made.expect("ssh-keygen (OpenSSH)").success());
    std::fs::read_to_string(file.with_extension("pub")).expect("read").trim().to_owned()
}

#[test]
fn a_colleague_approves_on_another_machine_with_a_key_of_their_own() {
    let (ada, grace, eve) = (Place::new(OWN), Place::new(OWN), Place::new(OWN));
    let policy = format!(
        "{OWN}\n[models.wine.gates]\napprovals = {{ n = 1 }}\n[roles.keys]\ngrace = \"{}\"\nada = \"{}\"\n",
        key_in(grace.dir.path()),
        key_in(ada.dir.path())
    );
    key_in(eve.dir.path());
    for place in [&ada, &grace, &eve] {
        place.policy(&policy);
    }
    let as_whom = |place: &Place, by: &str, arguments: &[&str]| {
        let said = place.command(arguments).env("SIGNALBOX_USER", by).env_remove("SSH_AUTH_SOCK").output();
        Said::of(said.expect("the program starts"))
    };
    let (plan, hash) = ada.plan("final");
    let file = ada.dir.path().join("plan.json").display().to_string();
    ada.ends(0, &["share", &plan, &file]);
    assert_ne!(ada.run(&["share", &plan, &file]).code, 0, "a file that is there is not written over");
    assert!(ada.ends(3, &["apply", &plan, "--yes"]).err.contains("0 of 1"));

    // Grace reads it, and may not carry it out; what she approves is the hash that she names.
    let shown = as_whom(&grace, "grace", &["approve", &file]);
    assert!(shown.code == 0 && shown.out.contains("ada made it on another machine"), "{}{}", shown.out, shown.err);
    assert_eq!(as_whom(&grace, "grace", &["apply", &plan, "--yes"]).code, 3);
    assert_eq!(as_whom(&grace, "grace", &["approve", &file, "--hash", &"0".repeat(64)]).code, 3);
    let line = |said: &Said| said.out.lines().last().unwrap_or_default().to_owned();
    let approved = as_whom(&grace, "grace", &["approve", &file, "--hash", &hash, "--comment", "fine"]);
    assert_eq!(approved.code, 0, "{}{}", approved.out, approved.err);
    let yes = line(&approved);

    // Eve has no key of Grace's, and the author's name is the author's.
    let eves = as_whom(&eve, "grace", &["approve", &file, "--hash", &hash]);
    assert!(eves.code == 3 && eves.err.contains("could not be signed"), "{}{}", eves.out, eves.err);
    let own = as_whom(&eve, "ada", &["approve", &file, "--hash", &hash]);
    assert!(own.code == 3 && own.err.contains("SIGNALBOX_USER"), "{}{}", own.out, own.err);
    // Nor can it be approved where the rules are others.
    eve.policy(OWN);
    assert_eq!(as_whom(&eve, "grace", &["approve", &file, "--hash", &hash]).code, 3);

    // Hers counts, until she takes it back; the old line pasted again does not bring it back.
    assert!(ada.ends(0, &["approval", &plan, &yes]).out.contains("approved by grace"));
    assert!(ada.ends(0, &["approval", &plan, &yes]).out.contains("approved by grace"), "twice is once");
    let withdrawn = as_whom(&grace, "grace", &["approve", &file, "--hash", &hash, "--withdraw"]);
    assert!(ada.ends(0, &["approval", &plan, &line(&withdrawn)]).out.contains("0 of 1"));
    assert!(ada.ends(0, &["approval", &plan, &yes]).out.contains("0 of 1"));
    ada.ends(3, &["apply", &plan, "--yes"]);
    let again = as_whom(&grace, "grace", &["approve", &file, "--hash", &hash]);
    let again = line(&again);
    // One letter of the signature is another.
    let mut altered = again.clone().into_bytes();
    let at = altered.len() - 40;
    altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
    assert_ne!(ada.run(&["approval", &plan, &String::from_utf8(altered).expect("text")]).code, 0);
    ada.ends(3, &["apply", &plan, "--yes"]);
    ada.ends(0, &["approval", &plan, &again]);
    ada.ends(0, &["apply", &plan, "--yes"]);
}

#[test]
fn what_serves_is_told_rolled_back_and_stopped() {
    let place = Place::new(&format!(
        "{SERVED}\nbake = {{ secs = 1, max_error_rate = 0.0, min_requests = 1, too_few = \"go_on\" }}\n"
    ));
    place.ends(0, &["apply", &place.plan("final-runner-up").0, "--yes"]);
    place.ends(0, &["apply", &place.plan("final").0, "--yes"]);
    let wine = |status: &Value| status["services"].as_array().expect("services")[0].clone();
    let now = wine(&place.json(&["status"]));
    assert_eq!((&now["alias"]["version"], &now["alarm"]), (&"2".into(), &Value::Null), "{now}");
    assert_eq!((&now["loaded"][0]["version"], &now["loaded"][0]["proven"]), (&"2".into(), &true.into()), "{now}");
    let said = place.ends(0, &["status", "."]);
    assert!(said.out.contains("100 %  2 proven") && said.out.contains("champion says 2"), "{}", said.out);

    let said = place.ends(0, &["rollback", "wine", "--dry-run"]);
    assert!(said.out.contains("Move champion from 2 to 1"), "{}", said.out);
    place.ends(2, &["rollback", "wine"]);
    place.ends(1, &["rollback", "beer", "--yes"]);
    assert_eq!(wine(&place.json(&["status"]))["alias"]["version"], "2");
    let said = place.ends(0, &["rollback", "wine", "--yes"]);
    assert!(said.out.contains("proven") && said.out.contains("1 golden request answered as stored"), "{}", said.out);
    let now = wine(&place.json(&["status"]));
    assert_eq!((&now["alias"]["version"], &now["loaded"][0]["version"]), (&"1".into(), &"1".into()));

    let report = place.json(&["audit", "report", "wine"]);
    assert_eq!((&report["version"]["version"], &report["run"]["name"]), (&"1".into(), &"final-runner-up".into()));
    assert_eq!(report["promotions"].as_array().map(Vec::len), Some(2), "made by one plan, brought back by another");
    let kinds: Vec<&Value> = report["used"].as_array().expect("uses").iter().map(|place| &place["kind"]).collect();
    assert_eq!(kinds, ["alias", "service"]);

    // Ctrl-C while it is watched: all is taken back.
    place.policy(&format!(
        "{SERVED}\nbake = {{ secs = 600, max_error_rate = 0.0, min_requests = 1, too_few = \"go_on\" }}\n"
    ));
    let (plan, _) = place.plan("final");
    let mut child =
        place.command(&["apply", &plan, "--yes", "--json"]).stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let watched = |line: &String| line.contains("\"Watch it for 600 s\"") && line.contains("\"asks\"");
    lines.find(watched).expect("it comes so far");
    let running = place.json(&["status"]);
    let open = running["plans"].as_array().expect("plans").iter().find(|open| open["row"]["id"] == plan.as_str());
    assert_eq!(open.expect("there")["row"]["state"], "running", "seen from another process");
    place.ends(3, &["resume", &plan, "--go-back"]);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("sent").success());
    let end: Value = serde_json::from_str(&lines.last().expect("an end")).expect("JSON");
    assert_eq!(child.wait().expect("ended").code(), Some(4));
    assert_eq!(end["plan"]["row"]["state"], "taken_back");
    let now = wine(&place.json(&["status"]));
    assert_eq!((&now["alias"]["version"], &now["loaded"][0]["version"]), (&"1".into(), &"1".into()), "{now}");
    assert_eq!(now["loaded"].as_array().map(Vec::len), Some(1), "{now}");
}

#[test]
fn the_audit_is_verified_by_us_and_by_a_stranger() {
    let place = Place::new(OWN);
    place.ends(0, &["apply", &place.plan("final").0, "--yes"]);
    let check = place.json(&["audit", "verify"]);
    let head = check["head"].as_str().expect("a hash").to_owned();
    place.plan("final-runner-up");
    assert_eq!(place.json(&["audit", "verify", "--head", &head])["kept"], check["total"]);
    let file = place.dir.path().join("audit.jsonl");
    place.ends(0, &["audit", "export", file.to_str().expect("text")]);
    let exported = std::fs::read(&file).expect("read");
    assert_eq!(place.ends(0, &["audit", "export"]).out.as_bytes(), exported);

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/verify_audit.py");
    let stranger = |text: &[u8], head: &str| {
        let copy = place.dir.path().join("copy.jsonl");
        std::fs::write(&copy, text).expect("written");
        Said::of(Command::new("python3").arg(&script).arg(&copy).arg(head).output().expect("python3 runs"))
    };
    let said = stranger(&exported, &head);
    let n_entries = place.n_entries();
    assert!(said.code == 0 && said.out.starts_with(&format!("whole: {n_entries} entries")), "{}{}", said.out, said.err);
    let text = String::from_utf8(exported).expect("text");
    assert_eq!(stranger(text.replacen("ada", "eve", 1).as_bytes(), &head).code, 1);
    let cut: String = text.lines().take(2).map(|line| format!("{line}\n")).collect();
    assert!(stranger(cut.as_bytes(), &head).err.contains("cut off"));

    // In the file itself, as somebody who has it may do.
    let change = |sql: &str| {
        let script = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.commit()";
        let drop = "DROP TRIGGER IF EXISTS link_is_not_changed; DROP TRIGGER IF EXISTS link_is_not_removed;";
        let status = Command::new("python3")
            .args(["-c", script])
            .arg(place.data().join("ledger.db"))
            .arg(format!("{drop} {sql}"))
            .status();
        assert!(status.expect("python3 runs").success());
    };
    change("DELETE FROM link WHERE seq > 2");
    place.ends(0, &["audit", "verify"]);
    let said = place.ends(1, &["audit", "verify", "--head", &head]);
    assert!(said.out.contains("cut off"), "{}", said.out);
    change("UPDATE link SET body = replace(body, 'ada', 'eve') WHERE seq = 2");
    let said = place.ends(1, &["audit", "verify"]);
    assert!(said.out.contains("broken at entry 2"), "{}", said.out);
}

#[test]
fn a_report_tells_what_is_not_known_and_hides_nothing_in_it() {
    let place = Place::new(OWN);
    let run = place.json(&["show", "final"])["id"].as_str().expect("an id").to_owned();
    let mlruns = place.project().join("mlruns");
    let folder = std::fs::read_dir(mlruns).expect("listed").flatten().map(|entry| entry.path().join(&run));
    let tags = folder.into_iter().find(|path| path.is_dir()).expect("the run").join("tags");
    std::fs::write(tags.join("evil"), "\u{1b}[2J<script>alert(1)</script>").expect("written");
    std::fs::write(tags.join("mlflow.source.git.commit"), "8f3c1d2a").expect("written");
    place.ends(0, &["apply", &place.plan("final").0, "--yes"]);
    let report = place.ends(0, &["audit", "report", "wine", "1"]).out;
    let parts = [
        "# wine 1",
        "finished (MLflow says that it finished.)",
        "## Version",
        "## Run",
        "val_acc",
        "8f3c1d2a",
        "repository:",
        "not recorded",
        "scikit-learn",
        "python_env.yaml",
        "sha256:",
        "model.pkl",
        "## Where it is used",
        "champion",
        "planned Promote wine",
        "gate",
    ];
    for part in parts {
        assert!(report.contains(part), "{part}: {report}");
    }
    assert!(!report.contains('\u{1b}'));
    let file = place.dir.path().join("report.html");
    place.ends(0, &["audit", "report", "wine", "1", "--html", file.to_str().expect("text")]);
    let page = std::fs::read_to_string(&file).expect("read");
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script") && !page.contains('\u{1b}'));
    assert!(page.contains("<dd class=\"unknown\">not recorded</dd>"));
    for of in [&["audit", "report", "wine", "9"][..], &["audit", "report", "wine"]] {
        place.ends(1, of);
    }
    place.ends(2, &["audit", "report"]);
}

#[test]
fn a_policys_addresses_are_shown_before_they_are_asked() {
    let place = Place::new(
        "[registries.team]\nkind = 'mlflow'\nurl = 'http://127.0.0.1:9'\n[models.wine]\nregistry = 'team'\n",
    );
    let said = place.ends(0, &["models", "."]);
    assert!(said.err.contains("problem:") && said.err.contains("was not asked anything yet"), "{}", said.err);
    let said = place.ends(2, &["allow", "."]);
    assert!(said.out.contains("http://127.0.0.1:9"), "{}", said.out);
    place.ends(0, &["allow", ".", "--yes"]);
    // Nobody answers there: a problem, and the rest is shown.
    let said = place.ends(1, &["models", "."]);
    assert!(said.err.contains("problem:") && said.out.contains("No registered models"), "{}{}", said.out, said.err);
    assert!(place.ends(0, &["allow", "."]).out.contains("Nothing is left to allow"));
}

#[test]
fn the_codes_are_told() {
    let place = Place::new(OWN);
    for command in ["models", "plan", "apply", "resume", "approve", "allow", "rollback", "status", "audit"] {
        let help = place.ends(0, &[command, "--help"]).out;
        assert!(help.contains("taken back: nothing of it is left"), "{command}: {help}");
    }
}

#[test]
fn a_policy_is_checked_and_proposed_and_never_written() {
    let place = Place::new(OWN);
    let project = place.project();
    let project = project.to_str().expect("Unicode");
    assert!(place.ends(0, &["policy", "check", project]).out.contains("models 1, registries 1, targets 0"));
    let changes = place.dir.path().join("changes.json");
    let propose = ["policy", "propose", project, "--changes", changes.to_str().expect("Unicode")];
    let write = |text: &str| std::fs::write(&changes, text).expect("written");
    write(r#"[{"change": "set_model", "name": "wine", "rules": {"registry": "own", "alias": "best"}}]"#);
    let said = place.ends(0, &propose);
    assert!(said.out.starts_with("--- a/signalbox.toml\n+++ b/signalbox.toml\n@@ "), "{}", said.out);
    assert!(said.out.contains("-    alias = 'champion'\n+    alias = \"best\"\n"), "{}", said.out);
    assert!(said.err.contains("nothing has to be allowed"), "{}", said.err);
    assert_eq!(std::fs::read_to_string(place.project().join("signalbox.toml")).expect("read"), OWN);
    write(r#"[{"change": "remove_registry", "name": "own"}]"#);
    let said = place.ends(3, &propose);
    assert!(said.out.is_empty() && said.err.contains("models.wine.registry: There is no registry called own."));
    assert_eq!(place.json(&["policy", "check", project])["policy"]["models"]["wine"]["alias"], "champion");
    write(r#"[{"change": "explode"}]"#);
    place.ends(2, &propose);
    write("{");
    place.ends(2, &propose);
    place.policy("[models.wine\n");
    assert!(place.ends(1, &["policy", "check", project]).err.contains("line 1, column 13"));
    write("[]");
    assert!(place.ends(1, &propose).err.contains("line 1, column 13"));
}
