//! Proof of life: whether anything shows that a source is still being written, and in which words to say so.
//!
//! In this order: the writer's process runs (and began before the last change, so that its number was not given
//! to another since); a process of ours holds a file of the source open for writing; the source grew lately,
//! measured by how often it usually does. A process that outlives its training (a notebook's kernel) proves
//! nothing after a long silence.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use signalbox_types::Format;

use self::process::{named, open_for_writing, process_start, start_ticks};
use crate::sync::lock;

mod process;

/// What was found out about a source's writer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Liveness {
    pub alive: bool,
    /// The proof is about the one run that was asked for. Of a database that holds many runs, only a process
    /// number is; that the file is held open or grows may be another run's doing.
    pub of_this_run: bool,
    /// The process that wrote it is known and no longer runs.
    pub gone: bool,
    /// The proof is nothing but its files' times, which a copy or a clone has of its own.
    pub by_file_times: bool,
    /// For a person, without a capital letter and full stop: "process 4242 (python) holds mlflow.db open",
    /// "no new record for 14 min, and its process 4242 is gone".
    pub why: String,
}

/// What to find out about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub path: &'a Path,
    /// Folders that hold the source's files; not looked at when the source is a file.
    pub dirs: &'a [PathBuf],
    pub format: Format,
    pub pid: Option<u32>,
    /// When we saw news of it last, unix seconds.
    pub last_news: Option<f64>,
    /// When it was read last: what was known of its files before may be old.
    pub last_read: Option<Instant>,
    /// How it grew while we looked.
    pub rhythm: Option<&'a Rhythm>,
}

/// tensorboardX and TensorFlow flush every 120 s; the others after each record, but an epoch may take as long.
const QUIET_SECS: f64 = 150.0;
/// The least silence of a source whose writer flushes each record, once its rhythm is known.
const QUIET_FLUSHED_SECS: f64 = 30.0;
/// After so many times the usual silence, a process that still runs proves nothing.
const LONG_QUIET: f64 = 10.0;
const LONG_QUIET_SECS: f64 = 3600.0;
/// Open files are looked for at most so often, and for at most this share of the time.
const HOLDERS_GAP: Duration = Duration::from_secs(2);
const HOLDERS_SHARE: u32 = 500;
/// So long a source's newest file is believed. News of it come by another way; this is for writers that nobody
/// tells of, as through a memory map.
const NEWEST_GAP: Duration = Duration::from_secs(60);
/// More are not remembered.
const MAX_NEWEST: usize = 100_000;
/// So many files of a folder are asked for their time.
const MAX_FILES: usize = 512;

struct Holders {
    taken: Instant,
    cost: Duration,
    by_path: BTreeMap<PathBuf, u32>,
}

/// A process that was seen to hold a file of a source open, and when it began (in clock ticks since the machine did,
/// which no change of the clock moves): its number may be given away.
#[derive(Clone, Copy)]
struct Holder {
    pid: u32,
    began: Option<u64>,
    /// When its end was noticed, unix seconds.
    ended: Option<f64>,
}

/// Remembers which process holds which file, for a moment, and who held a source last, as long as it watches.
#[derive(Default)]
pub(crate) struct Prober {
    holders: Mutex<Option<Holders>>,
    seen: Mutex<BTreeMap<PathBuf, Holder>>,
    newest: Mutex<HashMap<PathBuf, (Instant, Newest)>>,
}

