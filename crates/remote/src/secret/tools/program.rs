//! Programs that give credentials: found on the person's path, started without a shell, ended in time.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use signalbox_release::{Failure, FailureCode};
use zeroize::Zeroizing;

use super::Around;
use crate::process::Running;

/// A helper that waits for a person who does not see it is ended then.
const LIMIT: Duration = Duration::from_secs(10);
const MAX_BYTES: u64 = 64 << 10;

pub struct Run<'a> {
    pub program: &'a Path,
    pub args: &'a [&'a str],
    pub input: &'a str,
    pub around: &'a Around,
}

pub struct Said {
    /// It ended with 0.
    pub good: bool,
    pub text: Zeroizing<String>,
}

/// The program of this name on the path. A folder that depends on where we are is not looked into.
pub fn find(name: &str, around: &Around) -> Option<PathBuf> {
    let path = around.var("PATH")?;
    let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    let file = |folder: PathBuf| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    folders.map(file).find(|file| is_program(file))
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}

pub fn run(run: &Run<'_>) -> Result<Said, Failure> {
    run_within(run, LIMIT)
}

fn run_within(run: &Run<'_>, limit: Duration) -> Result<Said, Failure> {
    let name = run.program.file_name().unwrap_or_default().display().to_string();
    // What it says is not repeated: it may be the secret.
    let wrong = |what: &str| {
        Failure::new(FailureCode::Local, format!("{name} {what}"))
            .hint("Try it in a terminal; or store a password or a token in Signalbox.")
    };
    let mut command = Command::new(run.program);
    command.args(run.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // Not where we were started: that may be somebody's project, with settings of its own.
    command.current_dir(run.around.home.as_deref().filter(|home| home.is_dir()).unwrap_or(Path::new("/")));
    for (name, value) in ["PATH", "HOME"].iter().filter_map(|name| Some((name, run.around.var(name)?))) {
        command.env(name, value);
    }
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let child = command.spawn().map_err(|e| wrong(&format!("cannot be started: {e}")))?;
    let mut child = Running(child);

    let (mut input, output) = (child.0.stdin.take(), child.0.stdout.take());
    // Shorter than what a pipe takes at once: this does not wait.
    let _ = input.as_mut().map(|input| input.write_all(run.input.as_bytes()));
    drop(input);
    let (read, reading) = mpsc::channel();
    let reader = move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize + 1));
        let whole = output.is_some_and(|output| output.take(MAX_BYTES + 1).read_to_end(&mut bytes).is_ok());
        let _ = read.send((whole, bytes));
    };
    thread::Builder::new().name("helper".into()).spawn(reader).map_err(|_| wrong("cannot be read from"))?;

    let end = Instant::now() + limit;
    let late = || wrong("does not answer; it probably waits for somebody to unlock something");
    let (whole, bytes) = reading.recv_timeout(limit).map_err(|_| late())?;
    if !whole || bytes.len() as u64 > MAX_BYTES {
        return Err(wrong("says more than any credential"));
    }
    let status = loop {
        match child.0.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(2)),
            _ => return Err(late()),
        }
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("says what is no text"))?;
    Ok(Said { good: status.success(), text: Zeroizing::new(text.to_owned()) })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn around() -> Around {
        Around { home: None, environment: Arc::new(|name| (name == "PATH").then(|| "bin:.:/bin:/usr/bin".into())) }
    }

    fn sh(script: &str, limit: Duration) -> Result<Said, Failure> {
        let around = around();
        let sh = find("sh", &around).expect("a shell");
        let args = ["-c", script];
        run_within(&Run { program: &sh, args: &args, input: "in", around: &around }, limit)
    }

    #[test]
    fn a_helper_is_asked_and_answers() {
        let said = sh("cat; exit 3", LIMIT).expect("ended");
        assert_eq!((said.good, said.text.as_str()), (false, "in"));
        assert!(find("nothing-of-this-name", &around()).is_none());
    }

    #[test]
    fn a_helper_that_waits_is_ended_with_what_it_started() {
        let begun = Instant::now();
        let file = tempfile::NamedTempFile::new().expect("a file");
        let script = format!("sleep 600 & echo $! > {}; wait", file.path().display());
        assert!(sh(&script, Duration::from_secs(5)).is_err());
        assert!(begun.elapsed() < Duration::from_secs(60));
        let pid = std::fs::read_to_string(file.path()).expect("its id");
        assert!(!pid.trim().is_empty(), "it was started");
        let alive = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
            stat.contains("(sleep)") && !stat.contains(") Z ")
        };
        while alive() {
            assert!(begun.elapsed() < Duration::from_secs(60), "its child lives on");
            thread::yield_now();
        }
    }

    #[test]
    fn a_helper_that_never_ends_speaking_is_ended() {
        let failure = sh("while :; do echo hunter2; done", Duration::from_secs(30)).err().expect("too much");
        assert!(!failure.to_string().contains("hunter2"), "{failure}");
    }
}
