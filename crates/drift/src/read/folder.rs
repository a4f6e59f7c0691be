//! The data files of a folder, and what the folders' names say of them (`date=2026-11-22/hour=09/part-0.parquet`).

use super::{Problem, Problems};
use std::path::{Path, PathBuf};

/// What a file is, by its name and, where that says nothing, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Parquet,
    Ipc,
    IpcStream,
    Separated,
    JsonLines,
}

/// More files than this are not taken in.
pub const MAX_FILES: usize = 200_000;
const MAX_DEPTH: usize = 16;

impl Shape {
    pub fn of(path: &Path) -> Option<Shape> {
        let by_name = by_name(path)?;
        Some(if by_name == Shape::Ipc && !starts_with(path, b"ARROW1") { Shape::IpcStream } else { by_name })
    }

    /// Of a file that a person has named: any text is taken for separated values.
    pub fn of_named(path: &Path) -> Shape {
        Shape::of(path).unwrap_or_else(|| {
            if starts_with(path, b"PAR1") {
                Shape::Parquet
            } else if starts_with(path, b"ARROW1") {
                Shape::Ipc
            } else if starts_with(path, b"{") {
                Shape::JsonLines
            } else {
                Shape::Separated
            }
        })
    }
}

fn by_name(path: &Path) -> Option<Shape> {
    Some(match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "parquet" | "pq" | "parq" => Shape::Parquet,
        "arrow" | "feather" | "ipc" => Shape::Ipc,
        "arrows" => Shape::IpcStream,
        "csv" | "tsv" | "tab" | "psv" => Shape::Separated,
        "jsonl" | "ndjson" => Shape::JsonLines,
        _ => return None,
    })
}

fn starts_with(path: &Path, magic: &[u8]) -> bool {
    let mut head = vec![0; magic.len()];
    is_file(path)
        && std::fs::File::open(path).is_ok_and(|mut file| std::io::Read::read_exact(&mut file, &mut head).is_ok())
        && head == magic
}

/// All data files below, by name; hidden ones and those whose names begin with `_` are others' bookkeeping. Links to
/// folders are not followed. What was not looked at is told, if one asks [`listed`].
pub fn data_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    listed(folder).map(|(files, _)| files)
}

/// The same, and which folders and files are left out.
pub fn listed(folder: &Path) -> std::io::Result<(Vec<PathBuf>, Problems)> {
    let mut walk = Walk { files: Vec::new(), most: MAX_FILES, n_beyond: 0, problems: Problems::default() };
    walk.enter(folder, 0)?;
    Ok(walk.done(folder))
}

struct Walk {
    files: Vec<PathBuf>,
    most: usize,
    /// Files that are too many.
    n_beyond: usize,
    problems: Problems,
}

impl Walk {
    fn enter(&mut self, folder: &Path, depth: usize) -> std::io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let found = entry.and_then(|entry| Ok((entry.path(), entry.file_name(), entry.file_type()?)));
            let (path, name, kind) = match found {
                Ok(found) => found,
                Err(e) => {
                    self.lacks(folder, format!("Something in it cannot be looked at, and is left out: {e}."));
                    continue;
                }
            };
            let name = name.to_string_lossy();
            if name.starts_with('.') || name.starts_with('_') {
                continue;
            }
            if kind.is_dir() {
                self.below(&path, depth + 1);
            } else if by_name(&path).is_some() {
                self.files.push(path);
                // Not all are kept until the end: a folder may have any number.
                if self.files.len() >= 2 * self.most {
                    self.cut();
                }
            }
        }
        Ok(())
    }

    /// A folder within that may not be read keeps nobody from the others.
    fn below(&mut self, folder: &Path, depth: usize) {
        if depth > MAX_DEPTH {
            return self.lacks(folder, format!("It lies more than {MAX_DEPTH} folders deep, and is left out."));
        }
        if let Err(e) = self.enter(folder, depth) {
            self.lacks(folder, format!("The folder cannot be read, and is left out: {e}."));
        }
    }

    fn lacks(&mut self, folder: &Path, message: String) {
        let hint = Some("Look whether it may be read, or name another folder.".into());
        self.problems.add(Problem {
            file: folder.display().to_string(),
            column: None,
            place: None,
            lost: true,
            message,
            hint,
        });
    }

    /// The first by name stay, in whatever order they were found.
    fn cut(&mut self) {
        self.files.sort_unstable();
        self.n_beyond += self.files.len().saturating_sub(self.most);
        self.files.truncate(self.most);
    }

    fn done(mut self, folder: &Path) -> (Vec<PathBuf>, Problems) {
        self.cut();
        if self.n_beyond > 0 {
            let (most, n) = (self.most, self.n_beyond);
            self.lacks(folder, format!("It has more than {most} files: the last {n} by name are left out."));
        }
        (self.files, self.problems)
    }
}

