//! Where a record of a text log ends. Pure functions of the bytes from a record's beginning on, so that a file
//! cut anywhere and continued falls into the same records as the whole file.

/// The longest line that is read; longer ones are skipped.
pub(crate) const MAX_LINE: usize = 1 << 20;
/// A quoted cell may span this many lines; beyond, its quote is taken for a stray one.
const MAX_RECORD_LINES: usize = 64;
const MAX_RECORD: usize = 1 << 16;

/// The beginning of a buffer that starts at a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// A record of so many bytes, its line end included.
    Record(usize),
    /// A line of so many bytes with a quote that is never closed.
    Stray(usize),
    /// More than [`MAX_LINE`] bytes without a line end: skip to the next one.
    TooLong,
    /// Not complete yet.
    Wait,
}

/// Cuts at the first line end.
pub(crate) fn line(buf: &[u8]) -> Cut {
    match memchr::memchr(b'\n', &buf[..buf.len().min(MAX_LINE)]) {
        Some(i) => Cut::Record(i + 1),
        None if buf.len() >= MAX_LINE => Cut::TooLong,
        None => Cut::Wait,
    }
}

/// Cuts at the first line end outside of quotes (RFC 4180: a quote opens a cell only at its beginning).
pub(crate) fn csv_record(buf: &[u8], delimiter: u8) -> Cut {
    let first = match line(buf) {
        Cut::Record(n) => n,
        other => return other,
    };
    if memchr::memchr(b'"', &buf[..first]).is_none() {
        return Cut::Record(first);
    }
    let (mut quoted, mut at_start, mut lines) = (false, true, 0);
    let mut i = 0;
    while i < buf.len() && i < MAX_RECORD.max(first) {
        let byte = buf[i];
        if quoted {
            if byte == b'"' {
                if buf.get(i + 1) == Some(&b'"') {
                    i += 1;
                } else {
                    quoted = false;
                }
            } else if byte == b'\n' {
                lines += 1;
                if lines == MAX_RECORD_LINES {
                    return Cut::Stray(first);
                }
            }
        } else if byte == b'\n' {
            return Cut::Record(i + 1);
        } else if byte == b'"' && at_start {
            quoted = true;
        }
        at_start = !quoted && byte == delimiter;
        i += 1;
    }
    if buf.len() >= MAX_RECORD.max(first) { Cut::Stray(first) } else { Cut::Wait }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        assert_eq!(line(b"a\nb\n"), Cut::Record(2));
        assert_eq!(line(b"a"), Cut::Wait);
        assert_eq!(line(b""), Cut::Wait);
        assert_eq!(line(&vec![b'x'; MAX_LINE]), Cut::TooLong);
    }

    #[test]
    fn quoted_cells_may_hold_line_ends() {
        assert_eq!(csv_record(b"1,\"a\nb\",2\n3", b','), Cut::Record(10));
        assert_eq!(csv_record(b"1,\"a\nb", b','), Cut::Wait);
        assert_eq!(csv_record(b"1,\"a\"\"\nb\"\n", b','), Cut::Record(10));
        // A quote inside of a cell is only a character.
        assert_eq!(csv_record(b"1,5\" pipe\n2\n", b','), Cut::Record(10));
        assert_eq!(csv_record(b"1;\"a;\nb\"\n", b';'), Cut::Record(9));
    }

    #[test]
    fn a_stray_quote_costs_one_line() {
        let mut text = b"1,\"oops\n".to_vec();
        assert_eq!(csv_record(&text, b','), Cut::Wait);
        for _ in 0..MAX_RECORD_LINES {
            text.extend_from_slice(b"2,3\n");
        }
        assert_eq!(csv_record(&text, b','), Cut::Stray(8));
        let long = [b"1,\"".as_slice(), &[b'x'; 100], b"\n", &vec![b'y'; MAX_RECORD]].concat();
        assert_eq!(csv_record(&long, b','), Cut::Stray(104));
    }
}
