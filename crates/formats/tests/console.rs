//! What trainings print: the writers' samples, logs that grow and are cut, several trainings in one, and what is never
//! taken for one.

use std::{fmt::Write as _, fs, path::Path};

use signalbox_formats::{Entry, Listing, SourceSpec, recognise};
use signalbox_types::{Cursor, Format};

use self::known::{
    Known, expected,
    project::{self, list, put},
    read_whole, samples, spec,
};

#[allow(dead_code, reason = "shared with the other readers' tests")]
#[path = "readers/known.rs"]
mod known;

fn sample(name: &str) -> Known {
    read_whole(&spec(Format::Console, &samples().join("generic_logs"), name))
}

fn as_i64(value: &serde_json::Value) -> i64 {
    value.as_i64().unwrap()
}

#[test]
fn samples_of_the_writers() {
    let files = &expected("generic_logs")["files"];
    let known = sample("xgboost.log");
    let run = known.run();
    assert_eq!((run.name.as_str(), run.status, run.params.len()), ("xgboost.log", None, 0));
    assert_eq!(run.series.keys().collect::<Vec<_>>(), ["train-mae", "train-rmse", "valid-mae", "valid-rmse"]);
    let steps: Vec<i64> = (0..as_i64(&files["xgboost.log"]["points_each"])).collect();
    run.series.keys().for_each(|metric| assert_eq!(run.steps(metric), steps));
    assert_eq!((run.values("train-rmse")[3], run.values("valid-mae")[9]), (0.18317, 0.14235));
    assert!(run.times("train-rmse")[0].is_nan(), "no line says when it was written");

    let known = sample("lightgbm.log");
    let run = known.run();
    assert_eq!(run.series.keys().collect::<Vec<_>>(), ["valid_0/l1", "valid_0/l2"]);
    assert_eq!(run.steps("valid_0/l2"), (1..=as_i64(&files["lightgbm.log"]["points_each"])).collect::<Vec<_>>());
    assert_eq!((run.values("valid_0/l2")[0], run.values("valid_0/l1")[9]), (0.195444, 0.221345));

    let known = sample("catboost.log");
    let run = known.run();
    assert_eq!(run.series.keys().collect::<Vec<_>>(), ["learn", "test"]);
    assert_eq!(run.steps("test"), (0..as_i64(&files["catboost.log"]["points"])).collect::<Vec<_>>());
    assert_eq!((run.values("learn")[9], run.values("test")[9]), (0.0654802, 0.1449799));

    for (name, loss) in
        [("keras_verbose2.log", [0.7465, 0.5775, 0.4523]), ("keras_verbose1.log", [3.754, 2.8424, 2.1634])]
    {
        let known = sample(name);
        let run = known.run();
        assert_eq!(run.series.keys().collect::<Vec<_>>(), ["loss", "mae", "val_loss", "val_mae"], "{name}");
        assert_eq!(run.steps("loss").len() as i64, as_i64(&files[name]["epochs"]));
        assert_eq!((run.steps("val_mae"), run.values("loss")), (vec![1, 2, 3], loss.to_vec()), "{name}");
    }
    assert_eq!(sample("keras_verbose1.log").run().values("val_mae")[2], 1.1024);

    let known = sample("nanogpt_like.log");
    let run = known.run();
    let about = &files["nanogpt_like.log"];
    assert_eq!(run.steps("loss").len() as i64, as_i64(&about["iter_lines"]));
    assert_eq!(run.steps("val/loss"), (0..as_i64(&about["step_lines"])).map(|i| i * 250).collect::<Vec<_>>());
    assert_eq!((run.values("train/loss")[1], run.values("time_ms")[0], run.values("mfu")[0]), (3.95, 123.45, 12.34));
    assert_eq!(sample("tqdm.log").runs.len(), 0, "a bar alone tells no curve");
}

fn format_of(name: &str, text: &[u8]) -> Option<Format> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(name), text).unwrap();
    list(dir.path(), "").sources.first().map(|s| s.format)
}

