//! What goes: a statement, a pair, or a table with all that is below it.

use std::ops::Range;

use toml_edit::{Item, Key, Table, TableLike, Value};

use super::{Editor, Spot, headed_below};

impl<'t> Editor<'t> {
    /// Takes a key away, whatever it is written as.
    pub(super) fn remove_item(&mut self, spot: &Spot<'t>, of: &'t dyn TableLike, name: &str) {
        let Some(item) = of.get(name) else { return };
        if let Spot::Inline { list, .. } = spot {
            let values: Vec<Range<usize>> = match item {
                Item::Value(Value::InlineTable(table)) if table.is_dotted() => {
                    table.get_values().iter().filter_map(|(_, value)| value.span()).collect()
                }
                item => item.span().into_iter().collect(),
            };
            return self.seq_of_table(list, |seq| values.iter().for_each(|value| seq.remove(value)));
        }
        match item {
            Item::Value(value) => {
                let key = of.key(name).and_then(Key::span);
                self.remove_statement(key, value);
            }
            Item::Table(table) => self.remove_table(table),
            Item::ArrayOfTables(tables) => tables.iter().for_each(|table| self.remove_table(table)),
            Item::None => {}
        }
    }

    fn remove_statement(&mut self, key: Option<Range<usize>>, value: &Value) {
        if let (Some(key), Some(value)) = (key, value.span()) {
            let start = self.edits.with_comments_above(self.edits.line_start(key.start));
            self.edits.delete(start..self.edits.line_end(value.end));
        }
    }

    fn remove_table(&mut self, table: &'t Table) {
        let mut blocks: Vec<Range<usize>> = self.block(table).into_iter().collect();
        if blocks.is_empty() {
            for (keys, value) in table.get_values() {
                self.remove_statement(keys.last().and_then(|key| key.span()), value);
            }
        }
        blocks.extend(headed_below(table).into_iter().filter_map(|below| self.block(below)));
        blocks.sort_by_key(|block| block.start);
        // Blocks that stand together go together, with the empty line behind them.
        let mut together: Vec<Range<usize>> = Vec::new();
        for block in blocks {
            match together.last_mut() {
                Some(last) if last.end == block.start => last.end = block.end,
                _ => together.push(block),
            }
        }
        together.into_iter().for_each(|block| self.edits.delete_lines(block));
    }
}
