//! What a monitor has counted, summed for who asks: its row, its view, any window, the last hours for a gate.

use super::{Frozen, Kept, Watched};
use crate::app::now;
use crate::data::importance;
use crate::wire::*;
use signalbox_drift::monitor::{Cell, HOUR, QualityPoint, Task, Timeline, Window, of_quality, timeline, window};
use signalbox_drift::read::{Fingerprint, Problem};
use signalbox_drift::verdict::Rule;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const NANOS: i128 = 1_000_000_000;
/// Hours that a clock without a zone may be ahead, and one to spare.
const ZONES: i64 = 15;

impl Watched {
    pub fn row(&self) -> MonitorRow {
        let state = self.read();
        MonitorRow {
            project: self.project,
            name: self.name.clone(),
            definition: self.definition.clone(),
            in_policy: self.in_policy,
            state: state.state,
            trouble: state.trouble.clone(),
            files_done: state.files_done,
            files: state.n_files,
            rows: state.files.values().flat_map(|kept| &kept.cells.cells).map(|(_, _, cell)| cell.rows).sum(),
            n_lost: state.problems().iter().filter(|problem| problem.lost).count(),
            alert: state.alert.clone(),
            judged: state.is_judged,
            table: self
                .table
                .as_ref()
                .map(|at| at.of_row(&self.definition, state.asked.credential.clone(), state.asked.at)),
        }
    }

    pub fn view(&self, segment: Option<&str>, hours: Option<i64>) -> MonitorView {
        let row = self.row();
        let timeline = self.timeline(segment, hours, &self.rule);
        // A page of text: read when it is asked for, it is never old.
        let told = self.definition.importance.as_ref().map(|path| importance::read(&self.root.join(path)));
        let (importance, trouble) = match told {
            Some(Ok(shares)) => (shares, None),
            Some(Err(why)) => (BTreeMap::new(), Some(why)),
            None => (BTreeMap::new(), None),
        };
        let state = self.read();
        let mut problems = state.problems();
        problems.extend(trouble.map(|message| Problem {
            file: self.definition.importance.clone().unwrap_or_default(),
            column: None,
            place: None,
            lost: false,
            message,
            hint: Some("It is read again each time.".into()),
        }));
        MonitorView {
            row,
            timeline,
            digest: state.frozen.as_ref().map(|frozen| frozen.digest.clone()),
            reference_rows: state.frozen.as_ref().map_or(0, |frozen| frozen.reference.n_rows),
            rule: self.rule,
            problems,
            importance,
            n_timeless: state.files.values().map(|kept| kept.cells.n_timeless).sum(),
            n_labels: state.n_labels,
        }
    }

    pub(super) fn timeline(&self, segment: Option<&str>, hours: Option<i64>, rule: &Rule) -> Option<Timeline> {
        let state = self.read();
        let frozen = state.frozen.clone()?;
        let cells: Vec<(i64, &str, &Cell)> = state.cells().collect();
        let model = (&frozen.task, frozen.baseline.as_ref());
        Some(timeline(&frozen.reference, &cells, model, segment, hours, rule))
    }

    pub fn window(&self, segment: Option<&str>, hours: Range<i64>) -> Option<Window> {
        let (sum, frozen) = self.sum(segment, hours)?;
        let own;
        let whole = if segment.is_none() {
            &frozen.whole
        } else {
            own = frozen.reference.of(segment);
            &own
        };
        Some(window(&frozen.reference, whole, &sum, &self.rule))
    }

    fn sum(&self, segment: Option<&str>, hours: Range<i64>) -> Option<(Cell, Arc<Frozen>)> {
        let state = self.read();
        let frozen = state.frozen.clone()?;
        let mut sum = Cell::empty(&frozen.reference);
        for (hour, name, cell) in state.cells() {
            if hours.contains(&hour) && segment.is_none_or(|segment| segment == name) {
                sum.add(cell);
            }
        }
        Some((sum, frozen))
    }

