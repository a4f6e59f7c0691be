//! Pyramid, decimation, line resolution and smoothing against plain vectors and naive formulas.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;

use proptest::prelude::*;
use signalbox_series::{
    Axis, Blocks, CHUNK_POINTS, CodecError, Coordinates, Cut, Decimator, Effort, FAN, Held, InMemory, MarkKind, Node,
    NodeRow, PartSummary, PartView, Polyline, Pyramid, Window, base_nodes, by_step, by_time, codec, ema, encode_nodes,
    gaussian, mean, row_nodes, whole, x_of,
};
use signalbox_types::{Point, Points};

/// Points as a store keeps them: in encoded chunks and rows.
struct Stored {
    points: Points,
    want: Coordinates,
    chunks: Vec<Vec<u8>>,
    /// Rows, by level.
    levels: Vec<Vec<Vec<u8>>>,
}

impl Stored {
    fn new(points: &Points, want: Coordinates) -> Stored {
        let sealed = points.len() / CHUNK_POINTS * CHUNK_POINTS;
        let chunk = |at| codec::encode(points, at, at + CHUNK_POINTS, Effort::Sealed);
        let chunks = (0..sealed).step_by(CHUNK_POINTS).map(chunk).collect();
        let mut nodes = base_nodes(points, 0, sealed, None);
        let mut levels = Vec::new();
        while !nodes.is_empty() {
            let level = levels.len() as u8 + 1;
            levels.push(nodes.chunks(row_nodes(level)).map(|row| encode_nodes(level, row)).collect());
            nodes = nodes.chunks_exact(FAN).filter_map(Node::merged).collect();
        }
        Stored { points: points.clone(), want, chunks, levels }
    }
}

impl Blocks for &Stored {
    type Error = CodecError;

    fn nodes(&mut self, level: u8, rows: Range<u64>, out: &mut NodeRow) -> Result<(), CodecError> {
        out.load(&self.levels[usize::from(level) - 1][rows.start as usize], self.want)
    }

    fn chunk(&mut self, chunk: u64, out: &mut Held) -> Result<(), CodecError> {
        out.load(&self.chunks[chunk as usize], self.want)
    }

    fn tail(&mut self, out: &mut Held) -> Result<(), CodecError> {
        let n = self.points.len();
        out.begin().extend(&self.points.slice(n / CHUNK_POINTS * CHUNK_POINTS, n));
        Ok(())
    }

    fn missing(&self) -> CodecError {
        CodecError::Malformed
    }
}

fn draw<B: Blocks<Error: Debug>>(data: B, n: usize, axis: Axis, window: Window) -> (Polyline, u64) {
    let n = n as u64;
    let mut pyramid = Pyramid::new(data, n, false, x_of(axis, 0.0));
    let range = pyramid.locate(window.x0, window.x1).unwrap();
    let n_inside = range.end - range.start;
    let mut out = Decimator::new(window, n_inside);
    let wider = range.start.saturating_sub(1)..(range.end + 1).min(n);
    pyramid.draw(wider, n_inside as f64 / f64::from(window.width), &mut out).unwrap();
    (out.finish(), n_inside)
}

type Bits = (Vec<u64>, Vec<u64>, Vec<(u64, MarkKind)>, bool);

/// NaN is a value like any other here.
fn bits(line: Polyline) -> Bits {
    let bits = |column: &[f64]| column.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let marks = line.marks.iter().map(|m| (m.0.to_bits(), m.1)).collect();
    (bits(&line.x), bits(&line.y), marks, line.decimated)
}

