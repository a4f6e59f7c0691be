//! A keeper in a folder of its own, its clients, and the certainty that nothing of it is left.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signalbox_keeper::{How, LocalTarget, ServiceSeen, VersionSeen};
use signalbox_release::*;

pub const KEEP: &str = env!("CARGO_BIN_EXE_signalbox-keep");

pub struct Bench {
    pub dir: tempfile::TempDir,
    pub target: LocalTarget,
}

impl Bench {
    pub fn new() -> Bench {
        Bench::with(fake())
    }

    pub fn with(how: How) -> Bench {
        let dir = tempfile::tempdir().expect("a folder");
        let target = LocalTarget::new(name("local"), dir.path().join("keeper"), KEEP.into(), how, None);
        Bench { dir, target }
    }

    /// The same folder, as another Signalbox sees it.
    pub fn another(&self) -> LocalTarget {
        LocalTarget::new(name("local"), self.folder(), KEEP.into(), How::Mlflow { python: "python3".into() }, None)
    }

    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("keeper")
    }

    /// An artifact: its server says `says`.
    pub fn artifact(&self, folder: &str, says: i64, mode: &str) -> PathBuf {
        let path = self.dir.path().join(folder);
        std::fs::create_dir_all(&path).expect("made");
        std::fs::write(path.join("model.json"), json!({ "says": says, "mode": mode }).to_string()).expect("written");
        path
    }

    /// Version `version` of churn, which says its number.
    pub fn version(&self, version: &str, mode: &str) -> Deployable {
        let path = self.artifact(&format!("v{version}"), version.parse().expect("a number"), mode);
        let digest = Some(digest_of(&path).expect("read").digest);
        let version = VersionRef { registry: name("own"), model: name("churn"), version: name(version), digest };
        Deployable { version, path: Some(path), source: None }
    }

    pub fn stage(&self, what: &Deployable) -> Outcome {
        self.target.stage(&churn(), what, &key(), &cx(30))
    }

    pub fn unstage(&self, what: &Deployable) -> Outcome {
        self.target.unstage(&churn(), &what.version, &cx(60))
    }

    /// What `share` leaves goes to the other version that is loaded.
    pub fn route(&self, to: &Deployable, share: u8) -> Outcome {
        let mut others = self.observe().loaded.into_iter().filter_map(|served| served.version);
        let rest = others.rfind(|at| !at.is(&to.version));
        let split = Split { to: Some(to.version.clone()), share, rest, among: None };
        self.target.route(&churn(), &split, &key(), &cx(10))
    }

    /// Loads a version and gives it all of the traffic.
    pub fn serve(&self, version: &str, mode: &str) -> Deployable {
        let what = self.version(version, mode);
        done(self.stage(&what));
        done(self.route(&what, 100));
        what
    }

    pub fn observe(&self) -> Observed {
        self.target.observe(&churn(), &cx(30)).expect("observed")
    }

    pub fn seen(&self) -> ServiceSeen {
        self.target
            .services(&cx(30))
            .expect("seen")
            .into_iter()
            .find(|seen| seen.service == churn())
            .expect("a service")
    }

    pub fn version_seen(&self, what: &Deployable) -> VersionSeen {
        self.seen().versions.into_iter().find(|seen| seen.at.is(&what.version)).expect("it is loaded")
    }

    /// Looks until it is so; what is seen then.
    pub fn until(&self, so: impl Fn(&Observed) -> bool) -> Observed {
        // As long as loading may take: a real server that was killed is loaded anew.
        let late = Instant::now() + Duration::from_secs(180);
        loop {
            let seen = self.observe();
            if so(&seen) {
                return seen;
            }
            assert!(Instant::now() < late, "it does not become so: {seen:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn keeper_pid(&self) -> u32 {
        let text = std::fs::read_to_string(self.folder().join("lock")).expect("a lock");
        text.trim().parse().expect("an id")
    }

    pub fn client(&self) -> Client {
        Client::new(self.seen().port)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // Ends the keeper if one runs, and what one that was killed has left.
        let stopped = self.target.stop(&cx(30));
        if !std::thread::panicking() {
            stopped.expect("stopped");
            assert_eq!(processes_of(&self.folder()), Vec::<u32>::new(), "left running");
        }
    }
}

/// A caller of a service: one connection, kept if `keeps`.
pub struct Client {
    port: u16,
    keeps: bool,
    stream: Option<BufReader<TcpStream>>,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The number that the model says.
    pub fn says(&self) -> Option<i64> {
        self.json()["predictions"][0].as_i64()
    }
}

impl Client {
    pub fn new(port: u16) -> Client {
        Client { port, keeps: true, stream: None }
    }

    pub fn closing(port: u16) -> Client {
        Client { keeps: false, ..Client::new(port) }
    }

    pub fn post(&mut self, headers: &[(&str, &str)]) -> Reply {
        self.try_post(headers, b"{}").expect("an answer")
    }

    pub fn try_post(&mut self, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<Reply> {
        let mut head = "POST /invocations HTTP/1.1\r\n".to_owned();
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("Host: 127.0.0.1:{}\r\n", self.port);
        }
        if !self.keeps {
            head += "Connection: close\r\n";
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        let reply = self.raw(&[head.as_bytes(), body].concat());
        if !self.keeps || reply.is_err() {
            self.stream = None;
        }
        reply
    }

    pub fn raw(&mut self, request: &[u8]) -> std::io::Result<Reply> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(("127.0.0.1", self.port))?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(Duration::from_secs(60)))?;
                self.stream.insert(BufReader::new(stream))
            }
        };
        stream.get_mut().write_all(request)?;
        let line = |stream: &mut BufReader<TcpStream>| -> std::io::Result<String> {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            Ok(line.trim_end().to_owned())
        };
        let status = line(stream)?.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let mut headers = BTreeMap::new();
        loop {
            let line = line(stream)?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let n = headers.get("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
        let mut body = vec![0; n];
        stream.read_exact(&mut body)?;
        Ok(Reply { status, headers, body })
    }
}

