//! Runs `git`, which knows the person's keys and credential helpers; we never see what they hold.
//!
//! What a repository says is not obeyed: no hooks of our mirror's, no file system monitor, no transport that is a
//! command (`ext::`). Nobody is asked anything. What takes too long is stopped together with what it has started.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use signalbox_release::{Failure, FailureCode};

use crate::http::{Patience, words};
use crate::process::Running;

/// Far above any list of tags.
const MAX_SAID: u64 = 64 << 20;
const TICK: Duration = Duration::from_millis(10);

const SETTINGS: [&str; 8] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "protocol.ext.allow=never",
    "push.gpgSign=false",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
];
/// What git says last, whatever it was.
const GONE: [&str; 2] = ["the remote end hung up", "Could not read from remote repository"];
/// With these nobody is asked anything by git, ssh or a credential manager: not on a terminal, not in a window, not in
/// a browser.
const QUIET: [(&str, &str); 5] = [
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", "true"),
    ("SSH_ASKPASS", "true"),
    ("SSH_ASKPASS_REQUIRE", "never"),
    ("GCM_INTERACTIVE", "never"),
];
/// What would make it work on another repository than the one that is named.
const FOREIGN: [&str; 7] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_COMMON_DIR",
];

/// What `git` said.
pub struct Said {
    pub well: bool,
    pub out: Vec<u8>,
    /// One line of what it said to a person.
    pub words: String,
}

impl Said {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

/// `git`, for a repository's own folder (`--git-dir`) or a work tree.
pub fn command(folder: &Path, is_bare: bool) -> Command {
    let mut command = Command::new("git");
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    if is_bare {
        command.arg("--git-dir").arg(folder);
    } else {
        command.arg("-C").arg(folder);
    }
    for name in FOREIGN {
        command.env_remove(name);
    }
    command.envs(QUIET).env("GIT_OPTIONAL_LOCKS", "0");
    // What is missing is not fetched by the way, with the programs that a repository's own settings name.
    command.env("GIT_NO_LAZY_FETCH", "1");
    command.env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh").env("LC_ALL", "C");
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Runs it to its end, or until patience is.
pub fn run<S: AsRef<OsStr>>(
    mut command: Command,
    args: impl IntoIterator<Item = S>,
    input: Option<&[u8]>,
    patience: &Patience,
) -> Result<Said, Failure> {
    patience.check()?;
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut running = Running(command.spawn().map_err(|e| {
        Failure::new(FailureCode::Local, format!("git does not start: {e}")).hint("Install git, 2.30 or newer.")
    })?);
    let mut stdin = running.0.stdin.take();
    let (out, err) = (reader(running.0.stdout.take()), reader(running.0.stderr.take()));
    let input = input.unwrap_or_default().to_vec();
    let writer = thread::spawn(move || stdin.as_mut().map(|stdin| stdin.write_all(&input)));
    let status = loop {
        match running.0.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => {}
            Err(e) => return Err(Failure::new(FailureCode::Local, format!("git: {e}"))),
        }
        patience.check()?;
        thread::sleep(TICK);
    };
    // What it has started may still hold its ends of the pipes.
    running.stop_rest();
    let _ = writer.join();
    let (out, err) = (joined(out), joined(err));
    if out.len() as u64 >= MAX_SAID {
        return Err(Failure::new(FailureCode::Server, "git says more than any registry of models would"));
    }
    // Its last complaint says why; lines before it tell of progress, and some after it only that the other end is gone.
    let err = String::from_utf8_lossy(&err).into_owned();
    let complains = |line: &&str| ["fatal:", "error:", "ERROR:"].iter().any(|word| line.starts_with(word));
    let says_why = |line: &&str| complains(line) && !GONE.iter().any(|gone| line.contains(gone));
    let from_last = || err.lines().rev();
    let last = from_last().find(says_why).or_else(|| from_last().find(complains));
    let last = last.or_else(|| from_last().find(|line| !line.trim().is_empty())).unwrap_or_default();
    Ok(Said { well: status.success(), out, words: words(last.as_bytes()) })
}

fn reader(from: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(from) = from {
            let _ = from.take(MAX_SAID).read_to_end(&mut bytes);
        }
        bytes
    })
}

fn joined(reader: thread::JoinHandle<Vec<u8>>) -> Vec<u8> {
    reader.join().unwrap_or_default()
}
