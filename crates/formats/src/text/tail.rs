//! A text file that grows: read from where one stopped, with replacement noticed.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use serde::{Deserialize, Serialize};

use crate::stamp::Stamp;

/// How many bytes are compared to know a file again.
const HEAD: u64 = 256;
const LAST: u64 = 128;
/// How much is read at once; never less than `MIN_CHUNK`, whatever the budget.
const CHUNK: usize = 1 << 18;
const MIN_CHUNK: usize = 1 << 12;

/// Where reading stands in a file, and how to know that it is still the same file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Offset of the first unread record.
    #[serde(rename = "a")]
    pub at: u64,
    /// What `stat` said when everything complete had been read.
    #[serde(rename = "s")]
    pub seen: Stamp,
    /// Checksums of the file's first bytes and of those before `at`.
    #[serde(rename = "h")]
    head: u32,
    #[serde(rename = "l")]
    last: u32,
}

impl Mark {
    /// Whether the bytes that were read are still there: the file grew, or was rewritten with the same beginning.
    pub(crate) fn holds(&self, file: &mut File, read: &mut u64) -> io::Result<bool> {
        if file.metadata()?.len() < self.at {
            return Ok(false);
        }
        Ok(self.at == 0 || checksums(file, self.at, read)? == (self.head, self.last))
    }

    /// Moves on to `at`, remembering what stands before it.
    pub(crate) fn advance(&mut self, file: &mut File, at: u64, read: &mut u64) -> io::Result<()> {
        if at != self.at {
            (self.head, self.last) = checksums(file, at, read)?;
            self.at = at;
        }
        Ok(())
    }
}

fn checksums(file: &mut File, at: u64, read: &mut u64) -> io::Result<(u32, u32)> {
    let mut buf = [0; HEAD as usize];
    let mut sum = |from: u64, to: u64| -> io::Result<u32> {
        let part = &mut buf[..(to - from) as usize];
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(part)?;
        *read += part.len() as u64;
        Ok(crc32c::crc32c(part))
    };
    Ok((sum(0, at.min(HEAD))?, sum(at.saturating_sub(LAST), at)?))
}

/// How a stretch of reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Offset of the first record that was not taken.
    pub at: u64,
    /// Whether the end of the file was reached (what is left is an incomplete record).
    pub at_end: bool,
}

/// Reads from `from` on and hands the bytes to `feed(bytes, offset)`, which says how many of them it took (whole
/// records), until the budget is spent or the file ends. `feed` must take something from 1 MiB of bytes.
pub(crate) fn read_stretch(
    file: &mut File,
    from: u64,
    budget: usize,
    read: &mut u64,
    mut feed: impl FnMut(&[u8], u64) -> usize,
) -> io::Result<Stretch> {
    let chunk = budget.clamp(MIN_CHUNK, CHUNK);
    let mut buf = Vec::new();
    let mut at = from;
    let mut spent = 0;
    file.seek(SeekFrom::Start(from))?;
    loop {
        let n = file.by_ref().take(chunk as u64).read_to_end(&mut buf)?;
        if n == 0 {
            return Ok(Stretch { at, at_end: true });
        }
        *read += n as u64;
        spent += n;
        let taken = feed(&buf, at).min(buf.len());
        buf.drain(..taken);
        at += taken as u64;
        if spent >= budget && at > from {
            return Ok(Stretch { at, at_end: false });
        }
    }
}
