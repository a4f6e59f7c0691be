//! Paths for people: relative, `/` between parts, control characters escaped.

use std::fmt::Write;
use std::path::Path;

/// A path as it stands in messages and problem records. Bytes that are not UTF-8 become U+FFFD, control
/// characters (a file name may hold a newline or an escape sequence) are written out as `\u{…}`, and so
/// are the marks that turn the direction of writing.
pub fn display_path(path: &Path) -> String {
    let mut out = String::new();
    for part in path.components() {
        let text = part.as_os_str().to_string_lossy();
        if !out.is_empty() && !out.ends_with('/') {
            out.push('/');
        }
        for c in text.chars() {
            if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            } else {
                out.push(c);
            }
        }
    }
    if out.is_empty() { ".".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::display_path;
    use std::path::Path;

    #[test]
    fn names_cannot_speak_to_the_terminal() {
        assert_eq!(display_path(Path::new("")), ".");
        assert_eq!(display_path(Path::new("a/b c")), "a/b c");
        assert_eq!(display_path(Path::new("/a/b")), "/a/b");
        assert_eq!(display_path(Path::new("a/\u{1b}[31mred\n")), "a/\\u{1b}[31mred\\u{a}");
        assert_eq!(display_path(Path::new("x\u{202e}gnp.csv")), "x\\u{202e}gnp.csv");
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"run\xff.csv");
        assert_eq!(display_path(Path::new(name)), "run\u{fffd}.csv");
    }
}
