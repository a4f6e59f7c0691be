//! JSON Lines: one object a row, nested keys joined with `/`, NaN and Infinity as Python writes them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox_types::{Format, Point, ProblemKind};

use crate::{
    log::{Grammar, news::News},
    place,
    text::{
        clock,
        lines::{self, Cut},
        number, step,
    },
};

pub(crate) mod lenient;

/// So many numbers of one line are read.
const MAX_LEAVES: usize = 5_000;

/// Where the lines stand.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct JsonLines {
    /// The key that counts steps, from the first line that has one.
    #[serde(rename = "k")]
    axis: Option<String>,
    #[serde(rename = "n")]
    rows: u64,
    #[serde(rename = "s")]
    last_step: i64,
    #[serde(rename = "b")]
    by_row: bool,
    #[serde(rename = "o")]
    skipping: bool,
}

impl JsonLines {
    fn read_line(&mut self, line: &[u8], offset: u64, news: &mut News) {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
        if line.is_empty() {
            return;
        }
        let object = match lenient::parse(line) {
            Ok(Value::Object(object)) => object,
            Ok(_) => {
                news.trouble(offset, ProblemKind::Malformed, "A line that is no JSON object; it was skipped.");
                return;
            }
            Err(e) => {
                news.trouble(offset, ProblemKind::Malformed, format!("A line that is not JSON ({e}); it was skipped."));
                return;
            }
        };
        if self.axis.is_none() {
            self.axis = axis_of(&object);
        }
        let Some(axis) = &self.axis else { return };
        let step = match object.get(axis) {
            _ if self.by_row => i64::try_from(self.rows).unwrap_or(i64::MAX),
            Some(Value::Number(n)) => match n.as_i64().or_else(|| n.as_f64().and_then(number::whole)) {
                Some(step) => step,
                None => {
                    news.restart_by_row = true;
                    return;
                }
            },
            _ => self.last_step,
        };
        self.rows += 1;
        self.last_step = step;
        let time = object.iter().filter(|(k, _)| clock::is_time_name(k)).find_map(|(_, v)| wall_time(v));
        let row = Row { step, time: time.unwrap_or(f64::NAN) };
        let mut n_leaves = 0;
        for (key, value) in &object {
            let is_axis = key == axis && !self.by_row;
            if !(is_axis || clock::is_time_name(key) && wall_time(value).is_some()) {
                row.take(&place::clean_name(key.as_bytes()), value, &mut n_leaves, news);
            }
        }
        if n_leaves > MAX_LEAVES {
            let message =
                format!("A line of more than {MAX_LEAVES} numbers; the rest was skipped (a limit of Signalbox).");
            news.trouble(offset, ProblemKind::TooLarge, message);
        }
    }
}

struct Row {
    step: i64,
    time: f64,
}

impl Row {
    /// Adds the numbers below `value`. Depth is bounded by the parser.
    fn take(&self, name: &str, value: &Value, n_leaves: &mut usize, news: &mut News) {
        match value {
            Value::Object(object) => {
                for (key, inner) in object {
                    // The whole name is bounded too: deep objects of long keys would make names of any length.
                    let name = place::clean_name(format!("{name}/{key}").as_bytes());
                    self.take(&name, inner, n_leaves, news);
                }
            }
            _ => {
                let Some(value) = lenient::number(value) else { return };
                *n_leaves += 1;
                if *n_leaves <= MAX_LEAVES {
                    let series = news.series.number(name);
                    news.series.push(series, Point { step: self.step, time: self.time, value });
                }
            }
        }
    }
}

/// The best step-like key of an object whose value is a number.
pub(crate) fn axis_of(object: &serde_json::Map<String, Value>) -> Option<String> {
    let ranked = object.iter().filter(|(_, v)| v.is_number()).filter_map(|(k, _)| Some((step::rank(k)?, k)));
    ranked.min().map(|(_, key)| key.clone())
}

fn wall_time(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => clock::unix_of_number(n.as_f64()?),
        Value::String(s) => clock::unix_of_iso(s),
        _ => None,
    }
}

impl Grammar for JsonLines {
    fn new(_format: Format) -> Self {
        Self { axis: None, rows: 0, last_step: 0, by_row: false, skipping: false }
    }

    fn feed(&mut self, bytes: &[u8], at: u64, news: &mut News) -> usize {
        let mut pos = 0;
        loop {
            if news.restart_by_row {
                return bytes.len();
            }
            if self.skipping {
                match memchr::memchr(b'\n', &bytes[pos..]) {
                    None => return bytes.len(),
                    Some(i) => pos += i + 1,
                }
                self.skipping = false;
            }
            let offset = at + pos as u64;
            match lines::line(&bytes[pos..]) {
                Cut::Record(n) => {
                    self.read_line(&bytes[pos..pos + n], offset, news);
                    pos += n;
                }
                Cut::TooLong => {
                    let message = "A line of more than 1 MiB (a limit of Signalbox); it was skipped.";
                    news.trouble(offset, ProblemKind::TooLarge, message);
                    self.skipping = true;
                }
                Cut::Wait | Cut::Stray(_) => return pos,
            }
        }
    }

    fn preamble_len(&self) -> u64 {
        0
    }

    fn restore(&mut self, _preamble: &[u8]) -> bool {
        true
    }

    fn by_row(format: Format) -> Self {
        Self { by_row: true, ..Self::new(format) }
    }

    fn rows(&self) -> u64 {
        self.rows
    }
}
