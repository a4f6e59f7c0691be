//! What lies in `files/` and `logs/` beside the `.wandb` file.
//!
//! Before 0.31 the SDK holds records back until 32 KiB are full; online it writes these files meanwhile. What the
//! `.wandb` file says later replaces what they say.

use serde_json::Value;
use signalbox_types::Batch;

use super::{
    record::{Environment, Git},
    run::{RunState, is_internal},
};
use crate::{
    SourceSpec,
    blocks::{
        directory::News,
        side_files::{self, SideFiles},
    },
    place,
    text::clock,
};

/// The process is named in each line of the SDK's own log.
const LOG_BYTES: u64 = 4 << 10;

impl RunState {
    /// Reads what changed.
    pub(super) fn read_files(&mut self, files: &mut SideFiles, spec: &SourceSpec, news: &mut News, batch: &mut Batch) {
        let config = files.yaml(spec, "files/config.yaml", "parameters", batch);
        if let Some(config) = config.filter(|_| !self.has_run) {
            news.params.extend(side_files::config(config, is_internal));
        }
        if let Some(metadata) = files.json(spec, "files/wandb-metadata.json", "host and program", batch) {
            self.take_environment(environment(&metadata), news);
        }
        if let Some(summary) = files.json(spec, "files/wandb-summary.json", "last values", batch) {
            self.take_summary_file(&summary);
        }
    }

    /// The process that trains, by the SDK's own log, if it ran here.
    pub(super) fn read_pid(
        &mut self,
        files: &mut SideFiles,
        spec: &SourceSpec,
        our_host: &str,
        batch: &mut Batch,
    ) -> Option<u32> {
        if self.pid.is_some() || self.host.is_empty() || self.host != our_host {
            return None;
        }
        self.pid = pid_in(&files.head(spec, "logs/debug.log", LOG_BYTES, batch)?);
        self.pid
    }
}

fn environment(metadata: &Value) -> Environment {
    let text = |value: &Value| value.as_str().map_or_else(String::new, |s| place::clean_name(s.as_bytes()));
    let of = |key: &str| text(&metadata[key]);
    let git = &metadata["git"];
    Environment {
        python: of("python"),
        program: of("program"),
        host: of("host"),
        user: of("username"),
        started: metadata["startedAt"].as_str().and_then(clock::unix_of_iso),
        git: Git { remote: text(&git["remote"]), commit: text(&git["commit"]) },
    }
}

/// From `... INFO    MainThread:7636 [wandb_setup.py:...`.
fn pid_in(log: &[u8]) -> Option<u32> {
    const WORD: &[u8] = b"MainThread:";
    let at = memchr::memmem::find(log, WORD)? + WORD.len();
    let digits = log[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    std::str::from_utf8(&log[at..at + digits]).ok()?.parse().ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_in_the_log() {
        assert_eq!(pid_in(b"2026 INFO    MainThread:7636 [wandb_setup.py]"), Some(7636));
        assert_eq!(pid_in(b"MainThread:x"), None);
        assert_eq!(pid_in(b"MainThread:99999999999"), None);
        assert_eq!(pid_in(b""), None);
    }
}
