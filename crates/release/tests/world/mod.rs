//! A world that does what a test says: the embedded registry and a target in memory, behind faults.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use signalbox_release::*;
use signalbox_store::Ledger;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    LostBefore,
    LostAfter,
    Refused,
}

/// Stops the program at a moment: a panic that nobody on the way catches.
#[derive(Default)]
struct Fuse {
    moments: AtomicU64,
    kill_at: AtomicI64,
    faults: Mutex<HashMap<String, Fault>>,
    kill_after: Mutex<Option<String>>,
    calls: Mutex<HashMap<String, usize>>,
    /// A moved alias arrives so much later than its answer is waited for.
    late_ms: AtomicI64,
    /// A version is registered so much later than the program is killed that asked for it.
    late_register_ms: AtomicI64,
    kill_at_line: Mutex<Option<IsIt>>,
}

type IsIt = fn(&Line) -> bool;

struct Killed;

impl Fuse {
    fn moment(&self) {
        let now = self.moments.fetch_add(1, Ordering::Relaxed) + 1;
        if self.kill_at.load(Ordering::Relaxed) == now as i64 {
            std::panic::resume_unwind(Box::new(Killed));
        }
    }

    fn through(&self, call: &str, effect: impl FnOnce() -> Outcome) -> Outcome {
        self.moment();
        *self.calls.lock().expect("held").entry(call.into()).or_default() += 1;
        let fault = self.faults.lock().expect("held").remove(call);
        let lost = || Outcome::Unknown(Failure::new(FailureCode::TimedOut, "no answer in time"));
        let outcome = match fault {
            Some(Fault::LostBefore) => lost(),
            Some(Fault::Refused) => Outcome::Refused(Failure::new(FailureCode::Invalid, "no")),
            Some(Fault::LostAfter) => {
                effect();
                lost()
            }
            None => effect(),
        };
        if self.kill_after.lock().expect("held").as_deref() == Some(call) {
            std::panic::resume_unwind(Box::new(Killed));
        }
        self.moment();
        outcome
    }
}

/// Its time, and what happens elsewhere at a later one.
struct FakeClock(AtomicI64, Mutex<Option<Later>>);

type Later = (i64, Box<dyn FnOnce() + Send>);

impl Clock for FakeClock {
    fn unix_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn pause(&self, time: Duration, _: &Cancel) {
        let time = time.as_millis().max(1) as i64;
        let now = self.0.fetch_add(time, Ordering::Relaxed) + time;
        let due = self.1.lock().expect("held").take_if(|(at, _)| *at <= now);
        if let Some((_, effect)) = due {
            effect();
        }
    }
}

struct FaultyRegistry(Arc<Embedded>, Arc<Fuse>, Arc<FakeClock>);

