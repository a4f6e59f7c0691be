//! What `stat` said of a file when git last looked at it, beside what it says now (git's `read-cache.c`,
//! `match_stat_data`). Where the two differ the content decides, so that a difference costs time only.

use std::{
    fs::Metadata,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    config::Config,
    index::{Entry, MODE_EXECUTABLE, MODE_FILE, MODE_LINK, MODE_SUBMODULE},
};

/// Seconds and nanoseconds, as far as 32 bits hold them.
pub(crate) type Time = (u32, u32);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    pub ctime: Time,
    pub mtime: Time,
    pub inode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u32,
}

/// How a repository's configuration says that files are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The executable bit means something.
    pub modes: bool,
    /// A link is a link; otherwise it is a file with its target in it.
    pub links: bool,
    ctime: bool,
    /// Of times only the seconds, of the rest only the size.
    minimal: bool,
}

impl Rules {
    pub(crate) fn of(config: &Config) -> Rules {
        let is_unix = cfg!(unix);
        Rules {
            modes: is_unix && config.flag("core", "filemode").unwrap_or(true),
            links: config.flag("core", "symlinks").unwrap_or(is_unix),
            ctime: is_unix && config.flag("core", "trustctime").unwrap_or(true),
            minimal: !is_unix || config.get("core", "", "checkstat").is_some_and(|v| v.eq_ignore_ascii_case("minimal")),
        }
    }

    /// Whether a file is surely as git last saw it. `written`: when the index was.
    pub(crate) fn is_same(self, entry: &Entry, about: &Metadata, written: Option<SystemTime>) -> bool {
        let now = Stat::of(about);
        let then = entry.stat;
        if now.size != then.size || !same_time(now.mtime, then.mtime) {
            return false;
        }
        let of_unix = || {
            (!self.ctime || same_time(now.ctime, then.ctime))
                && (now.inode, now.uid, now.gid) == (then.inode, then.uid, then.gid)
        };
        // A file that was written again in the moment in which the index was looks the same ("racily clean").
        let is_older = written.is_some_and(|written| is_before(then.mtime, time(Some(written))));
        (self.minimal || of_unix()) && is_older
    }

    /// The mode that git would note for what is there now; `was`: the one that it has noted.
    pub(crate) fn mode(self, about: &Metadata, was: u32) -> Option<u32> {
        if about.is_symlink() {
            return Some(MODE_LINK);
        }
        if !about.is_file() {
            return None;
        }
        if !self.links && was == MODE_LINK {
            return Some(MODE_LINK);
        }
        if !self.modes {
            return Some(if was == MODE_EXECUTABLE { was } else { MODE_FILE });
        }
        Some(if is_executable(about) { MODE_EXECUTABLE } else { MODE_FILE })
    }
}

impl Stat {
    #[cfg(unix)]
    fn of(about: &Metadata) -> Stat {
        use std::os::unix::fs::MetadataExt as _;
        // As the index has them: 32 bits of each.
        Stat {
            ctime: (about.ctime() as u32, about.ctime_nsec() as u32),
            mtime: (about.mtime() as u32, about.mtime_nsec() as u32),
            inode: about.ino() as u32,
            uid: about.uid(),
            gid: about.gid(),
            size: about.len() as u32,
        }
    }

    #[cfg(not(unix))]
    fn of(about: &Metadata) -> Stat {
        Stat { mtime: time(about.modified().ok()), size: about.len() as u32, ..Stat::default() }
    }
}

/// A mode as git notes it, whatever bits a file has.
pub(crate) fn canonical_mode(mode: u32) -> u32 {
    match mode & 0o170_000 {
        0o120_000 => MODE_LINK,
        0o160_000 => MODE_SUBMODULE,
        _ if mode & 0o100 != 0 => MODE_EXECUTABLE,
        _ => MODE_FILE,
    }
}

#[cfg(unix)]
fn is_executable(about: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(about) & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}

fn time(at: Option<SystemTime>) -> Time {
    let since = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    (since.as_secs() as u32, since.subsec_nanos())
}

/// A git that keeps no nanoseconds writes zeros.
fn same_time(now: Time, then: Time) -> bool {
    now.0 == then.0 && (then.1 == 0 || now.1 == then.1)
}

/// Surely before. Without nanoseconds on either side a second is one moment.
fn is_before(file: Time, index: Time) -> bool {
    file.0 < index.0 || file.0 == index.0 && file.1 != 0 && index.1 != 0 && file.1 < index.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_without_nanoseconds_is_a_second_long() {
        assert!(is_before((1, 5), (2, 0)) && is_before((2, 5), (2, 6)));
        assert!(!is_before((2, 5), (2, 5)) && !is_before((2, 0), (2, 6)) && !is_before((2, 5), (2, 0)));
        assert!(same_time((1, 5), (1, 0)) && same_time((1, 5), (1, 5)) && !same_time((1, 5), (1, 6)));
    }

    #[test]
    fn modes() {
        for (mode, expected) in [(0o100_664, MODE_FILE), (0o100_775, MODE_EXECUTABLE), (0o120_777, MODE_LINK)] {
            assert_eq!(canonical_mode(mode), expected);
        }
        assert_eq!(canonical_mode(0o160_000), MODE_SUBMODULE);
    }
}
