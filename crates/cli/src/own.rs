//! The user's own data: what `serve` and the commands of promotions work on.

use std::path::{Path, PathBuf};

use signalbox_app::{App, Options};

use crate::failure::Failure;

pub fn open(data_dir: Option<PathBuf>) -> Result<App, Failure> {
    Ok(App::open(Options {
        demo_path: signalbox_app::demo_path(),
        keeper: signalbox_app::own_program(),
        ..Options::alone(folder(data_dir)?, env!("CARGO_PKG_VERSION"))
    })?)
}

/// The user's data folder, or the one that was said.
fn folder(said: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let none = || Failure::System("no home folder is known; say where with --data-dir".into());
    match said {
        Some(dir) => absolute(&dir),
        None => signalbox_app::data_dir().ok_or_else(none),
    }
}

pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|e| Failure::System(format!("{}: {e}", path.display())))
}