impl Registry for FaultyRegistry {
    fn id(&self) -> &SystemId {
        self.0.id()
    }
    fn title(&self) -> String {
        self.0.title()
    }
    fn caps(&self) -> RegistryCaps {
        self.0.caps()
    }
    fn models(&self, cx: &Cx) -> Result<Vec<Model>, Failure> {
        self.0.models(cx)
    }
    fn versions(&self, model: &ModelName, cx: &Cx) -> Result<Vec<Version>, Failure> {
        self.0.versions(model, cx)
    }
    fn version(&self, model: &ModelName, version: &VersionName, cx: &Cx) -> Result<Option<Version>, Failure> {
        self.0.version(model, version, cx)
    }
    fn registered_by(&self, model: &ModelName, key: &OpKey, cx: &Cx) -> Result<Vec<Version>, Failure> {
        self.0.registered_by(model, key, cx)
    }
    fn pointer(&self, model: &ModelName, alias: &AliasName, cx: &Cx) -> Result<Pointer, Failure> {
        self.0.pointer(model, alias, cx)
    }
    fn fetch(&self, version: &Version, cx: &Cx) -> Result<PathBuf, Failure> {
        self.0.fetch(version, cx)
    }
    fn register_requests(&self, model: &ModelName, what: &Registration, key: &OpKey) -> Vec<Request> {
        self.0.register_requests(model, what, key)
    }
    fn register(&self, model: &ModelName, what: &Registration, key: &OpKey, cx: &Cx) -> Outcome {
        let late = self.1.late_register_ms.swap(0, Ordering::Relaxed);
        if late > 0 {
            let (registry, model, what, key, cx) =
                (self.0.clone(), model.clone(), what.clone(), key.clone(), cx.clone());
            let effect = move || drop(registry.register(&model, &what, &key, &cx));
            *self.2.1.lock().expect("held") = Some((self.2.unix_ms() + late, Box::new(effect)));
            std::panic::resume_unwind(Box::new(Killed));
        }
        self.1.through("register", || self.0.register(model, what, key, cx))
    }
    fn withdraw_requests(&self, model: &ModelName, version: Option<&VersionName>) -> Vec<Request> {
        self.0.withdraw_requests(model, version)
    }
    fn withdraw(&self, model: &ModelName, version: &VersionName, cx: &Cx) -> Outcome {
        self.1.through("withdraw", || self.0.withdraw(model, version, cx))
    }
    fn point_requests(&self, model: &ModelName, alias: &AliasName, to: Option<&str>) -> Vec<Request> {
        self.0.point_requests(model, alias, to)
    }
    fn point(
        &self,
        model: &ModelName,
        alias: &AliasName,
        from: Option<&VersionName>,
        to: Option<&VersionName>,
        cx: &Cx,
    ) -> Outcome {
        let late = self.1.late_ms.load(Ordering::Relaxed);
        if late > 0 && to.is_some_and(|to| to.as_str() != "1") {
            let (registry, model, alias) = (self.0.clone(), model.clone(), alias.clone());
            let (from, to, cx) = (from.cloned(), to.cloned(), cx.clone());
            let effect = move || drop(registry.point(&model, &alias, from.as_ref(), to.as_ref(), &cx));
            *self.2.1.lock().expect("held") = Some((self.2.unix_ms() + late, Box::new(effect)));
            return Outcome::Unknown(Failure::new(FailureCode::TimedOut, "no answer in time"));
        }
        self.1.through("point", || self.0.point(model, alias, from, to, cx))
    }
}

#[derive(Default)]
struct TargetState {
    /// By version: its share.
    loaded: BTreeMap<String, (VersionRef, u8)>,
    given: Vec<(String, u8)>,
    liar: bool,
    /// How long an answer takes.
    slow_ms: f64,
    p95_ms: Option<f64>,
    n_asked: u64,
    health: (u64, u64),
    n_blind: u32,
    gone_after: Option<String>,
    gone: bool,
    /// Takes the traffic between the look before the next route and its call.
    rival: Option<VersionRef>,
    /// What has no traffic yet is still being loaded.
    is_loading: bool,
}

struct FakeTarget {
    id: SystemId,
    state: Mutex<TargetState>,
    fuse: Arc<Fuse>,
}

impl FakeTarget {
    fn change(&self, call: &str, effect: impl FnOnce(&mut TargetState) -> Outcome) -> Outcome {
        if self.state.lock().expect("held").gone {
            return Outcome::Refused(gone());
        }
        let outcome = self.fuse.through(call, || effect(&mut self.state.lock().expect("held")));
        let mut state = self.state.lock().expect("held");
        state.gone = state.gone_after.as_deref() == Some(call);
        outcome
    }
}

fn gone() -> Failure {
    Failure::new(FailureCode::Unreachable, "nobody answers")
}

