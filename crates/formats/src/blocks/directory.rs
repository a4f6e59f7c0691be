//! The reader of a run's directory, `run-<date>_<time>-<id>`, with a file of records `run-<id>.<suffix>` in it and
//! small files around it. What the records mean is each tool's [`Records`].

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use signalbox_types::{Batch, Cursor, MediaItem, ParamValue, Problem, ProblemKind, RunDelta, RunHead, SeriesDelta};

use super::{
    Fault,
    file::{BlockFile, Opened, Preamble},
    side_files::SideFiles,
};
use crate::{
    Progress, Reader, SourceSpec,
    log::news::SeriesSet,
    place,
    stamp::{Stamp, is_absent},
};

/// What a tool's records say together; kept in the cursor.
pub(crate) trait Records: Clone + Default + Send + Serialize + DeserializeOwned {
    const PREAMBLE: Preamble;
    /// What the name of a file of records ends with.
    const SUFFIX: &str;
    /// What the names of the tool's tags begin with.
    const TAGS: &str;

    /// Takes one record of the file; `news.offset` is where it begins.
    fn take(&mut self, record: &[u8], news: &mut News) -> Result<(), Fault>;

    /// Takes what has changed in the files around it. Comes before the records of the same reading.
    fn take_files(&mut self, files: &mut SideFiles, spec: &SourceSpec, news: &mut News, batch: &mut Batch);

    /// The training process if it ran on `our_host`, once.
    fn pid(&mut self, files: &mut SideFiles, spec: &SourceSpec, our_host: &str, batch: &mut Batch) -> Option<u32>;

    /// What is told only when everything that is there was read.
    fn tell_last(&mut self) -> Vec<SeriesDelta> {
        Vec::new()
    }
}

/// What some records or files brought.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub head: RunHead,
    pub series: SeriesSet,
    pub params: Vec<(String, ParamValue)>,
    /// Without the tool's prefix.
    tags: Vec<(&'static str, String)>,
    /// Their part is left to the reader of the file.
    pub media: Vec<MediaItem>,
    /// Where in its file the record begins that is being taken.
    pub offset: u64,
}

impl News {
    /// Adds a tag, unless it is empty.
    pub(crate) fn tag(&mut self, name: &'static str, value: String) {
        if !value.is_empty() {
            self.tags.push((name, value));
        }
    }

    /// Adds what came later, points apart.
    fn add(&mut self, later: News) -> SeriesSet {
        let (old, new) = (std::mem::take(&mut self.head), later.head);
        self.head = RunHead {
            name: new.name.or(old.name),
            status: new.status.or(old.status),
            started: new.started.or(old.started),
            ended: new.ended.or(old.ended),
            experiment: new.experiment.or(old.experiment),
            user: new.user.or(old.user),
            ..RunHead::default()
        };
        self.params.extend(later.params);
        self.tags.extend(later.tags);
        self.media.extend(later.media);
        later.series
    }
}

/// The run's id in a directory's name: `run-<date>_<time>-<id>`, W&B's with `offline-` before it or not.
pub(crate) fn id_of_directory(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("offline-").unwrap_or(name).strip_prefix("run-")?;
    let (stamp, id) = rest.split_at_checked(15)?;
    let is_stamp = stamp.bytes().enumerate().all(|(i, b)| if i == 8 { b == b'_' } else { b.is_ascii_digit() });
    id.strip_prefix('-').filter(|id| is_stamp && !id.is_empty())
}

/// The run's id in the name of a file of records: `run-<id><suffix>`.
pub(crate) fn id_of_file<'n>(name: &'n str, suffix: &str) -> Option<&'n str> {
    name.strip_suffix(suffix)?.strip_prefix("run-").filter(|id| !id.is_empty())
}

/// The cursor's layout; another number means "read anew".
const VERSION: u32 = 2;

#[derive(Clone, Serialize, Deserialize)]
struct State<R> {
    v: u32,
    /// The run was told of.
    #[serde(rename = "t")]
    told: bool,
    /// The file of records, once there is one.
    #[serde(rename = "n")]
    log: Option<String>,
    #[serde(rename = "b")]
    blocks: BlockFile,
    #[serde(rename = "r")]
    run: R,
    #[serde(rename = "f")]
    files: SideFiles,
    /// The file of records cannot be read, which was told.
    #[serde(rename = "x")]
    is_shut: bool,
    #[serde(rename = "a")]
    has_artifacts: bool,
    /// What was told before a cursor that cannot be understood is not known: it is taken back with what comes first.
    #[serde(rename = "d", default)]
    reset_due: bool,
}

