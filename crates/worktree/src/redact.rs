//! Secrets in texts that are kept: files whose name says that they hold some are not told at all, and values that look like
//! one (`signalbox_types::looks_secret`) are replaced in their line.
//!
//! In a program's text a value is a literal: `password = getpass()` tells nothing, `password = "x"` does. Elsewhere
//! (`.env`, YAML, shell) it is what stands there. Too much is replaced rather than too little.

use std::borrow::Cow;

use signalbox_types::looks_secret;

/// What stands in a secret's place.
pub(crate) const MARK: &str = "[redacted by Signalbox]";

const PROGRAMS: [&str; 38] = [
    "py", "pyx", "pxd", "pyi", "ipynb", "rs", "js", "ts", "jsx", "tsx", "mjs", "cjs", "svelte", "vue", "c", "h", "cc",
    "cpp", "cxx", "hpp", "cu", "cuh", "java", "kt", "scala", "go", "jl", "r", "rb", "lua", "swift", "cs", "php", "pl",
    "m", "mm", "proto", "sql",
];
/// Longer values are judged by their beginning.
const MAX_VALUE: usize = 512;
/// `name: type = value` with a longer type is not seen.
const MAX_TYPE: usize = 100;
/// A value that no rule of looks finds, to ask what a name alone says.
const ORDINARY: &str = "abcdefghijklmnopqrstuvwx";
/// No key that follows `Bearer` is shorter.
const BEARER_CHARS: usize = 16;

/// Whether a file is named, and never shown.
pub(crate) fn is_secret_file(path: &[u8]) -> bool {
    let path = String::from_utf8_lossy(path).to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    let ends =
        [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".asc", ".gpg", ".tfstate", ".env"];
    let names = [".env", ".envrc", ".netrc", "_netrc", ".pgpass", ".npmrc", ".pypirc", ".git-credentials", ".htpasswd"];
    let stems = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "kubeconfig"];
    names.contains(&name)
        || name.starts_with(".env.")
        || ends.iter().any(|end| name.ends_with(end))
        || stems.contains(&stem)
        || matches!(stem, "secret" | "secrets") && !is_program(&path)
        || name.trim_start_matches('.').starts_with("credentials")
        || name.starts_with("service-account") && name.ends_with(".json")
        || path.split('/').rev().skip(1).any(|dir| matches!(dir, ".aws" | ".ssh" | ".gnupg" | ".kube"))
}

fn is_program(path: &str) -> bool {
    let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, ext)| ext);
    PROGRAMS.contains(&extension)
}

/// The lines of a text, each with its end, and secrets replaced.
pub(crate) fn lines<'a>(path: &[u8], text: &'a str) -> Vec<Cow<'a, str>> {
    let path = String::from_utf8_lossy(path).to_ascii_lowercase();
    let mut state = State { is_program: is_program(&path), ..State::default() };
    text.split_inclusive('\n').map(|line| state.line(line)).collect()
}

/// A text with its secrets replaced, and whether there were any.
pub(crate) fn text(path: &[u8], text: &str) -> (String, bool) {
    let lines = lines(path, text);
    let is_redacted = lines.iter().any(|line| matches!(line, Cow::Owned(_)));
    (lines.concat(), is_redacted)
}

#[derive(Default)]
struct State {
    is_program: bool,
    /// Below `-----BEGIN … KEY-----`.
    is_in_key: bool,
    /// Below a name without a value on its line, which was so far to the right.
    below: Option<usize>,
}

