//! Which column or key counts the steps, and what it says.

use super::number::{Cell, whole};

/// Step-like names, the best axis first.
const NAMES: [&str; 5] = ["step", "global_step", "iteration", "iter", "epoch"];

/// How good an axis a column or key of this name is (0 is best), `None` if it does not count steps.
pub(crate) fn rank(name: &str) -> Option<usize> {
    NAMES.iter().position(|n| name.trim().eq_ignore_ascii_case(n))
}

/// Names under which tools count batches within an epoch.
pub(crate) fn counts_batches(name: &str) -> bool {
    const NAMES: [&str; 5] = ["batch", "batch_idx", "batch_index", "minibatch", "i"];
    NAMES.iter().any(|n| name.trim().eq_ignore_ascii_case(n))
}

/// Names that only a training log uses.
pub(crate) fn is_loss_like(name: &str) -> bool {
    const WORDS: [&str; 22] = [
        "loss",
        "acc",
        "accuracy",
        "auc",
        "f1",
        "mae",
        "mse",
        "rmse",
        "lr",
        "reward",
        "return",
        "perplexity",
        "ppl",
        "map",
        "map50",
        "iou",
        "precision",
        "recall",
        "bleu",
        "error",
        "score",
        "dice",
    ];
    let name = name.to_ascii_lowercase();
    name.contains("loss")
        || name.contains("learning_rate")
        || name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| WORDS.contains(&word))
}

/// What the step cell of a row says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    At(i64),
    /// A number that is no whole one: the rows must be counted instead.
    Fraction,
    Missing,
    Text,
}

pub(crate) fn of_cell(bytes: &[u8], cell: Cell) -> Step {
    // Beyond 2^53 a float no longer tells neighbours apart, the digits do.
    if let Some(step) = std::str::from_utf8(bytes).ok().and_then(|t| t.trim().parse::<i64>().ok()) {
        return Step::At(step);
    }
    match cell {
        Cell::Missing => Step::Missing,
        Cell::Number(x) if x.is_finite() => whole(x).map_or(Step::Fraction, Step::At),
        Cell::Number(_) => Step::Missing,
        Cell::Text => Step::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::number::cell, *};

    #[test]
    fn steps() {
        let check = |text: &str, expected| assert_eq!(of_cell(text.as_bytes(), cell(text.as_bytes(), false)), expected);
        check("7", Step::At(7));
        check(" -3 ", Step::At(-3));
        check("4.0", Step::At(4));
        check("9007199254740993", Step::At(9_007_199_254_740_993));
        check("0.5", Step::Fraction);
        check("", Step::Missing);
        check("nan", Step::Missing);
        check("epoch 3", Step::Text);
    }

    #[test]
    fn names() {
        assert_eq!(rank(" Epoch"), Some(4));
        assert_eq!(rank("step"), Some(0));
        assert_eq!(rank("steps_per_second"), None);
        assert!(is_loss_like("val_loss") && is_loss_like("metrics/mAP50(B)") && is_loss_like("Accuracy"));
        assert!(!is_loss_like("amount") && !is_loss_like("account") && !is_loss_like("balance"));
    }
}
