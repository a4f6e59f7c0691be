//! A proxy before a real server that does to it what networks do: loses answers, delays, cuts, repeats, says no itself.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What happens to a request.
#[derive(Debug)]
pub enum Fault {
    /// The server does it; its answer is lost.
    DropAnswer,
    /// The server never hears of it.
    DropRequest,
    /// The answer comes later.
    Delay(Duration),
    /// The server does it; its answer comes when the test says so, or has given up.
    Hold(Receiver<()>),
    /// So many bytes of the answer, then nothing.
    CutAfter(usize),
    /// The proxy answers itself: `503 Service Unavailable`, further header lines, a body.
    Answer { status: &'static str, headers: &'static str, body: &'static str },
    /// The server gets it twice; the first answer is handed on.
    Twice,
}

/// Listens on loopback and hands on to a server, a connection per request. Ends when it is dropped.
pub struct FaultProxy {
    at: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// What is still to happen, to the next request whose first line holds the text.
    faults: Mutex<VecDeque<(String, Fault)>>,
    /// The first lines of all requests.
    seen: Mutex<Vec<String>>,
    /// Of those whose answers were held.
    held: Mutex<Vec<String>>,
    ends: AtomicBool,
}

impl FaultProxy {
    pub fn before(server: SocketAddr) -> FaultProxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let at = listener.local_addr().expect("it listens");
        let shared = Arc::new(Shared::default());
        let own = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if own.ends.load(Ordering::Relaxed) {
                    return;
                }
                let own = own.clone();
                // A connection that breaks is what this is for.
                thread::spawn(move || own.serve(&client, server).unwrap_or(()));
            }
        });
        FaultProxy { at, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// The next request whose first line (`POST /path HTTP/1.1`) holds `line` fares so. Faults of the same line come
    /// one after the other.
    pub fn next(&self, line: &str, fault: Fault) {
        locked(&self.shared.faults).push_back((line.to_owned(), fault));
    }

    /// Waits until the server has done a request whose first line holds `line`, and its answer is held.
    pub fn until_held(&self, line: &str) {
        let end = Instant::now() + Duration::from_secs(120);
        while !locked(&self.shared.held).iter().any(|held| held.contains(line)) {
            assert!(Instant::now() < end, "nothing with {line} is held");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// How many requests had a first line that holds `line`.
    pub fn count(&self, line: &str) -> usize {
        locked(&self.shared.seen).iter().filter(|seen| seen.contains(line)).count()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.at);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn serve(&self, mut client: &TcpStream, server: SocketAddr) -> io::Result<()> {
        let (line, request) = read_request(client)?;
        locked(&self.seen).push(line.clone());
        let fault = {
            let mut faults = locked(&self.faults);
            let place = faults.iter().position(|(wanted, _)| line.contains(wanted.as_str()));
            place.and_then(|place| faults.remove(place)).map(|(_, fault)| fault)
        };
        match fault {
            None => client.write_all(&ask(server, &request)?)?,
            Some(Fault::DropAnswer) => drop(ask(server, &request)?),
            Some(Fault::DropRequest) => {}
            Some(Fault::Delay(time)) => {
                let answer = ask(server, &request)?;
                thread::sleep(time);
                client.write_all(&answer)?;
            }
            Some(Fault::Hold(until)) => {
                let answer = ask(server, &request)?;
                locked(&self.held).push(line);
                // A sender that is gone says so too.
                let _ = until.recv();
                client.write_all(&answer)?;
            }
            Some(Fault::CutAfter(bytes)) => {
                let answer = ask(server, &request)?;
                client.write_all(&answer[..bytes.min(answer.len())])?;
            }
            Some(Fault::Answer { status, headers, body }) => {
                let length = body.len();
                write!(
                    client,
                    "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
                )?;
            }
            Some(Fault::Twice) => {
                let answer = ask(server, &request)?;
                ask(server, &request)?;
                client.write_all(&answer)?;
            }
        }
        client.shutdown(Shutdown::Both)
    }
}

/// The first line, and all of it as it is handed on: with `Connection: close`, so that the answer ends with the
/// connection.
fn read_request(client: &TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut from = BufReader::new(client);
    let mut line = String::new();
    from.read_line(&mut line)?;
    let mut request = line.clone().into_bytes();
    let mut length = 0;
    loop {
        let mut header = String::new();
        if from.read_line(&mut header)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (name, value) = header.split_once(':').unwrap_or((header.as_str(), ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
            "transfer-encoding" => return Err(io::Error::other("our clients name the length of what they send")),
            "connection" => continue,
            _ => {}
        }
        if header.trim_end().is_empty() {
            break;
        }
        request.extend_from_slice(header.as_bytes());
    }
    request.extend_from_slice(b"Connection: close\r\n\r\n");
    let start = request.len();
    request.resize(start + length, 0);
    from.read_exact(&mut request[start..])?;
    Ok((line.trim_end().to_owned(), request))
}

fn ask(server: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(server)?;
    server.write_all(request)?;
    let (mut answer, mut piece) = (Vec::new(), vec![0; 1 << 16]);
    // The length that it names, where it does: a server that starts a process while it answers (Triton) hands the
    // connection on to it, and the end of that may never come.
    while length_of(&answer).is_none_or(|length| answer.len() < length) {
        match server.read(&mut piece)? {
            0 => break,
            n => answer.extend_from_slice(&piece[..n]),
        }
    }
    Ok(answer)
}

/// Of an answer whose headers are all there: the length of the whole.
fn length_of(answer: &[u8]) -> Option<usize> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let headers = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok())?;
    end.checked_add(length)
}
