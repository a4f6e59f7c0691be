//! A version's model server over its life: loaded, watched, started again, drained, ended.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use signalbox_release::{Digest, Failure, FailureCode, VersionRef, digest_of};

use crate::child::{self, Child};
use crate::folder::{Folder, failed, tail};
use crate::held;
use crate::how::How;
use crate::ports;
use crate::protocol::Stand;
use crate::tally::Tally;

/// One that is brought back may be slower than the step that loaded it; nobody waits for it.
const BRING_BACK_LIMIT: Duration = Duration::from_secs(600);
const BETWEEN_PROBES: Duration = Duration::from_millis(50);
const PROBE_LIMIT: Duration = Duration::from_secs(2);
const MAX_PROBE_BYTES: u64 = 64 << 10;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// One that ran for so long begins with a short pause again.
const RAN_WELL: Duration = Duration::from_secs(60);
/// After this a server that was asked to end is made to.
const END_LIMIT: Duration = Duration::from_secs(5);
const LOG_LINES: usize = 15;

/// What is served, and how.
#[derive(Clone, Debug)]
pub struct What {
    pub at: VersionRef,
    pub path: PathBuf,
    pub how: How,
    pub key: String,
    pub since_unix_ms: i64,
    /// What the artifact held when it was loaded first; None: this is the first time.
    pub digest: Option<Digest>,
}

pub struct Server {
    pub what: What,
    pub log: PathBuf,
    folder: Folder,
    life: Mutex<Life>,
    changed: Condvar,
    pub tally: Mutex<Tally>,
}

pub struct Life {
    pub stand: Stand,
    /// The running process and its port.
    pub runs: Option<(Pid, u16)>,
    pub digest: Option<Digest>,
    pub n_restarts: u64,
    pub last_failure: Option<Failure>,
    ended: Option<String>,
    stopping: bool,
    pub n_in_flight: usize,
}

/// How one process of a server went.
enum Run {
    Stopped,
    NeverReady(Failure),
    Died(Failure, Duration),
}

impl Server {
    /// Starts to load. `limit`: if it is not ready by then, or ends before, it has failed for good; None: it is
    /// tried until somebody stops it.
    pub fn start(what: What, log: PathBuf, folder: &Folder, limit: Option<Duration>) -> Arc<Server> {
        let life = Life {
            stand: Stand::Loading,
            runs: None,
            digest: None,
            n_restarts: 0,
            last_failure: None,
            ended: None,
            stopping: false,
            n_in_flight: 0,
        };
        let server = Arc::new(Server {
            what,
            log,
            folder: folder.clone(),
            life: Mutex::new(life),
            changed: Condvar::new(),
            tally: Mutex::default(),
        });
        let own = server.clone();
        let thread = thread::Builder::new().name("server".into()).spawn(move || own.supervise(limit));
        if let Err(e) = thread {
            server.finish(Stand::Failed, Some(Failure::new(FailureCode::Local, format!("no thread: {e}"))));
        }
        server
    }

    /// What is so now.
    pub fn life<T>(&self, read: impl FnOnce(&Life) -> T) -> T {
        read(&held(&self.life))
    }

    /// The port that answers; None while none does.
    pub fn backend(&self) -> Option<u16> {
        self.life(|life| life.runs.filter(|_| life.stand == Stand::Ready).map(|(_, port)| port))
    }

    pub fn enter(&self) {
        held(&self.life).n_in_flight += 1;
    }

    pub fn leave(&self) {
        held(&self.life).n_in_flight -= 1;
        self.changed.notify_all();
    }

    /// Waits until it is ready, or will not be.
    pub fn wait_ready(&self, until: Instant) -> Result<(), Failure> {
        let life = self.wait(until, |life| !matches!(life.stand, Stand::Loading | Stand::Down));
        let at = &self.what.at;
        match life.stand {
            Stand::Ready => Ok(()),
            Stand::Failed | Stand::Loading | Stand::Down => Err(life.last_failure.clone().unwrap_or_else(|| {
                let said = format!("{at} was not ready in time");
                self.with_log(Failure::new(FailureCode::TimedOut, said))
            })),
            Stand::Stopped => Err(Failure::new(FailureCode::Cancelled, format!("{at} was unloaded meanwhile"))),
        }
    }

