//! Two surfaces with one face: SVG and pixels, both through plotters' backends, in CSS pixels as f64.
//!
//! plotters takes whole pixels, so both are drawn larger than asked for: the SVG by its view box, the bitmap by
//! averaging squares of pixels at the end. Colours are opaque; who wants a faint line mixes it with the background.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, ScaleFont};
use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::prelude::{IntoTextStyle, RGBColor, ShapeStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle};

use crate::ChartError;
use crate::stroke::Dot;

/// What an SVG asks its viewer for.
const FAMILY: &str = "Inter, Segoe UI, Helvetica Neue, Arial, sans-serif";

static REGULAR: LazyLock<FontRef<'static>> =
    LazyLock::new(|| face(include_bytes!("../../../assets/fonts/Inter-Regular.ttf")));
static SEMIBOLD: LazyLock<FontRef<'static>> =
    LazyLock::new(|| face(include_bytes!("../../../assets/fonts/Inter-SemiBold.ttf")));

fn face(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("BUG: the shipped font is a font")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Center,
    Right,
}

/// How a text is set: its size in CSS pixels (1 em), its weight, its colour.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    pub em: f64,
    pub bold: bool,
    pub color: RGBColor,
}

impl Type {
    fn face(&self) -> &'static FontRef<'static> {
        if self.bold { &SEMIBOLD } else { &REGULAR }
    }

    /// The factor from an em to what ab_glyph calls a font's height.
    fn height_of_em(&self) -> f32 {
        let face = self.face();
        face.height_unscaled() / face.units_per_em().unwrap_or(1000.0)
    }

    /// The width of `text` in CSS pixels.
    pub fn width(&self, text: &str) -> f64 {
        let font = self.face().as_scaled(self.em as f32 * self.height_of_em());
        text.chars().map(|c| f64::from(font.h_advance(font.glyph_id(c)))).sum()
    }

    /// `text`, or its beginning and "…" where it is wider than `room`.
    pub fn fit(&self, text: &str, room: f64) -> String {
        if self.width(text) <= room {
            return text.to_owned();
        }
        let room = room - self.width("…");
        let mut kept = String::new();
        let mut width = 0.0;
        for c in text.chars() {
            width += self.width(c.encode_utf8(&mut [0; 4]));
            if width > room {
                break;
            }
            kept.push(c);
        }
        kept.truncate(kept.trim_end().len());
        kept.push('…');
        kept
    }
}

pub trait Surface {
    fn fill(&mut self, from: Dot, to: Dot, color: RGBColor) -> Result<(), ChartError>;
    fn stroke(&mut self, line: &[Dot], width: f64, color: RGBColor) -> Result<(), ChartError>;
    fn disc(&mut self, center: Dot, radius: f64, color: RGBColor) -> Result<(), ChartError>;
    fn polygon(&mut self, corners: &[Dot], color: RGBColor) -> Result<(), ChartError>;
    /// `at`: the end of the baseline that `align` names.
    fn text(&mut self, text: &str, at: Dot, align: Align, set: Type) -> Result<(), ChartError>;
}

fn draw_error(e: impl std::fmt::Display) -> ChartError {
    ChartError::Draw(e.to_string())
}

/// Draws an SVG document.
pub fn svg_document(
    width: u32,
    height: u32,
    paint: impl FnOnce(&mut dyn Surface) -> Result<(), ChartError>,
) -> Result<String, ChartError> {
    let mut text = String::new();
    let size = (width * SvgSurface::FINE, height * SvgSurface::FINE);
    {
        let mut surface = SvgSurface { backend: SVGBackend::with_string(&mut text, size) };
        paint(&mut surface)?;
        surface.backend.present().map_err(draw_error)?;
    }
    // The head that plotters wrote gives the fine size; what is inside stays in those units.
    let body = text.split_once('>').map_or("", |(_, body)| body);
    let (w, h) = size;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {w} {h}\" \
         stroke-linejoin=\"round\" stroke-linecap=\"round\">{body}"
    ))
}

