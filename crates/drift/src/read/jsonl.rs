//! JSON Lines: an object a line. Fields of objects within are columns named `outer.inner`.

use super::batch::Batch;
use super::infer::{self, Cell};
use super::schema::{self, Column, Found, Kind, Known};
use super::text::{self, Filled, Filling, MAX_RECORD, numbers_of};
use super::{Options, Problem, Problems};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Objects within objects deeper than this are not looked into.
const MAX_DEPTH: usize = 8;

pub struct JsonlFile {
    path: PathBuf,
    pub found: Found,
}

/// What the values of a field were.
#[derive(Default)]
struct Seen {
    numbers: u64,
    booleans: u64,
    lists: u64,
    others: u64,
    texts: Vec<String>,
}

impl Seen {
    fn see(&mut self, value: &Value) {
        match value {
            Value::Null => {}
            Value::Number(_) => self.numbers += 1,
            Value::Bool(_) => self.booleans += 1,
            Value::String(text) if is_odd_number(text).is_some() => self.numbers += 1,
            Value::String(text) => self.texts.push(text.chars().take(64).collect()),
            Value::Array(items) if numbers_of(items).is_some() => self.lists += 1,
            _ => self.others += 1,
        }
    }

    /// `None` where all are null. What JSON calls a number or true is one; what its texts are has to be guessed.
    fn kind(&self) -> Option<(Kind, Known)> {
        let most = self.numbers.max(self.booleans).max(self.lists).max(self.others).max(self.texts.len() as u64);
        if most == 0 {
            return None;
        }
        Some(if self.numbers == most {
            (Kind::Numeric, Known::Told)
        } else if self.texts.len() as u64 == most {
            // A text of digits is a text here: JSON has numbers.
            match infer::kind_of(self.texts.iter().map(String::as_str), false) {
                Some(Kind::Datetime) => (Kind::Datetime, Known::Guessed),
                _ => (Kind::Categorical, Known::Guessed),
            }
        } else if self.booleans == most {
            (Kind::Boolean, Known::Told)
        } else if self.lists == most {
            (Kind::List, Known::Told)
        } else {
            (Kind::Opaque, Known::Told)
        })
    }
}

impl JsonlFile {
    pub fn open(path: &Path, options: &Options) -> Result<JsonlFile, String> {
        let (head, _) = text::head(path).map_err(|e| e.to_string())?;
        let mut names: Vec<String> = Vec::new();
        let mut seen: HashMap<String, Seen> = HashMap::new();
        let mut n_objects = 0;
        for line in head.split(|b| *b == b'\n') {
            let Some(Value::Object(object)) = parsed(line) else { continue };
            n_objects += 1;
            flat(object, "", 0, &mut |name, value| {
                if !seen.contains_key(&name) {
                    names.push(name.clone());
                }
                seen.entry(name).or_default().see(&value);
            });
        }
        if n_objects == 0 && !head.iter().all(u8::is_ascii_whitespace) {
            return Err("none of its first lines is a JSON object".into());
        }
        let n_beyond = names.len().saturating_sub(schema::MAX_COLUMNS);
        names.truncate(schema::MAX_COLUMNS);
        let column = |(at, name): (usize, String)| {
            let (kind, known) = options.kind(&name, seen[&name].kind());
            Column { name, kind, physical: "json".into(), nullable: true, path: vec![at], known }
        };
        let columns = names.into_iter().enumerate().map(column).collect();
        Ok(JsonlFile { path: path.to_owned(), found: Found { columns, twice: Vec::new(), n_beyond } })
    }

    pub fn scan(
        &self,
        (file, name): (usize, &str),
        wanted: &[Option<usize>],
        problems: &mut Problems,
        each: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let problem = |place: Option<String>, message: String| Problem {
            file: name.to_owned(),
            column: None,
            place,
            lost: true,
            message,
            hint: Some("Mend that line, or write the file again.".into()),
        };
        let mut from = match File::open(&self.path) {
            Ok(from) => BufReader::with_capacity(1 << 18, from),
            Err(e) => {
                problems.add(problem(None, format!("It cannot be read: {e}.")));
                return ControlFlow::Continue(());
            }
        };
        let kind = |at: &Option<usize>| at.map(|at| self.found.columns[at].kind);
        let mut rows = Filled::of(file, wanted.iter().map(kind), each);
        let places: HashMap<&str, usize> = wanted
            .iter()
            .enumerate()
            .filter_map(|(to, at)| at.map(|at| (self.found.columns[at].name.as_str(), to)))
            .collect();
        let known: HashMap<&str, ()> = self.found.columns.iter().map(|column| (column.name.as_str(), ())).collect();
        let (mut text, mut line) = (Vec::new(), 0_u64);
        let mut broken: Option<(u64, u64)> = None;
        let mut strange: Option<(u64, String)> = None;
        let mut flow = ControlFlow::Continue(());
        loop {
            text.clear();
            line += 1;
            match next_line(&mut from, &mut text) {
                Ok(0) => break,
                Ok(_) => {}
                Err(e) => {
                    problems
                        .add(problem(Some(format!("line {line}")), format!("What follows could not be read: {e}.")));
                    break;
                }
            }
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let Some(Value::Object(object)) = parsed(&text) else {
                broken = Some(broken.map_or((1, line), |(n, first)| (n + 1, first)));
                continue;
            };
            let mut there = vec![false; rows.columns.len()];
            flat(object, "", 0, &mut |field, value| match places.get(field.as_str()) {
                Some(to) if !there[*to] => {
                    there[*to] = true;
                    if let Some(filling) = &mut rows.columns[*to] {
                        put(filling, &value, self.found.columns[wanted[*to].unwrap_or_default()].kind, line);
                    }
                }
                None if !known.contains_key(field.as_str()) && strange.is_none() => strange = Some((line, field)),
                _ => {}
            });
            for (filling, there) in rows.columns.iter_mut().zip(there) {
                if let Some(filling) = filling.as_mut().filter(|_| !there) {
                    filling.put(&Cell::Null);
                }
            }
            flow = rows.done(text.len());
            if flow.is_break() {
                break;
            }
        }
        if flow.is_continue() {
            flow = rows.hand_on();
        }
        if let Some((n, first)) = broken {
            let what = if n == 1 { "line is no JSON object" } else { "lines are no JSON objects" };
            problems.add(problem(Some(format!("line {first}")), format!("{n} {what}; left out.")));
        }
        if let Some((line, field)) = strange {
            let message = format!(
                "The field {field:?} comes after the beginning, by which the columns were known: it is left out."
            );
            problems.add(problem(Some(format!("line {line}")), message));
        }
        for (filling, at) in rows.columns.into_iter().zip(wanted) {
            if let (Some(filling), Some(at)) = (filling, at) {
                filling.tell(name, &self.found.columns[*at].name, problems);
            }
        }
        flow
    }
}

