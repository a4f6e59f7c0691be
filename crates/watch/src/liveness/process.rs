//! What the system tells of processes: whether one runs, since when, and what it has open.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// "(python)" after a process number, where the system tells the name.
pub(super) fn named(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name: String = name.trim().chars().filter(|c| !c.is_control()).collect();
    if name.is_empty() { name } else { format!(" ({name})") }
}

/// When a process began, unix seconds; `None` if there is none (a zombie does not write either), or the system
/// does not tell. proc(5): field 22 of `stat`, in hundredths of a second after the `btime` of `/proc/stat`.
pub(super) fn process_start(pid: u32) -> Option<f64> {
    let ticks = start_ticks(pid)? as f64;
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = boot.lines().find_map(|l| l.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot + ticks / 100.0)
}

pub(super) fn start_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Files that may matter and that some process (one of ours: others' cannot be seen) has open for writing.
#[cfg(target_os = "linux")]
pub(super) fn open_for_writing() -> BTreeMap<PathBuf, u32> {
    use std::os::unix::fs::PermissionsExt;
    let mut found = BTreeMap::new();
    let own = std::process::id();
    let Ok(processes) = fs::read_dir("/proc") else { return found };
    for process in processes.filter_map(Result::ok) {
        let Some(pid) = process.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        if pid == own {
            continue;
        }
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        for file in files.filter_map(Result::ok) {
            let Ok(target) = fs::read_link(file.path()) else { continue };
            if !target.is_absolute() || !target.file_name().is_some_and(crate::prune::may_matter) {
                continue;
            }
            // The link's own permission says how the file was opened.
            let writing = fs::symlink_metadata(file.path()).is_ok_and(|m| m.permissions().mode() & 0o200 != 0);
            if writing {
                found.insert(target, pid);
            }
        }
    }
    found
}

#[cfg(not(target_os = "linux"))]
pub(super) fn open_for_writing() -> BTreeMap<PathBuf, u32> {
    BTreeMap::new()
}