/// What every drawing must keep of `points` (x ascending), whichever way it came about.
fn check(points: &[(f64, f64)], drawn: &Polyline, window: Window) {
    let inside: Vec<(f64, f64)> = points.iter().copied().filter(|p| p.0 >= window.x0 && p.0 <= window.x1).collect();
    assert!(drawn.x.is_sorted(), "x goes back");
    // Nothing is invented: each drawn point was logged, or is the place of a value that is not finite.
    let logged: std::collections::HashSet<(u64, u64)> = points.iter().map(|p| (p.0.to_bits(), p.1.to_bits())).collect();
    let broken: std::collections::HashSet<u64> =
        points.iter().filter(|p| !p.1.is_finite()).map(|p| p.0.to_bits()).collect();
    for (x, y) in drawn.x.iter().zip(&drawn.y) {
        let ok = if y.is_nan() { broken.contains(&x.to_bits()) } else { logged.contains(&(x.to_bits(), y.to_bits())) };
        assert!(ok, "({x}, {y}) was never logged");
    }
    let Some((&first, &last)) = inside.first().zip(inside.last()) else { return };
    assert!(drawn.x.contains(&first.0) && drawn.x.contains(&last.0), "an end is missing");
    // At most four points and three gaps in each of two groups a column.
    assert!(drawn.x.len() as u64 <= 2 * 7 * (u64::from(window.width) + 2), "{} points drawn", drawn.x.len());
    let px = window.pixel();
    // No slope through a pause: what lies on either side of it is drawn.
    let shown: std::collections::HashSet<(u64, u64)> =
        drawn.x.iter().zip(&drawn.y).map(|d| (d.0.to_bits(), d.1.to_bits())).collect();
    let is_drawn = |p: (f64, f64)| shown.contains(&(p.0.to_bits(), p.1.to_bits()));
    for pair in inside.windows(2).filter(|pair| pair[1].0 - pair[0].0 > px) {
        for &p in pair.iter().filter(|p| p.1.is_finite()) {
            assert!(is_drawn(p), "{p:?} at a pause is missing");
        }
    }
    for &(x, y) in &inside {
        let near = |at: f64| (at - x).abs() <= px;
        if y.is_finite() {
            // Every point lies between a lower and a higher drawn one that are at most a pixel away.
            let around = || drawn.x.iter().zip(&drawn.y).filter(|p| near(*p.0)).map(|p| *p.1);
            assert!(around().any(|d| d <= y) && around().any(|d| d >= y), "the extreme ({x}, {y}) is lost");
        } else {
            assert!(drawn.x.iter().zip(&drawn.y).any(|(&at, d)| near(at) && d.is_nan()), "the gap at {x} is closed");
            let kind = MarkKind::of(y).unwrap();
            assert!(drawn.marks.iter().any(|m| m.1 == kind && near(m.0)), "the mark {kind:?} at {x} is lost");
        }
    }
    if inside.len() as u64 <= window.budget() {
        let shown: Vec<u64> =
            drawn.x.iter().filter(|&&x| x >= window.x0 && x <= window.x1).map(|x| x.to_bits()).collect();
        assert_eq!(shown, inside.iter().map(|p| p.0.to_bits()).collect::<Vec<_>>(), "raw points at the end of zooming");
    }
}

/// A curve with spikes, gaps and uneven steps, from a seed.
fn rough(n: usize, seed: u64, uneven: bool, bad: u64) -> Points {
    let mut x = seed | 1;
    let mut random = move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x >> 11
    };
    let (mut step, mut time) = (-(n as i64) / 3, 1.7e9);
    let one = move |_| {
        let r = random();
        step += 1 + if uneven && r % 97 == 0 { (random() % 5000) as i64 } else { (r % 3) as i64 };
        time += (random() % 1000) as f64 / 1000.0;
        let value = match random() % 10_000 {
            r if r < bad => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][(r % 3) as usize],
            r if r > 9_990 => 1e6 * (random() % 100) as f64 - 5e7,
            r => r as f64 / 1e4,
        };
        Point { step, time, value }
    };
    (0..n).map(one).collect()
}

