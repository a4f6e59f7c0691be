//! What the engine costs, in numbers: `cargo run --release -p signalbox-watch --example measure -- [scan|latency|idle]`.
//!
//! - scan: 200,000 files in 4,000 folders, 40 runs among them: time to the end of the walk, bytes read
//! - latency: from a write to the commit that holds it, 500 writes to a live event file
//! - idle: processor time and memory with 1,000 runs open and nothing happening, over 10 s

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use signalbox_store::Store;
use signalbox_testkit::tfevents::{record, scalar, write_scalars};
use signalbox_watch::{Cancel, Engine, Options, WatchEvent, read_to_end};

const NAME: &str = "events.out.tfevents.1795000000.host";

fn main() {
    let which = std::env::args().nth(1);
    let wanted = |name: &str| which.as_deref().is_none_or(|w| w == name);
    let dir = tempfile::tempdir().expect("a temporary folder");
    if wanted("scan") {
        scan(dir.path());
    }
    if wanted("latency") {
        latency(dir.path());
    }
    if wanted("idle") {
        idle(dir.path());
    }
}

fn run(dir: &Path, n_steps: i64) -> u64 {
    fs::create_dir_all(dir).expect("a folder");
    write_scalars(File::create(dir.join(NAME)).expect("a file"), &["loss", "acc"], n_steps, false).expect("events")
}

fn scan(dir: &Path) {
    let root = dir.join("scan");
    let mut bytes = 0;
    for d in 0..4000 {
        let folder = root.join(format!("part_{}", d % 40)).join(format!("class_{d}"));
        fs::create_dir_all(&folder).expect("a folder");
        for f in 0..50 {
            File::create(folder.join(format!("{f}.png"))).expect("a file");
        }
        if d % 100 == 0 {
            bytes += run(&folder.join("logs"), 100);
        }
    }
    let mut store = Store::open_temporary().expect("a store");
    let project = store.add_project(&root, 1.0).expect("a project");
    for round in ["first", "second"] {
        let before = read_chars();
        let begun = Instant::now();
        let summary =
            read_to_end(store.path(), project, &root, Options::default(), &Cancel::new(), |_| {}).expect("read");
        println!(
            "scan/200k files, {round} time, read to the end: {:.0} ms; {} folders, {} files, {} sources; peeked {} B, \
             sources {} of {bytes} B, {} points; all reads of the process {} kB",
            begun.elapsed().as_secs_f64() * 1e3,
            summary.counts.dirs,
            summary.counts.files,
            summary.counts.sources,
            summary.counts.peeked_bytes,
            summary.read_bytes,
            summary.n_points,
            (read_chars() - before) / 1000,
        );
    }
    let (engine, events) = start(store.path());
    let begun = Instant::now();
    engine.watch(project, &root);
    wait(&events, |e| matches!(e, WatchEvent::ScanDone { .. }));
    let stats = engine.project_stats(project).expect("it is open");
    println!("scan/200k files, with a watch on each of {} folders: {:.0} ms", stats.n_dirs_watched, ms(begun));
    let begun = Instant::now();
    engine.stop();
    println!("stop with them: {:.1} ms", ms(begun));
}

fn latency(dir: &Path) {
    let root = dir.join("latency");
    run(&root.join("a"), 1000);
    let mut store = Store::open_temporary().expect("a store");
    let project = store.add_project(&root, 1.0).expect("a project");
    let (engine, events) = start(store.path());
    engine.watch(project, &root);
    wait(&events, |e| matches!(e, WatchEvent::Committed { n_points: 2000, .. }));
    let mut out = File::options().append(true).open(root.join("a").join(NAME)).expect("the file");
    let mut took: Vec<f64> = (1000..1500)
        .map(|step| {
            // A training step of 23 ms.
            let _ = events.recv_timeout(Duration::from_millis(23));
            let bytes = record(&scalar(1.0, step, "loss", 1.0));
            let begun = Instant::now();
            out.write_all(&bytes).expect("written");
            wait(&events, |e| matches!(e, WatchEvent::Committed { .. }));
            ms(begun)
        })
        .collect();
    took.sort_by(f64::total_cmp);
    println!(
        "latency/write to commit, 500 appends: p50 {:.1} ms, p95 {:.1} ms, max {:.1} ms",
        took[250], took[475], took[499]
    );
}

fn idle(dir: &Path) {
    let root = dir.join("idle");
    for i in 0..1000 {
        run(&root.join(format!("{i}")), 100);
    }
    let mut store = Store::open_temporary().expect("a store");
    let project = store.add_project(&root, 1.0).expect("a project");
    let (engine, events) = start(store.path());
    let begun = Instant::now();
    engine.watch(project, &root);
    let mut n_points = 0;
    while n_points < 200_000 {
        if let Ok(WatchEvent::Committed { n_points: n, .. }) = events.recv_timeout(Duration::from_secs(60)) {
            n_points += n;
        }
    }
    println!("idle/1,000 runs of 200 points: all read in {:.0} ms, {} commits", ms(begun), engine.stats().n_commits);
    // Until it has been quiet for a second.
    while events.recv_timeout(Duration::from_secs(1)).is_ok() {}
    let before = cpu_ticks();
    let begun = Instant::now();
    let _ = events.recv_timeout(Duration::from_secs(10));
    let ticks = cpu_ticks() - before;
    println!(
        "idle/1,000 runs open: {:.2} % of one processor over {:.0} s; {} MB resident, {} readers open",
        ticks as f64 / begun.elapsed().as_secs_f64(),
        begun.elapsed().as_secs_f64(),
        resident_kb() / 1000,
        engine.stats().n_open_readers,
    );
}

fn start(store: &Path) -> (Engine, Receiver<WatchEvent>) {
    let (tx, events) = channel();
    let tx = Mutex::new(tx);
    let sink = move |event| drop(tx.lock().map(|tx| tx.send(event)));
    (Engine::start(store, Options::default(), sink).expect("an engine"), events)
}

fn wait(events: &Receiver<WatchEvent>, is_it: impl Fn(&WatchEvent) -> bool) {
    while !is_it(&events.recv_timeout(Duration::from_secs(60)).expect("an event")) {}
}

fn ms(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}

/// User and system time of this process in hundredths of a second.
fn cpu_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap_or(0) + fields[12].parse::<u64>().unwrap_or(0)
}

fn resident_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

/// Everything that this process has read, SQLite's own pages included.
fn read_chars() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap_or_default();
    io.lines().find_map(|l| l.strip_prefix("rchar: ")).and_then(|n| n.trim().parse().ok()).unwrap_or(0)
}
