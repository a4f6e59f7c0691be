//! How fast console logs are read: `console_speed write DIR MEGABYTES (xgboost|keras|mixed)`, then `console_speed read DIR`.
//!
//! One thread, every point kept. Of `mixed` one line of a hundred is a training's. Reads three times, so that the file is
//! in the page cache.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use signalbox_formats::{Progress, SourceSpec, open};
use signalbox_types::{Batch, Format};

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", dir, megabytes, kind] => write(Path::new(dir), megabytes.parse().unwrap_or(0) * 1_000_000, kind),
        ["read", dir] => {
            (0..3).for_each(|_| read(dir.into()));
            Ok(())
        }
        _ => {
            eprintln!("usage: console_speed write DIR MEGABYTES (xgboost|keras|mixed) | read DIR");
            std::process::exit(2)
        }
    }
}

fn write(dir: &Path, n_bytes: usize, kind: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let mut file = std::io::BufWriter::new(std::fs::File::create(dir.join("train.log"))?);
    let (mut written, mut i) = (0, 0_u32);
    while written < n_bytes {
        let value = 1.0 / f64::from(i + 1);
        let row = format!(
            "[{i}]\ttrain-rmse:{value:.5}\ttrain-mae:{value:.5}\tvalid-rmse:{value:.5}\tvalid-mae:{value:.5}\n"
        );
        let line = match kind {
            "keras" => {
                let bar = format!(
                    "\u{1b}[1m{}/100\u{1b}[0m \u{1b}[32m━━━━━━━━━━\u{1b}[0m 1s 19ms/step - loss: {value:.4}",
                    i % 100 + 1
                );
                let end = if i % 100 == 99 { format!("\nEpoch {}/1000000\n", i / 100 + 2) } else { "\u{8}".repeat(70) };
                format!("\r{bar}{end}")
            }
            "mixed" if i % 100 != 0 => {
                format!("2026-11-21 08:14:{:02},945 INFO worker-{i}: a batch of 64 images was loaded\n", i % 60)
            }
            _ => row,
        };
        written += line.len();
        file.write_all(line.as_bytes())?;
        i += 1;
    }
    file.flush()
}

fn read(dir: PathBuf) {
    let spec = SourceSpec { format: Format::Console, project: dir, rel: "train.log".into() };
    let mut reader = open(&spec, None);
    let (mut n_bytes, mut n_points, mut n_runs) = (0, 0, 0);
    let began = Instant::now();
    loop {
        let mut batch = Batch::default();
        let progress = reader.read(8 << 20, &mut batch);
        n_bytes += batch.bytes_read;
        n_points += batch.n_points;
        n_runs += batch.runs.iter().filter(|run| run.head.name.is_some()).count();
        if progress == Progress::CaughtUp {
            break;
        }
    }
    let secs = began.elapsed().as_secs_f64();
    println!("{:.0} MB/s: {n_bytes} bytes, {n_points} points, {n_runs} runs, {secs:.3} s", n_bytes as f64 / 1e6 / secs);
}
