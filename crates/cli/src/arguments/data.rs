//! The command line of `signalbox data`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Data {
    /// What is in a data file or folder: kinds, distributions, missing values, surprises
    Profile(Profile),
    /// What moved between two data files or folders, and whether it matters
    Drift(Drift),
    /// What moved between a data file here and a table in a database or cluster, counted there; small tables are pulled
    Remote(Remote),
    /// Whether a data file or folder keeps its rules
    Validate(Validate),
    /// Rules learnt from a reference, as TOML to be pasted into signalbox.toml
    Rules(LearnRules),
    /// Whether a model treats groups alike, on a file with its predictions and the truth
    Fairness(Fairness),
    /// A project's monitors, without a window: a line for each that moves, as a trigger for other work
    Watch(Watch),
    /// The methods that `drift --method` knows, and what each computes
    Methods,
}

/// What a person knows better than a file's beginning tells.
#[derive(Debug, Args)]
pub struct Reading {
    /// A column's kind in text files: COLUMN=numeric, categorical, boolean or datetime
    #[arg(long = "type", value_name = "COLUMN=KIND")]
    pub types: Vec<String>,
    /// What parts the columns of text files, instead of what was found: `,`, `;`, `tab`, `|`
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<String>,
    /// The first line of text files is data
    #[arg(long)]
    pub no_header: bool,
    /// In text files 1,5 is one and a half
    #[arg(long)]
    pub decimal_comma: bool,
}

#[derive(Debug, Args)]
pub struct Profile {
    /// A file, or a folder of files: Parquet, Arrow, CSV, TSV, JSON Lines
    pub path: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
    /// Counts, moments and 64-bin histograms only: nothing is kept of the values
    #[arg(long)]
    pub counts_only: bool,
    /// Only these columns
    #[arg(long = "column", value_name = "NAME")]
    pub columns: Vec<String>,
    /// What is to be predicted: columns that tell it nearly alone are named
    #[arg(long, value_name = "COLUMN")]
    pub target: Option<String>,
    /// The data that a model is tested on: rows that both have are counted
    #[arg(long, value_name = "PATH")]
    pub test: Option<PathBuf>,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A column that drifted, changed its type or is missing
    Drift,
    /// Also what is large but uncertain, and too few rows
    Uncertain,
    /// Also what is small but sure
    Any,
}

#[derive(Debug, Args)]
pub struct Drift {
    /// What a model was trained on: a file or a folder
    pub reference: PathBuf,
    /// What it sees now: a file or a folder
    pub current: PathBuf,
    /// Print one JSON document, kept stable: {"columns": […], "problems": […]}; docs/drift.md describes it
    #[arg(long)]
    pub json: bool,
    /// Write one page that shows it all, for a person without Signalbox
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write a test report that CI systems show
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Also by this method, such as `psi:evidently`; `signalbox data methods` lists them
    #[arg(long = "method", value_name = "NAME")]
    pub methods: Vec<String>,
    /// By every method
    #[arg(long)]
    pub all_methods: bool,
    /// Only these columns
    #[arg(long = "column", value_name = "NAME")]
    pub columns: Vec<String>,
    /// Not these columns: identifiers, times that go on
    #[arg(long, value_name = "COLUMN")]
    pub ignore: Vec<String>,
    /// End with 3 if this is found
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Option<FailOn>,
    /// How sure: the corrected p-value of a drift is below
    #[arg(long, default_value_t = 0.01, value_name = "P", value_parser = alpha)]
    pub alpha: f64,
    /// Fewer values of a column than this are too few to tell
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub min_rows: u64,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
pub struct Remote {
    /// What a model was trained on: a file or a folder on this machine
    pub reference: PathBuf,
    /// Where the table is: postgres://user@host/database, https://user@host:8443/database (ClickHouse) or sc://host:15002
    /// (Spark Connect, Sail). A password goes into SIGNALBOX_ENGINE_PASSWORD, PGPASSWORD or CLICKHOUSE_PASSWORD
    pub url: String,
    /// The table: loans, public.loans, "odd.name"."loans"
    #[arg(long, value_name = "NAME")]
    pub table: String,
    /// The table's column of the time of each row; found by itself if there is one only
    #[arg(long, value_name = "COLUMN")]
    pub time: Option<String>,
    /// The column by which rows are told apart besides: texts, booleans or integers, at most 50
    #[arg(long, value_name = "COLUMN")]
    pub segment: Option<String>,
    /// Only the last hours that the table has
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..))]
    pub last: Option<u32>,
    /// Not these columns: identifiers, labels
    #[arg(long, value_name = "COLUMN")]
    pub ignore: Vec<String>,
    /// Say what would run where and what it would read, with the SQL, and end
    #[arg(long)]
    pub plan: bool,
    /// A table of up to so many rows, by the engine's estimate, is pulled and compared here, exactly; 0: never
    #[arg(long, default_value_t = 200_000, value_name = "ROWS")]
    pub pull_below: u64,
    /// Each query is ended after this
    #[arg(long, default_value_t = 1800, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,
    /// Print one JSON document, as `data drift` does
    #[arg(long)]
    pub json: bool,
    /// End with 3 if this is found
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Option<FailOn>,
    /// How sure: the corrected p-value of a drift is below
    #[arg(long, default_value_t = 0.01, value_name = "P", value_parser = alpha)]
    pub alpha: f64,
    /// Fewer values of a column than this are too few to tell
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub min_rows: u64,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOnRule {
    /// A broken rule
    Error,
    /// Also one that only warns
    Warning,
}

