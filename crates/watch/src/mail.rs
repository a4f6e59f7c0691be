//! What waits for the writing thread, bounded by bytes: slices that were read, gathered by source, and orders.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use signalbox_formats::SourceSpec;
use signalbox_store::StoreError;
use signalbox_types::{Batch, Cursor, ProjectId, SourceId};

use crate::project::Project;
use crate::source::{Key, Source};
use crate::sync::{Work, lock, wait};

/// What one transaction takes at most, so that what is live need not wait long behind it.
const MAX_COMMIT_BYTES: u64 = 8 << 20;
const MAX_COMMIT_SOURCES: usize = 512;
/// Orders handled before slices get their turn.
const MAX_ORDERS: usize = 256;

/// What one read gave.
pub(crate) struct Slice {
    pub source: Arc<Source>,
    pub epoch: u64,
    pub batch: Batch,
    /// After the batch.
    pub cursor: Cursor,
    /// Commit it before what is not.
    pub live: bool,
}

/// Consecutive slices of one source.
pub(crate) struct Slices {
    pub source: Arc<Source>,
    pub epoch: u64,
    pub batches: Vec<Batch>,
    pub cursor: Cursor,
    pub bytes: u64,
}

/// What only the writing thread can do.
pub(crate) enum Order {
    /// A source was found on the disk.
    Found { project: Arc<Project>, spec: SourceSpec, bytes_left: u64 },
    /// A source is no longer on the disk.
    Lost { project: Arc<Project>, key: Key },
    /// The first walk is over: what the store knows beside `found` is gone, except below `blind`.
    Sweep { project: Arc<Project>, found: HashSet<Key>, blind: Vec<PathBuf> },
}

/// What the writing thread takes at once.
#[derive(Default)]
pub(crate) struct Taken {
    pub orders: Vec<Order>,
    pub slices: Vec<Slices>,
}

#[derive(Default)]
struct State {
    orders: VecDeque<Order>,
    slices: HashMap<SourceId, Slices>,
    live: VecDeque<SourceId>,
    backlog: VecDeque<SourceId>,
    waiting_bytes: u64,
    /// Waiting, or taken and not committed.
    in_flight_bytes: u64,
    stop: bool,
    fatal: Option<StoreError>,
}

pub(crate) struct Mail {
    state: Mutex<State>,
    changed: Condvar,
    room: Condvar,
    work: Arc<Work>,
    max_in_flight_bytes: u64,
    min_gap: Duration,
}

impl Mail {
    pub fn new(work: Arc<Work>, max_in_flight_bytes: u64, min_gap: Duration) -> Mail {
        let (state, changed, room) = (Mutex::default(), Condvar::new(), Condvar::new());
        Mail { state, changed, room, work, max_in_flight_bytes, min_gap }
    }

    /// Waits until more may be read; false after `stop`.
    pub fn wait_for_room(&self) -> bool {
        let mut state = lock(&self.state);
        while state.in_flight_bytes >= self.max_in_flight_bytes && !state.stop {
            state = wait(&self.room, state, None);
        }
        !state.stop
    }

    pub fn put_slice(&self, slice: Slice) {
        let Slice { source, epoch, batch, cursor, live } = slice;
        // A point is 24 bytes in memory, whatever it was on the disk.
        let bytes = batch.bytes_read.max(24 * batch.n_points) + 256;
        let id = source.id;
        let mut state = lock(&self.state);
        match state.slices.get_mut(&id) {
            Some(slices) if slices.epoch == epoch => {
                slices.batches.push(batch);
                slices.cursor = cursor;
                slices.bytes += bytes;
            }
            Some(slices) => {
                // What waited was read before the source was reset.
                let void = std::mem::replace(&mut slices.bytes, bytes);
                (slices.epoch, slices.batches, slices.cursor) = (epoch, vec![batch], cursor);
                state.waiting_bytes -= void;
                state.in_flight_bytes -= void;
            }
            None => {
                self.work.begin();
                state.slices.insert(id, Slices { source, epoch, batches: vec![batch], cursor, bytes });
                if live { state.live.push_back(id) } else { state.backlog.push_back(id) }
            }
        }
        state.waiting_bytes += bytes;
        state.in_flight_bytes += bytes;
        drop(state);
        self.changed.notify_one();
    }

    pub fn put_order(&self, order: Order) {
        self.work.begin();
        lock(&self.state).orders.push_back(order);
        self.changed.notify_one();
    }

    /// Waits for orders, or for slices once the last commit is long enough ago. `None` after `stop`.
    pub fn take(&self, last_commit: Option<Instant>) -> Option<Taken> {
        let mut state = lock(&self.state);
        loop {
            if state.stop {
                return None;
            }
            let mut taken = Taken::default();
            let n_orders = state.orders.len().min(MAX_ORDERS);
            taken.orders.extend(state.orders.drain(..n_orders));
            let due = last_commit.map(|t| t + self.min_gap).filter(|t| *t > Instant::now());
            if !state.slices.is_empty() && (due.is_none() || state.waiting_bytes >= MAX_COMMIT_BYTES) {
                take_slices(&mut state, &mut taken.slices);
            }
            if !taken.orders.is_empty() || !taken.slices.is_empty() {
                return Some(taken);
            }
            let until = if state.slices.is_empty() { None } else { due };
            state = wait(&self.changed, state, until);
        }
    }

    /// What was taken is committed, or void.
    pub fn done(&self, slices: &[Slices], n_orders: usize) {
        let bytes: u64 = slices.iter().map(|s| s.bytes).sum();
        let mut state = lock(&self.state);
        state.in_flight_bytes -= bytes;
        drop(state);
        self.room.notify_all();
        for _ in 0..slices.len() + n_orders {
            self.work.end();
        }
    }

    /// Waits before the store is tried again; false after `stop`.
    pub fn pause(&self, for_how_long: Duration) -> bool {
        let until = Instant::now() + for_how_long;
        let mut state = lock(&self.state);
        while !state.stop && Instant::now() < until {
            state = wait(&self.changed, state, Some(until));
        }
        !state.stop
    }

    pub fn in_flight_bytes(&self) -> u64 {
        lock(&self.state).in_flight_bytes
    }

    /// Forgets what waits of a project that was closed.
    pub fn forget(&self, project: ProjectId) {
        let mut state = lock(&self.state);
        let ids: Vec<SourceId> =
            state.slices.iter().filter(|(_, s)| s.source.project.id == project).map(|(id, _)| *id).collect();
        for id in ids {
            if let Some(slices) = state.slices.remove(&id) {
                state.waiting_bytes -= slices.bytes;
                state.in_flight_bytes -= slices.bytes;
                self.work.end();
            }
        }
        drop(state);
        self.room.notify_all();
    }

    /// The store cannot be written, and nobody waits for it to become so.
    pub fn fail(&self, error: StoreError) {
        lock(&self.state).fatal.get_or_insert(error);
    }

    pub fn take_failure(&self) -> Option<StoreError> {
        lock(&self.state).fatal.take()
    }

    pub fn stop(&self) {
        lock(&self.state).stop = true;
        self.changed.notify_all();
        self.room.notify_all();
    }
}

fn take_slices(state: &mut State, into: &mut Vec<Slices>) {
    let mut bytes = 0;
    while bytes < MAX_COMMIT_BYTES && into.len() < MAX_COMMIT_SOURCES {
        let Some(id) = state.live.pop_front().or_else(|| state.backlog.pop_front()) else { break };
        if let Some(slices) = state.slices.remove(&id) {
            bytes += slices.bytes;
            state.waiting_bytes -= slices.bytes;
            into.push(slices);
        }
    }
}
