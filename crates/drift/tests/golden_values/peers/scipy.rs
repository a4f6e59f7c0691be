//! Ours by their names, beside the specification, which is scipy's and numpy's answers.

use super::{Key, NO_ROWS, Near, Ours, P, Part, Parts, apart, walk};
use crate::sample::{self, Wanted};
use signalbox_drift::method::Refusal;
use signalbox_drift::test::two_proportions;

#[test]
fn our_methods_answer_as_specified() {
    const WHOLE: Parts = &[(Part::Statistic, "", Near::By(1e-9, 1e-14))];
    const TEST: Parts = &[(Part::Statistic, "/stat", Near::By(1e-9, 1e-12)), (Part::P, "/p", P)];
    const CVM: Parts =
        &[(Part::Statistic, "/stat", Near::By(1e-9, 1e-12)), (Part::P, "/p_asymptotic", Near::By(1e-6, 2e-7))];
    const AD: Parts = &[(Part::Statistic, "/stat_normalised", Near::By(1e-9, 1e-12)), (Part::P, "/p_capped", P)];
    const U: Parts = &[(Part::Statistic, "/U", Near::By(1e-12, 0.0)), (Part::P, "/p", P)];
    const T: Parts = &[(Part::Statistic, "/t", Near::By(1e-9, 0.0)), (Part::P, "/p", P)];
    const P_ALONE: Parts = &[(Part::P, "", P)];
    macro_rules! at {
        ($place:literal) => {
            &[(Part::Statistic, $place, Near::By(1e-9, 1e-14))]
        };
    }
    let key = |name, method, parts: Parts| Key { name, with: Ok((method, parts)) };
    let mut keys = vec![
        key("ks_auto", "ks", TEST),
        key("wasserstein", "wasserstein", WHOLE),
        key("wasserstein_over_std_pop_ref", "wasserstein_std", WHOLE),
        key("energy_distance", "energy", WHOLE),
        key("cvm", "cvm", CVM),
        key("cvm_exact", "cvm", P_ALONE),
        key("anderson_ksamp_midrank", "ad", AD),
        key("mannwhitney_two_sided", "mann_whitney", U),
        key("t_student", "t", T),
        key("t_welch", "welch", T),
        key("epps_singleton", "epps_singleton", &[(Part::Statistic, "/stat", Near::By(1e-6, 0.0))]),
        key("recommended", "psi", at!("/psi/laplace_half")),
        key("recommended", "js", at!("/js_distance_bits")),
        key("recommended", "hellinger", at!("/hellinger")),
        key("recommended", "kl", at!("/kl_ref_cur_nats_raw")),
        key("recommended", "tvd", at!("/tvd")),
        key("recommended", "l_infinity", at!("/l_inf")),
        key("recommended", "chi2", &[(Part::P, "/chi2_p", P)]),
        key("psi", "psi", at!("/laplace_half")),
        key("js_distance_bits", "js", WHOLE),
        key("hellinger", "hellinger", WHOLE),
        key("kl_ref_cur_nats_raw", "kl", WHOLE),
        key("tvd", "tvd", WHOLE),
        key("l_inf", "l_infinity", WHOLE),
        key("chi2_contingency_no_yates", "chi2", TEST),
        key("chi2_contingency_scipy_default", "chi2_yates", TEST),
        key("g_test_no_yates", "g", TEST),
        key("fisher_exact_p", "fisher", P_ALONE),
        key("two_prop_z_p", "z", P_ALONE),
        key("cramers_v", "cramers_v", at!("/v")),
    ];
    let functions = [
        "profile",
        "finite_n",
        "ks_asymp",
        "ks_exact",
        "wasserstein_over_iqr_ref",
        "bins",
        "levels_n",
        "new_levels",
        "gone_levels",
        "levels",
        "ref_counts",
        "cur_counts",
        "js_divergence_nats",
        "js_divergence_bits",
        "js_distance_nats",
        "null_rate_z_p",
        "kl_cur_ref_nats_raw",
        "psi_null_crit_05",
        "psi_null_crit_01",
        "chi2_gof_scaled_ref",
    ];
    keys.extend(functions.map(|name| Key { name, with: Err("no method of ours has it; the functions are compared") }));
    let refuses = |refusal| Ours::Refuses(refusal);
    let few = |least, found| Ours::Refuses(Refusal::TooFewRows { least, found });
    let aparts = [
        apart("current_all_nan", "*", NO_ROWS, "no rows are no answer"),
        apart("single_value_each", "ad", few(2, 1), "scipy fails"),
        apart("single_value_each", "cvm", few(2, 1), "scipy says NaN"),
        apart("single_value_each", "t", few(2, 1), "scipy says NaN"),
        apart("single_value_each", "welch", few(2, 1), "scipy says NaN"),
        apart("single_value_each", "epps_singleton", few(5, 1), "scipy says NaN"),
        apart("tiny_ties", "epps_singleton", few(5, 4), "scipy says NaN"),
        apart("tiny", "cvm", Ours::SpecP("/cvm_exact"), "of so few rows scipy counts all orders, and so do we"),
        apart(
            "tiny",
            "mann_whitney",
            Ours::P(29.0 / 396.0),
            "of so few rows scipy counts all orders: 0.0732 (Frouros')",
        ),
        apart("constant_equal", "ad", refuses(Refusal::AllTie), "scipy fails"),
        apart("constant_equal", "cvm", refuses(Refusal::AllTie), "scipy says p = 0.0096 of equal constants"),
        apart("constant_equal", "mann_whitney", refuses(Refusal::AllTie), "there is no order; scipy says p = 1"),
        apart("constant_equal", "epps_singleton", refuses(Refusal::NoScale), "scipy fails"),
        apart("constant_equal", "t", Ours::P(1.0), "equal constants do not differ; scipy says NaN"),
        apart("constant_equal", "welch", Ours::P(1.0), "equal constants do not differ; scipy says NaN"),
        apart("constant_equal", "wasserstein_std", Ours::Statistic(0.0), "DRIFT.md: the share of other values"),
        apart("constant_diff", "wasserstein_std", Ours::Statistic(1.0), "DRIFT.md: the share of other values"),
        apart("single_value_each", "wasserstein_std", Ours::Statistic(1.0), "DRIFT.md: the share of other values"),
        apart("constant_diff", "t", Ours::Statistic(f64::NEG_INFINITY), "scipy's −2e15 divides by rounding"),
        apart("constant_diff", "welch", Ours::Statistic(f64::NEG_INFINITY), "scipy's −2e15 divides by rounding"),
        apart("constant_diff", "epps_singleton", refuses(Refusal::NoScale), "scipy's 1e34 is the inverse of rounding"),
        apart(
            "binary_num_600",
            "epps_singleton",
            Ours::Statistic(7.395_002_739_838_847),
            "of two values the covariance has rank one: scipy counts two, of which one is rounding",
        ),
        apart("cat_single_level", "cramers_v", Ours::Statistic(0.0), "one level alone is no drift; scipy says NaN"),
    ];
    let (n, differ) = walk("spec", &keys, &aparts);
    assert_eq!((n, differ), (783, 41));
}

#[test]
fn rates_of_nan_are_compared_as_two_proportions() {
    let golden = sample::golden();
    let mut n = 0;
    for (case, spec) in golden["spec"]["cases"].as_object().expect("cases") {
        let Some(wanted) = spec.get("null_rate_z_p") else { continue };
        let rate = |side: &str| {
            let of = |key: &str| spec["profile"][side][key].as_u64().expect("a count");
            (of("nulls") + of("nan"), of("rows"))
        };
        let got = two_proportions(rate("ref"), rate("cur")).expect("rows");
        Wanted::of(wanted).near(got.p_value, 1e-6, case);
        n += 1;
    }
    assert_eq!(n, 2);
}
