//! Optuna's journal file: one operation a line, appended under a lock. The ids of studies and trials are implied by
//! order, so that what an operation means depends on all before it: it is replayed.
//!
//! The cursor holds what the replay has to know, which is little where one study runs at a time (a span of ids and
//! the trials that are still open). Where it would be more than [`MAX_STATE_BYTES`], it holds the offset alone, and
//! the state is made again on reopening by replaying up to there without telling.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Cursor, Problem};

use self::replay::{News, Replay};
use crate::{
    Progress, Reader, SourceSpec, place,
    stamp::Stamp,
    text::tail::{self, Mark},
    trouble,
};

mod replay;

/// A larger state is not kept in the cursor.
const MAX_STATE_BYTES: usize = 1 << 16;
/// After so many problems in one file the rest is not listed.
const MAX_PROBLEMS: u32 = 200;
/// So often a file is told anew because objectives were named after they had values.
const MAX_RENAMINGS: u32 = 16;

/// Names of a study's objectives, and the offset of the line that says so.
type Named = (u64, Vec<String>);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Saved {
    #[serde(rename = "f")]
    mark: Mark,
    /// Absent: to be made again.
    #[serde(rename = "r")]
    replay: Option<Replay>,
    /// Something was told.
    #[serde(rename = "t")]
    told: bool,
    /// How many studies and trials there were.
    #[serde(rename = "z")]
    size: (i64, i64),
    /// Runs were told before, of a file that is no more: how many studies and trials. Each begins with a reset.
    #[serde(rename = "a")]
    anew: Option<(i64, i64)>,
    /// Those of them that are no more are still to be said.
    #[serde(rename = "g")]
    gone_due: bool,
    /// By study: what its objectives are called, known before its lines are read.
    #[serde(rename = "n", default, skip_serializing_if = "BTreeMap::is_empty")]
    named: BTreeMap<i64, Named>,
    #[serde(rename = "m")]
    n_renamings: u32,
    #[serde(rename = "p")]
    n_problems: u32,
    /// The file could not be read at all, and that was said.
    #[serde(rename = "x")]
    unreadable: bool,
}

/// Reads one journal.
pub(crate) struct Journal {
    spec: SourceSpec,
    path: PathBuf,
    saved: Saved,
    /// A state that is being made again, and how far it is.
    making: Option<(Replay, u64)>,
}

