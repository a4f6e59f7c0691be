//! What the records of a run say together.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox_types::{Batch, MediaItem, MediaKind, Status, bare_address};

use super::record::{self, Finish, Record, Start};
use crate::{
    SourceSpec,
    blocks::{
        Fault,
        directory::{News, Records},
        file::Preamble,
        side_files::{self, SideFiles},
    },
    place,
};

/// More metrics of one run are not read.
const MAX_NAMES: usize = 20_000;
/// What SwanLab puts before the names of the hardware's own columns.
const SYSTEM_PREFIX: &str = "__swanlab__.";

/// Kept in the cursor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RunState {
    /// Metrics that have points, by their keys.
    #[serde(rename = "n")]
    names: BTreeSet<String>,
    /// Keys of the hardware's columns.
    #[serde(rename = "s")]
    system: BTreeSet<String>,
    #[serde(rename = "f")]
    is_full: bool,
    /// The training process and its host, by the metadata.
    #[serde(rename = "p")]
    process: Option<(u32, String)>,
    #[serde(rename = "t")]
    is_pid_told: bool,
}

impl Records for RunState {
    const PREAMBLE: Preamble = Preamble { magic: *b":SWL\xd6\xe1", version: 2 };
    const SUFFIX: &str = ".swanlab";
    const TAGS: &str = "swanlab.";

    fn take(&mut self, message: &[u8], news: &mut News) -> Result<(), Fault> {
        match record::decode(message).map_err(|_| Fault::Malformed)? {
            Record::Start(start) => take_start(*start, news),
            Record::Finish(finish) => take_finish(&finish, news),
            Record::Column { key, is_system } => {
                if is_system && self.system.len() < MAX_NAMES {
                    self.system.insert(key);
                }
            }
            Record::Scalar { key, point } => {
                if !self.names.contains(&key) {
                    if self.names.len() >= MAX_NAMES {
                        let is_told = std::mem::replace(&mut self.is_full, true);
                        return if is_told { Ok(()) } else { Err(Fault::TooManyNames) };
                    }
                    self.names.insert(key.clone());
                }
                let series = match self.system.contains(&key) {
                    true => news.series.number(&format!("system/{}", key.strip_prefix(SYSTEM_PREFIX).unwrap_or(&key))),
                    false => news.series.number(&key),
                };
                news.series.push(series, point);
            }
            Record::Media { key, step, time, column_type, files } => {
                tell_media((&key, step, time), column_type, files, news);
            }
            Record::Other => {}
        }
        Ok(())
    }

    fn take_files(&mut self, files: &mut SideFiles, spec: &SourceSpec, news: &mut News, batch: &mut Batch) {
        if let Some(config) = files.yaml(spec, "files/config.yaml", "parameters", batch) {
            news.params.extend(side_files::config(config, |_| false));
        }
        if let Some(metadata) = files.json(spec, "files/swanlab-metadata.json", "host", batch) {
            self.take_metadata(&metadata, news);
        }
    }

    fn pid(&mut self, _files: &mut SideFiles, _spec: &SourceSpec, our_host: &str, _batch: &mut Batch) -> Option<u32> {
        let (pid, _) = self.process.as_ref().filter(|(_, host)| host == our_host && !self.is_pid_told)?;
        self.is_pid_told = true;
        Some(*pid)
    }
}

impl RunState {
    /// Takes `swanlab-metadata.json`. The command line may hold secrets and is left out.
    fn take_metadata(&mut self, metadata: &Value, news: &mut News) {
        let text = |value: &Value| value.as_str().map_or_else(String::new, |s| place::clean_name(s.as_bytes()));
        let (runtime, git) = (&metadata["runtime"], &metadata["git"]);
        let host = text(&runtime["hostname"]);
        let pid = runtime["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0);
        self.process = pid.filter(|_| !host.is_empty()).map(|pid| (pid, host.clone()));
        news.tag("host", host);
        news.tag("python", text(&runtime["python_version"]));
        news.tag("git.remote", bare_address(&text(&git["remote_url"])));
        news.tag("git.branch", text(&git["branch"]));
        news.tag("git.commit", text(&git["commit"]));
    }
}

/// Where SwanLab puts the files of a column type, and what they are.
fn folder(column_type: i64) -> Option<(&'static str, MediaKind)> {
    Some(match column_type {
        2 => ("image", MediaKind::Image),
        3 => ("audio", MediaKind::Audio),
        4 => ("text", MediaKind::Text),
        5 => ("video", MediaKind::Video),
        6 => ("echarts", MediaKind::Other),
        7 => ("object3d", MediaKind::Other),
        8 => ("molecule", MediaKind::Other),
        9 => ("html", MediaKind::Html),
        _ => return None,
    })
}

fn tell_media((tag, step, time): (&str, i64, f64), column_type: i64, files: Vec<(String, String)>, news: &mut News) {
    let Some((folder, kind)) = folder(column_type) else { return };
    let offset = news.offset;
    for ((name, caption), index) in files.into_iter().zip(0..) {
        let Some(path) = place::plain_path(&format!("media/{folder}/{name}")) else { continue };
        let (tag, part) = (tag.to_owned(), String::new());
        news.media.push(MediaItem { kind, tag, step, time, index, part, offset, path, caption });
    }
}

fn take_start(start: Start, news: &mut News) {
    if !start.name.is_empty() {
        news.head.name = Some(start.name);
    }
    if !start.project.is_empty() {
        news.head.experiment = Some(start.project);
    }
    news.head.started = start.started.or(news.head.started);
    news.tag("description", start.description);
    news.tag("tags", start.tags.join(", "));
    news.tag("group", start.group);
    news.tag("job_type", start.job_type);
}

fn take_finish(finish: &Finish, news: &mut News) {
    news.head.status = match finish.state {
        1 => Some(Status::Finished),
        2 => Some(Status::Failed),
        3 => Some(Status::Killed),
        // "Running", or a state of a later version.
        _ => return,
    };
    news.head.ended = finish.ended.map(Some);
}
