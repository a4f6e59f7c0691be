//! What a chart gets: lines in binary, as the page's typed arrays want them.
//!
//! Little endian, every array at a multiple of 8 bytes.
//! ```text
//! "SBF1" | u32 version = 1 | u32 n_series | u32 flags (bit 0: some series is decimated)
//! f64 data_x_min | f64 data_x_max     over all series, whatever range was asked for; NaN if there is no point
//! per series:
//!   u32 run | u32 n | u32 n_raw | u32 n_marks | u32 n_total (low) | u32 n_total (high) | u32 flags | u32 0
//!   f64 x[n] | f64 y[n] | f64 raw_x[n_raw] | f64 raw_y[n_raw] | f64 mark_x[n_marks] | f64 mark_kind[n_marks]
//! ```
//! n_total: points that the range covers. flags: bit 0 decimated, bit 1 has rewinds, bit 2 steps are not unique. y is NaN
//! where the line is broken. mark_kind: 1 NaN, 2 +inf, 3 -inf, 4 rewind.

use signalbox_types::RunId;

use crate::Polyline;

/// One run's line in a frame.
#[derive(Clone, Debug)]
pub struct FrameSeries {
    pub run: RunId,
    pub line: Polyline,
    /// The line before smoothing, when there is smoothing.
    pub raw: Option<Polyline>,
    /// Points in the visible range.
    pub n_total: u64,
    pub has_rewinds: bool,
    /// Some step was logged more than once, or taken back by a restart.
    pub steps_repeat: bool,
}

/// The frame of `series`; `extent` is the least and greatest x of the full data.
pub fn frame(series: &[FrameSeries], extent: Option<(f64, f64)>) -> Vec<u8> {
    let n_floats =
        |s: &FrameSeries| 2 * (s.line.x.len() + s.raw.as_ref().map_or(0, |r| r.x.len()) + s.line.marks.len());
    let len = 32 + series.iter().map(|s| 32 + 8 * n_floats(s)).sum::<usize>();
    let mut out = Vec::with_capacity(len);
    let decimated = |s: &FrameSeries| s.line.decimated || s.raw.as_ref().is_some_and(|r| r.decimated);
    let (x_min, x_max) = extent.unwrap_or((f64::NAN, f64::NAN));
    out.extend(b"SBF1");
    put_u32s(&mut out, &[1, series.len() as u32, u32::from(series.iter().any(decimated))]);
    put_f64s(&mut out, &[x_min, x_max]);
    for s in series {
        let (raw_x, raw_y) = s.raw.as_ref().map_or((&[][..], &[][..]), |r| (&r.x[..], &r.y[..]));
        let flags = u32::from(decimated(s)) | u32::from(s.has_rewinds) << 1 | u32::from(s.steps_repeat) << 2;
        let sizes = [s.line.x.len(), raw_x.len(), s.line.marks.len()].map(|n| n as u32);
        put_u32s(&mut out, &[s.run.0, sizes[0], sizes[1], sizes[2]]);
        put_u32s(&mut out, &[s.n_total as u32, (s.n_total >> 32) as u32, flags, 0]);
        for column in [&s.line.x, &s.line.y, raw_x, raw_y] {
            put_f64s(&mut out, column);
        }
        s.line.marks.iter().for_each(|m| out.extend(m.0.to_le_bytes()));
        s.line.marks.iter().for_each(|m| out.extend(f64::from(m.1 as u8).to_le_bytes()));
    }
    debug_assert_eq!(out.len(), len, "BUG: a frame's length");
    out
}

fn put_u32s(out: &mut Vec<u8>, numbers: &[u32]) {
    numbers.iter().for_each(|x| out.extend(x.to_le_bytes()));
}

fn put_f64s(out: &mut Vec<u8>, numbers: &[f64]) {
    out.reserve(numbers.len() * 8);
    for x in numbers {
        out.extend(x.to_le_bytes());
    }
}
