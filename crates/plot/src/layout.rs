//! Where everything stands: the plot's rectangle, the scales, the legend.

use crate::axis::{Scale, Tick};
use crate::canvas::Type;
use crate::stroke::Dot;
use crate::tokens::Theme;
use crate::{AxisKind, ChartSeries, ChartSpec, Mark};

/// More names are counted instead.
pub const MAX_NAMES: usize = 12;
/// From one legend line to the next, in CSS pixels.
pub const LEGEND_LINE: f64 = 18.0;
/// Between the outside and anything, in CSS pixels.
pub const EDGE: f64 = 16.0;

/// Text sizes and colours, as on the screen.
pub struct Types {
    pub title: Type,
    pub label: Type,
    pub tick: Type,
    pub name: Type,
}

impl Types {
    pub fn of(theme: &Theme) -> Types {
        Types {
            title: Type { em: 16.0, bold: true, color: theme.text },
            label: Type { em: 12.0, bold: false, color: theme.axis },
            tick: Type { em: 11.0, bold: false, color: theme.axis },
            name: Type { em: 12.0, bold: false, color: theme.text },
        }
    }
}

pub struct Layout {
    pub types: Types,
    /// The plot's rectangle.
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    pub x: Scale,
    pub y: Scale,
    pub x_ticks: Vec<Tick>,
    pub y_ticks: Vec<Tick>,
    pub legend: Option<Legend>,
    /// Values that a logarithmic axis cannot show.
    pub n_not_positive: usize,
    pub empty: bool,
}

pub struct Legend {
    pub left: f64,
    /// Index into the spec's series, and the name as it fits.
    pub lines: Vec<(usize, String)>,
    pub n_more: usize,
}

impl Layout {
    pub fn new(spec: &ChartSpec, theme: &Theme) -> Layout {
        let types = Types::of(theme);
        let (width, height) = (f64::from(spec.width), f64::from(spec.height));
        let extent = Extent::of(spec);
        let air = if spec.series.iter().all(|s| s.xs.len() <= 1) { 0.05 } else { 0.0 };
        let x = Scale::around(extent.x.0, extent.x.1, air, false);
        let y = Scale::around(extent.y.0, extent.y.1, 0.06, spec.log_y);

        let subtitle = !spec.y_label.is_empty() && spec.y_label != spec.title;
        let top = EDGE
            + if spec.title.is_empty() { 4.0 } else { types.title.em + 14.0 }
            + if subtitle { types.label.em + 6.0 } else { 0.0 };
        let x_label_room = if spec.x_label.is_empty() { 0.0 } else { types.label.em + 8.0 };
        let bottom = height - EDGE - x_label_room - types.tick.em - 8.0;
        let y_ticks = y.ticks(AxisKind::Number, (((bottom - top) / 52.0) as usize).clamp(2, 10));
        let widest = y_ticks.iter().map(|t| types.tick.width(&t.text)).fold(0.0, f64::max);
        let left = EDGE + widest + 8.0;
        let legend = Legend::of(spec, &types, width, bottom - top);
        let right = legend.as_ref().map_or(width - EDGE, |l| l.left - 16.0);
        let x_ticks = x_ticks(&x, spec.x_kind, &types, right - left);
        let n_not_positive = if spec.log_y {
            spec.series.iter().flat_map(|s| &s.ys).filter(|y| y.is_finite() && **y <= 0.0).count()
        } else {
            0
        };
        let empty = !extent.y.0.is_finite();
        Layout { types, left, right, top, bottom, x, y, x_ticks, y_ticks, legend, n_not_positive, empty }
    }

    /// A value's place on the canvas; not finite where the value cannot lie on it.
    pub fn dot(&self, x: f64, y: f64) -> Dot {
        (
            self.column(x),
            self.bottom - self.y.unit(if self.y.log && y <= 0.0 { f64::NAN } else { y }) * (self.bottom - self.top),
        )
    }

    pub fn column(&self, x: f64) -> f64 {
        self.left + self.x.unit(x) * (self.right - self.left)
    }

