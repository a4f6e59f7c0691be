//! The surveying thread: the first walk, then whatever changes, and rounds where nobody tells of changes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::event::WatchEvent;
use crate::prune::may_matter;
use crate::queue::{Queue, Reason};
use crate::survey::Survey;
use crate::tasks::{Look, Todo};

/// How often a folder that is not there is looked for.
const ROOT_GAP: Duration = Duration::from_secs(2);
/// Looking at everything because changes were lost must not lose the next ones.
const EVERYTHING_GAP: Duration = Duration::from_secs(5);
/// A round over polled folders takes at most this share of a processor.
const ROUND_SHARE: u32 = 20;

/// When the next round of each kind is due.
struct Rounds {
    polled: Instant,
    sanity: Instant,
    root: Instant,
    /// Everything is to be looked at as soon as the last time is long enough ago.
    everything: bool,
    next_everything: Instant,
}

impl Survey<'_> {
    /// Runs until the project is closed; ends after the first walk unless changes are followed.
    pub(crate) fn run(mut self, queue: &Queue, first_done: impl FnOnce()) {
        let went_through = self.first();
        first_done();
        if !went_through || !self.options.follow {
            return;
        }
        let now = Instant::now();
        let (poll, sanity) = (self.options.poll_dirs, self.options.sanity);
        let mut rounds = Rounds {
            polled: now + poll,
            sanity: now + sanity,
            root: now + ROOT_GAP,
            everything: false,
            next_everything: now,
        };
        let mut waiting = Todo::default();
        loop {
            let more = self.project.tasks.take(Some(self.next_due(&waiting, &rounds)));
            if more.stop || self.project.cancel.is_cancelled() {
                return;
            }
            for (dir, look) in more.looks {
                waiting.looks.entry(dir).or_default().names |= look.names;
            }
            for path in more.appeared {
                self.appeared(&path);
            }
            self.due_looks(&mut waiting);
            self.settle_missing();
            rounds.everything |= more.everything;
            self.rounds(&mut rounds, queue);
            self.project.set_counts(self.counts);
            self.project.tell_mode(self.sink);
        }
    }

    fn next_due(&self, waiting: &Todo, rounds: &Rounds) -> Instant {
        let mut due = rounds.sanity;
        if self.project.eyes.counts().1 > 0 || !self.blind.is_empty() {
            due = due.min(rounds.polled);
        }
        if rounds.everything {
            due = due.min(rounds.next_everything);
        }
        if self.tree.is_empty() {
            due = due.min(rounds.root);
        }
        let looks = waiting.looks.iter().filter_map(|(dir, look)| self.look_due(dir, *look));
        looks.chain(self.missing.values().copied()).fold(due, Instant::min)
    }

    /// When a folder may be looked at again; `None` if there is nothing to look at.
    fn look_due(&self, dir: &Path, look: Look) -> Option<Instant> {
        let rel = self.rel(dir)?;
        let dir = self.tree.get(rel)?;
        (look.names || dir.unsettled).then(|| dir.next_look(look.names))
    }

    fn due_looks(&mut self, waiting: &mut Todo) {
        let now = Instant::now();
        for (dir, look) in std::mem::take(&mut waiting.looks) {
            match self.look_due(&dir, look) {
                None => {}
                Some(due) if due > now => {
                    waiting.looks.insert(dir, look);
                }
                Some(_) => {
                    if let Some(rel) = self.rel(&dir).map(Path::to_owned) {
                        self.look(&rel, look.names);
                    }
                }
            }
        }
    }

    /// A path appeared in a folder that is entered: enter it too, if it is a folder.
    fn appeared(&mut self, path: &Path) {
        let Some(rel) = self.rel(path).map(Path::to_owned) else { return };
        let Some(parent) = rel.parent().map(Path::to_owned) else { return };
        if !self.tree.contains(&parent) || !path.is_dir() {
            return;
        }
        if self.tree.contains(&rel) {
            // The same name again, perhaps not the same folder.
            self.look(&rel, true);
        } else {
            // What its parent is may depend on it; this enters it, unless it is one to skip.
            self.look(&parent, true);
        }
    }

    fn rounds(&mut self, rounds: &mut Rounds, queue: &Queue) {
        let now = Instant::now();
        if self.tree.is_empty() {
            if rounds.everything || rounds.root <= now {
                rounds.everything = false;
                rounds.root = now + ROOT_GAP;
                self.find_root();
            }
            return;
        }
        let everything = rounds.everything && rounds.next_everything <= now || rounds.sanity <= now;
        if !everything && rounds.polled > now {
            return;
        }
        if everything {
            rounds.everything = false;
            self.project.look_at_mounts_again();
            self.project.eyes.forget_refusals();
            for source in self.project.sources() {
                queue.touch(&source, Reason::Backlog);
            }
        }
        self.round(everything);
        let cost = now.elapsed() * ROUND_SHARE;
        let now = Instant::now();
        rounds.polled = now + cost.max(self.options.poll_dirs);
        if everything {
            rounds.sanity = now + self.options.sanity;
            rounds.next_everything = now + cost.max(EVERYTHING_GAP);
        }
    }

    /// Looks at the folders that are not told of (or at all of them) whose names have changed or whose files may
    /// have become sources.
    fn round(&mut self, all: bool) {
        let folders: Vec<PathBuf> = self
            .tree
            .iter()
            .filter(|(_, dir)| !dir.skipped && (all || !dir.watched))
            .map(|(rel, _)| rel.clone())
            .collect();
        for rel in folders {
            if self.project.cancel.is_cancelled() {
                return;
            }
            let modified = std::fs::metadata(self.project.absolute(&rel)).and_then(|m| m.modified()).ok();
            let Some(dir) = self.tree.get(&rel) else { continue };
            if dir.unsettled || dir.modified.is_none() || dir.modified != modified {
                self.look(&rel, true);
            } else if !dir.watched {
                self.watch_again(&rel);
            }
        }
        for rel in self.blind.iter().cloned().collect::<Vec<_>>() {
            if self.tree.contains(&rel) { self.look(&rel, true) } else { self.walk(rel) }
        }
    }

    /// The path below the root; `None` for a path elsewhere.
    fn rel<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        path.strip_prefix(&self.project.root).ok()
    }
}

/// What a change of `path` asks the surveying thread of its project to do.
pub(crate) fn forward(project: &crate::project::Project, path: PathBuf, change: crate::inbox::Change, covered: bool) {
    if change.vanished {
        project.eyes.unwatch(&path);
    }
    let Some((dir, name)) = crate::inbox::place(&path) else { return };
    let matters = may_matter(name);
    if change.vanished && (matters || change.folder || name_may_be_folder(name)) || change.appeared && matters {
        project.tasks.look(dir.to_owned(), Look { names: true });
    } else if change.data && matters && !covered {
        project.tasks.look(dir.to_owned(), Look { names: false });
    }
    if change.vanished && path == project.root {
        project.tasks.look(path.clone(), Look { names: true });
    }
    if change.appeared && (change.folder || !matters) {
        project.tasks.appeared(path);
    }
}

/// A renamed path does not say what it was; a name without an extension may have been a folder's.
fn name_may_be_folder(name: &std::ffi::OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    bytes.iter().rposition(|b| *b == b'.').is_none_or(|dot| bytes.len() - dot > 6)
}

/// Tells that nothing is watched any more.
pub(crate) fn closed(project: &crate::project::Project, sink: &crate::project::Sink) {
    sink(WatchEvent::Mode { project: project.id, mode: crate::event::Mode::None, why: None });
}
