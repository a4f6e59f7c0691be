//! A monitor whose table an engine counts: when it is asked, with what, and what becomes of the answer.

use super::{Frozen, Watched};
use crate::app::{App, lock, now};
use crate::data::reading::{Basis, Kept, body_of, of_body};
use crate::data::table::{self, Counted, TableAt};
use crate::wire::*;
use signalbox_engines::Cancel;
use signalbox_store::CellRow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// What takes too long at noon may not at night.
const WHOLE_RESTS: Duration = Duration::from_secs(3600);

/// When a table's engine was asked, and will be.
#[derive(Default)]
pub(super) struct Asked {
    /// Unix seconds of the last answer.
    pub at: Option<f64>,
    /// Not before; `None`: with the next look.
    pub next: Option<Instant>,
    /// Somebody asks for it now; for all of it.
    pub is_wanted: bool,
    pub all_wanted: bool,
    /// Unix seconds of the last count of all of the table.
    pub whole: Option<f64>,
    /// All of it could not be counted lately: until then, its last hours are.
    pub whole_rests: Option<Instant>,
    /// The last trouble was the engine's.
    pub has_refused: bool,
    /// Where the password would come from, as long as the person has not said that the engine is asked.
    pub credential: Option<String>,
}

impl Watched {
    /// Not only when it is due. `all`: of a table, not its last hours alone.
    pub fn look_again(&self, all: bool) {
        if self.is_wrong || self.table.is_none() {
            return;
        }
        {
            let mut state = self.write();
            state.asked.is_wanted = true;
            state.asked.all_wanted |= all;
        }
        *self.changed.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.1.notify_all();
    }

    /// Asks the engine, if it may be and it is time. Whether anything is new.
    pub(super) fn table_brought_up(&self, app: &App, at: &TableAt, frozen: &Arc<Frozen>) -> Result<bool, String> {
        let url = self.definition.engine.as_deref().unwrap_or_default();
        {
            let mut state = self.write();
            if state.frozen.as_ref().is_none_or(|known| known.digest != frozen.digest) {
                state.files.clear();
                state.asked = Asked { is_wanted: true, ..Asked::default() };
            }
            // Of another stamp, though of the same content: else it is read again with each look.
            state.frozen = Some(frozen.clone());
        }
        let basis = Basis::new(&frozen.digest, &self.definition, String::new(), Arc::default());
        let is_first = self.read().files.is_empty();
        let before = if is_first { self.table_kept(app, at, &basis, frozen) } else { None };
        if let Some((whole, kept)) = before {
            {
                let mut state = self.write();
                state.asked.whole = Some(whole);
                state.files.insert(at.key(), kept);
            }
            // It is shown while the engine counts.
            self.look_at_alert(app);
        }
        if !app.may_ask(&self.root, url) {
            let credential = table::credential(app, at);
            *lock(&self.password) = None;
            let mut state = self.write();
            (state.state, state.trouble, state.asked.credential) = (MonitorState::Asking, None, credential);
            (state.asked.is_wanted, state.asked.next) = (false, None);
            return Ok(false);
        }
        let (known, is_all) = {
            let mut state = self.write();
            // What failed for another reason than the engine's is tried as soon as that is over.
            let is_over = state.state == MonitorState::Failed && !state.asked.has_refused;
            let is_due = state.asked.next.is_none_or(|next| next <= Instant::now());
            if !(is_due || state.asked.is_wanted || is_over || state.state == MonitorState::Asking) {
                return Ok(false);
            }
            (state.state, state.asked.is_wanted) = (MonitorState::Reading, false);
            let is_all = std::mem::take(&mut state.asked.all_wanted);
            let kept = state.files.get(&at.key());
            (state.asked.whole.zip(kept).map(|(whole, kept)| Counted { cells: kept.cells.clone(), whole }), is_all)
        };
        self.tell(app);
        let counted = self.table_counted(app, at, frozen, known, is_all);
        self.table_rests();
        let counted = counted?;
        if self.is_stopped() {
            return Ok(false);
        }
        let kept =
            Kept { stamp: table::stamp(&basis, counted.whole), cells: counted.cells, problems: counted.problems };
        // Whoever was stopped may be forgotten: nothing of it comes back.
        if let Some(store) = app.cell_store().filter(|_| !self.is_stopped()) {
            let row = CellRow { stamp: kept.stamp.clone(), body: body_of(&kept) };
            // A cache that cannot be written is one that is not there.
            let _ = store.put(&self.key(), &[(at.key().display().to_string(), row)]);
        }
        let mut state = self.write();
        (state.asked.at, state.asked.whole, state.trouble) = (Some(now()), Some(counted.whole), None);
        state.files.insert(at.key(), kept);
        Ok(true)
    }

