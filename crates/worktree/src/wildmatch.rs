//! The patterns of `.gitignore` and `.gitattributes` (git's gitignore.txt, "Pattern format"; `wildmatch.c` with
//! `WM_PATHNAME`). Patterns are foreign input: a pattern of *m* parts and a path of *n* bytes take *m·n* steps and no more,
//! where backtracking would take as long as somebody likes.

/// Longer patterns match nothing.
const MAX_PATTERN: usize = 1024;

#[derive(Debug)]
pub(crate) struct Pattern {
    tokens: Vec<Token>,
    /// The pattern begins with these bytes as they are; all of it, if there are no tokens.
    literal: Vec<u8>,
    /// Ends with these bytes: most patterns that are not literal are `*.ext`.
    suffix: Vec<u8>,
    /// Matched against a path below the pattern's folder; otherwise against a name alone.
    is_path: bool,
    is_dir_only: bool,
    ignores_case: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    /// `?`: no slash.
    Any,
    /// `*`: no slash.
    Star,
    /// `**/`: nothing, or folders.
    Folders,
    /// `/**` at the end: all that is below.
    Rest,
    Class {
        is_negated: bool,
        ranges: Vec<(u8, u8)>,
    },
}

impl Pattern {
    /// `None` for what matches nothing.
    pub(crate) fn parse(text: &[u8], ignores_case: bool) -> Option<Pattern> {
        if text.len() > MAX_PATTERN {
            return None;
        }
        let (text, is_dir_only) = match text.strip_suffix(b"/") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let is_path = text.contains(&b'/');
        let text = text.strip_prefix(b"/").unwrap_or(text);
        let text = if ignores_case { text.to_ascii_lowercase() } else { text.to_vec() };
        let mut tokens = tokens(&text)?;
        if tokens.is_empty() {
            return None;
        }
        let byte = |token: &Token| match token {
            Token::Byte(b) => Some(*b),
            _ => None,
        };
        let literal: Vec<u8> = tokens.iter().map_while(byte).collect();
        tokens.drain(..literal.len());
        let mut suffix: Vec<u8> = tokens.iter().rev().map_while(byte).collect();
        suffix.reverse();
        Some(Pattern { tokens, literal, suffix, is_path, is_dir_only, ignores_case })
    }

    /// Whether it matches a path below its folder.
    pub(crate) fn matches(&self, path: &[u8], is_dir: bool) -> bool {
        if self.is_dir_only && !is_dir {
            return false;
        }
        let name = if self.is_path { path } else { path.rsplit(|b| *b == b'/').next().unwrap_or(path) };
        if self.ignores_case { self.matches_all(&name.to_ascii_lowercase()) } else { self.matches_all(name) }
    }

    fn matches_all(&self, text: &[u8]) -> bool {
        let Some(rest) = text.strip_prefix(self.literal.as_slice()) else { return false };
        match self.tokens.as_slice() {
            [] => rest.is_empty(),
            _ if !rest.ends_with(&self.suffix) => false,
            [Token::Star, literal @ ..] if literal.len() == self.suffix.len() => {
                !rest[..rest.len() - literal.len()].contains(&b'/')
            }
            tokens => run(tokens, rest),
        }
    }
}

fn tokens(text: &[u8]) -> Option<Vec<Token>> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'*' => {
                let n = text[at..].iter().take_while(|b| **b == b'*').count();
                let is_part = at == 0 || text[at - 1] == b'/';
                let after = text.get(at + n);
                if n >= 2 && is_part && after == Some(&b'/') {
                    out.push(Token::Folders);
                    at += 1;
                } else if n >= 2 && is_part && after.is_none() {
                    out.push(Token::Rest);
                } else {
                    out.push(Token::Star);
                }
                at += n;
                continue;
            }
            b'?' => out.push(Token::Any),
            b'\\' => {
                at += 1;
                out.push(Token::Byte(*text.get(at)?));
            }
            b'[' => {
                let (class, n) = class(&text[at..])?;
                out.push(class);
                at += n;
                continue;
            }
            b => out.push(Token::Byte(b)),
        }
        at += 1;
    }
    Some(out)
}

/// `[a-z]`, `[!a]`, `[[:digit:]]`, and how long it is.
fn class(text: &[u8]) -> Option<(Token, usize)> {
    let mut at = 1;
    let is_negated = matches!(text.get(1), Some(b'!' | b'^'));
    at += usize::from(is_negated);
    let first = at;
    let mut ranges = Vec::new();
    loop {
        let b = *text.get(at)?;
        if b == b']' && at > first {
            return Some((Token::Class { is_negated, ranges }, at + 1));
        }
        if text[at..].starts_with(b"[:") {
            let n = text[at..].windows(2).position(|pair| pair == b":]")?;
            ranges.extend(named(&text[at + 2..at + n])?);
            at += n + 2;
            continue;
        }
        let (from, n) = escaped(&text[at..])?;
        at += n;
        if text.get(at) == Some(&b'-') && text.get(at + 1).is_some_and(|b| *b != b']') {
            let (to, n) = escaped(&text[at + 1..])?;
            ranges.push((from, to));
            at += 1 + n;
        } else {
            ranges.push((from, from));
        }
    }
}

