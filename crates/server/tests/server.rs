//! The server as a stranger on this machine, a page of another site and the user's browser see it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signalbox_app::{App, Options};
use signalbox_server::{Stopper, serve};

struct Running {
    port: u16,
    token: String,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
    app: App,
    data: tempfile::TempDir,
}

impl Running {
    fn start() -> Running {
        let data = tempfile::tempdir().expect("a folder");
        let app = App::open(Options::alone(data.path().join("data"), "test")).expect("an app");
        let (send, receive) = channel();
        let served = app.clone();
        let thread = std::thread::spawn(move || {
            serve(served, 0, move |address, stopper| send.send((address.clone(), stopper)).expect("waited for"))
                .expect("served to its end");
        });
        let (address, stopper) = receive.recv().expect("the server came up");
        let token = address.url.split_once("token=").expect("a token in the address").1.to_owned();
        assert_eq!(address.url, format!("http://127.0.0.1:{}/?token={token}", address.port));
        Running { port: address.port, token, stopper, thread: Some(thread), app, data }
    }

    /// Sends `head` (lines without the last empty one) and `body` as they are.
    fn raw(&self, head: &str, body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let head = head.replace("{port}", &self.port.to_string()).replace("{token}", &self.token).replace('\n', "\r\n");
        write!(stream, "{head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len()).expect("sent");
        // A server that refuses early may close before it has read the whole body.
        let _ = stream.write_all(body);
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("read");
        Reply::parse(&bytes)
    }

    fn get(&self, path: &str) -> Reply {
        self.raw(&format!("GET {path} HTTP/1.1\nHost: 127.0.0.1:{{port}}\nAuthorization: Bearer {{token}}"), b"")
    }

    fn post(&self, path: &str, args: &Value) -> Reply {
        let head = "Host: 127.0.0.1:{port}\nAuthorization: Bearer {token}\nContent-Type: application/json";
        self.raw(&format!("POST {path} HTTP/1.1\n{head}"), args.to_string().as_bytes())
    }

    fn project(&self) -> std::path::PathBuf {
        let folder = self.data.path().join("project");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("log.csv"), "step,loss\n0,1.5\n1,0.5\n2,nan\n3,0.25\n").expect("a log");
        folder
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop();
        let ended = self.thread.take().expect("BUG: one drop").join();
        self.app.shutdown();
        if !std::thread::panicking() {
            ended.expect("the server ended well");
        }
    }
}