impl State {
    fn line<'a>(&mut self, line: &'a str) -> Cow<'a, str> {
        let content = line.trim_end_matches(['\n', '\r']);
        let end = &line[content.len()..];
        let indent = content.len() - content.trim_start().len();
        if self.is_in_key && !content.trim().is_empty() {
            self.is_in_key = is_of_key(content);
            if self.is_in_key || content.contains("-----END") {
                return Cow::Owned(format!("{MARK}{end}"));
            }
        }
        if let Some(at) = content.find("-----BEGIN")
            && !content[at..].contains(" CERTIFICATE-----")
        {
            self.is_in_key = !content.contains("-----END");
            return Cow::Owned(format!("{}{MARK}{end}", &content[..at]));
        }
        if let Some(above) = self.below {
            let is_item = indent == above && content.trim_start().starts_with("- ");
            if !content.trim().is_empty() && (indent > above || is_item) {
                return Cow::Owned(format!("{}{MARK}{end}", &content[..indent]));
            }
            if !content.trim().is_empty() {
                self.below = None;
            }
        }
        let named = self.by_name(content, indent);
        let text = named.as_deref().unwrap_or(content);
        let looked = by_look(text);
        match looked.or(named) {
            Some(text) => Cow::Owned(text + end),
            None => Cow::Borrowed(line),
        }
    }

    /// `name = value`, `name: value`, `--name value`: each value whose name says that it is secret.
    fn by_name(&mut self, line: &str, indent: usize) -> Option<String> {
        let bytes = line.as_bytes();
        let mut out = String::new();
        let (mut kept, mut at) = (0, 0);
        while at < bytes.len() {
            let Some((name, from)) = self.name_before(line, at) else {
                at += 1;
                continue;
            };
            let Some((start, end)) = self.value(line, from) else {
                if !self.is_program && line[from..].trim().trim_matches(['|', '>', '-', '[', '{']).is_empty() {
                    self.below = Some(indent);
                }
                at += 1;
                continue;
            };
            let value: String = line[start..end].chars().take(MAX_VALUE).collect();
            if !is_reference(&value) && !is_version(&value) && looks_secret(&name, &value) {
                out.push_str(&line[kept..start]);
                out.push_str(MARK);
                kept = end;
            }
            // A value that is no secret may have more of them in it.
            at = if kept == end { end.max(at + 1) } else { at + 1 };
        }
        (kept > 0).then(|| out + &line[kept..])
    }

    /// The name that ends at a separator, if it is a secret's, and where its value may begin.
    fn name_before(&self, line: &str, at: usize) -> Option<(String, usize)> {
        let bytes = line.as_bytes();
        let (before, after) = (at.checked_sub(1).map(|i| bytes[i]), bytes.get(at + 1).copied());
        let from = match bytes[at] {
            b'=' if matches!(after, Some(b'=' | b'~')) || matches!(before, Some(b'=' | b'!' | b'<' | b'>' | b'~')) => {
                return None;
            }
            b'=' if after == Some(b'>') => at + 2,
            b'=' => at + 1,
            b':' if matches!(after, Some(b':' | b'/')) || before == Some(b':') => return None,
            b':' if after == Some(b'=') => at + 2,
            b':' => at + 1,
            b' ' => return flag_before(line, at).map(|name| (name, at + 1)),
            _ => return None,
        };
        let left = &line[..at];
        let name = name_at_end(left);
        // `name: type = value`
        let near = &bytes[at.saturating_sub(MAX_TYPE)..at];
        let typed = match near.iter().rposition(|b| *b == b':') {
            Some(colon) if bytes[at] == b'=' => name_at_end(&left[..at - near.len() + colon]),
            _ => "",
        };
        [name, typed].into_iter().find(|name| says_secret(name)).map(|name| (snake(name), from))
    }

    /// Where a value begins and ends, without its quotes. `None`: there is none, or it is worked out.
    fn value(&self, line: &str, from: usize) -> Option<(usize, usize)> {
        let rest = &line[from..];
        let trimmed = rest.trim_start();
        let start = from + (rest.len() - trimmed.len());
        // `f"…"`, `r'…'`, and what is escaped in a notebook.
        let prefix = trimmed.bytes().take_while(|b| b.is_ascii_alphabetic()).take(3).count();
        let escapes = trimmed[prefix..].bytes().take_while(|b| *b == b'\\').count();
        let quote = trimmed.as_bytes().get(prefix + escapes).copied().filter(|b| matches!(b, b'"' | b'\'' | b'`'));
        if let Some(quote) = quote.filter(|_| prefix < 3) {
            let n_quotes = trimmed[prefix + escapes..].bytes().take_while(|b| *b == quote).count();
            // Two are an empty text; three open a long one.
            if n_quotes == 2 {
                return None;
            }
            let open = start + prefix + escapes + n_quotes.min(3);
            let close = closing(line.as_bytes(), open, quote, escapes);
            return (close > open).then_some((open, close));
        }
        let end = line.trim_end().len();
        let is_number = |text: &str| text.bytes().next().is_some_and(|b| b.is_ascii_digit());
        let is_told = !self.is_program || is_number(trimmed);
        (is_told && end > start && !trimmed.trim_matches(['|', '>', '-', '[', '{', ' ']).is_empty())
            .then_some((start, end))
    }
}

