//! Every other tool: it writes, and waits while we look for what it was given to log.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use signalbox_formats::{Reader, SourceSpec, open};

use crate::{
    discover,
    known::{Known, KnownRun, json_number, read_whole},
};

/// Tools write some seconds behind.
const PATIENCE: Duration = Duration::from_secs(180);

struct Tool {
    child: Child,
    go_on: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    dir: tempfile::TempDir,
    /// A source, its reader, and what that has told.
    sources: Vec<(SourceSpec, Box<dyn Reader>, Known)>,
}

impl Tool {
    /// `python` names the variable that names the Python which has the tool.
    fn start(name: &str, python: &str) -> Tool {
        let python = std::env::var(python)
            .unwrap_or_else(|_| panic!("{python} must name a Python that has {name} (`make test` sets it)"));
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path().join("project");
        std::fs::create_dir(&project).unwrap();
        let home = dir.path().join("home");
        std::fs::create_dir(&home).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/real_writers/tools/{name}_writer.py"));
        let mut command = Command::new(&python);
        command.arg("-W").arg("ignore").arg(script).current_dir(&project);
        // Nobody is told of these runs, and what a tool keeps for itself is not a run.
        let quiet = [
            ("WANDB_MODE", "offline"),
            ("WANDB_SILENT", "true"),
            ("WANDB_ERROR_REPORTING", "false"),
            ("HF_HUB_OFFLINE", "1"),
            ("DVC_NO_ANALYTICS", "true"),
            ("DVC_STUDIO_OFFLINE", "true"),
            ("AIM_NO_TELEMETRY", "1"),
            ("GIT_AUTHOR_NAME", "t"),
            ("GIT_AUTHOR_EMAIL", "t@example.org"),
            ("GIT_COMMITTER_NAME", "t"),
            ("GIT_COMMITTER_EMAIL", "t@example.org"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("TZ", "UTC"),
        ];
        command.envs(quiet).env("HOME", &home).env("TRACKIO_DIR", project.join("trackio"));
        for (name, folder) in [("WANDB_DATA_DIR", "data"), ("WANDB_CACHE_DIR", "cache"), ("WANDB_CONFIG_DIR", "config")]
        {
            command.env(name, home.join(folder));
        }
        command.env("SWANLAB_SAVE_DIR", home.join("swan"));
        // Tools that are programs of their own lie beside the Python.
        let beside = Path::new(&python).parent().unwrap().to_path_buf();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([beside].into_iter().chain(std::env::split_paths(&path))).unwrap();
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let mut child = command
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("{python} does not start: {e}"));
        let go_on = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Tool { child, go_on, answers, dir, sources: Vec::new() }
    }

