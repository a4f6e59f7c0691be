//! Changing a cluster's config: ours only, and only while it is as it was read.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_release::{Deployable, Failure, FailureCode, OpKey, ServiceName, Split, VersionRef};

use super::application::{self, Found, Mark, check_name, live_prefix, name_of, own_prefix};
use super::config::{Config, prefix_of};
use super::look::App;
use super::{API, RayServe};
use crate::http::{Lost, Patience, words};

const BETWEEN_LOOKS: Duration = Duration::from_millis(300);
/// So many replicas that died before one ran: the next will fare no better.
const MAX_DEAD: usize = 3;
/// Kept back of a step's time, for taking out what did not come up.
const TO_TAKE_OUT: Duration = Duration::from_secs(15);

impl RayServe {
    /// Loads a version under its own prefix, and waits until it stands; what cannot be loaded is taken out again.
    pub(super) fn put_in(
        &self,
        service: &ServiceName,
        what: &Deployable,
        key: &OpKey,
        patience: &Patience,
    ) -> Result<Value, Lost> {
        check_name("service", service.as_str())?;
        check_name("version", what.version.version.as_str())?;
        let (found, mark) = self.bring(service, what, key)?;
        let name = name_of(service, mark.version.as_str());
        self.memory().ops.insert(mark.op.clone());
        self.wait_while_deleted(&name, patience)?;
        let said = self.change(patience, |config, _| {
            if let Some(there) = config.applications.get(&name) {
                let same = Mark::of(there).is_some_and(|is| Mark { op: mark.op.clone(), ..is } == mark);
                return if same { Ok(Vec::new()) } else { Err(taken(&name)) };
            }
            if config.imperative.contains_key(&name) || config.at(&own_prefix(service, mark.version.as_str())).is_some()
            {
                return Err(taken(&name));
            }
            let live = config.at(&live_prefix(service)).and_then(|name| config.applications.get(name));
            let app = application::application(&self.at.application, live, &mark, what, &found)?;
            config.applications.insert(name.clone(), app);
            Ok(vec![name.clone()])
        })?;
        let Err(failure) = self.wait_until_it_stands(&name, patience)? else { return Ok(said) };
        let removed = self.change(patience, |config, _| {
            let ours = config.applications.get(&name).and_then(Mark::of).is_some_and(|is| is.op == mark.op);
            if ours {
                config.applications.remove(&name);
            }
            Ok(if ours { vec![name.clone()] } else { Vec::new() })
        });
        match removed {
            Ok(_) => Err(Lost::Refused(failure)),
            Err(_) => Err(Lost::Unknown(failure)),
        }
    }

    /// Gives the live prefix to a version that stands, or to nobody.
    pub(super) fn give(&self, service: &ServiceName, split: &Split, patience: &Patience) -> Result<Value, Lost> {
        if !matches!((&split.to, split.share), (Some(_), 100) | (None, _)) {
            return Err(Lost::Refused(
                Failure::new(FailureCode::Invalid, "Ray Serve gives a version all of the traffic, or none")
                    .hint("Leave out the shares in the policy."),
            ));
        }
        let live = live_prefix(service);
        self.change(patience, |config, details| {
            let to = match &split.to {
                Some(at) => Some(standing(config, details, service, at)?),
                None => None,
            };
            let holder = config.at(&live).map(str::to_owned);
            if holder == to {
                return Ok(Vec::new());
            }
            if let Some(name) = &holder {
                let mark = config.applications.get(name).and_then(Mark::of);
                split.check(service, mark.as_ref().map(Mark::at).as_ref())?;
                if mark.is_none_or(|mark| mark.service != *service) {
                    return Err(Failure::new(
                        FailureCode::Conflict,
                        format!("{live} belongs to {}, which no Signalbox has deployed", words(name.as_bytes())),
                    )
                    .hint("Move that application to another prefix first."));
                }
            }
            swap(config, service, to.as_deref());
            Ok(holder.into_iter().chain(to).collect())
        })
    }

