//! Prints what the store does in a second, on a realistic training curve (noisy f32 values, steps of ten, times with
//! jitter): `cargo run --release -p signalbox-store --example store_bench`. Besides the wall clock's time it prints the
//! processor's, which a busy machine does not stretch as much (Linux only; elsewhere 0).

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use signalbox_series::{Axis, CHUNK_POINTS, Effort, Smooth, codec};
use signalbox_store::{Forgetting, FrameQuery, Store};
use signalbox_types::{Batch, Cursor, Format, Point, Points, RunDelta, RunId, SeriesDelta};

fn main() {
    let million = curve(1_000_000, 1);
    encoding(&million);
    let directory = tempfile::tempdir().expect("a temporary directory");
    one_long_series(directory.path(), &million);
    many_series(directory.path());
    many_runs(directory.path());
    live(directory.path());
    retention(directory.path(), &million);
}

fn encoding(points: &Points) {
    for (name, effort) in [("sealed", Effort::Sealed), ("quick", Effort::Quick), ("plain", Effort::Plain)] {
        let encoding = Clock::start();
        let blobs: Vec<Vec<u8>> = (0..points.len())
            .step_by(CHUNK_POINTS)
            .map(|at| codec::encode(points, at, (at + CHUNK_POINTS).min(points.len()), effort))
            .collect();
        let encoding = encoding.stop();
        let decoding = Clock::start();
        let mut back = Points::with_capacity(points.len());
        blobs.iter().for_each(|b| codec::decode(b, &mut back).expect("what was encoded"));
        let decoding = decoding.stop();
        let rate = |t: (f64, f64)| (points.len() as f64 / t.0 / 1e6, points.len() as f64 / t.1 / 1e6);
        let ((we, ce), (wd, cd)) = (rate(encoding), rate(decoding));
        let bytes = blobs.iter().map(Vec::len).sum::<usize>() as f64 / points.len() as f64;
        println!(
            "codec/{name}: M points/s wall (cpu): encode {we:.1} ({ce:.1}), decode {wd:.1} ({cd:.1}); {bytes:.2} bytes/point"
        );
    }
}

/// Seconds of the wall and of the processor, all threads.
struct Clock(Instant, f64);

impl Clock {
    fn start() -> Self {
        Clock(Instant::now(), cpu_seconds())
    }

    fn stop(&self) -> (f64, f64) {
        (self.0.elapsed().as_secs_f64(), cpu_seconds() - self.1)
    }
}

/// User and system time of this process, from fields 14 and 15 of /proc/self/stat, in hundredths.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat
        .rsplit(')')
        .next()
        .map_or(Vec::new(), |rest| rest.split_whitespace().skip(11).take(2).filter_map(|x| x.parse().ok()).collect());
    fields.iter().sum::<f64>() / 100.0
}

fn one_long_series(directory: &Path, points: &Points) {
    for portion in [1_000_000, 100_000, 1000] {
        let mut bench = Bench::new(directory, &format!("long-{portion}"));
        let batches: Vec<Batch> = (0..points.len())
            .step_by(portion)
            .map(|at| batch("", [("loss", points.slice(at, at + portion))]))
            .collect();
        bench.commit_each(&format!("commit/1 series x 1M, {portion} points a commit"), &batches, points.len());
        if portion == 1_000_000 {
            bench.queries(points.len());
        }
    }
}

fn many_series(directory: &Path) {
    let names: Vec<String> = (0..1000).map(|i| format!("layer{i}/norm")).collect();
    let points = curve(1000, 2);
    for portion in [1000, 100] {
        let mut bench = Bench::new(directory, &format!("wide-{portion}"));
        let batches: Vec<Batch> = (0..1000)
            .step_by(portion)
            .map(|at| batch("", names.iter().map(|n| (n.as_str(), points.slice(at, at + portion)))))
            .collect();
        bench.commit_each(&format!("commit/1000 series x 1000, {portion} of each a commit"), &batches, 1_000_000);
    }
}