struct Reply {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Reply {
    fn parse(bytes: &[u8]) -> Reply {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
        let (line, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
        let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        Reply { status, headers: headers.to_owned(), body: bytes[end + 4..].to_vec() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.headers.split("\r\n").filter_map(|l| l.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }
}

#[test]
fn nobody_gets_in_without_the_token() {
    let server = Running::start();
    let wrong = "0".repeat(64);
    for path in
        ["/", "/index.html", "/assets/nothing.js", "/api/events", "/nothing", "/?token=", &format!("/?token={wrong}")]
    {
        let reply = server.raw(&format!("GET {path} HTTP/1.1\nHost: 127.0.0.1:{{port}}"), b"");
        assert_eq!(reply.status, 401, "{path}");
    }
    for extra in [
        "",
        "\nAuthorization: Bearer wrong",
        "\nAuthorization: Basic {token}",
        "\nCookie: signalbox-{port}=wrong",
        "\nCookie: signalbox={token}",
    ] {
        let head =
            format!("POST /api/call/about HTTP/1.1\nHost: 127.0.0.1:{{port}}\nContent-Type: application/json{extra}");
        assert_eq!(server.raw(&head, b"{}").status, 401, "{extra}");
    }
    // The token opens the first page only, not commands.
    let head = "POST /api/call/about?token={token} HTTP/1.1\nHost: 127.0.0.1:{port}\nContent-Type: application/json";
    assert_eq!(server.raw(head, b"{}").status, 401);
}

#[test]
fn the_printed_address_turns_the_token_into_a_cookie() {
    let server = Running::start();
    let reply = server.raw("GET /?token={token} HTTP/1.1\nHost: localhost:{port}", b"");
    assert_eq!((reply.status, reply.header("location")), (303, Some("/")));
    let cookie = reply.header("set-cookie").expect("a cookie");
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair");
    let page = server.raw(&format!("GET / HTTP/1.1\nHost: localhost:{{port}}\nCookie: other=1; {pair}"), b"");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    // What the page asks for is there, with its type.
    let html = String::from_utf8(page.body).expect("text");
    let script = html.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a script");
    let reply = server.get(&format!("/{}", script.trim_start_matches("./")));
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
}

#[test]
fn other_hosts_and_origins_are_refused_even_with_the_token() {
    let server = Running::start();
    let ask = |host: &str, extra: &str| {
        let lines = format!("{host}\nAuthorization: Bearer {{token}}\nContent-Type: application/json{extra}");
        server.raw(&format!("POST /api/call/about HTTP/1.1\n{lines}"), b"{}").status
    };
    let us = "Host: 127.0.0.1:{port}";
    assert_eq!(ask(us, ""), 200);
    assert_eq!(ask("Host: [::1]:{port}", ""), 200);
    assert_eq!(ask(us, "\nOrigin: http://127.0.0.1:{port}"), 200);
    // DNS rebinding: another name that leads to 127.0.0.1.
    for host in [
        "Host: evil.example:{port}",
        "Host: evil.example",
        "Host: 127.0.0.1",
        "Host: 127.0.0.1:1",
        "Host: ",
        "Host: 127.0.0.1.evil.example:{port}",
    ] {
        assert_eq!(ask(host, ""), 403, "{host}");
    }
    for origin in [
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1:{port}.evil.example",
    ] {
        assert_eq!(ask(us, &format!("\nOrigin: {origin}")), 403, "{origin}");
    }
    // The request line's own authority, and two hosts.
    let lines = "Authorization: Bearer {token}";
    assert_eq!(server.raw(&format!("GET http://evil.example/ HTTP/1.1\n{us}\n{lines}"), b"").status, 403);
    assert_eq!(server.raw(&format!("GET / HTTP/1.1\n{us}\nHost: evil.example\n{lines}"), b"").status / 100, 4);
    // Not even the token's own address works under a foreign name.
    assert_eq!(server.raw("GET /?token={token} HTTP/1.1\nHost: evil.example:{port}", b"").status, 403);
}

#[test]
fn no_path_leads_out_of_the_page() {
    let server = Running::start();
    for path in [
        "/../Cargo.toml",
        "/..%2f..%2fCargo.toml",
        "/assets/../../Cargo.toml",
        "//etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets",
        "/index.html/",
        "/\\..\\x",
    ] {
        let reply = server.get(path);
        assert!(matches!(reply.status, 400 | 404), "{path}: {}", reply.status);
        assert!(!String::from_utf8_lossy(&reply.body).contains("root:"), "{path}");
    }
    assert_eq!(server.get("/index.html").status, 200);
}

#[test]
fn commands_answer_in_json_and_say_what_failed() {
    let server = Running::start();
    let about = server.post("/api/call/about", &json!({}));
    assert_eq!((about.status, about.json()["version"].as_str().map(str::to_owned)), (200, Some("test".into())));
    assert_eq!(about.header("cache-control"), Some("no-store"));

    let missing = server.data.path().join("nowhere");
    let reply = server.post("/api/call/open_project", &json!({ "path": missing }));
    assert!(reply.status >= 400 && !matches!(reply.status, 401 | 403), "{}", reply.status);
    assert!(reply.json()["message"].is_string() && reply.json()["code"].is_string());

    let reply = server.post("/api/call/no_such_command", &json!({}));
    assert_eq!((reply.status, reply.json()["code"].as_str().map(str::to_owned)), (400, Some("bad_request".into())));
    // The desktop's dialog is not to be had here, and that is no matter of the token.
    let reply = server.post("/api/call/pick_folder", &json!({}));
    assert_eq!((reply.status, reply.json()["code"].as_str().map(str::to_owned)), (400, Some("refused".into())));

    let head = "Host: 127.0.0.1:{port}\nAuthorization: Bearer {token}";
    let form = format!("POST /api/call/about HTTP/1.1\n{head}\nContent-Type: text/plain");
    assert_eq!(server.raw(&form, b"{}").status, 400);
    let broken = format!("POST /api/call/about HTTP/1.1\n{head}\nContent-Type: application/json");
    assert_eq!(server.raw(&broken, b"{").status, 400);
    assert_eq!(server.raw(&broken, &vec![b' '; 5 << 20]).status, 413);
    assert_eq!(server.get("/api/call/about").status, 405);
}

#[test]
fn events_arrive_as_they_happen_and_frames_as_bytes() {
    let server = Running::start();
    let folder = server.project();
    let stream = TcpStream::connect(("127.0.0.1", server.port)).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let head = format!(
        "GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCookie: signalbox-{}={}\r\n\r\n",
        server.port, server.port, server.token
    );
    (&stream).write_all(head.as_bytes()).expect("sent");
    let mut lines = BufReader::new(&stream).lines().map(|l| l.expect("a line"));
    assert!(lines.next().expect("a status").contains("200"));
    assert!(
        lines.by_ref().take_while(|l| !l.is_empty()).any(|l| l.to_lowercase() == "content-type: text/event-stream")
    );

    let project = open(&server, &folder);
    let mut seen_runs = false;
    let deadline = Instant::now() + Duration::from_secs(20);
    for line in lines.by_ref() {
        assert!(Instant::now() < deadline, "no news of the run");
        let Some(event) = line.strip_prefix("data: ") else { continue };
        let event: Value = serde_json::from_str(event).expect("JSON");
        seen_runs |= event["type"] == "runs" && event["project"] == json!(project);
        let table = json!({ "project": project, "filter": "", "sort": [], "columns": [], "offset": 0, "limit": 10, "show_deleted": false, "show_hidden": false });
        if seen_runs && server.post("/api/call/table", &table).json()["total"] == json!(1) {
            break;
        }
    }
    assert!(seen_runs, "an event told of the run");

    let args = json!({ "project": project, "metric": "loss", "runs": [1], "x": "step", "x0": null, "x1": null, "width": 400, "smooth": { "kind": "none", "amount": 0.0 } });
    let frame = server.post("/api/frame", &args);
    assert_eq!((frame.status, frame.header("content-type")), (200, Some("application/octet-stream")));
    assert_eq!(&frame.body[..4], b"SBF1");

    // An open event stream does not keep the server from ending.
    server.stopper.stop();
    assert!(lines.all(|l| !l.contains("error")));
}

fn open(server: &Running, folder: &Path) -> u64 {
    let reply = server.post("/api/call/open_project", &json!({ "path": folder }));
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    reply.json()["id"].as_u64().expect("an id")
}

#[test]
fn a_taken_port_is_said() {
    let server = Running::start();
    let error = serve(server.app.clone(), server.port, |_, _| panic!("the port is taken")).expect_err("taken");
    assert!(error.to_string().contains(&format!("port {} on 127.0.0.1", server.port)), "{error}");
}
