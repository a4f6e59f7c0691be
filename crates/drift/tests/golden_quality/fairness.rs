//! Every value of golden `fairlearn`: both tables, by group, segment and both.

use crate::inputs::{Monitor, golden, number, same};
use serde_json::Value;
use signalbox_drift::fairness::{Against, Frame, Groups, Metric, Odds, Privileged, crossed, theil};
use signalbox_drift::quality::{Outcomes, newcombe};

/// Ratios of counts, and differences of those: a few ulps of 1.
const ULPS: f64 = 1e-15;

fn metric(key: &str) -> Metric {
    match key {
        "selection_rate" => Metric::SelectionRate,
        "tpr" => Metric::TruePositiveRate,
        "fpr" => Metric::FalsePositiveRate,
        "fnr" => Metric::FalseNegativeRate,
        "accuracy" => Metric::Accuracy,
        "precision" => Metric::Precision,
        "count" => Metric::Count,
        _ => panic!("{key}"),
    }
}

fn groups(side: &str, attributes: &str) -> Groups {
    let monitor = Monitor::read(side);
    let (seg, grp) = (monitor.texts("seg"), monitor.texts("grp"));
    let (labels, calls) = (monitor.flags("y"), monitor.flags("pred"));
    let mut groups = Groups::default();
    for row in 0..monitor.rows() {
        let name = match attributes {
            "seg" => seg[row].clone(),
            "grp" => grp[row].clone(),
            "grp+seg" => crossed(&[&grp[row], &seg[row]]),
            _ => panic!("{attributes}"),
        };
        groups.add(&name, labels[row], calls[row]);
    }
    groups
}

