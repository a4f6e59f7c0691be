//! A tree and a run to a verdict.

use crate::tree::{Literal, Node, Op};
use std::borrow::Cow;

/// What a run holds under a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Missing,
    /// A number with no text of its own: a metric, a duration.
    Number(f64),
    /// Unix seconds; compares with dates.
    Time(f64),
    /// A text, which counts as a number where it is written as one (MLflow's params).
    Text(Cow<'a, str>),
    /// A text of a closed set, whose case does not count (a status).
    Word(&'a str),
    /// Several texts, any of which may match (labels, data sets).
    Any(Vec<&'a str>),
}

pub(crate) fn holds<'a>(node: &Node, get: &dyn Fn(usize) -> Value<'a>) -> bool {
    match node {
        Node::And(a, b) => holds(a, get) && holds(b, get),
        Node::Or(a, b) => holds(a, get) || holds(b, get),
        Node::Not(a) => !holds(a, get),
        Node::Null { field, not } => matches!(get(*field), Value::Missing) != *not,
        Node::In { field, set, not } => {
            let value = get(*field);
            !matches!(value, Value::Missing) && set.iter().any(|to| compare(&value, Op::Eq, to)) != *not
        }
        Node::Compare { field, op, to } => compare(&get(*field), *op, to),
    }
}

fn compare(value: &Value, op: Op, to: &Literal) -> bool {
    match (value, to) {
        (Value::Missing, _) => false,
        (Value::Any(texts), to) => {
            if let Op::Ne | Op::Like { not: true, .. } = op {
                texts.iter().all(|t| text(t, op, &literal_text(to)))
            } else {
                texts.iter().any(|t| text(t, op, &literal_text(to)))
            }
        }
        (Value::Number(x), Literal::Number(n)) => number(*x, op, *n),
        (Value::Number(x), Literal::Text(t)) => match (op, t.trim().parse::<f64>()) {
            (Op::Like { .. }, _) => text(&x.to_string(), op, t),
            (_, Ok(n)) => number(*x, op, n),
            (_, Err(_)) => false,
        },
        // MLflow's times are milliseconds: a number too large for seconds is one of those.
        (Value::Time(x), Literal::Number(n)) => number(*x, op, if n.abs() > 1e11 { n / 1000.0 } else { *n }),
        (Value::Time(x), Literal::Text(t)) => parse_date(t).is_some_and(|n| number(*x, op, n)),
        (Value::Text(t), Literal::Number(n)) => match t.trim().parse::<f64>() {
            Ok(x) => number(x, op, *n),
            Err(_) => op == Op::Ne,
        },
        (Value::Text(t), Literal::Text(to)) => text(t, op, to),
        (Value::Word(w), to) => text(&w.to_lowercase(), op, &literal_text(to).to_lowercase()),
    }
}

fn literal_text(literal: &Literal) -> Cow<'_, str> {
    match literal {
        Literal::Number(n) => Cow::Owned(n.to_string()),
        Literal::Text(t) => Cow::Borrowed(t),
    }
}

fn number(x: f64, op: Op, to: f64) -> bool {
    match op {
        Op::Eq => x == to || (x.is_nan() && to.is_nan()),
        Op::Ne => !(x == to || (x.is_nan() && to.is_nan())),
        Op::Lt => x < to,
        Op::Le => x <= to,
        Op::Gt => x > to,
        Op::Ge => x >= to,
        Op::Like { .. } => false,
    }
}

fn text(x: &str, op: Op, to: &str) -> bool {
    match op {
        Op::Eq => x == to,
        Op::Ne => x != to,
        Op::Lt => x < to,
        Op::Le => x <= to,
        Op::Gt => x > to,
        Op::Ge => x >= to,
        Op::Like { fold: false, not } => like(x, to) != not,
        Op::Like { fold: true, not } => like(&x.to_lowercase(), &to.to_lowercase()) != not,
    }
}

/// SQL's LIKE: `%` stands for any run of characters, `_` for one. Linear but for the last `%` (no blow-up).
fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut t, mut p) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                back = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '_' || c == text[t] => {
                t += 1;
                p += 1;
            }
            _ => match back {
                Some((star, from)) => {
                    p = star + 1;
                    t = from + 1;
                    back = Some((star, t));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '%')
}

/// `2026-11-21`, `2026-11-21 10:30`, `2026-11-21T10:30:05Z` (all UTC) to Unix seconds.
pub fn parse_date(text: &str) -> Option<f64> {
    let text = text.trim().trim_end_matches('Z');
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((d, t)) => (d, Some(t)),
        None => (text, None),
    };
    let mut parts = date.splitn(3, '-').map(str::parse::<i64>);
    let (y, m, d) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    if !(1..=12).contains(&m) || !(1..=31).contains(&d) || !(1..=9999).contains(&y) {
        return None;
    }
    let mut seconds = 0.0;
    if let Some(time) = time {
        let mut fields = time.splitn(3, ':');
        seconds = fields.next()?.parse::<f64>().ok()? * 3600.0;
        seconds += fields.next().map_or(Some(0.0), |x| x.parse::<f64>().ok())? * 60.0;
        seconds += fields.next().map_or(Some(0.0), |x| x.parse::<f64>().ok())?;
    }
    // Days from 1970-01-01 of the proleptic Gregorian calendar (Howard Hinnant, "chrono-compatible algorithms").
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let yoe = y - era * 400;
    let doy = (153 * (m + if m > 2 { -3 } else { 9 }) + 2) / 5 + d - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    Some((era * 146_097 + doe - 719_468) as f64 * 86_400.0 + seconds)
}
