//! Text to tokens, each with its bytes.

use crate::tree::FilterError;
use std::ops::Range;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A bare word: keyword, field with its dots and slashes, or unquoted value.
    Word(String),
    /// Quoted by ' or ".
    Text(String),
    /// Quoted by `: a name, never a value.
    Name(String),
    Number(f64),
    Op(&'static str),
    Open,
    Close,
    Comma,
    /// The dot before a quoted name: `params."batch size"`.
    Dot,
}

pub(crate) type Spanned = (Token, Range<usize>);

/// What a bare word may hold: metric names carry slashes, brackets, percent signs, dashes and any letters.
fn word_char(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '_' | '.' | '/' | '-' | '+' | '@' | '%' | ':' | '#' | '$' | '[' | ']' | '{' | '}')
}

pub(crate) fn lex(text: &str) -> Result<Vec<Spanned>, FilterError> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let start = at;
        let rest = &text[at..];
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, len) = match c {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '\'' | '"' | '`' => quoted(rest, c, start)?,
            '=' | '!' | '<' | '>' | '~' => operator(rest, start)?,
            '&' | '|' => {
                let word = if c == '&' { "and" } else { "or" };
                (Token::Word(word.into()), if rest[1..].starts_with(c) { 2 } else { 1 })
            }
            c if word_char(c) => word(rest, out.last()),
            c => {
                return Err(FilterError::new(start..start + c.len_utf8(), format!("'{c}' has no meaning here"))
                    .hint("Put names and values with special characters in quotes."));
            }
        };
        at += len;
        out.push((token, start..at));
        // `params."a b"`: the word before ends in the dot that joins it to the quoted name.
        if let Some((Token::Word(w), span)) = out.last_mut()
            && w.len() > 1
            && w.ends_with('.')
            && text[at..].starts_with(['"', '\'', '`'])
        {
            w.pop();
            span.end -= 1;
            out.push((Token::Dot, at - 1..at));
        }
    }
    Ok(out)
}

fn quoted(rest: &str, quote: char, start: usize) -> Result<(Token, usize), FilterError> {
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((i, c)) = chars.next() {
        if c == quote {
            // A doubled quote stands for itself, as in SQL.
            if chars.peek().is_some_and(|&(_, next)| next == quote) {
                value.push(quote);
                chars.next();
                continue;
            }
            let token = if quote == '`' { Token::Name(value) } else { Token::Text(value) };
            return Ok((token, i + c.len_utf8()));
        }
        if c == '\\' && chars.peek().is_some_and(|&(_, next)| next == quote || next == '\\') {
            let (_, next) = chars.next().expect("BUG: peeked");
            value.push(next);
            continue;
        }
        value.push(c);
    }
    Err(FilterError::new(start..start + rest.len(), "this quote is never closed")
        .hint(format!("Add a closing {quote}")))
}

fn operator(rest: &str, start: usize) -> Result<(Token, usize), FilterError> {
    const OPS: [(&str, &str); 10] = [
        ("==", "="),
        ("!=", "!="),
        ("<>", "!="),
        ("<=", "<="),
        (">=", ">="),
        ("!~", "not like"),
        ("=", "="),
        ("<", "<"),
        (">", ">"),
        ("~", "like"),
    ];
    match OPS.iter().find(|(written, _)| rest.starts_with(written)) {
        Some((written, meant)) => Ok((Token::Op(meant), written.len())),
        None => Err(FilterError::new(start..start + 1, "'!' alone means nothing").hint("Write != or not")),
    }
}

fn word(rest: &str, before: Option<&Spanned>) -> (Token, usize) {
    let len = rest.find(|c: char| !word_char(c)).unwrap_or(rest.len());
    let written = &rest[..len];
    // A number only where a value can stand: a metric may be called `3`.
    let value_place = matches!(before, Some((Token::Op(_) | Token::Comma | Token::Open, _)))
        || matches!(before, Some((Token::Word(w), _)) if w.eq_ignore_ascii_case("and") || w.eq_ignore_ascii_case("between"));
    match number(written) {
        Some(n) if value_place => (Token::Number(n), len),
        _ => (Token::Word(written.to_owned()), len),
    }
}

/// A number as people and Python write it; `nan` and `inf` with either sign included.
pub(crate) fn number(written: &str) -> Option<f64> {
    let lower = written.to_ascii_lowercase();
    match lower.as_str() {
        "nan" => Some(f64::NAN),
        "inf" | "+inf" | "infinity" | "+infinity" => Some(f64::INFINITY),
        "-inf" | "-infinity" => Some(f64::NEG_INFINITY),
        _ if lower.ends_with('%') => lower[..lower.len() - 1].parse::<f64>().ok().map(|p| p / 100.0),
        _ if lower.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) => {
            lower.replace('_', "").parse().ok()
        }
        _ => None,
    }
}
