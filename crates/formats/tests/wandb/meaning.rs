//! What is made of what a run says.

use std::{fs, path::Path};

use signalbox_formats::{Descend, Entry, Listing, open, recognise};
use signalbox_types::{Format, Status};

use crate::{
    told::{Told, append, put, read_whole, samples, spec},
    write::{DIR, LOG, add, bytes, file, int, item, items, nested, project, record, row, run, service_record},
};

fn told_of(records: &[Vec<u8>]) -> Told {
    let dir = project(records);
    read_whole(&spec(Format::Wandb, dir.path(), DIR))
}

#[test]
fn how_a_run_ended() {
    let exit = |code: i64| record(18, &[int(1, code), int(2, 60)].concat());
    let start = run(&[(17, &int(1, 1_700_000_000))]);
    let ended_as = |exit: Vec<u8>| {
        let told = told_of(&[start.clone(), row(3, &[]), exit]);
        (told.head.status, told.head.ended.flatten())
    };
    let after_a_minute = Some(1_700_000_060.0);
    assert_eq!(ended_as(exit(0)), (Some(Status::Finished), after_a_minute));
    assert_eq!(ended_as(exit(1)), (Some(Status::Failed), after_a_minute));
    assert_eq!(ended_as(exit(-2)), (Some(Status::Failed), after_a_minute));
    assert_eq!(ended_as(exit(255)), (Some(Status::Killed), after_a_minute));
    // A service that outlives its run knows no code.
    assert_eq!(ended_as(service_record(18, &int(2, 60))), (Some(Status::Unknown), after_a_minute));
    assert_eq!(ended_as(service_record(18, &int(1, 1))), (Some(Status::Failed), Some(1_700_000_003.0)));
    // SDKs of 2021 never said who sends.
    assert_eq!(told_of(&[service_record(18, &int(2, 60))]).status(), Some(Status::Finished));
    // Killed, or still at work: silence says neither.
    assert_eq!(ended_as(row(4, &[])), (None, None));
}

