//! From one directory's listing: which sources it holds, and where else to look.

use signalbox_types::Format;

use crate::{Descend, Listing, Recognised, SourceSpec};

/// Which sources a directory holds. May open and read the head (at most 4 KiB) of few candidate files, nothing else.
///
/// Call it again for a directory when a name in it comes, goes or changes: a file that is empty or has
/// only a header today may be a log tomorrow.
pub fn recognise(listing: &Listing) -> Recognised {
    let mut sources = Vec::new();
    let has_event_files =
        listing.entries.iter().any(|e| !e.is_dir && e.name.as_encoded_bytes().windows(8).any(|w| w == b"tfevents"));
    if has_event_files {
        sources.push(SourceSpec {
            format: Format::Tensorboard,
            project: listing.project.to_path_buf(),
            rel: listing.rel.to_path_buf(),
        });
    }
    Recognised { sources, descend: Descend::All, peeked_bytes: 0 }
}
