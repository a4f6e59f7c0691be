//! Hugging Face's Trainer: the real sample, checkpoints that come and go, other trainings in the same folder, damage.

#[path = "readers/known.rs"]
#[allow(dead_code)]
mod known;

use std::{
    fs,
    path::{Path, PathBuf},
};

use known::{
    Known, assert_same, copy_of, expected,
    project::{check_half_written, list, only, put as put_now, put_aged as put, told},
    read_whole, samples, spec,
};
use signalbox_formats::{Descend, SourceSpec, open};
use signalbox_types::{Cursor, Format};

const STATE: &str = "trainer_state.json";

/// A state after so many steps, a loss at each.
fn state(n_steps: usize, factor: f64) -> String {
    let entry = |i: usize| format!(r#"{{"epoch": {i}.5, "loss": {}, "step": {i}}}"#, i as f64 * factor);
    let entries: Vec<String> = (1..=n_steps).map(entry).collect();
    format!(
        r#"{{"best_metric": null, "epoch": 1.0, "global_step": {n_steps}, "log_history": [{}], "max_steps": 100}}"#,
        entries.join(", ")
    )
}

/// An output directory in a new project, with checkpoints of so many steps each, the last one the newest.
fn output(steps: &[usize]) -> (tempfile::TempDir, SourceSpec) {
    let dir = tempfile::tempdir().unwrap();
    for (i, step) in steps.iter().enumerate() {
        put(&checkpoint(dir.path(), *step), &state(*step, 1.0), 9_000 - i as u64);
    }
    let spec = spec(Format::HfTrainer, dir.path(), "out");
    (dir, spec)
}

fn checkpoint(project: &Path, step: usize) -> PathBuf {
    project.join(format!("out/checkpoint-{step}")).join(STATE)
}

fn check_series(known: &Known, says: &serde_json::Value) {
    let run = known.run();
    let metrics = says["series"].as_object().unwrap();
    let names = metrics.keys().map(String::as_str).chain(["epoch"]);
    assert!(run.series.keys().map(String::as_str).eq(names.collect::<std::collections::BTreeSet<_>>()));
    for (metric, says) in metrics {
        assert_eq!(run.steps(metric), known::json_steps(&says["steps"]), "{metric}");
        assert_eq!(run.values(metric).last().copied(), says["last"].as_f64(), "{metric}");
        assert!(run.times(metric).iter().all(|t| t.is_nan()));
    }
    assert_eq!(run.steps("epoch").len() as u64, says["log_history_entries"].as_u64().unwrap());
}

#[test]
fn the_sample_tells_what_its_files_hold() {
    let says = &expected("hf_trainer")["trainer_state"];
    let known = read_whole(&spec(Format::HfTrainer, &samples().join("hf_trainer"), "out"));
    assert_eq!(known.problems, Default::default());
    check_series(&known, &says["out/trainer_state.json"]);
    let run = known.run();
    assert_eq!((run.name.as_str(), run.status, run.started), ("out", None, None));
    assert_eq!(run.values("loss")[..2], [0.514_454_126_358_032_2, 0.471_641_331_911_087_04]);
    assert_eq!(run.values("epoch")[..3], [0.4, 0.8, 1.0]);
    let params: Vec<(&str, &str)> = run.params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let expected = [
        ("eval_steps", "number 500"),
        ("logging_steps", "number 2"),
        ("max_steps", "number 15"),
        ("num_train_epochs", "number 3"),
        ("save_steps", "number 500"),
        ("train_batch_size", "number 8"),
    ];
    assert_eq!(params, expected);
    let tags: Vec<(&str, &str)> = run.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let expected = [
        ("architectures", "Toy"),
        ("best_global_step", "15"),
        ("best_metric", "0.6003124117851257"),
        ("best_model_checkpoint", "checkpoint-15"),
        ("model_type", "toy"),
    ];
    assert_eq!(tags, expected);
    // One checkpoint, opened as a project.
    for step in [10, 15] {
        let dir = samples().join(format!("hf_trainer/out/checkpoint-{step}"));
        let known = read_whole(&spec(Format::HfTrainer, &dir, ""));
        check_series(&known, &says[format!("out/checkpoint-{step}/{STATE}")]);
        assert_eq!(
            (known.run().name.clone(), known.run().tags["model_type"].as_str()),
            (format!("checkpoint-{step}"), "toy")
        );
    }
}

#[test]
fn a_later_state_tells_what_is_new_and_nothing_twice() {
    let dir = copy_of("hf_trainer");
    let spec = spec(Format::HfTrainer, dir.path(), "out");
    let whole = read_whole(&spec);
    let keep = |name: &str| fs::read(spec.path().join(name)).unwrap();
    let (own, last) = (keep(STATE), keep("checkpoint-15/trainer_state.json"));
    fs::remove_file(spec.path().join(STATE)).unwrap();
    fs::remove_dir_all(spec.path().join("checkpoint-15")).unwrap();
    let (mut known, mut cursor) = (Known::default(), None);
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).n_points, 5 * 3 + 2 * 4 + 7);
    // Its folder is there before its state is.
    fs::create_dir(spec.path().join("checkpoint-15")).unwrap();
    let mut reader = open(&spec, cursor.as_ref());
    assert_eq!(known.catch_up(&mut *reader, usize::MAX).bytes_read, 0);
    assert!(reader.watch_paths().contains(&spec.path().join("checkpoint-15")));
    put_now(&spec.path().join("checkpoint-15").join(STATE), &last);
    let batch = known.catch_up(&mut *reader, 1);
    assert_eq!((batch.n_points, batch.runs[0].reset), (2 * 3 + 4 + 3, false));
    // `save_total_limit`: nothing is lost.
    fs::remove_dir_all(spec.path().join("checkpoint-10")).unwrap();
    assert_eq!(known.catch_up(&mut *reader, usize::MAX).bytes_read, 0);
    put_now(&spec.path().join(STATE), &own);
    cursor = Some(reader.cursor());
    let batch = known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((batch.n_points, batch.runs.len(), batch.runs[0].reset), (6, 1, false));
    let batch = known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((batch.bytes_read, batch.runs.len()), (0, 0));
    // The configuration lay in the checkpoint that is no more.
    put_now(&spec.path().join("config.json"), br#"{"model_type": "toy", "architectures": ["Toy"]}"#);
    assert_eq!(known, whole);
}

