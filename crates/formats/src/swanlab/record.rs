//! The messages of a `.swanlab` file, as far as we read them.

use signalbox_types::Point;

use crate::{
    place,
    protobuf::{Fields, Malformed, timestamp},
    yaml,
};

/// One record. What we do not read is `Other`.
#[derive(Debug, PartialEq)]
pub(super) enum Record {
    Start(Box<Start>),
    Finish(Finish),
    Column {
        key: String,
        is_system: bool,
    },
    Scalar {
        key: String,
        point: Point,
    },
    /// `files`: names and captions.
    Media {
        key: String,
        step: i64,
        time: f64,
        column_type: i64,
        files: Vec<(String, String)>,
    },
    Other,
}

/// Empty texts are absent ones. Times are Unix seconds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Start {
    pub project: String,
    pub name: String,
    pub description: String,
    pub tags: Vec<String>,
    pub group: String,
    pub job_type: String,
    pub started: Option<f64>,
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Finish {
    /// 1 finished, 2 crashed, 3 aborted.
    pub state: i64,
    /// Unix seconds.
    pub ended: Option<f64>,
}

const COLUMN_CLASS_SYSTEM: i64 = 2;
/// More files of one record are not told.
const MAX_MEDIA: usize = 64;

pub(super) fn decode(message: &[u8]) -> Result<Record, Malformed> {
    let mut record = Record::Other;
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            10 => record = Record::Start(Box::new(start(value.bytes())?)),
            11 => record = Record::Finish(finish(value.bytes())?),
            12 => record = column(value.bytes())?,
            13 => record = scalar(value.bytes())?,
            14 => record = media(value.bytes())?,
            _ => {}
        }
    }
    Ok(record)
}

fn start(message: &[u8]) -> Result<Start, Malformed> {
    let mut out = Start::default();
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        let bytes = value.bytes();
        match number {
            1 => out.project = place::clean_name(bytes),
            4 => out.name = place::clean_name(bytes),
            5 => out.description = yaml::cut_text(String::from_utf8_lossy(bytes).into_owned()),
            6 => out.tags.push(place::clean_name(bytes)),
            7 => out.group = place::clean_name(bytes),
            8 => out.job_type = place::clean_name(bytes),
            12 => out.started = Some(timestamp(bytes)?),
            _ => {}
        }
    }
    Ok(out)
}

fn finish(message: &[u8]) -> Result<Finish, Malformed> {
    let mut out = Finish::default();
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => out.state = value.int(),
            3 => out.ended = Some(timestamp(value.bytes())?),
            _ => {}
        }
    }
    Ok(out)
}

fn column(message: &[u8]) -> Result<Record, Malformed> {
    let (mut key, mut is_system) = (String::new(), false);
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => is_system = value.int() == COLUMN_CLASS_SYSTEM,
            3 => key = place::clean_name(value.bytes()),
            _ => {}
        }
    }
    Ok(Record::Column { key, is_system })
}

/// MediaRecord { key = 1, step = 2, type = 3, timestamp = 4, value = 5 { items = 1 { filename = 1, caption = 4 } } }.
fn media(message: &[u8]) -> Result<Record, Malformed> {
    let (mut key, mut step, mut time, mut column_type, mut files) = (String::new(), 0, f64::NAN, 0, Vec::new());
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => key = place::clean_name(value.bytes()),
            2 => step = value.int(),
            3 => column_type = value.int(),
            4 => time = timestamp(value.bytes())?,
            5 => {
                let mut items = Fields::new(value.bytes());
                while let Some((number, item)) = items.next()? {
                    if number == 1 && files.len() < MAX_MEDIA {
                        files.push(media_file(item.bytes())?);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(Record::Media { key, step, time, column_type, files })
}

fn media_file(message: &[u8]) -> Result<(String, String), Malformed> {
    let (mut name, mut caption) = (String::new(), String::new());
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => name = place::clean_name(value.bytes()),
            4 => caption = place::clean_name(value.bytes()),
            _ => {}
        }
    }
    Ok((name, caption))
}

fn scalar(message: &[u8]) -> Result<Record, Malformed> {
    let (mut key, mut step, mut time, mut number_of) = (String::new(), 0, f64::NAN, None);
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => key = place::clean_name(value.bytes()),
            2 => step = value.int(),
            4 => time = timestamp(value.bytes())?,
            5 => {
                // proto3 leaves 0.0 out; the message itself is there.
                let mut inner = Fields::new(value.bytes());
                number_of = Some(0.0);
                while let Some((number, value)) = inner.next()? {
                    if number == 1 {
                        number_of = Some(value.double());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(match number_of {
        Some(value) => Record::Scalar { key, point: Point { step, time, value } },
        None => Record::Other,
    })
}
