//! The CPU's part of a commit: from new points to chunks, nodes and a summary. Knows nothing of SQLite, so that several
//! series are worked on at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use signalbox_series::{BASE_POINTS, CHUNK_POINTS, Effort, Node, PartSummary, base_nodes, codec, encode_nodes};
use signalbox_types::Points;

use crate::blocks::TAIL_POINTS;

/// One series' new points, and of the old ones those that must be written again with them.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    /// Number of the first point of `kept`.
    pub start: u64,
    /// The old points that are written again: the tail, or all after the sealed chunks.
    pub kept: Points,
    pub news: Vec<&'a Points>,
    pub summary: Option<PartSummary>,
    /// Restarts of later parts, for a series that is new.
    pub below: Option<i64>,
    /// The step of the last sealed point.
    pub edge: Option<i64>,
}

/// What to write.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub summary: PartSummary,
    pub edge: Option<i64>,
    /// Whole chunks were made: old pieces from `start` on go.
    pub sealed: bool,
    /// (number of the first point, bytes)
    pub chunks: Vec<(u64, Vec<u8>)>,
    pub tail: Points,
    pub tail_blob: Vec<u8>,
    /// Of the new whole chunks, by chunk; and the same encoded, each a row of level 1.
    pub base: Vec<Node>,
    pub base_rows: Vec<Vec<u8>>,
}

/// Below this many points a second thread costs more than it brings.
const PARALLEL_POINTS: usize = 16_384;

/// Works all jobs off, on several threads if they are large; results in the order of the jobs.
pub(crate) fn seal_all(jobs: Vec<Job<'_>>) -> Vec<Sealed> {
    let n_points: usize = jobs.iter().flat_map(|j| &j.news).map(|p| p.len()).sum();
    let n_threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(4)).min(jobs.len());
    if n_threads < 2 || n_points < PARALLEL_POINTS {
        return jobs.into_iter().map(seal).collect();
    }
    let next = AtomicUsize::new(0);
    let slots: Vec<Mutex<(Option<Job>, Option<Sealed>)>> =
        jobs.into_iter().map(|job| Mutex::new((Some(job), None))).collect();
    let work = || {
        while let Some(slot) = slots.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            slot.1 = slot.0.take().map(seal);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..n_threads {
            scope.spawn(work);
        }
        work();
    });
    let done = |slot: Mutex<(Option<Job>, Option<Sealed>)>| slot.into_inner().unwrap_or_else(PoisonError::into_inner).1;
    slots.into_iter().map(|slot| done(slot).expect("BUG: a job was left out")).collect()
}

fn seal(job: Job<'_>) -> Sealed {
    let Job { start, kept, news, mut summary, below, mut edge } = job;
    for new in &news {
        match &mut summary {
            Some(summary) => summary.append(new),
            none => *none = PartSummary::of(new, below),
        }
    }
    let mut points = kept;
    let n_new: usize = news.iter().map(|p| p.len()).sum();
    points.steps.reserve(n_new);
    points.times.reserve(n_new);
    points.values.reserve(n_new);
    news.iter().for_each(|p| points.extend(p));

    let mut chunks = Vec::new();
    let (mut base, mut base_rows) = (Vec::new(), Vec::new());
    let mut at = 0;
    while start % CHUNK_POINTS as u64 == 0 && points.len() - at >= CHUNK_POINTS {
        let to = at + CHUNK_POINTS;
        chunks.push((start + at as u64, codec::encode(&points, at, to, Effort::Sealed)));
        let nodes = base_nodes(&points, at, to, edge);
        debug_assert_eq!(nodes.len(), CHUNK_POINTS / BASE_POINTS, "BUG: a chunk's nodes");
        base_rows.push(encode_nodes(1, &nodes));
        base.extend(nodes);
        edge = points.steps.get(to - 1).copied();
        at = to;
    }
    let rest = points.len() - at;
    let (mut tail, mut tail_blob) = (Points::default(), Vec::new());
    if rest >= TAIL_POINTS {
        chunks.push((start + at as u64, codec::encode(&points, at, points.len(), Effort::Quick)));
    } else if rest > 0 {
        tail_blob = codec::encode(&points, at, points.len(), Effort::Plain);
        tail = points.slice(at, points.len());
    }
    let summary = summary.expect("BUG: a job without points");
    Sealed { summary, edge, sealed: at > 0, chunks, tail, tail_blob, base, base_rows }
}
