//! LevelDB's log framing, as W&B and SwanLab write it: records in chunks that never cross a block of 32 KiB.
//!
//! FORMATS.md section 4 is the source; <https://github.com/google/leveldb/blob/main/doc/log_format.md> has the idea.
//! A chunk is `u32 crc | u16 length | u8 kind | data`, little endian. Unlike LevelDB's, the checksum is zlib's
//! CRC-32 over kind and data, unmasked, and seven bytes that name the tool stand before the first chunk. Where fewer
//! than seven bytes are left of a block they are zeros.
//!
//! Blocks are counted from the file's first byte; wandb-core before 0.17.6 counted them from behind the seven bytes.
//! Which of the two a file has shows at the first block's end, and both are tried until then.
//!
//! A chunk that is damaged costs its record: reading goes on at the chunk behind it if that one is sound, else at
//! the next block.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use signalbox_types::ProblemKind;

pub(crate) mod directory;
pub(crate) mod file;
pub(crate) mod side_files;

const BLOCK_BYTES: u64 = 32 << 10;
/// A chunk's bytes before its data.
const HEADER_BYTES: usize = 7;
/// Bytes before the first chunk.
pub(crate) const PREAMBLE_BYTES: usize = 7;
/// Larger records are stepped over, whatever they hold.
pub(crate) const MAX_RECORD_BYTES: usize = 16 << 20;

const FULL: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;

/// What is wrong at a place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fault {
    /// The first bytes are not those of the format.
    Foreign,
    Version,
    Checksum,
    Zeros,
    /// The middle or end of a record without its beginning.
    Orphan,
    /// A record without its end.
    Unfinished,
    TooLarge,
    /// A sound record whose content makes no sense.
    Malformed,
    TooManyNames,
    /// There is more, of which nothing is said.
    More,
}

impl Fault {
    pub(crate) fn kind(self) -> ProblemKind {
        match self {
            Fault::Foreign => ProblemKind::DamagedFile,
            Fault::Version => ProblemKind::Unsupported,
            Fault::Checksum | Fault::Zeros | Fault::Orphan | Fault::Unfinished | Fault::More => {
                ProblemKind::DamagedRecord
            }
            Fault::TooLarge | Fault::TooManyNames => ProblemKind::TooLarge,
            Fault::Malformed => ProblemKind::Malformed,
        }
    }

    pub(crate) fn message(self) -> &'static str {
        match self {
            Fault::Foreign => "The file does not begin as its name promises; it is read once it does.",
            Fault::Version => "The file is of a version that Signalbox does not know; nothing of it is read.",
            Fault::Checksum => {
                "A record fails its checksum; it is lost, and reading goes on at the next place where a sound one begins."
            }
            Fault::Zeros => {
                "The file holds zeros here, as a crash or a full disk leaves them; reading goes on behind them."
            }
            Fault::Orphan => "The beginning of a record is missing; what is left of it is lost.",
            Fault::Unfinished => "The end of a record is missing; the record is lost.",
            Fault::TooLarge => "A record of more than 16 MiB was skipped (a limit of Signalbox).",
            Fault::Malformed => "A record is not what its format allows; what cannot be understood of it is lost.",
            Fault::TooManyNames => "The run has more metrics than Signalbox takes in (20,000); the rest is not read.",
            Fault::More => "More things are wrong in this file than are listed.",
        }
    }
}

/// Where blocks are counted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Origin {
    /// No chunk has told yet.
    #[default]
    Either,
    FileStart,
    BehindPreamble,
}

impl Origin {
    fn possible(self) -> &'static [Origin] {
        match self {
            Origin::Either => &[Origin::FileStart, Origin::BehindPreamble],
            Origin::FileStart => &[Origin::FileStart],
            Origin::BehindPreamble => &[Origin::BehindPreamble],
        }
    }

    /// How many bytes are left of the block at an offset, at least one.
    fn left(self, offset: u64) -> usize {
        let skipped = if self == Origin::BehindPreamble { PREAMBLE_BYTES as u64 } else { 0 };
        (BLOCK_BYTES - offset.saturating_sub(skipped) % BLOCK_BYTES) as usize
    }
}

