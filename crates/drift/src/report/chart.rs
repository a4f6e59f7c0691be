//! A column's two sides as one drawing: densities of numbers over each other, shares of levels side by side.

use super::escaped;
use crate::pair::{Histogram, short};
use std::fmt::Write as _;

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 120.0;
const BAR: f64 = 18.0;
const NAMES: f64 = 170.0;

/// SVG; empty where there is nothing to draw.
pub fn svg(of: &Histogram) -> String {
    let (n, m) = (of.reference.iter().sum::<u64>() as f64, of.current.iter().sum::<u64>() as f64);
    if n == 0.0 || m == 0.0 {
        return String::new();
    }
    if of.edges.len() > 2 { densities(of, n, m) } else { shares(of, n, m) }
}

/// Rows are areas: bins are as wide as they are.
fn densities(of: &Histogram, n: f64, m: f64) -> String {
    let Some((low, high)) = window(of) else { return String::new() };
    let x = |value: f64| (value.clamp(low, high) - low) / (high - low) * WIDTH;
    let heights = |rows: &[u64], all: f64| -> Vec<f64> {
        let width = |at: usize| x(of.edges[at + 1]) - x(of.edges[at]);
        rows.iter().enumerate().map(|(at, rows)| *rows as f64 / all / width(at).max(1.0)).collect()
    };
    let (a, b) = (heights(&of.reference, n), heights(&of.current, m));
    let top = a.iter().chain(&b).copied().fold(0.0, f64::max);
    let path = |heights: &[f64]| {
        let mut d = format!("M0 {HEIGHT}");
        for (at, height) in heights.iter().enumerate() {
            let y = HEIGHT - height / top * (HEIGHT - 4.0);
            let _ = write!(d, "L{:.1} {y:.1}L{:.1} {y:.1}", x(of.edges[at]), x(of.edges[at + 1]));
        }
        format!("{d}L{WIDTH} {HEIGHT}Z")
    };
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"Reference and current as densities\">\
         <path class=\"a\" d=\"{}\"/><path class=\"b\" d=\"{}\"/>\
         <text x=\"0\" y=\"{y}\">{}</text><text x=\"{WIDTH}\" y=\"{y}\" text-anchor=\"end\">{}</text></svg>",
        HEIGHT + 18.0,
        path(&a),
        path(&b),
        short(low),
        short(high),
        y = HEIGHT + 14.0,
    )
}

/// The ends, unless they are so far off that the rest is a line: the reference's outer hundredths then, half as far again.
fn window(of: &Histogram) -> Option<(f64, f64)> {
    let (first, last) = (*of.edges.first()?, *of.edges.last()?);
    let (low, high) = (of.edges[1], of.edges[of.edges.len() - 2]);
    let room = (high - low) * 1.5;
    let (from, till) = if room > 0.0 { (first.max(low - room), last.min(high + room)) } else { (first, last) };
    (from.is_finite() && till.is_finite() && till - from > 0.0 && (till - from).is_finite()).then_some((from, till))
}

fn shares(of: &Histogram, n: f64, m: f64) -> String {
    let names: Vec<String> = match of.edges.len() {
        0 => of.names.clone(),
        // One bin: all values of both sides.
        _ => vec![format!("{} – {}", short(of.edges[0]), short(of.edges[of.edges.len() - 1]))],
    };
    let height = names.len() as f64 * BAR;
    let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Shares of levels\">");
    let most = of.reference.iter().map(|rows| *rows as f64 / n).chain(of.current.iter().map(|rows| *rows as f64 / m));
    let most = most.fold(0.0, f64::max);
    for (at, name) in names.iter().enumerate() {
        let width = |rows: u64, all: f64| rows as f64 / all / most * (WIDTH - NAMES);
        let y = at as f64 * BAR;
        let shown: String = name.chars().take(28).collect();
        let _ = write!(
            out,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"a\" x=\"{NAMES}\" y=\"{:.1}\" width=\"{:.1}\" height=\"7\"/>\
             <rect class=\"b\" x=\"{NAMES}\" y=\"{:.1}\" width=\"{:.1}\" height=\"7\"/>",
            NAMES - 6.0,
            y + 12.0,
            escaped(&shown),
            y + 1.0,
            width(of.reference[at], n),
            y + 9.0,
            width(of.current[at], m),
        );
    }
    out + "</svg>"
}
