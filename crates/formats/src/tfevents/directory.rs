//! The reader of a run: every event file of one directory, each tailed on its own.
//!
//! All of them, not only the newest, for two processes may write into one directory at once. A file that is
//! deleted keeps its points; one that is replaced by another of its name loses them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Cursor, Points, Problem, ProblemKind, RunDelta, SeriesDelta};

use super::file::{Context, EventFile};
use super::names::{is_event_file, part_name, writer_pid};
use super::news::News;
use super::tags::{Kind, Tags};
use super::take::PLUGINS_TAG;
use crate::place::shown;
use crate::stamp::{Stamp, is_absent};
use crate::{Progress, Reader, SourceSpec};

/// The cursor's layout; another number means "read anew".
const VERSION: u32 = 2;

/// Reads the event files of one directory.
#[derive(Debug)]
pub struct EventDirectory {
    directory: PathBuf,
    rel: PathBuf,
    our_host: String,
    tags: Tags,
    parts: BTreeMap<String, Part>,
    /// What has been told of the run as a whole.
    told: Facts,
    /// Nothing has been told of this run yet.
    is_new: bool,
    /// What was told before is not to be built on: the cursor was not understood.
    must_reset: bool,
    /// The directory itself could not be listed, which has been told.
    is_shut: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Part {
    file: EventFile,
    /// As the file was when everything in it had been read; `None` while there is more.
    read_up_to: Option<Stamp>,
    /// The file could not be opened or read, which has been told.
    is_shut: bool,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    v: u32,
    tags: Vec<(String, Kind)>,
    parts: BTreeMap<String, Part>,
    is_shut: bool,
}

/// What all parts together say of the run.
#[derive(Debug, Default, PartialEq)]
struct Facts {
    started: Option<f64>,
    pid: Option<u32>,
    plugins: String,
}

impl EventDirectory {
    /// `our_host` is this machine's name: a writer's process id means something only here.
    pub fn open(spec: &SourceSpec, cursor: Option<&Cursor>, our_host: &str) -> Self {
        let told = cursor.filter(|c| !c.0.is_empty());
        let saved = told.and_then(|c| serde_json::from_str::<Saved>(&c.0).ok()).filter(Saved::is_sound);
        let must_reset = told.is_some() && saved.is_none();
        let is_new = saved.is_none();
        let saved = saved.unwrap_or_else(|| Saved { v: VERSION, tags: vec![], parts: BTreeMap::new(), is_shut: false });
        let mut reader = Self {
            directory: spec.path(),
            rel: spec.rel.clone(),
            our_host: our_host.to_string(),
            tags: Tags::from_saved(saved.tags),
            parts: saved.parts,
            told: Facts::default(),
            is_new,
            must_reset,
            is_shut: saved.is_shut,
        };
        reader.told = reader.facts();
        reader
    }

    /// The event files there are, by part; `None` when the directory cannot be listed.
    fn list(&mut self, news: &mut News) -> Option<BTreeMap<String, OsString>> {
        let path = shown(&self.rel);
        let listed = fs::read_dir(&self.directory).and_then(|entries| {
            let mut files = BTreeMap::new();
            for entry in entries {
                let name = entry?.file_name();
                if is_event_file(&name, false) {
                    files.insert(part_name(&name), name);
                }
            }
            Ok(files)
        });
        match listed {
            Ok(files) => {
                if std::mem::take(&mut self.is_shut) {
                    news.heal(&path);
                }
                Some(files)
            }
            Err(e) => {
                if !is_absent(&e) && !std::mem::replace(&mut self.is_shut, true) {
                    news.problems.push(unreadable(path, "The folder", &e));
                }
                None
            }
        }
    }

    /// Reads one part on. An error is what the system said, told by the caller.
    fn read_part(
        &mut self,
        part: &str,
        path: &Path,
        shown: &str,
        budget: &mut usize,
        news: &mut News,
    ) -> io::Result<Progress> {
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() {
            return Ok(Progress::CaughtUp);
        }
        let state = self.parts.entry(part.to_string()).or_default();
        if state.read_up_to == Some(Stamp::of_metadata(&metadata)) {
            return Ok(Progress::CaughtUp);
        }
        if *budget == 0 {
            return Ok(Progress::More);
        }
        let mut src = File::open(path)?;
        let stamp = Stamp::of_metadata(&src.metadata()?);
        if std::mem::take(&mut state.is_shut) {
            state.file.told_again(shown, news);
        }
        if !state.file.is_same(&mut src, stamp.len)? {
            self.forget(part, shown, news);
        }
        let state = self.parts.entry(part.to_string()).or_default();
        let mut cx = Context { part, path: shown, tags: &mut self.tags, news };
        let progress = state.file.read(&mut src, stamp.len, budget, &mut cx)?;
        state.read_up_to = (progress == Progress::CaughtUp).then_some(stamp);
        Ok(progress)
    }

