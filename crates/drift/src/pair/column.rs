//! One column of both sides.

use super::Wanted;
use super::histogram::{self, Histogram};
use super::report::{ColumnReport, Effect, LevelMove, Move, Rate, TestReport};
use super::significance::significance;
use super::{lists, texts};
use crate::bins::Bins;
use crate::distance::{Fill, Pair, present};
use crate::exact::compare;
use crate::gather::{Counts, Gathered, Held, Levels};
use crate::method::{Method, Sample, Takes};
use crate::read::Kind;
use crate::test::{chi2, fisher_exact};
use crate::verdict::Verdict;
use std::collections::BTreeMap;

/// Both sides of a column.
pub struct ColumnPair {
    pub name: String,
    pub reference: Gathered,
    pub current: Gathered,
    /// The types, as the files have them.
    pub physical: (String, String),
}

/// Levels that come or go are listed up to this many.
const MAX_MOVED: usize = 20;

type Tests = BTreeMap<String, TestReport>;

pub fn compare_columns(pair: ColumnPair, wanted: &Wanted) -> ColumnReport {
    let ColumnPair { name, mut reference, mut current, physical } = pair;
    agree(&mut reference, &mut current);
    let sides = (Move::of(physical.0, &reference), Move::of(physical.1, &current));
    let n = [reference.counts.values(), current.counts.values()];
    let mut report = ColumnReport {
        kind: reference.kind,
        tests: Tests::new(),
        effect: None,
        p_value: None,
        p_adjusted: None,
        by: None,
        histogram: None,
        rates: rates(&reference.counts, &current.counts),
        new_levels: Vec::new(),
        gone_levels: Vec::new(),
        verdict: Verdict::NoDrift,
        says: String::new(),
        settled: None,
        name,
        reference: None,
        current: None,
    };
    if reference.kind != current.kind {
        report.settled = Some((Verdict::TypeChanged, changed((&sides.0, reference.kind), (&sides.1, current.kind))));
    } else {
        match (&mut reference.held, &mut current.held) {
            (Held::Numbers(a), Held::Numbers(b)) => numbers(&mut report, a, b, &sides, wanted),
            (Held::Levels(a), Held::Levels(b)) => levels(&mut report, a, b, wanted),
            (
                Held::Lists { lengths: a, items, vectors },
                Held::Lists { lengths: b, items: others, vectors: other_vectors },
            ) => lists::compare(&mut report, (a, items, vectors), (b, others, other_vectors), wanted),
            _ => {}
        }
    }
    report.tests.values_mut().filter(|test| test.n == [0, 0]).for_each(|test| test.n = n);
    if report.settled.is_none()
        && n.iter().any(|n| *n < wanted.rule.min_rows)
        && is_unsure(&report, &reference, &current, wanted)
    {
        let said = format!(
            "{} values in the reference and {} now: too few to tell (at least {} of each).",
            n[0], n[1], wanted.rule.min_rows
        );
        report.settled = Some((Verdict::TooFewRows, said));
    }
    (report.reference, report.current) = (Some(sides.0), Some(sides.1));
    report
}

/// Text files have one type for all that their columns may hold.
fn changed(before: (&Move, Kind), after: (&Move, Kind)) -> String {
    if before.0.physical != after.0.physical {
        return format!("It was {}, and is {} now.", before.0.physical, after.0.physical);
    }
    let what = |kind: Kind| match kind {
        Kind::Numeric => "numbers",
        Kind::Boolean => "true and false",
        Kind::Categorical => "texts",
        Kind::Datetime => "times",
        Kind::List => "lists of numbers",
        Kind::Opaque => "neither numbers nor texts",
    };
    format!("It held {}, and holds {} now.", what(before.1), what(after.1))
}

/// A side without a single value has whatever kind the other has.
fn agree(reference: &mut Gathered, current: &mut Gathered) {
    if reference.kind == current.kind {
        return;
    }
    let adopt = |empty: &mut Gathered, kind: Kind| {
        let counts = empty.counts;
        *empty = Gathered::new(kind, None);
        empty.counts = counts;
    };
    if current.counts.nulls == current.counts.rows {
        adopt(current, reference.kind);
    } else if reference.counts.nulls == reference.counts.rows {
        adopt(reference, current.kind);
    }
}

/// Few values, and not because the others have turned into nulls: that is a finding of its own.
fn is_unsure(report: &ColumnReport, reference: &Gathered, current: &Gathered, wanted: &Wanted) -> bool {
    let few_rows = reference.counts.rows.min(current.counts.rows) < wanted.rule.min_rows;
    let gone = report.rates.iter().any(|rate| {
        rate.p_value < wanted.rule.alpha / 10.0 && (rate.current - rate.reference).abs() >= wanted.rule.min_share
    });
    few_rows || !gone
}

