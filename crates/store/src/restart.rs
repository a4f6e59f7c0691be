//! What takes points back: a restart's mark, a part or a run whose file was replaced.

use rusqlite::Connection;
use signalbox_types::{MetricId, Points, PurgeMark, RunId};

use crate::Result;
use crate::blocks::{SeriesId, read_from};
use crate::ingest::OpenRun;
use crate::{code, media};

impl OpenRun {
    /// A restart. Nothing may be pending: the part's points so far come before it.
    pub fn mark(&mut self, db: &Connection, mark: &PurgeMark) -> Result<()> {
        let is_new = !self.marks.contains(mark);
        if is_new {
            db.prepare_cached("INSERT INTO mark(run, part, step) VALUES(?, ?, ?)")?
                .execute((self.id.0, &mark.part, mark.step))?;
            self.marks.push(mark.clone());
        }
        let own = self.parts.get(&mark.part).copied();
        let keys: Vec<_> = self.series.keys().copied().filter(|key| Some(key.1) == own).collect();
        for key in keys {
            let Some(series) = self.series.get_mut(&key) else { continue };
            let n_cuts = series.summary.cuts.len();
            let survey = series.summary.cut(mark.step);
            if series.summary.cuts.len() > n_cuts {
                self.survey(db, key, survey)?;
            }
        }
        if is_new { self.refresh_below(db) } else { Ok(()) }
    }

    /// Forgets what a part held, and its restarts.
    pub fn reset_part(&mut self, db: &Connection, name: &str) -> Result<()> {
        if let Some(part) = self.parts.remove(name) {
            let keys: Vec<_> = self.series.keys().copied().filter(|key| key.1 == part).collect();
            for key in keys {
                if let Some(series) = self.series.remove(&key) {
                    delete_series(db, series.id)?;
                }
            }
            db.prepare_cached("DELETE FROM series WHERE run = ? AND part = ?")?.execute((self.id.0, part))?;
            media::delete_of_part(db, self.id, part)?;
            db.prepare_cached("DELETE FROM part WHERE id = ?")?.execute((part,))?;
        }
        db.prepare_cached("DELETE FROM mark WHERE run = ? AND part = ?")?.execute((self.id.0, name))?;
        self.marks.retain(|m| m.part != name);
        self.first_time =
            self.series.values().map(|s| s.summary.all.first.time).filter(|t| t.is_finite()).reduce(f64::min);
        db.prepare_cached("UPDATE run SET first_time = ? WHERE id = ?")?.execute((self.first_time, self.id.0))?;
        self.refresh_below(db)
    }

    /// Forgets all that the run's source told of it before.
    pub fn reset(&mut self, db: &Connection) -> Result<()> {
        delete_run_data(db, self.id)?;
        db.prepare_cached(
            "UPDATE run SET name = NULL, status = NULL, started = NULL, ended = NULL, parent = NULL, experiment = NULL,
             user = NULL, deleted = 0, artifact_root = NULL, pid = NULL, first_time = NULL WHERE id = ?",
        )?
        .execute((self.id.0,))?;
        *self = OpenRun {
            id: self.id,
            first_time: None,
            marks: Vec::new(),
            parts: Default::default(),
            series: Default::default(),
            media_tags: None,
        };
        Ok(())
    }

    /// Tells every part from where later ones began anew.
    fn refresh_below(&mut self, db: &Connection) -> Result<()> {
        let parts: Vec<(u32, Option<i64>)> = self.parts.iter().map(|(name, &id)| (id, self.below(name))).collect();
        for (part, below) in parts {
            let keys: Vec<_> = self.series.keys().copied().filter(|key| key.1 == part).collect();
            for key in keys {
                let Some(series) = self.series.get_mut(&key) else { continue };
                if series.summary.below != below {
                    let survey = series.summary.set_below(below);
                    self.survey(db, key, survey)?;
                }
            }
        }
        Ok(())
    }

    /// Saves a series whose restarts have changed, after finding its line's ends anew if they may have moved.
    fn survey(&mut self, db: &Connection, key: (MetricId, u32), read: bool) -> Result<()> {
        let Some(series) = self.series.get_mut(&key) else { return Ok(()) };
        if read {
            let mut points = Points::default();
            read_from(db, series.id, 0, series.summary.all.n, &mut points)?;
            series.summary.survey([&points]);
        }
        series.save(db, self.id, key)
    }
}

/// Deletes a series' points.
fn delete_series(db: &Connection, series: SeriesId) -> Result<()> {
    db.prepare_cached("DELETE FROM chunk WHERE id BETWEEN ? AND ?")?.execute(series.rows())?;
    db.prepare_cached("DELETE FROM node WHERE id BETWEEN ? AND ?")?.execute(series.rows())?;
    db.prepare_cached("DELETE FROM tail WHERE series = ?")?.execute((series.0,))?;
    Ok(())
}

/// Deletes everything that hangs on a run, but not the run.
fn delete_run_data(db: &Connection, run: RunId) -> Result<()> {
    let ids: Vec<u32> = db
        .prepare_cached("SELECT id FROM series WHERE run = ?")?
        .query_map((run.0,), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in ids {
        delete_series(db, SeriesId(id))?;
    }
    media::delete_of_run(db, run)?;
    for table in ["series", "part", "mark", "param", "tag", "dataset", "code"] {
        db.prepare_cached(&format!("DELETE FROM {table} WHERE run = ?"))?.execute((run.0,))?;
    }
    code::delete_unused(db)
}
