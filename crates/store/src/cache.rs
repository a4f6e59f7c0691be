//! What the next frame need not do again: lines that were resolved or smoothed from all of their points, and the
//! checksums of chunks.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use signalbox_series::{Line, Smooth};
use signalbox_types::{MetricId, RunId};

/// Shared by all readers of a store. Lines are bounded by bytes; what was not asked for longest goes first.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    lines: Mutex<Lines>,
    /// Rows of sealed chunks.
    checked: Mutex<HashSet<i64>>,
}

const CACHE_BYTES: usize = 128 << 20;
/// So many chunks are known to be whole; 4 billion points, 20 MB of memory.
const CHECKED: usize = 1 << 20;

#[derive(Debug, Default)]
struct Lines {
    entries: HashMap<Key, Entry>,
    bytes: usize,
    /// Counts the asking.
    tick: u64,
}

/// What a line is made of. Floats by their bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub run: RunId,
    pub metric: MetricId,
    pub over_time: bool,
    smooth: (u8, u64),
}

#[derive(Debug)]
struct Entry {
    version: u64,
    bytes: usize,
    used: u64,
    line: Arc<Line>,
}

impl Key {
    pub fn new(run: RunId, metric: MetricId, over_time: bool, smooth: Smooth) -> Self {
        let smooth = match smooth {
            Smooth::None => (0, 0),
            Smooth::Ema(x) => (1, x.to_bits()),
            Smooth::Gaussian(x) => (2, x.to_bits()),
            Smooth::Mean(x) => (3, x.to_bits()),
        };
        Self { run, metric, over_time, smooth }
    }
}

impl Cache {
    /// Whether a sealed chunk's checksum was found to match since the store was opened, by its row: that is never written
    /// again, and no other series takes its number (see `schema.sql`).
    pub fn is_checked(&self, row: i64) -> bool {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).contains(&row)
    }

    pub fn checked(&self, row: i64) {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if checked.len() == CHECKED {
            checked.clear();
        }
        checked.insert(row);
    }

    /// The line, if it is here in this version.
    pub fn get(&self, key: &Key, version: u64) -> Option<Arc<Line>> {
        let mut inner = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        inner.tick += 1;
        let tick = inner.tick;
        let entry = inner.entries.get_mut(key).filter(|e| e.version == version)?;
        entry.used = tick;
        Some(entry.line.clone())
    }

    /// Keeps a line; one larger than the whole cache is not kept.
    pub fn put(&self, key: Key, version: u64, line: Arc<Line>) {
        let bytes = line.bytes();
        let mut inner = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        inner.bytes -= inner.entries.remove(&key).map_or(0, |e| e.bytes);
        if bytes > CACHE_BYTES {
            return;
        }
        while inner.bytes + bytes > CACHE_BYTES {
            let Some(oldest) = inner.entries.iter().min_by_key(|(_, e)| e.used).map(|(key, _)| *key) else { break };
            inner.bytes -= inner.entries.remove(&oldest).map_or(0, |e| e.bytes);
        }
        inner.tick += 1;
        let used = inner.tick;
        inner.bytes += bytes;
        inner.entries.insert(key, Entry { version, bytes, used, line });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox_series::{PartView, by_step};
    use signalbox_types::Points;

    #[test]
    fn the_longest_unused_goes_first_and_versions_differ() {
        let cache = Cache::default();
        let line = |n: usize| {
            let points = Points { steps: (0..n as i64).collect(), times: vec![0.0; n], values: vec![0.0; n] };
            Arc::new(by_step(&[PartView { points: &points, below: None, cuts: &[] }]))
        };
        let key = |run| Key::new(RunId(run), MetricId(1), false, Smooth::None);
        let n = CACHE_BYTES / 28 / 3;
        for run in 0..2 {
            cache.put(key(run), 7, line(n));
        }
        assert!(cache.get(&key(0), 7).is_some());
        cache.put(key(2), 7, line(n));
        assert!(cache.get(&key(1), 7).is_none(), "the longest unused is still there");
        assert!(cache.get(&key(0), 7).is_some());
        assert!(cache.get(&key(0), 8).is_none(), "another version was given");
        cache.put(key(0), 8, line(1));
        assert!(cache.get(&key(0), 8).is_some());
        cache.put(key(3), 7, line(CACHE_BYTES));
        assert!(cache.get(&key(3), 7).is_none());
    }
}
