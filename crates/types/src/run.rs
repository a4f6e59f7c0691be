//! What a source says of a run, apart from its numbers.

use serde::{Deserialize, Serialize};

/// The tools whose records we read. The name is stable: it stands in the store and in `--json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Event files (`*tfevents*`) in one directory.
    Tensorboard,
    /// One run directory of an MLflow file store, `<root>/<experiment>/<run>`.
    MlflowFile,
    /// The model registry of an MLflow file store, `<root>/models`.
    MlflowFileRegistry,
    /// An MLflow SQLite database.
    MlflowSqlite,
    /// An Optuna SQLite database: a run for each study and each trial.
    OptunaSqlite,
    /// An Optuna journal file: JSON Lines, one operation each.
    OptunaJournal,
    /// A Trackio database: one project, a run for each run id.
    Trackio,
    /// One run directory of Guild AI: its parameters and status; what it logged lies in sources of their own.
    Guild,
    /// One run's directory of Hydra's, or one sweep's with its runs: their parameters; what was logged lies in sources of
    /// its own.
    Hydra,
    /// PyTorch Lightning's CSVLogger: `metrics.csv` beside `hparams.yaml`.
    LightningCsv,
    /// Keras' CSVLogger: a header that begins with `epoch`.
    KerasCsv,
    /// Ultralytics: `results.csv` beside `args.yaml` (or `opt.yaml`).
    Ultralytics,
    /// CatBoost's `train_dir`, `catboost_info` unless told otherwise.
    Catboost,
    /// One run directory of Sacred's FileStorageObserver.
    Sacred,
    /// An output directory of Hugging Face's Trainer: `checkpoint-<step>/trainer_state.json`.
    HfTrainer,
    /// An experiment of Ray Tune's: a run for it and for each trial. A trial's directory alone is one run.
    RayTune,
    /// A folder of DVCLive's in the working tree: `metrics.json`, `plots/metrics/*.tsv`.
    Dvclive,
    /// The experiments that DVC keeps in a git repository, below `refs/exps`: a run for each.
    DvcExperiments,
    /// An Aim repository, the folder that holds `.aim`: its list of runs, without their metrics.
    Aim,
    /// Any other CSV or TSV with a step or epoch column.
    Csv,
    /// A JSON Lines log with a step-like key.
    Jsonl,
    /// What trainings printed: a log with lines of XGBoost, LightGBM, CatBoost, nanoGPT, Keras or Hugging Face's Trainer, a
    /// run for each training in it.
    Console,
    /// Weights & Biases: one run's directory, `wandb/run-<date>_<time>-<id>`, online or offline.
    Wandb,
    /// SwanLab: one run's directory, `swanlog/run-<date>_<time>-<id>`.
    Swanlab,
}

impl Format {
    pub const ALL: [Format; 24] = [
        Format::Tensorboard,
        Format::MlflowFile,
        Format::MlflowFileRegistry,
        Format::MlflowSqlite,
        Format::OptunaSqlite,
        Format::OptunaJournal,
        Format::Trackio,
        Format::Guild,
        Format::Hydra,
        Format::LightningCsv,
        Format::KerasCsv,
        Format::Ultralytics,
        Format::Catboost,
        Format::Sacred,
        Format::HfTrainer,
        Format::RayTune,
        Format::Dvclive,
        Format::DvcExperiments,
        Format::Aim,
        Format::Csv,
        Format::Jsonl,
        Format::Console,
        Format::Wandb,
        Format::Swanlab,
    ];

