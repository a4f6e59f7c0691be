//! A server that ends with its test.

use rustix::process::{Pid, Signal, kill_process};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    /// Another may take the port before the server does: then it is started again on another.
    pub fn start(what: &str, command: impl Fn(u16) -> Command) -> Server {
        for _ in 0..3 {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let port = free.expect("a port").port();
            let child = command(port).spawn().unwrap_or_else(|e| panic!("{what} does not start: {e}"));
            let mut server = Server { child, port };
            if server.answers() {
                return server;
            }
        }
        panic!("{what} does not listen");
    }

    fn answers(&mut self) -> bool {
        let until = Instant::now() + Duration::from_secs(120);
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.child);
        // Postgres ends its own processes on an interrupt, and would leave them behind if it were killed.
        let _ = kill_process(pid, Signal::INT);
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Python that has what a test needs.
pub fn python(variable: &str, file: &str) -> PathBuf {
    let python = std::env::var(variable);
    let python = python.unwrap_or_else(|_| {
        panic!("{variable} must name a Python with tests/{file} (`make test` sets it); these tests are not skipped")
    });
    PathBuf::from(python)
}