/// Finds records; its state is what must survive between two of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Framing {
    #[serde(rename = "o")]
    origin: Origin,
    /// What comes belongs to a record that is lost, until another begins.
    #[serde(rename = "l")]
    lost: bool,
    /// Where the stretch of damage began that reading stands in or before; told already.
    #[serde(rename = "d")]
    damaged_at: Option<u64>,
}

/// What stands at the front of some bytes.
#[derive(Debug, PartialEq)]
pub(crate) enum Found<'a> {
    /// A whole record, and how many bytes it takes with its framing.
    Record { data: Cow<'a, [u8]>, n_bytes: usize },
    /// So many bytes hold nothing.
    Skip(usize),
    /// A fault that was told at this offset is one no longer. Nothing is taken: ask again.
    Mended(u64),
    /// More bytes are needed.
    Wait,
}

#[derive(Clone, Copy)]
struct Chunk<'a> {
    kind: u8,
    data: &'a [u8],
    /// Where it lies in the bytes that were looked at.
    start: usize,
    end: usize,
    origin: Origin,
    ends_block: bool,
}

enum Look<'a> {
    Chunk(Chunk<'a>),
    Bad,
    Short,
}

impl Framing {
    /// Looks at the front of `bytes`, which lie at `base` in the file, behind its preamble. Faults go to `faults`
    /// with their offsets, each once. What is found in a file does not depend on where it was cut meanwhile.
    pub(crate) fn next<'a>(&mut self, bytes: &'a [u8], base: u64, faults: &mut Vec<(u64, Fault)>) -> Found<'a> {
        let chunk = match self.seat(bytes, 0, base) {
            Look::Chunk(chunk) => chunk,
            Look::Bad => return self.recover(bytes, 0, base, faults),
            Look::Short => return Found::Wait,
        };
        if self.is_mended(base) {
            return Found::Mended(base);
        }
        self.damaged_at = self.damaged_at.filter(|at| *at > base);
        self.origin = chunk.origin;
        match chunk.kind {
            FULL => {
                self.lost = false;
                Found::Record { data: Cow::Borrowed(chunk.data), n_bytes: chunk.end }
            }
            FIRST => {
                self.lost = false;
                self.assemble(bytes, chunk, base, faults)
            }
            _ => {
                if !std::mem::replace(&mut self.lost, true) {
                    faults.push((base + chunk.start as u64, Fault::Orphan));
                }
                Found::Skip(chunk.end)
            }
        }
    }

    fn is_mended(&mut self, offset: u64) -> bool {
        let mended = self.damaged_at == Some(offset);
        if mended {
            self.damaged_at = None;
        }
        mended
    }

    /// A record of several chunks. Read from its beginning each time until all of it is there.
    fn assemble<'a>(
        &mut self,
        bytes: &'a [u8],
        first: Chunk<'a>,
        base: u64,
        faults: &mut Vec<(u64, Fault)>,
    ) -> Found<'a> {
        let start = base + first.start as u64;
        let mut data = first.data.to_vec();
        let mut at = first.end;
        loop {
            let chunk = match self.seat(bytes, at, base) {
                Look::Chunk(chunk) => chunk,
                Look::Bad => return self.recover(bytes, at, base, faults),
                Look::Short => return Found::Wait,
            };
            if self.is_mended(base + at as u64) {
                return Found::Mended(base + at as u64);
            }
            self.origin = chunk.origin;
            if matches!(chunk.kind, FULL | FIRST) {
                faults.push((start, Fault::Unfinished));
                return Found::Skip(at);
            }
            data.extend_from_slice(chunk.data);
            at = chunk.end;
            // Chunks may be empty: what they take of the file counts too.
            if data.len() > MAX_RECORD_BYTES || at - first.start > 2 * MAX_RECORD_BYTES {
                self.lost = true;
                faults.push((start, Fault::TooLarge));
                return Found::Skip(at);
            }
            if chunk.kind == LAST {
                return Found::Record { data: Cow::Owned(data), n_bytes: at };
            }
        }
    }

    /// The chunk at `at`, or behind the rest of a block that is too small for one.
    fn seat<'a>(&self, bytes: &'a [u8], at: usize, base: u64) -> Look<'a> {
        let mut best: Option<Chunk> = None;
        let mut is_short = false;
        for &origin in self.origin.possible() {
            let left = origin.left(base + at as u64);
            let seat = if left < HEADER_BYTES { at + left } else { at };
            match chunk(bytes, seat, base, origin) {
                Look::Chunk(found) => best = Some(best.map_or(found, |other| either(other, found))),
                Look::Short => is_short = true,
                Look::Bad => {}
            }
        }
        match best {
            Some(chunk) => Look::Chunk(chunk),
            None if is_short => Look::Short,
            None => Look::Bad,
        }
    }

    /// No chunk stands at `at`: finds the next place where one does. What comes before it is lost.
    fn recover<'a>(&mut self, bytes: &'a [u8], at: usize, base: u64, faults: &mut Vec<(u64, Fault)>) -> Found<'a> {
        let offset = base + at as u64;
        if self.damaged_at.is_none() {
            self.damaged_at = Some(offset);
            let is_zero = bytes[at..].iter().take(HEADER_BYTES).all(|b| *b == 0);
            faults.push((offset, if is_zero { Fault::Zeros } else { Fault::Checksum }));
        }
        let mut is_short = false;
        // Only the data may be damaged, and the length true.
        for &origin in self.origin.possible() {
            let Some(end) = promised_end(bytes, at, base, origin) else { continue };
            match self.seat(bytes, end, base) {
                Look::Chunk(_) => {
                    self.lost = true;
                    return Found::Skip(end);
                }
                Look::Short => is_short = true,
                Look::Bad => {}
            }
        }
        let mut nearest = None;
        for &origin in self.origin.possible() {
            let left = origin.left(offset);
            // The block that begins within these few bytes was looked at.
            let block = at + left + if left < HEADER_BYTES { BLOCK_BYTES as usize } else { 0 };
            match chunk(bytes, block, base, origin) {
                Look::Chunk(_) => {
                    self.lost = true;
                    return Found::Skip(block);
                }
                Look::Short => is_short = true,
                Look::Bad => nearest = Some(nearest.map_or(block, |n: usize| n.min(block))),
            }
        }
        match nearest {
            Some(block) if !is_short => {
                self.lost = true;
                Found::Skip(block)
            }
            _ => Found::Wait,
        }
    }
}

