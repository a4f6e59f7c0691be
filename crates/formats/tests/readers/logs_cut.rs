//! Logs that grow, are cut at any byte, rewritten or replaced.

use std::{fs, io::Write};

use signalbox_formats::{open, parse_log};
use signalbox_types::{Format, Points};

use crate::known::{
    Known,
    project::{check_cut_anywhere, put},
    read_whole, samples, spec,
};

fn sample(path: &str) -> Vec<u8> {
    fs::read(samples().join(path)).unwrap()
}

#[test]
fn samples_cut_at_any_byte() {
    let lightning = sample("lightning/lightning_logs/version_0/metrics.csv");
    check_cut_anywhere(Format::LightningCsv, "metrics.csv", &lightning);
    check_cut_anywhere(Format::LightningCsv, "metrics.csv", &sample("edge/lightning_partial/metrics.csv"));
    check_cut_anywhere(Format::KerasCsv, "training.log", &sample("keras/training.log"));
    check_cut_anywhere(Format::Ultralytics, "results.csv", &sample("ultralytics/runs/detect/train/results.csv"));
    check_cut_anywhere(Format::Jsonl, "metrics.jsonl", &sample("generic_logs/metrics.jsonl"));
}

#[test]
fn damaged_logs_cut_at_any_byte() {
    let csv =
        "\r\n\u{feff}step,note,loss\r\n1,\"a\nb\",2\r\n2,x\n\n3,\"\"\"\",oops\n4,y,1\nstep,note,loss\n5,z,nan\n6,é,7";
    check_cut_anywhere(Format::Csv, "a.csv", csv.as_bytes());
    check_cut_anywhere(Format::Csv, "fraction.csv", b"epoch;loss\n1;3\n1,5;2\n2;1\n");
    check_cut_anywhere(Format::Csv, "time.csv", b"time,step,loss\n1795247717.5,1,3\n2026-11-21,2,2\n");
    check_cut_anywhere(
        Format::Jsonl,
        "a.jsonl",
        b"\n{\"step\":1,\"x\":NaN}\nnot json\n{\"epoch\":2,\"x\":1}\r\n{\"step\":1.5}\n",
    );
}

#[test]
fn a_stray_quote_cut_anywhere() {
    let csv = format!("step,loss\n1,\"oops\n{}", (2..90).map(|i| format!("{i},1\n")).collect::<String>());
    check_cut_anywhere(Format::Csv, "a.csv", csv.as_bytes());
}

#[test]
fn only_what_was_appended_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.csv");
    let rows: String = (0..50_000).map(|i| format!("{i},0.5,0.25\n")).collect();
    fs::write(&path, format!("step,loss,acc\n{rows}")).unwrap();
    let spec = spec(Format::Csv, dir.path(), "log.csv");
    let mut reader = open(&spec, None);
    let mut known = Known::default();
    let first = known.catch_up(&mut *reader, 1 << 16);
    assert!(first.bytes_read > rows.len() as u64);
    assert_eq!(first.n_points, 100_000);
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"50000,0.5,0.25\n").unwrap();
    let second = known.catch_up(&mut *reader, 1 << 16);
    assert_eq!(second.n_points, 2);
    assert!(second.bytes_read < 1_000, "{} bytes for one row", second.bytes_read);
    let third = known.catch_up(&mut *reader, 1 << 16);
    assert_eq!((third.bytes_read, third.runs.len()), (0, 0));
    // A restart reads the header again, not the rows.
    let mut cursor = Some(reader.cursor());
    file.write_all(b"50001,0.5,0.25\n").unwrap();
    let fourth = known.visit(&spec, &mut cursor, 1 << 16);
    assert_eq!(fourth.n_points, 2);
    assert!(fourth.bytes_read < 1_000, "{} bytes for one row", fourth.bytes_read);
}

