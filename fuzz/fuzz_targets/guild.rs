//! Guild AI's run directories. See `shared/source.rs` for what must hold.

#![no_main]

#[path = "shared/source.rs"]
mod source;

use libfuzzer_sys::fuzz_target;
use signalbox_types::Format;
use source::Kind;

const KINDS: [Kind; 1] = [Kind::new(Format::Guild, "run")];

fuzz_target!(|input: &[u8]| source::check(input, &KINDS));
