//! Promotions: the registries and targets of the open projects, plans, and the threads that carry them out.

mod approvals;
mod bodies;
mod chain;
mod consent;
mod elsewhere;
mod gates;
mod golden;
mod ground;
mod here;
mod hold;
mod lineage;
mod propose;
mod recall;
mod rehearse;
mod sign;
mod systems;
mod trust;
mod views;
mod watch;

pub(crate) use consent::addresses;
pub(crate) use systems::{Rules, wrong as wrong_policy};
pub(crate) use trust::loading_pref;
pub(crate) use views::failure as failure_view;

use crate::app::{App, lock};
use crate::wire::*;
use hold::Hold;
use serde_json::{Value, json};
use signalbox_release::{
    Audit, AuditEntry, AuditError, Cancel, Carrier, CarryError, Choice, Clock, Cx, Digest, End, Failure, Line, Plan,
    PlanId, Progress, SystemClock, World, all_plans,
};
use signalbox_store::Ledger;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

/// The embedded registry and the local target are always there, under these names.
pub(crate) const OWN_REGISTRY: &str = "signalbox";
pub(crate) const OWN_TARGET: &str = "local";

#[derive(Default)]
pub(crate) struct Promotions {
    ledger: OnceLock<Arc<Ledger>>,
    opening: Mutex<()>,
    running: Mutex<BTreeMap<PlanId, Cancel>>,
    /// By project's folder.
    elsewhere: Mutex<BTreeMap<PathBuf, elsewhere::Elsewhere>>,
    origins: Mutex<consent::Origins>,
    /// Told to stop before they were begun.
    stopped: Mutex<BTreeSet<PlanId>>,
    /// The services are looked at.
    watched: AtomicBool,
}

impl App {
    /// The ledger: made with the first promotion, or the first look at models.
    pub(crate) fn ledger(&self) -> Result<Arc<Ledger>, CallError> {
        let promotions = &self.0.promotions;
        if let Some(ledger) = promotions.ledger.get() {
            return Ok(ledger.clone());
        }
        let _one_at_a_time = lock(&promotions.opening);
        if let Some(ledger) = promotions.ledger.get() {
            return Ok(ledger.clone());
        }
        let ledger = Arc::new(Ledger::open(&self.0.options.data_dir.join("ledger.db"))?);
        Ok(promotions.ledger.get_or_init(|| ledger).clone())
    }

    /// Looks at what serves from now on, if anything was ever promoted on this machine.
    pub(crate) fn watch_services(&self) {
        if self.0.options.data_dir.join("ledger.db").is_file() {
            watch::start(self);
        }
    }

    /// Adds to the audit.
    pub(crate) fn audit(
        &self,
        what: &str,
        plan: Option<&PlanId>,
        step: Option<usize>,
        detail: Value,
    ) -> Result<(), CallError> {
        let entry = AuditEntry {
            at_unix_ms: SystemClock.unix_ms(),
            who: person(),
            machine: machine(),
            what: what.to_owned(),
            plan: plan.cloned(),
            step,
            detail,
        };
        Audit(&*self.ledger()?).add(&entry)?;
        Ok(())
    }

    pub(crate) fn plan_row(&self, id: &str) -> Result<(Plan, Progress), CallError> {
        let ledger = self.ledger()?;
        let row = ledger.plan(id)?.ok_or_else(|| {
            CallError::new(ErrorCode::NotFound, "There is no such plan.").hint("Make it again, from the run.")
        })?;
        let plan: Plan = serde_json::from_str(&row.body)
            .map_err(|e| CallError::new(ErrorCode::Unreadable, format!("The plan does not read: {e}.")))?;
        let lines: Vec<Line> = signalbox_release::plan_lines(&ledger, id)?.into_iter().map(|(_, line)| line).collect();
        let progress = Progress::of(plan.steps.len(), &lines);
        Ok((plan, progress))
    }

    /// Carries a plan out, or goes on with it, on a thread of its own. Events tell how far it is.
    pub(crate) fn carry(&self, plan: Plan, world: World, choice: Option<Choice>) -> Result<(), CallError> {
        watch::start(self);
        let hold = self.hold(&plan.id)?;
        let app = self.clone();
        let work = move || drop(app.carry_out(hold, &plan, &world, choice.as_ref(), &|_| ()));
        let started = thread::Builder::new().name("promotion".into()).spawn(work);
        started.map(drop).map_err(|e| CallError::new(ErrorCode::Internal, format!("No thread could be started: {e}.")))
    }

    /// The same on this thread. `told` is given each line once it is on the disk.
    pub(crate) fn carry_out(
        &self,
        mut hold: Hold,
        plan: &Plan,
        world: &World,
        choice: Option<&Choice>,
        told: &(dyn Fn(&Line) + Sync),
    ) -> Result<End, CarryError> {
        let told = |line: &Line| {
            told(line);
            // What the journal has, the audit has too; a promotion does not stop for a second copy.
            let _ = self.audit(word_of(line), Some(&plan.id), step_of(line), json!({ "line": line }));
            self.0.events.plain(Event::Promotion { plan: plan.id.to_string() });
        };
        let carrier = Carrier {
            world,
            ledger: &hold.ledger,
            clock: &SystemClock,
            cancel: hold.cancel.clone(),
            by: person(),
            owner: hold.owner(),
            told: &told,
        };
        let end = match choice {
            None => carrier.apply(plan),
            Some(choice) => carrier.resume(plan, choice),
        };
        hold.ended = end.is_ok();
        drop(hold);
        self.tell_end(plan, &end);
        end
    }