impl<R: Records> Default for State<R> {
    fn default() -> Self {
        State {
            v: VERSION,
            told: false,
            log: None,
            blocks: BlockFile::default(),
            run: R::default(),
            files: SideFiles::default(),
            is_shut: false,
            has_artifacts: false,
            reset_due: false,
        }
    }
}

/// Reads one run's directory.
pub(crate) struct RunDirectory<R> {
    spec: SourceSpec,
    dir: PathBuf,
    our_host: String,
    state: State<R>,
}

impl<R: Records> RunDirectory<R> {
    /// `our_host` is this machine's name: a process id means something only here.
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>, our_host: &str) -> Self {
        let saved = cursor.and_then(|c| serde_json::from_str::<State<R>>(&c.0).ok()).filter(|s| s.v == VERSION);
        let reset_due = cursor.is_some() && saved.is_none();
        let state = saved.unwrap_or_else(|| State { reset_due, ..State::default() });
        Self { spec: spec.clone(), dir: spec.path(), our_host: our_host.to_owned(), state }
    }

    /// The file of records: the one that is known, else the one of the run's id, else the first.
    fn find_log(&self) -> Option<String> {
        if let Some(name) = &self.state.log
            && self.dir.join(name).exists()
        {
            return Some(name.clone());
        }
        let names = fs::read_dir(&self.dir).ok()?.filter_map(|e| e.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|n| id_of_file(n, R::SUFFIX).is_some()).collect();
        names.sort();
        let own = id_of_directory(self.dir.file_name()?.to_str()?);
        let i = names.iter().position(|n| id_of_file(n, R::SUFFIX) == own).unwrap_or(0);
        (!names.is_empty()).then(|| names.swap_remove(i))
    }

    fn shown(&self, name: &str) -> String {
        place::shown(&self.spec.rel.join(name))
    }

    /// The file of records if it may have news.
    fn open_log(&self, name: &str) -> io::Result<Option<Opened>> {
        let path = self.dir.join(name);
        let metadata = match fs::metadata(&path) {
            Err(e) if is_absent(&e) => return Ok(None),
            other => other?,
        };
        if !metadata.is_file() || self.state.blocks.is_current(Stamp::of_metadata(&metadata)) {
            return Ok(None);
        }
        if !place::may_follow(&self.spec.project, &path) {
            return Err(io::Error::other("it is a link that leads out of the project"));
        }
        let file = File::open(&path)?;
        let stamp = Stamp::of_metadata(&file.metadata()?);
        Ok(Some(Opened { file, stamp }))
    }

    /// The same, once it is known to be the file that was read before; otherwise everything is told anew.
    fn look_at_log(&mut self, name: &str, run: &mut RunDelta, batch: &mut Batch) -> Option<Opened> {
        if self.state.log.as_deref().is_some_and(|known| known != name) && self.state.blocks.has_begun() {
            run.reset = true;
            self.reset(batch);
        }
        self.state.log = Some(name.to_owned());
        let found = self.open_log(name).and_then(|found| {
            let Some(mut opened) = found else { return Ok(None) };
            let holds = self.state.blocks.holds(&mut opened, &mut batch.bytes_read)?;
            Ok(Some((opened, holds)))
        });
        match found {
            Ok(None) => None,
            Ok(Some((opened, holds))) => {
                if !holds {
                    run.reset = true;
                    self.reset(batch);
                    self.state.log = Some(name.to_owned());
                }
                Some(opened)
            }
            Err(e) => {
                self.shut(name, &e, batch);
                None
            }
        }
    }

    /// Forgets everything, to tell it anew.
    fn reset(&mut self, batch: &mut Batch) {
        if let Some(name) = self.state.log.as_deref().filter(|_| self.state.blocks.has_faults() || self.state.is_shut) {
            batch.healed.push(self.shown(name));
        }
        batch.healed.extend(self.state.files.bad().cloned());
        self.state = State::default();
    }

    /// Reads the file of records on. What it brought is kept only if all of it could be read.
    fn read_log(
        &mut self,
        name: &str,
        mut opened: Opened,
        budget: usize,
        batch: &mut Batch,
        news: &mut News,
    ) -> io::Result<Progress> {
        let path = self.shown(name);
        let mut run = self.state.run.clone();
        let mut found = News::default();
        let take = |record: &[u8], offset| {
            found.offset = offset;
            run.take(record, &mut found)
        };
        let progress = self.state.blocks.read(&mut opened, &R::PREAMBLE, &path, budget, batch, take)?;
        self.state.run = run;
        found.media.iter_mut().for_each(|item| name.clone_into(&mut item.part));
        news.series = news.add(found);
        Ok(progress)
    }

    fn shut(&mut self, name: &str, e: &io::Error, batch: &mut Batch) {
        if !std::mem::replace(&mut self.state.is_shut, true) {
            let message = format!("The run's file cannot be read ({e}); it is tried again when it changes.");
            let path = self.shown(name);
            batch.problems.push(Problem { path, offset: None, kind: ProblemKind::Unreadable, message });
        }
    }

    fn unshut(&mut self, name: &str, batch: &mut Batch) {
        if std::mem::take(&mut self.state.is_shut) {
            let path = self.shown(name);
            batch.healed.push(path.clone());
            self.state.blocks.tell_again(&path, batch);
        }
    }

    /// What a run is called that has no name of its own: by its id.
    fn id(&self) -> String {
        let dir = self.dir.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let of_file = self.state.log.as_deref().and_then(|name| id_of_file(name, R::SUFFIX));
        place::clean_name(of_file.or_else(|| id_of_directory(&dir)).unwrap_or(&dir).as_bytes())
    }
}

