//! `signalbox data remote` as a person and a script meet it; the engine is one that says what it is told to.
//! `crates/engines/tests` has the real ones.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

type Questions = Arc<Mutex<Vec<String>>>;

/// A ClickHouse with a table `app.t` of a million rows, in which all of x is 2.5.
fn clickhouse() -> (u16, Questions) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let asked = Questions::default();
    let told = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                if let Some((_, value)) =
                    line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                {
                    length = value.trim().parse().expect("a length");
                }
                line.clear();
            }
            let mut sql = vec![0; length];
            reader.read_exact(&mut sql).expect("a question");
            let sql = String::from_utf8(sql).expect("a text");
            let answer = if sql.contains("system.tables") {
                "[\"app\",\"1000000\",\"8000000\",\"26.9\"]\n"
            } else if sql.contains("system.columns") {
                "[\"x\",\"Float64\",\"4000000\"]\n"
            } else {
                "[5,\"\",\"-1\",\"0\",\"1000000\",0,0,0,0]\n[5,\"\",\"0\",\"2\",\"1000000\",1500000,2250000,2.5,2.5]\n"
            };
            told.lock().expect("held").push(sql);
            let length = answer.len();
            let _ = write!(&stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{answer}");
        }
    });
    (port, asked)
}

fn run(dir: &Path, arguments: &[&str], password: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    command.args(["data", "remote"]).args(arguments).current_dir(dir).env("HOME", dir).stdin(Stdio::null());
    if let Some(password) = password {
        command.env("SIGNALBOX_ENGINE_PASSWORD", password);
    }
    command.output().expect("the program starts")
}

fn reference(dir: &Path) {
    let mut text = "x,plan\n".to_owned();
    for n in 0..500 {
        writeln!(text, "{},{}", [1.0, 2.5][n % 2], ["free", "team"][n % 2]).expect("a text grows");
    }
    std::fs::write(dir.join("train.csv"), text).expect("a file");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn what_runs_where_is_said_before_anything_is_read() {
    let dir = tempfile::tempdir().expect("a folder");
    reference(dir.path());
    let (port, asked) = clickhouse();
    let url = format!("http://ada@127.0.0.1:{port}/app");
    let said = run(dir.path(), &["train.csv", &url, "--table", "t", "--plan"], Some("hunter2"));
    let out = text(&said.stdout);
    assert_eq!((said.status.code(), text(&said.stderr).as_str()), (Some(0), ""), "{out}");
    for part in [
        "ClickHouse 26.9",
        "1 of 1 columns of about 1000000 rows",
        "3.81 MiB",
        "app.t",
        "nulls: it is missing",
        "GROUP BY",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
    assert!(!out.contains("hunter2"));
    let questions = asked.lock().expect("held");
    assert!(questions.iter().all(|sql| sql.contains("system.")), "only the catalogue was asked: {questions:?}");
}

#[test]
fn a_table_is_judged_by_its_counts() {
    let dir = tempfile::tempdir().expect("a folder");
    reference(dir.path());
    let (port, asked) = clickhouse();
    let url = format!("http://127.0.0.1:{port}/app");
    let said = run(dir.path(), &["train.csv", &url, "--table", "t", "--json", "--fail-on", "drift"], None);
    assert_eq!((said.status.code(), text(&said.stderr).as_str()), (Some(3), ""));
    let report: Value = serde_json::from_slice(&said.stdout).expect("one document");
    let column = |name: &str| {
        let all = report["columns"].as_array().expect("columns");
        all.iter().find(|column| column["name"] == name).expect("it is there").clone()
    };
    assert_eq!(report["verdict"], "drift");
    assert_eq!((&column("x")["verdict"], &column("x")["current"]["rows"]), (&"drift".into(), &1_000_000.into()));
    assert_eq!(column("x")["current"]["moments"]["min"], 2.5);
    assert_eq!((&column("plan")["by"], &column("plan")["current"]["nulls"]), (&"nulls".into(), &1_000_000.into()));
    assert_eq!(report["problems"][0]["column"], "plan");
    assert_eq!(report["current"]["path"], format!("app.t at 127.0.0.1:{port}/app"));
    assert!(asked.lock().expect("held").iter().all(|sql| !sql.contains("LIMIT")), "no rows were asked for");
}

#[test]
fn what_cannot_be_meant_is_said_with_a_remedy_and_without_secrets() {
    let dir = tempfile::tempdir().expect("a folder");
    reference(dir.path());
    let (port, _) = clickhouse();
    let url = format!("http://127.0.0.1:{port}/app");
    let check = |code: i32, arguments: &[&str], part: &str| {
        let said = run(dir.path(), &[&["train.csv"], arguments].concat(), None);
        let err = text(&said.stderr);
        assert_eq!(said.status.code(), Some(code), "{err}");
        assert!(err.contains(part) && !err.contains("hunter2"), "{err}");
    };
    check(2, &["postgres://ada:hunter2@db/app", "--table", "t"], "PGPASSWORD");
    check(2, &["mysql://ada:hunter2@db/app", "--table", "t"], "password in it");
    check(2, &["mysql://db/app", "--table", "t"], "sc://host:15002");
    check(2, &[&url, "--table", "a..b"], "no table's name");
    check(2, &[&url, "--table", "t", "--last", "3"], "--time");
    check(2, &[&url, "--table", "t", "--segment", "region"], "no column \"region\"");
    check(2, &[&url, "--table", "t", "--ignore", "no such"], "no such");
    check(1, &["postgres://127.0.0.1:1/app", "--table", "t"], "cannot be reached");
}

#[test]
fn an_interrupt_ends_the_question_too() {
    let dir = tempfile::tempdir().expect("a folder");
    reference(dir.path());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://127.0.0.1:{}/app", listener.local_addr().expect("bound").port());
    let child = Command::new(env!("CARGO_BIN_EXE_signalbox"))
        .args(["data", "remote", "train.csv", &url, "--table", "t"])
        .current_dir(dir.path())
        .env("HOME", dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // An engine that takes the question and never answers.
    let (mut asked, _) = listener.accept().expect("it asks");
    let mut first = [0; 1];
    asked.read_exact(&mut first).expect("a question");
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(told.success());
    let said = child.wait_with_output().expect("it ends");
    assert_eq!((said.status.code(), text(&said.stdout).as_str()), (Some(1), ""));
    assert!(text(&said.stderr).contains("the query was cancelled"), "{}", text(&said.stderr));
    let mut rest = Vec::new();
    // Its end of the connection is closed, by which ClickHouse knows.
    let _ = asked.read_to_end(&mut rest);
    assert!(String::from_utf8_lossy(&rest).contains("cancel_http_readonly_queries_on_client_close=1"));
}
