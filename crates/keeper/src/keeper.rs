//! The keeper's process: what it is told over its socket, and what it does about it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signalbox_release::{Failure, FailureCode, ServiceName, Split, VersionRef};
use tokio::runtime::Runtime;

use crate::folder::{Folder, failed, tail};
use crate::protocol::{Ask, Envelope, Load, MAX_ASK_BYTES, PROTOCOL, Reply, Stand};
use crate::router::{self, Pool};
use crate::server::{Server, What, check_artifact};
use crate::service::{Entry, Service};
use crate::state::{ServiceState, State, VersionState};
use crate::visit::now_secs;
use crate::{child, held, ports, unix_ms};

/// Requests in flight have so long when their version is unloaded.
const DRAIN: Duration = Duration::from_secs(30);
/// And so long when the keeper itself ends.
const LAST_DRAIN: Duration = Duration::from_secs(5);
/// Whoever opens the socket says at once what it wants.
const ASK_LIMIT: Duration = Duration::from_secs(10);
/// Of the exit status: another keeper has the folder.
pub const TAKEN: u8 = 3;

struct Keeper {
    folder: Folder,
    /// As written. Its lock is held over a change, so changes come one after another.
    state: Mutex<State>,
    services: Mutex<BTreeMap<ServiceName, Arc<Service>>>,
    runtime: Runtime,
    pool: Pool,
    /// Ends the process.
    end: Sender<()>,
}

/// Keeps until it is told to stop, by its socket or by a signal.
pub fn main(folder: &Path) -> ExitCode {
    // Out of the terminal's and the parent's session: what ends those does not end this. Refused to a group's leader,
    // which a keeper that was started by hand is.
    let _ = rustix::process::setsid();
    match run(folder) {
        Ok(Some(())) => ExitCode::SUCCESS,
        Ok(None) => {
            eprintln!("another keeper has {}", folder.display());
            ExitCode::from(TAKEN)
        }
        Err(failure) => {
            eprintln!("{failure}");
            failure.hint.iter().for_each(|hint| eprintln!("{hint}"));
            ExitCode::FAILURE
        }
    }
}

/// None: another keeper has the folder.
fn run(folder: &Path) -> Result<Option<()>, Failure> {
    let folder = Folder::new(folder.to_path_buf()).prepare()?;
    let Some(_lock): Option<File> = folder.lock()? else { return Ok(None) };
    let mut state = State::read(&folder.state())?.unwrap_or_default();
    let n_ended = child::end_leftovers(folder.path());
    if n_ended > 0 {
        eprintln!("ended {n_ended} processes that an earlier keeper left running");
    }
    if state.off {
        state.off = false;
        state.write(&folder.state())?;
    }
    let local = |e: io::Error| Failure::new(FailureCode::Local, format!("the keeper cannot run: {e}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(local)?;
    let (end, ended) = channel();
    on_signals(&runtime, end.clone()).map_err(local)?;
    let pool = {
        let _inside = runtime.enter();
        router::pool()
    };
    let services = Mutex::default();
    let keeper = Arc::new(Keeper { folder, state: Mutex::new(state), services, runtime, pool, end });
    keeper.bring_back();
    let socket = keeper.folder.with_socket(|path| {
        // A killed keeper's; nobody listens there, since the lock is ours.
        let _ = std::fs::remove_file(path);
        UnixListener::bind(path)
    });
    let socket = socket.map_err(|e| failed(&keeper.folder.path().join("socket"), &e))?;
    let own = keeper.clone();
    thread::Builder::new().name("control".into()).spawn(move || own.listen(&socket)).map_err(local)?;
    // All senders gone is an end too.
    let _ = ended.recv();
    keeper.shut_down();
    Ok(Some(()))
}

fn on_signals(runtime: &Runtime, end: Sender<()>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let _inside = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    runtime.spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let _ = end.send(());
    });
    Ok(())
}

impl Keeper {
    /// What the state says was served is served again: same ports, versions and shares.
    fn bring_back(&self) {
        let state = held(&self.state).clone();
        for (name, kept) in state.services {
            let service = self.add_service(&name, kept.port, None);
            let mut table = held(&service.table);
            for version in kept.versions {
                let VersionState { at, path, digest, how, share, since_unix_ms, key } = version;
                let log = self.folder.log_of(&name, &at);
                let what = What { at, path, how, key, since_unix_ms, digest: Some(digest) };
                table.entries.push(Entry::new(Server::start(what, log, &self.folder, None), share, true));
            }
        }
    }