    /// Takes a version out, if it takes no traffic.
    pub(super) fn take_out(&self, service: &ServiceName, at: &VersionRef, patience: &Patience) -> Result<Value, Lost> {
        self.change(patience, |config, _| {
            let Some(name) = named(config, service, at) else { return Ok(Vec::new()) };
            if config.at(&live_prefix(service)) == Some(&name) {
                return Err(Failure::new(FailureCode::Conflict, format!("{at} takes the traffic of {service}"))
                    .hint("Give it to another version first."));
            }
            config.applications.remove(&name);
            Ok(vec![name])
        })
    }

    /// Reads, edits, reads again, puts, and reads what came of it. `edit` names what it has changed; nothing: nothing
    /// is put.
    fn change(
        &self,
        patience: &Patience,
        edit: impl FnOnce(&mut Config, &Value) -> Result<Vec<String>, Failure>,
    ) -> Result<Value, Lost> {
        let details = self.details(patience)?;
        let was = Config::read(&details)?;
        let mut new = was.clone();
        let ours = edit(&mut new, &details)?;
        if ours.is_empty() {
            return Ok(json!({ "already": true }));
        }
        let is_ours = |name: &str| ours.iter().any(|own| own == name);
        let now = Config::read(&self.details(patience)?)?;
        if now.digest() != was.digest() {
            return Err(Lost::Refused(
                Failure::new(
                    FailureCode::Conflict,
                    format!("another changes the cluster just now: {}", was.differences(&now).join("; ")),
                )
                .hint("Look at what it is, and make the plan again."),
            ));
        }
        self.http.change(&self.http.put_json(API, new.body()), patience)?;
        let after = self.details(patience).and_then(|details| Config::read(&details)).map_err(Lost::Unknown)?;
        let raw = json!({ "before": was.shown(is_ours), "after": after.shown(is_ours) });
        // Ray writes what we send in its own way (`0` as `0.0`); what others have it has written itself.
        let mut told = after.clone();
        for name in ours.iter().filter(|name| same(new.applications.get(*name), after.applications.get(*name))) {
            match new.applications.get(name) {
                Some(app) => told.applications.insert(name.clone(), app.clone()),
                None => told.applications.remove(name),
            };
        }
        let differences = new.differences(&told);
        if differences.is_empty() {
            return Ok(raw);
        }
        Err(Lost::Unknown(
            Failure::new(
                FailureCode::Conflict,
                format!("another changed the cluster in the same moment: {}", differences.join("; ")),
            )
            .hint("Ask who else deploys to this cluster: one of the two changes may be lost.")
            .raw(raw),
        ))
    }

    fn bring(&self, service: &ServiceName, what: &Deployable, key: &OpKey) -> Result<(Found, Mark), Failure> {
        let mut mark = Mark::new(service, &what.version, key);
        let own = application::is_own(&self.at.application);
        let Some(share) = &self.at.share else {
            return if own {
                Err(Failure::new(FailureCode::Invalid, "our own builder needs a folder that the cluster sees too")
                    .hint("Name it in the policy, or name your own builder."))
            } else {
                Ok((Found::default(), mark))
            };
        };
        let mut found = Found::default();
        if let Some(path) = &what.path {
            let (there, digest) = share.bring(&what.version, path)?;
            (found.path, mark.digest) = (Some(there), Some(digest));
        }
        if own {
            found.module = Some(share.module()?);
        }
        Ok((found, mark))
    }

    /// An application that Ray is still taking down would be taken for the new one.
    fn wait_while_deleted(&self, name: &str, patience: &Patience) -> Result<(), Failure> {
        while App::all(&self.details(patience)?).iter().any(|app| app.name == name && app.status == "DELETING") {
            patience.pause(BETWEEN_LOOKS)?;
        }
        Ok(())
    }