/// By its name alone.
pub fn is_data(path: &Path) -> bool {
    by_name(path).is_some()
}

/// What can be opened without waiting for somebody who writes: no pipe, no device, no link to a folder.
pub fn is_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|about| about.is_file())
}

/// (key, value) of each `key=value` folder above a file.
pub fn parts_of(file: &Path) -> Vec<(String, Option<String>)> {
    parts(Path::new(""), file)
}

/// (key, value) of each `key=value` folder between; Hive's default part is null.
pub fn parts(folder: &Path, file: &Path) -> Vec<(String, Option<String>)> {
    let Some(between) = file.strip_prefix(folder).ok().and_then(Path::parent) else { return Vec::new() };
    let part = |component: std::path::Component| {
        let text = component.as_os_str().to_string_lossy().into_owned();
        let (key, value) = text.split_once('=')?;
        let value = (value != "__HIVE_DEFAULT_PARTITION__").then(|| decoded(value));
        Some((decoded(key), value))
    };
    between.components().filter_map(part).collect()
}

/// `%3A` and its like.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
        match hex.filter(|_| bytes[at] == b'%').and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_names_are_columns() {
        let found =
            parts(Path::new("/x"), Path::new("/x/date=2026-11-22/hour=09%3A00/k=__HIVE_DEFAULT_PARTITION__/a.parquet"));
        let wanted = [("date", Some("2026-11-22")), ("hour", Some("09:00")), ("k", None)]
            .map(|(k, v)| (k.into(), v.map(Into::into)));
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_is_left_out_of_a_folder_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut deep = dir.path().to_owned();
        for depth in 0..=MAX_DEPTH {
            std::fs::write(deep.join("x.csv"), "x\n").expect("a file");
            deep.push(format!("{depth}"));
            std::fs::create_dir(&deep).expect("a folder");
        }
        std::fs::write(deep.join("x.csv"), "x\n").expect("a file");
        let (files, said) = listed(dir.path()).expect("a folder");
        let said = said.told();
        assert_eq!((files.len(), said.len()), (MAX_DEPTH + 1, 1));
        assert!(said[0].lost && said[0].file == deep.display().to_string(), "{said:?}");
    }

    #[test]
    fn of_too_many_files_the_first_by_name_stay() {
        let dir = tempfile::tempdir().expect("a folder");
        (0..9).rev().for_each(|at| std::fs::write(dir.path().join(format!("{at}.csv")), "x\n").expect("a file"));
        let mut walk = Walk { files: Vec::new(), most: 2, n_beyond: 0, problems: Problems::default() };
        walk.enter(dir.path(), 0).expect("a folder");
        let (files, said) = walk.done(dir.path());
        assert_eq!(files, [dir.path().join("0.csv"), dir.path().join("1.csv")]);
        let said = said.told();
        assert!(said[0].lost && said[0].message.contains("the last 7"), "{said:?}");
    }
}