impl Journal {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let understood: Option<Saved> = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        let understood = understood.filter(|s| s.replay.as_ref().is_none_or(Replay::is_sound));
        let fresh = || {
            // What was told by a cursor that cannot be understood is not known: everything begins with a reset.
            let anew = cursor.is_some().then_some((0, 0));
            Saved { replay: Some(Replay::default()), anew, ..Saved::default() }
        };
        Self { path: spec.path(), spec: spec.clone(), saved: understood.unwrap_or_else(fresh), making: None }
    }

    fn read_file(&mut self, stamp: Stamp, budget: usize, batch: &mut Batch) -> io::Result<Progress> {
        let mut file = File::open(&self.path)?;
        if !self.saved.mark.holds(&mut file, &mut batch.bytes_read)? {
            if file.metadata()?.len() == 0 {
                // About to be written anew; what we know stays until lines are back.
                self.saved.mark.seen = stamp;
                return Ok(Progress::CaughtUp);
            }
            self.begin_anew(batch);
            (self.saved.named, self.saved.n_renamings) = Default::default();
        }
        if self.saved.replay.is_none() && !self.make(&mut file, budget, &mut batch.bytes_read)? {
            return Ok(Progress::More);
        }
        // Cannot be missing after the line above; were it, it would be made at the next read.
        let Some(mut replay) = self.saved.replay.take() else { return Ok(Progress::More) };
        let mut news = News::new(self.saved.anew.is_some(), self.saved.n_renamings < MAX_RENAMINGS);
        // After an error half of it may have been replayed: the state is made again then.
        let stretch = tail::read_stretch(&mut file, self.saved.mark.at, budget, &mut batch.bytes_read, |bytes, at| {
            replay.feed(bytes, at, &self.saved.named, &mut news)
        })?;
        if let Some((study, named)) = news.renamed.take() {
            self.saved.replay = Some(replay);
            self.begin_anew(batch);
            self.saved.named.insert(study, named);
            self.saved.n_renamings += 1;
            return Ok(Progress::More);
        }
        self.saved.told |= stretch.at > 0;
        self.saved.mark.advance(&mut file, stretch.at, &mut batch.bytes_read)?;
        replay.tell_counts(&mut news);
        if stretch.at_end {
            self.saved.mark.seen = stamp;
            if std::mem::take(&mut self.saved.gone_due) {
                batch.gone.extend(replay.missing(self.saved.anew.unwrap_or_default()));
            }
        } else {
            self.saved.mark.seen = Stamp::default();
        }
        self.saved.size = replay.size();
        self.saved.replay = Some(replay);
        self.report(std::mem::take(&mut news.troubles), batch);
        news.deltas.into_batch(batch);
        Ok(if stretch.at_end { Progress::CaughtUp } else { Progress::More })
    }

    /// Everything is told again from the file's beginning.
    fn begin_anew(&mut self, batch: &mut Batch) {
        let before = self.saved.replay.as_ref().map_or(self.saved.size, Replay::size);
        let older = self.saved.anew.unwrap_or_default();
        if self.saved.told || self.saved.anew.is_some() {
            self.saved.anew = Some((before.0.max(older.0), before.1.max(older.1)));
            self.saved.gone_due = true;
        }
        self.saved.mark = Mark::default();
        self.saved.replay = Some(Replay::default());
        self.saved.n_problems = 0;
        self.making = None;
        batch.healed.push(place::shown(&self.spec.rel));
    }

    /// Replays up to the mark without telling. False if there is more to replay.
    fn make(&mut self, file: &mut File, budget: usize, bytes_read: &mut u64) -> io::Result<bool> {
        let end = self.saved.mark.at;
        let (mut replay, from) = self.making.take().unwrap_or_default();
        let mut mute = News::new(false, false);
        let mut left = end - from.min(end);
        let at = match left {
            0 => end,
            _ => {
                let budget = budget.min(usize::try_from(left).unwrap_or(usize::MAX));
                let stretch = tail::read_stretch(file, from, budget, bytes_read, |bytes, at| {
                    let known = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let taken = replay.feed(&bytes[..known], at, &self.saved.named, &mut mute);
                    mute = News::new(false, false);
                    left -= taken as u64;
                    taken
                })?;
                // The file ends before: it was cut meanwhile, which the mark finds out at the next read.
                if stretch.at_end { end } else { stretch.at }
            }
        };
        if at < end {
            self.making = Some((replay, at));
            return Ok(false);
        }
        replay.forget_changes();
        self.saved.replay = Some(replay);
        Ok(true)
    }

    fn report(&mut self, troubles: Vec<crate::log::news::Trouble>, batch: &mut Batch) {
        for trouble in troubles {
            if self.saved.n_problems > MAX_PROBLEMS {
                return;
            }
            self.saved.n_problems += 1;
            let message = match self.saved.n_problems > MAX_PROBLEMS {
                true => "There are more damaged lines in this journal; they are not listed.".to_owned(),
                false => trouble.message,
            };
            let path = place::shown(&self.spec.rel);
            batch.problems.push(Problem { path, offset: Some(trouble.offset), kind: trouble.kind, message });
        }
    }
}

impl Reader for Journal {
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        let outcome = match Stamp::if_exists(&self.path) {
            // Gone for now; whoever walks the project notices when it stays so.
            Ok(None) => return Progress::CaughtUp,
            Ok(Some(stamp)) if stamp == self.saved.mark.seen => Ok(Progress::CaughtUp),
            Ok(Some(stamp)) => self.read_file(stamp, budget_bytes, batch),
            Err(e) => Err(e),
        };
        let path = place::shown(&self.spec.rel);
        trouble::of_file(outcome, "journal", path, &mut self.saved.unreadable, batch)
    }

    fn cursor(&self) -> Cursor {
        let text = serde_json::to_string(&self.saved).unwrap_or_default();
        if text.len() <= MAX_STATE_BYTES {
            return Cursor(text);
        }
        let small = Saved { replay: None, ..self.saved.clone() };
        Cursor(serde_json::to_string(&small).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        self.path.parent().map(Path::to_path_buf).into_iter().collect()
    }
}
