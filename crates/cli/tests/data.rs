//! `signalbox data` as a person and a script meet it: real files, real output, real exit codes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

struct Place(tempfile::TempDir);

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().expect("a folder"))
    }

    fn put(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).expect("it was written")
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_signalbox"))
            .arg("data")
            .args(arguments)
            .current_dir(self.0.path())
            .env("HOME", self.0.path())
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Said { code: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    fn ends(&self, code: i32, arguments: &[&str]) -> Said {
        let said = self.run(arguments);
        assert_eq!(said.code, code, "{arguments:?}: {}{}", said.out, said.err);
        said
    }

    #[track_caller]
    fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let said = self.ends(code, arguments);
        assert_eq!(said.err, "");
        serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}", said.out))
    }
}

fn golden(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../drift/tests/golden").join(name);
    assert!(path.exists(), "{name}");
    path.display().to_string()
}

#[test]
fn drift_prints_the_documented_document_and_ends_as_told() {
    let place = Place::new();
    let (a, b) = (golden("norm_shift.ref.parquet"), golden("norm_shift.cur.parquet"));
    let found = place.json(3, &["drift", &a, &b, "--json", "--method", "psi:evidently", "--fail-on", "drift"]);
    let column = &found["columns"][0];
    assert_eq!((&column["verdict"], &column["by"]), (&"drift".into(), &"wasserstein_std".into()));
    assert!(column["tests"]["psi:evidently"]["statistic"].as_f64().is_some_and(|psi| psi > 0.1), "{column}");
    assert_eq!(column["reference"]["rows"], column["tests"]["ks"]["n"][0]);
    let histogram = &column["histogram"];
    let n = histogram["reference"].as_array().expect("bins").len();
    assert_eq!(histogram["edges"].as_array().map(Vec::len), Some(n + 1));
    assert_eq!(found["problems"], Value::Array(vec![]));
    place.ends(0, &["drift", &a, &a, "--fail-on", "any"]);
    let same = place.json(0, &["drift", &a, &a, "--json"]);
    assert_eq!((&same["columns"][0]["tests"]["ks"]["statistic"], &same["verdict"]), (&0.0.into(), &"no_drift".into()));
    place.ends(2, &["drift", &a, &b, "--method", "psi:nobody"]);
    place.ends(1, &["drift", &a, "nowhere.parquet"]);
}

#[test]
fn ignored_columns_are_not_asked_and_a_rate_is_named() {
    let place = Place::new();
    let text = |every: usize, shift: usize| {
        let rows = (0..600_usize).map(|at| {
            let x = if at.is_multiple_of(every) { String::new() } else { (at * 37 % 600).to_string() };
            format!("{x},{}\n", at * 7 % 600 + shift)
        });
        std::iter::once("x,y\n".to_owned()).chain(rows).collect::<String>()
    };
    place.put("a.csv", text(100, 0));
    place.put("b.csv", text(4, 400));
    let said = place.ends(3, &["drift", "a.csv", "b.csv", "--fail-on", "drift", "--ignore", "y"]);
    let line = said.out.lines().find(|line| line.starts_with("x ")).unwrap_or_else(|| panic!("{}", said.out));
    assert!(line.contains("drift") && line.contains("nulls 0.240"), "{line}");
    assert!(!said.out.lines().any(|line| line.starts_with("y ")), "{}", said.out);
    place.ends(2, &["drift", "a.csv", "b.csv", "--ignore", "z"]);
}

#[test]
fn reports_are_written_whole() {
    let place = Place::new();
    let (a, b) = (golden("cat_new_level.ref.parquet"), golden("cat_new_level.cur.parquet"));
    place.put("page.html", "old");
    place.ends(0, &["drift", &a, &b, "--html", "page.html", "--junit", "drift.xml"]);
    assert!(place.read("page.html").starts_with("<!doctype html>") && place.read("page.html").contains("<svg"));
    assert!(place.read("drift.xml").contains("<testcase classname=\"signalbox.data\""));
    assert_eq!(std::fs::read_dir(place.0.path()).expect("a folder").count(), 2, "nothing is left beside them");
    let said = place.ends(1, &["drift", &a, &b, "--html", "no/such/page.html"]);
    assert!(said.err.contains("cannot be written"), "{}", said.err);
}

fn people(n: usize, age: impl Fn(usize) -> i64) -> String {
    let rows = (0..n).map(|at| format!("{},{},{}\n", at + 1, age(at), ["Bonn", "Mainz"][at % 2]));
    std::iter::once("id,age,city\n".to_owned()).chain(rows).collect()
}

