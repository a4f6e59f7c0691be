//! A person with a kubeconfig, a registry of one's own, and a model in it.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use signalbox_release::{
    Candidate, Carrier, CarryError, Cx, Embedded, End, Failure, Goal, Golden, Line, Maker, OpKey, Outcome, Place, Plan,
    Registration, Registry, SystemClock, Target, VersionRef, World, digest_of, plan,
};
use signalbox_remote::{Kserve, KserveAt, Protocol, Reach, Storage};
use signalbox_store::Ledger;
use tempfile::TempDir;

use crate::cluster::{ADA, cluster, controller, cx, patience};

pub struct Setting {
    pub dir: TempDir,
    pub namespace: String,
    pub target: Arc<Kserve>,
    pub world: World,
    ledger: Arc<Ledger>,
    model: String,
    n_plans: u32,
}

impl Setting {
    /// In a namespace of its own, as ada, straight to the API server. The namespace names the model too: all models
    /// lie in one place.
    pub fn new(namespace: &str) -> Setting {
        cluster().namespace(namespace);
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = Arc::new(Ledger::open(&dir.path().join("ledger.sqlite")).expect("opens"));
        let own: Arc<dyn Registry> = Arc::new(Embedded::new(
            name("own"),
            ledger.clone(),
            dir.path().join("artifacts"),
            "ada".into(),
            Arc::new(SystemClock),
        ));
        let config = kubeconfig(&dir, &cluster().url, ADA[0]);
        let target = Arc::new(kserve(namespace, config));
        let mut world = World::default();
        world.registries.insert(name("own"), own);
        world.targets.insert(name("kube"), target.clone());
        let model = format!("{namespace}-model");
        Setting { dir, namespace: namespace.into(), target, world, ledger, model, n_plans: 0 }
    }

    /// The same, but through another address.
    pub fn through(&mut self, url: &str) {
        let config = kubeconfig(&self.dir, url, ADA[0]);
        self.target = Arc::new(kserve(&self.namespace, config));
        self.world.targets.insert(name("kube"), self.target.clone());
    }

    /// The file that holds the token; as another program keeps it fresh.
    pub fn token_file(&self) -> PathBuf {
        self.dir.path().join("token")
    }

    pub fn register(&self, version: u32, bad: bool) -> VersionRef {
        let folder = self.dir.path().join(format!("v{version}"));
        std::fs::create_dir(&folder).expect("made");
        std::fs::write(folder.join("MLmodel"), version.to_string()).expect("written");
        if bad {
            std::fs::write(folder.join("BAD"), "").expect("written");
        }
        let digest = Some(digest_of(&folder).expect("read").digest);
        let what = Registration { path: Some(folder), source: None, run: None, digest, tags: Vec::new() };
        let key = OpKey::new(&name("before"), version as usize, false);
        let (registry, model) = (&self.world.registries[&name("own")], name(&self.model));
        assert!(matches!(registry.register(&model, &what, &key, &cx()), Outcome::Done(_)));
        registry.registered_by(&model, &key, &cx()).expect("read").remove(0).at
    }

    pub fn plan_of(&mut self, candidate: &VersionRef, golden: u32) -> Result<Plan, Failure> {
        self.n_plans += 1;
        let golden = Golden {
            request: json!({ "instances": [[1]] }),
            answer: json!({ "predictions": [golden] }),
            tolerance: 0.0,
        };
        let goal = Goal {
            candidate: Candidate::Version(candidate.clone()),
            place: Some(Place {
                target: name("kube"),
                service: name("churn"),
                shares: vec![10, 50],
                smoke: None,
                bake: None,
                keep_old: false,
            }),
            alias: Some(name("production")),
            alias_first: false,
            golden: vec![golden],
            policy: None,
        };
        let maker = Maker { id: name(&format!("p{}", self.n_plans)), by: "ada".into(), at_unix_ms: 1 };
        plan(&self.world, &goal, &maker, &cx())
    }

    /// A plan whose golden answer is the version's own number.
    pub fn plan(&mut self, candidate: &VersionRef) -> Plan {
        let number = candidate.version.as_str().parse().expect("a number");
        self.plan_of(candidate, number).expect("a plan")
    }

    pub fn apply(&self, plan: &Plan) -> Result<End, CarryError> {
        self.apply_told(plan, &|_| ())
    }

    pub fn apply_told(&self, plan: &Plan, told: &(dyn Fn(&Line) + Sync)) -> Result<End, CarryError> {
        let carrier = Carrier {
            world: &self.world,
            ledger: &self.ledger,
            clock: &SystemClock,
            cancel: signalbox_release::Cancel::default(),
            by: "ada".into(),
            owner: "this process".into(),
            told,
        };
        carrier.apply(plan)
    }

