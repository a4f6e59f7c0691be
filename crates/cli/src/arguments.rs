//! The command line.

pub mod data;
pub mod promotion;
pub mod storage;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  signalbox runs ~/projects/churn
  signalbox runs . --filter 'metrics.val_loss < 0.3 and params.opt = \"adam\"' --sort val_loss
  signalbox runs . --json | jq '.runs[].metrics.val_loss.min'
  signalbox show 3f2a --project ~/projects/churn
  signalbox export adam-deep sgd --metric val/loss --png -o loss.png
  signalbox problems . --strict
  signalbox data profile train.parquet
  signalbox data drift train.parquet inference/ --fail-on drift
  signalbox data validate today.parquet --learn train.parquet --fail-on error
  signalbox data fairness scored.csv --label paid --prediction said --group sex
  signalbox serve ~/projects/churn
  signalbox open ~/projects/churn
  signalbox plan ~/projects/churn --run adam-deep
  signalbox apply 019ab3 --dry-run
  signalbox rollback churn --yes
  signalbox audit report churn
  signalbox policy check ~/projects/churn
  signalbox store
  signalbox forget ~/projects/old --export words.json --yes

Exit codes:
  0  done
  1  failed: the folder cannot be read, the store cannot be opened, …
  2  the command line, or the filter in it, is not understood
  3  with --strict: something could not be read as it should
  4  the named run is not there; with --strict: no run was found

Exit codes of data:
  0  looked at; with --fail-on: nothing of it was found
  1  failed: a file cannot be read; with --fail-on: not all of it could be
  2  wrong use
  3  what --fail-on names was found

Exit codes of models, plan, apply, resume, approve, allow, policy, rollback, status and audit:
  0  done as asked
  1  failed; of `audit verify`: the chain is broken
  2  wrong use
  3  refused by a gate, an approval, the policy or you: nothing was changed
  4  taken back: nothing of it is left
  5  stands open: somebody has to look (`signalbox status`, then `signalbox resume`)

Signalbox never writes into a project folder. `runs`, `show`, `export` and `problems` read the folder
anew each time and keep nothing.";

const FILTER_HELP: &str = "\
Filters compare what runs have: MLflow's search syntax with `or`, `not` and parentheses besides.
  metrics.val_loss < 0.3                     the last value
  min(metrics.val_loss) < 0.3                also max, best and n, the number of points
  params.opt = \"adam\" and params.lr < 0.01
  tags.team like \"%cv%\"                     % stands for anything; ilike ignores case
  (status = \"running\" or name like \"base%\") and metrics.acc is not null";

/// See every training run in a folder: TensorBoard, MLflow, W&B, SwanLab, Optuna, Trackio, Lightning, Keras, Ultralytics,
/// CatBoost, Sacred, DVCLive, DVC, Guild, Aim, Hydra, Hugging Face, Ray Tune, CSV, JSONL and console logs.
#[derive(Debug, Parser)]
#[command(name = "signalbox", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Arguments {
    /// Where Signalbox keeps its own data (not for `runs`, `show`, `export`, `problems`, which keep none)
    #[arg(long, value_name = "DIR", global = true, env = "SIGNALBOX_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the runs in a folder
    Runs(Runs),
    /// Show one run: params, tags, metrics, files
    Show(Show),
    /// Write runs as CSV (every logged point) or as a chart (PNG, SVG)
    Export(Export),
    /// List what could not be read as it should
    Problems(Problems),
    /// Show the window's page in a browser on this machine: loopback only, behind a token
    Serve(Serve),
    /// Look at data: profile a file, compare two, check rules, fairness
    #[command(subcommand)]
    Data(data::Data),
    /// Open the window
    Open(Open),
    /// List registered models: versions, aliases, runs
    Models(promotion::Models),
    /// Plan how a run's model, or a version, goes to production. Changes nothing there
    Plan(promotion::Plan),
    /// Carry a plan out, here and now; Ctrl-C takes it back
    Apply(promotion::Apply),
    /// End a plan that was cut short: go on, go back, or take things as they are
    Resume(promotion::Resume),
    /// Approve a plan, by its hash: one of this machine, or a colleague's file
    Approve(promotion::Approve),
    /// Write a plan to a file that a colleague can read and approve
    Share(promotion::Share),
    /// Take in the line with which a colleague has approved a plan
    Approval(promotion::Approval),
    /// Allow the addresses that a project's signalbox.toml names to be asked
    Allow(promotion::Allow),
    /// Read a project's signalbox.toml, or print how it would be with changes. It is never written
    Policy(promotion::Policy),
    /// Bring back the version that served before, by a plan that is kept as `plan` keeps it
    Rollback(promotion::Rollback),
    /// What serves, what the aliases say, and which plans are open
    Status(promotion::Status),
    /// All that was done; verify, export, report
    Audit(promotion::Audit),
    /// What takes room, by project and by kind
    Store(storage::Store),
    /// Print what forgetting a project means; with --yes, forget it. No file of a project is touched
    Forget(storage::Forget),
    /// Give free pages of the store back to the disk
    Compact(storage::Compact),
}

