//! Whose turn it is to be read: sources that changed just now before those with much to catch up on, and the
//! same source never twice at once.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use signalbox_types::SourceId;

use crate::options::Options;
use crate::source::{Source, Stage, State};
use crate::sync::{Work, lock, wait};

/// Of so many turns one is the backlog's, however much is live.
const BACKLOG_SHARE: u32 = 4;
/// The longest gap between two reads of a source that keeps changing without news for us.
const LONGEST_GAP: Duration = Duration::from_millis(250);

/// Why a source is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It was found, or there is more to read: after everything that is live.
    Backlog,
    /// It changed just now.
    Live,
}

/// How reading a slice went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    More,
    CaughtUp {
        news: bool,
    },
    /// It was reset meanwhile: read it anew.
    Void,
    /// Nothing can be read of it now; try again after a while.
    Failed,
}

struct Due {
    at: Instant,
    stamp: u64,
    source: Arc<Source>,
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.at == other.at
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

#[derive(Default)]
struct Inner {
    live: VecDeque<Arc<Source>>,
    backlog: VecDeque<Arc<Source>>,
    later: BinaryHeap<Reverse<Due>>,
    /// Sources whose reader is open, with the turn of their last read.
    open: HashMap<SourceId, Arc<Source>>,
    n_live_turns: u32,
    turn: u64,
    stop: bool,
}

/// The queues that the reading threads take from.
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    changed: Condvar,
    work: Arc<Work>,
    min_gap: Duration,
    poll_active: Duration,
    poll_idle: Duration,
    max_open: usize,
}

// Locks are taken in the order queue, then source; never the other way round.
impl Queue {
    pub fn new(options: &Options, work: Arc<Work>) -> Queue {
        Queue {
            inner: Mutex::default(),
            changed: Condvar::new(),
            work,
            min_gap: options.min_read_gap,
            poll_active: options.poll_active,
            poll_idle: options.poll_idle,
            max_open: options.open_readers(),
        }
    }

    /// The source has, or may have, something to read.
    pub fn touch(&self, source: &Arc<Source>, reason: Reason) {
        let mut inner = lock(&self.inner);
        let mut state = source.state();
        match state.stage {
            Stage::Gone | Stage::Queued => {}
            Stage::Reading => state.again = true,
            Stage::Idle | Stage::Later => {
                let earliest = state.last_read.map(|t| t + self.gap(state.n_quiet));
                match earliest {
                    Some(at) if reason == Reason::Live && at > Instant::now() => {
                        if state.stage != Stage::Later || state.due.is_none_or(|due| due > at) {
                            self.put_later(&mut inner, &mut state, source, at);
                        }
                    }
                    _ => self.put(&mut inner, &mut state, source, reason),
                }
            }
        }
    }

    /// Waits for a source to read; `None` after `stop`.
    pub fn next(&self) -> Option<Arc<Source>> {
        let mut inner = lock(&self.inner);
        loop {
            if inner.stop {
                return None;
            }
            self.move_due(&mut inner);
            while let Some(source) = pop(&mut inner) {
                let mut state = source.state();
                if state.stage != Stage::Queued {
                    drop(state);
                    self.work.end();
                    continue;
                }
                if let Some(until) = state.rest_until.filter(|t| *t > Instant::now()) {
                    self.put_later(&mut inner, &mut state, &source, until);
                    drop(state);
                    self.work.end();
                    continue;
                }
                state.stage = Stage::Reading;
                state.again = false;
                inner.turn += 1;
                state.last_turn = inner.turn;
                drop(state);
                return Some(source);
            }
            let until = inner.later.peek().map(|Reverse(due)| due.at);
            inner = wait(&self.changed, inner, until);
        }
    }

    /// A reading thread is done with its slice.
    pub fn finish(&self, source: &Arc<Source>, outcome: Outcome) {
        let mut inner = lock(&self.inner);
        let mut state = source.state();
        let now = Instant::now();
        state.last_read = Some(now);
        if state.reader.is_some() {
            inner.open.insert(source.id, Arc::clone(source));
        }
        if state.stage == Stage::Gone {
            state.reader = None;
            inner.open.remove(&source.id);
        } else {
            match outcome {
                Outcome::More | Outcome::Void => self.put(&mut inner, &mut state, source, Reason::Backlog),
                Outcome::Failed => self.put_later(&mut inner, &mut state, source, now + self.poll_idle),
                Outcome::CaughtUp { news } => {
                    state.n_quiet = if news { 0 } else { state.n_quiet.saturating_add(1) };
                    if state.again {
                        let at = now + self.gap(state.n_quiet);
                        self.put_later(&mut inner, &mut state, source, at);
                    } else if state.polled {
                        state.poll_gap = match news {
                            true => self.poll_active,
                            false => (state.poll_gap * 3 / 2).clamp(self.poll_active, self.poll_idle),
                        };
                        let at = now + state.poll_gap;
                        self.put_later(&mut inner, &mut state, source, at);
                    } else {
                        state.stage = Stage::Idle;
                    }
                }
            }
        }
        drop(state);
        if inner.open.len() > self.max_open {
            close_oldest(&mut inner, self.max_open);
        }
        drop(inner);
        self.work.end();
    }

