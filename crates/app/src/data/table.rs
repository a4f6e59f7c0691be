//! A monitor's table: counted where it lies, hour by hour. What has been counted stays; only the last hours are asked for
//! again, and all of it once a day, for rows that came late or were changed. No engine is asked before the person has
//! said yes, once for a project and that very URL: a file that came by git would have a password sent to anyone.

use super::reading::Basis;
use super::watched::{Frozen, Watched};
use crate::app::{App, now};
use crate::project::OpenProject;
use crate::wire::*;
use serde_json::json;
use signalbox_drift::monitor::{Definition, FileCells, HOUR};
use signalbox_drift::read::{Problem, Problems};
use signalbox_engines::{Address, Cancel, Connection, EngineError, How, Limits, Password, Plan, TableName, Wanted};
use signalbox_release::Digest;
use signalbox_remote::{Kind, Place};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Rows may come so many hours late and are seen with the next look; others with the next whole count.
const LATE_HOURS: i64 = 3;
const WHOLE_EVERY: f64 = 86_400.0;
const EVERY_MINUTES: u32 = 10;
/// Of one statement. A person waits for a day's counts, not for a night.
const PATIENCE: Duration = Duration::from_secs(600);
/// Hours that a clock without a zone may be ahead, and one to spare.
const ZONES: i64 = 15;
/// The last hour of the year 9999.
const LAST_HOUR: i64 = 70_389_527;

/// Where a monitor's table is.
pub(crate) struct TableAt {
    pub address: Address,
    pub name: TableName,
    url: String,
}

impl TableAt {
    /// `None`: files are watched.
    pub fn of(definition: &Definition) -> Result<Option<TableAt>, String> {
        let (Some(url), Some(table)) = (&definition.engine, &definition.table) else { return Ok(None) };
        let address = Address::parse(url).map_err(said)?;
        let name = TableName::parse(table).map_err(said)?;
        Ok(Some(TableAt { address, name, url: url.clone() }))
    }

    /// For what a password is stored; a socket has no host that anything could be stored for.
    pub fn place(&self) -> Option<Place> {
        Place::new(Kind::Database, &self.address.origin()?, self.address.user.as_deref()).ok()
    }

    /// The variable that holds a password for it.
    pub fn in_environment(&self) -> Option<String> {
        Password::named_in_environment(self.address.engine).1
    }

    /// As a file's name among what was counted.
    pub fn key(&self) -> PathBuf {
        PathBuf::from(format!("{} at {}", self.name, self.address.shown))
    }

    pub fn of_row(&self, definition: &Definition, credential: Option<String>, asked: Option<f64>) -> WatchedTable {
        WatchedTable {
            engine: self.address.engine.name().to_owned(),
            at: self.address.shown.clone(),
            is_private: self.address.tls || self.address.is_this_machine,
            credential,
            asked,
            every_minutes: every(definition),
        }
    }
}

pub(super) fn every(definition: &Definition) -> u32 {
    definition.every_minutes.unwrap_or(EVERY_MINUTES)
}

/// What a definition cannot be, whoever wrote it.
pub(super) fn fault_of(definition: &Definition) -> Option<String> {
    definition.sound().and_then(|()| TableAt::of(definition).map(drop)).err()
}

/// What is known of a table, and since when.
pub(super) struct Counted {
    pub cells: Arc<FileCells>,
    /// Unix seconds of the last count of all of it.
    pub whole: f64,
}

/// What an engine has said, with what was known before.
pub(super) struct Answer {
    pub cells: Arc<FileCells>,
    pub problems: Problems,
    pub whole: f64,
    /// All of it was asked for.
    pub is_whole: bool,
}

impl Answer {
    /// The last hours are as they are; all of it could not be counted.
    pub fn without_all(mut self, at: &TableAt, why: String) -> Answer {
        self.problems.add(Problem {
            file: at.key().display().to_string(),
            column: None,
            place: None,
            lost: false,
            message: format!("Not all of it could be counted again, only its last hours: {why}"),
            hint: Some("It is tried again in an hour; rows that came late are not seen before.".into()),
        });
        self
    }
}

impl App {
    /// Whether this engine may be asked for this project.
    pub(super) fn may_ask(&self, root: &Path, url: &str) -> bool {
        self.write(|store| store.pref(&key(root, url))).is_ok_and(|said| said.as_deref() == Some("true"))
    }

    pub(super) fn let_ask(&self, root: &Path, url: &str) -> Result<(), CallError> {
        // Before it is done: what is not in the audit is not done.
        let shown = Address::parse(url).map_err(|e| CallError::new(ErrorCode::BadRequest, said(e)))?.shown;
        self.audit("allow engine", None, None, json!({ "project": crate::project::show(root), "engine": shown }))?;
        self.write(|store| store.set_pref(&key(root, url), "true"))
    }

