//! Real `docker-registry` servers on loopback, and what a test asks them with.

#[path = "../real/clock.rs"]
mod clock;
#[path = "../real/words.rs"]
mod words;

pub use clock::Ahead;
pub use words::{cx, key, made, name, refused};

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use signalbox_release::{AliasName, Clock, ModelName, Registration, Registry, SystemClock, VersionName};
use signalbox_remote::{Auth, OciAt, OciRegistry};
use tempfile::TempDir;

/// A registry of its own for a test; it ends with it, also when the test panics.
pub struct Server {
    pub at: SocketAddr,
    child: Child,
    dir: TempDir,
}

impl Server {
    pub fn open() -> Server {
        Server::with(|_| String::new())
    }

    /// `auth`: the configuration's `auth` section, for the folder that it is in.
    pub fn with(auth: impl Fn(&std::path::Path) -> String) -> Server {
        // Another may take the port before the server does.
        Server::start(&auth).or_else(|_| Server::start(&auth)).unwrap_or_else(|log| panic!("{log}"))
    }

    /// What it said, where it does not come up.
    fn start(auth: impl Fn(&std::path::Path) -> String) -> Result<Server, String> {
        let dir = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let at = free.local_addr().expect("it listens");
        drop(free);
        let config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage:\n  filesystem: {{rootdirectory: \
             {}}}\n  delete: {{enabled: false}}\nhttp: {{addr: {at}}}\n{}",
            dir.path().join("data").display(),
            auth(dir.path())
        );
        let file = dir.path().join("config.yml");
        std::fs::write(&file, config).expect("written");
        let log = std::fs::File::create(dir.path().join("log")).expect("made");
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|e| panic!("docker-registry (Debian's package) does not start: {e}; this is not skipped"));
        let mut server = Server { at, child, dir };
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let ended = server.child.try_wait().expect("it can be asked");
            if ended.is_some() || Instant::now() > until {
                let log = std::fs::read_to_string(server.dir.path().join("log")).unwrap_or_default();
                return Err(format!("docker-registry does not come up: {log}"));
            }
            if TcpStream::connect(at).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// What a client that knows nothing of Signalbox gets: status, headers and body.
    pub fn get(&self, path: &str) -> (u16, String, Vec<u8>) {
        let output = Command::new("curl")
            .args(["-s", "-i", "-H", "Accept: application/vnd.oci.image.manifest.v1+json"])
            .arg(format!("{}{path}", self.url()))
            .output()
            .expect("curl runs");
        let split = output.stdout.windows(4).position(|four| four == b"\r\n\r\n").expect("headers");
        let head = String::from_utf8_lossy(&output.stdout[..split]).into_owned();
        let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, head, output.stdout[split + 4..].to_vec())
    }

    /// The digest that a tag names, as the server says.
    pub fn digest_of(&self, repository: &str, tag: &str) -> Option<String> {
        let (status, head, _) = self.get(&format!("/v2/{repository}/manifests/{tag}"));
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("docker-content-digest:"));
        (status == 200).then(|| line.expect("a digest").split_once(':').expect("a value").1.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One person's view of a registry, with a cache of its own.
pub struct View {
    pub registry: OciRegistry,
    pub dir: TempDir,
}

pub fn view(url: &str, by: &str) -> View {
    view_with(url, by, Auth::None)
}

pub fn view_with(url: &str, by: &str, auth: Auth) -> View {
    view_at(url, by, auth, Arc::new(SystemClock))
}

pub fn view_at(url: &str, by: &str, auth: Auth, clock: Arc<dyn Clock>) -> View {
    let dir = tempfile::tempdir().expect("a folder");
    let at = OciAt {
        id: name("oci"),
        url: url.into(),
        repository: "team/models".into(),
        by: by.into(),
        cache: dir.path().join("cache"),
        models: Vec::new(),
    };
    let registry = OciRegistry::new(at, Arc::new(move || auth.clone()), None, clock);
    View { registry: registry.expect("a registry").second_look(Duration::from_millis(50)), dir }
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
            ("empty", b""),
            ("empty too", b""),
        ] {
            std::fs::write(folder.join(path), bytes).expect("written");
        }
        folder
    }

    pub fn to(&self, model: &ModelName, alias: &AliasName) -> Option<VersionName> {
        self.registry.pointer(model, alias, &cx()).expect("a pointer").to
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

/// A model with so many versions, the first registered first.
pub fn versions(view: &View, model: &ModelName, n: usize) -> Vec<VersionName> {
    let register = |i| {
        let what = registration(view.artifact(&format!("{model} {i}")));
        made(view.registry.register(model, &what, &key(&format!("P{i}")), &cx()))
    };
    (0..n).map(register).collect()
}
