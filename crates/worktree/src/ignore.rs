//! Which files git would not list as untracked: `.gitignore` of each folder, and the repository's `info/exclude`. A
//! person's own `core.excludesFile` lies outside and is not read.

use crate::{repository::Repository, wildmatch::Pattern};

const MAX_BYTES: u64 = 256 << 10;
const MAX_RULES: usize = 2_000;

/// One file of rules; the last one that matches counts.
pub(crate) struct Rules {
    /// Where they apply: a folder below the root.
    dir: Vec<u8>,
    rules: Vec<Rule>,
}

struct Rule {
    pattern: Pattern,
    is_negated: bool,
}

impl Rules {
    pub(crate) fn of_repository(repository: &Repository, ignores_case: bool) -> Rules {
        let found = repository.read(&repository.common, "info/exclude", MAX_BYTES).ok().flatten();
        Rules::parse(Vec::new(), &found.map(|(text, _)| text).unwrap_or_default(), ignores_case)
    }

    /// Those of a folder. A link is none, as for git.
    pub(crate) fn of_folder(folder: &std::path::Path, dir: &[u8], ignores_case: bool) -> Option<Rules> {
        let (text, _) = crate::repository::read(&folder.join(".gitignore"), MAX_BYTES).ok()??;
        Some(Rules::parse(dir.to_vec(), &text, ignores_case))
    }

    fn parse(dir: Vec<u8>, text: &[u8], ignores_case: bool) -> Rules {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let rule = |line: &[u8]| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.starts_with(b"#") {
                return None;
            }
            let (line, is_negated) = match line.strip_prefix(b"!") {
                Some(line) => (line, true),
                None => (line, false),
            };
            let pattern = Pattern::parse(without_spaces(line), ignores_case)?;
            Some(Rule { pattern, is_negated })
        };
        Rules { dir, rules: text.split(|b| *b == b'\n').filter_map(rule).take(MAX_RULES).collect() }
    }

    fn verdict(&self, path: &[u8], is_dir: bool) -> Option<bool> {
        let below = match self.dir.as_slice() {
            [] => path,
            dir => path.strip_prefix(dir)?.strip_prefix(b"/")?,
        };
        self.rules.iter().rev().find(|rule| rule.pattern.matches(below, is_dir)).map(|rule| !rule.is_negated)
    }
}

/// Whether a path is ignored whose folder is not. `rules`: those that count more come later.
pub(crate) fn is_ignored(rules: &[Rules], path: &[u8], is_dir: bool) -> bool {
    rules.iter().rev().find_map(|rules| rules.verdict(path, is_dir)).unwrap_or(false)
}

/// Spaces at the end count only behind a backslash.
fn without_spaces(line: &[u8]) -> &[u8] {
    let n = line.iter().rev().take_while(|b| **b == b' ').count();
    let end = line.len() - n;
    let is_escaped = n > 0 && line[..end].iter().rev().take_while(|b| **b == b'\\').count() % 2 == 1;
    &line[..end + usize::from(is_escaped)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_and_the_nearest_rule_counts() {
        let rules = [
            Rules::parse(Vec::new(), b"*.log\n", false),
            Rules::parse(
                Vec::new(),
                b"\xef\xbb\xbf# words\n*.ckpt\n!best.ckpt\r\nruns/  \n/x y\\ \n\\#a\n\\!b\n",
                false,
            ),
            Rules::parse(b"sub".to_vec(), b"!keep.log\n/only\n", false),
        ];
        let check = |path: &str, is_dir, expected| {
            assert_eq!(is_ignored(&rules, path.as_bytes(), is_dir), expected, "{path}");
        };
        check("a.log", false, true);
        check("sub/keep.log", false, false);
        check("keep.log", false, true);
        check("a.ckpt", false, true);
        check("best.ckpt", false, false);
        check("runs", true, true);
        check("runs", false, false);
        check("x y ", false, true);
        check("#a", false, true);
        check("!b", false, true);
        check("# words", false, false);
        check("sub/only", false, true);
        check("sub/deep/only", false, false);
        check("only", false, false);
        check("subkeep.log", false, true);
    }
}
