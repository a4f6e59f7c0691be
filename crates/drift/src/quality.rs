//! How well a model does, with labels, with some labels, and without any.
//!
//! Counts are mergeable: a window is the sum of its cells, and a label that comes late is added to the cell of the row
//! that it belongs to. Counts of rows merge exactly; sums of numbers to the last bits. What needs the rows themselves
//! (ties, medians, DeLong's error) stands under other names, over slices.
//!
//! Where a number does not exist (no positive was called, one class only) the answer is `None`, never a zero: only the
//! averages over classes take a `ZeroDivision`, as scikit-learn's do.

mod calibration;
mod confusion;
mod eigen;
mod errors;
pub mod estimate;
pub(crate) mod fixed;
mod interval;
mod isotonic;
mod labels;
mod outcomes;
mod random_state;
mod ranked;
mod reconstruction;
mod reliability;
mod scores;
mod split;

pub use calibration::{CalibrationRule, Calibrator, lowers_ece};
pub use confusion::{Average, Confusion, ZeroDivision};
pub use errors::{Errors, Moments, median_absolute_error};
pub(crate) use interval::newcombe_of;
pub use interval::{Interval, hanley_mcneil, katz, newcombe, normal, wilson, z_of};
pub use isotonic::Isotonic;
pub use labels::LabelsIn;
pub use outcomes::Outcomes;
pub use random_state::RandomState;
pub use ranked::{auroc, average_precision, delong};
pub use reconstruction::{Reconstructed, Reconstruction};
pub use reliability::{Reliability, ece_of_equal_rows};
pub use scores::{Bounded, SCORE_BINS, Scores, clipped_log_loss};
pub use split::{Split, stratified_shuffle_splits};
