//! Writes the input that we and the peers read: `bench-generate OUT RUNS STEPS [TAG…]` makes OUT/run-NNN with
//! one event file each, STEPS steps of every tag, framed and summed as torch writes them.

use signalbox_testkit::tfevents::write_scalars;
use std::fs::{File, create_dir_all};
use std::path::PathBuf;
use std::process::ExitCode;

const TAGS: [&str; 6] = ["train/loss", "train/acc", "val/loss", "val/acc", "optim/lr", "optim/grad_norm"];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let numbers = (args.get(1).and_then(|n| n.parse().ok()), args.get(2).and_then(|n| n.parse().ok()));
    let (Some(out), (Some(n_runs), Some(n_steps))) = (args.first(), numbers) else {
        eprintln!("usage: bench-generate OUT RUNS STEPS [TAG…]");
        return ExitCode::from(2);
    };
    let tags: Vec<&str> = if args.len() > 3 { args[3..].iter().map(String::as_str).collect() } else { TAGS.to_vec() };
    match generate(&PathBuf::from(out), n_runs, n_steps, &tags) {
        Ok(n_bytes) => {
            println!("{n_bytes}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cannot write below {out}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn generate(out: &std::path::Path, n_runs: u32, n_steps: i64, tags: &[&str]) -> std::io::Result<u64> {
    let mut n_bytes = 0;
    for i in 0..n_runs {
        let folder = out.join(format!("run-{i:03}"));
        create_dir_all(&folder)?;
        let file = File::create(folder.join(format!("events.out.tfevents.{}.bench.1.0", 1_795_000_000 + i)))?;
        n_bytes += write_scalars(file, tags, n_steps, false)?;
    }
    Ok(n_bytes)
}
