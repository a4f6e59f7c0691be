//! Hydra's runs and sweeps: the sample, a sweep's life, damage, and what is never told.

use std::fs;

use signalbox_formats::{Descend, SourceSpec, open};
use signalbox_types::{Batch, Cursor, Format};

use self::known::{
    Known, copy_of, expected,
    project::{list, walk},
    read_whole, samples, spec,
};

#[allow(dead_code, reason = "shared with the other readers' tests")]
#[path = "readers/known.rs"]
mod known;

const SWEEP: &str = "multirun/2026-11-21/08-14-29";
const RUN: &str = "outputs/2026-11-21/08-14-28";

/// `{"model": {"depth": 2}}` as dotted names.
fn flat(prefix: &str, value: &serde_json::Value, out: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(object) => {
            for (key, inner) in object {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flat(&name, inner, out);
            }
        }
        serde_json::Value::String(text) => out.push((prefix.to_owned(), text.clone())),
        number => out.push((prefix.to_owned(), format!("number {}", number.as_f64().unwrap()))),
    }
}

#[test]
fn sample() {
    let expected = expected("hydra");
    let sweep = read_whole(&spec(Format::Hydra, &samples().join("hydra"), SWEEP));
    assert_eq!(sweep.runs.keys().collect::<Vec<_>>(), ["0", "1", "2", "3", "multirun.yaml"]);
    let parent = &sweep.runs["multirun.yaml"];
    assert_eq!((parent.name.as_str(), parent.parent.as_str()), ("lr=0.1,0.2,model=small,big", ""));
    assert_eq!((parent.experiment.as_str(), parent.params.len()), ("train", 0), "no run had the values of the base");
    assert_eq!(parent.tags["hydra.overrides"], "lr=0.1,0.2 model=small,big");
    for (dir, run) in expected["runs"].as_object().unwrap() {
        let single;
        let found = match dir.strip_prefix(SWEEP) {
            Some(num) => &sweep.runs[num.trim_start_matches('/')],
            None => {
                single = read_whole(&spec(Format::Hydra, &samples().join("hydra"), dir));
                assert_eq!(single.problems.len(), 0);
                single.run()
            }
        };
        let mut params = Vec::new();
        flat("", &run["config"], &mut params);
        assert_eq!(found.params, params.into_iter().collect(), "{dir}");
        let overrides: Vec<_> = run["overrides"].as_array().unwrap().iter().map(|o| o.as_str().unwrap()).collect();
        assert_eq!(found.tags["hydra.overrides"], overrides.join(" "));
        assert_eq!(found.tags["hydra.job"], run["job"]["name"].as_str().unwrap());
        let model = if run["config"]["model"]["depth"] == 2 { "small" } else { "big" };
        assert_eq!(
            (found.tags["hydra.choices.model"].as_str(), found.tags.len()),
            (model, 3),
            "Hydra's own are left out"
        );
        let is_sweep = run["mode"] == "MULTIRUN";
        let name = if is_sweep { dir.as_str() } else { run["job"]["override_dirname"].as_str().unwrap() };
        assert_eq!((found.name.as_str(), found.experiment.as_str()), (name, "train"));
        assert_eq!(found.parent, if is_sweep { "multirun.yaml" } else { "" });
        assert_eq!((found.status, found.started, found.ended), (None, None, None), "local times are no moments");
        assert!(found.series.is_empty());
    }
    assert_eq!(sweep.problems.len(), 0);
}

