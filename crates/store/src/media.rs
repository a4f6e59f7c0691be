//! Where the pictures, sounds, histograms and texts of a run lie.

use std::collections::HashMap;

use rusqlite::{Connection, Row};
use signalbox_types::{MediaItem, MediaKind, RunId};

use crate::ingest::OpenRun;
use crate::reader::StoreReader;
use crate::{Result, StoreError};

/// What a run has logged under one tag.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaTag {
    /// Names it in this store.
    pub id: i64,
    pub run: RunId,
    pub kind: MediaKind,
    pub name: String,
    pub n: u64,
    pub first_step: i64,
    pub last_step: i64,
}

/// One item.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaRow {
    pub item: MediaItem,
    /// Names the part in this store.
    pub part: i64,
    /// Its text, where a store of an earlier version has kept it: its source may be gone.
    pub kept: Option<String>,
}

/// Tags of an open run, by kind and name.
pub(crate) type Tags = HashMap<(MediaKind, String), i64>;

impl OpenRun {
    pub(crate) fn media(&mut self, db: &Connection, item: &MediaItem) -> Result<()> {
        let part = self.part(db, &item.part)?;
        let tag = self.media_tag(db, item)?;
        let time = item.time.is_finite().then_some(item.time);
        let offset = i64::try_from(item.offset).map_err(|_| StoreError::Limit { what: "the size of a file" })?;
        db.prepare_cached(
            "INSERT OR REPLACE INTO media(tag, step, part, idx, offset, time, path, caption)
             VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute((tag, item.step, part, item.index, offset, time, &item.path, &item.caption))?;
        Ok(())
    }

    fn media_tag(&mut self, db: &Connection, item: &MediaItem) -> Result<i64> {
        let tags = match &mut self.media_tags {
            Some(tags) => tags,
            none => none.insert(load_tags(db, self.id)?),
        };
        let key = (item.kind, item.tag.clone());
        if let Some(&id) = tags.get(&key) {
            return Ok(id);
        }
        db.prepare_cached("INSERT INTO media_tag(run, kind, name) VALUES(?, ?, ?)")?.execute((
            self.id.0,
            item.kind.name(),
            &item.tag,
        ))?;
        let id = db.last_insert_rowid();
        tags.insert(key, id);
        Ok(id)
    }
}

fn load_tags(db: &Connection, run: RunId) -> Result<Tags> {
    let mut statement = db.prepare_cached("SELECT kind, name, id FROM media_tag WHERE run = ?")?;
    let mut rows = statement.query((run.0,))?;
    let mut tags = Tags::new();
    while let Some(row) = rows.next()? {
        tags.insert((kind(row, 0)?, row.get(1)?), row.get(2)?);
    }
    Ok(tags)
}

fn kind(row: &Row<'_>, column: usize) -> Result<MediaKind> {
    let name: String = row.get(column)?;
    Ok(MediaKind::from_name(&name).unwrap_or(MediaKind::Other))
}

/// Forgets what one part told.
pub(crate) fn delete_of_part(db: &Connection, run: RunId, part: u32) -> Result<()> {
    let sql = "DELETE FROM media WHERE part = ? AND tag IN (SELECT id FROM media_tag WHERE run = ?)";
    db.prepare_cached(sql)?.execute((part, run.0))?;
    Ok(())
}

/// Forgets everything of a run.
pub(crate) fn delete_of_run(db: &Connection, run: RunId) -> Result<()> {
    db.prepare_cached("DELETE FROM media WHERE tag IN (SELECT id FROM media_tag WHERE run = ?)")?.execute((run.0,))?;
    db.prepare_cached("DELETE FROM media_tag WHERE run = ?")?.execute((run.0,))?;
    Ok(())
}

impl StoreReader {
    /// What a run has logged, by kind and name; tags of which nothing is left are not told.
    pub fn media_tags(&self, run: RunId) -> Result<Vec<MediaTag>> {
        let sql = "SELECT t.id, t.kind, t.name, count(*), min(m.step), max(m.step) FROM media_tag t
             JOIN media m ON m.tag = t.id WHERE t.run = ? GROUP BY t.id ORDER BY t.kind, t.name";
        self.rows(sql, (run.0,), |row| {
            let (id, kind, name) = (row.get(0)?, kind(row, 1)?, row.get(2)?);
            let n: i64 = row.get(3)?;
            Ok(MediaTag { id, run, kind, name, n: n as u64, first_step: row.get(4)?, last_step: row.get(5)? })
        })
    }

    /// The items of a tag by step; at one step by part and place. Empty for a tag that is not there.
    pub fn media(&self, tag: i64) -> Result<Vec<MediaRow>> {
        self.rows(&format!("{ITEMS} WHERE m.tag = ? ORDER BY m.step, p.name, m.offset, m.idx"), (tag,), item)
    }

    /// One of them, by step, part, index and offset.
    pub fn media_item(&self, tag: i64, (step, part, index, offset): (i64, i64, u32, u64)) -> Result<Option<MediaRow>> {
        let sql = format!("{ITEMS} WHERE m.tag = ? AND m.step = ? AND m.part = ? AND m.idx = ? AND m.offset = ?");
        let Ok(offset) = i64::try_from(offset) else { return Ok(None) };
        Ok(self.rows(&sql, (tag, step, part, index, offset), item)?.pop())
    }

    /// Whose tag it is.
    pub fn media_run(&self, tag: i64) -> Result<Option<RunId>> {
        Ok(self.rows("SELECT run FROM media_tag WHERE id = ?", (tag,), |row| Ok(RunId(row.get(0)?)))?.pop())
    }
}

const ITEMS: &str = "SELECT t.kind, t.name, m.step, m.time, m.idx, m.part, p.name, m.offset, m.path, m.caption, m.kept
     FROM media m JOIN media_tag t ON t.id = m.tag LEFT JOIN part p ON p.id = m.part";

fn item(row: &Row<'_>) -> Result<MediaRow> {
    let time: Option<f64> = row.get(3)?;
    let part: Option<String> = row.get(6)?;
    let offset: i64 = row.get(7)?;
    let item = MediaItem {
        kind: kind(row, 0)?,
        tag: row.get(1)?,
        step: row.get(2)?,
        time: time.unwrap_or(f64::NAN),
        index: row.get(4)?,
        part: part.unwrap_or_default(),
        offset: u64::try_from(offset).unwrap_or(0),
        path: row.get(8)?,
        caption: row.get(9)?,
    };
    Ok(MediaRow { item, part: row.get(5)?, kept: row.get(10)? })
}
