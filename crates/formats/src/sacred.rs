//! One run of Sacred's FileStorageObserver: `<base>/<id>/{run.json,config.json,metrics.json,info.json}`
//! (FORMATS.md section 13; IDSIA/sacred, `sacred/observers/file_storage.py`).
//!
//! Every file is written over as a whole, some at each heartbeat, and none of them at one stroke: what does not parse
//! is taken for half written while it is young, and what was read before it stays. Points are only ever added to a
//! metric, so that those that were told already are compared and the others handed on.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox_types::{Batch, Cursor, ProblemKind, RunDelta, RunHead, SeriesDelta, Status};

use self::{curves::Curves, record::Record};
use crate::{
    Progress, Reader, SourceSpec,
    anew::{self, Anew},
    bounded, json_params,
    jsonl::lenient,
    log::news::Trouble,
    place,
    rewritten::ToldCurves,
    stamp::{Stamp, unix_now},
    trouble::Troubles,
};

mod curves;
mod record;

pub(crate) const RUN: &str = "run.json";
pub(crate) const CONFIG: &str = "config.json";
const METRICS: &str = "metrics.json";
const INFO: &str = "info.json";
const FILES: [&str; 4] = [RUN, CONFIG, METRICS, INFO];

/// Larger files are not read: they are read whole, and again at each heartbeat.
const MAX_BYTES: u64 = 64 << 20;

#[derive(Default, Serialize, Deserialize)]
struct State {
    /// The run was told of.
    #[serde(rename = "r")]
    told: bool,
    /// The files as they were when they were read last, in the order of `FILES`.
    #[serde(rename = "s")]
    stamps: [Stamp; 4],
    /// Checksums of the run's start and of its configuration.
    #[serde(rename = "t")]
    start: Option<u32>,
    #[serde(rename = "c")]
    config: Option<u32>,
    /// Of what `run.json` said apart from that.
    #[serde(rename = "h")]
    record: Option<u32>,
    /// It was said to be running.
    #[serde(rename = "u")]
    running: bool,
    /// By file.
    #[serde(rename = "m")]
    metrics: ToldCurves,
    #[serde(rename = "i")]
    info: ToldCurves,
    /// The file to go on with after the budget was spent: one that is half written is read each time.
    #[serde(rename = "f", default)]
    next: usize,
    #[serde(rename = "x")]
    troubles: Troubles,
}

/// Reads one run.
pub(crate) struct RunDir {
    spec: SourceSpec,
    dir: PathBuf,
    state: State,
    /// There is a cursor that cannot be understood: what was told before is not known, and is told anew.
    must_reset: bool,
}

