//! Ray Tune's experiments: reports, parameters, states. See `shared/source.rs` for what must hold.

#![no_main]

#[path = "shared/source.rs"]
mod source;

use libfuzzer_sys::fuzz_target;
use signalbox_types::Format;
use source::Kind;

const KINDS: [Kind; 1] = [Kind { grows: |path| path.ends_with("/result.json"), ..Kind::new(Format::RayTune, "exp") }];

fuzz_target!(|input: &[u8]| source::check(input, &KINDS));
