//! What `stat` says of a file: enough to know that nothing changed.

use std::{
    fs::Metadata,
    io,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

/// A file that was changed so lately may be half written: Python takes seconds for a large JSON.
const YOUNG_SECS: f64 = 60.0;

/// Time of last change and length. `Stamp::default()` stands for a file never looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, u64)", into = "(i64, u64)")]
pub(crate) struct Stamp {
    pub mtime_ns: i64,
    pub len: u64,
}

impl Stamp {
    /// Follows symlinks, as opening the file would.
    pub(crate) fn of(path: &Path) -> io::Result<Stamp> {
        std::fs::metadata(path).map(|m| Stamp::of_metadata(&m))
    }

    /// `None` when the file does not exist.
    pub(crate) fn if_exists(path: &Path) -> io::Result<Option<Stamp>> {
        match Stamp::of(path) {
            Ok(stamp) => Ok(Some(stamp)),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Whether the file was changed so lately that what makes no sense in it may be half of what is being written.
    pub(crate) fn is_young(self) -> bool {
        (unix_now() - self.mtime_ns as f64 / 1e9).abs() <= YOUNG_SECS
    }

    pub(crate) fn of_metadata(metadata: &Metadata) -> Stamp {
        let mtime_ns = match metadata.modified().map(|t| t.duration_since(UNIX_EPOCH)) {
            Ok(Ok(after)) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Ok(Err(before)) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
            Err(_) => 0,
        };
        Stamp { mtime_ns, len: metadata.len() }
    }
}

impl From<(i64, u64)> for Stamp {
    fn from((mtime_ns, len): (i64, u64)) -> Self {
        Stamp { mtime_ns, len }
    }
}

impl From<Stamp> for (i64, u64) {
    fn from(stamp: Stamp) -> Self {
        (stamp.mtime_ns, stamp.len)
    }
}

/// Unix seconds. Only for what no file tells: whether a writer is still at it.
pub(crate) fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// Whether an error means that nothing is there (rather than that we may not see it).
pub(crate) fn is_absent(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
