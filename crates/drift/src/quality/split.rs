//! Splits that keep the classes' shares, as scikit-learn makes them.

use super::random_state::RandomState;

/// Rows by their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    pub train: Vec<usize>,
    pub test: Vec<usize>,
}

/// `StratifiedShuffleSplit(rounds, test_size=0.1, random_state=seed)` of two classes: the same rows in the same order.
/// `None` if a class has fewer than two rows, or the test fewer rows than there are classes (scikit-learn refuses).
pub fn stratified_shuffle_splits(labels: &[bool], rounds: usize, seed: u32) -> Option<Vec<Split>> {
    let classes: Vec<Vec<usize>> =
        [false, true].iter().map(|class| (0..labels.len()).filter(|row| labels[*row] == *class).collect()).collect();
    let classes: Vec<Vec<usize>> = classes.into_iter().filter(|rows: &Vec<usize>| !rows.is_empty()).collect();
    let n_test = (labels.len() as f64 * 0.1).ceil() as usize;
    let n_train = labels.len() - n_test;
    if labels.is_empty()
        || classes.iter().any(|rows| rows.len() < 2)
        || n_test < classes.len()
        || n_train < classes.len()
    {
        return None;
    }
    let mut random = RandomState::seeded(seed);
    let split = |_| {
        let counts: Vec<usize> = classes.iter().map(Vec::len).collect();
        let train_counts = shares(&counts, n_train, &mut random);
        let left: Vec<usize> = counts.iter().zip(&train_counts).map(|(all, taken)| all - taken).collect();
        let test_counts = shares(&left, n_test, &mut random);
        let mut split = Split { train: Vec::new(), test: Vec::new() };
        for (rows, (n, m)) in classes.iter().zip(train_counts.into_iter().zip(test_counts)) {
            let order = random.permutation(rows.len());
            split.train.extend(order[..n].iter().map(|at| rows[*at]));
            split.test.extend(order[n..n + m].iter().map(|at| rows[*at]));
        }
        random.shuffle(&mut split.train);
        random.shuffle(&mut split.test);
        split
    };
    Some((0..rounds).map(split).collect())
}

/// scikit-learn's `_approximate_mode`: how many of `drawn` rows each class gives; what the floors leave goes to the
/// largest remainders, equal ones by lot.
fn shares(counts: &[usize], drawn: usize, random: &mut RandomState) -> Vec<usize> {
    let all = counts.iter().sum::<usize>() as f64;
    let exact: Vec<f64> = counts.iter().map(|count| *count as f64 / all * drawn as f64).collect();
    let mut given: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let mut missing = drawn.saturating_sub(given.iter().sum());
    let rest: Vec<f64> = exact.iter().map(|share| share - share.floor()).collect();
    let mut values = rest.clone();
    values.sort_unstable_by(|a, b| b.total_cmp(a));
    values.dedup();
    for value in values {
        if missing == 0 {
            break;
        }
        let tied: Vec<usize> = (0..rest.len()).filter(|class| rest[*class] == value).collect();
        let taken = tied.len().min(missing);
        // `choice` without replacement: the first of a permutation, drawn even of one.
        for at in &random.permutation(tied.len())[..taken] {
            given[tied[*at]] += 1;
        }
        missing -= taken;
    }
    given
}
