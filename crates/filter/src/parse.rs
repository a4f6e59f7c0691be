//! Tokens to a tree, by recursive descent. The grammar, loosest first:
//!
//! ```text
//! filter  = [ or ]
//! or      = and { "or" and }
//! and     = not { "and" not }
//! not     = "not" not | "(" or ")" | test
//! test    = field ( op value | ["not"] "in" "(" value {"," value} ")" | "is" ["not"] "null"
//!                 | ["not"] ("like"|"ilike") text | "between" value "and" value )
//! field   = stat "(" name ")" | name
//! name    = [ prefix "." ] ( word | quoted )
//! ```

use crate::Filter;
use crate::lex::{Spanned, Token, lex, number};
use crate::tree::{ATTRIBUTES, Field, FilterError, Literal, Node, Op, Stat, attribute};
use std::ops::Range;

/// Deep enough for any person, shallow enough for any stack.
const MAX_DEPTH: usize = 64;
const MAX_BYTES: usize = 64 * 1024;

/// Reads a filter. An empty text is the filter that matches all.
pub fn parse(text: &str) -> Result<Filter, FilterError> {
    if text.len() > MAX_BYTES {
        return Err(FilterError::new(0..text.len(), "this filter is longer than 64 KiB"));
    }
    let tokens = lex(text)?;
    let mut parser = Parser { tokens, at: 0, end: text.len(), fields: Vec::new(), depth: 0 };
    if parser.tokens.is_empty() {
        return Ok(Filter { fields: Vec::new(), root: None });
    }
    let root = parser.or()?;
    if let Some((token, span)) = parser.peek() {
        let message = match token {
            Token::Close => "this ) has no ( before it".to_owned(),
            _ => "expected and, or, or the end".to_owned(),
        };
        return Err(FilterError::new(span.clone(), message));
    }
    Ok(Filter { fields: parser.fields, root: Some(root) })
}

struct Parser {
    tokens: Vec<Spanned>,
    at: usize,
    end: usize,
    fields: Vec<Field>,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Spanned> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Spanned> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn span_here(&self) -> Range<usize> {
        self.peek().map_or(self.end..self.end, |(_, span)| span.clone())
    }

    fn keyword(&mut self, word: &str) -> bool {
        let hit = matches!(self.peek(), Some((Token::Word(w), _)) if w.eq_ignore_ascii_case(word));
        self.at += usize::from(hit);
        hit
    }

