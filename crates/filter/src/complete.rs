//! What could come next at the caret.

use crate::lex::{Spanned, Token, lex};
use crate::parse::is_keyword;
use crate::tree::{ATTRIBUTES, Field, Stat, attribute};
use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionKind {
    Field,
    Operator,
    Value,
    Keyword,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What to put in place of `replace`.
    pub text: String,
    pub kind: CompletionKind,
    /// A word of explanation.
    pub detail: String,
    /// Bytes of the filter's text.
    pub replace: Range<usize>,
}

/// What is known of the runs at hand, for names and values.
pub trait Names {
    /// Every field that some run has, most common first.
    fn fields(&self) -> Vec<(Field, String)>;
    /// Values that `field` takes, most common first.
    fn values(&self, field: &Field) -> Vec<String>;
}

/// At most 50 completions for the text before `caret` (a byte offset; one inside a character is moved back).
pub fn complete(text: &str, caret: usize, names: &dyn Names) -> Vec<Completion> {
    let mut caret = caret.min(text.len());
    while !text.is_char_boundary(caret) {
        caret -= 1;
    }
    let head = &text[..caret];
    // An open quote is a value or a name being written: close it to read what is there.
    let (tokens, open_quote) = match lex(head) {
        Ok(tokens) => (tokens, false),
        Err(_) => match lex(&format!("{head}\"")).or_else(|_| lex(&format!("{head}'"))) {
            Ok(tokens) => (tokens, true),
            Err(_) => return Vec::new(),
        },
    };
    let touching = open_quote || tokens.last().is_some_and(|(t, s)| s.end == caret && is_wordy(t));
    let (before, partial, replace) = match tokens.split_last() {
        Some((last, rest)) if touching => (rest, word_of(&last.0), last.1.start..caret),
        _ => (&tokens[..], String::new(), caret..caret),
    };
    let mut out = match expect(before) {
        Expect::Field => fields(&partial, &replace, names),
        Expect::Operator => operators(&partial, &replace),
        Expect::Value(field) => values(&field, &partial, &replace, names),
        Expect::Connective => words(&["and", "or"], &partial, &replace),
        Expect::Nothing => Vec::new(),
    };
    out.retain(|c| c.text != head[c.replace.clone()]);
    out.truncate(50);
    out
}

enum Expect {
    Field,
    Operator,
    Value(Field),
    Connective,
    Nothing,
}

fn is_wordy(token: &Token) -> bool {
    matches!(token, Token::Word(_) | Token::Text(_) | Token::Name(_) | Token::Number(_))
}

fn word_of(token: &Token) -> String {
    match token {
        Token::Word(w) | Token::Text(w) | Token::Name(w) => w.clone(),
        Token::Number(n) => n.to_string(),
        _ => String::new(),
    }
}

/// Walks the tokens as the parser would, without minding what is wrong in them.
fn expect(tokens: &[Spanned]) -> Expect {
    let mut state = Expect::Field;
    let mut field: Option<Field> = None;
    let mut in_list = false;
    let mut i = 0;
    while let Some((token, _)) = tokens.get(i) {
        state = match (state, token) {
            (Expect::Field, Token::Open) => Expect::Field,
            (Expect::Field, Token::Word(w)) if w.eq_ignore_ascii_case("not") => Expect::Field,
            (Expect::Field, Token::Word(w)) if Stat::from_name(w).is_some() => match tokens.get(i + 1) {
                Some((Token::Open, _)) => {
                    i += 1;
                    Expect::Field
                }
                _ => Expect::Operator,
            },
            (Expect::Field, Token::Word(w)) => match (tokens.get(i + 1), tokens.get(i + 2)) {
                (Some((Token::Dot, _)), Some((Token::Text(name) | Token::Name(name), _))) => {
                    i += 2;
                    field = crate::parse(&format!("{w}.\"{}\" = 1", name.replace('"', "\"\""))).ok().map(first_field);
                    Expect::Operator
                }
                (Some((Token::Dot, _)), None) => return Expect::Field,
                _ => {
                    field = crate::parse(&format!("{w} = 1")).ok().map(first_field);
                    Expect::Operator
                }
            },
            (Expect::Operator, Token::Close) => Expect::Operator,
            (Expect::Operator, Token::Open) => {
                in_list = true;
                value_of(&field)
            }
            (Expect::Operator, Token::Op(_)) => value_of(&field),
            (Expect::Operator, Token::Word(w)) => match w.to_ascii_lowercase().as_str() {
                "like" | "ilike" | "between" => value_of(&field),
                "null" => Expect::Connective,
                _ => Expect::Operator,
            },
            (Expect::Value(_), Token::Comma) => value_of(&field),
            (Expect::Value(_), _) if in_list => Expect::Nothing,
            (Expect::Value(_), _) => Expect::Connective,
            (Expect::Nothing, Token::Comma) => value_of(&field),
            (Expect::Nothing, Token::Close) => {
                in_list = false;
                Expect::Connective
            }
            (Expect::Connective, Token::Close) => Expect::Connective,
            (Expect::Connective, Token::Word(_)) => Expect::Field,
            (other, _) => other,
        };
        i += 1;
    }
    state
}

