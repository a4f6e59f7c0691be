//! A server that answers what no server should.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use signalbox_release::{Cancel, Cx, FailureCode, Outcome, ServiceName, Split, Target, VersionRef, Whom};
use signalbox_remote::{Auth, Secret, V2At, V2Target};

const HELLO: &str = r#"{"name":"triton","version":"2.51.0","extensions":["model_repository"]}"#;

/// Answers each path that holds a text with a body; everything else with 404. Ends with the process.
fn fake(answers: &'static [(&'static str, &'static str)]) -> String {
    listening(answers).0
}

/// The same, and what it was sent, without bodies.
fn listening(answers: &'static [(&'static str, &'static str)]) -> (String, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let own = heard.clone();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at = listener.local_addr().expect("it listens");
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let heard = own.clone();
            std::thread::spawn(move || answer(&client, answers, &heard));
        }
    });
    (format!("http://{at}"), heard)
}

fn answer(mut client: &TcpStream, answers: &[(&str, &str)], heard: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut from = BufReader::new(client);
    let (mut line, mut length) = (String::new(), 0);
    from.read_line(&mut line)?;
    let mut head = line.clone();
    loop {
        let mut header = String::new();
        from.read_line(&mut header)?;
        head += &header;
        if let Some(text) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().unwrap_or(0);
        }
        if header.trim().is_empty() {
            break;
        }
    }
    from.read_exact(&mut vec![0; length])?;
    heard.lock().expect("held").push(head);
    let path = line.split(' ').nth(1).unwrap_or("");
    let found = answers.iter().find(|(wanted, _)| path.ends_with(wanted));
    let (status, body) = found.map_or(("404 Not Found", "{}"), |(_, body)| ("200 OK", body));
    if body == "HUGE" {
        write!(client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[")?;
        loop {
            client.write_all(&[b' '; 1 << 16])?;
        }
    }
    let n = body.len();
    write!(client, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {n}\r\n\r\n{body}")
}

fn target(url: String, repository: &std::path::Path) -> V2Target {
    let at = V2At { id: "v2".parse().expect("a name"), url, repository: repository.to_path_buf(), metrics: None };
    V2Target::new(at, || Auth::None).expect("a target")
}

fn cx() -> Cx {
    Cx { cancel: Cancel::default(), limit: Duration::from_secs(30) }
}

fn iris() -> ServiceName {
    "iris".parse().expect("a name")
}

#[test]
fn odd_answers_are_failures() {
    let dir = tempfile::tempdir().expect("a folder");
    for answers in [
        &[("/v2", "<html>")][..],
        &[("/v2", "[]")],
        &[("/v2", HELLO), ("/index", "{\"odd\":1}")],
        &[("/v2", HELLO), ("/index", "HUGE")],
        &[("/v2", HELLO), ("/index", r#"[{"name":"iris","state":"READY"}]"#), ("/config", "nothing")],
    ] {
        let failure = target(fake(answers), dir.path()).observe(&iris(), &cx()).expect_err("odd");
        assert_eq!(failure.code, FailureCode::Server, "{answers:?}: {failure:?}");
    }
}

#[test]
fn names_of_a_server_lead_nowhere_and_its_labels_are_checked() {
    let dir = tempfile::tempdir().expect("a folder");
    let answers = &[
        ("/v2", HELLO),
        ("/index", r#"[{"name":"iris--../../etc","state":"READY"},{"name":7},"x",{"name":"iris","state":"READY"}]"#),
        (
            "/config",
            r#"{"parameters":{"signalbox":{"string_value":"signalbox {\"registry\":\"own\",\"model\":\"../x\",\"version\":\"1\",\"digest\":null}"}}}"#,
        ),
    ];
    let target = target(fake(answers), dir.path());
    let seen = target.observe(&iris(), &cx()).expect("seen");
    assert_eq!((seen.loaded.len(), &seen.loaded[0].version, seen.loaded[0].share), (1, &None, 100));
    // What another serves there is not taken over.
    let route = target.route(
        &iris(),
        &Split { to: None, share: 0, rest: None, among: None },
        &signalbox_release::OpKey::new(&"P".parse().expect("an id"), 0, false),
        &cx(),
    );
    assert!(matches!(route, Outcome::Refused(failure) if failure.code == FailureCode::Conflict));
    let left: Vec<_> = std::fs::read_dir(dir.path()).expect("read").flatten().map(|one| one.file_name()).collect();
    assert_eq!(left, [".signalbox-lock"]);
}

#[test]
fn an_answer_that_is_none_is_no_prediction() {
    let dir = tempfile::tempdir().expect("a folder");
    let request = json!({ "instances": [[1.0]] });
    for body in ["{}", "nonsense", r#"{"outputs":[{"name":"y","shape":[18446744073709551615,2],"data":[]}]}"#] {
        let answers: &'static [(&str, &str)] = Box::leak(Box::new([("/v2", HELLO), ("/iris", "{}"), ("/infer", body)]));
        let failure = target(fake(answers), dir.path()).ask(&iris(), &Whom::Live, &request, &cx()).expect_err(body);
        assert_eq!(failure.code, FailureCode::Server, "{body}");
    }
}

#[test]
fn what_was_given_for_the_server_is_not_told_to_where_its_metrics_are() {
    let dir = tempfile::tempdir().expect("a folder");
    let (server, heard) = listening(&[
        ("/v2", r#"{"name":"mlserver","version":"1","extensions":[]}"#),
        ("/index", r#"[{"name":"iris","state":"READY"}]"#),
        (
            "/models/iris",
            r#"{"versions":["signalbox {\"registry\":\"own\",\"model\":\"iris\",\"version\":\"1\",\"digest\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"}"]}"#,
        ),
    ]);
    let (metrics, told) = listening(&[("/metrics", "model_infer_request_success_total{model=\"iris\"} 7")]);
    let at = || V2At {
        id: "v2".parse().expect("a name"),
        url: server.clone(),
        repository: dir.path().to_path_buf(),
        metrics: Some(metrics.clone()),
    };
    let bearer = |token: &'static str| move || Auth::Bearer { token: Secret::new(token) };
    let (registry, model) = ("own".parse().expect("a name"), "iris".parse().expect("a name"));
    let one = VersionRef { registry, model, version: "1".parse().expect("a name"), digest: None };
    let target = V2Target::new(at(), bearer("hunter2")).expect("a target");
    let source = target.health(&iris(), &one, 60, &cx()).expect("counted").source;
    assert!(source.starts_with("the server's own counters"), "{source}");
    let target = target.metrics_auth(bearer("theirs")).expect("a target");
    target.health(&iris(), &one, 60, &cx()).expect("counted");
    let has = |heads: &Mutex<Vec<String>>, token: &str| -> Vec<bool> {
        heads.lock().expect("held").iter().map(|head| head.contains(token)).collect()
    };
    assert!(has(&heard, "Bearer hunter2").into_iter().all(|is| is) && !has(&heard, "theirs").contains(&true));
    assert_eq!(has(&told, "uthorization: "), [false, true]);
    assert_eq!(has(&told, "Bearer theirs"), [false, true]);
}
