//! The pyramid over a part's sealed chunks: blocks of 64 points, then of four times as many each.
//!
//! # A row of nodes, version 1 (little endian)
//! ```text
//! u8 version = 1 | u8 level | u16 n nodes | u32 CRC-32C of everything after this field, continued over the four before
//! 27 columns: first, last, min, max steps; their times; their values; count, step, time of each mark kind; values' kind
//! ```
//! A column is n u64 as `packed` describes it, `u8 width | u64 base | u64 stride | n × width bytes`: number i is
//! base + i·stride + its bytes, wrapping; width 0xff stands alone for zeros. Steps and times (as bits) of a node are kept as
//! differences to its first ones, marks' too, so that most columns are narrow or empty. Values are kept as the bits of
//! f32 where all are such.

use signalbox_types::{Point, Points};

use crate::codec::CHUNK_POINTS;
use crate::packed::{ZEROS, column, put_column};
use crate::{CodecError, Node};

/// Points in a block of level 1.
pub const BASE_POINTS: usize = 64;
/// How many blocks make one of the next level.
pub const FAN: usize = 4;

const VERSION: u8 = 1;
const HEADER: usize = 8;
/// A level's blocks hold at most 64·4^13 = 2^32 points.
pub const MAX_LEVEL: u8 = 14;

/// Points in a whole block of a level (1…).
pub fn block_points(level: u8) -> u64 {
    (BASE_POINTS as u64) << (2 * (u32::from(level) - 1))
}

/// Nodes in a full row of a level: the first level's rows belong to one chunk each and are never rewritten.
pub fn row_nodes(level: u8) -> usize {
    if level == 1 { CHUNK_POINTS / BASE_POINTS } else { 256 }
}

/// The first level's nodes of `points`, whose length is a multiple of 64; `before` is the step written just before.
pub fn base_nodes(points: &Points, from: usize, to: usize, before: Option<i64>) -> Vec<Node> {
    let mut before = before;
    let blocks = (from..to).step_by(BASE_POINTS);
    blocks
        .map(|at| {
            let node = Node::of(points, at, (at + BASE_POINTS).min(to), before);
            before = Some(node.last.step);
            node
        })
        .collect()
}

/// Which coordinates of a node to decode: a chart needs one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinates {
    Both,
    Steps,
    Times,
}

/// Encodes whole blocks of `level`; at most 65535 of them.
pub fn encode_nodes(level: u8, nodes: &[Node]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + nodes.len() * 48);
    out.extend([VERSION, level]);
    out.extend((nodes.len() as u16).to_le_bytes());
    out.extend([0; 4]);
    let mut column = Vec::with_capacity(nodes.len());
    let mut put = |out: &mut Vec<u8>, of: &dyn Fn(&Node) -> u64| {
        column.clear();
        column.extend(nodes.iter().map(of));
        put_column(&column, out);
    };
    put(&mut out, &|node| node.first.step as u64);
    for point in &POINTS[1..] {
        put(&mut out, &move |node| (point(node).step as u64).wrapping_sub(node.first.step as u64));
    }
    put(&mut out, &|node| node.first.time.to_bits());
    for point in &POINTS[1..] {
        put(&mut out, &move |node| point(node).time.to_bits().wrapping_sub(node.first.time.to_bits()));
    }
    let narrow = nodes.iter().all(|n| POINTS.iter().all(|p| is_narrow(p(n).value)));
    for point in POINTS {
        put(&mut out, &move |node| {
            let value = point(node).value;
            if narrow { u64::from((value as f32).to_bits()) } else { value.to_bits() }
        });
    }
    for kind in 0..4 {
        put(&mut out, &move |node| node.spots[kind].n);
        put(&mut out, &move |node| match node.spots[kind] {
            spot if spot.n == 0 => 0,
            spot => (spot.step as u64).wrapping_sub(node.first.step as u64),
        });
        put(&mut out, &move |node| match node.spots[kind] {
            spot if spot.n == 0 => 0,
            spot => spot.time.to_bits().wrapping_sub(node.first.time.to_bits()),
        });
    }
    out.push(u8::from(narrow));
    let crc = checksum(&out);
    out[4..8].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Appends a row's nodes. Coordinates that were not asked for are left at zero.
