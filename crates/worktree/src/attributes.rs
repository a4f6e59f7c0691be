//! What `.gitattributes` says of a file (git's gitattributes.txt), as far as it decides whether the file differs from what
//! git has: line endings, and filters, which are named and never started.

use std::{collections::HashMap, rc::Rc};

use crate::{
    config::Config,
    repository::{self, Repository},
    wildmatch::Pattern,
};

const MAX_BYTES: u64 = 256 << 10;
const MAX_RULES: usize = 2_000;
const MAX_FOLDERS: usize = 10_000;

/// Whether git takes CR LF for LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endings {
    Converts,
    Keeps,
    /// The repository does not say; a person's own configuration, which lies outside, may.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub endings: Endings,
    /// What git has is not what lies there: `filter`, `working-tree-encoding`, `ident`.
    pub is_filtered: bool,
    /// `-diff`
    pub is_binary: bool,
}

pub(crate) struct Reader<'a> {
    repository: &'a Repository,
    files: HashMap<Vec<u8>, Rc<Vec<Rule>>>,
    of_repository: Vec<Rule>,
    autocrlf: Endings,
}

struct Rule {
    pattern: Pattern,
    sets: Vec<Set>,
}

#[derive(Clone, Copy)]
enum Set {
    Endings(Option<Endings>),
    Filter(bool),
    Encoding(bool),
    Ident(bool),
    Binary(bool),
}

impl<'a> Reader<'a> {
    pub(crate) fn of(repository: &'a Repository) -> Reader<'a> {
        let found = repository.read(&repository.common, "info/attributes", MAX_BYTES).ok().flatten();
        Reader {
            repository,
            files: HashMap::new(),
            of_repository: found.map(|(text, _)| parse(&text)).unwrap_or_default(),
            autocrlf: autocrlf(&repository.config),
        }
    }

    pub(crate) fn of_path(&mut self, path: &[u8]) -> Attributes {
        let mut sets = Sets::default();
        let slashes = path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
        let dirs: Vec<usize> = std::iter::once(0).chain(slashes).collect();
        for end in dirs {
            let below = if end == 0 { path } else { &path[end + 1..] };
            sets.take(&self.file(&path[..end]), below);
        }
        sets.take(&self.of_repository, path);
        Attributes {
            endings: sets.endings.unwrap_or(self.autocrlf),
            is_filtered: sets.is_filter || sets.is_encoded || sets.is_ident,
            is_binary: sets.is_binary,
        }
    }

    fn file(&mut self, dir: &[u8]) -> Rc<Vec<Rule>> {
        if let Some(known) = self.files.get(dir) {
            return known.clone();
        }
        if self.files.len() >= MAX_FOLDERS {
            self.files.clear();
        }
        let folder = repository::join(&self.repository.root, dir);
        let found = folder.and_then(|dir| repository::read(&dir.join(".gitattributes"), MAX_BYTES).ok().flatten());
        let rules = Rc::new(found.map(|(text, _)| parse(&text)).unwrap_or_default());
        self.files.insert(dir.to_vec(), rules.clone());
        rules
    }
}

/// What was set so far; what comes later counts more.
#[derive(Default)]
struct Sets {
    endings: Option<Endings>,
    is_filter: bool,
    is_encoded: bool,
    is_ident: bool,
    is_binary: bool,
}

impl Sets {
    fn take(&mut self, rules: &[Rule], path: &[u8]) {
        for set in rules.iter().filter(|rule| rule.pattern.matches(path, false)).flat_map(|rule| &rule.sets) {
            match *set {
                Set::Endings(endings) => self.endings = endings,
                Set::Filter(is) => self.is_filter = is,
                Set::Encoding(is) => self.is_encoded = is,
                Set::Ident(is) => self.is_ident = is,
                Set::Binary(is) => self.is_binary = is,
            }
        }
    }
}

fn autocrlf(config: &Config) -> Endings {
    match config.get("core", "", "autocrlf") {
        Some(v) if v.eq_ignore_ascii_case("input") => Endings::Converts,
        Some(_) => match config.flag("core", "autocrlf") {
            Some(false) => Endings::Keeps,
            _ => Endings::Converts,
        },
        None => Endings::Unknown,
    }
}

fn parse(text: &[u8]) -> Vec<Rule> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    text.split(|b| *b == b'\n').filter_map(rule).take(MAX_RULES).collect()
}