#[test]
fn runs_sweeps_and_what_they_logged_are_found() {
    let copy = copy_of("hydra");
    let (found, entered) = walk(copy.path());
    let hydra: Vec<_> = found.iter().filter(|(format, _)| *format == Format::Hydra).map(|(_, rel)| rel).collect();
    assert_eq!(hydra, [SWEEP, RUN, "outputs/2026-11-21/08-14-30"]);
    assert_eq!(found.iter().filter(|(format, _)| *format == Format::Jsonl).count(), 6, "each run's own log: {found:?}");
    assert_eq!(found.len(), 9, "no run is told twice");
    assert!(!entered.iter().any(|dir| dir.ends_with(".hydra")), "{entered:?}");
    // A run of a sweep that was opened by itself, or copied out of it, is a run.
    assert_eq!(walk(&copy.path().join(SWEEP).join("1")).0[0], (Format::Hydra, String::new()));
    let (found, _) = walk(&copy.path().join(SWEEP));
    assert_eq!(found.iter().filter(|(format, _)| *format == Format::Hydra).count(), 1);
    fs::remove_file(copy.path().join(SWEEP).join("multirun.yaml")).unwrap();
    assert_eq!(walk(copy.path()).0.iter().filter(|(format, _)| *format == Format::Hydra).count(), 6);
    // Somebody else's file of that name.
    fs::write(copy.path().join(SWEEP).join("multirun.yaml"), "jobs:\n- a\n").unwrap();
    assert_eq!(walk(copy.path()).0.iter().filter(|(format, _)| *format == Format::Hydra).count(), 6);
}

#[test]
fn what_else_a_directory_is_it_stays() {
    let copy = copy_of("hydra");
    let run = copy.path().join(RUN);
    fs::write(run.join("events.out.tfevents.1.host"), "").unwrap();
    fs::write(run.join("metrics.csv"), "epoch,step,loss\n0,1,2\n").unwrap();
    fs::write(run.join("hparams.yaml"), "lr: 1\n").unwrap();
    fs::create_dir_all(run.join("sub")).unwrap();
    let recognised = list(copy.path(), RUN);
    let formats: Vec<_> = recognised.sources.iter().map(|s| s.format).collect();
    assert_eq!(formats, [Format::Tensorboard, Format::LightningCsv, Format::Jsonl, Format::Hydra]);
    assert_eq!(recognised.descend, Descend::Only(vec!["sub".into()]));
    // `.hydra` is entered until it is a run's: then its parent is looked at again, because it is no ordinary folder.
    let own = format!("{RUN}/.hydra");
    assert_eq!(list(copy.path(), &own).descend, Descend::None);
    fs::remove_file(copy.path().join(&own).join("config.yaml")).unwrap();
    assert_eq!(list(copy.path(), &own).descend, Descend::All);
    assert_eq!(list(copy.path(), RUN).descend, Descend::All);
}

/// A directory that is being made.
struct Rig {
    dir: tempfile::TempDir,
    spec: SourceSpec,
    known: Known,
    cursor: Option<Cursor>,
}

const HYDRA: &str = "hydra:\n  job:\n    name: train\n    override_dirname: lr=1\n    env_set: {TOKEN: hunter2}\n  runtime:\n    \
                     cwd: /home/me/secret-place\n    output_dir: /home/me/secret-place/out\n    choices: {model: big, hydra/help: \
                     default, opt: null}\n";

impl Rig {
    fn new(rel: &str) -> Rig {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(rel)).unwrap();
        let spec = spec(Format::Hydra, dir.path(), rel);
        Rig { dir, spec, known: Known::default(), cursor: None }
    }

    /// Writes a file as a new one, so that its time of change or its length is another.
    fn write(&self, name: &str, text: &str) {
        let path = self.spec.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        fs::write(path, text).unwrap();
    }

    fn visit(&mut self) -> Batch {
        let batch = self.known.visit(&self.spec, &mut self.cursor, 1);
        assert!(
            !format!("{batch:?}").contains("hunter2") && !format!("{batch:?}").contains("secret-place"),
            "{batch:?}"
        );
        batch
    }

    /// As `visit`, and it is what a reader says that sees it for the first time.
    fn settle(&mut self) -> Batch {
        let batch = self.visit();
        assert_eq!(self.known.runs, read_whole(&self.spec).runs);
        batch
    }
}

