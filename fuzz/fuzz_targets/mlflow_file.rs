//! MLflow's file stores: a run's directory, and the model registry. See `shared/source.rs` for what must hold.

#![no_main]

#[path = "shared/source.rs"]
mod source;

use libfuzzer_sys::fuzz_target;
use signalbox_types::Format;
use source::Kind;

const KINDS: [Kind; 2] = [
    Kind {
        grows: |path| path.contains("/metrics/"),
        ..Kind::new(Format::MlflowFile, "mlruns/0/40b508a0e85a4d008518a68b99e843d0")
    },
    Kind::new(Format::MlflowFileRegistry, "mlruns/models"),
];

fuzz_target!(|input: &[u8]| source::check(input, &KINDS));