    pub(crate) fn allow_engine(&self, args: AllowEngine) -> Result<(), CallError> {
        let project = self.project(args.project)?;
        self.let_ask(&project.root, &args.url)?;
        self.look_at_engine(&args);
        Ok(())
    }

    /// The person takes it back: what was counted stays, and nobody is asked any more.
    pub(crate) fn forbid_engine(&self, args: AllowEngine) -> Result<(), CallError> {
        let project = self.project(args.project)?;
        self.audit("forbid engine", None, None, json!({ "project": crate::project::show(&project.root) }))?;
        self.write(|store| store.set_pref(&key(&project.root, &args.url), "false"))?;
        for one in self.at_work(args.project).iter().filter(|one| one.definition.engine.as_ref() == Some(&args.url)) {
            one.forget_password(true);
        }
        self.look_at_engine(&args);
        Ok(())
    }

    fn look_at_engine(&self, args: &AllowEngine) {
        for one in self.at_work(args.project).iter().filter(|one| one.definition.engine.as_ref() == Some(&args.url)) {
            one.look_again(false);
        }
    }

    /// The engines that a project's monitors would ask, and that are not allowed yet.
    pub fn engines_not_allowed(&self, project: u32) -> Result<Vec<(AllowEngine, WatchedTable)>, CallError> {
        let open = self.project(project)?;
        let mut asked = BTreeMap::new();
        for definition in self.defined(&open)?.into_values().map(|defined| defined.definition) {
            let Ok(Some(at)) = TableAt::of(&definition) else { continue };
            if !self.may_ask(&open.root, &at.url) {
                let table = at.of_row(&definition, credential(self, &at), None);
                asked.insert(at.url.clone(), (AllowEngine { project, url: at.url }, table));
            }
        }
        Ok(asked.into_values().collect())
    }

    /// Something was stored, or forgotten, or locked: who we are is looked up again.
    pub(crate) fn passwords_changed(&self) {
        for project in self.open_projects() {
            for one in self.at_work(project.id.0).iter().filter(|one| one.table.is_some()) {
                one.forget_password(false);
                one.look_again(false);
            }
        }
    }

    /// The engines that a project's monitors ask, by the monitors' names.
    pub(crate) fn engines_asked(&self, project: &OpenProject) -> Result<Vec<(String, TableAt)>, CallError> {
        let defined = self.defined(project)?.into_iter();
        let tables = defined.filter_map(|(name, one)| Some((name, TableAt::of(&one.definition).ok()??)));
        Ok(tables.filter(|(_, at)| self.may_ask(&project.root, &at.url)).collect())
    }

    pub(crate) fn look_again(&self, args: LookAgain) -> Result<(), CallError> {
        self.monitor(args.project, &args.name)?.look_again(args.all);
        Ok(())
    }

    /// What was stored for it goes before what the environment says.
    pub(super) fn password(&self, at: &TableAt) -> Result<(Password, Option<String>), String> {
        if let Some(place) = at.place()
            && let Some(found) = self.secrets_of().lookup(&place).map_err(|e| e.to_string())?
        {
            let secret = match &found.auth {
                signalbox_remote::Auth::Basic { password, .. } => Some(password),
                signalbox_remote::Auth::Bearer { token } => Some(token),
                signalbox_remote::Auth::None => None,
            };
            if let Some(secret) = secret {
                return Ok((Password::new(Some(secret.reveal().to_owned())), Some(found.from)));
            }
        }
        Ok(Password::named_in_environment(at.address.engine))
    }
}

/// Where the password would come from; nothing is opened for that.
pub(super) fn credential(app: &App, at: &TableAt) -> Option<String> {
    let stored = at.place().and_then(|place| app.secrets_of().source(&place).ok().flatten()).map(|source| source.from);
    stored.or_else(|| at.in_environment())
}

/// The preferences that say which engines are asked for a project begin so.
pub(super) fn keys(root: &Path) -> String {
    format!("asks-engine:{}\n", root.display())
}

fn key(root: &Path, url: &str) -> String {
    format!("{}{}", keys(root), Digest::of([root.as_os_str().as_encoded_bytes(), b"\0", url.as_bytes()].concat()))
}

/// Who we are, and where that is kept.
pub(super) type Known = (Password, Option<String>);

/// Asks for what may have changed, or for all.
pub(super) fn count(
    at: &TableAt,
    watched: &Watched,
    frozen: &Frozen,
    (password, from): &Known,
    known: Option<&Counted>,
    cancel: &Cancel,
) -> Result<Answer, String> {
    let asked = Asked { at, definition: &watched.definition, frozen, cancel, this_hour: (now() / HOUR as f64) as i64 };
    let found = match asked.of(password, known) {
        // Its statements are several where it has many columns; a row that came in between is no lie.
        Err(EngineError::Senseless { .. }) => asked.of(password, known),
        other => other,
    };
    found.map_err(|e| {
        let is_refused = matches!(e, EngineError::Unreachable { .. } | EngineError::Failed { .. }) && from.is_none();
        let more = if is_refused { " No password is known for it: Settings keeps one, as a database's." } else { "" };
        format!("{}{more}", said(e))
    })
}

