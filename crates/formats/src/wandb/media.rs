//! Pictures, tables, histograms…: an object with `_type` in the history. Nearly all of them name a file below `files/`;
//! a histogram stands in the record itself.
//!
//! `wandb/sdk/data_types/` says what each type's object holds. Since 0.18 the core writes the object's fields as nested
//! keys (`img._type`, `img.path`), which are put together here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path};

use serde_json::{Map, Value};
use signalbox_types::{MediaItem, MediaKind};

use super::record::{self, History, Record};
use crate::SourceSpec;
use crate::blocks::directory::News;
use crate::blocks::{Found, Framing, MAX_RECORD_BYTES};
use crate::jsonl::lenient;
use crate::media::{Histogram, MediaBody, MediaFault};
use crate::place;

/// More of one history record are not told.
const MAX_OF_RECORD: usize = 1_000;
/// Objects in objects are looked into so far.
const MAX_DEPTH: usize = 4;

/// Says where the media of a history record lie.
pub(super) fn tell(history: &History, (step, time): (i64, f64), news: &mut News) {
    let mut items = Vec::new();
    for (tag, object) in objects(history) {
        let Some(kind) = object.get("_type").and_then(Value::as_str).and_then(kind) else { continue };
        let files = files(&object);
        // Only a histogram needs no file.
        let files = if kind == MediaKind::Histogram { vec![Default::default()] } else { files };
        for ((path, caption), index) in files.into_iter().zip(0..) {
            let (tag, part, offset) = (tag.clone(), String::new(), news.offset);
            items.push(MediaItem { kind, tag, step, time, index, part, offset, path, caption });
        }
    }
    items.truncate(MAX_OF_RECORD);
    news.media.extend(items);
}

fn kind(type_name: &str) -> Option<MediaKind> {
    let begins = |prefix: &str| type_name.starts_with(prefix);
    Some(match type_name {
        "histogram" => MediaKind::Histogram,
        "plotly-file" => MediaKind::Figure,
        "table-file" => MediaKind::Table,
        _ if begins("image") => MediaKind::Image,
        _ if begins("video") => MediaKind::Video,
        _ if begins("audio") => MediaKind::Audio,
        _ if begins("html") => MediaKind::Html,
        "bokeh-file" | "object3D-file" | "molecule-file" => MediaKind::Other,
        // Parts of charts, references to artifacts.
        _ => return None,
    })
}

/// The objects of a record that have a type, by name.
fn objects(history: &History) -> BTreeMap<String, Map<String, Value>> {
    let mut found = BTreeMap::new();
    let owners: Vec<&str> = history.items.iter().filter_map(|item| item.name.strip_suffix("._type")).collect();
    for item in &history.items {
        let owner =
            owners.iter().find(|owner| item.name.strip_prefix(**owner).is_some_and(|rest| rest.starts_with('.')));
        if let Some(owner) = owner {
            let Ok(value) = lenient::parse(item.json) else { continue };
            let object: &mut Map<String, Value> = found.entry((*owner).to_owned()).or_default();
            object.insert(item.name[owner.len() + 1..].to_owned(), value);
        } else if item.json.first() == Some(&b'{') && memchr::memmem::find(item.json, b"\"_type\"").is_some() {
            let Ok(value) = lenient::parse(item.json) else { continue };
            collect(&item.name, value, 0, &mut found);
        }
    }
    found
}

fn collect(name: &str, value: Value, depth: usize, found: &mut BTreeMap<String, Map<String, Value>>) {
    let Value::Object(object) = value else { return };
    if object.contains_key("_type") {
        found.insert(name.to_owned(), object);
    } else if depth < MAX_DEPTH {
        for (key, inner) in object {
            collect(&place::clean_name(format!("{name}.{key}").as_bytes()), inner, depth + 1, found);
        }
    }
}

/// Paths of an object's files, relative to the run's folder, and their captions.
fn files(object: &Map<String, Value>) -> Vec<(String, String)> {
    let path = |value: &Value| place::plain_path(&format!("files/{}", value.as_str()?));
    let caption = |value: Option<&Value>| {
        value.and_then(Value::as_str).map_or_else(String::new, |text| place::clean_name(text.as_bytes()))
    };
    if let Some(one) = object.get("path").and_then(path) {
        return vec![(one, caption(object.get("caption")))];
    }
    if let Some(Value::Array(names)) = object.get("filenames") {
        let captions = object.get("captions");
        let named = names
            .iter()
            .enumerate()
            .filter_map(|(i, name)| Some((path(name)?, caption(captions.and_then(|captions| captions.get(i))))));
        return named.collect();
    }
    // `{"_type": "videos", "videos": [{"path": …}, …]}`, and so with sounds and pages.
    let lists = object.values().filter_map(Value::as_array).flatten().filter_map(Value::as_object);
    lists.filter_map(|one| Some((path(one.get("path")?)?, caption(one.get("caption"))))).collect()
}

/// What an item holds that stands in its record: a histogram.
pub(crate) fn read(spec: &SourceSpec, item: &MediaItem) -> Result<MediaBody, MediaFault> {
    let gone = || MediaFault::gone(&item.part);
    let is_name = Path::new(&item.part).components().all(|c| matches!(c, Component::Normal(_)));
    let path = spec.path().join(&item.part);
    if !is_name || !place::may_follow(&spec.project, &path) || !path.is_file() {
        return Err(gone());
    }
    let failed = |e: std::io::Error| MediaFault::unreadable(Path::new(&item.part), &e);
    let mut file = File::open(&path).map_err(failed)?;
    file.seek(SeekFrom::Start(item.offset)).map_err(failed)?;
    let (mut bytes, mut n_wanted) = (Vec::new(), 64 << 10);
    let message = loop {
        file.by_ref().take((n_wanted - bytes.len()) as u64).read_to_end(&mut bytes).map_err(failed)?;
        match Framing::default().next(&bytes, item.offset, &mut Vec::new()) {
            Found::Record { data, .. } => break data.into_owned(),
            Found::Wait if bytes.len() == n_wanted && n_wanted <= 2 * MAX_RECORD_BYTES => n_wanted *= 4,
            _ => return Err(gone()),
        }
    };
    let Ok((Record::History(history), _)) = record::decode(&message) else { return Err(gone()) };
    let object = objects(&history).remove(&item.tag).ok_or_else(gone)?;
    histogram(&object).map(MediaBody::Histogram).ok_or_else(gone)
}

/// `bins` (edges) or `packedBins` (the first edge, a width and how many), and `values` (counts).
fn histogram(object: &Map<String, Value>) -> Option<Histogram> {
    let numbers = |value: &Value| Some(value.as_array()?.iter().filter_map(lenient::number).collect::<Vec<f64>>());
    let counts = numbers(object.get("values")?)?;
    let edges = match object.get("bins").and_then(numbers) {
        Some(edges) => edges,
        None => {
            let field = |name: &str| {
                let nested = object.get("packedBins").and_then(|packed| packed.get(name));
                nested.or_else(|| object.get(&format!("packedBins.{name}"))).and_then(lenient::number)
            };
            let (first, width) = (field("min")?, field("size")?);
            (0..=counts.len()).map(|i| first + width * i as f64).collect()
        }
    };
    (edges.len() == counts.len() + 1).then(|| Histogram {
        lefts: edges[..counts.len()].to_vec(),
        rights: edges[1..].to_vec(),
        counts,
    })
}
