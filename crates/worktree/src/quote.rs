//! Paths as git writes them (`quote.c`).

use std::fmt::Write as _;

/// A path for people: as it is, unless it is no UTF-8, holds control characters, or could be taken for a quoted one.
pub(crate) fn shown(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) if !text.starts_with('"') && !text.contains(char::is_control) => text.to_owned(),
        _ => quoted(path, ""),
    }
}

/// A path in a patch's header, after `a/` or `b/`: in quotes if a byte of it is not plain ASCII, as `core.quotePath` has it
/// by default.
pub(crate) fn in_header(prefix: &str, path: &[u8]) -> String {
    let is_plain = |b: &u8| (b' '..0x7f).contains(b) && !matches!(b, b'"' | b'\\');
    match std::str::from_utf8(path) {
        Ok(text) if path.iter().all(is_plain) => format!("{prefix}{text}"),
        _ => quoted(path, prefix),
    }
}

fn quoted(path: &[u8], prefix: &str) -> String {
    let mut out = format!("\"{prefix}");
    for b in path {
        match b {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            7 => out.push_str("\\a"),
            8 => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            11 => out.push_str("\\v"),
            12 => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            b' '..0x7f => out.push(char::from(*b)),
            _ => {
                let _ = write!(out, "\\{b:03o}");
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_git_quotes() {
        let check = |path: &[u8], shown_as: &str, header: &str| {
            assert_eq!((shown(path).as_str(), in_header("a/", path).as_str()), (shown_as, header));
        };
        check(b"a b", "a b", "a/a b");
        check("é".as_bytes(), "é", "\"a/\\303\\251\"");
        check(b"a\"b\\", "a\"b\\", "\"a/a\\\"b\\\\\"");
        check(b"\"a", "\"\\\"a\"", "\"a/\\\"a\"");
        check(b"a\nb\x7f", "\"a\\nb\\177\"", "\"a/a\\nb\\177\"");
        check(b"\xff", "\"\\377\"", "\"a/\\377\"");
    }
}
