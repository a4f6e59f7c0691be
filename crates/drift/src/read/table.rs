//! One file or a folder of files as one table.

use super::batch::{Batch, constant, of_another_kind};
use super::columns::{Place, Taken};
use super::csv::CsvFile;
use super::dialect::Dialect;
use super::folder::{self, Shape};
use super::ipc::IpcFile;
use super::jsonl::JsonlFile;
use super::parquet::ParquetFile;
use super::schema::{Column, Found, Kind, Known};
use super::{Options, Problem, Problems};
use arrow::array::ArrayRef;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{path}: {said}.")]
    NotThere { path: String, said: String },
    #[error("{path} holds no data files: none ends in .parquet, .arrow, .feather, .csv, .tsv or .jsonl.")]
    NoDataFiles { path: String },
    #[error("{path} cannot be read: {said}.")]
    Unreadable { path: String, said: String },
    #[error("{path} has no column {column:?}.{}", hint(known))]
    NoColumn { path: String, column: String, known: Vec<String> },
}

fn hint(known: &[String]) -> String {
    let shown: Vec<&str> = known.iter().take(12).map(String::as_str).collect();
    let more = if known.len() > shown.len() { ", …" } else { "" };
    format!(" It has {}{more}.", shown.join(", "))
}

/// By what a file is known again: while none of it changes, what was read of it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    pub n_bytes: u64,
    /// Nanoseconds since 1970.
    pub modified: i128,
}

impl Fingerprint {
    pub fn of(path: &Path) -> std::io::Result<Fingerprint> {
        let about = std::fs::metadata(path)?;
        let modified = about.modified()?.duration_since(std::time::UNIX_EPOCH);
        let modified = modified.map_or_else(|e| -(e.duration().as_nanos() as i128), |after| after.as_nanos() as i128);
        Ok(Fingerprint { n_bytes: about.len(), modified })
    }
}

enum Opened {
    Parquet(Box<ParquetFile>),
    Ipc(IpcFile),
    Csv(CsvFile),
    Jsonl(JsonlFile),
}

impl Opened {
    fn of(path: &Path, shape: Shape, options: &Options) -> Result<Opened, String> {
        match std::fs::metadata(path) {
            Err(e) => return Err(said(&e)),
            Ok(about) if !about.is_file() => return Err("it is no file but a folder, a pipe or a device".into()),
            Ok(_) => {}
        }
        Ok(match shape {
            Shape::Parquet => Opened::Parquet(Box::new(ParquetFile::open(path)?)),
            Shape::Ipc => Opened::Ipc(IpcFile::open(path, false)?),
            Shape::IpcStream => Opened::Ipc(IpcFile::open(path, true)?),
            Shape::Separated => Opened::Csv(CsvFile::open(path, options)?),
            Shape::JsonLines => Opened::Jsonl(JsonlFile::open(path, options)?),
        })
    }

    fn found(&self) -> &Found {
        match self {
            Opened::Parquet(file) => &file.found,
            Opened::Ipc(file) => &file.found,
            Opened::Csv(file) => &file.found,
            Opened::Jsonl(file) => &file.found,
        }
    }

    fn scan(
        &self,
        name: (usize, &str),
        wanted: &[Option<usize>],
        problems: &mut Problems,
        each: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self {
            Opened::Parquet(file) => file.scan(name, wanted, problems, each),
            Opened::Ipc(file) => file.scan(name, wanted, problems, each),
            Opened::Csv(file) => file.scan(name, wanted, problems, each),
            Opened::Jsonl(file) => file.scan(name, wanted, problems, each),
        }
    }
}

struct DataFile {
    path: PathBuf,
    /// As it is told to a person.
    name: String,
    shape: Shape,
    n_bytes: u64,
    parts: Vec<(String, Option<String>)>,
    places: Vec<Place>,
    /// Of a text file in a folder: what its columns are by themselves.
    kinds: Vec<(Kind, Known)>,
}

/// Its rows are those of its files, one after the other, by name.
pub struct Table {
    pub path: PathBuf,
    columns: Vec<Column>,
    files: Vec<DataFile>,
    /// Of a single file: it stays open.
    single: Option<Opened>,
    pub(super) options: Options,
    /// What was seen when it was opened.
    pub problems: Problems,
    pub dialect: Option<Dialect>,
}

