//! A part's blocks as a chart takes them: several rows of nodes from one question, for they are asked for one after the
//! other; and of a chunk whose checksum was found to match before, only the columns that are looked at.

use std::ops::Range;

use rusqlite::blob::Blob;
use rusqlite::{Connection, MAIN_DB};
use signalbox_series::{Blocks, CHUNK_POINTS, CodecError, Coordinates, Held, MAX_LEVEL, NodeRow};

use crate::blocks::{SeriesId, blob, load_chunk, load_nodes, missing, read_from, sealed};
use crate::cache::Cache;
use crate::{Result, StoreError};

/// So many bytes are read ahead, or one row.
const AHEAD_BYTES: usize = 48 << 10;

/// A part's blocks, from the tables.
pub(crate) struct Stored<'a> {
    db: &'a Connection,
    cache: &'a Cache,
    id: SeriesId,
    want: Coordinates,
    n: u64,
    /// By level.
    nodes: [Ahead; MAX_LEVEL as usize],
    /// The chunk that was looked at last.
    chunk: Option<Blob<'a>>,
}

impl<'a> Stored<'a> {
    /// `n` points; only the coordinates that are wanted are looked at.
    pub fn new(db: &'a Connection, cache: &'a Cache, id: SeriesId, want: Coordinates, n: u64) -> Self {
        Self { db, cache, id, want, n, nodes: Default::default(), chunk: None }
    }

    /// Some of a sealed chunk, whose row is in the table.
    fn load_parts(&mut self, row: i64, out: &mut Held) -> Result<()> {
        match &mut self.chunk {
            Some(chunk) => chunk.reopen(row)?,
            none => *none = Some(self.db.blob_open(MAIN_DB, "chunk", "data", row, true)?),
        }
        let Some(chunk) = &self.chunk else { return Err(self.missing()) };
        let len = chunk.len();
        out.load_checked(self.want, |range, out| {
            if range.end > len {
                return Err(CodecError::Malformed.into());
            }
            Ok(chunk.read_at_exact(out, range.start)?)
        })
    }
}

impl Blocks for Stored<'_> {
    type Error = StoreError;

    fn nodes(&mut self, level: u8, rows: Range<u64>, out: &mut NodeRow) -> Result<()> {
        out.begin();
        let ahead = &mut self.nodes[usize::from(level) - 1];
        let id = |row| self.id.node_row(level, row);
        let ids = id(rows.start)..id(rows.end);
        if let Some(data) = ahead.get(self.db, ids)? {
            return Ok(out.load(data, self.want)?);
        }
        load_nodes(self.db, self.id, (level, rows.start), |data| Ok(out.load(data, self.want)?))
    }

    fn chunk(&mut self, chunk: u64, out: &mut Held) -> Result<()> {
        let row = self.id.chunk(chunk * CHUNK_POINTS as u64)?;
        if self.cache.is_checked(row) {
            if self.load_parts(row, out).is_ok() {
                return Ok(());
            }
            // Read whole it tells what is wrong. After a failure the handle can be opened no more.
            self.chunk = None;
        }
        load_chunk(self.db, self.id, chunk, |data| Ok(out.load(data, self.want)?))?;
        self.cache.checked(row);
        Ok(())
    }

    fn tail(&mut self, out: &mut Held) -> Result<()> {
        read_from(self.db, self.id, sealed(self.n), self.n, out.begin())
    }

    fn missing(&self) -> StoreError {
        missing(self.id)
    }
}

/// Rows that were read before they are asked for.
#[derive(Default)]
struct Ahead {
    bytes: Vec<u8>,
    /// Ascending, with the place of each one's bytes.
    rows: Vec<(i64, Range<usize>)>,
    /// The next of them.
    at: usize,
}

impl Ahead {
    /// The first of some rows. `None` if it was not read ahead, and is the only one that is asked for; or if it is not
    /// there.
    fn get(&mut self, db: &Connection, ids: Range<i64>) -> Result<Option<&[u8]>> {
        let id = ids.start;
        if self.rows.get(self.at).is_none_or(|row| row.0 != id) {
            if ids.end - id < 2 {
                return Ok(None);
            }
            self.fill(db, ids)?;
        }
        let Some((_, place)) = self.rows.get(self.at).filter(|row| row.0 == id) else { return Ok(None) };
        self.at += 1;
        Ok(self.bytes.get(place.clone()))
    }

    fn fill(&mut self, db: &Connection, ids: Range<i64>) -> Result<()> {
        self.bytes.clear();
        self.rows.clear();
        self.at = 0;
        let mut select = db.prepare_cached("SELECT id, data FROM node WHERE id >= ? AND id < ? ORDER BY id")?;
        let mut rows = select.query((ids.start, ids.end))?;
        while self.bytes.len() < AHEAD_BYTES
            && let Some(row) = rows.next()?
        {
            let from = self.bytes.len();
            self.bytes.extend(blob(row.get_ref(1)?)?);
            self.rows.push((row.get(0)?, from..self.bytes.len()));
        }
        Ok(())
    }
}
