//! A frame's bytes back to lines (the format is `signalbox_series`' `frame`): what exports draw is what the screen gets.

use signalbox_plot::Mark;

/// One run's line of a frame.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub run: u32,
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    pub raw_x: Vec<f64>,
    pub raw_y: Vec<f64>,
    pub marks: Vec<(f64, Mark)>,
}

/// `None` if the bytes are not a frame.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Line>> {
    let mut rest = bytes.strip_prefix(b"SBF1")?;
    let version = u32s(&mut rest, 1)?[0];
    let n_series = u32s(&mut rest, 1)?[0];
    u32s(&mut rest, 1)?;
    f64s(&mut rest, 2)?;
    if version != 1 {
        return None;
    }
    let mut out = Vec::new();
    for _ in 0..n_series {
        let head = u32s(&mut rest, 8)?;
        let (n, n_raw, n_marks) = (head[1] as usize, head[2] as usize, head[3] as usize);
        let (x, y) = (f64s(&mut rest, n)?, f64s(&mut rest, n)?);
        let (raw_x, raw_y) = (f64s(&mut rest, n_raw)?, f64s(&mut rest, n_raw)?);
        let (mark_x, mark_kind) = (f64s(&mut rest, n_marks)?, f64s(&mut rest, n_marks)?);
        let kind = |k: f64| match k as u32 {
            1 => Some(Mark::NaN),
            2 => Some(Mark::PositiveInfinity),
            3 => Some(Mark::NegativeInfinity),
            _ => None,
        };
        let marks = mark_x.into_iter().zip(mark_kind).filter_map(|(x, k)| Some((x, kind(k)?))).collect();
        out.push(Line { run: head[0], x, y, raw_x, raw_y, marks });
    }
    Some(out)
}

fn take<'a>(rest: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(n)?;
    *rest = tail;
    Some(head)
}

fn u32s(rest: &mut &[u8], n: usize) -> Option<Vec<u32>> {
    let bytes = take(rest, n.checked_mul(4)?)?;
    Some(bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

fn f64s(rest: &mut &[u8], n: usize) -> Option<Vec<f64>> {
    let bytes = take(rest, n.checked_mul(8)?)?;
    let word = |b: &[u8]| f64::from_le_bytes(b.try_into().expect("BUG: eight bytes"));
    Some(bytes.chunks_exact(8).map(word).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox_series::{FrameSeries, MarkKind, Polyline, frame};
    use signalbox_types::RunId;

    #[test]
    fn a_frame_comes_back() {
        let line = Polyline {
            x: vec![0.0, 1.0, 2.0],
            y: vec![1.5, f64::NAN, -2.0],
            marks: vec![(1.0, MarkKind::Nan), (2.0, MarkKind::Rewind)],
            decimated: false,
        };
        let raw = Some(Polyline { x: vec![0.0], y: vec![9.0], marks: Vec::new(), decimated: true });
        let series = [FrameSeries { run: RunId(7), line, raw, n_total: 3, has_rewinds: true, steps_repeat: false }];
        let bytes = frame(&series, Some((0.0, 2.0)));
        let lines = decode(&bytes).expect("a frame");
        assert_eq!((lines[0].run, &lines[0].x[..], lines[0].y[2]), (7, &[0.0, 1.0, 2.0][..], -2.0));
        assert_eq!((lines[0].raw_y[0], &lines[0].marks[..]), (9.0, &[(1.0, Mark::NaN)][..]));
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_none(), "cut at {cut}");
        }
    }
}