    /// Carries it out; gives the end, and why it turned back.
    pub fn carried(&self, plan: &Plan) -> (End, String) {
        let end = self.apply(plan).expect("carried out or taken back");
        (end, self.why(plan))
    }

    pub fn why(&self, plan: &Plan) -> String {
        let lines = signalbox_release::plan_lines(&self.ledger, plan.id.as_str()).expect("read");
        let why = lines.into_iter().find_map(|(_, line)| match line {
            Line::TurnsBack { why } => Some(why),
            _ => None,
        });
        why.unwrap_or_default()
    }

    /// The first version serves, and has the alias.
    pub fn with_one(&mut self) -> VersionRef {
        let one = self.register(1, false);
        let plan = self.plan(&one);
        assert_eq!(self.carried(&plan), (End::Committed, String::new()));
        assert_eq!(self.shares(), [("1".into(), 100)]);
        one
    }

    /// What is loaded, by version, with its share.
    pub fn shares(&self) -> Vec<(String, u8)> {
        let seen = self.target.observe(&name("churn"), &cx()).expect("seen");
        let label = |served: &signalbox_release::Served| {
            served.version.as_ref().map_or(served.label.clone(), |at| at.version.to_string())
        };
        seen.loaded.iter().map(|served| (label(served), served.share)).collect()
    }

    pub fn alias(&self) -> Option<String> {
        let registry = &self.world.registries[&name("own")];
        let pointer = registry.pointer(&name(&self.model), &name("production"), &cx()).expect("read");
        pointer.to.map(|to| to.to_string())
    }

    fn path(&self) -> String {
        format!("apis/serving.kserve.io/v1beta1/namespaces/{}/inferenceservices/churn", self.namespace)
    }

    pub fn object(&self) -> Value {
        let admin = cluster().admin();
        admin.read(&admin.get(&self.path(), &[]), &patience()).expect("read")
    }

    /// Waits until KServe has written all that it has to say: a change is refused where its writing comes in between.
    pub fn until_still(&self) {
        let seen = || self.object()["metadata"]["resourceVersion"].clone();
        let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
        let (mut last, mut n) = (seen(), 0);
        while n < 5 {
            assert!(std::time::Instant::now() < end, "it does not come to rest");
            // Longer than a round of the controller.
            std::thread::sleep(std::time::Duration::from_millis(150));
            let now = seen();
            (n, last) = if now == last { (n + 1, last) } else { (0, now) };
        }
    }

    /// What another does to it, under a name of its own.
    pub fn another_writes(&self, manager: &str, body: Value) {
        let admin = cluster().admin();
        let call = admin.patch(&self.path(), &[("fieldManager", manager)], "application/merge-patch+json", body);
        admin.change(&call, &patience()).expect("written");
    }

    pub fn another_deletes(&self) {
        let admin = cluster().admin();
        admin.change(&admin.delete(&self.path(), json!({})), &patience()).expect("deleted");
    }
}

pub fn kubeconfig(dir: &TempDir, url: &str, token: &str) -> PathBuf {
    let (path, file) = (dir.path().join("kubeconfig"), dir.path().join("token"));
    std::fs::write(&file, token).expect("written");
    let ca = cluster().ca();
    let text = format!(
        "current-context: dev\nclusters:\n- name: dev\n  cluster: {{server: '{url}', certificate-authority: '{}'}}\n\
         users:\n- name: ada\n  user: {{tokenFile: token}}\n\
         contexts:\n- name: dev\n  context: {{cluster: dev, user: ada}}\n",
        ca.display()
    );
    std::fs::write(&path, text).expect("written");
    path
}

pub fn kserve(namespace: &str, config: PathBuf) -> Kserve {
    let controller = controller();
    let at = KserveAt {
        id: name("kube"),
        context: None,
        namespace: namespace.into(),
        kubeconfig: Some(config),
        reach: Reach::Ingress(controller.gateway.clone()),
        storage: Storage::Copied { uri: "pvc://models/{model}/{version}".into(), mount: controller.mount.clone() },
        protocol: Protocol::V1,
        format: "sklearn".into(),
        runtime: None,
    };
    Kserve::new(at, Arc::new(|_| None), Arc::new(SystemClock)).expect("a target")
}

pub fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a name")
}

/// A look, with as much patience as a plan has.
pub fn brief() -> Cx {
    Cx { limit: std::time::Duration::from_secs(10), ..cx() }
}
