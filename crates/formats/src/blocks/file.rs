//! One file of blocks: where reading stands in it, what is wrong in it, and how it goes on.

use std::io::{Read as _, Seek as _};
use std::{fs::File, io};

use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Problem};

use super::{Fault, Found, Framing, PREAMBLE_BYTES};
use crate::{
    Progress,
    stamp::Stamp,
    text::tail::{self, Mark},
};

/// After so many faults in one file the rest is not listed.
const MAX_FAULTS: usize = 100;

/// The seven bytes before the first chunk.
pub(crate) struct Preamble {
    /// `:W&B` and a number that never changes.
    pub magic: [u8; PREAMBLE_BYTES - 1],
    pub version: u8,
}

/// A file that may have news, and what `stat` said of it.
pub(crate) struct Opened {
    pub file: File,
    pub stamp: Stamp,
}

/// The state of reading one file. Kept in the cursor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct BlockFile {
    #[serde(rename = "m")]
    mark: Mark,
    #[serde(rename = "f")]
    framing: Framing,
    /// Told already, to be told again when another has healed.
    #[serde(rename = "x")]
    faults: Vec<(u64, Fault)>,
}

impl BlockFile {
    /// Whether there is nothing new.
    pub(crate) fn is_current(&self, stamp: Stamp) -> bool {
        self.mark.seen == stamp
    }

    /// Whether anything of the file was taken.
    pub(crate) fn has_begun(&self) -> bool {
        self.mark.at > 0
    }

    /// Whether what was read of the file still stands there.
    pub(crate) fn holds(&self, opened: &mut Opened, bytes_read: &mut u64) -> io::Result<bool> {
        self.mark.holds(&mut opened.file, bytes_read)
    }

    /// Reads on, about `budget` bytes, at least one record if a whole one is there. `take` is given each record
    /// and where it begins, and says what is wrong with it. `path` is as in `Problem::path`.
    pub(crate) fn read(
        &mut self,
        opened: &mut Opened,
        preamble: &Preamble,
        path: &str,
        budget: usize,
        batch: &mut Batch,
        mut take: impl FnMut(&[u8], u64) -> Result<(), Fault>,
    ) -> io::Result<Progress> {
        let Opened { file, stamp } = opened;
        let mut next = self.clone();
        let (mut faults, mut mended) = (Vec::new(), Vec::new());
        if next.mark.at == 0 {
            // Nothing was read yet: what was wrong with the beginning is judged anew.
            mended.extend(next.faults.iter().map(|(offset, _)| *offset));
        }
        if next.mark.at == 0 {
            // What is none of ours is not read to its end, nor again before it changes.
            let mut head = Vec::with_capacity(PREAMBLE_BYTES);
            file.rewind()?;
            file.by_ref().take(PREAMBLE_BYTES as u64).read_to_end(&mut head)?;
            batch.bytes_read += head.len() as u64;
            if let Err(fault) = begins(&head, preamble) {
                next.mark.seen = *stamp;
                next.tell(path, vec![(0, fault)], &mended, batch);
                *self = next;
                return Ok(Progress::CaughtUp);
            }
        }
        let feed = |bytes: &[u8], at: u64| {
            let mut pos = 0;
            if at == 0 {
                match begins(bytes, preamble) {
                    Ok(true) => pos = PREAMBLE_BYTES,
                    Ok(false) => return 0,
                    Err(fault) => {
                        if faults.is_empty() {
                            faults.push((0, fault));
                        }
                        return 0;
                    }
                }
            }
            loop {
                let offset = at + pos as u64;
                match next.framing.next(&bytes[pos..], offset, &mut faults) {
                    Found::Record { data, n_bytes } => {
                        if let Err(fault) = take(&data, offset) {
                            faults.push((offset, fault));
                        }
                        pos += n_bytes;
                    }
                    Found::Skip(n_bytes) => pos += n_bytes,
                    Found::Mended(offset) => mended.push(offset),
                    Found::Wait => return pos,
                }
            }
        };
        let stretch = tail::read_stretch(file, next.mark.at, budget, &mut batch.bytes_read, feed)?;
        next.mark.advance(file, stretch.at, &mut batch.bytes_read)?;
        next.mark.seen = if stretch.at_end { *stamp } else { Stamp::default() };
        next.tell(path, faults, &mended, batch);
        *self = next;
        Ok(if stretch.at_end { Progress::CaughtUp } else { Progress::More })
    }

    /// Hands on new faults; where one has healed, the others of the file are told again.
    fn tell(&mut self, path: &str, mut faults: Vec<(u64, Fault)>, mended: &[u64], batch: &mut Batch) {
        if self.faults.iter().any(|(offset, _)| mended.contains(offset)) {
            self.faults.retain(|(offset, _)| !mended.contains(offset));
            batch.problems.retain(|p| p.path != path);
            batch.healed.push(path.to_owned());
            faults = std::mem::take(&mut self.faults).into_iter().chain(faults).collect();
        }
        for (offset, fault) in faults {
            let fault = match self.faults.len() {
                n if n < MAX_FAULTS => fault,
                MAX_FAULTS => Fault::More,
                _ => return,
            };
            self.faults.push((offset, fault));
            let (kind, message) = (fault.kind(), fault.message().to_owned());
            batch.problems.push(Problem { path: path.to_owned(), offset: Some(offset), kind, message });
        }
    }

    /// Tells everything that is wrong again, after the file's problems were healed for another reason.
    pub(crate) fn tell_again(&mut self, path: &str, batch: &mut Batch) {
        let faults = std::mem::take(&mut self.faults);
        self.tell(path, faults, &[], batch);
    }

    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }
}

/// Whether a file begins with the preamble; `false` while too little of it is there.
fn begins(bytes: &[u8], preamble: &Preamble) -> Result<bool, Fault> {
    let n = bytes.len().min(preamble.magic.len());
    if bytes[..n] != preamble.magic[..n] {
        return Err(Fault::Foreign);
    }
    match bytes.get(preamble.magic.len()) {
        None => Ok(false),
        Some(version) if *version == preamble.version => Ok(true),
        Some(_) => Err(Fault::Version),
    }
}
