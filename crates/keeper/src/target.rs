//! The port that a promotion sees.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use signalbox_release::{
    Answer, Cx, Deployable, Failure, FailureCode, Health, Identity, Observed, OpKey, Outcome, Phase, Request, Served,
    ServiceName, Split, SystemId, Target, TargetCaps, VersionRef, Whom,
};

use crate::control::{Missed, call, start};
use crate::folder::Folder;
use crate::how::How;
use crate::protocol::{Ask, Load, ServiceSeen, Stand, VersionSeen};
use crate::state::State;
use crate::{ask, child};

/// Model servers that a keeper on this machine keeps.
pub struct LocalTarget {
    id: SystemId,
    folder: Folder,
    /// Started as `PROGRAM keep FOLDER`.
    program: PathBuf,
    how: How,
    /// Of the first service; None, and for all others: a free one, which it keeps.
    port: Option<u16>,
}

/// What starts a keeper: this program. In an AppImage the file itself, because what it mounts goes with this process.
pub fn own_program() -> std::io::Result<PathBuf> {
    std::env::var_os("APPIMAGE").map_or_else(std::env::current_exe, |image| Ok(image.into()))
}

/// What is known of the services, and from where.
enum Known {
    Keeper(Vec<ServiceSeen>),
    /// A person stopped the keeper; this is what it will bring back.
    Off(State),
    Nothing,
}

impl LocalTarget {
    /// `folder`: the keeper's own, made when it is needed. `program` must call [`crate::main_if_asked`].
    pub fn new(id: SystemId, folder: PathBuf, program: PathBuf, how: How, port: Option<u16>) -> LocalTarget {
        LocalTarget { id, folder: Folder::new(folder), program, how, port }
    }

    /// All services, as the keeper sees them. None while a person has it stopped, or if it never kept any.
    pub fn services(&self, cx: &Cx) -> Result<Vec<ServiceSeen>, Failure> {
        Ok(match self.known(cx)? {
            Known::Keeper(services) => services,
            Known::Off(_) | Known::Nothing => Vec::new(),
        })
    }

    /// The last lines that a version's server wrote.
    pub fn log(
        &self,
        service: &ServiceName,
        version: &VersionRef,
        n_lines: usize,
        cx: &Cx,
    ) -> Result<Vec<String>, Failure> {
        self.read(Ask::Log { service: service.clone(), at: version.clone(), n_lines }, cx)
    }

    /// Ends a service with all its versions, after their requests in flight. Its address is given up.
    pub fn stop_service(&self, service: &ServiceName, cx: &Cx) -> Outcome {
        self.change(Ask::StopService { service: service.clone() }, cx)
    }

    /// Ends the keeper and all model servers. It stays off until something is loaded or moved; then it brings back
    /// what it kept. If it was killed, ends what it left running.
    pub fn stop(&self, cx: &Cx) -> Result<(), Failure> {
        match call(&self.folder, Ask::Stop, cx) {
            Ok(_) => {}
            Err(Missed::Refused(failure) | Missed::Lost(failure)) => return Err(failure),
            // It is ending by itself; its lock tells when it has.
            Err(Missed::Broke(_)) => {}
            Err(Missed::Nobody) if !self.folder.path().is_dir() => return Ok(()),
            Err(Missed::Nobody) => {}
        }
        let folder = self.folder.prepare()?;
        let until = Instant::now() + cx.limit;
        // Who has the lock is the keeper: it has ended when we get it.
        let _lock = loop {
            if let Some(lock) = folder.lock()? {
                break lock;
            }
            if Instant::now() >= until || cx.cancel.is_stopped() {
                return Err(Failure::new(FailureCode::TimedOut, "the keeper has not ended yet"));
            }
            thread::sleep(Duration::from_millis(50));
        };
        child::end_leftovers(folder.path());
        if let Some(mut state) = State::read(&folder.state())?.filter(|state| !state.off) {
            state.off = true;
            state.write(&folder.state())?;
        }
        Ok(())
    }