proptest! {
    /// What is read unchecked may be anything: it is refused or drawn, and the process lives.
    #[test]
    fn changed_bytes_are_refused_or_drawn(
        n in (1usize..64).prop_map(|blocks| 64 * blocks), seed in any::<u64>(), bad in prop_oneof![Just(0u64), Just(3000)],
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), head in any::<bool>(),
        want in prop_oneof![Just(Coordinates::Both), Just(Coordinates::Steps), Just(Coordinates::Times)],
        width in 1u32..200, at_rows in any::<bool>(),
    ) {
        let points = rough(n, seed, true, bad);
        let window = Window { x0: -1e4, x1: 1e6, width };
        let x = x_of(Axis::Step, 0.0);
        let change = |blob: &mut [u8], first: usize| {
            let end = if head { blob.len().min(first + 40) } else { blob.len() };
            for (at, byte) in &changes {
                blob[first + at.index(end - first)] = *byte;
            }
        };
        if at_rows {
            let nodes = base_nodes(&points, 0, n, None);
            let mut blob = encode_nodes(1, &nodes);
            change(&mut blob, 8);
            let crc = crc32c::crc32c_append(crc32c::crc32c(&blob[8..]), &blob[..4]);
            blob[4..8].copy_from_slice(&crc.to_le_bytes());
            let mut row = NodeRow::default();
            if row.load(&blob, want).is_ok() {
                struct One<'a>(&'a [u8], Coordinates);
                impl Blocks for One<'_> {
                    type Error = CodecError;
                    fn nodes(&mut self, _: u8, _: Range<u64>, out: &mut NodeRow) -> Result<(), CodecError> {
                        out.load(self.0, self.1)
                    }
                    fn chunk(&mut self, _: u64, _: &mut Held) -> Result<(), CodecError> {
                        Err(CodecError::Malformed)
                    }
                    fn tail(&mut self, _: &mut Held) -> Result<(), CodecError> {
                        Err(CodecError::Malformed)
                    }
                    fn missing(&self) -> CodecError {
                        CodecError::Malformed
                    }
                }
                let sealed = CHUNK_POINTS as u64;
                let mut out = Decimator::new(window, sealed * 100);
                let _ = Pyramid::new(One(&blob, want), sealed, false, x).draw(0..sealed, 64.0, &mut out);
                out.finish();
            }
        } else {
            let mut held = Held::default();
            // What a longer chunk left behind is not read.
            let before = rough(CHUNK_POINTS, !seed, false, 0);
            held.load(&codec::encode(&before, 0, CHUNK_POINTS, Effort::Sealed), Coordinates::Both).unwrap();
            let mut blob = codec::encode(&points, 0, n, Effort::Sealed);
            change(&mut blob, 0);
            let read = |range: Range<usize>, out: &mut [u8]| -> Result<(), CodecError> {
                out.copy_from_slice(blob.get(range).ok_or(CodecError::Malformed)?);
                Ok(())
            };
            if held.load_checked(want, read).is_ok() {
                let mut out = Decimator::new(window, 1 << 20);
                let n = u16::from_le_bytes([blob[2], blob[3]]);
                out.points(&held, 0..usize::from(n), x);
                out.finish();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn the_pyramid_keeps_what_a_plain_vector_holds(
        n in prop_oneof![1usize..300, 4000usize..30_000], seed in any::<u64>(), uneven in any::<bool>(),
        bad in prop_oneof![Just(0u64), Just(5), Just(2000), Just(10_000)], width in 3u32..300,
        from in 0.0..1.0f64, to in 0.0..1.0f64, all in any::<bool>(), axis in prop_oneof![Just(Axis::Step), Just(Axis::Wall)],
    ) {
        let data = InMemory::new(rough(n, seed, uneven, bad));
        let x = x_of(axis, 0.0);
        let flat: Vec<(f64, f64)> = data.points().iter().map(|p| (x(p.step, p.time), p.value)).collect();
        let (low, high) = (flat[0].0, flat[n - 1].0);
        let (from, to) = if all { (0.0, 1.0) } else { (from.min(to), from.max(to)) };
        let window = Window { x0: low + from * (high - low), x1: low + to * (high - low), width };
        let (drawn, n_inside) = draw(&data, n, axis, window);
        // The same out of encoded bytes, where only one coordinate is looked at.
        let want = if axis == Axis::Step { Coordinates::Steps } else { Coordinates::Times };
        for want in [want, Coordinates::Both] {
            let (stored, n_stored) = draw(&Stored::new(data.points(), want), n, axis, window);
            prop_assert_eq!((bits(stored), n_stored), (bits(drawn.clone()), n_inside));
        }
        prop_assert_eq!(n_inside as usize, flat.iter().filter(|p| p.0 >= window.x0 && p.0 <= window.x1).count());
        check(&flat, &drawn, window);
        // The same from raw points.
        let line = by_step(&[PartView { points: data.points(), below: None, cuts: &[] }]);
        let (raw, n_raw) = line.draw(window, x);
        prop_assert_eq!(n_raw, n_inside);
        check(&flat, &raw, window);
    }

    #[test]
    fn points_at_once_are_drawn_as_one_by_one(
        n in prop_oneof![1usize..3000, (1usize..48).prop_map(|blocks| 64 * blocks)], seed in any::<u64>(),
        bad in prop_oneof![Just(0u64), Just(20), Just(3000)], width in 1u32..200,
        from in -0.2..1.0f64, to in 0.0..1.2f64, same_x in 1usize..5, cut in any::<prop::sample::Index>(),
    ) {
        let mut points = rough(n, seed, true, bad);
        // Several points may have one x, as on a time axis.
        points.steps = (0..n).map(|i| points.steps[i - i % same_x]).collect();
        let x = |i: usize| points.steps[i] as f64;
        let place = |share: f64| x(0) + share * (x(n - 1) - x(0));
        let window = Window { x0: place(from.min(to)), x1: place(from.max(to)), width };
        let mut one = Decimator::new(window, n as u64);
        (0..n).for_each(|i| one.point(x(i), points.values[i]));
        let one = bits(one.finish());
        let (mut decoded, mut encoded) = (Held::default(), Held::default());
        decoded.begin().extend(&points);
        encoded.load(&codec::encode(&points, 0, n, Effort::Sealed), Coordinates::Steps).unwrap();
        let cut = cut.index(n);
        for held in [&decoded, &encoded] {
            let mut all = Decimator::new(window, n as u64);
            all.points(held, 0..cut, x_of(Axis::Step, 0.0));
            all.points(held, cut..n, x_of(Axis::Step, 0.0));
            prop_assert_eq!(bits(all.finish()), one.clone());
        }
    }

    #[test]
    fn lines_are_what_a_naive_reading_says(
        parts in proptest::collection::vec((proptest::collection::vec((-5i64..15, 0.0..100.0f64), 0..30), proptest::option::of(-5i64..15), proptest::option::of((0usize..30, -5i64..15))), 1..5),
    ) {
        let mut summaries = Vec::new();
        let mut columns = Vec::new();
        // A part's mark counts for all parts before it.
        let below = |i: usize| parts[i + 1..].iter().filter_map(|p| p.1).min();
        let mut naive: BTreeMap<i64, f64> = BTreeMap::new();
        for (i, (points, _, cut)) in parts.iter().enumerate() {
            for (k, &(step, value)) in points.iter().enumerate() {
                let cut_off = cut.is_some_and(|(n, at)| k < n.min(points.len()) && step >= at);
                if below(i).is_none_or(|b| step < b) && !cut_off {
                    naive.insert(step, value);
                }
            }
            let points: Points = points.iter().map(|&(step, value)| Point { step, time: value * 2.0, value }).collect();
            let cuts: Vec<Cut> = cut.iter().map(|&(n, step)| Cut { n: n.min(points.len()) as u64, step }).collect();
            // As the store does it: in two pieces, with the restart between them, the later part's mark last.
            let n = cuts.first().map_or(points.len() / 2, |c| c.n as usize);
            let (a, b) = (points.slice(0, n), points.slice(n, points.len()));
            let mut summary = PartSummary::of(&a, None);
            if let (Some(s), Some(c)) = (&mut summary, cuts.first()) && s.cut(c.step) {
                s.survey([&a]);
            }
            match &mut summary {
                Some(s) => s.append(&b),
                none => *none = PartSummary::of(&b, None),
            }
            if let Some(s) = &mut summary && s.set_below(below(i)) {
                s.survey([&a, &b]);
            }
            summaries.extend(summary);
            columns.push((points, cuts));
        }
        let views: Vec<PartView> = columns.iter().enumerate()
            .map(|(i, (points, cuts))| PartView { points, below: below(i), cuts }).collect();
        let line = by_step(&views);
        let expected: Vec<(i64, f64)> = naive.into_iter().collect();
        let got: Vec<(i64, f64)> = line.points().iter().map(|p| (p.step, p.value)).collect();
        prop_assert_eq!(&got, &expected);
        let n: usize = columns.iter().map(|c| c.0.len()).sum();
        prop_assert_eq!(by_time(&views).points().len(), n);
        let Some(whole) = whole(&summaries) else { return Ok(()) };
        prop_assert_eq!(whole.all.n as usize, n);
        // The summary counts every step that is not greater than its predecessor; a mark is drawn only where steps go
        // back, or a part begins anew.
        let (mut not_after, mut back, mut high) = (0, 0, None);
        for (points, _) in columns.iter().filter(|c| !c.0.is_empty()) {
            let again = usize::from(high.is_some_and(|h| points.steps[0] <= h));
            not_after += again + points.steps.windows(2).filter(|w| w[1] <= w[0]).count();
            back += again + points.steps.windows(2).filter(|w| w[1] < w[0]).count();
            high = high.max(points.steps.iter().copied().max());
        }
        prop_assert_eq!(whole.all.spot(MarkKind::Rewind).n as usize, not_after);
        prop_assert_eq!(line.rewinds.len(), back);
        prop_assert_eq!(whole.line.map(|l| (l.first_step, l.last.step, l.last.value)),
            expected.first().zip(expected.last()).map(|(a, b)| (a.0, b.0, b.1)));
        if whole.clean {
            prop_assert_eq!(got.len(), n);
            prop_assert!(line.rewinds.is_empty());
        }
        for s in &summaries {
            prop_assert_eq!(&PartSummary::decode(&s.encode()).unwrap(), s);
        }
    }

    #[test]
    fn smoothing_is_what_the_formulas_say(
        values in proptest::collection::vec(prop_oneof![9 => -10.0..10.0f64, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)], 1..200),
        weight in 0.0..0.999f64, sigma in 0.1..30.0f64, window in 1.0..50.0f64,
    ) {
        let close = |a: f64, b: f64, tolerance: f64| a.to_bits() == b.to_bits() || (a - b).abs() <= tolerance;
        let n = values.len();
        let constant = values.iter().all(|v| *v == values[0]);
        let (mut last, mut count) = (0.0, 0);
        let smoothed = ema(&values, weight);
        for i in 0..n {
            let mut expected = values[i];
            if !constant && values[i].is_finite() {
                last = last * weight + (1.0 - weight) * values[i];
                count += 1;
                expected = last / (1.0 - weight.powi(count));
            }
            prop_assert!(close(smoothed[i], expected, 1e-9), "ema {} {}", smoothed[i], expected);
        }
        let half = (window / 2.0).floor() as usize;
        let average = |i: usize, weight: &dyn Fn(usize) -> f64| {
            let (mut sum, mut total) = (0.0, 0.0);
            for (j, v) in values.iter().enumerate().filter(|(_, v)| v.is_finite()) {
                sum += v * weight(i.abs_diff(j));
                total += weight(i.abs_diff(j));
            }
            if values[i].is_finite() { sum / total } else { values[i] }
        };
        let (means, blurred) = (mean(&values, window), gaussian(&values, sigma));
        for i in 0..n {
            let expected = average(i, &|d| f64::from(u8::from(d <= half)));
            prop_assert!(close(means[i], expected, 1e-9), "mean {} {}", means[i], expected);
            let expected = average(i, &|d| (-0.5 * (d as f64 / sigma).powi(2)).exp());
            prop_assert!(close(blurred[i], expected, 0.05), "gaussian {sigma} {} {}", blurred[i], expected);
        }
    }
}

