//! The first line of a table: which column is what.

use std::collections::{HashMap, HashSet};

use signalbox_types::Format;

use crate::{
    place,
    text::{clock, step},
};

/// So many columns are read; further ones are not.
pub(crate) const MAX_COLUMNS: usize = 5_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Axis,
    /// May hold wall times; what is none is a metric.
    Time,
    Metric,
    /// Without a name (pandas' index).
    Ignored,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub name: String,
    pub role: Role,
}

#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub delimiter: u8,
    pub columns: Vec<Column>,
    /// Cells in the header, more than columns if it has too many.
    pub n_cells: usize,
    pub axis: Option<usize>,
    /// The axis cannot tell rows apart: an `epoch` beside a `batch`.
    pub counts_rows: bool,
}

impl Header {
    /// `line` is one record; its line end does not matter.
    pub(crate) fn parse(line: &[u8], format: Format) -> Header {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let delimiter = sniff_delimiter(line);
        let mut record = csv::ByteRecord::new();
        // A slice cannot fail to be read, and any bytes are a record: `Ok(false)` leaves the record empty.
        let _ = csv::ReaderBuilder::new()
            .has_headers(false)
            .delimiter(delimiter)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(line)
            .read_byte_record(&mut record);
        let mut cells: Vec<&[u8]> = record.iter().map(<[u8]>::trim_ascii).collect();
        while cells.last().is_some_and(|c| c.is_empty()) {
            cells.pop();
        }
        let names = unique_names(&cells[..cells.len().min(MAX_COLUMNS)]);
        let axis = pick_axis(&names, format);
        let role = |(i, name): (usize, &String)| match () {
            () if name.is_empty() => Role::Ignored,
            () if Some(i) == axis => Role::Axis,
            () if clock::is_time_name(name) => Role::Time,
            () => Role::Metric,
        };
        let roles: Vec<Role> = names.iter().enumerate().map(role).collect();
        let counts_rows = format == Format::Csv
            && axis.is_some_and(|i| names[i].eq_ignore_ascii_case("epoch"))
            && names.iter().any(|n| step::counts_batches(n));
        let columns = names.into_iter().zip(roles).map(|(name, role)| Column { name, role }).collect();
        Header { delimiter, columns, n_cells: cells.len(), axis, counts_rows }
    }

    /// Whether a row is the header once more (old Keras writes it again on every resume).
    pub(crate) fn is_repeated(&self, row: &csv::ByteRecord) -> bool {
        let first = self.columns.iter().zip(row).find(|(c, _)| c.role != Role::Ignored);
        first.is_some_and(|(column, cell)| column.name.as_bytes() == cell.trim_ascii())
            && self.columns.iter().zip(row).filter(|(c, cell)| c.name.as_bytes() == cell.trim_ascii()).count() * 2
                > self.columns.len()
    }

    pub(crate) fn time_columns(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().enumerate().filter(|(_, c)| c.role == Role::Time).map(|(i, _)| i)
    }
}

/// The separator that occurs most outside of quotes.
pub(crate) fn sniff_delimiter(line: &[u8]) -> u8 {
    let (mut counts, mut quoted) = ([0_usize; 3], false);
    for &byte in line {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => counts[0] += 1,
            b';' if !quoted => counts[1] += 1,
            b'\t' if !quoted => counts[2] += 1,
            _ => {}
        }
    }
    match counts {
        [commas, semicolons, tabs] if tabs > commas && tabs >= semicolons => b'\t',
        [commas, semicolons, _] if semicolons > commas => b';',
        _ => b',',
    }
}

pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii().is_empty()
}

fn pick_axis(names: &[String], format: Format) -> Option<usize> {
    let named = |name: &str| names.iter().position(|n| n.eq_ignore_ascii_case(name));
    let best = || {
        let ranked = names.iter().enumerate().filter_map(|(i, n)| Some((step::rank(n)?, i)));
        ranked.min().map(|(_, i)| i)
    };
    match format {
        Format::KerasCsv | Format::Ultralytics => named("epoch").or_else(best),
        _ => best(),
    }
}

/// Names as metrics; a name that was there before gets `.1`, `.2`, as pandas does.
fn unique_names(cells: &[&[u8]]) -> Vec<String> {
    let (mut seen, mut repeats) = (HashSet::new(), HashMap::<String, usize>::new());
    let mut names = Vec::with_capacity(cells.len());
    for cell in cells {
        let base = place::clean_name(cell);
        let mut name = base.clone();
        while !name.is_empty() && !seen.insert(name.clone()) {
            let n = repeats.entry(base.clone()).or_default();
            *n += 1;
            name = format!("{base}.{n}");
        }
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(line: &str, format: Format) -> Vec<(String, Role)> {
        Header::parse(line.as_bytes(), format).columns.into_iter().map(|c| (c.name, c.role)).collect()
    }

    #[test]
    fn the_best_axis_is_taken() {
        let lightning = roles("epoch,step,val_loss\r\n", Format::LightningCsv);
        assert_eq!(lightning[0], ("epoch".into(), Role::Metric));
        assert_eq!(lightning[1], ("step".into(), Role::Axis));
        let yolo = roles("    epoch,   time,  train/box_loss", Format::Ultralytics);
        assert_eq!(yolo[0], ("epoch".into(), Role::Axis));
        assert_eq!(yolo[1], ("time".into(), Role::Time));
        assert_eq!(yolo[2], ("train/box_loss".into(), Role::Metric));
        assert_eq!(roles(",Iter;x\tloss", Format::Csv).len(), 2);
    }

    #[test]
    fn odd_headers() {
        assert_eq!(
            roles("\u{feff}\"step\";\"a;b\";", Format::Csv),
            [("step".into(), Role::Axis), ("a;b".into(), Role::Metric)]
        );
        let twice = roles("loss\tloss\tstep\tloss", Format::Csv);
        assert_eq!(twice.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(), ["loss", "loss.1", "step", "loss.2"]);
        assert!(Header::parse(b"epoch,batch,loss", Format::Csv).counts_rows);
        assert!(!Header::parse(b"epoch,batch_size,loss", Format::Csv).counts_rows);
        assert_eq!(Header::parse(&b"a,".repeat(MAX_COLUMNS + 1), Format::Csv).columns.len(), MAX_COLUMNS);
        assert_eq!(Header::parse(b"", Format::Csv).columns.len(), 0);
    }
}