#[test]
fn samples_are_recognised_whatever_they_are_called() {
    for writer in ["xgboost", "lightgbm", "catboost", "keras_verbose1", "keras_verbose2", "nanogpt_like"] {
        let text = fs::read(samples().join("generic_logs").join(format!("{writer}.log"))).unwrap();
        for name in ["train.log", "nohup.out", "slurm-123_4.out", "x.stdout", "log.txt", "OUTPUT.LOG"] {
            assert_eq!(format_of(name, &text), Some(Format::Console), "{writer} as {name}");
        }
        for name in ["notes.txt", "000123.txt", "train", "train.md"] {
            assert_eq!(format_of(name, &text), None, "{writer} as {name}");
        }
        let windows = String::from_utf8(text).unwrap().replace('\n', "\r\n");
        assert_eq!(format_of("train.log", windows.as_bytes()), Some(Format::Console), "{writer} of Windows");
    }
    let trainer = "loading\n{'loss': '0.5', 'epoch': '0.4'}\n{'loss': '0.4', 'epoch': '0.8'}\n{'eval_loss': '0.4', 'epoch': '1'}\n";
    assert_eq!(format_of("out.log", trainer.as_bytes()), Some(Format::Console));
    assert_eq!(format_of("training.log", b"epoch,loss\n0,1\n1,0.5\n"), Some(Format::KerasCsv), "as before");
}

fn nasty() -> Vec<(&'static str, String)> {
    let repeated = |n: usize, line: &dyn Fn(usize) -> String| (0..n).map(|i| line(i) + "\n").collect::<String>();
    vec![
        (
            "access.log",
            repeated(500, &|i| {
                format!("127.0.0.1 - - [10/Oct/2026:13:55:{:02}] \"GET /step/{i} HTTP/1.1\" 200 {i}", i % 60)
            }),
        ),
        ("pids.log", repeated(500, &|i| format!("[{i}]\tweb-1:8080\tstatus:200"))),
        ("syslog.log", repeated(500, &|i| format!("[{i}.000000] usb 1-1: loss of sync, step {i}: {i}.5"))),
        ("times.log", repeated(500, &|i| format!("{}:\tlearn: 0.5\tGET /x", i % 60))),
        ("epochs.log", repeated(50, &|i| format!("Epoch {}/50\ntrain Loss: 0.5 Acc: 0.8", i + 1))),
        ("tests.log", repeated(50, &|i| format!("{i}/50 - {i}s - passed: yes"))),
        ("copy.log", repeated(50, &|i| format!("{}/{} - 1s - size: {i}", i + 1, i + 1))),
        ("django.log", repeated(50, &|i| format!("{{'epoch': {i}, 'count': {i}, 'user': 'x'}}"))),
        ("clock.log", repeated(50, &|i| format!("{{'loss': 0.1, 'epoch': {}}}", 1_795_247_717 + i))),
        ("request.log", repeated(50, &|i| format!("POST {{'loss': 0.5, 'epoch': {i}}}"))),
        ("same.log", repeated(50, &|_| "[3]\ttrain-rmse:0.5".to_owned())),
        ("falling.log", repeated(50, &|i| format!("iter {}: loss 1.0, time 1ms", 50 - i))),
        ("two.log", "[0]\ttrain-rmse:0.5\n[1]\ttrain-rmse:0.4\n[2]\ttrain-rmse:0.3".to_owned()),
        ("pip.log", repeated(500, &|i| format!("step {i}: train loss prevention, val loss {i}"))),
        ("quoted.log", repeated(500, &|i| format!("> [{i}]\ttrain-rmse:0.5"))),
        ("bar.log", repeated(1, &|_| "\r 10%|█ | 1/10 [00:01<00:09, 1.0it/s, loss=0.5]".repeat(3_000))),
        ("empty.log", "\n".repeat(10_000)),
        ("binary.out", "\0[0]\ttrain-rmse:0.5\n[1]\ttrain-rmse:0.4\n[2]\ttrain-rmse:0.3\n".to_owned()),
        ("escapes.log", "\u{1b}[".repeat(50_000)),
        ("long.log", "[".repeat(300_000)),
        ("labels_out.txt", repeated(500, &|i| format!("{i} 0.5 0.5 0.1 0.1"))),
    ]
}

#[test]
fn other_logs_are_never_taken_for_one() {
    for (name, text) in nasty() {
        assert_eq!(format_of(name, text.as_bytes()), None, "{name}");
    }
}