impl Target for FakeTarget {
    fn id(&self) -> &SystemId {
        &self.id
    }
    fn title(&self) -> String {
        "a target in memory".into()
    }
    fn caps(&self) -> TargetCaps {
        TargetCaps { split: true, ask_candidate: true, keeps_old_warm: true }
    }
    fn observe(&self, service: &ServiceName, _: &Cx) -> Result<Observed, Failure> {
        let state = self.state.lock().expect("held");
        if state.gone {
            return Err(gone());
        }
        let served = |(at, share): &(VersionRef, u8)| Served {
            version: Some(at.clone()),
            label: at.version.to_string(),
            share: *share,
            ready: *share > 0 || !state.is_loading,
            identity: at.digest.clone().map_or(Identity::Claimed, Identity::Proven),
            since_unix_ms: None,
        };
        Ok(Observed {
            service: service.clone(),
            phase: Phase::Serving,
            loaded: state.loaded.values().map(served).collect(),
            foreign: None,
            raw: json!(null),
        })
    }
    fn ask(&self, _: &ServiceName, whom: &Whom, _: &Value, _: &Cx) -> Result<Answer, Failure> {
        let mut state = self.state.lock().expect("held");
        state.n_asked += 1;
        let version = match whom {
            Whom::Version(at) => at.version.to_string(),
            Whom::Live => {
                let live = state.loaded.iter().find(|(_, (_, share))| *share == 100);
                live.map(|(version, _)| version.clone()).ok_or_else(gone)?
            }
        };
        let says: i64 = if state.liar && version != "1" { -1 } else { version.parse().unwrap_or(0).min(2) };
        Ok(Answer { body: json!({ "predictions": [says] }), by: Some(version), took_ms: 1.0 + state.slow_ms })
    }
    fn health(&self, _: &ServiceName, _: &VersionRef, _: u64, _: &Cx) -> Result<Health, Failure> {
        let mut state = self.state.lock().expect("held");
        if state.n_blind > 0 {
            state.n_blind -= 1;
            return Err(gone());
        }
        let ((n_requests, n_errors), p95_ms) = (state.health, state.p95_ms);
        Ok(Health { n_requests, n_errors, p50_ms: None, p95_ms, source: "a test".into() })
    }
    fn stage_requests(&self, service: &ServiceName, what: &Deployable, _: &OpKey) -> Vec<Request> {
        vec![Request { verb: "load".into(), to: format!("{service} {}", what.version), body: None }]
    }
    fn stage(&self, _: &ServiceName, what: &Deployable, _: &OpKey, _: &Cx) -> Outcome {
        self.change("stage", |state| {
            state.loaded.entry(what.version.version.to_string()).or_insert((what.version.clone(), 0));
            Outcome::Done(json!(null))
        })
    }
    fn unstage_requests(&self, service: &ServiceName, version: &str) -> Vec<Request> {
        vec![Request { verb: "unload".into(), to: format!("{service} {version}"), body: None }]
    }
    fn unstage(&self, _: &ServiceName, version: &VersionRef, _: &Cx) -> Outcome {
        self.change("unstage", |state| {
            assert!(
                state.loaded.get(version.version.as_str()).is_none_or(|(_, share)| *share == 0),
                "it takes traffic"
            );
            state.loaded.remove(version.version.as_str());
            Outcome::Done(json!(null))
        })
    }
    fn route_requests(&self, service: &ServiceName, to: Option<&str>, share: u8, _: Option<&str>) -> Vec<Request> {
        vec![Request { verb: "route".into(), to: format!("{service} {to:?} {share}"), body: None }]
    }
    fn route(&self, service: &ServiceName, split: &Split, _: &OpKey, _: &Cx) -> Outcome {
        self.change("route", |state| {
            if let Some(rival) = state.rival.take() {
                state.loaded.values_mut().for_each(|(_, share)| *share = 0);
                state.loaded.insert(rival.version.to_string(), (rival, 100));
            }
            let holders = state.loaded.values().filter(|(_, share)| *share > 0);
            if let Err(failure) = split.check(service, holders.map(|(at, _)| at)) {
                return Outcome::Refused(failure);
            }
            let name = |at: &Option<VersionRef>| at.as_ref().map(|at| at.version.to_string()).unwrap_or_default();
            let (to, rest, share) = (name(&split.to), name(&split.rest), split.share);
            state.given.push((to.clone(), share));
            for (version, (_, has)) in &mut state.loaded {
                *has = if *version == to {
                    share
                } else if *version == rest {
                    100 - share
                } else {
                    0
                };
            }
            Outcome::Done(json!(null))
        })
    }
}

/// A model whose version 1 serves and has the alias, and an artifact that shall become version 2.
pub struct Setting {
    dir: tempfile::TempDir,
    pub ledger: Arc<Ledger>,
    clock: Arc<FakeClock>,
    fuse: Arc<Fuse>,
    target: Arc<FakeTarget>,
    /// Another person's hands on the same registry.
    eve: Embedded,
    world: World,
}

