//! A clock that goes wrong.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use signalbox_release::{Cancel, Clock, SystemClock};

/// The machine's, and so many milliseconds ahead of it.
#[derive(Default)]
pub struct Ahead(pub AtomicI64);

impl Clock for Ahead {
    fn unix_ms(&self) -> i64 {
        SystemClock.unix_ms() + self.0.load(Ordering::SeqCst)
    }

    fn pause(&self, time: Duration, cancel: &Cancel) {
        SystemClock.pause(time, cancel);
    }
}
