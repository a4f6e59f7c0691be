//! The servers that all tests share, and what a test asks them with.

#[path = "../real/clock.rs"]
mod clock;
#[path = "../real/words.rs"]
mod words;

pub use clock::Ahead;
pub use words::{cx, key, made, name, refused};

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use signalbox_release::{AliasName, Clock, ModelName, Registration, SystemClock, VersionName};
use signalbox_remote::{MlflowAt, MlflowRegistry};
use tempfile::TempDir;

pub const PASSWORD: &str = "correct-horse-12";

fn script(name: &str, args: &[&str]) -> Command {
    let python = std::env::var("SIGNALBOX_PYTHON").unwrap_or_else(|_| {
        panic!("SIGNALBOX_PYTHON must name a Python that has mlflow (`make test` sets it); these tests are not skipped")
    });
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_mlflow").join(name)).args(args);
    command
}

/// A server that ends with this process: when our end of its stdin does.
struct Server {
    at: SocketAddr,
    _child: Child,
}

impl Server {
    fn start(args: &[&str]) -> Server {
        let mut child = script("server.py", args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("the Python does not start: {e}"));
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let port: u16 = line.trim().parse().expect("the MLflow server does not start; see above");
        Server { at: ([127, 0, 0, 1], port).into(), _child: child }
    }
}

pub fn open_server() -> SocketAddr {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(&[])).at
}

pub fn guarded_server() -> SocketAddr {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(&["--auth", PASSWORD])).at
}

/// The version of the MLflow that is tested beside: 3.17.2 in `make test`; 2.22 was tried.
pub fn mlflow_version() -> String {
    let output = script("version.py", &[]).output().expect("it runs");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// What a training has logged: a run with a logged model, the model's id ("None" where MLflow knows none), a run with an old one, a run with none.
pub fn log_model(url: &str) -> [String; 4] {
    let output = script("log_model.py", &[url]).stderr(Stdio::inherit()).output().expect("it runs");
    assert!(output.status.success());
    let line = String::from_utf8(output.stdout).expect("text");
    let last = line.lines().last().expect("a line").to_owned();
    let ids: Vec<String> = last.split_whitespace().map(str::to_owned).collect();
    ids.try_into().expect("four ids")
}

/// One person's view of a server, with a cache of its own.
pub struct View {
    pub registry: MlflowRegistry,
    pub dir: TempDir,
}

pub fn view(url: &str, by: &str) -> View {
    view_with(url, by, |_| None)
}

pub fn view_with(url: &str, by: &str, environment: fn(&str) -> Option<String>) -> View {
    view_at(url, by, environment, Arc::new(SystemClock))
}

/// An hour on from now.
pub fn later_view(url: &str, by: &str) -> View {
    clocked_view(url, by, Arc::new(Ahead(3_600_000.into())))
}

pub fn clocked_view(url: &str, by: &str, clock: Arc<dyn Clock>) -> View {
    view_at(url, by, |_| None, clock)
}

fn view_at(url: &str, by: &str, environment: fn(&str) -> Option<String>, clock: Arc<dyn Clock>) -> View {
    let dir = tempfile::tempdir().expect("a folder");
    let at = MlflowAt { id: name("mlflow"), url: url.into(), by: by.into(), cache: dir.path().join("cache") };
    let registry = MlflowRegistry::new(at, Arc::new(environment), clock).expect("a registry");
    View { registry: registry.second_look(Duration::from_millis(50)), dir }
}

pub fn open_view() -> View {
    view(&format!("http://{}", open_server()), "ada@laptop")
}

impl View {
    /// A small model in a folder of its own.
    pub fn artifact(&self, weights: &str) -> PathBuf {
        let folder = self.dir.path().join("model");
        std::fs::create_dir_all(folder.join("sub dir")).expect("made");
        let bytes: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
        for (path, bytes) in [
            ("MLmodel", b"flavors: {}".as_slice()),
            ("sub dir/gewicht é+&?.txt", weights.as_bytes()),
            ("w.bin", &bytes),
        ] {
            std::fs::write(folder.join(path), bytes).expect("written");
        }
        std::fs::write(folder.join("empty"), b"").expect("written");
        folder
    }
}

pub fn champion() -> AliasName {
    name("champion")
}

pub fn registration(path: PathBuf) -> Registration {
    let digest = signalbox_release::digest_of(&path).expect("an artifact").digest;
    let tags = vec![("run".to_owned(), "it's \"é\"".to_owned())];
    Registration { path: Some(path), source: None, run: None, digest: Some(digest), tags }
}

/// A model with so many versions.
pub fn versions(view: &View, model: &ModelName, n: usize) -> Vec<VersionName> {
    use signalbox_release::Registry;
    let what = registration(view.artifact(model.as_str()));
    let first = made(view.registry.register(model, &what, &key("P0"), &cx()));
    let source = Some(format!("models:/{model}/{first}"));
    let copy = Registration { path: None, source, ..what };
    let more = (1..n).map(|i| made(view.registry.register(model, &copy, &key(&format!("P{i}")), &cx())));
    std::iter::once(first.clone()).chain(more).collect()
}
