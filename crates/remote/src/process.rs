//! Programs that do not outlive us, nor do those which they have started: asked to end, then ended.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

/// So long a program may take to put away what it has half done: git its lock files.
const ENDS_ITSELF: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(5);

/// A program that leads a process group of its own.
pub struct Running(pub Child);

impl Running {
    /// Ends it, and what it has started, if it has not ended.
    pub fn stop(&mut self) {
        if self.has_ended() {
            return;
        }
        self.signal(Signal::Term);
        let until = Instant::now() + ENDS_ITSELF;
        while !self.has_ended() && Instant::now() < until {
            thread::sleep(TICK);
        }
        self.stop_rest();
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Ends what it has started and left behind.
    pub fn stop_rest(&self) {
        self.signal(Signal::Kill);
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(_)))
    }

    #[cfg(unix)]
    fn signal(&self, signal: Signal) {
        let signal = match signal {
            Signal::Term => rustix::process::Signal::TERM,
            Signal::Kill => rustix::process::Signal::KILL,
        };
        if let Some(group) = rustix::process::Pid::from_raw(self.0.id().cast_signed()) {
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    /// Here a process can only be ended, and is after it was waited for.
    #[cfg(not(unix))]
    fn signal(&self, _: Signal) {}
}

#[derive(Clone, Copy)]
enum Signal {
    Term,
    Kill,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    fn sh(script: &str, ready: &std::path::Path) -> Running {
        let script = format!("{script}; touch '{}'; while :; do sleep 0.05; done", ready.display());
        let running = Running(Command::new("sh").args(["-c", &script]).process_group(0).spawn().expect("a shell"));
        let until = Instant::now() + Duration::from_secs(60);
        while !ready.exists() {
            assert!(Instant::now() < until, "the shell does not begin");
            thread::sleep(TICK);
        }
        running
    }

    #[test]
    fn a_program_may_put_away_what_it_has_half_done_and_one_that_does_not_end_is_ended() {
        let dir = tempfile::tempdir().expect("a folder");
        let (half, ready) = (dir.path().join("half.lock"), dir.path().join("ready"));
        std::fs::write(&half, "").expect("written");
        drop(sh(&format!("trap 'rm {}; exit' TERM", half.display()), &ready));
        assert!(!half.exists(), "it was not asked");

        std::fs::remove_file(&ready).expect("removed");
        let mut deaf = sh("trap '' TERM", &ready);
        deaf.stop();
        assert!(deaf.has_ended());
    }
}
