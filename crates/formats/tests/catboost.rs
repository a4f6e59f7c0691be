//! CatBoost's `train_dir`: the real sample, cuts, the next fit in the same folder, and what is not CatBoost's.

#[path = "readers/known.rs"]
#[allow(dead_code)]
mod known;

use std::{
    fs,
    path::{Path, PathBuf},
};

use known::{
    Known, assert_same, copy_of, expected,
    project::{append, list, put},
    read_whole, samples, spec,
};
use signalbox_formats::{Descend, SourceSpec, open};
use signalbox_types::{Cursor, Format};

const DIR: &str = "catboost_info";
const TABLES: [&str; 3] = ["learn_error.tsv", "test_error.tsv", "time_left.tsv"];

fn sample_spec(project: &Path) -> SourceSpec {
    spec(Format::Catboost, project, DIR)
}

/// A fit's folder in a new project.
fn fit(files: &[(&str, &str)]) -> (tempfile::TempDir, SourceSpec) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        put(&dir.path().join(DIR).join(name), text.as_bytes());
    }
    let spec = sample_spec(dir.path());
    (dir, spec)
}

#[test]
fn the_sample_tells_what_its_tables_hold() {
    let known = read_whole(&sample_spec(&samples().join("catboost")));
    let run = known.run();
    assert_eq!(known.problems, Default::default());
    let metrics: Vec<&str> = run.series.keys().map(String::as_str).collect();
    assert_eq!(metrics, ["learn/MAE", "learn/RMSE", "test/MAE", "test/RMSE", "time/passed", "time/remaining"]);
    let expected = expected("catboost");
    for (set, file) in [("learn", "learn_error.tsv"), ("test", "test_error.tsv")] {
        let columns = expected[file]["columns"].as_array().unwrap();
        for (column, last) in columns.iter().zip(expected[file]["last"].as_array().unwrap()).skip(1) {
            let column = column.as_str().unwrap();
            let metric = format!("{set}/{column}");
            let last: f64 = last.as_str().unwrap().parse().unwrap();
            assert_eq!(run.values(&metric).last(), Some(&last), "{metric}");
            // The event files hold the same, rounded.
            let events = &expected["tb"]["runs"][format!("catboost_info/{set}")]["tags"][column];
            assert_eq!(run.steps(&metric), known::json_steps(&events["steps"]), "{metric}");
            let rounded: Vec<f64> = run.values(&metric).iter().map(|v| f64::from(*v as f32)).collect();
            assert_same(&rounded, &known::json_numbers(&events["values"]), &metric);
        }
    }
    assert_eq!(run.values("learn/RMSE")[..2], [0.4795742248, 0.4549227994]);
    assert_eq!(run.values("time/passed")[..3], [0.066, 0.066, 0.067]);
    assert_eq!(run.values("time/remaining")[..2], [0.936, 0.435]);
    assert!(run.times("learn/RMSE").iter().all(|t| t.is_nan()));
    let params: Vec<(&str, &str)> = run.params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(params, [("iteration_count", "number 15"), ("launch_mode", "Train"), ("name", "experiment")]);
    assert_eq!((run.name.as_str(), run.status, run.ended), ("catboost", None, None));
}

#[test]
fn the_run_is_named_by_the_folder_that_holds_it() {
    let name = |rel: &str| {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path().join("churn");
        put(&project.join(rel).join("learn_error.tsv"), b"iter\tAUC\n0\t0.5\n");
        read_whole(&spec(Format::Catboost, &project, rel)).run().name.clone()
    };
    assert_eq!(name("catboost_info"), "churn");
    assert_eq!(name("a/b/catboost_info"), "a/b");
    assert_eq!(name("models/deep"), "models/deep");
    assert_eq!(name("a/catboost_info/fold-1"), "a/catboost_info/fold-1");
    assert_eq!(name(""), "churn");
}

/// Puts the whole files there after a reader saw the first bytes of each, and looks at what both visits told.
fn check_cut(project: &Path, texts: &[(PathBuf, Vec<u8>)], cut: impl Fn(usize) -> usize, whole: &Known) {
    let spec = sample_spec(project);
    for (path, text) in texts {
        put(path, &text[..cut(text.len())]);
    }
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    for (path, text) in texts {
        append(path, &text[cut(text.len())..]);
    }
    // However small the budget is, a call reads something.
    known.visit(&spec, &mut cursor, 0);
    assert_eq!(&known, whole);
    let last = known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((last.bytes_read, last.runs.len()), (0, 0));
}

