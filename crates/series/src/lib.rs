//! Pure numbers: chunk codec, min/max pyramid, line resolution, decimation, smoothing.

mod axis;

pub use axis::{Axis, Smooth};