    fn tell_end(&self, plan: &Plan, end: &Result<End, CarryError>) {
        let (level, message, hint) = match end {
            Ok(End::Committed) => (Level::Info, format!("{}: done, and seen to be so.", plan.title), None),
            Ok(End::TakenBack) => (
                Level::Warn,
                format!("{}: taken back.", plan.title),
                Some("The plan tells why, step by step.".to_owned()),
            ),
            Ok(End::Adopted) => (Level::Info, format!("{}: taken as it is.", plan.title), None),
            Err(e) => (
                Level::Error,
                format!("{}: {e}.", plan.title),
                Some("Open the plan: it says how things stand, and goes on or back.".to_owned()),
            ),
        };
        let _ = self.audit("end", Some(&plan.id), None, json!({ "end": end.as_ref().ok(), "says": message }));
        self.0.events.plain(Event::Promotion { plan: plan.id.to_string() });
        self.tell(level, message, hint);
    }

    pub(crate) fn stop_promotion(&self, plan: &PlanId) {
        // Under one lock with the beginning: a plan is either stopped, or begins stopped.
        let running = lock(&self.0.promotions.running);
        match running.get(plan) {
            Some(cancel) => cancel.stop(),
            None => drop(lock(&self.0.promotions.stopped).insert(plan.clone())),
        }
    }

    /// All plans, newest first, with how far they are.
    pub(crate) fn all_plans(&self) -> Result<Vec<(Plan, Progress)>, CallError> {
        Ok(all_plans(&*self.ledger()?)?)
    }
}

/// What the audit calls a line.
fn word_of(line: &Line) -> &'static str {
    match line {
        Line::Began { .. } => "began",
        Line::Intends { back: false, .. } => "asks",
        Line::Intends { back: true, .. } => "takes back",
        Line::Answered { .. } => "answered",
        Line::Seen { back: false, .. } => "seen",
        Line::Seen { back: true, .. } => "seen undone",
        Line::Failed { .. } => "failed",
        Line::Left { .. } => "left alone",
        Line::TurnsBack { .. } => "turns back",
        Line::Committed => "committed",
        Line::TakenBack => "taken back",
        Line::Adopted { .. } => "adopted",
        Line::Tidied { .. } => "tidied",
    }
}

fn step_of(line: &Line) -> Option<usize> {
    match line {
        Line::Intends { step, .. }
        | Line::Answered { step, .. }
        | Line::Seen { step, .. }
        | Line::Failed { step, .. }
        | Line::Left { step, .. } => Some(*step),
        _ => None,
    }
}

/// For reading: half a minute at most.
pub(crate) fn reading() -> Cx {
    Cx { cancel: Cancel::default(), limit: Duration::from_secs(30) }
}

/// For reading a whole artifact, which may be large and far away.
pub(crate) fn transferring() -> Cx {
    Cx { cancel: Cancel::default(), limit: Duration::from_secs(30 * 60) }
}

/// The person at this machine: as the environment names them, or the system's list of users.
pub(crate) fn person() -> String {
    let named = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    ["SIGNALBOX_USER", "USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(named)
        .or_else(user_by_id)
        .unwrap_or_else(|| "somebody".into())
}

/// The owner of this process by passwd(5), where the environment says nothing.
fn user_by_id() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?.to_owned();
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut fields = users.lines().map(|line| line.split(':'));
    fields.find_map(|mut line| {
        let name = line.next()?;
        (line.nth(1)? == uid).then(|| name.to_owned())
    })
}

fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    name.or_else(|| std::env::var("HOSTNAME").ok()).map_or_else(|| "this machine".into(), |name| name.trim().to_owned())
}

/// Sorts by time; no two are alike.
pub(crate) fn new_id(now_unix_ms: i64) -> PlanId {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_i64(now_unix_ms);
    let text = format!("{now_unix_ms:012x}{:010x}", hasher.finish() & 0xff_ffff_ffff);
    text.parse().expect("BUG: letters and digits")
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> CallError {
        use signalbox_release::FailureCode;
        let code = match failure.code {
            FailureCode::NotFound => ErrorCode::NotFound,
            FailureCode::Invalid | FailureCode::Conflict => ErrorCode::Refused,
            _ => ErrorCode::Remote,
        };
        CallError { code, message: sentence(&failure.message), hint: failure.hint, detail: None, models: None }
    }
}

impl From<AuditError> for CallError {
    fn from(e: AuditError) -> CallError {
        CallError::new(ErrorCode::Store, sentence(&e.to_string()))
    }
}

/// Digest of the policy that holds, and of the data: what evidence is bound to.
pub(crate) fn bound(version: &Digest, policy: Option<&Digest>) -> signalbox_release::gate::Bound {
    signalbox_release::gate::Bound { version: Some(version.clone()), data: None, policy: policy.cloned() }
}
