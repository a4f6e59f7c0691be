//! What trainings print, told from all other text by its lines.
//!
//! Of a text file a head, its end and a few places between are looked at, and of many in one directory only so many.

use std::path::{Path, PathBuf};

use signalbox_types::Format;

use super::{logs, peek::Peek};
use crate::{Listing, console, place};

/// So much of a file's beginning is looked at where the first 4 KiB do not decide.
const HEAD: u64 = 1 << 16;
/// So much in the middle, at each quarter, and at the end.
const MIDDLE: u64 = 1 << 13;
const END: u64 = 1 << 14;

/// Names that schedulers, shells and scripts give such logs: looked at first.
const KNOWN_NAMES: [&str; 8] =
    ["nohup.out", "output.log", "train.log", "training.log", "log.txt", "train_log.txt", "stdout.log", "console.log"];

/// Whether a file of this name may be a console log. Of `*.txt`, which are labels and notes by the hundred thousand, only
/// those that say so.
pub fn may_be_console_log(name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let is = |wanted: &str| extension.eq_ignore_ascii_case(wanted);
    let says_so = || {
        let stem = stem.to_ascii_lowercase();
        stem == "train" || ["log", "out", "console"].iter().any(|word| stem.contains(word))
    };
    is("log") || is("out") || is("stdout") || is("txt") && says_so()
}

/// `taken`: what the files of this directory are already. What cannot be told of a file that is looked at in part is
/// `undecided`: a training may stand where nobody looked.
pub(super) fn recognise(
    listing: &Listing,
    peek: &mut Peek,
    taken: &[(Format, PathBuf)],
    undecided: &mut Vec<PathBuf>,
) -> Vec<(Format, PathBuf)> {
    let is_taken = |name: &Path| taken.iter().any(|(_, rel)| *rel == listing.rel.join(name));
    // Sacred's own copy of what its run printed.
    let has_sacred = taken.iter().any(|(format, _)| *format == Format::Sacred);
    let candidates = listing.entries.iter().filter(|e| !e.is_dir && e.len > 0);
    let candidates = candidates.filter(|e| e.name.to_str().is_some_and(may_be_console_log));
    let mut candidates: Vec<(&Path, u64)> = candidates
        .map(|e| (Path::new(&e.name), e.len))
        .filter(|(name, _)| !(is_taken(name) || has_sacred && *name == Path::new("cout.txt")))
        .collect();
    candidates.sort_by_key(|(name, _)| (!KNOWN_NAMES.iter().any(|known| name.as_os_str() == *known), *name));
    let mut found = Vec::new();
    let mut misses = 0;
    for (name, len) in &candidates {
        let rel = listing.rel.join(name);
        if candidates.len() > logs::MANY && misses >= logs::MAX_MISSES {
            undecided.push(rel);
            continue;
        }
        match look(name, *len, listing, peek) {
            Look::Training => {
                misses = 0;
                found.push((Format::Console, rel));
                continue;
            }
            Look::Nothing => {}
            Look::NothingSeen => undecided.push(rel),
        }
        misses += 1;
    }
    found
}

enum Look {
    Training,
    Nothing,
    /// Nothing where we looked.
    NothingSeen,
}

fn look(name: &Path, len: u64, listing: &Listing, peek: &mut Peek) -> Look {
    if !place::may_follow(listing.project, &peek.path(name)) {
        return Look::Nothing;
    }
    let Some(mut head) = peek.head(name) else { return Look::Nothing };
    if memchr::memchr(0, &head).is_some() {
        return Look::Nothing;
    }
    if console::is_log(&[&head]) {
        return Look::Training;
    }
    let mut piece = |from: u64, to: u64| peek.piece(name, from, to.saturating_sub(from)).unwrap_or_default();
    head.extend(piece(head.len() as u64, len.min(HEAD)));
    if console::is_log(&[&head]) {
        return Look::Training;
    }
    if len <= HEAD {
        return Look::Nothing;
    }
    let middle = [1, 2, 3].map(|quarter| len / 4 * quarter).map(|from| piece(from, from + MIDDLE));
    let end = piece(len - END, len);
    let [a, b, c] = &middle;
    if console::is_log(&[&head, a, b, c, &end]) { Look::Training } else { Look::NothingSeen }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in
            ["a.log", "nohup.out", "slurm-12_3.out", "x.stdout", "OUTPUT.LOG", "log.txt", "train.txt", "out_1.txt"]
        {
            assert!(may_be_console_log(name), "{name}");
        }
        for name in
            ["requirements.txt", "000001.txt", "README.txt", "log", "a.csv", "x.log.json", "img_train_1.txt", ""]
        {
            assert!(!may_be_console_log(name), "{name}");
        }
    }
}
