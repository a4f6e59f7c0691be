//! One event file from any byte source: for tests, benches and the fuzzer, which have no directory.

use std::io::{self, Read, Seek};

use serde::{Deserialize, Serialize};
use signalbox_types::{Batch, Cursor};

use super::file::{Context, EventFile};
use super::news::News;
use super::tags::{Kind, Tags};
use crate::Progress;

/// Reads one event file as the reader of a directory reads each of its files.
#[derive(Debug, Default)]
pub struct EventStream {
    file: EventFile,
    tags: Tags,
}

#[derive(Serialize, Deserialize)]
struct Saved(EventFile, Vec<(String, Kind)>);

impl EventStream {
    /// A stream that stands where `cursor` says; `None` if it is not a stream's cursor.
    pub fn reopen(cursor: &Cursor) -> Option<Self> {
        let Saved(file, tags) = serde_json::from_str(&cursor.0).ok()?;
        file.is_sound(tags.len()).then(|| Self { file, tags: Tags::from_saved(tags) })
    }

    /// Where the stream stands.
    pub fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(&Saved(self.file.clone(), self.tags.to_saved())).unwrap_or_default())
    }

    /// Whether `src` still begins with what was read of it.
    pub fn is_same(&self, src: &mut (impl Read + Seek), size: u64) -> io::Result<bool> {
        self.file.is_same(src, size)
    }

    /// Reads on: about `budget_bytes`, at least one record. The part and path in the batch are empty.
    pub fn read(
        &mut self,
        src: &mut (impl Read + Seek),
        size: u64,
        budget_bytes: usize,
        batch: &mut Batch,
    ) -> io::Result<Progress> {
        let mut news = News::default();
        let mut cx = Context { part: "", path: "", tags: &mut self.tags, news: &mut news };
        let progress = self.file.read(src, size, &mut budget_bytes.max(1), &mut cx);
        news.hand_on(batch, false);
        progress
    }
}
