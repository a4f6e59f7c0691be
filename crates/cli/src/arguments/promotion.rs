//! The commands of promotions.

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub const CODES: &str = "\
Exit codes:
  0  done as asked
  1  failed; of `audit verify`: the chain is broken
  2  wrong use
  3  refused by a gate, an approval, the policy or you: nothing was changed
  4  taken back: nothing of it is left
  5  stands open: somebody has to look (`signalbox status`, then `signalbox resume`)";

#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub struct Models {
    /// A project folder; without one, our own registry and those of all known projects
    pub path: Option<PathBuf>,
    /// Print {"registries": […]}
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub struct Plan {
    /// The project folder, whose signalbox.toml holds
    #[arg(default_value = ".")]
    pub project: PathBuf,
    /// The run that logged the model: its id or the beginning of it, its name or its path
    #[arg(long, value_name = "RUN", required_unless_present = "version", conflicts_with = "version")]
    pub run: Option<String>,
    /// Which of the run's models, as `signalbox show` and the window name it
    #[arg(long, value_name = "ARTIFACT", requires = "run")]
    pub path: Option<String>,
    /// The registered model's name
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// An existing version instead of a run
    #[arg(long, value_name = "V", requires = "model")]
    pub version: Option<String>,
    /// The registry that has the version; that of the policy if nothing is said
    #[arg(long, value_name = "R", requires = "version")]
    pub registry: Option<String>,
    /// Print the plan as one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub struct Apply {
    /// The plan's id or the beginning of it
    pub plan: String,
    /// The hash that was shown, or at least twelve digits of it: another plan is refused
    #[arg(long, value_name = "H")]
    pub hash: Option<String>,
    /// Let it through a gate that does not pass; the reason is kept in the audit
    #[arg(long = "override", value_name = "GATE=REASON", value_parser = gate)]
    pub overrides: Vec<(String, String)>,
    #[command(flatten)]
    pub way: Way,
}