/// The fake model server.
pub fn fake() -> How {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/model_server.py");
    let argv = ["python3", &script.display().to_string(), "{path}", "{port}"].map(str::to_owned).into();
    How::Command { argv, ready: "/ping".into(), asked: "/invocations".into() }
}

/// Processes whose keeper is that of `folder`, and the keeper.
pub fn processes_of(folder: &Path) -> Vec<u32> {
    let folder = folder.to_str().expect("Unicode").as_bytes();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("Linux").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let holds = |file: &str| {
            let bytes = std::fs::read(entry.path().join(file)).unwrap_or_default();
            bytes.windows(folder.len()).any(|window| window == folder)
        };
        let state = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if (holds("cmdline") || holds("environ")) && !state.contains(") Z ") {
            found.push(pid);
        }
    }
    found
}

pub fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

pub fn kill(pid: u32) {
    let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().expect("kill runs");
    assert!(status.success());
    let late = Instant::now() + Duration::from_secs(10);
    while is_running(pid) && Instant::now() < late {
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn done(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Done(value) => value,
        other => panic!("{other:#?}"),
    }
}

pub fn refused(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Refused(failure) => failure,
        other => panic!("{other:#?}"),
    }
}

/// Version and share of all that is loaded.
pub fn shares(seen: &Observed) -> Vec<(String, u8)> {
    let version = |served: &Served| served.version.as_ref().expect("a version").version.to_string();
    seen.loaded.iter().map(|served| (version(served), served.share)).collect()
}

pub fn churn() -> ServiceName {
    name("churn")
}

pub fn key() -> OpKey {
    OpKey::new(&name("p1"), 0, false)
}

pub fn cx(secs: u64) -> Cx {
    Cx { cancel: Cancel::default(), limit: Duration::from_secs(secs) }
}

pub fn name<T: std::str::FromStr<Err = BadName>>(text: &str) -> T {
    text.parse().expect("a name")
}

/// Whether a process listens on a loopback port: one of its sockets is among the kernel's listening ones
/// (`/proc/net/tcp`: address and port in hexadecimals, state 0A, inode in the tenth column).
pub fn listens(pid: u32, port: u16) -> bool {
    let sockets = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").flatten();
    let sockets: Vec<_> = sockets.filter_map(|fd| std::fs::read_link(fd.path()).ok()).collect();
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let at = format!("0100007F:{port:04X}");
    table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).any(|row| {
        row.get(1) == Some(&at.as_str())
            && row.get(3) == Some(&"0A")
            && row
                .get(9)
                .is_some_and(|inode| sockets.iter().any(|socket| *socket == Path::new(&format!("socket:[{inode}]"))))
    })
}
