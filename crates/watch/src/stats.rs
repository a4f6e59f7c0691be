//! Totals and rates of the engine.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::event::EngineStats;
use crate::sync::lock;

/// Rates are over so long.
const WINDOW: Duration = Duration::from_secs(2);

#[derive(Default)]
struct State {
    stats: EngineStats,
    lately: VecDeque<(Instant, u64, u64)>,
}

#[derive(Default)]
pub(crate) struct Totals {
    state: Mutex<State>,
}

impl Totals {
    /// One transaction: points and bytes read, by project.
    pub fn committed(&self, sums: impl Iterator<Item = (u64, u64)>) {
        let (n_points, bytes) = sums.fold((0, 0), |(p, b), (points, bytes)| (p + points, b + bytes));
        let mut state = lock(&self.state);
        state.stats.n_points += n_points;
        state.stats.read_bytes += bytes;
        state.stats.n_commits += 1;
        let now = Instant::now();
        state.lately.push_back((now, n_points, bytes));
        drop_old(&mut state.lately, now);
    }

    pub fn now(&self, in_flight_bytes: u64, n_open_readers: u64) -> EngineStats {
        let mut state = lock(&self.state);
        drop_old(&mut state.lately, Instant::now());
        let (points, bytes) = state.lately.iter().fold((0, 0), |(p, b), (_, points, bytes)| (p + points, b + bytes));
        let secs = WINDOW.as_secs_f64();
        EngineStats {
            points_per_second: points as f64 / secs,
            bytes_per_second: bytes as f64 / secs,
            in_flight_bytes,
            n_open_readers,
            ..state.stats
        }
    }
}

fn drop_old(lately: &mut VecDeque<(Instant, u64, u64)>, now: Instant) {
    while lately.front().is_some_and(|(at, _, _)| now.duration_since(*at) > WINDOW) {
        lately.pop_front();
    }
}
