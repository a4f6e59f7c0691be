//! The lines of a log as the terminal shows them in the end: what a progress bar drew over is gone, colours are stripped.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// No line that we read is longer. Progress bars draw a whole epoch into one: of those only the end counts.
const MAX_LINE: usize = 1 << 16;
const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;
const BACKSPACE: u8 = 0x08;

/// Cuts bytes into lines. Lines end at `\n`; an unfinished one waits.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Lines {
    /// In a line that is too long.
    #[serde(rename = "s", default)]
    skipping: bool,
}

impl Lines {
    /// Hands whole lines, as they are shown, to `each`. Returns how many bytes were taken: something at the latest from
    /// [`MAX_LINE`] bytes on.
    pub(super) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> usize {
        let is_plain = memchr::memchr3(b'\r', BACKSPACE, ESCAPE, bytes).is_none();
        let mut pos = 0;
        loop {
            let rest = &bytes[pos..];
            if self.skipping {
                // What follows a carriage return is a line anew.
                let Some(i) = memchr::memchr2(b'\n', b'\r', rest) else { return bytes.len() };
                pos += i + 1;
                self.skipping = false;
                continue;
            }
            let window = &rest[..rest.len().min(MAX_LINE)];
            match memchr::memchr(b'\n', window) {
                Some(i) if is_plain => {
                    each(&window[..i]);
                    pos += i + 1;
                }
                Some(i) => {
                    each(&shown(&window[..i]));
                    pos += i + 1;
                }
                None if window.len() < MAX_LINE => return pos,
                None => match memchr::memrchr(b'\r', window) {
                    Some(i) => pos += i + 1,
                    None => {
                        pos += MAX_LINE;
                        self.skipping = true;
                    }
                },
            }
        }
    }
}

/// What is left on the terminal of a line without its end: after the last `\r`, `\b` applied, escape sequences
/// (ECMA-48's control sequences and operating system commands) stripped.
fn shown(line: &[u8]) -> Cow<'_, [u8]> {
    let end = line.iter().rposition(|b| *b != b'\r').map_or(0, |i| i + 1);
    let line = &line[..end];
    let line = &line[memchr::memrchr(b'\r', line).map_or(0, |i| i + 1)..];
    let Some(first) = memchr::memchr2(ESCAPE, BACKSPACE, line) else { return Cow::Borrowed(line) };
    let mut out = line[..first].to_vec();
    let mut i = first;
    while i < line.len() {
        match line[i] {
            ESCAPE => {
                i += escape_len(&line[i..]);
                continue;
            }
            BACKSPACE => while out.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            byte => out.push(byte),
        }
        i += 1;
    }
    Cow::Owned(out)
}

/// The length of the escape sequence at the beginning of `text`.
fn escape_len(text: &[u8]) -> usize {
    let len = match text.get(1) {
        Some(b'[') => text[2..].iter().position(|b| (0x40..=0x7e).contains(b)).map(|i| i + 3),
        Some(b']') => text[2..].iter().position(|b| *b == BELL || *b == ESCAPE).map(|i| i + 3),
        _ => Some(2),
    };
    len.unwrap_or(text.len()).min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_a_terminal_shows_it() {
        let check = |line: &str, expected: &str| assert_eq!(String::from_utf8_lossy(&shown(line.as_bytes())), expected);
        check("plain", "plain");
        check("plain\r", "plain");
        check("10%\r20%\r\r", "20%");
        check("\u{1b}[1m4/4\u{1b}[0m \u{1b}[32m━━\u{1b}[0m", "4/4 ━━");
        check("ab━\u{8}\u{8}c", "ac");
        check("\u{8}\u{8}x", "x");
        check("\u{1b}]0;title\u{7}x\u{1b}[", "x");
        check("x\u{1b}", "x");
        check("\r", "");
    }

    fn lines(parts: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut state, mut out, mut buf) = (Lines::default(), Vec::new(), Vec::new());
        for part in parts {
            buf.extend_from_slice(part);
            let taken = state.feed(&buf, |line| out.push(line.to_vec()));
            buf.drain(..taken);
        }
        out
    }

    #[test]
    fn a_bar_of_any_length_is_one_line() {
        let bar = "\r1/4 - loss: 1.0".repeat(10_000);
        let text = format!("{bar}\r4/4 - loss: 0.5\nnext\n{}\nlast\nunfinished", "x".repeat(200_000));
        let whole = lines(&[text.as_bytes()]);
        let ends: Vec<_> = ["4/4 - loss: 0.5", "next", "", "last"].map(|l| l.as_bytes().to_vec()).to_vec();
        let short = |all: Vec<Vec<u8>>| -> Vec<_> { all.into_iter().filter(|l| !l.is_empty()).collect() };
        assert_eq!(short(whole.clone()), short(ends));
        for cut in [1, 65_535, 65_536, 65_537, 170_000, text.len() - 3] {
            assert_eq!(lines(&[&text.as_bytes()[..cut], &text.as_bytes()[cut..]]), whole, "{cut}");
        }
    }
}
