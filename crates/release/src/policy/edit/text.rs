//! A text and the changes to it, by place: what no change is about stays byte for byte.

use std::ops::Range;

pub struct Edits<'t> {
    pub text: &'t str,
    edits: Vec<Edit>,
}

struct Edit {
    at: Range<usize>,
    new: String,
    /// It is lines of its own: it begins after a line end, and ends with one.
    is_lines: bool,
}

impl<'t> Edits<'t> {
    pub fn new(text: &'t str) -> Edits<'t> {
        Edits { text, edits: Vec::new() }
    }

    pub fn replace(&mut self, at: Range<usize>, new: String) {
        self.edits.push(Edit { at, new, is_lines: false });
    }

    pub fn delete(&mut self, at: Range<usize>) {
        self.replace(at, String::new());
    }

    /// Before the line that begins at `at`, or after the last.
    pub fn insert_lines(&mut self, at: usize, lines: &[String]) {
        let newline = self.newline();
        let new = lines.iter().flat_map(|line| [line, newline]).collect();
        self.edits.push(Edit { at: at..at, new, is_lines: true });
    }

    pub fn apply(mut self) -> String {
        // What is inserted stands before what is taken away from there on; else in the order in which it was asked for.
        self.edits.sort_by_key(|edit| (edit.at.start, !edit.at.is_empty()));
        let newline = self.newline();
        let (mut out, mut done) = (String::with_capacity(self.text.len()), 0);
        for edit in &self.edits {
            // What two take away is taken away once.
            out.push_str(self.text.get(done..edit.at.start).unwrap_or_default());
            if edit.is_lines && !out.is_empty() && !out.ends_with(['\n', '\u{feff}']) {
                out.push_str(newline);
            }
            out.push_str(&edit.new);
            done = done.max(edit.at.end);
        }
        out.push_str(&self.text[done..]);
        out
    }

    /// As most lines of the text end.
    pub fn newline(&self) -> &'static str {
        let n_crlf = self.text.matches("\r\n").count();
        if n_crlf * 2 > self.text.matches('\n').count() { "\r\n" } else { "\n" }
    }

    /// Where the line begins; a byte order mark is no part of the first.
    pub fn line_start(&self, at: usize) -> usize {
        let bom = if self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        self.text[..at].rfind('\n').map_or(bom, |end| end + 1).max(bom.min(at))
    }

    /// After the line's end.
    pub fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |end| at + end + 1)
    }

    pub fn indent(&self, at: usize) -> &'t str {
        let line = &self.text[self.line_start(at)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }

    /// The line that begins at `start`, without blanks around it.
    fn line(&self, start: usize) -> &'t str {
        self.text[start..self.line_end(start)].trim()
    }

    /// Where the comment begins that stands right above a line; the text's own first comment is about all of it.
    pub fn with_comments_above(&self, line_start: usize) -> usize {
        let (mut at, first) = (line_start, self.line_start(0));
        while at > first {
            let above = self.line_start(at - 1);
            if !self.line(above).starts_with('#') {
                return at;
            }
            at = above;
        }
        if self.line(at).starts_with('#') { line_start } else { at }
    }

    /// Past the comments that follow a table's last line and are not about what comes next.
    pub fn with_comments_below(&self, line_end: usize) -> usize {
        let mut at = line_end;
        while at < self.text.len() && self.line(at).starts_with('#') {
            at = self.line_end(at);
        }
        if at == self.text.len() || self.line(at).is_empty() { at } else { line_end }
    }

    /// Takes lines away, with the empty ones that would be left doubled or at the end.
    pub fn delete_lines(&mut self, at: Range<usize>) {
        let Range { mut start, mut end } = at;
        let first = self.line_start(0);
        let is_empty = |edits: &Self, at: usize| edits.line(at).is_empty();
        if start == first || is_empty(self, self.line_start(start - 1)) {
            while end < self.text.len() && is_empty(self, end) {
                end = self.line_end(end);
            }
        }
        if end == self.text.len() {
            while start > first && is_empty(self, self.line_start(start - 1)) {
                start = self.line_start(start - 1);
            }
        }
        self.delete(start..end);
    }
}
