//! Every case of `golden/golden.json`, which the real libraries have computed on `golden/*.parquet` (scipy 1.17.1, numpy
//! 2.4.6; Evidently 0.7.23 and the other peers): our numbers beside theirs. Where a library refuses or is wrong, what we
//! say instead stands here with the reason.

mod peers;
mod sample;

use sample::{Wanted, number, numbers};
use serde_json::Value;
use signalbox_drift::test::*;
use signalbox_drift::*;

/// p-values of limits.
const P: f64 = 1e-6;
/// Distances, given the edges.
const DISTANCE: f64 = 1e-12;

/// Cases with a column of numbers, but for the one whose current sample has none.
fn numeric() -> impl Iterator<Item = (String, Value, Vec<f64>, Vec<f64>)> {
    sample::cases().filter(|(_, spec)| spec["finite_n"].is_array()).map(|(name, spec)| {
        let (reference, current) = (numbers(&name, "ref"), numbers(&name, "cur"));
        (name, spec, reference, current)
    })
}

#[test]
fn kolmogorov_smirnov_is_scipys() {
    let mut n = 0;
    for (name, spec, reference, current) in numeric() {
        let Some(got) = ks(&reference, &current) else {
            assert!(spec["ks_auto"]["stat"] == "NaN", "{name}");
            continue;
        };
        let wanted = &spec["ks_auto"];
        assert_eq!(got.d, number(&wanted["stat"]), "{name}: D, to the last bit");
        // Samples of one row each: scipy's exact answer.
        Wanted::of(&wanted["p"]).near(got.p_value, P, &format!("{name}: p"));
        // Of several such values scipy names another: the first of the reference's.
        for at in [got.at, number(&wanted["location"])] {
            let share = |values: &[f64]| values.partition_point(|value| *value <= at) as f64 / values.len() as f64;
            assert!(((share(&reference) - share(&current)).abs() - got.d).abs() < 1e-15, "{name}: at {at}");
        }
        assert_eq!(got.is_reference_higher, number(&wanted["sign"]) > 0.0, "{name}: which way");
        n += 1;
    }
    assert!(n >= 27, "{n}");
}

#[test]
fn kolmogorovs_limit_is_scipys() {
    for (name, spec, reference, current) in numeric() {
        let (n, m) = (reference.len() as f64, current.len() as f64);
        let wanted = &spec["ks_asymp"];
        if n == 0.0 || m == 0.0 || wanted["p"] == "NaN" {
            continue;
        }
        let rows = (n.max(m) * n.min(m) / (n + m)).round_ties_even() as u64;
        Wanted::of(&wanted["p"]).near(ks_sf(number(&wanted["stat"]), rows), P, &name);
    }
}

#[test]
fn distances_of_samples_are_scipys() {
    for (name, spec, reference, current) in numeric() {
        let got = (wasserstein(&reference, &current), energy(&reference, &current));
        if current.is_empty() {
            assert_eq!(got, (None, None), "{name}");
            continue;
        }
        Wanted::of(&spec["wasserstein"]).near(got.0.expect("rows"), DISTANCE, &format!("{name}: W1"));
        Wanted::of(&spec["energy_distance"]).near(got.1.expect("rows"), 1e-9, &format!("{name}: energy"));
    }
}

