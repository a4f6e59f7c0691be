//! Forgetting a project, or those of its runs that are gone: out of sight in one transaction, then removed in short ones.
//!
//! What is forgotten has no row in `project` any more, and every question that names a project or a run asks for that row:
//! nobody sees half of it. What hangs on the absent row is removed piece by piece, so that no other writer waits long;
//! killed anywhere, the next step goes on, in this process or in another. A mark among the preferences says what is under
//! way; without one, rows whose project is absent are found all the same.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use signalbox_types::{ProjectId, RunId, SourceId};

use crate::blocks::SeriesId;
use crate::keyed::{Owner, Table, tables};
use crate::{Result, Store, StoreError};

/// What is being forgotten. It is kept until nothing is left.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Forgetting {
    /// For a person.
    pub name: String,
    /// Its runs when it began.
    pub n_runs: u64,
    /// Preferences that are about it, by their whole names.
    pub keys: Vec<String>,
    /// And by how their names begin.
    pub beginnings: Vec<String>,
    /// Beginnings of the names by which [`crate::CellStore`] has counts of it: whoever carries this out forgets them.
    pub cells: Vec<String>,
}

/// What a step of forgetting has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgot {
    pub n_runs: u64,
    pub n_rows: u64,
}

/// A mark's name: this and the absent project's id.
const MARK: &str = "forgetting:";
/// Of a table with small rows, so many are removed between two looks at the clock.
const ROWS: usize = 1000;
/// Of chunks of points: a chunk is some 30 KB.
const CHUNKS: usize = 32;
/// So many runs are put out of sight at once; of a source that is gone all, whatever they are.
const RUNS: u64 = 500;

impl Store {
    /// Puts a project out of sight, with the preferences that are about it. [`Store::forget_some`] does the rest.
    /// `UnknownProject` if it is not there.
    pub fn begin_forgetting(&mut self, project: ProjectId, what: &Forgetting) -> Result<()> {
        self.write(|db| {
            if db.prepare_cached("DELETE FROM project WHERE id = ?")?.execute((project.0,))? == 0 {
                return Err(StoreError::UnknownProject(project));
            }
            forget_prefs(db, what)?;
            set_mark(db, project, what)
        })?;
        self.forget_memory();
        Ok(())
    }

    /// Puts those runs of a project out of sight that are gone from their sources, or whose sources are gone, with our
    /// own words on them. How many they were. A source that comes back is read from its beginning.
    pub fn begin_forgetting_gone(&mut self, project: ProjectId, name: &str, now_unix: f64) -> Result<u64> {
        let n_runs = self.write(|db| n_gone(db, project))?;
        if n_runs == 0 {
            return Ok(0);
        }
        let what = Forgetting { name: name.to_owned(), n_runs, ..Forgetting::default() };
        // They are moved to a source of a project that was never listed: its id is new, and is not used again.
        let ghost = self.write(|db| {
            let path = format!("forgetting gone runs of {} at {now_unix}", project.0);
            let ghost: u32 = db
                .prepare_cached("INSERT INTO project(path, added, last_opened) VALUES(?1, ?2, ?2) RETURNING id")?
                .query_row((path.as_bytes(), now_unix), |row| row.get(0))?;
            db.prepare_cached("DELETE FROM project WHERE id = ?")?.execute((ghost,))?;
            Ok(ProjectId(ghost))
        })?;
        let mut n = 0;
        loop {
            let more = self.write(|db| {
                // Each time: whoever goes on with it meanwhile may have come to its end.
                set_mark(db, ghost, &what)?;
                let source: u32 = db
                    .prepare_cached(
                        "INSERT INTO source(project, format, rel, added) VALUES(?, 'gone', x'', ?)
                         ON CONFLICT DO UPDATE SET added = added RETURNING id",
                    )?
                    .query_row((ghost.0, now_unix), |row| row.get(0))?;
                hide_gone(db, project, SourceId(source))
            })?;
            self.forget_memory();
            if more == 0 {
                return Ok(n);
            }
            n += more;
        }
    }

    /// Removes some of what is out of sight, for about as long as `budget`, in one transaction. `None`: nothing is left.
    pub fn forget_some(&mut self, budget: Duration) -> Result<Option<Forgot>> {
        self.write(|db| {
            let until = Instant::now() + budget;
            let tables = tables(db)?;
            let Some(project) = next(db, &tables)? else { return Ok(None) };
            let mut done = Forgot::default();
            loop {
                if !piece(db, &tables, project, &mut done)? {
                    crate::code::delete_unused(db)?;
                    if let Some(what) = mark(db, project)? {
                        // Somebody may have written one of them since.
                        forget_prefs(db, &what)?;
                    }
                    db.prepare_cached("DELETE FROM pref WHERE key = ?")?.execute((format!("{MARK}{}", project.0),))?;
                    return Ok(Some(done));
                }
                if Instant::now() >= until {
                    return Ok(Some(done));
                }
            }
        })
    }

