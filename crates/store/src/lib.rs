//! Our SQLite: catalogue, series chunks, annotations, problems, preferences; migrations.

mod blocks;
mod cache;
mod catalogue;
mod cells;
mod code;
mod commit;
mod compact;
mod curves;
mod error;
mod forget;
mod frames;
mod ingest;
mod keyed;
mod ledger;
mod media;
mod paths;
mod reader;
mod restart;
mod room;
mod rows;
mod runs;
mod schema;
mod seal;
mod store;
mod stored;

pub use cells::{CellRow, CellStore};
pub use compact::{Compacting, temporary_folder};
pub use error::{Result, StoreError};
pub use forget::{Forgetting, Forgot};
pub use frames::frame_at_once;
pub use ledger::{ChainRow, ItemRow, Ledger, LedgerRow, PlanRow};
pub use media::{MediaRow, MediaTag};
pub use reader::StoreReader;
pub use room::{FileRoom, ProjectRoom, RoomStamp, RunRoom, Taken};
pub use rows::{
    Annotation, Committed, DatasetRow, Drawn, FrameQuery, MetricSummary, ModelRow, PartPoints, ProblemRow, ProjectRow,
    RunRow, SourceCommit, SourceRow,
};
pub use store::Store;
