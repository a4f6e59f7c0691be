//! Charts as files: the picture that the screen shows, drawn with plotters as SVG or PNG.
//!
//! Takes numbers, not runs: who calls decides what is drawn. Refuses nothing that a metric can hold (NaN, ±infinity,
//! one point, none). Text in a PNG is drawn with the shipped Inter; an SVG names Inter and falls back on the viewer's.

mod axis;
mod canvas;
mod chart;
mod layout;
mod spec;
mod stroke;
mod tokens;

pub use chart::{png, svg};
pub use spec::{AxisKind, ChartError, ChartSeries, ChartSpec, Mark};
