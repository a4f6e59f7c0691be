//! The writing thread: the only one that touches the store. Many sources' slices make one transaction, each
//! source's records together with its cursor.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use signalbox_formats::SourceSpec;
use signalbox_store::{Committed, SourceCommit, StoreError};
use signalbox_types::{Problem, ProblemKind, ProjectId, SourceId};

use crate::event::WatchEvent;
use crate::ledger::Ledger;
use crate::mail::{Mail, Order, Slices, Taken};
use crate::options::Options;
use crate::project::{Project, Sink};
use crate::queue::{Queue, Reason};
use crate::show::display_path;
use crate::source::{Key, Source, Stage};
use crate::stats::Totals;

/// How long a source rests whose records the store does not take.
const REST: Duration = Duration::from_secs(60);
/// Between two tries to write to a store that refuses everything.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(crate) struct Writer<'a> {
    pub store: Box<dyn Ledger>,
    pub queue: &'a Queue,
    pub mail: &'a Mail,
    pub options: &'a Options,
    pub totals: &'a Totals,
    pub sink: &'a Sink,
    /// What the store knew of a project's sources when it was opened.
    pub known: HashMap<ProjectId, HashMap<Key, (SourceId, bool)>>,
    pub in_trouble: bool,
}

impl Writer<'_> {
    /// Returns when the mail is stopped.
    pub fn run(mut self) {
        let mut last_commit = None;
        while let Some(Taken { orders, slices }) = self.mail.take(last_commit) {
            let n_orders = orders.len();
            for order in orders {
                self.obey(order);
            }
            self.mail.done(&[], n_orders);
            if !slices.is_empty() {
                last_commit = Some(Instant::now());
                self.commit(&slices);
                self.mail.done(&slices, 0);
            }
        }
    }

    /// Tries until it is done: an order that a busy store made us forget would be a run that is never seen.
    fn obey(&mut self, order: Order) {
        let mut pause = SHORTEST_PAUSE;
        while let Err(error) = self.try_to_obey(&order) {
            let again = passes(&error) && self.options.follow;
            self.trouble(error);
            if !again || !self.mail.pause(pause) {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn try_to_obey(&mut self, order: &Order) -> Result<(), StoreError> {
        match order {
            Order::Found { project, .. } | Order::Lost { project, .. } | Order::Sweep { project, .. }
                if project.cancel.is_cancelled() => {}
            Order::Found { project, spec, bytes_left } => self.found(project, spec, *bytes_left)?,
            Order::Lost { project, key } => {
                if let Some(source) = project.source(key)
                    && source.state().stage != Stage::Gone
                {
                    self.lose(project, key, source.id)?;
                    self.queue.retire(&source);
                    project.detach(&source);
                    project.n_sources.fetch_sub(1, Ordering::Relaxed);
                    (self.sink)(WatchEvent::Gone { project: project.id, source: source.id });
                }
            }
            Order::Sweep { project, found, blind } => {
                for (key, (id, gone)) in self.known(project)?.clone() {
                    if !gone && !found.contains(&key) && !blind.iter().any(|b| key.rel.starts_with(b)) {
                        self.lose(project, &key, id)?;
                        (self.sink)(WatchEvent::Gone { project: project.id, source: id });
                    }
                }
                (self.sink)(WatchEvent::Known { project: project.id });
            }
        }
        Ok(())
    }

    /// The sources that the store has of a project: asked once, then kept in step.
    fn known(&mut self, project: &Project) -> Result<&mut HashMap<Key, (SourceId, bool)>, StoreError> {
        match self.known.entry(project.id) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(vacant) => {
                let rows = self.store.sources(project.id)?.into_iter();
                Ok(vacant.insert(rows.map(|r| (Key { format: r.format, rel: r.rel }, (r.id, r.gone))).collect()))
            }
        }
    }

    fn found(&mut self, project: &Arc<Project>, spec: &SourceSpec, bytes_left: u64) -> Result<(), StoreError> {
        let key = Key::of(spec);
        let (id, gone) = match self.known(project)?.get(&key) {
            Some((id, gone)) => (*id, *gone),
            None => {
                let now = (self.options.clock)();
                (self.store.add_source(project.id, spec.format, &spec.rel, now)?, false)
            }
        };
        let (cursor, generation) = self.store.cursor(id)?;
        if gone {
            self.store.revive_source(id)?;
        }
        self.known(project)?.insert(key.clone(), (id, false));
        let source = match project.source(&key) {
            Some(source) => {
                if source.state().stage == Stage::Gone {
                    source.restart_from(cursor, generation);
                    self.queue.revive(&source);
                    project.route_to(&source);
                    project.n_sources.fetch_add(1, Ordering::Relaxed);
                }
                self.queue.touch(&source, Reason::Live);
                source
            }
            None => {
                let source = Arc::new(Source::new(id, spec.clone(), Arc::clone(project), cursor, generation));
                source.set_bytes_left(&mut source.state(), bytes_left);
                project.n_sources.fetch_add(1, Ordering::Relaxed);
                project.insert(&source);
                self.queue.touch(&source, Reason::Backlog);
                source
            }
        };
        if gone {
            (self.sink)(WatchEvent::Back { project: project.id, source: id });
        }
        if project.cancel.is_cancelled() {
            // It was closed meanwhile, and did not see this one.
            self.queue.retire(&source);
            project.clear();
        }
        Ok(())
    }

    fn lose(&mut self, project: &Project, key: &Key, id: SourceId) -> Result<(), StoreError> {
        self.store.remove_source(id, (self.options.clock)())?;
        self.known(project)?.insert(key.clone(), (id, true));
        Ok(())
    }

    fn commit(&mut self, slices: &[Slices]) {
        let current: Vec<&Slices> = slices.iter().filter(|s| s.source.state().epoch == s.epoch).collect();
        let mut pause = SHORTEST_PAUSE;
        while !current.is_empty() {
            let commits: Vec<SourceCommit> = current.iter().map(|s| as_commit(s)).collect();
            let failed = match self.store.commit_many(&commits, (self.options.clock)()) {
                Ok(results) => {
                    self.in_trouble = false;
                    self.settle(&current, results);
                    return;
                }
                Err(e) => e,
            };
            if !passes(&failed) {
                self.commit_apart(&current, failed);
                return;
            }
            if !self.options.follow {
                self.mail.fail(failed);
                return;
            }
            self.trouble(failed);
            if !self.mail.pause(pause) {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One source's records may be at fault: the others are to be kept all the same.
    fn commit_apart(&mut self, slices: &[&Slices], together: StoreError) {
        if let [one] = slices {
            self.refused(one, &together);
            return;
        }
        for one in slices {
            match self.store.commit_many(&[as_commit(one)], (self.options.clock)()) {
                Ok(results) => self.settle(&[one], results),
                Err(e) => self.refused(one, &e),
            }
        }
    }

    fn settle(&mut self, slices: &[&Slices], results: Vec<Result<Committed, StoreError>>) {
        let mut by_project: BTreeMap<ProjectId, (Arc<Project>, Committed, u64)> = BTreeMap::new();
        for (slices, result) in slices.iter().zip(results) {
            let source = &slices.source;
            match result {
                Ok(committed) => {
                    source.generation.store(committed.generation, Ordering::Release);
                    if std::mem::take(&mut source.state().faulty) {
                        source.project.heal(&display_path(&source.spec.rel), self.sink);
                    }
                    let read_bytes: u64 = slices.batches.iter().map(|b| b.bytes_read).sum();
                    let project = &source.project;
                    let (_, sum, bytes) =
                        by_project.entry(project.id).or_insert_with(|| (Arc::clone(project), Committed::default(), 0));
                    add(sum, committed);
                    *bytes += read_bytes;
                }
                Err(StoreError::Conflict { .. }) => self.read_anew(source),
                Err(e) => self.refused(slices, &e),
            }
        }
        self.totals.committed(by_project.values().map(|(_, c, bytes)| (c.n_points, *bytes)));
        for (id, (project, mut sum, read_bytes)) in by_project {
            project.n_points.fetch_add(sum.n_points, Ordering::Relaxed);
            project.read_bytes.fetch_add(read_bytes, Ordering::Relaxed);
            sort(&mut sum);
            (self.sink)(WatchEvent::Committed {
                project: id,
                runs: sum.runs,
                new_runs: sum.new_runs,
                series: sum.series,
                n_points: sum.n_points,
                read_bytes,
                problems_changed: sum.problems_changed,
                models_changed: sum.models_changed,
            });
        }
    }

    /// Another instance has committed this source: go on from where it got to.
    fn read_anew(&mut self, source: &Arc<Source>) {
        match self.store.cursor(source.id) {
            Ok((cursor, generation)) => {
                source.restart_from(cursor, generation);
                self.queue.touch(source, Reason::Backlog);
            }
            Err(e) => self.trouble(e),
        }
    }

    /// The store does not take this source's records: they are read again later.
    fn refused(&mut self, slices: &Slices, error: &StoreError) {
        let source = &slices.source;
        if matches!(error, StoreError::UnknownSource(_)) {
            self.queue.retire(source);
            return;
        }
        let problem = Problem {
            path: display_path(&source.spec.rel),
            offset: None,
            kind: ProblemKind::Unsupported,
            message: format!("The store did not take the records of this source ({error}). {}", error.hint()),
        };
        source.project.add_problem(problem, self.sink);
        source.state().faulty = true;
        if let Ok((cursor, generation)) = self.store.cursor(source.id) {
            source.restart_from(cursor, generation);
        }
        self.queue.rest(source, REST);
    }

    /// Told once until the store takes records again.
    fn trouble(&mut self, error: StoreError) {
        if !std::mem::replace(&mut self.in_trouble, true) {
            (self.sink)(WatchEvent::StoreTrouble { message: error.to_string(), hint: error.hint() });
        }
        if !self.options.follow {
            self.mail.fail(error);
        }
    }
}

/// Whether the store may take the same records later.
fn passes(error: &StoreError) -> bool {
    matches!(error, StoreError::Busy | StoreError::Full | StoreError::ReadOnly { .. } | StoreError::Io { .. })
}

fn as_commit<'a>(slices: &'a Slices) -> SourceCommit<'a> {
    SourceCommit {
        source: slices.source.id,
        expected_generation: slices.source.generation(),
        batches: &slices.batches,
        cursor: &slices.cursor,
    }
}

fn add(sum: &mut Committed, more: Committed) {
    sum.runs.extend(more.runs);
    sum.new_runs.extend(more.new_runs);
    sum.series.extend(more.series);
    sum.n_points += more.n_points;
    sum.problems_changed |= more.problems_changed;
    sum.models_changed |= more.models_changed;
}

fn sort(sum: &mut Committed) {
    sum.runs.sort_unstable();
    sum.runs.dedup();
    sum.new_runs.sort_unstable();
    sum.new_runs.dedup();
    sum.series.sort_unstable();
    sum.series.dedup();
}
