//! `signalbox store`, `forget` and `compact`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct Store {
    /// A project's folder: its largest runs and metrics. It need not be there any more
    pub path: Option<PathBuf>,
    /// Print one JSON document: {"path", "bytes", "parts": […], "projects": […], "compact": {…}}
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Forget {
    /// The project's folder. It need not be there any more; it is never written to
    pub path: PathBuf,
    /// Only runs that are gone from the disk, as the watcher saw it last
    #[arg(long)]
    pub gone: bool,
    /// Do it. Without this, what would be done is printed, and nothing is
    #[arg(long)]
    pub yes: bool,
    /// Before, write your own words (names, notes, tags, colours, joins) to a new file, as JSON
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// Print the plan as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Compact {
    /// Print {"before_bytes", "after_bytes", "left_bytes", "is_later"}
    #[arg(long)]
    pub json: bool,
}
