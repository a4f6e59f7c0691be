//! What KServe and Knative do with an InferenceService, as far as its status and its traffic go, after KServe's
//! `ksvc_reconciler.go` and `inference_service_status.go`: a revision per template, traffic between the newest ready one
//! and the last that had all of it. And the gateway and the model servers: one loopback server that tells services
//! apart by `Host`, and answers with the number that ends a model's address.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signalbox_remote::Http;

use crate::cluster::{Cluster, patience};

/// How long a model takes to load.
const LOADS: Duration = Duration::from_millis(700);

#[derive(Default)]
struct Service {
    revisions: Vec<Revision>,
    rolled_out: String,
    previous: String,
    written: Value,
}

struct Revision {
    name: String,
    template: Value,
    uri: String,
    made: Instant,
}

/// Who answers a host name: addresses of models, and percentages.
type Hosts = BTreeMap<String, Vec<(String, u64)>>;

pub struct Controller {
    pub gateway: String,
    /// Where `pvc://models/` lies; a model with a file `BAD` in it does not load.
    pub mount: PathBuf,
    hosts: Mutex<Hosts>,
    asked: Mutex<u64>,
}

impl Controller {
    pub fn start(cluster: &Cluster) -> Arc<Controller> {
        let mount = cluster.dir.path().join("models");
        std::fs::create_dir_all(&mount).expect("made");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let gateway = format!("http://{}", listener.local_addr().expect("it listens"));
        let controller = Arc::new(Controller { gateway, mount, hosts: Mutex::default(), asked: Mutex::default() });
        let (own, admin) = (controller.clone(), cluster.admin());
        std::thread::spawn(move || {
            let mut services = BTreeMap::new();
            loop {
                own.round(&admin, &mut services);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let own = controller.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let own = own.clone();
                std::thread::spawn(move || own.answer(&client).unwrap_or(()));
            }
        });
        controller
    }

    fn round(&self, admin: &Http, services: &mut BTreeMap<String, Service>) {
        let list = admin.get("apis/serving.kserve.io/v1beta1/inferenceservices", &[]);
        let Ok(list) = admin.read(&list, &patience()) else { return };
        for object in list["items"].as_array().into_iter().flatten() {
            let uid = object["metadata"]["uid"].as_str().expect("a uid");
            let service = services.entry(uid.to_owned()).or_default();
            let status = self.reconcile(object, service);
            if status != service.written {
                let text = |key: &str| object["metadata"][key].as_str().expect("a text");
                let path = format!(
                    "apis/serving.kserve.io/v1beta1/namespaces/{}/inferenceservices/{}/status",
                    text("namespace"),
                    text("name")
                );
                let body = json!({ "status": status });
                let query = [("fieldManager", "manager")];
                let call = admin.patch(&path, &query, "application/merge-patch+json", body);
                if admin.change(&call, &patience()).is_ok() {
                    service.written = status;
                }
            }
        }
    }