struct Asked<'a> {
    at: &'a TableAt,
    definition: &'a Definition,
    frozen: &'a Frozen,
    cancel: &'a Cancel,
    this_hour: i64,
}

impl Asked<'_> {
    fn of(&self, password: &Password, known: Option<&Counted>) -> Result<Answer, EngineError> {
        let limits = Limits { timeout: PATIENCE, ..Limits::default() };
        let mut engine = Connection::open(&self.at.address, password, limits, self.cancel)?;
        let found = engine.describe(&self.at.name)?;
        let first = self.definition.last_hours.map(|n| self.this_hour - i64::from(n));
        // An hour that has begun goes on; a row of the future is none that the next hours begin at.
        let again = known.and_then(|known| {
            let hours = known.cells.cells.iter().map(|(hour, _, _)| *hour);
            // Nor is one of a clock that is ahead: rows of now are asked for all the same.
            hours.filter(|hour| *hour <= self.this_hour + ZONES).max().map(|last| last.min(self.this_hour) - LATE_HOURS)
        });
        let from = match (again, first) {
            (Some(again), Some(first)) => Some(again.max(first)),
            (again, first) => again.or(first),
        };
        let wanted = Wanted {
            time: self.definition.time.clone(),
            segment: self.definition.segment.clone(),
            hours: from.map(|from| from..LAST_HOUR + 1),
            this_hour: self.this_hour,
        };
        let plan = engine.plan(&self.frozen.reference, &found, &wanted, None)?;
        if plan.time.is_none() {
            return Err(EngineError::Refused(
                format!("No column of table {} tells the time, or more than one does.", self.at.name),
                "Name it as the time column: a table is watched by the hour.",
            ));
        }
        let mut cells = engine.count(&plan, &self.frozen.reference)?;
        if let (Some(known), Some(from)) = (known, from) {
            // What is dated at the end of all calendars is beyond what can be asked for by the hour.
            cells.cells.retain(|(hour, _, _)| *hour < LAST_HOUR);
            let is_kept = |hour: i64| (hour < from || hour >= LAST_HOUR) && first.is_none_or(|first| hour >= first);
            let before = known.cells.cells.iter().filter(|(hour, _, _)| is_kept(*hour));
            let mut all: Vec<_> = before.cloned().collect();
            all.append(&mut cells.cells);
            cells.cells = all;
            cells.n_timeless = known.cells.n_timeless;
        }
        let whole = known.map_or_else(now, |known| known.whole);
        Ok(Answer { cells: Arc::new(cells), problems: self.problems(&plan), whole, is_whole: known.is_none() })
    }

    /// Nothing of it is lost: what a reader should know.
    fn problems(&self, plan: &Plan) -> Problems {
        let mut problems = Problems::default();
        let mut say = |column: Option<&String>, message: String| {
            problems.add(Problem {
                file: self.at.key().display().to_string(),
                column: column.cloned(),
                place: None,
                lost: false,
                message,
                hint: None,
            });
        };
        for column in &plan.columns {
            match (&column.note, column.how) {
                (_, How::Missing) => {
                    say(Some(&column.name), "The table does not have this column: its rows count as nulls.".into());
                }
                (Some(note), _) => say(Some(&column.name), format!("{note}.")),
                _ => {}
            }
        }
        let of_quality = &self.definition;
        if of_quality.labels.is_some() || of_quality.score.is_some() || !of_quality.groups.is_empty() {
            say(None, "Quality and fairness are not counted in a table, only in files.".into());
        }
        problems
    }
}

/// In parentheses hints name what the command line has for it.
fn said(e: EngineError) -> String {
    let hint = e.hint().unwrap_or_default();
    let mut words = format!("{e} {hint}");
    while let Some(from) = words.find(" (--") {
        let till = words[from..].find(')').map_or(words.len(), |end| from + end + 1);
        words.replace_range(from..till, "");
    }
    words.trim_end().to_owned()
}

/// Whether all of it has to be counted.
pub(super) fn is_old(known: &Counted) -> bool {
    // A clock that was set back makes no count young for ever.
    !(0.0..WHOLE_EVERY).contains(&(now() - known.whole))
}

/// By what counts of a table are kept: when all of it was counted, and what they turn on.
pub(super) fn stamp(basis: &Basis, whole: f64) -> String {
    basis.stamp(&format!("{whole}"))
}

/// When that was, if they still hold.
pub(super) fn whole_of(basis: &Basis, stamp: &str) -> Option<f64> {
    let (whole, _) = stamp.split_once('+')?;
    if basis.holds(stamp, whole, 0) { whole.parse().ok() } else { None }
}
