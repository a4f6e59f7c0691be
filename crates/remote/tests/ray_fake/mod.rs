//! A cluster of a few lines: dashboard, proxy and exporter on one port.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};
use signalbox_release::{Cancel, Cx, VersionRef};
use signalbox_remote::{Auth, RayAt, RayServe, RayShare, Secret};

type Change = Box<dyn FnOnce(&mut Value) + Send>;

#[derive(Default)]
struct State {
    /// As `GET /api/serve/applications/` tells them.
    all: Value,
    puts: Vec<Value>,
    /// What happens before the n-th reading from now.
    before: Option<(usize, Change)>,
    /// Instead of the list.
    answer: Option<String>,
    broken: Option<(String, String)>,
    lies: Map<String, Value>,
    counts: Option<(u64, u64)>,
    /// Exporters that are named, and that nobody reaches.
    deaf_exporters: usize,
    /// Status and body of predictions, in turn; then 200.
    predictions: Vec<(&'static str, &'static str)>,
    /// The first lines of all requests.
    seen: Vec<String>,
    /// Serve's port is this one.
    tells_port: bool,
    /// Requests that told, or did not tell, who asks, where they should not, or should.
    strangers: Vec<String>,
}

pub struct Fake {
    at: SocketAddr,
    state: Arc<Mutex<State>>,
    share: tempfile::TempDir,
    application: Map<String, Value>,
    kept: std::sync::OnceLock<RayServe>,
}

pub fn cx() -> Cx {
    Cx { cancel: Cancel::default(), limit: Duration::from_secs(20) }
}

pub fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a name")
}

pub fn version(number: &str) -> VersionRef {
    VersionRef { registry: name("own"), model: name("churn"), version: name(number), digest: None }
}

impl Fake {
    /// A team that has its own builder.
    pub fn start() -> Fake {
        let application = json!({
            "import_path": "team:build", "args": { "model": "{source}" },
            "runtime_env": { "env_vars": { "KEY": "hunter2" } },
            "deployments": [{ "name": "M", "ray_actor_options": { "num_cpus": 0 } }],
        });
        Fake::with(application.as_object().expect("a table").clone())
    }

    /// One that uses ours.
    pub fn own() -> Fake {
        Fake::with(Map::new())
    }

    fn with(application: Map<String, Value>) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("it listens");
        let config = json!({
            "name": "fraud", "route_prefix": "/fraud", "import_path": "f:b", "args": { "n": 1.0, "key": "hunter2" },
        });
        let all = json!({ "fraud": running(&config) });
        let state = Arc::new(Mutex::new(State { all, ..State::default() }));
        let own = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (head, body) = request(&client);
                let mut own = own.lock().expect("held");
                let (status, body) = match own.predicted(&head) {
                    Some(said) => said,
                    None => {
                        let answer = own.answer(&head, &body, at);
                        answer.map_or(("404 Not Found", "no".to_owned()), |body| ("200 OK", body))
                    }
                };
                drop(own);
                let length = body.len();
                let _ =
                    write!(&client, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
            }
        });
        let share = tempfile::tempdir().expect("a folder");
        Fake { at, state, share, application, kept: std::sync::OnceLock::new() }
    }

    fn at(&self) -> RayAt {
        RayAt {
            id: name("ray"),
            url: format!("http://{}", self.at),
            serve: Some(format!("http://{}/proxy", self.at)),
            metrics: None,
            share: Some(RayShare { here: self.share.path().to_path_buf(), there: None }),
            application: self.application.clone(),
        }
    }

    /// Another Signalbox each time.
    pub fn ray(&self) -> RayServe {
        RayServe::new(self.at(), || Auth::Bearer { token: Secret::new("hunter2") }).expect("an address")
    }

    /// One that is told where Serve's proxy is by the cluster.
    pub fn ray_that_is_told(&self) -> RayServe {
        self.state.lock().expect("held").tells_port = true;
        RayServe::new(RayAt { serve: None, ..self.at() }, || Auth::None).expect("an address")
    }

    pub fn ray_that_remembers(&self) -> &RayServe {
        self.kept.get_or_init(|| self.ray())
    }

    /// Configs by name.
    pub fn applications(&self) -> Value {
        let state = self.state.lock().expect("held");
        let all = state.all.as_object().expect("a table").iter();
        all.map(|(name, app)| (name.clone(), app["deployed_app_config"].clone())).collect::<Map<_, _>>().into()
    }

    pub fn puts(&self) -> Vec<Value> {
        self.state.lock().expect("held").puts.clone()
    }

    pub fn strangers(&self) -> Vec<String> {
        self.state.lock().expect("held").strangers.clone()
    }

    pub fn change(&self, change: &dyn Fn(&mut Value)) {
        change(&mut self.state.lock().expect("held").all);
    }

    pub fn before_read(&self, n: usize, change: impl FnOnce(&mut Value) + Send + 'static) {
        self.state.lock().expect("held").before = Some((n, Box::new(change)));
    }

    /// What is deployed from now on ends so.
    pub fn breaks(&self, status: &str, message: &str) {
        self.state.lock().expect("held").broken = Some((status.into(), message.into()));
    }

    pub fn says(&self, field: &str, value: &str) {
        self.state.lock().expect("held").lies.insert(field.into(), value.into());
    }

    pub fn says_the_truth(&self) {
        self.state.lock().expect("held").lies.clear();
    }

    pub fn counts(&self, good: u64, bad: u64) {
        self.state.lock().expect("held").counts = Some((good, bad));
    }

    pub fn deaf_exporters(&self, n: usize) {
        self.state.lock().expect("held").deaf_exporters = n;
    }

    pub fn predicts(&self, said: &[(&'static str, &'static str)]) {
        self.state.lock().expect("held").predictions = said.to_vec();
    }

    /// How many requests had a first line that begins so.
    pub fn count(&self, line: &str) -> usize {
        self.state.lock().expect("held").seen.iter().filter(|seen| seen.starts_with(line)).count()
    }

    pub fn answers(&self, body: &str) {
        self.state.lock().expect("held").answer = Some(body.into());
    }
}

