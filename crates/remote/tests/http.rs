//! The HTTP core beside a server of a few lines, which answers what it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use signalbox_release::{Cancel, Cx, FailureCode, Outcome};
use signalbox_remote::{Auth, Http, Lost, Patience, Secret, Trust};

enum Say {
    Text(String),
    /// Reads the request and hangs up.
    HangUp,
    /// Reads the request and says nothing.
    Nothing,
}

/// Answers the n-th request with the n-th of `says`, then nobody is there. Gives its address, and what it was sent.
fn server(says: Vec<Say>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("it listens"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let own = seen.clone();
    thread::spawn(move || {
        let mut quiet = Vec::new();
        for say in says {
            let (mut client, _) = listener.accept().expect("a client");
            own.lock().expect("not poisoned").push(request(&client));
            match say {
                Say::Text(text) => client.write_all(text.as_bytes()).unwrap_or(()),
                Say::HangUp => {}
                Say::Nothing => quiet.push(client),
            }
        }
        if !quiet.is_empty() {
            thread::sleep(Duration::from_secs(30));
        }
    });
    (address, seen)
}

fn request(client: &TcpStream) -> String {
    let mut from = BufReader::new(client);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") && from.read_line(&mut head).expect("a line") > 0 {
        let last = head.lines().last().unwrap_or("").to_ascii_lowercase();
        if let Some(value) = last.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).expect("a body");
    head + &String::from_utf8(body).expect("text")
}

