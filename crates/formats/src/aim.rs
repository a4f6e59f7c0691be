//! Aim's list of runs (FORMATS.md section 16; Aim's `storage/structured/sql_engine/models.py`, `sdk/reporter`):
//! `.aim/run_metadata.sqlite`, and how each run ended out of the names in `.aim/check_ins`.
//!
//! What the runs logged lies in RocksDB under keys of Aim's own and is not read; each run says so in a tag. There too
//! lies by now when a run ended (`set_run_end_time` in Aim's `sdk/run.py`): `finalized_at` is only set by older versions, and of later
//! ones a run is known to have ended if it said so itself (`Run.report_successful_finish`). A check-in proves no life: its
//! file stays when its process is killed.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Cursor, Lifecycle, RunDelta, Status};

use crate::{
    Progress, Reader, SourceSpec,
    deltas::Deltas,
    place, secret,
    sqlite::{
        DbReader, Look, Store,
        access::{AccessError, Db},
        cell,
        schema::Schema,
    },
    stamp::{self, Stamp},
    text::clock,
    yaml,
};

pub(crate) const DIR: &str = ".aim";
pub(crate) const DB: &str = "run_metadata.sqlite";
const CHECK_INS: &str = "check_ins";

const TABLES: [&str; 4] = ["run", "experiment", "tag", "run_tag"];
/// So many runs are read.
const MAX_RUNS: usize = 50_000;
/// Of so many it is kept in the cursor what was told; the others are told again when the reader is opened again.
const MAX_KEPT: usize = 5_000;
/// So many names of `check_ins` are looked at: a run has one for each kind.
const MAX_CHECK_INS: usize = 200_000;
/// A run that still checked in so long after it was finalized was begun again.
const CLOSING_SECS: f64 = 60.0;
/// What changed so lately may have changed again within the clock's grain.
const GRAIN_SECS: f64 = 2.0;

/// Whether the repository's list of runs is the project's own: a link may lead anywhere.
pub(crate) fn lies_inside(project: &Path, dir: &Path) -> bool {
    let db = dir.join(DIR).join(DB);
    fs::symlink_metadata(&db).is_ok() && place::may_follow(project, &dir.join(DIR)) && place::may_follow(project, &db)
}

/// What a run's check-ins say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct CheckIns {
    /// Number and time (unix seconds) of the last `starting`, and of the last `finished`.
    starting: Option<(u64, f64)>,
    finished: Option<(u64, f64)>,
    /// The time of the last one of any kind.
    last: Option<f64>,
}

impl CheckIns {
    /// When it said that it is finished, if it was not begun again since.
    fn finished(&self) -> Option<f64> {
        let (number, time) = self.finished?;
        self.starting.is_none_or(|(starting, _)| starting < number).then_some(time)
    }

    /// `<number>-<kind>-<unix seconds>-<seconds to the next>`.
    fn take(&mut self, number: u64, kind: &str, time: f64) {
        let one = Some((number, time));
        match kind {
            "starting" => self.starting = self.starting.max_by_number(one),
            "finished" => self.finished = self.finished.max_by_number(one),
            _ => {}
        }
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }
}

trait MaxByNumber {
    fn max_by_number(self, other: Self) -> Self;
}

impl MaxByNumber for Option<(u64, f64)> {
    fn max_by_number(self, other: Self) -> Self {
        match (self, other) {
            (Some(a), Some(b)) => Some(if b.0 > a.0 { b } else { a }),
            (a, b) => a.or(b),
        }
    }
}

/// A check-in's name, from its end: nobody says that a run's hash or a kind has no `-`.
fn check_in(name: &str) -> Option<(&str, u64, &str, f64)> {
    let mut parts = name.rsplitn(5, '-');
    let (_expected, time, kind) = (parts.next()?, parts.next()?, parts.next()?);
    let (number, run) = (parts.next()?.parse().ok()?, parts.next()?);
    let time = time.parse::<f64>().ok().and_then(clock::unix_of_number)?;
    Some((run, number, kind, time))
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Saved {
    /// By hash: a checksum of what was told.
    #[serde(rename = "r")]
    runs: BTreeMap<String, u32>,
    #[serde(rename = "n", default)]
    anew: bool,
    #[serde(rename = "x", default)]
    bad: bool,
    #[serde(rename = "y", default)]
    n_bad_rows: u32,
}

/// What is known of a repository.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    saved: Saved,
    check_ins: HashMap<String, CheckIns>,
    /// They changed since the runs were told.
    is_due: bool,
}

