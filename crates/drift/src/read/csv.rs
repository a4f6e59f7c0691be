//! CSV, TSV and their kin. Cells are typed as their column's first ones are; bytes that are not UTF-8 are replaced and told.

use super::batch::Batch;
use super::dialect::{self, Dialect};
use super::infer::Looks;
use super::schema::{self, Column, Found, Kind, Known};
use super::text::{self, Filled, MAX_RECORD};
use super::{Options, Problem, Problems};
use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub struct CsvFile {
    path: PathBuf,
    pub dialect: Dialect,
    pub found: Found,
    /// Of the byte order mark.
    skip: u64,
}

impl CsvFile {
    pub fn open(path: &Path, options: &Options) -> Result<CsvFile, String> {
        let (head, _) = text::head(path).map_err(|e| e.to_string())?;
        if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            return Err("it is UTF-16; save it as UTF-8".into());
        }
        if head[..head.len().min(8192)].contains(&0) {
            return Err("it holds bytes of zero: no text".into());
        }
        let skip = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let head = &head[skip..];
        let mut dialect = Dialect::of(head);
        dialect.delimiter = options.delimiter.unwrap_or(dialect.delimiter);
        dialect.has_header = options.has_header.unwrap_or(dialect.has_header);
        dialect.decimal_comma = options.decimal_comma.unwrap_or(dialect.decimal_comma);
        if !dialect.delimiter.is_ascii() {
            return Err(format!("{:?} cannot part columns: it is not ASCII", dialect.delimiter));
        }
        let found = columns(head, dialect, options);
        Ok(CsvFile { path: path.to_owned(), dialect, found, skip: skip as u64 })
    }

    pub fn scan(
        &self,
        (file, name): (usize, &str),
        wanted: &[Option<usize>],
        problems: &mut Problems,
        each: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let problem = |place: Option<String>, message: String, hint: &str| Problem {
            file: name.to_owned(),
            column: None,
            place,
            lost: true,
            message,
            hint: Some(hint.to_owned()),
        };
        let mut from = match File::open(&self.path) {
            Ok(from) => from,
            Err(e) => {
                problems.add(problem(None, format!("It cannot be read: {e}."), "Look whether it is still there."));
                return ControlFlow::Continue(());
            }
        };
        let (budget, quotes) = (Rc::new(Cell::new(MAX_RECORD)), Rc::new(Cell::new(0)));
        if from.seek(SeekFrom::Start(self.skip)).is_err() {
            return ControlFlow::Continue(());
        }
        let mut reader = (self.dialect.reader())
            .has_headers(self.dialect.has_header)
            .buffer_capacity(1 << 18)
            .from_reader(Limited { from, left: budget.clone(), quotes: quotes.clone() });
        let kind = |at: &Option<usize>| at.and_then(|at| self.found.columns.get(at)).map(|column| column.kind);
        let mut rows = Filled::of(file, wanted.iter().map(kind), each);
        let places: Vec<Option<usize>> = wanted.iter().map(|at| at.map(|at| self.found.columns[at].path[0])).collect();
        let cells = self.found.columns.len() + self.found.n_beyond;
        let mut record = ::csv::ByteRecord::new();
        let (mut ragged, mut foreign) = (Odd::default(), Odd::default());
        let mut flow = ControlFlow::Continue(());
        let mut last = 0;
        loop {
            budget.set(MAX_RECORD);
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => {
                    let n = reader.position().line().saturating_sub(last);
                    if quotes.get() % 2 == 1 && n > 1 {
                        problems.add(problem(
                            Some(format!("line {last}")),
                            format!("A quote begins there and never ends: {n} lines, all that follow, are one cell."),
                            "Close the quote.",
                        ));
                    }
                    break;
                }
                Err(e) => {
                    let line = format!("line {}", reader.position().line());
                    problems.add(problem(
                        Some(line),
                        format!("What stands from there on could not be read: {e}."),
                        "A quote that never ends makes one record of all that follows: close it.",
                    ));
                    break;
                }
            }
            let line = record.position().map_or(0, ::csv::Position::line);
            last = line;
            if record.len() != cells {
                ragged.see(line);
            }
            for (filling, place) in rows.columns.iter_mut().zip(&places) {
                let (Some(filling), Some(place)) = (filling, place) else { continue };
                let cell = record.get(*place).unwrap_or_default();
                let text = String::from_utf8_lossy(cell);
                if matches!(text, std::borrow::Cow::Owned(_)) {
                    foreign.see(line);
                }
                filling.text(&text, self.dialect.decimal_comma, line);
            }
            flow = rows.done(record.as_slice().len());
            if flow.is_break() {
                break;
            }
        }
        if flow.is_continue() {
            flow = rows.hand_on();
        }
        ragged.tell(|n| format!("{n} rows do not have {cells} cells as the first has; what is too much is left out, what lacks is missing."))
            .into_iter()
            .chain(foreign.tell(|n| format!("{n} cells are not UTF-8; what is not is shown as \u{fffd}.")))
            .for_each(|(line, message)| problems.add(problem(Some(line), message, "Mend the file, or say its dialect.")));
        for (filling, at) in rows.columns.into_iter().zip(wanted) {
            if let (Some(filling), Some(at)) = (filling, at) {
                filling.tell(name, &self.found.columns[*at].name, problems);
            }
        }
        flow
    }
}