#[test]
fn cut_at_any_byte_it_is_as_read_whole() {
    let dir = copy_of("catboost");
    let whole = read_whole(&sample_spec(dir.path()));
    let names = TABLES.iter().copied().chain(["catboost_training.json"]);
    let texts: Vec<(PathBuf, Vec<u8>)> = names
        .map(|name| dir.path().join(DIR).join(name))
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect();
    for one in &texts {
        for cut in 0..one.1.len() {
            check_cut(dir.path(), std::slice::from_ref(one), |_| cut, &whole);
        }
    }
    for cut in (0..500).step_by(7) {
        check_cut(dir.path(), &texts, |len| cut.min(len), &whole);
    }
}

#[test]
fn the_same_reader_sees_it_grow() {
    let dir = copy_of("catboost");
    let spec = sample_spec(dir.path());
    let whole = read_whole(&spec);
    let path = dir.path().join(DIR).join("learn_error.tsv");
    let text = fs::read(&path).unwrap();
    put(&path, b"");
    let (mut reader, mut known) = (open(&spec, None), Known::default());
    for byte in text {
        append(&path, &[byte]);
        known.catch_up(&mut *reader, usize::MAX);
    }
    assert_eq!(known, whole);
    let mut cursor = Some(reader.cursor());
    assert!(cursor.as_ref().unwrap().0.len() < 2_000);
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).bytes_read, 0);
}

#[test]
fn the_next_fit_in_the_same_folder_replaces_the_run() {
    let meta = |n: u32, sets: &str| {
        format!(
            "{{\n\"meta\":{{\"test_sets\":[{sets}],\"launch_mode\":\"Train\",\"iteration_count\":{n}}},\n\"iterations\":[\n]}}"
        )
    };
    let (dir, spec) = fit(&[
        ("catboost_training.json", &meta(3, "\"test\"")),
        ("learn_error.tsv", "iter\tRMSE\n0\t3\n1\t2\n2\t1\n"),
        ("test_error.tsv", "iter\tRMSE\n0\t5\n1\t4\n2\t3\n"),
        ("time_left.tsv", "iter\tPassed\tRemaining\n0\t1000\t0\n"),
    ]);
    let file = |name: &str| dir.path().join(DIR).join(name);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    let before = known.clone();
    // All are truncated before the first iteration: until it is there the old curves stay.
    for name in TABLES {
        put(&file(name), b"");
    }
    known.visit(&spec, &mut cursor, usize::MAX);
    put(&file("learn_error.tsv"), b"iter\tLogloss\n");
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known, before);
    // The new one is longer, has another metric and no test set: its folder keeps the old fit's test_error.tsv.
    put(&file("test_error.tsv"), b"iter\tRMSE\n0\t5\n1\t4\n2\t3\n");
    put(&file("catboost_training.json"), meta(9, "").as_bytes());
    put(&file("learn_error.tsv"), b"iter\tLogloss\n0\t0.7\n1\t0.6\n2\t0.5\n3\t0.4\n");
    put(&file("time_left.tsv"), b"iter\tPassed\tRemaining\n0\t2000\t500\n");
    let batch = known.visit(&spec, &mut cursor, usize::MAX);
    assert!(batch.runs[0].reset);
    assert_eq!(known, read_whole(&spec));
    let metrics: Vec<&str> = known.run().series.keys().map(String::as_str).collect();
    assert_eq!(metrics, ["learn/Logloss", "time/passed", "time/remaining"]);
    assert_eq!(known.run().params["iteration_count"], "number 9");
    // A shorter one, whose first rows are the same.
    put(&file("learn_error.tsv"), b"iter\tLogloss\n0\t0.7\n1\t0.6\n");
    known.visit(&spec, &mut cursor, 1);
    assert_eq!(known, read_whole(&spec));
    assert_eq!(known.run().steps("learn/Logloss"), [0, 1]);
    // Gone for a moment, then another.
    fs::remove_dir_all(dir.path().join(DIR)).unwrap();
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).runs.len(), 0);
    put(&file("time_left.tsv"), b"iter\tPassed\tRemaining\n0\t3000\t0\n");
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known, read_whole(&spec));
}

