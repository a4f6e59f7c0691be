//! `bench-zoom FOLDER SERIES POINTS`: fills a store in FOLDER with SERIES runs of POINTS points of one metric each, by the
//! commits with which the watcher fills it, and times the frames that a chart of all of them asks for, 1,600 pixels
//! wide, in windows of any width anywhere. Prints JSON: ms, and beside them what reading the raw points of the same
//! windows takes: from flat files of 24 bytes a point, a tenth of the series, times ten.

use serde_json::{Value, json};
use signalbox_app::{App, Options};
use signalbox_store::Store;
use signalbox_types::{Batch, Cursor, Format, Point, Points, ProjectId, RunDelta, RunId, SeriesDelta};
use std::fs::{File, create_dir_all};
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

const WIDTH: usize = 1600;
const N_WINDOWS: usize = 100;
/// Of so many just opened applications the first frame is timed.
const N_FIRST: usize = 9;
/// One series in so many lies in a flat file too.
const RAW_SHARE: usize = 10;
const RAW_BYTES: usize = 24;
/// Seconds from one point to the next, about.
const STEP_SECS: f64 = 0.1;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, n_series, n_points] = args.as_slice() else {
        return Err("usage: bench-zoom FOLDER SERIES POINTS".into());
    };
    let (folder, n_series, n_points) = (Path::new(folder), n_series.parse()?, n_points.parse()?);
    create_dir_all(folder)?;
    let chart = Chart::make(folder, n_series, n_points)?;
    let windows = windows(n_points as f64 - 1.0);
    let mut rows = Vec::new();

    let first: Vec<f64> = windows.iter().take(N_FIRST).map(|w| chart.first(*w)).collect::<Result<_, _>>()?;
    tell(&mut rows, "zoom_first", first, None);
    let app = open(folder)?;
    let raw = Raw::open(folder, n_series)?;
    let whole = (0.0, n_points as f64 - 1.0);
    let tenth = (whole.1 * 0.45, whole.1 * 0.55);
    for (name, window) in [("zoom_whole", whole), ("zoom_tenth", tenth)] {
        let times = (0..N_FIRST).map(|_| chart.frame(&app, "step", window)).collect::<Result<_, _>>()?;
        let beside = (0..N_FIRST).map(|_| raw.read(window)).collect::<Result<_, _>>()?;
        rows.push(json!({ "name": name, "ms": median(times), "raw_ms": median(beside) }));
    }
    let times = windows.iter().map(|w| best(|| chart.frame(&app, "step", *w))).collect::<Result<_, _>>()?;
    let beside = windows.iter().map(|w| best(|| raw.read(*w))).collect::<Result<_, _>>()?;
    tell(&mut rows, "zoom", times, Some(beside));
    let over_time = |w: &(f64, f64)| best(|| chart.frame(&app, "relative", (w.0 * STEP_SECS, w.1 * STEP_SECS)));
    tell(&mut rows, "zoom_time", windows.iter().map(over_time).collect::<Result<_, _>>()?, None);
    app.shutdown();
    println!("{}", Value::Array(rows));
    Ok(())
}

/// Of any width, a point or two to all, each as likely, and anywhere.
fn windows(whole: f64) -> Vec<(f64, f64)> {
    let mut random = Random(7);
    (0..N_WINDOWS)
        .map(|_| {
            let width = whole.powf(random.next());
            let from = (whole - width) * random.next();
            (from, from + width)
        })
        .collect()
}

fn tell(rows: &mut Vec<Value>, name: &str, times: Vec<f64>, raw: Option<Vec<f64>>) {
    let worst = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
    let raw_worst = raw.as_deref().map(worst);
    rows.push(json!({ "name": format!("{name}/worst"), "ms": worst(&times), "raw_ms": raw_worst }));
    rows.push(json!({ "name": format!("{name}/median"), "ms": median(times), "raw_ms": raw.map(median) }));
}

/// Of three: another program may have had the processor.
fn best(mut work: impl FnMut() -> Result<f64, Failure>) -> Result<f64, Failure> {
    (0..3).try_fold(f64::INFINITY, |best, _| Ok(work()?.min(best)))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

fn open(folder: &Path) -> Result<App, Failure> {
    Ok(App::open(Options::alone(folder, "bench")).map_err(|e| e.message)?)
}

/// A chart of every run.
struct Chart<'a> {
    folder: &'a Path,
    project: ProjectId,
    runs: Vec<RunId>,
}

