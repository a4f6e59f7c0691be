//! Which trial is whose: stretches of trial ids that follow each other and belong to one study.

use serde::{Deserialize, Serialize};

/// Trials `first..first + n` of a study, the first of which has this number in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, i64, i64, i64)", into = "(i64, i64, i64, i64)")]
pub(super) struct Span {
    first: i64,
    n: i64,
    study: i64,
    number: i64,
}

impl From<(i64, i64, i64, i64)> for Span {
    fn from((first, n, study, number): (i64, i64, i64, i64)) -> Self {
        Span { first, n, study, number }
    }
}

impl From<Span> for (i64, i64, i64, i64) {
    fn from(span: Span) -> Self {
        (span.first, span.n, span.study, span.number)
    }
}

const MAX_NUMBER: i64 = 1 << 53;

/// Ascending by id. One study's trials are one span; studies that run at the same time make more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Spans(Vec<Span>);

impl Spans {
    /// Adds a trial whose id is greater than all before it. Numbers that nobody counts to are not kept.
    pub(super) fn push(&mut self, id: i64, study: i64, number: i64) {
        if ![id, number].iter().all(|x| (0..MAX_NUMBER).contains(x)) {
            return;
        }
        let follows = |s: &&mut Span| s.first + s.n == id && s.study == study && s.number + s.n == number;
        match self.0.last_mut().filter(follows) {
            Some(span) => span.n += 1,
            None => self.0.push(Span { first: id, n: 1, study, number }),
        }
    }

    /// The study of a trial, and its number in it.
    pub(super) fn find(&self, id: i64) -> Option<(i64, i64)> {
        let before = self.0.partition_point(|s| s.first <= id);
        let span = self.0[..before].last()?;
        let offset = id.checked_sub(span.first)?;
        (offset < span.n).then(|| (span.study, span.number + offset))
    }

    /// All trials of a study.
    pub(super) fn of_study(&self, study: i64) -> impl Iterator<Item = i64> + '_ {
        self.0.iter().filter(move |s| s.study == study).flat_map(|s| s.first..s.first + s.n)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = i64> + '_ {
        self.0.iter().flat_map(|s| s.first..s.first + s.n)
    }

    pub(super) fn forget_study(&mut self, study: i64) {
        self.0.retain(|s| s.study != study);
    }

    /// Adds the spans of ids that are not among these.
    pub(super) fn merge(&mut self, other: &Spans) {
        let mut all: Vec<Span> = self.0.iter().chain(&other.0).copied().collect();
        all.sort_by_key(|s| s.first);
        self.0.clear();
        for mut span in all {
            let end = self.0.last().map_or(0, |s| s.first + s.n);
            let skip = (end - span.first).max(0);
            if skip < span.n {
                (span.first, span.n, span.number) = (span.first + skip, span.n - skip, span.number + skip);
                self.0.push(span);
            }
        }
    }

    /// How many spans there are: what they cost to keep.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a cursor's spans can be: ascending, none empty.
    pub(super) fn is_sound(&self) -> bool {
        let is_whole =
            |s: &Span| [s.n.saturating_sub(1), s.first, s.number].iter().all(|x| (0..MAX_NUMBER).contains(x));
        self.0.iter().all(is_whole) && self.0.windows(2).all(|w| w[0].first + w[0].n <= w[1].first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_by_id() {
        let mut spans = Spans::default();
        for (id, study, number) in [(1, 1, 0), (2, 1, 1), (3, 2, 0), (4, 1, 2), (8, 1, 3), (9, 1, 4)] {
            spans.push(id, study, number);
        }
        assert_eq!(spans.len(), 4);
        assert!(spans.is_sound());
        let found: Vec<_> = (0..11).map(|id| spans.find(id)).collect();
        let expected = [
            None,
            Some((1, 0)),
            Some((1, 1)),
            Some((2, 0)),
            Some((1, 2)),
            None,
            None,
            None,
            Some((1, 3)),
            Some((1, 4)),
            None,
        ];
        assert_eq!(found, expected);
        assert_eq!(spans.of_study(1).collect::<Vec<_>>(), [1, 2, 4, 8, 9]);
        spans.push(i64::MAX, 1, 0);
        spans.push(10, 1, -1);
        assert_eq!((spans.find(i64::MAX), spans.len()), (None, 4));
        let read = |json: &str| serde_json::from_str::<Spans>(json).unwrap().is_sound();
        assert!(read("[[0,2,0,0],[2,1,1,0]]"));
        assert!(!read("[[0,2,0,0],[1,1,1,0]]"));
        assert!(!read("[[0,0,0,0]]") && !read("[[-5,1,0,0]]") && !read("[[1,9223372036854775807,0,0]]"));
    }
}