fn first_field(mut filter: crate::Filter) -> Field {
    filter.fields.swap_remove(0)
}

fn value_of(field: &Option<Field>) -> Expect {
    field.clone().map_or(Expect::Nothing, Expect::Value)
}

/// Prefix matches first, then those that hold the words anywhere.
fn ranked<T>(items: impl Iterator<Item = (String, T)>, partial: &str) -> Vec<(String, T)> {
    let partial = partial.to_lowercase();
    let mut scored: Vec<(usize, usize, (String, T))> = items
        .enumerate()
        .filter_map(|(i, (text, x))| {
            let lower = text.to_lowercase();
            let bare = lower.split_once('.').map_or(lower.as_str(), |(_, n)| n);
            let rank = if lower.starts_with(&partial) {
                0
            } else if bare.trim_matches('"').starts_with(&partial) {
                1
            } else if lower.contains(&partial) {
                2
            } else {
                return None;
            };
            Some((rank, i, (text, x)))
        })
        .collect();
    scored.sort_by_key(|(rank, i, _)| (*rank, *i));
    scored.into_iter().map(|(_, _, x)| x).collect()
}

fn fields(partial: &str, replace: &Range<usize>, names: &dyn Names) -> Vec<Completion> {
    let known = names.fields().into_iter().map(|(field, detail)| (written(&field), detail));
    let attributes = ATTRIBUTES.iter().map(|(n, _, _, what)| ((*n).to_owned(), (*what).to_owned()));
    ranked(known.chain(attributes), partial)
        .into_iter()
        .map(|(text, detail)| Completion { text, kind: CompletionKind::Field, detail, replace: replace.clone() })
        .collect()
}

/// A field as it has to be written, quoted where a bare word would not do.
fn written(field: &Field) -> String {
    let quoted = |prefix: &str, name: &str| {
        let plain = !name.is_empty()
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '-' | '@' | '%' | ':'));
        if plain { format!("{prefix}.{name}") } else { format!("{prefix}.\"{}\"", name.replace('"', "\"\"")) }
    };
    match field {
        Field::Attribute(name) => (*name).to_owned(),
        Field::Param(name) => quoted("params", name),
        Field::Tag(name) => quoted("tags", name),
        Field::Metric(name, _) => quoted("metrics", name),
        Field::Dataset(name) => format!("dataset.{name}"),
    }
}

fn operators(partial: &str, replace: &Range<usize>) -> Vec<Completion> {
    const OPERATORS: [(&str, &str); 12] = [
        ("=", "equal"),
        ("!=", "not equal"),
        ("<", "less"),
        ("<=", "less or equal"),
        (">", "greater"),
        (">=", "greater or equal"),
        ("like", "matches, % is anything"),
        ("ilike", "matches, whatever the case"),
        ("in", "one of a list"),
        ("between", "from … to"),
        ("is null", "absent"),
        ("is not null", "present"),
    ];
    ranked(OPERATORS.iter().map(|(o, d)| ((*o).to_owned(), *d)), partial)
        .into_iter()
        .map(|(text, detail)| Completion {
            text,
            kind: CompletionKind::Operator,
            detail: detail.to_owned(),
            replace: replace.clone(),
        })
        .collect()
}

fn values(field: &Field, partial: &str, replace: &Range<usize>, names: &dyn Names) -> Vec<Completion> {
    let fixed: &[&str] = match field {
        Field::Attribute("status") => &["running", "silent", "finished", "failed", "killed", "stopped", "scheduled"],
        _ => &[],
    };
    let known = if fixed.is_empty() { names.values(field) } else { fixed.iter().map(|s| (*s).to_owned()).collect() };
    ranked(known.into_iter().map(|v| (v, ())), partial)
        .into_iter()
        .map(|(value, ())| Completion {
            text: if value.parse::<f64>().is_ok() { value } else { format!("\"{}\"", value.replace('"', "\"\"")) },
            kind: CompletionKind::Value,
            detail: String::new(),
            replace: replace.clone(),
        })
        .collect()
}

fn words(all: &[&str], partial: &str, replace: &Range<usize>) -> Vec<Completion> {
    debug_assert!(all.iter().all(|w| is_keyword(w) && attribute(w).is_none()));
    ranked(all.iter().map(|w| ((*w).to_owned(), ())), partial)
        .into_iter()
        .map(|(text, ())| Completion {
            text,
            kind: CompletionKind::Keyword,
            detail: String::new(),
            replace: replace.clone(),
        })
        .collect()
}
