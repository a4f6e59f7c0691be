//! Series through the store against a plain model of what was logged.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use signalbox_series::{Axis, FrameSeries, PartView, Smooth, Window, by_step, frame, x_of};
use signalbox_store::{FrameQuery, Store, StoreReader, frame_at_once};
use signalbox_types::{Batch, Cursor, Format, Point, Points, ProjectId, PurgeMark, RunDelta, SeriesDelta, SourceId};

/// What one part was told, in order.
#[derive(Clone, Debug)]
enum Said {
    Point(Point),
    Cut(i64),
}

/// One thing that happens to a run.
#[derive(Clone, Debug)]
enum Event {
    Points { part: u8, metric: u8, n: usize, from: i64, stride: i64 },
    Purge { part: u8, step: i64 },
    ResetPart { part: u8 },
    ResetRun,
    Commit,
    Reopen,
}

#[derive(Default)]
struct Model {
    parts: BTreeMap<(String, String), Vec<Said>>,
    marks: Vec<(String, i64)>,
}

impl Model {
    fn points(&self, metric: &str) -> Vec<(String, Vec<Point>)> {
        let of = self.parts.iter().filter(|((_, m), _)| m == metric);
        let only =
            |said: &[Said]| said.iter().filter_map(|s| if let Said::Point(p) = s { Some(*p) } else { None }).collect();
        of.map(|((part, _), said)| (part.clone(), only(said))).filter(|p: &(_, Vec<_>)| !p.1.is_empty()).collect()
    }

    fn line(&self, metric: &str) -> Vec<(i64, f64)> {
        let mut out = BTreeMap::new();
        for ((part, _), said) in self.parts.iter().filter(|((_, m), _)| m == metric) {
            let below = self.marks.iter().filter(|m| m.0 > *part).map(|m| m.1).min();
            for (i, s) in said.iter().enumerate() {
                let Said::Point(p) = s else { continue };
                let cut = said[i..].iter().any(|s| matches!(s, Said::Cut(at) if p.step >= *at));
                if !cut && below.is_none_or(|b| p.step < b) {
                    out.insert(p.step, p.value);
                }
            }
        }
        out.into_iter().collect()
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let points = (
        0u8..3,
        0u8..2,
        prop_oneof![4 => 1usize..40, 3 => 100usize..300, 1 => 1000usize..9000],
        -50i64..6000,
        prop_oneof![5 => Just(1i64), 1 => Just(10), 1 => Just(0), 1 => Just(-1)],
    )
        .prop_map(|(part, metric, n, from, stride)| Event::Points { part, metric, n, from, stride });
    let event = prop_oneof![
        12 => points,
        2 => (0u8..3, -50i64..6000).prop_map(|(part, step)| Event::Purge { part, step }),
        1 => (0u8..3).prop_map(|part| Event::ResetPart { part }),
        1 => Just(Event::ResetRun),
        6 => Just(Event::Commit),
        2 => Just(Event::Reopen),
    ];
    proptest::collection::vec(event, 1..25)
}

struct World {
    directory: tempfile::TempDir,
    store: Store,
    project: ProjectId,
    source: SourceId,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(&directory.path().join("s.db")).unwrap();
        let project = store.add_project(Path::new("/p"), 0.0).unwrap();
        let source = store.add_source(project, Format::Tensorboard, Path::new(""), 0.0).unwrap();
        Self { directory, store, project, source }
    }

    fn commit(&mut self, runs: Vec<RunDelta>) {
        let (_, generation) = self.store.cursor(self.source).unwrap();
        let batch = Batch { runs, ..Batch::default() };
        self.store.commit(self.source, generation, &[batch], &Cursor::default(), 0.0).unwrap();
    }
}