#[test]
fn cut_at_any_byte_it_is_as_read_whole() {
    let dir = copy_of("hf_trainer");
    let spec = spec(Format::HfTrainer, dir.path(), "out");
    // Every byte where the file begins, ends, and between its first entries.
    let young = |len: usize| (0..700).chain((700..len).step_by(23)).chain(len - 20..len).collect();
    for name in [STATE, "checkpoint-15/trainer_state.json"] {
        check_half_written(&spec, name, young, |len| (1..len).step_by(41).collect());
        // Without the last word the checkpoint is asked.
        let _ = fs::remove_file(spec.path().join(STATE));
    }
}

#[test]
fn a_damaged_checkpoint_leaves_the_one_before_it() {
    let (dir, spec) = output(&[2, 4]);
    put(&checkpoint(dir.path(), 6), "{\"log_history\": [", 8_000);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.run().steps("loss"), [1, 2, 3, 4]);
    let problem = (format!("out/checkpoint-6/{STATE}"), None, "Malformed".to_owned());
    assert_eq!(known.problems, [problem].into_iter().collect());
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).bytes_read, 0);
    put(&checkpoint(dir.path(), 6), &state(6, 1.0), 7_000);
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).n_points, 4);
    assert_eq!(known, read_whole(&spec));
    // One that was deleted is no trouble any more, and takes nothing along.
    put(&checkpoint(dir.path(), 9), "nonsense", 6_000);
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.problems.len(), 1);
    fs::remove_dir_all(checkpoint(dir.path(), 9).parent().unwrap()).unwrap();
    fs::remove_dir_all(checkpoint(dir.path(), 6).parent().unwrap()).unwrap();
    let batch = known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((known.problems.len(), batch.runs.len()), (0, 0));
    assert_eq!(known.run().steps("loss"), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn another_training_in_the_same_folder_replaces_the_first() {
    let (dir, spec) = output(&[2, 4]);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    // It was resumed from the first checkpoint, and took another way.
    put(&checkpoint(dir.path(), 4), &state(4, 1.0).replace("\"loss\": 3", "\"loss\": 2.5"), 5_000);
    assert!(known.visit(&spec, &mut cursor, usize::MAX).runs[0].reset);
    assert_eq!(known, read_whole(&spec));
    assert_eq!(known.run().values("loss"), [1.0, 2.0, 2.5, 4.0]);
    // A new one, which is not as far yet.
    fs::remove_dir_all(spec.path()).unwrap();
    put(&checkpoint(dir.path(), 3), &state(3, 2.0), 4_000);
    assert!(known.visit(&spec, &mut cursor, usize::MAX).runs[0].reset);
    assert_eq!(known, read_whole(&spec));
    // A metric that is no more.
    put(&checkpoint(dir.path(), 5), &state(5, 2.0).replace("loss", "train_loss"), 3_000);
    assert!(known.visit(&spec, &mut cursor, usize::MAX).runs[0].reset);
    assert_eq!(known, read_whole(&spec));
    // Going on is none.
    put(&checkpoint(dir.path(), 7), &state(7, 2.0).replace("loss", "train_loss"), 2_000);
    let batch = known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((batch.runs[0].reset, batch.n_points), (false, 4));
    assert_eq!(known, read_whole(&spec));
}

#[test]
fn a_folder_that_is_gone_for_a_moment_is_kept() {
    let (dir, spec) = output(&[2]);
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    fs::rename(dir.path().join("out"), dir.path().join("away")).unwrap();
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).runs.len(), 0);
    fs::rename(dir.path().join("away"), dir.path().join("out")).unwrap();
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).bytes_read, 0);
}