#[test]
fn a_gap_and_a_spike_survive_a_million_points() {
    let n = 1_000_000;
    let points = (0..n).map(|i| Point {
        step: i,
        time: i as f64,
        value: match i {
            500_001 => f64::NAN,
            700_003 => 1e9,
            _ => (i % 100) as f64,
        },
    });
    let data = InMemory::new(points.collect());
    let (drawn, _) = draw(&data, n as usize, Axis::Step, Window { x0: 0.0, x1: n as f64, width: 800 });
    assert!(drawn.decimated && drawn.x.len() < 10_000, "{}", drawn.x.len());
    assert_eq!(drawn.marks, [(500_001.0, MarkKind::Nan)]);
    assert!(drawn.x.iter().zip(&drawn.y).any(|p| *p.0 == 500_001.0 && p.1.is_nan()));
    assert!(drawn.x.iter().zip(&drawn.y).any(|p| (*p.0, *p.1) == (700_003.0, 1e9)));
}

/// Found by chance: the point before the window is the first of a block that reaches into it.
#[test]
fn the_ends_of_a_window_are_drawn_where_a_block_crosses_them() {
    let data = InMemory::new(rough(16443, 17398620574304893293, true, 2000));
    let flat: Vec<(f64, f64)> = data.points().iter().map(|p| (p.step as f64, p.value)).collect();
    let (low, high) = (flat[0].0, flat[flat.len() - 1].0);
    let at = |share: f64| low + share * (high - low);
    let window = Window { x0: at(0.2755820032532202), x1: at(0.858267274247022), width: 16 };
    check(&flat, &draw(&data, flat.len(), Axis::Step, window).0, window);
    // And wherever else a window may begin and end, at one point and the next.
    for i in (0..6000).step_by(7) {
        let window = Window { x0: flat[i].0, x1: flat[i + 9000].0, width: 5 };
        check(&flat, &draw(&data, flat.len(), Axis::Step, window).0, window);
    }
}

