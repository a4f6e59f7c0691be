//! Guild's run directories: the sample, a run's life, and what is never opened.

use std::{fs, path::PathBuf};

use signalbox_formats::{SourceSpec, open};
use signalbox_types::{Batch, Cursor, Format, Lifecycle, Status};

use self::known::{
    Known, copy_of, expected,
    project::{list, walk},
    read_whole, samples, spec,
};

#[allow(dead_code, reason = "shared with the other readers' tests")]
#[path = "readers/known.rs"]
mod known;

const RUN: &str = ".guild/runs/58b244b232f34605a167ecd1febd1ded";

#[test]
fn sample() {
    let expected = expected("guild");
    for (dir, run) in expected["runs"].as_object().unwrap() {
        let rel = dir.strip_suffix("/.guild").unwrap();
        let known = read_whole(&spec(Format::Guild, &samples().join("guild"), rel));
        assert_eq!(known.problems.len(), 0);
        let found = known.run();
        let attr = |name: &str| run["attrs"][name].as_str().unwrap().trim();
        assert_eq!(found.name, attr("label"));
        assert_eq!(found.status, Some(Status::Finished));
        let seconds = |name| attr(name).parse::<f64>().unwrap() / 1e6;
        assert_eq!((found.started, found.ended), (Some(seconds("started")), Some(Some(seconds("stopped")))));
        let flags: Vec<_> = attr("flags").lines().map(|line| line.split_once(": ").unwrap()).collect();
        assert_eq!(found.params.len(), flags.len());
        flags.iter().for_each(|(name, value)| assert_eq!(found.params[*name], format!("number {value}")));
        assert_eq!(found.tags["guild.operation"], expected["info"]["operation"].as_str().unwrap());
        assert_eq!(found.tags["guild.sourcecode_digest"], attr("sourcecode_digest"));
        assert_eq!((found.user.as_str(), found.artifact_root.as_str()), ("", ""));
        assert!(found.series.is_empty(), "its event files are a source of their own");
    }
}

#[test]
fn runs_and_their_event_files_are_found() {
    let copy = copy_of("guild");
    let run = copy.path().join(RUN);
    let other = ".guild/runs/3fcf528659764fa78c545c54325637ed";
    for run in [RUN, other] {
        fs::write(copy.path().join(run).join(".guild/events.out.tfevents.1795249230.vm.9167.0"), "").unwrap();
    }
    fs::create_dir_all(run.join(".guild/proto/.guild/attrs")).unwrap();
    fs::write(run.join(".guild/proto/.guild/opref"), "x").unwrap();
    fs::write(run.join("metrics.csv"), "step,loss\n1,2\n2,1\n").unwrap();
    let (found, entered) = walk(copy.path());
    let mut expected = vec![
        (Format::Tensorboard, format!("{other}/.guild")),
        (Format::Tensorboard, format!("{RUN}/.guild")),
        (Format::Guild, other.to_owned()),
        (Format::Guild, RUN.to_owned()),
        (Format::Csv, format!("{RUN}/metrics.csv")),
    ];
    expected.sort();
    assert_eq!(found, expected);
    assert!(!entered.iter().any(|dir| dir.ends_with("attrs")), "{entered:?}");
}

/// A run that is being made.
struct Rig {
    dir: tempfile::TempDir,
    spec: SourceSpec,
    known: Known,
    cursor: Option<Cursor>,
}

impl Rig {
    fn new() -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let rel = "runs/0123456789abcdef0123456789abcdef";
        fs::create_dir_all(dir.path().join(rel).join(".guild/attrs")).unwrap();
        let spec = spec(Format::Guild, dir.path(), rel);
        Rig { dir, spec, known: Known::default(), cursor: None }
    }

    fn guild(&self) -> PathBuf {
        self.spec.path().join(".guild")
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.guild().join(name);
        let _ = fs::remove_file(&path);
        fs::write(path, text).unwrap();
    }

    fn visit(&mut self) -> Batch {
        let batch = self.known.visit(&self.spec, &mut self.cursor, 1);
        if !self.known.runs.is_empty() {
            assert_eq!(self.known.runs, read_whole(&self.spec).runs);
        }
        batch
    }
}

