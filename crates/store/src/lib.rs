//! Our SQLite: catalogue, series chunks, annotations, problems, preferences; migrations.

mod error;
mod reader;
mod rows;
mod store;

pub use error::{Result, StoreError};
pub use reader::StoreReader;
pub use rows::{
    Annotation, Committed, DatasetRow, FrameQuery, MetricSummary, ModelRow, PartPoints, ProblemRow, ProjectRow, RunRow,
    SourceCommit, SourceRow,
};
pub use store::Store;