/// Of rows without a value that can be compared.
pub fn rates(a: &Counts, b: &Counts) -> Vec<Rate> {
    let mut found = Vec::new();
    for (of, x, y) in [
        ("nulls", a.nulls, b.nulls),
        ("NaN", a.nan, b.nan),
        ("+∞", a.pos_inf, b.pos_inf),
        ("−∞", a.neg_inf, b.neg_inf),
        ("another type", a.mismatched, b.mismatched),
    ] {
        if x + y == 0 || a.rows == 0 || b.rows == 0 {
            continue;
        }
        let rows = ([x, a.rows - x], [y, b.rows - y]);
        let p_value = two_by_two(&rows.0, &rows.1).unwrap_or(1.0);
        let share = |n: u64, rows: u64| n as f64 / rows as f64;
        found.push(Rate { of, reference: share(x, a.rows), current: share(y, b.rows), p_value, p_adjusted: p_value });
    }
    found
}

/// Pearson's, or Fisher's where a cell is expected to be below five.
fn two_by_two(a: &[u64; 2], b: &[u64; 2]) -> Option<f64> {
    let pearson = chi2(a, b)?;
    Some(if pearson.min_expected < 5.0 { fisher_exact(*a, *b) } else { pearson.p_value })
}

pub fn put(tests: &mut Tests, name: &str, statistic: Option<f64>, p_value: Option<f64>, threshold: Option<f64>) {
    let statistic = statistic.filter(|value| value.is_finite());
    let refused = statistic.is_none().then(|| "It has no finite value here.".to_owned());
    tests.insert(name.to_owned(), TestReport { statistic, p_value, threshold, n: [0, 0], interval: None, refused });
}

fn numbers(report: &mut ColumnReport, a: &mut [f64], b: &mut [f64], sides: &(Move, Move), wanted: &Wanted) {
    let asked = histogram::asked();
    let at: Vec<f64> = asked.iter().map(|(at, _)| *at).collect();
    let Some(found) = compare(a, b, &at) else {
        return named(&mut report.tests, &wanted.methods, &Sample::Numbers(a), &Sample::Numbers(b));
    };
    let rows = (a.len() as u64, b.len() as u64);
    let (x, y) = match Bins::of_few(a) {
        Some(bins) => {
            let (x, y) = (bins.count(a), bins.count(b));
            report.histogram = Histogram::of_values(&bins, &x, &y);
            (x, y)
        }
        None => {
            if let (Some(before), Some(after)) = (sides.0.moments, sides.1.moments) {
                let ends = (before.min.min(after.min), before.max.max(after.max));
                report.histogram = Some(Histogram::of_numbers(&found, ends, rows));
            }
            let is_decile = |at: &usize| asked[*at].1;
            let deciles: Vec<(f64, (u64, u64))> =
                (0..asked.len()).filter(is_decile).map(|at| (found.quantiles[at], found.below[at])).collect();
            between(&deciles, rows)
        }
    };
    let std = sides.0.moments.map_or(0.0, |moments| moments.std);
    // A constant has no deviation to measure by: the share of rows that are not it any more.
    let (name, value, least) = if std > 0.0 {
        ("wasserstein_std", found.wasserstein / std, wanted.rule.min_wasserstein_std)
    } else {
        let other = b.iter().filter(|value| **value != a[0]).count() as f64 / b.len() as f64;
        ("share of other values", other, wanted.rule.min_wasserstein_std)
    };
    report.p_value = Some(found.ks.p_value);
    report.effect = Some(Effect { name, value, threshold: least });
    let tests = &mut report.tests;
    put(tests, "ks", Some(found.ks.d), Some(found.ks.p_value), Some(wanted.rule.alpha));
    put(tests, "wasserstein", Some(found.wasserstein), None, None);
    if std > 0.0 {
        put(tests, "wasserstein_std", Some(found.wasserstein / std), None, Some(wanted.rule.min_wasserstein_std));
    }
    counted(tests, &x, &y, wanted);
    settle_numbers(report, a, b, sides);
    if !wanted.methods.is_empty() {
        a.sort_unstable_by(f64::total_cmp);
        b.sort_unstable_by(f64::total_cmp);
        named(&mut report.tests, &wanted.methods, &Sample::Numbers(a), &Sample::Numbers(b));
    }
}

