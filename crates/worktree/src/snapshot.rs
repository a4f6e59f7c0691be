//! What is told of a working tree.

use std::{io, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

/// A working tree at one moment. Paths are those below the repository's root, with `/`; one that is no UTF-8 or holds
/// control characters is quoted as git quotes it (`"a\tb"`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// `None` before the first commit.
    pub commit: Option<Commit>,
    /// `None` where HEAD is detached.
    pub branch: Option<String>,
    /// The address of `origin`, without user, password and query.
    pub remote: Option<String>,
    /// The project's folder below the repository's root; empty if it is the root.
    pub folder: String,
    pub counts: Counts,
    /// Tracked files that differ, by path; no more than [`Limits::changes`].
    pub changes: Vec<Change>,
    pub untracked: Untracked,
    /// `None` if nothing tracked differs from the commit, or if that could not be found out (see `gaps`).
    pub patch: Option<Patch>,
    pub locks: Vec<LockFile>,
    /// What is not known. Empty: the whole state is here.
    pub gaps: Vec<Gap>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// 40 hexadecimal digits.
    pub id: String,
    /// Unix seconds, by its author.
    pub authored: Option<i64>,
    /// The first line of its message, unless it looks like a secret.
    pub title: Option<String>,
}

/// How many tracked files differ, also of those that are not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The index differs from the commit.
    pub staged: u64,
    /// The working tree differs from the index.
    pub unstaged: u64,
    /// In conflict; in none of the others.
    pub unmerged: u64,
    /// Differ in line endings alone, which git converts; they are no changes.
    pub line_endings: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub path: String,
    /// The index against the commit.
    pub staged: Option<ChangeKind>,
    /// The working tree against the index.
    pub unstaged: Option<ChangeKind>,
    pub shown: Shown,
    /// The commit that a submodule is at. What is changed within it is not looked at.
    pub submodule: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
    /// A file became a link, or the other way round.
    TypeChanged,
    /// In conflict.
    Unmerged,
}

/// How a change is in the patch, or why it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    Whole,
    /// With LF line ends where the working tree has CR LF.
    LineEndings,
    /// With values replaced that look like secrets; it does not apply.
    Redacted,
    /// The working tree is as the commit has it.
    Nothing,
    Binary,
    /// A text that is not UTF-8.
    Encoding,
    /// The file is larger than [`Limits::file_bytes`].
    TooLarge,
    /// The patch would be larger than [`Limits::patch_bytes`].
    PatchFull,
    /// Its name says that it keeps secrets.
    Secret,
    Submodule,
    /// Git LFS keeps its content; the commit has only its hash.
    Lfs,
    /// It, or the commit's version of it, cannot be read.
    Unreadable,
    /// Time was up.
    OutOfTime,
}

/// Files that git does not know and does not ignore: names only. What a person's own `core.excludesFile` ignores is listed,
/// for it lies outside. A folder of nothing but such files is one name, with `/` at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untracked {
    pub count: u64,
    /// The first by path, no more than [`Limits::untracked`].
    pub names: Vec<String>,
}

/// Tracked files of the working tree against the commit, as git writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// What stands before the first `diff --git` are remarks, each after `#`.
    pub text: String,
    /// Whether `git apply` at the commit makes every tracked file what it was, apart from line endings that git converts.
    pub is_whole: bool,
}

/// A file that says which versions of packages were used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockFile {
    pub path: String,
    pub bytes: u64,
    /// In hexadecimal, of the file as it is; `None` if it is larger than Signalbox reads.
    pub sha256: Option<String>,
    pub state: LockState,
    /// Of a file that the commit does not have like this, if it is no larger than [`Limits::lock_bytes`].
    pub content: Option<String>,
    /// Whether values in `content` that look like secrets are replaced.
    pub is_redacted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockState {
    /// As the commit has it.
    Committed,
    /// Tracked, and not as the commit has it.
    Changed,
    /// Git does not know it, or ignores it.
    Untracked,
    Unknown,
}

/// Something of the state that is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Gap {
    #[error("the commit's files cannot be read ({why}): there is no patch, and what is staged is not known")]
    Objects { why: String },
    #[error("the index is not understood ({why}): what is changed is not known")]
    Index { why: String },
    #[error("time was up: {files} tracked files were not compared")]
    NotCompared { files: u64 },
    #[error("time was up, or there is too much: more files may be untracked")]
    Untracked,
    #[error("{files} files go through a filter of git's that Signalbox does not start; {first} is the first")]
    Filtered { files: u64, first: String },
    #[error("{files} tracked files cannot be read; {first} is the first")]
    Unreadable { files: u64, first: String },
    #[error("{files} more changes are not listed")]
    Changes { files: u64 },
    #[error("{files} names in the index are none that git would write; they were not looked at")]
    OddNames { files: u64 },
    #[error("HEAD moved meanwhile")]
    Moved,
}

/// How much is read and told.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A larger file is not in the patch.
    pub file_bytes: u64,
    pub patch_bytes: usize,
    /// A larger lock file's content is not kept.
    pub lock_bytes: u64,
    pub changes: usize,
    pub untracked: usize,
    /// For all; what is not done then is a [`Gap`].
    pub time: Duration,
    /// No repository is looked for above this folder; the file system's boundary is one anyhow.
    pub ceiling: Option<PathBuf>,
}

impl Default for Limits {
    /// Patches of 4 MiB, files of 1 MiB, five seconds, nothing above the person's home.
    fn default() -> Self {
        Limits {
            file_bytes: 1 << 20,
            patch_bytes: 4 << 20,
            lock_bytes: 1 << 20,
            changes: 5_000,
            untracked: 200,
            time: Duration::from_secs(5),
            ceiling: std::env::home_dir(),
        }
    }
}

/// Why nothing is told of a repository.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("the folder cannot be read")]
    Folder(#[source] io::Error),
    #[error("the repository cannot be read")]
    Unreadable(#[source] io::Error),
    #[error("the git directory lies elsewhere and does not name this working tree")]
    Elsewhere,
    #[error("`{0}` makes no sense")]
    Damaged(&'static str),
    #[error("the repository has {0}, which Signalbox does not read")]
    Unsupported(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_as_words_and_as_json() {
        let gap = Gap::Filtered { files: 2, first: "a.ipynb".to_owned() };
        assert_eq!(
            gap.to_string(),
            "2 files go through a filter of git's that Signalbox does not start; a.ipynb is the first"
        );
        let json = serde_json::to_string(&gap).unwrap();
        assert_eq!(json, r#"{"kind":"filtered","files":2,"first":"a.ipynb"}"#);
        assert_eq!(serde_json::from_str::<Gap>(&json).unwrap(), gap);
    }
}
