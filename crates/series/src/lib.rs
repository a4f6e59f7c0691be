//! Pure numbers: chunk codec, min/max pyramid, line resolution, decimation, smoothing.
//!
//! A series is kept as every writer wrote it, part by part (`codec`, `levels`); a running summary of each part (`summary`)
//! answers a table. A chart's line is resolved from the parts (`line`), smoothed over all of its points (`smooth`), reduced
//! to the width of the screen (`decimate`, `pyramid`) and put into bytes (`frame`). No IO, no clock, no randomness.

mod axis;
mod blocked;
pub mod codec;
mod decimate;
mod frame;
mod group;
mod held;
mod levels;
mod line;
mod memory;
mod node;
mod packed;
mod pyramid;
mod rows;
mod smooth;
mod summary;

pub use axis::{Axis, Smooth};
pub use codec::{CHUNK_POINTS, Chunk, CodecError, Effort};
pub use decimate::{Decimator, Polyline, Window, x_of};
pub use frame::{FrameSeries, frame, frame_head, put_series, series_bytes};
pub use held::Held;
pub use levels::{BASE_POINTS, Coordinates, FAN, MAX_LEVEL, base_nodes, block_points, encode_nodes, row_nodes};
pub use line::{Line, PartView, by_step, by_time};
pub use memory::InMemory;
pub use node::{MarkKind, Node, Spot};
pub use pyramid::{Blocks, Pyramid};
pub use rows::{NodeRow, decode_nodes};
pub use smooth::{ema, gaussian, mean, smooth};
pub use summary::{Cut, LineEnds, PartSummary, Whole, whole};