    /// What the tool was given to log until now; `None`: it has ended well.
    fn next_stage(&mut self) -> Option<Value> {
        if let Some(line) = self.answers.next() {
            return Some(serde_json::from_str(&line.unwrap()).unwrap());
        }
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{}", self.log());
        None
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Goes on with every source as the watcher does, and begins with those that are new.
    fn read(&mut self) {
        for spec in discover(&self.dir.path().join("project")) {
            if !self.sources.iter().any(|(known, ..)| *known == spec) {
                let reader = open(&spec, None);
                self.sources.push((spec, reader, Known::default()));
            }
        }
        for (_, reader, known) in &mut self.sources {
            known.catch_up(&mut **reader, 4096);
        }
    }

    /// Why a run that should be there is not.
    fn missing(&self, stage: &Value) -> Option<String> {
        let runs = stage["runs"].as_array().unwrap();
        runs.iter().find_map(|run| self.find(run).err().map(|why| format!("{run}: {why}")))
    }

    fn find(&self, said: &Value) -> Result<(), String> {
        let format = said["format"].as_str().unwrap();
        let is_there = |spec: &SourceSpec| said["rel"].as_str().is_none_or(|rel| spec.rel == Path::new(rel));
        let of_format = self.sources.iter().filter(|(spec, ..)| spec.format.name() == format && is_there(spec));
        let is_it = |key: &str, run: &KnownRun| {
            said["key"].as_str().is_none_or(|said| said == key)
                && said["name"].as_str().is_none_or(|said| said == run.name)
        };
        let found: Vec<&KnownRun> = of_format
            .flat_map(|(_, _, known)| &known.runs)
            .filter(|(key, run)| is_it(key, run))
            .map(|(_, run)| run)
            .collect();
        let whys: Vec<String> = found.iter().filter_map(|run| check(run, said).err()).collect();
        match found.len() - whys.len() {
            0 => Err(format!("{} such runs; {}", found.len(), whys.join("; "))),
            _ => Ok(()),
        }
    }
}

fn check(run: &KnownRun, said: &Value) -> Result<(), String> {
    let same = |what: &str, found: &str, said: &str| {
        if found == said { Ok(()) } else { Err(format!("{what} is {found:?}, not {said:?}")) }
    };
    if let Some(status) = said["status"].as_str() {
        same("its status", &format!("{:?}", run.status).to_lowercase(), &format!("some({status})"))?;
    }
    for (name, value) in said["params"].as_object().into_iter().flatten() {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(x) => format!("number {}", x.as_f64().unwrap()),
            other => panic!("{other}"),
        };
        same(name, run.params.get(name).map_or("absent", String::as_str), &value)?;
    }
    for (name, value) in said["tags"].as_object().into_iter().flatten() {
        same(name, run.tags.get(name).map_or("absent", String::as_str), value.as_str().unwrap())?;
    }
    for (name, points) in said["series"].as_object().into_iter().flatten() {
        let found = run.series.get(name).ok_or_else(|| format!("no {name} in {:?}", run.series.keys()))?;
        let said_points: Vec<(i64, f64)> =
            points.as_array().unwrap().iter().map(|p| (p[0].as_i64().unwrap(), json_number(&p[1]))).collect();
        let growing = said["growing"] == true;
        if found.len() > said_points.len() || found.is_empty() || !(growing || found.len() == said_points.len()) {
            return Err(format!("{name} has {} points of {}", found.len(), said_points.len()));
        }
        let digits = said["digits"].as_i64().map(|n| 10_f64.powi(-(n as i32)));
        for (point, (step, value)) in found.iter().zip(said_points) {
            let (found, is_near) = (f64::from_bits(point.2), |x: f64| digits.is_some_and(|d| (x - value).abs() <= d));
            // Never anything else, however much is there yet.
            let same = found == value || found.is_nan() && value.is_nan() || is_near(found);
            assert!(point.0 == step && same, "{name}: ({}, {found}) is not ({step}, {value})", point.0);
        }
    }
    Ok(())
}

/// Reads beside the tool; what was read meanwhile is in the end what is read at once.
fn beside(name: &str, python: &str) -> usize {
    let mut tool = Tool::start(name, python);
    let mut n_stages = 0;
    while let Some(stage) = tool.next_stage() {
        let end = Instant::now() + PATIENCE;
        loop {
            tool.read();
            let Some(why) = tool.missing(&stage) else { break };
            assert!(Instant::now() < end, "{name}, stage {n_stages}: {why}\n{}", tool.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        n_stages += 1;
        writeln!(tool.go_on).unwrap();
    }
    tool.read();
    for (spec, _, known) in &tool.sources {
        let whole = read_whole(spec);
        let known = Known { gone: Default::default(), ..known.clone() };
        assert_eq!(known, whole, "{}", spec.rel.display());
        assert_eq!(known.problems, Default::default(), "{}", spec.rel.display());
    }
    n_stages
}

const PYTHON: &str = "SIGNALBOX_PYTHON_WRITERS";

macro_rules! tools {
    ($($name:ident $python:expr, $n_stages:literal;)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(beside(stringify!($name), $python), $n_stages);
        }
    )*};
}

tools! {
    boosted PYTHON, 2;
    catboost PYTHON, 2;
    dvclive PYTHON, 2;
    hydra PYTHON, 2;
    optuna PYTHON, 4;
    sacred PYTHON, 3;
    swanlab PYTHON, 2;
    tensorboard PYTHON, 2;
    trackio PYTHON, 3;
    wandb PYTHON, 2;
    aim "SIGNALBOX_PYTHON_AIM", 2;
    guild "SIGNALBOX_PYTHON_GUILD", 2;
    ray "SIGNALBOX_PYTHON_RAY_TUNE", 1;
}
