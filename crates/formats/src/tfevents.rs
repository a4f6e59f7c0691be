//! TensorBoard event files: scalars in every encoding that writers have used, texts and hyper-parameters.
//!
//! FORMATS.md section 3 is the source. A run is a directory; each event file in it is a part, and parts are
//! ordered by name. Every point is kept, repeated and rewound steps too. Of texts, histograms, images and audio it is
//! told where they lie; what is of no plugin known here (graphs, meshes) is counted in the tag `tensorboard.plugins`.
//!
//! Status is left to who sees the run grow: the format has none, and the hparams plugin's "success" is written at
//! once by most of its writers; only TensorFlow's is believed.
//!
//! From the bytes up: `frame` (TFRecord), `crate::protobuf`, `event`, `tensor` and `hparams` (messages), `take`
//! (what is kept of them), `media` (what is read when it is looked at), `file` (one file's state), `directory` (the run).

mod directory;
mod event;
mod file;
mod frame;
mod hparams;
mod media;
mod names;
mod news;
mod stream;
mod tags;
mod take;
mod tensor;

pub use directory::EventDirectory;
pub(crate) use media::read as read_media;
pub use names::is_event_file;
pub use stream::EventStream;

use signalbox_types::Cursor;

use crate::{Reader, SourceSpec};

/// The reader of a directory of event files.
pub fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Box<dyn Reader> {
    Box::new(EventDirectory::open(spec, cursor, &crate::our_host()))
}
