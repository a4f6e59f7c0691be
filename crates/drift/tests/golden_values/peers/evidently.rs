//! Evidently 0.7.23.

use super::{Column, EXACT, Key, NO_ROWS, Near, Ours, P, Part, Parts, apart, is_near, walk};
use crate::sample;
use signalbox_drift::method::{Refusal, Takes, named};

/// Distances, given the edges. Shares that nearly agree leave √ε in a root.
const ROOT: Near = Near::By(1e-9, 2e-8);
const SUM: Near = Near::By(1e-9, 1e-12);

const DISTANCE: Parts =
    &[(Part::Statistic, "/score", SUM), (Part::Threshold, "/threshold", EXACT), (Part::Drift, "/drifted", EXACT)];
const ROOTED: Parts =
    &[(Part::Statistic, "/score", ROOT), (Part::Threshold, "/threshold", EXACT), (Part::Drift, "/drifted", EXACT)];
const TEST: Parts = &[(Part::P, "/score", P), (Part::Threshold, "/threshold", EXACT), (Part::Drift, "/drifted", EXACT)];

fn with(p: Near) -> Parts {
    Box::leak(Box::new([
        (Part::P, "/score", p),
        (Part::Threshold, "/threshold", EXACT),
        (Part::Drift, "/drifted", EXACT),
    ]))
}

fn keys() -> Vec<Key> {
    let key = |name, with| Key { name, with };
    vec![
        key("ks", Ok(("ks:evidently", TEST))),
        key("wasserstein", Ok(("wasserstein:evidently", DISTANCE))),
        key("psi", Ok(("psi:evidently", DISTANCE))),
        key("jensenshannon", Ok(("js:evidently", ROOTED))),
        key("kl_div", Ok(("kl:evidently", DISTANCE))),
        key("hellinger", Ok(("hellinger:evidently", ROOTED))),
        key("anderson", Ok(("ad:evidently", TEST))),
        // scipy ends its series at the first term below 1e-7.
        key("cramer_von_mises", Ok(("cvm:evidently", with(Near::By(1e-6, 2e-7))))),
        key("ed", Ok(("energy:evidently", DISTANCE))),
        key("mannw", Ok(("mann_whitney:evidently", TEST))),
        // scipy's covariance is as good as its rounding: the statistic holds to 1e-6, and so p far out to 1e-4.
        key("es", Ok(("epps_singleton:evidently", with(Near::By(1e-4, 1e-300))))),
        key("t_test", Ok(("t:evidently", TEST))),
        // A hundred permutations of numpy's unseeded generator against 100 of ours.
        key("empirical_mmd", Ok(("mmd:evidently", with(Near::Draws(100.0, 100.0))))),
        key("chisquare", Ok(("chi2:evidently", TEST))),
        // It takes 1 − Φ, which loses what is below the rounding of one.
        key("z", Ok(("z:evidently", with(Near::By(1e-6, 1e-15))))),
        // 1,000 orders of numpy's generator, of rows in their order, against 9,999 tables of ours.
        key("TVD", Ok(("tvd:evidently", with(Near::Draws(1_000.0, 9_999.0))))),
        key("g_test", Ok(("g", TEST))),
        key("fisher_exact", Ok(("fisher", TEST))),
        key("default_result", Err("compared in a test of its own: its score is p or a distance")),
        key("public_DataDriftPreset", Err("compared in a test of its own")),
        key("default", Err("its name says which score default_result has")),
        key("registered", Err("the names of its tests for the kind of column")),
    ]
}

