//! Tables of metrics: no panic, and cut anywhere and continued = read at once.

#![no_main]

#[path = "shared/logs.rs"]
mod logs;

use libfuzzer_sys::fuzz_target;
use signalbox_types::Format;

fuzz_target!(|file: &[u8]| logs::same_however_cut(
    file,
    &[Format::Csv, Format::KerasCsv, Format::LightningCsv, Format::Ultralytics]
));
