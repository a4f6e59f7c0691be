//! From one directory's listing: which sources it holds, and where else to look.

use signalbox_types::Format;

use self::peek::Peek;
use crate::{Descend, Listing, Recognised, SourceSpec, tfevents};

mod databases;
mod guild;
mod logs;
mod peek;
mod stores;

/// Which sources a directory holds. May open and read the head (at most 4 KiB) of few candidate files, and the
/// schema of SQLite databases that may be of a tool that we know; nothing else.
///
/// Call it again for a directory whenever a name in it comes, goes or changes (unless the name belongs to a source
/// that is known): a file that is empty or holds only a header today may be a log tomorrow. One file may change its
/// format meanwhile, say from `csv` to `keras_csv`: the later answer replaces the earlier one of the same path.
pub fn recognise(listing: &Listing) -> Recognised {
    let mut peek = Peek::new(listing);
    let (places, descend) = match stores::recognise(listing, &mut peek) {
        Some(found) => found,
        None => {
            let mut places = Vec::from_iter(guild::recognise(listing, &peek));
            if listing.entries.iter().any(|e| tfevents::is_event_file(&e.name, e.is_dir)) {
                places.push((Format::Tensorboard, listing.rel.to_path_buf()));
            }
            places.extend(databases::recognise(listing, &mut peek));
            places.extend(logs::recognise(listing, &mut peek));
            (places, guild::descend(listing, &peek).unwrap_or(Descend::All))
        }
    };
    let spec = |(format, rel)| SourceSpec { format, project: listing.project.to_path_buf(), rel };
    Recognised { sources: places.into_iter().map(spec).collect(), descend, peeked_bytes: peek.bytes }
}
