//! Bytes to records, one module per run format, resumable, no opinion on storage.
//!
//! [`recognise()`] tells from one directory's listing which sources lie in it, [`open()`] gives the reader of
//! one source. Readers are synchronous, hold no lock between two reads and never write beside what they read.

mod aim;
mod anew;
mod api;
mod blocks;
mod bounded;
mod catboost;
mod console;
mod deltas;
mod dvc_experiments;
mod dvclive;
mod guild;
mod hf_trainer;
mod hydra;
mod json_params;
mod jsonl;
mod leaves;
mod log;
mod media;
mod mlflow;
mod optuna;
mod params;
mod place;
mod protobuf;
mod ray_tune;
mod recognise;
mod rewritten;
mod sacred;
mod secret;
mod sqlite;
mod stamp;
mod swanlab;
mod table;
mod text;
mod tfevents;
mod trackio;
mod trouble;
mod wandb;
mod yaml;

pub use api::{Descend, Entry, Listing, Progress, Reader, Recognised, SourceSpec};
pub use log::parse_log;
pub use media::{Histogram, MediaBody, MediaFault, read_media};
pub use mlflow::images::{LOGGED_IMAGES, LoggedImage, logged_images};
pub use place::uri_path;
pub use recognise::{may_be_console_log, recognise};
pub use secret::line_holds_secret;
pub use tfevents::{EventDirectory, EventStream, is_event_file};

use blocks::directory::RunDirectory;
use signalbox_types::{Cursor, Format};

/// The reader of a source, from where `cursor` says; a cursor that it cannot understand means from the beginning.
pub fn open(spec: &SourceSpec, cursor: Option<&Cursor>) -> Box<dyn Reader> {
    match spec.format {
        Format::Tensorboard => tfevents::open(spec, cursor),
        Format::Dvclive => Box::new(dvclive::Live::open(spec, cursor)),
        Format::DvcExperiments => Box::new(dvc_experiments::Experiments::open(spec, cursor)),
        Format::Aim => Box::new(aim::Repo::open(spec, cursor)),
        Format::Sacred => Box::new(sacred::RunDir::open(spec, cursor)),
        Format::HfTrainer => Box::new(hf_trainer::OutputDir::open(spec, cursor)),
        Format::RayTune => Box::new(ray_tune::Experiment::open(spec, cursor)),
        Format::Catboost => Box::new(catboost::TrainDir::open(spec, cursor)),
        Format::LightningCsv | Format::KerasCsv | Format::Ultralytics | Format::Csv => {
            Box::new(log::LogReader::<table::Table>::open(spec, cursor))
        }
        Format::MlflowFile => Box::new(mlflow::run_dir::RunDir::open(spec, cursor)),
        Format::MlflowFileRegistry => Box::new(mlflow::registry::Registry::open(spec, cursor)),
        Format::Jsonl => Box::new(log::LogReader::<jsonl::JsonLines>::open(spec, cursor)),
        Format::Wandb => Box::new(RunDirectory::<wandb::RunState>::open(spec, cursor, &our_host())),
        Format::Swanlab => Box::new(RunDirectory::<swanlab::RunState>::open(spec, cursor, &our_host())),
        Format::MlflowSqlite => Box::new(mlflow::sqlite::SqliteStore::open(spec, cursor)),
        Format::OptunaSqlite => Box::new(optuna::database::Database::open(spec, cursor)),
        Format::Trackio => Box::new(trackio::Database::open(spec, cursor)),
        Format::Guild => Box::new(guild::GuildRun::open(spec, cursor)),
        Format::Hydra => Box::new(hydra::HydraDir::open(spec, cursor)),
        Format::Console => Box::new(console::ConsoleLog::open(spec, cursor)),
        Format::OptunaJournal => Box::new(optuna::journal::Journal::open(spec, cursor)),
    }
}

/// This machine's name: a process id in a record means something only where it was written.
pub(crate) fn our_host() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}
