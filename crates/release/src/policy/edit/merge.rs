//! A table's text made to say what is wanted, key by key.

mod add;
mod alike;
mod remove;

use std::ops::Range;

use toml_edit::{Array, InlineTable, Item, Key, Table, TableLike, Value};

use super::seq::{After, Seq};
use super::text::Edits;
use super::want::Want;
use alike::{is_default, same, same_value};

pub struct Editor<'t> {
    root: &'t Table,
    edits: Edits<'t>,
    /// What changes between brackets, written at the end.
    seqs: Vec<Seq>,
}

/// How a table's keys are written.
#[derive(Clone)]
enum Spot<'t> {
    /// On lines of their own, below the header of `own`, each beginning with `dotted`.
    Lines { own: &'t Table, header: Vec<String>, dotted: Vec<String> },
    /// Between the brackets of `list`, each beginning with `dotted`.
    Inline { list: &'t InlineTable, dotted: Vec<String> },
}

impl<'t> Editor<'t> {
    pub fn new(text: &'t str, root: &'t Table) -> Editor<'t> {
        Editor { root, edits: Edits::new(text), seqs: Vec::new() }
    }

    pub fn finish(mut self) -> String {
        for seq in self.seqs.drain(..) {
            seq.write(&mut self.edits);
        }
        self.edits.apply()
    }

    /// `[section.name]` as it shall be.
    pub fn set(&mut self, section: &str, name: &str, want: &Want) {
        let Some(parent) = self.root.get(section) else {
            return self.add_new(&[section, name], want, None);
        };
        let top = Spot::Lines { own: self.root, header: Vec::new(), dotted: Vec::new() };
        let (spot, children) = (top.below(section, parent), parent.as_table_like());
        match children.and_then(|children| children.get(name)) {
            Some(item) => self.merge_item(item, &spot.below(name, item), want),
            None => self.add_new(&[section, name], want, Some((parent, spot))),
        }
    }

    /// A table at the top as it shall be: `[roles]`.
    pub fn set_section(&mut self, section: &str, want: &Want) {
        let top = Spot::Lines { own: self.root, header: Vec::new(), dotted: Vec::new() };
        match self.root.get(section) {
            Some(item) if want.told.is_empty() && !is_default(item, &Value::from(want.full.clone()), false) => {
                self.remove_item(&top, self.root, section);
            }
            Some(item) => self.merge_item(item, &top.below(section, item), want),
            None if want.told.is_empty() => {}
            None => self.add_new(&[section], want, None),
        }
    }

    pub fn remove(&mut self, section: &str, name: &str) {
        let top = Spot::Lines { own: self.root, header: Vec::new(), dotted: Vec::new() };
        let Some(parent) = self.root.get(section) else { return };
        if let Some(table) = parent.as_table_like() {
            self.remove_item(&top.below(section, parent), table, name);
        }
    }

    /// One more of a list of tables: `[[freeze]]`.
    pub fn add_to(&mut self, section: &str, want: &Want) {
        match self.root.get(section) {
            Some(Item::Value(Value::Array(array))) => {
                self.seq_of(array, |seq| seq.add(After::Last, show(&Value::from(want.told.clone()))))
            }
            Some(Item::ArrayOfTables(tables)) => {
                let last = tables.iter().filter_map(|table| self.block(table)).max_by_key(|block| block.end);
                let indent = last.as_ref().map_or("", |block| self.edits.indent(block.start)).to_owned();
                let at = last.map_or(self.edits.text.len(), |block| block.end);
                self.add_block(at, &indent, format!("[[{}]]", key(section)), &want.told, self.has_air());
            }
            _ => {
                let header = format!("[[{}]]", key(section));
                self.add_block(self.edits.text.len(), "", header, &want.told, self.has_air());
            }
        }
    }

    pub fn set_nth(&mut self, section: &str, n: usize, want: &Want) {
        match self.root.get(section) {
            Some(Item::Value(Value::Array(array))) => {
                if let Some(Value::InlineTable(list)) = array.get(n) {
                    self.merge(list, &Spot::Inline { list, dotted: Vec::new() }, want, false);
                }
            }
            Some(Item::ArrayOfTables(tables)) => {
                if let Some(own) = tables.get(n) {
                    let spot = Spot::Lines { own, header: vec![section.to_owned()], dotted: Vec::new() };
                    self.merge(own, &spot, want, false);
                }
            }
            _ => {}
        }
    }

    pub fn remove_nth(&mut self, section: &str, n: usize) {
        match self.root.get(section) {
            Some(Item::Value(Value::Array(array))) => self.seq_of(array, |seq| seq.remove_nth(n)),
            Some(Item::ArrayOfTables(tables)) => {
                if let Some(block) = tables.get(n).and_then(|table| self.block(table)) {
                    self.edits.delete_lines(block);
                }
            }
            _ => {}
        }
    }

    fn merge_item(&mut self, item: &'t Item, spot: &Spot<'t>, want: &Want) {
        if let Some(have) = item.as_table_like() {
            self.merge(have, spot, want, false);
        }
    }

    /// `strict`: 1 and 1.0 are two things, as they are where no type of ours says which is meant.
    fn merge(&mut self, have: &'t dyn TableLike, spot: &Spot<'t>, want: &Want, strict: bool) {
        let mut missing: Vec<&str> =
            want.told.iter().map(|(key, _)| key).filter(|key| !have.contains_key(key)).collect();
        for (name, item) in have.iter() {
            let strict = strict || name == "application";
            let Some(full) = want.full.get(name) else {
                self.remove_item(spot, have, name);
                continue;
            };
            if same(item, full, strict) {
                continue;
            }
            match (item, want.told.get(name)) {
                (item, None) if is_default(item, full, strict) => {}
                (_, None) => self.remove_item(spot, have, name),
                (item, Some(Value::InlineTable(told))) if item.is_table_like() => {
                    let full = full.as_inline_table().cloned().unwrap_or_default();
                    let want = Want { full, told: told.clone(), headed: &[] };
                    if let Some(table) = item.as_table_like() {
                        self.merge(table, &spot.below(name, item), &want, strict);
                    }
                }
                (Item::Value(Value::Array(array)), Some(Value::Array(told))) => self.merge_array(array, told, strict),
                (Item::Value(value), Some(told)) if value.span().is_some() && !is_dotted(item) => {
                    self.edits.replace(value.span().unwrap_or_default(), show(told));
                }
                (_, Some(_)) => {
                    self.remove_item(spot, have, name);
                    missing.push(name);
                }
            }
        }
        let missing: Vec<_> = missing.into_iter().filter_map(|name| Some((name, want.told.get(name)?))).collect();
        self.add(spot, &missing, want.headed);
    }

    /// What is in both stays as it is written.
    fn merge_array(&mut self, have: &Array, told: &Array, strict: bool) {
        let mut known: Vec<&Value> = Vec::new();
        let mut numbers = Vec::new();
        for value in have.iter().chain(told.iter()) {
            numbers.push(known.iter().position(|one| same_value(one, value, strict)).unwrap_or(known.len()));
            known.push(value);
        }
        let (old, new) = numbers.split_at(have.len());
        let Some(mut seq) = Seq::of_array(have, self.edits.text) else { return };
        let mut after = After::Front;
        for op in similar::capture_diff_slices(similar::Algorithm::Myers, old, new) {
            let (_, gone, added) = op.as_tag_tuple();
            if old[gone.clone()] == new[added.clone()] {
                after = After::Item(gone.end - 1);
                continue;
            }
            let mut added = added.filter_map(|n| told.get(n)).map(show);
            for n in gone {
                match added.next() {
                    Some(item) => after = seq.replace_nth(n, after, item, &mut self.edits),
                    None => seq.remove_nth(n),
                }
            }
            added.for_each(|item| seq.add(after, item));
        }
        self.seqs.push(seq);
    }

    /// From the comment above a table's header to its last line; `None` if it has no header.
    fn block(&self, table: &Table) -> Option<Range<usize>> {
        if table.is_dotted() || table.is_implicit() {
            return None;
        }
        let header = table.span()?;
        let start = self.edits.with_comments_above(self.edits.line_start(header.start));
        Some(start..self.edits.with_comments_below(self.edits.line_end(last_of(table, header.end))))
    }

    fn seq_of(&mut self, array: &Array, change: impl FnOnce(&mut Seq)) {
        let seq = Seq::of_array(array, self.edits.text);
        self.change_seq(seq, change);
    }

    fn seq_of_table(&mut self, table: &InlineTable, change: impl FnOnce(&mut Seq)) {
        let seq = Seq::of_table(table, self.edits.text);
        self.change_seq(seq, change);
    }

    /// Several changes between the same brackets are one.
    fn change_seq(&mut self, seq: Option<Seq>, change: impl FnOnce(&mut Seq)) {
        let Some(seq) = seq else { return };
        match self.seqs.iter_mut().find(|known| known.span() == seq.span()) {
            Some(known) => change(known),
            None => {
                self.seqs.push(seq);
                change(self.seqs.last_mut().expect("BUG: it was pushed a line above"));
            }
        }
    }
}

