//! Who carries a plan out: one thread of one process at a time. A lock on a file says so, because it goes with its
//! process however that ends: what a killed Signalbox left is taken up at once, and what a living one does is seen.

use super::machine;
use crate::app::{App, lock};
use crate::wire::*;
use signalbox_release::{Cancel, PlanId};
use signalbox_store::Ledger;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The right to carry a plan out, until it is dropped.
pub(crate) struct Hold {
    app: App,
    plan: PlanId,
    pub ledger: Arc<Ledger>,
    pub cancel: Cancel,
    /// Locked.
    _file: File,
    path: PathBuf,
    /// It is of no more use: the plan has ended.
    pub ended: bool,
}

impl Hold {
    /// What the ledger calls the holder: any holder on this machine, because there is never more than one.
    pub fn owner(&self) -> String {
        format!("{}-{}", machine(), self.plan)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        lock(&self.app.0.promotions.running).remove(&self.plan);
        if self.ended {
            // Who opened it just before locks what is not there any more: for a plan that has ended that is nothing.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl App {
    /// Takes the right to carry a plan out, if nobody has it.
    pub(crate) fn hold(&self, plan: &PlanId) -> Result<Hold, CallError> {
        let taken = |by: &str| {
            CallError::new(ErrorCode::Refused, format!("This plan is being carried out {by}."))
                .hint("`signalbox status` says how far it is.")
        };
        let ledger = self.ledger()?;
        let cancel = Cancel::default();
        let mut running = lock(&self.0.promotions.running);
        if running.contains_key(plan) {
            return Err(taken("already"));
        }
        let path = self.lock_of(plan);
        let file = locked(&path)
            .map_err(|e| CallError::new(ErrorCode::Store, format!("{} cannot be locked: {e}.", path.display())))?
            .ok_or_else(|| taken("by another Signalbox"))?;
        if lock(&self.0.promotions.stopped).remove(plan) {
            cancel.stop();
        }
        running.insert(plan.clone(), cancel.clone());
        Ok(Hold { app: self.clone(), plan: plan.clone(), ledger, cancel, _file: file, path, ended: false })
    }

    /// Here, or by another Signalbox on this machine.
    pub(crate) fn is_running(&self, plan: &PlanId) -> bool {
        self.is_running_here(plan)
            || File::open(self.lock_of(plan))
                .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    pub(crate) fn is_running_here(&self, plan: &PlanId) -> bool {
        lock(&self.0.promotions.running).contains_key(plan)
    }

    fn lock_of(&self, plan: &PlanId) -> PathBuf {
        self.0.options.data_dir.join("carrying").join(plan.as_str())
    }
}

/// The file, made if it is missing; None: another has it.
fn locked(path: &Path) -> std::io::Result<Option<File>> {
    std::fs::create_dir_all(path.parent().expect("BUG: below our own folder"))?;
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    // Who looks whether somebody has it holds it for a moment.
    for _ in 0..20 {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::Error(e)) => return Err(e),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_the_next_at_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("carrying/p1");
        let first = locked(&path).expect("opened").expect("free");
        assert!(locked(&path).expect("opened").is_none());
        drop(first);
        assert!(locked(&path).expect("opened").is_some());
    }
}
