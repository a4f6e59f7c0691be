//! What methods compare.

/// One column of one side, nulls, NaN and infinities taken out: they are rates of their own.
#[derive(Clone, Copy, Debug)]
pub enum Sample<'a> {
    /// Sorted ascending.
    Numbers(&'a [f64]),
    /// Each level once with its count, sorted by level.
    Levels(&'a [(String, u64)]),
}

impl Sample<'_> {
    pub fn n_rows(&self) -> u64 {
        match self {
            Sample::Numbers(numbers) => numbers.len() as u64,
            Sample::Levels(levels) => levels.iter().map(|(_, count)| count).sum(),
        }
    }
}

/// The counts of each level of either, in the levels' order.
pub(super) fn aligned(reference: &[(String, u64)], current: &[(String, u64)]) -> (Vec<u64>, Vec<u64>) {
    let (mut a, mut b) = (reference.iter().peekable(), current.iter().peekable());
    let mut counts = (Vec::new(), Vec::new());
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some((left, _)), Some((right, _))) => left.cmp(right),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return counts,
        };
        counts.0.push(if order.is_le() { a.next().map_or(0, |(_, count)| *count) } else { 0 });
        counts.1.push(if order.is_ge() { b.next().map_or(0, |(_, count)| *count) } else { 0 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_stand_side_by_side_wherever_they_are_missing() {
        let of = |levels: &[(&str, u64)]| levels.iter().map(|(level, n)| ((*level).to_owned(), *n)).collect::<Vec<_>>();
        let (a, b) = aligned(&of(&[("a", 1), ("c", 2), ("d", 3)]), &of(&[("b", 4), ("c", 5), ("e", 6)]));
        assert_eq!((a, b), (vec![1, 0, 2, 3, 0], vec![0, 4, 5, 0, 6]));
        assert_eq!(aligned(&[], &of(&[("x", 1)])), (vec![0], vec![1]));
    }
}
