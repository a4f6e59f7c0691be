//! Hydra: what a run was asked to do, of `.hydra/` in its directory; of a sweep also its runs (FORMATS.md section 12).
//!
//! A source is a run's directory, or a sweep's: that has `multirun.yaml`, a run for the sweep and one for each
//! `<num>/.hydra`. Hydra writes these files before the user's code starts, and tells no curves and no end. What the
//! code logs beside them is told by sources of its own. `hydra.yaml` is full of the machine's paths and may name its
//! environment: only the few values that are named here are taken of it. The dates in directories' names are local
//! times of an unknown zone, and no moments.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_norway::{Mapping, Value};
use signalbox_types::{Batch, Cursor, ParamValue, ProblemKind, RunDelta};

use crate::{
    Progress, Reader, SourceSpec, place, secret,
    stamp::Stamp,
    trouble::Troubles,
    yaml::{self, YamlError},
};

/// Where Hydra keeps its own files in a run's directory.
pub(crate) const OWN: &str = ".hydra";
/// What a sweep was asked to do, in its directory; also the key of the sweep's own run, as no directory can have its name.
pub(crate) const SWEEP: &str = "multirun.yaml";
const CONFIG: &str = "config.yaml";
const OVERRIDES: &str = "overrides.yaml";
const HYDRA: &str = "hydra.yaml";
/// So many runs of one sweep are told.
const MAX_RUNS: usize = 10_000;
/// So many of them are watched; the others are looked at when something else of the sweep changes.
const MAX_WATCHED: usize = 1_000;
/// Nobody has more groups of configuration.
const MAX_CHOICES: usize = 1_000;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    /// By key: a checksum of what `stat` said of the run's files when it was told.
    #[serde(rename = "r")]
    told: BTreeMap<String, u32>,
    #[serde(rename = "x")]
    troubles: Troubles,
    /// What was told before is not known: each run begins with a reset.
    #[serde(rename = "a", default)]
    anew: bool,
}

/// Reads one run's directory, or one sweep's.
pub(crate) struct HydraDir {
    spec: SourceSpec,
    state: State,
}

/// A run, and where its files are.
struct Place {
    key: String,
    /// Of the directory that holds `.hydra` or `multirun.yaml`, below the project's root.
    rel: PathBuf,
}

/// What Hydra's own configuration says.
#[derive(Default)]
struct About {
    job: Option<String>,
    override_dirname: Option<String>,
    choices: Vec<(String, String)>,
    /// Of a sweep, which has no `overrides.yaml`.
    overrides: Vec<String>,
}

/// Whether a directory is a run's: `.hydra/config.yaml` is there, and neither is a link, which Hydra never makes.
pub(crate) fn is_run(dir: &Path) -> bool {
    place::is_real_dir(&dir.join(OWN)) && place::is_real_file(&dir.join(OWN).join(CONFIG))
}

/// Whether a directory may be a sweep's, by the names in it.
pub(crate) fn is_sweep(dir: &Path) -> bool {
    place::is_real_file(&dir.join(SWEEP)) && !is_run(dir)
}

