//! What the code was when a run began: the working tree is looked at when a running run is first seen, on a thread of its
//! own, and kept beside the run. Runs that were there before the project was opened have none: nobody looked.

use crate::App;
use crate::app::{Inner, now};
use crate::wire::*;
use signalbox_release::Digest;
use signalbox_types::{ProjectId, RunId};
use signalbox_worktree::{Change, ChangeKind, Limits, LockFile, LockState, Shown, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError, Weak};
use std::time::UNIX_EPOCH;

/// A run that began longer ago is not given the code of now.
const FRESH_SECONDS: f64 = 120.0;

/// Runs that wait for their snapshot.
#[derive(Default)]
pub(crate) struct Waiting {
    runs: Mutex<(BTreeMap<ProjectId, BTreeSet<RunId>>, bool)>,
    wake: Condvar,
}

impl Waiting {
    fn add(&self, project: ProjectId, runs: BTreeSet<RunId>) {
        let mut waiting = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.0.entry(project).or_default().extend(runs);
        self.wake.notify_one();
    }

    pub(crate) fn stop(&self) {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.wake.notify_all();
    }

    /// `None` at the end.
    fn take(&self) -> Option<BTreeMap<ProjectId, BTreeSet<RunId>>> {
        let waiting = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = (self.wake)
            .wait_while(waiting, |(runs, stopped)| runs.is_empty() && !*stopped)
            .unwrap_or_else(PoisonError::into_inner);
        if waiting.1 { None } else { Some(std::mem::take(&mut waiting.0)) }
    }
}

/// Notes new runs that run, and began just now.
pub(crate) fn note(app: &App, project: ProjectId, new: &BTreeSet<RunId>) {
    let Ok(open) = app.project(project.0) else { return };
    let catalogue = open.catalogue();
    let began_now = |id: &RunId| {
        let Some(record) = catalogue.record(*id) else { return false };
        let runs = catalogue.get(*id).is_some_and(|run| run.state == RunState::Running);
        // Where no time is told its file's birth is one. A training of hours ago, found as its project is opened, ran
        // with other code than there is now; so may one of which nothing is known.
        let began = record.started().or_else(|| born(&open.root.join(&record.origin.rel)));
        runs && began.is_some_and(|began| (now() - began).abs() < FRESH_SECONDS)
    };
    let fresh: BTreeSet<RunId> = new.iter().copied().filter(began_now).collect();
    drop(catalogue);
    if !fresh.is_empty() {
        app.0.live.code.add(project, fresh);
    }
}

/// When a file or folder was made, in Unix seconds, where the file system keeps that.
fn born(path: &Path) -> Option<f64> {
    let made = std::fs::metadata(path).ok()?.created().ok()?;
    Some(made.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())
}

/// The thread that looks.
pub(crate) fn watch(app: &Weak<Inner>, waiting: &Waiting) {
    while let Some(by_project) = waiting.take() {
        let Some(app) = app.upgrade().map(App) else { return };
        for (id, runs) in by_project {
            let Ok(project) = app.project(id.0) else { continue };
            let taken = now();
            // A repository that cannot be understood has nothing to tell; the run is none the worse for it.
            let Ok(Some(snapshot)) = signalbox_worktree::capture(&project.root, &Limits::default()) else { continue };
            let Ok(document) = serde_json::to_string(&snapshot) else { continue };
            let digest = Digest::of(&document).hex();
            let runs: Vec<RunId> = runs.into_iter().collect();
            if app.write(|store| store.set_code(&runs, taken, &digest, &document)).is_ok() {
                let version = project.catalogue().version;
                let shown: Vec<u32> = runs.iter().map(|run| project.catalogue().shown(*run).0).collect();
                app.0.events.runs(id.0, version, Some(&shown));
            }
        }
    }
}

impl App {
    /// `null` where nobody looked, or there is no repository.
    pub(crate) fn code(&self, args: OfRun) -> Result<Option<CodeView>, CallError> {
        let project = self.project_of(RunId(args.run))?;
        let records = project.catalogue().get(RunId(args.run)).map(|run| run.records()).unwrap_or_default();
        let found = self.with_reader(|reader| {
            let kept = records.into_iter().map(|id| reader.code(id)).collect::<Result<Vec<_>, _>>()?;
            // Of several records the one that was seen first tells most.
            Ok(kept.into_iter().flatten().min_by(|a, b| a.0.total_cmp(&b.0)))
        })?;
        let Some((taken, document)) = found else { return Ok(None) };
        // A later version of Signalbox may have written it.
        let Ok(snapshot) = serde_json::from_str::<Snapshot>(&document) else { return Ok(None) };
        Ok(Some(view(taken, snapshot)))
    }
}

fn view(taken: f64, snapshot: Snapshot) -> CodeView {
    let commit = snapshot.commit;
    CodeView {
        taken,
        title: commit.as_ref().and_then(|commit| commit.title.clone()),
        authored: commit.as_ref().and_then(|commit| commit.authored).map(|at| at as f64),
        commit: commit.map(|commit| commit.id),
        branch: snapshot.branch,
        remote: snapshot.remote,
        changes: snapshot.changes.into_iter().map(change).collect(),
        untracked: snapshot.untracked.names,
        n_untracked: snapshot.untracked.count,
        patch: snapshot.patch.map(|patch| CodePatch { text: patch.text, is_whole: patch.is_whole }),
        locks: snapshot.locks.into_iter().map(lock).collect(),
        gaps: snapshot.gaps.iter().map(|gap| sentence(&gap.to_string())).collect(),
    }
}

fn change(change: Change) -> CodeChange {
    let what = match change.unstaged.or(change.staged) {
        Some(ChangeKind::Added) => "added",
        Some(ChangeKind::Modified) | None => "modified",
        Some(ChangeKind::Deleted) => "deleted",
        Some(ChangeKind::TypeChanged) => "another kind of file",
        Some(ChangeKind::Unmerged) => "in conflict",
    };
    let but = match change.shown {
        Shown::Whole => None,
        Shown::LineEndings => Some("with LF at the ends of its lines"),
        Shown::Redacted => Some("without values that look like secrets"),
        Shown::Nothing => Some("staged, and taken back in the working tree"),
        Shown::Binary => Some("binary"),
        Shown::Encoding => Some("not UTF-8"),
        Shown::TooLarge => Some("larger than 1 MiB"),
        Shown::PatchFull => Some("the patch is as large as it may be"),
        Shown::Secret => Some("its name says that it keeps secrets"),
        Shown::Submodule => Some("a submodule"),
        Shown::Lfs => Some("kept by Git LFS"),
        Shown::Unreadable => Some("it cannot be read"),
        Shown::OutOfTime => Some("time was up"),
    };
    CodeChange { path: change.path, what: what.to_owned(), but: but.map(str::to_owned) }
}

fn lock(lock: LockFile) -> CodeLock {
    let state = match lock.state {
        LockState::Committed => Some("as committed"),
        LockState::Changed => Some("changed"),
        LockState::Untracked => Some("not in git"),
        LockState::Unknown => None,
    };
    CodeLock {
        path: lock.path,
        bytes: lock.bytes,
        sha256: lock.sha256,
        state: state.map(str::to_owned),
        content: lock.content,
        is_redacted: lock.is_redacted,
    }
}