pub(crate) type Database = DbReader<Memory>;

impl Store for Memory {
    const TOOL: &'static str = "Aim";

    fn restore(cursor: Option<&Cursor>) -> Self {
        let understood: Option<Saved> = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        let anew = cursor.is_some() && understood.is_none();
        let mut saved = understood.unwrap_or_default();
        saved.anew |= anew;
        Memory { saved, ..Memory::default() }
    }

    fn cursor(&self) -> Cursor {
        let text = match self.saved.runs.len() <= MAX_KEPT {
            true => serde_json::to_string(&self.saved),
            false => {
                let runs = self.saved.runs.iter().take(MAX_KEPT).map(|(key, sum)| (key.clone(), *sum)).collect();
                serde_json::to_string(&Saved { runs, ..self.saved.clone() })
            }
        };
        Cursor(text.unwrap_or_default())
    }

    fn schema(db: &Db) -> Result<Schema, AccessError> {
        let needed = ["hash", "name", "is_archived", "created_at", "experiment_id"].map(|column| ("run", column));
        Schema::read(db, &TABLES, &needed)
    }

    fn is_due(&self) -> bool {
        self.is_due
    }

    fn update(
        &mut self,
        look: &Look<'_>,
        _unchanged: bool,
        _budget: usize,
        deltas: &mut Deltas,
    ) -> Result<Progress, AccessError> {
        let (rows, is_whole) = rows(look)?;
        let mut tags = tags(look)?;
        let mut seen = BTreeMap::new();
        for row in rows {
            let tags = tags.remove(&row.id).unwrap_or_default();
            let check_ins = self.check_ins.get(&row.hash).copied().unwrap_or_default();
            let sum = row.checksum(&tags, &check_ins);
            let known = self.saved.runs.get(&row.hash).copied();
            if known != Some(sum) {
                let run = deltas.run(&row.hash);
                // A tag that was taken off is only forgotten with everything else, and there is little else.
                run.reset = known.is_some() || self.saved.anew;
                row.tell(tags, &check_ins, run);
            }
            seen.insert(row.hash, sum);
        }
        if is_whole {
            self.saved.runs.keys().filter(|key| !seen.contains_key(*key)).for_each(|key| deltas.gone(key));
        }
        self.saved.runs = seen;
        self.saved.anew = false;
        self.is_due = false;
        Ok(Progress::CaughtUp)
    }

    fn bad(&mut self) -> &mut bool {
        &mut self.saved.bad
    }

    fn n_bad_rows(&mut self) -> &mut u32 {
        &mut self.saved.n_bad_rows
    }
}

/// A row of `run`, with its experiment's name.
struct Row {
    id: i64,
    hash: String,
    name: String,
    description: String,
    archived: bool,
    created: String,
    finalized: String,
    experiment: String,
}

