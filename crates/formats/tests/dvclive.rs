//! DVCLive's folder in the working tree: the real sample, cuts, the next run in the same folder, damage.

#[path = "readers/known.rs"]
#[allow(dead_code)]
mod known;

use std::{
    fs,
    path::{Path, PathBuf},
};

use known::{
    Known, assert_same, copy_of, expected,
    project::{HOUR, check_half_written, list, put, put_aged},
    read_whole, samples, spec,
};
use signalbox_formats::{Descend, SourceSpec, open};
use signalbox_types::{Cursor, Format};

/// Long ago: a young file that makes no sense is taken for half written.
fn put_old(path: &Path, text: &[u8]) {
    put_aged(path, text, HOUR);
}

/// A folder `dvclive` in a new project.
fn live(files: &[(&str, &str)]) -> (tempfile::TempDir, SourceSpec) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        put(&dir.path().join("dvclive").join(name), text.as_bytes());
    }
    let spec = spec(Format::Dvclive, dir.path(), "dvclive");
    (dir, spec)
}

#[test]
fn the_sample_tells_what_its_files_hold() {
    let known = read_whole(&spec(Format::Dvclive, &samples().join("dvclive/repo"), "dvclive"));
    assert_eq!(known.problems, Default::default());
    let (run, expected) = (known.run(), expected("dvclive"));
    assert!(run.series.keys().eq(["acc", "final", "train/loss"]), "{:?}", run.series.keys());
    for (file, says) in expected["plots_metrics"].as_object().unwrap() {
        let metric = file.strip_suffix(".tsv").unwrap();
        let last = |key: &str| says["last"][key].as_str().map(|text| text.parse::<f64>().unwrap());
        assert_eq!(run.steps(metric), [0, 1, 2, 3, 4]);
        assert_eq!(run.values(metric).last().copied(), last(metric.rsplit('/').next().unwrap()));
        // Milliseconds, where it was asked to write them.
        let time = last("timestamp").map_or(f64::NAN, |ms| ms / 1e3);
        assert_same(&run.times(metric)[4..], &[time], metric);
    }
    assert_eq!(run.values("train/loss"), [1.0, 0.5, 1.0 / 3.0, 0.25, 0.2]);
    // Logged without a plot.
    assert_eq!((run.steps("final"), run.values("final")), (vec![4], vec![3.5]));
    let params: Vec<(&str, &str)> = run.params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(params, [("lr", "number 0.01"), ("model.depth", "number 3"), ("opt", "adam")]);
    assert_eq!((run.name.as_str(), run.status), ("repo", None));
}

#[test]
fn a_folder_of_another_name_is_the_run_s() {
    let known = read_whole(&spec(Format::Dvclive, &samples().join("dvclive/norepo"), "mylogs"));
    let run = known.run();
    assert_eq!(
        (run.name.as_str(), run.steps("loss"), run.values("loss")),
        ("mylogs", vec![0, 1, 2], vec![0.0, 1.0, 2.0])
    );
    assert!(run.series.keys().eq(["loss"]) && run.params.is_empty());
}

#[test]
fn cut_at_any_byte_it_is_as_read_whole() {
    let dir = copy_of("dvclive/repo");
    let spec = spec(Format::Dvclive, dir.path(), "dvclive");
    for name in ["plots/metrics/acc.tsv", "plots/metrics/train/loss.tsv", "metrics.json", "params.yaml"] {
        check_half_written(&spec, name, |len| (0..len).collect(), |_| Vec::new());
    }
}

