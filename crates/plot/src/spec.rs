//! What to draw.

use thiserror::Error;

/// How x values are named on the axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AxisKind {
    /// Plain numbers, such as steps.
    #[default]
    Number,
    /// Seconds since something began.
    Duration,
    /// Unix seconds, shown in UTC.
    UnixTime,
}

/// A value that cannot lie on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Drawn on the x axis.
    NaN,
    /// Drawn at the top edge.
    PositiveInfinity,
    /// Drawn at the bottom edge.
    NegativeInfinity,
}

/// One line.
#[derive(Clone, Debug, Default)]
pub struct ChartSeries {
    pub name: String,
    /// Which of the run colours, counted round.
    pub color_index: usize,
    /// Which dash: 0 solid, 1 dashed, 2 dotted, 3 dash-dot; counted round.
    pub dash: usize,
    /// Ascending, finite.
    pub xs: Vec<f64>,
    /// As long as `xs`. The line is broken where a value is not finite.
    pub ys: Vec<f64>,
    /// The line before smoothing as (xs, ys), drawn faint behind.
    pub raw: Option<(Vec<f64>, Vec<f64>)>,
    /// Where values that are not finite were logged. `None`: at the non-finite values of the raw line, or of `ys`
    /// where there is none.
    pub marks: Option<Vec<(f64, Mark)>>,
}

/// One chart.
#[derive(Clone, Debug, Default)]
pub struct ChartSpec {
    pub title: String,
    pub x_label: String,
    pub x_kind: AxisKind,
    /// Left out where it is empty or equal to the title.
    pub y_label: String,
    /// Values ≤ 0 break the line; the chart says how many.
    pub log_y: bool,
    pub dark: bool,
    pub series: Vec<ChartSeries>,
    /// In CSS pixels; a PNG has two device pixels for each.
    pub width: u32,
    /// As `width`.
    pub height: u32,
}

impl ChartSpec {
    /// The smallest chart that still has room for its words.
    pub const MIN_SIDE: u32 = 160;
    /// The largest: memory for drawing stays under 400 MB.
    pub const MAX_SIDE: u32 = 4096;

    /// That the numbers fit together.
    pub(crate) fn check(&self) -> Result<(), ChartError> {
        for side in [self.width, self.height] {
            if !(Self::MIN_SIDE..=Self::MAX_SIDE).contains(&side) {
                return Err(ChartError::Size { width: self.width, height: self.height });
            }
        }
        for s in &self.series {
            let raw_fits = s.raw.as_ref().is_none_or(|(x, y)| x.len() == y.len());
            if s.xs.len() != s.ys.len() || !raw_fits {
                return Err(ChartError::Lengths { name: s.name.clone() });
            }
        }
        Ok(())
    }
}

/// Why there is no picture.
#[derive(Debug, Error)]
pub enum ChartError {
    #[error(
        "a chart of {width} × {height} pixels: each side must be {} to {}",
        ChartSpec::MIN_SIDE,
        ChartSpec::MAX_SIDE
    )]
    Size { width: u32, height: u32 },
    #[error("series {name:?} has more x than y values, or fewer")]
    Lengths { name: String },
    #[error("drawing failed: {0}")]
    Draw(String),
    #[error("the PNG could not be encoded: {0}")]
    Encode(#[from] png::EncodingError),
}
