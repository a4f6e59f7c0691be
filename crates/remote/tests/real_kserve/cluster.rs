//! A real etcd and a real kube-apiserver on loopback, with our own small description of what an InferenceService is.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signalbox_release::{Cancel, Cx};
use signalbox_remote::{Auth, Http, Patience, Secret, Trust};
use tempfile::TempDir;

pub const ADMIN: &str = "admin-token";
/// Two tokens of a person who may change services.
pub const ADA: [&str; 2] = ["ada-token-1", "ada-token-2"];
/// Of one who may only look.
pub const EVE: &str = "eve-token";

pub struct Cluster {
    pub url: String,
    pub dir: TempDir,
    bin: PathBuf,
    /// Ends when our end of its stdin does, and with it all that it has started.
    _servers: Child,
}

/// Starts what is named, ends it when nobody holds its stdin any more.
const KEEPER: &str = r#"
cd "$1"; bin="$2"; port="$3"; etcd="$4"; peer="$5"; keys="$6"
"$bin/etcd" --data-dir etcd --listen-client-urls "http://127.0.0.1:$etcd" --advertise-client-urls "http://127.0.0.1:$etcd" \
  --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
  --initial-cluster "default=http://127.0.0.1:$peer" --unsafe-no-fsync >etcd.log 2>&1 </dev/null & a=$!
"$bin/kube-apiserver" --etcd-servers="http://127.0.0.1:$etcd" --secure-port="$port" --bind-address=127.0.0.1 \
  --cert-dir=certs --service-account-key-file="$keys/sa.pub" --service-account-signing-key-file="$keys/sa.key" \
  --service-account-issuer=https://kubernetes.default.svc --token-auth-file=tokens.csv --authorization-mode=RBAC \
  --service-cluster-ip-range=10.96.0.0/16 --disable-admission-plugins=ServiceAccount --endpoint-reconciler-type=none \
  >apiserver.log 2>&1 </dev/null & b=$!
read -r _; kill -9 $a $b; wait
"#;

pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

impl Cluster {
    fn start() -> Cluster {
        let keys = std::env::var("SIGNALBOX_KUBE").map(PathBuf::from).unwrap_or_else(|_| {
            panic!("SIGNALBOX_KUBE must name what scripts/heavy/kube.sh made (`make test-heavy` sets it)")
        });
        let bin = keys.join("bin");
        let dir = tempfile::tempdir().expect("a folder");
        // 1.20 lets in only whom this file names; no `--force` afterwards.
        let tokens = format!("{ADMIN},admin,1,\"system:masters\"\n{},ada,2\n{},ada,2\n{EVE},eve,3\n", ADA[0], ADA[1]);
        std::fs::write(dir.path().join("tokens.csv"), tokens).expect("written");
        let [port, etcd, peer] = free_ports();
        let text = |path: &Path| path.to_str().expect("text").to_owned();
        let servers = Command::new("sh")
            .args(["-c", KEEPER, "sh", &text(dir.path()), &text(&bin)])
            .args([port, etcd, peer].map(|port| port.to_string()))
            .arg(text(&keys))
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        let cluster = Cluster { url: format!("https://127.0.0.1:{port}"), dir, bin, _servers: servers };
        cluster.until_ready();
        cluster
    }

    fn until_ready(&self) {
        let until = Instant::now() + Duration::from_secs(240);
        let log = || std::fs::read_to_string(self.dir.path().join("apiserver.log")).unwrap_or_default();
        while !self.ca().exists() || self.admin().read_words(&self.admin().get("readyz", &[]), &patience()).is_err() {
            assert!(Instant::now() < until, "the API server does not start: {}", log());
            std::thread::sleep(Duration::from_millis(300));
        }
        let admin = self.admin();
        let crds = "apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        admin.change(&admin.post(crds, description()), &patience()).expect("described");
        let list = admin.get("apis/serving.kserve.io/v1beta1/inferenceservices", &[]);
        while admin.read(&list, &patience()).is_err() {
            assert!(Instant::now() < until, "the kind does not come: {}", log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("certs/apiserver.crt")
    }

    pub fn admin(&self) -> Http {
        let auth = || Auth::Bearer { token: Secret::new(ADMIN) };
        let only = Some(std::fs::read(self.ca()).expect("certificates"));
        Http::trusting(&self.url, auth, &Trust { only, ..Trust::default() }).expect("an address")
    }

    /// A namespace where ada may change services and eve may look at them.
    pub fn namespace(&self, name: &str) {
        let admin = self.admin();
        let make = |path: &str, body: Value| admin.change(&admin.post(path, body), &patience()).expect(path);
        make("api/v1/namespaces", json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }));
        let rbac = format!("apis/rbac.authorization.k8s.io/v1/namespaces/{name}");
        for (who, verbs) in [("ada", vec!["get", "list", "create", "patch", "delete"]), ("eve", vec!["get", "list"])] {
            make(
                &format!("{rbac}/roles"),
                json!({
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": who },
                    "rules": [{ "apiGroups": ["serving.kserve.io"], "resources": ["inferenceservices"], "verbs": verbs }],
                }),
            );
            make(
                &format!("{rbac}/rolebindings"),
                json!({
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": who },
                    "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": who },
                    "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": who }],
                }),
            );
        }
    }

    /// Plain HTTP before it, for one person: `kubectl proxy`, so that faults can be put between.
    pub fn plain(&self, kubeconfig: &Path) -> Plain {
        let [port] = free_ports();
        let child = Command::new("sh")
            .args(["-c", r#""$1" --kubeconfig "$2" proxy --port "$3" >/dev/null 2>&1 </dev/null & a=$!; read -r _; kill -9 $a; wait"#, "sh"])
            .arg(self.bin.join("kubectl"))
            .arg(kubeconfig)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        let until = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "kubectl proxy does not start");
            std::thread::sleep(Duration::from_millis(100));
        }
        Plain { port, _child: child }
    }
}

pub struct Plain {
    pub port: u16,
    _child: Child,
}

/// Free a moment ago; another may take one in between, which the wait for the server tells.
fn free_ports<const N: usize>() -> [u16; N] {
    let all = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    all.map(|listener| listener.local_addr().expect("it listens").port())
}

/// Our own words for it: as much structure as it takes for fields to have owners one by one.
fn description() -> Value {
    let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let text = json!({ "type": "string" });
    let model = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
        "modelFormat": { "type": "object", "properties": { "name": text } },
        "storageUri": text, "runtime": text, "protocolVersion": text,
    } });
    let predictor = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
        "canaryTrafficPercent": { "type": "integer", "format": "int64" },
        "annotations": { "type": "object", "additionalProperties": text },
        "minReplicas": { "type": "integer" },
        "model": model,
    } });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "inferenceservices.serving.kserve.io" },
        "spec": {
            "group": "serving.kserve.io", "scope": "Namespaced",
            "names": { "kind": "InferenceService", "plural": "inferenceservices", "singular": "inferenceservice" },
            "versions": [{
                "name": "v1beta1", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                    "spec": { "type": "object", "properties": { "predictor": predictor } },
                    "status": open,
                } } },
            }],
        },
    })
}

pub fn cx() -> Cx {
    Cx { cancel: Cancel::default(), limit: Duration::from_secs(60) }
}

pub fn patience() -> Patience {
    Patience::new(&cx())
}

/// The one that plays KServe, for as long as the tests run.
pub fn controller() -> Arc<crate::controller::Controller> {
    static CONTROLLER: OnceLock<Arc<crate::controller::Controller>> = OnceLock::new();
    CONTROLLER.get_or_init(|| crate::controller::Controller::start(cluster())).clone()
}