/// The pause begins where a block ends: its last point is drawn, though it lies between the block's extremes.
#[test]
fn a_pause_between_blocks_is_no_slope() {
    let n = 16_384;
    let step = |i: i64| if i < 6_400 { i } else { i + 43_600 };
    let value = |i: i64| if i == 6_200 { 5.0 } else { 0.0 };
    let points: Points = (0..n).map(|i| Point { step: step(i), time: step(i) as f64, value: value(i) }).collect();
    let flat: Vec<(f64, f64)> = points.iter().map(|p| (p.step as f64, p.value)).collect();
    for axis in [Axis::Step, Axis::Wall] {
        for width in [40, 60, 61, 100, 200] {
            let window = Window { x0: 0.0, x1: 59_983.0, width };
            for want in [Coordinates::Both, Coordinates::Steps, Coordinates::Times] {
                if want == Coordinates::Both || (want == Coordinates::Steps) == (axis == Axis::Step) {
                    let (drawn, _) = draw(&Stored::new(&points, want), n as usize, axis, window);
                    check(&flat, &drawn, window);
                    assert!(drawn.x.iter().zip(&drawn.y).any(|p| (*p.0, *p.1) == (6_399.0, 0.0)), "{width} wide");
                }
            }
        }
    }
}

#[test]
fn a_huge_value_does_not_outlive_its_window() {
    let mut values = vec![1.0; 100];
    values[10] = f64::MAX;
    values[11] = f64::MAX;
    assert_eq!(mean(&values, 5.0)[20..], values[20..]);
    assert!(mean(&values, 5.0).iter().all(|v| v.is_finite()));
    assert!(gaussian(&values, 1.0).iter().all(|v| v.is_finite()));
    assert!(gaussian(&values, 3.0).iter().all(|v| v.is_finite()));
}
