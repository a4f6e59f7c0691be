//! One log file that is one run: the part that CSV and JSONL share. Bytes come from here, records from a [`Grammar`].

use std::{fs::File, io, path::PathBuf};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use signalbox_types::{Batch, Cursor, Format, Problem, RunDelta};

use crate::{
    Progress, Reader, SourceSpec,
    jsonl::JsonLines,
    log::news::News,
    params::Sidecars,
    place,
    stamp::Stamp,
    table::Table,
    text::tail::{self, Mark},
    trouble,
};

pub(crate) mod news;

/// After so many problems in one file the rest is not listed.
const MAX_PROBLEMS: u32 = 200;

/// What a kind of log makes of its bytes; its own state is what must survive between two records.
pub(crate) trait Grammar: Clone + Send + Serialize + DeserializeOwned {
    fn new(format: Format) -> Self;

    /// Takes whole records from `bytes`, which lie at `at` in the file and begin with a record. Returns how many
    /// bytes it took; something at the latest from `lines::MAX_LINE` bytes on.
    fn feed(&mut self, bytes: &[u8], at: u64, news: &mut News) -> usize;

    /// Length of what must be read again from the file's beginning to go on (a header), 0 if nothing.
    fn preamble_len(&self) -> u64;

    /// Gives back what `preamble_len` asked for. `false`: it makes no sense.
    fn restore(&mut self, preamble: &[u8]) -> bool;

    /// A state for reading anew by row number, after `feed` set `News::restart_by_row`.
    fn by_row(format: Format) -> Self;

    /// How many rows with data there were.
    fn rows(&self) -> u64;
}

#[derive(Clone, Serialize, Deserialize)]
struct State<G> {
    #[serde(rename = "f")]
    mark: Mark,
    #[serde(rename = "g")]
    grammar: G,
    #[serde(rename = "p")]
    n_problems: u32,
    /// The file could not be read at all, and that was said.
    #[serde(rename = "x")]
    unreadable: bool,
    /// The run was told of.
    #[serde(rename = "r")]
    told: bool,
    #[serde(rename = "y")]
    sidecars: Sidecars,
}

impl<G: Grammar> State<G> {
    fn new(spec: &SourceSpec) -> Self {
        Self {
            mark: Mark::default(),
            grammar: G::new(spec.format),
            n_problems: 0,
            unreadable: false,
            told: false,
            sidecars: Sidecars::default(),
        }
    }
}

/// Reads one log file.
pub(crate) struct LogReader<G> {
    spec: SourceSpec,
    path: PathBuf,
    state: State<G>,
    /// There is a cursor that cannot be understood: what was told before is not known, and is told anew.
    must_reset: bool,
}

impl<G: Grammar> LogReader<G> {
    pub(crate) fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Self {
        let saved = cursor.and_then(|c| serde_json::from_str(&c.0).ok());
        let must_reset = cursor.is_some() && saved.is_none();
        Self { path: spec.path(), spec: spec.clone(), state: saved.unwrap_or_else(|| State::new(spec)), must_reset }
    }

    fn read_file(
        &mut self,
        stamp: Stamp,
        budget: usize,
        batch: &mut Batch,
        run: &mut RunDelta,
    ) -> io::Result<Progress> {
        let bytes_read = &mut batch.bytes_read;
        let mut file = File::open(&self.path)?;
        let old = &self.state;
        let mut next = old.clone();
        let holds = old.mark.holds(&mut file, bytes_read)? && restore(&mut next.grammar, &mut file, bytes_read)?;
        if !holds {
            next.mark = Mark::default();
            next.grammar = G::new(self.spec.format);
            next.n_problems = 0;
        }
        let mut reset = !holds && old.told || self.must_reset;
        let mut news = News::default();
        let stretch = loop {
            let feed = |bytes: &[u8], at| next.grammar.feed(bytes, at, &mut news);
            let stretch = tail::read_stretch(&mut file, next.mark.at, budget, bytes_read, feed)?;
            if !std::mem::take(&mut news.restart_by_row) {
                break stretch;
            }
            reset |= old.grammar.rows() > 0;
            next.mark = Mark::default();
            next.grammar = G::by_row(self.spec.format);
            next.n_problems = 0;
            news = News::default();
        };
        if reset && stretch.at_end && next.grammar.rows() == 0 {
            // Lightning truncates and rewrites its file when a metric is new: what we know stays until rows are back.
            self.state.mark.seen = stamp;
            return Ok(Progress::CaughtUp);
        }
        next.mark.advance(&mut file, stretch.at, bytes_read)?;
        next.mark.seen = if stretch.at_end { stamp } else { Stamp::default() };
        let path = place::shown(&self.spec.rel);
        if reset {
            run.reset = true;
            next.sidecars = Sidecars::default();
            batch.healed.push(path.clone());
        }
        // A reset forgets the name too.
        if (reset || !next.told) && stretch.at > 0 {
            next.told = true;
            run.head.name = Some(run_name(&self.spec));
        }
        next.n_problems = report(&path, news.problems, next.n_problems, &mut batch.problems);
        run.series = news.series.into_deltas();
        self.state = next;
        self.must_reset = false;
        Ok(if stretch.at_end { Progress::CaughtUp } else { Progress::More })
    }
}