/// Counts on the bins that the deciles bound, each edge once.
fn between(below: &[(f64, (u64, u64))], all: (u64, u64)) -> (Vec<u64>, Vec<u64>) {
    let mut cuts: Vec<(u64, u64)> = Vec::new();
    for (at, (edge, cut)) in below.iter().enumerate() {
        if at == 0 || *edge != below[at - 1].0 {
            cuts.push(*cut);
        }
    }
    cuts.push(all);
    let mut last = (0, 0);
    let step = |cut: (u64, u64)| {
        let rows = (cut.0 - last.0, cut.1 - last.1);
        last = cut;
        rows
    };
    cuts.into_iter().map(step).unzip()
}

/// Distances of counts on the same bins or levels.
fn counted(tests: &mut Tests, a: &[u64], b: &[u64], wanted: &Wanted) {
    let (a, b) = present(a, b);
    let pair = Pair { reference: &a, current: &b };
    put(tests, "psi", pair.psi(Fill::HalfARow), None, pair.psi_critical(wanted.rule.alpha));
    put(tests, "js", pair.jensen_shannon(), None, Some(wanted.rule.min_js));
    put(tests, "hellinger", pair.hellinger(), None, None);
    put(tests, "tvd", pair.total_variation(), None, None);
}

/// Columns that are not meant to stay the same.
fn settle_numbers(report: &mut ColumnReport, a: &[f64], b: &[f64], sides: &(Move, Move)) {
    let (Some(before), Some(after)) = (sides.0.moments, sides.1.moments) else { return };
    if report.kind == Kind::Datetime && (after.min > before.max || after.max < before.min) {
        report.settled = Some((Verdict::NotJudged, "A time that has gone on: it is not meant to stay.".into()));
        return;
    }
    // Text files know no integers.
    let is_whole = || sides.0.physical.contains("int") || a.iter().chain(b).all(|value| value.fract() == 0.0);
    if looks_like_an_id(&report.name) && a.len() > 1 && is_whole() && each_is_another(a) && each_is_another(b) {
        report.settled = Some((Verdict::NotJudged, "An identifier: each row has another.".into()));
    }
}

fn looks_like_an_id(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(&*name, "id" | "index" | "idx" | "row" | "row_number" | "unnamed: 0" | "__index_level_0__" | "uuid")
        || name.ends_with("_id")
}

