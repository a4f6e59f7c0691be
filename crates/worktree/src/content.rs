//! Whether a file holds what git has of it, where its times and size do not tell.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    path::Path,
};

use gix_hash::ObjectId;
use sha2::{Digest as _, Sha256};

use crate::{
    attributes::{Attributes, Endings},
    budget::Budget,
    index::MODE_LINK,
    objects::{Objects, blob_id},
};

/// Larger files are hashed piece by piece, and never for their line endings.
const MAX_WHOLE: u64 = 16 << 20;
const PIECE: usize = 256 << 10;
/// A pointer of Git LFS is some 130 bytes.
const MAX_POINTER: u64 = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Same,
    /// But for CR LF where git has LF.
    LineEndings,
    Differs,
    /// Git LFS keeps it, and it differs.
    LfsDiffers,
    /// It goes through a filter.
    Filtered,
    Unreadable,
    OutOfTime,
}

pub(crate) struct Look<'a> {
    pub objects: Option<&'a Objects>,
    pub budget: Budget,
}

impl Look<'_> {
    /// Lays a file beside the blob `id`. `attributes` are asked for only if the two differ.
    pub(crate) fn compare(
        &self,
        file: &Path,
        about: &Metadata,
        mode: u32,
        id: ObjectId,
        attributes: impl FnOnce() -> Attributes,
    ) -> Content {
        if about.is_symlink() {
            return match link(file) {
                Ok(target) if blob_id(&target) == Some(id) => Content::Same,
                Ok(_) => Content::Differs,
                Err(_) => Content::Unreadable,
            };
        }
        // Large files are Git LFS's more often than not; the pointer says soon what to look for.
        let mut is_lfs = None;
        if about.len() > MAX_WHOLE {
            is_lfs = Some(self.lfs(file, about, id));
            if let Some(Some(content)) = is_lfs {
                return content;
            }
        }
        match self.plain(file, about, id) {
            Ok(Content::Differs) if mode != MODE_LINK => {}
            plain => return plain.unwrap_or(Content::Unreadable),
        }
        if let Some(content) = is_lfs.unwrap_or_else(|| self.lfs(file, about, id)) {
            return content;
        }
        let attributes = attributes();
        if attributes.is_filtered {
            return Content::Filtered;
        }
        if attributes.endings == Endings::Keeps || about.len() > MAX_WHOLE {
            return Content::Differs;
        }
        match whole(file) {
            Ok(bytes) if !bytes.contains(&0) && blob_id(&with_lf(&bytes)) == Some(id) => Content::LineEndings,
            Ok(_) => Content::Differs,
            Err(_) => Content::Unreadable,
        }
    }

    /// By the bytes as they are.
    fn plain(&self, file: &Path, about: &Metadata, id: ObjectId) -> io::Result<Content> {
        let len = about.len();
        let mut hasher = gix_hash::hasher(gix_hash::Kind::Sha1);
        hasher.update(format!("blob {len}\0").as_bytes());
        let Some(n) = self.pieces(file, |piece| hasher.update(piece))? else { return Ok(Content::OutOfTime) };
        let is_same = n == len && hasher.try_finalize().ok() == Some(id);
        Ok(if is_same { Content::Same } else { Content::Differs })
    }

    /// `None`: what git has is no pointer of Git LFS (its docs/spec.md).
    fn lfs(&self, file: &Path, about: &Metadata, id: ObjectId) -> Option<Content> {
        let pointer = self.objects?.blob(id, MAX_POINTER).ok()?;
        let (sha256, size) = pointer_of(&pointer)?;
        if size != about.len() {
            return Some(Content::LfsDiffers);
        }
        let mut hasher = Sha256::new();
        Some(match self.pieces(file, |piece| hasher.update(piece)) {
            Ok(None) => Content::OutOfTime,
            Ok(Some(_)) if hex(&hasher.finalize()) == sha256 => Content::Same,
            Ok(Some(_)) => Content::LfsDiffers,
            Err(_) => Content::Unreadable,
        })
    }

    /// Reads a file piece by piece, and how long it was; `None`: time was up.
    fn pieces(&self, file: &Path, mut take: impl FnMut(&[u8])) -> io::Result<Option<u64>> {
        let mut file = File::open(file)?;
        let mut piece = vec![0; PIECE];
        let mut n = 0;
        loop {
            if self.budget.is_up() {
                return Ok(None);
            }
            match file.read(&mut piece)? {
                0 => return Ok(Some(n)),
                m => {
                    take(&piece[..m]);
                    n += m as u64;
                }
            }
        }
    }
}

/// What a file holds, if it is no larger than [`MAX_WHOLE`].
fn whole(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MAX_WHOLE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Where a link leads, as git keeps it.
pub(crate) fn link(path: &Path) -> io::Result<Vec<u8>> {
    let target = fs::read_link(path)?;
    let bytes = crate::repository::bytes_of(target.as_os_str()).map(<[u8]>::to_vec);
    bytes.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// A text with LF where it has CR LF.
pub(crate) fn with_lf(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (at, b) in text.iter().enumerate() {
        if *b != b'\r' || text.get(at + 1) != Some(&b'\n') {
            out.push(*b);
        }
    }
    out
}

/// The SHA-256 and the size that a pointer of Git LFS names.
pub(crate) fn pointer_of(bytes: &[u8]) -> Option<(String, u64)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.strip_prefix("version https://git-lfs.github.com/spec/v1\n")?.lines();
    let value =
        |lines: &mut std::str::Lines<'_>, key: &str| lines.find_map(|line| line.strip_prefix(key)).map(str::to_owned);
    let sha256 = value(&mut lines, "oid sha256:")?;
    let size = value(&mut lines, "size ")?.parse().ok()?;
    Some((sha256, size))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|n| char::from(b"0123456789abcdef"[usize::from(n)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_and_line_ends() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n";
        assert_eq!(pointer_of(pointer), Some(("abc".to_owned(), 12)));
        assert_eq!(pointer_of(b"version https://git-lfs.github.com/spec/v1\nsize 12\n"), None);
        assert_eq!(with_lf(b"a\r\nb\rc\r\r\n\r"), b"a\nb\rc\r\n\r");
        assert_eq!(hex(&[0, 0xaf]), "00af");
    }
}
