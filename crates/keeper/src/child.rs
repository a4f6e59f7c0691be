//! A model server's process: in a group of its own, its words in a log, found again when its keeper was killed.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// In each model server's environment and so in that of whatever it starts: whose it is.
const MARK: &str = "SIGNALBOX_KEPT_BY";
/// A log that is longer is put aside once, so a server that tells of each request does not fill the disk.
const MAX_LOG_BYTES: u64 = 4 << 20;

/// A process that runs until `ended` was called.
pub struct Child {
    pub pid: Pid,
    /// Closed when the log holds all that was said.
    pub log_done: Receiver<()>,
}

/// Starts a server in `scratch`. `ended` is told how it ended, while its process group is certainly still its own;
/// nobody may signal the group after that.
pub fn start(
    mut command: Command,
    folder: &Path,
    scratch: &Path,
    log: PathBuf,
    ended: impl FnOnce(String) + Send + 'static,
) -> io::Result<Child> {
    let (said, speaker) = io::pipe()?;
    let file = OpenOptions::new().create(true).append(true).open(&log)?;
    command
        .env(MARK, folder)
        .current_dir(scratch)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(speaker.try_clone()?)
        .stderr(speaker);
    let mut child = command.spawn()?;
    // The command holds the writing ends too.
    drop(command);
    let (done, log_done) = channel();
    let pid = Pid::from_child(&child);
    thread::Builder::new().name("server log".into()).spawn(move || write_log(said, file, &log, done))?;
    thread::Builder::new().name("server wait".into()).spawn(move || {
        // Not reaped yet, its id cannot be another's: what it left in its group can be ended safely.
        let how = match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => format!("ended with status {code}"),
                (_, Some(signal)) => format!("was ended by signal {signal}"),
                _ => "ended".to_owned(),
            },
            _ => "ended".to_owned(),
        };
        let _ = kill_process_group(pid, Signal::KILL);
        ended(how);
        // Reaped; how it ended is known already.
        let _ = child.wait();
    })?;
    Ok(Child { pid, log_done })
}

/// Asks, or makes, a whole process group end.
pub fn end(pid: Pid, by_force: bool) {
    // One that is gone already has ended.
    let _ = kill_process_group(pid, if by_force { Signal::KILL } else { Signal::TERM });
}

fn write_log(mut said: io::PipeReader, mut file: File, path: &Path, done: Sender<()>) {
    let mut n_bytes = file.metadata().map_or(0, |about| about.len());
    let mut buffer = vec![0; 16 << 10];
    loop {
        let n = match said.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        n_bytes += n as u64;
        if n_bytes > MAX_LOG_BYTES
            && let Ok(()) = fs::rename(path, path.with_extension("log.before"))
            && let Ok(fresh) = File::create(path)
        {
            (file, n_bytes) = (fresh, n as u64);
        }
        // A full disk must not stop the server, which waits until its words are read.
        let _ = file.write_all(&buffer[..n]);
    }
    drop(done);
}

/// Ends what an earlier keeper of the folder left running. Says how many processes that were.
///
/// Found by the mark in their environment, so also what was started just before that keeper was killed, and what a
/// server itself has started. A file descriptor of the process stands for it from before its mark is read until it is
/// signalled: its id cannot become another's in between.
#[cfg(target_os = "linux")]
pub fn end_leftovers(folder: &Path) -> usize {
    use std::os::unix::ffi::OsStrExt as _;

    use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
    let mark: Vec<u8> = [MARK.as_bytes(), b"=", folder.as_os_str().as_bytes()].concat();
    let own = std::process::id();
    let mut n_ended = 0;
    // Again, until none is left: one may start another while it is looked for.
    for _ in 0..100 {
        let mut n_found = 0;
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw).filter(|_| id != own) else { continue };
            let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
            let Ok(environment) = fs::read(entry.path().join("environ")) else { continue };
            if environment.split(|byte| *byte == 0).any(|pair| pair == mark)
                && pidfd_send_signal(&process, Signal::KILL).is_ok()
            {
                n_found += 1;
            }
        }
        n_ended += n_found;
        if n_found == 0 {
            break;
        }
        thread::sleep(std::time::Duration::from_millis(20));
    }
    n_ended
}

#[cfg(not(target_os = "linux"))]
pub fn end_leftovers(_: &Path) -> usize {
    0
}

/// A command as a person would type it.
pub fn spoken(words: &[OsString]) -> String {
    let quote = |word: &OsStr| {
        let word = word.to_string_lossy();
        let plain = !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "'\"\\$`&|;<>()*?#~".contains(c));
        if plain { word.into_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
    };
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}
