//! `signalbox open`: the window, which is a program of its own beside this one.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::arguments::Open;
use crate::failure::{Failure, Outcome};

const WINDOW: &str = if cfg!(windows) { "signalbox-desktop.exe" } else { "signalbox-desktop" };

pub fn run(arguments: &Open, data_dir: Option<PathBuf>) -> Result<Outcome, Failure> {
    let program = beside().ok_or_else(|| {
        let message = format!("The window's program, {WINDOW}, does not lie beside this one.");
        Failure::System(format!("{message} `signalbox serve` shows the same in a browser."))
    })?;
    let no_display = ["DISPLAY", "WAYLAND_DISPLAY"].iter().all(|v| std::env::var_os(v).is_none_or(|v| v.is_empty()));
    if cfg!(target_os = "linux") && no_display {
        return Err(Failure::System("There is no display here. `signalbox serve` shows the same in a browser.".into()));
    }
    let mut command = Command::new(program);
    if let Some(dir) = data_dir {
        command.arg("--data-dir").arg(dir);
    }
    command.arg("--").args(&arguments.paths);
    start(command)
}

fn beside() -> Option<PathBuf> {
    let here = std::env::current_exe().ok()?;
    let program = here.parent().unwrap_or(Path::new(".")).join(WINDOW);
    program.is_file().then_some(program)
}

/// The window takes this process's place, so that a terminal's Ctrl-C and exit code are the window's.
#[cfg(unix)]
fn start(mut command: Command) -> Result<Outcome, Failure> {
    use std::os::unix::process::CommandExt;
    Err(Failure::System(format!("the window cannot be started: {}", command.exec())))
}

#[cfg(not(unix))]
fn start(mut command: Command) -> Result<Outcome, Failure> {
    match command.status() {
        Ok(status) if status.success() => Ok(Outcome::Done),
        Ok(status) => Err(Failure::System(format!("the window ended with {status}"))),
        Err(e) => Err(Failure::System(format!("the window cannot be started: {e}"))),
    }
}
