//! What a run is doing, as far as can honestly be said.
//!
//! Explicit ends first; then proof of life (its process lives, its file is held open); then growth. Silence is
//! "stopped, outcome unknown", never "failed".

use crate::catalogue::Run;
use crate::wire::{RunState, sentence};
use signalbox_types::Status;
use signalbox_watch::Liveness;

/// A writer that flushes rarely (tensorboardX and TensorFlow: 120 s) may be silent for this long.
const QUIET_SECONDS: f64 = 150.0;

/// Records of a training that still writes are not older, unless its clock is wrong or it logs once an hour.
const COPIED_SECONDS: f64 = 3600.0;

/// The state and the sentence that says what it rests on. `live` is what the watcher sees of the run's source.
/// `newest`: the time of its newest point, by whatever record of it tells one.
pub(crate) fn state(run: &Run, live: Option<&Liveness>, newest: Option<f64>, now: f64) -> (RunState, String) {
    let copied = live.filter(|live| live.alive && live.by_file_times).and_then(|_| copied(newest?, now));
    let live = copied.as_ref().or(live);
    let tool = run.origin.format.title();
    match run.row.status {
        Status::Finished => (RunState::Finished, format!("{tool} says that it finished.")),
        Status::Failed => (RunState::Failed, format!("{tool} says that it failed.")),
        Status::Killed => (RunState::Killed, format!("{tool} says that it was killed.")),
        Status::Scheduled => (RunState::Scheduled, format!("{tool} says that it is scheduled.")),
        Status::Running => match life(run, live, now) {
            Some(why) => (RunState::Running, why),
            None => {
                let seen = live.map_or_else(|| "nothing shows life".to_owned(), |l| l.why.clone());
                (RunState::Silent, format!("{tool} says that it is running, but {seen}."))
            }
        },
        Status::Unknown => match life(run, live, now) {
            Some(why) => (RunState::Running, why),
            None => {
                let seen = live.map_or_else(String::new, |l| format!(" ({})", l.why));
                (RunState::Stopped, format!("{tool} does not say how it ended{seen}."))
            }
        },
    }
}

/// Files of a moment ago with records of long ago were copied, cloned or unpacked: nobody writes to them for that.
fn copied(newest: f64, now: f64) -> Option<Liveness> {
    let hours = (now - newest) / 3600.0;
    let old = if hours < 48.0 { format!("{hours:.0} h") } else { format!("{:.0} days", hours / 24.0) };
    let why = format!("its files are new, its newest record is {old} old: a copy");
    (hours * 3600.0 > COPIED_SECONDS).then(|| Liveness { why, ..Liveness::default() })
}

/// Why the run is thought to be alive.
fn life(run: &Run, live: Option<&Liveness>, now: f64) -> Option<String> {
    let sign = run.last_time().unwrap_or(f64::NEG_INFINITY).max(run.row.started.unwrap_or(f64::NEG_INFINITY));
    let quiet = now - sign;
    if let Some(live) = live {
        // A database that a process holds open tells of its runs together: of one that has been silent for
        // long among others that move, the process says nothing.
        if live.alive && (live.of_this_run || quiet < QUIET_SECONDS * 4.0) {
            return Some(sentence(&live.why));
        }
        if live.gone {
            return None;
        }
    }
    // By the writer's clock: a point from the future is a clock that jumped, not life.
    (quiet > -60.0 && quiet < QUIET_SECONDS && live.is_none_or(|l| l.alive))
        .then(|| format!("Its last record is {quiet:.0} s old."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::tests::{Told, catalogue};
    use signalbox_types::Format;

    #[test]
    fn a_copy_is_not_running() {
        let now = 1_795_255_200.0;
        let live =
            Liveness { alive: true, of_this_run: true, by_file_times: true, why: "w".into(), ..Liveness::default() };
        let catalogue = catalogue(&[Told(Format::Csv, "a.csv", None, &[])]);
        let told = |age: f64, live: &Liveness| state(&catalogue.runs[0], Some(live), Some(now - age), now);
        assert_eq!(told(60.0, &live).0, RunState::Running);
        let (state, why) = told(3.0 * 86_400.0, &live);
        assert_eq!((state, why.contains("3 days old: a copy")), (RunState::Stopped, true), "{why}");
        // Seen to grow, or held open: its clock is wrong.
        assert_eq!(told(7_200.0, &Liveness { by_file_times: false, ..live }).0, RunState::Running);
    }
}
