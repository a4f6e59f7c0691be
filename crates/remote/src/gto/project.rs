//! A project's work tree on this machine: where its remote is, and whether a file in it is committed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use signalbox_release::{Cancel, Cx, Failure, FailureCode};

use super::git::{Said, command, run};
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
        let literal = format!(":(top,literal){tracked}");
        let status = ["status", "--porcelain", "--untracked-files=all", "--ignored", "--", &literal];
        let said = self.git(&status, patience)?;
        let listed = self.git(&["ls-tree", "HEAD", "--", tracked], patience)?;
        if !said.well || !said.out.is_empty() || listed.out.is_empty() {
            let why = format!("{tracked} is not as the last commit has it");
            return Err(
                Failure::new(FailureCode::Conflict, why).hint("Commit and push the model, or its .dvc file, first.")
            );
        }
        let head = self.git(&["rev-parse", "--verify", "HEAD^{commit}"], patience)?;
        Ok(Committed { commit: head.text().trim().to_owned(), path: below })
    }

    fn git(&self, args: &[&str], patience: &Patience) -> Result<Said, Failure> {
        run(command(&self.root, false), args, None, patience)
    }
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
