//! Where a folder's repository lies (git's gitrepository-layout.txt). A `.git` file may name any place, and a link may lead
//! anywhere: a git directory outside of the working tree is believed only if it names this working tree back, as git
//! writes it for linked working trees (`gitdir`) and for submodules (`core.worktree`).

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use crate::{Trouble, config::Config};

/// Files of one path are a line.
const MAX_LINE: u64 = 4096;
const MAX_CONFIG: u64 = 1 << 20;
/// So many names of a directory of objects are looked at.
const MAX_NAMES: usize = 100_000;

#[derive(Debug)]
pub(crate) struct Repository {
    /// The working tree.
    pub root: PathBuf,
    /// Holds `HEAD` and `index`; each linked working tree has one of its own.
    pub head: PathBuf,
    /// Holds the refs and the objects.
    pub common: PathBuf,
    pub config: Config,
}

impl Repository {
    /// The repository at or above a folder. `None`: it is in no working tree.
    pub(crate) fn find(project: &Path, ceiling: Option<&Path>) -> Result<Option<Repository>, Trouble> {
        let start = project.canonicalize().map_err(Trouble::Folder)?;
        let ceiling = ceiling.and_then(|c| c.canonicalize().ok());
        let device = device(&start);
        for dir in start.ancestors() {
            if self::device(dir) != device {
                return Ok(None);
            }
            match fs::symlink_metadata(dir.join(".git")) {
                Ok(about) => match Repository::at(dir, &about)? {
                    Some(found) if found.has_tree_at(&start) => return found.checked().map(Some),
                    Some(_) => return Ok(None),
                    None => {}
                },
                Err(e) if is_absent(&e) => {}
                Err(e) => return Err(Trouble::Folder(e)),
            }
            if Some(dir) == ceiling.as_deref() {
                break;
            }
        }
        Ok(None)
    }

    /// That of a submodule's folder, if it has one of its own.
    pub(crate) fn of_submodule(dir: &Path) -> Option<Repository> {
        let dir = dir.canonicalize().ok()?;
        let about = fs::symlink_metadata(dir.join(".git")).ok()?;
        Repository::at(&dir, &about).ok()??.checked().ok()
    }

    /// `None`: what is called `.git` there is no repository, which git passes by too.
    fn at(dir: &Path, about: &fs::Metadata) -> Result<Option<Repository>, Trouble> {
        let dot_git = dir.join(".git");
        let real = dot_git.canonicalize().map_err(Trouble::Unreadable)?;
        let (head, common) = if about.is_file() {
            let line = line(&dot_git).map_err(Trouble::Unreadable)?;
            let path = line.as_deref().and_then(|line| line.strip_prefix("gitdir:")).ok_or(Trouble::Damaged(".git"))?;
            let head = dir.join(path.trim()).canonicalize().map_err(Trouble::Unreadable)?;
            let common = common_of(&head, dir, &real)?;
            (head, common)
        } else {
            if !real.starts_with(dir) {
                return Err(Trouble::Elsewhere);
            }
            (real.clone(), real)
        };
        let is_dir = |path: PathBuf| fs::metadata(path).is_ok_and(|about| about.is_dir());
        let has_head = fs::symlink_metadata(head.join("HEAD")).is_ok();
        if !has_head || !is_dir(common.join("objects")) || !is_dir(common.join("refs")) {
            return if about.is_file() { Err(Trouble::Damaged(".git")) } else { Ok(None) };
        }
        if head == common && fs::symlink_metadata(head.join("commondir")).is_ok() {
            return Err(Trouble::Elsewhere);
        }
        let config = config(&common)?;
        Ok(Some(Repository { root: dir.to_path_buf(), head, common, config }))
    }

    fn is_linked(&self) -> bool {
        self.head != self.common
    }

    /// Whether a folder is in the working tree: a bare repository has none, and what is in the git directory is not.
    fn has_tree_at(&self, folder: &Path) -> bool {
        let is_bare = !self.is_linked() && self.config.flag("core", "bare") == Some(true);
        !is_bare && !folder.starts_with(&self.head) && !folder.starts_with(&self.common)
    }

    /// Refuses what would be read wrongly.
    fn checked(self) -> Result<Repository, Trouble> {
        let extension = |key| self.config.get("extensions", "", key);
        if extension("objectformat").is_some_and(|format| !format.eq_ignore_ascii_case("sha1")) {
            return Err(Trouble::Unsupported("SHA-256 names"));
        }
        if extension("refstorage").is_some_and(|format| !format.eq_ignore_ascii_case("files")) {
            return Err(Trouble::Unsupported("its refs in a table"));
        }
        if !self.is_linked()
            && let Some(path) = self.config.get("core", "", "worktree")
            && self.head.join(path).canonicalize().ok().as_ref() != Some(&self.root)
        {
            return Err(Trouble::Unsupported("its working tree elsewhere (`core.worktree`)"));
        }
        Ok(self)
    }

