//! deepchecks 0.19.1.

use super::{Key, NO_ROWS, Near, Part, Parts, apart, walk};

#[test]
fn deepchecks_answers() {
    const SCORE: Parts = &[(Part::Statistic, "", Near::By(1e-9, 1e-15))];
    let key = |name, with| Key { name, with };
    let keys = [
        key("ks", Ok(("ks:deepchecks", SCORE))),
        key("emd_margin_0.025", Ok(("emd:deepchecks", SCORE))),
        key("emd_margin_0", Ok(("emd_untrimmed:deepchecks", SCORE))),
        key("psi", Ok(("psi:deepchecks", SCORE))),
        key("psi_min1pct", Ok(("psi_joined:deepchecks", SCORE))),
        key("cramers_v", Ok(("cramers_v:deepchecks", SCORE))),
        key("cramers_v_min1pct", Ok(("cramers_v_joined:deepchecks", SCORE))),
        key("cramers_v_balanced", Err("its weights stand only in its source, which is not read (AGPL-3)")),
    ];
    let (n, differ) = walk("deepchecks", &keys, &[apart("current_all_nan", "*", NO_ROWS, "it fails")]);
    assert_eq!((n, differ), (136, 3));
}
