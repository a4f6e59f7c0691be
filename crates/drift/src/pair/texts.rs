//! Free text: how long it is, and which words it has.

use super::Wanted;
use super::column::{Aligned, put};
use super::report::{ColumnReport, Effect};
use crate::distance::Pair;
use crate::exact::compare as compare_numbers;
use crate::gather::Levels;
use crate::moments::Moments;
use crate::test::chi2;

/// Long enough for sentences, and mostly of several words: of all that are kept, whatever order they are in.
pub fn is_free(levels: &Levels) -> bool {
    let n_spaced = levels.rows.keys().filter(|text| text.contains(char::is_whitespace)).count();
    levels.mean_length() >= 20.0 && n_spaced * 2 > levels.rows.len()
}

pub fn compare(report: &mut ColumnReport, a: &Levels, b: &Levels, wanted: &Wanted) {
    let spread = |levels: &Levels| {
        let mut all = Vec::new();
        for (length, n) in levels.lengths.iter().enumerate() {
            // A sample is enough for a length; the counts stay what they are.
            all.extend(std::iter::repeat_n(length as f64, (*n).min(1 << 22) as usize));
        }
        all
    };
    let (lengths, others) = (spread(a), spread(b));
    if let Some(found) = compare_numbers(&lengths, &others, &[]) {
        put(&mut report.tests, "ks:length", Some(found.ks.d), Some(found.ks.p_value), Some(wanted.rule.alpha));
        let std = Moments::of(&lengths).map_or(0.0, |moments| moments.std);
        if std > 0.0 {
            put(
                &mut report.tests,
                "wasserstein_std:length",
                Some(found.wasserstein / std),
                None,
                Some(wanted.rule.min_wasserstein_std),
            );
            report.p_value = Some(found.ks.p_value);
            report.effect = Some(Effect {
                name: "wasserstein_std:length",
                value: found.wasserstein / std,
                threshold: wanted.rule.min_wasserstein_std,
            });
        }
    }
    let (words, other_words) = (crate::words::counted(a), crate::words::counted(b));
    let aligned = Aligned::of(&words, &other_words);
    let pair = Pair { reference: &aligned.reference, current: &aligned.current };
    let js = pair.jensen_shannon();
    put(&mut report.tests, "js:words", js, None, Some(wanted.rule.min_js));
    report.new_levels = aligned.moved(|x, y| (x == 0 && y > 0).then_some(y));
    report.gone_levels = aligned.moved(|x, y| (y == 0 && x > 0).then_some(x));
    // Words of one text are not drawn alone, so that a test on their counts would see drift where there is none.
    let null = crate::words::noise(&words, b.n() as usize);
    if let (Some(js), Some(null)) = (js, null) {
        let least = wanted.rule.min_js.max(null);
        if js >= least {
            let p_value = chi2(&aligned.reference, &aligned.current).map_or(1.0, |test| test.p_value);
            if report.p_value.is_none_or(|p| p > p_value) {
                report.p_value = Some(p_value);
                report.effect = Some(Effect { name: "js:words", value: js, threshold: least });
            }
        }
    }
}
