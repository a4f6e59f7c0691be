//! What names tell: which files are event files, and who wrote them.

use std::ffi::OsStr;

/// Whether a directory's entry is an event file: TensorBoard's own rule (the name contains `tfevents`), less the
/// profiler's empty markers and directories that happen to have such a name.
pub fn is_event_file(name: &OsStr, is_dir: bool) -> bool {
    let name = name.as_encoded_bytes();
    !is_dir && memchr::memmem::find(name, b"tfevents").is_some() && !name.ends_with(b".profile-empty")
}

/// The name under which a file is a part of its run: bytes that are not UTF-8 are escaped, so that no two files
/// share a part.
pub(super) fn part_name(name: &OsStr) -> String {
    match name.to_str() {
        Some(name) => name.to_string(),
        None => name.as_encoded_bytes().escape_ascii().to_string(),
    }
}

/// The writing process, from `events.out.tfevents.<secs>.<host>.<pid>.<n>[suffix]` (torch, TensorFlow 2), if the
/// host is ours. tensorboardX and CatBoost do not tell theirs.
pub(super) fn writer_pid(part: &str, our_host: &str) -> Option<u32> {
    let (_, rest) = part.split_once("tfevents.")?;
    let (secs, rest) = rest.split_once('.')?;
    let rest = rest.strip_prefix(our_host)?.strip_prefix('.')?;
    let (pid, n) = rest.split_once('.')?;
    let is_number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if our_host.is_empty() || !is_number(secs) || !n.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    is_number(pid).then(|| pid.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_event_file() {
        let check = |name: &str, is_dir: bool, expected: bool| {
            assert_eq!(is_event_file(OsStr::new(name), is_dir), expected, "{name}");
        };
        check("events.out.tfevents.1.h", false, true);
        check("events.out.tfevents", false, true);
        check("x.tfevents.bak", false, true);
        check("events.out.tfevents.1.h", true, false);
        check("events.out.tfevents.1.h.profile-empty", false, false);
        check("events.out", false, false);
    }

    #[test]
    fn whose_pid_it_is() {
        let check = |part: &str, expected: Option<u32>| assert_eq!(writer_pid(part, "vm.local"), expected, "{part}");
        check("events.out.tfevents.1795247922.vm.local.31278.0", Some(31278));
        check("events.out.tfevents.1795247922.vm.local.31278.0.v2", Some(31278));
        check("events.out.tfevents.1795247922.other.31278.0", None);
        check("events.out.tfevents.1795247922.vm.local", None);
        check("events.out.tfevents.1795247922.vm.local.restart", None);
        check("events.out.tfevents.1795247922.vm.local.99999999999.0", None);
        check("events.out.tfevents", None);
    }
}
