//! alibi-detect 0.13.0. Its answers are rounded to 32 bits: 6e-8 of themselves, and nothing below 1e-45.

use super::{EXACT, Key, NO_ROWS, Near, Ours, Part, Parts, apart, walk};
use signalbox_drift::method::Refusal;

const ROUNDED: Near = Near::By(1e-6, 1e-45);
const STATISTIC: Near = Near::By(1e-7, 1e-45);

#[test]
fn alibi_detects_answers() {
    const TEST: Parts = &[
        (Part::Statistic, "/stat/0", STATISTIC),
        (Part::P, "/p/0", ROUNDED),
        (Part::Threshold, "/threshold", EXACT),
        (Part::Drift, "/is_drift", EXACT),
    ];
    // scipy ends its series at the first term below 1e-7.
    const CVM: Parts = &[
        (Part::Statistic, "/stat/0", STATISTIC),
        (Part::P, "/p/0", Near::By(1e-6, 2e-7)),
        (Part::Threshold, "/threshold", EXACT),
        (Part::Drift, "/is_drift", EXACT),
    ];
    const FISHER: Parts = &[
        (Part::Statistic, "/odds_ratio/0", Near::By(1e-7, 0.0)),
        (Part::P, "/p/0", ROUNDED),
        (Part::Drift, "/is_drift", EXACT),
    ];
    let key = |name, with| Key { name, with };
    let keys = [
        key("KSDrift", Ok(("ks:alibi", TEST))),
        key("CVMDrift", Ok(("cvm:alibi", CVM))),
        key("ChiSquareDrift", Ok(("chi2:alibi", TEST))),
        key("FETDrift", Ok(("fisher:alibi", FISHER))),
    ];
    let aparts = [
        apart("current_all_nan", "*", NO_ROWS, "it fails"),
        apart(
            "single_value_each",
            "KSDrift",
            Ours::NoP,
            "the limit has no p for one row each; it says NaN and no drift",
        ),
        apart(
            "single_value_each",
            "CVMDrift",
            Ours::Refuses(Refusal::TooFewRows { least: 2, found: 1 }),
            "it says NaN and no drift",
        ),
        apart(
            "constant_equal",
            "CVMDrift",
            Ours::Refuses(Refusal::AllTie),
            "equal constants are drift to it, p = 0.0096: the formula holds where values differ",
        ),
    ];
    let (n, differ) = walk("alibi", &keys, &aparts);
    assert_eq!((n, differ), (266, 5));
}
