//! Reading a folder, with a bar for whoever watches.

use std::path::Path;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use signalbox_app::{CallError, Offline, ReadProgress};

use crate::failure::Failure;

/// Reads all that is at `path`.
pub fn read(path: &Path) -> Result<Offline, Failure> {
    with_bar(path, |progress| Offline::read(path, progress))
}

/// The bar is on stderr, only on a terminal, and gone at the end.
pub fn with_bar<T>(
    path: &Path,
    read: impl FnOnce(&dyn Fn(ReadProgress)) -> Result<T, CallError>,
) -> Result<T, Failure> {
    let bar = ProgressBar::new_spinner();
    // indicatif draws nothing where stderr is no terminal.
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar.enable_steady_tick(Duration::from_millis(100));
    let looking = ProgressStyle::with_template("{spinner} {msg}").expect("BUG: a template");
    let reading = ProgressStyle::with_template("{bar:24} {percent:>3}% {msg}").expect("BUG: a template");
    bar.set_style(looking);
    bar.set_message(format!("looking through {}", path.display()));
    let progress = |p: ReadProgress| {
        if p.scanned && p.bytes_total > 0 {
            bar.set_style(reading.clone());
            bar.set_length(p.bytes_total);
            bar.set_position(p.bytes.min(p.bytes_total));
        }
        bar.set_message(words(&p));
    };
    let result = read(&progress);
    bar.finish_and_clear();
    Ok(result?)
}

fn words(p: &ReadProgress) -> String {
    if p.scanned {
        let (points, bytes) = (HumanCount(p.points), HumanBytes(p.bytes));
        format!("{} sources, {points} points, {bytes}", HumanCount(p.sources))
    } else {
        format!("{} files looked at, {} sources found", HumanCount(p.files), HumanCount(p.sources))
    }
}