#[derive(Debug, Args)]
pub struct Validate {
    /// A file, or a folder of files
    pub path: PathBuf,
    /// signalbox.toml with [data.NAME]; a suite of Great Expectations or SageMaker's constraints as .json
    #[arg(long, value_name = "FILE", conflicts_with = "learn")]
    pub rules: Option<PathBuf>,
    /// Which of the file's [data.NAME]
    #[arg(long, value_name = "NAME", conflicts_with = "learn")]
    pub name: Option<String>,
    /// Ask the rules that this file or folder keeps, without writing them down
    #[arg(long, value_name = "REFERENCE")]
    pub learn: Option<PathBuf>,
    /// Print one JSON document, kept stable: {"passes", "rules": […], "problems": […]}; docs/drift.md describes it
    #[arg(long)]
    pub json: bool,
    /// Write a test report that CI systems show
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// End with 3 if this is found
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Option<FailOnRule>,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
pub struct LearnRules {
    /// What is as it should be: a file or a folder
    pub reference: PathBuf,
    /// Under which name: [data.NAME]
    #[arg(long, default_value = "train", value_name = "NAME")]
    pub name: String,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOnGap {
    /// A difference between groups that is too large, and not by chance
    Sure,
    /// Also one that may be by chance
    Any,
}

#[derive(Debug, Args)]
pub struct Fairness {
    /// A file, or a folder of files
    pub path: PathBuf,
    /// The column of the truth
    #[arg(long, value_name = "COLUMN")]
    pub label: String,
    /// The column of what the model said
    #[arg(long, value_name = "COLUMN")]
    pub prediction: String,
    /// The column of how sure the model was of the positive class, 0 to 1: for the area under the ROC curve by group
    #[arg(long, value_name = "COLUMN")]
    pub score: Option<String>,
    /// The class that is wanted, or feared; of two the later one by name
    #[arg(long, value_name = "CLASS")]
    pub positive: Option<String>,
    /// An attribute by which rows are in groups; several are looked at one by one and crossed
    #[arg(long = "group", value_name = "COLUMN", required = true)]
    pub groups: Vec<String>,
    /// Groups of fewer rows are listed, not judged
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub min_group: u64,
    /// A difference of rates up to this is borne
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    pub max_difference: f64,
    /// End with 3 if this is found
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Option<FailOnGap>,
    /// Print one JSON document, kept stable; docs/drift.md describes it
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOnAlert {
    /// A monitor's last hours moved away from its reference
    Drift,
}

#[derive(Debug, Args)]
pub struct Watch {
    /// The project's folder
    pub project: PathBuf,
    /// Only this monitor
    #[arg(long, value_name = "NAME")]
    pub name: Vec<String>,
    /// Say how it is now, and end
    #[arg(long)]
    pub once: bool,
    /// One JSON object a line: {"monitor", "drift", "since_unix", "columns", "says"}, or "trouble" for one that failed
    #[arg(long)]
    pub json: bool,
    /// With --once: end with 3 if this is so
    #[arg(long, value_name = "WHAT", requires = "once")]
    pub fail_on: Option<FailOnAlert>,
}

/// A level of significance.
fn alpha(text: &str) -> Result<f64, String> {
    let alpha: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    if alpha > 0.0 && alpha < 1.0 { Ok(alpha) } else { Err("it is a probability between 0 and 1".into()) }
}
