//! Weights & Biases: one run's directory below `wandb/`, online or offline.
//!
//! FORMATS.md section 4 is the source; field numbers are those of `wandb_internal.proto`. The `.wandb` file is read
//! where there is one; `files/` adds what an SDK that has not flushed holds back, and is all there is of runs whose
//! `.wandb` was not kept. Of media it is told where they lie.
//!
//! Names are those of W&B's page: nested keys joined with `.`, of an image or a table none.
//!
//! From the bytes up: `crate::blocks` (framing and the reader), `crate::protobuf`, `record` (messages), `run` (what
//! they say together), `media` (what is read when it is looked at), `summary`, `files` (beside the `.wandb` file).

mod files;
mod media;
mod record;
mod run;
mod summary;

pub(crate) use media::read as read_media;
pub(crate) use run::RunState;
