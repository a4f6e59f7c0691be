//! The colours of the screen, from the file that the screen's come from.

use std::sync::LazyLock;

use plotters::prelude::RGBColor;
use serde::Deserialize;

/// What a chart needs of one theme.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    pub background: RGBColor,
    pub grid: RGBColor,
    /// Under the chart, where NaN marks stand.
    pub base: RGBColor,
    /// Words of axes and legend.
    pub axis: RGBColor,
    pub text: RGBColor,
    pub runs: [RGBColor; 10],
}

impl Theme {
    pub fn of(dark: bool) -> &'static Theme {
        if dark { &TOKENS.dark } else { &TOKENS.light }
    }

    pub fn run(&self, index: usize) -> RGBColor {
        self.runs[index % self.runs.len()]
    }
}

/// Lengths of pen down, pen up, … in CSS pixels for a dash index; empty: solid.
pub fn dash(index: usize) -> &'static [f64] {
    let all = &TOKENS.dashes;
    &all[index % all.len()]
}

/// `color` as it looks with this opacity on `background`.
pub fn mixed(color: RGBColor, background: RGBColor, opacity: f64) -> RGBColor {
    let mix = |c: u8, b: u8| (f64::from(c) * opacity + f64::from(b) * (1.0 - opacity)).round() as u8;
    RGBColor(mix(color.0, background.0), mix(color.1, background.1), mix(color.2, background.2))
}

struct Tokens {
    dark: Theme,
    light: Theme,
    dashes: Vec<Vec<f64>>,
}

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    parse(include_str!("../../../assets/tokens.json")).expect("BUG: assets/tokens.json holds every colour of a chart")
});

#[derive(Deserialize)]
struct File {
    themes: Themes,
    runs: Runs,
}

#[derive(Deserialize)]
struct Themes {
    dark: ThemeColors,
    light: ThemeColors,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ThemeColors {
    chart_bg: Hex,
    grid: Hex,
    line_strong: Hex,
    axis: Hex,
    text: Hex,
}

#[derive(Deserialize)]
struct Runs {
    dark: [Hex; 10],
    light: [Hex; 10],
    dashes: Vec<Vec<f64>>,
}

/// `#rrggbb`.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Hex(RGBColor);

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Hex, String> {
        let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.is_ascii());
        let number = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        let [_, r, g, b] = number.ok_or_else(|| format!("{text:?} is no colour like #1a2b3c"))?.to_be_bytes();
        Ok(Hex(RGBColor(r, g, b)))
    }
}

fn parse(json: &str) -> Result<Tokens, serde_json::Error> {
    let file: File = serde_json::from_str(json)?;
    let theme = |t: ThemeColors, runs: [Hex; 10]| Theme {
        background: t.chart_bg.0,
        grid: t.grid.0,
        base: t.line_strong.0,
        axis: t.axis.0,
        text: t.text.0,
        runs: runs.map(|h| h.0),
    };
    let mut dashes = file.runs.dashes;
    if dashes.is_empty() {
        dashes.push(Vec::new());
    }
    Ok(Tokens {
        dark: theme(file.themes.dark, file.runs.dark),
        light: theme(file.themes.light, file.runs.light),
        dashes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_tokens_hold_a_chart() {
        let (dark, light) = (Theme::of(true), Theme::of(false));
        assert_ne!(dark.background, light.background);
        for theme in [dark, light] {
            for run in theme.runs {
                assert_ne!(run, theme.background);
            }
        }
        assert_eq!(dash(0), &[] as &[f64]);
        assert!((1..4).all(|i| dash(i).len().is_multiple_of(2) && dash(i).iter().all(|d| *d > 0.0)));
    }

    #[test]
    fn what_is_no_colour_is_said() {
        let broken = include_str!("../../../assets/tokens.json").replacen("\"grid\": \"#", "\"grid\": \"", 1);
        let error = parse(&broken).err().expect("a token without # is refused").to_string();
        assert!(error.contains("is no colour"), "{error}");
    }

    #[test]
    fn mixing_ends_at_both_colours() {
        let (a, b) = (RGBColor(200, 0, 10), RGBColor(0, 100, 10));
        assert_eq!((mixed(a, b, 1.0), mixed(a, b, 0.0), mixed(a, b, 0.5)), (a, b, RGBColor(100, 50, 10)));
    }
}
