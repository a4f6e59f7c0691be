//! What a repository's own configuration says, as text (git's Documentation/config.txt, "Syntax"). Nothing in it is
//! carried out, and `include` is a section like any other.

const MAX_VALUES: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Config {
    values: Vec<Value>,
}

#[derive(Debug)]
struct Value {
    /// In lower case.
    section: String,
    subsection: String,
    /// In lower case.
    key: String,
    /// `None`: the key alone, which means true.
    text: Option<String>,
}

impl Config {
    pub(crate) fn parse(bytes: &[u8]) -> Config {
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut config = Config::default();
        let (mut section, mut subsection) = (String::new(), String::new());
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let mut rest = line.trim_start();
            if rest.starts_with('[') {
                let Some((name, sub, after)) = header(rest) else { continue };
                (section, subsection) = (name, sub);
                rest = after.trim_start();
            }
            if rest.is_empty() || rest.starts_with(['#', ';']) || config.values.len() >= MAX_VALUES {
                continue;
            }
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            let text = after.trim_start().strip_prefix('=').map(|first| value(first, &mut lines));
            if !key.is_empty() {
                let key = key.to_ascii_lowercase();
                config.values.push(Value { section: section.clone(), subsection: subsection.clone(), key, text });
            }
        }
        config
    }

    /// The last one counts. Section and key in lower case.
    pub(crate) fn get(&self, section: &str, subsection: &str, key: &str) -> Option<&str> {
        let is_it = |v: &&Value| v.section == section && v.subsection == subsection && v.key == key;
        self.values.iter().rev().find(is_it).map(|v| v.text.as_deref().unwrap_or("true"))
    }

    /// `None` if it is not set, or to something that is neither true nor false.
    pub(crate) fn flag(&self, section: &str, key: &str) -> Option<bool> {
        match self.get(section, "", key)?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" | "" => Some(false),
            _ => None,
        }
    }
}

/// `[section "sub"]` or `[section.sub]`, and what follows it on the line.
fn header(line: &str) -> Option<(String, String, &str)> {
    let line = line.strip_prefix('[')?;
    let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.')?;
    let (name, rest) = line.split_at(end);
    if let Some(after) = rest.strip_prefix(']') {
        let (section, sub) = name.split_once('.').unwrap_or((name, ""));
        return Some((section.to_ascii_lowercase(), sub.to_ascii_lowercase(), after));
    }
    let quoted = rest.trim_start().strip_prefix('"')?;
    let mut sub = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((name.to_ascii_lowercase(), sub, quoted[at + 1..].trim_start().strip_prefix(']')?)),
            '\\' => sub.push(chars.next()?.1),
            c => sub.push(c),
        }
    }
    None
}

/// What stands after `=`, with its quotes, escapes and continued lines undone.
fn value(first: &str, lines: &mut std::str::Lines<'_>) -> String {
    let mut out = String::new();
    // As long as it was at the last character that is no space outside of quotes.
    let mut kept = 0;
    let mut is_quoted = false;
    let mut line = first.trim_start();
    'lines: loop {
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => is_quoted = !is_quoted,
                '#' | ';' if !is_quoted => break 'lines,
                '\\' => match chars.next() {
                    None => match lines.next() {
                        Some(next) => {
                            line = next;
                            continue 'lines;
                        }
                        None => break 'lines,
                    },
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some('b') => {
                        out.pop();
                    }
                    Some(other) => out.push(other),
                },
                c => out.push(c),
            }
            if is_quoted || !c.is_whitespace() {
                kept = out.len();
            }
        }
        break;
    }
    out.truncate(kept.min(out.len()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let config = Config::parse(
            b"\xef\xbb\xbf[core]\n\tfileMode = FALSE ; no\n autocrlf\n[remote \"origin\"] url = \"https://h/a # b\"  # x\n\
              [Remote \"o\\\"x\"]\n\turl = a\\\n  b \\\"q\\\" \n[branch.Main]\n  remote=one\n  remote = two\n\
              [bad\n= 3\n[include]\npath = /etc/passwd\n[a] b = c\\",
        );
        let get = |s, sub, k| config.get(s, sub, k);
        assert_eq!(config.flag("core", "filemode"), Some(false));
        assert_eq!(config.flag("core", "autocrlf"), Some(true));
        assert_eq!(config.flag("core", "symlinks"), None);
        assert_eq!(get("remote", "origin", "url"), Some("https://h/a # b"));
        assert_eq!(get("remote", "o\"x", "url"), Some("a  b \"q\""));
        assert_eq!(get("branch", "main", "remote"), Some("two"));
        assert_eq!(get("a", "", "b"), Some("c"));
    }

    #[test]
    fn nonsense_is_no_trouble() {
        for text in ["[", "[a \"", "[a \"\\", "=\n=\n", "\\", "[a]x=\\b\\b\"", "[a]\nx=\"\\"] {
            Config::parse(text.as_bytes());
        }
    }
}