/// Whether a line may be one of a key's (RFC 7468; RFC 1421's headers), bare or as a text in a program.
fn is_of_key(line: &str) -> bool {
    let text = line.trim_matches([' ', '\t', '"', '\'', '`', ',', '+', '#', '|', '>', '*', '\\', '(', ')', ';']);
    let text = text.strip_suffix("\\n").unwrap_or(text);
    let is_header = ["Proc-Type:", "DEK-Info:", "Comment:", "Version:"].iter().any(|name| text.starts_with(name));
    is_header || text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
}

/// Where a quoted text ends, at the line's end if it is not closed. `escapes`: so many backslashes stand before its quotes.
fn closing(bytes: &[u8], open: usize, quote: u8, escapes: usize) -> usize {
    let mut at = open;
    while at < bytes.len() {
        match bytes[at] {
            b if b == quote => return at,
            b'\\' if escapes > 0 && bytes[at..].get(escapes) == Some(&quote) => return at,
            // What is escaped is no end; it is no half of a character either.
            b'\\' if bytes.get(at + 1).is_some_and(u8::is_ascii) => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The name that a text ends with: `"api_key"`, `environ["API_KEY"]`, `--api-key`.
fn name_at_end(text: &str) -> &str {
    let text = text.trim_end_matches([' ', '\t', '"', '\'', '`', ']', '\\', '?', '+', ':']);
    let is_of_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let n = text.bytes().rev().take(200).take_while(is_of_name).count();
    text[text.len() - n..].trim_matches(['-', '.'])
}

/// `--api-key ` at a space.
fn flag_before(line: &str, at: usize) -> Option<String> {
    let word = line[..at].rsplit([' ', '"', '\'']).next()?;
    let name = word.strip_prefix("--")?;
    (!name.contains(['=', ':']) && !line[at + 1..].starts_with('-') && says_secret(name)).then(|| snake(name))
}

/// Whether some value under this name would be a secret.
fn says_secret(name: &str) -> bool {
    !name.is_empty() && looks_secret(&snake(name), ORDINARY)
}

/// `apiKey` as `api_key`.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            out.push('_');
        }
        out.push(c);
        before = c;
    }
    // What HTTP calls it.
    if out.eq_ignore_ascii_case("authorization") { "auth_token".to_owned() } else { out }
}

/// What names a secret that is kept elsewhere: `${API_KEY}`, `<token>`, `{{ token }}`.
fn is_reference(value: &str) -> bool {
    ["${", "$(", "{{", "<", "%("].iter().any(|begin| value.starts_with(begin))
        || value.strip_prefix('$').is_some_and(|rest| {
            let name = rest.split_whitespace().next().unwrap_or_default();
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        })
}

/// `^2.4.0` of a package that is called `auth-token`.
fn is_version(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'', ',', ' ']);
    let number = value.trim_start_matches(['^', '~', '>', '<', '=', 'v', ' ']);
    let is_of_version = |b: u8| b.is_ascii_digit() || b == b'.';
    value.len() < 20 && number.bytes().filter(|b| *b == b'.').count() == 2 && number.bytes().all(is_of_version)
}

/// What looks like a key wherever it stands: known beginnings, addresses with passwords, what follows `Bearer`.
fn by_look(line: &str) -> Option<String> {
    let is_cut =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | '(' | ')' | '<' | '>' | '\\');
    let may_follow_bearer = line.to_ascii_lowercase().contains("bearer");
    // A certificate begins as a key does.
    let looks_so = |text: &str| looks_secret("", text.trim_start_matches('-'));
    if !looks_so(line) && !may_follow_bearer {
        return None;
    }
    let mut out = String::with_capacity(line.len());
    let mut is_changed = false;
    let mut before = "";
    for word in line.split_inclusive(is_cut) {
        let text = word.trim_end_matches(is_cut);
        let follows = before.eq_ignore_ascii_case("bearer") && text.len() >= BEARER_CHARS && !text.contains(['{', '$']);
        if looks_so(text) || follows {
            out.push_str(MARK);
            out.push_str(&word[text.len()..]);
            is_changed = true;
        } else {
            out.push_str(word);
        }
        if !text.is_empty() {
            before = text;
        }
    }
    if looks_so(&out) {
        return Some(MARK.to_owned());
    }
    is_changed.then_some(out)
}

#[cfg(test)]
mod tests;