impl HydraDir {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let saved = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        let state = saved.unwrap_or_else(|| State { anew: cursor.is_some(), ..State::default() });
        Self { spec: spec.clone(), state }
    }

    /// The runs that are there, and whether there are more of them than are told. Nothing where the directory is none
    /// of Hydra's (any more), or cannot be looked into.
    fn places(&self) -> Option<(Vec<Place>, bool)> {
        let dir = self.spec.path();
        if is_run(&dir) {
            return Some((vec![Place { key: String::new(), rel: self.spec.rel.clone() }], false));
        }
        if !place::is_real_file(&dir.join(SWEEP)) {
            return None;
        }
        let mut names = sub_directories(&dir).ok()?;
        names.retain(|name| is_run(&dir.join(name)));
        let is_more = names.len() > MAX_RUNS;
        names.truncate(MAX_RUNS);
        let sweep = Place { key: SWEEP.to_owned(), rel: self.spec.rel.clone() };
        let runs = names.into_iter().map(|name| Place { rel: self.spec.rel.join(&name), key: name });
        Some((std::iter::once(sweep).chain(runs).collect(), is_more))
    }

    /// A file's YAML; `None` if there is none or it is being written. That it makes no sense is said.
    fn yaml(&mut self, rel: &Path, what: &str, batch: &mut Batch) -> Result<Option<Value>, YamlError> {
        let path = self.spec.project.join(rel);
        let shown = place::shown(rel);
        if !place::is_real_file(&path) {
            self.state.troubles.heal(&shown, batch);
            return Ok(None);
        }
        match yaml::read_value(&path, &mut batch.bytes_read) {
            Ok(value) => {
                self.state.troubles.heal(&shown, batch);
                Ok(Some(value))
            }
            Err(YamlError::Empty) => Ok(None),
            Err(e) => {
                let message = format!("{what} cannot be read: {e}.");
                self.state.troubles.file(shown, e.kind(), message, batch);
                Err(e)
            }
        }
    }

    /// `None`: nothing (new) can be said of it now.
    fn tell(&mut self, place: &Place, batch: &mut Batch) -> Option<RunDelta> {
        let is_known = self.state.told.contains_key(&place.key);
        let mut run = RunDelta { key: place.key.clone(), reset: is_known || self.state.anew, ..RunDelta::default() };
        let is_sweep = place.key == SWEEP;
        let mut overrides = Vec::new();
        let about = if is_sweep {
            let about = self.about(&place.rel.join(SWEEP), "What the sweep was asked to do", batch);
            overrides.clone_from(&about.overrides);
            about
        } else {
            let own = place.rel.join(OWN);
            match self.yaml(&own.join(CONFIG), "The run's parameters", batch) {
                Ok(Some(Value::Mapping(config))) => {
                    let is_open = |(name, value): &(String, ParamValue)| !secret::is_secret(name, &value.text());
                    run.params = yaml::params(config).into_iter().filter(is_open).collect();
                }
                // OmegaConf writes an empty list where there is no configuration at all.
                Ok(Some(_)) => {}
                // Being written; what was told stays.
                Ok(None) => return None,
                Err(_) if is_known => return None,
                Err(_) => {}
            }
            if let Ok(Some(Value::Sequence(list))) = self.yaml(&own.join(OVERRIDES), "The run's overrides", batch) {
                overrides = strings(&list);
            }
            self.about(&own.join(HYDRA), "What Hydra says of the run", batch)
        };
        self.name(place, &about, &overrides, &mut run);
        let is_open = |text: &&String| !is_secret_override(text);
        let told: Vec<&str> = overrides.iter().filter(is_open).map(String::as_str).collect();
        let mut tags = vec![("hydra.overrides".to_owned(), yaml::cut_text(clean(&told.join(" "))))];
        tags.extend(about.job.map(|job| ("hydra.job".to_owned(), job)));
        tags.extend(about.choices.into_iter().map(|(group, choice)| (format!("hydra.choices.{group}"), choice)));
        run.tags = tags.into_iter().filter(|(name, text)| !text.is_empty() && !secret::is_secret(name, text)).collect();
        Some(run)
    }

    /// A sweep's run by its place in the sweep, any other by what was different, or by its directory.
    fn name(&self, place: &Place, about: &About, overrides: &[String], run: &mut RunDelta) {
        let project = &self.spec.project;
        let is_of_sweep = !place.key.is_empty() && place.key != SWEEP;
        let hides =
            |name: &&String| overrides.iter().any(|o| is_secret_override(o)) || name.split(',').any(is_secret_override);
        let dirname = about.override_dirname.as_ref().filter(|name| !hides(name));
        run.head.name = Some(match dirname {
            _ if is_of_sweep => {
                let name = format!("{}/{}", place::run_name(project, &self.spec.rel, ""), place.key);
                place::clean_name(name.as_bytes())
            }
            Some(name) => place::clean_name(name.as_bytes()),
            None => place::run_name(project, &place.rel, ""),
        });
        run.head.parent = is_of_sweep.then(|| SWEEP.to_owned());
        run.head.experiment.clone_from(&about.job);
    }

    /// What Hydra's own configuration says, without the machine's paths and environment.
    fn about(&mut self, rel: &Path, what: &str, batch: &mut Batch) -> About {
        let Ok(Some(Value::Mapping(all))) = self.yaml(rel, what, batch) else { return About::default() };
        let Some(hydra) = all.get("hydra").and_then(Value::as_mapping) else { return About::default() };
        let mapping = |of: &Mapping, key: &str| of.get(key).and_then(Value::as_mapping).cloned().unwrap_or_default();
        let job = mapping(hydra, "job");
        let named = |key: &str| yaml::text(&job, key).filter(|text| is_resolved(text)).map(|text| clean(&text));
        let choices = mapping(&mapping(hydra, "runtime"), "choices");
        let choice = |(group, choice): (&Value, &Value)| {
            // Hydra's own groups say how it runs, not what: its logging, its help.
            let group = group.as_str().filter(|group| !group.starts_with("hydra/"))?;
            Some((clean(group), clean(choice.as_str()?)))
        };
        let task = mapping(hydra, "overrides").get("task").and_then(Value::as_sequence).cloned();
        About {
            job: named("name"),
            override_dirname: named("override_dirname"),
            choices: choices.iter().filter_map(choice).take(MAX_CHOICES).collect(),
            overrides: strings(&task.unwrap_or_default()),
        }
    }
}

