//! How a file of separated values is written: found from its beginning, said, and correctable.

use super::infer;
use super::schema::Kind;
use serde::Serialize;
use ts_rs::TS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
pub struct Dialect {
    /// One ASCII character.
    pub delimiter: char,
    pub has_header: bool,
    /// "1,5" is one and a half.
    pub decimal_comma: bool,
}

const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];
/// So many records tell; the kinds of columns are told by more.
const RECORDS: usize = 200;

impl Dialect {
    /// `head`: the beginning of the file, to the end of a line.
    pub fn of(head: &[u8]) -> Dialect {
        let delimiter = DELIMITERS.into_iter().max_by_key(|delimiter| evenness(head, *delimiter)).unwrap_or(',');
        // `max_by_key` takes the last of equals: where nothing is parted, it is a comma that does not.
        let delimiter = if evenness(head, delimiter) == (0, 0) { ',' } else { delimiter };
        let records = records(head, delimiter);
        let decimal_comma = delimiter != ',' && {
            let cells = || records.iter().skip(1).flatten().filter(|cell| cell.contains(','));
            let n = cells().count();
            n > 0 && cells().filter(|cell| is_comma_number(cell)).count() * 10 >= n * 9
        };
        Dialect { delimiter, has_header: has_header(&records, decimal_comma), decimal_comma }
    }

    pub(super) fn reader(&self) -> ::csv::ReaderBuilder {
        reader(self.delimiter)
    }
}

/// Rows need not be of one length.
fn reader(delimiter: char) -> ::csv::ReaderBuilder {
    let mut reader = ::csv::ReaderBuilder::new();
    reader.delimiter(delimiter as u8).flexible(true);
    reader
}

fn is_comma_number(cell: &str) -> bool {
    cell.matches(',').count() == 1 && cell.trim().replacen(',', ".", 1).parse::<f64>().is_ok()
}

pub fn records(head: &[u8], delimiter: char) -> Vec<Vec<String>> {
    let mut reader = reader(delimiter).has_headers(false).from_reader(head);
    let of = |record: ::csv::ByteRecord| record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
    reader.byte_records().take(RECORDS).filter_map(Result::ok).map(of).collect()
}

/// (records with the most usual number of cells, cells), if that is more than one.
fn evenness(head: &[u8], delimiter: char) -> (usize, usize) {
    let mut by_width: std::collections::BTreeMap<usize, usize> = Default::default();
    for record in records(head, delimiter) {
        *by_width.entry(record.len()).or_default() += 1;
    }
    by_width.into_iter().filter(|(width, _)| *width > 1).map(|(width, n)| (n, width)).max().unwrap_or((0, 0))
}

/// The first record is names, unless it looks like the others: numbers where they have numbers.
fn has_header(records: &[Vec<String>], decimal_comma: bool) -> bool {
    let Some((first, rest)) = records.split_first() else { return true };
    if first.iter().any(|cell| cell.trim().is_empty()) && first.iter().all(|cell| cell.trim().is_empty()) {
        return false;
    }
    let is_value = |cell: &str| {
        matches!(
            infer::kind_of(std::iter::once(cell), decimal_comma),
            Some(Kind::Numeric | Kind::Datetime | Kind::Boolean)
        )
    };
    if !first.iter().any(|cell| is_value(cell)) {
        return true;
    }
    // Years as names of columns: their own column's values are of another size, but who knows. A name is there once.
    let all_values = first.iter().all(|cell| cell.trim().is_empty() || is_value(cell));
    let mixed_alike = rest.first().is_some_and(|second| {
        first.len() == second.len() && first.iter().zip(second).all(|(a, b)| is_value(a) == is_value(b))
    });
    !(all_values || mixed_alike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects_are_found() {
        let of = |head: &str| {
            let found = Dialect::of(head.as_bytes());
            (found.delimiter, found.has_header, found.decimal_comma)
        };
        assert_eq!(of("a,b\n1,2\n3,4\n"), (',', true, false));
        assert_eq!(of("a;b\n1,5;2\n3,4;7\n"), (';', true, true));
        assert_eq!(of("a\tb\nx,y\t2\nz\t4\n"), ('\t', true, false));
        assert_eq!(of("1,2\n3,4\n"), (',', false, false));
        assert_eq!(of("x\n1\n2\n"), (',', true, false));
        assert_eq!(of("Berlin,1\nParis,2\n"), (',', false, false));
        assert_eq!(of("a|b\n\"x|y\"|2\n"), ('|', true, false));
        assert_eq!(of(""), (',', true, false));
    }
}
