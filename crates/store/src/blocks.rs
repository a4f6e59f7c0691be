//! A series' pieces in the tables: how they are numbered, and how they are read back.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};
use signalbox_series::{CHUNK_POINTS, codec};
use signalbox_types::Points;

use crate::{Result, StoreError};

/// Below this number, what is left over of a series is kept as its tail and rewritten.
pub(crate) const TAIL_POINTS: usize = 128;

/// A row of our `series` table: the points of one metric of one run by one writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SeriesId(pub u32);

impl SeriesId {
    /// The chunk or piece that begins with point number `first`.
    pub fn chunk(self, first: u64) -> Result<i64> {
        if first > u64::from(u32::MAX) {
            return Err(StoreError::Limit { what: "a series of 2^32 points" });
        }
        Ok(i64::from(self.0) << 32 | first as i64)
    }

    pub fn node_row(self, level: u8, row: u64) -> i64 {
        i64::from(self.0) << 32 | i64::from(level) << 28 | row as i64
    }

    /// All ids of its rows in `chunk` and in `node`.
    pub fn rows(self) -> (i64, i64) {
        (i64::from(self.0) << 32, i64::from(self.0) << 32 | 0xffff_ffff)
    }
}

/// How many of `n` points lie in sealed chunks.
pub(crate) fn sealed(n: u64) -> u64 {
    n / CHUNK_POINTS as u64 * CHUNK_POINTS as u64
}

/// Appends the points from number `from` on, which begins a chunk or a piece; `n` are there in all.
pub(crate) fn read_from(db: &Connection, series: SeriesId, from: u64, n: u64, out: &mut Points) -> Result<()> {
    let already = out.len() as u64;
    let mut pieces = db.prepare_cached("SELECT data FROM chunk WHERE id BETWEEN ? AND ? ORDER BY id")?;
    let mut rows = pieces.query((series.chunk(from)?, series.rows().1))?;
    while let Some(row) = rows.next()? {
        codec::decode(blob(row.get_ref(0)?)?, out)?;
    }
    read_tail(db, series, out)?;
    if out.len() as u64 - already != n - from {
        return Err(StoreError::damaged(format_args!("series {} lacks points", series.0)));
    }
    Ok(())
}

/// Appends the tail's points, if there are any.
pub(crate) fn read_tail(db: &Connection, series: SeriesId, out: &mut Points) -> Result<()> {
    let mut tail = db.prepare_cached("SELECT data FROM tail WHERE series = ?")?;
    let mut rows = tail.query((series.0,))?;
    if let Some(row) = rows.next()? {
        codec::decode(blob(row.get_ref(0)?)?, out)?;
    }
    Ok(())
}

/// Hands on one sealed chunk's bytes.
pub(crate) fn load_chunk(
    db: &Connection,
    series: SeriesId,
    chunk: u64,
    take: impl FnOnce(&[u8]) -> Result<()>,
) -> Result<()> {
    let id = series.chunk(chunk * CHUNK_POINTS as u64)?;
    let found = db
        .prepare_cached("SELECT data FROM chunk WHERE id = ?")?
        .query_row((id,), |row| Ok(blob(row.get_ref(0)?).and_then(take)))
        .optional()?;
    found.unwrap_or_else(|| Err(missing(series)))
}

/// Hands on the bytes of a row of nodes, if there is such a row.
pub(crate) fn load_nodes(
    db: &Connection,
    series: SeriesId,
    (level, row): (u8, u64),
    take: impl FnOnce(&[u8]) -> Result<()>,
) -> Result<()> {
    let found = db
        .prepare_cached("SELECT data FROM node WHERE id = ?")?
        .query_row((series.node_row(level, row),), |row| Ok(blob(row.get_ref(0)?).and_then(take)))
        .optional()?;
    found.unwrap_or(Ok(()))
}

pub(crate) fn missing(series: SeriesId) -> StoreError {
    StoreError::damaged(format_args!("a block of series {} is missing", series.0))
}

pub(crate) fn blob(value: ValueRef<'_>) -> Result<&[u8]> {
    value.as_blob().map_err(|_| StoreError::damaged("a blob is of another type"))
}
