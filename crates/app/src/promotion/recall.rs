//! Projects without a watcher: read once to their end, or as the store remembers them. For a terminal, whose commands
//! come and go.

use crate::app::{App, lock, now};
use crate::offline::ReadProgress;
use crate::project::{OpenProject, show};
use crate::wire::*;
use signalbox_release::{Candidate, Plan, Policy};
use signalbox_types::ProjectId;
use signalbox_watch::{Cancel, Options, ReadError, read_to_end};
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl App {
    /// Reads a folder to its end into our store and has it open from then on. Nothing is watched.
    pub fn read_folder(&self, path: &Path, progress: &dyn Fn(ReadProgress)) -> Result<Project, CallError> {
        let root = folder(path)?;
        let id = self.write(|store| store.add_project(&root, now()))?;
        let store = self.0.options.data_dir.join("signalbox.db");
        let tell = |p: signalbox_watch::ReadProgress| progress(p.into());
        read_to_end(&store, id, &root, Options::default(), &Cancel::default(), tell).map_err(|e| match e {
            ReadError::Store(e) => CallError::from(e),
            other => CallError::new(ErrorCode::Unreadable, format!("{other}.")),
        })?;
        self.load(id, &root)
    }

    /// Opens a folder with what the store remembers of it.
    pub fn recall_folder(&self, path: &Path) -> Result<Project, CallError> {
        let root = folder(path)?;
        let id = self.write(|store| store.add_project(&root, now()))?;
        self.load(id, &root)
    }

    /// Opens the projects that have to do with promotions: those with a policy, and those that a plan is from.
    pub fn recall_projects(&self) -> Result<(), CallError> {
        let plans = self.all_plans()?;
        let of_plan = |root: &Path| plans.iter().any(|(plan, _)| is_from(plan, root));
        self.recall(|root| root.join("signalbox.toml").is_file() || of_plan(root))
    }

    /// Opens the project that a plan was made in: where its artifact lies, else whose policy it was made under.
    pub fn recall_project_of(&self, plan: &str) -> Result<(), CallError> {
        let (plan, _) = self.plan_row(plan)?;
        let home = self.ground(&plan)?.root;
        self.recall(|root| home.as_deref() == Some(root) || is_from(&plan, root))?;
        if self.project_of_plan(&plan).is_none() && plan.policy.is_some() {
            let made_under = |root: &Path| Policy::of(root).ok().flatten().map(|(_, digest)| digest) == plan.policy;
            self.recall(made_under)?;
        }
        Ok(())
    }

    /// The one run of an open project whose id, name, path or beginning of an id is `text`.
    pub fn find_run(&self, project: u32, text: &str) -> Result<u32, CallError> {
        let project = self.project(project)?;
        let catalogue = project.catalogue();
        crate::offline::find(&catalogue, text)
    }

    /// The one plan whose id begins so.
    pub fn find_plan(&self, text: &str) -> Result<String, CallError> {
        let ids: Vec<String> = self.all_plans()?.into_iter().map(|(plan, _)| plan.id.to_string()).collect();
        if let Some(id) = ids.iter().find(|id| *id == text) {
            return Ok(id.clone());
        }
        let found: Vec<&String> = ids.iter().filter(|id| !text.is_empty() && id.starts_with(text)).collect();
        match found[..] {
            [one] => Ok(one.clone()),
            [] => Err(CallError::new(ErrorCode::NotFound, format!("There is no plan {text:?}."))
                .hint("`signalbox status` lists those that are open; `signalbox plan` makes one.")),
            _ => Err(CallError::new(ErrorCode::BadRequest, format!("{text:?} begins {} plans.", found.len()))
                .hint("Say more of the id.")),
        }
    }

    /// How many plans have their artifact from a folder.
    pub(crate) fn plans_from(&self, root: &Path) -> Result<u64, CallError> {
        Ok(self.all_plans()?.iter().filter(|(plan, _)| is_from(plan, root)).count() as u64)
    }

    fn recall(&self, wanted: impl Fn(&Path) -> bool) -> Result<(), CallError> {
        let known = self.with_reader(|reader| Ok(reader.projects()?))?;
        for project in known.into_iter().filter(|project| project.path.is_dir() && wanted(&project.path)) {
            self.load(project.id, &project.path)?;
        }
        Ok(())
    }

    fn load(&self, id: ProjectId, root: &Path) -> Result<Project, CallError> {
        let said = self.said_of_runs(root)?;
        let project = Arc::new(self.with_reader(|reader| OpenProject::load(id, root, reader, said))?);
        crate::live::look_once(&project);
        lock(&self.0.projects).insert(id, project.clone());
        let n_runs = project.catalogue().runs.len();
        Ok(Project {
            id: id.0,
            name: project.name.clone(),
            path: show(root),
            open: true,
            demo: self.is_demo(root),
            missing: false,
            last_opened: now(),
            n_runs,
        })
    }
}

fn is_from(plan: &Plan, root: &Path) -> bool {
    match &plan.candidate {
        Candidate::New { what, .. } => what.path.as_ref().is_some_and(|path| path.starts_with(root)),
        Candidate::Version(_) => false,
    }
}

fn folder(path: &Path) -> Result<PathBuf, CallError> {
    let root = path.canonicalize().map_err(|e| {
        CallError::new(ErrorCode::NotFound, format!("{} cannot be opened: {e}.", show(path)))
            .hint("Name a folder that exists.")
    })?;
    if root.is_dir() {
        return Ok(root);
    }
    Err(CallError::new(ErrorCode::NotFound, format!("{} is not a folder.", show(&root)))
        .hint("Name the folder that the file lies in."))
}
