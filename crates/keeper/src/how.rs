//! How a version is served: which program, told what.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

/// The program that serves a version. It must listen on 127.0.0.1 at the port that it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// `mlflow models serve` of this Python: the one in which the model was trained knows its packages.
    Mlflow { python: PathBuf },
    /// Any other; `{path}` (the artifact) and `{port}` are put into the words. No shell reads them.
    Command {
        argv: Vec<String>,
        /// Answers 200 to GET when the model is loaded: `/ping`.
        ready: String,
        /// Takes a prediction request by POST: `/invocations`.
        asked: String,
    },
}

impl How {
    /// The command, word by word.
    pub fn words(&self, path: &Path, port: &str) -> Vec<OsString> {
        match self {
            How::Mlflow { python } => {
                let mut words: Vec<OsString> = vec![python.into()];
                words.extend(["-m", "mlflow", "models", "serve", "-m"].map(OsString::from));
                words.push(path.into());
                words.extend(["--env-manager", "local", "-h", "127.0.0.1", "-p", port].map(OsString::from));
                words.extend(["--workers", "1"].map(OsString::from));
                words
            }
            How::Command { argv, .. } => argv.iter().map(|word| fill(word, path, port)).collect(),
        }
    }

    /// None: there is no word to start.
    pub fn command(&self, path: &Path, port: u16) -> Option<Command> {
        let words = self.words(path, &port.to_string());
        let (program, rest) = words.split_first()?;
        let mut command = Command::new(program);
        command.args(rest);
        // Bytecode written beside a model's own code would change its digest.
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
        if let How::Mlflow { python } = self {
            command.env("MLFLOW_DISABLE_TELEMETRY", "true").env_remove("MLFLOW_TRACKING_URI");
            // It calls `uvicorn` by name, which lies beside its Python.
            if let Some(bin) = python.parent().filter(|bin| !bin.as_os_str().is_empty()) {
                let now = std::env::var_os("PATH").unwrap_or_default();
                let path = std::env::join_paths([bin.to_owned()].into_iter().chain(std::env::split_paths(&now)));
                command.env("PATH", path.unwrap_or(now));
            }
        }
        Some(command)
    }

    pub fn ready_path(&self) -> &str {
        match self {
            How::Mlflow { .. } => "/ping",
            How::Command { ready, .. } => ready,
        }
    }

    pub fn asked_path(&self) -> &str {
        match self {
            How::Mlflow { .. } => "/invocations",
            How::Command { asked, .. } => asked,
        }
    }
}

/// A word with the artifact and the port in their places. A path that holds `{port}` stays as it is.
fn fill(word: &str, path: &Path, port: &str) -> OsString {
    let mut out = OsString::new();
    for (i, part) in word.split("{path}").enumerate() {
        if i > 0 {
            out.push(path);
        }
        out.push(part.replace("{port}", port));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_filled_and_stay_words() {
        let how = How::Command {
            argv: ["serve", "{path}/settings", "--port={port}"].map(String::from).into(),
            ready: "/ping".into(),
            asked: "/invocations".into(),
        };
        assert_eq!(how.words(Path::new("/m/a b{port}"), "80"), ["serve", "/m/a b{port}/settings", "--port=80"]);
        let mlflow = How::Mlflow { python: "/v/bin/python".into() };
        let command = mlflow.command(Path::new("/m"), 80).expect("a command");
        let path = command.get_envs().find(|(key, _)| *key == "PATH").and_then(|(_, value)| value).expect("set");
        assert!(path.to_str().is_some_and(|path| path.starts_with("/v/bin:")), "{path:?}");
    }
}
