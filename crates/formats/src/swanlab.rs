//! SwanLab: one run's directory below `swanlog/`, framed as W&B's is.
//!
//! FORMATS.md section 15 is the source; field numbers are those of `swanlab.record.v1`. Hyper-parameters stand in
//! `files/config.yaml`, where the run was trained in `files/swanlab-metadata.json`. Python buffers the file: of a
//! short run it is empty until the end. Media and console output are not read yet.

mod record;
mod run;

pub(crate) use run::RunState;