#[test]
fn a_run_that_begins() {
    let mut rig = Rig::new("outputs/a");
    rig.visit();
    rig.write(".hydra/config.yaml", "");
    rig.settle();
    assert_eq!(rig.known.runs.len(), 0, "being written");
    rig.write(".hydra/config.yaml", "lr: 1\nout: ${lr}\nseed: ???\nnone: null\napi_key: hunter2\nlist: [1, a]\n");
    rig.settle();
    let run = rig.known.run();
    assert_eq!((run.name.as_str(), run.tags.len()), ("outputs/a", 0));
    let params: Vec<_> = run.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(params, ["list=[1,\"a\"]", "lr=number 1", "none=null", "out=${lr}", "seed=???"]);
    rig.write(".hydra/hydra.yaml", HYDRA);
    rig.write(".hydra/overrides.yaml", "- lr=1\n");
    rig.settle();
    let run = rig.known.run();
    let tags: Vec<_> = run.tags.iter().map(|(name, text)| format!("{name}={text}")).collect();
    assert_eq!(tags, ["hydra.choices.model=big", "hydra.job=train", "hydra.overrides=lr=1"]);
    assert_eq!((run.name.as_str(), run.experiment.as_str(), run.params.len()), ("lr=1", "train", 5));
    let batch = rig.settle();
    assert_eq!((batch.runs.len(), batch.bytes_read), (0, 0), "nothing is said twice");
    // Written over by another: what is no more is taken back. Between, nothing is.
    rig.write(".hydra/config.yaml", "");
    rig.visit();
    assert_eq!(rig.known.run().params.len(), 5);
    rig.write(".hydra/config.yaml", "lr: 2\n");
    rig.settle();
    assert_eq!(rig.known.run().params.len(), 1);
    rig.cursor = Some(Cursor("?".into()));
    rig.settle();
    // A secret among the overrides is in the directory's name too.
    let hydra = HYDRA.replace("override_dirname: lr=1", "override_dirname: lr=1,wandb.api_key=hunter2");
    rig.write(".hydra/hydra.yaml", &hydra);
    rig.write(".hydra/overrides.yaml", "- lr=1\n- +wandb.api_key=hunter2\n");
    rig.settle();
    assert_eq!(rig.known.run().name, "outputs/a");
    assert_eq!(rig.known.run().tags["hydra.overrides"], "lr=1");
    assert_eq!(open(&rig.spec, None).watch_paths(), [rig.spec.path().join(".hydra")]);
}

#[test]
fn a_sweep_that_lives() {
    let mut rig = Rig::new("multirun/x");
    rig.write("multirun.yaml", "");
    rig.settle();
    assert_eq!(rig.known.runs["multirun.yaml"].name, "multirun/x");
    let sweep = HYDRA.replace("lr=1", "lr=1,2").replace("  job:", "  overrides:\n    task:\n    - lr=1,2\n  job:");
    rig.write("multirun.yaml", &sweep);
    rig.settle();
    assert_eq!(rig.known.runs["multirun.yaml"].name, "lr=1,2");
    fs::create_dir_all(rig.spec.path().join("0")).unwrap();
    fs::create_dir_all(rig.spec.path().join(".submitit/0/.hydra")).unwrap();
    rig.settle();
    let watched = open(&rig.spec, None).watch_paths();
    assert_eq!(watched, [rig.spec.path(), rig.spec.path().join("0")], "what is in it is waited for");
    for num in ["0", "10", "9", "lr=3"] {
        rig.write(&format!("{num}/.hydra/config.yaml"), "lr: 1\n");
        rig.write(&format!("{num}/.hydra/hydra.yaml"), HYDRA);
        rig.settle();
    }
    assert_eq!(rig.known.runs.len(), 5);
    assert_eq!(rig.known.runs["lr=3"].name, "multirun/x/lr=3");
    assert_eq!(rig.known.runs["10"].parent, "multirun.yaml");
    let watched = open(&rig.spec, None).watch_paths();
    let names: Vec<_> =
        watched[1..].iter().map(|p| p.strip_prefix(rig.spec.path()).unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["lr=3/.hydra", "10/.hydra", "9/.hydra", "0/.hydra"]);
    rig.write("9/.hydra/config.yaml", "lr: 22\n");
    let batch = rig.settle();
    assert_eq!(batch.runs.len(), 1, "only what changed");
    fs::remove_dir_all(rig.spec.path().join("10")).unwrap();
    rig.settle();
    assert!(rig.known.gone.contains("10") && rig.known.runs.len() == 4);
    rig.write("10/.hydra/config.yaml", "lr: 5\n");
    rig.settle();
    assert_eq!(rig.known.runs["10"].params["lr"], "number 5");
}

