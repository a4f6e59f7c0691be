//! Where things lie on this machine: our own data, and the demo that came with the program. Shells ask here, so that
//! the window and `signalbox serve` show the same projects.

use std::env;
use std::path::{Path, PathBuf};

/// The folder of our own data: `SIGNALBOX_DATA_DIR`, or the system's place for a user's data. `None` without either.
pub fn data_dir() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(dir) = set("SIGNALBOX_DATA_DIR") {
        return std::path::absolute(dir).ok();
    }
    if cfg!(target_os = "macos") {
        Some(set("HOME")?.join("Library/Application Support/Signalbox"))
    } else if cfg!(windows) {
        Some(set("LOCALAPPDATA")?.join("Signalbox"))
    } else {
        // XDG Base Directory Specification: a path that is not absolute is to be ignored.
        let data = set("XDG_DATA_HOME").filter(|p| p.is_absolute());
        Some(data.or_else(|| Some(set("HOME")?.join(".local/share")))?.join("signalbox"))
    }
}

/// The user's home folder.
pub(crate) fn home() -> Option<PathBuf> {
    env::home_dir().filter(|home| home.is_absolute() && home.parent().is_some())
}

/// The demo project: `SIGNALBOX_DEMO`, or where it lies beside the program (an installed one, or one built in a clone).
pub fn demo_path() -> Option<PathBuf> {
    if let Some(dir) = env::var_os("SIGNALBOX_DEMO") {
        return Some(PathBuf::from(dir)).filter(|d| d.is_dir());
    }
    demo_beside(env::current_exe().ok()?.parent()?)
}

/// `program`: the folder that the program lies in.
fn demo_beside(program: &Path) -> Option<PathBuf> {
    let places = ["../../assets/demo", "demo", "../lib/Signalbox/demo", "../Resources/demo"];
    places.iter().find_map(|p| program.join(p).canonicalize().ok().filter(|d| d.is_dir()))
}

/// This program, as it can be started again.
pub fn own_program() -> Option<PathBuf> {
    signalbox_keeper::own_program().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_found_in_a_clone_and_in_an_installation() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("a path");
        for (program, demo) in [("clone/target/release", "clone/assets/demo"), ("usr/bin", "usr/lib/Signalbox/demo")] {
            std::fs::create_dir_all(root.join(program)).expect("a folder");
            assert_eq!(demo_beside(&root.join(program)), None);
            std::fs::create_dir_all(root.join(demo)).expect("a folder");
            assert_eq!(demo_beside(&root.join(program)), Some(root.join(demo)));
        }
    }
}