#[test]
fn rules_are_learnt_pasted_and_asked() {
    let place = Place::new();
    place.put("train.csv", people(200, |at| 20 + (at % 50) as i64));
    place.put("today.csv", people(150, |at| if at == 4 { -7 } else { 20 + (at % 50) as i64 }));
    let rules = place.ends(0, &["rules", "train.csv", "--name", "people"]).out;
    place.put("signalbox.toml", format!("[models.x]\nregistry = 'own'\n\n{rules}"));
    place.ends(0, &["validate", "train.csv", "--fail-on", "warning"]);
    let found = place.json(3, &["validate", "today.csv", "--json", "--junit", "rules.xml", "--fail-on", "error"]);
    assert_eq!((&found["passes"], &found["rows"]), (&false.into(), &150.into()));
    let broken: Vec<&Value> =
        found["rules"].as_array().expect("rules").iter().filter(|r| r["passes"] == false).collect();
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert_eq!(
        (&broken[0]["column"], &broken[0]["rule"], &broken[0]["n_wrong"]),
        (&"age".into(), &"min".into(), &1.into())
    );
    assert_eq!(broken[0]["examples"][0], serde_json::json!({ "file": null, "row": 5, "value": "-7" }));
    assert!(place.read("rules.xml").contains("age: min") && place.read("rules.xml").contains("failures=\"1\""));
    place.ends(0, &["validate", "today.csv"]);
    place.ends(3, &["validate", "today.csv", "--learn", "train.csv", "--fail-on", "error"]);
    let said = place.ends(2, &["validate", "today.csv", "--name", "nobody"]);
    assert!(said.err.contains("people"), "{}", said.err);
    place.put("wrong.toml", "[data.x.columns.age]\nmaximum = 3\n");
    assert!(place.ends(2, &["validate", "today.csv", "--rules", "wrong.toml"]).err.contains("maximum"));
}

#[test]
fn suites_of_others_are_asked_and_what_is_not_is_said() {
    let place = Place::new();
    place.put("x.csv", people(100, |at| at as i64));
    place.put(
        "suite.json",
        r#"{"expectations": [
            {"type": "expect_column_values_to_be_between", "kwargs": {"column": "age", "max_value": 98}},
            {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "city", "regex": "^B"}}]}"#,
    );
    let said = place.ends(3, &["validate", "x.csv", "--rules", "suite.json", "--fail-on", "error"]);
    assert!(
        said.out.contains("row 100: 99") && said.out.contains("expect_column_values_to_match_regex"),
        "{}",
        said.out
    );
    place.put("constraints.json", r#"{"features": [{"name": "age", "inferred_type": "Integral", "completeness": 1.0, "num_constraints": {"is_non_negative": true}},
        {"name": "id", "inferred_type": "Integral"}, {"name": "city", "inferred_type": "String", "string_constraints": {"domains": ["Bonn", "Mainz"]}}]}"#);
    let found = place.json(0, &["validate", "x.csv", "--rules", "constraints.json", "--fail-on", "warning", "--json"]);
    assert_eq!(found["not_mapped"].as_array().map(Vec::len), Some(2));
    place.put("other.json", "{}");
    place.ends(2, &["validate", "x.csv", "--rules", "other.json"]);
}