/// One for each run, and whether these are all of them.
fn rows(look: &Look<'_>) -> Result<(Vec<Row>, bool), AccessError> {
    let columns =
        look.schema.list("run", &["hash", "name", "description", "is_archived", "created_at", "finalized_at"]);
    let (experiment, join) = match look.schema.has("experiment", "name") {
        true => {
            (look.schema.list("experiment", &["name"]), "LEFT JOIN experiment ON experiment.id = run.experiment_id")
        }
        false => ("NULL".to_owned(), ""),
    };
    let sql = format!("SELECT run.rowid, {columns}, {experiment} FROM run {join} ORDER BY run.rowid LIMIT {MAX_RUNS}");
    let rows = look.db.rows(&sql, [], |r| {
        Ok(Row {
            id: r.get(0)?,
            hash: cell::text(r, 1)?,
            name: cell::text(r, 2)?,
            description: cell::text(r, 3)?,
            archived: cell::integer(r, 4)?.is_some_and(|flag| flag != 0),
            created: cell::text(r, 5)?,
            finalized: cell::text(r, 6)?,
            experiment: cell::text(r, 7)?,
        })
    })?;
    // Aim allows a hash once. Where the index that holds it to that is damaged, the later row is the run.
    let is_whole = rows.len() < MAX_RUNS;
    let by_hash: BTreeMap<String, Row> = rows.into_iter().map(|row| (row.hash.clone(), row)).collect();
    Ok((by_hash.into_values().filter(|row| !row.hash.is_empty()).collect(), is_whole))
}

/// The names of the runs' tags, by run, in the order of their names.
fn tags(look: &Look<'_>) -> Result<HashMap<i64, Vec<String>>, AccessError> {
    let has = |table, column| look.schema.has(table, column);
    let mut tags: HashMap<i64, Vec<String>> = HashMap::new();
    if !(has("run_tag", "run_id") && has("run_tag", "tag_id") && has("tag", "name")) {
        return Ok(tags);
    }
    // Aim's own window leaves archived ones out.
    let shown = if has("tag", "is_archived") { "WHERE coalesce(tag.is_archived, 0) = 0" } else { "" };
    let name = look.schema.list("tag", &["name"]);
    let sql = format!(
        "SELECT run_tag.run_id, {name} FROM run_tag JOIN tag ON tag.id = run_tag.tag_id {shown} ORDER BY tag.name LIMIT {}",
        10 * MAX_RUNS
    );
    for (run, name) in look.db.rows(&sql, [], |r| Ok((cell::integer(r, 0)?, cell::text(r, 1)?)))? {
        tags.entry(run.unwrap_or(-1)).or_default().push(name);
    }
    Ok(tags)
}

impl Row {
    fn checksum(&self, tags: &[String], check_ins: &CheckIns) -> u32 {
        let (status, ended) = self.end(check_ins);
        let ended = ended.unwrap_or(0.0).to_le_bytes();
        let state = [u8::from(self.archived), u8::from(status.is_some())];
        let fields = [&self.name, &self.description, &self.created, &self.experiment];
        let parts = fields.into_iter().chain(tags).map(String::as_bytes).chain([&ended[..], &state[..]]);
        // Lengths keep two fields apart that could be one.
        parts.fold(0, |sum, part| crc32c::crc32c_append(crc32c::crc32c_append(sum, &part.len().to_le_bytes()), part))
    }

    /// How it ended and when (unix seconds), as far as it is known. `finalized_at` is set by a clean end; what was begun
    /// again after it goes on checking in.
    fn end(&self, check_ins: &CheckIns) -> (Option<Status>, Option<f64>) {
        let finalized = clock::unix_of_iso(&self.finalized);
        let is_over = |end: &f64| check_ins.last.is_none_or(|last| last <= end + CLOSING_SECS);
        let ended = finalized.filter(is_over).or_else(|| check_ins.finished());
        (ended.map(|_| Status::Finished), ended)
    }

    fn tell(&self, tags: Vec<String>, check_ins: &CheckIns, run: &mut RunDelta) {
        let text = |text: &str| Some(place::clean_name(text.as_bytes())).filter(|text| !text.is_empty());
        let is_open = |name: &str, value: &String| !secret::is_secret(name, value);
        run.head.name = text(&self.name)
            .filter(|name| is_open("name", name))
            .or_else(|| Some(place::clean_name(format!("Run: {}", self.hash).as_bytes())));
        run.head.experiment = text(&self.experiment).filter(|name| is_open("experiment", name));
        // Naive, and UTC (`datetime.utcnow`).
        run.head.started = clock::unix_of_iso(&self.created);
        let (status, ended) = self.end(check_ins);
        run.head.status = status;
        run.head.ended = ended.map(Some);
        run.head.lifecycle = Some(if self.archived { Lifecycle::Deleted } else { Lifecycle::Active });
        let mut named = vec![("aim.metrics".to_owned(), "not read: they are in RocksDB".to_owned())];
        if !self.description.is_empty() {
            named.push(("description".to_owned(), yaml::cut_text(self.description.clone())));
        }
        let tags: Vec<String> = tags.iter().filter_map(|tag| text(tag)).filter(|tag| is_open("tag", tag)).collect();
        if !tags.is_empty() {
            named.push(("tags".to_owned(), yaml::cut_text(tags.join(", "))));
        }
        named.retain(|(name, value)| is_open(name, value));
        run.tags = named;
    }
}

