//! What stands between brackets: an array's elements, an inline table's pairs; on one line, or on a line each.

use std::ops::Range;

use toml_edit::{Array, InlineTable};

use super::text::Edits;

pub struct Seq {
    /// With the brackets.
    span: Range<usize>,
    items: Vec<Range<usize>>,
    removed: Vec<usize>,
    added: Vec<(After, String)>,
}

/// Where something is added.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Before all.
    Front,
    /// This one, which stays.
    Item(usize),
    /// The last that stays.
    Last,
}

impl Seq {
    pub fn of_array(array: &Array, text: &str) -> Option<Seq> {
        Seq::new(array.span()?, array.iter().map(|value| value.span()).collect::<Option<Vec<_>>>()?, text)
    }

    pub fn of_table(table: &InlineTable, text: &str) -> Option<Seq> {
        let values = table.get_values();
        Seq::new(table.span()?, values.iter().map(|(_, value)| value.span()).collect::<Option<Vec<_>>>()?, text)
    }

    /// `ends` are the elements, or the pairs' values; a pair begins before its value.
    fn new(span: Range<usize>, mut ends: Vec<Range<usize>>, text: &str) -> Option<Seq> {
        ends.sort_by_key(|end| end.start);
        let mut items: Vec<Range<usize>> = Vec::with_capacity(ends.len());
        for end in ends {
            let before = items.last().map_or(span.start + 1, |item| item.end);
            items.push(past_separators(text, before)..end.end);
        }
        Some(Seq { span, items, removed: Vec::new(), added: Vec::new() })
    }

    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Removes the item that ends where this value ends.
    pub fn remove(&mut self, value: &Range<usize>) {
        self.removed.extend(self.items.iter().position(|item| item.end == value.end));
    }

    pub fn remove_nth(&mut self, n: usize) {
        self.removed.push(n);
    }

    pub fn add(&mut self, after: After, item: String) {
        self.added.push((after, item));
    }

    /// An item for another: in its place, or, where it has a line and perhaps a comment to itself, on one of its own.
    /// Gives where what follows it is added.
    pub fn replace_nth(&mut self, n: usize, after: After, item: String, edits: &mut Edits) -> After {
        if self.own_lines(n, n, edits).is_some() {
            self.remove_nth(n);
            self.add(after, item);
            after
        } else {
            edits.replace(self.items[n].clone(), item);
            After::Item(n)
        }
    }

    pub fn write(self, edits: &mut Edits) {
        let is_kept = |n: &usize| !self.removed.contains(n);
        let kept: Vec<usize> = (0..self.items.len()).filter(is_kept).collect();
        let (Some(first), Some(last)) = (self.items.first(), self.items.last()) else { return self.fill(edits) };
        if kept.is_empty() && !self.added.is_empty() {
            return edits.replace(first.start..last.end, self.joined());
        }
        let inside = self.span.start + 1..self.span.end - 1;
        if kept.is_empty() && !edits.text[inside.clone()].contains('#') {
            return edits.delete(inside);
        }
        for (from, to) in self.removed_runs() {
            if let Some(lines) = self.own_lines(from, to, edits) {
                edits.delete(edits.with_comments_above(lines.start).max(self.span.start + 1)..lines.end);
            } else if from > 0 {
                edits.delete(self.items[from - 1].end..self.items[to].end);
            } else if let Some(next) = self.items.get(to + 1) {
                edits.delete(first.start..next.start);
            } else {
                edits.delete(first.start..self.comma(to, edits.text).unwrap_or(last.end));
            }
        }
        let mut at: Vec<After> = self.added.iter().map(|(after, _)| *after).collect();
        at.dedup();
        for after in at {
            let added: Vec<&str> = self.added.iter().filter(|one| one.0 == after).map(|one| one.1.as_str()).collect();
            match after {
                After::Front => self.insert_first(&added, edits),
                After::Item(n) => self.insert(n, &added, edits),
                After::Last => kept.last().into_iter().for_each(|&n| self.insert(n, &added, edits)),
            }
        }
    }

