//! All of the time, bucket by bucket.

use super::bands;
use super::baseline::Baseline;
use super::cell::Cell;
use super::frozen::Reference;
use super::quality::{QualityCell, Task};
use super::window::window;
use crate::fairness::{Against, Frame, Metric as Rate};
use crate::quality::estimate::Metric;
use crate::quality::{Average, ZeroDivision};
use crate::verdict::{Rule, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use ts_rs::TS;

/// A stretch of time: hours since 1970 (UTC), the end not within.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, TS)]
#[ts(rename = "DataBucket")]
pub struct Bucket {
    pub from: i64,
    pub till: i64,
    pub rows: u64,
    /// The least and the most that is usual at these hours of the week, where four weeks lie before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub usual_rows: Option<(f64, f64)>,
    pub verdict: Verdict,
}

/// A column in a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, TS)]
#[ts(rename = "DriftPoint")]
pub struct Point {
    pub verdict: Verdict,
    /// In units of what counts as an effect: 1 is the threshold.
    pub strength: f64,
    pub js: Option<f64>,
    /// The least and the most of `js` that is usual at these hours of the week; where it is missing, the line's band holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub usual_js: Option<(f64, f64)>,
    pub psi: Option<f64>,
    pub p_adjusted: Option<f64>,
    pub nulls: f64,
    pub mean: Option<f64>,
}

/// What the reference does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, TS)]
#[ts(rename = "DriftBand")]
pub struct Band {
    pub mean: f64,
    /// Mean and three deviations.
    pub high: f64,
    /// Rows of each of the stretches that it was made of.
    pub rows: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct ColumnLine {
    pub name: String,
    /// Of `js`, over stretches of the reference about as long as a bucket.
    pub band: Option<Band>,
    pub points: Vec<Option<Point>>,
}

/// The model in a bucket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, TS)]
pub struct QualityPoint {
    pub rows: u64,
    pub labelled: u64,
    pub accuracy: Option<f64>,
    /// At 95 %, Wilson's.
    pub accuracy_low: Option<f64>,
    pub accuracy_high: Option<f64>,
    /// The least and the most that is usual at these hours of the week.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub usual_accuracy: Option<(f64, f64)>,
    /// Of the positive class; the mean over the classes where there is none.
    pub f1: Option<f64>,
    pub auroc: Option<f64>,
    pub brier: Option<f64>,
    /// Mean absolute error.
    pub mae: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub usual_mae: Option<(f64, f64)>,
    pub rmse: Option<f64>,
    pub r2: Option<f64>,
    /// Without labels, by the scores alone.
    pub estimate: Option<f64>,
    pub estimate_low: Option<f64>,
    pub estimate_high: Option<f64>,
}

/// A group's rates over all that is shown.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct GroupRate {
    pub group: String,
    pub rows: u64,
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct FairMetric {
    pub metric: String,
    pub groups: Vec<GroupRate>,
    /// Between the highest and the lowest group.
    pub difference: Option<f64>,
    pub difference_low: Option<f64>,
    pub difference_high: Option<f64>,
    pub ratio: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct Fairness {
    pub attribute: String,
    pub metrics: Vec<FairMetric>,
    /// Groups with too few labelled rows to be judged.
    pub too_small: Vec<(String, u64)>,
    /// Bucket by bucket: the difference between the highest and the lowest group of the first metric.
    pub over_time: Vec<Option<f64>>,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct Timeline {
    pub bucket_hours: i64,
    pub buckets: Vec<Bucket>,
    pub columns: Vec<ColumnLine>,
    pub quality: Vec<Option<QualityPoint>>,
    /// On the reference: (accuracy, lowest and highest that is usual).
    pub usual_accuracy: Option<(f64, f64, f64)>,
    pub fairness: Vec<Fairness>,
    pub segments: Vec<String>,
}

/// Cells of all files, in any order: hour since 1970 (UTC), segment, counts.
pub type Cells<'a> = [(i64, &'a str, &'a Cell)];

/// No more buckets than this.
const MAX_BUCKETS: i64 = 240;
const LENGTHS: [i64; 9] = [1, 3, 6, 12, 24, 72, 168, 672, 2016];

/// `segment`: one, or all. `hours`: of a bucket; chosen if `None`.
pub fn timeline(
    reference: &Reference,
    cells: &Cells<'_>,
    (task, baseline): (&Task, Option<&Baseline>),
    segment: Option<&str>,
    hours: Option<i64>,
    rule: &Rule,
) -> Timeline {
    let named = cells.iter().map(|(_, segment, _)| *segment).filter(|segment| !segment.is_empty());
    let segments: Vec<String> = named.collect::<BTreeSet<&str>>().into_iter().map(str::to_owned).collect();
    let mut chosen: Vec<(i64, &Cell)> = (cells.iter())
        .filter(|(_, name, _)| segment.is_none_or(|segment| segment == *name))
        .map(|(hour, _, cell)| (*hour, *cell))
        .collect();
    chosen.sort_by_key(|(hour, _)| *hour);
    if chosen.is_empty() {
        return Timeline {
            bucket_hours: 1,
            buckets: Vec::new(),
            columns: Vec::new(),
            quality: Vec::new(),
            usual_accuracy: None,
            fairness: Vec::new(),
            segments,
        };
    }
    let hours = hours.unwrap_or_else(|| length(&chosen, rule.min_rows)).max(1);
    let mut sums: BTreeMap<i64, Cell> = BTreeMap::new();
    for (hour, cell) in &chosen {
        sums.entry(hour.div_euclid(hours)).or_insert_with(|| Cell::empty(reference)).add(cell);
    }
    let whole = reference.of(segment);
    let mut columns: Vec<ColumnLine> = (reference.columns.iter())
        .map(|column| ColumnLine { name: column.name.clone(), band: None, points: Vec::new() })
        .collect();
    let (mut buckets, mut quality) = (Vec::new(), Vec::new());
    let shown = shown(&sums.keys().copied().collect::<Vec<i64>>(), hours);
    for at in &shown {
        let cell = sums.get(at);
        let judged = cell.map(|cell| window(reference, &whole, cell, rule));
        let verdict = judged.as_ref().map_or(Verdict::NotJudged, |judged| judged.verdict);
        buckets.push(Bucket {
            from: at.saturating_mul(hours),
            till: at.saturating_add(1).saturating_mul(hours),
            rows: cell.map_or(0, |cell| cell.rows),
            usual_rows: None,
            verdict,
        });
        for (line, at) in columns.iter_mut().zip(0..) {
            line.points.push(judged.as_ref().map(|judged| point(&judged.columns[at].report)));
        }
        quality.push(cell.and_then(|cell| cell.quality.as_ref()).map(|quality| of_quality(quality, task, baseline)));
    }
    let mut rows: Vec<u64> = buckets.iter().map(|bucket| bucket.rows).filter(|rows| *rows > 0).collect();
    rows.sort_unstable();
    let median = rows.get(rows.len() / 2).copied().unwrap_or(0);
    // A stretch of the reference is of all segments.
    if segment.is_none() {
        bands::of_columns(reference, &whole, median, &mut columns);
    }
    bands::of_hours(hours, &mut buckets, &mut columns, &mut quality);
    let fairness = fairness(&shown, &sums, task);
    let usual = |baseline: &Baseline| {
        let threshold = baseline.cbpe.threshold(Metric::Accuracy)?;
        Some((baseline.accuracy, threshold.low.unwrap_or(0.0), threshold.high.unwrap_or(1.0)))
    };
    let usual_accuracy = baseline.filter(|baseline| baseline.is_of_confidence || !task.is_regression).and_then(usual);
    Timeline { bucket_hours: hours, buckets, columns, quality, usual_accuracy, fairness, segments }
}

/// A hole of more than a year is none of the time that is shown: a clock that was wrong once, or two files years apart,
/// are no reason for buckets of months, nor for a million empty ones.
const HOLE: i64 = 366 * 24;

/// As short as shows every bucket and leaves enough rows in most of them.
fn length(cells: &[(i64, &Cell)], min_rows: u64) -> i64 {
    let rows: u64 = cells.iter().map(|(_, cell)| cell.rows).sum();
    let mut hours: Vec<i64> = cells.iter().map(|(hour, _)| *hour).collect();
    hours.dedup();
    let gaps = hours.windows(2).map(|two| two[1].saturating_sub(two[0]));
    let span = 1 + gaps.map(|gap| if gap > HOLE { 1 } else { gap }).sum::<i64>();
    let enough = |length: i64| {
        let mut filled: Vec<i64> = hours.iter().map(|hour| hour.div_euclid(length)).collect();
        filled.dedup();
        rows >= 2 * min_rows * filled.len() as u64
    };
    LENGTHS
        .into_iter()
        .find(|length| span / length <= MAX_BUCKETS && enough(*length))
        .or_else(|| LENGTHS.into_iter().find(|length| span / length <= MAX_BUCKETS))
        .unwrap_or(span / MAX_BUCKETS + 1)
}

/// The buckets that are filled, ascending, and the empty ones between them but for holes; where that is too many, the filled
/// ones alone.
fn shown(filled: &[i64], hours: i64) -> Vec<i64> {
    let mut all: Vec<i64> = Vec::new();
    for at in filled {
        let next = all.last().map_or(*at, |last| last.saturating_add(1));
        let is_hole = at.saturating_sub(next).saturating_mul(hours) > HOLE;
        let from = if is_hole { *at } else { next };
        all.extend(from..=*at);
        if all.len() as i64 > 4 * MAX_BUCKETS {
            return filled.to_vec();
        }
    }
    all
}

fn point(report: &crate::pair::ColumnReport) -> Point {
    let statistic = |name: &str| report.tests.get(name).and_then(|test| test.statistic);
    let share = report.current.as_ref().map_or(0.0, |side| side.counts.nulls as f64 / side.counts.rows.max(1) as f64);
    Point {
        verdict: report.verdict,
        strength: report.effect.as_ref().map_or(0.0, |effect| effect.value / effect.threshold),
        js: statistic("js"),
        usual_js: None,
        psi: statistic("psi"),
        p_adjusted: report.p_adjusted,
        nulls: share,
        mean: report.current.as_ref().and_then(|side| side.moments).map(|moments| moments.mean),
    }
}

/// With fewer labels nothing is said of a bucket: the first to come are no fair sample of those that will.
const MIN_LABELLED: u64 = 30;

pub fn of_quality(cell: &QualityCell, task: &Task, baseline: Option<&Baseline>) -> QualityPoint {
    let mut point = QualityPoint { rows: cell.labels.seen, labelled: cell.labels.labelled, ..QualityPoint::default() };
    if let Some(errors) = &cell.errors {
        (point.mae, point.rmse, point.r2) = (errors.mae(), errors.rmse(), errors.r2());
        return point;
    }
    let confusion = &cell.confusion;
    let is_told = confusion.rows() >= MIN_LABELLED;
    point.accuracy = confusion.accuracy().filter(|_| is_told);
    if let Some(accuracy) = point.accuracy {
        let right = (accuracy * confusion.rows() as f64).round() as u64;
        let interval = crate::quality::wilson(right, confusion.rows(), 0.95);
        (point.accuracy_low, point.accuracy_high) = (interval.map(|i| i.low), interval.map(|i| i.high));
    }
    if is_told {
        point.f1 = match &task.positive {
            Some(positive) => confusion.outcomes(positive).f1(),
            None => confusion.f1(Average::Macro, ZeroDivision::Undefined),
        };
        if let Some(scores) = &cell.scores {
            if task.score.is_some() {
                point.auroc = scores.auroc().map(|area| area.value);
            }
            point.brier = scores.brier();
        }
    }
    if let (Some(baseline), Some(scores)) = (baseline, &cell.called_scores) {
        let value = scores.expected(&baseline.cbpe.calibrator).accuracy();
        let judged = value.and_then(|value| baseline.cbpe.judged(Metric::Accuracy, value, scores.rows()));
        if let Some(judged) = judged {
            (point.estimate, point.estimate_low, point.estimate_high) =
                (Some(judged.value), Some(judged.low), Some(judged.high));
        }
    }
    point
}

fn fairness(shown: &[i64], sums: &BTreeMap<i64, Cell>, task: &Task) -> Vec<Fairness> {
    let mut all = QualityCell::default();
    sums.values().filter_map(|cell| cell.quality.as_ref()).for_each(|quality| all.merge(quality));
    let metrics: &[(Rate, &str)] = if task.positive.is_some() {
        &[
            (Rate::SelectionRate, "selection rate"),
            (Rate::TruePositiveRate, "true positive rate"),
            (Rate::FalsePositiveRate, "false positive rate"),
            (Rate::Precision, "precision"),
            (Rate::Accuracy, "accuracy"),
        ]
    } else {
        &[(Rate::Accuracy, "accuracy")]
    };
    all.groups
        .iter()
        .map(|(attribute, groups)| {
            let frame = Frame::of(groups, task.min_group);
            let of_metric = |(metric, name): &(Rate, &str)| {
                let apart = frame.apart(*metric);
                let interval = apart
                    .as_ref()
                    .and_then(|apart| frame.difference_interval(*metric, apart.highest, apart.lowest, 0.95));
                FairMetric {
                    metric: (*name).to_owned(),
                    groups: frame
                        .by_group(*metric)
                        .map(|(group, value)| {
                            let interval = frame.interval(*metric, group, 0.95);
                            GroupRate {
                                group: group.to_owned(),
                                rows: groups.get(group).map_or(0, |counts| counts.rows()),
                                value,
                                low: interval.map(|i| i.low),
                                high: interval.map(|i| i.high),
                            }
                        })
                        .collect(),
                    difference: frame.difference(*metric, Against::EachOther),
                    difference_low: interval.map(|i| i.low),
                    difference_high: interval.map(|i| i.high),
                    ratio: frame.ratio(*metric, Against::EachOther),
                }
            };
            let over_time = shown
                .iter()
                .map(|at| {
                    let groups = sums.get(at)?.quality.as_ref()?.groups.get(attribute)?;
                    let metric = if task.positive.is_some() { Rate::SelectionRate } else { Rate::Accuracy };
                    // A bucket has fewer rows than all of it: a fifth of what a group must have.
                    Frame::of(groups, (task.min_group / 5).max(10)).difference(metric, Against::EachOther)
                })
                .collect();
            Fairness {
                attribute: attribute.clone(),
                metrics: metrics.iter().map(of_metric).collect(),
                too_small: frame.too_small().iter().map(|(group, rows)| ((*group).to_owned(), *rows)).collect(),
                over_time,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length_of(hours: impl IntoIterator<Item = i64>, rows: u64) -> i64 {
        let cell = Cell { rows, columns: Vec::new(), quality: None };
        length(&hours.into_iter().map(|hour| (hour, &cell)).collect::<Vec<_>>(), 100)
    }

    /// 2026-01-01, 1970-01-01 and 9999-12-31.
    const NOW: i64 = 490_896;
    const ODD: [i64; 2] = [0, 70_389_504];

    #[test]
    fn a_row_of_another_age_makes_no_buckets_of_months() {
        let month = || NOW..NOW + 720;
        assert_eq!(length_of(month(), 1000), 3);
        assert_eq!(length_of([ODD[0]].into_iter().chain(month()).chain([ODD[1]]), 1000), 3);
        // A day's one batch is shown in days.
        assert_eq!(length_of((0..200).map(|day| NOW + day * 24 + 3), 1000), 24);
        assert_eq!(length_of([i64::MIN, i64::MAX], 1000), 1);
    }

    #[test]
    fn holes_of_years_are_not_shown() {
        assert_eq!(shown(&[5, 8], 24), [5, 6, 7, 8]);
        assert_eq!(shown(&[0, 20_000, 20_002, 1 << 40], 24), [0, 20_000, 20_001, 20_002, 1 << 40]);
        assert_eq!(shown(&[i64::MIN, i64::MAX], 1), [i64::MIN, i64::MAX]);
        let sparse: Vec<i64> = (0..40).map(|at| at * 100).collect();
        assert_eq!(shown(&sparse, 1), sparse);
    }
}
