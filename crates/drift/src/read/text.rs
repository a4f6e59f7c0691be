//! Cells of text files become columns; what is not what its column holds is counted and told, not guessed.

use super::batch::Batch;
use super::batch::WHOLE;
use super::infer::{self, Cell};
use super::schema::Kind;
use super::{Problem, Problems};
use arrow::array::*;
use arrow::datatypes::Int32Type;
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// A batch ends after so many rows or bytes.
const BATCH_ROWS: usize = 16_384;
const BATCH_BYTES: usize = 16 << 20;
/// A line or record longer than this is not read.
pub const MAX_RECORD: usize = 64 << 20;

/// So many bytes from the beginning tell the dialect and the types; more where so few lines are in them.
const HEAD: u64 = 1 << 20;
const HEAD_LINES: usize = 4;

/// The beginning of a file, to the end of a line, and whether it is all of it.
pub fn head(path: &Path) -> std::io::Result<(Vec<u8>, bool)> {
    let mut file = File::open(path)?;
    let (mut head, mut lines, mut step) = (Vec::new(), 0, HEAD);
    loop {
        let before = head.len();
        (&mut file).take(step).read_to_end(&mut head)?;
        lines += head[before..].iter().filter(|b| **b == b'\n').count();
        if ((head.len() - before) as u64) < step {
            return Ok((head, true));
        }
        if lines >= HEAD_LINES || head.len() >= MAX_RECORD {
            break;
        }
        step = (head.len() as u64).min((MAX_RECORD - head.len()) as u64);
    }
    // A cell that is longer than what was looked at leaves nothing to be cut off.
    let end = head.iter().rposition(|b| *b == b'\n').map_or(head.len(), |at| at + 1);
    head.truncate(end);
    Ok((head, false))
}

/// A column that is being filled.
pub struct Filling {
    kind: Kind,
    values: Values,
    surprises: Surprises,
}

enum Values {
    /// And the integers among them, by row, that a double would round.
    Numbers(Float64Builder, Vec<(usize, i128)>),
    Booleans(BooleanBuilder),
    Levels(StringDictionaryBuilder<Int32Type>),
    Lists(ListBuilder<Float64Builder>),
    Opaque(BooleanBuilder),
}

/// Rows that are being filled, and handed on when there are enough of them.
pub struct Filled<'a> {
    pub columns: Vec<Option<Filling>>,
    file: usize,
    n_rows: usize,
    n_bytes: usize,
    each: &'a mut dyn FnMut(&Batch) -> ControlFlow<()>,
}

impl<'a> Filled<'a> {
    pub fn of(
        file: usize,
        columns: impl Iterator<Item = Option<Kind>>,
        each: &'a mut dyn FnMut(&Batch) -> ControlFlow<()>,
    ) -> Filled<'a> {
        let columns = columns.map(|kind| kind.map(Filling::of)).collect();
        Filled { columns, file, n_rows: 0, n_bytes: 0, each }
    }

    /// A row is whole, of so many bytes.
    pub fn done(&mut self, n_bytes: usize) -> ControlFlow<()> {
        self.n_rows += 1;
        self.n_bytes += n_bytes;
        if self.n_rows >= BATCH_ROWS || self.n_bytes >= BATCH_BYTES {
            self.hand_on()
        } else {
            ControlFlow::Continue(())
        }
    }

    /// What is left of them.
    pub fn hand_on(&mut self) -> ControlFlow<()> {
        if self.n_rows == 0 {
            return ControlFlow::Continue(());
        }
        let columns = self.columns.iter_mut().map(|filling| filling.as_mut().map(Filling::taken)).collect();
        let batch = Batch { n_rows: self.n_rows, columns, file: self.file };
        (self.n_rows, self.n_bytes) = (0, 0);
        (self.each)(&batch)
    }
}

#[derive(Default)]
struct Surprises {
    n: u64,
    first: Option<(u64, String)>,
}

impl Filling {
    pub fn of(kind: Kind) -> Filling {
        let values = match kind {
            Kind::Numeric | Kind::Datetime => Values::Numbers(Float64Builder::new(), Vec::new()),
            Kind::Boolean => Values::Booleans(BooleanBuilder::new()),
            Kind::Categorical => Values::Levels(StringDictionaryBuilder::new()),
            Kind::List => Values::Lists(ListBuilder::new(Float64Builder::new())),
            Kind::Opaque => Values::Opaque(BooleanBuilder::new()),
        };
        Filling { kind, values, surprises: Surprises::default() }
    }

    pub fn text(&mut self, cell: &str, decimal_comma: bool, line: u64) {
        let read = infer::read(cell, self.kind, decimal_comma);
        if read == Cell::Surprise {
            self.surprise(line, cell);
        } else {
            self.put(&read);
        }
    }