    /// Another file has taken a part's name. When it is the run's only one, the run begins anew; otherwise the
    /// points of this part go, and what others say stays.
    fn forget(&mut self, part: &str, shown: &str, news: &mut News) {
        let Some(old) = self.parts.remove(part) else { return };
        if old.file.has_problems() {
            news.heal(shown);
        }
        if self.parts.is_empty() {
            self.tags = Tags::default();
            self.told = Facts::default();
            news.delta = RunDelta { reset: true, ..RunDelta::default() };
            return;
        }
        news.delta.media_reset.push(part.to_string());
        news.delta.series.extend(old.file.tags.iter().map(|&id| SeriesDelta {
            metric: self.tags.name(id as usize).to_string(),
            part: part.to_string(),
            points: Points::default(),
            reset: true,
        }));
    }

    fn tell_facts(&mut self, news: &mut News) {
        let now = self.facts();
        if now.started != self.told.started {
            news.delta.head.started = now.started;
        }
        if now.pid != self.told.pid {
            news.delta.head.pid = now.pid;
        }
        if now.plugins != self.told.plugins {
            news.delta.tags.push((PLUGINS_TAG.to_string(), now.plugins.clone()));
        }
        self.told = now;
    }

    fn facts(&self) -> Facts {
        let files = || self.parts.values().map(|p| &p.file);
        let first_time = files().filter_map(|f| f.first_time).min_by(f64::total_cmp);
        let mut plugins = BTreeMap::<&str, u64>::new();
        for (plugin, n) in files().flat_map(|f| &f.plugins) {
            *plugins.entry(plugin).or_default() += n;
        }
        let plugins: Vec<_> = plugins.iter().map(|(plugin, n)| format!("{plugin} {n}")).collect();
        Facts {
            started: files().find_map(|f| f.said_start).or(first_time),
            pid: self.parts.keys().rev().find_map(|part| writer_pid(part, &self.our_host)),
            plugins: plugins.join(", "),
        }
    }
}

impl Reader for EventDirectory {
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        let mut budget = budget_bytes.max(1);
        let mut news = News::default();
        let Some(files) = self.list(&mut news) else {
            news.hand_on(batch, false);
            return Progress::CaughtUp;
        };
        if std::mem::take(&mut self.must_reset) {
            news.delta.reset = true;
        }
        let mut progress = Progress::CaughtUp;
        for (part, name) in files {
            let shown = shown(&self.rel.join(&name));
            let path = self.directory.join(&name);
            match self.read_part(&part, &path, &shown, &mut budget, &mut news) {
                Ok(Progress::CaughtUp) => {}
                Ok(Progress::More) => {
                    progress = Progress::More;
                    break;
                }
                Err(e) if is_absent(&e) => {}
                Err(e) => {
                    let state = self.parts.entry(part).or_default();
                    if !std::mem::replace(&mut state.is_shut, true) {
                        news.problems.push(unreadable(shown, "The file", &e));
                    }
                }
            }
        }
        self.tell_facts(&mut news);
        news.hand_on(batch, std::mem::take(&mut self.is_new));
        progress
    }

    fn cursor(&self) -> Cursor {
        if self.is_new {
            return Cursor::default();
        }
        let (tags, parts) = (self.tags.to_saved(), self.parts.clone());
        let saved = Saved { v: VERSION, tags, parts, is_shut: self.is_shut };
        Cursor(serde_json::to_string(&saved).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        vec![self.directory.clone()]
    }
}

impl Saved {
    fn is_sound(&self) -> bool {
        self.v == VERSION && self.parts.values().all(|p| p.file.is_sound(self.tags.len()))
    }
}

fn unreadable(path: String, what: &str, e: &io::Error) -> Problem {
    let message = format!("{what} could not be read: {e}. Its records appear once it can.");
    Problem { path, offset: None, kind: ProblemKind::Unreadable, message }
}
