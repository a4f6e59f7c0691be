//! A table's name as a person writes it: parts with dots between, quoted where a part is odd.

use crate::error::EngineError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName(Vec<String>);

impl TableName {
    /// `loans`, `public.loans`, `"odd.name"."lo""ans"`, `` parquet.`/data/loans` ``.
    pub fn parse(text: &str) -> Result<TableName, EngineError> {
        let bad = || EngineError::TableName(text.to_owned());
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            let (part, after) = match rest.chars().next() {
                Some(quote @ ('"' | '`')) => quoted(&rest[1..], quote).ok_or_else(bad)?,
                _ => {
                    let end = rest.find('.').unwrap_or(rest.len());
                    (rest[..end].to_owned(), &rest[end..])
                }
            };
            if part.is_empty() || part.contains('\0') || parts.len() == 4 {
                return Err(bad());
            }
            parts.push(part);
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => return Ok(TableName(parts)),
                None => return Err(bad()),
            }
        }
    }

    /// Of parts that a catalogue told.
    pub(crate) fn of(parts: Vec<String>) -> TableName {
        TableName(parts)
    }

    pub fn parts(&self) -> &[String] {
        &self.0
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// What stands before the closing quote, which stands twice if it is meant, and what comes after.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            part.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            part.push(c);
            chars.next();
        } else {
            return Some((part, &text[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_written() {
        let check = |text: &str, parts: &[&str]| {
            assert_eq!(TableName::parse(text).expect(text).parts(), parts, "{text}");
        };
        check("loans", &["loans"]);
        check("a.b.c", &["a", "b", "c"]);
        check("\"a.\"\"b\".`c``d`", &["a.\"b", "c`d"]);
        check("parquet.`/data/x.parquet`", &["parquet", "/data/x.parquet"]);
        for bad in ["", ".a", "a.", "a..b", "\"a", "\"a\"b", "a.b.c.d.e", "a\0b", "``"] {
            assert!(TableName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