#[test]
fn a_step_tells_what_is_new_and_nothing_twice() {
    let (dir, spec) = live(&[
        ("plots/metrics/loss.tsv", "step\tloss\n0\t1\n"),
        ("metrics.json", r#"{"loss": 1, "acc": {"top1": "nan"}, "note": "fine", "step": 0}"#),
    ]);
    let file = |name: &str| dir.path().join("dvclive").join(name);
    let (mut reader, mut known) = (open(&spec, None), Known::default());
    known.catch_up(&mut *reader, usize::MAX);
    assert_same(&known.run().values("acc/top1"), &[f64::NAN], "acc");
    put(&file("plots/metrics/loss.tsv"), b"step\tloss\n0\t1\n1\tnan\n");
    put(&file("metrics.json"), br#"{"loss": "nan", "acc": {"top1": 0.5}, "step": 1}"#);
    let batch = known.catch_up(&mut *reader, usize::MAX);
    assert_eq!((batch.n_points, batch.runs[0].reset), (2, false));
    assert_same(&known.run().values("loss"), &[1.0, f64::NAN], "loss");
    assert_eq!((known.run().steps("acc/top1"), known.run().values("acc/top1")), (vec![1], vec![0.5]));
    // Now with a plot: its table takes the place of the last value.
    put(&file("plots/metrics/acc/top1.tsv"), b"step\ttop1\n2\t0.75\n");
    known.catch_up(&mut *reader, usize::MAX);
    assert_eq!((known.run().steps("acc/top1"), known.run().values("acc/top1")), (vec![2], vec![0.75]));
    assert_eq!(known, read_whole(&spec));
    let batch = known.catch_up(&mut *reader, usize::MAX);
    assert_eq!((batch.bytes_read, batch.runs.len()), (0, 0));
    let dirs = ["", "plots", "plots/metrics", "plots/metrics/acc"].map(|name| file(name.trim_end_matches('/')));
    let plain = |path: &PathBuf| path.components().collect::<PathBuf>();
    let mut watched: Vec<PathBuf> = reader.watch_paths().iter().map(plain).collect();
    watched.sort();
    assert_eq!(watched, dirs.iter().map(plain).collect::<Vec<_>>());
}

#[test]
fn the_next_run_in_the_same_folder_replaces_the_first() {
    let (dir, spec) = live(&[
        ("plots/metrics/loss.tsv", "step\tloss\n0\t1\n1\t2\n"),
        ("plots/metrics/acc.tsv", "step\tacc\n0\t1\n"),
        ("metrics.json", r#"{"final": 1, "step": 1}"#),
        ("params.yaml", "lr: 1\nold: 2\n"),
    ]);
    let file = |name: &str| dir.path().join("dvclive").join(name);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    let before = known.clone();
    // `Live()` deletes what is there; nothing new has been logged.
    for name in ["plots/metrics", "plots"] {
        fs::remove_dir_all(file(name)).unwrap();
    }
    fs::remove_file(file("metrics.json")).unwrap();
    fs::remove_file(file("params.yaml")).unwrap();
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known, before);
    put(&file("plots/metrics/loss.tsv"), b"step\tloss\n0\t1\n");
    let batch = known.visit(&spec, &mut cursor, usize::MAX);
    assert!(batch.runs[0].reset);
    assert_eq!(known, read_whole(&spec));
    assert!(known.run().series.keys().eq(["loss"]));
    // Longer, with another beginning.
    put(&file("plots/metrics/loss.tsv"), b"step\tloss\n0\t9\n1\t2\n3\t4\n");
    known.visit(&spec, &mut cursor, 0);
    assert_eq!(known, read_whole(&spec));
    // A parameter that is no longer there.
    put(&file("params.yaml"), b"lr: 1\nold: 2\n");
    known.visit(&spec, &mut cursor, usize::MAX);
    put(&file("params.yaml"), b"lr: 3\n");
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known, read_whole(&spec));
}

#[test]
fn damage_is_told_and_the_rest_is_read() {
    let (dir, spec) = live(&[("plots/metrics/loss.tsv", "step\tloss\n0\t1\nx\t2\n2\t3\n")]);
    let file = |name: &str| dir.path().join("dvclive").join(name);
    put_old(&file("metrics.json"), b"{\"a\": ");
    put_old(&file("params.yaml"), b"- a\n");
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.run().steps("loss"), [0, 2]);
    let problem = |name: &str, offset| (format!("dvclive/{name}"), offset, "Malformed".to_owned());
    let loss = problem("plots/metrics/loss.tsv", Some(14));
    let expected = [problem("metrics.json", None), problem("params.yaml", None), loss.clone()];
    assert_eq!(known.problems, expected.into_iter().collect());
    put_old(&file("metrics.json"), b"{\"a\": NaN}");
    put_old(&file("params.yaml"), b"a: 1\napi_key: x\n");
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.problems, [loss].into_iter().collect());
    assert_same(&known.run().values("a"), &[f64::NAN], "a");
    assert!(known.run().params.keys().eq(["a"]), "no secret");
    assert_eq!(known, read_whole(&spec));
}

