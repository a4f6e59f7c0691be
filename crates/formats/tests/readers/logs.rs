//! CSV and JSONL logs: what the samples say, and the odd files that people have.

use std::path::Path;

use signalbox_formats::open;
use signalbox_types::{Cursor, Format, ProblemKind};

use crate::known::{Known, assert_same, expected, json_number, json_steps, read_whole, samples, spec};

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(dir.path(), name, text);
    }
    dir
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn read_csv(text: &str) -> Known {
    let dir = project(&[("log.csv", text)]);
    read_whole(&spec(Format::Csv, dir.path(), "log.csv"))
}

#[test]
fn lightning_sample() {
    let expected = expected("lightning");
    for (path, run) in expected["csv_runs"].as_object().unwrap() {
        let known = read_whole(&spec(Format::LightningCsv, &samples().join("lightning"), path));
        assert_eq!(known.problems.len(), 0);
        for (metric, points) in run["metrics"].as_object().unwrap() {
            assert_eq!(known.run().steps(metric), json_steps(&points["steps"]), "{path} {metric}");
            assert_eq!(*known.run().values(metric).last().unwrap(), json_number(&points["last"]));
        }
        // `epoch` is a metric beside the axis `step`, one point a row.
        assert_eq!(known.run().series["epoch"].len() as u64, run["rows"].as_u64().unwrap());
        assert_eq!(known.run().name, path.strip_suffix("/metrics.csv").unwrap());
        let params: Vec<_> = known.run().params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(params, [("hidden", "number 4"), ("lr", "number 0.01"), ("opts", "[1,2]")]);
    }
}

#[test]
fn keras_sample() {
    let expected = &expected("keras")["csv"];
    let known = read_whole(&spec(Format::KerasCsv, &samples().join("keras"), "training.log"));
    let columns = expected["columns"].as_array().unwrap();
    for column in columns.iter().skip(1).map(|c| c.as_str().unwrap()) {
        assert_eq!(known.run().steps(column), [0, 1, 2, 3, 4, 5][..expected["rows"].as_u64().unwrap() as usize]);
        assert_eq!(*known.run().values(column).last().unwrap(), json_number(&expected["last"][column]));
    }
    assert_eq!(known.run().series.len(), columns.len() - 1);
    assert_eq!(known.problems.len(), 0);
}

#[test]
fn ultralytics_sample() {
    let expected = &expected("ultralytics")["runs"]["runs/detect/train"];
    let spec = spec(Format::Ultralytics, &samples().join("ultralytics"), "runs/detect/train/results.csv");
    let known = read_whole(&spec);
    let run = known.run();
    let columns = expected["columns"].as_array().unwrap();
    for column in columns.iter().skip(1).map(|c| c.as_str().unwrap()) {
        assert_eq!(run.steps(column), [1, 2, 3]);
        assert_eq!(*run.values(column).last().unwrap(), json_number(&expected["last"][column]), "{column}");
    }
    assert_eq!(run.params.len() as u64, expected["args_count"].as_u64().unwrap());
    assert_eq!(run.params["lr0"], "number 0.01");
    assert_eq!(run.params["model"], "yolov8n.yaml");
    // Seconds since the start: a metric, not a wall time.
    assert!(run.times("time").iter().all(|t| t.is_nan()));
    assert_eq!(run.name, "runs/detect/train");
}

#[test]
fn jsonl_sample() {
    let rows = expected("generic_logs")["files"]["metrics.jsonl"]["complete_rows"].as_u64().unwrap() as usize;
    let known = read_whole(&spec(Format::Jsonl, &samples().join("generic_logs"), "metrics.jsonl"));
    let run = known.run();
    assert_eq!(known.problems.len(), 0);
    assert_eq!(run.steps("train/loss").len(), rows);
    assert_eq!(run.steps("train/loss"), (0..rows as i64).collect::<Vec<_>>());
    assert_eq!(run.series["epoch"].len(), rows - 1);
    assert_eq!(run.times("lr")[0], 1_795_247_717.5);
    assert!(!run.series.contains_key("time") && !run.series.contains_key("note"));
    assert!(run.values("train/loss").iter().any(|x| x.is_nan()), "a bare NaN is a point");
}

