//! How fast event files are read: `tfevents_speed write DIR STEPS [tensor]`, then `tfevents_speed read DIR`.
//!
//! One thread, checksums on, every point kept. Reads twice, so that the second time the file is in the page cache.

use std::path::{Path, PathBuf};
use std::time::Instant;

use signalbox_formats::{Progress, SourceSpec, open};
use signalbox_testkit::tfevents::write_scalars;
use signalbox_types::{Batch, Format};

const TAGS: [&str; 8] = [
    "train/loss",
    "train/accuracy",
    "train/learning_rate",
    "train/grad_norm",
    "val/loss",
    "val/accuracy",
    "system/gpu_utilisation",
    "system/samples_per_second",
];

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", dir, n_steps, ref kind @ ..] => {
            write(Path::new(dir), n_steps.parse().unwrap_or(0), kind == ["tensor"])
        }
        ["read", dir] => {
            for _ in 0..3 {
                read(dir.into());
            }
            Ok(())
        }
        _ => {
            eprintln!("usage: tfevents_speed write DIR STEPS [tensor] | read DIR");
            std::process::exit(2)
        }
    }
}

fn write(dir: &Path, n_steps: i64, as_tensors: bool) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let file = std::fs::File::create(dir.join("events.out.tfevents.1795000000.host.1.0"))?;
    let n_bytes = write_scalars(file, &TAGS, n_steps, as_tensors)?;
    println!("{n_bytes} bytes, {} points", n_steps * TAGS.len() as i64);
    Ok(())
}

fn read(dir: PathBuf) {
    let spec = SourceSpec { format: Format::Tensorboard, project: dir, rel: PathBuf::new() };
    let mut reader = open(&spec, None);
    let (mut n_bytes, mut n_points, mut n_problems) = (0, 0, 0);
    let began = Instant::now();
    loop {
        let mut batch = Batch::default();
        let progress = reader.read(8 << 20, &mut batch);
        n_bytes += batch.bytes_read;
        n_points += batch.n_points;
        n_problems += batch.problems.len();
        if progress == Progress::CaughtUp {
            break;
        }
    }
    let secs = began.elapsed().as_secs_f64();
    let (mb_s, points_s) = (n_bytes as f64 / 1e6 / secs, n_points as f64 / secs);
    println!(
        "{mb_s:.0} MB/s, {points_s:.3e} points/s: {n_bytes} bytes, {n_points} points, {n_problems} problems, {secs:.3} s"
    );
}