impl Chart<'_> {
    fn make(folder: &Path, n_series: usize, n_points: usize) -> Result<Chart<'_>, Failure> {
        let mut store = Store::open(&folder.join("signalbox.db"))?;
        let project = store.add_project(Path::new("/zoom"), 0.0)?;
        for i in 0..n_series {
            let points = curve(n_points, i as u64 + 1);
            if i % RAW_SHARE == 0 {
                write_raw(&folder.join(format!("{i}.raw")), &points)?;
            }
            let source = store.add_source(project, Format::Tensorboard, Path::new(&format!("run-{i:03}")), 0.0)?;
            let series = vec![SeriesDelta { metric: "loss".into(), points, ..SeriesDelta::default() }];
            let batch = Batch { runs: vec![RunDelta { series, ..RunDelta::default() }], ..Batch::default() };
            store.commit(source, 0, &[batch], &Cursor::default(), 0.0)?;
        }
        let runs = store.reader()?.load_runs(project)?.iter().map(|r| r.id).collect();
        Ok(Chart { folder, project, runs })
    }

    /// The first frame of an application that was just opened.
    fn first(&self, window: (f64, f64)) -> Result<f64, Failure> {
        let app = open(self.folder)?;
        let took = self.frame(&app, "step", window);
        app.shutdown();
        took
    }

    fn frame(&self, app: &App, x: &str, (x0, x1): (f64, f64)) -> Result<f64, Failure> {
        let args = json!({
            "project": self.project, "metric": "loss", "runs": self.runs, "x": x, "x0": x0, "x1": x1, "width": WIDTH,
            "smooth": { "kind": "none", "amount": 0 },
        });
        let began = Instant::now();
        let bytes = app.frame(args).map_err(|e| e.message)?;
        let took = ms(began);
        let n_series = bytes.get(8..12).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
        if bytes.starts_with(b"SBF1") && n_series == Some(self.runs.len()) {
            return Ok(took);
        }
        Err("that is no frame of all series".into())
    }
}

/// The same points as they are, a file for each of some series.
struct Raw {
    files: Vec<File>,
    n_series: usize,
}

impl Raw {
    fn open(folder: &Path, n_series: usize) -> Result<Raw, Failure> {
        let open = |i| File::open(folder.join(format!("{i}.raw")));
        Ok(Raw { files: (0..n_series).step_by(RAW_SHARE).map(open).collect::<Result<_, _>>()?, n_series })
    }

    /// Reads the window's points and keeps the least and the greatest of each pixel; as if it were all series.
    fn read(&self, (x0, x1): (f64, f64)) -> Result<f64, Failure> {
        let began = Instant::now();
        let (from, to) = (x0.ceil() as usize, x1.floor() as usize + 1);
        let mut bytes = vec![0; to.saturating_sub(from) * RAW_BYTES];
        let mut out = Vec::new();
        for file in &self.files {
            file.read_exact_at(&mut bytes, (from * RAW_BYTES) as u64)?;
            let mut pixels = vec![(f64::INFINITY, f64::NEG_INFINITY); WIDTH];
            for point in bytes.chunks_exact(RAW_BYTES) {
                let word = |at: usize| u64::from_le_bytes(point[at..at + 8].try_into().expect("BUG: eight bytes"));
                let (step, value) = (word(0) as f64, f64::from_bits(word(16)));
                let at = ((step - x0) / (x1 - x0).max(1e-9) * WIDTH as f64) as usize;
                let pixel = &mut pixels[at.min(WIDTH - 1)];
                *pixel = (pixel.0.min(value), pixel.1.max(value));
            }
            out.push(pixels);
        }
        std::hint::black_box(&out);
        Ok(ms(began) * self.n_series as f64 / self.files.len() as f64)
    }
}

fn write_raw(path: &Path, points: &Points) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    for p in points.iter() {
        out.write_all(&[p.step.to_le_bytes(), p.time.to_le_bytes(), p.value.to_le_bytes()].concat())?;
    }
    out.flush()
}

/// A noisy falling loss of f32 precision, times with jitter.
fn curve(n: usize, seed: u64) -> Points {
    let mut random = Random(seed);
    let mut time = 1_795_000_000.0;
    (0..n)
        .map(|i| {
            time += STEP_SECS * (0.9 + 0.2 * random.next());
            let noise = (0..4).map(|_| random.next() - 0.5).sum::<f64>();
            let value = (2.0 * (-5.0 * i as f64 / n as f64).exp() + 0.3) * (1.0 + 0.1 * noise);
            Point { step: i as i64, time, value: f64::from(value as f32) }
        })
        .collect()
}

struct Random(u64);

impl Random {
    /// From 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 31)
    }
}
