//! What a run logged beside numbers, read when somebody looks at it: by file, and by the place of its record in it.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use signalbox_types::{Format, MediaItem, MediaKind};

use crate::SourceSpec;
use crate::place::{shown, stays_inside};

/// Larger ones are not read.
const MAX_BYTES: u64 = 64 << 20;

/// What an item holds.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaBody {
    /// A picture, sound or document as its writer encoded it: nobody has looked at whether it is one.
    Bytes(Vec<u8>),
    Text(String),
    Histogram(Histogram),
}

/// Counts between edges; all of one length. Buckets may be empty, of no width, and have gaps between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    pub lefts: Vec<f64>,
    pub rights: Vec<f64>,
    pub counts: Vec<f64>,
}

/// Why it cannot be shown, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaFault(pub String);

impl MediaFault {
    pub(crate) fn gone(part: &str) -> Self {
        Self(format!("{part} no longer has it where it was: the file was replaced, moved or cut since it was read."))
    }

    pub(crate) fn unreadable(path: &Path, e: &std::io::Error) -> Self {
        Self(format!("{} cannot be read: {e}.", shown(path)))
    }
}

/// Reads what an item of a source holds.
pub fn read_media(spec: &SourceSpec, item: &MediaItem) -> Result<MediaBody, MediaFault> {
    if !item.path.is_empty() {
        let bytes = read_file(spec, &item.path)?;
        return match item.kind {
            MediaKind::Text => Ok(MediaBody::Text(String::from_utf8_lossy(&bytes).into_owned())),
            _ => Ok(MediaBody::Bytes(bytes)),
        };
    }
    match spec.format {
        Format::Tensorboard => crate::tfevents::read_media(spec, item),
        Format::Wandb => crate::wandb::read_media(spec, item),
        _ => Err(MediaFault("This format keeps nothing of the kind.".into())),
    }
}

/// A file of the run's own, which lies in the project once every link is followed.
fn read_file(spec: &SourceSpec, path: &str) -> Result<Vec<u8>, MediaFault> {
    let name = Path::new(path);
    let failed = |e: std::io::Error| MediaFault::unreadable(name, &e);
    let full = spec.path().join(name);
    if !stays_inside(&spec.project, &full) {
        return Err(MediaFault(format!("{path} is not there, or leads out of the project.")));
    }
    let about = fs::metadata(&full).map_err(failed)?;
    // A pipe would keep its reader waiting.
    if !about.is_file() {
        return Err(MediaFault(format!("{path} is not a file.")));
    }
    if about.len() > MAX_BYTES {
        let limit = MAX_BYTES >> 20;
        return Err(MediaFault(format!("{path} has {} MiB; up to {limit} are shown.", about.len() >> 20)));
    }
    let mut bytes = Vec::new();
    File::open(&full).map_err(failed)?.take(MAX_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
