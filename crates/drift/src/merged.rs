//! Two sorted samples walked together.

/// The pooled sample's distinct values, ascending, each with how many values of either sample are no greater.
pub(crate) struct Merged<'a> {
    reference: &'a [f64],
    current: &'a [f64],
    seen: (usize, usize),
}

impl<'a> Merged<'a> {
    pub fn of(reference: &'a [f64], current: &'a [f64]) -> Merged<'a> {
        Merged { reference, current, seen: (0, 0) }
    }
}

impl Iterator for Merged<'_> {
    type Item = (f64, (usize, usize));

    fn next(&mut self) -> Option<Self::Item> {
        let (left, right) = (&self.reference[self.seen.0..], &self.current[self.seen.1..]);
        let value = match (left.first(), right.first()) {
            (Some(a), Some(b)) => a.min(*b),
            (one, other) => *one.or(other)?,
        };
        // What is not greater: a NaN, which does not belong here, is passed by, and ends no walk.
        let passed = |values: &[f64]| {
            values
                .iter()
                .take_while(|other| !matches!(other.partial_cmp(&&value), Some(std::cmp::Ordering::Greater)))
                .count()
        };
        self.seen = (self.seen.0 + passed(left), self.seen.1 + passed(right));
        Some((value, self.seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_comes_once_and_the_walk_ends_whatever_comes() {
        let all: Vec<_> = Merged::of(&[1.0, 2.0, 2.0], &[-0.0, 0.0, 2.0, 3.0]).collect();
        assert_eq!(all, [(0.0, (0, 2)), (1.0, (1, 2)), (2.0, (3, 3)), (3.0, (3, 4))]);
        assert!(Merged::of(&[f64::NAN, 1.0], &[2.0, f64::NAN]).count() <= 4);
        assert_eq!(Merged::of(&[], &[]).count(), 0);
    }
}