#[test]
fn values_of_every_kind() {
    let told = told_of(&[
        row(0, &[("loss", "1"), ("nan", "NaN"), ("inf", "-Infinity"), ("yes", "true"), ("no", "false")]),
        row(1, &[("text", "\"NaN\""), ("none", "null"), ("list", "[1, 2]"), ("train/loss", "1e-5"), ("a.b", "2")]),
        row(2, &[("n", r#"{"a": 1, "b": {"c": 2}, "t": "x"}"#), ("img", r#"{"_type": "image-file", "width": 8}"#)]),
        items(
            2,
            &[
                nested(&["m", "img", "width"], "8"),
                nested(&["m", "img", "_type"], "\"image-file\""),
                nested(&["m", "x"], "1"),
                nested(&["_step"], "9"),
            ],
        ),
    ]);
    let bits = |name: &str| told.line(name).iter().map(|(s, v)| (*s, v.to_string())).collect::<Vec<_>>();
    for (name, step, value) in [
        ("loss", 0, "1"),
        ("nan", 0, "NaN"),
        ("inf", 0, "-inf"),
        ("yes", 0, "1"),
        ("no", 0, "0"),
        ("train/loss", 1, "0.00001"),
        ("a.b", 1, "2"),
        ("n.a", 2, "1"),
        ("n.b.c", 2, "2"),
        ("m.x", 9, "1"),
    ] {
        assert_eq!(bits(name), [(step, value.to_owned())], "{name}");
    }
    assert_eq!(told.metrics().len(), 10, "{:?}", told.metrics());
    assert_eq!(told.problems.len(), 0);
    // A row without a time has none.
    assert!(told.times("m.x")[0].is_nan());
}

#[test]
fn steps_as_they_were_written() {
    let bare = |step: i64| record(2, &[bytes(1, &item("x", "1")), bytes(2, &int(1, step))].concat());
    let told = told_of(&[bare(5), bare(5), bare(3), bare(-1), items(2, &[item("x", "1")])]);
    assert_eq!(told.line("x").iter().map(|p| p.0).collect::<Vec<_>>(), [5, 5, 3, -1, 4]);
    let zero = record(2, &[bytes(1, &item("x", "1")), bytes(2, &[])].concat());
    assert_eq!(told_of(&[bare(7), zero]).line("x"), [(7, 1.0), (0, 1.0)]);
}

#[test]
fn a_summary_is_a_point_where_the_history_has_none() {
    let dir = project(&[]);
    let path = dir.path().join(LOG);
    let spec = spec(Format::Wandb, dir.path(), DIR);
    let (mut told, mut cursor) = (Told::default(), None);
    let mut records = vec![items(3, &[item("loss", "2"), item("best", "1"), item("val/acc", r#"{"max": 0.5}"#)])];
    let mut visit = |records: &[Vec<u8>]| {
        let whole = file(records);
        let at = fs::metadata(&path).unwrap().len() as usize;
        append(&path, &whole[at..]);
        told.visit(&spec, &mut cursor, usize::MAX);
        assert_eq!(told, read_whole(&spec));
        told.series
            .iter()
            .map(|((part, name), p)| {
                format!("{part}:{name}={p:?}", p = p.iter().map(|p| (p.0, f64::from_bits(p.2))).collect::<Vec<_>>())
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        visit(&records),
        ["summary:best=[(0, 1.0)]", "summary:loss=[(0, 2.0)]", "summary:val/acc.max=[(0, 0.5)]"]
    );
    records.push(row(7, &[("loss", "2")]));
    records.push(items(
        3,
        &[item("val/acc", r#"{"max": 0.75}"#), item("_runtime", "5"), nested(&["_wandb", "runtime"], "5")],
    ));
    records.push(items(
        3,
        &[
            item("img", r#"{"_type": "image-file", "size": 5}"#),
            nested(&["t", "size"], "1"),
            nested(&["t", "_type"], "\"table-file\""),
        ],
    ));
    assert_eq!(visit(&records), [":loss=[(7, 2.0)]", "summary:best=[(7, 1.0)]", "summary:val/acc.max=[(7, 0.75)]"]);
    records.push(record(3, &bytes(2, &item("best", ""))));
    records.push(items(3, &[item("val/acc", "\"gone\""), nested(&["val/acc", "max"], "null")]));
    records.push(row(8, &[("loss", "1"), ("val/acc.max", "3")]));
    assert_eq!(visit(&records), [":loss=[(7, 2.0), (8, 1.0)]", ":val/acc.max=[(8, 3.0)]"]);
}

#[test]
fn the_hardware_is_a_series_of_its_own() {
    let stats = |secs: i64, json: &str| {
        record(
            7,
            &[bytes(2, &int(1, secs)), bytes(3, &item("cpu", json)), bytes(3, &item("gpu.0.temp", "40"))].concat(),
        )
    };
    let told = told_of(&[stats(100, "1.5"), row(50, &[("loss", "1")]), stats(115, "2.5")]);
    assert_eq!(told.line("system/cpu"), [(0, 1.5), (1, 2.5)]);
    assert_eq!(told.times("system/cpu"), [100.0, 115.0]);
    assert_eq!(told.line("system/gpu.0.temp").len(), 2);
}

#[test]
fn nothing_secret_is_told() {
    let git = [bytes(1, b"https://me:hunter2@github.com/a/b.git"), bytes(2, b"c0ffee")].concat();
    let environment = [
        (5, &b"--api-key=hunter2"[..]),
        (6, b"/home/hunter2/train.py"),
        (9, &git),
        (10, b"hunter2@example.com"),
        (11, b"/home/hunter2"),
        (12, b"box"),
        (13, b"someone"),
        (14, b"/home/hunter2/python"),
        (27, &[bytes(1, b"TOKEN"), bytes(2, b"hunter2")].concat()),
    ];
    let told = told_of(&[
        record(26, &environment.iter().flat_map(|(n, data)| bytes(*n, data)).collect::<Vec<_>>()),
        run(&[
            (8, b"a name"),
            (11, &bytes(1, &item("api_key", "\"hunter2\""))),
            (21, &git),
            (4, &bytes(1, &item("opts", r#"{"api_key": "hunter2", "lr": 1, "db": "postgres://u:hunter2@h/x"}"#))),
        ]),
        items(5, &[item("password", "\"hunter2\""), nested(&["hf", "token"], "\"hunter2hunter2hunter2\"")]),
        record(13, &bytes(3, b"export KEY=hunter2")),
        record(11, b"hunter2"),
    ]);
    assert!(!told.everything().contains("hunter2"), "{told:#?}");
    assert_eq!(told.params.iter().collect::<Vec<_>>(), [(&"opts.lr".to_owned(), &"number 1".to_owned())]);
    assert_eq!(told.tags["wandb.git.remote"], "https://github.com/a/b.git");
    assert_eq!(told.tags["wandb.git.commit"], "c0ffee");
    assert_eq!(told.tags["wandb.program"], "train.py");
    assert_eq!(told.head.user.as_deref(), Some("someone"));
}

/// Online, an SDK before 0.31 holds its records back; `files/` says what it can meanwhile.
#[test]
fn an_online_run_before_its_first_flush_and_after() {
    let dir = tempfile::tempdir().unwrap();
    let spec = spec(Format::Wandb, dir.path(), DIR);
    put(&dir.path().join(LOG), b"");
    add(
        dir.path(),
        "files/config.yaml",
        "wandb_version: 1\n\n_wandb:\n  desc: null\n  value: {python_version: 3.8}\nlr:\n  desc: null\n  value: 1.0e-05\nmodel:\n  value:\n    depth: 3\n",
    );
    add(
        dir.path(),
        "files/wandb-metadata.json",
        r#"{"os": "Linux", "python": "3.8.5", "heartbeatAt": "2021-01-01T00:00:00", "startedAt": "2026-01-02T03:04:05.500000", "state": "running",
            "args": ["--key", "hunter2"], "program": "train.py", "git": {"remote": "git@github.com:a/b.git", "commit": "c0ffee"}, "email": "hunter2@x.y",
            "host": "box", "username": "someone", "executable": "/home/hunter2"}"#,
    );
    add(
        dir.path(),
        "files/wandb-summary.json",
        r#"{"loss": 0.5, "n": {"a": 1}, "_step": 41, "_runtime": 9.5, "_timestamp": 1767323099.5, "_wandb": {"runtime": 9}}"#,
    );
    add(dir.path(), "files/output.log", "hello\n");
    let (mut told, mut cursor) = (Told::default(), None);
    told.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((told.name(), told.status(), told.problems.len()), ("abc", None, 0));
    assert_eq!(told.head.started, Some(1_767_323_045.5));
    assert_eq!(told.line("loss"), [(41, 0.5)]);
    assert_eq!(told.times("n.a"), [1_767_323_099.5]);
    let params: Vec<_> = told.params.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(params, ["lr=number 0.00001", "model.depth=number 3"]);
    assert!(!told.everything().contains("hunter2"));
    append(
        &dir.path().join(LOG),
        &file(&[
            run(&[(1, b"abc"), (8, b"fine name"), (17, &int(1, 1_767_323_046)), (4, &bytes(1, &item("lr", "0.5")))]),
            row(40, &[("loss", "0.75")]),
            row(41, &[("loss", "0.5")]),
        ]),
    );
    told.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((told.name(), told.head.started), ("fine name", Some(1_767_323_046.0)));
    assert_eq!(told.params["lr"], "number 0.5");
    assert_eq!(told.line("loss"), [(40, 0.75), (41, 0.5)]);
    assert_eq!(told, read_whole(&spec));
}

/// As online runs are committed to git, without their `.wandb` file.
#[test]
fn a_run_without_its_log() {
    let dir = tempfile::tempdir().unwrap();
    add(dir.path(), "files/wandb-summary.json", r#"{"acc": 0.9, "_step": 3}"#);
    add(dir.path(), "files/config.yaml", "lr: {value: 1}\n");
    let told = read_whole(&spec(Format::Wandb, dir.path(), DIR));
    assert_eq!((told.name(), told.status(), told.line("acc")), ("abc", None, vec![(3, 0.9)]));
    assert_eq!(told.params["lr"], "number 1");
}

#[test]
fn the_process_is_known_on_its_own_host() {
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let pid_of = |host: &str| {
        let dir = project(&[run(&[(13, host.as_bytes())])]);
        add(
            dir.path(),
            "logs/debug.log",
            "2026-11-21 08:02:06,725 INFO    MainThread:7636 [wandb_setup.py:_flush():81] x\n",
        );
        read_whole(&spec(Format::Wandb, dir.path(), DIR)).head.pid
    };
    assert_eq!(pid_of(&host), Some(7636));
    assert_eq!(pid_of("another-machine"), None);
}

fn listed(project: &Path, rel: &str) -> (Vec<String>, Descend) {
    let entries = fs::read_dir(project.join(rel)).unwrap().flatten().map(|e| {
        let metadata = fs::metadata(e.path()).unwrap();
        Entry { name: e.file_name(), is_dir: metadata.is_dir(), len: metadata.len() }
    });
    let found = recognise(&Listing { project, rel: Path::new(rel), entries: &entries.collect::<Vec<_>>() });
    assert!(found.sources.iter().all(|s| s.format == Format::Wandb));
    (found.sources.iter().map(|s| s.rel.to_string_lossy().into_owned()).collect(), found.descend)
}

#[test]
fn what_is_recognised() {
    let dir = tempfile::tempdir().unwrap();
    let log = file(&[row(1, &[])]);
    for (name, bytes) in [
        ("wandb/run-20260102_030405-abc/run-abc.wandb", &log[..]),
        ("wandb/run-20260102_030405-abc/files/metrics.csv", b"epoch,loss\n1,2\n"),
        ("wandb/run-20260102_030405-new/run-new.wandb", b""),
        ("wandb/offline-run-20260102_030405-o/run-o.wandb", &log),
        ("wandb/run-20210102_030405-git/files/config.yaml", b"{}"),
        ("wandb/run-20210102_030405-git/files/wandb-metadata.json", b"{\"startedAt\": 1}"),
        ("wandb/latest-run/run-abc.wandb", &log),
        ("copied/latest-run/files/wandb-metadata.json", b"{\"startedAt\": 1}"),
        ("copied/run-20210102_030405-git/files/wandb-metadata.json", b"{\"startedAt\": 1}"),
        ("alone/latest-run/files/wandb-metadata.json", b"{\"startedAt\": 1}"),
        ("renamed/run-abc.wandb", &log),
        ("renamed/files/output.log", b""),
        ("loose/run-abc.wandb", &log),
        ("zip/files/run-abc.wandb", b"PK"),
    ] {
        put(&dir.path().join(name), bytes);
    }
    for rel in [
        "wandb/run-20260102_030405-abc",
        "wandb/run-20260102_030405-new",
        "wandb/offline-run-20260102_030405-o",
        "wandb/run-20210102_030405-git",
        "alone/latest-run",
        "renamed",
    ] {
        assert_eq!(listed(dir.path(), rel), (vec![rel.to_owned()], Descend::None), "{rel}");
    }
    for rel in ["wandb/latest-run", "copied/latest-run"] {
        assert_eq!(listed(dir.path(), rel), (vec![], Descend::None), "{rel}");
    }
    for rel in ["", "wandb", "loose", "zip/files"] {
        assert_eq!(listed(dir.path(), rel), (vec![], Descend::All), "{rel}");
    }
    // A project that is a run's directory itself.
    let run = dir.path().join("wandb/run-20260102_030405-abc");
    assert_eq!(listed(&run, ""), (vec![String::new()], Descend::None));
    assert_eq!(read_whole(&spec(Format::Wandb, &run, "")).name(), "abc");
}

#[test]
fn every_sample_is_recognised() {
    let wandb = samples().join("wandb_offline");
    assert_eq!(listed(&wandb, "").1, Descend::All);
    let run = "wandb/offline-run-20261121_080159-l3zsecjo";
    assert_eq!(listed(&wandb, run), (vec![run.to_owned()], Descend::None));
    let watched = open(&spec(Format::Wandb, &wandb, run), None).watch_paths();
    assert_eq!(watched, [wandb.join(run), wandb.join(run).join("files")]);
}
