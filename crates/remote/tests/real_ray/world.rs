//! One person's view of the cluster, with a registry and a ledger of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use signalbox_release::{
    Cancel, Candidate, Carrier, Cx, Embedded, End, Goal, Golden, Limits, Line, Maker, Observed, OpKey, Outcome, Place,
    Plan, Registration, Registry, SystemClock, Target, VersionRef, World, digest_of, plan,
};
use signalbox_remote::{Auth, RayAt, RayServe, RayShare, Secret};
use signalbox_store::Ledger;

use super::cluster::{Cluster, DASHBOARD, PROXY, TOKEN};

pub fn cx() -> Cx {
    Cx { cancel: Cancel::default(), limit: Duration::from_secs(120) }
}

pub fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a name")
}

/// How our own module is deployed here: small.
pub fn own_application() -> Map<String, Value> {
    let deployments = json!([{ "name": "Model", "num_replicas": 1, "ray_actor_options": { "num_cpus": 0 } }]);
    Map::from_iter([("deployments".to_owned(), deployments)])
}

pub struct View {
    pub ray: Arc<RayServe>,
    registry: Arc<Embedded>,
    ledger: Arc<Ledger>,
    models: PathBuf,
    _dir: tempfile::TempDir,
}

impl View {
    pub fn new(cluster: &Cluster, models: &Path) -> View {
        View::at(cluster, models, DASHBOARD, own_application())
    }

    pub fn at(cluster: &Cluster, models: &Path, url: &str, application: Map<String, Value>) -> View {
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = Arc::new(Ledger::open(&dir.path().join("ledger.sqlite")).expect("opens"));
        let artifacts = dir.path().join("artifacts");
        let registry =
            Arc::new(Embedded::new(name("own"), ledger.clone(), artifacts, "ada".into(), Arc::new(SystemClock)));
        let ray = ray(cluster, url, Some(TOKEN), application);
        View { ray: Arc::new(ray), registry, ledger, models: models.to_path_buf(), _dir: dir }
    }

    pub fn register(&self, folder: &str) -> VersionRef {
        let key = OpKey::new(&name(&format!("before{folder}")), 0, false);
        let path = self.models.join(folder);
        let digest = Some(digest_of(&path).expect("an artifact").digest);
        let what = Registration { path: Some(path), source: None, run: None, digest, tags: Vec::new() };
        assert!(matches!(self.registry.register(&name("churn"), &what, &key, &cx()), Outcome::Done(_)));
        self.registry.registered_by(&name("churn"), &key, &cx()).expect("read").remove(0).at
    }

    /// The plan of giving `service` to a version whose model is `factor`·a + b, as the golden request has it.
    pub fn plan(&self, id: &str, service: &str, at: &VersionRef, factor: f64) -> Plan {
        self.plan_with(id, service, at, golden(factor), None)
    }

    pub fn plan_with(&self, id: &str, service: &str, at: &VersionRef, golden: Golden, bake: Option<Limits>) -> Plan {
        let place = Place {
            target: name("ray"),
            service: name(service),
            shares: vec![10, 50],
            smoke: None,
            bake,
            keep_old: true,
        };
        let goal = Goal {
            candidate: Candidate::Version(at.clone()),
            place: Some(place),
            alias: None,
            alias_first: false,
            golden: vec![golden],
            policy: None,
        };
        let maker = Maker { id: name(id), by: "ada".into(), at_unix_ms: 0 };
        plan(&self.world(), &goal, &maker, &cx()).expect("a plan")
    }

    fn world(&self) -> World {
        let mut world = World::default();
        world.registries.insert(name("own"), self.registry.clone());
        world.targets.insert(name("ray"), self.ray.clone());
        world
    }

    /// Carries it out; gives what failed on the way.
    pub fn apply(&self, plan: &Plan) -> (End, Vec<String>) {
        let world = self.world();
        let failures = std::sync::Mutex::new(Vec::new());
        let told = |line: &Line| {
            if let Line::Failed { why, .. } = line {
                failures.lock().expect("held").push(why.clone());
            }
        };
        let carrier = Carrier {
            world: &world,
            ledger: &self.ledger,
            clock: &SystemClock,
            cancel: Cancel::default(),
            by: "ada".into(),
            owner: "this test".into(),
            told: &told,
        };
        let end = carrier.apply(plan).unwrap_or_else(|e| panic!("{e}"));
        (end, failures.into_inner().expect("held"))
    }

    pub fn look(&self, service: &str) -> Observed {
        self.ray.observe(&name(service), &cx()).expect("seen")
    }

    /// Version and share of all that is loaded.
    pub fn loaded(&self, service: &str) -> Vec<(String, u8)> {
        let loaded = self.look(service).loaded.into_iter();
        loaded.map(|it| (it.version.map_or(it.label, |at| at.version.to_string()), it.share)).collect()
    }
}

pub fn ray(cluster: &Cluster, url: &str, token: Option<&'static str>, application: Map<String, Value>) -> RayServe {
    let at = RayAt {
        id: name("ray"),
        url: url.into(),
        serve: (url != DASHBOARD).then(|| PROXY.to_owned()),
        metrics: None,
        share: Some(RayShare { here: cluster.share(), there: None }),
        application,
    };
    let auth = move || token.map_or(Auth::None, |token| Auth::Bearer { token: Secret::new(token) });
    RayServe::new(at, auth).expect("an address")
}

pub fn golden(factor: f64) -> Golden {
    let answer = json!({ "predictions": [10.0 * factor + 1.0, 0.5 * factor] });
    Golden { request: request(), answer, tolerance: 1e-6 }
}

pub fn request() -> Value {
    json!({ "dataframe_split": { "columns": ["a", "b"], "data": [[10, 1], [0.5, 0]] } })
}