/// In whatever order: rows may have been shuffled.
fn each_is_another(values: &[f64]) -> bool {
    if values.windows(2).all(|two| two[0] < two[1]) {
        return true;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.windows(2).all(|two| two[0] < two[1])
}

fn levels(report: &mut ColumnReport, a: &Levels, b: &Levels, wanted: &Wanted) {
    if a.n() == 0 || b.n() == 0 {
        return;
    }
    if report.kind == Kind::Categorical && a.n() > 50 && a.distinct().n as f64 > 0.95 * a.n() as f64 {
        if texts::is_free(a) {
            return texts::compare(report, a, b, wanted);
        }
        report.settled = Some((Verdict::NotJudged, "Nearly each row has another: identifiers, not levels.".into()));
    }
    let aligned = Aligned::of(a, b);
    let (x, y) = (&aligned.reference[..], &aligned.current[..]);
    let Some(pearson) = chi2(x, y) else { return };
    let p_value = significance(x, y, &pearson);
    let pair = Pair { reference: x, current: y };
    report.p_value = Some(p_value);
    report.effect = pair.jensen_shannon().map(|value| Effect { name: "js", value, threshold: wanted.rule.min_js });
    let tests = &mut report.tests;
    put(tests, "chi2", Some(pearson.statistic), Some(pearson.p_value), Some(wanted.rule.alpha));
    counted(tests, x, y, wanted);
    put(tests, "l_infinity", pair.l_infinity(), None, None);
    put(tests, "cramers_v", crate::test::cramers_v(x, y), None, None);
    report.new_levels = aligned.moved(|x, y| (x == 0 && y > 0).then_some(y));
    report.gone_levels = aligned.moved(|x, y| (y == 0 && x > 0).then_some(x));
    report.histogram = Some(Histogram::of_levels(&aligned.names, x, y));
    if !wanted.methods.is_empty() {
        let of = |rows: &Levels| {
            let mut all: Vec<(String, u64)> = rows.rows.iter().map(|(level, n)| (level.to_string(), *n)).collect();
            if rows.beyond > 0 {
                all.push(("\u{10ffff}others".into(), rows.beyond));
            }
            all.sort();
            all
        };
        let (a, b) = (of(a), of(b));
        named(tests, &wanted.methods, &Sample::Levels(&a), &Sample::Levels(&b));
    }
}

/// Both sides on the same levels: those of the reference by rows, then the new ones.
pub struct Aligned {
    names: Vec<String>,
    pub reference: Vec<u64>,
    pub current: Vec<u64>,
}

impl Aligned {
    pub fn of(a: &Levels, b: &Levels) -> Aligned {
        let mut names: Vec<String> = a.ordered().into_iter().map(|(name, _)| name.to_owned()).collect();
        let mut new: Vec<(&str, u64)> =
            b.ordered().into_iter().filter(|(name, _)| !a.rows.contains_key(*name)).collect();
        let mut others = b.beyond;
        if a.beyond > 0 {
            // What is not among the reference's kept levels may be among those that it did not keep.
            others += new.iter().map(|(_, n)| n).sum::<u64>();
            new.clear();
        }
        names.extend(new.iter().map(|(name, _)| (*name).to_owned()));
        let of = |levels: &Levels| {
            names.iter().map(|name| levels.rows.get(&**name).copied().unwrap_or(0)).collect::<Vec<u64>>()
        };
        let (mut reference, mut current) = (of(a), of(b));
        if a.beyond + others > 0 {
            reference.push(a.beyond);
            current.push(others);
        }
        Aligned { names, reference, current }
    }

    pub fn moved(&self, of: impl Fn(u64, u64) -> Option<u64>) -> Vec<LevelMove> {
        let mut found: Vec<LevelMove> = (self.names.iter().zip(self.reference.iter().zip(&self.current)))
            .filter_map(|(name, (x, y))| Some(LevelMove { level: name.clone(), rows: of(*x, *y)? }))
            .collect();
        found.sort_by(|a, b| b.rows.cmp(&a.rows).then(a.level.cmp(&b.level)));
        found.truncate(MAX_MOVED);
        found
    }
}

/// What else was asked for, by name. Numbers sorted.
fn named(tests: &mut Tests, methods: &[&'static Method], a: &Sample, b: &Sample) {
    for method in methods {
        let fits = match a {
            Sample::Numbers(_) => method.takes != Takes::Levels,
            Sample::Levels(_) => method.takes != Takes::Numbers,
        };
        if tests.contains_key(method.name) || !fits {
            continue;
        }
        let report = match method.measure(a, b) {
            Ok(found) => TestReport {
                statistic: Some(found.statistic).filter(|value| value.is_finite()),
                p_value: found.p_value.filter(|value| value.is_finite()),
                threshold: found.threshold,
                n: [0, 0],
                interval: None,
                refused: None,
            },
            Err(why) => TestReport {
                statistic: None,
                p_value: None,
                threshold: None,
                n: [0, 0],
                interval: None,
                refused: Some(why.to_string()),
            },
        };
        tests.insert(method.name.to_owned(), report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(kinds: (Kind, Kind), put: impl Fn(&mut Levels)) -> ColumnReport {
        let of = |kind: Kind| {
            let mut side = Gathered::new(kind, None);
            if let Held::Levels(levels) = &mut side.held {
                put(levels);
                side.counts.rows = levels.n();
            } else {
                side.counts.rows = 1;
            }
            side
        };
        let physical = ("text".to_owned(), "text".to_owned());
        let pair = ColumnPair { name: "x".into(), reference: of(kinds.0), current: of(kinds.1), physical };
        compare_columns(pair, &Wanted::default())
    }

    const TEXTS: (Kind, Kind) = (Kind::Categorical, Kind::Categorical);

    #[test]
    fn what_a_column_of_a_text_file_has_become_is_told() {
        let found = compared((Kind::Numeric, Kind::Categorical), |levels| levels.add("a", 1));
        let said = "It held numbers, and holds texts now.".to_owned();
        assert_eq!(found.settled, Some((Verdict::TypeChanged, said)));
    }

    #[test]
    fn texts_are_free_or_not_in_each_run() {
        // A little more than half of them are words; each map walks them in an order of its own.
        let half = |levels: &mut Levels| {
            (0..1010).for_each(|at| levels.add(&format!("some words, all of them number {at}"), 1));
            (0..990).for_each(|at| levels.add(&format!("a_name_that_is_as_long_as_that_{at}"), 1));
        };
        for _ in 0..8 {
            let found = compared(TEXTS, half);
            assert!(found.settled.is_none() && found.tests.contains_key("js:words"), "{found:?}");
        }
    }

    #[test]
    fn levels_that_are_not_kept_are_no_identifiers() {
        // As many levels as are kept, once each, and five that come after them in most of the rows.
        let tail = |levels: &mut Levels| {
            (0..100_000).for_each(|at| levels.add(&at.to_string(), 1));
            ["a", "b", "c", "d", "e"].into_iter().for_each(|level| levels.add(level, 40_000));
        };
        assert_eq!(compared(TEXTS, tail).settled, None);
        let ids = |levels: &mut Levels| (0..120_000).for_each(|at| levels.add(&at.to_string(), 1));
        assert_eq!(compared(TEXTS, ids).settled.map(|(verdict, _)| verdict), Some(Verdict::NotJudged));
    }
}
