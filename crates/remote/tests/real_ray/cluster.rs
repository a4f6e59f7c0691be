//! A Ray cluster of one node in a network and a process namespace of its own: Ray listens on all addresses, and is
//! twenty processes. They end with the first process of the namespace, which is the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signalbox_remote::{Auth, Http, Patience, Secret};

use super::world::cx;

pub const INSIDE: &str = "SIGNALBOX_RAY_INSIDE";
pub const TOKEN: &str = "correct-horse-12-battery-34";
pub const DASHBOARD: &str = "http://127.0.0.1:8265";
pub const PROXY: &str = "http://127.0.0.1:8000";

/// Runs the test of this name again, where nothing but loopback is.
pub fn again_inside(test: &str) {
    let mut command = Command::new("unshare");
    if !is_root() {
        command.arg("--map-root-user");
    }
    let mut child = command
        .args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", "-c"])
        .args([r#"PATH="$PATH:/usr/sbin:/sbin"; ip link set lo up && exec "$@""#, "sh"])
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("unshare does not run ({e}); these tests need Linux"));
    // Its end says that we are still there.
    let _alive = child.stdin.take();
    let status = child.wait().expect("it was started");
    assert!(status.success(), "inside the namespace: {status}; see above");
}

/// Ends this process, and so its namespace, when the one outside has ended, however that came.
pub fn end_with_outside() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(1);
    });
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_ray")
}

pub fn python() -> Command {
    let python = std::env::var("SIGNALBOX_PYTHON_RAY").unwrap_or_else(|_| {
        panic!("SIGNALBOX_PYTHON_RAY must name a Python with ray[serve], mlflow-skinny and scikit-learn")
    });
    let mut command = Command::new(python);
    command
        .env("PYTHONPATH", folder())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("RAY_AUTH_MODE", "token")
        .env("RAY_AUTH_TOKEN", TOKEN)
        .stdout(Stdio::null());
    command
}

pub fn script(name: &str, args: &[&Path]) {
    let status = python().arg(folder().join(name)).args(args).status().expect("it runs");
    assert!(status.success(), "{name}: {status}");
}

pub struct Cluster {
    head: Child,
    dir: tempfile::TempDir,
}

impl Cluster {
    pub fn start() -> Cluster {
        // Ray's sockets have long names, and a socket's name must be short.
        let dir = tempfile::Builder::new().prefix("r").tempdir_in("/tmp").expect("a folder");
        let ports = ["--port=6379", "--min-worker-port=30000", "--max-worker-port=30200", "--dashboard-port=8265"];
        let head = python()
            .args(["-c", "from ray.scripts.scripts import main; main()", "start", "--head", "--block"])
            .args(["--node-ip-address=127.0.0.1", "--dashboard-host=127.0.0.1", "--include-dashboard=true"])
            .args(ports)
            .args(["--num-cpus=4", "--object-store-memory=100000000", "--disable-usage-stats"])
            .arg(format!("--temp-dir={}", dir.path().join("t").display()))
            // A token that lies there would be another.
            .env("HOME", dir.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("the Python does not start: {e}"));
        let cluster = Cluster { head, dir };
        let until = Instant::now() + Duration::from_secs(180);
        while cluster.try_read("api/serve/applications/").is_err() {
            assert!(Instant::now() < until, "Ray does not start");
            std::thread::sleep(Duration::from_millis(300));
        }
        cluster
    }

    pub fn http() -> Http {
        Http::new(DASHBOARD, || Auth::Bearer { token: Secret::new(TOKEN) }, None).expect("an address")
    }

    fn try_read(&self, path: &str) -> Result<Value, signalbox_release::Failure> {
        let http = Self::http();
        http.read(&http.get(path, &[]), &Patience::new(&cx()))
    }

    pub fn details(&self) -> Value {
        self.try_read("api/serve/applications/").expect("told")
    }

    /// What others do: a whole config, put.
    pub fn put(&self, applications: &[Value]) {
        let http = Self::http();
        let body = json!({
            "proxy_location": "HeadOnly", "http_options": { "host": "127.0.0.1", "port": 8000 },
            "applications": applications,
        });
        http.change(&http.put_json("api/serve/applications/", body), &Patience::new(&cx())).expect("put");
    }