/// Reads one repository.
pub(crate) struct Repo {
    spec: SourceSpec,
    dir: PathBuf,
    db: Database,
    /// As the folder of check-ins was when it was listed.
    seen: Option<Option<Stamp>>,
}

impl Repo {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let below = Path::new(DIR).join(DB);
        let dir = spec.path();
        Self { db: Database::open_below(spec, &below, cursor), spec: spec.clone(), dir, seen: None }
    }

    /// Lists the check-ins if they changed.
    fn look_at_check_ins(&mut self) -> io::Result<()> {
        let dir = self.dir.join(DIR).join(CHECK_INS);
        if !place::may_follow(&self.spec.project, &dir) {
            return Ok(());
        }
        let stamp = Stamp::if_exists(&dir)?;
        if self.seen == Some(stamp) {
            return Ok(());
        }
        let mut check_ins: HashMap<String, CheckIns> = HashMap::new();
        if stamp.is_some() {
            for entry in fs::read_dir(&dir)?.take(MAX_CHECK_INS).flatten() {
                if let Some((run, number, kind, time)) = entry.file_name().to_str().and_then(check_in) {
                    check_ins.entry(run.to_owned()).or_default().take(number, kind, time);
                }
            }
        }
        let is_old = stamp.is_none_or(|s| (s.mtime_ns as f64) < (stamp::unix_now() - GRAIN_SECS) * 1e9);
        self.seen = is_old.then_some(stamp);
        let memory = self.db.store();
        if memory.check_ins != check_ins {
            memory.check_ins = check_ins;
            memory.is_due = true;
        }
        Ok(())
    }
}

impl Reader for Repo {
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        if !lies_inside(&self.spec.project, &self.dir) {
            // Gone for now; whoever walks the project notices when it stays so.
            return Progress::CaughtUp;
        }
        // Without them only less is known of how a run ended, and the next look tries again.
        let _ = self.look_at_check_ins();
        self.db.read(budget_bytes, batch)
    }

    fn cursor(&self) -> Cursor {
        self.db.cursor()
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        let aim = self.dir.join(DIR);
        [aim.clone(), aim.join(CHECK_INS)].into_iter().filter(|dir| dir.is_dir()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_check_ins() {
        let name = "05b05da8f2d741ceaacb8850-0000000000000003-progress-1795249006.84-00001";
        assert_eq!(check_in(name), Some(("05b05da8f2d741ceaacb8850", 3, "progress", 1_795_249_006.84)));
        assert_eq!(check_in("a-b-1-finished-1795249006.84-00000").map(|(run, ..)| run), Some("a-b"));
        for odd in ["", "a-1-progress-x-1", "a-x-progress-1795249006.84-1", "1-progress-1795249006.84-1", "a-1-p-nan-1"]
        {
            assert_eq!(check_in(odd), None, "{odd}");
        }
    }

    #[test]
    fn begun_again_is_not_finished() {
        let mut check_ins = CheckIns::default();
        check_ins.take(1, "starting", 10.0);
        check_ins.take(4, "finished", 20.0);
        // The last heartbeat comes after it.
        check_ins.take(5, "progress", 21.0);
        assert_eq!(check_ins.finished(), Some(20.0));
        check_ins.take(6, "starting", 30.0);
        assert_eq!((check_ins.finished(), check_ins.last), (None, Some(30.0)));
    }
}