impl Setting {
    pub fn new() -> Setting {
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = Arc::new(Ledger::open(&dir.path().join("ledger.sqlite")).expect("opens"));
        let (clock, fuse) =
            (Arc::new(FakeClock(AtomicI64::new(1_000_000), Mutex::default())), Arc::new(Fuse::default()));
        let registry = |by: &str| {
            Embedded::new(name("own"), ledger.clone(), dir.path().join("artifacts"), by.into(), clock.clone())
        };
        let eve = registry("eve");
        for (version, text) in [("1", "one"), ("2", "two"), ("3", "three")] {
            let folder = dir.path().join(version);
            std::fs::create_dir(&folder).expect("made");
            std::fs::write(folder.join("MLmodel"), text).expect("written");
        }
        let target = Arc::new(FakeTarget { id: name("box"), state: Mutex::default(), fuse: fuse.clone() });
        let mut world = World::default();
        world
            .registries
            .insert(name("own"), Arc::new(FaultyRegistry(Arc::new(registry("ada")), fuse.clone(), clock.clone())));
        world.targets.insert(name("box"), target.clone());
        let setting = Setting { dir, ledger, clock, fuse, target, eve, world };
        let first = setting.register("1");
        assert!(matches!(
            setting.eve.point(&name("churn"), &name("production"), None, Some(&first.version), &cx()),
            Outcome::Done(_)
        ));
        setting.target.state.lock().expect("held").loaded.insert("1".into(), (first, 100));
        setting
    }

    fn register(&self, folder: &str) -> VersionRef {
        let key = OpKey::new(&name("before"), folder.parse().expect("a number"), false);
        let what = self.registration(folder);
        assert!(matches!(self.eve.register(&name("churn"), &what, &key, &cx()), Outcome::Done(_)));
        self.eve.registered_by(&name("churn"), &key, &cx()).expect("read").remove(0).at
    }

    fn registration(&self, folder: &str) -> Registration {
        let path = self.dir.path().join(folder);
        let digest = Some(digest_of(&path).expect("read").digest);
        Registration { path: Some(path), source: None, run: Some("run".into()), digest, tags: Vec::new() }
    }

    /// Another person's version of the model.
    pub fn register_another(&self) -> String {
        self.register("3").version.to_string()
    }

    pub fn goal(&self) -> Goal {
        let limits =
            Limits { secs: 10, max_error_rate: 0.01, max_p95_ms: None, min_requests: 20, too_few: TooFew::GoOn };
        Goal {
            candidate: Candidate::New { registry: name("own"), model: name("churn"), what: self.registration("2") },
            place: Some(Place {
                target: name("box"),
                service: name("churn"),
                shares: Vec::new(),
                smoke: None,
                bake: Some(limits),
                keep_old: false,
            }),
            alias: Some(name("production")),
            alias_first: false,
            golden: vec![Golden { request: json!({}), answer: json!({ "predictions": [2] }), tolerance: 1e-9 }],
            policy: None,
        }
    }

    pub fn plan_of(&self, goal: &Goal) -> Result<Plan, Failure> {
        let maker = Maker { id: name("p1"), by: "ada".into(), at_unix_ms: self.clock.unix_ms() };
        plan(&self.world, goal, &maker, &cx())
    }

    pub fn plan(&self) -> Plan {
        self.plan_of(&self.goal()).expect("a plan")
    }

