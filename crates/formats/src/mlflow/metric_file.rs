//! One metric's history: a line `timestamp_ms value step` a point, in the order of logging.

use std::{fs::File, io, ops::ControlFlow, path::Path};

use serde::{Deserialize, Serialize};
use signalbox_types::{Point, Points, ProblemKind};

use crate::{
    log::news::Trouble,
    stamp::Stamp,
    text::{
        lines::{self, Piece},
        tail::{self, Mark},
    },
};

/// Where reading stands in a metric's file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct MetricMark {
    #[serde(flatten)]
    mark: Mark,
    /// Inside of an over-long line.
    #[serde(rename = "o", default, skip_serializing_if = "std::ops::Not::not")]
    skipping: bool,
    /// Some line was damaged.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    had_trouble: bool,
}

/// What a file had to say.
#[derive(Debug, Default)]
pub(crate) struct MetricNews {
    /// The file is another one: what it said before no longer holds.
    pub reset: bool,
    pub points: Points,
    pub troubles: Vec<Trouble>,
    pub at_end: bool,
}

impl MetricMark {
    /// Whether there is nothing new.
    pub(crate) fn is_current(&self, stamp: Stamp) -> bool {
        self.mark.seen == stamp
    }

    /// Whether some line was damaged, so that a problem of this file still holds.
    pub(crate) fn had_trouble(&self) -> bool {
        self.had_trouble
    }

    /// Reads on. After an error the mark is as before.
    pub(crate) fn read(&mut self, path: &Path, stamp: Stamp, budget: usize, bytes: &mut u64) -> io::Result<MetricNews> {
        let mut file = File::open(path)?;
        let mut news = MetricNews::default();
        let mut next = self.clone();
        if !next.mark.holds(&mut file, bytes)? {
            next = MetricMark::default();
            news.reset = true;
        }
        let feed = |buf: &[u8], at| feed(buf, at, &mut next.skipping, &mut news);
        let stretch = tail::read_stretch(&mut file, next.mark.at, budget, bytes, feed)?;
        next.mark.advance(&mut file, stretch.at, bytes)?;
        next.mark.seen = if stretch.at_end { stamp } else { Stamp::default() };
        next.had_trouble |= !news.troubles.is_empty();
        news.at_end = stretch.at_end;
        *self = next;
        Ok(news)
    }
}

fn feed(buf: &[u8], at: u64, skipping: &mut bool, news: &mut MetricNews) -> usize {
    lines::feed(buf, at, skipping, |piece, offset| {
        match piece {
            Piece::Line(line) => take_line(line.trim_ascii(), offset, news),
            Piece::TooLong(_) => {
                let message = lines::TOO_LONG.to_owned();
                news.troubles.push(Trouble { offset, kind: ProblemKind::TooLarge, message });
            }
        }
        ControlFlow::Continue(())
    })
}

fn take_line(line: &[u8], offset: u64, news: &mut MetricNews) {
    match parse_line(line) {
        Some(point) => news.points.push(point),
        None if line.is_empty() => {}
        None => {
            let n_fields = line.split(|b| *b == b' ').count();
            let message = format!("A line of {n_fields} fields that is no metric value; it was skipped.");
            news.troubles.push(Trouble { offset, kind: ProblemKind::Malformed, message });
        }
    }
}

/// `ts value`, `ts value step` or `ts value step <data set's name and digest, which may hold blanks>`.
fn parse_line(line: &[u8]) -> Option<Point> {
    // A data set's name may be anything; the numbers come first and are ASCII.
    let mut fields = line.split(|b| *b == b' ').filter(|f| !f.is_empty()).map(|f| std::str::from_utf8(f).ok());
    let time = fields.next()??.parse::<f64>().ok()?;
    let value = fields.next()??.parse().ok()?;
    let step = match fields.next() {
        None => 0,
        Some(step) => {
            let step = step?;
            step.parse().ok().or_else(|| crate::text::number::whole(step.parse().ok()?))?
        }
    };
    Some(Point { step, time: time / 1e3, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(i64, f64, f64)>) {
        let found = parse_line(line.as_bytes()).map(|p| (p.step, p.time, p.value));
        assert_eq!(found, expected, "{line:?}");
    }

    #[test]
    fn lines_of_all_ages() {
        check("1795247717773 0.5 3", Some((3, 1_795_247_717.773, 0.5)));
        check("1500000000000 1e-05", Some((0, 1.5e9, 1e-5)));
        check("1500000000000 -inf 7 my data set abc123", Some((7, 1.5e9, f64::NEG_INFINITY)));
        check("1500000000000 1.0 -2", Some((-2, 1.5e9, 1.0)));
        check("1500000000000", None);
        check("1500000000000 high 1", None);
        check("1500000000000 1.0 one", None);
        check("", None);
        assert!(parse_line(b"1 nan 2").unwrap().value.is_nan());
        assert_eq!(parse_line(b"1000 2.5 3 caf\xe9 d1").map(|p| p.step), Some(3));
    }
}
