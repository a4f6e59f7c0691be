//! A person who does not want to wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// Its copies are one: what one is told, all know.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_told: AtomicBool,
    told: Notify,
}

impl Cancel {
    pub fn tell(&self) {
        self.0.is_told.store(true, Ordering::SeqCst);
        self.0.told.notify_waiters();
    }

    pub fn is_told(&self) -> bool {
        self.0.is_told.load(Ordering::SeqCst)
    }

    /// Ends when it is told.
    pub(crate) async fn wait(&self) {
        loop {
            // Made before looking, so that nothing is told in between unheard.
            let told = self.0.told.notified();
            if self.is_told() {
                return;
            }
            told.await;
        }
    }
}
