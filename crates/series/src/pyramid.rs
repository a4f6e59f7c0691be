//! Drawing a part from its pyramid: cost follows the width of the screen, not the length of the run.

use std::ops::Range;

use crate::codec::CHUNK_POINTS;
use crate::decimate::Decimator;
use crate::levels::{MAX_LEVEL, block_points, row_nodes};
use crate::rows::Of;
use crate::{Held, MarkKind, NodeRow};

/// Where a part's blocks and points come from.
pub trait Blocks {
    type Error;
    /// Replaces `out` by the first of some rows (see `row_nodes`) of a level, whole or as much of it as there is. The
    /// others will most likely be asked for next, one after the other.
    fn nodes(&mut self, level: u8, rows: Range<u64>, out: &mut NodeRow) -> Result<(), Self::Error>;
    /// Replaces `out` by a sealed chunk's 4096 points; a coordinate that nobody asks for (see `Pyramid::new`) may be left out.
    fn chunk(&mut self, chunk: u64, out: &mut Held) -> Result<(), Self::Error>;
    /// Replaces `out` by the points after the sealed chunks.
    fn tail(&mut self, out: &mut Held) -> Result<(), Self::Error>;
    /// What to say when a block that must be there is not.
    fn missing(&self) -> Self::Error;
}

/// The level whose block of points is one chunk.
const CHUNK_LEVEL: u8 = 4;

/// One part whose coordinate never goes back.
pub struct Pyramid<B, X> {
    blocks: B,
    x_of: X,
    n: u64,
    sealed: u64,
    /// Whether steps go back somewhere: then the places are marked.
    rewinds: bool,
    /// The rows that were used last, by level.
    rows: [(u64, NodeRow); MAX_LEVEL as usize],
    /// The two chunks that were used last: a window has two ends, which are looked for first and drawn then.
    points: [(u64, Held); 2],
    /// The later of them.
    current: usize,
}

const NONE: u64 = u64::MAX;

impl<B: Blocks, X: Fn(i64, f64) -> f64 + Copy> Pyramid<B, X> {
    /// `n` points, of which the whole chunks are sealed. `rewinds`: some step is not greater than its predecessor; nodes
    /// must then come with their steps, whatever the axis.
    pub fn new(blocks: B, n: u64, rewinds: bool, x_of: X) -> Self {
        let sealed = n / CHUNK_POINTS as u64 * CHUNK_POINTS as u64;
        Self {
            blocks,
            x_of,
            n,
            sealed,
            rewinds,
            rows: std::array::from_fn(|_| (NONE, NodeRow::default())),
            points: [(NONE, Held::default()), (NONE, Held::default())],
            current: 0,
        }
    }

    /// The points whose x lies in `x0..=x1`.
    pub fn locate(&mut self, x0: f64, x1: f64) -> Result<Range<u64>, B::Error> {
        let from = self.rank(|x| x < x0)?;
        let to = self.rank(|x| x <= x1)?;
        Ok(from..to.max(from))
    }

