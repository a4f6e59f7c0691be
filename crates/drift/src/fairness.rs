//! Whether a model treats groups alike: everything from four counts a group, which merge over cells as they are.
//!
//! The numbers are those of fairlearn 0.15 (`MetricFrame` and the named differences) and AIF360 0.6.1 by their
//! definitions. Where they say 0 for a rate that does not exist (recall of a group without positives) the group is left
//! out of that rate; a group of too few rows is listed and not judged. None of the numbers says which of the fairness
//! criteria is the right one: they exclude each other where base rates differ (Chouldechova, Big Data 5, 2017).

mod criterion;
mod frame;
mod groups;
mod judged;
mod parity;
mod privileged;

pub use criterion::{Criterion, Ends, Gap, SurePair};
pub use frame::{Against, Apart, Frame, Metric};
pub use groups::{Groups, crossed};
pub use judged::{Attribute, FairnessError, Group, Judged, Rate, Wanted, judge};
pub use parity::{Odds, Parity};
pub use privileged::{Privileged, theil};
