//! A run's artifacts, read in place: listed a level at a time, opened by the page only below their root.
//!
//! MLflow 3 keeps the files of a model that a run logged beside the runs, in `models/m-…/artifacts`. They are listed
//! with the run's own, in a folder of the model's name; its path is the model's id after a colon.

use crate::wire::{ArtifactEntry, ArtifactKind, CallError, ErrorCode};
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// More entries than anyone looks at; the list says when it was cut.
const MAX_ENTRIES: usize = 5_000;
/// The most that the page is given of one file.
const MAX_BYTES: u64 = 32 << 20;

/// `below` (`/` between parts, as the page says it) inside of `root`: no `..`, no absolute parts, and no link that
/// leads out of `project`.
fn inside(project: &Path, root: &Path, below: &str) -> Result<PathBuf, CallError> {
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

/// Where the files of a model that a run logged lie.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ModelFiles {
    /// As MLflow says it: `m-` and 32 figures.
    pub id: String,
    pub name: String,
    pub root: PathBuf,
}

/// The most parts of a recorded path that are looked for again.
const MAX_TAIL: usize = 8;

impl ModelFiles {
    /// The id of the model whose files `source` says the place of; `None` if it names no such place.
    pub(crate) fn id_of(source: &str) -> Option<String> {
        let path = signalbox_formats::uri_path(source)?;
        let (parts, at) = parts_of(&path)?;
        Some(parts[at + 1].to_str()?.to_owned())
    }

    /// `project`: with every link followed. `run`: the run's folder or database, below it. `source`: where the
    /// model's files are, an absolute path of the machine that wrote them; after a move or a copy its end, from
    /// `models` on, is still true of a folder that the run lies in.
    pub(crate) fn find(project: &Path, run: &Path, name: &str, source: &str) -> Option<ModelFiles> {
        let path = signalbox_formats::uri_path(source)?;
        let (parts, at) = parts_of(&path)?;
        let inside = |path: &Path| {
            let real = fs::canonicalize(path).ok()?;
            (real.starts_with(project) && real.is_dir()).then_some(real)
        };
        let moved = || {
            let tails = (parts.len().saturating_sub(MAX_TAIL)..=at).map(|n| parts[n..].iter().collect::<PathBuf>());
            tails
                .into_iter()
                .find_map(|tail| run.ancestors().skip(1).find_map(|above| inside(&project.join(above).join(&tail))))
        };
        // A path elsewhere is not even looked at: it may be on somebody's server.
        let there = path.starts_with(project).then(|| inside(&path)).flatten();
        Some(ModelFiles { id: parts[at + 1].to_str()?.to_owned(), name: name.to_owned(), root: there.or_else(moved)? })
    }

    /// The folder among the run's artifacts.
    fn entry(&self) -> ArtifactEntry {
        let name = if self.name.is_empty() { self.id.clone() } else { self.name.clone() };
        ArtifactEntry { path: format!(":{}", self.id), name, is_dir: true, bytes: 0, kind: ArtifactKind::Other }
    }
}

/// The parts of an absolute path, and which of them is the `models` before a model's id.
fn parts_of(path: &Path) -> Option<(Vec<&OsStr>, usize)> {
    if path.components().any(|c| matches!(c, Component::ParentDir)) {
        return None;
    }
    let parts: Vec<&OsStr> = path.components().skip(1).map(Component::as_os_str).collect();
    let is_id = |part: &OsStr| part.to_str().is_some_and(|p| p.len() > 2 && p.starts_with("m-"));
    let at = parts.windows(2).rposition(|pair| pair[0] == "models" && is_id(pair[1]))?;
    Some((parts, at))
}

/// A run's artifacts: its own folder, if it has one, and its models'.
pub(crate) struct Artifacts {
    pub project: PathBuf,
    pub root: Option<PathBuf>,
    pub models: Vec<ModelFiles>,
}

