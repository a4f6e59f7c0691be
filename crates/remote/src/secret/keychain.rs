//! The system's keychain: Keychain Services, Credential Manager, or a Secret Service on D-Bus.
//!
//! A locked keyring asks its person with a window, and where nobody sees that window the call never returns. So each
//! call runs on a thread of its own and is given up after a while; few are given up at the same time.

mod system;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use signalbox_release::{Failure, FailureCode};

use super::{Secret, lock};
pub use system::System;

/// What a keychain can do; blocking, for as long as it likes.
pub trait Keychain: Send + Sync {
    /// Whether there is one, without asking its person anything.
    fn greet(&self) -> Result<(), KeychainError>;
    fn read(&self, key: &str) -> Result<Option<Secret>, KeychainError>;
    fn write(&self, key: &str, secret: &Secret) -> Result<(), KeychainError>;
    /// What is not there is as good as removed.
    fn remove(&self, key: &str) -> Result<(), KeychainError>;
}

/// Fixed words only: what a keychain says of itself may hold what it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeychainError {
    #[error("there is no keychain here")]
    Absent,
    #[error("the keychain is locked, or does not let Signalbox in")]
    Locked,
    #[error("the keychain does not answer; it is probably locked, and asks for its password")]
    Hangs,
    #[error("the keychain does not answer, and too many questions to it are open already")]
    Crowded,
    #[error("this is longer than what the keychain keeps")]
    TooLong,
    #[error("what the keychain has is no text")]
    NoText,
    #[error("the keychain failed")]
    Failed,
}

impl From<KeychainError> for Failure {
    fn from(e: KeychainError) -> Failure {
        let (code, hint) = match e {
            KeychainError::Absent => (FailureCode::Local, "Make a vault with a passphrase."),
            KeychainError::Locked | KeychainError::Hangs => (
                FailureCode::Local,
                "Unlock the keychain (log in to the desktop, or answer its window), and try again.",
            ),
            KeychainError::Crowded => (FailureCode::Local, "Unlock the keychain, and start Signalbox again."),
            KeychainError::TooLong => (FailureCode::Local, "Keep it in a vault with a passphrase."),
            KeychainError::NoText | KeychainError::Failed => {
                (FailureCode::Local, "Forget this secret, and store it anew.")
            }
        };
        Failure::new(code, e.to_string()).hint(hint)
    }
}

/// More than this many threads never wait for a keychain.
const MAX_GIVEN_UP: usize = 4;

/// How long each call may take.
#[derive(Clone, Copy, Debug)]
pub struct KeychainLimits {
    pub read: Duration,
    /// A person may be asked for the keychain's password, and types it.
    pub write: Duration,
    /// After a call was given up, nobody asks again for so long: a window is probably open.
    pub pause: Duration,
}

impl Default for KeychainLimits {
    fn default() -> KeychainLimits {
        let secs = Duration::from_secs;
        KeychainLimits { read: secs(5), write: secs(30), pause: secs(30) }
    }
}

/// A keychain that answers in time.
pub struct Timed {
    keychain: Arc<dyn Keychain>,
    limits: KeychainLimits,
    calls: Arc<Mutex<Vec<OpenCall>>>,
    n_calls: AtomicU64,
}

/// A call that has not come back.
struct OpenCall {
    id: u64,
    given_up: Option<Instant>,
}

impl Timed {
    pub fn new(keychain: Arc<dyn Keychain>, limits: KeychainLimits) -> Timed {
        Timed { keychain, limits, calls: Arc::default(), n_calls: AtomicU64::new(0) }
    }

    pub fn greet(&self) -> Result<(), KeychainError> {
        self.call(self.limits.read, |keychain| keychain.greet(), |_, ()| ())
    }

    pub fn read(&self, key: &str) -> Result<Option<Secret>, KeychainError> {
        let key = key.to_owned();
        self.call(self.limits.read, move |keychain| keychain.read(&key), |_, _| ())
    }

    /// What is written after it was given up is taken back: it was kept elsewhere, or not at all, and what was there
    /// before may still be what counts.
    pub fn write(&self, key: &str, secret: &Secret) -> Result<(), KeychainError> {
        let (own, key, secret) = (key.to_owned(), key.to_owned(), secret.clone());
        let given_up = Arc::new(AtomicBool::new(false));
        let late = given_up.clone();
        let write = move |keychain: &dyn Keychain| {
            let before = match keychain.read(&own) {
                // None of ours.
                Err(KeychainError::NoText) => None,
                before => before?,
            };
            // A keychain that was locked waits at the reading.
            if late.load(Ordering::SeqCst) {
                return Err(KeychainError::Hangs);
            }
            keychain.write(&own, &secret).map(|()| before)
        };
        let written = self.call(self.limits.write, write, move |keychain, before| {
            let _ = match before {
                Some(before) => keychain.write(&key, &before),
                None => keychain.remove(&key),
            };
        });
        given_up.store(written.is_err(), Ordering::SeqCst);
        written.map(drop)
    }

    pub fn remove(&self, key: &str) -> Result<(), KeychainError> {
        let key = key.to_owned();
        self.call(self.limits.write, move |keychain| keychain.remove(&key), |_, ()| ())
    }

