//! Two-sample tests. Samples are slices of finite numbers, sorted ascending, unless a docstring says otherwise; nulls, NaN
//! and infinities are rates of their own and were taken out before.
//!
//! Each is what scipy 1.17 computes, to the tolerances of the golden values in `tests/golden_values`; where scipy answers
//! with a warning, or not at all, the docstring says what we answer.

mod adjust;
mod anderson;
mod contingency;
mod cramer_von_mises;
mod epps_singleton;
mod kolmogorov;
mod ks;
mod means;
mod mmd;
mod permutation;
mod ranks;
mod sequential;

pub use adjust::{benjamini_hochberg, benjamini_yekutieli, bonferroni, holm};
pub use anderson::{Anderson, anderson_darling};
pub(crate) use contingency::cramers_v_corrected_of;
pub use contingency::{
    Contingency, chi2, chi2_of_fit, chi2_yates, cramers_v, cramers_v_corrected, fisher_exact, g_test, two_proportions,
};
pub use cramer_von_mises::{cramer_von_mises, cramer_von_mises_auto};
pub use epps_singleton::epps_singleton;
pub use kolmogorov::ks_sf;
pub(crate) use ks::Furthest;
pub use ks::{Ks, ks, ks_limit};
pub use means::{student_t, welch_t};
pub use mmd::{MAX_ROWS_PERMUTED, mmd, mmd_permuted, mmd_vectors};
pub use permutation::{chi2_permuted, is_sparse, total_variation_permuted};
pub use ranks::{mann_whitney, mann_whitney_auto, mann_whitney_less};
pub(crate) use sequential::chi2_sequential;

/// What a test says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tested {
    pub statistic: f64,
    /// Of the null hypothesis that both samples come from the same distribution.
    pub p_value: f64,
}