    fn add_service(&self, name: &ServiceName, port: u16, open: Option<std::net::TcpListener>) -> Arc<Service> {
        let service = Arc::new(Service::new(name.clone(), port));
        let task = self.runtime.spawn(router::listen(service.clone(), open, self.pool.clone()));
        *held(&service.listens) = Some(task.abort_handle());
        held(&self.services).insert(name.clone(), service.clone());
        service
    }

    fn listen(self: Arc<Self>, socket: &UnixListener) {
        for connection in socket.incoming() {
            let Ok(connection) = connection else {
                thread::sleep(Duration::from_millis(50));
                continue;
            };
            let own = self.clone();
            // Without a thread the caller sees the connection end, and looks again.
            let _ = thread::Builder::new().name("ask".into()).spawn(move || own.converse(connection));
        }
    }

    fn converse(&self, mut connection: UnixStream) {
        let mut line = String::new();
        let read = connection
            .set_read_timeout(Some(ASK_LIMIT))
            .and_then(|()| connection.try_clone())
            .and_then(|stream| BufReader::new(stream.take(MAX_ASK_BYTES)).read_line(&mut line));
        if read.is_err() || line.is_empty() {
            return;
        }
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        // Whatever Signalbox asks: it must be possible to put another's keeper in the place of this one.
        let stops = said["ask"] == "stop";
        let known = || serde_json::from_value(said).ok().filter(|envelope: &Envelope| envelope.protocol == PROTOCOL);
        let reply: Reply = match if stops { Some(Ask::Stop) } else { known().map(|envelope| envelope.ask) } {
            Some(ask) => self.answer(ask),
            None => Err(Failure::new(FailureCode::Invalid, "the keeper that runs here is of another Signalbox")
                .hint("Stop it; the one of this Signalbox starts by itself.")),
        };
        let done = stops && reply.is_ok();
        let mut text = serde_json::to_string(&reply).expect("BUG: a reply is JSON");
        text.push('\n');
        // Whoever has gone meanwhile looks later.
        let _ = connection.write_all(text.as_bytes());
        if done {
            let _ = self.end.send(());
        }
    }

    fn answer(&self, ask: Ask) -> Reply {
        match ask {
            Ask::Hello => Ok(json!({ "pid": std::process::id() })),
            Ask::Observe => {
                let services: Vec<Arc<Service>> = held(&self.services).values().cloned().collect();
                Ok(json!(services.iter().map(|service| service.seen()).collect::<Vec<_>>()))
            }
            Ask::Health { service, at, secs } => {
                let server = self.server(&service, &at)?;
                let health = held(&server.tally).over(now_secs(), secs);
                Ok(json!(health))
            }
            Ask::Stage(load) => self.stage(load),
            Ask::Unstage { service, at } => self.unstage(&service, &at),
            Ask::Route { service, split, limit_ms } => self.route(&service, &split, Duration::from_millis(limit_ms)),
            Ask::Log { service, at, n_lines } => Ok(json!(tail(&self.folder.log_of(&service, &at), n_lines))),
            Ask::StopService { service } => self.stop_service(&service),
            Ask::Stop => {
                self.change(|state| state.off = true)?;
                Ok(json!({ "stopped": true }))
            }
        }
    }

    fn service(&self, name: &ServiceName) -> Result<Arc<Service>, Failure> {
        let none = || Failure::new(FailureCode::NotFound, format!("there is no service {name} here"));
        held(&self.services).get(name).cloned().ok_or_else(none)
    }

    fn server(&self, service: &ServiceName, at: &VersionRef) -> Result<Arc<Server>, Failure> {
        let service = self.service(service)?;
        let found = held(&service.table).find(at).map(|entry| entry.server.clone());
        found.ok_or_else(|| Failure::new(FailureCode::NotFound, format!("{at} is not loaded")))
    }

    /// Writes the state as it will be. Nothing has changed if that fails.
    fn change(&self, edit: impl FnOnce(&mut State)) -> Result<(), Failure> {
        self.write(&mut held(&self.state), edit)
    }

