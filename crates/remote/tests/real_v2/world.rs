//! The two servers, each with a repository of its own, and the models that they load.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use signalbox_release::{
    Cancel, Cx, Deployable, Failure, Golden, Identity, OpKey, Outcome, ServiceName, Split, Target, VersionRef,
    digest_of,
};
use signalbox_remote::{Auth, V2At, V2Target};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    MlServer,
    Triton,
}

pub const BOTH: [Kind; 2] = [Kind::MlServer, Kind::Triton];

fn python(kind: Kind) -> PathBuf {
    let name = match kind {
        Kind::MlServer => "SIGNALBOX_PYTHON_MLSERVER",
        Kind::Triton => "SIGNALBOX_PYTHON_TRITON",
    };
    let set = std::env::var_os(name);
    set.unwrap_or_else(|| {
        panic!("{name} must name a Python with tests/requirements-v2.txt; these tests are not skipped")
    })
    .into()
}

pub struct Models {
    dir: TempDir,
    pub golden: Golden,
}

/// Made once for all tests.
pub fn models() -> &'static Models {
    static MODELS: OnceLock<Models> = OnceLock::new();
    MODELS.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_v2/save_models.py");
        let output = Command::new(python(Kind::MlServer))
            .args([script.as_path(), dir.path()])
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            .current_dir(dir.path())
            .output()
            .expect("Python starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let line = String::from_utf8_lossy(&output.stdout).lines().last().expect("a line").to_owned();
        let said: Value = serde_json::from_str(&line).expect("JSON");
        let golden = Golden { request: said["request"].clone(), answer: said["answer"].clone(), tolerance: 1e-9 };
        Models { dir, golden }
    })
}

impl Models {
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// A server with its repository; ended, with all that it started, when it is dropped.
pub struct Server {
    pub kind: Kind,
    pub at: SocketAddr,
    pub metrics: SocketAddr,
    pub repository: TempDir,
    child: Child,
    /// What the server says, for a person who reads why it did not start.
    said: TempDir,
}

/// Three ports that nobody has, each another: all are held until all are known.
fn free() -> [SocketAddr; 3] {
    let held = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    held.map(|listener| listener.local_addr().expect("its address"))
}

/// A port that is free now may be somebody's a moment later (other tests ask for theirs): then others are tried.
const STARTS: usize = 3;

impl Server {
    pub fn start(kind: Kind) -> Server {
        let repository = tempfile::tempdir().expect("a folder");
        let said = tempfile::tempdir().expect("a folder");
        let [at, grpc, metrics] = free();
        let child = spawn(kind, repository.path(), said.path(), [at, grpc, metrics]);
        let mut server = Server { kind, at, metrics, repository, child, said };
        for n in 1.. {
            let Err(why) = server.until_it_is_there() else { return server };
            assert!(n < STARTS, "{why}");
            server.kill();
            let [at, grpc, metrics] = free();
            (server.at, server.metrics) = (at, metrics);
            server.child = spawn(kind, server.repository.path(), server.said.path(), [at, grpc, metrics]);
        }
        unreachable!("it counts on until it returns or fails");
    }