    /// The last hours, and all of it once a day or where nothing is known.
    fn table_counted(
        &self,
        app: &App,
        at: &TableAt,
        frozen: &Frozen,
        known: Option<Counted>,
        is_all: bool,
    ) -> Result<table::Answer, String> {
        let cancel = Cancel::default();
        *lock(&self.cancel) = cancel.clone();
        let goes_on = || !self.is_stopped() && !cancel.is_told();
        // Who was told to stop before this could hear it stops here.
        if self.is_stopped() || !app.may_ask(&self.root, self.definition.engine.as_deref().unwrap_or_default()) {
            return Err("It was stopped.".into());
        }
        let n_forgotten = self.n_forgotten.load(Ordering::SeqCst);
        let rests = self.read().asked.whole_rests.is_some_and(|until| Instant::now() < until);
        let ask = |password: &table::Known| {
            let count = |known: Option<&Counted>| table::count(at, self, frozen, password, known, &cancel);
            match &known {
                Some(known) if is_all || table::is_old(known) && !rests => count(None).or_else(|why| {
                    // More than it can in the time; what it can goes on.
                    self.write().asked.whole_rests = Some(Instant::now() + WHOLE_RESTS);
                    if goes_on() { count(Some(known)).map(|found| found.without_all(at, why)) } else { Err(why) }
                }),
                Some(known) => count(Some(known)),
                None => count(None),
            }
        };
        let kept = lock(&self.password).take();
        let mut password = match kept.clone() {
            Some(password) => password,
            None => app.password(at)?,
        };
        let mut found = ask(&password);
        if found.is_err() && goes_on() && kept.is_some() {
            // It may have been changed since it was kept.
            let new = app.password(at)?;
            if !new.0.is(&password.0) {
                found = ask(&new);
                password = new;
            }
        }
        // It was the engine that did not answer, not something here.
        self.write().asked.has_refused = found.is_err();
        let found = found?;
        let mut now_kept = lock(&self.password);
        if self.n_forgotten.load(Ordering::SeqCst) == n_forgotten {
            *now_kept = Some(password);
        }
        drop(now_kept);
        if found.is_whole {
            self.write().asked.whole_rests = None;
        }
        Ok(found)
    }

    /// Something was stored, or forgotten: who we are is looked up again. `ends`: what is asked now ends, too.
    pub fn forget_password(&self, ends: bool) {
        let mut kept = lock(&self.password);
        self.n_forgotten.fetch_add(1, Ordering::SeqCst);
        *kept = None;
        drop(kept);
        if ends {
            lock(&self.cancel).tell();
        }
    }

    /// Until it is its turn again, however it went: nobody is asked without end.
    pub(super) fn table_rests(&self) {
        if self.table.is_some() {
            let every = Duration::from_secs(60 * u64::from(table::every(&self.definition)));
            self.write().asked.next = Some(Instant::now() + every);
        }
    }

    /// What was counted before this process began.
    fn table_kept(&self, app: &App, at: &TableAt, basis: &Basis, frozen: &Frozen) -> Option<(f64, Kept)> {
        let row = app.cell_store()?.get(&self.key(), &at.key().display().to_string()).ok()??;
        let whole = table::whole_of(basis, &row.stamp)?;
        let (cells, problems) = of_body(&row.body, &frozen.reference)?;
        Some((whole, Kept { stamp: row.stamp, cells: Arc::new(cells), problems }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Options;
    use std::sync::Weak;

    #[test]
    fn a_reference_that_is_away_is_no_circle() {
        let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let root = folder.path().canonicalize().expect("a path");
        std::fs::write(root.join("train.csv"), "x\n1\n2\n3\n").expect("written");
        let policy =
            "[data.seen]\nreference = \"train.csv\"\nengine = \"postgres://127.0.0.1:1/app\"\ntable = \"seen\"\n";
        std::fs::write(root.join("signalbox.toml"), policy).expect("written");
        let app = App::open(Options::alone(data.path(), "test")).expect("the app opens");
        let project = app.open_folder(&root).expect("it opens").id;
        let url = "postgres://127.0.0.1:1/app".to_owned();
        app.allow_engine(AllowEngine { project, url }).expect("allowed");
        let watched = app.monitor(project, "seen").expect("a monitor");
        let until = |what: &str, is: &dyn Fn() -> bool| {
            let end = Instant::now() + Duration::from_secs(20);
            while !is() {
                assert!(Instant::now() < end, "not in time: {what}");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        let trouble = || watched.read().trouble.clone().unwrap_or_default();
        until("the engine is silent", &|| trouble().contains("cannot be reached"));
        std::fs::rename(root.join("train.csv"), root.join("away")).expect("moved");
        until("the reference is away", &|| trouble().contains("train.csv"));
        // Its turn has come, and it cannot be taken.
        watched.write().asked.next = Some(Instant::now());
        let events = app.subscribe();
        watched.look_again(false);
        std::thread::sleep(Duration::from_millis(1500));
        let told = events.try_iter().filter(|text| text.contains("\"data\"")).count();
        assert!(told < 8, "{told} events in 1.5 s");
        std::fs::rename(root.join("away"), root.join("train.csv")).expect("moved");
        until("the engine is asked again", &|| trouble().contains("cannot be reached"));
        let weak: Weak<_> = Arc::downgrade(&watched);
        drop(watched);
        app.shutdown();
        drop(app);
        until("its thread has ended", &|| weak.upgrade().is_none());
    }
}
