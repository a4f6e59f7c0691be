//! Whether what must be seen is seen.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureCode};
use crate::names::{ServiceName, SystemId, VersionRef};
use crate::plan::{Candidate, Expect, Limits, Plan, Who};
use crate::ports::{Cx, Registry, Target, Whom};
use crate::seen::{Identity, Version, VersionState};

/// The systems that a plan may touch, by the policy's names.
#[derive(Clone, Default)]
pub struct World {
    pub registries: BTreeMap<SystemId, Arc<dyn Registry>>,
    pub targets: BTreeMap<SystemId, Arc<dyn Target>>,
}

impl World {
    pub fn registry(&self, id: &SystemId) -> Result<&dyn Registry, Failure> {
        self.registries.get(id).map(|registry| &**registry).ok_or_else(|| unknown("registry", id))
    }

    pub fn target(&self, id: &SystemId) -> Result<&dyn Target, Failure> {
        self.targets.get(id).map(|target| &**target).ok_or_else(|| unknown("target", id))
    }
}

fn unknown(what: &str, id: &SystemId) -> Failure {
    Failure::new(FailureCode::NotFound, format!("there is no {what} called {id}"))
        .hint("Name it in signalbox.toml, or take the plan back.")
}

/// What was seen, and whether it is what must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    pub holds: bool,
    /// For a person: "champion points at 4".
    pub saw: String,
    /// More than the system's word: a digest that it named, a golden answer.
    pub proof: Option<String>,
    /// It cannot become so any more by waiting.
    pub is_final: bool,
    /// Too little was seen to judge by; what was seen stands in no way.
    #[serde(default)]
    pub is_thin: bool,
}

impl Look {
    fn new(holds: bool, saw: impl Into<String>) -> Look {
        Look { holds, saw: saw.into(), proof: None, is_final: false, is_thin: false }
    }

    /// Notes the digest that is served. False if it is another's: numbers may be given anew, digests are not.
    fn identify(&mut self, at: &VersionRef, identity: &Identity) -> bool {
        match (identity, &at.digest) {
            (Identity::Proven(found), Some(wanted)) if found == wanted => {
                self.proof = Some(format!("it names {}", found.short()));
            }
            (Identity::Proven(found), Some(wanted)) => {
                let saw = format!("what is loaded as {at} is {}, not {}", found.short(), wanted.short());
                *self = Look { is_final: true, ..Look::new(false, saw) };
                return false;
            }
            _ => {}
        }
        true
    }
}

/// Looks for what plans expect.
pub struct Eye<'a> {
    pub world: &'a World,
    pub plan: &'a Plan,
    pub cx: &'a Cx,
    /// The version that this plan has registered, once it was seen: a registry need not be asked with every look.
    candidate: OnceCell<VersionRef>,
}