#[test]
fn damage_is_said_and_heals() {
    let mut rig = Rig::new("r");
    rig.write(".hydra/config.yaml", "lr: 1\n");
    rig.write(".hydra/overrides.yaml", "{");
    rig.write(".hydra/hydra.yaml", "- nothing\n");
    rig.visit();
    let path = |name: &str| (format!("r/.hydra/{name}"), None, "Malformed".to_owned());
    assert_eq!(rig.known.problems.iter().cloned().collect::<Vec<_>>(), [path("overrides.yaml")]);
    assert_eq!(rig.known.run().name, "r");
    for config in ["a: [b".to_owned(), "[".repeat(100_000), "a: &a [*a, *a]\n".into(), "x: {".repeat(10_000)] {
        rig.write(".hydra/config.yaml", &config);
        rig.visit();
        assert!(rig.known.problems.contains(&path("config.yaml")), "{config:.20}");
        assert_eq!(rig.known.run().params["lr"], "number 1", "what was known stays");
        let batch = rig.visit();
        assert_eq!((batch.bytes_read, batch.problems.len()), (0, 0), "and is not read again");
    }
    rig.write(".hydra/config.yaml", &"a: 1\n".repeat(300_000));
    rig.visit();
    // A first look finds the same, without what was known.
    let first = read_whole(&rig.spec);
    assert_eq!((first.run().params.len(), first.problems.len()), (0, 2));
    rig.write(".hydra/config.yaml", "\"../x\\n\": \"\\e[31m\"\n");
    rig.write(".hydra/overrides.yaml", "- \"a=\\u0001\"\n- 3\n- {x: y}\n");
    rig.visit();
    assert_eq!(rig.known.problems.len(), 0);
    assert_eq!(rig.known.run().params.keys().collect::<Vec<_>>(), ["../x\u{fffd}"]);
    assert_eq!(rig.known.run().tags["hydra.overrides"], "a=\u{fffd}");
    rig.write(".hydra/config.yaml", "{}\n");
    rig.write(".hydra/overrides.yaml", "[]\n");
    rig.settle();
    assert_eq!((rig.known.run().params.len(), rig.known.run().tags.len()), (0, 0));
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir_all(outside.path().join("run/.hydra")).unwrap();
    fs::write(outside.path().join("run/.hydra/config.yaml"), "x: hunter2\n").unwrap();
    let mut rig = Rig::new("s");
    rig.write("multirun.yaml", "hydra: {}\n");
    symlink(outside.path().join("run"), rig.spec.path().join("0")).unwrap();
    fs::create_dir_all(rig.spec.path().join("1")).unwrap();
    symlink(outside.path().join("run/.hydra"), rig.spec.path().join("1/.hydra")).unwrap();
    fs::create_dir_all(rig.spec.path().join("2/.hydra")).unwrap();
    symlink(outside.path().join("run/.hydra/config.yaml"), rig.spec.path().join("2/.hydra/config.yaml")).unwrap();
    rig.write("3/.hydra/config.yaml", "a: 1\n");
    symlink(outside.path().join("run/.hydra/config.yaml"), rig.spec.path().join("3/.hydra/overrides.yaml")).unwrap();
    rig.settle();
    assert_eq!(rig.known.runs.keys().collect::<Vec<_>>(), ["3", "multirun.yaml"]);
    for rel in ["s/1", "s/2"] {
        assert_eq!(list(rig.dir.path(), rel).sources, [], "{rel}");
        assert_eq!(read_whole(&spec(Format::Hydra, rig.dir.path(), rel)).runs.len(), 0);
    }
    // A pipe would keep us waiting.
    fs::remove_file(rig.spec.path().join("3/.hydra/overrides.yaml")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(rig.spec.path().join("3/.hydra/hydra.yaml")).status().unwrap();
    assert!(made.success());
    rig.settle();
}
