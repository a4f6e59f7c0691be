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
    let head = frame_head(series, extent);
    let mut out = vec![0; head.len() + series.iter().map(series_bytes).sum::<usize>()];
    out[..head.len()].copy_from_slice(&head);
    let mut at = head.len();
    for s in series {
        let end = at + series_bytes(s);
        put_series(s, &mut out[at..end]);
        at = end;
    }
    out
}

/// What a frame begins with: for whoever puts the series after it by several threads.
pub fn frame_head<'a>(series: impl IntoIterator<Item = &'a FrameSeries>, extent: Option<(f64, f64)>) -> [u8; 32] {
    let (n, is_decimated) = series.into_iter().fold((0_u32, false), |(n, any), s| (n + 1, any || decimated(s)));
    let (x_min, x_max) = extent.unwrap_or((f64::NAN, f64::NAN));
    let mut head = [0; 32];
    let mut out = Out(&mut head);
    out.put(b"SBF1");
    out.u32s(&[1, n, u32::from(is_decimated)]);
    out.f64s(&[x_min, x_max]);
    head
}

/// How many bytes of a frame a series takes.
pub fn series_bytes(s: &FrameSeries) -> usize {
    32 + 16 * (s.line.x.len() + s.raw.as_ref().map_or(0, |r| r.x.len()) + s.line.marks.len())
}

/// Puts a series into its place in a frame. Panics unless `place` has [`series_bytes`].
pub fn put_series(s: &FrameSeries, place: &mut [u8]) {
    let mut out = Out(place);
    let (raw_x, raw_y) = s.raw.as_ref().map_or((&[][..], &[][..]), |r| (&r.x[..], &r.y[..]));
    let flags = u32::from(decimated(s)) | u32::from(s.has_rewinds) << 1 | u32::from(s.steps_repeat) << 2;
    let sizes = [s.line.x.len(), raw_x.len(), s.line.marks.len()].map(|n| n as u32);
    out.u32s(&[s.run.0, sizes[0], sizes[1], sizes[2]]);
    out.u32s(&[s.n_total as u32, (s.n_total >> 32) as u32, flags, 0]);
    for column in [&s.line.x, &s.line.y, raw_x, raw_y] {
        out.f64s(column);
    }
    s.line.marks.iter().for_each(|m| out.f64s(&[m.0]));
    s.line.marks.iter().for_each(|m| out.f64s(&[f64::from(m.1 as u8)]));
    assert!(out.0.is_empty(), "BUG: a series' length");
}

fn decimated(s: &FrameSeries) -> bool {
    s.line.decimated || s.raw.as_ref().is_some_and(|r| r.decimated)
}

/// What is left to be filled.
struct Out<'a>(&'a mut [u8]);

impl Out<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let (place, rest) = std::mem::take(&mut self.0).split_at_mut(bytes.len());
        place.copy_from_slice(bytes);
        self.0 = rest;
    }

    fn u32s(&mut self, numbers: &[u32]) {
        numbers.iter().for_each(|x| self.put(&x.to_le_bytes()));
    }

    fn f64s(&mut self, numbers: &[f64]) {
        let (place, rest) = std::mem::take(&mut self.0).split_at_mut(8 * numbers.len());
        for (to, x) in place.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *to = x.to_le_bytes();
        }
        self.0 = rest;
    }
}
