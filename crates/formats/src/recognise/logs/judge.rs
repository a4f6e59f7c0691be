//! Log or data set? From the first 4 KiB.
//!
//! A log's step column is made of numbers that mostly do not go back and do not repeat over and over, and most of
//! its other columns are numbers. A simulated data set such as PaySim has a `step` too: thousands of rows of each.

use signalbox_types::Format;

use crate::{
    jsonl::{self, lenient},
    table::header::{self, Header, Role},
    text::{
        lines::{self, Cut},
        number::{self, Cell},
        step,
    },
};

/// An `epoch` beyond is a time of day.
const MAX_EPOCH: f64 = 1e8;

/// The format of a table. `promised`: what the files beside it say that it is.
pub(super) fn table(head: &[u8], name: &str, promised: Option<Format>) -> Option<Format> {
    let start = head.split_inclusive(|b| *b == b'\n').take_while(|l| header::is_blank(l)).map(<[u8]>::len).sum();
    let head: &[u8] = &head[start..];
    let Some(first) = head.split_inclusive(|b| *b == b'\n').next().filter(|line| line.ends_with(b"\n")) else {
        // A header of more than 4 KiB; shorter ones are not written to their end yet.
        return promised.filter(|_| head.len() >= super::super::peek::HEAD - start);
    };
    let Cut::Record(n) = lines::csv_record(head, header::sniff_delimiter(first)) else { return promised };
    let (line, rows) = head.split_at(n);
    let format = promised.or_else(|| format_of(line, name))?;
    let header = Header::parse(line, format);
    let sample = Sample::of_table(&header, rows);
    match sample.n_rows {
        // A header is enough where only a tool writes such a one; other files are looked at again when they grow.
        0 => (format != Format::Csv).then_some(format),
        _ => (promised.is_some() || sample.is_log(format == Format::KerasCsv)).then_some(format),
    }
}

/// What a header alone tells.
fn format_of(line: &[u8], name: &str) -> Option<Format> {
    let header = Header::parse(line, Format::Csv);
    header.axis?;
    let names: Vec<String> = header.columns.iter().map(|c| c.name.to_ascii_lowercase()).collect();
    let has = |name: &str| names.iter().any(|n| n == name);
    let epoch_first = names.first().is_some_and(|n| n == "epoch");
    let has_loss = names.iter().skip(1).any(|n| step::is_loss_like(n));
    Some(match () {
        () if name == "metrics.csv" && has("epoch") && has("step") => Format::LightningCsv,
        () if name == "results.csv" && epoch_first && names.iter().any(|n| n.starts_with("train/")) => {
            Format::Ultralytics
        }
        () if epoch_first && has_loss && !has("step") && !header.counts_rows => Format::KerasCsv,
        () => Format::Csv,
    })
}

/// Whether these are the first lines of a JSON Lines log.
pub(super) fn json_lines(head: &[u8]) -> bool {
    let mut sample = Sample::default();
    let (mut n_lines, mut n_objects, mut axis) = (0, 0, None);
    let complete = head.split_inclusive(|b| *b == b'\n').filter(|line| line.ends_with(b"\n"));
    for line in complete.map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
        n_lines += 1;
        let Ok(serde_json::Value::Object(object)) = lenient::parse(line) else { continue };
        n_objects += 1;
        axis = axis.or_else(|| jsonl::axis_of(&object));
        let Some(key) = &axis else { continue };
        sample.n_rows += 1;
        sample.axis_is_epoch = key.eq_ignore_ascii_case("epoch");
        sample.steps.extend(object.get(key).and_then(serde_json::Value::as_f64));
        for (name, value) in object.iter().filter(|(name, _)| *name != key) {
            sample.has_loss |= step::is_loss_like(name);
            sample.count_leaves(value, 0);
        }
    }
    n_objects * 10 >= n_lines * 7 && sample.is_log(false)
}

