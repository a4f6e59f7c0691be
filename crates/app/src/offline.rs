//! A folder read to its end into a throw-away store: what the command line works on. Nothing is watched, and
//! nothing of the user's own store is touched.

use crate::app::now;
use crate::catalogue::Catalogue;
use crate::document::{self, Beside};
use crate::export;
use crate::project::OpenProject;
use crate::table::{OrderSpec, filter_error, order, page};
use crate::wire::*;
use serde_json::Value;
use signalbox_store::{Store, StoreReader};
use signalbox_types::RunId;
use signalbox_watch::{Cancel, Options, ReadError, read_to_end};
use std::collections::BTreeMap;
use std::path::Path;

/// How far reading is.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadProgress {
    pub files: u64,
    pub sources: u64,
    pub bytes: u64,
    /// Bytes of all sources found so far.
    pub bytes_total: u64,
    pub points: u64,
    /// The whole folder has been looked through.
    pub scanned: bool,
}

/// What a folder held when it was read.
pub struct Offline {
    project: OpenProject,
    reader: StoreReader,
    folders: Vec<signalbox_types::Problem>,
    // Last: the temporary folder goes when the readers are closed.
    _store: Store,
}

impl Offline {
    /// Reads all that is at `path` (a folder) now. Blocking; `progress` is called about ten times a second.
    pub fn read(path: &Path, progress: &dyn Fn(ReadProgress)) -> Result<Offline, CallError> {
        let root = path.canonicalize().map_err(|e| {
            CallError::new(ErrorCode::NotFound, format!("{} cannot be opened: {e}.", path.display()))
                .hint("Name a folder that exists.")
        })?;
        if !root.is_dir() {
            return Err(CallError::new(ErrorCode::NotFound, format!("{} is not a folder.", root.display()))
                .hint("Name the folder that the file lies in."));
        }
        let mut store = Store::open_temporary()?;
        let id = store.add_project(&root, now())?;
        let tell = |p: signalbox_watch::ReadProgress| progress(p.into());
        let summary = read_to_end(store.path(), id, &root, Options::default(), &Cancel::default(), tell).map_err(
            |e| match e {
                ReadError::Store(e) => CallError::from(e),
                other => CallError::new(ErrorCode::Unreadable, format!("{other}.")),
            },
        )?;
        let reader = store.reader()?;
        let project = OpenProject::load(id, &root, &reader, crate::merge::ByHand::default())?;
        crate::live::look_once(&project);
        Ok(Offline { project, reader, folders: summary.problems, _store: store })
    }