fn say(status: &str, headers: &str, body: &str) -> Say {
    let length = body.len();
    Say::Text(format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"))
}

fn http(address: &str) -> Http {
    let auth = || Auth::Basic { user: "ada".into(), password: Secret::new("hunter2") };
    Http::new(address, auth, None).expect("an address")
}

fn patience(secs: u64) -> Patience {
    Patience::new(&Cx { cancel: Cancel::default(), limit: Duration::from_secs(secs) })
}

fn n_seen(seen: &Mutex<Vec<String>>) -> usize {
    seen.lock().expect("not poisoned").len()
}

#[test]
fn reading_is_tried_again_and_a_change_is_not() {
    let (address, seen) = server(vec![say("503 Busy", "", ""), Say::HangUp, say("200 OK", "", "{\"a\":1}")]);
    let http = http(&address);
    assert_eq!(http.read(&http.get("x", &[]), &patience(10)).expect("the third answer"), json!({ "a": 1 }));
    assert_eq!(n_seen(&seen), 3);

    for (status, code) in
        [("500 No", FailureCode::Server), ("502 No", FailureCode::Server), ("503 No", FailureCode::Busy)]
    {
        let (address, seen) = server(vec![say(status, "", ""), say("200 OK", "", "{}")]);
        let http = self::http(&address);
        let lost = http.change(&http.post("x", json!({})), &patience(10)).expect_err("lost");
        assert!(matches!(&lost, Lost::Unknown(failure) if failure.code == code), "{lost:?}");
        assert_eq!(n_seen(&seen), 1, "{status}");
    }
}

#[test]
fn reading_is_not_tried_for_ever() {
    let (address, seen) = server((0..9).map(|_| say("502 No", "", "{\"message\":\"down\\u0007\"}")).collect());
    let http = http(&address);
    let failure = http.read(&http.get("x", &[]), &patience(10)).expect_err("down");
    assert_eq!((failure.code, n_seen(&seen)), (FailureCode::Server, 3));
    assert_eq!(failure.message, format!("{address} answers 502: down"));
}

#[test]
fn a_change_that_nobody_heard_of_is_refused_and_one_whose_answer_is_lost_is_unknown() {
    // A port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let http = http(&format!("http://{free}"));
    let lost = http.change(&http.post("x", json!({})), &patience(10)).expect_err("nobody");
    assert!(matches!(Outcome::from(lost), Outcome::Refused(f) if f.code == FailureCode::Unreachable));

    let cut = Say::Text("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"do".into());
    for say in [Say::HangUp, cut, self::say("200 OK", "", "<html>Log in</html>")] {
        let (address, seen) = server(vec![say]);
        let http = self::http(&address);
        let lost = http.change(&http.post("x", json!({})), &patience(10)).expect_err("lost");
        assert!(matches!(Outcome::from(lost), Outcome::Unknown(_)));
        assert_eq!(n_seen(&seen), 1);
    }
}

#[test]
fn the_limit_and_the_person_end_a_call() {
    let (address, _) = server(vec![Say::Nothing]);
    let http = http(&address);
    let began = Instant::now();
    let lost = http.change(&http.post("x", json!({})), &patience(1)).expect_err("too long");
    assert!(matches!(lost, Lost::Unknown(f) if f.code == FailureCode::TimedOut));
    assert!(began.elapsed() < Duration::from_secs(15));

    let (address, seen) = server(vec![Say::Nothing]);
    let http = self::http(&address);
    let cx = Cx { cancel: Cancel::default(), limit: Duration::from_secs(60) };
    let stops = thread::spawn({
        let cancel = cx.cancel.clone();
        move || {
            while n_seen(&seen) == 0 {
                thread::yield_now();
            }
            cancel.stop();
        }
    });
    let lost = http.change(&http.post("x", json!({})), &Patience::new(&cx)).expect_err("stopped");
    assert!(matches!(lost, Lost::Unknown(f) if f.code == FailureCode::Cancelled));
    let lost = http.change(&http.post("x", json!({})), &Patience::new(&cx)).expect_err("stopped before");
    assert!(matches!(lost, Lost::Refused(f) if f.code == FailureCode::Cancelled));
    stops.join().expect("it ends");
}

#[test]
fn refusals_have_their_code() {
    for (status, code) in [
        ("400 No", FailureCode::Invalid),
        ("401 No", FailureCode::Denied),
        ("403 No", FailureCode::Denied),
        ("404 No", FailureCode::NotFound),
        ("409 No", FailureCode::Conflict),
        ("429 No", FailureCode::Busy),
    ] {
        let (address, _) = server(vec![say(status, "", "{\"error_code\":\"X\"}")]);
        let http = http(&address);
        let lost = http.change(&http.post("x", json!({})), &patience(10)).expect_err("refused");
        let Lost::Refused(failure) = lost else { panic!("{lost:?}") };
        assert_eq!((failure.code, failure.raw), (code, Some(json!({ "error_code": "X" }))), "{status}");
    }
}

#[test]
fn a_server_is_waited_for_as_it_asks() {
    let wait = || say("429 Wait", "Retry-After: 1\r\n", "");
    let (address, seen) = server(vec![wait(), say("200 OK", "", "{}")]);
    let http = http(&address);
    let began = Instant::now();
    http.read(&http.get("x", &[]), &patience(30)).expect("the second answer");
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(n_seen(&seen), 2);

    let (address, seen) = server(vec![say("429 Wait", "Retry-After: 600\r\n", ""), say("200 OK", "", "{}")]);
    let http = self::http(&address);
    let failure = http.read(&http.get("x", &[]), &patience(20)).expect_err("longer than the limit");
    assert_eq!((failure.code, n_seen(&seen)), (FailureCode::Busy, 1));
}

#[test]
fn what_is_no_json_is_quoted_and_what_is_too_long_is_not_kept() {
    let page = format!("<html>\x1b[31m\r\n{}", "x".repeat(1000));
    let (address, _) = server(vec![say("200 OK", "", &page)]);
    let http = http(&address);
    let failure = http.read(&http.get("x", &[]), &patience(10)).expect_err("no JSON");
    assert_eq!(failure.code, FailureCode::Server);
    assert!(failure.message.contains("no JSON: <html> [31m xxx") && failure.message.len() < 300, "{failure}");

    let (address, _) = server(vec![say("200 OK", "", &" ".repeat((16 << 20) + 1))]);
    let http = self::http(&address);
    let failure = http.read(&http.get("x", &[]), &patience(30)).expect_err("too long");
    assert_eq!(failure.message, format!("{address} answers more than 16777216 bytes"));
}

#[test]
fn redirects_stay_with_the_server_and_secrets_too() {
    let (elsewhere, seen_elsewhere) = server(vec![say("200 OK", "", "{}")]);
    let to = format!("Location: {}/x?token=hunter2\r\n", elsewhere.replace("://", "://ada:hunter2@"));
    let (address, seen) = server(vec![
        say("302 There", "Location: /b/y\r\n", ""),
        say("200 OK", "", "{\"here\":true}"),
        say("302 There", &to, ""),
        say("302 There", "Location: /b/y\r\n", ""),
    ]);
    let http = http(&format!("{}/b?key=hunter2", address.replace("://", "://bob:secret%21@")));
    assert_eq!(http.place(), format!("{address}/b"));
    let answer = http.read(&http.get("x", &[("q", "a b&c")]), &patience(10)).expect("the same server");
    assert_eq!(answer, json!({ "here": true }));
    let failure = http.read(&http.get("x", &[]), &patience(10)).expect_err("elsewhere");
    assert_eq!(failure.message, format!("{address}/b sends this request on to {elsewhere}"));
    let lost = http.change(&http.post("x", json!({})), &patience(10)).expect_err("a change is sent on nowhere");
    assert!(matches!(lost, Lost::Refused(f) if f.code == FailureCode::Invalid));

    let seen = seen.lock().expect("not poisoned");
    assert!(seen[0].starts_with("GET /b/x?q=a+b%26c HTTP/1.1\r\n"), "{}", seen[0]);
    // bob:secret! in base64; the address's own user comes before the environment's.
    assert!(seen[0].to_lowercase().contains("authorization: basic ym9iOnNlY3JldCE=".to_lowercase().as_str()));
    assert_eq!(n_seen(&seen_elsewhere), 0);
}

#[test]
fn no_secret_is_in_what_is_shown() {
    let (address, _) = server(vec![say("401 No", "", "who are you?")]);
    let http = http(&address.replace("://", "://ada:hunter2@"));
    let call = http.post("a/b c", json!({ "x": 1 }));
    let failure = http.read(&call, &patience(10)).expect_err("denied");
    let shown = format!("{failure:?} {:?} {:?} {}", call.shown(), call, http.place());
    assert!(!shown.contains("hunter2") && !shown.contains("ada"), "{shown}");
    assert_eq!(call.shown().to, format!("{address}/a/b%20c"));
    assert_eq!(failure.code, FailureCode::Denied);
}

#[test]
fn files_are_sent_and_brought_as_they_are() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("a");
    std::fs::write(&file, "weights").expect("written");
    let (address, seen) = server(vec![
        say("200 OK", "", ""),
        Say::Text("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nwei".into()),
        say("200 OK", "", "weights"),
        say("200 OK", "", "weights"),
    ]);
    let http = http(&address);
    assert_eq!(http.change(&http.put("f", &file), &patience(10)).expect("sent"), json!(null));
    let to = dir.path().join("b");
    assert_eq!(http.download(&http.get("f", &[]), &to, 7, &patience(10)).expect("the second try"), 7);
    assert_eq!(std::fs::read_to_string(&to).expect("read"), "weights");
    let failure = http.download(&http.get("f", &[]), &to, 6, &patience(10)).expect_err("too long");
    assert_eq!(failure.code, FailureCode::Server);
    assert!(seen.lock().expect("not poisoned")[0].ends_with("weights"));
    let lost = http.change(&http.put("f", &dir.path().join("none")), &patience(10)).expect_err("no such file");
    assert!(matches!(lost, Lost::Refused(f) if f.code == FailureCode::Local));
}

/// A token that was renewed while the old one was remembered.
struct Renewed(std::sync::atomic::AtomicUsize);

impl signalbox_remote::Identity for Renewed {
    fn auth(&self) -> Result<Auth, signalbox_release::Failure> {
        let n = self.0.load(std::sync::atomic::Ordering::SeqCst).min(1);
        Ok(Auth::Bearer { token: Secret::new(format!("token{n}")) })
    }

    fn refused(&self) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn a_refused_credential_is_replaced_once() {
    let no = || say("401 Unauthorized", "", "");
    let (address, seen) = server(vec![no(), say("200 OK", "", "{\"a\":1}"), no()]);
    let http = Http::new(&address, Renewed(0.into()), None).expect("an address");
    http.change(&http.post("x", json!({})), &patience(30)).expect("done with the new token");
    let lost = http.change(&http.post("x", json!({})), &patience(30)).expect_err("there is no newer one");
    assert!(matches!(lost, Lost::Refused(failure) if failure.code == FailureCode::Denied));
    let tokens: Vec<bool> = seen.lock().expect("not poisoned").iter().map(|s| s.contains("Bearer token0")).collect();
    assert_eq!(tokens, [true, false, false]);
}

#[test]
fn a_refused_credential_is_replaced_once_in_an_exchange_too() {
    let no = || say("401 Unauthorized", "", "who?");
    let (address, seen) = server(vec![no(), say("400 Bad Request", "", "a reason"), no(), no()]);
    let http = Http::new(&address, Renewed(0.into()), None).expect("an address");
    let call = http.post("v2/repository/models/iris/load", json!({ "a": 1 }));
    let said = http.exchange(&call, &patience(30)).expect("said with the new token");
    assert_eq!((said.status, said.body.as_slice()), (400, &b"a reason"[..]));
    let said = http.exchange(&call, &patience(30)).expect("there is no newer one");
    assert_eq!((said.status, said.body.as_slice()), (401, &b"who?"[..]));
    let seen = seen.lock().expect("not poisoned");
    let tokens: Vec<bool> = seen.iter().map(|s| s.contains("Bearer token0")).collect();
    assert_eq!(tokens, [true, false, false]);
    assert!(seen.iter().all(|s| s.ends_with("{\"a\":1}")), "the same body each time");
}

#[test]
fn nothing_is_sent_while_it_is_not_known_who_we_are() {
    struct Locked;
    impl signalbox_remote::Identity for Locked {
        fn auth(&self) -> Result<Auth, signalbox_release::Failure> {
            Err(signalbox_release::Failure::new(FailureCode::Local, "the vault is locked"))
        }
    }
    let (address, seen) = server(vec![say("200 OK", "", "{}")]);
    let http = Http::new(&address, Locked, None).expect("an address");
    let lost = http.change(&http.post("x", json!({})), &patience(30)).expect_err("not sent");
    assert!(matches!(lost, Lost::Refused(failure) if failure.message == "the vault is locked"));
    assert_eq!(n_seen(&seen), 0);
}

#[test]
fn a_patch_says_of_which_kind_it_is_and_a_call_may_name_another_host() {
    let (address, seen) = server(vec![say("200 OK", "", "{}"), say("200 OK", "", "{}")]);
    let http = http(&address);
    let query = [("fieldManager", "signalbox"), ("dryRun", "All")];
    let patch = http.patch("apis/x y/z", &query, "application/apply-patch+yaml", json!({ "a": 1 }));
    assert_eq!(patch.shown().verb, "PATCH");
    http.change(&patch, &patience(10)).expect("changed");
    http.change(&http.post("v1", json!({})).for_host("churn.models.example.com"), &patience(10)).expect("asked");
    let seen = seen.lock().expect("not poisoned");
    let first = seen[0].to_ascii_lowercase();
    assert!(first.starts_with("patch /apis/x%20y/z?fieldmanager=signalbox&dryrun=all http/1.1\r\n"), "{first}");
    assert!(first.contains("content-type: application/apply-patch+yaml\r\n"), "{first}");
    let second = seen[1].to_ascii_lowercase();
    assert_eq!(second.matches("host: ").count(), 1, "{second}");
    assert!(second.contains("host: churn.models.example.com\r\n"), "{second}");
}

#[test]
fn authorities_and_identities_that_are_none_are_told_without_their_bytes() {
    let junk = || b"-----BEGIN hunter2".to_vec();
    let only = Trust { only: Some(junk()), ..Trust::default() };
    let identity = Trust { identity: Some(Secret::new("hunter2")), ..Trust::default() };
    for trust in [only, identity] {
        let failure = Http::trusting("https://127.0.0.1:1", || Auth::None, &trust).err().expect("refused");
        assert_eq!(failure.code, FailureCode::Local);
        assert!(!failure.message.contains("hunter2"), "{failure}");
    }
}