/// The chunk whose header is at `at`, if it is sound where blocks are counted from `origin`.
fn chunk<'a>(bytes: &'a [u8], at: usize, base: u64, origin: Origin) -> Look<'a> {
    if bytes.len() < at + HEADER_BYTES {
        return Look::Short;
    }
    let Some(end) = promised_end(bytes, at, base, origin) else { return Look::Bad };
    // Kind and data lie side by side.
    let Some(summed) = bytes.get(at + HEADER_BYTES - 1..end) else { return Look::Short };
    let stored = u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    if crc32fast::hash(summed) != stored {
        return Look::Bad;
    }
    let ends_block = end - at == origin.left(base + at as u64);
    Look::Chunk(Chunk { kind: summed[0], data: &summed[1..], start: at, end, origin, ends_block })
}

/// Where a chunk would end whose header is at `at`; `None` if there cannot be one.
fn promised_end(bytes: &[u8], at: usize, base: u64, origin: Origin) -> Option<usize> {
    let header = bytes.get(at..at + HEADER_BYTES)?;
    let n_bytes = HEADER_BYTES + usize::from(u16::from_le_bytes([header[4], header[5]]));
    let fits = (FULL..=LAST).contains(&header[6]) && n_bytes <= origin.left(base + at as u64);
    fits.then_some(at + n_bytes)
}

/// One chunk seen under both origins: a record goes on only where a block ends, which tells them apart.
fn either<'a>(a: Chunk<'a>, b: Chunk<'a>) -> Chunk<'a> {
    if a.start != b.start {
        return a;
    }
    let goes_on = !matches!(a.kind, FULL | LAST);
    match (goes_on, a.ends_block, b.ends_block) {
        (true, true, false) => a,
        (true, false, true) => b,
        _ => Chunk { origin: Origin::Either, ..a },
    }
}

#[cfg(test)]
mod tests;