/// pandas prints a crossing as a tuple.
fn our_name(name: &str) -> String {
    match name.strip_prefix("('") {
        Some(rest) => crossed(&rest.trim_end_matches("')").split("', '").collect::<Vec<_>>()),
        None => name.to_owned(),
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().expect("keys").iter()
}

#[test]
fn every_number_of_fairlearn() {
    let block = golden()["fairlearn"]["fairlearn"].clone();
    let mut n = 0;
    for (case, wanted) in entries(&block) {
        let (side, attributes) = case.split_once('.').expect("a side");
        let groups = groups(side, attributes);
        let frame = Frame::of(&groups, 1);
        assert!(frame.too_small().is_empty());
        for (key, wanted) in entries(wanted) {
            let about = format!("{case}: {key}");
            let mut near = |got: Option<f64>, wanted: &Value, about: &str| {
                same(got, Some(number(wanted).expect("a number")), ULPS, 2.0 * ULPS, about);
                n += 1;
            };
            match key.as_str() {
                "by_group" => {
                    assert_eq!(entries(wanted).count(), groups.iter().count(), "{about}");
                    for (group, wanted) in entries(wanted) {
                        for (key, wanted) in entries(wanted) {
                            let name = our_name(group);
                            let got = frame.by_group(metric(key)).find(|(found, _)| *found == name);
                            near(got.expect("the group").1, wanted, &format!("{about}: {group}: {key}"));
                        }
                    }
                }
                "overall" | "difference_between" | "difference_to_overall" | "ratio_between" => {
                    for (name, wanted) in entries(wanted) {
                        let metric = metric(name);
                        let got = match key.as_str() {
                            "overall" => frame.overall(metric),
                            "difference_between" => frame.difference(metric, Against::EachOther),
                            "difference_to_overall" => frame.difference(metric, Against::Overall),
                            _ => frame.ratio(metric, Against::EachOther),
                        };
                        near(got, wanted, &format!("{about}: {name}"));
                    }
                }
                "dpd" => near(frame.demographic_parity(Against::EachOther).difference, wanted, &about),
                "dpr" => near(frame.demographic_parity(Against::EachOther).ratio, wanted, &about),
                "eod_worst" => {
                    near(frame.equalised_odds(Against::EachOther, Odds::WorstCase).difference, wanted, &about);
                }
                "eor_worst" => near(frame.equalised_odds(Against::EachOther, Odds::WorstCase).ratio, wanted, &about),
                "eod_mean" => near(frame.equalised_odds(Against::EachOther, Odds::Mean).difference, wanted, &about),
                "equal_opportunity_difference" => {
                    near(frame.equal_opportunity(Against::EachOther).difference, wanted, &about);
                }
                "equal_opportunity_ratio" => near(frame.equal_opportunity(Against::EachOther).ratio, wanted, &about),
                _ => panic!("{about}"),
            }
        }
    }
    // Six tables; 22 groups and the five rows of each table by seven metrics, and seven criteria.
    assert_eq!(n, 7 * (22 + 6 * 4) + 6 * 7);
}

#[test]
fn every_number_of_aif360() {
    let block = golden()["fairlearn"]["aif360_privileged_A"].clone();
    let mut n = 0;
    for (side, wanted) in entries(&block) {
        let groups = groups(side, "grp");
        let pair = Privileged::of(&groups, "A").expect("both groups");
        for (key, wanted) in entries(wanted) {
            let got = match key.as_str() {
                "statistical_parity_difference" => pair.statistical_parity_difference(),
                "disparate_impact" => pair.disparate_impact(),
                "equal_opportunity_difference" => pair.equal_opportunity_difference(),
                "average_odds_difference" => pair.average_odds_difference(),
                "average_abs_odds_difference" => pair.average_abs_odds_difference(),
                "theil_index" => theil(&groups.overall()),
                "error_rate_difference" => pair.error_rate_difference(),
                "false_omission_rate_difference" => pair.false_omission_rate_difference(),
                "false_discovery_rate_difference" => pair.false_discovery_rate_difference(),
                _ => panic!("{key}"),
            };
            // AIF360 adds the Theil index row by row: 24,000 terms, in pairs.
            let relative = if key == "theil_index" { 1e-13 } else { ULPS };
            same(got, number(wanted), relative, 2.0 * ULPS, &format!("{side}: {key}"));
            n += 1;
        }
    }
    assert_eq!(n, 18);
    // The rest of the block says how it was made.
    let keys: Vec<String> = golden()["fairlearn"].as_object().expect("keys").keys().cloned().collect();
    assert_eq!(keys, ["aif360_privileged_A", "fairlearn", "seconds", "versions"]);
}

fn counted(tp: u64, fp: u64, fn_: u64, tn: u64) -> Outcomes {
    Outcomes { tp, fp, fn_, tn }
}

/// Selection rates 0.5 and 0.2 of a whole of 0.35; precision 0.8 and 0.5; recall 0.8 and 0.25; false alarms 0.2, 0.1875.
fn two_groups() -> Groups {
    let mut groups = Groups::default();
    groups.add_counts("a", &counted(40, 10, 10, 40));
    groups.add_counts("b", &counted(10, 10, 30, 50));
    groups
}

#[test]
fn against_the_whole_and_the_criteria_that_the_golden_file_lacks() {
    let groups = two_groups();
    let frame = Frame::of(&groups, 0);
    let near = |got: Option<f64>, wanted: f64, about: &str| same(got, Some(wanted), 1e-14, 1e-15, about);
    near(frame.ratio(Metric::SelectionRate, Against::Overall), 0.2 / 0.35, "the smaller by the larger");
    near(frame.demographic_parity(Against::Overall).difference, 0.15, "to the whole");
    near(frame.predictive_parity(Against::EachOther).difference, 0.3, "precision");
    near(frame.predictive_parity(Against::EachOther).ratio, 0.625, "precision");
    let odds = frame.equalised_odds(Against::EachOther, Odds::Mean);
    let alarms = 10.0 / 60.0 / 0.2;
    near(odds.ratio, (0.25 / 0.8 + alarms) / 2.0, "mean ratio");
    let apart = frame.apart(Metric::TruePositiveRate).expect("both");
    assert_eq!((apart.lowest, apart.highest), ("b", "a"));
}

#[test]
fn small_groups_are_listed_and_not_judged() {
    let mut groups = two_groups();
    groups.add_counts("tiny", &counted(0, 0, 3, 0));
    let frame = Frame::of(&groups, 30);
    assert_eq!(frame.too_small(), [("tiny", 3)]);
    assert_eq!(frame.apart(Metric::TruePositiveRate).map(|apart| apart.lowest), Some("b"));
    assert_eq!(frame.overall(Metric::Count), Some(203.0), "the whole is the whole");
    assert_eq!(frame.interval(Metric::Accuracy, "tiny", 0.95), None);
    assert_eq!(Frame::of(&groups, 0).apart(Metric::TruePositiveRate).map(|apart| apart.lowest), Some("tiny"));
    // Nobody is called positive there: no precision, and no 0.
    assert_eq!(Frame::of(&groups, 0).predictive_parity(Against::EachOther).ratio, Some(0.625));
    let nobody = Groups::default();
    assert_eq!(Frame::of(&nobody, 0).demographic_parity(Against::Overall).difference, None);
}

#[test]
fn groups_that_get_nothing_have_no_ratio() {
    let mut groups = Groups::default();
    groups.add_counts("a", &counted(0, 0, 5, 5));
    groups.add_counts("b", &counted(0, 0, 1, 5));
    let frame = Frame::of(&groups, 0);
    let parity = frame.demographic_parity(Against::EachOther);
    assert_eq!((parity.difference, parity.ratio), (Some(0.0), None));
    assert_eq!(frame.ratio(Metric::SelectionRate, Against::Overall), None);
    assert_eq!(Privileged::of(&groups, "a").and_then(|pair| pair.disparate_impact()), None);
    assert_eq!((Privileged::of(&groups, "c"), theil(&counted(0, 0, 5, 0))), (None, None));
    assert_eq!(theil(&counted(3, 0, 0, 4)), Some(0.0));
}

#[test]
fn rates_differences_and_ratios_have_intervals() {
    let groups = two_groups();
    let frame = Frame::of(&groups, 0);
    let rate = frame.interval(Metric::TruePositiveRate, "b", 0.95).expect("positives");
    assert!(rate.contains(0.25) && !rate.contains(0.8), "{rate:?}");
    let apart = frame.difference_interval(Metric::TruePositiveRate, "a", "b", 0.95);
    assert_eq!(apart, newcombe((40, 50), (10, 40), 0.95));
    assert!(!apart.expect("positives").contains(0.0));
    let alarms = frame.difference_interval(Metric::FalsePositiveRate, "a", "b", 0.95).expect("negatives");
    assert!(alarms.contains(0.0), "{alarms:?}");
    let ratio = frame.ratio_interval(Metric::SelectionRate, "b", "a", 0.95).expect("selected");
    assert!(ratio.contains(0.4) && !ratio.contains(1.0), "{ratio:?}");
    assert_eq!(frame.interval(Metric::Count, "a", 0.95), None);
}

#[test]
fn crossings_of_different_values_have_different_names() {
    assert_eq!(crossed(&["A", "app"]), "A × app");
    assert_ne!(crossed(&["a × b", "c"]), crossed(&["a", "b × c"]));
    assert_ne!(crossed(&["a\\", "b"]), crossed(&["a", "\\b"]));
}
