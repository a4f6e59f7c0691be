//! What a run printed, as far as a file near its records has it: tools keep it under names of their own, people redirect
//! it. Looked for and read when it is asked for.

use crate::App;
use crate::wire::*;
use signalbox_types::RunId;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Read at once.
const WINDOW_BYTES: u64 = 256 << 10;
/// More files are not listed.
const MAX_FILES: usize = 50;
/// Entries of one folder that are looked at.
const MAX_ENTRIES: usize = 5_000;
/// Below a run's folder: W&B's, Guild's, SwanLab's and Sacred's own, and what people call it.
const FOLDERS: [&str; 6] = ["", "files", ".guild", "console", "logs", "log"];
const NAMES: [&str; 6] = ["output", "cout.txt", "stdout", "stderr", "stdout.txt", "stderr.txt"];
const ENDINGS: [&str; 3] = ["log", "out", "err"];

impl App {
    pub(crate) fn console(&self, args: OfRun) -> Result<Vec<ConsoleFile>, CallError> {
        let project = self.project_of(RunId(args.run))?;
        let mut rels: Vec<PathBuf> = {
            let catalogue = project.catalogue();
            let records = catalogue.get(RunId(args.run)).map(|run| run.records()).unwrap_or_default();
            records.iter().filter_map(|id| Some(catalogue.record(*id)?.origin.rel.clone())).collect()
        };
        // The disk is asked without the catalogue's lock: it may be a slow one.
        rels.sort();
        rels.dedup();
        let mut found = Vec::new();
        for rel in rels {
            let path = project.root.join(&rel);
            if path.is_dir() {
                FOLDERS.iter().for_each(|folder| list(&project.root, &rel.join(folder), &mut found));
            } else {
                found.extend(file(&project.root, &rel).filter(|_| is_console(&rel)));
                list(&project.root, rel.parent().unwrap_or(Path::new("")), &mut found);
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found.dedup();
        found.sort_by_key(|file| std::cmp::Reverse(file.modified));
        found.truncate(MAX_FILES);
        Ok(found)
    }

    pub(crate) fn console_text(&self, args: ConsoleQuery) -> Result<ConsoleText, CallError> {
        let files = self.console(OfRun { run: args.run })?;
        let known = files.into_iter().find(|file| file.path == args.path);
        let gone = || CallError::new(ErrorCode::NotFound, format!("{:?} is no longer there.", args.path));
        let known = known.ok_or_else(gone)?;
        let project = self.project_of(RunId(args.run))?;
        read(&project.root.join(&known.path), args.end).map_err(|e| {
            CallError::new(ErrorCode::Unreadable, format!("{:?} cannot be read: {e}.", known.path))
                .hint("It may have been moved or deleted since.")
        })
    }
}

/// Whether a file's name says that it holds what a program printed.
fn is_console(rel: &Path) -> bool {
    let Some(name) = rel.file_name().and_then(|name| name.to_str()) else { return false };
    let lower = name.to_ascii_lowercase();
    let ends = Path::new(&lower).extension().and_then(|e| e.to_str()).is_some_and(|e| ENDINGS.contains(&e));
    NAMES.contains(&lower.as_str()) || ends
}

fn list(root: &Path, rel: &Path, found: &mut Vec<ConsoleFile>) {
    let Ok(entries) = fs::read_dir(root.join(rel)) else { return };
    for entry in entries.take(MAX_ENTRIES).flatten() {
        let rel = rel.join(entry.file_name());
        if is_console(&rel) {
            found.extend(file(root, &rel));
        }
    }
}

/// A regular file that lies in the project once every link is followed.
fn file(root: &Path, rel: &Path) -> Option<ConsoleFile> {
    let real = fs::canonicalize(root.join(rel)).ok()?;
    let about = fs::metadata(&real).ok()?;
    let modified = about.modified().ok()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let is_inside = real.starts_with(fs::canonicalize(root).ok()?);
    let path = rel.to_str()?.replace('\\', "/");
    (is_inside && about.is_file() && !is_binary(&real)).then_some(ConsoleFile { path, bytes: about.len(), modified })
}

/// LaTeX, XGBoost and others also end names with these letters.
fn is_binary(path: &Path) -> bool {
    let mut head = [0; 512];
    let n = File::open(path).and_then(|mut file| file.read(&mut head)).unwrap_or(0);
    head[..n].contains(&0)
}

fn read(path: &Path, end: Option<u64>) -> std::io::Result<ConsoleText> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let to = end.map_or(bytes, |end| end.min(bytes));
    let mut from = to.saturating_sub(WINDOW_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut window = Vec::new();
    file.take(to - from).read_to_end(&mut window)?;
    // Whole lines, unless there is but one.
    if from > 0
        && let Some(at) = memchr(b'\n', &window).filter(|at| at + 1 < window.len())
    {
        window.drain(..=at);
        from += at as u64 + 1;
    }
    let to = from + window.len() as u64;
    let raw = String::from_utf8_lossy(&window);
    let (mut text, mut n_hidden) = (String::with_capacity(raw.len()), 0);
    for line in raw.lines() {
        let line = plain(line);
        if signalbox_formats::line_holds_secret(&line) {
            n_hidden += 1;
            text.push_str("[not shown: it looks as if it held a password or a key]");
        } else {
            text.push_str(&line);
        }
        text.push('\n');
    }
    Ok(ConsoleText { text, from, to, bytes, n_hidden })
}

fn memchr(wanted: u8, bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == wanted)
}

/// A line as a terminal leaves it: escape sequences taken out (ECMA-48: CSI ends with a byte from `@` to `~`, OSC with BEL
/// or ST), and of what was written over with carriage returns the last.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.trim_end_matches('\r').chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                Some('[') => {
                    chars.by_ref().find(|c| ('@'..='~').contains(c));
                }
                Some(']') => {
                    while let Some(c) = chars.next() {
                        if c == '\u{7}' || c == '\u{1b}' && chars.next_if_eq(&'\\').is_some() {
                            break;
                        }
                    }
                }
                _ => {}
            },
            '\r' => out.clear(),
            '\u{8}' => {
                out.pop();
            }
            '\t' => out.push('\t'),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_a_terminal_leaves_it() {
        let check = |raw: &str, expected: &str| assert_eq!(plain(raw), expected, "{raw:?}");
        check("\u{1b}[1;32mepoch 1\u{1b}[0m done", "epoch 1 done");
        check("  1%|#    |\r 50%|##   |\r100%|#####|\r", "100%|#####|");
        check("\u{1b}]0;title\u{7}loss\u{8}\u{8}ts", "lots");
        check("\u{1b}]8;;https://x\u{1b}\\a\u{1b}", "a");
        check("a\tb\u{0}", "a\tb");
    }

    #[test]
    fn windows_are_of_whole_lines_and_join_without_a_gap() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("train.log");
        let lines: Vec<String> = (0..60_000).map(|i| format!("step {i} loss {}", 1.0 / f64::from(i + 1))).collect();
        fs::write(&path, lines.join("\n") + "\n").expect("written");
        let (mut end, mut seen) = (None, Vec::new());
        loop {
            let window = read(&path, end).expect("read");
            assert!(window.to - window.from <= WINDOW_BYTES);
            seen.splice(0..0, window.text.lines().map(str::to_owned));
            if window.from == 0 {
                break;
            }
            end = Some(window.from);
        }
        assert!(seen == lines);
        fs::write(&path, "a\napi_key=abcdef\nb").expect("written");
        let window = read(&path, None).expect("read");
        assert_eq!((window.n_hidden, window.bytes, window.to), (1, 18, 18));
        assert!(window.text.starts_with("a\n[not shown") && window.text.ends_with("\nb\n"), "{}", window.text);
    }
}
