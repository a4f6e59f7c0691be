//! A server in this process that answers what a test says: for what no real server does.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET /path?query HTTP/1.1`
    pub line: String,
    pub headers: Vec<String>,
    pub body: String,
}

impl Asked {
    /// A header's value, if it was sent.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = |line: &&String| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        self.headers.iter().find(found)?.split_once(':').map(|(_, value)| value.trim())
    }
}

/// Listens on loopback, a connection per request. Ends when it is dropped.
pub struct Fake {
    at: SocketAddr,
    seen: Arc<Mutex<Vec<Asked>>>,
    ends: Arc<AtomicBool>,
}

impl Fake {
    pub fn new(answers: impl Fn(&Asked) -> String + Send + Sync + 'static) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let at = listener.local_addr().expect("it listens");
        let (seen, ends, answers) =
            (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<AtomicBool>::default(), Arc::new(answers));
        let fake = Fake { at, seen: seen.clone(), ends: ends.clone() };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let (seen, answers) = (seen.clone(), answers.clone());
                thread::spawn(move || {
                    let Ok(asked) = read(&client) else { return };
                    let said = answers(&asked);
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
                    // Who does not wait for the answer is no failure of this.
                    let _ = (&client).write_all(said.as_bytes());
                });
            }
        });
        fake
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// All that was asked so far.
    pub fn seen(&self) -> Vec<Asked> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.at);
    }
}

/// `status`: `200 OK`; `headers`: whole lines, each with its end.
pub fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

fn read(client: &TcpStream) -> io::Result<Asked> {
    let mut from = BufReader::new(client);
    let mut line = String::new();
    from.read_line(&mut line)?;
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut header = String::new();
        if from.read_line(&mut header)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if header.trim_end().is_empty() {
            break;
        }
        if let Some((_, value)) = header.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case("content-length")) {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        headers.push(header.trim_end().to_owned());
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(Asked { line: line.trim_end().to_owned(), headers, body: String::from_utf8_lossy(&body).into_owned() })
}
