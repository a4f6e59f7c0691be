//! A project in the making: files that are written, cut and grow old, and what the walker finds among them.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use signalbox_formats::{Descend, Entry, Listing, Recognised, SourceSpec, open, recognise};
use signalbox_types::Format;

use super::{Known, read_whole};

pub const HOUR: u64 = 3_600;

/// Writes a file as a new one: ext4 flushes a file to the disk that was truncated and written again.
pub fn put(path: &Path, bytes: &(impl AsRef<[u8]> + ?Sized)) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

/// The same, so many seconds ago: a young file that makes no sense is taken for half written.
pub fn put_aged(path: &Path, bytes: &(impl AsRef<[u8]> + ?Sized), secs_ago: u64) {
    put(path, bytes);
    age(path, secs_ago);
}

pub fn age(path: &Path, secs_ago: u64) {
    let then = SystemTime::now() - Duration::from_secs(secs_ago);
    fs::OpenOptions::new().append(true).open(path).unwrap().set_modified(then).unwrap();
}

pub fn append(path: &Path, bytes: &[u8]) {
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// What one directory holds, listed as the walker does: links resolved, `.git` passed over.
pub fn list(project: &Path, rel: &str) -> Recognised {
    let entry = |e: fs::DirEntry| {
        let about = fs::metadata(e.path()).ok()?;
        let is_listed = !(about.is_dir() && e.file_name() == ".git");
        let len = if about.is_dir() { 0 } else { about.len() };
        is_listed.then(|| Entry { name: e.file_name(), is_dir: about.is_dir(), len })
    };
    let mut entries: Vec<Entry> = fs::read_dir(project.join(rel)).unwrap().flatten().filter_map(entry).collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    recognise(&Listing { project, rel: Path::new(rel), entries: &entries })
}

/// All sources below a folder, and the folders that were entered.
pub fn walk(project: &Path) -> (Vec<(Format, String)>, Vec<String>) {
    let (mut found, mut entered, mut todo) = (Vec::new(), Vec::new(), vec![PathBuf::new()]);
    while let Some(rel) = todo.pop() {
        let recognised = list(project, rel.to_str().unwrap());
        found.extend(recognised.sources.iter().map(|s| (s.format, s.rel.to_str().unwrap().to_owned())));
        for entry in fs::read_dir(project.join(&rel)).unwrap().flatten().filter(|e| e.path().is_dir()) {
            let wanted = match &recognised.descend {
                Descend::All => true,
                Descend::Only(names) => names.contains(&entry.file_name()),
                Descend::None => false,
            };
            if wanted {
                todo.push(rel.join(entry.file_name()));
            }
        }
        entered.push(rel.to_str().unwrap().to_owned());
    }
    found.sort();
    (found, entered)
}

pub fn told(recognised: &Recognised) -> Vec<(Format, &str)> {
    recognised.sources.iter().map(|s| (s.format, s.rel.to_str().unwrap())).collect()
}

pub fn only(names: &[&str]) -> Descend {
    Descend::Only(names.iter().map(|name| (*name).into()).collect())
}

/// A log of its own in a new project, read up to each byte and continued by another reader, and seen after every byte by
/// the same one.
pub fn check_cut_anywhere(format: Format, name: &str, text: &[u8]) -> Known {
    let dir = tempfile::tempdir().unwrap();
    let spec = super::spec(format, dir.path(), name);
    let path = spec.path();
    put(&path, text);
    let whole = read_whole(&spec);
    for cut in 0..text.len() {
        put(&path, &text[..cut]);
        let (mut known, mut cursor) = (Known::default(), None);
        known.visit(&spec, &mut cursor, usize::MAX);
        append(&path, &text[cut..]);
        known.visit(&spec, &mut cursor, 1);
        assert_eq!(known, whole, "{name} cut at {cut}");
    }
    put(&path, b"");
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    let (mut reader, mut known) = (open(&spec, None), Known::default());
    for byte in text {
        file.write_all(&[*byte]).unwrap();
        known.catch_up(&mut *reader, usize::MAX);
    }
    assert_eq!(known, whole, "{name} grown byte by byte");
    whole
}

/// A file of a source that is written over as a whole, seen with its first bytes alone and then whole: half written as
/// long as it is young, and damaged when it is old.
pub fn check_half_written(
    spec: &SourceSpec,
    name: &str,
    young: impl Fn(usize) -> Vec<usize>,
    old: impl Fn(usize) -> Vec<usize>,
) {
    let whole = read_whole(spec);
    let path = spec.path().join(name);
    let text = fs::read(&path).unwrap();
    for (cuts, secs_ago) in [(young(text.len()), 0), (old(text.len()), HOUR)] {
        let is_damaged = secs_ago > 0;
        let problem = (format!("{}/{name}", spec.rel.to_str().unwrap()), None, "Malformed".to_owned());
        for cut in cuts {
            put_aged(&path, &text[..cut], secs_ago);
            let (mut known, mut cursor) = (Known::default(), None);
            known.visit(spec, &mut cursor, if is_damaged { 0 } else { usize::MAX });
            let problems = is_damaged.then(|| problem.clone()).into_iter().collect();
            assert_eq!(known.problems, problems, "{name} cut at {cut}");
            put_aged(&path, &text, secs_ago);
            known.visit(spec, &mut cursor, if is_damaged { usize::MAX } else { 0 });
            assert_eq!(known, whole, "{name} cut at {cut}");
            let last = known.visit(spec, &mut cursor, usize::MAX);
            assert_eq!((last.bytes_read, last.runs.len()), (0, 0), "{name} cut at {cut}");
        }
    }
}