#[test]
fn evidentlys_answers() {
    const FEW: Refusal = Refusal::TooFewRows { least: 2, found: 1 };
    let mut aparts = vec![
        apart("current_all_nan", "*", NO_ROWS, "no rows are no answer; it fails, or says NaN and no drift"),
        apart("single_value_each", "anderson", Ours::Refuses(FEW), "it fails"),
        apart("single_value_each", "cramer_von_mises", Ours::Refuses(FEW), "it fails"),
        apart("single_value_each", "empirical_mmd", Ours::Refuses(FEW), "it divides by nothing"),
        apart("single_value_each", "t_test", Ours::Refuses(FEW), "a variance wants two rows; it says NaN"),
        apart(
            "single_value_each",
            "es",
            Ours::Refuses(Refusal::TooFewRows { least: 5, found: 1 }),
            "it says NaN and no drift",
        ),
        apart("tiny_ties", "es", Ours::Refuses(Refusal::TooFewRows { least: 5, found: 4 }), "it says NaN and no drift"),
        apart("constant_equal", "anderson", Ours::Refuses(Refusal::AllTie), "it fails"),
        apart("constant_equal", "es", Ours::Refuses(Refusal::NoScale), "it fails"),
        apart(
            "constant_equal",
            "cramer_von_mises",
            Ours::Refuses(Refusal::AllTie),
            "equal constants are drift to it, p = 0.0096: its formula holds where values differ",
        ),
        apart("constant_equal", "t_test", Ours::P(1.0), "equal constants do not differ; it says NaN"),
        apart(
            "constant_diff",
            "es",
            Ours::Refuses(Refusal::NoScale),
            "the covariance of two constants is nothing, and its 0.0 is the inverse of rounding",
        ),
        apart(
            "binary_num_600",
            "es",
            Ours::P(0.006_540_532_525_273_767),
            "of two values the covariance has rank one: its 0.0296 counts two, of which one is rounding (an eigenvalue of 7e-16)",
        ),
        apart(
            "int64_2p53",
            "empirical_mmd",
            Ours::P(0.0),
            "it takes x² − 2xy + y², which of values near 2⁵³ is rounding, and so p = 1; KS says 1e-6",
        ),
        apart("tiny", "cramer_von_mises", Ours::P(7.0 / 79.2), "it fails with numpy 2 below 21 rows; scipy: 0.0884"),
        apart("tiny_ties", "cramer_von_mises", Ours::P(1.0), "it fails with numpy 2 below 21 rows; scipy: 1"),
        apart("cat_single_level", "chisquare", Ours::P(1.0), "one level is no drift; it says NaN"),
        apart("cat_single_level", "g_test", Ours::P(1.0), "it wants equal sizes"),
        apart("*", "g_test", Ours::SpecP("/g_test_no_yates/p"), "it wants equal sizes; ours is of the table"),
        apart("cat_two_600", "fisher_exact", Ours::SpecP("/fisher_exact_p"), "it wants equal sizes"),
        apart("bool_shift", "fisher_exact", Ours::SpecP("/fisher_exact_p"), "it wants equal sizes"),
        apart("cat_single_level", "fisher_exact", Ours::P(1.0), "it wants equal sizes"),
    ];
    let many = [
        ("cat_balanced_shift", 4),
        ("cat_disjoint", 4),
        ("cat_looks_numeric", 6),
        ("cat_missing_level", 4),
        ("cat_new_level", 4),
        ("cat_rare_below_5", 3),
        ("cat_same", 3),
        ("cat_small_600", 3),
        ("cat_tiny", 3),
        ("cat_unicode", 8),
    ];
    aparts.extend(many.map(|(case, found)| {
        apart(case, "fisher_exact", Ours::Refuses(Refusal::WantsTwoLevels { found }), "both refuse")
    }));
    let (n, differ) = walk("evidently", &keys(), &aparts);
    assert_eq!((n, differ), (1245, 55));
}

#[test]
fn what_evidently_chooses_by_itself() {
    let golden = sample::golden();
    let method = named("default:evidently").expect("a method");
    let mut n = 0;
    for (case, answers) in golden["evidently"]["cases"].as_object().expect("cases") {
        let kind = &golden["inputs"]["cases"][case]["kind"];
        let (reference, current) = (Column::of(case, "ref", kind), Column::of(case, "cur", kind));
        let got = method.measure(&reference.sample(), &current.sample());
        if case == "current_all_nan" {
            // It says NaN and no drift; its report fails.
            assert_eq!(got, Err(Refusal::Empty { side: "current sample" }));
            continue;
        }
        let got = got.expect("an answer");
        let is_test = ["ks", "chisquare", "z"].contains(&answers["default"].as_str().expect("a name"));
        assert_eq!(got.p_value.is_some(), is_test, "{case}: {}", answers["default"]);
        let score = if is_test { Part::P } else { Part::Statistic };
        let wanted = &answers["default_result"];
        for (part, wanted, near) in [
            (score, &wanted["score"], Near::By(1e-6, 2e-8_f64.powi(2))),
            (score, &answers["public_DataDriftPreset"]["value"], Near::By(1e-6, 2e-8_f64.powi(2))),
            (Part::Threshold, &wanted["threshold"], EXACT),
            (Part::Drift, &wanted["drifted"], EXACT),
        ] {
            assert!(is_near(&got, part, wanted, near), "{case}: {part:?}: {got:?} for {wanted}");
            n += 1;
        }
    }
    assert_eq!(n, 164);
}

/// All that it has for a kind of column is compared.
#[test]
fn each_of_evidentlys_registered_tests_has_a_method() {
    let golden = sample::golden();
    let keys = keys();
    let mut n = 0;
    for (case, answers) in golden["evidently"]["cases"].as_object().expect("cases") {
        let kind = golden["inputs"]["cases"][case]["kind"].as_str().expect("a kind");
        for name in answers["registered"].as_array().expect("names") {
            let key = keys.iter().find(|key| *name == key.name).unwrap_or_else(|| panic!("{case}: {name}"));
            let takes = named(key.with.expect("a method").0).expect("a method").takes;
            let of_kind = if ["num", "dt"].contains(&kind) { Takes::Numbers } else { Takes::Levels };
            assert!(takes == of_kind || takes == Takes::Both, "{case}: {name}");
            n += 1;
        }
    }
    assert_eq!(n, 494);
}