    fn or(&mut self) -> Result<Node, FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(FilterError::new(self.span_here(), "too many parentheses inside each other"));
        }
        let mut left = self.and()?;
        while self.keyword("or") {
            left = Node::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Node, FilterError> {
        let mut left = self.not()?;
        while self.keyword("and") {
            left = Node::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Node, FilterError> {
        let mut negated = false;
        while self.keyword("not") {
            negated = !negated;
        }
        let node = if matches!(self.peek(), Some((Token::Open, _))) {
            let open = self.span_here();
            self.at += 1;
            let inner = self.or()?;
            if !matches!(self.next(), Some((Token::Close, _))) {
                return Err(FilterError::new(open, "this ( is never closed").hint("Add a closing )"));
            }
            inner
        } else {
            self.test()?
        };
        Ok(if negated { Node::Not(Box::new(node)) } else { node })
    }

    fn test(&mut self) -> Result<Node, FilterError> {
        let (field, span) = self.field()?;
        let field = self.index(field);
        if self.keyword("is") {
            let not = self.keyword("not");
            return if self.keyword("null") || self.keyword("none") {
                Ok(Node::Null { field, not })
            } else {
                Err(FilterError::new(self.span_here(), "expected null").hint("Write is null or is not null"))
            };
        }
        let not = self.keyword("not");
        if self.keyword("in") {
            return self.set(field, not);
        }
        if !not && self.keyword("between") {
            let low = self.value()?;
            if !self.keyword("and") {
                return Err(FilterError::new(self.span_here(), "expected and, then the upper end")
                    .hint("Write field between 0.1 and 0.5"));
            }
            let high = self.value()?;
            let low = Node::Compare { field, op: Op::Ge, to: low };
            return Ok(Node::And(Box::new(low), Box::new(Node::Compare { field, op: Op::Le, to: high })));
        }
        let op = self.operator(not, &span)?;
        let value_span = self.span_here();
        let to = self.value()?;
        if let (Op::Like { .. }, Literal::Number(_)) = (op, &to) {
            return Err(FilterError::new(value_span, "like wants a text").hint("Put the pattern in quotes: \"%cv%\""));
        }
        Ok(Node::Compare { field, op, to })
    }

    fn operator(&mut self, not: bool, field: &Range<usize>) -> Result<Op, FilterError> {
        let here = self.span_here();
        let op = match self.next() {
            Some((Token::Op("like"), _)) => Op::Like { fold: false, not },
            Some((Token::Op("not like"), _)) if !not => Op::Like { fold: false, not: true },
            Some((Token::Word(w), _)) if w.eq_ignore_ascii_case("like") => Op::Like { fold: false, not },
            Some((Token::Word(w), _)) if w.eq_ignore_ascii_case("ilike") => Op::Like { fold: true, not },
            Some((Token::Op(op), _)) if !not => match op {
                "=" => Op::Eq,
                "!=" => Op::Ne,
                "<" => Op::Lt,
                "<=" => Op::Le,
                ">" => Op::Gt,
                _ => Op::Ge,
            },
            None => {
                return Err(FilterError::new(field.start..self.end, "this is not compared with anything")
                    .hint("Go on with = != < <= > >= like, in or is null"));
            }
            Some(_) => {
                return Err(
                    FilterError::new(here, "expected a comparison").hint("One of = != < <= > >= like ilike in is null")
                );
            }
        };
        Ok(op)
    }

    fn set(&mut self, field: usize, not: bool) -> Result<Node, FilterError> {
        if !matches!(self.next(), Some((Token::Open, _))) {
            self.at -= 1;
            return Err(FilterError::new(self.span_here(), "in wants a list").hint("Write in ('a', 'b')"));
        }
        let mut set = vec![self.value()?];
        loop {
            match self.next() {
                Some((Token::Comma, _)) => set.push(self.value()?),
                Some((Token::Close, _)) => return Ok(Node::In { field, set, not }),
                _ => {
                    self.at -= 1;
                    return Err(FilterError::new(self.span_here(), "expected , or ) in this list"));
                }
            }
        }
    }

    fn value(&mut self) -> Result<Literal, FilterError> {
        let here = self.span_here();
        match self.next() {
            Some((Token::Number(n), _)) => Ok(Literal::Number(n)),
            Some((Token::Text(t) | Token::Name(t), _)) => Ok(Literal::Text(t)),
            // A bare word serves as a text where it cannot be anything else: status = finished.
            Some((Token::Word(w), _)) if !is_keyword(&w) => Ok(number(&w).map_or(Literal::Text(w), Literal::Number)),
            _ => {
                self.at -= 1;
                Err(FilterError::new(here, "expected a value").hint("A number, or a text in quotes"))
            }
        }
    }

    fn field(&mut self) -> Result<(Field, Range<usize>), FilterError> {
        let here = self.span_here();
        match self.next() {
            Some((Token::Word(w), span)) => {
                if matches!(self.peek(), Some((Token::Open, _)))
                    && let Some(stat) = Stat::from_name(&w)
                {
                    return self.stat_field(stat, span.start);
                }
                if is_keyword(&w) {
                    return Err(FilterError::new(span, format!("expected a field before {w}"))
                        .hint("Such as metrics.val_loss, params.lr, tags.team or status"));
                }
                if matches!(self.peek(), Some((Token::Dot, _))) {
                    self.at += 1;
                    let Some((Token::Text(name) | Token::Name(name), end)) = self.next() else {
                        return Err(FilterError::new(span, "expected a name after the dot"));
                    };
                    return Ok((prefixed(&w, name, span.clone())?, span.start..end.end));
                }
                Ok((bare(&w, span.clone())?, span))
            }
            Some((Token::Name(name), span)) => Ok((bare(&name, span.clone())?, span)),
            Some((Token::Text(_) | Token::Number(_), span)) => {
                Err(FilterError::new(span, "a filter begins with a field, the value comes after")
                    .hint("Write params.lr = 0.01, not 0.01 = params.lr"))
            }
            _ => {
                self.at -= 1;
                Err(FilterError::new(here, "expected a field")
                    .hint("Such as metrics.val_loss, params.lr, tags.team or status"))
            }
        }
    }

    fn stat_field(&mut self, stat: Stat, start: usize) -> Result<(Field, Range<usize>), FilterError> {
        self.at += 1;
        let (inner, span) = self.field()?;
        let Field::Metric(name, _) = inner else {
            return Err(FilterError::new(span, "only a metric has a min, max, best, last or n"));
        };
        match self.next() {
            Some((Token::Close, end)) => Ok((Field::Metric(name, stat), start..end.end)),
            _ => Err(FilterError::new(start..span.end, "expected ) after the metric")),
        }
    }

    fn index(&mut self, field: Field) -> usize {
        self.fields.iter().position(|f| *f == field).unwrap_or_else(|| {
            self.fields.push(field);
            self.fields.len() - 1
        })
    }
}

pub(crate) fn is_keyword(word: &str) -> bool {
    ["and", "or", "not", "in", "is", "like", "ilike", "between"].iter().any(|k| k.eq_ignore_ascii_case(word))
}

fn bare(word: &str, span: Range<usize>) -> Result<Field, FilterError> {
    if let Some((prefix, name)) = word.split_once('.')
        && !name.is_empty()
        && known_prefix(prefix)
    {
        return prefixed(prefix, name.to_owned(), span);
    }
    if let Some(name) = attribute(word) {
        return Ok(Field::Attribute(name));
    }
    let mut error = FilterError::new(span, format!("there is no field {word}"));
    let close = ATTRIBUTES.iter().map(|(n, ..)| *n).find(|n| n.starts_with(&word.to_lowercase()));
    error = match close {
        Some(near) => error.hint(format!("Did you mean {near}?")),
        None => error.hint(format!("Say what it is: metrics.{word}, params.{word} or tags.{word}")),
    };
    Err(error)
}

fn known_prefix(prefix: &str) -> bool {
    matches!(
        prefix.to_ascii_lowercase().as_str(),
        "metric"
            | "metrics"
            | "param"
            | "params"
            | "parameter"
            | "parameters"
            | "tag"
            | "tags"
            | "attribute"
            | "attributes"
            | "attr"
            | "run"
            | "dataset"
            | "datasets"
    )
}

fn prefixed(prefix: &str, name: String, span: Range<usize>) -> Result<Field, FilterError> {
    match prefix.to_ascii_lowercase().as_str() {
        "metric" | "metrics" => Ok(Field::Metric(name, Stat::Last)),
        "param" | "params" | "parameter" | "parameters" => Ok(Field::Param(name)),
        "tag" | "tags" => Ok(Field::Tag(name)),
        "attribute" | "attributes" | "attr" | "run" => match attribute(&name) {
            Some(known) => Ok(Field::Attribute(known)),
            None => Err(FilterError::new(span, format!("there is no attribute {name}"))
                .hint("Such as status, name, started, duration, source")),
        },
        "dataset" | "datasets" => match name.to_ascii_lowercase().as_str() {
            "name" => Ok(Field::Dataset("name")),
            "digest" => Ok(Field::Dataset("digest")),
            "context" => Ok(Field::Dataset("context")),
            _ => Err(FilterError::new(span, "a dataset has name, digest and context")),
        },
        other => Err(FilterError::new(span, format!("there is no kind of field called {other}"))
            .hint("metrics. params. tags. or attributes.")),
    }
}
