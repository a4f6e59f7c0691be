//! The chart itself: grid, lines, marks, words, in the order in which they cover each other.

use crate::canvas::{Align, Surface, Type, pixels, svg_document};
use crate::layout::{EDGE, LEGEND_LINE, Layout, more};
use crate::stroke::{dashes, stretches};
use crate::tokens::{Theme, dash, mixed};
use crate::{AxisKind, ChartError, ChartSeries, ChartSpec, Mark};

/// The chart as an SVG document.
pub fn svg(spec: &ChartSpec) -> Result<String, ChartError> {
    spec.check()?;
    svg_document(spec.width, spec.height, |surface| paint(spec, surface))
}

/// The chart as a PNG file, with two device pixels for each CSS pixel.
pub fn png(spec: &ChartSpec) -> Result<Vec<u8>, ChartError> {
    /// Sharp on today's screens and at 300 dpi in a column of a paper.
    const DPR: u32 = 2;
    spec.check()?;
    let (rgb, width, height) = pixels(spec.width, spec.height, DPR, |surface| paint(spec, surface))?;
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let per_metre = DPR * 96 * 10_000 / 254;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: png::Unit::Meter }));
    encoder.write_header()?.write_image_data(&rgb)?;
    Ok(out)
}

fn paint(spec: &ChartSpec, on: &mut dyn Surface) -> Result<(), ChartError> {
    let theme = Theme::of(spec.dark);
    let layout = Layout::new(spec, theme);
    on.fill((0.0, 0.0), (f64::from(spec.width), f64::from(spec.height)), theme.background)?;
    grid(&layout, theme, on)?;
    words(spec, &layout, on)?;
    for s in &spec.series {
        if let Some((xs, ys)) = &s.raw {
            let faint = mixed(theme.run(s.color_index), theme.background, 0.28);
            line(xs, ys, &[], 1.0, faint, &layout, on)?;
        }
    }
    for s in &spec.series {
        line(&s.xs, &s.ys, dash(s.dash), 1.5, theme.run(s.color_index), &layout, on)?;
    }
    for s in &spec.series {
        marks(s, theme, &layout, on)?;
    }
    if layout.empty {
        let middle = ((layout.left + layout.right) / 2.0, (layout.top + layout.bottom) / 2.0);
        let said = if spec.series.is_empty() { "No series" } else { "No finite values" };
        on.text(said, middle, Align::Center, layout.types.label)?;
    }
    legend(spec, &layout, theme, on)
}

fn grid(layout: &Layout, theme: &Theme, on: &mut dyn Surface) -> Result<(), ChartError> {
    for tick in &layout.y_ticks {
        let (_, y) = layout.dot(layout.x.min, tick.at);
        on.stroke(&[(layout.left, y), (layout.right, y)], 1.0, theme.grid)?;
        let baseline = y + layout.types.tick.em * 0.36;
        on.text(&tick.text, (layout.left - 8.0, baseline), Align::Right, layout.types.tick)?;
    }
    for tick in &layout.x_ticks {
        let x = layout.column(tick.at);
        on.stroke(&[(x, layout.top), (x, layout.bottom)], 1.0, theme.grid)?;
        on.text(&tick.text, (x, layout.bottom + 8.0 + layout.types.tick.em), Align::Center, layout.types.tick)?;
    }
    on.stroke(&[(layout.left, layout.bottom), (layout.right, layout.bottom)], 1.0, theme.base)
}

fn words(spec: &ChartSpec, layout: &Layout, on: &mut dyn Surface) -> Result<(), ChartError> {
    let types = &layout.types;
    let room = f64::from(spec.width) - 2.0 * EDGE;
    let mut baseline = EDGE;
    if !spec.title.is_empty() {
        baseline += types.title.em;
        on.text(&types.title.fit(&spec.title, room), (EDGE, baseline), Align::Left, types.title)?;
        baseline += 6.0;
    }
    if !spec.y_label.is_empty() && spec.y_label != spec.title {
        on.text(&types.label.fit(&spec.y_label, room), (EDGE, baseline + types.label.em), Align::Left, types.label)?;
    }
    let foot = f64::from(spec.height) - EDGE;
    let x_label = match (spec.x_label.is_empty(), spec.x_kind) {
        (false, AxisKind::UnixTime) => format!("{} (UTC)", spec.x_label),
        _ => spec.x_label.clone(),
    };
    on.text(&types.label.fit(&x_label, layout.right - layout.left), (layout.right, foot), Align::Right, types.label)?;
    if layout.n_not_positive > 0 {
        let said = match layout.n_not_positive {
            1 => "1 value ≤ 0 is not on this scale".to_owned(),
            n => format!("{n} values ≤ 0 are not on this scale"),
        };
        on.text(&said, (layout.left, foot), Align::Left, types.tick)?;
    }
    Ok(())
}

fn line(
    xs: &[f64],
    ys: &[f64],
    pattern: &[f64],
    width: f64,
    color: plotters::style::RGBColor,
    layout: &Layout,
    on: &mut dyn Surface,
) -> Result<(), ChartError> {
    for stretch in stretches(xs.iter().zip(ys).map(|(x, y)| layout.dot(*x, *y))) {
        if let [dot] = stretch[..] {
            on.disc(dot, width * 1.7, color)?;
            continue;
        }
        for piece in dashes(stretch, pattern) {
            on.stroke(&piece, width, color)?;
        }
    }
    Ok(())
}

/// NaN as a cross on the axis, infinities as triangles at the edges that they left by. Two of a kind within three
/// pixels are one.
fn marks(s: &ChartSeries, theme: &Theme, layout: &Layout, on: &mut dyn Surface) -> Result<(), ChartError> {
    const R: f64 = 3.5;
    let color = theme.run(s.color_index);
    let mut last = [f64::NEG_INFINITY; 3];
    for (x, mark) in s.non_finite() {
        let (x, y) = (layout.column(x), layout.row(mark));
        if !x.is_finite() || x - last[mark as usize] < 3.0 {
            continue;
        }
        last[mark as usize] = x;
        match mark {
            Mark::NaN => {
                on.stroke(&[(x - R, y - R), (x + R, y + R)], 1.5, color)?;
                on.stroke(&[(x - R, y + R), (x + R, y - R)], 1.5, color)?;
            }
            Mark::PositiveInfinity => on.polygon(&[(x, y - R), (x + R, y + R), (x - R, y + R)], color)?,
            Mark::NegativeInfinity => on.polygon(&[(x, y + R), (x + R, y - R), (x - R, y - R)], color)?,
        }
    }
    Ok(())
}

fn legend(spec: &ChartSpec, layout: &Layout, theme: &Theme, on: &mut dyn Surface) -> Result<(), ChartError> {
    let Some(legend) = &layout.legend else { return Ok(()) };
    let mut y = layout.top + 4.0;
    for (index, name) in &legend.lines {
        let s = &spec.series[*index];
        for piece in dashes(vec![(legend.left, y), (legend.left + 18.0, y)], dash(s.dash)) {
            on.stroke(&piece, 2.0, theme.run(s.color_index))?;
        }
        on.text(name, (legend.left + 26.0, y + layout.types.name.em * 0.36), Align::Left, layout.types.name)?;
        y += LEGEND_LINE;
    }
    if legend.n_more > 0 {
        let quiet = Type { color: theme.axis, ..layout.types.name };
        on.text(&more(legend.n_more), (legend.left, y + quiet.em * 0.36), Align::Left, quiet)?;
    }
    Ok(())
}