    pub fn row(&self, mark: Mark) -> f64 {
        if mark == Mark::PositiveInfinity { self.top } else { self.bottom }
    }
}

/// Fewer ticks until their words leave room between each other.
fn x_ticks(x: &Scale, kind: AxisKind, types: &Types, width: f64) -> Vec<Tick> {
    let mut wanted = ((width / 80.0) as usize).clamp(2, 12);
    loop {
        let ticks = x.ticks(kind, wanted);
        let apart = ticks.windows(2).all(|w| {
            let between = (x.unit(w[1].at) - x.unit(w[0].at)) * width;
            between >= (types.tick.width(&w[0].text) + types.tick.width(&w[1].text)) / 2.0 + 12.0
        });
        if apart || wanted <= 1 {
            return ticks;
        }
        wanted -= 1;
    }
}

impl Legend {
    fn of(spec: &ChartSpec, types: &Types, width: f64, height: f64) -> Option<Legend> {
        if spec.series.iter().all(|s| s.name.is_empty()) || width < 360.0 {
            return None;
        }
        let room = (width * 0.28).min(260.0);
        let shown = spec.series.len().min(MAX_NAMES).min((height / LEGEND_LINE).max(1.0) as usize);
        let lines: Vec<_> =
            spec.series[..shown].iter().enumerate().map(|(i, s)| (i, types.name.fit(&s.name, room - 26.0))).collect();
        let n_more = spec.series.len() - shown;
        let more = if n_more > 0 { types.name.width(&more(n_more)) } else { 0.0 };
        let widest = lines.iter().map(|(_, name)| types.name.width(name) + 26.0).fold(more, f64::max);
        Some(Legend { left: width - EDGE - widest, lines, n_more })
    }
}

pub fn more(n: usize) -> String {
    format!("and {n} more")
}

/// What the finite values cover; infinite where there are none.
struct Extent {
    x: (f64, f64),
    y: (f64, f64),
}

impl Extent {
    fn of(spec: &ChartSpec) -> Extent {
        let mut out = Extent { x: (f64::INFINITY, f64::NEG_INFINITY), y: (f64::INFINITY, f64::NEG_INFINITY) };
        let mut raw_y = out.y;
        for s in &spec.series {
            out.widen(&s.xs, &s.ys, spec.log_y);
            if let Some((xs, ys)) = &s.raw {
                let mut raw = Extent { x: out.x, y: raw_y };
                raw.widen(xs, ys, spec.log_y);
                (out.x, raw_y) = (raw.x, raw.y);
            }
            for x in s.marks.iter().flatten().map(|m| m.0).filter(|x| x.is_finite()) {
                out.x = (out.x.0.min(x), out.x.1.max(x));
            }
        }
        out.y = (out.y.0.min(raw_y.0), out.y.1.max(raw_y.1));
        out
    }

    fn widen(&mut self, xs: &[f64], ys: &[f64], log_y: bool) {
        for (x, y) in xs.iter().zip(ys) {
            if x.is_finite() {
                self.x = (self.x.0.min(*x), self.x.1.max(*x));
            }
            if y.is_finite() && !(log_y && *y <= 0.0) {
                self.y = (self.y.0.min(*y), self.y.1.max(*y));
            }
        }
    }
}

impl ChartSeries {
    /// Where this series has values that are not finite.
    pub(crate) fn non_finite(&self) -> Vec<(f64, Mark)> {
        if let Some(marks) = &self.marks {
            return marks.clone();
        }
        let (xs, ys) = self.raw.as_ref().map_or((&self.xs, &self.ys), |(x, y)| (x, y));
        let mark = |y: f64| {
            if y.is_nan() {
                Some(Mark::NaN)
            } else if y == f64::INFINITY {
                Some(Mark::PositiveInfinity)
            } else if y == f64::NEG_INFINITY {
                Some(Mark::NegativeInfinity)
            } else {
                None
            }
        };
        xs.iter().zip(ys).filter_map(|(x, y)| Some((*x, mark(*y)?))).collect()
    }
}