struct SvgSurface<'a> {
    backend: SVGBackend<'a>,
}

impl SvgSurface<'_> {
    /// Units of the view box in a CSS pixel.
    const FINE: u32 = 10;

    fn at(dot: Dot) -> (i32, i32) {
        let f = f64::from(Self::FINE);
        ((dot.0 * f).round() as i32, (dot.1 * f).round() as i32)
    }

    fn length(x: f64) -> u32 {
        ((x * f64::from(Self::FINE)).round() as u32).max(1)
    }
}

impl Surface for SvgSurface<'_> {
    fn fill(&mut self, from: Dot, to: Dot, color: RGBColor) -> Result<(), ChartError> {
        self.backend.draw_rect(Self::at(from), Self::at(to), &color.filled(), true).map_err(draw_error)
    }

    fn stroke(&mut self, line: &[Dot], width: f64, color: RGBColor) -> Result<(), ChartError> {
        let style = ShapeStyle { color: color.to_rgba(), filled: false, stroke_width: Self::length(width) };
        self.backend.draw_path(line.iter().map(|d| Self::at(*d)), &style).map_err(draw_error)
    }

    fn disc(&mut self, center: Dot, radius: f64, color: RGBColor) -> Result<(), ChartError> {
        self.backend.draw_circle(Self::at(center), Self::length(radius), &color.filled(), true).map_err(draw_error)
    }

    fn polygon(&mut self, corners: &[Dot], color: RGBColor) -> Result<(), ChartError> {
        self.backend.fill_polygon(corners.iter().map(|d| Self::at(*d)), &color.filled()).map_err(draw_error)
    }

    fn text(&mut self, text: &str, at: Dot, align: Align, set: Type) -> Result<(), ChartError> {
        let h = match align {
            Align::Left => HPos::Left,
            Align::Center => HPos::Center,
            Align::Right => HPos::Right,
        };
        let em = set.em * f64::from(Self::FINE);
        let weight = if set.bold { FontStyle::Bold } else { FontStyle::Normal };
        // plotters-svg writes font-size = size / 1.24, and for VPos::Top moves the baseline down by 0.76 em.
        let style = (FAMILY, em * 1.24, weight, &set.color).into_text_style(&(1, 1)).pos(Pos::new(h, VPos::Top));
        let (x, y) = Self::at(at);
        self.backend.draw_text(text, &style, (x, y - (0.76 * em).round() as i32)).map_err(draw_error)
    }
}

/// Draws pixels: `dpr` device pixels a side for each CSS pixel. RGB, row by row, with the width and height in pixels.
pub fn pixels(
    width: u32,
    height: u32,
    dpr: u32,
    paint: impl FnOnce(&mut dyn Surface) -> Result<(), ChartError>,
) -> Result<(Vec<u8>, u32, u32), ChartError> {
    /// Device pixels are averaged from squares of this many pixels a side, if that fits into `BUDGET`.
    const OVERSAMPLE: u32 = 3;
    /// In pixels of three bytes.
    const BUDGET: u64 = 100_000_000;
    let area = u64::from(width * dpr) * u64::from(height * dpr);
    let over = if area * u64::from(OVERSAMPLE * OVERSAMPLE) <= BUDGET { OVERSAMPLE } else { 1 };
    let fine = dpr * over;
    let (w, h) = (width * fine, height * fine);
    let mut buffer = vec![0; w as usize * h as usize * 3];
    {
        let mut surface =
            PixelSurface { backend: BitMapBackend::with_buffer(&mut buffer, (w, h)), fine: f64::from(fine) };
        paint(&mut surface)?;
        surface.backend.present().map_err(draw_error)?;
    }
    Ok((average(buffer, w as usize, over as usize), w / over, h / over))
}

