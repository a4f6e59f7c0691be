//! Forgetting: out of sight at once, removed by a thread in short transactions, gone on with at the next start.

use super::name_of;
use crate::app::{App, Inner, lock, now};
use crate::project::show;
use crate::wire::*;
use signalbox_release::Audit;
use signalbox_store::{Forgetting, Store, StoreError};
use signalbox_types::{ProjectId, RunId};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// One transaction's work; others wait no longer for the store than this and a piece.
const STEP: Duration = Duration::from_millis(15);
/// After it, so that whoever waits gets in.
const PAUSE: Duration = Duration::from_millis(5);
/// After a start: first comes what the person sees.
const AT_EASE: Duration = Duration::from_secs(3);
/// Where the store is busy or the disk is full.
const LATER: Duration = Duration::from_secs(2);

impl App {
    pub(crate) fn forget_project(&self, args: OfProject) -> Result<(), CallError> {
        let row = self.known(args.project)?;
        self.close_project(args)?;
        let what = self.all_of(row.id, &row.path, row.n_runs)?;
        let begun = self.write(|store| Ok(store.begin_forgetting(row.id, &what)))?;
        match begun {
            // Another has done it just now.
            Ok(()) | Err(StoreError::UnknownProject(_)) => {}
            Err(e) => return Err(e.into()),
        }
        lock(&self.0.storage.rooms).remove(&row.id);
        self.tell_of(what.name, row.n_runs);
        self.sweep(Duration::ZERO);
        self.0.events.projects();
        Ok(())
    }

    /// Forgets those runs of a project that are gone from the disk; how many.
    pub(crate) fn forget_gone_runs(&self, args: OfProject) -> Result<u64, CallError> {
        let row = self.known(args.project)?;
        let open = self.project(args.project).ok();
        let shown: Vec<RunId> = match &open {
            Some(_) => self.with_reader(|reader| {
                let rows = reader.load_runs(row.id)?;
                Ok(rows.into_iter().filter(|row| row.gone).map(|row| row.id).collect())
            })?,
            None => Vec::new(),
        };
        // A connection of its own: these are several transactions, and a page's preference does not wait for all.
        let name = format!("gone runs of {}", name_of(&row.path));
        let n = Store::open(&self.store_path())?.begin_forgetting_gone(row.id, &name, now())?;
        if let Some(project) = open {
            self.with_reader(|reader| project.refresh(reader, &shown))?;
            project.write().regroup();
            crate::live::look(self, &project);
            self.with_reader(|reader| project.count_problems(reader, self.0.live.folder_problems(row.id).len()))?;
            self.0.events.problems(row.id.0);
            self.0.events.runs(row.id.0, project.catalogue().version, None);
        }
        lock(&self.0.storage.rooms).remove(&row.id);
        if n > 0 {
            self.tell_of(name, n);
        }
        self.sweep(Duration::ZERO);
        self.0.events.projects();
        Ok(n)
    }

    /// Until the thread that removes it has counted.
    fn tell_of(&self, name: String, n_runs: u64) {
        lock(&self.0.storage.forgetting).push(ForgettingRow { name, n_runs, n_left: n_runs });
    }

    /// All that is kept by a project's id or its folder's name.
    fn all_of(&self, project: ProjectId, root: &Path, n_runs: u64) -> Result<Forgetting, CallError> {
        let id = project.0;
        let mut what = Forgetting { name: name_of(root), n_runs, ..Forgetting::default() };
        // The page's: the table's view, and the charts' of the table and of a run.
        what.keys.extend([format!("view:{id}"), format!("charts:{id}"), format!("charts:run:{id}")]);
        what.keys.push(crate::merge::pref_of(root));
        what.keys.extend(self.loading_allowed(root)?);
        crate::data::add_kept(root, &mut what);
        Ok(what)
    }

    /// What says that this folder's models may be loaded: who opens it again is asked again. The names are digests; the
    /// audit has what they were made of.
    fn loading_allowed(&self, root: &Path) -> Result<BTreeSet<String>, CallError> {
        let mut keys = BTreeSet::new();
        if !self.0.options.data_dir.join("ledger.db").is_file() {
            return Ok(keys);
        }
        let (ledger, shown) = (self.ledger()?, show(root));
        let mut from = 1;
        loop {
            let entries = Audit(&ledger).entries(from)?;
            let Some((last, ..)) = entries.last() else { return Ok(keys) };
            from = last + 1;
            for (_, _, entry) in entries.iter().filter(|(_, _, entry)| entry.what == "allow models") {
                if entry.detail["project"] == shown.as_str()
                    && let Some(python) = entry.detail["python"].as_str()
                {
                    keys.insert(crate::promotion::loading_pref(root, python));
                }
            }
        }
    }

    /// An open project that another window or a terminal has forgotten is closed here too.
    pub(crate) fn close_forgotten(&self) {
        for project in self.open_projects() {
            if !matches!(self.with_reader(|reader| Ok(reader.has_project(project.id)?)), Ok(false)) {
                continue;
            }
            if self.close_project(OfProject { project: project.id.0 }).is_ok() {
                let message = format!("{} was forgotten in another window or a terminal.", project.name);
                let hint = Some("Its folder was not touched; open it to read it again.".to_owned());
                self.0.events.plain(Event::Notice { level: Level::Info, message, hint });
            }
        }
    }

    /// What is left of it from the last time is removed, a while after the start.
    pub(crate) fn sweep_later(&self) {
        self.sweep(AT_EASE);
    }

