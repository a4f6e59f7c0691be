//! Points into series: what is pending in a transaction, and how it is written.

use std::collections::{BTreeSet, HashMap};

use rusqlite::Connection;
use signalbox_series::{
    CHUNK_POINTS, FAN, MAX_LEVEL, Node, PartSummary, block_points, decode_nodes, encode_nodes, row_nodes,
};
use signalbox_types::{MetricId, Points, PurgeMark, RunId};

use crate::blocks::{SeriesId, TAIL_POINTS, blob, load_nodes, missing, read_from, read_tail, sealed};
use crate::seal::{Job, Sealed, seal_all};
use crate::{Result, StoreError};

/// A run as the writer knows it: kept from commit to commit as long as no other instance commits its source.
#[derive(Debug)]
pub(crate) struct OpenRun {
    pub id: RunId,
    pub first_time: Option<f64>,
    pub marks: Vec<PurgeMark>,
    /// By name.
    pub parts: HashMap<String, u32>,
    pub series: HashMap<(MetricId, u32), OpenSeries>,
    /// Read when the first item comes.
    pub media_tags: Option<crate::media::Tags>,
}

#[derive(Debug)]
pub(crate) struct OpenSeries {
    pub id: SeriesId,
    pub edge: Option<i64>,
    pub summary: PartSummary,
    /// The tail's points, once they were read or written.
    pub tail: Option<Points>,
}

/// New points of one run that are not written yet.
pub(crate) type Pending<'a> = HashMap<(MetricId, u32), Vec<&'a Points>>;

/// At most this many points are encoded at once: what a commit may hold beside its batches.
const ROUND_POINTS: usize = 1 << 20;

impl OpenRun {
    /// Reads what the store has of a run's series.
    pub fn load(db: &Connection, id: RunId, first_time: Option<f64>) -> Result<Self> {
        let mut run = OpenRun {
            id,
            first_time,
            marks: Vec::new(),
            parts: HashMap::new(),
            series: HashMap::new(),
            media_tags: None,
        };
        let mut parts = db.prepare_cached("SELECT id, name FROM part WHERE run = ?")?;
        let mut rows = parts.query((id.0,))?;
        while let Some(row) = rows.next()? {
            run.parts.insert(row.get(1)?, row.get(0)?);
        }
        let mut marks = db.prepare_cached("SELECT part, step FROM mark WHERE run = ?")?;
        let mut rows = marks.query((id.0,))?;
        while let Some(row) = rows.next()? {
            run.marks.push(PurgeMark { part: row.get(0)?, step: row.get(1)? });
        }
        let mut series = db.prepare_cached("SELECT metric, part, id, edge, summary FROM series WHERE run = ?")?;
        let mut rows = series.query((id.0,))?;
        while let Some(row) = rows.next()? {
            let open = OpenSeries {
                id: SeriesId(row.get(2)?),
                edge: row.get(3)?,
                summary: PartSummary::decode(blob(row.get_ref(4)?)?)?,
                tail: None,
            };
            run.series.insert((MetricId(row.get(0)?), row.get(1)?), open);
        }
        Ok(run)
    }

    /// The least step at which a part after `part` begins anew.
    pub fn below(&self, part: &str) -> Option<i64> {
        self.marks.iter().filter(|m| m.part.as_str() > part).map(|m| m.step).min()
    }

    pub fn part(&mut self, db: &Connection, name: &str) -> Result<u32> {
        if let Some(&id) = self.parts.get(name) {
            return Ok(id);
        }
        db.prepare_cached("INSERT INTO part(run, name) VALUES(?, ?)")?.execute((self.id.0, name))?;
        let id =
            u32::try_from(db.last_insert_rowid()).map_err(|_| StoreError::Limit { what: "the number of parts" })?;
        self.parts.insert(name.to_string(), id);
        Ok(id)
    }

    /// Writes what is pending; the keys of what was written are added to `written`.
    pub fn settle(&mut self, db: &Connection, pending: Pending<'_>, written: &mut BTreeSet<MetricId>) -> Result<u64> {
        let mut pending: Vec<_> = pending.into_iter().collect();
        // In a fixed order: series of one run lie side by side.
        pending.sort_by_key(|(key, _)| *key);
        let n_new = pending.iter().filter(|(key, _)| !self.series.contains_key(key)).count();
        let mut ids = next_series(db, n_new)?;
        let mut n_points = 0;
        let mut rest = pending.into_iter().peekable();
        while rest.peek().is_some() {
            let (mut keys, mut jobs, mut n_round) = (Vec::new(), Vec::new(), 0);
            while n_round < ROUND_POINTS
                && let Some((key, news)) = rest.next()
            {
                n_round += news.iter().map(|p| p.len()).sum::<usize>();
                jobs.push(self.job(db, key, news)?);
                keys.push(key);
            }
            n_points += n_round as u64;
            for (key, sealed) in keys.into_iter().zip(seal_all(jobs)) {
                self.write(db, key, sealed, &mut ids)?;
                written.insert(key.0);
            }
        }
        Ok(n_points)
    }

