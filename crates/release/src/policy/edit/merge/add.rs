//! What is new, written as what stands around it: below a header, with dots, or between brackets.

use toml_edit::{InlineTable, Item, Table, Value};

use super::super::seq::After;
use super::super::want::Want;
use super::{Editor, Spot, headed_below, key, last_of, path, show};

impl<'t> Editor<'t> {
    /// A table at `path`, which is not there yet.
    pub(super) fn add_new(&mut self, at: &[&str], want: &Want, parent: Option<(&'t Item, Spot<'t>)>) {
        let at: Vec<String> = at.iter().map(|&part| part.to_owned()).collect();
        let name = at.last().map(String::as_str).unwrap_or_default();
        let told = Value::from(want.told.clone());
        match parent {
            Some((Item::Table(table), spot)) => {
                let siblings = || table.iter().map(|(_, item)| item);
                if siblings().any(Item::is_value) {
                    self.add(&spot, &[(name, &told)], &[]);
                } else if siblings().any(|item| item.as_table().is_some_and(Table::is_dotted)) {
                    let below = match spot {
                        Spot::Lines { own, header, mut dotted } => {
                            dotted.push(name.to_owned());
                            Spot::Lines { own, header, dotted }
                        }
                        inline @ Spot::Inline { .. } => inline,
                    };
                    self.add(&below, &pairs(&want.told), want.headed);
                } else {
                    let blocks = std::iter::once(table).chain(headed_below(table));
                    let last = blocks.filter_map(|table| self.block(table)).max_by_key(|block| block.end);
                    let indent = last.as_ref().map_or("", |block| self.edits.indent(block.start));
                    self.add_headed(last.map_or(self.edits.text.len(), |block| block.end), indent, &at, want);
                }
            }
            Some((_, spot)) => self.add(&spot, &[(name, &told)], &[]),
            None if headed_below(self.root).is_empty() && !self.root.is_empty() => {
                let spot = Spot::Lines { own: self.root, header: Vec::new(), dotted: at };
                self.add(&spot, &pairs(&want.told), want.headed);
            }
            None => {
                let first = headed_below(self.root).into_iter().filter_map(|table| self.block(table)).next();
                let indent = first.map_or("", |block| self.edits.indent(block.start));
                self.add_headed(self.edits.text.len(), indent, &at, want);
            }
        }
    }

    /// Keys into a table that is there.
    pub(super) fn add(&mut self, spot: &Spot<'t>, missing: &[(&str, &Value)], headed: &[&str]) {
        if missing.is_empty() {
            return;
        }
        let (own, header, dotted) = match spot {
            Spot::Inline { list, dotted } => {
                let pairs: Vec<String> = missing.iter().map(|(name, value)| statement(dotted, name, value)).collect();
                return self.seq_of_table(list, |seq| pairs.into_iter().for_each(|pair| seq.add(After::Last, pair)));
            }
            Spot::Lines { own, header, dotted } => (*own, header, dotted),
        };
        let is_headed = |name: &str, value: &Value| headed.contains(&name) && value.is_inline_table();
        let can_head = dotted.is_empty() && !header.is_empty();
        let mut lines = Vec::new();
        let mut blocks = Vec::new();
        for (name, value) in missing {
            match value.as_inline_table() {
                Some(table) if is_headed(name, value) && can_head => blocks.push((*name, table)),
                Some(table) if is_headed(name, value) => {
                    let dotted: Vec<String> = dotted.iter().cloned().chain([(*name).to_owned()]).collect();
                    lines.extend(pairs(table).iter().map(|(name, value)| statement(&dotted, name, value)));
                }
                _ => lines.push(statement(dotted, name, value)),
            }
        }
        let (at, indent) = self.after_statements(own, dotted);
        // `[roles.keys]` alone makes `roles` as well, without a header that keys could follow.
        if own.is_implicit() && can_head && !lines.is_empty() {
            lines.insert(0, format!("[{}]", path(header)));
        }
        if !lines.is_empty() {
            let lines: Vec<String> = lines.into_iter().map(|line| format!("{indent}{line}")).collect();
            self.edits.insert_lines(at, &lines);
        }
        for (name, table) in blocks {
            let at = self.block(own).map_or(at, |block| block.end);
            let header: Vec<String> = header.iter().cloned().chain([name.to_owned()]).collect();
            self.add_block(at, &indent, format!("[{}]", path(&header)), table, false);
        }
    }

