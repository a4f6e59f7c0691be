//! Clients that ask all the time: half of them over connections that they keep, half over a new one each.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

#[derive(Debug, Default)]
pub struct Fared {
    /// First prediction, or what went wrong, and how often.
    pub answers: BTreeMap<String, usize>,
    pub slowest: Duration,
}

impl Fared {
    pub fn n(&self) -> usize {
        self.answers.values().sum()
    }
}

/// `work` can ask how many answers came so far.
pub fn while_asked(server: SocketAddr, n_clients: usize, work: impl FnOnce(&dyn Fn() -> usize)) -> Fared {
    let (fared, ends) = (Mutex::new(Fared::default()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for i in 0..n_clients {
            let (fared, ends) = (&fared, &ends);
            scope.spawn(move || {
                let mut kept: Option<TcpStream> = None;
                while !ends.load(Ordering::Relaxed) {
                    let since = Instant::now();
                    let answer = ask(server, &mut kept).unwrap_or_else(|e| format!("broke: {e}"));
                    if i % 2 == 0 {
                        kept = None;
                    }
                    let mut fared = fared.lock().expect("no client panics");
                    *fared.answers.entry(answer).or_default() += 1;
                    fared.slowest = fared.slowest.max(since.elapsed());
                }
            });
        }
        // Also when the work panics.
        struct Ends<'a>(&'a AtomicBool);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _ends = Ends(&ends);
        work(&|| fared.lock().expect("no client panics").n());
    });
    fared.into_inner().expect("no client panics")
}

fn ask(server: SocketAddr, kept: &mut Option<TcpStream>) -> std::io::Result<String> {
    let column = |name: &str, value: f64| json!({ "name": name, "shape": [1, 1], "datatype": "FP64", "data": [value] });
    let body = json!({ "inputs": [column("a", 1.0), column("b", 1.0), column("c d", 0.0)],
        "parameters": { "content_type": "pd" } });
    let body = body.to_string();
    let stream = match kept.take() {
        Some(stream) => stream,
        None => TcpStream::connect(server)?,
    };
    stream.set_read_timeout(Some(Duration::from_secs(300)))?;
    let length = body.len();
    write!(
        &stream,
        "POST /v2/models/iris/infer HTTP/1.1\r\nHost: {server}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut from = BufReader::new(&stream);
    let (mut line, mut length) = (String::new(), 0usize);
    from.read_line(&mut line)?;
    loop {
        let mut header = String::new();
        if from.read_line(&mut header)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if header.trim().is_empty() {
            break;
        }
        if let Some(text) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().map_err(std::io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    drop(from);
    *kept = Some(stream);
    let said: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(match said["outputs"][0]["data"][0].as_i64() {
        Some(label) => label.to_string(),
        None => format!("{}: {}", line.trim(), String::from_utf8_lossy(&body)),
    })
}