    fn job<'a>(&mut self, db: &Connection, key: (MetricId, u32), news: Vec<&'a Points>) -> Result<Job<'a>> {
        let Some(series) = self.series.get_mut(&key) else {
            let part = self.parts.iter().find(|p| *p.1 == key.1).map_or("", |p| p.0.as_str());
            let below = self.below(part);
            return Ok(Job { start: 0, kept: Points::default(), news, summary: None, below, edge: None });
        };
        let n = series.summary.all.n;
        let n_new: usize = news.iter().map(|p| p.len()).sum();
        let n_open = n - sealed(n);
        let mut kept = Points::default();
        if n_open as usize + n_new >= CHUNK_POINTS && n_open > 0 {
            read_from(db, series.id, sealed(n), n, &mut kept)?;
        } else if let Some(tail) = &series.tail {
            kept = tail.clone();
        } else if n_open > 0 {
            read_tail(db, series.id, &mut kept)?;
        }
        let start = n - kept.len() as u64;
        let (summary, edge) = (Some(series.summary.clone()), series.edge);
        Ok(Job { start, kept, news, summary, below: None, edge })
    }

    fn write(
        &mut self,
        db: &Connection,
        key: (MetricId, u32),
        sealed: Sealed,
        ids: &mut std::ops::Range<u32>,
    ) -> Result<()> {
        let old = self.series.get(&key);
        let id = match old {
            Some(old) => old.id,
            None => SeriesId(ids.next().expect("BUG: a series nobody counted")),
        };
        let n_old = old.map_or(0, |s| s.summary.all.n);
        if sealed.sealed && n_old > crate::blocks::sealed(n_old) {
            let mut delete = db.prepare_cached("DELETE FROM chunk WHERE id BETWEEN ? AND ?")?;
            delete.execute((id.chunk(crate::blocks::sealed(n_old))?, id.rows().1))?;
        }
        for (first, data) in &sealed.chunks {
            db.prepare_cached("INSERT INTO chunk(id, data) VALUES(?, ?)")?.execute((id.chunk(*first)?, data))?;
        }
        if !sealed.tail_blob.is_empty() {
            db.prepare_cached("INSERT OR REPLACE INTO tail(series, data) VALUES(?, ?)")?
                .execute((id.0, &sealed.tail_blob))?;
        } else if old.is_some_and(|s| s.tail.as_ref().is_none_or(|tail| !tail.is_empty())) {
            db.prepare_cached("DELETE FROM tail WHERE series = ?")?.execute((id.0,))?;
        }
        debug_assert!(sealed.tail.len() < TAIL_POINTS, "BUG: a tail of {}", sealed.tail.len());
        write_nodes(db, id, n_old, &sealed)?;
        let time = sealed.summary.all.first.time;
        if old.is_none() && time.is_finite() && self.first_time.is_none_or(|first| time < first) {
            self.first_time = Some(time);
            db.prepare_cached("UPDATE run SET first_time = ? WHERE id = ?")?.execute((time, self.id.0))?;
        }
        let series = OpenSeries { id, edge: sealed.edge, summary: sealed.summary, tail: Some(sealed.tail) };
        series.save(db, self.id, key)?;
        self.series.insert(key, series);
        Ok(())
    }
}

impl OpenSeries {
    /// Writes the series' row.
    pub fn save(&self, db: &Connection, run: RunId, (metric, part): (MetricId, u32)) -> Result<()> {
        db.prepare_cached(
            "INSERT INTO series(run, metric, part, id, edge, summary) VALUES(?, ?, ?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET id = excluded.id, edge = excluded.edge, summary = excluded.summary",
        )?
        .execute((run.0, metric.0, part, self.id.0, self.edge, self.summary.encode()))?;
        Ok(())
    }
}

/// Ids for `n` new series.
fn next_series(db: &Connection, n: usize) -> Result<std::ops::Range<u32>> {
    if n == 0 {
        return Ok(0..0);
    }
    let mut next = db.prepare_cached("UPDATE counter SET value = value + ? WHERE name = 'series' RETURNING value")?;
    let last: i64 = next.query_row((n as i64,), |row| row.get(0))?;
    // Shifted by 32 bits they must stay positive.
    let last = i32::try_from(last).map_err(|_| StoreError::Limit { what: "the number of series" })? as u32;
    Ok(last + 1 - n as u32..last + 1)
}

/// Adds the nodes of new whole chunks to every level; full rows are never touched again.
fn write_nodes(db: &Connection, id: SeriesId, n_old: u64, new: &Sealed) -> Result<()> {
    let put = |level: u8, row: u64, data: &[u8]| -> Result<()> {
        db.prepare_cached("INSERT OR REPLACE INTO node(id, data) VALUES(?, ?)")?
            .execute((id.node_row(level, row), data))?;
        Ok(())
    };
    let old = sealed(n_old);
    for (i, row) in new.base_rows.iter().enumerate() {
        put(1, old / CHUNK_POINTS as u64 + i as u64, row)?;
    }
    // Of the level below: nodes that no node of this level covers yet, old ones included.
    let mut below: Vec<Node> = new.base.clone();
    for level in 2..=MAX_LEVEL {
        let fresh: Vec<Node> = below.chunks_exact(FAN).filter_map(Node::merged).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let size = row_nodes(level) as u64;
        let mut at = old / block_points(level);
        let mut row = Vec::new();
        if !at.is_multiple_of(size) {
            load_nodes(db, id, (level, at / size), |data| Ok(decode_nodes(data, &mut row)?))?;
        }
        if row.len() as u64 != at % size {
            return Err(missing(id));
        }
        // The next level continues where it ended, which may be some nodes back.
        let begun = (at % FAN as u64) as usize;
        below = row[row.len().saturating_sub(begun)..].to_vec();
        below.extend(&fresh);
        for node in fresh {
            row.push(node);
            at += 1;
            if at.is_multiple_of(size) {
                put(level, (at - 1) / size, &encode_nodes(level, &row))?;
                row.clear();
            }
        }
        if !row.is_empty() {
            put(level, (at - 1) / size, &encode_nodes(level, &row))?;
        }
    }
    Ok(())
}