    pub fn configs(&self) -> Vec<Value> {
        let details = self.details();
        let all = details["applications"].as_object().expect("applications").values();
        all.map(|app| app["deployed_app_config"].clone()).filter(|config| !config.is_null()).collect()
    }

    pub fn wait_for(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        let until = Instant::now() + Duration::from_secs(180);
        while !is_so(&self.details()) {
            assert!(Instant::now() < until, "never so: {what}: {}", self.details()["applications"]);
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// All that a test can compare of applications that are not ours: config, status, and the very replicas.
    pub fn others(&self, names: &[&str]) -> Value {
        let details = self.details();
        let of = |name: &&str| {
            let app = &details["applications"][*name];
            let deployments = app["deployments"].as_object().into_iter().flatten();
            let replicas = deployments.flat_map(|(_, it)| it["replicas"].as_array().cloned().unwrap_or_default());
            let mut ids: Vec<Value> = replicas.map(|it| it["actor_id"].clone()).collect();
            ids.sort_by_key(ToString::to_string);
            json!([name, app["deployed_app_config"], app["status"], app["route_prefix"], ids])
        };
        names.iter().map(of).collect()
    }

    pub fn share(&self) -> PathBuf {
        self.dir.path().join("share")
    }

    /// All of it at once, as a machine that fails. Only what this namespace holds is seen here: all of it is ours.
    pub fn kill(mut self) {
        self.head.kill().expect("it runs");
        let own = std::process::id();
        for entry in std::fs::read_dir("/proc").expect("read").flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()).filter(|pid| *pid != own) else {
                continue;
            };
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status();
        }
        self.head.wait().expect("it ends");
    }
}

/// Eight clients that ask all the time, on kept and on fresh connections.
pub struct Load {
    ends: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    n: AtomicU64,
    slowest_us: AtomicU64,
    lost: Mutex<Vec<String>>,
}

impl Load {
    pub fn on(path: &'static str, body: &Value) -> Load {
        let (ends, told) = (Arc::new(AtomicBool::default()), Arc::new(Told::default()));
        let client = |i: usize| {
            let (ends, told, body) = (ends.clone(), told.clone(), body.clone());
            std::thread::spawn(move || {
                let http = Http::new(PROXY, || Auth::None, None).expect("an address");
                while !ends.load(Ordering::Relaxed) {
                    let (call, began) = (http.post(path, body.clone()), Instant::now());
                    // Readings keep their connection, changes take a fresh one; neither is tried again.
                    let answer = if i.is_multiple_of(2) {
                        http.read(&call, &Patience::new(&cx())).map_err(|f| f.message)
                    } else {
                        http.change(&call, &Patience::new(&cx())).map_err(|lost| lost.failure().message)
                    };
                    let us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                    told.slowest_us.fetch_max(us, Ordering::Relaxed);
                    told.n.fetch_add(1, Ordering::Relaxed);
                    let lost = match answer {
                        Ok(body) if body.get("predictions").is_some() => None,
                        Ok(body) => Some(body.to_string()),
                        Err(why) => Some(why),
                    };
                    told.lost.lock().expect("held").extend(lost);
                    std::thread::sleep(Duration::from_millis(10));
                }
            })
        };
        let clients = (0..8).map(client).collect();
        Load { ends, clients, told }
    }

    /// How many were asked, and how long the slowest took, in ms. None may be lost.
    pub fn end(self) -> (u64, u64) {
        self.ends.store(true, Ordering::Relaxed);
        self.clients.into_iter().for_each(|client| client.join().expect("it ends"));
        let lost = self.told.lost.lock().expect("held");
        let n = self.told.n.load(Ordering::Relaxed);
        assert!(lost.is_empty(), "{} of {n} requests were lost: {:?}", lost.len(), &lost[..lost.len().min(5)]);
        (n, self.told.slowest_us.load(Ordering::Relaxed) / 1000)
    }
}
