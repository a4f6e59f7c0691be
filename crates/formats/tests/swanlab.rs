//! SwanLab's run directories. The framing and the reader are W&B's, and tested there.

#[path = "wandb/told.rs"]
mod told;
#[path = "wandb/write.rs"]
#[allow(dead_code, reason = "half of it writes W&B's records")]
mod write;

use std::{collections::BTreeSet, fs, path::Path};

use signalbox_formats::{Descend, Entry, Listing, MediaBody, recognise};
use signalbox_types::{Format, MediaKind, ProblemKind, Status};

use told::{Told, append, expected, put, read_whole, samples, spec};
use write::{bytes, framed, int};

const DIR: &str = "swanlog/run-20260102_030405-abc";
const LOG: &str = "swanlog/run-20260102_030405-abc/run-abc.swanlab";
const PREAMBLE: &[u8; 7] = b":SWL\xd6\xe1\x02";

#[test]
fn every_sample_holds_what_its_expected_json_says() {
    let project = samples().join("swanlab");
    let expected = expected("swanlab");
    for (log, says) in expected["runs"].as_object().unwrap() {
        let told = read_whole(&spec(Format::Swanlab, &project, log.rsplit_once('/').unwrap().0));
        let mut metrics = BTreeSet::new();
        for (name, series) in says["series"].as_object().unwrap().iter().filter(|(_, s)| s["kind"] != "media") {
            metrics.insert(name.as_str());
            let line = told.line(name);
            let steps: Vec<i64> = series["steps"].as_array().unwrap().iter().map(|s| s.as_i64().unwrap()).collect();
            assert_eq!(line.iter().map(|p| p.0).collect::<Vec<_>>(), steps, "{log} {name}");
            assert_eq!(line.last().map(|p| p.1), series["last"].as_f64(), "{log} {name}");
        }
        assert_eq!(told.metrics(), metrics, "{log}");
        let losses: Vec<f64> = (0..10).map(|s| 1.0 / f64::from(s + 1)).collect();
        assert_eq!(told.line("train/loss").iter().map(|p| p.1).collect::<Vec<_>>(), losses);
        assert_eq!(told.name(), says["start"]["name"], "{log}");
        assert_eq!(told.head.experiment.as_deref(), Some("demo"));
        assert_eq!((told.tags["swanlab.tags"].as_str(), told.tags["swanlab.description"].as_str()), ("a", "desc"));
        assert_eq!((told.tags["swanlab.host"].as_str(), told.tags["swanlab.python"].as_str()), ("vm", "3.11.7"));
        assert_eq!((told.params["lr"].as_str(), told.params["m.d"].as_str()), ("number 0.01", "number 3"));
        assert_eq!((told.params.len(), told.tags.len(), told.problems.len()), (2, 4, 0), "{log}");
        assert_eq!(told.status(), Some(Status::Finished), "{log}");
        assert!(!told.everything().contains("/home/"), "{log}");
        let spec = spec(Format::Swanlab, &project, log.rsplit_once('/').unwrap().0);
        let (image, MediaBody::Bytes(png)) = told.held(&spec, "img") else { panic!("an image") };
        assert_eq!((image.kind, image.step, png.starts_with(b"\x89PNG")), (MediaKind::Image, 10, true), "{log}");
        let (text, said) = told.held(&spec, "txt");
        assert_eq!((text.kind, text.step, said), (MediaKind::Text, 10, MediaBody::Text("hi".into())), "{log}");
    }
    let local = read_whole(&spec(Format::Swanlab, &project, "swanlog-local/run-20261121_081656-8mebwr6f"));
    assert_eq!(local.head.started, Some(1_795_249_016.391_278));
    assert_eq!(local.head.ended, Some(Some(1_795_249_017.001_356)));
    assert_eq!(local.times("acc")[0], 1_795_249_016.948_528);
}

#[test]
fn a_sample_cut_at_any_byte() {
    let sample = "swanlog-offline/run-20261121_081655-xsev0dy4/run-xsev0dy4.swanlab";
    let log = fs::read(samples().join("swanlab").join(sample)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LOG);
    let spec = spec(Format::Swanlab, dir.path(), DIR);
    put(&path, &log);
    let whole = read_whole(&spec);
    assert_eq!(whole.line("acc").len(), 10);
    for cut in 0..log.len() {
        put(&path, &log[..cut]);
        let (mut told, mut cursor) = (Told::default(), None);
        told.visit(&spec, &mut cursor, usize::MAX);
        append(&path, &log[cut..]);
        told.visit(&spec, &mut cursor, 1);
        assert_eq!(told, whole, "cut at {cut}");
    }
}