/// Squares of `over` × `over` pixels into one each.
fn average(fine: Vec<u8>, width: usize, over: usize) -> Vec<u8> {
    if over == 1 {
        return fine;
    }
    let n = (over * over) as u32;
    let mut out = Vec::with_capacity(fine.len() / (over * over));
    for rows in fine.chunks_exact(width * 3 * over) {
        for x in 0..width / over {
            for channel in 0..3 {
                let mut sum = 0;
                for row in rows.chunks_exact(width * 3) {
                    sum += (0..over).map(|i| u32::from(row[(x * over + i) * 3 + channel])).sum::<u32>();
                }
                out.push(((sum + n / 2) / n) as u8);
            }
        }
    }
    out
}

struct PixelSurface<'a> {
    backend: BitMapBackend<'a>,
    /// Pixels in a CSS pixel.
    fine: f64,
}

impl PixelSurface<'_> {
    fn at(&self, dot: Dot) -> (i32, i32) {
        ((dot.0 * self.fine).round() as i32, (dot.1 * self.fine).round() as i32)
    }
}

impl Surface for PixelSurface<'_> {
    fn fill(&mut self, from: Dot, to: Dot, color: RGBColor) -> Result<(), ChartError> {
        let (x, y) = self.at(to);
        self.backend.draw_rect(self.at(from), (x - 1, y - 1), &color.filled(), true).map_err(draw_error)
    }

    /// Each piece is a rectangle of its own and joins are round: plotters' outline of a whole path folds over itself
    /// where a noisy line turns sharply.
    fn stroke(&mut self, line: &[Dot], width: f64, color: RGBColor) -> Result<(), ChartError> {
        let half = width / 2.0;
        for w in line.windows(2) {
            let ((x0, y0), (x1, y1)) = (w[0], w[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            if length > 0.0 {
                let (nx, ny) = ((y1 - y0) / length * half, (x0 - x1) / length * half);
                self.polygon(&[(x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny), (x0 - nx, y0 - ny)], color)?;
            }
        }
        if half * self.fine > 1.5 && line.len() > 2 {
            for dot in &line[1..line.len() - 1] {
                self.disc(*dot, half, color)?;
            }
        }
        Ok(())
    }

    fn disc(&mut self, center: Dot, radius: f64, color: RGBColor) -> Result<(), ChartError> {
        let r = (radius * self.fine).round() as u32;
        self.backend.draw_circle(self.at(center), r, &color.filled(), true).map_err(draw_error)
    }

    fn polygon(&mut self, corners: &[Dot], color: RGBColor) -> Result<(), ChartError> {
        let corners: Vec<_> = corners.iter().map(|d| self.at(*d)).collect();
        self.backend.fill_polygon(corners, &color.filled()).map_err(draw_error)
    }

    fn text(&mut self, text: &str, at: Dot, align: Align, set: Type) -> Result<(), ChartError> {
        let font = set.face().as_scaled((set.em * self.fine) as f32 * set.height_of_em());
        let shift = match align {
            Align::Left => 0.0,
            Align::Center => set.width(text) / 2.0,
            Align::Right => set.width(text),
        };
        let mut pen = ab_glyph::point(((at.0 - shift) * self.fine) as f32, (at.1 * self.fine) as f32);
        for c in text.chars() {
            let id = font.glyph_id(c);
            let glyph = id.with_scale_and_position(font.scale(), pen);
            pen.x += font.h_advance(id);
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let (left, top) = (outline.px_bounds().min.x as i32, outline.px_bounds().min.y as i32);
            let mut failed = None;
            outline.draw(|x, y, cover| {
                let color = set.color.mix(f64::from(cover.clamp(0.0, 1.0)));
                let dot = (left + x as i32, top + y as i32);
                if let Err(e) = self.backend.draw_pixel(dot, color.to_backend_color()) {
                    failed = Some(e);
                }
            });
            if let Some(e) = failed {
                return Err(draw_error(e));
            }
        }
        Ok(())
    }
}
