//! Pictures, sounds, histograms and texts: which of them a value holds, and their bytes when they are looked at.
//!
//! `tensorboard/plugins/{image,audio,histogram}/metadata.py` say what their tensors hold; `tensorboard/data_compat.py`
//! how HistogramProto becomes one.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};

use signalbox_types::{MediaItem, MediaKind};

use super::event::{Event, Legacy, Value};
use super::file::MAX_RECORD_BYTES;
use super::frame::{Frame, Framing, HEADER_BYTES};
use super::names::{is_event_file, part_name};
use super::tensor::Tensor;
use crate::SourceSpec;
use crate::media::{Histogram, MediaBody, MediaFault};
use crate::place::clean_name;
use crate::protobuf::{Fields, Malformed, Wire};

/// More pictures or sounds of one value are not told.
const MAX_OF_VALUE: usize = 64;
/// Edges beyond it stand for none.
const MAX_EDGE: f64 = 1e300;
/// An image tensor begins with width and height.
const SIZES: usize = 2;

/// What a tensor of a plugin holds, and how many.
pub(super) fn in_tensor(plugin: &str, tensor: &Tensor<'_>) -> Option<(MediaKind, u32)> {
    let strings = || tensor.strings().take(2 * MAX_OF_VALUE).count();
    let (kind, n) = match plugin {
        "images" => (MediaKind::Image, strings().saturating_sub(SIZES)),
        // [k, 2]: the sound and its label. The newest writers leave the labels out.
        "audio" => (MediaKind::Audio, strings() / stride(tensor)),
        "histograms" => (MediaKind::Histogram, usize::from(tensor.last_size() == 3 || tensor.n_elements() == Some(0))),
        _ => return None,
    };
    (n > 0).then_some((kind, n.min(MAX_OF_VALUE) as u32))
}

fn stride(tensor: &Tensor<'_>) -> usize {
    if tensor.rank() == 2 && tensor.last_size() == 2 { 2 } else { 1 }
}

/// What an item told of holds.
pub(crate) fn read(spec: &SourceSpec, item: &MediaItem) -> Result<MediaBody, MediaFault> {
    let directory = spec.path();
    let listed = fs::read_dir(&directory).map_err(|e| MediaFault::unreadable(&spec.rel, &e))?;
    let name = listed
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .find(|name| is_event_file(name, false) && part_name(name) == item.part)
        .ok_or_else(|| MediaFault::gone(&item.part))?;
    let record = record(&directory.join(name), item)?;
    let event = Event::parse(&record[HEADER_BYTES..record.len() - 4]).map_err(|_| MediaFault::gone(&item.part))?;
    let mut found = None;
    let walked = event.each_value(|value| {
        if found.is_none() && clean_name(value.tag) == item.tag {
            found = body(value, item)?;
        }
        Ok(())
    });
    found.filter(|_| walked.is_ok() && event.step == item.step).ok_or_else(|| MediaFault::gone(&item.part))
}

/// The record at the item's place, with its framing; its checksums hold.
fn record(path: &std::path::Path, item: &MediaItem) -> Result<Vec<u8>, MediaFault> {
    let failed = |e: std::io::Error| MediaFault::unreadable(path.file_name().unwrap_or_default().as_ref(), &e);
    // A pipe would keep its reader waiting.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(MediaFault::gone(&item.part));
    }
    let mut file = File::open(path).map_err(failed)?;
    file.seek(SeekFrom::Start(item.offset)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut bytes).map_err(failed)?;
    let n_needed = match Framing::default().frame(&bytes) {
        Frame::Short { n_needed } if n_needed <= MAX_RECORD_BYTES => n_needed,
        _ => return Err(MediaFault::gone(&item.part)),
    };
    file.take(n_needed - bytes.len() as u64).read_to_end(&mut bytes).map_err(failed)?;
    match Framing::default().frame(&bytes) {
        Frame::Record { .. } => Ok(bytes),
        _ => Err(MediaFault::gone(&item.part)),
    }
}

fn body(value: Value<'_>, item: &MediaItem) -> Result<Option<MediaBody>, Malformed> {
    let at = item.index as usize;
    let bytes = |bytes: &[u8]| Some(MediaBody::Bytes(bytes.to_vec()));
    Ok(match (item.kind, value.legacy, value.tensor) {
        (MediaKind::Image, Some(Legacy::Image(image)), _) => bytes(message_field(image, 4)?),
        (MediaKind::Audio, Some(Legacy::Audio(audio)), _) => bytes(message_field(audio, 4)?),
        (MediaKind::Histogram, Some(Legacy::Histogram(histogram)), _) => {
            Some(MediaBody::Histogram(of_message(histogram)?))
        }
        (kind, None, Some(tensor)) => {
            let tensor = Tensor::parse(tensor)?;
            match kind {
                MediaKind::Image => tensor.strings().nth(SIZES + at).and_then(bytes),
                MediaKind::Audio => tensor.strings().nth(at * stride(&tensor)).and_then(bytes),
                MediaKind::Text => tensor.text().map(MediaBody::Text),
                MediaKind::Histogram => Some(MediaBody::Histogram(of_rows(&tensor.floats()))),
                _ => None,
            }
        }
        _ => None,
    })
}

fn message_field(message: &[u8], wanted: u64) -> Result<&[u8], Malformed> {
    let mut fields = Fields::new(message);
    let mut found: &[u8] = &[];
    while let Some((number, value)) = fields.next()? {
        if number == wanted {
            found = value.bytes();
        }
    }
    Ok(found)
}

/// Rows of left edge, right edge and count.
fn of_rows(rows: &[f64]) -> Histogram {
    let (rows, _) = rows.as_chunks::<3>();
    Histogram {
        lefts: rows.iter().map(|row| row[0]).collect(),
        rights: rows.iter().map(|row| row[1]).collect(),
        counts: rows.iter().map(|row| row[2]).collect(),
    }
}

/// HistogramProto { min = 1, max = 2, bucket_limit = 6 (right edges), bucket = 7 (counts) }.
fn of_message(message: &[u8]) -> Result<Histogram, Malformed> {
    let (mut min, mut max, mut limits, mut counts) = (0.0, 0.0, Vec::new(), Vec::new());
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        let list = match number {
            1 => {
                min = value.double();
                continue;
            }
            2 => {
                max = value.double();
                continue;
            }
            6 => &mut limits,
            7 => &mut counts,
            _ => continue,
        };
        match value {
            Wire::Bytes(packed) => list.extend(packed.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b))),
            Wire::Fixed64(bits) => list.push(f64::from_bits(bits)),
            _ => {}
        }
    }
    let n = limits.len().min(counts.len());
    let mut histogram = Histogram::default();
    for at in 0..n {
        // What lies before the first edge: nothing, by all of today's writers, and TensorBoard leaves it out.
        let left = if at == 0 { min } else { limits[at - 1] };
        if at > 0 || counts[0] > 0.0 {
            // TensorFlow 1 wrote ±1.8e308 for "no edge".
            histogram.lefts.push(if left <= -MAX_EDGE { min } else { left });
            histogram.rights.push(if limits[at] >= MAX_EDGE { max } else { limits[at] });
            histogram.counts.push(counts[at]);
        }
    }
    Ok(histogram)
}
