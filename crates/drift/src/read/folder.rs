//! The data files of a folder, and what the folders' names say of them (`date=2026-11-22/hour=09/part-0.parquet`).

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
/// folders are not followed.
pub fn data_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    walk(folder, 0, &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let Ok(entry) = entry else { continue };
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || name.starts_with('_') || found.len() >= MAX_FILES {
            continue;
        }
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            if depth < MAX_DEPTH {
                // A folder within that may not be read keeps nobody from the others.
                let _ = walk(&entry.path(), depth + 1, found);
            }
        } else if by_name(&entry.path()).is_some() {
            found.push(entry.path());
        }
    }
    Ok(())
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
}
