//! What the code was when a run was first seen.

use serde::Serialize;
use ts_rs::TS;

#[derive(Clone, Debug, Serialize, TS)]
pub struct CodeView {
    /// Unix seconds; later than the run's beginning by as long as it took to be seen.
    pub taken: f64,
    /// 40 hexadecimal digits; `null` before the first commit.
    pub commit: Option<String>,
    /// The first line of its message.
    pub title: Option<String>,
    /// Unix seconds.
    pub authored: Option<f64>,
    /// `null` where HEAD is detached.
    pub branch: Option<String>,
    pub remote: Option<String>,
    pub changes: Vec<CodeChange>,
    /// Files that git does not know; the first of their names.
    pub untracked: Vec<String>,
    pub n_untracked: u64,
    pub patch: Option<CodePatch>,
    pub locks: Vec<CodeLock>,
    /// What is not known, a sentence each.
    pub gaps: Vec<String>,
}

/// A tracked file that differs from the commit.
#[derive(Clone, Debug, Serialize, TS)]
pub struct CodeChange {
    pub path: String,
    /// Such as "modified".
    pub what: String,
    /// Why it is not in the patch as it is, as a clause.
    pub but: Option<String>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct CodePatch {
    pub text: String,
    /// `git apply` at the commit makes every tracked file what it was.
    pub is_whole: bool,
}

/// A file that says which versions of packages were used.
#[derive(Clone, Debug, Serialize, TS)]
pub struct CodeLock {
    pub path: String,
    pub bytes: u64,
    pub sha256: Option<String>,
    /// "as committed", "changed", "not in git"; `null` if that is not known.
    pub state: Option<String>,
    /// Where the commit does not have it like this.
    pub content: Option<String>,
    pub is_redacted: bool,
}