    /// What is under way, with how many of its runs are left.
    pub fn being_forgotten(&mut self) -> Result<Vec<(Forgetting, u64)>> {
        self.write(|db| {
            let mut out = Vec::new();
            for project in marks(db)? {
                let left: i64 = db
                    .prepare_cached("SELECT count(*) FROM source s JOIN run r ON r.source = s.id WHERE s.project = ?")?
                    .query_row((project.0,), |row| row.get(0))?;
                out.push((mark(db, project)?.unwrap_or_default(), left.unsigned_abs()));
            }
            Ok(out)
        })
    }

    /// Everything that we kept of it, our own words included, before this returns.
    pub fn forget_project(&mut self, project: ProjectId) -> Result<()> {
        self.begin_forgetting(project, &Forgetting::default())?;
        while self.forget_some(Duration::from_millis(50))?.is_some() {}
        Ok(())
    }
}

fn mark(db: &Connection, project: ProjectId) -> Result<Option<Forgetting>> {
    let text: Option<String> = db
        .prepare_cached("SELECT value FROM pref WHERE key = ?")?
        .query_row((format!("{MARK}{}", project.0),), |row| row.get(0))
        .optional()?;
    // What cannot be understood is a mark all the same.
    Ok(text.map(|text| serde_json::from_str(&text).unwrap_or_default()))
}

fn set_mark(db: &Connection, project: ProjectId, what: &Forgetting) -> Result<()> {
    let text = serde_json::to_string(what).map_err(StoreError::damaged)?;
    db.prepare_cached("INSERT OR REPLACE INTO pref(key, value) VALUES(?, ?)")?
        .execute((format!("{MARK}{}", project.0), text))?;
    Ok(())
}

/// The absent projects that have marks. A mark on a project that is there means nothing.
fn marks(db: &Connection) -> Result<Vec<ProjectId>> {
    let mut select = db.prepare_cached(
        "SELECT substr(key, 12) FROM pref WHERE key > 'forgetting:' AND key < 'forgetting;' ORDER BY key",
    )?;
    let ids: Vec<String> = select.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut out = Vec::new();
    for id in ids.iter().filter_map(|id| id.parse::<u32>().ok()) {
        if !is_there(db, id)? {
            out.push(ProjectId(id));
        }
    }
    Ok(out)
}

fn is_there(db: &Connection, project: u32) -> Result<bool> {
    Ok(db.prepare_cached("SELECT 1 FROM project WHERE id = ?")?.exists((project,))?)
}

fn forget_prefs(db: &Connection, what: &Forgetting) -> Result<()> {
    for key in &what.keys {
        db.prepare_cached("DELETE FROM pref WHERE key = ?")?.execute((key,))?;
    }
    // An empty beginning would be all of them.
    for beginning in what.beginnings.iter().filter(|beginning| !beginning.is_empty()) {
        db.prepare_cached("DELETE FROM pref WHERE substr(key, 1, length(?1)) = ?1")?.execute((beginning,))?;
    }
    Ok(())
}

/// A project that is not there and of which something is.
fn next(db: &Connection, tables: &[Table]) -> Result<Option<ProjectId>> {
    if let Some(project) = marks(db)?.first() {
        return Ok(Some(*project));
    }
    // A program of an earlier version that had it open may have added to it since.
    let of_project = tables.iter().filter(|t| t.owner == Owner::Project).map(|t| t.name.as_str());
    for table in of_project.chain(["source"]) {
        let sql = format!("SELECT project FROM \"{table}\" WHERE project NOT IN (SELECT id FROM project) LIMIT 1");
        let found: Option<u32> = db.prepare_cached(&sql)?.query_row((), |row| row.get(0)).optional()?;
        if found.is_some() {
            return Ok(found.map(ProjectId));
        }
    }
    Ok(None)
}

