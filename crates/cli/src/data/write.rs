//! Reports as files: whole or not at all.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Beside its place first, then renamed into it: who reads meanwhile has the old one.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::System(format!("{} cannot be written: {e}.", path.display()));
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().ok_or_else(|| failed(std::io::ErrorKind::IsADirectory.into()))?);
    name.push(format!(".{}.part", std::process::id()));
    let part: PathBuf = path.with_file_name(name);
    let written = std::fs::File::create(&part)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&part, path));
    written.map_err(|e| {
        // What is left of it is of no use to anybody.
        let _ = std::fs::remove_file(&part);
        failed(e)
    })
}