    /// Starts the keeper if there is something to bring back, unless a person stopped it.
    fn known(&self, cx: &Cx) -> Result<Known, Failure> {
        let until = Instant::now() + cx.limit;
        let mut is_started = false;
        loop {
            match call(&self.folder, Ask::Observe, cx) {
                Ok(value) => return Ok(Known::Keeper(parse(value)?)),
                Err(Missed::Refused(failure) | Missed::Lost(failure)) => return Err(failure),
                // A keeper that is killed takes connections until its last thread is gone. A question may be repeated.
                Err(Missed::Broke(failure)) if Instant::now() >= until => return Err(failure),
                Err(Missed::Broke(_)) => {
                    thread::sleep(Duration::from_millis(20));
                    continue;
                }
                Err(Missed::Nobody) => {}
            }
            match State::read(&self.folder.state())? {
                Some(state) if state.off => return Ok(Known::Off(state)),
                Some(state) if !state.services.is_empty() && !is_started => start(&self.folder, &self.program, cx)?,
                Some(state) if !state.services.is_empty() => break,
                _ => return Ok(Known::Nothing),
            }
            is_started = true;
        }
        Err(Failure::new(FailureCode::Local, "the keeper ends as soon as it is started")
            .hint(format!("Read {}.", self.folder.own_log().display())))
    }

    /// A call that changes nothing.
    fn read<T: DeserializeOwned>(&self, ask: Ask, cx: &Cx) -> Result<T, Failure> {
        // Starts the keeper where that is due.
        if let Known::Nothing | Known::Off(_) = self.known(cx)? {
            return Err(Failure::new(FailureCode::NotFound, "no model server is kept here just now"));
        }
        match call(&self.folder, ask, cx) {
            Ok(value) => parse(value),
            Err(Missed::Refused(failure) | Missed::Lost(failure) | Missed::Broke(failure)) => Err(failure),
            Err(Missed::Nobody) => Err(Failure::new(FailureCode::Unreachable, "the keeper has just ended")),
        }
    }

    /// A call that changes something, made once. The keeper is started for it if none runs.
    fn change(&self, ask: Ask, cx: &Cx) -> Outcome {
        // What it would bring back must be readable before it is started over it.
        let made = match call(&self.folder, ask.clone(), cx) {
            // Nothing was sent.
            Err(Missed::Nobody) => {
                let started = State::read(&self.folder.state()).and_then(|_| start(&self.folder, &self.program, cx));
                match started {
                    Ok(()) => call(&self.folder, ask, cx),
                    Err(failure) => return Outcome::Refused(failure),
                }
            }
            made => made,
        };
        match made {
            Ok(value) => Outcome::Done(value),
            Err(Missed::Refused(failure)) => Outcome::Refused(failure),
            Err(Missed::Lost(failure) | Missed::Broke(failure)) => Outcome::Unknown(failure),
            Err(Missed::Nobody) => {
                Outcome::Refused(Failure::new(FailureCode::Unreachable, "the keeper ends as soon as it is started"))
            }
        }
    }
}

impl Target for LocalTarget {
    fn id(&self) -> &SystemId {
        &self.id
    }

    fn title(&self) -> String {
        "this machine".into()
    }

    fn caps(&self) -> TargetCaps {
        TargetCaps { split: true, ask_candidate: true, keeps_old_warm: true }
    }

    fn observe(&self, service: &ServiceName, cx: &Cx) -> Result<Observed, Failure> {
        let absent = Observed {
            service: service.clone(),
            phase: Phase::Absent,
            loaded: Vec::new(),
            foreign: None,
            raw: json!(null),
        };
        Ok(match self.known(cx)? {
            Known::Keeper(services) => match services.into_iter().find(|seen| seen.service == *service) {
                Some(seen) => observed(&seen),
                None => absent,
            },
            Known::Off(state) => {
                let versions = state.services.get(service).map_or(&[][..], |kept| &kept.versions);
                let served = |version: &crate::state::VersionState| Served {
                    version: Some(version.at.clone()),
                    label: version.at.to_string(),
                    share: version.share,
                    ready: false,
                    identity: Identity::Unknown,
                    since_unix_ms: None,
                };
                let loaded = versions.iter().map(served).collect();
                Observed { loaded, raw: json!({ "off": true, "state": state }), ..absent }
            }
            Known::Nothing => absent,
        })
    }

    fn ask(&self, service: &ServiceName, whom: &Whom, request: &Value, cx: &Cx) -> Result<Answer, Failure> {
        let services = self.services(cx)?;
        let seen = services.iter().find(|seen| seen.service == *service).ok_or_else(|| {
            Failure::new(FailureCode::NotFound, format!("there is no service {service} on this machine"))
        })?;
        let pin = match whom {
            Whom::Live => None,
            Whom::Version(at) => {
                let loaded = seen
                    .versions
                    .iter()
                    .find(|version| version.at.is(at))
                    .ok_or_else(|| Failure::new(FailureCode::NotFound, format!("{at} is not loaded")))?;
                let digest = loaded.digest.as_ref().map(|digest| format!(" {digest}")).unwrap_or_default();
                Some(format!("{}{digest}", at.version))
            }
        };
        ask::ask(seen.port, self.how.asked_path(), pin.as_deref(), request, cx)
    }

