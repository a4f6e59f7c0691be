//! DVC's experiments in git: refs, packed refs, commits, trees and blobs. See `shared/source.rs` for what must hold.
//!
//! In the input a loose object stands unpacked: a changed byte of a zlib stream would be nothing but a damaged stream.
//! One that begins as such a stream does is written as it stands. Objects are found by their names alone, so any name does.

#![no_main]

#[path = "shared/source.rs"]
mod source;

use std::io::Write;

use libfuzzer_sys::fuzz_target;
use signalbox_types::Format;
use source::Kind;

const KINDS: [Kind; 1] = [Kind { home: ".git/", written: packed, ..Kind::new(Format::DvcExperiments, "") }];

fuzz_target!(init: mute_gitoxide(), |input: &[u8]| source::check(input, &KINDS));

fn packed(path: &str, bytes: &[u8]) -> Vec<u8> {
    let is_object =
        path.strip_prefix(".git/objects/").is_some_and(|name| name.len() == 41 && name.as_bytes()[2] == b'/');
    if !is_object || bytes.first() == Some(&0x78) {
        return bytes.to_vec();
    }
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(bytes).and_then(|()| zlib.finish()).expect("BUG: a vector takes all")
}

/// Gitoxide's panics are caught where it is called (`objects.rs`), and are no finding; ours are.
fn mute_gitoxide() {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|at| at.file().contains("/gix-")) {
            abort(panic);
        }
    }));
}