impl<'a> Eye<'a> {
    pub fn new(world: &'a World, plan: &'a Plan, cx: &'a Cx) -> Eye<'a> {
        Eye { world, plan, cx, candidate: OnceCell::new() }
    }

    /// Looks at once, and does not wait.
    pub fn look(&self, expect: &Expect) -> Result<Look, Failure> {
        match expect {
            Expect::Registered => self.registered(),
            Expect::NotRegistered => {
                let versions = self.own_versions()?;
                let open = versions.iter().find(|version| version.state != VersionState::Withdrawn);
                Ok(Look::new(
                    open.is_none(),
                    open.map_or("not registered".into(), |v| format!("{} is registered", v.at)),
                ))
            }
            Expect::Loaded { target, service, who, proven } => {
                let Some(at) = self.resolve(who)? else {
                    return Ok(Look::new(false, "the candidate is not registered"));
                };
                let seen = self.world.target(target)?.observe(service, self.cx)?;
                let Some(served) = seen.of(&at) else { return Ok(Look::new(false, format!("{at} is not loaded"))) };
                if !served.ready {
                    return Ok(Look::new(false, format!("{at} is loaded, and not ready")));
                }
                let mut look = Look::new(true, format!("{at} is loaded"));
                if !look.identify(&at, &served.identity) {
                    return Ok(look);
                }
                if *proven && self.world.target(target)?.caps().ask_candidate {
                    self.golden(target, service, &Whom::Version(at), &mut look)?;
                    // It is ready, and it was asked itself: it will not answer otherwise.
                    look.is_final = !look.holds;
                }
                Ok(look)
            }
            Expect::NotLoaded { target, service, who } => {
                let Some(at) = self.resolve(who)? else { return Ok(Look::new(true, "never registered")) };
                let seen = self.world.target(target)?.observe(service, self.cx)?;
                let gone = seen.of(&at).is_none();
                Ok(Look::new(gone, format!("{at} is {}loaded", if gone { "not " } else { "" })))
            }
            Expect::Serves { target, service, who, share, proven } => {
                self.serves(target, service, who.as_ref(), *share, *proven)
            }
            Expect::Alias { registry, model, alias, to } => {
                let wanted = match to {
                    Some(who) => match self.resolve(who)? {
                        Some(at) => Some(at.version),
                        None => return Ok(Look::new(false, "the candidate is not registered")),
                    },
                    None => None,
                };
                let pointer = self.world.registry(registry)?.pointer(model, alias, self.cx)?;
                let mut saw = match &pointer.to {
                    Some(version) => format!("{alias} points at {version}"),
                    None => format!("{alias} points at nothing"),
                };
                if let (Some(by), false) = (&pointer.moved_by, pointer.to == wanted) {
                    saw = format!("{saw}; {by} moved it");
                }
                Ok(Look::new(pointer.to == wanted, saw))
            }
            Expect::Healthy { target, service, limits } => self.healthy(target, service, limits),
        }
    }

    /// The version that is meant; none if the candidate is not registered yet.
    pub fn resolve(&self, who: &Who) -> Result<Option<VersionRef>, Failure> {
        match (who, &self.plan.candidate) {
            (Who::Version(at), _) | (Who::Candidate, Candidate::Version(at)) => Ok(Some(at.clone())),
            (Who::Candidate, Candidate::New { .. }) => {
                if let Some(at) = self.candidate.get() {
                    return Ok(Some(at.clone()));
                }
                let found = self.own_versions()?.into_iter().next().map(|version| version.at);
                Ok(found.inspect(|at| drop(self.candidate.set(at.clone()))))
            }
        }
    }

    /// The versions that this plan has registered: one, or none.
    pub(crate) fn own_versions(&self) -> Result<Vec<Version>, Failure> {
        let Some(key) = self.plan.registration_key() else { return Ok(Vec::new()) };
        let candidate = &self.plan.candidate;
        self.world.registry(candidate.registry())?.registered_by(candidate.model(), &key, self.cx)
    }

    fn registered(&self) -> Result<Look, Failure> {
        let versions = self.own_versions()?;
        let [version] = &versions[..] else {
            let many = versions.len() > 1;
            let mut look = Look::new(
                false,
                if many {
                    format!("{} versions carry this plan's key", versions.len())
                } else {
                    "not registered".into()
                },
            );
            look.is_final = many;
            return Ok(look);
        };
        let mut look = match &version.state {
            VersionState::Ready => Look::new(true, format!("{} is registered", version.at)),
            VersionState::Pending => Look::new(false, format!("{} is being registered", version.at)),
            VersionState::Failed(why) => {
                Look { is_final: true, ..Look::new(false, format!("registering {} failed: {why}", version.at)) }
            }
            VersionState::Withdrawn => {
                Look { is_final: true, ..Look::new(false, format!("{} was withdrawn", version.at)) }
            }
        };
        if let (true, Some(wanted), Some(found)) = (look.holds, self.plan.candidate.digest(), &version.at.digest) {
            if wanted == found {
                look.proof = Some(format!("its artifact is {}", found.short()));
            } else {
                look = Look::new(false, format!("{} holds {}, not {}", version.at, found.short(), wanted.short()));
                look.is_final = true;
            }
        }
        Ok(look)
    }

    fn serves(
        &self,
        target: &SystemId,
        service: &ServiceName,
        who: Option<&Who>,
        share: u8,
        proven: bool,
    ) -> Result<Look, Failure> {
        let seen = self.world.target(target)?.observe(service, self.cx)?;
        let Some(who) = who else {
            let busy = seen.loaded.iter().find(|served| served.share > 0);
            return Ok(Look::new(
                busy.is_none(),
                busy.map_or("nobody serves".into(), |served| format!("{} serves", served.label)),
            ));
        };
        let Some(at) = self.resolve(who)? else { return Ok(Look::new(false, "the candidate is not registered")) };
        let found = seen.of(&at).map_or(0, |served| served.share);
        if found != share {
            let who = seen.live().map_or("nobody alone".to_owned(), |served| {
                served.version.as_ref().map_or(served.label.clone(), ToString::to_string)
            });
            return Ok(Look::new(false, format!("{at} has {found} % of the traffic, not {share} %; {who} serves")));
        }
        let served = seen.of(&at);
        if share > 0 && !served.is_some_and(|served| served.ready) {
            return Ok(Look::new(false, format!("{at} has {share} % of the traffic and is not ready")));
        }
        let mut look = Look::new(true, format!("{at} has {share} % of the traffic"));
        if served.is_some_and(|served| !look.identify(&at, &served.identity)) {
            return Ok(look);
        }
        if proven {
            // While two share the traffic, either may answer the service's own address.
            let whom = if share == 100 { Whom::Live } else { Whom::Version(at) };
            if share == 100 || self.world.target(target)?.caps().ask_candidate {
                self.golden(target, service, &whom, &mut look)?;
            }
        }
        Ok(look)
    }

    /// Asks the golden requests and notes the outcome.
    fn golden(&self, target: &SystemId, service: &ServiceName, whom: &Whom, look: &mut Look) -> Result<(), Failure> {
        for (i, golden) in self.plan.golden.iter().enumerate() {
            let answer = self.world.target(target)?.ask(service, whom, &golden.request, self.cx)?;
            if let Some(how) = golden.parts_from(&answer.body) {
                *look = Look {
                    is_final: false,
                    ..Look::new(false, format!("golden request {} is answered otherwise: {how}", i + 1))
                };
                return Ok(());
            }
        }
        let n = self.plan.golden.len();
        if n > 0 {
            let answers = format!("{n} golden request{} answered as stored", if n == 1 { "" } else { "s" });
            look.proof = Some(look.proof.take().map_or(answers.clone(), |proof| format!("{proof}; {answers}")));
        }
        Ok(())
    }

    fn healthy(&self, target: &SystemId, service: &ServiceName, limits: &Limits) -> Result<Look, Failure> {
        let Some(at) = self.resolve(&Who::Candidate)? else {
            return Ok(Look::new(false, "the candidate is not registered"));
        };
        let mut look = self.serves(target, service, Some(&Who::Candidate), 100, true)?;
        if !look.holds {
            return Ok(look);
        }
        let health = self.world.target(target)?.health(service, &at, limits.secs.max(1), self.cx)?;
        let said = format!("{} requests, {} errors", health.n_requests, health.n_errors);
        if health.n_requests == 0 && limits.min_requests == 0 {
            look.saw = said;
            return Ok(look);
        }
        if health.n_requests < limits.min_requests {
            look.saw = format!("{said}: too few to judge by");
            look.is_thin = true;
            return Ok(look);
        }
        let rate = health.n_errors as f64 / health.n_requests as f64;
        if rate > limits.max_error_rate {
            return Ok(Look::new(false, format!("{said}: more than {} %", limits.max_error_rate * 100.0)));
        }
        look.saw = said;
        match (health.p95_ms, limits.max_p95_ms) {
            (Some(p95), Some(max)) if p95 > max => {
                return Ok(Look::new(false, format!("95 % answered within {p95:.0} ms, more than {max:.0} ms")));
            }
            (None, Some(_)) => {
                look.saw = format!("{}; {} tells no times to judge by", look.saw, health.source);
                look.is_thin = true;
            }
            _ => {}
        }
        Ok(look)
    }
}

/// What a request holds in place of the version's number until the registry has given it.
pub const TO_BE_GIVEN: &str = "{version}";

impl Who {
    /// As a request names it.
    pub fn label(&self, candidate: &Candidate) -> String {
        match (self, candidate) {
            (Who::Version(at), _) | (Who::Candidate, Candidate::Version(at)) => at.version.to_string(),
            (Who::Candidate, Candidate::New { .. }) => TO_BE_GIVEN.to_owned(),
        }
    }
}
