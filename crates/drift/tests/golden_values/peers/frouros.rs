//! Frouros 0.9.0.

use super::{Key, NO_ROWS, Near, Ours, P, Part, Parts, apart, walk};
use signalbox_drift::method::Refusal;

#[test]
fn frouros_answers() {
    const SUM: Parts = &[(Part::Statistic, "", Near::By(1e-9, 1e-12))];
    const ROOT: Parts = &[(Part::Statistic, "", Near::By(1e-9, 2e-8))];
    const TEST: Parts = &[(Part::Statistic, "/stat", Near::By(1e-9, 1e-12)), (Part::P, "/p", P)];
    // scipy ends its series at the first term below 1e-7.
    const CVM: Parts = &[(Part::Statistic, "/stat", Near::By(1e-9, 1e-12)), (Part::P, "/p", Near::By(1e-6, 2e-7))];
    let key = |name, with| Key { name, with };
    let keys = [
        key("psi", Ok(("psi:frouros", SUM))),
        key("js", Ok(("js:frouros", ROOT))),
        key("kl", Ok(("kl:frouros", SUM))),
        key("hellinger", Ok(("hellinger:frouros", ROOT))),
        key("emd", Ok(("emd:frouros", SUM))),
        key("energy", Ok(("energy:frouros", SUM))),
        key("bhattacharyya", Ok(("bhattacharyya:frouros", SUM))),
        key("hi_complement", Ok(("intersection:frouros", SUM))),
        key("ks", Ok(("ks:frouros", TEST))),
        key("cvm", Ok(("cvm:frouros", CVM))),
        key("anderson", Ok(("ad:frouros", TEST))),
        key("kuiper", Ok(("kuiper:frouros", TEST))),
        key("welch", Ok(("welch:frouros", TEST))),
        key("mannwhitney", Ok(("mann_whitney:frouros", TEST))),
        key("mmd", Ok(("mmd:frouros", SUM))),
    ];
    let few = || Ours::Refuses(Refusal::TooFewRows { least: 2, found: 1 });
    let bins = || Ours::Refuses(Refusal::TooManyBins);
    let aparts = [
        apart("current_all_nan", "*", NO_ROWS, "it fails, or says NaN"),
        apart("negzero_subnormal", "js", bins(), "it fails: the quartiles are 1e-310 apart, and the ends 2"),
        apart("negzero_subnormal", "kl", bins(), "it fails"),
        apart("single_value_each", "anderson", few(), "it fails"),
        apart("single_value_each", "cvm", few(), "it fails"),
        apart("single_value_each", "welch", few(), "it says NaN"),
        apart("constant_equal", "anderson", Ours::Refuses(Refusal::AllTie), "it fails"),
        apart("constant_equal", "cvm", Ours::Refuses(Refusal::AllTie), "it says p = 0.0096 of equal constants"),
        apart("constant_equal", "js", Ours::Statistic(0.0), "equal constants are not apart; it says NaN"),
        apart("constant_equal", "welch", Ours::P(1.0), "equal constants do not differ; it says NaN"),
        apart(
            "constant_diff",
            "welch",
            Ours::Statistic(f64::NEG_INFINITY),
            "constants that differ are infinitely far apart; its −2e15 divides by the rounding of a mean",
        ),
        apart("constant_diff", "kuiper", Ours::P(0.0), "its p is −2.8e-37"),
        apart("constant_equal", "kuiper", Ours::NoP, "its formula has no value for D = 0; it says NaN"),
        apart("identical", "kuiper", Ours::NoP, "its formula has no value for D = 0; it says NaN"),
        apart("tiny_ties", "kuiper", Ours::NoP, "its formula takes a power of a negative number; it says NaN"),
        apart("single_value_each", "kuiper", Ours::NoP, "its formula takes a power of a negative number; it says NaN"),
    ];
    let (n, differ) = walk("frouros", &keys, &aparts);
    assert_eq!((n, differ), (519, 29));
}
