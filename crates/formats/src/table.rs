//! Tables of metrics that grow by rows: Lightning, Keras, Ultralytics and any other CSV or TSV with a step column.

use serde::{Deserialize, Serialize};
use signalbox_types::{Format, Point, ProblemKind};

use crate::{
    log::{Grammar, news::News},
    table::header::{Header, Role},
    text::{
        clock,
        lines::{self, Cut},
        number::{self, Cell},
        step::{self, Step},
    },
};

pub(crate) mod header;
pub(crate) mod parts;

/// Where a table's rows stand.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Table {
    #[serde(rename = "k")]
    format: Format,
    #[serde(skip)]
    header: Option<Header>,
    /// Bytes up to the end of the header's line, 0 while there is none.
    #[serde(rename = "h")]
    header_len: u64,
    /// Rows with data so far.
    #[serde(rename = "n")]
    rows: u64,
    /// What the axis last said: rows without a step belong to it.
    #[serde(rename = "s")]
    last_step: i64,
    /// The axis holds fractions or does not tell rows apart: rows are counted.
    #[serde(rename = "b")]
    by_row: bool,
    /// Columns that held a number once, as bits.
    #[serde(rename = "c")]
    numeric: Vec<u64>,
    /// Inside of an over-long line.
    #[serde(rename = "o")]
    skipping: bool,
}

/// A row that needs rows to be counted.
struct Fraction;

/// What a table tells that will not grow: its last line may lack its end.
pub(crate) fn whole(format: Format, mut bytes: Vec<u8>) -> News {
    if bytes.last().is_some_and(|last| *last != b'\n') {
        bytes.push(b'\n');
    }
    let mut news = News::default();
    Table::new(format).feed(&bytes, 0, &mut news);
    if news.restart_by_row {
        news = News::default();
        Table::by_row(format).feed(&bytes, 0, &mut news);
    }
    news
}

impl Table {
    fn read_header(&mut self, bytes: &[u8], at: u64, news: &mut News) -> usize {
        let mut taken = 0;
        while let Cut::Record(n) = lines::line(&bytes[taken..]) {
            let line = &bytes[taken..taken + n];
            if header::is_blank(line) {
                taken += n;
                continue;
            }
            let delimiter = header::sniff_delimiter(line);
            let n = match lines::csv_record(&bytes[taken..], delimiter) {
                Cut::Record(n) | Cut::Stray(n) => n,
                Cut::TooLong | Cut::Wait => return taken,
            };
            let offset = at + taken as u64;
            let header = Header::parse(&bytes[taken..taken + n], self.format);
            if header.columns.len() < header.n_cells {
                let message = format!(
                    "The table has {} columns; the first {} are read (a limit of Signalbox).",
                    header.n_cells,
                    header.columns.len()
                );
                news.trouble(offset, ProblemKind::TooLarge, message);
            }
            self.by_row |= header.counts_rows;
            self.header = Some(header);
            taken += n;
            self.header_len = at + taken as u64;
            return taken;
        }
        taken
    }

    /// Reads a piece that holds whole records only.
    fn read_records(&mut self, piece: &[u8], at: u64, news: &mut News) -> Result<(), Fraction> {
        let Some(header) = self.header.take() else { return Ok(()) };
        let numbers: Vec<usize> = header.columns.iter().map(|c| news.series.number(&c.name)).collect();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(header.delimiter)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(piece);
        let mut record = csv::ByteRecord::new();
        let mut outcome = Ok(());
        while outcome.is_ok() && matches!(reader.read_byte_record(&mut record), Ok(true)) {
            let from = record.position().map_or(0, |p| p.byte()) as usize;
            let blank = piece[from..].iter().take_while(|b| b.is_ascii_whitespace()).count();
            let row = Row { cells: &record, offset: at + (from + blank) as u64, numbers: &numbers };
            outcome = self.read_row(&header, &row, news);
        }
        self.header = Some(header);
        outcome
    }

