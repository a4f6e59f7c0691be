//! How a version fared: requests, errors and times of the last ten minutes, in seconds and log-spaced buckets.

use std::collections::VecDeque;
use std::time::Duration;

use signalbox_release::Health;

/// Seconds that are kept.
const KEPT_SECS: u64 = 600;
/// Buckets per doubling: a quantile is at most 9 % above the truth.
const PER_OCTAVE: f64 = 8.0;
const FIRST_MS: f64 = 0.1;
/// Up to 100 ms · 2^20 / 1000 = 105 s; the last one holds what took longer.
const N_BUCKETS: usize = 162;

#[derive(Default)]
pub struct Tally {
    /// By time, at most one per second, none without requests.
    slots: VecDeque<Slot>,
    pub n_requests: u64,
    pub n_errors: u64,
}

struct Slot {
    sec: u64,
    n_requests: u64,
    n_errors: u64,
    buckets: Box<[u32; N_BUCKETS]>,
}

impl Tally {
    /// Counts a request that ended in second `sec` of any steady clock. The time of one that failed says nothing.
    pub fn add(&mut self, sec: u64, took: Duration, failed: bool) {
        self.n_requests += 1;
        self.n_errors += u64::from(failed);
        while self.slots.front().is_some_and(|slot| slot.sec + KEPT_SECS <= sec) {
            self.slots.pop_front();
        }
        if self.slots.back().is_none_or(|slot| slot.sec < sec) {
            self.slots.push_back(Slot { sec, n_requests: 0, n_errors: 0, buckets: Box::new([0; N_BUCKETS]) });
        }
        let slot = self.slots.back_mut().expect("BUG: it was pushed");
        slot.n_requests += 1;
        slot.n_errors += u64::from(failed);
        if !failed {
            slot.buckets[bucket(took)] += 1;
        }
    }

    /// The last `secs` seconds before `now` and the one that runs.
    pub fn over(&self, now: u64, secs: u64) -> Health {
        let (mut n_requests, mut n_errors, mut buckets) = (0, 0, [0u64; N_BUCKETS]);
        for slot in self.slots.iter().rev().take_while(|slot| slot.sec + secs.min(KEPT_SECS) >= now) {
            n_requests += slot.n_requests;
            n_errors += slot.n_errors;
            buckets.iter_mut().zip(slot.buckets.iter()).for_each(|(sum, n)| *sum += u64::from(*n));
        }
        let quantile = |share: f64| {
            let n: u64 = buckets.iter().sum();
            let rank = (share * n as f64).ceil() as u64;
            let mut seen = 0;
            (n > 0).then(|| {
                let at = buckets.iter().position(|more| {
                    seen += more;
                    seen >= rank
                });
                upper_ms(at.unwrap_or(N_BUCKETS - 1))
            })
        };
        let source = format!("counted by the router on this machine, last {} s", secs.min(KEPT_SECS));
        Health { n_requests, n_errors, p50_ms: quantile(0.5), p95_ms: quantile(0.95), source }
    }
}

fn bucket(took: Duration) -> usize {
    let above = (took.as_secs_f64() * 1000.0 / FIRST_MS).log2() * PER_OCTAVE;
    // A negative or infinite number saturates.
    (above.ceil() as usize).min(N_BUCKETS - 1)
}

/// No request of the bucket took longer; of the last one, some did.
fn upper_ms(bucket: usize) -> f64 {
    FIRST_MS * (bucket as f64 / PER_OCTAVE).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seconds_leave_the_window() {
        let mut tally = Tally::default();
        for sec in 0..1000 {
            tally.add(sec, Duration::from_millis(10), sec % 10 == 0);
        }
        let health = tally.over(1000, 100);
        assert_eq!((health.n_requests, health.n_errors), (100, 10));
        let p95 = health.p95_ms.expect("requests");
        assert!((10.0..10.9).contains(&p95), "{p95}");
        assert_eq!(tally.over(1000, 10_000).n_requests, 600);
        assert_eq!((tally.n_requests, tally.n_errors), (1000, 100));
        let none = tally.over(5000, 60);
        assert_eq!((none.n_requests, none.p50_ms), (0, None));
    }

    proptest! {
        #[test]
        fn a_quantile_is_at_most_a_bucket_above_the_truth(mut micros in prop::collection::vec(1u64..50_000_000, 1..200)) {
            let mut tally = Tally::default();
            micros.iter().for_each(|us| tally.add(0, Duration::from_micros(*us), false));
            micros.sort_unstable();
            let truth = micros[(0.95 * micros.len() as f64).ceil() as usize - 1] as f64 / 1000.0;
            let said = tally.over(0, 1).p95_ms.expect("requests");
            prop_assert!(said >= truth * 0.999_999 && said <= (truth * 1.091).max(FIRST_MS), "{said} {truth}");
        }
    }
}
