//! Records and cursor in one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use signalbox_types::{Batch, MetricId, ProjectId, RunDelta, RunId, SourceId};

use crate::catalogue::{find_or_add_run, mark_gone, write_models, write_problems, write_run};
use crate::ingest::{OpenRun, OpenSeries, Pending};
use crate::{Committed, Result, SourceCommit, StoreError, schema};

/// What the writer remembers from commit to commit. Right as long as `generation` is: whoever else commits a source
/// raises it. Dropped whole after an error, for then the transaction was rolled back.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    sources: HashMap<SourceId, OpenSource>,
    metrics: HashMap<(ProjectId, String), MetricId>,
}

#[derive(Debug)]
struct OpenSource {
    generation: u64,
    runs: HashMap<String, OpenRun>,
}

/// What is remembered may take this many bytes; beyond it, it is read again when needed.
const MEMORY_BYTES: usize = 64 << 20;

/// See `Store::commit_many`.
pub(crate) fn commit_many(
    db: &mut Connection,
    path: &Path,
    memory: &mut Memory,
    commits: &[SourceCommit<'_>],
    now: f64,
) -> Result<Vec<Result<Committed>>> {
    let done = (|| {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        schema::check_version(&transaction, path)?;
        let mut out = Vec::with_capacity(commits.len());
        for commit in commits {
            out.push(match one(&transaction, memory, commit, now) {
                // Found before anything of the source was written.
                Err(error @ (StoreError::Conflict { .. } | StoreError::UnknownSource(_))) => Err(error),
                Err(error) => return Err(error),
                Ok(committed) => Ok(committed),
            });
        }
        transaction.commit()?;
        Ok(out)
    })();
    if done.is_err() || memory.bytes() > MEMORY_BYTES {
        *memory = Memory::default();
    }
    done.map_err(|e: StoreError| e.at(path))
}

fn one<'a>(db: &'a Connection, memory: &'a mut Memory, commit: &'a SourceCommit<'a>, now: f64) -> Result<Committed> {
    let source = commit.source;
    let found = db
        .prepare_cached("SELECT p.id, s.generation FROM source s JOIN project p ON p.id = s.project WHERE s.id = ?")?
        .query_row((source.0,), |row| Ok((ProjectId(row.get(0)?), row.get::<_, i64>(1)? as u64)))
        .optional()?;
    let (project, generation) = found.ok_or(StoreError::UnknownSource(source))?;
    if generation != commit.expected_generation {
        memory.sources.remove(&source);
        return Err(StoreError::Conflict { source_id: source });
    }
    let Memory { sources, metrics } = memory;
    let open = sources.entry(source).or_insert_with(|| OpenSource { generation, runs: HashMap::new() });
    if open.generation != generation {
        open.runs.clear();
    }
    let mut writing = Writing {
        db,
        source,
        project,
        now,
        runs: &mut open.runs,
        metrics,
        pending: BTreeMap::new(),
        changed: BTreeSet::new(),
        series: BTreeSet::new(),
        out: Committed { generation: generation + 1, ..Committed::default() },
    };
    for batch in commit.batches {
        writing.batch(batch)?;
    }
    writing.settle_all()?;
    let Writing { mut out, changed, series, .. } = writing;
    out.runs = changed.into_iter().collect();
    out.series = series.into_iter().collect();
    let n_bytes: u64 = commit.batches.iter().map(|b| b.bytes_read).sum();
    db.prepare_cached("UPDATE source SET cursor = ?, generation = ?, n_bytes = n_bytes + ? WHERE id = ?")?
        .execute((&commit.cursor.0, out.generation as i64, n_bytes as i64, source.0))?;
    open.generation = out.generation;
    Ok(out)
}

/// A source's part of the transaction.
struct Writing<'a> {
    db: &'a Connection,
    source: SourceId,
    project: ProjectId,
    now: f64,
    runs: &'a mut HashMap<String, OpenRun>,
    metrics: &'a mut HashMap<(ProjectId, String), MetricId>,
    /// By run key: points of all batches that wait to be written together.
    pending: BTreeMap<&'a str, Pending<'a>>,
    changed: BTreeSet<RunId>,
    series: BTreeSet<(RunId, MetricId)>,
    out: Committed,
}

