//! How many labels are in.

use serde::{Deserialize, Serialize};

/// Rows seen, and those of them whose label has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelsIn {
    pub seen: u64,
    pub labelled: u64,
}

impl LabelsIn {
    /// 0 to 1; `None` before the first row. More labels than rows (labels sent twice) show as more than 1.
    pub fn share(self) -> Option<f64> {
        (self.seen > 0).then(|| self.labelled as f64 / self.seen as f64)
    }

    pub fn merge(&mut self, other: LabelsIn) {
        self.seen += other.seen;
        self.labelled += other.labelled;
    }
}