    /// It is null then: nothing is guessed.
    pub fn surprise(&mut self, line: u64, cell: &str) {
        self.surprises.n += 1;
        if self.surprises.first.is_none() {
            self.surprises.first = Some((line, cell.chars().take(40).collect()));
        }
        self.put(&Cell::Null);
    }

    pub fn put(&mut self, cell: &Cell) {
        match (&mut self.values, cell) {
            (Values::Numbers(to, _), Cell::Number(value)) => to.append_value(*value),
            (Values::Numbers(to, wholes), Cell::Whole(whole)) => {
                wholes.push((to.len(), *whole));
                to.append_value(*whole as f64);
            }
            (Values::Booleans(to), Cell::Boolean(value)) => to.append_value(*value),
            (Values::Levels(to), Cell::Text(text)) => to.append_value(text),
            (Values::Opaque(to), Cell::Null) => to.append_null(),
            (Values::Opaque(to), _) => to.append_value(true),
            (Values::Numbers(to, _), _) => to.append_null(),
            (Values::Booleans(to), _) => to.append_null(),
            (Values::Levels(to), _) => to.append_null(),
            (Values::Lists(to), _) => to.append_null(),
        }
    }

    pub fn list(&mut self, items: impl Iterator<Item = Option<f64>>) {
        if let Values::Lists(to) = &mut self.values {
            items.for_each(|item| to.values().append_option(item));
            to.append(true);
        }
    }

    /// The rows so far; it starts anew.
    pub fn taken(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Numbers(from, wholes) => exact(from.finish(), &std::mem::take(wholes)),
            Values::Booleans(from) => Arc::new(from.finish()),
            Values::Levels(from) => Arc::new(from.finish()),
            Values::Lists(from) => Arc::new(from.finish()),
            // Rows that are only there or not: neither numbers nor texts to whoever counts.
            Values::Opaque(from) => {
                Arc::new(from.finish().iter().map(|is| is.map(|_| b"".as_slice())).collect::<BinaryArray>())
            }
        }
    }

    pub fn tell(self, file: &str, column: &str, problems: &mut Problems) {
        let Some((line, example)) = self.surprises.first else { return };
        let what = match self.kind {
            Kind::Numeric => "a number",
            Kind::Datetime => "a time",
            Kind::Boolean => "true or false",
            Kind::List => "a list of numbers",
            _ => "a value of its column",
        };
        problems.add(Problem {
            file: file.to_owned(),
            column: Some(column.to_owned()),
            place: Some(format!("line {line}")),
            lost: false,
            message: format!(
                "{} {} not {what}, the first is {example:?}. They count as missing.",
                self.surprises.n,
                if self.surprises.n == 1 { "cell is" } else { "cells are" },
            ),
            hint: Some(format!("Mend the file, or read the column as texts: --type {column}=categorical.")),
        });
    }
}

/// Integers, if all of them are: identifiers stay what they are. Among fractions they are doubles as all others.
fn exact(values: Float64Array, wholes: &[(usize, i128)]) -> ArrayRef {
    let is_double = |value: f64| value.fract() == 0.0 && value.abs() <= WHOLE;
    let mut large = wholes.iter().peekable();
    let mut integers = || -> Option<Vec<Option<i128>>> {
        (values.iter().enumerate())
            .map(|(row, value)| match (large.next_if(|(at, _)| *at == row), value) {
                (Some((_, whole)), _) => Some(Some(*whole)),
                (None, None) => Some(None),
                (None, Some(value)) => is_double(value).then_some(Some(value as i128)),
            })
            .collect()
    };
    let Some(integers) = (!wholes.is_empty()).then(&mut integers).flatten() else { return Arc::new(values) };
    if let Some(all) = fitting::<i64>(&integers) {
        return Arc::new(Int64Array::from(all));
    }
    fitting::<u64>(&integers).map_or_else(|| Arc::new(values) as ArrayRef, |all| Arc::new(UInt64Array::from(all)))
}

fn fitting<T: TryFrom<i128>>(integers: &[Option<i128>]) -> Option<Vec<Option<T>>> {
    let of = |whole: &Option<i128>| match whole {
        Some(whole) => T::try_from(*whole).ok().map(Some),
        None => Some(None),
    };
    integers.iter().map(of).collect()
}

/// A list that holds numbers only, or nulls.
pub fn numbers_of(items: &[serde_json::Value]) -> Option<Vec<Option<f64>>> {
    items.iter().map(|item| if item.is_null() { Some(None) } else { item.as_f64().map(Some) }).collect()
}