#[test]
fn a_training_is_found_in_the_middle_of_other_text_and_stays_one() {
    let dir = tempfile::tempdir().unwrap();
    let noise = "WARNING: something went by\n".repeat(20_000);
    let training: String = (0..400).map(|i| format!("[{i}]\ttrain-rmse:{:.5}\n", 1.0 / f64::from(i + 1))).collect();
    fs::write(dir.path().join("nohup.out"), format!("{noise}{training}")).unwrap();
    let recognised = list(dir.path(), "");
    assert_eq!(recognised.sources.len(), 1, "at its end");
    assert!(recognised.peeked_bytes <= 4 * 4096 + (104 << 10), "{}", recognised.peeked_bytes);
    // Later it is where nobody looks: what was known of it goes on to hold.
    fs::write(dir.path().join("nohup.out"), format!("{noise}{training}{noise}{noise}")).unwrap();
    let recognised = list(dir.path(), "");
    assert_eq!((recognised.sources.len(), recognised.undecided.len()), (0, 1));
    let known = read_whole(&spec(Format::Console, dir.path(), "nohup.out"));
    assert_eq!(known.run().steps("train-rmse").len(), 400);
}

#[test]
fn little_is_read_of_many() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..500 {
        fs::write(dir.path().join(format!("server{i:03}.log")), "GET / 200\n".repeat(20_000)).unwrap();
        fs::write(dir.path().join(format!("{i:06}.txt")), "0 0.5 0.5\n".repeat(1_000)).unwrap();
    }
    fs::copy(samples().join("generic_logs/xgboost.log"), dir.path().join("nohup.out")).unwrap();
    fs::write(dir.path().join("log.csv"), "step,loss\n1,2\n2,1\n").unwrap();
    let recognised = list(dir.path(), "");
    let formats: Vec<_> = recognised.sources.iter().map(|s| s.format).collect();
    assert_eq!(formats, [Format::Csv, Format::Console], "the tables come first, and names of logs before others");
    assert!(recognised.peeked_bytes <= 40 * 4096 + 33 * (104 << 10), "{}", recognised.peeked_bytes);
}

fn log(dir: &tempfile::TempDir) -> SourceSpec {
    spec(Format::Console, dir.path(), "train.log")
}

fn check_cut_anywhere(text: &[u8]) -> Known {
    project::check_cut_anywhere(Format::Console, "train.log", text)
}

#[test]
fn samples_cut_at_any_byte() {
    for writer in ["xgboost", "lightgbm", "catboost", "keras_verbose1", "keras_verbose2"] {
        check_cut_anywhere(&fs::read(samples().join("generic_logs").join(format!("{writer}.log"))).unwrap());
    }
}

#[test]
fn several_trainings_in_one_log() {
    let text = "fold 1\r\n[0]\tvalid-rmse:0.5\r\n[1]\tvalid-rmse:0.4\r\n[2]\tvalid-rmse:0.6\r\nStopping. Best iteration:\r\n\
                [1]\tvalid-rmse:0.4\r\n\nfold 2\n[0]\tvalid-rmse:0.7\n[1]\tvalid-rmse:0.6\n[1]\tvalid-rmse:0.65\n\
                [10]\tvalid_0's l2: 0.3\n[20]\tvalid_0's l2: 0.2\nEarly stopping, best iteration is:\n[10]\tvalid_0's l2: 0.3\n\
                [10]\tvalid_0's l2: 0.9\n[20]\tvalid_0's l2: 0.8\niter 500: loss 3.5, time 1ms\niter 510: loss 3.4, time 1ms\n\
                iter 505: loss 3.45, time 1ms\nno line end: [0]\tvalid-rmse:0.7";
    let known = check_cut_anywhere(text.as_bytes());
    let told: Vec<_> = known.runs.iter().map(|(key, run)| (key.as_str(), run.name.as_str())).collect();
    let names = ["train.log", "train.log #2", "train.log #3", "train.log #4", "train.log #5"];
    assert_eq!(told, ["0", "1", "2", "3", "4"].into_iter().zip(names).collect::<Vec<_>>());
    assert_eq!(known.runs["0"].steps("valid-rmse"), [0, 1, 2], "the best iteration is not told again");
    assert_eq!(known.runs["1"].values("valid-rmse"), [0.7, 0.6, 0.65], "a repeated step is no new training");
    assert_eq!(known.runs["2"].steps("valid_0/l2"), [10, 20]);
    assert_eq!(known.runs["3"].values("valid_0/l2"), [0.9, 0.8]);
    assert_eq!(known.runs["4"].steps("loss"), [500, 510, 505], "resumed from a checkpoint");
}

