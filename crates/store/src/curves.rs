//! One metric of one run as a line: from the pyramid where the line is what was written, else from all of its points.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use signalbox_series::{
    Axis, Coordinates, Decimator, Line, MarkKind, PartSummary, PartView, Polyline, Pyramid, Smooth, Whole, Window,
    by_step, by_time, smooth, whole, x_of,
};
use signalbox_types::{MetricId, Points, RunId};

use crate::blocks::{SeriesId, blob, read_from};
use crate::cache::{Cache, Key};
use crate::stored::Stored;
use crate::{PartPoints, Result};

/// A metric of a run: its parts by name, and what follows from their summaries.
#[derive(Debug)]
pub(crate) struct Curve {
    pub run: RunId,
    metric: MetricId,
    parts: Vec<Part>,
    pub whole: Whole,
    /// Where relative time begins.
    origin: f64,
    /// Changes with every point and every restart.
    version: u64,
}

#[derive(Debug)]
struct Part {
    name: String,
    id: SeriesId,
    summary: PartSummary,
}

impl Curve {
    /// `None` if the run has no such metric.
    pub fn load(db: &Connection, run: RunId, metric: MetricId) -> Result<Option<Curve>> {
        let times = db
            .prepare_cached("SELECT first_time, started FROM run WHERE id = ?")?
            .query_row((run.0,), |row| Ok((row.get::<_, Option<f64>>(0)?, row.get::<_, Option<f64>>(1)?)))
            .optional()?;
        let Some((first_time, started)) = times else { return Ok(None) };
        let mut select = db.prepare_cached(
            "SELECT p.name, s.id, s.summary FROM series s JOIN part p ON p.id = s.part WHERE s.run = ? AND s.metric = ?",
        )?;
        let mut rows = select.query((run.0, metric.0))?;
        let mut parts = Vec::new();
        let mut hasher = DefaultHasher::new();
        while let Some(row) = rows.next()? {
            let bytes = blob(row.get_ref(2)?)?;
            let part = Part { name: row.get(0)?, id: SeriesId(row.get(1)?), summary: PartSummary::decode(bytes)? };
            (part.id, bytes).hash(&mut hasher);
            parts.push(part);
        }
        parts.sort_by(|a, b| a.name.cmp(&b.name));
        let Some(whole) = whole(parts.iter().map(|p| &p.summary)) else { return Ok(None) };
        let origin = first_time.or(started).unwrap_or(0.0);
        Ok(Some(Curve { run, metric, parts, whole, origin, version: hasher.finish() }))
    }

    /// Every point, part by part.
    pub fn points(&self, db: &Connection) -> Result<Vec<PartPoints>> {
        let read = |part: &Part| {
            let n = part.summary.all.n;
            let mut points = Points::with_capacity(usize::try_from(n).unwrap_or(0).min(1 << 24));
            read_from(db, part.id, 0, n, &mut points)?;
            Ok(PartPoints { part: part.name.clone(), points })
        };
        self.parts.iter().map(read).collect()
    }

    /// The line over steps or over time, all of its points; kept in the cache.
    pub fn line(&self, db: &Connection, cache: &Cache, over_time: bool) -> Result<Arc<Line>> {
        let key = Key::new(self.run, self.metric, over_time, Smooth::None);
        if let Some(line) = cache.get(&key, self.version) {
            return Ok(line);
        }
        let columns = self.points(db)?;
        let views: Vec<PartView> = self
            .parts
            .iter()
            .zip(&columns)
            .map(|(part, c)| PartView { points: &c.points, below: part.summary.below, cuts: &part.summary.cuts })
            .collect();
        let line = Arc::new(if over_time { by_time(&views) } else { by_step(&views) });
        cache.put(key, self.version, line.clone());
        Ok(line)
    }

    fn smoothed(&self, db: &Connection, cache: &Cache, over_time: bool, how: Smooth) -> Result<Arc<Line>> {
        let key = Key::new(self.run, self.metric, over_time, how);
        if let Some(line) = cache.get(&key, self.version) {
            return Ok(line);
        }
        let line = self.line(db, cache, over_time)?;
        let line = Arc::new(line.with_values(smooth(&line.points().values, how)));
        cache.put(key, self.version, line.clone());
        Ok(line)
    }