#[test]
fn edge_samples() {
    let cases = &expected("edge")["cases"];
    let partial = read_whole(&spec(Format::LightningCsv, &samples().join("edge"), "lightning_partial/metrics.csv"));
    let rows = cases["lightning_partial/metrics.csv"]["complete_rows"].as_u64().unwrap();
    assert_eq!(partial.run().series["epoch"].len() as u64, rows);
    assert_eq!(partial.problems.len(), 0);
    let rewrite = "lightning_truncated_rewrite/metrics.csv";
    let rewrite = read_whole(&spec(Format::LightningCsv, &samples().join("edge"), rewrite));
    assert_eq!(rewrite.run().series.len(), 0);
}

#[test]
fn cells_that_are_no_numbers() {
    let known = read_csv("step,loss,acc,note\n1,0.5,NA,start\n2,nan,,go on\n3,-inf,0.25,\n4,oops,1,x\n");
    let run = known.run();
    assert_same(&run.values("loss"), &[0.5, f64::NAN, f64::NEG_INFINITY], "loss");
    assert_eq!(run.steps("acc"), [3, 4]);
    assert!(!run.series.contains_key("note"));
    assert_eq!(known.problems.iter().map(|p| p.1).collect::<Vec<_>>(), [Some(60)]);
}

#[test]
fn ragged_rows_are_problems_and_reading_goes_on() {
    let known = read_csv("step,a,b\n1,2,3\n2,9\n3,2,3,4\n4,5,6,\n\n5,7,8\n");
    assert_eq!(known.run().steps("a"), [1, 4, 5]);
    let offsets: Vec<_> = known.problems.iter().map(|p| p.1.unwrap()).collect();
    assert_eq!(offsets, [15, 19]);
}

#[test]
fn separators_quotes_and_line_ends() {
    let crlf = read_csv("\u{feff}\"epoch\";\"loss; train\"\r\n0;0,5\r\n1;\"0,25\"\r\n");
    assert_eq!(crlf.run().values("loss; train"), [0.5, 0.25]);
    assert_eq!(crlf.run().steps("loss; train"), [0, 1]);
    let tabs = read_csv(" Epoch \t loss \n 1 \t 2 \n");
    assert_eq!(tabs.run().values("loss"), [2.0]);
    let quoted = read_csv("step,note,loss\n1,\"two\nlines\",3\n2,\"say \"\"hi\"\"\",4\n");
    assert_eq!(quoted.run().values("loss"), [3.0, 4.0]);
    assert_eq!(quoted.problems.len(), 0);
}

#[test]
fn a_header_in_the_middle_is_not_a_row() {
    let known = read_csv("epoch,loss\n0,1\n1,0.5\nepoch,loss\n2,0.25\n");
    assert_eq!(known.run().steps("loss"), [0, 1, 2]);
    assert_eq!(known.problems.len(), 0);
}

#[test]
fn fractional_and_missing_steps() {
    let fraction = read_csv("epoch,loss\n1,3\n1.5,2\n2,1\n");
    assert_eq!(fraction.run().steps("loss"), [0, 1, 2]);
    assert_eq!(fraction.run().values("epoch"), [1.0, 1.5, 2.0]);
    let batches = read_csv("epoch,batch,loss\n0,0,3\n0,1,2\n1,0,1\n");
    assert_eq!(batches.run().steps("loss"), [0, 1, 2]);
    assert_eq!(batches.run().values("epoch"), [0.0, 0.0, 1.0]);
    let sparse = read_csv("step,loss,val\n5,1,\n,,2\n6,3,\n");
    assert_eq!(sparse.run().steps("val"), [5]);
    let text = read_csv("step,loss\n1,1\nhello,2\n3,3\n");
    assert_eq!(text.run().steps("loss"), [1, 3]);
    assert_eq!(text.problems.len(), 1);
}

