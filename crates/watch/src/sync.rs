//! Locks that outlive a panic elsewhere, a cancel token, and a count of what is still to be done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Locks, whatever happened to the thread that held the lock before: our states are valid at every unlock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until told or until `until`; `None` waits without end.
pub(crate) fn wait<'a, T>(changed: &Condvar, guard: MutexGuard<'a, T>, until: Option<Instant>) -> MutexGuard<'a, T> {
    match until {
        None => changed.wait(guard).unwrap_or_else(PoisonError::into_inner),
        Some(until) => {
            let left = until.saturating_duration_since(Instant::now());
            changed.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0
        }
    }
}

/// Says "stop" to everyone who holds a clone of it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    pub fn new() -> Cancel {
        Cancel::default()
    }

    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Counts what was begun and not ended. Zero means that everything found so far is in the store.
#[derive(Debug, Default)]
pub(crate) struct Work {
    open: Mutex<u64>,
    none_left: Condvar,
}

impl Work {
    /// Always called before whatever ends it can happen, and before the work that caused it is ended.
    pub fn begin(&self) {
        *lock(&self.open) += 1;
    }

    pub fn end(&self) {
        let mut open = lock(&self.open);
        *open = open.saturating_sub(1);
        if *open == 0 {
            self.none_left.notify_all();
        }
    }

    /// Whether nothing was left within `within`.
    pub fn wait_for_none(&self, within: Duration) -> bool {
        let until = Instant::now() + within;
        let mut open = lock(&self.open);
        while *open > 0 {
            if Instant::now() >= until {
                return false;
            }
            open = wait(&self.none_left, open, Some(until));
        }
        true
    }
}