    fn read_row(&mut self, header: &Header, row: &Row, news: &mut News) -> Result<(), Fraction> {
        let cells = row.cells;
        let n_extra = cells.len().saturating_sub(header.n_cells);
        if cells.iter().all(|c| c.trim_ascii().is_empty()) || header.is_repeated(cells) {
            return Ok(());
        }
        if cells.len() < header.n_cells || cells.iter().rev().take(n_extra).any(|c| !c.trim_ascii().is_empty()) {
            let message =
                format!("A row of {} cells under a header of {}; it was skipped.", cells.len(), header.n_cells);
            news.trouble(row.offset, ProblemKind::Malformed, message);
            return Ok(());
        }
        let decimal_comma = header.delimiter == b';';
        let step = match header.axis.filter(|_| !self.by_row) {
            None => i64::try_from(self.rows).unwrap_or(i64::MAX),
            Some(axis) => match step::of_cell(&cells[axis], number::cell(&cells[axis], decimal_comma)) {
                Step::At(step) => step,
                Step::Missing => self.last_step,
                Step::Fraction => return Err(Fraction),
                Step::Text => {
                    let message =
                        format!("`{}` is not a number in this row; it was skipped.", header.columns[axis].name);
                    news.trouble(row.offset, ProblemKind::Malformed, message);
                    return Ok(());
                }
            },
        };
        self.last_step = step;
        self.rows += 1;
        let time = header.time_columns().find_map(|i| wall_time(&cells[i])).unwrap_or(f64::NAN);
        for (i, column) in header.columns.iter().enumerate() {
            let is_metric = match column.role {
                Role::Metric => true,
                Role::Axis => self.by_row,
                Role::Time => wall_time(&cells[i]).is_none(),
                Role::Ignored => false,
            };
            if !is_metric {
                continue;
            }
            match number::cell(&cells[i], decimal_comma) {
                Cell::Number(value) => {
                    self.mark_numeric(i);
                    news.series.push(row.numbers[i], Point { step, time, value });
                }
                Cell::Text if self.is_numeric(i) => {
                    let message = format!("`{}` is not a number in this row; the cell was skipped.", column.name);
                    news.trouble(row.offset, ProblemKind::Malformed, message);
                }
                Cell::Text | Cell::Missing => {}
            }
        }
        Ok(())
    }

    fn is_numeric(&self, column: usize) -> bool {
        self.numeric.get(column / 64).is_some_and(|bits| bits >> (column % 64) & 1 == 1)
    }

    fn mark_numeric(&mut self, column: usize) {
        if self.numeric.len() <= column / 64 {
            self.numeric.resize(column / 64 + 1, 0);
        }
        self.numeric[column / 64] |= 1 << (column % 64);
    }
}

struct Row<'a> {
    cells: &'a csv::ByteRecord,
    offset: u64,
    /// By column: the metric's number in the news.
    numbers: &'a [usize],
}

impl Grammar for Table {
    fn new(format: Format) -> Self {
        Self {
            format,
            header: None,
            header_len: 0,
            rows: 0,
            last_step: 0,
            by_row: false,
            numeric: Vec::new(),
            skipping: false,
        }
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
            if self.header.is_none() {
                pos += self.read_header(&bytes[pos..], at + pos as u64, news);
            }
            let delimiter = self.header.as_ref().map_or(b',', |h| h.delimiter);
            let from = pos;
            let stop = loop {
                match lines::csv_record(&bytes[pos..], delimiter) {
                    Cut::Record(n) if self.header.is_some() => pos += n,
                    stop => break stop,
                }
            };
            if pos > from && self.read_records(&bytes[from..pos], at + from as u64, news).is_err() {
                news.restart_by_row = true;
                continue;
            }
            let offset = at + pos as u64;
            match stop {
                Cut::Stray(n) => {
                    news.trouble(
                        offset,
                        ProblemKind::Malformed,
                        "A quote in this line is never closed; it was skipped.",
                    );
                    pos += n;
                }
                Cut::TooLong => {
                    news.trouble(offset, ProblemKind::TooLarge, lines::TOO_LONG);
                    self.skipping = true;
                }
                Cut::Record(_) | Cut::Wait => return pos,
            }
        }
    }

    fn preamble_len(&self) -> u64 {
        if self.header.is_none() { self.header_len } else { 0 }
    }

    fn restore(&mut self, preamble: &[u8]) -> bool {
        let start =
            preamble.split_inclusive(|b| *b == b'\n').take_while(|l| header::is_blank(l)).map(<[u8]>::len).sum();
        self.header = Some(Header::parse(&preamble[start..], self.format));
        true
    }

    fn by_row(format: Format) -> Self {
        Self { by_row: true, ..Self::new(format) }
    }

    fn rows(&self) -> u64 {
        self.rows
    }
}

/// The wall time that a cell of a time column tells, if it tells one.
fn wall_time(cell: &[u8]) -> Option<f64> {
    match number::cell(cell, false) {
        Cell::Number(x) => clock::unix_of_number(x),
        Cell::Text => clock::unix_of_iso(std::str::from_utf8(cell).ok()?),
        Cell::Missing => None,
    }
}