pub fn decode_nodes(blob: &[u8], want: Coordinates, out: &mut Vec<Node>) -> Result<(), CodecError> {
    if blob.len() < HEADER + 1 {
        return Err(CodecError::Short { len: blob.len() });
    }
    if blob[0] != VERSION {
        return Err(CodecError::Version(blob[0]));
    }
    if checksum(blob).to_le_bytes() != blob[4..8] {
        return Err(CodecError::Checksum);
    }
    let level = blob[1];
    if !(1..=MAX_LEVEL).contains(&level) {
        return Err(CodecError::Malformed);
    }
    let n = usize::from(u16::from_le_bytes([blob[2], blob[3]]));
    let narrow = blob[blob.len() - 1] != 0;
    let (steps, times) = (want != Coordinates::Times, want != Coordinates::Steps);
    let zero = Point { step: 0, time: 0.0, value: 0.0 };
    let node =
        Node { n: block_points(level), first: zero, last: zero, min: zero, max: zero, spots: Default::default() };
    let at = out.len();
    out.resize(at + n, node);
    let mut columns = Columns { rest: &blob[HEADER..blob.len() - 1], nodes: &mut out[at..] };
    let decoded = (|| {
        columns.next(steps, |node, x| node.first.step = x as i64)?;
        let step = |node: &Node, x: u64| x.wrapping_add(node.first.step as u64) as i64;
        // One by one, so that each becomes a loop of its own: a chart of many lines decodes a million nodes.
        columns.next(steps, |node, x| node.last.step = step(node, x))?;
        columns.next(steps, |node, x| node.min.step = step(node, x))?;
        columns.next(steps, |node, x| node.max.step = step(node, x))?;
        columns.next(times, |node, x| node.first.time = f64::from_bits(x))?;
        let time = |node: &Node, x: u64| f64::from_bits(x.wrapping_add(node.first.time.to_bits()));
        columns.next(times, |node, x| node.last.time = time(node, x))?;
        columns.next(times, |node, x| node.min.time = time(node, x))?;
        columns.next(times, |node, x| node.max.time = time(node, x))?;
        let value = |x: u64| if narrow { f64::from(f32::from_bits(x as u32)) } else { f64::from_bits(x) };
        columns.next(true, |node, x| node.first.value = value(x))?;
        columns.next(true, |node, x| node.last.value = value(x))?;
        columns.next(true, |node, x| node.min.value = value(x))?;
        columns.next(true, |node, x| node.max.value = value(x))?;
        for kind in 0..4 {
            // Most often there is none; then the nodes hold its zeros already.
            let any = columns.rest.first() != Some(&ZEROS);
            columns.next(any, |node, x| node.spots[kind].n = x)?;
            columns.next(any && steps, |node, x| {
                if node.spots[kind].n != 0 {
                    node.spots[kind].step = x.wrapping_add(node.first.step as u64) as i64;
                }
            })?;
            columns.next(any && times, |node, x| {
                if node.spots[kind].n != 0 {
                    node.spots[kind].time = f64::from_bits(x.wrapping_add(node.first.time.to_bits()));
                }
            })?;
        }
        if columns.rest.is_empty() { Ok(()) } else { Err(CodecError::Malformed) }
    })();
    if decoded.is_err() {
        out.truncate(at);
    }
    decoded
}

type PointOf = fn(&Node) -> &Point;
const POINTS: [PointOf; 4] = [|n| &n.first, |n| &n.last, |n| &n.min, |n| &n.max];

fn is_narrow(value: f64) -> bool {
    f64::from(value as f32).to_bits() == value.to_bits()
}

fn checksum(blob: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&blob[HEADER..]), &blob[..4])
}

struct Columns<'a, 'n> {
    rest: &'a [u8],
    nodes: &'n mut [Node],
}

impl Columns<'_, '_> {
    fn next(&mut self, wanted: bool, mut set: impl FnMut(&mut Node, u64)) -> Result<(), CodecError> {
        let nodes = &mut *self.nodes;
        let n = nodes.len();
        self.rest = column(self.rest, n, wanted.then_some(|i: usize, x: u64| set(&mut nodes[i], x)))?;
        Ok(())
    }
}
