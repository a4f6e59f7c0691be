//! Where a folder's git repository lies. Nothing is opened that does not lie inside of the project: `.git` may be a file
//! that names another place, a link may lead anywhere, and a repository may borrow its objects from elsewhere.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use crate::place;

/// Files of one path are a line.
const MAX_LINE: u64 = 4096;
/// So many names of a directory of objects are looked at.
const MAX_NAMES: usize = 100_000;

/// A repository inside of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repository {
    /// Holds `HEAD`; each linked working tree has one of its own.
    pub head: PathBuf,
    /// Holds the refs and the objects.
    pub common: PathBuf,
}

impl Repository {
    /// That of the folder `dir`. `None` where there is none, or where it lies out of the project.
    pub(crate) fn of(project: &Path, dir: &Path) -> Option<Repository> {
        let root = project.canonicalize().ok()?;
        let inside = |path: PathBuf| path.canonicalize().ok().filter(|real| real.starts_with(&root));
        let dot_git = inside(dir.join(".git"))?;
        let head = match fs::metadata(&dot_git).ok()? {
            about if about.is_dir() => dot_git,
            // A linked working tree or a submodule.
            about if about.is_file() => inside(dir.join(line(&dot_git)?.strip_prefix("gitdir:")?.trim()))?,
            _ => return None,
        };
        let common = match line(&head.join("commondir")) {
            Some(path) => inside(head.join(path))?,
            None => head.clone(),
        };
        Some(Repository { head, common })
    }

    /// Where its objects are.
    pub(crate) fn objects(&self) -> PathBuf {
        self.common.join("objects")
    }

    /// Why it must not be read, if it must not.
    pub(crate) fn refusal(&self, project: &Path) -> Option<&'static str> {
        const LINKS: &str = "its objects lie out of the project";
        const ODD: &str = "its objects are no plain files";
        let objects = self.objects();
        if !place::stays_inside(project, &objects) {
            return Some(LINKS);
        }
        if fs::symlink_metadata(objects.join("info/alternates")).is_ok_and(|about| about.len() > 0) {
            return Some("it borrows objects of another repository (`objects/info/alternates`)");
        }
        for dir in [objects.clone(), objects.join("pack")] {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten().take(MAX_NAMES) {
                if !place::may_follow(project, &entry.path()) {
                    return Some(LINKS);
                }
                // A pipe would keep its reader waiting for ever.
                if !fs::metadata(entry.path()).is_ok_and(|about| about.is_file() || about.is_dir()) {
                    return Some(ODD);
                }
            }
        }
        None
    }

    /// The folder that a linked working tree belongs to.
    pub(crate) fn main_folder(&self) -> Option<&Path> {
        let is_linked = self.head != self.common && self.common.file_name().is_some_and(|name| name == ".git");
        is_linked.then(|| self.common.parent())?
    }
}

/// The only line of a small file.
pub(crate) fn line(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    File::open(path).ok()?.take(MAX_LINE).read_to_end(&mut text).ok()?;
    let text = String::from_utf8(text).ok()?;
    Some(text.trim_end().to_owned()).filter(|line| !line.is_empty() && !line.contains('\n'))
}
