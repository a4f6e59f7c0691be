//! The words of free texts.

use crate::distance::Pair;
use crate::gather::Levels;

/// How often each word is there: runs of letters and digits, in lower case. Where there are too many, those of the most
/// usual texts are kept.
pub fn counted(texts: &Levels) -> Levels {
    let mut words = Levels::default();
    for (text, n) in texts.ordered() {
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            words.add(&word.to_lowercase(), n);
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
    // In an order, so that sums have the same last bits each time.
    let full: Vec<u64> = words.ordered().into_iter().map(|(_, n)| n).collect();
    let kept: Vec<u64> = full.iter().map(|n| if *n as f64 * texts >= all as f64 { *n } else { 0 }).collect();
    Pair { reference: &full, current: &kept }.jensen_shannon()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_texts_have_the_same_words_however_many() {
        let texts = || {
            let mut texts = Levels::default();
            (0..60_000).for_each(|at| texts.add(&format!("first{at} second{at}"), 1 + at % 3));
            counted(&texts)
        };
        let (words, again) = (texts(), texts());
        assert_eq!((words.rows.len(), words.n()), (100_000, 240_000));
        assert!(words.beyond > 0 && words.ordered() == again.ordered());
        assert_eq!(noise(&words, 100_000), noise(&again, 100_000));
    }
}