    /// Has a thread remove what is out of sight.
    fn sweep(&self, after: Duration) {
        {
            let mut sweep = lock(&self.0.storage.sweep);
            sweep.is_asked = true;
            if std::mem::replace(&mut sweep.is_running, true) {
                return;
            }
        }
        let weak = std::sync::Arc::downgrade(&self.0);
        let started = thread::Builder::new().name("forget".into()).spawn(move || sweep(&weak, after));
        if started.is_err() {
            // The next one who asks tries again; so does the next start.
            lock(&self.0.storage.sweep).is_running = false;
        }
    }

    /// Removes what is out of sight on this thread, until nothing is left; `told` is told what is. For a terminal.
    pub fn forget_to_the_end(&self, told: &dyn Fn(&[ForgettingRow])) -> Result<(), CallError> {
        let mut store = Store::open(&self.store_path())?;
        loop {
            told(&under_way(&mut store)?);
            self.forget_cells(&mut store)?;
            let mut n = 0;
            loop {
                match store.forget_some(STEP) {
                    Ok(None) => return Ok(()),
                    // The background thread has it just now.
                    Err(StoreError::Busy) | Ok(Some(_)) => n += 1,
                    Err(e) => return Err(e.into()),
                }
                thread::sleep(PAUSE);
                if n % 20 == 0 {
                    break;
                }
            }
        }
    }

    /// What was counted in the data files of what is being forgotten: first, as long as the mark says what it is.
    fn forget_cells(&self, store: &mut Store) -> Result<(), CallError> {
        let beginnings: Vec<String> = store.being_forgotten()?.into_iter().flat_map(|(what, _)| what.cells).collect();
        if beginnings.is_empty() || !self.0.options.data_dir.join("cells.db").is_file() {
            return Ok(());
        }
        let Some(cells) = self.cell_store() else { return Ok(()) };
        for beginning in beginnings.iter().filter(|beginning| !beginning.is_empty()) {
            while cells.forget_some(beginning)? {
                thread::sleep(Duration::from_millis(1));
            }
        }
        Ok(())
    }
}

fn under_way(store: &mut Store) -> Result<Vec<ForgettingRow>, StoreError> {
    let rows = store.being_forgotten()?;
    Ok(rows.into_iter().map(|(what, n_left)| ForgettingRow { name: what.name, n_runs: what.n_runs, n_left }).collect())
}

/// The thread: it ends when nothing is left, with the app, or when that is stopped.
fn sweep(weak: &Weak<Inner>, after: Duration) {
    if !rested(weak, after) {
        return;
    }
    loop {
        {
            let Some(app) = weak.upgrade().map(App) else { return };
            let mut sweep = lock(&app.0.storage.sweep);
            if !std::mem::take(&mut sweep.is_asked) {
                sweep.is_running = false;
                return;
            }
        }
        while let Err(e) = until_nothing_is_left(weak) {
            // Busy, full, read-only: it may pass, and nothing is half shown meanwhile.
            let passes = matches!(e.code, ErrorCode::Store);
            if !passes || !rested(weak, LATER) {
                break;
            }
        }
        if let Some(app) = weak.upgrade().map(App) {
            lock(&app.0.storage.forgetting).clear();
            app.0.events.projects();
        }
    }
}

fn until_nothing_is_left(weak: &Weak<Inner>) -> Result<(), CallError> {
    let Some(app) = weak.upgrade().map(App) else { return Ok(()) };
    let mut store = Store::open(&app.store_path())?;
    drop(app);
    loop {
        let Some(app) = weak.upgrade().map(App) else { return Ok(()) };
        app.forget_cells(&mut store)?;
        *lock(&app.0.storage.forgetting) = under_way(&mut store)?;
        drop(app);
        for _ in 0..50 {
            if weak.upgrade().is_none_or(|inner| inner.stopped.load(Ordering::SeqCst)) {
                return Ok(());
            }
            if store.forget_some(STEP)?.is_none() {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
    }
}

/// False: the app has ended meanwhile.
fn rested(weak: &Weak<Inner>, time: Duration) -> bool {
    let end = std::time::Instant::now() + time;
    loop {
        if weak.upgrade().is_none_or(|inner| inner.stopped.load(Ordering::SeqCst)) {
            return false;
        }
        let left = end.saturating_duration_since(std::time::Instant::now());
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(Duration::from_millis(100)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use serde_json::json;

    #[test]
    fn what_was_allowed_of_a_folder_is_asked_again_after_it_was_forgotten() {
        let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let root = folder.path().canonicalize().expect("a path");
        let app = App::open(Options::alone(data.path(), "test")).expect("the app opens");
        let id = app.open_folder(&root).expect("opens").id;
        let python = "/usr/bin/python3";
        app.call("allow_models", json!({ "project": id, "python": python })).expect("allowed");
        let key = crate::promotion::loading_pref(&root, python);
        let pref = || app.write(|store| store.pref(&key)).expect("read");
        assert_eq!(pref().as_deref(), Some("true"));
        let what = app.all_of(ProjectId(id), &root, 0).expect("known");
        assert!(what.keys.contains(&key));
        for beginning in &what.beginnings {
            // `/p` is not the beginning of what is kept of `/p2`.
            assert!(beginning.ends_with('\n'), "{beginning:?}");
        }
        app.forget_project(OfProject { project: id }).expect("forgotten");
        assert_eq!(pref(), None);
        app.shutdown();
    }
}