impl Reader for HydraDir {
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        // Not there yet, or no more: whoever walks the project notices when it stays so.
        let Some((places, is_more)) = self.places() else { return Progress::CaughtUp };
        let before = batch.bytes_read;
        let budget = u64::try_from(budget_bytes).unwrap_or(u64::MAX).max(1);
        for place in &places {
            let sum = stamps(&self.spec.project, place);
            if self.state.told.get(&place.key) == Some(&sum) {
                continue;
            }
            if batch.bytes_read - before >= budget {
                return Progress::More;
            }
            if let Some(run) = self.tell(place, batch) {
                self.state.told.insert(place.key.clone(), sum);
                batch.runs.push(run);
            } else if let Some(told) = self.state.told.get_mut(&place.key)
                && !is_empty(&self.spec.project, place)
            {
                // What makes no sense is not read again until it changes.
                *told = sum;
            }
        }
        let present: BTreeSet<&String> = places.iter().map(|place| &place.key).collect();
        batch.gone.extend(self.state.told.keys().filter(|key| !present.contains(key)).cloned());
        self.state.told.retain(|key, _| present.contains(key));
        let sweep = place::shown(&self.spec.rel.join(SWEEP));
        if is_more {
            let message =
                format!("A sweep of more than {MAX_RUNS} runs (a limit of Signalbox); the rest is not shown.");
            self.state.troubles.file(sweep, ProblemKind::TooLarge, message, batch);
        }
        self.state.anew = false;
        Progress::CaughtUp
    }

    fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(&self.state).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        let dir = self.spec.path();
        if is_run(&dir) || !place::is_real_file(&dir.join(SWEEP)) {
            return vec![dir.join(OWN)];
        }
        // The latest are those that change. Once a run is there, its logs are no news of ours.
        let names = sub_directories(&dir).unwrap_or_default();
        let own = names.iter().rev().take(MAX_WATCHED).map(|name| {
            let run = dir.join(name);
            let own = run.join(OWN);
            if place::is_real_dir(&own) { own } else { run }
        });
        std::iter::once(dir.clone()).chain(own).collect()
    }
}

/// Names of the directories in a sweep's, numbers first and in order. Links and hidden ones are left out.
fn sub_directories(dir: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(dir)?.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
    let names = names.filter_map(|e| e.file_name().into_string().ok()).filter(|name| !name.starts_with('.'));
    let mut names: Vec<String> = names.collect();
    names.sort_by_cached_key(|name| (name.parse::<u64>().unwrap_or(u64::MAX), name.clone()));
    Ok(names)
}

fn files(place: &Place) -> Vec<PathBuf> {
    match place.key == SWEEP {
        true => vec![place.rel.join(SWEEP)],
        false => [CONFIG, OVERRIDES, HYDRA].iter().map(|name| place.rel.join(OWN).join(name)).collect(),
    }
}

/// A checksum of what `stat` says of a run's files.
fn stamps(project: &Path, place: &Place) -> u32 {
    files(place).iter().fold(0, |sum, rel| {
        let stamp = stamp(project, rel);
        let sum = crc32c::crc32c_append(sum, &stamp.mtime_ns.to_le_bytes());
        crc32c::crc32c_append(sum, &stamp.len.to_le_bytes())
    })
}

fn stamp(project: &Path, rel: &Path) -> Stamp {
    match fs::symlink_metadata(project.join(rel)) {
        Ok(metadata) if metadata.is_file() => Stamp::of_metadata(&metadata),
        _ => Stamp::default(),
    }
}

/// Whether the first of its files is being written.
fn is_empty(project: &Path, place: &Place) -> bool {
    files(place).first().is_some_and(|rel| stamp(project, rel).len == 0)
}

fn strings(list: &[Value]) -> Vec<String> {
    list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).take(1 << 16).collect()
}

/// `???` is OmegaConf's word for a value that must still be given, `${…}` one that was not looked up.
fn is_resolved(text: &str) -> bool {
    !text.is_empty() && text != "???" && !text.contains("${")
}

/// `+model.api_key=…`, as Hydra's command line writes it.
fn is_secret_override(text: &str) -> bool {
    let (key, value) = text.split_once('=').unwrap_or(("", text));
    secret::is_secret(key.trim_start_matches(['+', '~']), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_among_overrides() {
        for text in ["+wandb.api_key=abc", "hf=hf_abcdefghijklmnop", "~db.password=x", "hf_abcdefghijklmnop"] {
            assert!(is_secret_override(text), "{text}");
        }
        for text in ["lr=0.1", "+extra=hello", "~model", "model=small", ""] {
            assert!(!is_secret_override(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_value_yet() {
        assert!(is_resolved("lr=0.1"));
        assert!(!is_resolved("???") && !is_resolved("${hydra.job.num}") && !is_resolved(""));
    }
}
