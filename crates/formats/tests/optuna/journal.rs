//! Journals that grow, are cut anywhere, replaced, damaged, or larger than a cursor may be.

use std::fs;

use signalbox_formats::{SourceSpec, open};
use signalbox_types::{Cursor, Format, Status};

use crate::{
    known::{
        Known, assert_same,
        project::{append, put},
        read_whole, samples, spec,
    },
    sample::check,
};

fn sample() -> Vec<u8> {
    fs::read(samples().join("optuna/journal.log")).unwrap()
}

struct Rig {
    dir: tempfile::TempDir,
    spec: SourceSpec,
    known: Known,
    cursor: Option<Cursor>,
}

impl Rig {
    fn new(text: &str) -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let spec = spec(Format::OptunaJournal, dir.path(), "a.log");
        let rig = Rig { dir, spec, known: Known::default(), cursor: None };
        put(&rig.path(), text.as_bytes());
        rig
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("a.log")
    }

    fn add(&self, text: &str) {
        append(&self.path(), text.as_bytes());
    }

    fn visit(&mut self) {
        self.known.visit(&self.spec, &mut self.cursor, usize::MAX);
    }

    /// What is known now is what reading the file anew tells.
    fn is_whole(&self) {
        let mut whole = read_whole(&self.spec);
        whole.gone = self.known.gone.clone();
        assert_eq!(self.known, whole);
    }
}

fn op(code: u8, rest: &str) -> String {
    format!("{{\"op_code\":{code},\"worker_id\":\"w-1\",{rest}}}\n")
}

fn study(name: &str) -> String {
    op(0, &format!("\"study_name\":\"{name}\",\"directions\":[1]"))
}

fn trial(study: usize) -> String {
    op(4, &format!("\"study_id\":{study},\"datetime_start\":\"2026-11-21T08:00:00.000000+00:00\""))
}

fn report(trial: usize, step: i64, value: &str) -> String {
    op(7, &format!("\"trial_id\":{trial},\"step\":{step},\"intermediate_value\":{value}"))
}

fn complete(trial: usize, value: &str) -> String {
    let time = "2026-11-21T09:00:00.000000+01:00";
    op(6, &format!("\"trial_id\":{trial},\"state\":1,\"values\":[{value}],\"datetime_complete\":\"{time}\""))
}

#[test]
fn cut_at_any_byte() {
    let text = sample();
    let mut rig = Rig::new("");
    put(&rig.path(), &text);
    let whole = read_whole(&rig.spec);
    for cut in 0..text.len() {
        put(&rig.path(), &text[..cut]);
        (rig.known, rig.cursor) = Default::default();
        rig.visit();
        rig.add(std::str::from_utf8(&text[cut..]).unwrap());
        rig.known.visit(&rig.spec, &mut rig.cursor, 1);
        assert_eq!(rig.known, whole, "cut at {cut}");
    }
    put(&rig.path(), b"");
    let mut reader = open(&rig.spec, None);
    let mut known = Known::default();
    for line in text.chunks(37) {
        rig.add(std::str::from_utf8(line).unwrap());
        known.catch_up(&mut *reader, usize::MAX);
    }
    check(&known, "journal.log", 0);
    let batch = known.catch_up(&mut *reader, usize::MAX);
    assert_eq!((batch.runs.len(), batch.bytes_read), (0, 0), "nothing new costs nothing");
}

#[test]
fn what_cannot_be_is_passed_over_as_optuna_does() {
    let mut rig = Rig::new(&(study("a") + &study("a") + &study("b") + &trial(1) + &trial(0)));
    // Of a study that is not there, and after its end.
    rig.add(&(trial(7) + &complete(0, "0.5") + &complete(0, "9") + &report(0, 1, "1") + &op(10, "\"trial_ids\":[0]")));
    rig.add(&(report(1, 3, "NaN") + &report(1, 3, "-Infinity") + &report(1, 2, "0.25")));
    rig.visit();
    let run = |key: &str| &rig.known.runs[key];
    assert_eq!(rig.known.runs.len(), 4);
    assert_eq!((run("trial:0").name.as_str(), run("trial:1").name.as_str()), ("b/trial 0", "a/trial 0"));
    assert_same(&run("trial:0").values("value"), &[0.5], "the first end counts");
    assert_eq!(run("trial:0").ended, Some(Some(1_795_248_000.0)));
    assert!(!run("trial:0").series.contains_key("intermediate_value"));
    assert_eq!(run("trial:1").steps("intermediate_value"), [3, 3, 2], "as written");
    assert_same(&run("trial:1").values("intermediate_value"), &[f64::NAN, f64::NEG_INFINITY, 0.25], "steps");
    assert_eq!(rig.known.problems.len(), 1, "{:?}", rig.known.problems);
}

