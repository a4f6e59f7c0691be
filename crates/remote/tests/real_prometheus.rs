//! Health as a real Prometheus counts it: Debian's `prometheus`, which scrapes an exporter in this process.
//!
//! `cargo test -p signalbox-remote --features real-servers --test real_prometheus`

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use signalbox_release::{Cancel, Cx, FailureCode, HealthAt, VersionRef};
use signalbox_remote::{Auth, Prometheus};

/// What a model server would count: of version 7 requests and errors, and how many were answered within 50 and 100 ms.
#[derive(Clone, Copy, Default)]
struct Counts {
    requests: u64,
    errors: u64,
    fast: u64,
}

impl Counts {
    fn text(self) -> String {
        let Counts { requests, errors, fast } = self;
        format!(
            "predict_total{{version=\"7\",code=\"200\"}} {}\npredict_total{{version=\"7\",code=\"500\"}} {errors}\n\
             predict_seconds_bucket{{version=\"7\",le=\"0.05\"}} {fast}\n\
             predict_seconds_bucket{{version=\"7\",le=\"0.1\"}} {requests}\n\
             predict_seconds_bucket{{version=\"7\",le=\"+Inf\"}} {requests}\n",
            requests - errors
        )
    }
}

/// All three are counted at once, as a scrape sees them.
fn serve(counts: Arc<Mutex<Counts>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let body = counts.lock().expect("held").text();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n", body.len());
            let _ = (&stream).write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes());
        }
    });
    port
}

struct Server {
    child: Mutex<Child>,
    url: String,
    _dir: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut child = self.child.lock().expect("held");
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Another may take the port before the server does.
fn prometheus(exporter: u16) -> Server {
    start(exporter).or_else(|| start(exporter)).expect("Prometheus does not start")
}

fn start(exporter: u16) -> Option<Server> {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("p.yml");
    let text = format!(
        "scrape_configs:\n- job_name: models\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\n  \
         static_configs:\n  - targets: ['127.0.0.1:{exporter}']\n"
    );
    std::fs::write(&config, text).expect("written");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Debian's package prometheus is there (`make test` installs it)");
    let server = Server { child: Mutex::new(child), url: format!("http://127.0.0.1:{port}"), _dir: dir };
    let until = Instant::now() + Duration::from_secs(60);
    while !is_ready(port) {
        let ended = server.child.lock().expect("held").try_wait().expect("it can be asked");
        if ended.is_some() || Instant::now() > until {
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(server)
}

/// It takes connections before it answers questions.
fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let asked = stream.write_all(b"GET /-/ready HTTP/1.0\r\n\r\n");
    let mut line = String::new();
    asked.and_then(|()| BufReader::new(stream).read_line(&mut line)).is_ok() && line.contains(" 200 ")
}

fn cx() -> Cx {
    Cx { cancel: Cancel::default(), limit: Duration::from_secs(10) }
}

fn eventually(what: &str, mut look: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !look() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn counts_errors_and_times_are_as_they_were_scraped() {
    let counts = Arc::new(Mutex::new(Counts::default()));
    let server = prometheus(serve(counts.clone()));
    let asked = Prometheus::new(&server.url, || Auth::None).expect("an address");
    let at = HealthAt {
        prometheus: server.url.clone(),
        requests: r#"sum(increase(predict_total{version="{version}"}[{secs}s]))"#.into(),
        errors: r#"sum(increase(predict_total{version="{version}",code=~"5.."}[{secs}s]))"#.into(),
        p95_ms: Some(
            r#"1000 * histogram_quantile(0.95, sum by (le) (rate(predict_seconds_bucket{version="{version}"}[{secs}s])))"#
                .into(),
        ),
    };
    let version = |version: &str| VersionRef {
        registry: "own".parse().expect("a name"),
        model: "churn".parse().expect("a name"),
        version: version.parse().expect("a name"),
        digest: None,
    };
    let service = "churn".parse().expect("a name");
    let health = |of: &str| asked.health(&at, &service, &version(of), 30, &cx());
    // Prometheus takes no count before it has seen two samples.
    eventually("scraped", || {
        asked.value("count_over_time(predict_total{code=\"200\"}[1m]) > 3", &cx()).expect("asked").is_some()
    });
    assert_eq!(health("7").expect("asked").n_requests, 0);
    *counts.lock().expect("held") = Counts { requests: 200, errors: 10, fast: 180 };
    // increase() extrapolates to the window's ends, so the counts come near and settle.
    let near = |n: u64, wanted: u64| n >= wanted && n <= wanted + wanted * 3 / 5;
    eventually("counted", || near(health("7").expect("asked").n_requests, 200));
    let seen = health("7").expect("asked");
    assert!(near(seen.n_errors, 10), "{seen:?}");
    assert!((seen.n_errors as f64 / seen.n_requests as f64 - 0.05).abs() < 0.01, "{seen:?}");
    // 180 of 200 within 50 ms, the rest evenly up to 100 ms: the 190th at 75 ms.
    let p95 = seen.p95_ms.expect("a histogram");
    assert!((p95 - 75.0).abs() < 1.0, "{seen:?}");
    assert!(seen.source.contains(&server.url), "{seen:?}");

    let other = health("8").expect("asked");
    assert_eq!((other.n_requests, other.n_errors, other.p95_ms), (0, 0, None), "nothing is known of another version");

    let many = asked.value("predict_total", &cx()).expect_err("two series");
    assert!(many.message.contains("2 series") && many.hint.is_some(), "{many:?}");
    let wrong = asked.value("sum(", &cx()).expect_err("no question");
    assert_eq!(wrong.code, FailureCode::Invalid, "{wrong:?}");
    assert!(wrong.message.contains("parse error"), "Prometheus' own words: {wrong:?}");
    assert_eq!(asked.value("1/0", &cx()).expect("asked"), None, "infinity is no count");
    drop(server);
    assert_eq!(health("7").expect_err("nobody is there").code, FailureCode::Unreachable);
}
