//! A project's work tree on this machine: where its remote is, and whether a file in it is committed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use signalbox_release::{Cancel, Cx, Failure, FailureCode};

use super::git::{Said, command, run};
use crate::cache::goes_down;
use crate::http::Patience;

const LOCAL_LIMIT: Duration = Duration::from_secs(20);

pub struct Project {
    pub root: PathBuf,
}

/// What is at a path of a work tree.
pub struct Committed {
    pub commit: String,
    /// Below the work tree, with `/`.
    pub path: String,
}

impl Project {
    /// `None`: the folder is no work tree; a bare repository, perhaps.
    pub fn at(folder: &Path) -> Result<Option<Project>, Failure> {
        let cx = Cx { cancel: Cancel::default(), limit: LOCAL_LIMIT };
        let patience = Patience::new(&cx);
        let said = run(command(folder, false), ["rev-parse", "--show-toplevel"], None, &patience)?;
        if !said.well {
            return Ok(None);
        }
        let root = PathBuf::from(said.text().trim_end_matches('\n'));
        Ok(Some(Project { root: root.canonicalize().unwrap_or(root) }))
    }

    /// `origin`'s address; the project itself where it has none.
    pub fn remote(&self) -> Result<String, Failure> {
        let cx = Cx { cancel: Cancel::default(), limit: LOCAL_LIMIT };
        let said = self.git(&["remote", "get-url", "origin"], &Patience::new(&cx))?;
        if !said.well {
            return checked(&self.root.display().to_string());
        }
        let address = said.text().trim_end_matches('\n').to_owned();
        // A path is meant from the project's folder.
        let path = self.root.join(&address);
        checked(&if path.is_dir() { path.canonicalize().unwrap_or(path).display().to_string() } else { address })
    }

    /// `path` as the last commit has it; a failure if it is not just so.
    pub fn committed(&self, path: &Path, patience: &Patience) -> Result<Committed, Failure> {
        let absolute = path.canonicalize().map_err(|e| crate::cache::local(path, &e))?;
        let outside = || {
            let why = format!("{} is not in {}", path.display(), self.root.display());
            Failure::new(FailureCode::Invalid, why).hint("GTO registers what is committed in the project's repository.")
        };
        let below = absolute.strip_prefix(&self.root).map_err(|_| outside())?;
        let below = below.to_str().filter(|below| !below.is_empty()).ok_or_else(outside)?.replace('\\', "/");
        let pointer = format!("{below}.dvc");
        // DVC keeps the file itself out of git; what is committed is where it is.
        let tracked = if self.root.join(&pointer).is_file() { &pointer } else { &below };
        if !self.is_as_committed(tracked, patience)? {
            let why = format!("{tracked} is not as the last commit has it");
            let hint = "Commit and push the model, or its .dvc file, first. What git changes on the way (LFS, line ends), \
                        DVC can keep.";
            return Err(Failure::new(FailureCode::Conflict, why).hint(hint));
        }
        let head = self.git(&["rev-parse", "--verify", "HEAD^{commit}"], patience)?;
        Ok(Committed { commit: head.text().trim().to_owned(), path: below })
    }

    /// Whether the last commit has these very bytes, in these files and no others. `git status` would tell too, and
    /// run the filters that the project's own settings name.
    fn is_as_committed(&self, path: &str, patience: &Patience) -> Result<bool, Failure> {
        let args = ["--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree", "HEAD", "--", path];
        let said = self.git(&args, patience)?;
        let mut wanted = BTreeMap::new();
        for entry in said.text().split('\0').filter(|entry| !entry.is_empty()) {
            let Some((head, file)) = entry.split_once('\t') else { return Ok(false) };
            let [_, "blob", object] = head.split(' ').collect::<Vec<_>>()[..] else { return Ok(false) };
            wanted.insert(file.to_owned(), object.to_owned());
        }
        let mut there = Vec::new();
        let at = self.root.join(path);
        let plain = plain_files(&at, path, &mut there).map_err(|e| crate::cache::local(&at, &e))?;
        there.sort_unstable();
        let same = plain && !wanted.is_empty() && there.iter().eq(wanted.keys());
        if !said.well || !same || !there.iter().all(|file| goes_down(file)) {
            return Ok(false);
        }
        // A name in quotes would be read as one that is written out.
        let input: String = there.iter().map(|file| format!("./{file}\n")).collect();
        let args = ["hash-object", "--no-filters", "--stdin-paths"];
        let said = run(command(&self.root, false), args, Some(input.as_bytes()), patience)?;
        Ok(said.well && said.text().lines().eq(wanted.values().map(String::as_str)))
    }

    fn git(&self, args: &[&str], patience: &Patience) -> Result<Said, Failure> {
        run(command(&self.root, false), args, None, patience)
    }
}

/// All files at a path, each by its path below the work tree; `false` if something else is there, a link perhaps.
fn plain_files(path: &Path, below: &str, found: &mut Vec<String>) -> std::io::Result<bool> {
    let kind = path.symlink_metadata()?.file_type();
    if kind.is_file() {
        found.push(below.to_owned());
    }
    if !kind.is_dir() {
        return Ok(kind.is_file());
    }
    for entry in path.read_dir()? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { return Ok(false) };
        if !plain_files(&entry.path(), &format!("{below}/{name}"), found)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// An address that git takes for nothing but an address.
pub fn checked(address: &str) -> Result<String, Failure> {
    let bad = |why: &str| Err(Failure::new(FailureCode::Invalid, format!("this is no repository's address: {why}")));
    if address.is_empty() || address.starts_with('-') || address.chars().any(char::is_control) {
        return bad("git would take it for something else");
    }
    if let Some((scheme, rest)) = address.split_once("://") {
        if !matches!(scheme, "https" | "http" | "ssh" | "git" | "file") {
            return bad("https, ssh, or a path");
        }
        let user = rest.split('/').next().unwrap_or_default().rsplit_once('@').map(|(user, _)| user);
        // Others see a program's arguments; git's credential helper is where a password belongs.
        if user.is_some_and(|user| user.contains(':') || (scheme != "ssh" && !user.is_empty())) {
            let failure = Failure::new(FailureCode::Invalid, "the repository's address holds a password or a token");
            return Err(failure.hint("Take it out (`git remote set-url`), and let git's credential helper keep it."));
        }
    } else if address.contains("::") {
        return bad("it names a program");
    }
    if Path::new(address).is_dir() {
        let path = Path::new(address);
        return Ok(path.canonicalize().unwrap_or_else(|_| path.to_path_buf()).display().to_string());
    }
    Ok(address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_address_and_holds_no_secret() {
        for good in
            ["https://git.example/a/b.git", "git@git.example:a/b.git", "ssh://git@git.example:22/a", "/srv/a.git"]
        {
            assert_eq!(checked(good).expect(good), good);
        }
        for bad in
            ["", "-oProxyCommand=x", "ext::sh -c x", "a\nb", "fd://3", "https://u:hunter2@h/a", "https://hunter2@h/a"]
        {
            let failure = checked(bad).expect_err(bad);
            assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
        }
    }
}