#[test]
fn a_foreign_cursor_means_everything_anew() {
    let (_dir, spec) = output(&[2]);
    let mut known = read_whole(&spec);
    let whole = known.clone();
    let mut cursor = Some(Cursor("{\"at\":1}".to_owned()));
    assert!(known.visit(&spec, &mut cursor, usize::MAX).runs[0].reset);
    assert_eq!(known, whole);
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).runs.len(), 0);
    // What is not there cannot be told anew; it is when it comes.
    let away = spec.path().with_file_name("away");
    fs::rename(spec.path(), &away).unwrap();
    let mut cursor = Some(Cursor("nonsense".to_owned()));
    known.visit(&spec, &mut cursor, usize::MAX);
    fs::rename(away, spec.path()).unwrap();
    assert!(known.visit(&spec, &mut cursor, usize::MAX).runs[0].reset);
    assert_eq!(known, whole);
}

#[test]
fn odd_numbers_are_data() {
    let text = r#"{"global_step": 2, "log_history": [{"step": 1, "loss": NaN, "grad_norm": "0.25"},
        {"step": 2, "loss": -Infinity, "grad_norm": "nan", "note": "text"}, {"step": 2, "loss": 1}]}"#;
    let (dir, spec) = output(&[]);
    put(&checkpoint(dir.path(), 2), text, 9_000);
    let known = read_whole(&spec);
    assert_same(&known.run().values("loss"), &[f64::NAN, f64::NEG_INFINITY, 1.0], "loss");
    assert_same(&known.run().values("grad_norm"), &[0.25, f64::NAN], "grad_norm");
    assert_eq!(known.run().steps("loss"), [1, 2, 2]);
    assert_eq!(known.run().series.len(), 2);
}

