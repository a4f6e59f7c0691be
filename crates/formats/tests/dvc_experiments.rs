//! DVC's experiments in git: the real sample, loose and packed, an experiment's life, damage, and repositories that lead
//! elsewhere.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use signalbox_formats::{Descend, SourceSpec, open};
use signalbox_types::{Batch, Cursor, Format};

use self::known::{
    Known, assert_same, copy_of, expected,
    project::{list, put},
    read_whole, spec,
};

#[allow(dead_code, reason = "shared with the other readers' tests")]
#[path = "readers/known.rs"]
mod known;

const BASELINE: &str = "bda05a05e38f163eb5b030743c429138e8637dc7";
const REFS: &str = ".git/refs/exps/bd/a05a05e38f163eb5b030743c429138e8637dc7";

/// A sample with its repository under the name that git gives it.
fn repository(sample: &str) -> (tempfile::TempDir, SourceSpec) {
    let dir = copy_of(sample);
    fs::rename(dir.path().join("dot_git"), dir.path().join(".git")).unwrap();
    let spec = spec(Format::DvcExperiments, dir.path(), "");
    (dir, spec)
}

#[test]
fn the_sample_tells_what_dvc_exp_show_says() {
    let (_dir, spec) = repository("dvclive/repo");
    let known = read_whole(&spec);
    assert_eq!(known.problems, Default::default());
    let expected = expected("dvclive");
    let shown = &expected["dvc_exp_show"][1];
    let row = &shown["experiments"][0]["revs"][0];
    let name = expected["exp_name"].as_str().unwrap();
    assert!(known.runs.keys().eq([&format!("{BASELINE}/{name}")]), "{:?}", known.runs.keys());
    let run = known.run();
    assert_eq!((run.name.as_str(), run.experiment.as_str()), (name, "bda05a0 (main)"));
    // 2026-11-21T08:09:19 where the sample was made.
    assert_eq!((run.started, run.ended, run.status), (None, Some(Some(1_795_248_559.0)), None));
    let commit = row["rev"].as_str().unwrap();
    let tags: Vec<_> = run.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(tags, [("git.baseline", BASELINE), ("git.commit", commit), ("message", "hello exp")]);
    let metrics = &row["data"]["metrics"]["dvclive/metrics.json"]["data"];
    let last = |metric: &str| *run.values(metric).last().unwrap();
    assert!(run.series.keys().eq(["acc", "final", "train/loss"]), "{:?}", run.series.keys());
    assert_eq!(last("acc"), metrics["acc"].as_f64().unwrap());
    assert_eq!(last("train/loss"), metrics["train"]["loss"].as_f64().unwrap());
    assert_eq!((run.steps("final"), run.values("final")), (vec![4], vec![3.5]));
    assert_eq!((run.steps("acc"), run.steps("train/loss")), ((0..5).collect(), (0..5).collect()));
    assert_eq!(run.values("train/loss"), [1.0, 0.5, 1.0 / 3.0, 0.25, 0.2]);
    assert_same(&run.times("acc")[4..], &[1_795_248_558.057], "acc");
    let params: Vec<_> = run.params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(params, [("lr", "number 0.01"), ("model.depth", "number 3"), ("opt", "adam")]);
    // The folder in the working tree tells the same curves.
    let live = SourceSpec { format: Format::Dvclive, rel: "dvclive".into(), ..spec };
    assert_eq!(read_whole(&live).run().series, run.series);
}

#[test]
fn a_packed_repository_is_read_alike() {
    let (_dir, packed) = repository("dvclive/packed");
    let (_loose_dir, loose) = repository("dvclive/repo");
    let known = read_whole(&packed);
    assert_eq!(known.problems, Default::default());
    assert_eq!(known.run_named("gutta-flus"), read_whole(&loose).run());
    // Its tables are deltas of one another.
    for (name, n) in [("second-try", 200), ("third", 220)] {
        let run = known.run_named(name);
        assert_eq!(run.steps("train/loss"), (0..n).collect::<Vec<i64>>());
        assert_eq!(run.values("train/loss").last().copied(), Some(1.0 / n as f64));
        assert_eq!((run.params["lr"].as_str(), run.experiment.as_str()), ("number 0.02", "bda05a0 (main)"));
    }
    assert_eq!(known.run_named("second-try").tags["message"], "dvc: commit experiment 0123456789");
    assert_eq!(known.runs.len(), 3);
}