    /// Lets the source rest: the store would not take what was read. Then it is read again.
    pub fn rest(&self, source: &Arc<Source>, how_long: Duration) {
        let mut inner = lock(&self.inner);
        let mut state = source.state();
        let until = Instant::now() + how_long;
        state.rest_until = Some(until);
        if matches!(state.stage, Stage::Idle | Stage::Later) {
            self.put_later(&mut inner, &mut state, source, until);
        }
    }

    /// The source is there again after it was gone.
    pub fn revive(&self, source: &Arc<Source>) {
        let mut state = source.state();
        if state.stage == Stage::Gone {
            state.stage = Stage::Idle;
            state.last_read = None;
        }
    }

    /// The source is no longer to be read; its entries in the queues are void.
    pub fn retire(&self, source: &Arc<Source>) {
        let mut inner = lock(&self.inner);
        let mut state = source.state();
        state.stage = Stage::Gone;
        state.reader = None;
        state.epoch += 1;
        source.set_bytes_left(&mut state, 0);
        inner.open.remove(&source.id);
    }

    /// How many of a project's sources stand in the queues.
    pub fn waiting(&self, project: signalbox_types::ProjectId) -> u64 {
        let inner = lock(&self.inner);
        inner.live.iter().chain(&inner.backlog).filter(|s| s.project.id == project).count() as u64
    }

    pub fn n_open(&self) -> u64 {
        lock(&self.inner).open.len() as u64
    }

    pub fn stop(&self) {
        let mut inner = lock(&self.inner);
        inner.stop = true;
        inner.live.clear();
        inner.backlog.clear();
        inner.later.clear();
        inner.open.clear();
        drop(inner);
        self.changed.notify_all();
    }

    /// 10 ms after news; up to 250 ms for a source whose folder changes without telling us anything.
    fn gap(&self, n_quiet: u32) -> Duration {
        (self.min_gap * (1 << n_quiet.saturating_sub(1).min(6))).min(LONGEST_GAP.max(self.min_gap))
    }

    fn put(&self, inner: &mut Inner, state: &mut State, source: &Arc<Source>, reason: Reason) {
        self.work.begin();
        state.stage = Stage::Queued;
        match reason {
            Reason::Live => inner.live.push_back(Arc::clone(source)),
            Reason::Backlog => inner.backlog.push_back(Arc::clone(source)),
        }
        self.changed.notify_one();
    }

    fn put_later(&self, inner: &mut Inner, state: &mut State, source: &Arc<Source>, at: Instant) {
        state.stage = Stage::Later;
        state.stamp += 1;
        state.due = Some(at);
        let sooner = inner.later.peek().is_none_or(|Reverse(due)| at < due.at);
        inner.later.push(Reverse(Due { at, stamp: state.stamp, source: Arc::clone(source) }));
        if sooner {
            self.changed.notify_one();
        }
    }

    fn move_due(&self, inner: &mut Inner) {
        let now = Instant::now();
        while inner.later.peek().is_some_and(|Reverse(due)| due.at <= now) {
            let Some(Reverse(due)) = inner.later.pop() else { return };
            let mut state = due.source.state();
            if state.stage == Stage::Later && state.stamp == due.stamp {
                // A poll that found nothing lately need not hurry.
                let reason = if state.polled && state.n_quiet > 2 { Reason::Backlog } else { Reason::Live };
                self.put(inner, &mut state, &due.source, reason);
            }
        }
    }
}

/// Live sources first, but the backlog moves on too.
fn pop(inner: &mut Inner) -> Option<Arc<Source>> {
    if (inner.n_live_turns < BACKLOG_SHARE || inner.backlog.is_empty())
        && let Some(source) = inner.live.pop_front()
    {
        inner.n_live_turns += 1;
        return Some(source);
    }
    inner.n_live_turns = 0;
    inner.backlog.pop_front().or_else(|| inner.live.pop_front())
}

/// Closes the readers that were used least lately, a tenth more than needed so that it is rare.
fn close_oldest(inner: &mut Inner, max_open: usize) {
    let mut by_turn: Vec<(u64, SourceId)> = inner.open.iter().map(|(id, s)| (s.state().last_turn, *id)).collect();
    by_turn.sort_unstable();
    let n = inner.open.len() - (max_open - max_open / 10);
    for (_, id) in by_turn.into_iter().take(n) {
        if let Some(source) = inner.open.remove(&id) {
            let mut state = source.state();
            if state.stage == Stage::Reading {
                drop(state);
                inner.open.insert(id, source);
            } else {
                // What the reader did not hand on was never counted in the cursor: nothing is lost.
                state.reader = None;
            }
        }
    }
}