impl Table {
    pub fn open(path: &Path, options: &Options) -> Result<Table, ReadError> {
        let shown = path.display().to_string();
        let about = std::fs::metadata(path).map_err(|e| ReadError::NotThere { path: shown.clone(), said: said(&e) })?;
        if about.is_dir() {
            let (files, left_out) =
                folder::listed(path).map_err(|e| ReadError::NotThere { path: shown.clone(), said: said(&e) })?;
            if let (true, Some(first)) = (files.is_empty(), left_out.found.first()) {
                let said = first.message.trim_end_matches('.').to_owned();
                return Err(ReadError::Unreadable { path: first.file.clone(), said });
            }
            if files.is_empty() {
                return Err(ReadError::NoDataFiles { path: shown });
            }
            let mut table = Table::of_files(path, files, options)?;
            table.problems.extend(left_out);
            return Ok(table);
        }
        let shape = Shape::of_named(path);
        let opened =
            Opened::of(path, shape, options).map_err(|said| ReadError::Unreadable { path: shown.clone(), said })?;
        let mut table = Table::empty(path, options);
        table.dialect = if let Opened::Csv(file) = &opened { Some(file.dialect) } else { None };
        table.add(path.to_owned(), shown, shape, &opened, Vec::new());
        table.single = Some(opened);
        Ok(table)
    }

    /// Of the files of a folder, or some of them.
    pub fn of_files(folder: &Path, files: Vec<PathBuf>, options: &Options) -> Result<Table, ReadError> {
        let mut table = Table::empty(folder, options);
        for path in files {
            let name = path.display().to_string();
            let shape = Shape::of_named(&path);
            match Opened::of(&path, shape, options) {
                Ok(opened) => {
                    let parts = folder::parts(folder, &path);
                    if let (None, Opened::Csv(file)) = (table.dialect, &opened) {
                        table.dialect = Some(file.dialect);
                    }
                    table.add(path, name, shape, &opened, parts);
                }
                Err(said) => table.problems.add(Problem {
                    file: name,
                    column: None,
                    place: None,
                    lost: true,
                    message: format!("It cannot be read, and is left out: {said}."),
                    hint: Some("Write it again, or move it away.".into()),
                }),
            }
        }
        if table.files.is_empty() {
            let said = table.problems.found.first().map_or_else(|| "nothing is there".into(), |p| p.message.clone());
            return Err(ReadError::Unreadable { path: folder.display().to_string(), said });
        }
        Ok(table)
    }

    fn empty(path: &Path, options: &Options) -> Table {
        Table {
            path: path.to_owned(),
            columns: Vec::new(),
            files: Vec::new(),
            single: None,
            options: options.clone(),
            problems: Problems::default(),
            dialect: None,
        }
    }

