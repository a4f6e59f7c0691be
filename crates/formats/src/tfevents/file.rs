//! One event file: where reading stands in it, and how it goes on from there.
//!
//! Works on any byte source, so that tests and the fuzzer need no files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};
use signalbox_types::{Problem, ProblemKind};

use super::event::begins_with_graph;
use super::frame::{Frame, Framing, HEADER_BYTES, OVERHEAD_BYTES};
use super::news::News;
use super::tags::Tags;
use crate::api::Progress;

/// Larger records are stepped over, whatever they hold.
pub const MAX_RECORD_BYTES: u64 = 64 << 20;
/// Read at once: small enough to stay in a core's cache between the checksum and the walk.
const SLICE_BYTES: usize = 256 << 10;
/// Problems kept and told one by one, per file.
const MAX_PROBLEMS: usize = 100;
const HEAD_BYTES: u64 = 256;
const TAIL_BYTES: u64 = 64;

/// The state of reading one event file. Kept in the cursor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EventFile {
    /// Where the next record begins.
    offset: u64,
    /// The framing at `offset` is damaged.
    dead: bool,
    /// Checksums of the first bytes and of the last bytes before `offset`: the file's identity, which holds over
    /// copying and network mounts where inodes do not.
    head: Print,
    tail: Print,
    /// Numbers of the tags that have points here.
    pub(super) tags: BTreeSet<u32>,
    /// How many values were counted and not kept, by plugin.
    pub(super) plugins: BTreeMap<String, u64>,
    pub(super) writer: Writer,
    /// The first event's time.
    pub(super) first_time: Option<f64>,
    /// How often the writer said that it begins anew.
    #[serde(default)]
    pub(super) n_starts: u32,
    /// The start that the hparams plugin states.
    pub(super) said_start: Option<f64>,
    /// Told already, to be told again when others of the file have healed.
    problems: Vec<Trouble>,
}

/// Length and CRC-32C of some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Print(u64, u32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Trouble {
    offset: Option<u64>,
    kind: ProblemKind,
    message: String,
}

/// Who wrote the file, as far as it changes what is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Writer {
    #[default]
    Unsaid,
    /// TensorBoard's own Python writer (torch, Lightning): says "success" as soon as hparams are logged.
    Tensorboard,
    Tensorflow,
    Other,
}

/// What a file is read with: the run's tags, the news to fill, and the file's names.
pub struct Context<'a> {
    pub part: &'a str,
    /// As in `Problem::path`.
    pub path: &'a str,
    pub tags: &'a mut Tags,
    pub news: &'a mut News,
}

/// Why taking records out of a slice ended.
enum Stop {
    /// More bytes are needed, from `offset` on.
    Short(u64),
    Budget,
    Dead,
}

impl EventFile {
    /// Whether `src` still begins with what was read of it. A file that is shorter, or that differs at its head
    /// or just before the place where reading stands, is another file.
    pub fn is_same(&self, src: &mut (impl Read + Seek), size: u64) -> io::Result<bool> {
        Ok(size >= self.offset
            && print(src, 0, self.head.0)? == self.head
            && print(src, self.offset.saturating_sub(self.tail.0), self.tail.0)? == self.tail)
    }

    /// Reads on, `budget` bytes or a little more, at least one record if a whole one is there.
    ///
    /// A record that is cut by the file's end is waited for. One whose data fails its checksum is skipped; one
    /// whose length fails ends the file until it changes. Both are told once. Nothing is allocated for a
    /// length that the file does not have, nor for one beyond [`MAX_RECORD_BYTES`].
    pub fn read(
        &mut self,
        src: &mut (impl Read + Seek),
        size: u64,
        budget: &mut usize,
        cx: &mut Context<'_>,
    ) -> io::Result<Progress> {
        let began = self.offset;
        let mut result = self.read_records(src, size, budget, cx);
        if self.offset != began {
            // Of bytes that cannot be read again no print is kept: an empty one is always right.
            (self.head, self.tail) = (Print::default(), Print::default());
            if result.is_ok() {
                result = self.remember(src).and(result);
            }
        }
        cx.news.bytes_read += self.offset - began;
        cx.news.end_part(cx.part, cx.tags);
        result
    }

    fn read_records(
        &mut self,
        src: &mut (impl Read + Seek),
        size: u64,
        budget: &mut usize,
        cx: &mut Context<'_>,
    ) -> io::Result<Progress> {
        let mut buf = Vec::new();
        let mut framing = Framing::default();
        let mut n_needed = HEADER_BYTES as u64;
        loop {
            let n_left = size.saturating_sub(self.offset);
            if n_left < n_needed {
                return Ok(Progress::CaughtUp);
            }
            if *budget == 0 {
                return Ok(Progress::More);
            }
            if n_needed > MAX_RECORD_BYTES {
                self.step_over(src, n_needed, budget, cx)?;
                n_needed = HEADER_BYTES as u64;
                continue;
            }
            let n_wanted = n_left.min(n_needed.max(SLICE_BYTES.min(*budget) as u64)) as usize;
            let slice = fill(src, self.offset, n_wanted, &mut buf)?;
            if slice.len() < n_wanted {
                return Ok(Progress::CaughtUp); // Cut shorter meanwhile: the next look at its size tells.
            }
            match self.take_records(slice, &mut framing, budget, cx) {
                Stop::Short(n) => n_needed = n,
                Stop::Budget => n_needed = HEADER_BYTES as u64,
                Stop::Dead => return Ok(Progress::CaughtUp),
            }
        }
    }

    /// The problems told of this file: whether it has any matters when it is replaced.
    pub fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Takes back what was said of the file and repeats it: for when only something else about it has healed.
    pub(super) fn told_again(&self, path: &str, news: &mut News) {
        news.heal(path);
        news.problems.extend(self.problems.iter().map(|t| t.problem(path)));
    }