#[test]
fn wall_times() {
    let known = read_csv("timestamp,step,loss\n1795247717500,1,3\n2026-11-21T10:10:00Z,2,2\n12,3,1\n");
    assert_same(&known.run().times("loss"), &[1_795_247_717.5, 1_795_255_800.0, f64::NAN], "times");
    assert_eq!(known.run().values("timestamp"), [12.0]);
}

#[test]
fn a_damaged_json_line_is_a_problem() {
    let text = "{\"config\": {\"lr\": 1}}\n{\"step\": 1, \"a\": {\"b\": 2}}\nTraceback:\n[1]\n\n{\"step\": 2, \"a\": {\"b\": 3}, \
                \"ok\": true}\n{\"eval\": 0.5}\n{\"step\": 3";
    let dir = project(&[("log.jsonl", text)]);
    let known = read_whole(&spec(Format::Jsonl, dir.path(), "log.jsonl"));
    assert_eq!(known.run().steps("a/b"), [1, 2]);
    assert_eq!(known.run().steps("eval"), [2]);
    assert_eq!(known.run().series.len(), 2);
    assert_eq!(known.problems.iter().map(|p| p.1.unwrap()).collect::<Vec<_>>(), [49, 60]);
}

#[test]
fn over_long_lines_are_skipped() {
    let long = "9".repeat(3 << 20);
    for (format, name, text) in [
        (Format::Csv, "a.csv", format!("step,x\n1,2\n2,{long}\n3,4\n")),
        (
            Format::Jsonl,
            "a.jsonl",
            format!("{{\"step\":1,\"x\":2}}\n{{\"step\":2,\"x\":{long}}}\n{{\"step\":3,\"x\":4}}\n"),
        ),
    ] {
        let dir = project(&[(name, &text)]);
        let known = read_whole(&spec(format, dir.path(), name));
        assert_eq!(known.run().steps("x"), [1, 3]);
        assert_eq!(known.problems.iter().next().unwrap().2, format!("{:?}", ProblemKind::TooLarge));
    }
}

#[test]
fn many_problems_are_not_all_listed() {
    let known = read_csv(&format!("step,x\n1,2\n{}", "oops\n".repeat(5_000)));
    assert_eq!(known.problems.len(), 201);
}

#[test]
fn bytes_that_are_not_utf8() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("l.csv"), b"step,l\xf6ss\x07,x\n1,2,\xff\n").unwrap();
    let known = read_whole(&spec(Format::Csv, dir.path(), "l.csv"));
    assert_eq!(known.run().values("l\u{fffd}ss\u{fffd}"), [2.0]);
}

#[test]
fn parameters_that_cannot_be_read_are_a_problem_until_they_can() {
    let dir = project(&[("r/results.csv", "epoch,loss\n1,2\n"), ("r/args.yaml", "a: [\n")]);
    let spec = spec(Format::Ultralytics, dir.path(), "r/results.csv");
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.problems.iter().map(|p| p.0.as_str()).collect::<Vec<_>>(), ["r/args.yaml"]);
    write(dir.path(), "r/args.yaml", "imgsz: 64\nmosaic: true\n");
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.problems.len(), 0);
    assert_eq!(known.run().params["imgsz"], "number 64");
    assert_eq!(known.run().params["mosaic"], "bool true");
}

/// A cursor of another version: what was told is not known, so that it is told anew, once.
#[test]
fn a_cursor_that_is_not_understood() {
    let cases = [(Format::Csv, "plain", "loss.csv"), (Format::MlflowSqlite, "mlflow_sqlite", "mlflow.db")];
    for (format, sample, rel) in cases {
        let dir = tempfile::tempdir().unwrap();
        let project = match sample {
            "plain" => {
                std::fs::write(dir.path().join(rel), "step,loss\n0,1\n1,0.5\n").unwrap();
                dir.path().to_owned()
            }
            _ => samples().join(sample),
        };
        let spec = spec(format, &project, rel);
        let whole = read_whole(&spec);
        let mut known = whole.clone();
        known.catch_up(&mut *open(&spec, Some(&Cursor("{\"of\": \"another version\"".into()))), usize::MAX);
        assert_eq!(known, whole, "{rel}");
    }
}