    fn write(&self, state: &mut State, edit: impl FnOnce(&mut State)) -> Result<(), Failure> {
        let mut next = state.clone();
        edit(&mut next);
        if next != *state {
            next.write(&self.folder.state())?;
            *state = next;
        }
        Ok(())
    }

    fn stage(&self, load: Load) -> Reply {
        let limit = Duration::from_millis(load.limit_ms);
        check_artifact(&load.path)?;
        let (service, server, is_ours) = self.begin_to_load(&load, limit)?;
        // The server keeps the limit itself; this is for a thread that is late.
        let ready = server.wait_ready(Instant::now() + limit + Duration::from_secs(1));
        if !is_ours {
            // Another call brought it here; this one only waits with it.
            return ready.map(|()| loaded(&server));
        }
        match ready.and_then(|()| self.keep(&service, &server, &load)) {
            Ok(()) => Ok(loaded(&server)),
            Err(failure) => {
                held(&service.table).entries.retain(|entry| !Arc::ptr_eq(&entry.server, &server));
                server.stop(Duration::ZERO);
                self.forget_if_new(&service);
                Err(failure)
            }
        }
    }

    /// The version's server, started now (true) or found.
    fn begin_to_load(&self, load: &Load, limit: Duration) -> Result<(Arc<Service>, Arc<Server>, bool), Failure> {
        // One at a time, so that a service is opened once.
        let state = held(&self.state);
        let known = held(&self.services).get(&load.service).cloned();
        let service = match known {
            Some(service) => service,
            None => {
                // A port that was asked for is the first service's; two cannot have it.
                let taken = held(&self.services).values().any(|service| Some(service.port) == load.port);
                let listener = ports::open(&load.service, load.port.filter(|_| !taken))?;
                let port = listener
                    .local_addr()
                    .and_then(|at| listener.set_nonblocking(true).map(|()| at.port()))
                    .map_err(|e| Failure::new(FailureCode::Local, format!("no port: {e}")))?;
                self.add_service(&load.service, port, Some(listener))
            }
        };
        let mut table = held(&service.table);
        let found = table.find(&load.at).map(|entry| entry.server.clone());
        if let Some(server) = found {
            let digest = server.what.at.digest.clone().or(server.what.digest.clone());
            if let (Some(has), Some(wanted)) = (&digest, &load.at.digest)
                && has != wanted
            {
                let said = format!("{} is loaded already and is {}, not {}", load.at, has.short(), wanted.short());
                return Err(Failure::new(FailureCode::Conflict, said));
            }
            drop(table);
            return Ok((service, server, false));
        }
        let what = What {
            at: load.at.clone(),
            path: load.path.clone(),
            how: load.how.clone(),
            key: load.key.clone(),
            since_unix_ms: unix_ms(),
            digest: None,
        };
        let log = self.folder.log_of(&load.service, &load.at);
        let server = Server::start(what, log, &self.folder, Some(limit));
        table.entries.push(Entry::new(server.clone(), 0, false));
        drop(table);
        drop(state);
        Ok((service, server, true))
    }

    /// What was loaded stays loaded, also after a restart.
    fn keep(&self, service: &Service, server: &Arc<Server>, load: &Load) -> Result<(), Failure> {
        let mut state = held(&self.state);
        let is_there = held(&service.table).entries.iter().any(|entry| Arc::ptr_eq(&entry.server, server));
        if !is_there {
            return Err(Failure::new(FailureCode::Cancelled, format!("{} was unloaded meanwhile", load.at)));
        }
        let digest = server.life(|life| life.digest.clone()).expect("BUG: a server that is ready has a digest");
        let version = VersionState {
            at: load.at.clone(),
            path: load.path.clone(),
            digest,
            how: load.how.clone(),
            share: 0,
            since_unix_ms: server.what.since_unix_ms,
            key: load.key.clone(),
        };
        let new = ServiceState { port: service.port, versions: Vec::new() };
        self.write(&mut state, |state| {
            state.services.entry(load.service.clone()).or_insert(new).versions.push(version);
        })?;
        let mut table = held(&service.table);
        table.entries.iter_mut().filter(|entry| Arc::ptr_eq(&entry.server, server)).for_each(|entry| entry.kept = true);
        Ok(())
    }

    /// A service whose first version could not be loaded was never there.
    fn forget_if_new(&self, service: &Service) {
        let state = held(&self.state);
        if !state.services.contains_key(&service.name) && held(&service.table).entries.is_empty() {
            held(&self.services).remove(&service.name);
            service.close();
        }
    }