fn put(filling: &mut Filling, value: &Value, kind: Kind, line: u64) {
    match (kind, value) {
        (_, Value::Null) => filling.put(&Cell::Null),
        (Kind::Numeric, Value::Number(n)) => filling.put(&match (n.as_i128(), n.as_f64()) {
            (Some(whole), _) if whole.unsigned_abs() > 1 << 53 => Cell::Whole(whole),
            (_, value) => value.map_or(Cell::Null, Cell::Number),
        }),
        (Kind::Numeric, Value::String(text)) => match is_odd_number(text) {
            Some(value) => filling.put(&Cell::Number(value)),
            None => filling.surprise(line, text),
        },
        (Kind::Boolean, Value::Bool(value)) => filling.put(&Cell::Boolean(*value)),
        // An empty text is a level here: JSON has null.
        (Kind::Categorical, Value::String(text)) => filling.put(&Cell::Text(text)),
        (Kind::Categorical, other) => filling.put(&Cell::Text(&other.to_string())),
        (Kind::Datetime, Value::String(text)) => filling.text(text, false, line),
        (Kind::Datetime, Value::Number(n)) => filling.put(&n.as_f64().map_or(Cell::Null, Cell::Number)),
        (Kind::List, Value::Array(items)) => match numbers_of(items) {
            Some(items) => filling.list(items.into_iter()),
            None => filling.surprise(line, &value.to_string()),
        },
        (Kind::Opaque, _) => filling.put(&Cell::Boolean(true)),
        (_, other) => filling.surprise(line, &other.to_string()),
    }
}

fn flat(object: Map<String, Value>, before: &str, depth: usize, each: &mut dyn FnMut(String, Value)) {
    for (name, value) in object {
        let name = if before.is_empty() { name } else { format!("{before}.{name}") };
        match value {
            Value::Object(inner) if depth < MAX_DEPTH => flat(inner, &name, depth + 1, each),
            value => each(name, value),
        }
    }
}

/// One line; of one that is longer than it may be nothing is kept, and it is no object then.
fn next_line(from: &mut impl BufRead, text: &mut Vec<u8>) -> std::io::Result<usize> {
    let n = from.by_ref().take(MAX_RECORD as u64).read_until(b'\n', text)?;
    if n < MAX_RECORD || text.ends_with(b"\n") {
        return Ok(n);
    }
    text.clear();
    text.push(b'?');
    loop {
        let there = from.fill_buf()?;
        let end = there.iter().position(|b| *b == b'\n');
        let (used, is_end) = (end.map_or(there.len(), |at| at + 1), end.is_some() || there.is_empty());
        from.consume(used);
        if is_end {
            return Ok(n);
        }
    }
}

/// Python writes NaN and Infinity bare, which JSON does not know: they come as texts that [`is_odd_number`] knows.
fn parsed(line: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(line);
    serde_json::from_str(&text).ok().or_else(|| serde_json::from_str(&mended(&text)?).ok())
}

const ODD: [(&str, &str, f64); 3] = [
    ("-Infinity", "\"\u{0}-Infinity\"", f64::NEG_INFINITY),
    ("Infinity", "\"\u{0}Infinity\"", f64::INFINITY),
    ("NaN", "\"\u{0}NaN\"", f64::NAN),
];

fn is_odd_number(text: &str) -> Option<f64> {
    let name = text.strip_prefix('\u{0}')?;
    ODD.iter().find(|odd| odd.0 == name).map(|odd| odd.2)
}

/// `None` where there is none of them outside of texts.
fn mended(text: &str) -> Option<String> {
    let (mut out, mut rest, mut n) = (String::with_capacity(text.len() + 16), text, 0);
    while !rest.is_empty() {
        if rest.starts_with('"') {
            let bytes = rest.as_bytes();
            let mut end = 1;
            while end < bytes.len() && bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            let end = (end + 1).min(rest.len());
            out.push_str(rest.get(..end)?);
            rest = &rest[end..];
        } else if let Some(odd) = ODD.iter().find(|odd| rest.starts_with(odd.0)) {
            out.push_str(&Cow::Borrowed(odd.1).replace('\u{0}', "\\u0000"));
            rest = &rest[odd.0.len()..];
            n += 1;
        } else {
            let c = rest.chars().next()?;
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    (n > 0).then_some(out)
}
