//! Data and model drift. Numbers are those of the field's own libraries, each by its name; the verdicts are ours.
//!
//! So far the numbers: tests of two samples (`test`), distances (`distance`), bins that are frozen with the reference
//! (`bins`), quantiles as numpy computes them, large samples compared exactly without sorting them
//! (`exact`), and the peers' definitions by their names (`peer`). No IO, no clock, no randomness.

mod bins;
mod distance;
mod exact;
mod merged;
pub mod peer;
mod quantile;
mod special;
pub mod test;

pub use bins::{Bins, Width, count_between, numpy_edges};
pub use distance::{Fill, Pair, energy, present, wasserstein};
pub use exact::{Compared, compare};
pub use quantile::quantile;