fn told_of(records: &[Vec<u8>]) -> Told {
    let dir = tempfile::tempdir().unwrap();
    put(&dir.path().join(LOG), &framed(PREAMBLE, records));
    read_whole(&spec(Format::Swanlab, dir.path(), DIR))
}

fn scalar(key: &str, step: i64, value: Option<f64>) -> Vec<u8> {
    let number = value.map_or_else(Vec::new, |v| [&[1 << 3 | 1][..], &v.to_le_bytes()].concat());
    bytes(13, &[bytes(1, key.as_bytes()), int(2, step), bytes(5, &number)].concat())
}

#[test]
fn values_and_ends() {
    let system = bytes(12, &[int(1, 2), bytes(3, b"__swanlab__.gpu.0.pct")].concat());
    let told = told_of(&[
        scalar("zero", 3, None),
        scalar("nan", -1, Some(f64::NAN)),
        scalar("nan", -1, Some(f64::NEG_INFINITY)),
        system,
        scalar("__swanlab__.gpu.0.pct", 0, Some(50.0)),
        bytes(11, &[int(1, 2), bytes(2, b"Traceback: hunter2"), bytes(3, &int(1, 99))].concat()),
    ]);
    assert_eq!(told.line("zero"), [(3, 0.0)]);
    assert!(told.line("nan")[0].1.is_nan() && told.line("nan")[1] == (-1, f64::NEG_INFINITY));
    assert_eq!(told.line("system/gpu.0.pct"), [(0, 50.0)]);
    assert_eq!((told.name(), told.status(), told.head.ended), ("abc", Some(Status::Failed), Some(Some(99.0))));
    assert!(!told.everything().contains("hunter2"));
    let status = |state| told_of(&[bytes(11, &int(1, state))]).status();
    assert_eq!([0, 1, 3, 9].map(status), [None, Some(Status::Finished), Some(Status::Killed), None]);
}

#[test]
fn another_file_and_another_version() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LOG);
    let spec = spec(Format::Swanlab, dir.path(), DIR);
    let (mut told, mut cursor) = (Told::default(), None);
    put(&path, b":SWL\xd6\xe1\x03later");
    told.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(told.problems.iter().map(|p| p.2).collect::<Vec<_>>(), [ProblemKind::Unsupported]);
    for n in [9, 4, 6] {
        let rows: Vec<_> = (0..n).map(|step| scalar("loss", step, Some((step * n) as f64))).collect();
        put(&path, &framed(PREAMBLE, &rows));
        told.visit(&spec, &mut cursor, usize::MAX);
        assert_eq!((told.line("loss").len() as i64, told.problems.len()), (n, 0));
    }
}

#[test]
fn what_is_recognised() {
    let project = samples().join("swanlab");
    let listed = |project: &Path, rel: &str| {
        let entries = fs::read_dir(project.join(rel)).unwrap().flatten().map(|e| {
            let metadata = fs::metadata(e.path()).unwrap();
            Entry { name: e.file_name(), is_dir: metadata.is_dir(), len: metadata.len() }
        });
        let found = recognise(&Listing { project, rel: Path::new(rel), entries: &entries.collect::<Vec<_>>() });
        (found.sources.iter().map(|s| s.format).collect::<Vec<_>>(), found.descend)
    };
    assert_eq!(listed(&project, "swanlog-local"), (vec![], Descend::All));
    let run = "swanlog-local/run-20261121_081656-8mebwr6f";
    assert_eq!(listed(&project, run), (vec![Format::Swanlab], Descend::None));
    let dir = tempfile::tempdir().unwrap();
    put(&dir.path().join(DIR).join("files/config.yaml"), b"lr: {value: 1}");
    put(&dir.path().join(DIR).join("files/swanlab-metadata.json"), b"{}");
    assert_eq!(listed(dir.path(), DIR), (vec![Format::Swanlab], Descend::None));
    assert_eq!(read_whole(&spec(Format::Swanlab, dir.path(), DIR)).params["lr"], "number 1");
}
