//! MLflow's pictures over steps: no store lists them, they are listed from the run's artifacts when somebody looks.
//!
//! Their tags have negative numbers, of the run and of the key: the first key that the run logged a picture of is the
//! first, so that a number stays a key's while others come.

use std::path::Path;

use signalbox_formats::{LOGGED_IMAGES, LoggedImage, logged_images};
use signalbox_store::MediaRow;
use signalbox_types::{Format, MediaItem, MediaKind, RunId};

use crate::catalogue::{Catalogue, Run};
use crate::wire::MediaTagRow;

/// A page's numbers are exact up to 53 bits, a run's has 32.
const KEY_BITS: u32 = 20;

fn tag(run: RunId, key: usize) -> i64 {
    -(i64::from(run.0) << KEY_BITS | key as i64) - 1
}

/// The run of such a tag; `None` for one of the store's.
pub(crate) fn run_of(tag: i64) -> Option<RunId> {
    (tag < 0).then(|| RunId((-(tag + 1) >> KEY_BITS) as u32))
}

/// Where a run's artifacts lie, below its project, if MLflow says that there are pictures among them.
pub(crate) fn artifacts(record: &Run) -> Option<&str> {
    let is_mlflow = matches!(record.origin.format, Format::MlflowFile | Format::MlflowSqlite);
    let has_some = is_mlflow && record.row.tags.iter().any(|(key, _)| key == LOGGED_IMAGES);
    record.row.artifact_root.as_deref().filter(|_| has_some)
}

/// The pictures of a run, key by key.
fn keys(project: &Path, record: &Run) -> Vec<Vec<LoggedImage>> {
    let Some(artifacts) = artifacts(record) else { return Vec::new() };
    let images = logged_images(project, Path::new(artifacts));
    let mut keys: Vec<_> = images.chunk_by(|a, b| a.key == b.key).map(<[LoggedImage]>::to_vec).collect();
    keys.sort_by_cached_key(|images| images.iter().map(|i| (i.millis, i.key.clone())).min());
    keys.truncate(1 << KEY_BITS);
    keys
}

/// What a run's page lists of them.
pub(crate) fn tags(project: &Path, catalogue: &Catalogue, run: RunId) -> Vec<MediaTagRow> {
    let Some(record) = catalogue.record(run) else { return Vec::new() };
    let mut rows: Vec<MediaTagRow> = keys(project, record)
        .into_iter()
        .enumerate()
        .filter_map(|(at, images)| {
            let (first, last) = (images.first()?, images.last()?);
            Some(MediaTagRow {
                tag: tag(run, at),
                kind: MediaKind::Image,
                name: first.key.clone(),
                n: images.len() as u64,
                first_step: first.step,
                last_step: last.step,
            })
        })
        .collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows
}

/// The pictures of a tag; their files are below the run's artifacts.
pub(crate) fn rows(project: &Path, catalogue: &Catalogue, of: i64) -> Vec<MediaRow> {
    let record = run_of(of).and_then(|run| catalogue.record(run));
    let keys = record.map(|record| keys(project, record)).unwrap_or_default();
    let images = keys.into_iter().nth((-(of + 1) & ((1 << KEY_BITS) - 1)) as usize).unwrap_or_default();
    let mut index = 0;
    let mut before = None;
    let row = |image: LoggedImage| {
        index = if before == Some(image.step) { index + 1 } else { 0 };
        before = Some(image.step);
        let item = MediaItem {
            kind: MediaKind::Image,
            tag: image.key,
            step: image.step,
            time: image.millis as f64 / 1000.0,
            index,
            part: String::new(),
            offset: 0,
            path: image.path,
            caption: String::new(),
        };
        MediaRow { item, part: 0, kept: None }
    };
    images.into_iter().map(row).collect()
}

/// Whether a row is that of a step, part, index and offset.
pub(crate) fn is(row: &MediaRow, key: (i64, i64, u32, u64)) -> bool {
    (row.item.step, row.part, row.item.index, row.item.offset) == key
}