#[test]
fn lightning_rewrites_its_file_with_a_wider_header() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("metrics.csv");
    let spec = spec(Format::LightningCsv, dir.path(), "metrics.csv");
    let (mut known, mut cursor) = (Known::default(), None);
    fs::write(dir.path().join("hparams.yaml"), "lr: 1\n").unwrap();
    fs::write(&path, "epoch,step,loss\r\n0,1,0.5\r\n0,2,0.25\r\n").unwrap();
    known.visit(&spec, &mut cursor, usize::MAX);
    let before = known.clone();
    // Truncated, then the header only: what was there stays.
    fs::write(&path, "").unwrap();
    known.visit(&spec, &mut cursor, usize::MAX);
    fs::write(&path, "epoch,step,loss,val_loss\r\n").unwrap();
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known, before);
    fs::write(&path, "epoch,step,loss,val_loss\r\n0,1,0.5,\r\n0,2,0.25,\r\n0,2,,0.75\r\n").unwrap();
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.run().steps("loss"), [1, 2]);
    assert_eq!(known.run().steps("val_loss"), [2]);
    assert_eq!(known.run().params["lr"], "number 1");
}

#[test]
fn a_file_of_the_same_length_or_longer_may_be_another() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("results.csv");
    let spec = spec(Format::Csv, dir.path(), "results.csv");
    let (mut known, mut cursor) = (Known::default(), None);
    fs::write(&path, "epoch,loss\n1,5\n2,6\n").unwrap();
    known.visit(&spec, &mut cursor, usize::MAX);
    fs::write(&path, "epoch,loss\n1,7\n2,8\n3,9\n").unwrap();
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.run().values("loss"), [7.0, 8.0, 9.0]);
    // Rewritten as a whole with the same beginning: nothing is said twice.
    fs::write(&path, "epoch,loss\n1,7\n2,8\n3,9\n4,1\n").unwrap();
    let batch = known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(batch.n_points, 1);
    // Gone, and back as it was.
    let text = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    known.visit(&spec, &mut cursor, usize::MAX);
    fs::write(&path, text).unwrap();
    let batch = known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((batch.n_points, batch.runs.len()), (0, 0));
    assert_eq!(known.run().values("loss"), [7.0, 8.0, 9.0, 1.0]);
}

#[test]
fn a_cursor_of_another_kind_means_from_the_beginning() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.csv"), "step,x\n1,2\n").unwrap();
    let spec = spec(Format::Csv, dir.path(), "a.csv");
    for text in ["", "null", "{\"v\":9}", "[1,2"] {
        let mut known = Known::default();
        known.visit(&spec, &mut Some(signalbox_types::Cursor(text.into())), usize::MAX);
        assert_eq!(known.run().steps("x"), [1]);
    }
}

proptest::proptest! {
    /// Any bytes at all: no panic, columns of one length, and the same whichever way they are fed.
    #[test]
    fn any_bytes(text in "(step|epoch|loss|[0-9.,;\"\\t\\r\\n{}:a-zN\\x00-\\x7fé-]){0,60}", cut in 0_usize..200) {
        for (format, name) in [(Format::Csv, "x.csv"), (Format::KerasCsv, "x.csv"), (Format::Jsonl, "x.jsonl")] {
            let batch = parse_log(format, text.as_bytes(), &[cut]);
            let one_length = |p: &Points| p.steps.len() == p.values.len() && p.times.len() == p.values.len();
            proptest::prop_assert!(batch.runs[0].series.iter().all(|s| one_length(&s.points)));
            let dir = tempfile::tempdir().unwrap();
            let spec = spec(format, dir.path(), name);
            put(&dir.path().join(name), text.as_bytes());
            let whole = read_whole(&spec);
            let (mut known, mut cursor) = (Known::default(), None);
            put(&dir.path().join(name), &text.as_bytes()[..cut.min(text.len())]);
            known.visit(&spec, &mut cursor, usize::MAX);
            put(&dir.path().join(name), text.as_bytes());
            known.visit(&spec, &mut cursor, usize::MAX);
            proptest::prop_assert_eq!(known, whole);
        }
    }
}