fn many_runs(directory: &Path) {
    let mut bench = Bench::new(directory, "runs");
    let points = curve(50, 3);
    let keys: Vec<String> = (0..40).map(|i| format!("metric{i}")).collect();
    let batches: Vec<Batch> = (0..50)
        .map(|i| {
            let runs = (0..100).map(|j| batch(&format!("{i}-{j}"), keys.iter().map(|k| (k.as_str(), points.clone()))));
            Batch { runs: runs.flat_map(|b| b.runs).collect(), ..Batch::default() }
        })
        .collect();
    bench.commit_each("commit/5000 runs x 40 metrics x 50", &batches, 5000 * 40 * 50);
    let reader = bench.store.reader().expect("a reader");
    bench.time("load_runs/5000 runs x 40 metrics", 3, || {
        assert_eq!(reader.load_runs(bench.project).expect("runs").len(), 5000);
    });
}

fn live(directory: &Path) {
    let mut bench = Bench::new(directory, "live");
    let names: Vec<String> = (0..100).map(|i| format!("m{i}")).collect();
    let points = curve(2000, 4);
    let mut times = Vec::new();
    for at in 0..2000 {
        let batch = batch("", names.iter().map(|n| (n.as_str(), points.slice(at, at + 1))));
        let begun = Instant::now();
        bench.commit(std::slice::from_ref(&batch));
        times.push(begun.elapsed());
    }
    times.sort();
    println!("commit/100 series x 1 point: p50 {:.2?}, p95 {:.2?}, max {:.2?}", times[1000], times[1900], times[1999]);
}