fn escaped(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [b'\\', b, ..] => Some((*b, 2)),
        [b'\\'] | [] => None,
        [b, ..] => Some((*b, 1)),
    }
}

fn named(name: &[u8]) -> Option<Vec<(u8, u8)>> {
    Some(match name {
        b"alpha" => vec![(b'a', b'z'), (b'A', b'Z')],
        b"digit" => vec![(b'0', b'9')],
        b"alnum" => vec![(b'a', b'z'), (b'A', b'Z'), (b'0', b'9')],
        b"lower" => vec![(b'a', b'z')],
        b"upper" => vec![(b'A', b'Z')],
        b"xdigit" => vec![(b'a', b'f'), (b'A', b'F'), (b'0', b'9')],
        b"space" => vec![(9, 13), (b' ', b' ')],
        b"blank" => vec![(b'\t', b'\t'), (b' ', b' ')],
        b"punct" => vec![(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
        b"print" => vec![(b' ', b'~')],
        b"graph" => vec![(b'!', b'~')],
        b"cntrl" => vec![(0, 31), (127, 127)],
        _ => return None,
    })
}

/// All ways through the pattern at once: `at[i]` says whether the first `i` tokens can have matched what was read.
fn run(tokens: &[Token], text: &[u8]) -> bool {
    let n = tokens.len();
    let mut at = vec![false; n + 1];
    // Within the folders of the `**/` at `i`, before their next slash.
    let mut inside = vec![false; n];
    at[0] = true;
    pass(tokens, &mut at);
    for b in text {
        let mut next = vec![false; n + 1];
        let mut next_inside = vec![false; n];
        for (i, token) in tokens.iter().enumerate() {
            if at[i] {
                match token {
                    Token::Byte(byte) => next[i + 1] |= byte == b,
                    Token::Any => next[i + 1] |= *b != b'/',
                    Token::Star => next[i] |= *b != b'/',
                    Token::Rest => next[i] = true,
                    Token::Class { is_negated, ranges } => {
                        let is_in = ranges.iter().any(|(from, to)| (*from..=*to).contains(b));
                        next[i + 1] |= *b != b'/' && is_in != *is_negated;
                    }
                    Token::Folders => next_inside[i] |= *b != b'/',
                }
            }
            if inside[i] {
                next_inside[i] = true;
                next[i + 1] |= *b == b'/';
            }
        }
        pass(tokens, &mut next);
        if !next.contains(&true) && !next_inside.contains(&true) {
            return false;
        }
        (at, inside) = (next, next_inside);
    }
    at[n]
}

/// Stars and folders may be empty.
fn pass(tokens: &[Token], at: &mut [bool]) {
    for (i, token) in tokens.iter().enumerate() {
        if at[i] && matches!(token, Token::Star | Token::Folders | Token::Rest) {
            at[i + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_git_matches() {
        let check = |pattern: &str, path: &str, expected| {
            let parsed = Pattern::parse(pattern.as_bytes(), false);
            let is_dir = path.ends_with('/');
            let path = path.trim_end_matches('/');
            let found = parsed.is_some_and(|p| p.matches(path.as_bytes(), is_dir));
            assert_eq!(found, expected, "{pattern} {path}");
        };
        for (pattern, path) in [
            ("*.pyc", "a/b/c.pyc"),
            ("__pycache__/", "a/__pycache__/"),
            ("/build", "build"),
            ("a/b", "a/b"),
            ("a/**/b", "a/b"),
            ("a/**/b", "a/x/y/b"),
            ("**/b", "b"),
            ("**/b", "x/y/b"),
            ("**/a/b", "x/a/b"),
            ("a/**", "a/b/c"),
            ("a/*", "a/b"),
            ("?.t[xy]t", "a.txt"),
            ("[!a-c]x", "dx"),
            ("[]x]", "]"),
            ("[[:digit:]]*", "1abc"),
            ("a\\*b", "a*b"),
            ("a*b*c", "axxbxxc"),
            ("a**b", "axb"),
            ("*", "x"),
            ("**", "x"),
            ("a/b*.c", "a/bxx.c"),
            ("[a\\]]", "]"),
        ] {
            check(pattern, path, true);
        }
        for (pattern, path) in [
            ("*.pyc", "a.pyd"),
            ("x/", "x"),
            ("/build", "a/build"),
            ("a/b", "x/a/b"),
            ("a/*", "a/b/c"),
            ("a/**", "a"),
            ("a/**/b", "axb"),
            ("a?b", "a/b"),
            ("a[/]b", "a/b"),
            ("a/*b", "a/x/b"),
            ("**/b", "xb"),
            ("[a", "[a"),
            ("a\\", "a\\"),
            ("/", "a"),
            ("a/**b", "a/x/b"),
        ] {
            check(pattern, path, false);
        }
        assert!(Pattern::parse(b"*.PT", true).unwrap().matches(b"a/B.pt", false));
    }

    #[test]
    fn a_pattern_made_to_take_long_does_not() {
        let pattern = Pattern::parse(&b"a/**/*a*".repeat(100), false).unwrap();
        assert!(!pattern.matches(&[b"a/a".repeat(1000).as_slice(), b"/b"].concat(), false));
    }
}
