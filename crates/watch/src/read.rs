//! The reading threads: a slice of one source after the other, handed to the writing thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use signalbox_formats::Progress;
use signalbox_types::{Batch, Problem, ProblemKind};

use crate::mail::{Mail, Slice};
use crate::options::Options;
use crate::queue::{Outcome, Queue};
use crate::show::display_path;
use crate::source::{Source, Stage};

/// One reading thread; returns when the queue is stopped.
pub(crate) fn read_all(queue: &Queue, mail: &Mail, options: &Options, sink: &crate::project::Sink) {
    while let Some(source) = queue.next() {
        let outcome = if mail.wait_for_room() { read_slice(&source, mail, options, sink) } else { Outcome::Void };
        queue.finish(&source, outcome);
    }
}

fn read_slice(source: &Arc<Source>, mail: &Mail, options: &Options, sink: &crate::project::Sink) -> Outcome {
    let (reader, cursor, epoch) = {
        let mut state = source.state();
        (state.reader.take(), state.cursor.clone(), state.epoch)
    };
    let mut reader = match reader {
        Some(reader) => reader,
        None => {
            let from = Some(&cursor).filter(|c| !c.0.is_empty());
            match catch_unwind(AssertUnwindSafe(|| options.formats.open(&source.spec, from))) {
                Ok(reader) => {
                    if options.follow {
                        source.project.attach(source, reader.watch_paths());
                        source.project.tell_mode(sink);
                    }
                    reader
                }
                Err(_) => return fault(source, sink),
            }
        }
    };
    let mut batch = Batch::default();
    let read = catch_unwind(AssertUnwindSafe(|| {
        let progress = reader.read(options.slice_bytes, &mut batch);
        (progress, reader.cursor(), if options.follow { reader.watch_paths() } else { Vec::new() })
    }));
    // A reader that panicked holds no state to go on with, and what it read is not handed on.
    let Ok((progress, new_cursor, paths)) = read else { return fault(source, sink) };
    let missed = options.follow && source.project.attach(source, paths);

    let news = has_news(&batch);
    let mut state = source.state();
    if state.epoch != epoch || state.stage == Stage::Gone {
        return Outcome::Void;
    }
    state.reader = Some(reader);
    state.again |= missed;
    // Slices of what was there already are no rhythm of the writer's.
    if batch.n_points > 0 && state.last_read.is_some() && progress == Progress::CaughtUp {
        state.rhythm.beat((options.clock)());
    }
    match progress {
        Progress::More => source.read_some(&mut state, batch.bytes_read),
        Progress::CaughtUp => source.set_bytes_left(&mut state, 0),
    }
    let moved = state.cursor != new_cursor;
    if moved {
        state.cursor = new_cursor.clone();
    }
    drop(state);
    if moved || news {
        let live = progress == Progress::CaughtUp && batch.bytes_read < 1 << 20;
        mail.put_slice(Slice { source: Arc::clone(source), epoch, batch, cursor: new_cursor, live });
    }
    match progress {
        Progress::More => Outcome::More,
        Progress::CaughtUp => Outcome::CaughtUp { news: news || moved },
    }
}

/// Whether the batch says anything but how much was read.
fn has_news(batch: &Batch) -> bool {
    !(batch.runs.is_empty()
        && batch.models.is_none()
        && batch.problems.is_empty()
        && batch.healed.is_empty()
        && batch.gone.is_empty())
}

/// Our own mistake in a reader must not take the others with it: the source is left alone for a while.
fn fault(source: &Arc<Source>, sink: &crate::project::Sink) -> Outcome {
    let problem = Problem {
        path: display_path(&source.spec.rel),
        offset: None,
        kind: ProblemKind::Unsupported,
        message: format!(
            "Reading this {} source hit a fault in Signalbox itself; what was read before it is shown. Please report it.",
            source.spec.format.title()
        ),
    };
    source.project.add_problem(problem, sink);
    let mut state = source.state();
    state.reader = None;
    state.faulty = true;
    source.set_bytes_left(&mut state, 0);
    Outcome::Failed
}