    /// Hands the text of the document of `runs --json` (see `document.rs`), of the runs that `filter` matches, to `take`
    /// piece by piece, until it fails; what it failed with is the inner result.
    pub fn document<E>(
        &self,
        filter: &str,
        mut take: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<Result<(), E>, CallError> {
        let ids = self.matching(filter)?;
        let catalogue = self.project.catalogue();
        let runs = ids.iter().filter_map(|id| catalogue.get(RunId(*id)));
        let (models, problems) = (self.reader.models(self.project.id)?, self.stored_problems()?);
        let beside = Beside { problems: &problems, models: &models };
        for piece in document::document(&catalogue, runs, beside, &self.reader) {
            if let Err(e) = take(&piece?) {
                return Ok(Err(e));
            }
        }
        Ok(Ok(()))
    }

    /// One run of that document.
    pub fn run(&self, run: u32) -> Result<Value, CallError> {
        let catalogue = self.project.catalogue();
        let ids = document::unique_ids(&catalogue);
        let run = catalogue
            .get(RunId(run))
            .ok_or_else(|| CallError::new(ErrorCode::NotFound, format!("There is no run {run}.")))?;
        Ok(document::run_json(&catalogue, run, &ids, &self.reader)?)
    }

    /// Ids of the runs that `filter` matches, deleted ones too, in the table's own order.
    pub fn matching(&self, filter: &str) -> Result<Vec<u32>, CallError> {
        signalbox_filter::parse(filter).map_err(|e| filter_error(&e, filter))?;
        let catalogue = self.project.catalogue();
        let spec = OrderSpec { filter, sort: &[], show_deleted: true, show_hidden: true };
        let rows = order(&catalogue, &spec).rows;
        Ok(rows.into_iter().map(|i| catalogue.runs[i as usize].row.id.0).collect())
    }

    /// The columns that some run fills.
    pub fn columns(&self) -> Vec<ColumnInfo> {
        crate::columns::columns(&self.project.catalogue())
    }

    /// A page of the table; `query.project` is not looked at.
    pub fn table(&self, query: &TableQuery) -> TablePage {
        page(&self.project.catalogue(), &mut crate::table::Orders::default(), query)
    }

    /// The one run whose id, name, path or beginning of an id is `text`.
    pub fn find(&self, text: &str) -> Result<u32, CallError> {
        find(&self.project.catalogue(), text)
    }

    pub fn detail(&self, run: u32) -> Result<RunDetail, CallError> {
        crate::run_page::page(&self.project, &self.reader, RunId(run))
    }

    /// Ids as in the document, by run.
    pub fn ids(&self) -> std::collections::HashMap<u32, String> {
        document::unique_ids(&self.project.catalogue())
    }

    /// The bytes of an export; `args.project` is not looked at.
    pub fn export(&self, args: &SaveExport) -> Result<Vec<u8>, CallError> {
        export::bytes(&self.project, &self.reader, args)
    }

    /// Everything that could not be read as it should.
    pub fn problems(&self) -> Result<Vec<ProblemRow>, CallError> {
        let catalogue = self.project.catalogue();
        let folders = self.folders.iter().map(|p| crate::run_page::folder_problem(&self.project, p.clone()));
        let stored = self.reader.problems(self.project.id)?;
        Ok(folders
            .chain(stored.into_iter().map(|p| crate::run_page::problem_row(&self.project, &catalogue, p)))
            .collect())
    }

    fn stored_problems(&self) -> Result<Vec<signalbox_types::Problem>, CallError> {
        let stored = self.reader.problems(self.project.id)?.into_iter().map(|p| p.problem);
        Ok(self.folders.iter().cloned().chain(stored).collect())
    }
}

pub(crate) fn find(catalogue: &Catalogue, text: &str) -> Result<u32, CallError> {
    let ids = document::unique_ids(catalogue);
    let mut close: BTreeMap<u32, &str> = BTreeMap::new();
    for run in &catalogue.runs {
        let id = run.row.id.0;
        if ids[&id] == text {
            return Ok(id);
        }
        let records = run.records().into_iter().filter_map(|record| catalogue.record(record));
        let is_record = |record: &crate::catalogue::Run| {
            record.name == text || &*record.origin.path == text || record.own_id() == text
        };
        if run.name == text || ids[&id].starts_with(text) || records.into_iter().any(is_record) {
            close.insert(id, &ids[&id]);
        }
    }
    match close.len() {
        1 => Ok(*close.keys().next().expect("BUG: one")),
        0 => Err(CallError::new(ErrorCode::NotFound, format!("There is no run {text:?}."))
            .hint("`signalbox runs` lists them with their ids.")),
        n => {
            let some: Vec<&str> = close.values().take(5).copied().collect();
            Err(CallError::new(ErrorCode::BadRequest, format!("{text:?} names {n} runs."))
                .hint(format!("Say which by its id: {}.", some.join(", "))))
        }
    }
}

impl From<signalbox_watch::ReadProgress> for ReadProgress {
    fn from(p: signalbox_watch::ReadProgress) -> ReadProgress {
        ReadProgress {
            files: p.counts.files,
            sources: p.counts.sources,
            bytes: p.read_bytes,
            bytes_total: p.read_bytes + p.left_bytes,
            points: p.n_points,
            scanned: !p.scanning,
        }
    }
}