#[test]
fn tests_on_ranks_and_means_are_scipys() {
    for (name, spec, reference, current) in numeric() {
        let ties = reference.iter().chain(&current).all(|value| *value == reference[0]);
        let cvm = cramer_von_mises(&reference, &current);
        if ties || reference.len() < 2 || current.len() < 2 {
            // scipy gives equal constants p = 0.0096, and the others NaN.
            assert!(ties == cvm.is_none() || current.is_empty(), "{name}: {cvm:?}");
        } else {
            let cvm = cvm.expect("values that differ");
            Wanted::of(&spec["cvm"]["stat"]).near(cvm.statistic, 1e-9, &format!("{name}: CvM"));
            // scipy ends its series at the first term below 1e-7.
            Wanted::of(&spec["cvm"]["p_asymptotic"]).within(cvm.p_value, P, 2e-7, &format!("{name}: CvM's p"));
        }
        let anderson = anderson_darling(&reference, &current);
        if spec["anderson_ksamp_midrank"]["error"].is_string() {
            assert_eq!(anderson, None, "{name}");
        } else {
            let (got, wanted) = (anderson.expect("values that differ"), &spec["anderson_ksamp_midrank"]);
            Wanted::of(&wanted["stat_normalised"]).near(got.statistic, 1e-9, &format!("{name}: AD"));
            Wanted::of(&wanted["p_capped"]).near(got.p_value, P, &format!("{name}: AD's p"));
        }
        if let Some(got) = mann_whitney(&reference, &current) {
            Wanted::of(&spec["mannwhitney_two_sided"]["U"]).near(got.statistic, 1e-12, &format!("{name}: U"));
            Wanted::of(&spec["mannwhitney_two_sided"]["p"]).near(got.p_value, P, &format!("{name}: U's p"));
        }
        let is_constant = |spec: &Value| spec["var_pop"].as_f64().is_none_or(|variance| variance < 1e-28);
        if is_constant(&spec["profile"]["ref"]) || is_constant(&spec["profile"]["cur"]) {
            // scipy: NaN, or the rounding of a mean divided by nothing.
            continue;
        }
        let student = student_t(&reference, &current).expect("rows");
        Wanted::of(&spec["t_student"]["t"]).near(student.statistic, 1e-9, &format!("{name}: t"));
        Wanted::of(&spec["t_student"]["p"]).near(student.p_value, P, &format!("{name}: t's p"));
        let (welch, df) = welch_t(&reference, &current).expect("rows");
        Wanted::of(&spec["t_welch"]["t"]).near(welch.statistic, 1e-9, &format!("{name}: Welch"));
        Wanted::of(&spec["t_welch"]["p"]).near(welch.p_value, P, &format!("{name}: Welch's p"));
        Wanted::of(&spec["t_welch"]["df"]).near(df, 1e-9, &format!("{name}: Welch's df"));
    }
}

#[test]
fn epps_and_singleton_is_scipys() {
    let mut n = 0;
    for (name, spec, reference, current) in numeric() {
        let wanted = &spec["epps_singleton"];
        let Some(got) = epps_singleton(&reference, &current) else { continue };
        let mut values: Vec<f64> = reference.iter().chain(&current).copied().collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        // With fewer values the covariance has no full rank, and scipy's answer is made of rounding.
        if wanted["stat"].is_number() && values.len() >= 5 {
            Wanted::of(&wanted["stat"]).near(got.statistic, 1e-6, &format!("{name}: ES"));
            Wanted::of(&wanted["p"]).within(got.p_value, 1e-4, 1e-300, &format!("{name}: ES's p"));
            n += 1;
        }
    }
    assert!(n >= 15, "{n}");
}

#[test]
fn our_bins_and_what_is_counted_on_them_are_as_specified() {
    let mut n = 0;
    for (name, spec, reference, current) in numeric() {
        let wanted = &spec["recommended"];
        if wanted["ref_counts"].is_null() {
            continue;
        }
        let bins = Bins::of(&reference).expect("rows");
        let is_deciles = matches!(bins, Bins::Edges(_));
        assert_eq!(is_deciles, wanted["kind"] == "deciles_open", "{name}");
        let (a, b) = (bins.count(&reference), bins.count(&current));
        assert_eq!(sample::counts(&wanted["ref_counts"]), a, "{name}: the reference");
        assert_eq!(sample::counts(&wanted["cur_counts"]), b, "{name}: the current");
        let (a, b) = present(&a, &b);
        counted(&name, wanted, Pair { reference: &a, current: &b });
        if let Some(chi2) = chi2(&a, &b) {
            Wanted::of(&wanted["chi2_p"]).near(chi2.p_value, P, &format!("{name}: chi2"));
        }
        n += 1;
    }
    assert!(n >= 27, "{n}");
}

