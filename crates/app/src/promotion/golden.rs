//! A model's golden requests: the input example that was logged with it, and what the model answers to it when it is
//! loaded by itself, away from any server. Kept by the artifact's digest: made once.

use crate::app::App;
use crate::wire::*;
use serde_json::{Value, json};
use signalbox_release::{Clock, Digest, Golden, Policy, SystemClock, SystemId, TargetAt};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const KIND: &str = "golden";
/// Two libraries' floating point may part in the last bits.
const TOLERANCE: f64 = 1e-6;
/// Loading large libraries for the first time takes long.
const LIMIT: Duration = Duration::from_secs(180);
const MAX_BYTES: u64 = 16 << 20;

/// What can be asked of a model, or why nothing can.
pub(crate) struct Asked {
    pub golden: Vec<Golden>,
    pub why_none: Option<String>,
    /// The model was asked, and could not be loaded or gave no answer.
    pub is_broken: bool,
}

/// What is known of a model without loading it.
pub(crate) enum Known {
    Asked(Asked),
    /// It has an input example, and nobody has asked it yet.
    ToAsk {
        request: Value,
    },
}

impl Known {
    /// Whether more can be known only by loading the model.
    pub fn is_to_ask(&self) -> bool {
        matches!(self, Known::ToAsk { .. })
    }
}

impl App {
    pub(crate) fn known_of(&self, model: &Path, digest: &Digest) -> Result<Known, CallError> {
        let kept = self.ledger()?.records(KIND, &digest.to_string())?;
        if let Some(golden) = kept.last().and_then(|row| serde_json::from_str(&row.body).ok()) {
            return Ok(Known::Asked(Asked { golden: vec![golden], why_none: None, is_broken: false }));
        }
        Ok(match request_of(&example_of(model)) {
            Ok(request) => Known::ToAsk { request },
            Err(why) => Known::Asked(Asked { golden: Vec::new(), why_none: Some(why), is_broken: false }),
        })
    }

    /// Asks a model, if it is to be asked. `python`: of an environment that can load it.
    pub(crate) fn ask(&self, known: Known, model: &Path, digest: &Digest, python: &Path) -> Result<Asked, CallError> {
        let request = match known {
            Known::Asked(asked) => return Ok(asked),
            Known::ToAsk { request } => request,
        };
        match predict(model, &example_of(model), python) {
            Ok(answer) => {
                let golden = Golden { request, answer, tolerance: TOLERANCE };
                let body = serde_json::to_string(&golden).expect("BUG: a golden request is JSON");
                self.ledger()?.record(KIND, &digest.to_string(), SystemClock.unix_ms(), &body)?;
                Ok(Asked { golden: vec![golden], why_none: None, is_broken: false })
            }
            Err(why) => Ok(Asked { golden: Vec::new(), why_none: Some(why), is_broken: true }),
        }
    }
}

fn example_of(model: &Path) -> PathBuf {
    model.join("serving_input_example.json")
}

/// The request that was logged with a model, or why there is none.
fn request_of(example: &Path) -> Result<Value, String> {
    let bytes = std::fs::metadata(example)
        .map_err(|_| "it was logged without an input example (log_model(…, input_example=…))")?
        .len();
    if bytes > MAX_BYTES {
        return Err("its input example is larger than 16 MiB".into());
    }
    let text = std::fs::read_to_string(example).map_err(|e| format!("its input example cannot be read: {e}"))?;
    serde_json::from_str(&text).map_err(|e| format!("its input example does not read: {e}"))
}

/// Lets MLflow load the model in a process of its own and answer the example.
fn predict(model: &Path, example: &Path, python: &Path) -> Result<Value, String> {
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let (answer, log) = (folder.path().join("answer.json"), folder.path().join("log"));
    let log_file = File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
    let mut command = Command::new(python);
    signalbox_keeper::preload_as_before(&mut command);
    let mut child = command
        .args(["-m", "mlflow", "models", "predict", "--env-manager", "local", "-t", "json", "-m"])
        .arg(model)
        .arg("-i")
        .arg(example)
        .arg("-o")
        .arg(&answer)
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        .env_remove("MLFLOW_TRACKING_URI")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log_file)
        .spawn()
        .map_err(|e| format!("{} cannot be started: {e}", python.display()))?;
    let begun = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if begun.elapsed() < LIMIT => std::thread::sleep(Duration::from_millis(50)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("the model gave no answer within {} s", LIMIT.as_secs()));
            }
        }
    };
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    let last: String = last.chars().filter(|c| !c.is_control()).take(300).collect();
    if !status.success() {
        return Err(format!("the model could not be loaded by {}: {last}", python.display()));
    }
    let text = std::fs::read_to_string(&answer).map_err(|e| format!("the model left no answer: {e}"))?;
    serde_json::from_str(&text).map_err(|e| format!("the model's answer does not read: {e}"))
}

/// The Python that a project's models are loaded with: the policy's, the project's own environment, the active one,
/// the system's.
pub(crate) fn python_of(project: &Path, policy: &Policy, target: Option<&SystemId>) -> PathBuf {
    let at = target.and_then(|target| policy.targets.get(target));
    if let Some(TargetAt::Local { python: Some(python), .. }) = at {
        let python = Path::new(python);
        return if python.components().count() > 1 { project.join(python) } else { python.to_path_buf() };
    }
    let bin = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    let own = [".venv", "venv", "env"].iter().map(|name| project.join(name).join(bin));
    let active = std::env::var_os("VIRTUAL_ENV").map(|env| PathBuf::from(env).join(bin));
    let named = std::env::var_os("SIGNALBOX_PYTHON").map(PathBuf::from);
    own.chain(named).chain(active).find(|python| python.is_file()).unwrap_or_else(|| PathBuf::from("python3"))
}

/// For the page and the audit.
pub(crate) fn told(asked: &Asked) -> Value {
    json!({ "n": asked.golden.len(), "why_none": asked.why_none })
}