    /// The inner failure: it will not stand.
    fn wait_until_it_stands(&self, name: &str, patience: &Patience) -> Result<Result<(), Failure>, Lost> {
        let waits = patience.within(patience.left().saturating_sub(TO_TAKE_OUT));
        loop {
            let details = self.details(patience).map_err(Lost::Unknown)?;
            let Some(app) = App::all(&details).into_iter().find(|app| app.name == name) else {
                let failure = Failure::new(FailureCode::Conflict, format!("another has taken {name} out again"));
                return Err(Lost::Unknown(failure));
            };
            if app.status == "RUNNING" && app.is_up() {
                return Ok(Ok(()));
            }
            let fails = matches!(app.status.as_str(), "DEPLOY_FAILED" | "UNHEALTHY")
                || (app.dead() >= MAX_DEAD && app.running() == 0);
            let (code, what) = match waits.pause(BETWEEN_LOOKS) {
                _ if fails => (FailureCode::Server, "cannot be loaded"),
                Ok(()) => continue,
                Err(failure) if failure.code == FailureCode::TimedOut => (failure.code, "was not loaded in time"),
                Err(failure) => return Err(Lost::Unknown(failure)),
            };
            let failure = Failure::new(code, format!("{name} {what}: {}", app.why()))
                .hint("Its whole log is on the dashboard of Ray, under Serve.");
            return Ok(Err(failure.raw(app.raw())));
        }
    }
}

/// Whether an application of ours is there as it was put.
fn same(put: Option<&Value>, told: Option<&Value>) -> bool {
    match (put, told) {
        (Some(put), Some(told)) => {
            Mark::of(put) == Mark::of(told)
                && ["route_prefix", "import_path", "args"].into_iter().all(|key| put.get(key) == told.get(key))
        }
        (put, told) => put.is_none() && told.is_none(),
    }
}

/// Whether an application is one of the service's; in a preview it may be no more than a name.
pub(super) fn is_of(service: &ServiceName, app: &Value) -> bool {
    Mark::of(app).map_or_else(|| app.get("import_path").is_none(), |mark| mark.service == *service)
}

/// The name of a version's application.
fn named(config: &Config, service: &ServiceName, at: &VersionRef) -> Option<String> {
    let mut all = config.applications.iter();
    all.find(|(_, app)| Mark::of(app).is_some_and(|mark| mark.is(service, at))).map(|(name, _)| name.clone())
}

fn standing(config: &Config, details: &Value, service: &ServiceName, at: &VersionRef) -> Result<String, Failure> {
    let name = named(config, service, at)
        .ok_or_else(|| Failure::new(FailureCode::NotFound, format!("{at} is not loaded at {service}")))?;
    match App::all(details).into_iter().find(|app| app.name == name) {
        Some(app) if app.is_up() => Ok(name),
        Some(app) => {
            Err(Failure::new(FailureCode::Conflict, format!("{at} does not stand: {}", app.why())).raw(app.raw()))
        }
        None => Err(Failure::new(FailureCode::NotFound, format!("{at} is not loaded at {service}"))),
    }
}

/// Gives the live prefix to an application, and to who had it its own.
pub(super) fn swap(config: &mut Config, service: &ServiceName, to: Option<&str>) {
    let live = live_prefix(service);
    for (name, app) in &mut config.applications {
        let is_live = prefix_of(app) == Some(&live);
        let prefix = match to {
            Some(to) if name == to => live.clone(),
            _ if is_live => match Mark::of(app) {
                Some(mark) => own_prefix(service, mark.version.as_str()),
                None => continue,
            },
            _ => continue,
        };
        app["route_prefix"] = json!(prefix);
    }
}

fn taken(name: &str) -> Failure {
    Failure::new(FailureCode::Conflict, format!("the cluster has another application called {name}"))
        .hint("Look at it on Ray's dashboard; take it out if nobody needs it.")
}
