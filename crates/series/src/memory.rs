//! A part with its pyramid in memory: what was resolved or smoothed is drawn as fast as what was stored.

use std::convert::Infallible;
use std::ops::Range;

use signalbox_types::Points;

use crate::codec::CHUNK_POINTS;
use crate::levels::{FAN, MAX_LEVEL, base_nodes, row_nodes};
use crate::{Blocks, Held, Node, NodeRow};

/// Points and all the blocks over their whole chunks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InMemory {
    points: Points,
    /// By level, from the first.
    levels: Vec<Vec<Node>>,
}

impl InMemory {
    pub fn new(points: Points) -> Self {
        let sealed = points.len() / CHUNK_POINTS * CHUNK_POINTS;
        let mut levels = vec![base_nodes(&points, 0, sealed, None)];
        while let Some(below) = levels.last().filter(|l| l.len() >= FAN && levels.len() < usize::from(MAX_LEVEL)) {
            levels.push(below.chunks_exact(FAN).filter_map(Node::merged).collect());
        }
        Self { points, levels }
    }

    pub fn points(&self) -> &Points {
        &self.points
    }

    /// What it takes, in bytes.
    pub fn bytes(&self) -> usize {
        24 * self.points.len() + self.levels.iter().map(|l| size_of::<Node>() * l.len()).sum::<usize>()
    }

    fn copy(&self, range: Range<usize>, out: &mut Held) {
        let out = out.begin();
        out.steps.extend(&self.points.steps[range.clone()]);
        out.times.extend(&self.points.times[range.clone()]);
        out.values.extend(&self.points.values[range]);
    }
}

impl Blocks for &InMemory {
    type Error = Infallible;

    fn nodes(&mut self, level: u8, rows: Range<u64>, out: &mut NodeRow) -> Result<(), Infallible> {
        let nodes = self.levels.get(usize::from(level) - 1).map_or(&[][..], Vec::as_slice);
        out.begin().extend(nodes.chunks(row_nodes(level)).nth(rows.start as usize).unwrap_or(&[]));
        Ok(())
    }

    fn chunk(&mut self, chunk: u64, out: &mut Held) -> Result<(), Infallible> {
        let at = chunk as usize * CHUNK_POINTS;
        self.copy(at..at + CHUNK_POINTS, out);
        Ok(())
    }

    fn tail(&mut self, out: &mut Held) -> Result<(), Infallible> {
        let n = self.points.len();
        self.copy(n / CHUNK_POINTS * CHUNK_POINTS..n, out);
        Ok(())
    }

    fn missing(&self) -> Infallible {
        unreachable!("BUG: a block in memory is not where its own count says")
    }
}