    /// Lets requests in flight end, for `drain` at most, then ends the process. Says whether all ended in time.
    pub fn stop(&self, drain: Duration) -> bool {
        let drained = self.wait(Instant::now() + drain, |life| life.n_in_flight == 0).n_in_flight == 0;
        held(&self.life).stopping = true;
        self.changed.notify_all();
        drop(self.wait(Instant::now() + END_LIMIT * 3, |life| matches!(life.stand, Stand::Stopped | Stand::Failed)));
        drained
    }

    fn wait(&self, until: Instant, enough: impl Fn(&Life) -> bool) -> std::sync::MutexGuard<'_, Life> {
        let mut life = held(&self.life);
        while !enough(&life) {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else { break };
            life = self.changed.wait_timeout(life, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        life
    }

    fn supervise(self: Arc<Self>, limit: Option<Duration>) {
        let mut pause = FIRST_PAUSE;
        let mut until = limit.map(|limit| Instant::now() + limit);
        if limit.is_some() {
            // What an earlier load of the version said explains nothing of this one.
            let _ = std::fs::remove_file(&self.log);
        }
        loop {
            match self.run(until.unwrap_or_else(|| Instant::now() + BRING_BACK_LIMIT)) {
                Run::Stopped => return self.finish(Stand::Stopped, None),
                Run::NeverReady(failure) if until.is_some() => return self.finish(Stand::Failed, Some(failure)),
                Run::NeverReady(failure) => self.went_down(failure),
                Run::Died(failure, ran) => {
                    until = None;
                    pause = if ran > RAN_WELL { FIRST_PAUSE } else { pause };
                    self.went_down(failure);
                }
            }
            if self.wait(Instant::now() + pause, |life| life.stopping).stopping {
                return self.finish(Stand::Stopped, None);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            held(&self.life).n_restarts += 1;
        }
    }

    fn went_down(&self, failure: Failure) {
        let mut life = held(&self.life);
        (life.stand, life.runs, life.last_failure) = (Stand::Down, None, Some(failure));
        self.changed.notify_all();
    }

    fn finish(&self, stand: Stand, failure: Option<Failure>) {
        let mut life = held(&self.life);
        (life.stand, life.runs) = (stand, None);
        life.last_failure = failure.or(life.last_failure.take());
        self.changed.notify_all();
    }

    /// One process, from its start to its end.
    fn run(self: &Arc<Self>, until: Instant) -> Run {
        let (child, port) = match self.digest().and_then(|digest| self.spawn(digest)) {
            Ok(started) => started,
            Err(failure) => return Run::NeverReady(failure),
        };
        let at = &self.what.at;
        while !self.probe(port) {
            let pause = BETWEEN_PROBES.min(until.saturating_duration_since(Instant::now()));
            let life = self.wait(Instant::now() + pause, |life| life.stopping || life.ended.is_some());
            let (stopping, ended) = (life.stopping, life.ended.clone());
            drop(life);
            if let Some(how) = ended {
                let said = format!("the server of {at} {how} before it was ready");
                return Run::NeverReady(self.last_words(&child, Failure::new(FailureCode::Server, said)));
            }
            if stopping || Instant::now() >= until {
                self.end(&child);
                if stopping {
                    return Run::Stopped;
                }
                let said = format!("the server of {at} was not ready in time");
                return Run::NeverReady(self.last_words(&child, Failure::new(FailureCode::TimedOut, said)));
            }
        }
        let since = Instant::now();
        let mut life = held(&self.life);
        // A server that ended just after it answered is not ready.
        if life.ended.is_none() && !life.stopping {
            life.stand = Stand::Ready;
            self.changed.notify_all();
        }
        while life.ended.is_none() && !life.stopping {
            life = self.changed.wait(life).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        let how = life.ended.clone();
        drop(life);
        match how {
            Some(how) => {
                let said = format!("the server of {at} {how}");
                Run::Died(self.last_words(&child, Failure::new(FailureCode::Server, said)), since.elapsed())
            }
            None => {
                self.end(&child);
                Run::Stopped
            }
        }
    }

    /// Of the artifact as it is now. What is served must be what was registered, also when it is started again.
    fn digest(&self) -> Result<Digest, Failure> {
        let What { at, path, digest, .. } = &self.what;
        let found = digest_of(path).map_err(|e| Failure::new(FailureCode::Local, e.to_string()))?.digest;
        match at.digest.as_ref().or(digest.as_ref()).filter(|wanted| **wanted != found) {
            Some(wanted) => Err(Failure::new(
                FailureCode::Conflict,
                format!("{} holds {}, and {at} is {}", path.display(), found.short(), wanted.short()),
            )
            .hint("The artifact was changed. Register the model again, from its run.")),
            None => Ok(found),
        }
    }

    fn spawn(self: &Arc<Self>, digest: Digest) -> Result<(Child, u16), Failure> {
        let port = ports::free()?;
        let command = self
            .what
            .how
            .command(&self.what.path, port)
            .ok_or_else(|| Failure::new(FailureCode::Invalid, "no command is given that would serve the model"))?;
        let program = command.get_program().to_string_lossy().into_owned();
        {
            let mut life = held(&self.life);
            (life.ended, life.digest) = (None, Some(digest));
        }
        let own = Arc::downgrade(self);
        let ended = move |how| {
            if let Some(own) = own.upgrade() {
                let mut life = held(&own.life);
                life.ended = Some(how);
                if life.stand == Stand::Ready {
                    life.stand = Stand::Down;
                }
                own.changed.notify_all();
            }
        };
        let child = child::start(command, self.folder.path(), &self.folder.scratch(), self.log.clone(), ended)
            .map_err(|e| {
                Failure::new(FailureCode::Local, format!("{program} does not start: {e}"))
                    .hint("Name a Python that has mlflow in signalbox.toml.")
            })?;
        held(&self.life).runs = Some((child.pid, port));
        Ok((child, port))
    }

    /// Ends the process, kindly first, and waits until it has ended.
    fn end(&self, child: &Child) {
        for by_force in [false, true] {
            let life = held(&self.life);
            if life.ended.is_none() {
                // Under the lock: it is not reaped before `ended` is set.
                child::end(child.pid, by_force);
            }
            drop(life);
            if self.wait(Instant::now() + END_LIMIT, |life| life.ended.is_some()).ended.is_some() {
                return;
            }
        }
    }

    /// Whether the server says that its model is loaded.
    fn probe(&self, port: u16) -> bool {
        let ask = || -> std::io::Result<bool> {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let mut stream = TcpStream::connect_timeout(&address, PROBE_LIMIT)?;
            stream.set_read_timeout(Some(PROBE_LIMIT))?;
            stream.set_write_timeout(Some(PROBE_LIMIT))?;
            let path = self.what.how.ready_path();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
            let mut head = [0; 12];
            stream.read_exact(&mut head)?;
            // To its end: closed before, some servers tell of a broken connection in their logs.
            stream.set_read_timeout(Some(BETWEEN_PROBES))?;
            let _ = std::io::copy(&mut (&stream).take(MAX_PROBE_BYTES), &mut std::io::sink());
            Ok(head.starts_with(b"HTTP/1.") && &head[8..] == b" 200")
        };
        ask().unwrap_or(false)
    }

    fn last_words(&self, child: &Child, failure: Failure) -> Failure {
        // The log's thread may be a moment behind the process.
        let _ = child.log_done.recv_timeout(Duration::from_secs(1));
        self.with_log(failure)
    }

    fn with_log(&self, mut failure: Failure) -> Failure {
        let lines = tail(&self.log, LOG_LINES);
        if let Some(last) = lines.iter().rev().find(|line| !line.trim().is_empty()) {
            failure.message = format!("{}: {}", failure.message, last.trim().chars().take(300).collect::<String>());
        }
        let log = self.log.display();
        failure.hint(format!("Read what it said in {log}.")).raw(serde_json::json!({ "log": lines }))
    }
}

/// Not there is a failure of this machine, told before anything is started.
pub fn check_artifact(path: &std::path::Path) -> Result<(), Failure> {
    std::fs::metadata(path).map(drop).map_err(|e| failed(path, &e))
}
