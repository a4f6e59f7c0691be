//! Tables that together are one run: CatBoost's and DVCLive's, a file for each kind or metric.
//!
//! Each file is a part of the run and is read on from where it was. When one of them turns out to be another file
//! the next training has begun in the same folder, and the run is told anew: a part alone cannot be taken back
//! with what the old training left in the others.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Format, ProblemKind, SeriesDelta};

use crate::{
    Progress, SourceSpec,
    anew::Anew,
    log::{
        self, Grammar,
        news::{News, Trouble},
    },
    place,
    stamp::Stamp,
    table::Table,
    text::tail::{self, Mark},
    trouble::Troubles,
};

/// One file of the run, as it is now.
#[derive(Clone, Debug)]
pub(crate) struct PartFile {
    /// Its path below the source, `/` between parts: the name of the part.
    pub name: String,
    pub path: PathBuf,
    pub stamp: Stamp,
}

/// Where reading stands in the files, by name.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Parts(BTreeMap<String, Part>);

/// Where reading stands in one file.
#[derive(Clone, Serialize, Deserialize)]
struct Part {
    #[serde(rename = "m")]
    mark: Mark,
    #[serde(rename = "t")]
    table: Table,
    /// Its steps hold fractions: rows are counted, from the beginning.
    #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
    by_row: bool,
}

enum Outcome {
    News(PartNews),
    /// It is another file now, and has rows.
    Replaced,
    /// It was truncated and has no row yet.
    Emptied,
}

struct PartNews {
    series: Vec<SeriesDelta>,
    troubles: Vec<Trouble>,
    at_end: bool,
    /// Read from the beginning.
    fresh: bool,
}

impl Parts {
    /// Whether a file that told something is no longer there although others are: its training's time is over.
    /// While all are gone or empty, the next training is about to begin, and what is known stays.
    pub(crate) fn lost(&self, files: &[PartFile]) -> bool {
        let is_here = |name: &String| files.iter().any(|f| f.name == *name);
        files.iter().any(|f| f.stamp.len > 0) && self.0.iter().any(|(name, part)| part.has_rows() && !is_here(name))
    }

    /// Some file has told a row.
    pub(crate) fn have_rows(&self) -> bool {
        self.0.values().any(Part::has_rows)
    }

    /// Forgets where reading stood.
    pub(crate) fn restart(&mut self, format: Format) {
        for part in self.0.values_mut() {
            *part = Part::new(format, part.by_row);
        }
    }

    /// Reads the files on, about `budget` bytes of them, at least one row. `adapt` gives a series that was found under its column's
    /// name the run's name for it.
    pub(crate) fn read(
        &mut self,
        spec: &SourceSpec,
        files: &[PartFile],
        budget: usize,
        mut adapt: impl FnMut(&PartFile, &mut SeriesDelta),
        troubles: &mut Troubles,
        batch: &mut Batch,
    ) -> Result<(Progress, Vec<SeriesDelta>), Anew> {
        self.0.retain(|name, part| part.has_rows() || files.iter().any(|f| f.name == *name));
        let before = batch.bytes_read;
        let budget = budget.max(1);
        let mut found = Vec::new();
        for file in files {
            let part = self.0.entry(file.name.clone()).or_insert_with(|| Part::new(spec.format, false));
            if part.mark.seen == file.stamp {
                continue;
            }
            let spent = usize::try_from(batch.bytes_read - before).unwrap_or(usize::MAX);
            if spent >= budget {
                return Ok((Progress::More, found));
            }
            let shown = place::shown(&spec.rel.join(&file.name));
            let news = match part.read(&file.path, file.stamp, spec.format, budget - spent, &mut batch.bytes_read) {
                Ok(Outcome::News(news)) => news,
                Ok(Outcome::Replaced) => return Err(Anew),
                Ok(Outcome::Emptied) => continue,
                Err(e) if crate::stamp::is_absent(&e) => continue,
                Err(e) => {
                    let message = format!("The file cannot be read ({e}); it is tried again when it changes.");
                    troubles.file(shown, ProblemKind::Unreadable, message, batch);
                    continue;
                }
            };
            match news.fresh {
                true => troubles.replaced(&shown, batch),
                false => troubles.heal(&shown, batch),
            }
            troubles.lines(&shown, news.troubles, batch);
            for mut series in news.series {
                series.part.clone_from(&file.name);
                adapt(file, &mut series);
                batch.n_points += series.points.len() as u64;
                found.push(series);
            }
            if !news.at_end {
                return Ok((Progress::More, found));
            }
        }
        Ok((Progress::CaughtUp, found))
    }
}

impl Part {
    fn new(format: Format, by_row: bool) -> Part {
        let table = if by_row { Table::by_row(format) } else { Table::new(format) };
        Part { mark: Mark::default(), table, by_row }
    }

    fn has_rows(&self) -> bool {
        self.table.rows() > 0
    }

    fn read(
        &mut self,
        path: &Path,
        stamp: Stamp,
        format: Format,
        budget: usize,
        bytes: &mut u64,
    ) -> io::Result<Outcome> {
        let mut file = File::open(path)?;
        let mut next = self.clone();
        let holds = self.mark.holds(&mut file, bytes)? && log::restore(&mut next.table, &mut file, bytes)?;
        if !holds {
            next = Part::new(format, false);
        }
        let mut news = News::default();
        let stretch = loop {
            let feed = |buf: &[u8], at| next.table.feed(buf, at, &mut news);
            let stretch = tail::read_stretch(&mut file, next.mark.at, budget, bytes, feed)?;
            if !std::mem::take(&mut news.restart_by_row) {
                break stretch;
            }
            if self.has_rows() {
                self.by_row = true;
                return Ok(Outcome::Replaced);
            }
            next = Part::new(format, true);
            news = News::default();
        };
        if !holds && self.has_rows() {
            if next.has_rows() || !stretch.at_end {
                self.by_row = false;
                return Ok(Outcome::Replaced);
            }
            self.mark.seen = stamp;
            return Ok(Outcome::Emptied);
        }
        next.mark.advance(&mut file, stretch.at, bytes)?;
        next.mark.seen = if stretch.at_end { stamp } else { Stamp::default() };
        let fresh = !holds || self.mark.at == 0;
        *self = next;
        let series = news.series.into_deltas();
        Ok(Outcome::News(PartNews { series, troubles: news.problems, at_end: stretch.at_end, fresh }))
    }
}
