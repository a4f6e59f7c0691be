//! A chart's frame: of one connection, or of several at once, for a chart may have hundreds of lines.

use std::panic::resume_unwind;
use std::thread;

use rusqlite::OptionalExtension;
use signalbox_series::{FrameSeries, MarkKind, Smooth, Window, frame, frame_head, put_series, series_bytes};
use signalbox_types::{MetricId, RunId};

use crate::curves::Curve;
use crate::{Drawn, FrameQuery, Result, StoreReader};

impl StoreReader {
    /// The binary frame that a chart draws (see `signalbox_series::frame`), one series for each run that has the metric,
    /// in the order asked for. A range that is not given is that of the full data of these runs.
    pub fn frame(&self, query: &FrameQuery) -> Result<Vec<u8>> {
        let _snapshot = self.db.unchecked_transaction()?;
        let curves = Curves::load(self, query, &query.runs)?;
        let series = curves.draw(self, query, window(query, curves.extent))?;
        Ok(frame(&series, curves.extent))
    }
}

/// The same frame by several readers of one store, each on a thread of its own with its share of the runs. What is
/// committed meanwhile, some lines may show and others not yet.
pub fn frame_at_once(readers: &mut [StoreReader], query: &FrameQuery) -> Result<Vec<u8>> {
    if let [reader] = readers {
        return reader.frame(query);
    }
    let share = query.runs.len().div_ceil(readers.len().max(1)).max(1);
    let shares = readers.iter_mut().zip(query.runs.chunks(share));
    let loaded = at_once(shares, |(reader, runs)| {
        // Until it is drawn, so that what a curve's summary says is there.
        let reader = Snapshot::of(reader)?;
        let curves = Curves::load(reader.0, query, runs)?;
        Ok((reader, curves))
    })?;
    let extent = loaded.iter().filter_map(|(_, curves)| curves.extent).reduce(both);
    let window = window(query, extent);
    let drawn = at_once(loaded, |(reader, curves)| curves.draw(reader.0, query, window))?;
    // The bytes are as many as to be worth more than one thread, too.
    let sizes: Vec<usize> = drawn.iter().map(|series| series.iter().map(series_bytes).sum()).collect();
    let head = frame_head(drawn.iter().flatten(), extent);
    let mut out = vec![0; head.len() + sizes.iter().sum::<usize>()];
    let (first, mut rest) = out.split_at_mut(head.len());
    first.copy_from_slice(&head);
    let mut places = Vec::with_capacity(sizes.len());
    for size in sizes {
        let (place, after) = rest.split_at_mut(size);
        places.push(place);
        rest = after;
    }
    at_once(drawn.into_iter().zip(places), |(series, mut place)| {
        for one in &series {
            let (this, after) = place.split_at_mut(series_bytes(one));
            put_series(one, this);
            place = after;
        }
        Ok(())
    })?;
    Ok(out)
}

/// A read transaction that may move to another thread.
struct Snapshot<'a>(&'a mut StoreReader);

impl<'a> Snapshot<'a> {
    fn of(reader: &'a mut StoreReader) -> Result<Self> {
        reader.db.execute_batch("BEGIN")?;
        Ok(Self(reader))
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // Nothing was written; one that cannot be ended fails whoever begins the next.
        let _ = self.0.db.execute_batch("ROLLBACK");
    }
}

/// Each piece of work on a thread of its own; results in their order.
fn at_once<T: Send, R: Send>(work: impl IntoIterator<Item = T>, job: impl Fn(T) -> Result<R> + Sync) -> Result<Vec<R>> {
    thread::scope(|scope| {
        let job = &job;
        let threads: Vec<_> = work.into_iter().map(|one| scope.spawn(move || job(one))).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// The lines of some runs.
struct Curves {
    curves: Vec<(RunId, Curve)>,
    /// The least and the greatest x of their full data.
    extent: Option<(f64, f64)>,
}

impl Curves {
    fn load(reader: &StoreReader, query: &FrameQuery, runs: &[Drawn]) -> Result<Curves> {
        let metric: Option<u32> = reader
            .db
            .prepare_cached("SELECT id FROM metric WHERE project = ? AND name = ?")?
            .query_row((query.project.0, &query.metric), |row| row.get(0))
            .optional()?;
        let mut out = Curves { curves: Vec::with_capacity(runs.len()), extent: None };
        let Some(metric) = metric.map(MetricId) else { return Ok(out) };
        for drawn in runs {
            let Some(curve) = Curve::load(&reader.db, drawn.record, metric)? else { continue };
            if let Some(extent) = curve.extent(&reader.db, &reader.cache, query.axis)? {
                out.extent = Some(out.extent.map_or(extent, |other| both(other, extent)));
            }
            out.curves.push((drawn.shown, curve));
        }
        Ok(out)
    }

    fn draw(&self, reader: &StoreReader, query: &FrameQuery, window: Window) -> Result<Vec<FrameSeries>> {
        let (db, cache) = (&reader.db, &reader.cache);
        let one = |(run, curve): &(RunId, Curve)| {
            let (direct, n_total) = curve.draw(db, cache, query.axis, window)?;
            let (line, raw) = match query.smooth {
                Smooth::None => (direct, None),
                how => (curve.draw_smoothed(db, cache, query.axis, window, how)?.0, Some(direct)),
            };
            Ok(FrameSeries {
                run: *run,
                line,
                raw,
                n_total,
                has_rewinds: curve.whole.all.spot(MarkKind::Rewind).n > 0,
                steps_repeat: !curve.whole.clean,
            })
        };
        self.curves.iter().map(one).collect()
    }
}

fn both(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0.min(b.0), a.1.max(b.1))
}

fn window(query: &FrameQuery, extent: Option<(f64, f64)>) -> Window {
    let (low, high) = extent.unwrap_or((0.0, 0.0));
    Window { x0: query.x0.unwrap_or(low), x1: query.x1.unwrap_or(high), width: query.width.max(1) }
}
