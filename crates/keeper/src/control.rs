//! The near end of the keeper's socket: asks it, and starts it.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use signalbox_release::{Cx, Failure, FailureCode};

use crate::folder::{Folder, failed, tail};
use crate::keeper::TAKEN;
use crate::protocol::{Ask, Envelope, PROTOCOL, Reply};

/// Between looks at whether it was stopped.
const BREATH: Duration = Duration::from_millis(100);
/// The keeper keeps a call's limit itself; its answer may come this much later.
const SLACK: Duration = Duration::from_secs(2);
const START_LIMIT: Duration = Duration::from_secs(20);
const MAX_REPLY_BYTES: usize = 16 << 20;
const MAX_OWN_LOG_BYTES: u64 = 1 << 20;

/// Why a call gave no value.
#[derive(Debug)]
pub enum Missed {
    /// No keeper runs; nothing was sent.
    Nobody,
    /// The keeper said no.
    Refused(Failure),
    /// It was sent, and no answer came in time.
    Lost(Failure),
    /// It was sent, or almost, and the keeper was gone: killed just now, for example.
    Broke(Failure),
}

/// One call.
pub fn call(folder: &Folder, ask: Ask, cx: &Cx) -> Result<Value, Missed> {
    let mut stream = match folder.with_socket(|path| UnixStream::connect(path)) {
        Ok(stream) => stream,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Err(Missed::Nobody);
        }
        Err(e) => return Err(Missed::Refused(failed(&folder.path().join("socket"), &e))),
    };
    let text = serde_json::to_string(&Envelope { protocol: PROTOCOL, ask }).expect("BUG: an ask is JSON");
    let lost = |code, why: String| Missed::Lost(Failure::new(code, why));
    let broke =
        |why: &str| Missed::Broke(Failure::new(FailureCode::TimedOut, format!("the keeper's answer broke off: {why}")));
    let broken = |e: io::Error| broke(&e.to_string());
    let until = Instant::now() + cx.limit + SLACK;
    stream.set_read_timeout(Some(BREATH)).map_err(broken)?;
    stream.set_write_timeout(Some(cx.limit.max(BREATH))).map_err(broken)?;
    stream.write_all(format!("{text}\n").as_bytes()).map_err(broken)?;
    let (mut reply, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => reply.extend_from_slice(&buffer[..n]),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(broken(e)),
        }
        if reply.ends_with(b"\n") || reply.len() > MAX_REPLY_BYTES {
            break;
        }
        if cx.cancel.is_stopped() {
            return Err(lost(FailureCode::Cancelled, "it was stopped".into()));
        }
        if Instant::now() >= until {
            return Err(lost(FailureCode::TimedOut, "the keeper did not answer in time".into()));
        }
    }
    match serde_json::from_slice::<Reply>(&reply) {
        Ok(reply) => reply.map_err(Missed::Refused),
        Err(_) => Err(broke("it is not whole")),
    }
}

/// Starts a keeper, and waits until it answers. One that runs already is as good.
pub fn start(folder: &Folder, program: &Path, cx: &Cx) -> Result<(), Failure> {
    let folder = folder.prepare()?;
    let log = folder.own_log();
    let fresh = std::fs::metadata(&log).is_ok_and(|about| about.len() > MAX_OWN_LOG_BYTES);
    let said = OpenOptions::new()
        .create(true)
        .append(!fresh)
        .write(true)
        .truncate(fresh)
        .mode(0o600)
        .open(&log)
        .map_err(|e| failed(&log, &e))?;
    let local = |e: io::Error| Failure::new(FailureCode::Local, format!("{} does not start: {e}", program.display()));
    let spawn = || -> io::Result<Child> {
        let mut command = Command::new(program);
        crate::preload_as_before(&mut command);
        command
            .arg("keep")
            .arg(folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said.try_clone()?)
            .spawn()
    };
    let until = Instant::now() + START_LIMIT.min(cx.limit.max(Duration::from_secs(1)));
    let hello = Cx { cancel: cx.cancel.clone(), limit: Duration::from_secs(1) };
    let mut child = spawn().map_err(local)?;
    let outcome = loop {
        match call(&folder, Ask::Hello, &hello) {
            Ok(_) => break Ok(()),
            Err(Missed::Refused(failure)) => break Err(failure),
            Err(_) => {}
        }
        if cx.cancel.is_stopped() {
            break Err(Failure::new(FailureCode::Cancelled, "it was stopped"));
        }
        let ended = child.try_wait().map_err(local)?;
        if ended.is_some_and(|status| status.code() == Some(TAKEN.into())) && Instant::now() < until {
            // Another has the folder: it will answer in a moment, or it is ending and leaves the folder to us.
            thread::sleep(BREATH);
            child = spawn().map_err(local)?;
        } else if ended.is_some() || Instant::now() >= until {
            let why = tail(&log, 3).join(" ");
            break Err(Failure::new(FailureCode::Local, format!("the keeper does not start: {why}"))
                .hint(format!("Read {}.", log.display())));
        }
        thread::sleep(Duration::from_millis(20));
    };
    // It is ours to reap if it ends before we do.
    let reaper = thread::Builder::new().name("keeper wait".into()).spawn(move || drop(child.wait()));
    outcome.and(reaper.map(drop).map_err(local))
}
