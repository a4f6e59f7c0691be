//! NannyML 0.13.1.

use super::{Key, NO_ROWS, Near, Ours, P, Part, Parts, apart, walk};

#[test]
fn nannymls_answers() {
    // Its share outside of the bins is 1 less a sum, and so 1e-16 where it is nothing: √ε in a root.
    const ROOT: Parts = &[(Part::Statistic, "/value", Near::By(1e-9, 2e-8))];
    const KS: Parts = &[(Part::Statistic, "/value", Near::By(1e-12, 1e-15))];
    const W: Parts = &[(Part::Statistic, "/value", Near::By(1e-9, 0.0))];
    const CHI2: Parts = &[(Part::Statistic, "/value", Near::By(1e-9, 0.0)), (Part::P, "/p", P)];
    let key = |name, with| Key { name, with };
    let keys = [
        key("jensen_shannon", Ok(("js:nannyml", ROOT))),
        key("hellinger", Ok(("hellinger:nannyml", ROOT))),
        key("kolmogorov_smirnov", Ok(("ks:nannyml", KS))),
        key("wasserstein", Ok(("wasserstein:nannyml", W))),
        key("chi2", Ok(("chi2:nannyml", CHI2))),
        key("l_infinity", Ok(("l_infinity:nannyml", KS))),
    ];
    // It takes infinities for values, which leaves no edges, no area, and a KS of other samples; ours are a rate of their own.
    let with_inf = |key, ours| apart("with_inf", key, Ours::Statistic(ours), "infinities are taken out");
    let aparts = [
        apart("current_all_nan", "*", NO_ROWS, "it says NaN"),
        with_inf("jensen_shannon", 0.121_379_301_743_330_36),
        with_inf("hellinger", 0.106_787_594_069_149_23),
        with_inf("kolmogorov_smirnov", 0.080_080_793_979_567_15),
        with_inf("wasserstein", 0.186_916_214_742_907_6),
    ];
    let (n, differ) = walk("nannyml", &keys, &aparts);
    assert_eq!((n, differ), (173, 8));
}
