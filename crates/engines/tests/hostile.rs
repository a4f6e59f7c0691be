//! Whoever answers at an address may be no engine: nothing that it says is believed, and nothing of it floods us.

use signalbox_drift::monitor::{Bins, FrozenColumn, Reference};
use signalbox_drift::read::Kind;
use signalbox_engines::{Address, Cancel, Connection, EngineError, Limits, Password, TableName, Wanted};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::time::Duration;

/// A server that says what it is told to: to questions for the table, its columns, and for counts.
fn serve(counts: &'static [u8], repeat: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                if let Some((name, value)) = line.split_once(": ")
                    && name.eq_ignore_ascii_case("content-length")
                {
                    length = value.trim().parse().expect("a length");
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a question");
            let sql = String::from_utf8(body).expect("a text");
            let (answer, n): (&[u8], usize) = if sql.contains("system.tables") {
                (b"[\"app\",\"3\",\"100\",\"26.9\"]\n", 1)
            } else if sql.contains("system.columns") {
                (b"[\"x\",\"Float64\",\"24\"]\n", 1)
            } else {
                (counts, repeat)
            };
            let _ =
                write!(&stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", answer.len() * n);
            for _ in 0..n {
                if (&stream).write_all(answer).is_err() {
                    break;
                }
            }
        }
    });
    port
}

fn reference() -> Reference {
    let bins = Bins::Values(vec![1.0]);
    let column = FrozenColumn {
        name: "x".into(),
        kind: Kind::Numeric,
        physical: "double".into(),
        bins,
        has_others: false,
        moments: None,
        kll: Vec::new(),
        hll: Vec::new(),
    };
    Reference { columns: vec![column], parts: Vec::new(), segments: Vec::new(), n_rows: 0 }
}

fn answered(counts: &'static [u8], repeat: usize) -> Result<u64, EngineError> {
    let address = Address::parse(&format!("http://127.0.0.1:{}/app", serve(counts, repeat))).expect("an address");
    let limits = Limits { timeout: Duration::from_secs(30), max_rows: 1000, max_bytes: 1 << 20 };
    let mut engine = Connection::open(&address, &Password::default(), limits, &Cancel::default())?;
    let found = engine.describe(&TableName::parse("t")?)?;
    let plan = engine.plan(&reference(), &found, &Wanted { this_hour: 5, ..Wanted::default() }, None)?;
    let cells = engine.count(&plan, &reference())?;
    Ok(cells.cells.iter().map(|(_, _, cell)| cell.rows).sum())
}

const TRUE: &[u8] =
    b"[5,\"\",\"-1\",\"0\",\"3\",0,0,0,0]\n[5,\"\",\"0\",\"0\",\"2\",2,2,1,1]\n[5,\"\",\"0\",-1,\"1\",0,0,0,0]\n";

#[test]
fn an_honest_answer_is_taken() {
    assert_eq!(answered(TRUE, 1).expect("it makes sense"), 3);
}

#[test]
fn what_makes_no_sense_is_said_and_not_counted() {
    let check = |answer: &'static [u8], why: &str| {
        let error = answered(answer, 1).expect_err(why);
        let said = error.to_string();
        assert!(matches!(error, EngineError::Senseless { .. }), "{error:?}");
        assert!(said.contains("ClickHouse") && said.contains("app.t") && said.contains(why), "{said}");
        assert!(error.hint().is_some() && !said.contains('\u{1b}'), "{said:?}");
    };
    check(b"<html>\x1b[31mhello</html>\n", "no row");
    check(b"\xff\xfe\x00\n", "no row");
    check(b"[5,\"\",\"-1\",\"0\",\"3\"]\n", "5 columns instead of 9");
    check(b"[5,\"\",\"-1\",\"0\",\"-3\",0,0,0,0]\n", "a count of -3");
    check(b"[5,\"\",\"-1\",\"0\",\"99999999999999999999\",0,0,0,0]\n", "another type");
    check(b"[5,\"\",\"-1\",\"0\",\"3\",\"zero\",0,0,0]\n", "another type");
    check(b"[5,\"\",\"-1\",\"0\",null,0,0,0,0]\n", "a count is missing");
    check(b"[5,\"\",\"7\",\"0\",\"3\",0,0,0,0]\n", "column 7 was not asked for");
    check(b"[5,\"\",\"0\",\"2\",\"3\",0,0,0,0]\n", "no bin 2");
    check(b"[5,\"\",\"0\",\"-5\",\"3\",0,0,0,0]\n", "no bin -5");
    check(b"[5,\"\",\"0\",\"0\",\"3\",null,0,0,0]\n", "no sum");
    check(b"[5,\"\",\"-1\",\"0\",\"3\",0,0,0,0]\n[5,\"\",\"0\",\"0\",\"2\",0,0,0,0]\n", "other columns do not have");
    check(b"[5,\"\",\"0\",\"0\",\"2\",0,0,0,0]\n", "other columns do not have");
    const MANY: &str = "[5,\"\",\"-1\",\"0\",\"9223372036854775807\",0,0,0,0]\n";
    check(MANY.repeat(3).leak().as_bytes(), "no table has");
    check(b"Code: 241. DB::Exception: Memory limit exceeded\n", "Memory limit");
}

#[test]
fn a_flood_is_stopped() {
    let rows = answered(TRUE, 5000).expect_err("too many rows");
    assert!(rows.to_string().contains("1000 rows"), "{rows}");
    let bytes = answered(&[b' '; 4096], 100_000).expect_err("too many bytes");
    assert!(matches!(bytes, EngineError::Senseless { .. } | EngineError::TooLarge { .. }), "{bytes:?}");
}

#[test]
fn nobody_there_is_said_with_a_remedy() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    for url in [
        format!("http://127.0.0.1:{port}/app"),
        format!("postgres://127.0.0.1:{port}/app"),
        format!("sc://127.0.0.1:{port}"),
    ] {
        let address = Address::parse(&url).expect("an address");
        let opened = Connection::open(&address, &Password::default(), Limits::default(), &Cancel::default());
        let error = match opened {
            Err(error) => error,
            Ok(mut engine) => engine.describe(&TableName::parse("t").expect("a name")).expect_err("nobody is there"),
        };
        assert!(matches!(error, EngineError::Unreachable { .. }) && error.hint().is_some(), "{error:?}");
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    }
}