#[test]
fn numpys_edges_and_what_is_counted_between_them() {
    let rules = [
        ("width", Width::Equal(10)),
        ("doane", Width::Doane),
        ("sturges", Width::Sturges),
        ("fd", Width::FreedmanDiaconis),
        ("scott", Width::Scott),
        ("auto", Width::Auto),
    ];
    let mut n = 0;
    for (name, spec, reference, current) in numeric() {
        for (rule, width) in rules {
            let (about, wanted) = (format!("{name}: {rule}"), &spec["bins"][rule]);
            let Some(edges) = wanted["edges"].as_array() else { continue };
            let got = numpy_edges(&reference, width);
            assert_eq!(got.len() as f64, number(&wanted["edges_n"]), "{about}");
            // Of many the file has the first three and the last three.
            let ends = edges.iter().position(Value::is_string).map_or(edges.len(), |_| 3);
            let same = |got: f64, wanted: &Value| {
                let wanted = number(wanted);
                let is_so = (got - wanted).abs() <= 4.0 * f64::EPSILON * wanted.abs().max(1e-300);
                assert!(is_so, "{about}: {got}, {wanted}");
            };
            got.iter().zip(&edges[..ends]).for_each(|(got, wanted)| same(*got, wanted));
            got.iter().rev().zip(edges.iter().rev().take(ends)).for_each(|(got, wanted)| same(*got, wanted));
            let exact: Vec<f64> = if ends == edges.len() { edges.iter().map(number).collect() } else { got };
            let (a, b) = (count_between(&exact, &reference), count_between(&exact, &current));
            if wanted["ref_counts"].is_array() {
                assert_eq!(sample::counts(&wanted["ref_counts"]), a, "{about}");
                assert_eq!(sample::counts(&wanted["cur_counts"]), b, "{about}");
            }
            counted(&about, wanted, Pair { reference: &a, current: &b });
            n += 1;
        }
    }
    assert!(n >= 100, "{n}");
}

#[test]
fn counts_of_levels_are_scipys() {
    let mut n = 0;
    for (name, spec) in sample::cases().filter(|(_, spec)| spec["levels"].is_array()) {
        let levels: Vec<&str> = spec["levels"].as_array().expect("levels").iter().filter_map(Value::as_str).collect();
        let (a, b) = (sample::levels(&name, "ref", &levels), sample::levels(&name, "cur", &levels));
        assert_eq!(sample::counts(&spec["ref_counts"]), a, "{name}");
        assert_eq!(sample::counts(&spec["cur_counts"]), b, "{name}");
        counted(&name, &spec, Pair { reference: &a, current: &b });
        for (key, got) in [
            ("chi2_contingency_no_yates", chi2(&a, &b)),
            ("chi2_contingency_scipy_default", chi2_yates(&a, &b)),
            ("g_test_no_yates", g_test(&a, &b)),
        ] {
            let wanted = &spec[key];
            if !wanted["stat"].is_number() {
                continue;
            }
            let got = got.expect("rows");
            Wanted::of(&wanted["stat"]).near(got.statistic, 1e-9, &format!("{name}: {key}"));
            Wanted::of(&wanted["p"]).near(got.p_value, P, &format!("{name}: {key}"));
            assert_eq!(got.df, number(&wanted["dof"]), "{name}: {key}");
            Wanted::of(&wanted["min_expected"]).near(got.min_expected, 1e-12, &format!("{name}: {key}"));
        }
        if let Some(got) = chi2_of_fit(&a, &b).filter(|_| spec["chi2_gof_scaled_ref"]["p"].is_number()) {
            Wanted::of(&spec["chi2_gof_scaled_ref"]["stat"]).near(got.statistic, 1e-9, &format!("{name}: fit"));
            Wanted::of(&spec["chi2_gof_scaled_ref"]["p"]).near(got.p_value, P, &format!("{name}: fit"));
        }
        if let Some(v) = cramers_v(&a, &b).filter(|_| spec["cramers_v"]["v"].is_number()) {
            Wanted::of(&spec["cramers_v"]["v"]).near(v, 1e-9, &format!("{name}: V"));
            let corrected = cramers_v_corrected(&a, &b).expect("levels");
            Wanted::of(&spec["cramers_v"]["v_bias_corrected"]).near(corrected, 1e-9, &format!("{name}: V, corrected"));
        }
        if spec["fisher_exact_p"].is_number() {
            let p = fisher_exact([a[0], a[1]], [b[0], b[1]]);
            Wanted::of(&spec["fisher_exact_p"]).near(p, P, &format!("{name}: Fisher"));
            let all = |counts: &[u64]| counts.iter().sum::<u64>();
            let z = two_proportions((a[0], all(&a)), (b[0], all(&b))).expect("rows");
            Wanted::of(&spec["two_prop_z_p"]).near(z.p_value, P, &format!("{name}: z"));
        }
        n += 1;
    }
    assert!(n >= 13, "{n}");
}