#[test]
fn several_test_sets_and_folds_are_named_as_in_the_files() {
    let (_dir, spec) = fit(&[
        ("test_error.tsv", "iter\tRMSE:0\tRMSE\n0\t1\t2\n"),
        ("fold_0_learn_error.tsv", "iter\tRMSE\n0\tnan\n5\tinf\n"),
        ("fold_0_time_left.tsv", "iter\tPassed\tRemaining\n0\t1500\t0\n"),
        ("notes_error.tsv", "iter\tRMSE\n0\t1\n"),
    ]);
    let known = read_whole(&spec);
    let run = known.run();
    let metrics: Vec<&str> = run.series.keys().map(String::as_str).collect();
    let times = ["fold_0_time/passed", "fold_0_time/remaining"];
    assert_eq!(metrics, ["fold_0_learn/RMSE", times[0], times[1], "test/RMSE", "test/RMSE:0"]);
    assert_eq!(run.steps("fold_0_learn/RMSE"), [0, 5]);
    assert_same(&run.values("fold_0_learn/RMSE"), &[f64::NAN, f64::INFINITY], "fold");
    assert_eq!(run.values("fold_0_time/passed"), [1.5]);
}

#[test]
fn damage_is_told_with_its_place_and_the_rest_is_read() {
    let (dir, spec) = fit(&[
        ("catboost_training.json", "{\"meta\":[1]}"),
        ("learn_error.tsv", "iter\tRMSE\n0\t3\n\u{0}x\n2\toops\n3\t1\n"),
        ("time_left.tsv", "iter\tPassed\tRemaining\n0\t10\t0\n"),
    ]);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.run().steps("learn/RMSE"), [0, 3]);
    let problem = |name: &str, offset, kind: &str| (format!("{DIR}/{name}"), offset, kind.to_owned());
    let expected = [
        problem("catboost_training.json", None, "Malformed"),
        problem("learn_error.tsv", Some(14), "Malformed"),
        problem("learn_error.tsv", Some(17), "Malformed"),
    ];
    assert_eq!(known.problems, expected.into_iter().collect());
    // Half of it again: nobody's damage, and what was said of it still holds.
    put(&dir.path().join(DIR).join("catboost_training.json"), b"{\n\"meta\":{\"name\":\"x\"");
    assert!(known.visit(&spec, &mut cursor, usize::MAX).problems.is_empty());
    put(&dir.path().join(DIR).join("catboost_training.json"), b"{\n\"meta\":{\"name\":\"x\"}}");
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.problems.len(), 2);
    assert_eq!(known.run().params["name"], "x");
    // Mended as a whole.
    put(&dir.path().join(DIR).join("learn_error.tsv"), b"iter\tRMSE\n0\t3\n1\t2\n");
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known, read_whole(&spec));
    assert_eq!(known.problems, Default::default());
}

#[test]
fn a_foreign_cursor_means_everything_anew() {
    let dir = copy_of("catboost");
    let spec = sample_spec(dir.path());
    let mut known = read_whole(&spec);
    let whole = known.clone();
    let batch = known.visit(&spec, &mut Some(Cursor("not ours".to_owned())), usize::MAX);
    assert!(batch.runs[0].reset);
    assert_eq!(known, whole);
}

#[test]
fn steps_that_are_no_whole_numbers_are_counted() {
    let rows: String = (0..4_000).map(|i| format!("{i}\t0.5\n")).collect();
    let (_dir, spec) = fit(&[("learn_error.tsv", &format!("iter\tRMSE\n{rows}0.5\t1\n"))]);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, 1);
    assert_eq!(known.run().series["learn/RMSE"].len(), 4_001);
    assert_eq!(known, read_whole(&spec));
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_project_is_read_and_no_pipe_waited_for() {
    let outer = tempfile::tempdir().unwrap();
    put(&outer.path().join("secret.tsv"), b"iter\tRMSE\n0\t1\n");
    let project = outer.path().join("project");
    put(&project.join(DIR).join("learn_error.tsv"), b"iter\t../../RMSE\x1b[31m\n0\t1\n");
    std::os::unix::fs::symlink(outer.path().join("secret.tsv"), project.join(DIR).join("test_error.tsv")).unwrap();
    let pipe = project.join(DIR).join("time_left.tsv");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let known = read_whole(&sample_spec(&project));
    let metrics: Vec<&str> = known.run().series.keys().map(String::as_str).collect();
    assert_eq!(metrics, ["learn/../../RMSE\u{fffd}[31m"]);
}