    /// Where another statement of a table goes, and how far in.
    fn after_statements(&self, own: &Table, dotted: &[String]) -> (usize, String) {
        let edits = &self.edits;
        let values = own.get_values();
        for n in (0..=dotted.len()).rev() {
            let is_below = |keys: &[&toml_edit::Key]| {
                keys.len() > n && keys.iter().zip(&dotted[..n]).all(|(key, part)| key.get() == part)
            };
            let ends = values
                .iter()
                .filter(|(keys, _)| is_below(keys))
                .filter_map(|(keys, value)| Some((value.span()?.end, keys.last()?.span()?.start)));
            if let Some((end, start)) = ends.max() {
                return (edits.line_end(end), edits.indent(start).to_owned());
            }
        }
        let header = own.span().filter(|_| !own.is_implicit() && !own.is_dotted() && own.position().is_some());
        if let Some(header) = header.filter(|header| edits.text[header.clone()].starts_with('[')) {
            return (edits.line_end(last_of(own, header.end)), edits.indent(header.start).to_owned());
        }
        let first = headed_below(own).into_iter().filter_map(|table| self.block(table)).min_by_key(|block| block.start);
        match first {
            Some(block) => (block.start, edits.indent(block.start).to_owned()),
            None => (edits.text.len(), String::new()),
        }
    }

    /// `[a.b]` with its keys, and headers of their own for some of its tables.
    fn add_headed(&mut self, at: usize, indent: &str, header: &[String], want: &Want) {
        let (mut own, mut below) = (want.told.clone(), Vec::new());
        for &name in want.headed {
            if let Some(Value::InlineTable(table)) = own.get(name).cloned() {
                own.remove(name);
                below.push((name, table));
            }
        }
        let mut has_air = self.has_air();
        if !own.is_empty() || below.is_empty() {
            self.add_block(at, indent, format!("[{}]", path(header)), &own, has_air);
            has_air = false;
        }
        for (name, table) in below {
            let header: Vec<String> = header.iter().cloned().chain([name.to_owned()]).collect();
            self.add_block(at, indent, format!("[{}]", path(&header)), &table, has_air);
        }
    }

    /// `has_air`: an empty line before it, unless there is one.
    pub(super) fn add_block(&mut self, at: usize, indent: &str, header: String, told: &InlineTable, has_air: bool) {
        let before = self.edits.line_start(at.saturating_sub(1));
        let needs_air = at > self.edits.line_start(0) && !self.edits.text[before..at].trim().is_empty();
        let mut lines = Vec::new();
        if needs_air && has_air {
            lines.push(String::new());
        }
        lines.push(format!("{indent}{header}"));
        lines.extend(pairs(told).iter().map(|(name, value)| format!("{indent}{}", statement(&[], name, value))));
        self.edits.insert_lines(at, &lines);
    }

    /// Empty lines part its tables.
    pub(super) fn has_air(&self) -> bool {
        let starts = headed_below(self.root).into_iter().filter_map(|table| self.block(table)).map(|block| block.start);
        let first = self.edits.line_start(0);
        starts
            .filter(|&start| start > first)
            .any(|start| self.edits.text[self.edits.line_start(start - 1)..start].trim().is_empty())
    }
}

fn pairs(table: &InlineTable) -> Vec<(&str, &Value)> {
    table.iter().collect()
}

fn statement(dotted: &[String], name: &str, value: &Value) -> String {
    let mut keys: Vec<String> = dotted.iter().map(|part| key(part)).collect();
    keys.push(key(name));
    format!("{} = {}", keys.join("."), show(value))
}