impl Prober {
    pub fn probe(&self, subject: &Subject, now: f64) -> Liveness {
        let limit = subject.rhythm.map_or(QUIET_SECS, |rhythm| rhythm.limit(subject.format));
        let recent = subject.last_news.filter(|t| now - t < limit);
        let changed = recent.or_else(|| self.newest(subject).max_time(subject.last_news));
        let quiet = changed.map_or(f64::INFINITY, |t| (now - t).max(0.0));
        let silence = match changed {
            Some(_) => format!("no new record for {}", duration(quiet)),
            None => "its files cannot be looked at".to_owned(),
        };
        let long = quiet > (limit * LONG_QUIET).max(LONG_QUIET_SECS);
        let one_run = !subject.format.holds_many_runs();

        let mut gone = None;
        if let Some(pid) = subject.pid {
            match process_start(pid) {
                Some(start) if start <= changed.unwrap_or(now) + 5.0 => {
                    let why = if long {
                        format!("{silence}, though its process {pid} still runs")
                    } else {
                        format!("its process {pid}{} runs", named(pid))
                    };
                    return Liveness { alive: !long, of_this_run: true, gone: false, by_file_times: false, why };
                }
                _ => gone = Some(pid),
            }
        }
        if let Some((pid, file)) = self.holder(subject.path) {
            let why = format!("process {pid}{} holds {file} open", named(pid));
            let why = if long { format!("{silence}, though {why}") } else { why };
            return Liveness { alive: !long, of_this_run: one_run, gone: false, by_file_times: false, why };
        }
        // One that held it open and ended took the training with it, whatever the clock says.
        if gone.is_none() {
            gone = self.gone_holder(subject.path, changed, now);
        }
        if let Some(pid) = gone {
            let why = format!("{silence}, and its process {pid} is gone");
            let of_this_run = one_run || subject.pid.is_some();
            return Liveness { alive: false, of_this_run, gone: true, by_file_times: false, why };
        }
        if quiet < limit {
            let why = format!("its last record is {} old", duration(quiet));
            let by_file_times = recent.is_none();
            return Liveness { alive: true, of_this_run: one_run, gone: false, by_file_times, why };
        }
        let why = if cfg!(target_os = "linux") { format!("{silence}, and no process holds it open") } else { silence };
        Liveness { alive: false, of_this_run: one_run, gone: false, by_file_times: false, why }
    }

    fn newest(&self, subject: &Subject) -> Newest {
        let known = lock(&self.newest).get(subject.path).copied();
        if let Some((_, newest)) = known
            .filter(|(taken, _)| taken.elapsed() < NEWEST_GAP && subject.last_read.is_none_or(|read| read < *taken))
        {
            return newest;
        }
        let found = newest(subject);
        let mut all = lock(&self.newest);
        if all.len() >= MAX_NEWEST {
            all.clear();
        }
        all.insert(subject.path.to_owned(), (Instant::now(), found));
        found
    }

    /// A process that holds a file at or below `path` open for writing, and the file's name.
    fn holder(&self, path: &Path) -> Option<(u32, String)> {
        let mut holders = lock(&self.holders);
        let fresh = holders.as_ref().is_some_and(|h| h.taken.elapsed() < HOLDERS_GAP.max(h.cost * HOLDERS_SHARE));
        if !fresh {
            let begun = Instant::now();
            let by_path = open_for_writing();
            *holders = Some(Holders { taken: Instant::now(), cost: begun.elapsed(), by_path });
        }
        let by_path = &holders.as_ref()?.by_path;
        let (file, pid) = by_path.range(path.to_owned()..).next().filter(|(file, _)| file.starts_with(path))?;
        let name = file.file_name().map_or_else(String::new, |n| crate::show::display_path(Path::new(n)));
        let mut seen = lock(&self.seen);
        if seen.get(path).is_none_or(|holder| holder.pid != *pid) {
            seen.insert(path.to_owned(), Holder { pid: *pid, began: start_ticks(*pid), ended: None });
        }
        Some((*pid, name))
    }

    /// The process that held it open when we looked, if that process has ended since. One that the source outlived
    /// (`changed` after its end) was not its writer, or not the only one.
    fn gone_holder(&self, path: &Path, changed: Option<f64>, now: f64) -> Option<u32> {
        let mut seen = lock(&self.seen);
        let holder = seen.get_mut(path)?;
        if start_ticks(holder.pid) == holder.began {
            return None;
        }
        let ended = *holder.ended.get_or_insert(now);
        let pid = holder.pid;
        if changed.is_some_and(|t| t > ended + 1.0) {
            seen.remove(path);
            return None;
        }
        Some(pid)
    }
}