/// Removes a piece of a project. False: nothing is left.
fn piece(db: &Connection, tables: &[Table], project: ProjectId, done: &mut Forgot) -> Result<bool> {
    let source: Option<u32> = db
        .prepare_cached("SELECT id FROM source WHERE project = ? LIMIT 1")?
        .query_row((project.0,), |row| row.get(0))
        .optional()?;
    let Some(source) = source else {
        return Ok(!empty(db, tables, Owner::Project, project.0, done)?);
    };
    let run: Option<u32> = db
        .prepare_cached("SELECT id FROM run WHERE source = ? LIMIT 1")?
        .query_row((source,), |row| row.get(0))
        .optional()?;
    let Some(run) = run else {
        if empty(db, tables, Owner::Source, source, done)? {
            db.prepare_cached("DELETE FROM source WHERE id = ?")?.execute((source,))?;
        }
        return Ok(true);
    };
    let series: Option<(u32, u32, u32)> = db
        .prepare_cached("SELECT metric, part, id FROM series WHERE run = ? LIMIT 1")?
        .query_row((run,), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    if let Some((metric, part, id)) = series {
        if empty_series(db, tables, SeriesId(id), done)? {
            db.prepare_cached("DELETE FROM series WHERE run = ? AND metric = ? AND part = ?")?
                .execute((run, metric, part))?;
        }
        return Ok(true);
    }
    let tag: Option<u32> = db
        .prepare_cached("SELECT id FROM media_tag WHERE run = ? LIMIT 1")?
        .query_row((run,), |row| row.get(0))
        .optional()?;
    if let Some(tag) = tag {
        if empty(db, tables, Owner::Tag, tag, done)? {
            db.prepare_cached("DELETE FROM media_tag WHERE id = ?")?.execute((tag,))?;
        }
    } else if empty(db, tables, Owner::Run, run, done)? {
        db.prepare_cached("DELETE FROM run WHERE id = ?")?.execute((run,))?;
        done.n_runs += 1;
    }
    Ok(true)
}

/// Whether nothing of it is left.
fn empty_series(db: &Connection, tables: &[Table], series: SeriesId, done: &mut Forgot) -> Result<bool> {
    let (first, last) = series.rows();
    for (table, limit) in [("chunk", CHUNKS), ("node", ROWS)] {
        let sql =
            format!("DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE id BETWEEN ?1 AND ?2 LIMIT ?3)");
        let n = db.prepare_cached(&sql)?.execute((first, last, limit as i64))?;
        done.n_rows += n as u64;
        if n == limit {
            return Ok(false);
        }
    }
    empty(db, tables, Owner::Series, series.0, done)
}

/// Removes rows that belong to `id`. Whether none is left.
fn empty(db: &Connection, tables: &[Table], owner: Owner, id: u32, done: &mut Forgot) -> Result<bool> {
    for table in tables.iter().filter(|t| t.owner == owner) {
        let n = table.delete_some(db, i64::from(id), ROWS)?;
        done.n_rows += n as u64;
        if n == ROWS {
            return Ok(false);
        }
    }
    Ok(true)
}

const GONE: &str = "FROM source s JOIN run r ON r.source = s.id
    WHERE s.project = ? AND (r.gone <> 0 OR s.gone_since IS NOT NULL)";

fn n_gone(db: &Connection, project: ProjectId) -> Result<u64> {
    if !is_there(db, project.0)? {
        return Err(StoreError::UnknownProject(project));
    }
    let n: i64 = db.prepare_cached(&format!("SELECT count(*) {GONE}"))?.query_row((project.0,), |row| row.get(0))?;
    Ok(n.unsigned_abs())
}

/// Moves gone runs to the source `to`, and says how many. A source that is gone loses all its runs at once, with its
/// reader's place: should it come back, nothing of it is missing and nothing is there twice.
fn hide_gone(db: &Connection, project: ProjectId, to: SourceId) -> Result<u64> {
    let tables = tables(db)?;
    let found: Vec<(u32, bool)> = db
        .prepare_cached(&format!("SELECT DISTINCT s.id, s.gone_since IS NOT NULL {GONE} LIMIT ?"))?
        .query_map((project.0, RUNS as i64), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut n = 0;
    for (source, is_gone) in found {
        let of_source = if is_gone { "" } else { "AND gone <> 0 LIMIT 500" };
        let runs: Vec<RunId> = db
            .prepare_cached(&format!("SELECT id FROM run WHERE source = ? {of_source}"))?
            .query_map((source,), |row| row.get(0).map(RunId))?
            .collect::<Result<_, _>>()?;
        for run in &runs {
            hide(db, *run, to)?;
        }
        if is_gone {
            for table in tables.iter().filter(|t| t.owner == Owner::Source) {
                while table.delete_some(db, i64::from(source), ROWS)? > 0 {}
            }
            db.prepare_cached("UPDATE source SET cursor = '', n_bytes = 0 WHERE id = ?")?.execute((source,))?;
        }
        // Whoever remembers these runs finds that he is wrong.
        db.prepare_cached("UPDATE source SET generation = generation + 1 WHERE id = ?")?.execute((source,))?;
        n += runs.len() as u64;
        if n >= RUNS {
            break;
        }
    }
    Ok(n)
}

fn hide(db: &Connection, run: RunId, to: SourceId) -> Result<()> {
    db.prepare_cached(
        "DELETE FROM annotation WHERE (project, rel, key) IN
         (SELECT s.project, s.rel, r.key FROM run r JOIN source s ON s.id = r.source WHERE r.id = ?)",
    )?
    .execute((run.0,))?;
    db.prepare_cached("UPDATE run SET source = ?, key = CAST(id AS TEXT) WHERE id = ?")?.execute((to.0, run.0))?;
    Ok(())
}
