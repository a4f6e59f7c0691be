//! How a version fares, by counters that only grow: what came between two looks, without what we asked ourselves.

mod sample;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use signalbox_release::Health;

pub use sample::Sample;

/// Far above what any bake looks, far below what would fill the memory.
const MAX: usize = 4096;

/// What was counted since a counter began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    pub n_requests: f64,
    /// Of these.
    pub n_errors: f64,
    /// Cumulative counts by upper bound, in ms.
    buckets: BTreeMap<Bound, f64>,
}

/// A bound that sorts; positive, or infinite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Bound(u64);

impl Bound {
    fn ms(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl Counts {
    pub fn new(n_requests: u64, n_errors: u64) -> Counts {
        Counts { n_requests: n_requests as f64, n_errors: n_errors as f64, buckets: BTreeMap::new() }
    }

    /// `le`: the bucket's upper bound as Prometheus' text format has it; `n` is cumulative.
    pub fn add_bucket(&mut self, le: &str, n: f64) {
        if let Some(bound) = le.parse::<f64>().ok().filter(|le| *le > 0.0) {
            *self.buckets.entry(Bound(bound.to_bits())).or_default() += n;
        }
    }

    fn since(&self, before: &Counts) -> Counts {
        let was = |bound: &Bound| before.buckets.get(bound).copied().unwrap_or(0.0);
        Counts {
            n_requests: (self.n_requests - before.n_requests).max(0.0),
            n_errors: (self.n_errors - before.n_errors).max(0.0),
            buckets: self.buckets.iter().map(|(bound, n)| (*bound, (n - was(bound)).max(0.0))).collect(),
        }
    }

    /// The time within which this share of the requests was answered: linear within its bucket, as Prometheus'
    /// `histogram_quantile` has it; the last finite bound for what is above it.
    fn quantile(&self, share: f64) -> Option<f64> {
        let total = *self.buckets.values().next_back()?;
        if total <= 0.0 {
            return None;
        }
        let rank = share * total;
        let (mut low, mut below) = (0.0, 0.0);
        for (bound, n) in &self.buckets {
            if *n >= rank {
                let high = bound.ms();
                if high.is_infinite() {
                    return Some(low);
                }
                return Some(low + (high - low) * if *n > below { (rank - below) / (n - below) } else { 0.0 });
            }
            (low, below) = (bound.ms(), *n);
        }
        None
    }
}

/// What this Signalbox asked of its own, which is no traffic: golden requests while it watches. Another Signalbox's
/// are not known here, and count as traffic.
#[derive(Debug, Default)]
pub struct OwnAsks(Mutex<VecDeque<(Instant, bool)>>);

impl OwnAsks {
    /// `is_ok`: it was answered well.
    pub fn note(&self, at: Instant, is_ok: bool) {
        let mut asks = self.asks();
        if asks.len() >= MAX {
            asks.pop_front();
        }
        asks.push_back((at, is_ok));
    }

    /// Takes those since `from` out of what was counted since then. Whoever counts late counts some of them later than
    /// they were asked: `lag` before `from` are taken out too, as it is worse to take ours for somebody's.
    pub fn taken_out(&self, health: Health, from: Option<Instant>, lag: Duration) -> Health {
        let from = from.and_then(|from| from.checked_sub(lag));
        let (mut n, mut n_failed) = (0, 0);
        for (_, is_ok) in self.asks().iter().filter(|(at, _)| from.is_none_or(|from| *at >= from)) {
            n += 1;
            n_failed += u64::from(!is_ok);
        }
        let n_requests = health.n_requests.saturating_sub(n);
        Health { n_requests, n_errors: health.n_errors.saturating_sub(n_failed).min(n_requests), ..health }
    }

    fn asks(&self) -> MutexGuard<'_, VecDeque<(Instant, bool)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at one version's counters, oldest first. Several callers look over windows of their own, so a look is kept
/// until there are too many.
#[derive(Debug, Default)]
pub struct Looks(VecDeque<(Instant, Counts)>);

impl Looks {
    /// How it fared in the last `secs`, or since the first look if that is later. Our own questions are among the
    /// times: nobody can tell which bucket they are in.
    pub fn health(
        &mut self,
        now: Instant,
        counts: Counts,
        secs: u64,
        own: (&OwnAsks, Duration),
        source: impl FnOnce(u64) -> String,
    ) -> Health {
        if let Some((last, before)) = self.0.back()
            && counts.n_requests < before.n_requests
        {
            // Who counts was started anew, and began with nothing.
            self.0 = [(*last, Counts::default())].into();
        }
        let window = Duration::from_secs(secs);
        let old = |(at, _): &&(Instant, Counts)| now.saturating_duration_since(*at) >= window;
        let base = self.0.iter().rev().find(old).or_else(|| self.0.front());
        let (from, fared) = match base {
            Some((at, base)) => (*at, counts.since(base)),
            None => (now, Counts::default()),
        };
        if self.0.len() >= MAX {
            self.0.pop_front();
        }
        self.0.push_back((now, counts));
        let health = Health {
            n_requests: fared.n_requests.round() as u64,
            n_errors: fared.n_errors.round() as u64,
            p50_ms: fared.quantile(0.5),
            p95_ms: fared.quantile(0.95),
            source: source(now.saturating_duration_since(from).as_secs()),
        };
        own.0.taken_out(health, Some(from), own.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Duration = Duration::ZERO;

    fn counts(n_requests: u64, n_errors: u64, fast: u64) -> Counts {
        let mut counts = Counts::new(n_requests, n_errors);
        for (le, n) in [("10.0", fast), ("100.0", n_requests), ("+Inf", n_requests), ("-1", 7), ("x", 7)] {
            counts.add_bucket(le, n as f64);
        }
        counts
    }

    #[test]
    fn two_looks_make_a_rate() {
        let (mut looks, own, start) = (Looks::default(), OwnAsks::default(), Instant::now());
        let mut at = |secs: u64, counts: Counts| {
            let now = start + Duration::from_secs(secs);
            let health = looks.health(now, counts, 10, (&own, AT_ONCE), |_| "Ray".into());
            (health.n_requests, health.n_errors, health.p50_ms, health.p95_ms)
        };
        assert_eq!(at(100, counts(1005, 5, 1000)), (0, 0, None, None), "what was before is not its doing");
        assert_eq!(at(102, counts(1015, 7, 1005)), (10, 2, Some(10.0), Some(91.0)));
        assert_eq!(at(111, counts(1025, 7, 1015)).0, 20);
        assert_eq!(at(113, counts(1025, 7, 1015)).0, 10, "only the last ten seconds");
        assert_eq!(at(114, counts(4, 1, 4)), (4, 1, Some(5.0), Some(9.5)), "a proxy that was started anew");
        assert_eq!(at(115, counts(6, 1, 4)).0, 6, "and all that it counted since");
    }

    #[test]
    fn who_looks_over_a_short_window_takes_nothing_from_who_looks_over_a_long_one() {
        let (mut looks, own, start) = (Looks::default(), OwnAsks::default(), Instant::now());
        let mut n = |at: u64, requests: u64, secs: u64| {
            let now = start + Duration::from_secs(at);
            looks.health(now, Counts::new(requests, 0), secs, (&own, AT_ONCE), |_| String::new()).n_requests
        };
        for second in 0..60 {
            let window = if second % 2 == 0 { 60 } else { 5 };
            n(second, second * 10, window);
        }
        assert_eq!((n(60, 600, 60), n(60, 600, 5)), (600, 50));
        // However often somebody looks, the last look is kept.
        for second in 61..=5_000 {
            n(second, second * 10, 5);
        }
        assert_eq!((n(5_000, 50_000, 5), n(5_000, 50_000, 60)), (50, 600));
    }

    #[test]
    fn what_we_asked_ourselves_is_no_traffic() {
        let (mut looks, own, start) = (Looks::default(), OwnAsks::default(), Instant::now());
        let after = |secs: u64| start + Duration::from_secs(secs);
        let mut look = |at: u64, n: u64, errors: u64, lag: u64| {
            let own = (&own, Duration::from_secs(lag));
            let health = looks.health(after(at), Counts::new(n, errors), 10, own, |_| String::new());
            (health.n_requests, health.n_errors)
        };
        assert_eq!(look(0, 100, 5, 0), (0, 0));
        own.note(after(1), true);
        own.note(after(2), false);
        assert_eq!(look(4, 105, 7, 0), (3, 1));
        assert_eq!(look(14, 109, 9, 0), (4, 2), "they were asked before the window");
        assert_eq!(look(14, 109, 9, 3), (2, 1), "and who counts late may have counted them in it");
        own.note(after(15), false);
        assert_eq!(look(15, 109, 9, 0), (3, 1));
    }
}