#[test]
fn hostile_files_are_bounded() {
    let (dir, spec) = output(&[2]);
    put(&checkpoint(dir.path(), 3), &"[".repeat(1 << 20), 8_000);
    put(
        &checkpoint(dir.path(), 4),
        &state(4, 1.0).replace("\"loss\"", &format!("\"../\\u001b{}\"", "y".repeat(5_000))),
        7_000,
    );
    // Names that are almost a checkpoint's.
    for name in ["checkpoint-", "checkpoint--1", "checkpoint-1e3", "checkpoint-99999999999999999999", "checkpoint-５"]
    {
        put(&spec.path().join(name).join(STATE), &state(9, 1.0), 6_000);
    }
    put(&checkpoint(dir.path(), 4).with_file_name("config.json"), &"{\"a\":".repeat(100_000), 6_000);
    let known = read_whole(&spec);
    let metric = known.run().series.keys().next().unwrap();
    assert!(metric.len() < 5_000 && metric.starts_with("../\u{fffd}"), "{metric:.20}");
    assert_eq!((known.run().steps(metric), known.problems.len()), (vec![1, 2, 3, 4], 0));
    // A file of any length is not read.
    fs::OpenOptions::new().write(true).open(checkpoint(dir.path(), 4)).unwrap().set_len(1 << 40).unwrap();
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.run().steps("loss"), [1, 2]);
    let kinds: Vec<_> = known.problems.iter().map(|(path, _, kind)| (path.as_str(), kind.as_str())).collect();
    let expected =
        [("out/checkpoint-3/trainer_state.json", "Malformed"), ("out/checkpoint-4/trainer_state.json", "TooLarge")];
    assert_eq!(kinds, expected);
    assert_eq!(known.visit(&spec, &mut cursor, usize::MAX).bytes_read, 0);
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_project_is_read_and_no_pipe_waited_for() {
    use std::os::unix::fs::symlink;
    let outer = tempfile::tempdir().unwrap();
    put(&outer.path().join("secret/trainer_state.json"), &state(50, 1.0), 9_000);
    put(&outer.path().join("secret/config.json"), r#"{"model_type": "secret"}"#, 9_000);
    let project = outer.path().join("project");
    put(&checkpoint(&project, 2), &state(2, 1.0), 9_000);
    symlink(outer.path().join("secret"), project.join("out/checkpoint-50")).unwrap();
    symlink(outer.path().join("secret/trainer_state.json"), project.join("out/trainer_state.json")).unwrap();
    symlink(outer.path().join("secret/config.json"), project.join("out/checkpoint-2/config.json")).unwrap();
    fs::create_dir(project.join("out/checkpoint-60")).unwrap();
    let pipe = project.join("out/checkpoint-60").join(STATE);
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let known = read_whole(&spec(Format::HfTrainer, &project, "out"));
    assert_eq!((known.run().steps("loss"), known.problems.len(), known.run().tags.len()), (vec![1, 2], 0, 0));
    // A link inside of it is no harm.
    put(&project.join("kept/trainer_state.json"), &state(4, 1.0), 8_000);
    symlink(project.join("kept"), project.join("out/checkpoint-70")).unwrap();
    assert_eq!(read_whole(&spec(Format::HfTrainer, &project, "out")).run().steps("loss"), [1, 2, 3, 4]);
}

#[test]
fn an_output_directory_is_one_source_and_its_event_files_another() {
    let samples = samples();
    let found = list(&samples.join("hf_trainer"), "out");
    assert_eq!(told(&found), [(Format::HfTrainer, "out")]);
    assert_eq!(found.descend, only(&["runs"]));
    assert_eq!(told(&list(&samples.join("hf_trainer"), "out/runs")), [(Format::Tensorboard, "out/runs")]);
    let alone = list(&samples.join("hf_trainer/out/checkpoint-15"), "");
    assert_eq!((told(&alone), &alone.descend), (vec![(Format::HfTrainer, "")], &only(&[])));
    let damaged = list(&samples.join("edge"), "hf_partial");
    assert_eq!(told(&damaged), [(Format::HfTrainer, "hf_partial")]);
}

#[test]
fn what_else_lies_in_an_output_directory_is_told_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let write = |rel: &str, text: &str| put(&dir.path().join(rel), text, 9_000);
    write("checkpoint-5/trainer_state.json", &state(5, 1.0));
    write("checkpoint-7/pytorch_model.bin", "x");
    write("checkpoint-notes/metrics.csv", "step,loss\n1,2\n");
    write("checkpoint-best/trainer_state.json", &state(5, 1.0));
    write("trainer_log.jsonl", "{\"current_steps\": 1, \"loss\": 2, \"epoch\": 0.5}\n");
    write("mlruns/x", "");
    let found = list(dir.path(), "");
    assert_eq!(told(&found), [(Format::HfTrainer, ""), (Format::Jsonl, "trainer_log.jsonl")]);
    let Descend::Only(mut names) = found.descend else { panic!() };
    names.sort();
    assert_eq!(names, ["checkpoint-notes", "mlruns"]);
    // Checkpoints of another tool's, and a state of somebody else's.
    fs::remove_dir_all(dir.path().join("checkpoint-5")).unwrap();
    assert_eq!(told(&list(dir.path(), "")), [(Format::Jsonl, "trainer_log.jsonl")]);
    write("other/trainer_state.json", r#"{"epoch": 5, "optimizer": {}}"#);
    let other = list(dir.path(), "other");
    assert_eq!((told(&other), &other.descend), (vec![], &Descend::All));
}
