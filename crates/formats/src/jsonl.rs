//! JSON Lines: one object a row, nested keys joined with `/`, NaN and Infinity as Python writes them.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbox_types::{Format, ProblemKind};

use self::row::Row;
use crate::{
    log::{Grammar, news::News},
    text::{
        clock,
        lines::{self, Piece},
        number, step,
    },
};

pub(crate) mod cell;
pub(crate) mod lenient;
pub(crate) mod row;

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
        let Some(object) = row::object(line, offset, news) else { return };
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
        let mut row = Row::new(step, time, offset, news);
        for (key, value) in &object {
            let is_axis = key == axis && !self.by_row;
            if !(is_axis || clock::is_time_name(key) && wall_time(value).is_some()) {
                row.take(key, value);
            }
        }
        row.close();
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
        if news.restart_by_row {
            return bytes.len();
        }
        let mut skipping = self.skipping;
        let taken = lines::feed(bytes, at, &mut skipping, |piece, offset| {
            match piece {
                Piece::Line(line) => self.read_line(line, offset, news),
                Piece::TooLong(_) => news.trouble(offset, ProblemKind::TooLarge, lines::TOO_LONG),
            }
            if news.restart_by_row { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        self.skipping = skipping;
        taken
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