#[test]
fn hostile_files_are_bounded() {
    let (_dir, spec) = fit(&[
        ("catboost_training.json", &format!("{{\"meta\":{{\"name\":\"{}\"}}}}", "x".repeat(1 << 20))),
        ("learn_error.tsv", &"iter\t".repeat(100_000)),
        ("test_error.tsv", &format!("iter\tRMSE\n{}\n0\t1\n", "9".repeat(3 << 20))),
    ]);
    let known = read_whole(&spec);
    assert_eq!(known.run().steps("test/RMSE"), [0]);
    let kinds: Vec<&str> = known.problems.iter().map(|(_, _, kind)| kind.as_str()).collect();
    assert_eq!(kinds, ["Malformed", "TooLarge"]);
}

#[test]
fn any_folder_can_be_a_train_dir() {
    let recognised = list(&samples().join("catboost"), DIR);
    assert_eq!(recognised.sources, [sample_spec(&samples().join("catboost"))]);
    assert_eq!(recognised.descend, Descend::None);
    // With `train_dir="."` the project's own folders and logs are still looked at.
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("learn_error.tsv", "iter\tRMSE\n0\t1\n1\t1\n"),
        ("test_error.tsv", "iter\tRMSE\n0\t1\n1\t1\n"),
        ("time_left.tsv", "iter\tPassed\tRemaining\n0\t1\t0\n"),
        ("history.csv", "epoch,loss\n0,1\n"),
        ("learn/events.out.tfevents", ""),
        ("test1/events.out.tfevents", ""),
        ("fold_1_learn/events.out.tfevents", ""),
        ("test/test_model.py", ""),
        ("fold-0/catboost_training.json", ""),
    ] {
        put(&dir.path().join(name), text.as_bytes());
    }
    let mut recognised = list(dir.path(), "");
    let formats: Vec<Format> = recognised.sources.iter().map(|s| s.format).collect();
    assert_eq!(formats, [Format::Catboost, Format::KerasCsv]);
    if let Descend::Only(names) = &mut recognised.descend {
        names.sort();
    }
    assert_eq!(recognised.descend, Descend::Only(vec!["fold-0".into(), "fold_1_learn".into(), "test".into()]));
    assert_eq!(list(dir.path(), "fold-0").sources[0].format, Format::Catboost);
    // One such table alone is anybody's.
    fs::remove_file(dir.path().join("time_left.tsv")).unwrap();
    fs::remove_dir_all(dir.path().join("learn")).unwrap();
    assert!(list(dir.path(), "").sources.iter().all(|s| s.format != Format::Catboost));
}

/// One state of a fit's folder: rows of the first table, of the second, and whether there is a test set.
fn state(dir: &Path, fit: u8, learn: usize, test: Option<usize>, cut: usize) {
    let table = |n: usize, name: &str| {
        let rows: String = (0..n).map(|i| format!("{i}\t{fit}.{i}\n")).collect();
        let text = if n == 0 { String::new() } else { format!("iter\t{name}\n{rows}") };
        text[..text.len().saturating_sub(cut)].to_owned()
    };
    put(&dir.join("learn_error.tsv"), table(learn, "RMSE").as_bytes());
    let _ = fs::remove_file(dir.join("test_error.tsv"));
    if let Some(n) = test {
        put(&dir.join("test_error.tsv"), table(n, "MAE").as_bytes());
    }
    let sets = if test.is_some() { "\"test\"" } else { "" };
    let meta = format!(
        "{{\"meta\":{{\"test_sets\":[{sets}],\"launch_mode\":\"Train\",\"iteration_count\":{fit}}},\"iterations\":["
    );
    put(&dir.join("catboost_training.json"), meta.as_bytes());
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(300))]
    #[test]
    fn whatever_was_seen_before_it_ends_as_read_whole(
        states in proptest::collection::vec((1..4_u8, 0..30_usize, proptest::option::of(0..30_usize), 0..9_usize), 1..6),
        budget in 1..400_usize,
    ) {
        let (dir, spec) = fit(&[]);
        let (mut known, mut cursor) = (Known::default(), None);
        for &(fit, learn, test, cut) in &states {
            state(&dir.path().join(DIR), fit, learn, test, cut);
            known.visit(&spec, &mut cursor, budget);
        }
        // The last one has rows: until then what was known before may stay.
        state(&dir.path().join(DIR), 9, 3, Some(2), 0);
        known.visit(&spec, &mut cursor, budget);
        proptest::prop_assert_eq!(known, read_whole(&spec));
    }
}
