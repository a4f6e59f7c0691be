//! Our SQLite: catalogue, series chunks, annotations, problems, preferences; migrations.

mod blocks;
mod cache;
mod catalogue;
mod cells;
mod code;
mod commit;
mod curves;
mod error;
mod ingest;
mod ledger;
mod media;
mod paths;
mod reader;
mod restart;
mod rows;
mod runs;
mod schema;
mod seal;
mod store;

pub use cells::{CellRow, CellStore};
pub use error::{Result, StoreError};
pub use ledger::{ChainRow, ItemRow, Ledger, LedgerRow, PlanRow};
pub use media::{MediaRow, MediaTag};
pub use reader::StoreReader;
pub use rows::{
    Annotation, Committed, DatasetRow, Drawn, FrameQuery, MetricSummary, ModelRow, PartPoints, ProblemRow, ProjectRow,
    RunRow, SourceCommit, SourceRow,
};
pub use store::Store;