/// Counting what takes room, forgetting all of it in steps, and giving the pages back in steps.
fn retention(directory: &Path, million: &Points) {
    let (small, keys) = (curve(50, 5), (0..40).map(|i| format!("metric{i}")).collect::<Vec<_>>());
    let wide = |bench: &mut Bench| {
        for i in 0..50 {
            let runs = (0..100).map(|j| batch(&format!("{i}-{j}"), keys.iter().map(|k| (k.as_str(), small.clone()))));
            bench.commit(&[Batch { runs: runs.flat_map(|b| b.runs).collect(), ..Batch::default() }]);
        }
    };
    let long = |bench: &mut Bench| {
        keys.iter().take(20).for_each(|k| bench.commit(&[batch("", [(k.as_str(), million.clone())])]));
    };
    type Fill<'a> = &'a dyn Fn(&mut Bench);
    let cases: [(&str, Fill<'_>); 2] = [("5000 runs x 40 metrics x 50", &wide), ("20 series x 1M", &long)];
    for (name, fill) in cases {
        let mut bench = Bench::new(directory, &format!("retention-{}", name.len()));
        fill(&mut bench);
        let reader = bench.store.reader().expect("a reader");
        bench.time(&format!("room/{name}"), 3, || {
            let room = reader.project_room(bench.project, &mut |_, _| ControlFlow::Continue(())).expect("counted");
            assert!(room.is_some_and(|room| room.n_points > 0));
        });
        bench.store.begin_forgetting(bench.project, &Forgetting::default()).expect("begun");
        let budget = Duration::from_millis(15);
        steps(&format!("forget/{name}"), || bench.store.forget_some(budget).expect("a step").is_some());
        let before = bench.store.bytes_on_disk();
        steps(&format!("compact/{name}"), || bench.store.compact_some(budget).expect("a step") > 0);
        bench.store.settle_log().expect("a checkpoint");
        println!(
            "compact/{name}: {:.1} MB before, {:.1} after",
            before as f64 / 1e6,
            bench.store.bytes_on_disk() as f64 / 1e6
        );
    }
}

/// Until there is nothing more to do: a step is a transaction, in which nobody else writes.
fn steps(name: &str, mut step: impl FnMut() -> bool) {
    let (begun, mut n, mut longest) = (Instant::now(), 0, Duration::ZERO);
    loop {
        let this = Instant::now();
        let is_more = step();
        longest = longest.max(this.elapsed());
        n += 1;
        if !is_more {
            break;
        }
    }
    println!("{name}: {:.2?} in {n} steps, the longest {longest:.2?}", begun.elapsed());
}

struct Bench {
    store: Store,
    project: signalbox_types::ProjectId,
    source: signalbox_types::SourceId,
    generation: u64,
}

impl Bench {
    fn new(directory: &Path, name: &str) -> Self {
        let mut store = Store::open(&directory.join(name)).expect("a store");
        let project = store.add_project(Path::new("/p"), 0.0).expect("a project");
        let source = store.add_source(project, Format::Tensorboard, Path::new(""), 0.0).expect("a source");
        Self { store, project, source, generation: 0 }
    }

    fn commit(&mut self, batches: &[Batch]) {
        let done = self.store.commit(self.source, self.generation, batches, &Cursor::default(), 0.0);
        self.generation = done.expect("a commit").generation;
    }

    fn commit_each(&mut self, name: &str, batches: &[Batch], n_points: usize) {
        let clock = Clock::start();
        batches.iter().for_each(|b| self.commit(std::slice::from_ref(b)));
        let (wall, cpu) = clock.stop();
        // A truncating checkpoint brings the log into the file, so that its length tells.
        let db = rusqlite::Connection::open(self.store.path()).expect("a connection");
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).expect("a checkpoint");
        let bytes = std::fs::metadata(self.store.path()).map_or(0, |m| m.len());
        println!(
            "{name}: {:.2} M points/s, of cpu {:.2}; wall {wall:.2} s, file {:.2} bytes/point",
            n_points as f64 / wall / 1e6,
            n_points as f64 / cpu / 1e6,
            bytes as f64 / n_points as f64,
        );
    }

    fn queries(&self, n_points: usize) {
        let reader = self.store.reader().expect("a reader");
        let runs: Vec<RunId> = reader.load_runs(self.project).expect("runs").iter().map(|r| r.id).collect();
        let steps = n_points as f64 * 10.0;
        let query = |axis, x: Option<(f64, f64)>, smooth| FrameQuery {
            project: self.project,
            metric: "loss".into(),
            runs: runs.iter().map(|run| (*run).into()).collect(),
            axis,
            x0: x.map(|x| x.0),
            x1: x.map(|x| x.1),
            width: 1600,
            smooth,
        };
        let cases = [
            ("all, 1600 px", query(Axis::Step, None, Smooth::None)),
            ("all over time", query(Axis::Relative, None, Smooth::None)),
            ("half", query(Axis::Step, Some((steps * 0.2, steps * 0.7)), Smooth::None)),
            ("tenth", query(Axis::Step, Some((steps * 0.5, steps * 0.6)), Smooth::None)),
            ("hundredth", query(Axis::Step, Some((steps * 0.5, steps * 0.51)), Smooth::None)),
            ("all, ema", query(Axis::Step, None, Smooth::Ema(0.99))),
            ("all, gaussian", query(Axis::Step, None, Smooth::Gaussian(50.0))),
        ];
        for (name, query) in cases {
            let begun = Instant::now();
            let len = reader.frame(&query).expect("a frame").len();
            let first = begun.elapsed();
            let median = median(21, || drop(reader.frame(&query).expect("a frame")));
            println!("frame/1M points, {name}: first {first:.2?}, then {median:.2?}, {} KB", len / 1024);
        }
    }

    fn time(&self, name: &str, n: usize, work: impl FnMut()) {
        println!("{name}: {:.2?}", median(n, work));
    }
}

fn median(n: usize, mut work: impl FnMut()) -> std::time::Duration {
    let mut times: Vec<_> = (0..n)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[n / 2]
}

fn batch<'a>(run: &str, series: impl IntoIterator<Item = (&'a str, Points)>) -> Batch {
    let series = series
        .into_iter()
        .map(|(metric, points)| SeriesDelta { metric: metric.into(), points, ..SeriesDelta::default() })
        .collect();
    Batch { runs: vec![RunDelta { key: run.into(), series, ..RunDelta::default() }], ..Batch::default() }
}

fn curve(n: usize, seed: u64) -> Points {
    let mut x = seed;
    let mut noise = move || {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (x >> 33) as f64 / f64::from(1u32 << 31) - 0.5
    };
    let mut time = 1_700_000_000.0;
    (0..n)
        .map(|i| {
            time += 0.1 + 0.02 * noise() + if i % 100 == 0 { 0.5 } else { 0.0 };
            let gauss: f64 = (0..4).map(|_| noise()).sum();
            let value = (2.0 * (-(i as f64) / 2e5).exp() + 0.3) * (1.0 + 0.1 * gauss);
            Point { step: i as i64 * 10, time, value: f64::from(value as f32) }
        })
        .collect()
}