impl<G: Grammar> Reader for LogReader<G> {
    fn read(&mut self, budget_bytes: usize, batch: &mut Batch) -> Progress {
        let mut run = RunDelta::default();
        let was_told = self.state.told;
        let outcome = match Stamp::if_exists(&self.path) {
            // Gone for now; whoever walks the project notices when it stays so.
            Ok(None) => Ok(Progress::CaughtUp),
            Ok(Some(stamp)) if stamp == self.state.mark.seen => Ok(Progress::CaughtUp),
            Ok(Some(stamp)) => self.read_file(stamp, budget_bytes, batch, &mut run),
            Err(e) => Err(e),
        };
        let path = place::shown(&self.spec.rel);
        let progress = trouble::of_file(outcome, "file", path, &mut self.state.unreadable, batch);
        if self.state.told {
            self.state.sidecars.read(&self.spec, batch, &mut run);
        }
        let n_points: usize = run.series.iter().map(|s| s.points.len()).sum();
        batch.n_points += n_points as u64;
        if run.reset || n_points > 0 || !run.params.is_empty() || was_told != self.state.told {
            batch.runs.push(run);
        }
        progress
    }

    fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(&self.state).unwrap_or_default())
    }

    fn watch_paths(&self) -> Vec<PathBuf> {
        self.path.parent().map(PathBuf::from).into_iter().collect()
    }
}

/// What a log of exactly these bytes tells, without a file: one run with its series, and the problems.
///
/// `cuts`: as if the file had first been seen at these lengths (ascending), and the reader reopened after each.
/// Formats that are no text logs tell nothing.
pub fn parse_log(format: Format, bytes: &[u8], cuts: &[usize]) -> Batch {
    match format {
        Format::LightningCsv | Format::KerasCsv | Format::Ultralytics | Format::Csv => {
            parse(format, bytes, cuts, Table::new(format))
        }
        Format::Jsonl => parse(format, bytes, cuts, JsonLines::new(format)),
        _ => Batch::default(),
    }
}

fn parse<G: Grammar>(format: Format, bytes: &[u8], cuts: &[usize], mut grammar: G) -> Batch {
    let mut news = News::default();
    let mut at = 0;
    for len in cuts.iter().map(|&cut| cut.min(bytes.len())).chain([bytes.len()]) {
        at += grammar.feed(&bytes[at..len.max(at)], at as u64, &mut news);
        if news.restart_by_row {
            news = News::default();
            grammar = G::by_row(format);
            at = grammar.feed(&bytes[..len], 0, &mut news);
        }
        let reopened = serde_json::to_string(&grammar).ok().and_then(|saved| serde_json::from_str::<G>(&saved).ok());
        if let Some(mut reopened) = reopened {
            let preamble = usize::try_from(reopened.preamble_len()).unwrap_or(usize::MAX).min(bytes.len());
            if preamble == 0 || reopened.restore(&bytes[..preamble]) {
                grammar = reopened;
            }
        }
    }
    let mut batch = Batch::default();
    report("", news.problems, 0, &mut batch.problems);
    let run = RunDelta { series: news.series.into_deltas(), ..RunDelta::default() };
    batch.n_points = run.series.iter().map(|s| s.points.len() as u64).sum();
    batch.runs.push(run);
    batch
}

/// Gives the grammar its preamble again after reopening.
pub(crate) fn restore<G: Grammar>(grammar: &mut G, file: &mut File, bytes_read: &mut u64) -> io::Result<bool> {
    use std::io::{Read, Seek};
    let len = grammar.preamble_len();
    if len == 0 {
        return Ok(true);
    }
    let mut preamble = Vec::new();
    file.rewind()?;
    file.take(len.min(4 << 20)).read_to_end(&mut preamble)?;
    *bytes_read += preamble.len() as u64;
    Ok(grammar.restore(&preamble))
}

/// The place that a person would name the run by: the folder for tools that make one for each run, else the file.
fn run_name(spec: &SourceSpec) -> String {
    let rel = match spec.format {
        Format::LightningCsv | Format::Ultralytics => spec.rel.parent().unwrap_or(&spec.rel),
        _ => &spec.rel,
    };
    match rel.as_os_str().is_empty() {
        false => place::shown(rel),
        true => spec.project.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
    }
}

/// Hands on the problems of a file until there are too many of them. Returns how many there are now.
fn report(path: &str, found: Vec<news::Trouble>, n_before: u32, problems: &mut Vec<Problem>) -> u32 {
    let mut n = n_before;
    for trouble in found {
        if n > MAX_PROBLEMS {
            break;
        }
        n += 1;
        let message = match n > MAX_PROBLEMS {
            true => "There are more problems in this file; they are not listed.".to_owned(),
            false => trouble.message,
        };
        problems.push(Problem { path: path.to_owned(), offset: Some(trouble.offset), kind: trouble.kind, message });
    }
    n
}
