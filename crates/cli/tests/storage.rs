//! What is kept, forgetting and compacting as a person and a script meet them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

struct Place {
    dir: tempfile::TempDir,
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Place {
    /// Two projects that the store knows, of one run each.
    fn new() -> Place {
        let place = Place { dir: tempfile::tempdir().expect("a folder") };
        for (name, n) in [("churn", 20_000), ("churn2", 10)] {
            let folder = place.path(name);
            std::fs::create_dir_all(&folder).expect("a folder");
            let rows: String = (0..n).map(|i| format!("{i},{}\n", f64::from(i * 7919 % 1009) / 3.0)).collect();
            std::fs::write(folder.join("log.csv"), format!("step,loss\n{rows}")).expect("a log");
            // A plan reads the folder into the store, and then finds no such run.
            let said = place.run(&["plan", folder.to_str().expect("text"), "--run", "nobody"]);
            assert_ne!(said.code, 0, "{}", said.out);
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().expect("a path").join(name)
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
        command.args(arguments).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env("HOME", self.dir.path()).env("SIGNALBOX_DATA_DIR", self.dir.path().join("data"));
        let output = command.output().expect("the program starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Said { code: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
    }

    fn ends(&self, code: i32, arguments: &[&str]) -> Said {
        let said = self.run(arguments);
        assert_eq!(said.code, code, "{arguments:?}: {}{}", said.out, said.err);
        said
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.ends(0, &[arguments, &["--json"]].concat());
        serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}", said.out))
    }

    fn names(&self) -> Vec<String> {
        let view = self.json(&["store"]);
        let name = |row: &Value| row["name"].as_str().expect("a name").to_owned();
        view["projects"].as_array().expect("projects").iter().map(name).collect()
    }
}

#[test]
fn what_takes_room_is_shown() {
    let place = Place::new();
    let view = place.json(&["store"]);
    let rows = view["projects"].as_array().expect("projects");
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).expect("a row");
    assert_eq!((&row("churn")["n_runs"], &row("churn")["n_points"]), (&1.into(), &20_000.into()));
    assert_eq!(row("churn2")["n_points"], 10);
    assert!(row("churn")["bytes"].as_u64() > row("churn2")["bytes"].as_u64());
    let sum: u64 = view["parts"].as_array().expect("parts").iter().filter_map(|part| part["bytes"].as_u64()).sum();
    assert_eq!(view["bytes"], sum);
    let said = place.ends(0, &["store"]);
    for word in ["project", "churn", "20000", "Points", "Pages, indexes"] {
        assert!(said.out.contains(word), "{word}: {}", said.out);
    }
    let largest = place.json(&["store", "churn"]);
    assert_eq!((&largest["n_runs"], &largest["metrics"][0]["name"]), (&1.into(), &"loss".into()));
    assert!(place.ends(0, &["store", "churn"]).out.contains("log.csv"));
    std::fs::remove_dir_all(place.path("churn2")).expect("removed");
    assert!(place.ends(0, &["store"]).out.contains("folder is gone"));
    let unknown = place.ends(1, &["store", "elsewhere"]);
    assert!(unknown.err.contains("keeps nothing of"), "{}", unknown.err);
}

#[test]
fn a_project_is_forgotten_when_it_is_said_and_not_before() {
    let place = Place::new();
    let plan = place.ends(0, &["forget", "churn"]);
    for word in ["goes", "20000 points", "stays", "every file in", "Nothing was done"] {
        assert!(plan.out.contains(word), "{word}: {}", plan.out);
    }
    assert_eq!(place.names().len(), 2);
    // The folder is gone: what is lost then is said, and it is forgotten by the name that it had.
    std::fs::remove_dir_all(place.path("churn")).expect("removed");
    let plan = place.ends(0, &["forget", "churn"]);
    assert!(
        plan.out.contains("cannot be read again") && plan.out.contains("20000 points whose files are gone"),
        "{}",
        plan.out
    );
    let said = place.ends(0, &["forget", "churn", "--yes", "--export", "words.json"]);
    assert!(said.out.contains("Forgotten") && said.err.contains("words.json"), "{}{}", said.out, said.err);
    let words: Value =
        serde_json::from_slice(&std::fs::read(place.dir.path().join("words.json")).expect("a file")).expect("JSON");
    assert_eq!((&words["signalbox_words"], &words["runs"]), (&1.into(), &Value::Array(vec![])));
    assert_eq!(place.names(), ["churn2"]);
    let again = place.ends(1, &["forget", "churn", "--yes"]);
    assert!(again.err.contains("keeps nothing of"), "{}", again.err);
    // A file that is there is not written over, and nothing is forgotten then.
    let refused = place.ends(1, &["forget", "churn2", "--yes", "--export", "words.json"]);
    assert!(refused.err.contains("words.json"), "{}", refused.err);
    assert_eq!(place.names(), ["churn2"]);
}

#[test]
fn gone_runs_alone_are_forgotten() {
    let place = Place::new();
    let folder = place.path("churn");
    std::fs::write(folder.join("other.csv"), "step,loss\n0,1\n").expect("a log");
    let read = || place.run(&["plan", folder.to_str().expect("text"), "--run", "nobody"]);
    read();
    std::fs::remove_file(folder.join("log.csv")).expect("removed");
    read();
    let plan = place.json(&["forget", "churn", "--gone"]);
    assert_eq!((&plan["goes"][0]["n"], &plan["lost"][0]["n"]), (&1.into(), &20_000.into()), "{plan}");
    place.ends(0, &["forget", "churn", "--gone", "--yes"]);
    let view = place.json(&["store"]);
    let row = view["projects"].as_array().expect("projects").iter().find(|row| row["name"] == "churn").expect("a row");
    assert_eq!((&row["n_runs"], &row["n_points"], &row["n_gone_runs"]), (&1.into(), &1.into(), &0.into()));
    // It came back.
    std::fs::write(folder.join("log.csv"), "step,loss\n0,1\n1,2\n").expect("a log");
    read();
    assert_eq!(place.json(&["store", "churn"])["n_runs"], 2);
}

#[test]
fn free_pages_go_back() {
    let place = Place::new();
    place.ends(0, &["forget", "churn", "--yes"]);
    let free = |place: &Place| place.json(&["store"])["compact"]["free_bytes"].as_u64().expect("bytes");
    assert!(free(&place) > 0);
    let said = place.ends(0, &["compact"]);
    assert!(said.out.contains("before") && said.out.contains("after"), "{}", said.out);
    assert_eq!(free(&place), 0);
    let done = place.json(&["compact"]);
    assert!(done["after_bytes"].as_u64() <= done["before_bytes"].as_u64(), "{done}");
    assert_eq!(place.names(), ["churn2"]);
}