/// What the first rows of a file hold.
#[derive(Default)]
struct Sample {
    n_rows: usize,
    n_ragged: usize,
    n_bad_steps: usize,
    steps: Vec<f64>,
    axis_is_epoch: bool,
    /// Rows may share a step: they are told apart by something else.
    counts_rows: bool,
    has_loss: bool,
    /// Columns (or keys in lines) of numbers and of text, the axis left out.
    n_numeric: usize,
    n_text: usize,
}

impl Sample {
    fn of_table(header: &Header, rows: &[u8]) -> Sample {
        let Some(axis) = header.axis else { return Sample::default() };
        let end = memchr::memrchr(b'\n', rows).map_or(0, |i| i + 1);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(header.delimiter)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(&rows[..end]);
        let names = || header.columns.iter().filter(|c| c.role != Role::Axis).map(|c| &c.name);
        let mut sample = Sample {
            axis_is_epoch: header.columns[axis].name.eq_ignore_ascii_case("epoch"),
            counts_rows: header.counts_rows,
            has_loss: names().any(|n| step::is_loss_like(n)),
            ..Sample::default()
        };
        let mut kinds = vec![(0_usize, 0_usize); header.columns.len()];
        let mut record = csv::ByteRecord::new();
        while matches!(reader.read_byte_record(&mut record), Ok(true)) {
            if record.iter().all(|c| c.trim_ascii().is_empty()) || header.is_repeated(&record) {
                continue;
            }
            sample.n_rows += 1;
            if record.len() < header.n_cells {
                sample.n_ragged += 1;
                continue;
            }
            match number::cell(&record[axis], header.delimiter == b';') {
                Cell::Number(step) => sample.steps.push(step),
                Cell::Text => sample.n_bad_steps += 1,
                Cell::Missing => {}
            }
            for (i, kind) in kinds.iter_mut().enumerate().filter(|(i, _)| *i != axis) {
                match number::cell(&record[i], header.delimiter == b';') {
                    Cell::Number(_) => kind.0 += 1,
                    Cell::Text if header.columns[i].role == Role::Metric => kind.1 += 1,
                    Cell::Text | Cell::Missing => {}
                }
            }
        }
        sample.n_numeric = kinds.iter().filter(|(numbers, texts)| numbers > texts).count();
        sample.n_text = kinds.iter().filter(|(numbers, texts)| texts > numbers).count();
        sample
    }

    fn count_leaves(&mut self, value: &serde_json::Value, depth: usize) {
        match value {
            serde_json::Value::Object(object) if depth < 8 => {
                for (name, inner) in object {
                    self.has_loss |= step::is_loss_like(name);
                    self.count_leaves(inner, depth + 1);
                }
            }
            other if lenient::number(other).is_some() => self.n_numeric += 1,
            serde_json::Value::String(_) | serde_json::Value::Array(_) => self.n_text += 1,
            _ => {}
        }
    }

    /// `by_keras`: the header is one that Keras writes, so that a step may repeat.
    fn is_log(&self, by_keras: bool) -> bool {
        let n = self.steps.len();
        if n == 0 || self.n_numeric == 0 || self.n_text > self.n_numeric {
            return false;
        }
        let mostly = |good: usize, all: usize| good * 10 >= all * 8;
        let n_whole = self.steps.iter().filter(|s| number::whole(**s).is_some()).count();
        let n_back = self.steps.windows(2).filter(|pair| pair[1] < pair[0]).count();
        let mut distinct: Vec<u64> = self.steps.iter().map(|s| s.to_bits()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let repeats = n >= 20 && distinct.len() * 10 < n;
        mostly(self.n_rows - self.n_ragged, self.n_rows)
            && mostly(n, n + self.n_bad_steps)
            && (mostly(n_whole, n) || self.axis_is_epoch)
            && mostly(n - n_back, n)
            && !(self.axis_is_epoch && self.steps.iter().any(|s| *s > MAX_EPOCH))
            && (!repeats || self.has_loss && (by_keras || self.counts_rows || self.axis_is_epoch))
    }
}