    /// Why it is not, with the end of what the server said.
    fn until_it_is_there(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        let target = self.target();
        loop {
            if target.greet(&cx()).is_ok() {
                return Ok(());
            }
            let ended = self.child.try_wait().expect("its own child");
            if ended.is_some() || begun.elapsed() > Duration::from_secs(150) {
                let said = std::fs::read(self.said.path().join("log")).unwrap_or_default();
                let end = String::from_utf8_lossy(&said[said.len().saturating_sub(4000)..]).into_owned();
                let how = ended.map_or("is silent".into(), |status| format!("ended ({status})"));
                return Err(format!("{:?} {how} after {:?}; it said:\n{end}", self.kind, begun.elapsed()));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub fn target(&self) -> V2Target {
        self.through(&format!("http://{}", self.at))
    }

    pub fn through(&self, url: &str) -> V2Target {
        let at = V2At {
            id: name("serving"),
            url: url.into(),
            repository: self.repository.path().to_path_buf(),
            metrics: (self.kind == Kind::MlServer).then(|| format!("http://{}", self.metrics)),
        };
        V2Target::new(at, || Auth::None).expect("a target")
    }

    /// The same, on what the repository holds by now.
    pub fn start_again(&mut self) {
        self.kill();
        let [_, grpc, _] = free();
        self.child = spawn(self.kind, self.repository.path(), self.said.path(), [self.at, grpc, self.metrics]);
        self.until_it_is_there().unwrap_or_else(|why| panic!("{why}"));
    }

    /// As a kill -9 ends it, with all that it started.
    pub fn kill(&mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.child.wait();
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(self.at).is_ok() {
            assert!(Instant::now() < until, "it is still there");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}

fn spawn(kind: Kind, repository: &Path, said: &Path, [at, grpc, metrics]: [SocketAddr; 3]) -> Child {
    let python = python(kind);
    let bin = python.parent().expect("a folder").to_path_buf();
    let mut command = match kind {
        Kind::MlServer => {
            let settings = serde_json::json!({ "host": "127.0.0.1", "http_port": at.port(), "grpc_port": grpc.port(),
                "metrics_port": metrics.port(), "parallel_workers": 0 });
            std::fs::write(repository.join("settings.json"), settings.to_string()).expect("written");
            let mut command = Command::new(bin.join("mlserver"));
            command.args(["start", "."]).current_dir(repository);
            command
        }
        Kind::Triton => triton(&python, &bin, repository, [at, grpc, metrics]),
    };
    let log = std::fs::File::create(said.join("log")).expect("a log");
    let log_too = log.try_clone().expect("the same log");
    command.env("MLFLOW_DISABLE_TELEMETRY", "true").stdin(Stdio::null()).stdout(log).stderr(log_too);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().unwrap_or_else(|e| panic!("{kind:?} does not start: {e}"))
}

/// What nvidia-pytriton brings, as it starts it itself: with the stub of this Python.
fn triton(python: &Path, bin: &Path, repository: &Path, [http, grpc, metrics]: [SocketAddr; 3]) -> Command {
    let told = "import sysconfig, sys; v = sys.version_info; print(sysconfig.get_config_var('LIBDIR')); print(sysconfig.get_path('purelib')); print(f'{v.major}.{v.minor}')";
    let output = Command::new(python).args(["-c", told]).output().expect("Python starts");
    let text = String::from_utf8(output.stdout).expect("text");
    let [lib, site, version] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    let home = Path::new(site).join("pytriton/tritonserver");
    let stub = home.join("backends/python/triton_python_backend_stub");
    if !stub.exists() {
        let own = home.join(format!("python_backend_stubs/{version}/triton_python_backend_stub"));
        let coming = stub.with_extension(std::process::id().to_string());
        std::fs::copy(own, &coming).and_then(|_| std::fs::rename(&coming, &stub)).expect("the stub of this Python");
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(home.join("bin/tritonserver"));
    command
        .arg(format!("--model-repository={}", repository.display()))
        .arg(format!("--backend-directory={}", home.join("backends").display()))
        .arg(format!("--cache-directory={}", home.join("caches").display()))
        .args(["--model-control-mode=explicit", "--disable-auto-complete-config"])
        .args(["--http-address=127.0.0.1", "--grpc-address=127.0.0.1", "--metrics-address=127.0.0.1"])
        .arg(format!("--http-port={}", http.port()))
        .arg(format!("--grpc-port={}", grpc.port()))
        .arg(format!("--metrics-port={}", metrics.port()))
        .env("LD_LIBRARY_PATH", lib)
        .env("PYTHONPATH", site)
        .env("PATH", format!("{}:{path}", bin.display()));
    command
}

pub fn cx() -> Cx {
    Cx { cancel: Cancel::default(), limit: Duration::from_secs(280) }
}

pub fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a name")
}

pub fn key(step: usize) -> OpKey {
    OpKey::new(&name("P"), step, false)
}

pub fn iris() -> ServiceName {
    name("iris")
}

/// A model as a version.
pub fn version(model: &str, number: &str) -> Deployable {
    let path = models().path(model);
    let digest = Some(digest_of(&path).expect("an artifact").digest);
    let version = VersionRef { registry: name("own"), model: name("iris"), version: name(number), digest };
    Deployable { version, path: Some(path), source: None }
}

pub fn done(outcome: Outcome) -> Value {
    let Outcome::Done(said) = outcome else { panic!("{outcome:?}") };
    said
}

pub fn refused(outcome: Outcome) -> Failure {
    let Outcome::Refused(failure) = outcome else { panic!("{outcome:?}") };
    failure
}

pub fn route(target: &V2Target, to: Option<&Deployable>) -> Outcome {
    let share = if to.is_some() { 100 } else { 0 };
    let to = to.map(|to| to.version.clone());
    target.route(&iris(), &Split { to, share, rest: None, among: None }, &key(1), &cx())
}

/// What is loaded, as version and share; all of it ready, and proven.
pub fn shares(target: &V2Target) -> Vec<(String, u8)> {
    let all = loaded(target);
    assert!(all.iter().all(|(_, _, proven)| *proven), "{all:?}");
    all.into_iter().map(|(version, share, _)| (version, share)).collect()
}

/// The same, and whether it is proven.
pub fn loaded(target: &V2Target) -> Vec<(String, u8, bool)> {
    let seen = target.observe(&iris(), &cx()).expect("seen");
    let of = |served: &signalbox_release::Served| {
        assert!(served.ready, "{served:?}");
        let version = served.version.as_ref().map_or(served.label.clone(), |at| at.version.to_string());
        (version, served.share, matches!(served.identity, Identity::Proven(_)))
    };
    let mut all: Vec<_> = seen.loaded.iter().map(of).collect();
    all.sort();
    all
}

/// Waits for what clients do meanwhile.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