fn running(config: &Value) -> Value {
    json!({
        "status": "RUNNING", "message": "", "source": "declarative", "last_deployed_time_s": 1.5,
        "route_prefix": config["route_prefix"], "deployed_app_config": config,
        "deployments": { "M": { "status": "HEALTHY", "target_num_replicas": 1, "replicas": [{ "state": "RUNNING" }] } },
    })
}

impl State {
    /// To a prediction, whatever is asked.
    fn predicted(&mut self, head: &str) -> Option<(&'static str, String)> {
        self.seen.push(head.lines().next().unwrap_or("").to_owned());
        if !head.starts_with("POST ") {
            return None;
        }
        let said = if self.predictions.is_empty() { ("200 OK", "{}") } else { self.predictions.remove(0) };
        Some((said.0, said.1.to_owned()))
    }

    fn answer(&mut self, head: &str, body: &str, at: SocketAddr) -> Option<String> {
        let mut words = head.split_whitespace();
        let (verb, path) = (words.next()?, words.next()?.split('?').next()?);
        let tells = head.to_ascii_lowercase().contains("authorization: bearer hunter2");
        if tells != path.starts_with("/api/") {
            self.strangers.push(format!("{verb} {path}"));
        }
        match (verb, path) {
            ("GET", "/api/serve/applications/") => {
                if let Some((n, change)) = self.before.take() {
                    if n == 1 {
                        change(&mut self.all);
                    } else {
                        self.before = Some((n - 1, change));
                    }
                }
                let port = if self.tells_port { at.port() } else { 8000 };
                let details = json!({
                    "http_options": { "host": "0.0.0.0", "port": port }, "target_capacity": null, "applications": self.all,
                });
                Some(self.answer.clone().unwrap_or(details.to_string()))
            }
            ("PUT", "/api/serve/applications/") => {
                let body: Value = serde_json::from_str(body).ok()?;
                let mut all = Map::new();
                for config in body["applications"].as_array()? {
                    let name = config["name"].as_str()?;
                    let mut app = running(config);
                    // As Ray does with what is new to it.
                    if let Some(cpus) = app.pointer_mut("/deployed_app_config/deployments/0/ray_actor_options/num_cpus") {
                        *cpus = json!(cpus.as_f64());
                    }
                    if let (Some((status, message)), None) = (&self.broken, self.all.get(name)) {
                        app["status"] = json!(status);
                        app["message"] = json!(message);
                        app["deployments"] = json!({});
                    }
                    all.insert(name.to_owned(), app);
                }
                self.all = Value::Object(all);
                self.puts.push(body);
                Some(String::new())
            }
            ("GET", "/proxy/-/routes") => {
                let all = self.all.as_object()?.iter();
                let routes = all.map(|(name, app)| Some((app["route_prefix"].as_str()?.to_owned(), json!(name))));
                Some(Value::Object(routes.collect::<Option<_>>()?).to_string())
            }
            ("GET", path) if path.ends_with("/signalbox") => {
                let prefix = path.strip_prefix("/proxy")?.strip_suffix("/signalbox")?;
                let app = self.all.as_object()?.values().find(|app| app["route_prefix"] == prefix)?;
                let said = app["deployed_app_config"]["runtime_env"]["env_vars"]["SIGNALBOX_VERSION"].as_str()?;
                let mut said: Value = serde_json::from_str(said).ok()?;
                said.as_object_mut()?.extend(self.lies.clone());
                Some(said.to_string())
            }
            ("GET", "/api/prometheus/sd") => {
                let mut targets = vec![json!(at.to_string()), json!("x/../y:1"), json!("127.0.0.1:1@evil:2"), json!(3)];
                targets.extend((0..self.deaf_exporters).map(|n| json!(format!("127.0.0.1:{}", n + 1))));
                Some(json!([{ "targets": targets }]).to_string())
            }
            ("GET", "/metrics") => self.counts.map(|(good, bad)| {
                let line = |code: u16, n: u64| {
                    format!(
                        "ray_serve_num_http_requests_total{{application=\"churn--1\",method=\"POST\",route=\"/churn\",status_code=\"{code}\"}} {n}.0\n"
                    )
                };
                line(200, good) + &line(500, bad)
            }),
            _ => None,
        }
    }
}

fn request(client: &TcpStream) -> (String, String) {
    let mut from = BufReader::new(client);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") && from.read_line(&mut head).is_ok_and(|n| n > 0) {
        let last = head.lines().last().unwrap_or("").to_ascii_lowercase();
        if let Some(value) = last.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).expect("a body");
    (head, String::from_utf8(body).expect("text"))
}
