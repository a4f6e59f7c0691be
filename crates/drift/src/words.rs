//! The words of free texts.

use crate::distance::Pair;
use crate::gather::Levels;

/// How often each word is there: runs of letters and digits, in lower case.
pub fn counted(texts: &Levels) -> Levels {
    let mut words = Levels::default();
    for (text, n) in &texts.rows {
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            words.add(&word.to_lowercase(), *n);
        }
    }
    words
}

/// What Jensen and Shannon's distance comes to, about, when as many texts are drawn from the same source: the reference's
/// words, each as often as a smaller sample would have it. A rough bound, so that few texts with many rare words are no
/// drift.
pub fn noise(words: &Levels, n_texts: usize) -> Option<f64> {
    let all = words.n();
    let texts = n_texts.max(1) as f64;
    let drawn: Vec<u64> = words.rows.values().map(|n| u64::from(*n as f64 * texts >= all as f64)).collect();
    let kept: Vec<u64> = words.rows.values().zip(&drawn).map(|(n, is)| n * is).collect();
    let full: Vec<u64> = words.rows.values().copied().collect();
    Pair { reference: &full, current: &kept }.jensen_shannon()
}