#[test]
fn epochs_of_keras() {
    let bar = |n: u32, text: &str| {
        format!("\u{1b}[1m{n}/4\u{1b}[0m \u{1b}[32m━━\u{1b}[0m \u{1b}[1m1s\u{1b}[0m 19ms/step - {text}")
    };
    let mut text = String::new();
    for epoch in 1..=2 {
        writeln!(text, "Epoch {epoch}/2").unwrap();
        write!(text, "\r{}{}\r{}\n", bar(1, "loss: 9.0"), "\u{8}".repeat(70), bar(4, &format!("loss: {epoch}.5")))
            .unwrap();
        // A checkpoint was written before the bar was drawn for the last time.
        writeln!(text, "Epoch {epoch}: val_loss improved from inf to 0.25, saving model to x.keras").unwrap();
        write!(text, "{}\r{}\n", "\u{8}".repeat(70), bar(4, &format!("loss: {epoch}.5 - val_loss: 0.{epoch}5")))
            .unwrap();
    }
    // `predict` and `evaluate`, with as many batches, belong to no epoch.
    text +=
        "4/4 - 0s - 2ms/step\n4/4 - 0s - 2ms/step - loss: 7.0\n1/1 [====] - 0s 20ms/step - loss: 8.0 - val_loss: 8.0\n";
    text += "Epoch 1/1\n4/4 - 0s - loss: 0.1\nEpoch 1/1\n4/4 - 0s - loss: 0.2\n";
    let known = check_cut_anywhere(text.as_bytes());
    assert_eq!(known.runs.len(), 3, "{:?}", known.runs);
    let run = &known.runs["0"];
    assert_eq!(
        (run.steps("loss"), run.values("loss"), run.values("val_loss")),
        (vec![1, 2], vec![1.5, 2.5], vec![0.15, 0.25])
    );
    assert_eq!((known.runs["1"].values("loss"), known.runs["2"].values("loss")), (vec![0.1], vec![0.2]));
}

#[test]
fn logs_of_the_trainer_count_lines() {
    let text = "{'loss': '0.9', 'grad_norm': 'nan', 'learning_rate': '5e-05', 'epoch': '0.4'}\n\
                \r 20%|██  | 2/10 [00:01<00:04]\r                \r{'loss': 0.8, 'learning_rate': 4e-05, 'epoch': 0.8}\n\
                {'eval_loss': 0.7, 'eval_note': 'x', 'epoch': 1.0}\n\
                 50%|█████     | 5/10 [00:01<00:01,  4.1it/s]{'loss': inf, 'epoch': 1.2}\n\
                {'train_runtime': 1.5, 'train_loss': 0.8, 'epoch': 1.2}\n{'loss': 0.95, 'epoch': 0.4}\n{'loss': 0.9, 'epoch': 0.8}\n";
    let known = check_cut_anywhere(text.as_bytes());
    assert_eq!(known.runs.len(), 2);
    let run = &known.runs["0"];
    assert_eq!((run.steps("loss"), run.values("loss")), (vec![1, 2, 3], vec![0.9, 0.8, f64::INFINITY]));
    assert_eq!(
        (run.steps("eval_loss"), run.steps("train_runtime")),
        (vec![2], vec![3]),
        "at the last line with a loss"
    );
    assert_eq!(run.values("epoch"), [0.4, 0.8, 1.0, 1.2, 1.2]);
    assert!(run.values("grad_norm")[0].is_nan());
    assert_eq!((known.runs["1"].steps("loss"), known.runs["1"].name.as_str()), (vec![1, 2], "train.log #2"));
}

fn fits(n: usize, value: f64) -> String {
    (0..n).map(|_| format!("[0]\ta-b:{value:.5}\n[1]\ta-b:0.5\n")).collect()
}