    fn x_of(&self, axis: Axis) -> impl Fn(i64, f64) -> f64 + Copy + use<> {
        x_of(axis, self.origin)
    }

    /// Whether the points as they were written are the line.
    fn direct(&self, axis: Axis) -> bool {
        if axis == Axis::Step { self.whole.clean } else { self.whole.times_sorted }
    }

    /// The first and the last x of the full line; `None` of an empty one.
    pub fn extent(&self, db: &Connection, cache: &Cache, axis: Axis) -> Result<Option<(f64, f64)>> {
        let x = self.x_of(axis);
        if axis == Axis::Step {
            return Ok(self.whole.line.map(|l| (l.first_step as f64, l.last.step as f64)));
        }
        if self.direct(axis) {
            let all = &self.whole.all;
            return Ok(Some((x(all.first.step, all.first.time), x(all.last.step, all.last.time))));
        }
        let line = self.line(db, cache, true)?;
        let points = line.points();
        let at = |i: usize| x(points.steps[i], points.times[i]);
        Ok(if points.is_empty() { None } else { Some((at(0), at(points.len() - 1))) })
    }

    /// The line in the window, and how many of its points lie inside.
    pub fn draw(&self, db: &Connection, cache: &Cache, axis: Axis, window: Window) -> Result<(Polyline, u64)> {
        if self.direct(axis) {
            return self.draw_blocks(db, cache, axis, window);
        }
        let line = self.line(db, cache, axis != Axis::Step)?;
        Ok(line.draw(window, self.x_of(axis)))
    }

    /// The smoothed line.
    pub fn draw_smoothed(
        &self,
        db: &Connection,
        cache: &Cache,
        axis: Axis,
        window: Window,
        how: Smooth,
    ) -> Result<(Polyline, u64)> {
        let line = self.smoothed(db, cache, axis != Axis::Step, how)?;
        Ok(line.draw(window, self.x_of(axis)))
    }

    fn draw_blocks(&self, db: &Connection, cache: &Cache, axis: Axis, window: Window) -> Result<(Polyline, u64)> {
        let x = self.x_of(axis);
        let mut inside = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let rewinds = !part.summary.ascending();
            let want = match axis {
                _ if rewinds => Coordinates::Both,
                Axis::Step => Coordinates::Steps,
                Axis::Relative | Axis::Wall => Coordinates::Times,
            };
            let mut pyramid =
                Pyramid::new(Stored::new(db, cache, part.id, want, part.summary.all.n), part.summary.all.n, rewinds, x);
            let all = &part.summary.all;
            // Most often all of it is asked for, or nothing: no need to look.
            let range = if x(all.first.step, all.first.time) > window.x1 {
                0..0
            } else if x(all.last.step, all.last.time) < window.x0 {
                all.n..all.n
            } else if x(all.first.step, all.first.time) >= window.x0 && x(all.last.step, all.last.time) <= window.x1 {
                0..all.n
            } else {
                pyramid.locate(window.x0, window.x1)?
            };
            inside.push((range, pyramid));
        }
        let n_inside = inside.iter().map(|(range, _)| range.end - range.start).sum::<u64>();
        let mut out = Decimator::new(window, n_inside);
        let mut high = None;
        for ((range, mut pyramid), part) in inside.into_iter().zip(&self.parts) {
            let all = &part.summary.all;
            let px = window.pixel();
            let seen = (x(all.last.step, all.last.time).min(window.x1)
                - x(all.first.step, all.first.time).max(window.x0))
            .max(px);
            let per_pixel = if px > 0.0 { (range.end - range.start) as f64 * px / seen } else { f64::INFINITY };
            // One neighbour on either side, so that the line goes on beyond the edge.
            pyramid.draw(range.start.saturating_sub(1)..(range.end + 1).min(all.n), per_pixel, &mut out)?;
            let first = x(all.first.step, all.first.time);
            if high.is_some_and(|high| all.first.step <= high) && (window.x0..=window.x1).contains(&first) {
                out.mark(first, MarkKind::Rewind);
            }
            high = high.max(Some(part.summary.high_step));
        }
        Ok((out.finish(), n_inside))
    }
}