    fn call<T: Send + 'static>(
        &self,
        limit: Duration,
        job: impl FnOnce(&dyn Keychain) -> Result<T, KeychainError> + Send + 'static,
        too_late: impl FnOnce(&dyn Keychain, T) + Send + 'static,
    ) -> Result<T, KeychainError> {
        let id = self.n_calls.fetch_add(1, Ordering::Relaxed);
        {
            let mut calls = lock(&self.calls);
            let given_up = || calls.iter().filter_map(|call| call.given_up);
            if given_up().count() >= MAX_GIVEN_UP {
                return Err(KeychainError::Crowded);
            }
            if given_up().any(|at| at.elapsed() < self.limits.pause) {
                return Err(KeychainError::Hangs);
            }
            calls.push(OpenCall { id, given_up: None });
        }
        let back = ComesBack { id, calls: self.calls.clone() };
        let keychain = self.keychain.clone();
        // Without room the answer is handed over only while somebody waits for it.
        let (answer, answers) = mpsc::sync_channel(0);
        let work = move || {
            let _back = back;
            if let Err(mpsc::SendError(Ok(done))) = answer.send(job(&*keychain)) {
                too_late(&*keychain, done);
            }
        };
        thread::Builder::new().name("keychain".into()).spawn(work).map_err(|_| KeychainError::Failed)?;
        match answers.recv_timeout(limit) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Disconnected) => Err(KeychainError::Failed),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(call) = lock(&self.calls).iter_mut().find(|call| call.id == id) {
                    call.given_up = Some(Instant::now());
                }
                Err(KeychainError::Hangs)
            }
        }
    }
}

/// Takes a call off the list when its thread ends, however it ends.
struct ComesBack {
    id: u64,
    calls: Arc<Mutex<Vec<OpenCall>>>,
}

impl Drop for ComesBack {
    fn drop(&mut self) {
        lock(&self.calls).retain(|call| call.id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::Condvar;

    /// Answers when it is let; `n` counts what began.
    #[derive(Default)]
    struct Stuck {
        free: Mutex<bool>,
        freed: Condvar,
        kept: Mutex<BTreeMap<String, Secret>>,
        n: AtomicU64,
        /// Only writing waits.
        reads_at_once: bool,
    }

    impl Stuck {
        fn wait(&self) {
            self.n.fetch_add(1, Ordering::SeqCst);
            let mut free = lock(&self.free);
            while !*free {
                free = self.freed.wait(free).expect("not poisoned");
            }
        }

        fn free(&self) {
            *lock(&self.free) = true;
            self.freed.notify_all();
        }
    }

    impl Keychain for Stuck {
        fn greet(&self) -> Result<(), KeychainError> {
            Ok(())
        }

        fn read(&self, key: &str) -> Result<Option<Secret>, KeychainError> {
            if !self.reads_at_once {
                self.wait();
            }
            Ok(lock(&self.kept).get(key).cloned())
        }

        fn write(&self, key: &str, secret: &Secret) -> Result<(), KeychainError> {
            self.wait();
            lock(&self.kept).insert(key.into(), secret.clone());
            Ok(())
        }

        fn remove(&self, key: &str) -> Result<(), KeychainError> {
            lock(&self.kept).remove(key);
            Ok(())
        }
    }

    fn timed(keychain: &Arc<Stuck>, pause: Duration) -> Timed {
        let limit = Duration::from_millis(20);
        Timed::new(keychain.clone(), KeychainLimits { read: limit, write: limit, pause })
    }

    fn until(done: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !done() {
            assert!(Instant::now() < end, "not within 60 s");
            thread::yield_now();
        }
    }

    #[test]
    fn a_keychain_that_hangs_is_given_up_and_then_left_alone() {
        let stuck = Arc::new(Stuck::default());
        let timed = timed(&stuck, Duration::from_secs(600));
        assert_eq!(timed.read("a").expect_err("stuck"), KeychainError::Hangs);
        until(|| stuck.n.load(Ordering::SeqCst) == 1);
        assert_eq!(timed.read("a").expect_err("stuck"), KeychainError::Hangs);
        assert_eq!(lock(&timed.calls).len(), 1, "nobody asked again");
        stuck.free();
        until(|| lock(&timed.calls).is_empty());
        let free = Timed::new(stuck, KeychainLimits::default());
        assert_eq!(free.read("a"), Ok(None));
    }

    #[test]
    fn few_are_given_up_at_once() {
        let stuck = Arc::new(Stuck::default());
        let timed = timed(&stuck, Duration::ZERO);
        for _ in 0..MAX_GIVEN_UP {
            assert_eq!(timed.read("a").expect_err("stuck"), KeychainError::Hangs);
        }
        assert_eq!(timed.read("a").expect_err("stuck"), KeychainError::Crowded);
        stuck.free();
        until(|| lock(&timed.calls).is_empty());
    }

    #[test]
    fn what_is_written_too_late_is_taken_back() {
        let (old, new) = (Secret::new("old"), Secret::new("hunter2"));
        for reads_at_once in [true, false] {
            for before in [Some(&old), None] {
                let stuck = Arc::new(Stuck { reads_at_once, ..Stuck::default() });
                lock(&stuck.kept).extend(before.map(|old| ("a".to_owned(), old.clone())));
                let timed = timed(&stuck, Duration::ZERO);
                assert_eq!(timed.write("a", &new), Err(KeychainError::Hangs));
                until(|| stuck.n.load(Ordering::SeqCst) == 1);
                stuck.free();
                until(|| lock(&timed.calls).is_empty());
                assert_eq!(lock(&stuck.kept).get("a"), before, "{reads_at_once}");
                let patient = Timed::new(stuck.clone(), KeychainLimits::default());
                assert_eq!(patient.write("a", &new), Ok(()));
                assert_eq!(lock(&stuck.kept).get("a"), Some(&new));
            }
        }
    }
}