impl Artifacts {
    /// What `path` is below, and the rest of it; with the model that it is of.
    fn place<'a>(&'a self, path: &'a str) -> Option<(&'a Path, &'a str, Option<&'a ModelFiles>)> {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let model = first.strip_prefix(':').and_then(|id| self.models.iter().find(|m| m.id == id));
        match model {
            Some(model) => Some((&model.root, rest, Some(model))),
            None => Some((self.root.as_deref()?, path, None)),
        }
    }

    pub(crate) fn list(&self, path: &str) -> Result<Vec<ArtifactEntry>, CallError> {
        let mut out = match self.place(path) {
            Some((root, below, _)) => list(&self.project, root, below)?,
            None => Vec::new(),
        };
        if let Some((_, _, Some(model))) = self.place(path) {
            out.iter_mut().for_each(|entry| entry.path = format!(":{}/{}", model.id, entry.path));
        }
        if path.is_empty() {
            // Two entries of one path are one too many.
            out.retain(|own| self.models.iter().all(|m| own.path.strip_prefix(':') != Some(&m.id)));
            out.splice(0..0, self.models.iter().map(ModelFiles::entry));
        }
        Ok(out)
    }

    /// The file's first `max_bytes` bytes.
    pub(crate) fn read(&self, path: &str, max_bytes: u64) -> Result<Vec<u8>, CallError> {
        let Some((root, below, _)) = self.place(path) else {
            return Err(CallError::new(ErrorCode::NotFound, "This run has no artifacts in the project folder."));
        };
        read(&self.project, root, below, max_bytes)
    }
}

fn unreadable(path: &str, e: &std::io::Error) -> CallError {
    CallError::new(ErrorCode::Unreadable, format!("{path:?} cannot be read: {e}."))
        .hint("It may have been moved or deleted since; the other artifacts are not affected.")
}

fn list(project: &Path, root: &Path, below: &str) -> Result<Vec<ArtifactEntry>, CallError> {
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

fn read(project: &Path, root: &Path, below: &str, max_bytes: u64) -> Result<Vec<u8>, CallError> {
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
    fn a_logged_model_s_files_are_found_after_a_move() {
        let dir = tempfile::tempdir().expect("a temp dir");
        let project = fs::canonicalize(dir.path()).expect("a folder").join("project");
        let files = project.join("wine/mlruns/7/models/m-42/artifacts");
        fs::create_dir_all(&files).expect("dirs");
        fs::write(files.join("MLmodel"), b"flavors:").expect("a file");
        fs::create_dir_all(dir.path().join("models/m-42/artifacts")).expect("dirs");
        let find = |run: &str, source: &str| ModelFiles::find(&project, Path::new(run), "model", source);

        let model = find("wine/mlruns/7/3794f3", "file:///home/ml/wine/mlruns/7/models/m-42/artifacts").expect("there");
        assert_eq!(model.root, fs::canonicalize(&files).expect("a folder"));
        assert!(find("wine/mlflow.db", "/home/ml/wine/mlruns/7/models/m-42/artifacts").is_some());
        assert!(find("mlflow.db", &files.display().to_string()).is_some(), "not moved");
        for elsewhere in [
            "s3://bucket/models/m-42/artifacts",
            "models:/m-42",
            "/x/models/m-43/artifacts",
            "/x/../models/m-42/artifacts",
        ] {
            assert_eq!(find("wine/mlruns/7/3794f3", elsewhere), None, "{elsewhere}");
        }
        let outside = dir.path().join("models/m-42/artifacts").display().to_string();
        assert_eq!(find("other/mlflow.db", &outside), None, "out of the project");

        let own = project.join("wine/mlruns/7/3794f3/artifacts");
        fs::create_dir_all(own.join(":m-42")).expect("dirs");
        let all = Artifacts { project: project.clone(), root: Some(own), models: vec![model.clone()] };
        assert_eq!(all.list("").expect("listed").len(), 1, "no two of one path");
        let all = Artifacts { project, root: None, models: vec![model] };
        let listed = all.list("").expect("listed");
        assert_eq!((listed.len(), listed[0].path.as_str(), listed[0].name.as_str()), (1, ":m-42", "model"));
        assert_eq!(all.list(":m-42").expect("listed")[0].path, ":m-42/MLmodel");
        assert_eq!(all.read(":m-42/MLmodel", 4).expect("read"), b"flav");
        for bad in [":m-42/../../../../../../etc/passwd", ":m-43/MLmodel", "MLmodel"] {
            assert!(all.read(bad, 4).is_err(), "{bad}");
        }
    }

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
