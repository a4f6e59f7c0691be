//! Which sources a project's folders show: told to the writing thread when they come, and when they stay away.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use signalbox_formats::SourceSpec;

use crate::list::Listed;
use crate::mail::Order;
use crate::source::Key;
use crate::survey::Survey;

impl Survey<'_> {
    pub fn show_sources(&mut self, rel: &Path, sources: &[Key], listed: &Listed) {
        for key in sources {
            self.missing.remove(key);
            let new = self.present.insert(key.clone(), rel.to_owned()).is_none();
            if !new {
                continue;
            }
            self.counts.sources += 1;
            let spec = SourceSpec { format: key.format, project: self.project.root.clone(), rel: key.rel.clone() };
            let bytes_left = listed.bytes_of(rel, &key.rel);
            self.mail.put_order(Order::Found { project: Arc::clone(self.project), spec, bytes_left });
        }
    }

    pub fn hide_sources<'k>(&mut self, rel: &Path, sources: impl Iterator<Item = &'k Key>) {
        for key in sources {
            if self.present.get(key).is_some_and(|dir| dir == rel) {
                self.missing.entry(key.clone()).or_insert_with(|| Instant::now() + self.options.gone_after);
            }
        }
    }

    /// Sources that stayed missing are gone.
    pub fn settle_missing(&mut self) {
        let now = Instant::now();
        let due: Vec<Key> = self.missing.iter().filter(|(_, at)| **at <= now).map(|(key, _)| key.clone()).collect();
        for key in due {
            self.lose(key);
        }
    }

    /// The source is gone for certain.
    pub fn lose(&mut self, key: Key) {
        self.missing.remove(&key);
        self.present.remove(&key);
        self.counts.sources = self.counts.sources.saturating_sub(1);
        self.mail.put_order(Order::Lost { project: Arc::clone(self.project), key });
    }
}