#[test]
fn a_log_that_is_written_anew_is_told_anew() {
    let dir = tempfile::tempdir().unwrap();
    let spec = log(&dir);
    let (mut known, mut cursor) = (Known::default(), None);
    put(&spec.path(), fits(3, 0.75).as_bytes());
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.runs.len(), 3);
    let before = known.clone();
    // Truncated, then no training yet: what was there stays.
    put(&spec.path(), b"");
    known.visit(&spec, &mut cursor, usize::MAX);
    put(&spec.path(), b"loading\n");
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known, before);
    put(&spec.path(), format!("loading\n{}", fits(2, 0.25)).as_bytes());
    known.visit(&spec, &mut cursor, 1);
    assert_eq!(known.gone.iter().collect::<Vec<_>>(), ["2"]);
    known.gone.clear();
    assert_eq!(known.runs, read_whole(&spec).runs);
    assert_eq!(known.runs["0"].values("a-b"), [0.25, 0.5]);
    // Longer, of another beginning.
    put(&spec.path(), fits(4, 0.125).as_bytes());
    known.visit(&spec, &mut cursor, 1);
    assert_eq!(known.runs, read_whole(&spec).runs);
    // A cursor that is not understood.
    cursor = Some(Cursor("{\"t\": 3}".into()));
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((known.runs.len(), &known.runs), (4, &read_whole(&spec).runs));
    let batch = known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((batch.bytes_read, batch.runs.len()), (0, 0), "nothing is said twice");
}

#[test]
fn more_trainings_than_are_told_are_one() {
    let dir = tempfile::tempdir().unwrap();
    let spec = log(&dir);
    put(&spec.path(), fits(1_100, 0.75).as_bytes());
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, 1 << 12);
    assert_eq!((known.runs.len(), known.runs["999"].steps("a-b").len()), (1_000, 2 * 101));
    let expected = ("train.log".to_owned(), None, "TooLarge".to_owned());
    assert_eq!(known.problems.iter().collect::<Vec<_>>(), [&expected]);
    assert!(cursor.as_ref().is_some_and(|cursor| cursor.0.len() < 500));
    put(&spec.path(), fits(2, 0.25).as_bytes());
    known.visit(&spec, &mut cursor, 1 << 12);
    assert_eq!((known.runs.len(), known.problems.len(), known.gone.len()), (2, 0, 998));
}

#[test]
fn hostile_lines_tell_nothing() {
    for (name, text) in nasty() {
        let dir = tempfile::tempdir().unwrap();
        put(&dir.path().join("train.log"), text.as_bytes());
        let known = read_whole(&log(&dir));
        assert!(known.problems.is_empty() && known.runs.len() <= 60, "{name}");
    }
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(60_000);
    put(
        &dir.path().join("train.log"),
        format!("[0]\t../\u{1}-{long}:0.5\n[1]\t{}:0.5\n", "a-b:0.5\t".repeat(7_000)).as_bytes(),
    );
    let known = read_whole(&log(&dir));
    assert!(known.run().series.keys().all(|name| name.chars().count() <= 1_000 && !name.contains('\u{1}')));
}

#[cfg(unix)]
#[test]
fn links_out_of_the_project_and_pipes_are_left_alone() {
    let outside = tempfile::tempdir().unwrap();
    fs::copy(samples().join("generic_logs/xgboost.log"), outside.path().join("x.log")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path().join("x.log"), dir.path().join("train.log")).unwrap();
    assert_eq!(list(dir.path(), "").sources, []);
    assert_eq!(read_whole(&log(&dir)).runs.len(), 0);
    fs::remove_file(dir.path().join("train.log")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("train.log")).status().unwrap();
    assert!(made.success());
    let entries = [Entry { name: "train.log".into(), is_dir: false, len: 10 }];
    assert_eq!(recognise(&Listing { project: dir.path(), rel: Path::new(""), entries: &entries }).sources, []);
    assert_eq!(read_whole(&log(&dir)).runs.len(), 0);
}

proptest::proptest! {
    /// Any bytes at all: no panic, and the same whichever way they are cut.
    #[test]
    fn any_bytes(
        text in "(\\[[0-9]{1,2}\\]|\ttrain-rmse:|\tv's l2: |[0-9.]{1,3}|\n|\r|\x1b\\[1m|\x08|Epoch 1/2\n|4/4 - |loss: |\\{'loss': |, 'epoch': |\\}|iter [0-9]: loss 1, time 1ms\n|0:\tlearn: 1\ttotal: |[\\x00-\\x7fé]){0,40}",
        cut in 0_usize..200,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let spec = log(&dir);
        put(&spec.path(), text.as_bytes());
        let whole = read_whole(&spec);
        let (mut known, mut cursor) = (Known::default(), None);
        put(&spec.path(), &text.as_bytes()[..cut.min(text.len())]);
        known.visit(&spec, &mut cursor, usize::MAX);
        put(&spec.path(), text.as_bytes());
        known.visit(&spec, &mut cursor, 1);
        proptest::prop_assert_eq!(known, whole);
    }
}