impl<'t> Spot<'t> {
    /// How the keys of one of its tables are written.
    fn below(&self, name: &str, item: &'t Item) -> Spot<'t> {
        let deeper = |path: &[String]| path.iter().cloned().chain([name.to_owned()]).collect::<Vec<_>>();
        match (item, self) {
            (Item::Value(Value::InlineTable(list)), Spot::Inline { list: outer, dotted }) if list.is_dotted() => {
                Spot::Inline { list: outer, dotted: deeper(dotted) }
            }
            (Item::Value(Value::InlineTable(list)), _) => Spot::Inline { list, dotted: Vec::new() },
            (Item::Table(own), Spot::Lines { own: outer, header, dotted }) if own.is_dotted() => {
                Spot::Lines { own: outer, header: header.clone(), dotted: deeper(dotted) }
            }
            (Item::Table(own), Spot::Lines { header, dotted, .. }) => {
                let header = deeper(&header.iter().chain(dotted).cloned().collect::<Vec<_>>());
                Spot::Lines { own, header, dotted: Vec::new() }
            }
            _ => self.clone(),
        }
    }
}

/// All tables below one that have headers.
fn headed_below(table: &Table) -> Vec<&Table> {
    let mut found = Vec::new();
    for (_, item) in table.iter() {
        let tables: Vec<&Table> = match item {
            Item::Table(table) => vec![table],
            Item::ArrayOfTables(tables) => tables.iter().collect(),
            _ => Vec::new(),
        };
        for table in tables {
            if !table.is_dotted() && !table.is_implicit() {
                found.push(table);
            }
            found.extend(headed_below(table));
        }
    }
    found
}

/// Where a table's last statement ends, or its header.
fn last_of(table: &Table, header_end: usize) -> usize {
    let ends = table.get_values().into_iter().filter_map(|(_, value)| value.span()).map(|span| span.end);
    ends.max().unwrap_or(header_end)
}

fn is_dotted(item: &Item) -> bool {
    item.as_inline_table().is_some_and(InlineTable::is_dotted)
}

fn key(name: &str) -> String {
    Key::new(name).display_repr().into_owned()
}

fn path(parts: &[String]) -> String {
    parts.iter().map(|part| key(part)).collect::<Vec<_>>().join(".")
}

/// As toml_edit writes it by itself: it knows what is to be escaped.
fn show(value: &Value) -> String {
    let mut value = value.clone();
    value.decor_mut().clear();
    value.to_string()
}
