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
use crate::packed::put_column;
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coordinates {
    #[default]
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

/// An encoded row, checked.
pub(crate) struct OpenRow<'a> {
    /// Nodes in it, and points in each of them.
    pub n: usize,
    pub points: u64,
    /// Values are the bits of f32.
    pub narrow: bool,
    pub columns: &'a [u8],
}

pub(crate) fn open_row(blob: &[u8]) -> Result<OpenRow<'_>, CodecError> {
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
    Ok(OpenRow {
        n: usize::from(u16::from_le_bytes([blob[2], blob[3]])),
        points: block_points(level),
        narrow: blob[blob.len() - 1] != 0,
        columns: &blob[HEADER..blob.len() - 1],
    })
}

type PointOf = fn(&Node) -> &Point;
const POINTS: [PointOf; 4] = [|n| &n.first, |n| &n.last, |n| &n.min, |n| &n.max];

fn is_narrow(value: f64) -> bool {
    f64::from(value as f32).to_bits() == value.to_bits()
}

fn checksum(blob: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&blob[HEADER..]), &blob[..4])
}