fn rule(line: &[u8]) -> Option<Rule> {
    let line = line.trim_ascii();
    // Macros of one's own (`[attr]name`) are not followed; quoted patterns have spaces in them.
    if line.starts_with(b"#") || line.starts_with(b"[attr]") {
        return None;
    }
    let (pattern, words) = match line.strip_prefix(b"\"") {
        Some(quoted) => {
            let end = quoted.iter().position(|b| *b == b'"')?;
            (&quoted[..end], &quoted[end + 1..])
        }
        None => line.split_at(line.iter().position(u8::is_ascii_whitespace)?),
    };
    let words = words.split(u8::is_ascii_whitespace).filter_map(|word| std::str::from_utf8(word).ok());
    let sets: Vec<Set> = words.flat_map(sets_of).collect();
    Some(Rule { pattern: Pattern::parse(pattern, false)?, sets }).filter(|rule| !rule.sets.is_empty())
}

fn sets_of(word: &str) -> Vec<Set> {
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    match (name, value) {
        ("text" | "crlf", None) | ("text", Some(_)) | ("eol", Some(_)) | ("crlf", Some("input")) => {
            vec![Set::Endings(Some(Endings::Converts))]
        }
        ("-text" | "-crlf", None) => vec![Set::Endings(Some(Endings::Keeps))],
        ("!text" | "!crlf", None) => vec![Set::Endings(None)],
        ("binary", None) => vec![Set::Endings(Some(Endings::Keeps)), Set::Binary(true)],
        ("-diff", None) => vec![Set::Binary(true)],
        ("diff" | "!diff", _) => vec![Set::Binary(false)],
        ("filter", Some(_)) => vec![Set::Filter(true)],
        ("-filter" | "!filter", None) => vec![Set::Filter(false)],
        ("working-tree-encoding", Some(_)) => vec![Set::Encoding(true)],
        ("-working-tree-encoding" | "!working-tree-encoding", None) => vec![Set::Encoding(false)],
        ("ident", None) => vec![Set::Ident(true)],
        ("-ident" | "!ident", None) => vec![Set::Ident(false)],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_says() {
        let rules = parse(
            b"# words\n* text=auto\n*.bin binary\n\"a b.txt\" -text\n*.ipynb filter=nbstripout diff=x\n*.md\n*.sh eol=lf\n",
        );
        let check = |path: &str, endings, is_filtered, is_binary| {
            let mut sets = Sets::default();
            sets.take(&rules, path.as_bytes());
            assert_eq!(
                (sets.endings, sets.is_filter, sets.is_binary),
                (Some(endings), is_filtered, is_binary),
                "{path}"
            );
        };
        check("a.py", Endings::Converts, false, false);
        check("x/a.bin", Endings::Keeps, false, true);
        check("a b.txt", Endings::Keeps, false, false);
        check("n.ipynb", Endings::Converts, true, false);
        check("r.sh", Endings::Converts, false, false);
    }

    #[test]
    fn what_the_configuration_says() {
        let of = |text: &str| autocrlf(&Config::parse(text.as_bytes()));
        assert_eq!(of("[core]\nautocrlf = input"), Endings::Converts);
        assert_eq!(of("[core]\nautocrlf"), Endings::Converts);
        assert_eq!(of("[core]\nautocrlf = false"), Endings::Keeps);
        assert_eq!(of(""), Endings::Unknown);
    }
}