impl<R: Records> Reader for RunDirectory<R> {
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        let mut run = RunDelta { reset: self.state.reset_due, ..RunDelta::default() };
        let log = self.find_log();
        let opened = log.as_deref().and_then(|name| self.look_at_log(name, &mut run, batch));
        let mut news = News::default();
        self.state.run.take_files(&mut self.state.files, &self.spec, &mut news, batch);
        let mut progress = Progress::CaughtUp;
        if let (Some(name), Some(opened)) = (&log, opened) {
            match self.read_log(name, opened, budget_bytes, batch, &mut news) {
                Ok(read) => {
                    progress = read;
                    self.unshut(name, batch);
                }
                Err(e) => self.shut(name, &e, batch),
            }
        }
        news.head.pid = self.state.run.pid(&mut self.state.files, &self.spec, &self.our_host, batch);
        if !self.state.has_artifacts {
            // Not all of `files`: what the tool notes of the machine and of its command lies there too.
            let media = ["files/media", "media"].map(|dir| self.spec.rel.join(dir));
            news.head.artifact_root = media.iter().find_map(|dir| place::directory_inside(&self.spec.project, dir));
            self.state.has_artifacts = news.head.artifact_root.is_some();
        }
        let is_first = !self.state.told && (log.is_some() || self.state.files.any());
        if is_first {
            self.state.told = true;
            news.head.name.get_or_insert_with(|| self.id());
        }
        run.series = news.series.into_deltas();
        if progress == Progress::CaughtUp {
            run.series.extend(self.state.run.tell_last());
        }
        (run.head, run.params, run.media) = (news.head, news.params, news.media);
        run.tags = news.tags.into_iter().map(|(name, value)| (format!("{}{name}", R::TAGS), value)).collect();
        batch.n_points += run.series.iter().map(|s| s.points.len() as u64).sum::<u64>();
        let has_data = !(run.params.is_empty() && run.tags.is_empty() && run.series.is_empty() && run.media.is_empty());
        let says_nothing = run.head == RunHead::default() && !has_data;
        if self.state.told && (run.reset || is_first || !says_nothing) {
            self.state.reset_due = false;
            batch.runs.push(run);
        }
        progress
    }

    fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(&self.state).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        let files = self.dir.join("files");
        let is_there = |dir: &PathBuf| Path::is_dir(dir) && place::may_follow(&self.spec.project, dir);
        std::iter::once(self.dir.clone()).chain(Some(files).filter(is_there)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_names() {
        assert_eq!(id_of_directory("run-20261121_083957-f90t5i4g"), Some("f90t5i4g"));
        assert_eq!(id_of_directory("offline-run-20261121_083957-my-own id"), Some("my-own id"));
        let others = ["run-20261121_083957", "run-20261121083957-x", "run-2026", "latest-run", "run-20261121_083957-"];
        for name in others.into_iter().chain(["run-é0261121_083957-x", "run-20261121_08395é-x"]) {
            assert_eq!(id_of_directory(name), None, "{name}");
        }
        assert_eq!(id_of_file("run-abc.wandb", ".wandb"), Some("abc"));
        assert_eq!(id_of_file("run-.wandb", ".wandb"), None);
        assert_eq!(id_of_file("run-abc.wandb.synced", ".wandb"), None);
    }
}
