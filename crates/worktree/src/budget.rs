//! The time that a capture may take.

use std::time::{Duration, Instant};

#[derive(Clone, Copy)]
pub(crate) struct Budget {
    pub deadline: Instant,
}

impl Budget {
    pub(crate) fn of(time: Duration) -> Budget {
        // A duration that no clock can reach is a day's.
        let now = Instant::now();
        Budget { deadline: now.checked_add(time).unwrap_or(now + Duration::from_secs(86_400)) }
    }

    pub(crate) fn is_up(&self) -> bool {
        Instant::now() >= self.deadline
    }
}
