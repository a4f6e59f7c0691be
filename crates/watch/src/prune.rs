//! What discovery does not enter: version control, packages, virtual environments, caches.

use std::ffi::OsStr;

use signalbox_formats::may_be_console_log;

/// Directories that never hold a person's runs, whatever is inside.
const SKIPPED: [&str; 18] = [
    ".git",
    ".hg",
    ".svn",
    ".bzr",
    "node_modules",
    "__pycache__",
    ".cache",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    ".nox",
    ".eggs",
    ".ipynb_checkpoints",
    "site-packages",
    "dist-packages",
    "conda-meta",
    ".Trash-1000",
];

/// Whether a directory of this name is passed over without being opened.
pub fn skipped_by_name(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| SKIPPED.contains(&name))
}

/// Whether an entry of this name makes the directory that holds it one to pass over: a virtual environment
/// (`pyvenv.cfg`), a conda environment (`conda-meta/`) or a cache that says so (`CACHEDIR.TAG`, as cargo's
/// `target` has it).
pub fn marks_directory_to_skip(name: &OsStr, is_dir: bool) -> bool {
    if is_dir { name == "conda-meta" } else { name == "pyvenv.cfg" || name == "CACHEDIR.TAG" }
}

/// Whether a file of this name may be, or may belong to, a record of runs: only such files are asked for
/// their length, and only changes to such files make a directory be looked at again.
pub fn may_matter(name: &OsStr) -> bool {
    const EXTENSIONS: [&[u8]; 15] = [
        b"csv", b"tsv", b"jsonl", b"ndjson", b"json", b"db", b"sqlite", b"sqlite3", b"db3", b"yaml", b"yml", b"log",
        b"journal", b"wandb", b"swanlab",
    ];
    let bytes = name.as_encoded_bytes();
    let contains = |word: &[u8]| bytes.windows(word.len()).any(|w| w == word);
    // Its lock beside it comes and goes with each line.
    let is_optuna = contains(b"optuna") && !bytes.ends_with(b".lock");
    if contains(b"tfevents") || contains(b"mlflow") || is_optuna || marks_directory_to_skip(name, false) {
        return true;
    }
    if name.to_str().is_some_and(may_be_console_log) {
        return true;
    }
    let Some(dot) = bytes.iter().rposition(|b| *b == b'.') else { return false };
    EXTENSIONS.iter().any(|e| bytes[dot + 1..].eq_ignore_ascii_case(e))
}

/// Whether a file of this name that is no source yet may become one by what is written to it: a log that has
/// no more than its header, a database without its tables. (Other names decide by being there.)
pub fn may_become_source(name: &OsStr) -> bool {
    const NEVER: [&[u8]; 3] = [b".json", b".yaml", b".yml"];
    let bytes = name.as_encoded_bytes();
    let decides_by_content =
        |name: &[u8]| name.ends_with(b".log.json") || matches!(name, b"scalars.json" | b"meta.yaml");
    let is_event_file = bytes.windows(8).any(|w| w == b"tfevents");
    may_matter(name) && !is_event_file && (decides_by_content(bytes) || !NEVER.iter().any(|end| bytes.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in [".git", "node_modules", "__pycache__", "site-packages"] {
            assert!(skipped_by_name(OsStr::new(name)), "{name}");
        }
        for name in ["venv", "target", "runs", ".guild", "git"] {
            assert!(!skipped_by_name(OsStr::new(name)), "{name}");
        }
        assert!(marks_directory_to_skip(OsStr::new("pyvenv.cfg"), false));
        assert!(!marks_directory_to_skip(OsStr::new("pyvenv.cfg"), true));
        for name in [
            "events.out.tfevents.1.host",
            "a.CSV",
            "mlflow.db",
            "meta.yaml",
            "x.tfevents",
            "train.log",
            "a.journal",
            "run-1.wandb",
            "run-1.swanlab",
            "nohup.out",
            "slurm-1_2.out",
            "train_log.txt",
        ] {
            assert!(may_matter(OsStr::new(name)), "{name}");
        }
        for name in ["a.csv", "train.log", "x.log.json", "meta.yaml", "mlflow.db", "my-mlflow", "nohup.out"] {
            assert!(may_become_source(OsStr::new(name)), "{name}");
        }
        for name in ["a.json", "hparams.yaml", "a.png", "events.out.tfevents.1.host"] {
            assert!(!may_become_source(OsStr::new(name)), "{name}");
        }
        assert!(may_matter(OsStr::new("my_optuna_storage")) && may_become_source(OsStr::new("optuna.log")));
        for name in ["optuna.log.lock", "a.png", "csv", "model.pt", "tfevent", "000001.txt", "requirements.txt", ""] {
            assert!(!may_matter(OsStr::new(name)), "{name}");
        }
    }
}