/// When a file of the source changed last, unix seconds.
#[derive(Clone, Copy, Default)]
struct Newest(Option<f64>);

impl Newest {
    fn max_time(self, other: Option<f64>) -> Option<f64> {
        match (self.0, other) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        }
    }
}

fn newest(subject: &Subject) -> Newest {
    let Ok(meta) = fs::metadata(subject.path) else { return Newest::default() };
    if meta.is_file() {
        return Newest(meta.modified().ok().map(unix));
    }
    let own = [subject.path.to_owned()];
    let dirs = if subject.dirs.is_empty() { &own[..] } else { subject.dirs };
    let files = dirs.iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten().filter_map(Result::ok);
    let files = files.filter(|e| is_written_by(subject.format, e.file_name().as_encoded_bytes()));
    let times = files.take(MAX_FILES).filter_map(|e| e.metadata().ok()).filter(|m| m.is_file());
    Newest(times.filter_map(|m| m.modified().ok()).map(unix).reduce(f64::max))
}

/// Whether a file in a source's folder is the tool's: others too put checkpoints and pictures there, and the folder may be
/// the project's own.
fn is_written_by(format: Format, name: &[u8]) -> bool {
    match format {
        Format::Tensorboard => name.windows(8).any(|w| w == b"tfevents"),
        Format::Catboost => name == b"catboost_training.json" || name.ends_with(b".tsv"),
        Format::Dvclive => name == b"metrics.json" || name.ends_with(b".tsv"),
        Format::Hydra => matches!(name, b"config.yaml" | b"overrides.yaml" | b"hydra.yaml" | b"multirun.yaml"),
        Format::Aim => name.starts_with(b"run_metadata.sqlite"),
        // A commit is not being written; what else changes in `.git` is git's.
        Format::DvcExperiments => false,
        Format::Sacred => matches!(name, b"run.json" | b"metrics.json" | b"info.json" | b"cout.txt"),
        Format::HfTrainer => name == b"trainer_state.json",
        Format::RayTune => name == b"result.json" || name.starts_with(b"experiment_state-"),
        _ => true,
    }
}

fn unix(time: SystemTime) -> f64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