    /// Why its objects must not be read, if so. Opening a pipe would wait for ever.
    pub(crate) fn refusal(&self) -> Option<&'static str> {
        let objects = self.common.join("objects");
        let leaves = |path: &Path| path.canonicalize().is_ok_and(|real| !real.starts_with(&self.common));
        if fs::symlink_metadata(objects.join("info/alternates")).is_ok_and(|about| about.len() > 0) {
            return Some("it borrows objects of another repository");
        }
        let is_plain = |about: io::Result<fs::Metadata>| about.is_ok_and(|about| about.is_file() || about.is_dir());
        let is_odd = |entry: fs::DirEntry| match entry.file_type() {
            Ok(kind) if kind.is_file() || kind.is_dir() => false,
            Ok(kind) if kind.is_symlink() => leaves(&entry.path()) || !is_plain(fs::metadata(entry.path())),
            _ => true,
        };
        let has_odd = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().take(MAX_NAMES).any(is_odd);
        let is_refused = leaves(&objects) || has_odd(&objects) || has_odd(&objects.join("pack"));
        is_refused.then_some("they lie outside of the git directory, or are no plain files")
    }

    /// A file of the git directory, if it is one and lies there.
    pub(crate) fn read(&self, dir: &Path, rel: &str, max: u64) -> io::Result<Option<(Vec<u8>, fs::Metadata)>> {
        let path = dir.join(rel);
        match path.parent().map(Path::canonicalize) {
            Some(Ok(parent)) if parent.starts_with(&self.common) || parent.starts_with(&self.head) => read(&path, max),
            Some(Err(e)) if !is_absent(&e) => Err(e),
            _ => Ok(None),
        }
    }
}

/// The git directory that a working tree's own belongs to, if that names the working tree `dir` back.
fn common_of(head: &Path, dir: &Path, dot_git: &Path) -> Result<PathBuf, Trouble> {
    let line_of = |name: &str| line(&head.join(name)).map_err(Trouble::Unreadable);
    if let Some(common) = line_of("commondir")? {
        let common = head.join(common).canonicalize().map_err(Trouble::Unreadable)?;
        let back = line_of("gitdir")?.and_then(|path| head.join(path).canonicalize().ok());
        let is_ours = back.as_deref() == Some(dot_git) && head.parent() == Some(common.join("worktrees").as_path());
        return is_ours.then_some(common).ok_or(Trouble::Elsewhere);
    }
    let names_back = |path: &str| head.join(path).canonicalize().is_ok_and(|tree| tree == *dir);
    if head.starts_with(dir) || config(head)?.get("core", "", "worktree").is_some_and(names_back) {
        return Ok(head.to_path_buf());
    }
    Err(Trouble::Elsewhere)
}

fn config(dir: &Path) -> Result<Config, Trouble> {
    let text = read(&dir.join("config"), MAX_CONFIG).map_err(Trouble::Unreadable)?;
    Ok(text.map(|(text, _)| Config::parse(&text)).unwrap_or_default())
}

/// A regular file that is no link, if it is there; an error if it is larger than `max`.
pub(crate) fn read(path: &Path, max: u64) -> io::Result<Option<(Vec<u8>, fs::Metadata)>> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_file() => {}
        Ok(_) => return Ok(None),
        Err(e) if is_absent(&e) => return Ok(None),
        Err(e) => return Err(e),
    }
    let file = File::open(path)?;
    let about = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than Signalbox reads"));
    }
    Ok(Some((bytes, about)))
}

/// The only line of a small file.
fn line(path: &Path) -> io::Result<Option<String>> {
    let Some((text, _)) = read(path, MAX_LINE)? else { return Ok(None) };
    let text = String::from_utf8(text).ok().map(|text| text.trim_end().to_owned());
    Ok(text.filter(|line| !line.is_empty() && !line.contains(['\n', '\0'])))
}

/// Whether an error means that nothing is there (rather than that we may not see it).
pub(crate) fn is_absent(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A path of git's below a folder. `None` if the system has no such names, or if it leads out.
pub(crate) fn join(root: &Path, path: &[u8]) -> Option<PathBuf> {
    let rel = Path::new(name_of(path)?);
    rel.components().all(|part| matches!(part, Component::Normal(_))).then(|| root.join(rel))
}

#[cfg(unix)]
fn name_of(bytes: &[u8]) -> Option<&OsStr> {
    Some(std::os::unix::ffi::OsStrExt::from_bytes(bytes))
}

#[cfg(not(unix))]
fn name_of(bytes: &[u8]) -> Option<&OsStr> {
    std::str::from_utf8(bytes).ok().map(OsStr::new)
}

/// A name as git has it. `None` if the system's is none.
#[cfg(unix)]
pub(crate) fn bytes_of(name: &OsStr) -> Option<&[u8]> {
    Some(std::os::unix::ffi::OsStrExt::as_bytes(name))
}

/// A name as git has it. `None` if the system's is none.
#[cfg(not(unix))]
pub(crate) fn bytes_of(name: &OsStr) -> Option<&[u8]> {
    name.to_str().map(str::as_bytes)
}

/// What a file system's boundary is known by.
#[cfg(unix)]
fn device(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|about| std::os::unix::fs::MetadataExt::dev(&about))
}

/// What a file system's boundary is known by: a path that is resolved stays on its drive.
#[cfg(not(unix))]
fn device(_: &Path) -> Option<u64> {
    None
}
