//! A run's artifacts, read in place: listed a level at a time, opened by the page only below their root.

use crate::wire::{ArtifactEntry, ArtifactKind, CallError, ErrorCode};
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// More entries than anyone looks at; the list says when it was cut.
const MAX_ENTRIES: usize = 5_000;
/// The most that the page is given of one file.
const MAX_BYTES: u64 = 32 << 20;

/// `below` (`/` between parts, as the page says it) inside of `root`: no `..`, no absolute parts, and no link that
/// leads out of `project`.
pub(crate) fn inside(project: &Path, root: &Path, below: &str) -> Result<PathBuf, CallError> {
    let refused = |why: &str| CallError::new(ErrorCode::Refused, format!("{below:?} is not opened: {why}."));
    let relative = Path::new(below);
    if below.contains('\0') || relative.components().any(|c| !matches!(c, Component::Normal(_) | Component::CurDir)) {
        return Err(refused("it does not lie below the run's artifacts"));
    }
    let path = root.join(relative);
    let real = fs::canonicalize(&path).map_err(|e| unreadable(below, &e))?;
    let project = fs::canonicalize(project).map_err(|e| unreadable(below, &e))?;
    if !real.starts_with(&project) {
        return Err(refused("it leads out of the project folder"));
    }
    Ok(real)
}

fn unreadable(path: &str, e: &std::io::Error) -> CallError {
    CallError::new(ErrorCode::Unreadable, format!("{path:?} cannot be read: {e}."))
        .hint("It may have been moved or deleted since; the other artifacts are not affected.")
}

pub(crate) fn list(project: &Path, root: &Path, below: &str) -> Result<Vec<ArtifactEntry>, CallError> {
    if !root.exists() {
        return Ok(Vec::new());
    }
    let dir = inside(project, root, below)?;
    let mut out = Vec::new();
    for entry in fs::read_dir(&dir).map_err(|e| unreadable(below, &e))? {
        let Ok(entry) = entry else { continue };
        // Follows links: what cannot be followed is not listed.
        let Ok(meta) = fs::metadata(entry.path()) else { continue };
        // A name that is not UTF-8 cannot be asked for by the page.
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let path = if below.is_empty() { name.clone() } else { format!("{}/{name}", below.trim_end_matches('/')) };
        let kind = kind(&name);
        out.push(ArtifactEntry { path, name, is_dir: meta.is_dir(), bytes: meta.len(), kind });
        if out.len() >= MAX_ENTRIES {
            break;
        }
    }
    out.sort_by(|a, b| b.is_dir.cmp(&a.is_dir).then_with(|| a.name.cmp(&b.name)));
    Ok(out)
}

/// The file's first `max_bytes` bytes.
pub(crate) fn read(project: &Path, root: &Path, below: &str, max_bytes: u64) -> Result<Vec<u8>, CallError> {
    let path = inside(project, root, below)?;
    let meta = fs::metadata(&path).map_err(|e| unreadable(below, &e))?;
    // A pipe or a device would block for ever.
    if !meta.is_file() {
        return Err(CallError::new(ErrorCode::Refused, format!("{below:?} is not a file.")));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(&path).map_err(|e| unreadable(below, &e))?;
    file.take(max_bytes.min(MAX_BYTES)).read_to_end(&mut bytes).map_err(|e| unreadable(below, &e))?;
    Ok(bytes)
}

fn kind(name: &str) -> ArtifactKind {
    let ext = name.rsplit_once('.').map_or("", |(_, e)| e).to_ascii_lowercase();
    match ext.as_str() {
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "bmp" => ArtifactKind::Image,
        "json" => ArtifactKind::Json,
        "csv" | "tsv" => ArtifactKind::Csv,
        "txt" | "md" | "log" | "yaml" | "yml" | "toml" | "py" | "jsonl" | "html" | "xml" | "cfg" | "ini" | "sh"
        | "rst" | "tex" | "svg" => ArtifactKind::Text,
        _ if matches!(name, "MLmodel" | "LICENSE" | "Dockerfile" | "Makefile" | "README") => ArtifactKind::Text,
        _ => ArtifactKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_listed_or_read() {
        let dir = tempfile::tempdir().expect("a temp dir");
        let project = dir.path().join("project");
        let root = project.join("mlruns/0/r/artifacts");
        fs::create_dir_all(root.join("plots")).expect("dirs");
        fs::write(root.join("plots/a.png"), b"png").expect("a file");
        fs::write(dir.path().join("secret.txt"), b"secret").expect("a file");
        #[cfg(unix)]
        std::os::unix::fs::symlink(dir.path(), root.join("out")).expect("a link");

        assert_eq!(read(&project, &root, "plots/a.png", 2).expect("inside"), b"pn");
        let listed = list(&project, &root, "plots").expect("inside");
        assert_eq!((listed[0].path.as_str(), listed[0].bytes), ("plots/a.png", 3));
        for bad in
            ["../../../../secret.txt", "/etc/passwd", "plots/../../../../../../secret.txt", "out/secret.txt", "a\0b"]
        {
            let e = read(&project, &root, bad, 100).expect_err(bad);
            assert!(matches!(e.code, ErrorCode::Refused | ErrorCode::Unreadable), "{bad}: {e:?}");
        }
        assert_eq!(read(&project, &root, "plots", 100).expect_err("a folder").code, ErrorCode::Refused);
        assert_eq!(read(&project, &root, "absent", 100).expect_err("absent").code, ErrorCode::Unreadable);
    }
}
