//! One line of JSON: an object, and the numbers in it.

use serde_json::{Map, Value};
use signalbox_types::{Point, ProblemKind};

use super::lenient;
use crate::{log::news::News, place};

/// So many numbers of one line are read.
const MAX_LEAVES: usize = 5_000;

/// The object that a line holds. `None`: it is blank, or it was said why not.
pub(crate) fn object(line: &[u8], offset: u64, news: &mut News) -> Option<Map<String, Value>> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return None;
    }
    match lenient::parse(line) {
        Ok(Value::Object(object)) => Some(object),
        Ok(_) => {
            news.trouble(offset, ProblemKind::Malformed, "A line that is no JSON object; it was skipped.");
            None
        }
        Err(e) => {
            news.trouble(offset, ProblemKind::Malformed, format!("A line that is not JSON ({e}); it was skipped."));
            None
        }
    }
}

/// The numbers of a line become points of one step and time.
pub(crate) struct Row<'n> {
    step: i64,
    time: f64,
    /// Where the line stands.
    offset: u64,
    n_leaves: usize,
    news: &'n mut News,
}

impl<'n> Row<'n> {
    pub(crate) fn new(step: i64, time: Option<f64>, offset: u64, news: &'n mut News) -> Self {
        Row { step, time: time.unwrap_or(f64::NAN), offset, n_leaves: 0, news }
    }

    /// Adds the numbers below `value`, nested ones under `outer/inner`. Depth is bounded by the parser.
    pub(crate) fn take(&mut self, name: &str, value: &Value) {
        let name = place::clean_name(name.as_bytes());
        if let Value::Object(object) = value {
            for (key, inner) in object {
                // The whole name is bounded too: deep objects of long keys would make names of any length.
                self.take(&format!("{name}/{key}"), inner);
            }
        } else if let Some(value) = lenient::number(value) {
            self.n_leaves += 1;
            if self.n_leaves <= MAX_LEAVES {
                let series = self.news.series.number(&name);
                self.news.series.push(series, Point { step: self.step, time: self.time, value });
            }
        }
    }

    /// Says if there were too many numbers.
    pub(crate) fn close(self) {
        if self.n_leaves > MAX_LEAVES {
            let message =
                format!("A line of more than {MAX_LEAVES} numbers; the rest was skipped (a limit of Signalbox).");
            self.news.trouble(self.offset, ProblemKind::TooLarge, message);
        }
    }
}