    fn health(&self, service: &ServiceName, version: &VersionRef, secs: u64, cx: &Cx) -> Result<Health, Failure> {
        self.read(Ask::Health { service: service.clone(), at: version.clone(), secs }, cx)
    }

    fn stage_requests(&self, _: &ServiceName, what: &Deployable, _: &OpKey) -> Vec<Request> {
        let path = what.path.clone().unwrap_or_else(|| "{artifact}".into());
        let ready = format!("http://127.0.0.1:{{port}}{}", self.how.ready_path());
        vec![
            Request { verb: "start".into(), to: child::spoken(&self.how.words(&path, "{port}")), body: None },
            Request { verb: "GET".into(), to: format!("{ready}, until it answers 200"), body: None },
        ]
    }

    fn stage(&self, service: &ServiceName, what: &Deployable, key: &OpKey, cx: &Cx) -> Outcome {
        let Some(path) = &what.path else {
            return Outcome::Refused(
                Failure::new(FailureCode::Invalid, format!("{} has no artifact on this machine", what.version))
                    .hint("Bring it here from its registry first."),
            );
        };
        let load = Load {
            service: service.clone(),
            at: what.version.clone(),
            path: path.clone(),
            how: self.how.clone(),
            key: key.as_str().to_owned(),
            port: self.port,
            limit_ms: millis(cx.limit),
        };
        self.change(Ask::Stage(load), cx)
    }

    fn unstage_requests(&self, service: &ServiceName, version: &str) -> Vec<Request> {
        vec![Request {
            verb: "stop".into(),
            to: format!("{service} {version}, after its requests in flight"),
            body: None,
        }]
    }

    fn unstage(&self, service: &ServiceName, version: &VersionRef, cx: &Cx) -> Outcome {
        self.change(Ask::Unstage { service: service.clone(), at: version.clone() }, cx)
    }

    fn route_requests(&self, service: &ServiceName, to: Option<&str>, share: u8, rest: Option<&str>) -> Vec<Request> {
        let body = Some(json!({ "to": to, "share": if to.is_some() { share } else { 0 }, "rest": rest }));
        vec![Request { verb: "set shares".into(), to: service.to_string(), body }]
    }

    fn route(&self, service: &ServiceName, split: &Split, _: &OpKey, cx: &Cx) -> Outcome {
        let (service, split) = (service.clone(), split.clone());
        self.change(Ask::Route { service, split, limit_ms: millis(cx.limit) }, cx)
    }
}

fn observed(seen: &ServiceSeen) -> Observed {
    let loads = seen.versions.iter().find(|version| version.stand == Stand::Loading && version.share == 0);
    Observed {
        service: seen.service.clone(),
        phase: phase(seen),
        loaded: seen.versions.iter().map(served).collect(),
        foreign: loads.map(|version| format!("{} is being loaded", version.at)),
        raw: serde_json::to_value(seen).expect("BUG: what is seen is JSON"),
    }
}

fn served(version: &VersionSeen) -> Served {
    Served {
        version: Some(version.at.clone()),
        label: version.at.to_string(),
        share: version.share,
        ready: version.stand == Stand::Ready,
        identity: match (&version.at.digest, &version.digest) {
            (Some(wanted), Some(found)) if wanted == found => Identity::Proven(found.clone()),
            _ => Identity::Claimed,
        },
        since_unix_ms: Some(version.since_unix_ms),
    }
}

fn phase(seen: &ServiceSeen) -> Phase {
    let takers: Vec<&VersionSeen> = seen.versions.iter().filter(|version| version.share > 0).collect();
    let of = |stand| takers.iter().filter(|version| version.stand == stand).count();
    if seen.versions.is_empty() {
        Phase::Absent
    } else if seen.trouble.is_some() {
        Phase::Failed
    } else if takers.is_empty() {
        Phase::Starting
    } else if of(Stand::Ready) == takers.len() {
        Phase::Serving
    } else if of(Stand::Ready) > 0 {
        Phase::Degraded
    } else if of(Stand::Loading) > 0 {
        Phase::Starting
    } else {
        Phase::Failed
    }
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value).map_err(|e| {
        Failure::new(FailureCode::Server, format!("the keeper answers what is not understood: {e}"))
            .hint("It may be of another Signalbox: stop it.")
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
