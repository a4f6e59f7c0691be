//! Long looks at data and at what takes room: they say how far they are, and may be stopped.

use crate::app::{App, lock};
use crate::wire::*;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Those under way, by the number that who asked has chosen; whether it shall stop.
pub(super) type Works = Mutex<BTreeMap<u32, Arc<AtomicBool>>>;

/// One of them, until it is dropped.
pub(crate) struct Work<'a> {
    app: &'a App,
    number: Option<u32>,
    shall_stop: Arc<AtomicBool>,
}

impl App {
    pub(crate) fn begin_work(&self, number: Option<u32>) -> Work<'_> {
        let shall_stop = Arc::new(AtomicBool::new(false));
        if let Some(number) = number {
            lock(&self.0.data.works).insert(number, shall_stop.clone());
        }
        Work { app: self, number, shall_stop }
    }

    /// What is done already is no error.
    pub(crate) fn stop_work(&self, args: OfWork) -> Result<(), CallError> {
        if let Some(shall_stop) = lock(&self.0.data.works).get(&args.work) {
            shall_stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Work<'_> {
    pub fn goes_on(&self, done: usize, of: usize) -> ControlFlow<()> {
        if let Some(work) = self.number {
            self.app.0.events.work(work, done, of);
        }
        let is_ending = self.app.0.stopped.load(Ordering::Relaxed);
        if is_ending || self.shall_stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    pub fn stopped(&self) -> CallError {
        if self.shall_stop.load(Ordering::Relaxed) {
            CallError::new(ErrorCode::Refused, "You have stopped it.")
        } else {
            CallError::new(ErrorCode::Internal, "Signalbox is ending.")
        }
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            lock(&self.app.0.data.works).remove(&number);
        }
    }
}
