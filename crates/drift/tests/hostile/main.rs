//! Data as they come: damaged, empty, too wide, too long, of several minds. Nothing panics; what cannot be read is told
//! with file, place and remedy; the rest is read, and counted exactly.

mod arbitrary;
mod columnar;
mod compared;
mod folders;
mod lines;
mod monitored;
mod packed;
mod separated;
mod sketched;
mod stopped;
mod unlike;
mod vectors;
mod weekly;
mod wholes;

use signalbox_drift::gather::{Counts, Gathered, Held};
use signalbox_drift::pair::gathered;
use signalbox_drift::read::{Kind, Options, Problem, Table};
use std::path::{Path, PathBuf};

struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Place {
        Place(tempfile::tempdir().expect("a folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("BUG: below the folder")).expect("a folder");
        std::fs::write(&path, bytes).expect("a file");
        path
    }
}

/// All of a table, and all that was told of it.
struct Found {
    pub table: Table,
    pub columns: Vec<Gathered>,
    pub problems: Vec<Problem>,
}

fn read(path: &Path) -> Found {
    read_as(path, &Options::default())
}

fn read_as(path: &Path, options: &Options) -> Found {
    let table = Table::open(path, options).unwrap_or_else(|e| panic!("{e}"));
    let all: Vec<usize> = (0..table.columns().len()).collect();
    let mut problems = table.problems.clone();
    let mut columns = Vec::new();
    for pass in table.passes(&all) {
        let (found, said) = gathered(&table, &pass);
        columns.extend(found);
        problems.extend(said);
    }
    Found { table, columns, problems: problems.told() }
}

fn refused(path: &Path) -> String {
    match Table::open(path, &Options::default()) {
        Ok(table) => panic!("it was read: {:?}", table.columns()),
        Err(e) => e.to_string(),
    }
}

impl Found {
    pub fn of(&self, name: &str) -> &Gathered {
        &self.columns[self.table.column(name).unwrap_or_else(|e| panic!("{e}"))]
    }

    pub fn counts(&self, name: &str) -> Counts {
        self.of(name).counts
    }

    pub fn kind(&self, name: &str) -> Kind {
        self.of(name).kind
    }

    pub fn numbers(&self, name: &str) -> &[f64] {
        match &self.of(name).held {
            Held::Numbers(values) => values,
            other => panic!("{name} holds {other:?}"),
        }
    }

    /// In the order of their names.
    pub fn levels(&self, name: &str) -> Vec<(String, u64)> {
        match &self.of(name).held {
            Held::Levels(levels) => {
                let mut all: Vec<(String, u64)> =
                    levels.ordered().into_iter().map(|(level, n)| (level.to_owned(), n)).collect();
                all.sort();
                all
            }
            other => panic!("{name} holds {other:?}"),
        }
    }

    pub fn names(&self) -> Vec<&str> {
        self.table.columns().iter().map(|column| &*column.name).collect()
    }

    /// The only problem, which has a remedy.
    #[track_caller]
    pub fn problem(&self) -> &Problem {
        assert_eq!(self.problems.len(), 1, "{:#?}", self.problems);
        &self.problems[0]
    }
}

fn rows(rows: u64, nulls: u64) -> Counts {
    Counts { rows, nulls, ..Counts::default() }
}
