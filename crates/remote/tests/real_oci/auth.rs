//! Who we are: a registry that asks for Basic, and one that sends us to an issuer of tokens.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};

use signalbox_release::{FailureCode, Outcome, Registry};
use signalbox_remote::{Auth, Secret};

use super::world::*;

const PASSWORD: &str = "correct-horse-12";

fn ada(password: &str) -> Auth {
    Auth::Basic { user: "ada".into(), password: Secret::new(password) }
}

#[test]
fn a_password_lets_in_and_is_never_told() {
    let server = Server::with(|dir| {
        let line = Command::new("htpasswd").args(["-nbB", "ada", PASSWORD]).output().expect("htpasswd (apache2-utils)");
        assert!(
            line.status.success(),
            "htpasswd (apache2-utils) does not run: {}",
            String::from_utf8_lossy(&line.stderr)
        );
        std::fs::write(dir.join("htpasswd"), line.stdout).expect("written");
        format!("auth:\n  htpasswd: {{realm: test, path: {}}}\n", dir.join("htpasswd").display())
    });
    let known = view_with(&server.url(), "ada", ada(PASSWORD));
    let v = versions(&known, &name("guarded"), 1);
    assert!(matches!(known.registry.point(&name("guarded"), &champion(), None, Some(&v[0]), &cx()), Outcome::Done(_)));
    assert_eq!(known.registry.greet(&cx()).expect("let in"), "OCI registry");
    for auth in [ada("hunter2"), Auth::None] {
        let wrong = view_with(&server.url(), "eve", auth);
        let failure = wrong.registry.models(&cx()).expect_err("denied");
        assert_eq!(failure.code, FailureCode::Denied);
        assert!(!format!("{failure:?}").contains("hunter2"));
        let what = registration(wrong.artifact("w"));
        let outcome = wrong.registry.register(&name("guarded"), &what, &key("E"), &cx());
        assert_eq!(refused(outcome).code, FailureCode::Denied);
    }
}

/// An issuer of tokens (distribution's specification), signed by `openssl`; keeps what it was asked.
struct Issuer {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

const ISSUE: &str = r#"
import base64, hashlib, json, os, subprocess, sys, time
folder, scope = sys.argv[1], sys.argv[2]
def b64(b): return base64.urlsafe_b64encode(b).rstrip(b"=").decode()
access = []
if scope.count(":") == 2:
    kind, name, actions = scope.split(":")
    access = [{"type": kind, "name": name, "actions": actions.split(",")}]
der = subprocess.run(["openssl", "x509", "-in", folder + "/cert.pem", "-outform", "DER"], capture_output=True, check=True).stdout
head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
now = int(time.time())
claims = {"iss": "issuer", "sub": "ada", "aud": "registry", "exp": now + 300, "nbf": now - 10, "iat": now, "jti": os.urandom(8).hex(), "access": access}
text = b64(json.dumps(head).encode()) + "." + b64(json.dumps(claims).encode())
signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", folder + "/key.pem"], input=text.encode(), capture_output=True, check=True).stdout
print(json.dumps({"token": text + "." + b64(signed), "expires_in": 300}))
"#;

impl Issuer {
    fn start(folder: std::path::PathBuf) -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let url = format!("http://{}/token", listener.local_addr().expect("it listens"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let own = asked.clone();
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let mut lines = BufReader::new(client.try_clone().expect("a socket")).lines().map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                let rest: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                // ada:correct-horse-12
                let known = rest.iter().any(|line| line.ends_with("YWRhOmNvcnJlY3QtaG9yc2UtMTI="));
                let query = first.split(' ').nth(1).unwrap_or_default().to_owned();
                let scope = query
                    .split("scope=")
                    .nth(1)
                    .unwrap_or_default()
                    .replace("%3A", ":")
                    .replace("%2F", "/")
                    .replace("%2C", ",");
                own.lock().expect("held").push(query);
                let (status, body) = if known {
                    let said =
                        Command::new("python3").args(["-c", ISSUE]).arg(&folder).arg(&scope).output().expect("python3");
                    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
                    ("200 OK", said.stdout)
                } else {
                    ("401 Unauthorized", b"{}".to_vec())
                };
                let _ =
                    write!(client, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = client.write_all(&body);
            }
        });
        Issuer { url, asked }
    }
}

#[test]
fn a_token_is_fetched_where_the_registry_says_and_for_the_repository_alone() {
    let keys = tempfile::tempdir().expect("a folder");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=issuer", "-keyout"])
        .arg(keys.path().join("key.pem"))
        .arg("-out")
        .arg(keys.path().join("cert.pem"))
        .output()
        .expect("openssl");
    assert!(made.status.success());
    let issuer = Issuer::start(keys.path().to_path_buf());
    let server = Server::with(|_| {
        let cert = keys.path().join("cert.pem");
        format!(
            "auth:\n  token: {{realm: \"{}\", service: registry, issuer: issuer, rootcertbundle: {}}}\n",
            issuer.url,
            cert.display()
        )
    });
    let known = view_with(&server.url(), "ada", ada(PASSWORD));
    let v = versions(&known, &name("guarded"), 1);
    assert!(matches!(known.registry.point(&name("guarded"), &champion(), None, Some(&v[0]), &cx()), Outcome::Done(_)));
    let version = known.registry.version(&name("guarded"), &v[0], &cx()).expect("read").expect("a version");
    known.registry.fetch(&version, &cx()).expect("brought");
    let asked = issuer.asked.lock().expect("held").clone();
    let pull = "/token?service=registry&scope=repository%3Ateam%2Fmodels%2Fguarded%3Apull";
    assert_eq!(asked, [pull.to_owned(), format!("{pull}%2Cpush")], "once each, and never to delete");

    let wrong = view_with(&server.url(), "eve", ada("hunter2"));
    let failure = wrong.registry.versions(&name("guarded"), &cx()).expect_err("denied");
    assert_eq!(failure.code, FailureCode::Denied);
    assert!(!format!("{failure:?}").contains("hunter2"));
}

#[test]
fn a_registry_that_sends_us_elsewhere_gets_no_password() {
    let server = Server::open();
    let proxy = signalbox_testkit::proxy::FaultProxy::before(server.at);
    let view = view_with(&proxy.url(), "ada", ada(PASSWORD));
    let sends = signalbox_testkit::proxy::Fault::Answer {
        status: "401 Unauthorized",
        headers: "WWW-Authenticate: Bearer realm=\"http://evil.example/token\",service=\"x\"\r\n",
        body: "",
    };
    proxy.next("tags/list", sends);
    let failure = view.registry.versions(&name("m"), &cx()).expect_err("refused");
    assert_eq!(failure.code, FailureCode::Denied);
    assert!(failure.message.contains("evil.example"), "{failure}");
}