#[test]
fn deleted_studies_are_gone_with_their_trials() {
    let mut rig = Rig::new(&(study("a") + &trial(0) + &trial(0) + &study("b") + &trial(1)));
    rig.visit();
    rig.add(&(op(1, "\"study_id\":0") + &report(0, 1, "1") + &trial(0) + &study("a") + &trial(2)));
    rig.visit();
    let keys: Vec<_> = rig.known.runs.keys().map(String::as_str).collect();
    assert_eq!(keys, ["study:1", "study:2", "trial:2", "trial:3"]);
    assert_eq!(rig.known.gone.len(), 3);
    assert_eq!(rig.known.runs["trial:3"].name, "a/trial 0");
    rig.is_whole();
}

#[test]
fn objectives_that_are_named_late() {
    let named = |names: &str| op(3, &format!("\"study_id\":0,\"system_attr\":{{\"study:metric_names\":{names}}}"));
    let mut rig = Rig::new(&(study("a") + &trial(0) + &complete(0, "1") + &trial(0)));
    rig.visit();
    rig.add(&(named("[\"loss\"]") + &complete(1, "2")));
    rig.visit();
    rig.is_whole();
    rig.add(
        &(trial(0) + &complete(2, "3") + &named("[\"loss\"]") + &named("[\"err\"]") + &trial(0) + &complete(3, "4")),
    );
    rig.visit();
    rig.is_whole();
    for (i, value) in [1.0, 2.0, 3.0, 4.0].into_iter().enumerate() {
        let run = &rig.known.runs[&format!("trial:{i}")];
        assert_same(&run.values("err"), &[value], "err");
        assert_eq!(run.series.len(), 1, "not under two names");
    }
    assert_eq!(rig.known.gone.len(), 0);
}

#[test]
fn a_trial_that_is_added_as_a_whole() {
    let rest = r#""study_id":0,"datetime_start":"2024-01-01T00:00:00","datetime_complete":"2024-01-01T01:00:00",
        "state":2,"value":null,"values":[1.5,NaN],"params":{"x":1,"n":3.0},"user_attrs":{"a":"b","hf_token":"hf_x"},
        "distributions":{"x":"{\"name\":\"CategoricalDistribution\",\"attributes\":{\"choices\":[true,false]}}",
        "n":"{\"name\":\"IntDistribution\",\"attributes\":{}}"},"intermediate_values":{"10":2,"9":Infinity}"#;
    let two = op(0, "\"study_name\":\"a\",\"directions\":[1,2]");
    let mut rig = Rig::new(&(two + &op(4, &rest.replace('\n', ""))));
    rig.visit();
    let run = &rig.known.runs["trial:0"];
    assert_eq!((run.params["x"].as_str(), run.params["n"].as_str()), ("bool false", "number 3"));
    assert_eq!(run.steps("intermediate_value"), [9, 10]);
    assert_same(&run.values("value_1"), &[f64::NAN], "value_1");
    assert_eq!((run.status, run.tags["a"].as_str()), (Some(Status::Killed), "b"));
    assert!(!run.tags.contains_key("hf_token"));
    // Optuna 4: local time of a machine that nobody knows.
    assert_eq!((run.started, run.ended), (None, None));
    assert_eq!(run.tags["optuna.datetime_start"], "2024-01-01T00:00:00");
    assert!(run.times("value_0")[0].is_nan());
    assert_eq!(rig.known.problems.len(), 0);
}

#[test]
fn damage_costs_a_line() {
    let long =
        op(4, &format!("\"study_id\":0,\"datetime_start\":null,\"user_attrs\":{{\"x\":\"{}\"}}", "y".repeat(2 << 20)));
    let bad = [
        "not json\n",
        "{\"op_code\":4,\"study_id\":0,\"da\n",
        "[1]\n",
        "{\"op_code\":77}\n",
        "{\"op_code\":5,\"trial_id\":99}\n",
        "{\"op_code\":6,\"trial_id\":0,\"state\":-1}\n",
        &"[".repeat(100_000),
        "\n",
        "\u{fffd}\u{0}\n\n",
    ];
    let mut rig = Rig::new(&(study("a") + &trial(0) + &bad.concat() + &long + &trial(0) + &complete(3, "4")));
    rig.visit();
    assert_eq!(rig.known.problems.len(), 9, "{:?}", rig.known.problems);
    let offset = (study("a") + &trial(0)).len() as u64;
    assert!(rig.known.problems.contains(&("a.log".into(), Some(offset), "Malformed".into())));
    assert!(rig.known.problems.iter().any(|p| p.2 == "TooLarge"));
    // Two that could not be read were trials: the ids of those after them are right.
    assert_same(&rig.known.runs["trial:3"].values("value"), &[4.0], "value");
    assert_eq!(rig.known.runs["trial:3"].name, "a/trial 3");
    assert_eq!(rig.known.runs["study:0"].tags["optuna.trials.COMPLETE"], "1");
    rig.is_whole();
    // A journal of nothing but nonsense does not fill the list.
    put(&rig.path(), "x\n".repeat(10_000).as_bytes());
    rig.visit();
    assert!(rig.known.problems.len() <= 202);
}