    fn unstage(&self, service: &ServiceName, at: &VersionRef) -> Reply {
        let mut state = held(&self.state);
        let Ok(service) = self.service(service) else { return Ok(json!({ "unloaded": at.version, "was": "unknown" })) };
        let found = held(&service.table).find(at).map(|entry| (entry.server.clone(), entry.share));
        let Some((server, share)) = found else { return Ok(json!({ "unloaded": at.version, "was": "not loaded" })) };
        if share > 0 {
            return Err(Failure::new(FailureCode::Conflict, format!("{at} takes {share} % of the traffic"))
                .hint("Give its traffic to another version first."));
        }
        self.write(&mut state, |state| {
            if let Some(kept) = state.services.get_mut(&service.name) {
                kept.versions.retain(|version| !version.at.is(at));
            }
        })?;
        {
            let mut table = held(&service.table);
            table.entries.retain(|entry| !Arc::ptr_eq(&entry.server, &server));
        }
        drop(state);
        let drained = server.stop(DRAIN);
        Ok(json!({ "unloaded": at.version, "drained": drained }))
    }

    fn route(&self, service: &ServiceName, split: &Split, limit: Duration) -> Reply {
        let (to, share) = (split.to.as_ref(), split.share);
        if share > 100 {
            return Err(Failure::new(FailureCode::Invalid, format!("{share} % is no share")));
        }
        let service = self.service(service)?;
        if let Some(at) = to.filter(|_| share > 0) {
            // One that is being started again may be ready in a moment.
            self.server(&service.name, at)?.wait_ready(Instant::now() + limit)?;
        }
        let mut state = held(&self.state);
        let shares: Vec<(VersionRef, u8)> = {
            let table = held(&service.table);
            if to.and_then(|at| table.find(at)).is_some_and(|entry| !entry.kept) {
                return Err(Failure::new(FailureCode::Conflict, "it is still being loaded"));
            }
            let shares = table.shares_after(split)?;
            let holders = table.entries.iter().filter(|entry| entry.share > 0);
            split.check(&service.name, holders.map(|entry| &entry.server.what.at))?;
            let versions = table.entries.iter().map(|entry| entry.server.what.at.clone());
            versions.zip(shares).collect()
        };
        // No version comes or goes while the state is held, but one that is being loaded, which has no share.
        self.write(&mut state, |state| {
            if let Some(kept) = state.services.get_mut(&service.name) {
                for version in &mut kept.versions {
                    let found = shares.iter().find(|(at, _)| at.is(&version.at));
                    version.share = found.map_or(0, |(_, share)| *share);
                }
            }
        })?;
        held(&service.table).set(&shares);
        Ok(json!({ "shares": shares.iter().map(|(at, share)| json!([at.version, share])).collect::<Vec<Value>>() }))
    }

    fn stop_service(&self, name: &ServiceName) -> Reply {
        let mut state = held(&self.state);
        let service = self.service(name)?;
        self.write(&mut state, |state| drop(state.services.remove(name)))?;
        held(&self.services).remove(name);
        service.close();
        let entries = std::mem::take(&mut held(&service.table).entries);
        drop(state);
        stop_all(&entries, DRAIN);
        Ok(json!({ "stopped": name }))
    }

    /// No new connections, requests in flight to their end, then the servers. The state stays as it is.
    fn shut_down(&self) {
        let services = std::mem::take(&mut *held(&self.services));
        let mut entries = Vec::new();
        for service in services.values() {
            service.close();
            entries.append(&mut held(&service.table).entries);
        }
        stop_all(&entries, LAST_DRAIN);
        // The last bytes of the last answers.
        thread::sleep(Duration::from_millis(100));
        let _ = self.folder.with_socket(|path| std::fs::remove_file(path));
    }
}

/// All at once: each may take its time.
fn stop_all(entries: &[Entry], drain: Duration) {
    thread::scope(|scope| {
        for entry in entries {
            scope.spawn(|| entry.server.stop(drain));
        }
    });
}

fn loaded(server: &Server) -> Value {
    server.life(|life| {
        json!({ "loaded": server.what.at.version, "digest": life.digest, "ready": life.stand == Stand::Ready,
            "pid": life.runs.map(|(pid, _)| pid.as_raw_nonzero().get()) })
    })
}
