//! Tables that fit a terminal: columns aligned, numbers to the right, the last columns left out where room ends.

use console::{Alignment, measure_text_width, pad_str, style, truncate_str};

/// A column and its cells.
pub struct Column {
    pub title: String,
    pub right: bool,
    pub cells: Vec<String>,
}

impl Column {
    pub fn left(title: impl Into<String>, cells: Vec<String>) -> Column {
        Column { title: title.into(), right: false, cells }
    }

    pub fn right(title: impl Into<String>, cells: Vec<String>) -> Column {
        Column { title: title.into(), right: true, cells }
    }

    fn width(&self) -> usize {
        let widest = self.cells.iter().map(|c| measure_text_width(c)).max().unwrap_or(0);
        widest.max(measure_text_width(&self.title))
    }
}

/// Between two columns.
const GAP: usize = 2;
/// No cell is wider on a terminal.
const WIDEST: usize = 36;

/// The lines of a table, with the titles of columns that found no room. Without `room` all is shown whole.
pub fn lines(columns: &[Column], room: Option<usize>) -> (Vec<String>, Vec<&str>) {
    let width = |c: &Column| if room.is_some() { c.width().min(WIDEST) } else { c.width() };
    let mut shown: Vec<(&Column, usize)> = Vec::new();
    let mut left_out = Vec::new();
    let mut used = 0;
    for column in columns {
        let with = used + width(column) + if shown.is_empty() { 0 } else { GAP };
        if left_out.is_empty() && (shown.is_empty() || room.is_none_or(|room| with <= room)) {
            used = with;
            shown.push((column, width(column)));
        } else {
            left_out.push(column.title.as_str());
        }
    }
    let n_rows = columns.iter().map(|c| c.cells.len()).max().unwrap_or(0);
    let head = line(shown.iter().map(|(c, w)| (c.title.as_str(), *w, c.right)));
    let mut out = vec![style(head).bold().to_string()];
    for row in 0..n_rows {
        out.push(line(shown.iter().map(|(c, w)| (c.cells.get(row).map_or("", String::as_str), *w, c.right))));
    }
    (out, left_out)
}

fn line<'a>(cells: impl Iterator<Item = (&'a str, usize, bool)>) -> String {
    let mut out = String::new();
    for (text, width, right) in cells {
        if !out.is_empty() {
            out.push_str(&" ".repeat(GAP));
        }
        // A name may hold what would move a terminal's cursor.
        let calm: String = text.chars().map(|c| if c.is_control() && c != '\u{1b}' { ' ' } else { c }).collect();
        let fitted = truncate_str(&calm, width, "…");
        out.push_str(&pad_str(&fitted, width, if right { Alignment::Right } else { Alignment::Left }, None));
    }
    out.truncate(out.trim_end().len());
    out
}

/// Text of a log for a terminal: without the escape sequences that it may hold.
pub fn calm(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The same of a text of several lines.
pub fn calm_lines(text: &str) -> String {
    text.split('\n').map(calm).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vec<Column> {
        vec![
            Column::left("name", vec!["adam".into(), "größe".into()]),
            Column::right("loss", vec!["0.25".into(), "10".into()]),
            Column::left("note", vec!["x".repeat(50), String::new()]),
        ]
    }

    #[test]
    fn columns_are_aligned() {
        let columns = table();
        let (lines, left_out) = lines(&columns[..2], None);
        assert_eq!(lines[1..], ["adam   0.25", "größe    10"]);
        assert!(left_out.is_empty());
    }

    #[test]
    fn what_finds_no_room_is_named() {
        let columns = table();
        let (narrow, left_out) = lines(&columns, Some(20));
        assert_eq!(left_out, ["note"]);
        assert!(narrow.iter().all(|l| measure_text_width(l) <= 20));
        let (wide, left_out) = lines(&columns, Some(60));
        assert!(left_out.is_empty() && wide[1].ends_with('…'), "{}", wide[1]);
        assert!(lines(&columns, None).0[1].contains(&"x".repeat(50)));
    }

    #[test]
    fn a_log_cannot_steer_the_terminal() {
        assert_eq!(calm("a\u{1b}[2Jb\r"), "a\u{fffd}[2Jb\u{fffd}");
    }
}