#[test]
fn another_journal_of_the_same_name() {
    let first = study("a") + &trial(0) + &report(0, 1, "1") + &trial(0) + &study("z");
    let mut rig = Rig::new(&first);
    rig.visit();
    put(&rig.path(), b"");
    rig.visit();
    assert_eq!(rig.known.runs.len(), 4, "what we know stays until there is something else");
    let second = study("b") + &trial(0) + &report(0, 5, "2");
    put(&rig.path(), second.as_bytes());
    rig.visit();
    assert_eq!(rig.known.runs["trial:0"].steps("intermediate_value"), [5]);
    assert_eq!(rig.known.gone.iter().map(String::as_str).collect::<Vec<_>>(), ["study:1", "trial:1"]);
    rig.is_whole();
    // An id that comes up again brings nothing back.
    rig.add(&(trial(0) + &report(1, 1, "7")));
    rig.visit();
    rig.is_whole();
    // A cursor that is none: everything once.
    rig.cursor = Some(Cursor("?".into()));
    rig.visit();
    rig.is_whole();
    let state = |replay: &str| {
        let rest = r#""t":true,"z":[1,2],"a":null,"g":false,"m":0,"p":0,"x":false"#;
        format!("{{\"f\":{{\"a\":0,\"s\":[0,0],\"h\":0,\"l\":0}},\"r\":{replay},{rest}}}")
    };
    for forged in [
        state(r#"{"s":[],"n":-5,"t":[],"o":{},"k":false}"#),
        state(r#"{"s":[],"n":9,"t":[[0,9,0,0],[1,1,1,0]],"o":{},"k":false}"#),
        state(r#"{"s":[],"n":1,"t":[],"o":{"7":true},"k":false}"#),
        "{}".to_owned(),
    ] {
        rig.cursor = Some(Cursor(forged));
        rig.visit();
        rig.is_whole();
    }
}

/// Two studies by turns: as many spans as trials, more than a cursor may hold.
#[test]
fn a_state_that_is_too_large_is_made_again() {
    let mut text = study("a") + &study("b");
    for i in 0..12_000 {
        text += &trial(i % 2);
        text += &complete(i, "0.5");
    }
    let mut rig = Rig::new(&text);
    rig.known.visit(&rig.spec, &mut rig.cursor, 1 << 16);
    assert!(rig.cursor.as_ref().unwrap().0.len() < 1_000);
    let mut reader = open(&rig.spec, rig.cursor.as_ref());
    let batch = rig.known.catch_up(&mut *reader, 1 << 16);
    assert_eq!((batch.runs.len(), batch.bytes_read), (0, 0));
    rig.add(&(trial(1) + &report(12_000, 3, "1")));
    let mut reader = open(&rig.spec, rig.cursor.as_ref());
    let batch = rig.known.catch_up(&mut *reader, 1 << 16);
    assert_eq!((batch.n_points, batch.runs.len()), (1, 2), "only the news is told");
    assert_eq!(rig.known.runs["trial:12000"].name, "b/trial 6000");
    assert_eq!(rig.known.runs["study:1"].tags["optuna.trials.COMPLETE"], "6000");
    rig.cursor = Some(reader.cursor());
    rig.is_whole();
}

#[test]
fn one_study_of_many_trials_is_a_small_cursor() {
    let mut text = study("a");
    for i in 0..20_000 {
        text += &trial(0);
        if i % 1_000 != 7 {
            text += &complete(i, "0.5");
        }
    }
    let mut rig = Rig::new(&text);
    rig.visit();
    assert!(rig.cursor.as_ref().unwrap().0.len() < 2_000, "{}", rig.cursor.unwrap().0.len());
}
