//! Where a record of a text log ends. Pure functions of the bytes from a record's beginning on, so that a file
//! cut anywhere and continued falls into the same records as the whole file.

use std::ops::ControlFlow;

/// The longest line that is read; longer ones are skipped.
pub(crate) const MAX_LINE: usize = 1 << 20;
/// What is said of one.
pub(crate) const TOO_LONG: &str = "A line of more than 1 MiB (a limit of Signalbox); it was skipped.";
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

/// What [`feed`] hands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// With its line end.
    Line(&'a [u8]),
    /// The beginning of a line that is too long, and skipped.
    TooLong(&'a [u8]),
}

/// Hands the whole lines of `bytes`, which lie at `at` in their file, to `each(piece, offset)` until that breaks; then
/// the rest is not wanted. Returns how many bytes were taken; something at the latest from [`MAX_LINE`] bytes on.
/// `skipping`: in a line that is too long, to be kept until the next call.
pub(crate) fn feed(
    bytes: &[u8],
    at: u64,
    skipping: &mut bool,
    mut each: impl FnMut(Piece<'_>, u64) -> ControlFlow<()>,
) -> usize {
    let mut pos = 0;
    loop {
        if *skipping {
            match memchr::memchr(b'\n', &bytes[pos..]) {
                None => return bytes.len(),
                Some(i) => pos += i + 1,
            }
            *skipping = false;
        }
        let offset = at + pos as u64;
        let piece = match line(&bytes[pos..]) {
            Cut::Record(n) => {
                pos += n;
                Piece::Line(&bytes[pos - n..pos])
            }
            Cut::TooLong => {
                *skipping = true;
                Piece::TooLong(&bytes[pos..])
            }
            Cut::Wait | Cut::Stray(_) => return pos,
        };
        if each(piece, offset).is_break() {
            return bytes.len();
        }
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

    /// What is fed part by part; lines as texts, and `None` for one that is too long.
    fn fed(parts: &[&[u8]]) -> Vec<(u64, Option<String>)> {
        let (mut told, mut buf, mut at, mut skipping) = (Vec::new(), Vec::new(), 0, false);
        for part in parts {
            buf.extend_from_slice(part);
            let taken = feed(&buf, at, &mut skipping, |piece, offset| {
                told.push(match piece {
                    Piece::Line(line) => (offset, Some(String::from_utf8_lossy(line).into_owned())),
                    Piece::TooLong(_) => (offset, None),
                });
                ControlFlow::Continue(())
            });
            buf.drain(..taken);
            at += taken as u64;
        }
        told
    }

    #[test]
    fn fed_in_parts_as_at_once() {
        let text = [b"a\n\nb\n".as_slice(), &vec![b'x'; MAX_LINE + 9], b"\nc\nd"].concat();
        let end = 5 + MAX_LINE as u64 + 10;
        let line = |at: u64, text: &str| (at, Some(text.to_owned()));
        let told = [line(0, "a\n"), line(2, "\n"), line(3, "b\n"), (5, None), line(end, "c\n")];
        for cut in [0, 1, 2, 4, 5, 6, MAX_LINE, MAX_LINE + 5, MAX_LINE + 14, text.len() - 1, text.len()] {
            assert_eq!(fed(&[&text[..cut], &text[cut..]]), told, "{cut}");
        }
        let mut n = 0;
        let taken = feed(b"a\nb\nc", 0, &mut false, |_, _| {
            n += 1;
            ControlFlow::Break(())
        });
        assert_eq!((taken, n), (5, 1));
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
