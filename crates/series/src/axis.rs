//! What a chart's horizontal axis shows, and how its line is smoothed.

/// What x is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Axis {
    /// The writer's step, as a number.
    #[default]
    Step,
    /// Seconds since the run's first point.
    Relative,
    /// Unix seconds.
    Wall,
}

/// Smoothing over the full data, before any decimation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Smooth {
    #[default]
    None,
    /// Debiased exponential moving average as TensorBoard's; the weight of the past, 0..1.
    Ema(f64),
    /// Sigma in points.
    Gaussian(f64),
    /// Centred window, in points.
    Mean(f64),
}