/// A duration as a person says it.
fn duration(secs: f64) -> String {
    match secs {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

/// The gaps between a source's last changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rhythm {
    last: Option<f64>,
    gaps: std::collections::VecDeque<f64>,
    longest: f64,
}

impl Rhythm {
    const MAX_GAPS: usize = 9;

    pub fn beat(&mut self, now: f64) {
        if let Some(last) = self.last.replace(now) {
            self.gaps.push_back(now - last);
            self.longest = self.longest.max(now - last);
            if self.gaps.len() > Self::MAX_GAPS {
                self.gaps.pop_front();
            }
        }
    }

    pub fn last(&self) -> Option<f64> {
        self.last
    }

    pub fn usual_gap(&self) -> Option<f64> {
        let mut gaps: Vec<f64> = self.gaps.iter().copied().collect();
        gaps.sort_by(f64::total_cmp);
        gaps.get(gaps.len() / 2).copied()
    }

    /// So many seconds without a change say nothing yet. A silence that once ended (a validation, a checkpoint)
    /// is no sign the next time either.
    fn limit(&self, format: Format) -> f64 {
        let usual = 3.0 * self.usual_gap().unwrap_or(0.0);
        // W&B writes every 15 s, before 0.31 when 32 KiB are full; SwanLab when 8 KiB are, as what Python prints into a
        // file is.
        let flushes_each = !matches!(format, Format::Tensorboard | Format::Wandb | Format::Swanlab | Format::Console);
        if flushes_each && self.gaps.len() == Self::MAX_GAPS {
            // A night's sleep of the machine is no habit of the training.
            usual.max(1.5 * self.longest.min(LONG_QUIET_SECS)).max(QUIET_FLUSHED_SECS)
        } else {
            usual.max(QUIET_SECS)
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn now() -> f64 {
        unix(SystemTime::now())
    }

    fn subject<'a>(path: &'a Path, pid: Option<u32>) -> Subject<'a> {
        Subject { path, dirs: &[], format: Format::Tensorboard, pid, last_news: None, last_read: None, rhythm: None }
    }

    #[test]
    fn a_process_is_proof_until_it_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("events.out.tfevents.1.host");
        fs::write(&file, "x").unwrap();
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        let prober = Prober::default();
        let one = subject(dir.path(), Some(child.id()));
        let live = prober.probe(&one, now());
        assert!(live.alive && live.of_this_run, "{live:?}");
        assert_eq!(live.why, format!("its process {} (sleep) runs", child.id()));
        // Two hours later the process proves nothing any more.
        let later = prober.probe(&one, now() + 7200.0);
        assert!(!later.alive && !later.gone && later.why.contains("no new record for 2 h, though"), "{later:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        let dead = prober.probe(&one, now() + 840.0);
        assert_eq!((dead.alive, dead.gone), (false, true));
        assert_eq!(dead.why, format!("no new record for 14 min, and its process {} is gone", child.id()));
    }

    #[test]
    fn a_number_that_was_given_away_is_no_proof() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.csv");
        fs::write(&file, "x").unwrap();
        let old = SystemTime::now() - Duration::from_secs(1_000_000_000);
        fs::File::options().append(true).open(&file).unwrap().set_modified(old).unwrap();
        let live = Prober::default().probe(&subject(&file, Some(std::process::id())), now());
        assert_eq!((live.alive, live.gone), (false, true), "{live:?}");
    }

    #[test]
    fn an_open_file_is_proof() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("metrics.csv");
        let out = fs::File::create(&file).unwrap();
        let reading = dir.path().join("read.csv");
        fs::write(&reading, "x").unwrap();
        let input = fs::File::open(&reading).unwrap();
        let mut child = Command::new("sleep").arg("60").stdin(input).stdout(out).spawn().unwrap();
        let prober = Prober::default();
        let late = now() + 600.0;
        let live = prober.probe(&subject(&file, None), late);
        let other = prober.probe(&subject(&reading, None), late);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(live.why, format!("process {} (sleep) holds metrics.csv open", child.id()));
        assert!(live.alive);
        assert_eq!(other.why, "no new record for 10 min, and no process holds it open");
    }

    #[test]
    fn what_others_put_into_the_folder_is_no_life() {
        let dir = tempfile::tempdir().unwrap();
        let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
        for (format, own) in [
            (Format::Catboost, "learn_error.tsv"),
            (Format::Dvclive, "metrics.json"),
            (Format::Sacred, "run.json"),
            (Format::HfTrainer, "trainer_state.json"),
            (Format::RayTune, "result.json"),
            (Format::Tensorboard, "events.out.tfevents.1.host"),
        ] {
            let file = fs::File::create(dir.path().join(own)).unwrap();
            fs::write(dir.path().join("notes.md"), "x").unwrap();
            let one = Subject { format, ..subject(dir.path(), None) };
            assert!(Prober::default().probe(&one, now()).alive, "{own}");
            file.set_modified(an_hour_ago).unwrap();
            assert!(!Prober::default().probe(&one, now()).alive, "{own}");
            fs::remove_file(dir.path().join(own)).unwrap();
        }
    }

    #[test]
    fn growth_is_measured_by_the_usual_gap() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.csv");
        fs::write(&file, "x").unwrap();
        let prober = Prober::default();
        let mut rhythm = Rhythm::default();
        for i in 0..12 {
            rhythm.beat(f64::from(i) * 100.0);
        }
        assert_eq!(rhythm.usual_gap(), Some(100.0));
        let slow = Subject { rhythm: Some(&rhythm), ..subject(&file, None) };
        assert!(prober.probe(&subject(&file, None), now() + 100.0).alive);
        assert!(!prober.probe(&subject(&file, None), now() + 200.0).alive);
        assert!(prober.probe(&slow, now() + 200.0).alive);
        assert!(!prober.probe(&slow, now() + 400.0).alive);
    }

    #[test]
    fn a_holder_that_ended_is_gone_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("events.out.tfevents.1.host");
        let out = fs::File::create(&file).unwrap();
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).stdout(out).spawn().unwrap();
        let prober = Prober::default();
        assert!(prober.probe(&subject(dir.path(), None), now()).why.contains("open"));
        child.kill().unwrap();
        child.wait().unwrap();
        *lock(&prober.holders) = None;
        let dead = prober.probe(&subject(dir.path(), None), now());
        assert_eq!((dead.alive, dead.gone, dead.of_this_run), (false, true, true), "{dead:?}");
        assert!(dead.why.ends_with(&format!("and its process {} is gone", child.id())), "{dead:?}");
        // It may be resumed by another.
        let out = fs::File::options().append(true).open(&file).unwrap();
        let mut again = Command::new("sleep").arg("60").stdin(Stdio::null()).stdout(out).spawn().unwrap();
        *lock(&prober.holders) = None;
        let live = prober.probe(&subject(dir.path(), None), now());
        again.kill().unwrap();
        again.wait().unwrap();
        assert!(live.alive && !live.gone, "{live:?}");
        // It ended too, but something else goes on writing.
        *lock(&prober.holders) = None;
        assert!(prober.probe(&subject(dir.path(), None), now()).gone);
        let later = SystemTime::now() + Duration::from_secs(5);
        fs::File::options().append(true).open(&file).unwrap().set_modified(later).unwrap();
        // A minute later at the latest, also when nobody tells of it.
        lock(&prober.newest).clear();
        let live = prober.probe(&subject(dir.path(), None), now() + 6.0);
        assert!(live.alive && !live.gone, "{live:?}");
    }

    #[test]
    fn a_run_that_is_resumed_is_alive_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("events.out.tfevents.1.host");
        fs::write(&old, "x").unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(7200);
        fs::File::options().append(true).open(&old).unwrap().set_modified(long_ago).unwrap();
        let prober = Prober::default();
        assert!(!prober.probe(&subject(dir.path(), None), now()).alive);
        // The new writer's first record says who it is, and holds no point.
        fs::write(dir.path().join("events.out.tfevents.2.host"), "y").unwrap();
        let read = Subject { last_read: Some(Instant::now()), ..subject(dir.path(), Some(std::process::id())) };
        let live = prober.probe(&read, now());
        assert!(live.alive && !live.gone, "{live:?}");
    }

    #[test]
    fn a_known_rhythm_that_stops_is_noticed_soon() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.csv");
        fs::write(&file, "x").unwrap();
        let prober = Prober::default();
        let mut rhythm = Rhythm::default();
        (0..12).for_each(|i| rhythm.beat(f64::from(i)));
        let at = |rhythm: &Rhythm, secs: f64| {
            let csv = Subject { format: Format::Csv, rhythm: Some(rhythm), ..subject(&file, None) };
            prober.probe(&csv, now() + secs).alive
        };
        assert!(at(&rhythm, 20.0) && !at(&rhythm, 40.0));
        // A validation that took a minute: the next one is waited for.
        rhythm.beat(71.0);
        (72..84).for_each(|i| rhythm.beat(f64::from(i)));
        assert!(at(&rhythm, 80.0) && !at(&rhythm, 100.0));
        // tensorboardX flushes every 120 s, whatever its last ones were.
        let events = Subject { rhythm: Some(&rhythm), ..subject(&file, None) };
        assert!(prober.probe(&events, now() + 130.0).alive);
    }

    #[test]
    fn durations() {
        let said: Vec<_> = [14.2, 100.0, 840.0, 7200.0, 400_000.0].iter().map(|s| duration(*s)).collect();
        assert_eq!(said, ["14 s", "2 min", "14 min", "2 h", "5 days"]);
    }
}