/// Named by the first record, and of the kinds that the beginning's cells look like.
fn columns(head: &[u8], dialect: Dialect, options: &Options) -> Found {
    let records = dialect::records(head, dialect.delimiter);
    let width = records.first().map_or(0, Vec::len);
    let column = |at: usize| {
        let named = dialect.has_header.then(|| records[0][at].trim().to_owned()).filter(|name| !name.is_empty());
        let name = named.unwrap_or_else(|| format!("column {}", at + 1));
        let (kind, known, physical) = (Kind::Numeric, Known::Nothing, "text".into());
        Column { name, kind, physical, nullable: true, path: vec![at], known }
    };
    let mut found = Found::unique((0..width.min(schema::MAX_COLUMNS)).map(column).collect());
    found.n_beyond = width - found.columns.len();
    let is_told = |column: &Column| options.types.contains_key(&column.name);
    let looks = if found.columns.iter().all(is_told) { Vec::new() } else { looks(head, dialect, width) };
    for (at, column) in found.columns.iter_mut().enumerate() {
        (column.kind, column.known) = options.kind(&column.name, looks.get(at).and_then(Looks::kind));
    }
    found
}

/// What the columns' cells look like, as far as the beginning goes.
fn looks(head: &[u8], dialect: Dialect, width: usize) -> Vec<Looks> {
    let mut found = vec![Looks::default(); width.min(schema::MAX_COLUMNS)];
    let mut reader = dialect.reader().has_headers(dialect.has_header).from_reader(head);
    for record in reader.byte_records().filter_map(Result::ok) {
        for (looks, cell) in found.iter_mut().zip(&record) {
            looks.see(&String::from_utf8_lossy(cell), dialect.decimal_comma);
        }
    }
    found
}

/// Rows that are not as they should be: how many, and where the first is.
#[derive(Default)]
struct Odd {
    n: u64,
    first: u64,
}

impl Odd {
    fn see(&mut self, line: u64) {
        if self.n == 0 {
            self.first = line;
        }
        self.n += 1;
    }

    fn tell(&self, of: impl Fn(u64) -> String) -> Option<(String, String)> {
        (self.n > 0).then(|| (format!("line {}", self.first), of(self.n)))
    }
}

/// Ends with an error where one record takes more than it may.
struct Limited {
    from: File,
    left: Rc<Cell<usize>>,
    /// So far: an odd number at the end is one that never closes.
    quotes: Rc<Cell<usize>>,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left.get() == 0 {
            return Err(std::io::Error::other("a record is longer than 64 MiB"));
        }
        let n = self.from.read(buffer)?;
        self.left.set(self.left.get().saturating_sub(n));
        self.quotes.set(self.quotes.get() + buffer[..n].iter().filter(|b| **b == b'"').count());
        Ok(n)
    }
}
