//! What is drawn of the points of a pixel column, or of blocks that together are no wider than one: first, last, smallest
//! and greatest, and the gaps.

use crate::{MarkKind, Polyline};

/// What came of one pixel column so far; or of blocks that together are no wider than one, wherever they begin: most
/// would cross from one column to the next.
#[derive(Debug)]
pub(crate) struct Group {
    /// `None` of blocks.
    pub column: Option<i64>,
    /// What comes before this x surely belongs to it.
    pub until: f64,
    pub first: (f64, f64),
    pub last: (f64, f64),
    /// y is NaN while no value was finite.
    pub min: (f64, f64),
    pub max: (f64, f64),
    /// By mark kind: where the first one is; NaN where there is none.
    pub spots: [f64; 4],
    pub single: bool,
}

impl Group {
    pub fn of_point(column: i64, until: f64, x: f64, y: f64) -> Self {
        let p = (x, y);
        Self { column: Some(column), until, first: p, last: p, min: p, max: p, spots: [f64::NAN; 4], single: true }
    }

    #[inline]
    pub fn join_point(&mut self, x: f64, y: f64) {
        self.last = (x, y);
        self.single = false;
        // False for NaN, and a NaN extreme gives way.
        if y < self.min.1 || self.min.1.is_nan() {
            self.min = (x, y);
        }
        if y > self.max.1 || self.max.1.is_nan() {
            self.max = (x, y);
        }
    }

    /// What comes after it: its smallest, its greatest and its last point.
    pub fn join(&mut self, min: (f64, f64), max: (f64, f64), last: (f64, f64)) {
        self.join_point(min.0, min.1);
        self.join_point(max.0, max.1);
        self.last = last;
    }

    pub fn spot(&mut self, kind: MarkKind, x: f64) {
        let spot = &mut self.spots[kind.index()];
        if spot.is_nan() {
            *spot = x;
        }
    }

    pub fn draw(&self, out: &mut Polyline) {
        for kind in MarkKind::ALL {
            let x = self.spots[kind.index()];
            if !x.is_nan() {
                out.marks.push((x, kind));
            }
        }
        if self.single {
            out.x.push(self.first.0);
            out.y.push(self.first.1);
            return;
        }
        // First and last enclose the rest; between them the extremes and the gaps, by x.
        let gaps = &self.spots[..MarkKind::Rewind.index()];
        if gaps.iter().all(|x| x.is_nan()) {
            return out.enclosed(self.first, &by_x(self.min, self.max), self.last, !self.min.1.is_nan());
        }
        let mut inner = [(f64::NAN, f64::NAN); 5];
        let mut n = 0;
        let extremes = [self.min, self.max].into_iter().filter(|p| !p.1.is_nan());
        for p in extremes.chain(gaps.iter().filter(|x| !x.is_nan()).map(|x| (*x, f64::NAN))) {
            inner[n] = p;
            n += 1;
        }
        // Stable.
        inner[..n].sort_by(|a, b| a.0.total_cmp(&b.0));
        out.enclosed(self.first, &inner[..n], self.last, true);
    }
}

impl Polyline {
    /// Points between two, each once. Those between are only `some` if that is true.
    #[inline(always)]
    pub(crate) fn enclosed(&mut self, first: (f64, f64), inner: &[(f64, f64)], last: (f64, f64), some: bool) {
        let same = |a: (f64, f64), b: (f64, f64)| (a.0 == b.0) & ((a.1 == b.1) | (a.1.is_nan() & b.1.is_nan()));
        // No branch to guess wrong: each is put down, and counts if it is another than its neighbours.
        let begin = self.x.len();
        let most = begin + inner.len() + 2;
        self.x.resize(most, first.0);
        self.y.resize(most, first.1);
        let (x, y) = (&mut self.x[begin..], &mut self.y[begin..]);
        let (mut n, mut previous) = (1, first);
        for &p in inner {
            let counts = some & !same(p, previous) & !same(p, last);
            (x[n], y[n]) = p;
            n += usize::from(counts);
            previous = if counts { p } else { previous };
        }
        (x[n], y[n]) = last;
        n += usize::from(!same(last, previous));
        self.x.truncate(begin + n);
        self.y.truncate(begin + n);
    }
}

/// Two points in the order of x; which one is first cannot be guessed, so that there is no branch.
pub(crate) fn by_x(a: (f64, f64), b: (f64, f64)) -> [(f64, f64); 2] {
    let all_if_swapped = u64::from(a.0 > b.0).wrapping_neg();
    let two = |a: f64, b: f64| {
        let (a, b) = (a.to_bits(), b.to_bits());
        let differ = (a ^ b) & all_if_swapped;
        [f64::from_bits(a ^ differ), f64::from_bits(b ^ differ)]
    };
    let ([x0, x1], [y0, y1]) = (two(a.0, b.0), two(a.1, b.1));
    [(x0, y0), (x1, y1)]
}
