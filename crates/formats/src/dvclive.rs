//! A folder of DVCLive's in the working tree (FORMATS.md section 8; iterative/dvclive, `live.py`, `plots/metric.py`).
//!
//! `plots/metrics/<metric>.tsv` holds a metric's curve and grows with each call; `metrics.json` the last values of all
//! metrics, also of those that were logged without a plot: these are one point, at the step that it names. A new
//! `Live()` deletes what its predecessor left. There is no word for the state of a run. The experiments that DVC keeps
//! in git are not read here.

use std::{
    collections::{BTreeSet, HashSet},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use signalbox_types::{Batch, Cursor, Point, Points, ProblemKind, RunDelta, SeriesDelta};

use crate::{
    Progress, Reader, SourceSpec,
    anew::{self, Anew},
    bounded,
    jsonl::lenient,
    mlflow::keys::{self, Keys},
    place, secret,
    stamp::{Stamp, is_absent},
    table::parts::{PartFile, Parts},
    text::number,
    trouble::Troubles,
    yaml::{self, YamlError},
};

pub(crate) const SUMMARY: &str = "metrics.json";
/// Below the folder.
pub(crate) const PLOTS: &str = "plots/metrics";
pub(crate) const PARAMS: &str = "params.yaml";
/// The name of the folder when nobody gave it another.
pub(crate) const DEFAULT_DIR: &str = "dvclive";

/// Larger summaries are not read: they are a number for each metric.
pub(crate) const MAX_SUMMARY: u64 = 4 << 20;
/// So many metrics of one run are read.
pub(crate) const MAX_METRICS: usize = 10_000;

#[derive(Default, Serialize, Deserialize)]
struct State {
    /// The run was told of.
    #[serde(rename = "r")]
    told: bool,
    /// What was told before is not so any more, and nothing was told since.
    #[serde(rename = "d", default)]
    reset_due: bool,
    #[serde(rename = "s")]
    summary: Stamp,
    /// Checksums of the names of the tables when the summary was read, and of the points that it told.
    #[serde(rename = "n")]
    tables: u32,
    #[serde(rename = "l")]
    last_values: Option<u32>,
    #[serde(rename = "y")]
    params: Stamp,
    /// Checksums of the names of parameters that were told.
    #[serde(rename = "k")]
    names: BTreeSet<u32>,
    #[serde(rename = "p")]
    parts: Parts,
    #[serde(rename = "x")]
    troubles: Troubles,
}

/// Reads one folder.
pub(crate) struct Live {
    spec: SourceSpec,
    dir: PathBuf,
    state: State,
    /// Directories of tables that were walked last.
    dirs: Vec<PathBuf>,
    /// There is a cursor that cannot be understood: what was told before is not known, and is told anew.
    must_reset: bool,
}

impl Live {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let saved = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        let must_reset = cursor.is_some() && saved.is_none();
        Self { dir: spec.path(), spec: spec.clone(), state: saved.unwrap_or_default(), dirs: Vec::new(), must_reset }
    }

    fn shown(&self, name: &str) -> String {
        place::shown(&self.spec.rel.join(name))
    }

    /// The stamp of a file, if it is another one than `known`.
    fn changed(&self, name: &str, known: Stamp) -> io::Result<Option<Stamp>> {
        let stamp = place::stamp_inside(&[&self.spec.project, &self.dir], &self.dir.join(name))?;
        Ok(stamp.filter(|stamp| *stamp != known))
    }

    /// The curves' tables, by name.
    fn tables(&mut self) -> io::Result<Vec<PartFile>> {
        let top = self.dir.join(PLOTS);
        let real = top.canonicalize();
        let is_inside =
            |root: &Path| matches!((&real, root.canonicalize()), (Ok(real), Ok(root)) if real.starts_with(&root));
        let keys = match is_inside(&self.dir) || is_inside(&self.spec.project) {
            true => keys::walk(&self.spec.project, &top)?,
            false => Keys::default(),
        };
        self.dirs = keys.dirs;
        let tables = keys.files.into_iter().filter(|file| file.key.ends_with(".tsv")).take(MAX_METRICS);
        let part = |file: keys::KeyFile| PartFile {
            name: format!("{PLOTS}/{}", file.key),
            path: file.path,
            stamp: file.stamp,
        };
        Ok(tables.map(part).collect())
    }

    fn read_params(&mut self, batch: &mut Batch, run: &mut RunDelta) -> Result<(), Anew> {
        let shown = self.shown(PARAMS);
        let stamp = match self.changed(PARAMS, self.state.params) {
            Ok(Some(stamp)) => stamp,
            Ok(None) => return Ok(()),
            Err(e) => {
                self.fail(shown, ProblemKind::Unreadable, "parameters", &e.to_string(), batch);
                return Ok(());
            }
        };
        match yaml::read_mapping(&self.dir.join(PARAMS), &mut batch.bytes_read) {
            Ok(mapping) => {
                let mut params = yaml::params(mapping);
                params.retain(|(name, value)| !secret::is_secret(name, &value.text()));
                let names: BTreeSet<u32> = params.iter().map(|(name, _)| crc32c::crc32c(name.as_bytes())).collect();
                // Half of a file may be a whole one, with a parameter that nobody has.
                if !self.state.names.is_subset(&names) {
                    return Err(Anew);
                }
                self.state.names = names;
                self.state.params = stamp;
                self.state.troubles.heal(&shown, batch);
                run.params = params;
            }
            // Created, not yet written.
            Err(YamlError::Empty) => {}
            Err(YamlError::Io(e)) if is_absent(&e) => {}
            Err(YamlError::Malformed(_) | YamlError::NoMapping) if stamp.is_young() => {}
            Err(e) => {
                self.state.params = stamp;
                self.fail(shown, e.kind(), "parameters", &e.to_string(), batch);
            }
        }
        Ok(())
    }

    /// The last values of metrics that have no table, as one point each.
    fn read_summary(&mut self, tables: &[PartFile], batch: &mut Batch, run: &mut RunDelta) {
        let shown = self.shown(SUMMARY);
        let names = tables.iter().fold(0, |sum, table| crc32c::crc32c_append(sum, table.name.as_bytes()));
        let known = if names == self.state.tables { self.state.summary } else { Stamp::default() };
        let stamp = match self.changed(SUMMARY, known) {
            // Truncated, and not written yet.
            Ok(Some(stamp)) if stamp.len > 0 => stamp,
            Ok(_) => return,
            Err(e) => return self.fail(shown, ProblemKind::Unreadable, "last values", &e.to_string(), batch),
        };
        let read = match bounded::read(&self.dir.join(SUMMARY), MAX_SUMMARY + 1, &mut batch.bytes_read) {
            Ok(text) if text.len() as u64 > MAX_SUMMARY => {
                self.state.summary = stamp;
                let why = "the file is larger than 4 MiB (a limit of Signalbox)";
                return self.fail(shown, ProblemKind::TooLarge, "last values", why, batch);
            }
            Ok(text) => lenient::parse(&text),
            Err(e) if is_absent(&e) => return,
            Err(e) => return self.fail(shown, ProblemKind::Unreadable, "last values", &e.to_string(), batch),
        };
        let summary = match read {
            Ok(Value::Object(summary)) => summary,
            Err(_) if stamp.is_young() => return,
            odd => {
                self.state.summary = stamp;
                let why = odd.map_or_else(|e| e.to_string(), |_| "it holds no object".to_owned());
                return self.fail(shown, ProblemKind::Malformed, "last values", &why, batch);
            }
        };
        (self.state.summary, self.state.tables) = (stamp, names);
        self.state.troubles.heal(&shown, batch);
        self.tell_last_values(&summary, tables, batch, run);
    }

    fn tell_last_values(
        &mut self,
        summary: &Map<String, Value>,
        tables: &[PartFile],
        batch: &mut Batch,
        run: &mut RunDelta,
    ) {
        let names: HashSet<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        let has_table = |metric: &str| names.contains(format!("{PLOTS}/{metric}.tsv").as_str());
        let (step, values) = last_values(summary, has_table);
        let sum = values.iter().fold(crc32c::crc32c(&step.to_le_bytes()), |sum, (metric, value)| {
            crc32c::crc32c_append(crc32c::crc32c_append(sum, metric.as_bytes()), &value.to_bits().to_le_bytes())
        });
        let sum = Some(sum).filter(|_| !values.is_empty());
        if sum == self.state.last_values {
            return;
        }
        let reset = std::mem::replace(&mut self.state.last_values, sum).is_some();
        let part = || SUMMARY.to_owned();
        if reset && values.is_empty() {
            run.series.push(SeriesDelta { part: part(), reset, ..SeriesDelta::default() });
        }
        batch.n_points += values.len() as u64;
        for (metric, value) in values {
            let points = Points::from_iter([Point { step, time: f64::NAN, value }]);
            run.series.push(SeriesDelta { metric, part: part(), points, reset });
        }
    }

    fn fail(&mut self, path: String, kind: ProblemKind, what: &str, why: &str, batch: &mut Batch) {
        let message = format!("The run's {what} cannot be read: {why}. What was read of them before is kept.");
        self.state.troubles.file(path, kind, message, batch);
    }

    /// Tells what is new, or everything `anew`.
    fn tell(&mut self, anew: bool, budget: usize, batch: &mut Batch) -> Result<Progress, Anew> {
        if anew {
            let mut parts = std::mem::take(&mut self.state.parts);
            parts.restart(self.spec.format);
            self.state.troubles.forget(batch);
            self.state = State { parts, reset_due: true, ..State::default() };
        }
        let mut run = RunDelta { reset: self.state.reset_due, ..RunDelta::default() };
        let shown = self.shown(PLOTS);
        let tables = match self.tables() {
            Ok(tables) => tables,
            Err(e) => {
                self.fail(shown, ProblemKind::Unreadable, "curves", &e.to_string(), batch);
                return Ok(Progress::CaughtUp);
            }
        };
        self.state.troubles.heal(&shown, batch);
        if self.state.parts.lost(&tables) {
            return Err(Anew);
        }
        self.read_params(batch, &mut run)?;
        self.read_summary(&tables, batch, &mut run);
        let State { parts, troubles, .. } = &mut self.state;
        let (progress, series) = parts.read(&self.spec, &tables, budget, adapt, troubles, batch)?;
        run.series.extend(series);
        let has_news = !(run.params.is_empty() && run.series.is_empty());
        if has_news && !self.state.told {
            self.state.told = true;
            run.head.name = Some(place::run_name(&self.spec.project, &self.spec.rel, DEFAULT_DIR));
        }
        if has_news || run.reset {
            self.state.reset_due = false;
            batch.runs.push(run);
        }
        Ok(progress)
    }
}

