//! Data and model drift. Numbers are those of the field's own libraries, each by its name; the verdicts are ours.
//!
//! The numbers: tests of two samples (`test`), distances (`distance`), bins that are frozen with the reference (`bins`),
//! large samples compared exactly without sorting them (`exact`), the peers' definitions (`peer`) and all by their names
//! (`method`); a model's quality and fairness from counts (`quality`, `fairness`, `trees`). They know no files, no clock
//! and no randomness but a seed that is given. `sketch`: what is left of a column that is not kept.
//!
//! The data: files as columns (`read`), two tables compared (`pair`) and judged (`verdict`), one looked at (`profile`), and
//! what a model has seen since its training, hour by hour (`monitor`).

mod bins;
mod distance;
mod draw;
mod exact;
pub mod fairness;
pub mod gather;
mod merged;
pub mod method;
pub mod moments;
pub mod monitor;
pub mod pair;
pub mod peer;
pub mod profile;
pub mod quality;
mod quantile;
pub mod read;
pub mod report;
pub mod rules;
pub mod sketch;
mod special;
pub mod test;
pub mod trees;
pub mod verdict;
mod words;

pub use bins::{Bins, Width, count_between, numpy_edges};
pub use distance::{Fill, Pair, energy, present, wasserstein, wasserstein_std};
pub use exact::{Compared, compare};
pub use quantile::quantile;
