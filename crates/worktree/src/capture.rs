//! The one way in: what is read in which order, and what is told if time runs out on the way.

use std::path::Path;

use crate::{
    Change, Gap, Limits, Snapshot, Trouble, Untracked,
    budget::Budget,
    compare::{Comparer, Comparison, Work},
    head::Head,
    index::Index,
    locks,
    objects::Objects,
    patch, quote,
    repository::{self, Repository},
    staged::Committed,
    untracked::Walk,
};

/// The state of the working tree that `project` lies in. `None`: it lies in none. The work is done on the caller's thread
/// and takes no longer than [`Limits::time`] by much; nothing is written.
pub fn capture(project: &Path, limits: &Limits) -> Result<Option<Snapshot>, Trouble> {
    let budget = Budget::of(limits.time);
    let Some(repository) = Repository::find(project, limits.ceiling.as_deref())? else { return Ok(None) };
    let folder = folder(&repository, project)?;
    let head = Head::read(&repository)?;
    let remote = repository.config.get("remote", "origin", "url").map(signalbox_types::bare_address);
    let mut snapshot = Snapshot {
        commit: None,
        branch: head.branch.clone(),
        remote: remote.filter(|url| !signalbox_types::looks_secret("remote", url)),
        folder: quote::shown(&folder),
        counts: Default::default(),
        changes: Vec::new(),
        untracked: Untracked::default(),
        patch: None,
        locks: Vec::new(),
        gaps: Vec::new(),
    };
    let objects = open(&repository).map_err(|why| snapshot.gaps.push(Gap::Objects { why })).ok();
    let index = Index::read(&repository).map_err(|why| snapshot.gaps.push(Gap::Index { why }));
    let is_compared = index.is_ok();
    let index = index.unwrap_or_default();
    let committed = committed(&mut snapshot, &head, objects.as_ref(), &index, budget);
    let mut comparer = Comparer::of(&repository, &index, &committed, objects.as_ref(), budget);
    let comparison = if is_compared { comparer.run() } else { Comparison::default() };
    snapshot.counts = comparison.counts;
    snapshot.gaps.extend(comparison.gaps.iter().cloned());
    snapshot.locks = locks::read(&mut comparer, &comparison, &folder, is_compared, limits);
    let changes = &comparison.changes;
    let (listed, rest) = changes.split_at(changes.len().min(limits.changes));
    let can_diff = objects.as_ref().filter(|_| !matches!(committed, Committed::Unknown));
    let mut writer = can_diff.map(|objects| patch::Writer::of(objects, limits));
    for change in listed {
        let shown = writer.as_mut().map_or(crate::Shown::Unreadable, |writer| writer.add(change, &mut comparer));
        let submodule = match change.work {
            Work::Submodule(id) => id.map(|id| id.to_string()),
            _ => None,
        };
        let path = quote::shown(&change.path);
        snapshot.changes.push(Change { path, staged: change.staged, unstaged: change.unstaged, shown, submodule });
    }
    if !rest.is_empty() {
        snapshot.gaps.push(Gap::Changes { files: rest.len() as u64 });
    }
    if is_compared {
        let (untracked, is_cut) = Walk::run(&repository, &index, limits, budget);
        snapshot.untracked = untracked;
        if is_cut {
            snapshot.gaps.push(Gap::Untracked);
        }
    }
    if Head::read(&repository).ok().as_ref() != Some(&head) {
        snapshot.gaps.push(Gap::Moved);
    }
    snapshot.patch = writer.and_then(patch::Writer::finish);
    if let Some(patch) = &mut snapshot.patch {
        patch.is_whole &= snapshot.gaps.iter().all(|gap| *gap == Gap::Untracked);
    }
    Ok(Some(snapshot))
}

/// The project's folder below the root.
fn folder(repository: &Repository, project: &Path) -> Result<Vec<u8>, Trouble> {
    let project = project.canonicalize().map_err(Trouble::Folder)?;
    let below = project.strip_prefix(&repository.root).unwrap_or(Path::new(""));
    let names = below.components().filter_map(|part| repository::bytes_of(part.as_os_str()));
    Ok(names.collect::<Vec<_>>().join(&b'/'))
}

fn open(repository: &Repository) -> Result<Objects, String> {
    if let Some(why) = repository.refusal() {
        return Err(why.to_owned());
    }
    Objects::open(repository).map_err(|_| "they cannot be opened".to_owned())
}

/// Tells of the commit, and what it has.
fn committed(
    snapshot: &mut Snapshot,
    head: &Head,
    objects: Option<&Objects>,
    index: &Index,
    budget: Budget,
) -> Committed {
    // Before the first commit there is nothing.
    let Some(id) = head.id else { return Committed::Files(Vec::new()) };
    snapshot.commit = Some(crate::Commit { id: id.to_string(), authored: None, title: None });
    let Some(objects) = objects else { return Committed::Unknown };
    let files = objects.commit(id).map_err(|e| e.to_string()).and_then(|(commit, tree)| {
        snapshot.commit = Some(commit);
        Committed::read(objects, tree, index, budget)
    });
    files.unwrap_or_else(|why| {
        snapshot.gaps.push(Gap::Objects { why });
        Committed::Unknown
    })
}