fn check(w: &World, reader: &StoreReader, model: &Model) {
    let names: BTreeMap<_, _> = reader.metric_names(w.project).unwrap().into_iter().map(|(id, n)| (n, id)).collect();
    let rows = reader.load_runs(w.project).unwrap();
    for metric in ["m0", "m1"] {
        let expected = model.points(metric);
        let line = model.line(metric);
        let (Some(row), Some(&id)) = (rows.first(), names.get(metric)) else {
            assert!(expected.is_empty());
            continue;
        };
        let got: Vec<_> = reader
            .points(row.id, id)
            .unwrap()
            .into_iter()
            .map(|p| (p.part, p.points.iter().collect::<Vec<_>>()))
            .collect();
        assert_eq!(got, expected, "points of {metric}");
        let got: Vec<_> = reader.line(row.id, id).unwrap().iter().map(|p| (p.step, p.value)).collect();
        assert_eq!(got, line, "line of {metric}");
        let summary = row.metrics.iter().find(|m| m.metric == id);
        let all: Vec<Point> = expected.iter().flat_map(|p| p.1.iter().copied()).collect();
        assert_eq!(summary.map_or(0, |s| s.n as usize), all.len());
        let Some(s) = summary else { continue };
        assert_eq!(s.min, all.iter().map(|p| p.value).fold(f64::NAN, f64::min));
        assert_eq!(s.max, all.iter().map(|p| p.value).fold(f64::NAN, f64::max));
        assert_eq!(s.line_empty, line.is_empty());
        if let (Some(first), Some(last)) = (line.first(), line.last()) {
            assert_eq!((s.first_step, s.last_step, s.last), (first.0, last.0, last.1), "ends of {metric}");
        }
        for axis in [Axis::Step, Axis::Wall] {
            let query = FrameQuery {
                project: w.project,
                metric: metric.into(),
                runs: vec![row.id.into()],
                axis,
                x0: None,
                x1: None,
                width: 50,
                smooth: Smooth::None,
            };
            let frame = reader.frame(&query).unwrap();
            let n_total = u32::from_le_bytes(frame[48..52].try_into().unwrap()) as usize;
            assert_eq!(n_total, if axis == Axis::Step { line.len() } else { all.len() }, "{axis:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_every_point_is_there_once(events in events()) {
        let mut w = World::new();
        let mut reader = w.store.reader().unwrap();
        let mut model = Model::default();
        let mut pending: Vec<RunDelta> = Vec::new();
        let mut clock = 0.0;
        for event in events {
            match event {
                Event::Points { part, metric, n, from, stride } => {
                    let points: Points = (0..n as i64).map(|i| {
                        clock += 1.0;
                        Point { step: from + i * stride, time: clock, value: (clock * 7.0) % 1000.0 }
                    }).collect();
                    let (part, metric) = (format!("p{part}"), format!("m{metric}"));
                    model.parts.entry((part.clone(), metric.clone())).or_default().extend(points.iter().map(Said::Point));
                    pending.push(RunDelta { series: vec![SeriesDelta { metric, part, points, reset: false }], ..RunDelta::default() });
                }
                Event::Purge { part, step } => {
                    let part = format!("p{part}");
                    for (_, said) in model.parts.iter_mut().filter(|((p, _), _)| *p == part) {
                        said.push(Said::Cut(step));
                    }
                    model.marks.push((part.clone(), step));
                    pending.push(RunDelta { purges: vec![PurgeMark { part, step }], ..RunDelta::default() });
                }
                Event::ResetPart { part } => {
                    let part = format!("p{part}");
                    model.marks.retain(|m| m.0 != part);
                    model.parts.retain(|(p, _), _| *p != part);
                    let series = vec![SeriesDelta { metric: "m0".into(), part, points: Points::default(), reset: true }];
                    pending.push(RunDelta { series, ..RunDelta::default() });
                }
                Event::ResetRun => {
                    model = Model::default();
                    pending.push(RunDelta { reset: true, ..RunDelta::default() });
                }
                Event::Commit => {
                    w.commit(std::mem::take(&mut pending));
                    check(&w, &reader, &model);
                }
                Event::Reopen => {
                    w.commit(std::mem::take(&mut pending));
                    w.store = Store::open(&w.directory.path().join("s.db")).unwrap();
                    reader = w.store.reader().unwrap();
                }
            }
        }
        w.commit(pending);
        check(&w, &reader, &model);
    }
}

/// Points that come in any portions make the same pyramid: the same drawing, byte by byte.
#[test]
fn portions_make_no_difference() {
    let n = 40_000;
    let points: Points = (0..n)
        .map(|i| Point { step: i * 3, time: 1e9 + i as f64, value: f64::from((i * 7919 % 1009) as f32 / 7.0) })
        .collect();
    let frames: Vec<Vec<u8>> = [n as usize, 10_000, 4096, 999, 127, 40]
        .into_iter()
        .map(|portion| {
            let mut w = World::new();
            for at in (0..n as usize).step_by(portion) {
                let points = points.slice(at, (at + portion).min(n as usize));
                let series = vec![SeriesDelta { metric: "m".into(), part: String::new(), points, reset: false }];
                w.commit(vec![RunDelta { series, ..RunDelta::default() }]);
            }
            let reader = w.store.reader().unwrap();
            let runs = [reader.load_runs(w.project).unwrap()[0].id];
            let query = |axis, x0, x1| FrameQuery {
                project: w.project,
                metric: "m".into(),
                runs: runs.iter().map(|run| (*run).into()).collect(),
                axis,
                x0,
                x1,
                width: 100,
                smooth: Smooth::None,
            };
            let mut all = reader.frame(&query(Axis::Step, None, None)).unwrap();
            all.extend(reader.frame(&query(Axis::Step, Some(1000.0), Some(90_000.0))).unwrap());
            all.extend(reader.frame(&query(Axis::Relative, Some(10.0), None)).unwrap());
            all
        })
        .collect();
    for frame in &frames[1..] {
        assert!(*frame == frames[0], "frames differ");
    }
}

/// However many readers share the lines, the bytes are those of one.
#[test]
fn a_frame_by_several_readers_is_that_of_one() {
    let mut w = World::new();
    let run = |i: i64| {
        let n = [0, 1, 90, 5_000, 70_000][i as usize % 5];
        let points: Points = (0..n)
            .map(|k| Point { step: k * (1 + i % 3), time: 1e9 + (k + i) as f64, value: ((k * 7919 + i) % 1009) as f64 })
            .collect();
        let series = vec![SeriesDelta { metric: "m".into(), points, ..SeriesDelta::default() }];
        RunDelta { key: format!("r{i}"), series, ..RunDelta::default() }
    };
    w.commit((0..23).map(run).collect());
    let one = w.store.reader().unwrap();
    let runs: Vec<_> = one.load_runs(w.project).unwrap().iter().map(|r| r.id).collect();
    let query = |n_runs: usize, metric: &str, x0, smooth| FrameQuery {
        project: w.project,
        metric: metric.into(),
        runs: runs[..n_runs].iter().map(|run| (*run).into()).collect(),
        axis: Axis::Step,
        x0,
        x1: None,
        width: 100,
        smooth,
    };
    let queries = [
        query(23, "m", None, Smooth::None),
        query(23, "m", Some(60_000.0), Smooth::None),
        query(23, "m", None, Smooth::Ema(0.9)),
        query(2, "m", None, Smooth::None),
        query(0, "m", None, Smooth::None),
        query(23, "there is none", None, Smooth::None),
    ];
    for n_readers in [1, 2, 3, 8] {
        let mut readers: Vec<StoreReader> = (0..n_readers).map(|_| w.store.reader().unwrap()).collect();
        for query in &queries {
            let whole = one.frame(query).unwrap();
            // Twice: the first one's transactions are over.
            for _ in 0..2 {
                assert!(frame_at_once(&mut readers, query).unwrap() == whole, "{n_readers} readers, {query:?}");
            }
        }
    }
}

/// A chunk whose checksum matched once is read by its parts; one that was changed behind our back is told, not drawn.
#[test]
fn chunks_are_checked_when_they_are_first_read() {
    let mut w = World::new();
    // Sealed chunks of every way that a column is kept: progressions, blocks, and what pco takes much shorter.
    let value = |metric: i64, i: i64| match metric {
        0 => f64::from(((i * 7919) % 1009) as f32 / 7.0),
        1 => ((i * 7919) % 1009) as f64 / 7.0,
        _ => (i / 500) as f64,
    };
    let time = |metric: i64, i: i64| 1e9 + i as f64 + if metric == 0 { 0.0 } else { ((i * 31) % 17) as f64 / 1000.0 };
    let points =
        |metric: i64| (0..20_000).map(move |i| Point { step: i, time: time(metric, i), value: value(metric, i) });
    let of = |metric: i64| SeriesDelta {
        metric: format!("m{metric}"),
        points: points(metric).collect(),
        ..SeriesDelta::default()
    };
    w.commit(vec![RunDelta { series: (0..3).map(of).collect(), ..RunDelta::default() }]);
    let run = w.store.reader().unwrap().load_runs(w.project).unwrap()[0].id;
    let query = |metric: i64, axis, x0: f64| FrameQuery {
        project: w.project,
        metric: format!("m{metric}"),
        runs: vec![run.into()],
        axis,
        x0: Some(x0),
        x1: Some(x0 + 9_000.0),
        width: 500,
        smooth: Smooth::None,
    };
    let mut queries = Vec::new();
    for metric in 0..3 {
        for axis in [Axis::Step, Axis::Relative] {
            queries.extend([0.0, 3_000.5, 8_000.25].map(|x0| query(metric, axis, x0)));
        }
    }
    let path = w.directory.path().join("s.db");
    let fresh = || Store::open(&path).unwrap().reader().unwrap();
    let reader = fresh();
    for query in &queries {
        let first = fresh().frame(query).unwrap();
        assert!(first.len() > 4_000, "{query:?} draws next to nothing");
        for _ in 0..3 {
            assert!(reader.frame(query).unwrap() == first, "{query:?}");
        }
    }
    // The last byte of each chunk: a value's.
    let db = rusqlite::Connection::open(&path).unwrap();
    let changed =
        "UPDATE chunk SET data = CAST(substr(data, 1, length(data) - 1) || x'5a' AS BLOB) WHERE length(data) > 1";
    assert!(db.execute(changed, ()).unwrap() >= 12);
    drop(db);
    for query in &queries {
        let said = fresh().frame(query).unwrap_err().to_string();
        assert!(said.contains("checksum"), "{said}");
    }
}

/// Of a long series, through many rows of nodes: what is drawn is what is drawn of the points in memory.
#[test]
fn a_long_series_is_drawn_as_from_memory() {
    let mut w = World::new();
    let n = 400_000;
    let value =
        |i: i64| f64::from((i.wrapping_mul(2_654_435_761) >> 7) as u16) / 8.0 + if i % 65_537 == 9 { 1e6 } else { 0.0 };
    let points: Points = (0..n).map(|i| Point { step: 3 * i, time: 1e9 + i as f64 / 4.0, value: value(i) }).collect();
    let series = vec![SeriesDelta { metric: "m".into(), points: points.clone(), ..SeriesDelta::default() }];
    w.commit(vec![RunDelta { series, ..RunDelta::default() }]);
    let reader = w.store.reader().unwrap();
    let run = reader.load_runs(w.project).unwrap()[0].id;
    let line = by_step(&[PartView { points: &points, below: None, cuts: &[] }]);
    for (axis, last) in [(Axis::Step, 3.0 * (n - 1) as f64), (Axis::Relative, (n - 1) as f64 / 4.0)] {
        let x = x_of(axis, 1e9);
        // From a point or two in a pixel to a thousand, whole and in pieces.
        for width in [400, 1_600, 5_000] {
            for share in [(0.0, 1.0), (0.1, 0.95), (0.3, 0.5), (0.611, 0.666), (0.7, 0.71)] {
                let window = Window { x0: share.0 * last, x1: share.1 * last, width };
                let query = FrameQuery {
                    project: w.project,
                    metric: "m".into(),
                    runs: vec![run.into()],
                    axis,
                    x0: Some(window.x0),
                    x1: Some(window.x1),
                    width,
                    smooth: Smooth::None,
                };
                let (drawn, n_total) = line.draw(window, x);
                let expected =
                    FrameSeries { run, line: drawn, raw: None, n_total, has_rewinds: false, steps_repeat: false };
                let expected = frame(&[expected], Some((0.0, last)));
                assert!(reader.frame(&query).unwrap() == expected, "{axis:?} {window:?}");
            }
        }
    }
}

/// Where a part begins anew is marked, whatever its end is marked for.
#[test]
fn a_part_that_begins_anew_is_marked_over_time() {
    let mut w = World::new();
    let n = 40_960;
    let part = |name: &str, from: i64, repeats: i64| {
        // A step that repeats counts as going back in the nodes, though nothing is drawn of it.
        let step = move |i: i64| if i >= repeats { i - 1 } else { i };
        let points = (0..n).map(|i| Point { step: step(i), time: 1e9 + (from + i) as f64, value: (i % 100) as f64 });
        SeriesDelta { metric: "m".into(), part: name.into(), points: points.collect(), ..SeriesDelta::default() }
    };
    let series = vec![part("a", 0, n), part("b", n, n - 10)];
    w.commit(vec![RunDelta { series, ..RunDelta::default() }]);
    let reader = w.store.reader().unwrap();
    let run = reader.load_runs(w.project).unwrap()[0].id;
    for width in [100, 500, 1_000] {
        let query = FrameQuery {
            project: w.project,
            metric: "m".into(),
            runs: vec![run.into()],
            axis: Axis::Wall,
            x0: None,
            x1: None,
            width,
            smooth: Smooth::None,
        };
        let frame = reader.frame(&query).unwrap();
        let size = |at: usize| u32::from_le_bytes(frame[at..at + 4].try_into().unwrap()) as usize;
        let (n_points, n_raw, n_marks) = (size(36), size(40), size(44));
        let marks = frame[64 + 16 * (n_points + n_raw)..].as_chunks::<8>().0;
        let places: Vec<f64> = marks[..n_marks].iter().map(|x| f64::from_le_bytes(*x)).collect();
        assert!(places.contains(&(1e9 + n as f64)), "{width} wide: {places:?}");
    }
}
