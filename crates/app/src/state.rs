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

/// The state and the sentence that says what it rests on. `live` is what the watcher sees of the run's source.
pub(crate) fn state(run: &Run, live: Option<&Liveness>, now: f64) -> (RunState, String) {
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