/// How something is carried out.
#[derive(Clone, Debug, Args)]
pub struct Way {
    /// Judge the gates anew, look at the first step's conditions, and do nothing: neither there nor in the ledger
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Print one JSON object a line, as it happens: {"type": "plan" | "line" | "end", …}
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub struct Resume {
    /// The plan's id or the beginning of it
    pub plan: String,
    #[command(flatten)]
    pub choice: Choice,
    /// Print one JSON object a line, as it happens
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Choice {
    /// Carry it out to its end
    #[arg(long)]
    pub go_on: bool,
    /// Take back what was done
    #[arg(long)]
    pub go_back: bool,
    /// Take things as they are, and close it
    #[arg(long, value_name = "REASON")]
    pub adopt: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub struct Approve {
    /// The plan's id or the beginning of it, or the file that a colleague has shared
    pub plan: String,
    /// The hash of what you approve, or at least twelve digits of it; without it a file's plan is only shown
    #[arg(long, value_name = "H")]
    pub hash: Option<String>,
    /// The project whose signalbox.toml the plan was made under
    #[arg(long, value_name = "PATH", default_value = ".")]
    pub project: PathBuf,
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// Take your approval back
    #[arg(long)]
    pub withdraw: bool,
    /// Print the plan as one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub struct Share {
    /// The plan's id or the beginning of it
    pub plan: String,
    /// Where to; printed if nothing is said. A file that is there is not written over
    pub file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub struct Approval {
    /// The plan's id or the beginning of it
    pub plan: String,
    /// The line that came back; `-` reads it
    pub line: String,
}

#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub struct Allow {
    /// The project folder
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Instead, that its models are loaded on this machine: a model is a program
    #[arg(long)]
    pub models: bool,
    /// Instead, that engines are asked for counts of the tables that its monitors watch
    #[arg(long, conflicts_with = "models")]
    pub data: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

const CHANGES_HELP: &str = r#"Changes are a JSON array, made in their order; what is set is the whole of it:
  [{"change": "set_model", "name": "churn", "rules": {"registry": "own", "gates": {"signature": true}}},
   {"change": "set_registry", "name": "own", "at": {"kind": "embedded"}},
   {"change": "set_target", "name": "here", "at": {"kind": "local", "port": 5301}},
   {"change": "set_roles", "roles": {"approvers": ["ada"]}},
   {"change": "add_freeze", "freeze": {"from": "2026-12-20", "to": "2027-01-04", "reason": "holidays"}}]
besides them remove_model, remove_registry and remove_target with a name, remove_freeze with a freeze, and
change_freeze with was and freeze."#;

#[derive(Debug, Args)]
pub struct Policy {
    #[command(subcommand)]
    pub what: PolicyWhat,
}

#[derive(Debug, Subcommand)]
pub enum PolicyWhat {
    /// Name what is wrong with it, if anything is
    Check(PolicyCheck),
    /// Print the diff that makes changes: for `git apply` in the project's folder
    Propose(PolicyPropose),
}

#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub struct PolicyCheck {
    /// The project folder
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Print {"path", "text", "digest", "policy", "failure"}
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = format!("{CHANGES_HELP}\n\n{CODES}"))]
pub struct PolicyPropose {
    /// The project folder
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// A file with the changes; `-` is stdin
    #[arg(long, value_name = "FILE")]
    pub changes: PathBuf,
    /// Print {"digest", "text", "diff", "says", "new_addresses", "problem"}
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub struct Rollback {
    pub service: String,
    /// A project folder; without one, all known projects
    pub path: Option<PathBuf>,
    /// The target, where several have a service of this name
    #[arg(long, value_name = "T")]
    pub target: Option<String>,
    /// Let it through a gate that does not pass; the reason is kept in the audit
    #[arg(long = "override", value_name = "GATE=REASON", value_parser = gate)]
    pub overrides: Vec<(String, String)>,
    #[command(flatten)]
    pub way: Way,
}

#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub struct Status {
    /// A project folder; without one, all known projects
    pub path: Option<PathBuf>,
    /// Print {"services": […], "plans": […]}
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = CODES, args_conflicts_with_subcommands = true)]
pub struct Audit {
    #[command(subcommand)]
    pub what: Option<AuditWhat>,
    #[command(flatten)]
    pub list: AuditList,
}

#[derive(Debug, Args)]
pub struct AuditList {
    /// Only entries of this plan
    #[arg(long, value_name = "P")]
    pub plan: Option<String>,
    /// From this entry on
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub from: u64,
    /// Print {"entries": […]}
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum AuditWhat {
    /// Go over the whole chain, and print its last hash: keep it elsewhere
    Verify(AuditVerify),
    /// Write the chain as JSON Lines, for anybody to verify with SHA-256 alone
    Export(AuditExport),
    /// How was it made, and where is it used: endpoint → version → run → code, data, environment, gates, people
    Report(AuditReport),
}

#[derive(Debug, Args)]
pub struct AuditVerify {
    /// A hash that was kept elsewhere: the chain must hold it still
    #[arg(long, value_name = "H")]
    pub head: Option<String>,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct AuditExport {
    /// Where to; without it, to stdout
    pub file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct AuditReport {
    /// A service, or a model and its version
    #[arg(num_args = 1..=2, required = true, value_names = ["SERVICE | MODEL", "VERSION"])]
    pub of: Vec<String>,
    /// A project folder; without one, all known projects
    #[arg(long, short, value_name = "PATH")]
    pub project: Option<PathBuf>,
    /// The service's target, where several have one of this name
    #[arg(long, value_name = "T")]
    pub target: Option<String>,
    /// The version's registry, where several have one of this name
    #[arg(long, value_name = "R")]
    pub registry: Option<String>,
    /// Print one JSON document
    #[arg(long, group = "form")]
    pub json: bool,
    /// Write a page for a browser
    #[arg(long, group = "form", value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print Markdown (the default)
    #[arg(long, group = "form")]
    pub markdown: bool,
}

fn gate(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((gate, reason)) if !gate.trim().is_empty() && !reason.trim().is_empty() => {
            Ok((gate.trim().to_owned(), reason.trim().to_owned()))
        }
        _ => Err("say which gate and why: size='the new model is larger on purpose'".into()),
    }
}