#[test]
fn many_tests_at_once_are_statsmodels() {
    let spec = &sample::golden()["spec"]["multiple_testing"];
    let list = |key: &str| spec[key].as_array().expect("a list").iter().map(number).collect::<Vec<_>>();
    let p = list("p");
    for (key, got) in [
        ("bh", benjamini_hochberg(&p)),
        ("by", benjamini_yekutieli(&p)),
        ("holm", holm(&p)),
        ("bonferroni", bonferroni(&p)),
    ] {
        for (got, wanted) in got.iter().zip(list(key)) {
            assert!((got - wanted).abs() <= 1e-12, "{key}: {got}, {wanted}");
        }
    }
}

/// All that is computed from two rows of counts.
fn counted(about: &str, wanted: &Value, pair: Pair) {
    let psi = &wanted["psi"];
    for (key, wanted, got) in [
        ("tvd", &wanted["tvd"], pair.total_variation()),
        ("l_inf", &wanted["l_inf"], pair.l_infinity()),
        ("hellinger", &wanted["hellinger"], pair.hellinger()),
        ("js bits", &wanted["js_divergence_bits"], pair.jensen_shannon_divergence()),
        ("js distance bits", &wanted["js_distance_bits"], pair.jensen_shannon()),
        ("js distance nats", &wanted["js_distance_nats"], pair.jensen_shannon_nats()),
        ("kl", &wanted["kl_ref_cur_nats_raw"], pair.kullback_leibler()),
        ("psi 1e-4", &psi["floor_1e-4"], pair.psi(Fill::Floor(1e-4))),
        ("psi 1e-6", &psi["floor_1e-6"], pair.psi(Fill::Floor(1e-6))),
        ("psi deepchecks", &psi["floor_0.01_deepchecks"], pair.psi(Fill::Floor(0.01))),
        ("psi evidently", &psi["evidently_fill"], pair.psi(Fill::Evidently)),
        ("psi ours", &psi["laplace_half"], pair.psi(Fill::HalfARow)),
        ("psi frouros", &psi["frouros_min_float"], pair.psi(Fill::Zeros(f64::MIN_POSITIVE))),
        ("psi's .05", &wanted["psi_null_crit_05"], pair.psi_critical(0.05)),
        ("psi's .01", &wanted["psi_null_crit_01"], pair.psi_critical(0.01)),
    ] {
        // The other bins' have no critical value in the file.
        let (Some(got), false) = (got, wanted.is_null()) else { continue };
        // Of one bin PSI is nothing, always: there the file counts a degree of freedom that is not there.
        if key.starts_with("psi's") && present(pair.reference, pair.current).0.len() < 2 {
            assert_eq!(got, 0.0, "{about}");
            continue;
        }
        // Differences of nearly equal shares: absolute, near nothing.
        Wanted::of(wanted).within(got, 1e-11, 1e-14, &format!("{about}: {key}"));
    }
}