    fn take_records(&mut self, slice: &[u8], framing: &mut Framing, budget: &mut usize, cx: &mut Context<'_>) -> Stop {
        let mut pos = 0;
        let base = self.offset;
        let stop = loop {
            if pos >= *budget {
                break Stop::Budget;
            }
            let found = framing.frame(&slice[pos..]);
            if self.dead && !matches!(found, Frame::BadLength | Frame::Short { .. }) {
                self.revive(cx);
            }
            match found {
                Frame::Record { data, n_bytes } => {
                    if self.take_event(data, base + pos as u64, cx).is_err() {
                        let message = "A record is not a valid event; what it held is lost.";
                        self.trouble(ProblemKind::Malformed, Some(base + pos as u64), message, cx);
                    }
                    pos += n_bytes;
                }
                Frame::BadData { n_bytes } => {
                    let message = "A record fails its checksum and was skipped; the points in it are lost.";
                    self.trouble(ProblemKind::DamagedRecord, Some(base + pos as u64), message, cx);
                    pos += n_bytes;
                }
                Frame::Short { n_needed } => break Stop::Short(n_needed),
                Frame::BadLength => {
                    if !self.dead {
                        self.dead = true;
                        let message = if slice[pos..pos + HEADER_BYTES] == [0; HEADER_BYTES] {
                            "From here on the file holds zeros, as a crash or a full disk leaves them; what comes \
                             after is read when the file is mended or replaced."
                        } else {
                            "A record's length fails its checksum, so that no record after it can be found; what \
                             comes after is read when the file is mended or replaced."
                        };
                        self.trouble(ProblemKind::DamagedFile, Some(base + pos as u64), message, cx);
                    }
                    break Stop::Dead;
                }
            }
        };
        self.offset = base + pos as u64;
        *budget = budget.saturating_sub(pos);
        stop
    }

    /// Steps over a record that is too large to take in. Its data's checksum is not looked at: none of it is used.
    fn step_over(
        &mut self,
        src: &mut (impl Read + Seek),
        n_bytes: u64,
        budget: &mut usize,
        cx: &mut Context<'_>,
    ) -> io::Result<()> {
        let mut buf = Vec::new();
        let head = fill(src, self.offset, 4096, &mut buf)?;
        if self.dead {
            self.revive(cx);
        }
        if begins_with_graph(head.get(HEADER_BYTES..).unwrap_or_default()) {
            self.count("graphs");
        } else {
            let mib = (n_bytes - OVERHEAD_BYTES as u64) >> 20;
            let limit = MAX_RECORD_BYTES >> 20;
            let message = format!("A record of {mib} MiB was skipped: records above {limit} MiB are not taken in.");
            self.trouble(ProblemKind::TooLarge, Some(self.offset), &message, cx);
        }
        self.offset += n_bytes;
        *budget = budget.saturating_sub(head.len());
        Ok(())
    }

    /// The damage at `offset` is gone: takes back what was said of it and repeats the rest.
    fn revive(&mut self, cx: &mut Context<'_>) {
        self.dead = false;
        self.problems.retain(|t| t.kind != ProblemKind::DamagedFile);
        self.told_again(cx.path, cx.news);
    }

    /// Tells a problem, the first hundred one by one.
    pub(super) fn trouble(&mut self, kind: ProblemKind, offset: Option<u64>, message: &str, cx: &mut Context<'_>) {
        let trouble = match self.problems.len() {
            n if n < MAX_PROBLEMS || kind == ProblemKind::DamagedFile => {
                Trouble { offset, kind, message: message.to_string() }
            }
            MAX_PROBLEMS => {
                let message =
                    format!("More than {MAX_PROBLEMS} things are wrong in this file; the rest is not listed.");
                Trouble { offset: None, kind, message }
            }
            _ => return,
        };
        cx.news.problems.push(trouble.problem(cx.path));
        self.problems.push(trouble);
    }

    pub(super) fn count(&mut self, plugin: &str) {
        match self.plugins.get_mut(plugin) {
            Some(n) => *n += 1,
            None => {
                self.plugins.insert(plugin.to_string(), 1);
            }
        }
    }

    fn remember(&mut self, src: &mut (impl Read + Seek)) -> io::Result<()> {
        let head = print(src, 0, self.offset.min(HEAD_BYTES))?;
        let n = self.offset.min(TAIL_BYTES);
        (self.head, self.tail) = (head, print(src, self.offset - n, n)?);
        Ok(())
    }

    /// Whether the tag numbers are below `n_tags`: a cursor that says otherwise is not ours.
    pub(super) fn is_sound(&self, n_tags: usize) -> bool {
        self.tags.iter().all(|&id| (id as usize) < n_tags)
    }
}

impl Trouble {
    fn problem(&self, path: &str) -> Problem {
        Problem { path: path.to_string(), offset: self.offset, kind: self.kind, message: self.message.clone() }
    }
}

fn print(src: &mut (impl Read + Seek), from: u64, n_bytes: u64) -> io::Result<Print> {
    let mut buf = Vec::new();
    let bytes = fill(src, from, n_bytes.min(HEAD_BYTES) as usize, &mut buf)?;
    Ok(Print(bytes.len() as u64, crc32c::crc32c(bytes)))
}

/// Reads `n` bytes from `from` on, fewer at the source's end.
fn fill<'b>(src: &mut (impl Read + Seek), from: u64, n: usize, buf: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
    if buf.len() < n {
        buf.resize(n, 0);
    }
    src.seek(SeekFrom::Start(from))?;
    let mut filled = 0;
    while filled < n {
        match src.read(&mut buf[filled..n]) {
            Ok(0) => break,
            Ok(got) => filled += got,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(&buf[..filled])
}