impl<'a> Writing<'a> {
    fn batch(&mut self, batch: &'a Batch) -> Result<()> {
        for delta in &batch.runs {
            self.run(delta)?;
        }
        self.changed.extend(mark_gone(self.db, self.source, &batch.gone, self.now)?);
        if let Some(models) = &batch.models {
            write_models(self.db, self.source, models)?;
            self.out.models_changed = true;
        }
        self.out.problems_changed |= write_problems(self.db, self.source, &batch.healed, &batch.problems, self.now)?;
        Ok(())
    }

    fn run(&mut self, delta: &'a RunDelta) -> Result<()> {
        let db = self.db;
        if !self.runs.contains_key(&delta.key) {
            let (id, first_time, is_new) = find_or_add_run(db, self.source, &delta.key, self.now)?;
            if is_new {
                self.out.new_runs.push(id);
            }
            self.runs.insert(delta.key.clone(), OpenRun::load(db, id, first_time)?);
        }
        // Whatever takes points back or closes a stretch of them needs those before it in their place.
        let of_series = delta.series.iter().filter(|s| s.reset).map(|s| &s.part);
        let resets: BTreeSet<&str> = of_series.chain(&delta.media_reset).map(String::as_str).collect();
        if delta.reset || !resets.is_empty() || !delta.purges.is_empty() {
            self.settle(&delta.key)?;
        }
        let run = self.runs.get_mut(&delta.key).expect("BUG: the run was just put there");
        self.changed.insert(run.id);
        if delta.reset {
            run.reset(db)?;
        }
        write_run(db, run.id, delta, self.now)?;
        for part in resets {
            run.reset_part(db, part)?;
        }
        for item in &delta.media {
            run.media(db, item)?;
        }
        for mark in &delta.purges {
            run.mark(db, mark)?;
        }
        for series in delta.series.iter().filter(|s| !s.points.is_empty()) {
            let metric = metric_id(db, self.metrics, self.project, &series.metric)?;
            let part = run.part(db, &series.part)?;
            let pending = self.pending.entry(&delta.key).or_default();
            pending.entry((metric, part)).or_default().push(&series.points);
        }
        Ok(())
    }

    fn settle_all(&mut self) -> Result<()> {
        while let Some(key) = self.pending.keys().next().copied() {
            self.settle(key)?;
        }
        Ok(())
    }

    fn settle(&mut self, key: &str) -> Result<()> {
        let Some(pending) = self.pending.remove(key) else { return Ok(()) };
        let run = self.runs.get_mut(key).expect("BUG: points wait for a run that is not open");
        let mut written = BTreeSet::new();
        self.out.n_points += run.settle(self.db, pending, &mut written)?;
        self.series.extend(written.into_iter().map(|metric| (run.id, metric)));
        Ok(())
    }
}

fn metric_id(
    db: &Connection,
    known: &mut HashMap<(ProjectId, String), MetricId>,
    project: ProjectId,
    name: &str,
) -> Result<MetricId> {
    let key = (project, name.to_string());
    if let Some(&id) = known.get(&key) {
        return Ok(id);
    }
    let found: Option<u32> = db
        .prepare_cached("SELECT id FROM metric WHERE project = ? AND name = ?")?
        .query_row((project.0, name), |row| row.get(0))
        .optional()?;
    let id = match found {
        Some(id) => id,
        None => {
            db.prepare_cached("INSERT INTO metric(project, name) VALUES(?, ?)")?.execute((project.0, name))?;
            u32::try_from(db.last_insert_rowid()).map_err(|_| StoreError::Limit { what: "the number of metrics" })?
        }
    };
    known.insert(key, MetricId(id));
    Ok(MetricId(id))
}

impl Memory {
    fn bytes(&self) -> usize {
        // As the allocator counts it: a map's free places, too, and 16 bytes for each block.
        let place = size_of::<((MetricId, u32), OpenSeries)>() + 1;
        let tail = |series: &OpenSeries| series.tail.as_ref().map_or(0, |points| 24 * points.len() + 48);
        let series = |run: &OpenRun| {
            let places = run.series.capacity() * 8 / 7 * place;
            places + run.series.values().map(tail).sum::<usize>() + size_of::<OpenRun>() + 256
        };
        let names: usize = self.metrics.keys().map(|k| k.1.len() + 64).sum();
        self.sources.values().flat_map(|s| s.runs.values()).map(series).sum::<usize>() + names
    }
}