    fn reconcile(&self, object: &Value, service: &mut Service) -> Value {
        let (name, namespace) = (&object["metadata"]["name"], &object["metadata"]["namespace"]);
        let (name, namespace) = (name.as_str().expect("a name"), namespace.as_str().expect("a name"));
        let mut predictor = object["spec"]["predictor"].clone();
        let percent = predictor["canaryTrafficPercent"].as_u64();
        predictor.as_object_mut().expect("an object").remove("canaryTrafficPercent");
        // The object's annotations are part of the template.
        let template = json!([object["metadata"]["annotations"], predictor]);
        if service.revisions.last().is_none_or(|last| last.template != template) {
            let uri = predictor["model"]["storageUri"].as_str().unwrap_or("").to_owned();
            let name = format!("{name}-predictor-{:05}", service.revisions.len() + 1);
            service.revisions.push(Revision { name, template, uri, made: Instant::now() });
        }
        let bad = |revision: &Revision| {
            let folder = revision.uri.strip_prefix("pvc://models/").unwrap_or("none");
            self.mount.join(folder).join("BAD").exists()
        };
        let old = |revision: &Revision| revision.made.elapsed() >= LOADS;
        let made = service.revisions.last().expect("one at least");
        let failed = old(made) && bad(made);
        let Some(ready) = service.revisions.iter().rev().find(|revision| old(revision) && !bad(revision)) else {
            return json!({
                "conditions": [{ "type": "Ready", "status": if failed { "False" } else { "Unknown" } }],
                "components": { "predictor": { "latestCreatedRevision": made.name } },
                "modelStatus": model_status(failed, false),
            });
        };
        let mut lines = match percent.filter(|_| !service.rolled_out.is_empty()) {
            Some(percent) => vec![(ready.name.clone(), percent, "latest")],
            None => vec![(ready.name.clone(), 100, "latest")],
        };
        if let Some(percent) = percent.filter(|percent| *percent < 100 && !service.rolled_out.is_empty()) {
            lines.push((service.rolled_out.clone(), 100 - percent, "prev"));
        }
        // `PropagateStatus`.
        let (_, latest, _) = lines[0];
        if service.rolled_out != ready.name {
            if latest == 100 {
                service.previous = std::mem::replace(&mut service.rolled_out, ready.name.clone());
            }
        } else if ready.name == made.name && latest < 100 && !service.previous.is_empty() {
            let sum: u64 = lines.iter().filter(|(name, ..)| *name == ready.name).map(|(_, percent, _)| percent).sum();
            if sum == 100 {
                service.rolled_out.clone_from(&service.previous);
            }
        }
        let uri_of = |name: &str| {
            service.revisions.iter().find(|revision| revision.name == name).map(|revision| revision.uri.clone())
        };
        let host = |tag: &str| format!("{tag}{name}-predictor.{namespace}.example.com");
        let mut hosts = self.hosts.lock().expect("held");
        let main: Vec<_> = lines.iter().filter_map(|(name, percent, _)| Some((uri_of(name)?, *percent))).collect();
        hosts.insert(format!("{name}.{namespace}.example.com"), main);
        for (revision, _, tag) in &lines {
            hosts.insert(host(&format!("{tag}-")), vec![(uri_of(revision).unwrap_or_default(), 100)]);
        }
        let traffic: Vec<Value> = lines
            .iter()
            .map(|(revision, percent, tag)| {
                json!({ "revisionName": revision, "percent": percent, "latestRevision": *tag == "latest", "tag": tag,
                        "url": format!("http://{}", host(&format!("{tag}-"))) })
            })
            .collect();
        let settled = ready.name == made.name;
        json!({
            // KServe copies the Knative service's here.
            "observedGeneration": 1,
            "deploymentMode": "Serverless",
            "url": format!("http://{name}.{namespace}.example.com"),
            "conditions": [
                { "type": "Ready", "status": if failed { "False" } else { "True" } },
                { "type": "PredictorReady", "status": if failed { "False" } else { "True" } },
            ],
            "components": { "predictor": {
                "latestCreatedRevision": made.name,
                "latestReadyRevision": ready.name,
                "latestRolledoutRevision": service.rolled_out,
                "previousRolledoutRevision": service.previous,
                "traffic": traffic,
            } },
            "modelStatus": model_status(failed, settled),
        })
    }

    fn answer(&self, mut client: &TcpStream) -> std::io::Result<()> {
        let mut from = BufReader::new(client);
        let (mut host, mut length, mut first) = (String::new(), 0, String::new());
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
                break;
            }
            if first.is_empty() {
                first.clone_from(&line);
            }
            match line.trim_end().split_once(": ") {
                Some((key, value)) if key.eq_ignore_ascii_case("host") => host = value.to_owned(),
                Some((key, value)) if key.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        let n = {
            let mut asked = self.asked.lock().expect("held");
            *asked += 37;
            *asked % 100
        };
        let chosen = self.hosts.lock().expect("held").get(&host).and_then(|all| {
            let mut upto = 0;
            all.iter()
                .find(|(_, percent)| {
                    upto += percent;
                    n < upto
                })
                .map(|(uri, _)| uri.clone())
        });
        let version = chosen.and_then(|uri| uri.rsplit('/').next()?.parse::<u32>().ok());
        let (status, said) = match version {
            Some(version) if first.contains("/v1/models/") => ("200 OK", json!({ "predictions": [version] })),
            Some(version) => ("200 OK", json!({ "model_version": version.to_string(), "outputs": [version] })),
            None => ("404 Not Found", json!({ "error": "nobody has that name" })),
        };
        let said = said.to_string();
        write!(client, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{said}", said.len())
    }
}

fn model_status(failed: bool, settled: bool) -> Value {
    match (failed, settled) {
        (true, _) => json!({ "transitionStatus": "BlockedByFailedLoad",
            "states": { "activeModelState": "", "targetModelState": "FailedToLoad" },
            "lastFailureInfo": { "reason": "ModelLoadFailed", "message": "no module named churnlib", "exitCode": 1 } }),
        (false, true) => json!({ "transitionStatus": "UpToDate", "lastFailureInfo": null,
            "states": { "activeModelState": "Loaded", "targetModelState": "Loaded" } }),
        (false, false) => json!({ "transitionStatus": "InProgress", "lastFailureInfo": null,
            "states": { "activeModelState": "", "targetModelState": "Loading" } }),
    }
}