    /// How many points lie before the first for which `before` is false.
    fn rank(&mut self, before: impl Fn(f64) -> bool) -> Result<u64, B::Error> {
        let (mut low, mut high) = (0, self.sealed / CHUNK_POINTS as u64);
        while low < high {
            let middle = (low + high) / 2;
            let x_of = self.x_of;
            let (row, at) = self.row(CHUNK_LEVEL, middle..middle + 1)?;
            if before(row.x(at, Of::Last, x_of)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        // The chunk that holds the place, or the tail.
        let at = low * CHUNK_POINTS as u64;
        if at >= self.n {
            return Ok(self.n);
        }
        let x_of = self.x_of;
        let points = self.load(low)?;
        let (mut low, mut high) = (0, points.len());
        while low < high {
            let middle = (low + high) / 2;
            if before(x_of(points.step(middle), points.time(middle))) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(at + low as u64)
    }

    /// Hands the points of `range` to `out`, as blocks where those fit. `per_pixel` points fall into one column.
    pub fn draw(&mut self, range: Range<u64>, per_pixel: f64, out: &mut Decimator) -> Result<(), B::Error> {
        let level = (1..=MAX_LEVEL).take_while(|&level| block_points(level) as f64 <= per_pixel).last().unwrap_or(0);
        self.cover(level, range.start, range.end.min(self.n), out)
    }

    fn cover(&mut self, level: u8, from: u64, to: u64, out: &mut Decimator) -> Result<(), B::Error> {
        if from >= to {
            return Ok(());
        }
        if level == 0 {
            return self.raw(from, to, out);
        }
        let size = block_points(level);
        let (first, end) = (from.div_ceil(size), to.min(self.sealed) / size);
        if first >= end {
            return self.cover(level - 1, from, to, out);
        }
        self.cover(level - 1, from, first * size, out)?;
        let x_of = self.x_of;
        let mut block = first;
        while block < end {
            let (row, at) = self.row(level, block..end)?;
            let n = (end - block).min((row.len() - at) as u64) as usize;
            let taken = out.blocks(row, at..at + n, x_of) as u64;
            block += taken;
            if taken < n as u64 {
                self.cover(level - 1, block * size, (block + 1) * size, out)?;
                block += 1;
            }
        }
        self.cover(level - 1, end * size, to, out)
    }

    fn raw(&mut self, from: u64, to: u64, out: &mut Decimator) -> Result<(), B::Error> {
        let size = CHUNK_POINTS as u64;
        let (x_of, rewinds) = (self.x_of, self.rewinds);
        let mut at = from;
        while at < to {
            let chunk = at / size;
            let points = self.load(chunk)?;
            let begin = (at - chunk * size) as usize;
            let end = (to - chunk * size).min(points.len() as u64) as usize;
            if begin >= end {
                return Err(self.blocks.missing());
            }
            if rewinds {
                for i in begin..end {
                    let x = x_of(points.step(i), points.time(i));
                    out.point(x, points.value(i));
                    if i > 0 && points.step(i) < points.step(i - 1) {
                        out.mark(x, MarkKind::Rewind);
                    }
                }
            } else {
                out.points(points, begin..end, x_of);
            }
            at += (end - begin) as u64;
            if rewinds && begin == 0 && chunk > 0 {
                let (step, x) = (points.step(0), x_of(points.step(0), points.time(0)));
                let (row, at) = self.row(CHUNK_LEVEL, chunk - 1..chunk)?;
                if step < row.step(at, Of::Last) {
                    out.mark(x, MarkKind::Rewind);
                }
            }
        }
        Ok(())
    }

    /// The row that the first of some blocks lies in, and where.
    fn row(&mut self, level: u8, blocks: Range<u64>) -> Result<(&NodeRow, usize), B::Error> {
        let size = row_nodes(level) as u64;
        let (row, at) = (blocks.start / size, (blocks.start % size) as usize);
        let held = &mut self.rows[usize::from(level) - 1];
        if held.0 != row {
            held.0 = NONE;
            self.blocks.nodes(level, row..blocks.end.div_ceil(size), &mut held.1)?;
            held.0 = row;
        }
        if at >= held.1.len() {
            return Err(self.blocks.missing());
        }
        Ok((&held.1, at))
    }

    /// The points of a chunk, or the tail's.
    fn load(&mut self, chunk: u64) -> Result<&Held, B::Error> {
        if self.points[self.current].0 != chunk {
            self.current = 1 - self.current;
        }
        let held = &mut self.points[self.current];
        if held.0 != chunk {
            held.0 = NONE;
            if chunk * (CHUNK_POINTS as u64) < self.sealed {
                self.blocks.chunk(chunk, &mut held.1)?;
            } else {
                self.blocks.tail(&mut held.1)?;
            }
            held.0 = chunk;
        }
        Ok(&held.1)
    }
}
