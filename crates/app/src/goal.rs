//! Which way a metric is better, from its name, where the name tells.

use crate::wire::Goal;

const LESS: [&str; 22] = [
    "loss",
    "error",
    "err",
    "rmse",
    "mse",
    "mae",
    "mape",
    "perplexity",
    "ppl",
    "nll",
    "wer",
    "cer",
    "fid",
    "logloss",
    "deviance",
    "divergence",
    "brier",
    "ece",
    "regret",
    "cost",
    "distance",
    "bpc",
];
const MORE: [&str; 24] = [
    "acc",
    "accuracy",
    "auc",
    "auroc",
    "auprc",
    "f1",
    "fscore",
    "precision",
    "recall",
    "map",
    "map50",
    "ap",
    "r2",
    "score",
    "reward",
    "return",
    "bleu",
    "rouge",
    "iou",
    "dice",
    "psnr",
    "ssim",
    "ndcg",
    "kappa",
];

/// Looks at the words of the name's last part first: `val/loss`, `metrics/mAP50-95(B)`, `eval_f1_macro`.
pub(crate) fn goal(metric: &str) -> Option<Goal> {
    let last = metric.rsplit('/').next().unwrap_or(metric);
    of_words(last).or_else(|| of_words(metric))
}

fn of_words(text: &str) -> Option<Goal> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    for word in words.iter().rev() {
        if LESS.contains(word) || word.ends_with("loss") {
            return Some(Goal::Min);
        }
        if MORE.contains(word) || word.ends_with("accuracy") {
            return Some(Goal::Max);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell() {
        let cases = [
            ("val_loss", Some(Goal::Min)),
            ("train/box_loss", Some(Goal::Min)),
            ("valLoss", Some(Goal::Min)),
            ("metrics/mAP50-95(B)", Some(Goal::Max)),
            ("eval_f1_macro", Some(Goal::Max)),
            ("val/acc", Some(Goal::Max)),
            ("learning_rate", None),
            ("lr", None),
            ("epoch", None),
            ("grad_norm", None),
        ];
        for (name, expected) in cases {
            assert_eq!(goal(name), expected, "{name}");
        }
    }
}