/// A metric's name is the path of its table; the column has the last part of it (the whole name before 2.0).
fn adapt(file: &PartFile, series: &mut SeriesDelta) {
    let path = file.name.strip_prefix(PLOTS).unwrap_or(&file.name).trim_start_matches('/');
    series.metric = metric_name(path.strip_suffix(".tsv").unwrap_or(path), &series.metric);
}

/// What a column of the table of `metric` is called.
pub(crate) fn metric_name(metric: &str, column: &str) -> String {
    let is_own = column == metric || metric.rsplit('/').next() == Some(column);
    if is_own { metric.to_owned() } else { format!("{metric}/{column}") }
}

/// The step that a summary names, and the values in it of metrics that have no table.
pub(crate) fn last_values(summary: &Map<String, Value>, has_table: impl Fn(&str) -> bool) -> (i64, Vec<(String, f64)>) {
    let step = summary.get("step").and_then(|s| s.as_i64().or_else(|| s.as_f64().and_then(number::whole)));
    let mut values = Vec::new();
    flatten("", summary, &mut values);
    values.retain(|(metric, _)| metric != "step" && !has_table(metric));
    (step.unwrap_or(0), values)
}

/// Numbers by name, nested ones under `outer/inner`. What is not finite DVCLive writes as text.
fn flatten(prefix: &str, object: &Map<String, Value>, out: &mut Vec<(String, f64)>) {
    for (key, value) in object {
        if out.len() >= MAX_METRICS {
            return;
        }
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}/{key}") };
        let name = place::clean_name(name.as_bytes());
        match value {
            // Depth is bounded by the parser.
            Value::Object(inner) => flatten(&name, inner, out),
            Value::String(text) if matches!(text.as_str(), "nan" | "inf" | "-inf") => {
                out.extend(text.parse().ok().map(|value| (name, value)));
            }
            other => out.extend(lenient::number(other).map(|value| (name, value))),
        }
    }
}

impl Reader for Live {
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        let anew = std::mem::take(&mut self.must_reset);
        anew::told(anew, batch, |anew, batch| self.tell(anew, budget_bytes, batch))
    }

    fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(&self.state).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        let plots = Some(self.dir.join("plots")).filter(|dir| dir.is_dir());
        [self.dir.clone()].into_iter().chain(plots).chain(self.dirs.iter().cloned()).collect()
    }
}