#[derive(Debug, Args)]
#[command(after_help = FILTER_HELP)]
pub struct Runs {
    /// The project folder
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Only runs that match; see below
    #[arg(long, short, default_value = "", hide_default_value = true, value_name = "FILTER")]
    pub filter: String,
    /// A metric, param or attribute to order by; `-NAME` (as --sort=-NAME) for the greatest first
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// Print one JSON document, kept stable: {"runs": […], "models": […], "problems": […]}
    #[arg(long)]
    pub json: bool,
    /// End with 3 if something could not be read, with 4 if there is no run
    #[arg(long)]
    pub strict: bool,
}

#[derive(Debug, Args)]
pub struct Show {
    /// Its id or the beginning of it, its name or its path
    pub run: String,
    /// The project folder
    #[arg(long, short, default_value = ".", value_name = "PATH")]
    pub project: PathBuf,
    /// Print the run as `runs --json` does
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = FILTER_HELP)]
pub struct Export {
    /// Ids, names or paths
    #[arg(required_unless_present = "filter")]
    pub runs: Vec<String>,
    /// All runs that match, instead of or besides the named; see below
    #[arg(long, short, value_name = "FILTER")]
    pub filter: Option<String>,
    /// The project folder
    #[arg(long, short, default_value = ".", value_name = "PATH")]
    pub project: PathBuf,
    /// Every point that was logged: run, run_id, metric, part, step, time, value (the default)
    #[arg(long, group = "format")]
    pub csv: bool,
    /// A chart of one metric, for the eye
    #[arg(long, group = "format")]
    pub png: bool,
    /// A chart of one metric, for a document
    #[arg(long, group = "format")]
    pub svg: bool,
    /// Which metrics; a chart shows one
    #[arg(long, short, value_name = "NAME")]
    pub metric: Vec<String>,
    /// Where to write to; without it, to stdout
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// A chart's x axis
    #[arg(long, default_value = "step", value_name = "AXIS")]
    pub x: Axis,
    /// Smooth a chart's lines: `ema:0.9`, `gaussian:5` or `mean:20` (weight, sigma in points, window in points)
    #[arg(long, value_name = "KIND:AMOUNT")]
    pub smooth: Option<String>,
    /// A logarithmic y axis
    #[arg(long)]
    pub log_y: bool,
    /// On a dark background
    #[arg(long)]
    pub dark: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Axis {
    Step,
    /// Time since a run's first point
    Relative,
    /// Time of day
    Wall,
}

#[derive(Debug, Args)]
pub struct Problems {
    /// The project folder
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Print the list as JSON
    #[arg(long)]
    pub json: bool,
    /// End with 3 if there are any
    #[arg(long)]
    pub strict: bool,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Project folders to open
    pub paths: Vec<PathBuf>,
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
}

#[derive(Debug, Args)]
pub struct Open {
    /// Project folders to open
    pub paths: Vec<PathBuf>,
}