fn id(n: u32) -> String {
    format!("{n:08x}{:032x}", 0)
}

/// A repository in the making. Objects are found by their names alone, so any name does.
struct Repo {
    dir: tempfile::TempDir,
    spec: SourceSpec,
    n: Cell<u32>,
    known: Known,
    cursor: Option<Cursor>,
}

impl Repo {
    fn new() -> Repo {
        let dir = tempfile::tempdir().unwrap();
        let spec = spec(Format::DvcExperiments, dir.path(), "");
        put(&dir.path().join("dvc.yaml"), b"metrics:\n- dvclive/metrics.json\n");
        put(&dir.path().join(".git/HEAD"), b"ref: refs/heads/main\n");
        put(&dir.path().join(".git/refs/heads/main"), format!("{BASELINE}\n").as_bytes());
        fs::create_dir_all(dir.path().join(".git/objects/pack")).unwrap();
        Repo { dir, spec, n: Cell::new(0), known: Known::default(), cursor: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn raw(&self, unpacked: &[u8]) -> String {
        self.n.set(self.n.get() + 1);
        let id = id(self.n.get());
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(unpacked).unwrap();
        put(&self.path(&format!(".git/objects/{}/{}", &id[..2], &id[2..])), &packed.finish().unwrap());
        id
    }

    fn object(&self, kind: &str, body: &[u8]) -> String {
        self.raw(&[format!("{kind} {}\0", body.len()).as_bytes(), body].concat())
    }

    fn tree(&self, entries: &[(&str, &str, &str)]) -> String {
        let mut body = Vec::new();
        for (mode, name, id) in entries {
            body.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            body.extend((0..20).map(|i| u8::from_str_radix(&id[2 * i..2 * i + 2], 16).unwrap()));
        }
        self.object("tree", &body)
    }

    /// A tree of files by path.
    fn files(&self, files: &[(&str, &str)]) -> String {
        let mut dirs: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        let mut entries = Vec::new();
        for (path, text) in files {
            match path.split_once('/') {
                Some((dir, rest)) => dirs.entry(dir).or_default().push((rest, text)),
                None => entries.push(("100644", *path, self.object("blob", text.as_bytes()))),
            }
        }
        entries.extend(dirs.into_iter().map(|(dir, files)| ("40000", dir, self.files(&files))));
        let entries: Vec<_> = entries.iter().map(|(mode, name, id)| (*mode, *name, id.as_str())).collect();
        self.tree(&entries)
    }

    fn commit(&self, tree: &str, message: &str) -> String {
        let who = "t <t@e> 1795248559 +0000";
        let body = format!("tree {tree}\nparent {BASELINE}\nauthor {who}\ncommitter {who}\n\n{message}\n");
        self.object("commit", body.as_bytes())
    }

    fn point(&self, name: &str, commit: &str) {
        put(&self.path(&format!("{REFS}/{name}")), format!("{commit}\n").as_bytes());
    }

    fn experiment(&self, name: &str, files: &[(&str, &str)]) {
        self.point(name, &self.commit(&self.files(files), name));
    }

    /// Reads on by a reader that was opened again, in small bites, and compares with reading anew.
    fn visit(&mut self) -> Batch {
        let batch = self.known.visit(&self.spec, &mut self.cursor, 0);
        let mut whole = read_whole(&self.spec);
        whole.gone = self.known.gone.clone();
        assert_eq!(self.known, whole);
        batch
    }

    fn problems(&self) -> Vec<(String, String)> {
        self.known.problems.iter().map(|(path, _, kind)| (path.replace(REFS, "REFS"), kind.clone())).collect()
    }
}

fn loss(n: usize) -> String {
    (0..n).fold("step\tloss\n".to_owned(), |table, i| format!("{table}{i}\t{i}.5\n"))
}

const LOSS: &str = "dvclive/plots/metrics/loss.tsv";

#[test]
fn experiments_that_come_change_and_go() {
    let mut repo = Repo::new();
    repo.experiment("one", &[(LOSS, &loss(2)), ("dvclive/params.yaml", "lr: 1\n")]);
    repo.experiment("two", &[(LOSS, &loss(3))]);
    assert_eq!(repo.visit().runs.len(), 2);
    let batch = repo.visit();
    assert_eq!((batch.runs.len(), batch.n_points), (0, 0), "nothing is said twice");
    // Saved again under its name.
    repo.experiment("one", &[(LOSS, &loss(5)), ("dvclive/metrics.json", r#"{"step": 4, "acc": NaN}"#)]);
    let batch = repo.visit();
    assert_eq!((batch.runs.len(), batch.runs[0].reset), (1, true));
    let one = repo.known.run_named("one");
    assert_eq!((one.steps("loss").len(), one.steps("acc"), one.params.len()), (5, vec![4], 0));
    assert!(one.values("acc")[0].is_nan());
    // The branch moves on: its experiments stay with the commit.
    assert_eq!(one.experiment, "bda05a0 (main)");
    put(&repo.path(".git/refs/heads/main"), format!("{:040x}\n", 7).as_bytes());
    repo.experiment("three", &[(LOSS, &loss(1))]);
    let batch = repo.visit();
    assert_eq!((batch.runs.len(), batch.n_points), (3, 1));
    assert!(repo.known.runs.values().all(|run| run.experiment == "bda05a0"));
    // `git pack-refs`, then `dvc exp remove`.
    let packed = |names: &[&str]| {
        let id = |name: &str| fs::read_to_string(repo.path(&format!("{REFS}/{name}"))).unwrap();
        let lines = names.iter().map(|name| format!("{} {}/{name}\n", id(name).trim(), &REFS[5..]));
        format!("# pack-refs with: peeled fully-peeled sorted \n{}", lines.collect::<String>())
    };
    let (all, some) = (packed(&["one", "three", "two"]), packed(&["one", "three"]));
    put(&repo.path(".git/packed-refs"), all.as_bytes());
    fs::remove_dir_all(repo.path(".git/refs/exps")).unwrap();
    assert_eq!(repo.visit().runs.len(), 0);
    put(&repo.path(".git/packed-refs"), some.as_bytes());
    repo.visit();
    assert!(repo.known.gone.iter().eq([&format!("{BASELINE}/two")]));
    assert_eq!(repo.known.runs.len(), 2);
    repo.cursor = Some(Cursor("no cursor".to_owned()));
    assert!(repo.visit().runs.iter().all(|run| run.reset));
}

#[test]
fn a_ref_whose_own_file_makes_no_sense_is_not_looked_up_among_the_packed() {
    let mut repo = Repo::new();
    let packed = format!("{} {}/one\n", id(7), &REFS[5..]);
    put(&repo.path(".git/packed-refs"), packed.as_bytes());
    put(&repo.path(&format!("{REFS}/one")), b"nonsense\n");
    repo.visit();
    assert_eq!(repo.problems(), [("REFS/one".to_owned(), "Malformed".to_owned())]);
    assert_eq!(repo.visit().problems.len(), 0);
    assert_eq!(repo.problems().len(), 1);
    fs::remove_file(repo.path(&format!("{REFS}/one"))).unwrap();
    repo.visit();
    assert_eq!(repo.problems(), [("REFS/one".to_owned(), "Unreadable".to_owned())]);
}

#[test]
fn a_watched_repository_is_only_looked_at() {
    let repo = Repo::new();
    repo.experiment("one", &[(LOSS, &loss(2))]);
    let long_ago = SystemTime::now() - Duration::from_secs(3_600);
    for dir in [".git/refs/exps", ".git/refs/exps/bd", REFS] {
        fs::File::open(repo.path(dir)).unwrap().set_modified(long_ago).unwrap();
    }
    let (mut reader, mut known) = (open(&repo.spec, None), Known::default());
    known.catch_up(&mut *reader, usize::MAX);
    let batch = known.catch_up(&mut *reader, usize::MAX);
    assert_eq!((batch.bytes_read, batch.runs.len()), (0, 0));
    repo.experiment("two", &[(LOSS, &loss(2))]);
    assert_eq!(known.catch_up(&mut *reader, usize::MAX).runs.len(), 1);
    let git = repo.path(".git").canonicalize().unwrap();
    let expected: Vec<PathBuf> =
        ["", "refs", "refs/exps", "refs/exps/bd", &REFS[5..]].map(|dir| git.join(dir)).into_iter().collect();
    let plain = |path: &PathBuf| path.components().collect::<PathBuf>();
    assert_eq!(
        reader.watch_paths().iter().map(plain).collect::<Vec<_>>(),
        expected.iter().map(plain).collect::<Vec<_>>()
    );
}

#[test]
fn what_dvc_yaml_names_is_read() {
    let mut repo = Repo::new();
    let dvc_yaml = "stages:\n  train:\n    cmd: x\n    params: [lr, {conf/more.json: }]\n    metrics:\n    - eval/scores.json:\n        cache: false\n    - ../out.json\n";
    repo.experiment(
        "one",
        &[
            ("dvc.yaml", "metrics:\n- results/metrics.json\n- m.yaml\n- m.toml\nparams: [own.yaml, code.py]\n"),
            ("results/metrics.json", r#"{"step": 3, "loss": 1, "auc": 0.5}"#),
            ("results/plots/metrics/val/F1 score.tsv", "timestamp\tstep\tF1 score\n1795248558057\t0\t0.25\n"),
            ("m.yaml", "auc: 0.75\n"),
            ("m.toml", "auc = 1"),
            ("own.yaml", "lr: 3\nseed: 1\napi_key: abc\n"),
            ("code.py", "lr = 1"),
            ("src/dvc.yaml", dvc_yaml),
            ("src/params.yaml", "lr: 2\nseed: 1\n"),
            ("src/conf/more.json", r#"{"layers": [1, 2], "x": NaN}"#),
            ("src/eval/scores.json", r#"{"top": {"k": 1}}"#),
            (".hidden/dvc.yaml", "metrics: [m.json]\n"),
            (".hidden/m.json", r#"{"hidden": 1}"#),
        ],
    );
    repo.visit();
    let run = repo.known.run();
    let params: Vec<_> = run.params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    // Of a name that two files give two values both are told, with their files, as DVC does.
    assert_eq!(
        params,
        [
            ("layers", "[1,2]"),
            ("own.yaml:lr", "number 3"),
            ("seed", "number 1"),
            ("src/params.yaml:lr", "number 2"),
            ("x", "NaN")
        ]
    );
    let names: Vec<&str> = run.series.keys().map(String::as_str).collect();
    assert_eq!(names, ["loss", "m.yaml:auc", "results/metrics.json:auc", "top/k", "val/F1 score"]);
    assert_eq!((run.steps("loss"), run.values("m.yaml:auc")), (vec![3], vec![0.75]));
    assert_eq!(run.times("val/F1 score"), [1_795_248_558.057]);
    assert_eq!(repo.known.problems, Default::default());
}

#[test]
fn damage_is_told_and_the_rest_is_read() {
    let mut repo = Repo::new();
    repo.experiment(
        "one",
        &[
            (LOSS, "step\tloss\n0\t1\nx\t2\n2\t3"),
            ("dvclive/metrics.json", "{\"a\": "),
            ("dvclive/params.yaml", "- a\n"),
            ("dvc.yaml", "a: [b"),
        ],
    );
    repo.point("lost", &"e".repeat(40));
    repo.point("odd", "ref: refs/heads/main");
    let blob = repo.object("blob", b"no commit");
    repo.point("blob", &blob);
    let treeless = repo.commit(&blob, "");
    repo.point("tree", &treeless);
    repo.experiment("well", &[(LOSS, &loss(2))]);
    repo.visit();
    // The last line lacks its end, and a committed file gets none.
    assert_eq!(repo.known.run_named("one").steps("loss"), [0, 2]);
    assert_eq!(repo.known.run_named("well").steps("loss"), [0, 1]);
    assert_eq!(repo.known.runs.len(), 2);
    let told: Vec<(String, String)> = repo.problems();
    let told: Vec<(&str, &str)> = told.iter().map(|(path, kind)| (path.as_str(), kind.as_str())).collect();
    assert_eq!(
        told,
        [
            ("REFS/blob", "DamagedRecord"),
            ("REFS/lost", "Unreadable"),
            ("REFS/odd", "Malformed"),
            ("REFS/one:dvc.yaml", "Malformed"),
            ("REFS/one:dvclive/metrics.json", "Malformed"),
            ("REFS/one:dvclive/params.yaml", "Malformed"),
            ("REFS/one:dvclive/plots/metrics/loss.tsv", "Malformed"),
            ("REFS/tree", "DamagedRecord"),
        ]
    );
    assert!(repo.known.problems.iter().any(|(_, offset, _)| *offset == Some(14)));
    // All of it is mended, or taken away.
    repo.experiment("one", &[(LOSS, &loss(1))]);
    repo.experiment("odd", &[(LOSS, &loss(1))]);
    for name in ["lost", "blob", "tree"] {
        fs::remove_file(repo.path(&format!("{REFS}/{name}"))).unwrap();
    }
    repo.visit();
    assert_eq!((repo.known.problems.len(), repo.known.runs.len(), repo.known.gone.len()), (0, 3, 0));
}

#[test]
fn what_was_read_stays_when_its_next_commit_is_lost() {
    let mut repo = Repo::new();
    repo.experiment("one", &[(LOSS, &loss(2))]);
    repo.known.visit(&repo.spec, &mut repo.cursor, 1);
    repo.point("one", &"e".repeat(40));
    repo.known.visit(&repo.spec, &mut repo.cursor, 1);
    assert_eq!((repo.known.run().steps("loss").len(), repo.known.problems.len()), (2, 1));
    fs::remove_dir_all(repo.path(REFS)).unwrap();
    repo.visit();
    assert_eq!((repo.known.runs.len(), repo.known.problems.len()), (0, 0));
}

#[test]
fn hostile_repositories_are_bounded() {
    let mut repo = Repo::new();
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    let many: String = (0..20_000).map(|i| format!("\"m{i}\":1,")).collect();
    let wide = format!("{{{many}\"../x\\u001b\":1,\"step\":-5}}");
    repo.experiment("deep", &[("dvclive/metrics.json", &deep), ("dvclive/params.yaml", &"[".repeat(100_000))]);
    repo.experiment("wide", &[("dvclive/metrics.json", &wide), ("dvclive/plots/metrics/../x\u{1b}.tsv", &loss(1))]);
    // A tree that holds itself, in each of the folders that are walked.
    let (own, next) = (id(repo.n.get() + 1), repo.n.get() + 2);
    let entries = ["a", "dvclive", "metrics", "plots"].map(|name| ("40000", name, own.as_str()));
    repo.tree(&entries);
    repo.point("self", &repo.commit(&own, ""));
    assert_eq!(repo.n.get(), next);
    // Sizes that nobody has.
    for (name, size) in [("big", "99999999999"), ("huge", "18446744073709551615"), ("odd", "-1")] {
        let blob = repo.raw(format!("blob {size}\0x").as_bytes());
        let dir = repo.tree(&[("100644", "metrics.json", &blob)]);
        repo.point(name, &repo.commit(&repo.tree(&[("40000", "dvclive", &dir)]), "\u{1b}[31m"));
    }
    // Refs to refs, and names that git allows nobody.
    put(&repo.path(&format!("{REFS}/circle")), format!("ref: {}/circle", &REFS[5..]).as_bytes());
    for name in ["a b", "x.lock", "bad\u{1b}", "..."] {
        repo.point(name, &"1".repeat(40));
    }
    put(&repo.path(".git/refs/exps/stash"), format!("{BASELINE}\n").as_bytes());
    put(&repo.path(".git/refs/exps/exec/EXEC_HEAD"), format!("{BASELINE}\n").as_bytes());
    put(&repo.path(".git/refs/exps/celery/failed"), format!("{BASELINE}\n").as_bytes());
    put(&repo.path(&format!("{REFS}/dir/below")), format!("{BASELINE}\n").as_bytes());
    repo.visit();
    let names: Vec<&str> = repo.known.runs.values().map(|run| run.name.as_str()).collect();
    assert_eq!(names, ["big", "deep", "huge", "odd", "self", "wide"]);
    let wide = repo.known.run_named("wide");
    assert!(wide.series.len() <= 10_001 && wide.series.keys().all(|name| !name.contains('\u{1b}')));
    assert!(repo.known.run_named("self").series.is_empty());
    assert_eq!(repo.known.run_named("big").tags["message"], "\u{fffd}[31m");
    let kind = |path: &str| repo.problems().iter().find(|(of, _)| of == path).map(|(_, kind)| kind.clone());
    assert_eq!(kind("REFS/big:dvclive/metrics.json").as_deref(), Some("TooLarge"));
    assert_eq!(kind("REFS/circle").as_deref(), Some("Malformed"));
    assert!(repo.known.problems.iter().all(|(path, ..)| !path.contains('\u{1b}')));
}

#[test]
fn a_secret_in_the_message_is_not_told() {
    let repo = Repo::new();
    repo.point("one", &repo.commit(&repo.files(&[(LOSS, &loss(1))]), "with --key sk-abcdefghijklmnopqrst\n\nmore"));
    assert_eq!(read_whole(&repo.spec).run().tags.keys().collect::<Vec<_>>(), ["git.baseline", "git.commit"]);
}

fn is_recognised(project: &Path, rel: &str) -> bool {
    list(project, rel).sources.iter().any(|source| source.format == Format::DvcExperiments)
}

#[test]
fn recognised_by_dvc_and_refs() {
    let (dir, spec) = repository("dvclive/repo");
    let found = list(dir.path(), "");
    assert!(found.sources.contains(&spec));
    assert_eq!(found.descend, Descend::All);
    fs::remove_dir_all(dir.path().join(".dvc")).unwrap();
    assert!(is_recognised(dir.path(), ""), "by dvc.yaml");
    fs::remove_file(dir.path().join("dvc.yaml")).unwrap();
    assert!(!is_recognised(dir.path(), ""), "a repository that DVC does not know");
    let (dir, _) = repository("dvclive/packed");
    assert!(is_recognised(dir.path(), ""));
    put(&dir.path().join(".git/packed-refs"), format!("{BASELINE} refs/heads/main\n").as_bytes());
    assert!(!is_recognised(dir.path(), ""), "without experiments");
    // The folder is a project below the repository's top: nothing above it is read.
    fs::create_dir_all(dir.path().join("below/.dvc")).unwrap();
    assert!(!is_recognised(&dir.path().join("below"), ""));
}

#[test]
fn worktrees_and_submodules() {
    let (outer, _) = repository("dvclive/packed");
    let project = outer.path();
    // A submodule's repository lies in the one above.
    fs::create_dir_all(project.join(".git/modules")).unwrap();
    let (inner, _) = repository("dvclive/packed");
    fs::rename(inner.path().join(".git"), project.join(".git/modules/sub")).unwrap();
    put(&project.join("sub/dvc.yaml"), b"");
    put(&project.join("sub/.git"), b"gitdir: ../.git/modules/sub\n");
    assert!(is_recognised(project, "sub"));
    let sub = spec(Format::DvcExperiments, project, "sub");
    assert_eq!(read_whole(&sub).runs.len(), 3);
    // A linked working tree has the experiments of the folder that it belongs to, which tells them.
    put(&project.join("tree/dvc.yaml"), b"");
    let linked = project.join(".git/worktrees/tree");
    put(&project.join("tree/.git"), format!("gitdir: {}\n", linked.display()).as_bytes());
    put(&linked.join("HEAD"), b"ref: refs/heads/other\n");
    put(&linked.join("commondir"), b"../..\n");
    assert!(!is_recognised(project, "tree"));
    fs::remove_file(project.join("dvc.yaml")).unwrap();
    assert!(is_recognised(project, "tree"), "unless that one is not DVC's");
    assert_eq!(read_whole(&spec(Format::DvcExperiments, project, "tree")).runs.len(), 3);
    // Seen from the submodule alone, the repository lies elsewhere.
    assert!(!is_recognised(&project.join("sub"), ""));
    assert_eq!(read_whole(&spec(Format::DvcExperiments, &project.join("sub"), "")), Known::default());
}

#[test]
fn a_repository_that_borrows_objects_is_refused() {
    let (dir, spec) = repository("dvclive/packed");
    let alternates = dir.path().join(".git/objects/info/alternates");
    put(&alternates, b"/somewhere/else\n");
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known.runs.len(), 0);
    assert!(known.problems.iter().eq([&(".git".to_owned(), None, "Unsupported".to_owned())]));
    fs::remove_file(alternates).unwrap();
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((known.runs.len(), known.problems.len()), (3, 0));
}

/// Opening one would wait for ever.
#[cfg(unix)]
#[test]
fn a_repository_with_a_pipe_among_its_objects_is_refused() {
    for pipe in [".git/objects/pack/pack-0.idx", ".git/objects/pipe"] {
        let (dir, spec) = repository("dvclive/packed");
        let pipe = dir.path().join(pipe);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (mut known, mut cursor) = (Known::default(), None);
        known.visit(&spec, &mut cursor, usize::MAX);
        assert!(
            known.runs.is_empty() && known.problems.iter().eq([&(".git".to_owned(), None, "Unsupported".to_owned())])
        );
        fs::remove_file(pipe).unwrap();
        known.visit(&spec, &mut cursor, usize::MAX);
        assert_eq!((known.runs.len(), known.problems.len()), (3, 0));
    }
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_project_is_read() {
    use std::os::unix::fs::symlink;
    for link in [".git", ".git/objects", ".git/objects/pack", ".git/packed-refs"] {
        let (outer, _) = repository("dvclive/packed");
        let project = outer.path().join("project");
        put(&project.join("dvc.yaml"), b"");
        fs::rename(outer.path().join(".git"), project.join(".git")).unwrap();
        let moved = outer.path().join("moved");
        fs::rename(project.join(link), &moved).unwrap();
        symlink(&moved, project.join(link)).unwrap();
        assert_eq!(read_whole(&spec(Format::DvcExperiments, &project, "")).runs.len(), 0, "{link}");
    }
    // Single files of objects and of refs.
    let repo = Repo::new();
    repo.experiment("one", &[(LOSS, &loss(2))]);
    let outside = tempfile::tempdir().unwrap();
    let commit = fs::read_to_string(repo.path(&format!("{REFS}/one"))).unwrap();
    let object = repo.path(&format!(".git/objects/{}/{}", &commit[..2], commit[2..].trim()));
    fs::rename(&object, outside.path().join("object")).unwrap();
    symlink(outside.path().join("object"), &object).unwrap();
    let known = read_whole(&repo.spec);
    assert_eq!((known.runs.len(), known.problems.first().map(|p| p.2.as_str())), (0, Some("Unsupported")));
    fs::rename(repo.path(REFS), outside.path().join("refs")).unwrap();
    symlink(outside.path().join("refs"), repo.path(REFS)).unwrap();
    assert_eq!(read_whole(&repo.spec), Known::default());
}

/// What a repository tells whose file `name` holds `bytes`: no more than is true of it, and no panic.
fn read_damaged(project: &Path, name: &Path, bytes: &[u8]) -> Known {
    put(name, bytes);
    read_whole(&spec(Format::DvcExperiments, project, ""))
}

#[test]
fn packs_and_indices_cut_anywhere() {
    let (dir, spec) = repository("dvclive/packed");
    let whole = read_whole(&spec);
    for entry in fs::read_dir(dir.path().join(".git/objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for cut in (0..bytes.len()).step_by(97) {
            let known = read_damaged(dir.path(), &path, &bytes[..cut]);
            // The pack ends with what only the baseline has, and with its checksum.
            assert!(!known.problems.is_empty() || known == whole && cut > 4_900, "{cut}: {known:?}");
        }
        put(&path, &bytes);
    }
    assert_eq!(read_whole(&spec), whole);
    let refs = dir.path().join(".git/packed-refs");
    let bytes = fs::read(&refs).unwrap();
    let (mut known, mut cursor) = (Known::default(), None);
    known.visit(&spec, &mut cursor, usize::MAX);
    for cut in (1..bytes.len()).filter(|cut| bytes[cut - 1] != b'\n') {
        put(&refs, &bytes[..cut]);
        known.visit(&spec, &mut cursor, usize::MAX);
        let problem = (".git/refs/exps".to_owned(), None, "Unreadable".to_owned());
        assert!(known.runs == whole.runs && known.problems.iter().eq([&problem]), "{cut}");
    }
    put(&refs, &bytes);
    known.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(known, whole);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(200))]
    #[test]
    fn bytes_that_turned(
        file in 0..3_usize,
        turns in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), 0..255_u8), 1..20),
    ) {
        let (dir, _) = repository("dvclive/packed");
        let pack = dir.path().join(".git/objects/pack");
        let mut files: Vec<PathBuf> = fs::read_dir(pack).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        files.push(dir.path().join(".git/packed-refs"));
        let mut bytes = fs::read(&files[file]).unwrap();
        for (at, value) in turns {
            let len = bytes.len();
            bytes[at.index(len)] = value;
        }
        read_damaged(dir.path(), &files[file], &bytes);
    }
}
