//! The messages of a `.wandb` file, as far as we read them.

use crate::{
    place,
    protobuf::{Fields, Malformed, timestamp},
};

/// One record. What we do not read is `Other`.
#[derive(Debug, PartialEq)]
pub(super) enum Record<'a> {
    History(History<'a>),
    Summary(Items<'a>),
    Config(Items<'a>),
    Stats(Stats<'a>),
    Run(Box<Run<'a>>),
    Exit(Exit),
    Environment(Box<Environment>),
    Other,
}

/// A name, keys joined with `.`, and its value as JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item<'a> {
    pub name: String,
    pub json: &'a [u8],
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct History<'a> {
    pub items: Vec<Item<'a>>,
    pub step: Option<i64>,
}

/// Changes of a config or a summary.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Items<'a> {
    pub set: Vec<Item<'a>>,
    pub removed: Vec<String>,
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Stats<'a> {
    /// Unix seconds.
    pub time: Option<f64>,
    pub items: Vec<Item<'a>>,
}

/// Empty texts are absent ones.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Run<'a> {
    pub id: String,
    pub name: String,
    pub project: String,
    pub group: String,
    pub job_type: String,
    pub notes: String,
    pub tags: Vec<String>,
    pub sweep: String,
    pub host: String,
    /// Unix seconds.
    pub started: Option<f64>,
    pub git: Git,
    pub config: Items<'a>,
    pub summary: Items<'a>,
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Git {
    pub remote: String,
    pub commit: String,
}

/// Of who trained and where, the fields that are shown. Arguments may hold secrets, the e-mail address is nobody's
/// business: neither is read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Environment {
    pub python: String,
    pub program: String,
    pub host: String,
    pub user: String,
    /// Unix seconds.
    pub started: Option<f64>,
    pub git: Git,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exit {
    pub code: i64,
    /// Seconds.
    pub runtime: i64,
}

/// Who made a record, by what the process that logs adds to its own: `_info` since there is a service between it
/// and the file, and `control` to most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sender {
    Unsaid,
    Control,
    Info,
}

pub(super) fn decode(message: &[u8]) -> Result<(Record<'_>, Sender), Malformed> {
    let mut record = Record::Other;
    let mut sender = Sender::Unsaid;
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        let bytes = value.bytes();
        match number {
            2 => record = Record::History(history(bytes)?),
            3 => record = Record::Summary(items(bytes)?),
            5 => record = Record::Config(items(bytes)?),
            7 => record = Record::Stats(stats(bytes)?),
            17 => record = Record::Run(Box::new(run(bytes)?)),
            18 => record = Record::Exit(exit(bytes)?),
            26 => record = Record::Environment(Box::new(environment(bytes)?)),
            16 if sender == Sender::Unsaid => sender = Sender::Control,
            200 => sender = Sender::Info,
            _ => {}
        }
    }
    Ok((record, sender))
}

fn history(message: &[u8]) -> Result<History<'_>, Malformed> {
    let mut out = History::default();
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => out.items.push(item(value.bytes())?),
            2 => {
                // proto3 leaves step 0 out; the message itself is there.
                out.step = Some(0);
                let mut step = Fields::new(value.bytes());
                while let Some((number, value)) = step.next()? {
                    if number == 1 {
                        out.step = Some(value.int());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(out)
}

/// `HistoryItem`, `ConfigItem`, `SummaryItem` and `StatsItem` agree.
fn item(message: &[u8]) -> Result<Item<'_>, Malformed> {
    let (mut key, mut nested, mut json) = (&b""[..], Vec::new(), &b""[..]);
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => key = value.bytes(),
            2 => nested.push(value.bytes()),
            16 => json = value.bytes(),
            _ => {}
        }
    }
    let name = if key.is_empty() { place::clean_name(&nested.join(&b'.')) } else { place::clean_name(key) };
    Ok(Item { name, json })
}

fn items(message: &[u8]) -> Result<Items<'_>, Malformed> {
    let mut out = Items::default();
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => out.set.push(item(value.bytes())?),
            2 => out.removed.push(item(value.bytes())?.name),
            _ => {}
        }
    }
    Ok(out)
}

fn stats(message: &[u8]) -> Result<Stats<'_>, Malformed> {
    let mut out = Stats::default();
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            2 => out.time = Some(timestamp(value.bytes())?),
            3 => out.items.push(item(value.bytes())?),
            _ => {}
        }
    }
    Ok(out)
}

fn run(message: &[u8]) -> Result<Run<'_>, Malformed> {
    let mut out = Run::default();
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        let bytes = value.bytes();
        match number {
            1 => out.id = text(bytes),
            3 => out.project = text(bytes),
            4 => out.config = items(bytes)?,
            5 => out.summary = items(bytes)?,
            6 => out.group = text(bytes),
            7 => out.job_type = text(bytes),
            8 => out.name = text(bytes),
            9 => out.notes = crate::yaml::cut_text(String::from_utf8_lossy(bytes).into_owned()),
            10 => out.tags.push(text(bytes)),
            12 => out.sweep = text(bytes),
            13 => out.host = text(bytes),
            17 => out.started = Some(timestamp(bytes)?),
            21 => out.git = git(bytes)?,
            _ => {}
        }
    }
    Ok(out)
}

fn environment(message: &[u8]) -> Result<Environment, Malformed> {
    let mut out = Environment::default();
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        let bytes = value.bytes();
        match number {
            2 => out.python = text(bytes),
            3 => out.started = Some(timestamp(bytes)?),
            6 => out.program = text(bytes),
            9 => out.git = git(bytes)?,
            12 => out.host = text(bytes),
            13 => out.user = text(bytes),
            _ => {}
        }
    }
    Ok(out)
}

fn git(message: &[u8]) -> Result<Git, Malformed> {
    let mut out = Git::default();
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => out.remote = text(value.bytes()),
            2 => out.commit = text(value.bytes()),
            _ => {}
        }
    }
    Ok(out)
}

fn exit(message: &[u8]) -> Result<Exit, Malformed> {
    let mut out = Exit { code: 0, runtime: 0 };
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => out.code = value.int(),
            2 => out.runtime = value.int(),
            _ => {}
        }
    }
    Ok(out)
}

fn text(bytes: &[u8]) -> String {
    place::clean_name(bytes)
}