#[test]
fn fairness_is_told_by_attribute_and_by_crossing() {
    let place = Place::new();
    let mut text = "sex,town,label,said,score\n".to_owned();
    for at in 0..800_usize {
        let (sex, town) = (["f", "m"][at % 2], ["north", "south"][at / 2 % 2]);
        // All are alike in truth; men are called twice as often.
        let said = if sex == "m" { at % 5 < 4 } else { at % 5 < 2 };
        text.push_str(&format!(
            "{sex},{town},{},{},{}\n",
            u8::from(at % 3 == 0),
            u8::from(said),
            if at % 3 == 0 { 0.9 } else { 0.2 }
        ));
    }
    text.push_str("x,north,1,1,\nf,north,,1,\n");
    place.put("scored.csv", text);
    let asked =
        ["fairness", "scored.csv", "--label", "label", "--prediction", "said", "--group", "sex", "--group", "town"];
    let found = place.json(3, &[&asked[..], &["--json", "--fail-on", "sure", "--score", "score"]].concat());
    assert_eq!((&found["rows"], &found["left_out"], &found["positive"]), (&801.into(), &1.into(), &"1".into()));
    let by: Vec<&Value> = found["attributes"].as_array().expect("attributes").iter().collect();
    assert_eq!(by.len(), 3);
    let parity = &by[0]["criteria"][0];
    assert_eq!((&parity["name"], &parity["verdict"]), (&"demographic_parity".into(), &"sure".into()));
    assert!((parity["difference"].as_f64().expect("a number") - 0.4).abs() < 1e-9, "{parity}");
    assert!((parity["ratio"].as_f64().expect("a number") - 0.5).abs() < 1e-9, "{parity}");
    assert!(parity["difference_interval"]["low"].as_f64().expect("a number") > 0.3, "{parity}");
    assert_eq!(by[0]["groups"][0]["auroc"]["value"], 1.0);
    assert_eq!(by[0]["too_small"][0]["group"], "x");
    assert_eq!(by[1]["criteria"][0]["verdict"], "borne");
    assert_eq!((by[2]["by"].as_array().map(Vec::len), by[2]["groups"].as_array().map(Vec::len)), (Some(2), Some(4)));
    let said = place.ends(0, &[&asked[..], &["--max-difference", "0.5"]].concat());
    assert!(said.out.contains("demographic parity") && said.out.contains("sex × town"), "{}", said.out);
    place.ends(2, &["fairness", "scored.csv", "--label", "label", "--prediction", "town", "--group", "sex"]);
    place.ends(2, &["fairness", "scored.csv", "--label", "none", "--prediction", "said", "--group", "sex"]);
}

#[test]
fn what_is_damaged_is_told_on_stdout_and_steers_no_terminal() {
    let place = Place::new();
    place.put("a.csv", "x,y\n1,2\n3\n");
    place.put("b\u{1b}[2J.csv", "x,y\n1,2\n4,\"open\n5,6\n");
    let said = place.ends(0, &["drift", "a.csv", "b\u{1b}[2J.csv"]);
    assert!(!said.out.contains('\u{1b}'), "{:?}", said.out);
    assert!(said.out.contains("line 3") && said.out.contains("never ends"), "{}", said.out);
    assert!(place.ends(1, &["profile", "nowhere.csv"]).err.contains("no such file"));
}

#[test]
fn a_project_s_monitors_are_watched_without_a_window() {
    let place = Place::new();
    let project = place.0.path().join("project");
    std::fs::create_dir_all(project.join("logs")).expect("a folder");
    // A column that has moved by two deviations, a day later.
    let rows = |day: u32, shift: f64| -> String {
        let line = |i: u32| {
            let x = f64::from((i * 7919) % 1000) / 100.0 + shift;
            format!("2026-11-{day:02}T{:02}:00:00Z,{x},{}\n", i % 24, ["a", "b"][i as usize / 24 % 2])
        };
        "at,x,kind\n".to_owned() + &(0..2000).map(line).collect::<String>()
    };
    let put = |name: &str, text: String| std::fs::write(project.join(name), text).expect("a file");
    put("train.csv", rows(1, 0.0));
    put("logs/same.csv", rows(2, 0.0));
    let folder = project.to_str().expect("text");
    let refused = place.ends(2, &["watch", folder, "--once"]);
    assert!(refused.err.contains("no monitor") && refused.err.contains("[data.NAME]"), "{}", refused.err);
    put("signalbox.toml", "[data.served]\nreference = \"train.csv\"\ncurrent = \"logs\"\ntime = \"at\"\n".into());
    let quiet = place.json(0, &["watch", folder, "--once", "--json", "--fail-on", "drift"]);
    assert_eq!(quiet, serde_json::json!({ "monitor": "served", "drift": false, "judged": true }));
    put("logs/zz_moved.csv", rows(3, 6.0));
    let moved = place.json(3, &["watch", folder, "--once", "--json", "--fail-on", "drift"]);
    assert_eq!((&moved["drift"], &moved["columns"]), (&true.into(), &serde_json::json!(["x"])), "{moved}");
    let unknown = place.ends(2, &["watch", folder, "--name", "none", "--once"]);
    assert!(unknown.err.contains("\"none\""), "{}", unknown.err);
    put("signalbox.toml", "[data.served]\nreference = \"gone.csv\"\ncurrent = \"logs\"\n".into());
    let failed = place.ends(1, &["watch", folder, "--once"]);
    assert!(failed.out.contains("gone.csv"), "{}", failed.out);
}
