//! A source that turns out to be another one than was told of: it is told again, from its beginning.

use signalbox_types::Batch;

use crate::Progress;

/// What was told before does not hold.
#[derive(Debug)]
pub(crate) struct Anew;

/// Calls `tell(anew, batch)` until what it says holds: once, or a second time with everything anew. What the first try
/// had put into the batch is taken out of it. `anew`: what was told before is not known.
pub(crate) fn told(
    anew: bool,
    batch: &mut Batch,
    mut tell: impl FnMut(bool, &mut Batch) -> Result<Progress, Anew>,
) -> Progress {
    let (n_points, n_problems) = (batch.n_points, batch.problems.len());
    if let Ok(progress) = tell(anew, batch) {
        return progress;
    }
    batch.n_points = n_points;
    batch.problems.truncate(n_problems);
    // From the beginning nothing can contradict what was told, unless it changes under our hands: then the next look
    // finds it out.
    tell(true, batch).unwrap_or(Progress::CaughtUp)
}