    fn add(
        &mut self,
        path: PathBuf,
        name: String,
        shape: Shape,
        opened: &Opened,
        parts: Vec<(String, Option<String>)>,
    ) {
        let found = opened.found();
        let taken = Taken { name: &name, found, parts: &parts, is_first: self.files.is_empty() };
        let places = taken.places(&mut self.columns, &mut self.problems);
        let is_text = matches!(shape, Shape::Separated | Shape::JsonLines);
        let own = found.columns.iter().filter(|_| is_text).map(|column| (column.kind, column.known));
        let kinds = own.collect();
        let n_bytes = std::fs::metadata(&path).map_or(0, |about| about.len());
        self.files.push(DataFile { path, name, shape, n_bytes, parts, places, kinds });
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub fn column(&self, name: &str) -> Result<usize, ReadError> {
        self.columns.iter().position(|column| column.name == name).ok_or_else(|| ReadError::NoColumn {
            path: self.path.display().to_string(),
            column: name.to_owned(),
            known: self.columns.iter().map(|column| column.name.clone()).collect(),
        })
    }

    pub fn n_files(&self) -> usize {
        self.files.len()
    }

    pub fn n_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.n_bytes).sum()
    }

    pub fn file_name(&self, file: usize) -> &str {
        self.files.get(file).map_or("", |file| &file.name)
    }

    /// The number of rows, where files tell it without being read.
    pub fn n_rows(&self) -> Option<u64> {
        match &self.single {
            Some(Opened::Parquet(file)) => Some(file.n_rows()),
            _ => None,
        }
    }

    /// The least and the greatest number of a column, where the footer tells both of all row groups.
    pub fn bounds(&self, column: usize) -> Option<(f64, f64)> {
        match (&self.single, self.files.first()?.places.get(column)?) {
            (Some(Opened::Parquet(file)), Place::File(at)) => file.bounds(*at),
            _ => None,
        }
    }

    /// Which columns to read at once, so that what is kept of them stays small: one where they lie apart, else as many as
    /// fit.
    pub fn passes(&self, wanted: &[usize]) -> Vec<Vec<usize>> {
        const AT_ONCE: u64 = 256 << 20;
        if self.files.iter().all(|file| file.shape == Shape::Parquet) && self.files.len() == 1 {
            return wanted.iter().map(|at| vec![*at]).collect();
        }
        let per_column = self.n_bytes() * 2 / (self.columns.len() as u64).max(1);
        let n = (AT_ONCE / per_column.max(1)).max(1) as usize;
        wanted.chunks(n).map(<[usize]>::to_vec).collect()
    }

    /// A text file's columns as all files have made them known: nothing is guessed again.
    fn settled(&self, file: &DataFile) -> Options {
        let kind = |(column, place): (&Column, &Place)| {
            let Place::File(at) = place else { return None };
            let (own, known) = file.kinds.get(*at)?;
            Some((column.name.clone(), known.beside(*own, column.kind)))
        };
        let types: HashMap<String, Kind> = self.columns.iter().zip(&file.places).filter_map(kind).collect();
        let Options { delimiter, has_header, decimal_comma, .. } = self.options;
        Options { types, like: HashMap::new(), delimiter, has_header, decimal_comma }
    }

    /// Hands the rows of these columns on, batch after batch, until it is told to stop.
    pub fn scan(&self, wanted: &[usize], problems: &mut Problems, each: &mut dyn FnMut(&Batch) -> ControlFlow<()>) {
        for (at, file) in self.files.iter().enumerate() {
            let opened_now;
            let opened = match &self.single {
                Some(opened) => opened,
                None => match Opened::of(&file.path, file.shape, &self.settled(file)) {
                    Ok(opened) => {
                        opened_now = opened;
                        &opened_now
                    }
                    Err(said) => {
                        problems.add(Problem {
                            file: file.name.clone(),
                            column: None,
                            place: None,
                            lost: true,
                            message: format!("It could be read a moment ago, and now cannot: {said}."),
                            hint: None,
                        });
                        continue;
                    }
                },
            };
            let places: Vec<Place> =
                wanted.iter().map(|at| file.places.get(*at).copied().unwrap_or(Place::Absent)).collect();
            let found = &opened.found().columns;
            // Rewritten with fewer columns since.
            let in_file = |place: &Place| if let Place::File(at) = place { Some(*at) } else { None };
            let in_file: Vec<Option<usize>> =
                places.iter().map(|place| in_file(place).filter(|at| *at < found.len())).collect();
            let is_other = |(at, here): (&usize, &Option<usize>)| {
                here.is_some_and(|here| are_times_and_numbers(self.columns[*at].kind, found[here].kind))
            };
            let others: Vec<bool> = wanted.iter().zip(&in_file).map(is_other).collect();
            let is_plain = !others.contains(&true) && !places.iter().any(|place| matches!(place, Place::Part(_)));
            let flow = opened.scan((at, &file.name), &in_file, problems, &mut |batch| {
                if is_plain {
                    return each(batch);
                }
                let of = |((place, is_other), column): ((&Place, &bool), &Option<ArrayRef>)| match place {
                    Place::Part(part) => Some(constant(file.parts[*part].1.as_deref(), batch.n_rows)),
                    _ if *is_other => column.as_ref().map(of_another_kind),
                    _ => column.clone(),
                };
                let columns = places.iter().zip(&others).zip(&batch.columns).map(of).collect();
                each(&Batch { n_rows: batch.n_rows, columns, file: at })
            });
            if flow.is_break() {
                return;
            }
        }
    }
}

/// Both come as doubles, and mean seconds in one of them.
fn are_times_and_numbers(a: Kind, b: Kind) -> bool {
    matches!((a, b), (Kind::Datetime, Kind::Numeric) | (Kind::Numeric, Kind::Datetime))
}

/// Times with and without a zone in one column, or on two sides of it.
pub(crate) fn zones(file: &str, column: &str, has_zone: bool) -> Problem {
    let (here, there) = if has_zone { ("have", "have none") } else { ("have no", "have one") };
    Problem {
        file: file.to_owned(),
        column: Some(column.to_owned()),
        place: None,
        lost: false,
        message: format!("Its times {here} zone here, and elsewhere they {there}: those without are taken as UTC."),
        hint: Some("Write all of them with their zone.".into()),
    }
}

fn said(e: &std::io::Error) -> String {
    match e.kind() {
        std::io::ErrorKind::NotFound => "there is no such file or folder".into(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".into(),
        _ => e.to_string(),
    }
}