    /// Those with rows of these hours; of files with none at all, or with rows without a time, those that were written
    /// since then: an empty or unreadable file is what rules are for.
    fn files_within(&self, hours: Range<i64>) -> Vec<PathBuf> {
        if self.table.is_some() {
            return Vec::new();
        }
        let is_within = |(path, kept): &(&PathBuf, &Kept)| {
            let cells = &kept.cells;
            let written = || Fingerprint::of(path).is_ok_and(|of| (of.modified / NANOS) as i64 / HOUR >= hours.start);
            cells.cells.iter().any(|(hour, _, _)| hours.contains(hour))
                || (cells.cells.is_empty() || cells.n_timeless > 0) && written()
        };
        self.read().files.iter().filter(is_within).map(|(path, _)| path.clone()).collect()
    }

    /// The last hours that there are, for a gate: what they hold, and by which reference; waits for what is being read.
    pub fn last_hours(&self, hours: i64, until: Instant) -> Result<LastHours, String> {
        // A table is asked now and then only, and a gate is about now.
        if self.table.is_some() {
            self.look_again(false);
        }
        loop {
            let (state, trouble, is_due) = {
                let state = self.read();
                (state.state, state.trouble.clone(), state.asked.is_wanted)
            };
            match state {
                MonitorState::Asking if !is_due => {
                    return Err("nobody has allowed yet to ask the engine that has its table".into());
                }
                MonitorState::Watching if !is_due => break,
                MonitorState::Failed if !is_due => return Err(trouble.unwrap_or_else(|| "it failed".into())),
                _ if Instant::now() > until || self.is_stopped() => return Err("its data are still being read".into()),
                _ => thread::sleep(Duration::from_millis(50)),
            }
        }
        let till = self.till().ok_or("there are no data yet")?;
        let (cell, frozen) = self.sum(None, till - hours..till).ok_or("the reference is not read")?;
        let window = window(&frozen.reference, &frozen.whole, &cell, &self.rule);
        let point = cell.quality.as_ref().map(|quality| of_quality(quality, &frozen.task, frozen.baseline.as_ref()));
        let files = self.files_within(till - hours..till);
        let table = self.table.as_ref().map(|at| vec![at.key()]);
        let (lost, n_timeless, n_later) = self.unseen(table.as_ref().unwrap_or(&files), till);
        // A table's are those of all its hours, not only of its last.
        let timeless_of = if table.is_some() { self.row().rows } else { window.rows };
        Ok(LastHours {
            from: till - hours,
            till,
            window,
            quality: point,
            cell,
            task: frozen.task.clone(),
            digest: frozen.digest.clone(),
            files,
            lost,
            n_timeless,
            timeless_of,
            n_later,
        })
    }

    /// The end of the last hour that has rows. A clock that went wrong, or a date of 9999, is not the last hour: what lies
    /// further ahead than any zone's clock is left out, unless there is nothing else.
    fn till(&self) -> Option<i64> {
        let state = self.read();
        let ahead = (now() / HOUR as f64) as i64 + ZONES;
        let until = |most: i64| state.cells().map(|(hour, _, _)| hour + 1).filter(|end| *end <= most).max();
        until(ahead).or_else(|| until(i64::MAX))
    }

    /// Of these files: what could not be read, how many rows have no time, and how many one that is not before `till`.
    fn unseen(&self, files: &[PathBuf], till: i64) -> (Vec<Problem>, u64, u64) {
        let state = self.read();
        let (mut lost, mut n_timeless, mut n_later) = (state.left_out.clone(), 0, 0);
        for kept in files.iter().filter_map(|path| state.files.get(path)) {
            lost.extend(kept.problems.clone());
            let later = kept.cells.cells.iter().filter(|(hour, _, _)| *hour >= till);
            n_timeless += kept.cells.n_timeless;
            n_later += later.map(|(_, _, cell)| cell.rows).sum::<u64>();
        }
        (lost.told().into_iter().filter(|problem| problem.lost).collect(), n_timeless, n_later)
    }
}

/// What a gate is judged by.
pub(in crate::data) struct LastHours {
    pub from: i64,
    pub till: i64,
    pub window: Window,
    pub quality: Option<QualityPoint>,
    pub cell: Cell,
    pub task: Task,
    pub digest: String,
    /// Those with rows of these hours.
    pub files: Vec<PathBuf>,
    /// What of them could not be read.
    pub lost: Vec<Problem>,
    /// Their rows without a time, and of how many these are; their rows with one that has not come yet.
    pub n_timeless: u64,
    pub timeless_of: u64,
    pub n_later: u64,
}
