//! The event stream: what changed, merged until the next frame of the screen, to every subscriber.

use crate::wire::{Event, StatusLine};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// About thirty times a second.
const FRAME: Duration = Duration::from_millis(33);
/// More changed runs than this are "many": the page asks for all that it shows.
const MANY: usize = 500;

#[derive(Default)]
struct Pending {
    runs: BTreeMap<u32, (u32, Option<BTreeSet<u32>>)>,
    series: BTreeMap<u32, (BTreeSet<u32>, BTreeSet<String>, bool)>,
    problems: BTreeSet<u32>,
    projects: bool,
    status: Option<StatusLine>,
    /// How far long looks are, by their number: (done, of).
    works: BTreeMap<u32, (usize, usize)>,
    plain: Vec<Event>,
    closed: bool,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.runs.is_empty()
            && self.series.is_empty()
            && self.problems.is_empty()
            && !self.projects
            && self.status.is_none()
            && self.works.is_empty()
            && self.plain.is_empty()
    }

    fn drain(&mut self) -> Vec<Event> {
        let mut out = Vec::new();
        if std::mem::take(&mut self.projects) {
            out.push(Event::Projects);
        }
        for (project, (version, changed)) in std::mem::take(&mut self.runs) {
            out.push(Event::Runs { project, version, changed: changed.map(|c| c.into_iter().collect()) });
        }
        for (project, (runs, metrics, many)) in std::mem::take(&mut self.series) {
            let metrics = if many { Vec::new() } else { metrics.into_iter().collect() };
            out.push(Event::Series { project, runs: runs.into_iter().collect(), metrics });
        }
        out.extend(std::mem::take(&mut self.problems).into_iter().map(|project| Event::Problems { project }));
        out.extend(self.status.take().map(|status| Event::Status { status }));
        out.extend(std::mem::take(&mut self.works).into_iter().map(|(work, (done, of))| Event::Work {
            work,
            done,
            of,
        }));
        out.append(&mut self.plain);
        out
    }
}

/// Collects news and hands them on, a thread of its own.
pub(crate) struct Events {
    shared: Arc<(Mutex<Pending>, Condvar)>,
    subscribers: Arc<Mutex<Vec<SyncSender<Arc<str>>>>>,
}

impl Events {
    pub fn start() -> Self {
        let shared: Arc<(Mutex<Pending>, Condvar)> = Arc::default();
        let subscribers: Arc<Mutex<Vec<SyncSender<Arc<str>>>>> = Arc::default();
        let (thread_shared, thread_subscribers) = (shared.clone(), subscribers.clone());
        thread::Builder::new()
            .name("events".into())
            .spawn(move || pump(&thread_shared, &thread_subscribers))
            .expect("BUG: the system starts a thread");
        Self { shared, subscribers }
    }

    /// A receiver that falls 1,024 events behind is let go; it sees its channel end.
    pub fn subscribe(&self) -> Receiver<Arc<str>> {
        let (sender, receiver) = sync_channel(1024);
        lock(&self.subscribers).push(sender);
        receiver
    }

    fn with(&self, change: impl FnOnce(&mut Pending)) {
        change(&mut lock(&self.shared.0));
        self.shared.1.notify_one();
    }

    /// `changed: None` means many.
    pub fn runs(&self, project: u32, version: u32, changed: Option<&[u32]>) {
        self.with(|p| {
            let entry = p.runs.entry(project).or_insert_with(|| (version, Some(BTreeSet::new())));
            entry.0 = version;
            match (changed, &mut entry.1) {
                (Some(ids), Some(all)) if all.len() + ids.len() <= MANY => all.extend(ids),
                _ => entry.1 = None,
            }
        });
    }

    pub fn series(&self, project: u32, runs: impl IntoIterator<Item = u32>, metrics: impl IntoIterator<Item = String>) {
        self.with(|p| {
            let (all_runs, all_metrics, many) = p.series.entry(project).or_default();
            all_runs.extend(runs);
            if !*many {
                all_metrics.extend(metrics);
            }
            if all_metrics.len() > MANY {
                *many = true;
                all_metrics.clear();
            }
        });
    }

    pub fn problems(&self, project: u32) {
        self.with(|p| {
            p.problems.insert(project);
        });
    }

    pub fn projects(&self) {
        self.with(|p| p.projects = true);
    }

    pub fn status(&self, status: StatusLine) {
        self.with(|p| p.status = Some(status));
    }

    pub fn work(&self, work: u32, done: usize, of: usize) {
        self.with(|p| {
            p.works.insert(work, (done, of));
        });
    }

    /// Whether anybody listens.
    pub fn are_heard(&self) -> bool {
        !lock(&self.subscribers).is_empty()
    }

    pub fn plain(&self, event: Event) {
        self.with(|p| p.plain.push(event));
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.with(|p| p.closed = true);
    }
}

fn pump(shared: &(Mutex<Pending>, Condvar), subscribers: &Mutex<Vec<SyncSender<Arc<str>>>>) {
    loop {
        let events = {
            let mut pending = lock(&shared.0);
            while pending.is_empty() && !pending.closed {
                pending = shared.1.wait(pending).unwrap_or_else(std::sync::PoisonError::into_inner);
            }
            if pending.closed {
                return;
            }
            pending.drain()
        };
        // The first news goes out at once; what comes within the frame is merged into the next.
        for event in events {
            let text: Arc<str> = serde_json::to_string(&event).expect("BUG: events serialise").into();
            lock(subscribers).retain(|s| {
                !matches!(s.try_send(text.clone()), Err(TrySendError::Disconnected(_) | TrySendError::Full(_)))
            });
        }
        thread::sleep(FRAME);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_merged() {
        let events = Events::start();
        let receiver = events.subscribe();
        for i in 0..1000u32 {
            events.series(1, [i % 3], ["loss".to_owned()]);
            events.work(7, i as usize, 1000);
            events.runs(1, i, Some(&[i % 3]));
        }
        let wait = Duration::from_secs(5);
        let mut n = 0;
        let mut last_version = 0;
        while last_version < 999 {
            let text = receiver.recv_timeout(wait).expect("an event");
            n += 1;
            let event: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            if event["type"] == "runs" {
                last_version = event["version"].as_u64().expect("a version");
            }
        }
        assert!(n < 40, "{n} events for a burst of 3,000");
    }
}
