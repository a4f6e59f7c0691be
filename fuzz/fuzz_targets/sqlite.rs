//! The databases of MLflow, Optuna, Trackio and Aim: the file's bytes, and those of what lies beside it (`-wal`, Aim's
//! check-ins). See `shared/source.rs` for what must hold.

#![no_main]

#[path = "shared/source.rs"]
mod source;

use libfuzzer_sys::fuzz_target;
use signalbox_types::Format;
use source::Kind;

const KINDS: [Kind; 4] = [
    Kind::new(Format::MlflowSqlite, "mlflow.db"),
    Kind::new(Format::OptunaSqlite, "study.db"),
    Kind::new(Format::Trackio, "trackio/demo.db"),
    Kind { home: ".aim/", ..Kind::new(Format::Aim, "") },
];

fuzz_target!(|input: &[u8]| source::check(input, &KINDS));