#[test]
fn a_foreign_cursor_means_everything_anew() {
    let dir = copy_of("dvclive/repo");
    let spec = spec(Format::Dvclive, dir.path(), "dvclive");
    let mut known = read_whole(&spec);
    let whole = known.clone();
    let batch = known.visit(&spec, &mut Some(Cursor("[]".to_owned())), usize::MAX);
    assert!(batch.runs[0].reset);
    assert_eq!(known, whole);
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_project_is_read() {
    let outer = tempfile::tempdir().unwrap();
    put(&outer.path().join("metrics/secret.tsv"), b"step\tsecret\n0\t1\n");
    put(&outer.path().join("secret.json"), br#"{"secret": 1}"#);
    let project = outer.path().join("project");
    put(&project.join("dvclive/params.yaml"), b"lr: 1\n");
    fs::create_dir_all(project.join("dvclive/plots")).unwrap();
    std::os::unix::fs::symlink(outer.path().join("metrics"), project.join("dvclive/plots/metrics")).unwrap();
    std::os::unix::fs::symlink(outer.path().join("secret.json"), project.join("dvclive/metrics.json")).unwrap();
    let known = read_whole(&spec(Format::Dvclive, &project, "dvclive"));
    assert_eq!((known.run().series.len(), known.run().params.len()), (0, 1));
}

#[test]
fn hostile_files_are_bounded() {
    let deep = "{\"a\":".repeat(100_000);
    let many: String = (0..20_000).map(|i| format!("\"m{i}\":1,")).collect();
    let (dir, spec) = live(&[("metrics.json", &format!("{{{many}\"../x\\u001b\":1,\"step\":5}}"))]);
    let known = read_whole(&spec);
    assert!(known.run().series.len() <= 10_000 && known.run().series.keys().all(|k| !k.contains('\u{1b}')));
    put_old(&dir.path().join("dvclive/metrics.json"), deep.as_bytes());
    assert_eq!(read_whole(&spec).problems.len(), 1);
    let file = fs::OpenOptions::new().write(true).open(dir.path().join("dvclive/metrics.json")).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(read_whole(&spec).problems.iter().all(|(_, _, kind)| kind == "TooLarge"));
}

#[test]
fn a_folder_is_recognised_by_its_curves() {
    let repo = samples().join("dvclive/repo");
    let found = list(&repo, "dvclive");
    assert_eq!((found.sources, found.descend), (vec![spec(Format::Dvclive, &repo, "dvclive")], Descend::None));
    let norepo = samples().join("dvclive/norepo");
    assert_eq!(list(&norepo, "mylogs").sources, [spec(Format::Dvclive, &norepo, "mylogs")]);
    // Its curves are no logs of their own, also where they are seen before the folder is.
    assert_eq!(list(&repo, "dvclive/plots").descend, Descend::Only(vec!["sklearn".into()]));
    assert_eq!(
        (list(&repo, "dvclive/plots/metrics").sources, list(&repo, "dvclive/plots/metrics/train").sources),
        (vec![], vec![])
    );
    // With `Live("results")` of a training that logs elsewhere too, nothing of it is hidden.
    let dir = tempfile::tempdir().unwrap();
    put(&dir.path().join("results/plots/metrics/loss.tsv"), b"timestamp\tstep\tloss\n1\t0\t1\n");
    put(&dir.path().join("results/runs/a/log.csv"), b"step,loss\n0,1\n");
    let found = list(dir.path(), "results");
    assert_eq!((found.sources, found.descend), (vec![spec(Format::Dvclive, dir.path(), "results")], Descend::All));
    // With `Live(".")` the project is looked through all the same.
    let dir = tempfile::tempdir().unwrap();
    put(&dir.path().join("plots/metrics/loss.tsv"), b"timestamp\tstep\tloss\n1\t0\t1\n");
    put(&dir.path().join("history.csv"), b"epoch,loss\n0,1\n");
    let found = list(dir.path(), "");
    let formats: Vec<Format> = found.sources.iter().map(|s| s.format).collect();
    assert_eq!((formats, found.descend), (vec![Format::Dvclive, Format::KerasCsv], Descend::All));
    // Plots of something else, and DVC's metrics.
    put(&dir.path().join("other/plots/metrics/data.tsv"), b"name\tvalue\na\t1\n");
    put(&dir.path().join("other/metrics.json"), b"{\"acc\": 1}");
    assert_eq!(list(dir.path(), "other").sources, []);
    put(&dir.path().join("dvclive/metrics.json"), b"{\"acc\": 1, \"step\": 0}");
    assert_eq!(list(dir.path(), "dvclive").sources[0].format, Format::Dvclive);
}

/// One state of the folder, as a run of number `n_run` leaves it.
fn state(dir: &Path, n_run: u8, loss: usize, acc: Option<usize>, params: u8, cut: usize) {
    let _ = fs::remove_dir_all(dir);
    let table = |n: usize, name: &str| {
        let rows: String = (0..n).map(|i| format!("{i}\t{n_run}.{i}\n")).collect();
        let text = format!("step\t{name}\n{rows}");
        text[..text.len().saturating_sub(cut)].to_owned()
    };
    put(&dir.join("plots/metrics/loss.tsv"), table(loss, "loss").as_bytes());
    if let Some(n) = acc {
        put(&dir.join("plots/metrics/val/acc.tsv"), table(n, "acc").as_bytes());
    }
    let summary =
        format!("{{\"loss\": {n_run}, \"val\": {{\"acc\": {n_run}}}, \"p{params}\": {loss}, \"step\": {loss}}}");
    put(&dir.join("metrics.json"), &summary.as_bytes()[..summary.len() - cut.min(1)]);
    let names: String = (0..params).map(|i| format!("p{i}: {n_run}\n")).collect();
    put(&dir.join("params.yaml"), names.as_bytes());
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(100))]
    #[test]
    fn whatever_was_seen_before_it_ends_as_read_whole(
        states in proptest::collection::vec(
            (1..4_u8, 0..30_usize, proptest::option::of(0..30_usize), 0..4_u8, 0..9_usize), 1..6),
        budget in 1..400_usize,
    ) {
        let (dir, spec) = live(&[]);
        let folder = dir.path().join("dvclive");
        let (mut known, mut cursor) = (Known::default(), None);
        for &(n_run, loss, acc, params, cut) in &states {
            state(&folder, n_run, loss, acc, params, cut);
            known.visit(&spec, &mut cursor, budget);
        }
        // The last one has rows and parameters: until then what was known before may stay.
        state(&folder, 9, 3, None, 1, 0);
        known.visit(&spec, &mut cursor, budget);
        proptest::prop_assert_eq!(known, read_whole(&spec));
    }
}