    pub fn carrier_of(&self, owner: &str, late: bool) -> Carrier<'_> {
        if late {
            // Whoever had it is late by now.
            self.clock.0.fetch_add(200_000, Ordering::Relaxed);
        }
        self.fuse.kill_at.store(0, Ordering::Relaxed);
        *self.fuse.kill_after.lock().expect("held") = None;
        self.carrier_as(owner)
    }

    fn carrier_as(&self, owner: &str) -> Carrier<'_> {
        Carrier {
            world: &self.world,
            ledger: &self.ledger,
            clock: &*self.clock,
            cancel: Cancel::default(),
            by: "ada".into(),
            owner: owner.into(),
            told: &|_| (),
        }
    }

    /// As the next start of the program.
    pub fn carrier(&self) -> Carrier<'_> {
        self.carrier_of("the next process", true)
    }

    pub fn apply(&self, plan: &Plan) -> Result<End, CarryError> {
        let told = |line: &Line| {
            if self.fuse.kill_at_line.lock().expect("held").is_some_and(|is_it| is_it(line)) {
                std::panic::resume_unwind(Box::new(Killed));
            }
            self.fuse.moment();
        };
        Carrier { told: &told, ..self.carrier_as("the first process") }.apply(plan)
    }

    /// Carries the plan out until the program is killed. False: it was not.
    pub fn killed(&self, plan: &Plan) -> bool {
        catch_unwind(AssertUnwindSafe(|| drop(self.apply(plan)))).is_err()
    }

    pub fn fault(&self, call: &str, fault: Fault) {
        self.fuse.faults.lock().expect("held").insert(call.into(), fault);
    }
    pub fn kill_at(&self, moment: u64) {
        self.fuse.kill_at.store(moment as i64, Ordering::Relaxed);
    }
    pub fn kill_after(&self, call: &str) {
        *self.fuse.kill_after.lock().expect("held") = Some(call.into());
    }
    pub fn kill_at_line(&self, is_it: fn(&Line) -> bool) {
        *self.fuse.kill_at_line.lock().expect("held") = Some(is_it);
    }
    pub fn registered_late(&self, late_ms: i64) {
        self.fuse.late_register_ms.store(late_ms, Ordering::Relaxed);
    }
    /// Another's version takes the traffic in the moment before the next route; its number.
    pub fn rival_comes_before_the_route(&self) -> String {
        let rival = self.register("3");
        let number = rival.version.to_string();
        self.target.state.lock().expect("held").rival = Some(rival);
        number
    }
    pub fn is_loading(&self, is_loading: bool) {
        self.target.state.lock().expect("held").is_loading = is_loading;
    }
    /// The next so many looks at the counts fail.
    pub fn counts_fail(&self, n: u32) {
        self.target.state.lock().expect("held").n_blind = n;
    }
    /// Somebody's hand on the target: a version's share; the other has the rest.
    pub fn give(&self, version: &str, share: u8) {
        for (name, (_, has)) in &mut self.target.state.lock().expect("held").loaded {
            *has = if name == version { share } else { 100 - share };
        }
    }
    pub fn n_moments(&self) -> u64 {
        self.fuse.moments.load(Ordering::Relaxed)
    }
    pub fn n_calls(&self, call: &str) -> usize {
        self.fuse.calls.lock().expect("held").get(call).copied().unwrap_or(0)
    }
    pub fn candidate_lies(&self) {
        self.target.state.lock().expect("held").liar = true;
    }
    pub fn alias_moves_late(&self, late_ms: i64) {
        self.fuse.late_ms.store(late_ms, Ordering::Relaxed);
    }
    pub fn time_passes(&self) {
        self.clock.pause(Duration::from_secs(60), &Cancel::default());
    }
    pub fn answers_take(&self, ms: f64) {
        self.target.state.lock().expect("held").slow_ms = ms;
    }
    pub fn counts_say_p95(&self, ms: f64) {
        self.target.state.lock().expect("held").p95_ms = Some(ms);
    }
    pub fn n_asked(&self) -> u64 {
        self.target.state.lock().expect("held").n_asked
    }
    pub fn candidate_fails_requests(&self, n: u64, n_errors: u64) {
        self.target.state.lock().expect("held").health = (n, n_errors);
    }
    pub fn gone_after(&self, call: &str, gone: bool) {
        let mut state = self.target.state.lock().expect("held");
        state.gone_after = gone.then(|| call.into());
        state.gone = false;
    }
    pub fn move_alias(&self, to: &str) {
        let from = self.alias().map(|from| name::<VersionName>(&from));
        let moved = self.eve.point(&name("churn"), &name("production"), from.as_ref(), Some(&name(to)), &cx());
        assert!(matches!(moved, Outcome::Done(_)));
    }

    pub fn alias(&self) -> Option<String> {
        let pointer = self.eve.pointer(&name("churn"), &name("production"), &cx()).expect("read");
        pointer.to.map(|to| to.to_string())
    }
    pub fn serving(&self) -> Vec<(String, u8)> {
        let state = self.target.state.lock().expect("held");
        state.loaded.iter().map(|(version, (_, share))| (version.clone(), *share)).collect()
    }
    pub fn shares_given(&self) -> Vec<(String, u8)> {
        self.target.state.lock().expect("held").given.clone()
    }
    pub fn versions(&self) -> Vec<Version> {
        self.eve.versions(&name("churn"), &cx()).expect("read")
    }
}

fn cx() -> Cx {
    Cx { cancel: Cancel::default(), limit: Duration::from_secs(5) }
}

fn name<T: std::str::FromStr<Err = BadName>>(text: &str) -> T {
    text.parse().expect("a name")
}