impl RunDir {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let saved = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        let must_reset = cursor.is_some() && saved.is_none();
        Self { dir: spec.path(), spec: spec.clone(), state: saved.unwrap_or_default(), must_reset }
    }

    fn shown(&self, name: &str) -> String {
        place::shown(&self.spec.rel.join(name))
    }

    fn fail(&mut self, file: usize, kind: ProblemKind, why: &str, batch: &mut Batch) {
        let lost = match FILES[file] {
            RUN => "The run's state and times",
            CONFIG => "The run's parameters",
            _ => "The run's metrics",
        };
        let message = format!("{lost} cannot be read: {why}. What was read of them before is kept.");
        self.state.troubles.file(self.shown(FILES[file]), kind, message, batch);
    }

    /// The text of a file that changed. `None`: there is none, or it was said why not.
    fn changed(&mut self, file: usize, batch: &mut Batch) -> Option<(Vec<u8>, Stamp)> {
        let path = self.dir.join(FILES[file]);
        let stamp = match place::stamp_inside(&[&self.spec.project, &self.dir], &path) {
            Ok(stamp) => stamp.filter(|stamp| *stamp != self.state.stamps[file])?,
            Err(e) => {
                self.fail(file, ProblemKind::Unreadable, &e.to_string(), batch);
                return None;
            }
        };
        // Truncated, and not written yet.
        if stamp.len == 0 {
            return None;
        }
        if stamp.len > MAX_BYTES {
            self.state.stamps[file] = stamp;
            self.fail(file, ProblemKind::TooLarge, "the file is larger than 64 MiB (a limit of Signalbox)", batch);
            return None;
        }
        match bounded::read(&path, MAX_BYTES, &mut batch.bytes_read) {
            Ok(text) => Some((text, stamp)),
            Err(e) if crate::stamp::is_absent(&e) => None,
            Err(e) => {
                self.fail(file, ProblemKind::Unreadable, &e.to_string(), batch);
                None
            }
        }
    }

    /// A text that is no JSON: half of one, or damaged.
    fn odd(&mut self, file: usize, stamp: Stamp, why: &str, batch: &mut Batch) {
        if !stamp.is_young() {
            self.state.stamps[file] = stamp;
            self.fail(file, ProblemKind::Malformed, &format!("the file is damaged ({why})"), batch);
        }
    }

    fn read_well(&mut self, file: usize, stamp: Stamp, batch: &mut Batch) {
        self.state.stamps[file] = stamp;
        let shown = self.shown(FILES[file]);
        self.state.troubles.heal(&shown, batch);
    }

    fn read_run(&mut self, batch: &mut Batch, run: &mut RunDelta) -> Result<(), Anew> {
        let Some((text, stamp)) = self.changed(0, batch) else { return Ok(()) };
        let record = match Record::parse(&text, unix_now()) {
            Ok(record) => record,
            Err(why) => {
                self.odd(0, stamp, &why, batch);
                return Ok(());
            }
        };
        if self.state.start.is_some_and(|start| start != record.start) {
            return Err(Anew);
        }
        self.state.start = Some(record.start);
        let Record { mut head, tags, .. } = record;
        let was_running = std::mem::replace(&mut self.state.running, head.status == Some(Status::Running));
        // That it no longer beats is news only of a run that did.
        head.status = head.status.filter(|s| *s != Status::Unknown || was_running);
        // Mostly nothing but the time of the heartbeat is new.
        let sum = crc32c::crc32c(format!("{head:?}{tags:?}").as_bytes());
        if self.state.record.replace(sum) != Some(sum) {
            (run.head, run.tags) = (head, tags);
        }
        // Artifacts lie beside the record and the configuration, which may hold secrets: they are not offered.
        self.read_well(0, stamp, batch);
        Ok(())
    }

    fn read_config(&mut self, batch: &mut Batch, run: &mut RunDelta) -> Result<(), Anew> {
        let Some((text, stamp)) = self.changed(1, batch) else { return Ok(()) };
        let config = match lenient::parse(&text) {
            Ok(Value::Object(config)) => config,
            Ok(_) => {
                self.odd(1, stamp, "it holds no object", batch);
                return Ok(());
            }
            Err(e) => {
                self.odd(1, stamp, &e.to_string(), batch);
                return Ok(());
            }
        };
        // Nobody writes a configuration twice; what an earlier one had alone can only be taken back with all else.
        let sum = crc32c::crc32c(&text);
        if self.state.config.is_some_and(|config| config != sum) {
            return Err(Anew);
        }
        self.state.config = Some(sum);
        run.params = json_params::of_object(&config);
        self.read_well(1, stamp, batch);
        Ok(())
    }

    fn read_metrics(&mut self, batch: &mut Batch, run: &mut RunDelta) {
        let Some((text, stamp)) = self.changed(2, batch) else { return };
        match Curves::of_metrics(&text) {
            Ok(curves) => {
                let before: Vec<String> = self.state.metrics.names().cloned().collect();
                let mut known = std::mem::take(&mut self.state.metrics);
                self.tell_curves(2, curves, &mut known, batch, run);
                // What stands here is not told of info.json too.
                if !known.names().eq(before.iter()) {
                    self.state.stamps[3] = Stamp::default();
                }
                self.state.metrics = known;
                self.read_well(2, stamp, batch);
            }
            Err(e) => self.odd(2, stamp, &e.to_string(), batch),
        }
    }

    fn read_info(&mut self, batch: &mut Batch, run: &mut RunDelta) {
        let Some((text, stamp)) = self.changed(3, batch) else { return };
        match Curves::of_info(&text, |name| self.state.metrics.has(name)) {
            Ok(curves) => {
                let mut known = std::mem::take(&mut self.state.info);
                self.tell_curves(3, curves, &mut known, batch, run);
                self.state.info = known;
                self.read_well(3, stamp, batch);
            }
            Err(e) => self.odd(3, stamp, &e.to_string(), batch),
        }
    }

    /// Hands on the points that are new; all of the file's if some that were told are no longer there.
    fn tell_curves(
        &mut self,
        file: usize,
        curves: Curves,
        known: &mut ToldCurves,
        batch: &mut Batch,
        run: &mut RunDelta,
    ) {
        let shown = self.shown(FILES[file]);
        self.state.troubles.replaced(&shown, batch);
        let lost =
            |why| Trouble { offset: 0, kind: ProblemKind::Malformed, message: format!("{why}; the rest is lost.") };
        self.state.troubles.lines(&shown, curves.odd.into_iter().map(lost).collect(), batch);
        let reset = !known.hold(&curves.metrics);
        if reset {
            known.clear();
            let part = FILES[file].to_owned();
            run.series.push(SeriesDelta { part, reset, ..SeriesDelta::default() });
        }
        for (metric, points) in known.news(curves.metrics) {
            batch.n_points += points.len() as u64;
            run.series.push(SeriesDelta { metric, part: FILES[file].to_owned(), points, reset });
        }
    }

    /// Tells what is new, or everything `anew`, file by file until the budget is spent.
    fn tell(&mut self, anew: bool, budget: usize, batch: &mut Batch) -> Result<Progress, Anew> {
        let mut run = RunDelta { reset: anew, ..RunDelta::default() };
        if anew {
            self.state.troubles.forget(batch);
            self.state = State::default();
        }
        let begin = batch.bytes_read;
        let mut progress = Progress::CaughtUp;
        for file in std::mem::take(&mut self.state.next)..FILES.len() {
            let spent = batch.bytes_read - begin;
            if spent > 0 && spent >= budget as u64 {
                self.state.next = file;
                progress = Progress::More;
                break;
            }
            match file {
                0 => self.read_run(batch, &mut run)?,
                1 => self.read_config(batch, &mut run)?,
                2 => self.read_metrics(batch, &mut run),
                _ => self.read_info(batch, &mut run),
            }
        }
        let has_news =
            run.head != RunHead::default() || !(run.params.is_empty() && run.tags.is_empty() && run.series.is_empty());
        if has_news && !self.state.told {
            self.state.told = true;
            // Sacred's own viewers call a run by its id, which is the folder's name.
            let name = self.spec.rel.file_name().or_else(|| self.spec.project.file_name());
            run.head.name = name.map(|n| place::clean_name(n.as_encoded_bytes()));
        }
        if has_news || run.reset {
            batch.runs.push(run);
        }
        Ok(progress)
    }
}

impl Reader for RunDir {
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        let anew = std::mem::take(&mut self.must_reset);
        anew::told(anew, batch, |anew, batch| self.tell(anew, budget_bytes, batch))
    }

    fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(&self.state).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        vec![self.dir.clone()]
    }
}