#[test]
fn a_run_that_lives() {
    let mut rig = Rig::new();
    rig.visit();
    assert_eq!(rig.known.runs.len(), 0, "no opref yet");
    rig.write("attrs/initialized", "1795249229527049\n");
    rig.write("opref", "guildfile:/home/me 5f resnet train");
    rig.write("PENDING", "");
    rig.write("attrs/flags", "");
    rig.visit();
    assert_eq!(rig.known.runs.len(), 0, "the flags are being written");
    rig.write("attrs/flags", "lr: 0.1\nname: 'on'\napi_token: hf_abcdefghijklmnop\ndata: null\n");
    rig.visit();
    let run = rig.known.run();
    assert_eq!((run.name.as_str(), run.status), ("resnet:train 01234567", Some(Status::Scheduled)));
    assert_eq!(run.params.keys().collect::<Vec<_>>(), ["data", "lr", "name"]);
    assert_eq!((run.started, run.ended), (Some(1_795_249_229.527_049), Some(None)));

    fs::remove_file(rig.guild().join("PENDING")).unwrap();
    rig.write("attrs/started", "1795249230000000\n");
    rig.write("attrs/host", "surely-another-host\n");
    rig.write("LOCK", "4242");
    rig.visit();
    assert_eq!(rig.known.run().status, None, "of another machine nothing is known");
    rig.write("attrs/host", gethostname::gethostname().to_str().unwrap());
    rig.visit();
    let mut batch = Batch::default();
    open(&rig.spec, None).read(1, &mut batch);
    assert_eq!((batch.runs[0].head.status, batch.runs[0].head.pid), (Some(Status::Running), Some(4242)));

    fs::remove_file(rig.guild().join("LOCK")).unwrap();
    rig.visit();
    assert_eq!(rig.known.run().status, None, "silence is no failure");
    for (exit, status) in
        [("0", Status::Finished), ("1", Status::Failed), ("-9", Status::Killed), ("x", Status::Unknown)]
    {
        rig.write("attrs/exit_status", &format!("{exit}\n"));
        rig.write("attrs/stopped", "1795249240000000\n");
        rig.visit();
        assert_eq!((rig.known.run().status, rig.known.run().ended), (Some(status), Some(Some(1_795_249_240.0))));
    }
    // Begun again with other flags; labelled.
    fs::remove_file(rig.guild().join("attrs/exit_status")).unwrap();
    rig.write("attrs/flags", "lr: 0.2\n");
    rig.write("attrs/label", "'my: label'\n");
    rig.write("attrs/tags", "- best\n- keep\n");
    rig.visit();
    let run = rig.known.run();
    assert_eq!((run.params.len(), run.name.as_str(), run.tags["guild.tags"].as_str()), (1, "my: label", "best, keep"));
    let batch = rig.visit();
    assert_eq!((batch.runs.len(), batch.bytes_read), (0, 0), "nothing is said twice");
    rig.cursor = Some(Cursor("?".into()));
    rig.visit();
}

#[test]
fn damage_is_said_and_heals() {
    let mut rig = Rig::new();
    rig.write("opref", "script:/x '' '' train.py");
    rig.write("attrs/flags", "a: [b");
    rig.write("attrs/started", "soon\n");
    rig.write("attrs/label", &"x".repeat(100_000));
    rig.visit();
    let path = "runs/0123456789abcdef0123456789abcdef/.guild/attrs/flags".to_owned();
    assert_eq!(rig.known.problems.iter().cloned().collect::<Vec<_>>(), [(path, None, "Malformed".to_owned())]);
    assert!(rig.known.run().name.len() < 5_000);
    assert_eq!(rig.known.run().started, None);
    for flags in ["[".repeat(100_000), "- a\n".into(), "a: 1\n".repeat(300_000), "../x\u{1}: 1\n".into()] {
        rig.write("attrs/flags", &flags);
        rig.visit();
        assert_eq!(rig.known.problems.len(), 1, "{flags:.20}");
    }
    rig.write("attrs/flags", "\"../x\\n\": 1\n");
    rig.visit();
    assert_eq!(rig.known.problems.len(), 0);
    assert_eq!(rig.known.run().params.keys().collect::<Vec<_>>(), ["../x\u{fffd}"]);
}

#[cfg(unix)]
#[test]
fn the_environment_is_never_opened_and_links_are_not_followed() {
    let mut rig = Rig::new();
    let secret = "SECRET_KEY: hunter2\n";
    rig.write("attrs/env", secret);
    rig.write("attrs/cmd", secret);
    rig.write("opref", "script:/x '' '' train.py");
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), secret).unwrap();
    for (name, to) in [("attrs/flags", rig.guild().join("attrs/env")), ("attrs/label", outside.path().join("secret"))] {
        std::os::unix::fs::symlink(to, rig.guild().join(name)).unwrap();
    }
    // Who opened it last is not told by every file system: it is a pipe, on which a reader would wait forever.
    fs::remove_file(rig.guild().join("attrs/env")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(rig.guild().join("attrs/env")).status().unwrap();
    assert!(made.success());
    let batch = rig.visit();
    assert!(!format!("{batch:?}").contains("hunter2"));
    assert_eq!((rig.known.run().params.len(), rig.known.problems.len()), (0, 0));
    // A directory of attributes that is a link is none.
    let linked = rig.dir.path().join("runs/linked/.guild");
    fs::create_dir_all(&linked).unwrap();
    std::os::unix::fs::symlink(rig.guild().join("attrs"), linked.join("attrs")).unwrap();
    fs::write(linked.join("opref"), "x").unwrap();
    assert_eq!(read_whole(&spec(Format::Guild, rig.dir.path(), "runs/linked")).runs.len(), 0);
    assert_eq!(list(rig.dir.path(), "runs/linked").sources, []);
}

#[test]
fn deleted_runs_are_marked() {
    let copy = copy_of("guild");
    fs::create_dir_all(copy.path().join(".guild/trash/runs")).unwrap();
    let rel = RUN.replace("runs/", "trash/runs/");
    fs::rename(copy.path().join(RUN), copy.path().join(&rel)).unwrap();
    let known = read_whole(&spec(Format::Guild, copy.path(), &rel));
    assert_eq!(known.run().lifecycle, Lifecycle::Deleted);
}
