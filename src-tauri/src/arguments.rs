//! The command line: folders to open, and where our own data lie.

use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::environment;

pub const HELP: &str = "Signalbox shows every training run in a folder, live.

Usage: signalbox-desktop [--data-dir DIR] [FOLDER…]

  FOLDER…          project folders to open; the last one is shown
  --data-dir DIR   keep Signalbox's own data in DIR (or set SIGNALBOX_DATA_DIR)
  --help, --version";

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub enum Asked {
    Run(Arguments),
    Print(String),
}

#[derive(Debug, PartialEq)]
pub struct Arguments {
    /// Absolute.
    pub folders: Vec<PathBuf>,
    /// Absolute.
    pub data_dir: PathBuf,
}

impl Arguments {
    /// `line`: without the program's name.
    pub fn parse(line: impl Iterator<Item = OsString>) -> Result<Asked, String> {
        let cwd = std::env::current_dir().map_err(|e| format!("there is no current folder: {e}"))?;
        Self::parse_in(line, &cwd)
    }

    /// As `parse`, for a line that was written in `cwd`.
    pub fn parse_in(mut line: impl Iterator<Item = OsString>, cwd: &Path) -> Result<Asked, String> {
        let mut folders = Vec::new();
        let mut data_dir = None;
        let mut only_folders = false;
        while let Some(word) = line.next() {
            match word.to_str() {
                _ if only_folders => folders.push(cwd.join(word)),
                Some("--") => only_folders = true,
                Some("--help" | "-h") => return Ok(Asked::Print(HELP.to_owned())),
                Some("--version" | "-V") => {
                    return Ok(Asked::Print(format!("signalbox-desktop {}", env!("CARGO_PKG_VERSION"))));
                }
                Some("--data-dir") => data_dir = Some(line.next().ok_or("--data-dir needs a folder")?),
                Some(text) if text.starts_with("--data-dir=") => data_dir = Some(text["--data-dir=".len()..].into()),
                Some(text) if text.starts_with('-') && text.len() > 1 => {
                    return Err(format!("there is no option {text}"));
                }
                _ => folders.push(cwd.join(word)),
            }
        }
        let data_dir = match data_dir {
            Some(dir) => cwd.join(dir),
            None => environment::data_dir().ok_or("no home folder is known; say --data-dir DIR")?,
        };
        Ok(Asked::Run(Arguments { folders, data_dir }))
    }

    /// Programs with one data folder are one instance.
    pub fn instance_name(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.data_dir.hash(&mut hasher);
        format!("dev.signalbox.desktop.d{:016x}", hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Asked, String> {
        Arguments::parse_in(words.iter().map(OsString::from), Path::new("/home/ada"))
    }

    #[test]
    fn folders_are_taken_from_where_the_line_was_written() {
        let Ok(Asked::Run(asked)) = parse(&["runs", "--data-dir", "d", "/abs", "--", "--odd"]) else { panic!("runs") };
        assert_eq!(asked.folders, ["/home/ada/runs", "/abs", "/home/ada/--odd"].map(PathBuf::from));
        assert_eq!(asked.data_dir, PathBuf::from("/home/ada/d"));
        assert_eq!(parse(&["runs", "--data-dir=d", "/abs", "--", "--odd"]), Ok(Asked::Run(asked)));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        assert_eq!(parse(&["--colour"]), Err("there is no option --colour".into()));
        assert!(parse(&["--data-dir"]).is_err());
        assert!(matches!(parse(&["--version"]), Ok(Asked::Print(v)) if v.contains(env!("CARGO_PKG_VERSION"))));
    }

    #[test]
    fn an_instance_is_its_data() {
        let name = |dir: &str| Arguments { folders: vec![], data_dir: dir.into() }.instance_name();
        assert_eq!(name("/a"), name("/a"));
        assert_ne!(name("/a"), name("/b"));
    }
}