    fn joined(&self) -> String {
        self.added.iter().map(|(_, item)| item.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// First and last of each stretch of items that go: what stands beside it stays.
    fn removed_runs(&self) -> Vec<(usize, usize)> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for n in (0..self.items.len()).filter(|n| self.removed.contains(n)) {
            match runs.last_mut() {
                Some((_, to)) if *to + 1 == n => *to = n,
                _ => runs.push((n, n)),
            }
        }
        runs
    }

    /// Into empty brackets.
    fn fill(&self, edits: &mut Edits) {
        let at = self.span.start + 1;
        let is_table = edits.text[self.span.start..].starts_with('{');
        let (before, after) = if is_table { (" ", " ") } else { ("", "") };
        let after = if edits.text[at..].starts_with([' ', '\n', '\r']) { "" } else { after };
        if !self.added.is_empty() {
            edits.replace(at..at, format!("{before}{}{after}", self.joined()));
        }
    }

    fn insert_first(&self, added: &[&str], edits: &mut Edits) {
        let first = self.items[0].start;
        match self.own_lines(0, 0, edits) {
            Some(lines) => {
                let added: Vec<String> = added.iter().map(|item| format!("{}{item},", edits.indent(first))).collect();
                edits.insert_lines(edits.with_comments_above(lines.start).max(self.span.start + 1), &added);
            }
            None => edits.replace(first..first, format!("{}, ", added.join(", "))),
        }
    }

    fn insert(&self, n: usize, added: &[&str], edits: &mut Edits) {
        let item = &self.items[n];
        let (indent, has_comma) = (edits.indent(item.start), self.comma(n, edits.text).is_some());
        // Its comma may go with what follows it, or stand on the next line.
        let next = self.removed_runs().into_iter().find(|run| run.0 == n + 1);
        let keeps_comma = next.is_none_or(|(from, to)| self.own_lines(from, to, edits).is_some());
        let is_listed = keeps_comma && (has_comma || n + 1 == self.items.len());
        let Some(lines) = self.own_lines(n, n, edits).filter(|_| is_listed) else {
            let text: String = added.iter().map(|item| format!(", {item}")).collect();
            return edits.replace(item.end..item.end, text);
        };
        if !has_comma {
            edits.replace(item.end..item.end, ",".into());
        }
        let last = added.len() - 1;
        let line =
            |(n, item): (usize, &&str)| format!("{indent}{item}{}", if n < last || has_comma { "," } else { "" });
        edits.insert_lines(lines.end, &added.iter().enumerate().map(line).collect::<Vec<_>>());
    }

    /// The lines of items that share them with no other and with no bracket.
    fn own_lines(&self, from: usize, to: usize, edits: &Edits) -> Option<Range<usize>> {
        let first = self.items[from].start;
        let start = edits.line_start(first);
        let end = self.comma(to, edits.text).unwrap_or(self.items[to].end);
        let rest = edits.text[end..edits.line_end(end)].trim();
        let is_alone = start > self.span.start
            && edits.text[start..first].trim().is_empty()
            && (rest.is_empty() || rest.starts_with('#'));
        is_alone.then(|| start..edits.line_end(end))
    }

    /// After the comma that follows an item on its line.
    fn comma(&self, n: usize, text: &str) -> Option<usize> {
        let end = self.items[n].end;
        let rest = text[end..].trim_start_matches([' ', '\t']);
        rest.starts_with(',').then(|| text.len() - rest.len() + 1)
    }
}

/// Past blanks, line ends, commas and comments.
fn past_separators(text: &str, from: usize) -> usize {
    let mut rest = &text[from..];
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n', ',']);
        if !rest.starts_with('#') {
            return text.len() - rest.len();
        }
        rest = rest.find('\n').map_or("", |end| &rest[end..]);
    }
}