    /// The stable name, as in `--json` and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Format::Tensorboard => "tensorboard",
            Format::MlflowFile => "mlflow_file",
            Format::MlflowFileRegistry => "mlflow_file_registry",
            Format::MlflowSqlite => "mlflow_sqlite",
            Format::OptunaSqlite => "optuna_sqlite",
            Format::OptunaJournal => "optuna_journal",
            Format::Trackio => "trackio",
            Format::Guild => "guild",
            Format::Hydra => "hydra",
            Format::LightningCsv => "lightning_csv",
            Format::KerasCsv => "keras_csv",
            Format::Ultralytics => "ultralytics",
            Format::Catboost => "catboost",
            Format::Sacred => "sacred",
            Format::HfTrainer => "hf_trainer",
            Format::RayTune => "ray_tune",
            Format::Dvclive => "dvclive",
            Format::DvcExperiments => "dvc_experiments",
            Format::Aim => "aim",
            Format::Csv => "csv",
            Format::Jsonl => "jsonl",
            Format::Console => "console",
            Format::Wandb => "wandb",
            Format::Swanlab => "swanlab",
        }
    }

    /// The tool's own spelling, for people.
    pub fn title(self) -> &'static str {
        match self {
            Format::Tensorboard => "TensorBoard",
            Format::MlflowFile | Format::MlflowFileRegistry | Format::MlflowSqlite => "MLflow",
            Format::OptunaSqlite | Format::OptunaJournal => "Optuna",
            Format::Trackio => "Trackio",
            Format::Guild => "Guild",
            Format::Hydra => "Hydra",
            Format::LightningCsv => "Lightning CSV",
            Format::KerasCsv => "Keras CSV",
            Format::Ultralytics => "Ultralytics",
            Format::Catboost => "CatBoost",
            Format::Sacred => "Sacred",
            Format::HfTrainer => "Hugging Face",
            Format::RayTune => "Ray Tune",
            Format::Dvclive => "DVCLive",
            Format::DvcExperiments => "DVC",
            Format::Aim => "Aim",
            Format::Csv => "CSV",
            Format::Jsonl => "JSONL",
            Format::Console => "Console log",
            Format::Wandb => "W&B",
            Format::Swanlab => "SwanLab",
        }
    }

    /// A source is a file; of the others, a directory.
    pub fn is_of_a_file(self) -> bool {
        matches!(
            self,
            Format::MlflowSqlite
                | Format::OptunaSqlite
                | Format::OptunaJournal
                | Format::Trackio
                | Format::LightningCsv
                | Format::KerasCsv
                | Format::Ultralytics
                | Format::Csv
                | Format::Jsonl
                | Format::Console
        )
    }

    /// One source holds many runs (of Hydra a sweep's folder): that it is open or grows says nothing of one of them.
    pub fn holds_many_runs(self) -> bool {
        matches!(
            self,
            Format::MlflowSqlite
                | Format::OptunaSqlite
                | Format::OptunaJournal
                | Format::Trackio
                | Format::RayTune
                | Format::Hydra
                | Format::DvcExperiments
                | Format::Aim
        )
    }

    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|f| f.name() == name)
    }
}

/// What the run's source says of its state, or what follows from it without guessing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Said to be running, or seen growing where the format has no word for it.
    Running,
    Scheduled,
    Finished,
    Failed,
    Killed,
    /// The source does not say, and nothing moves: stopped, outcome unknown.
    #[default]
    Unknown,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Scheduled => "scheduled",
            Status::Finished => "finished",
            Status::Failed => "failed",
            Status::Killed => "killed",
            Status::Unknown => "unknown",
        }
    }

    pub fn from_name(name: &str) -> Option<Status> {
        [Status::Running, Status::Scheduled, Status::Finished, Status::Failed, Status::Killed, Status::Unknown]
            .into_iter()
            .find(|s| s.name() == name)
    }
}

/// Whether the tool that owns the run has marked it deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    #[default]
    Active,
    Deleted,
}

/// A hyper-parameter, with the type its source gave it. MLflow knows text only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParamValue {
    Bool(bool),
    /// Never NaN or infinite: those are kept as `Text`.
    Number(f64),
    /// Lists and maps are kept as their JSON text.
    Text(String),
}

impl ParamValue {
    /// The value as a person would write it.
    pub fn text(&self) -> String {
        match self {
            ParamValue::Bool(b) => b.to_string(),
            ParamValue::Number(n) => n.to_string(),
            ParamValue::Text(t) => t.clone(),
        }
    }

    /// The value as a number where it is one or is written as one (MLflow's params are text).
    pub fn number(&self) -> Option<f64> {
        match self {
            ParamValue::Bool(_) => None,
            ParamValue::Number(n) => Some(*n),
            ParamValue::Text(t) => t.trim().parse().ok(),
        }
    }
}
