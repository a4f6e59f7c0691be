//! What the commands do.

use crate::app::{App, lock, now};
use crate::artifacts::{Artifacts, ModelFiles};
use crate::project::{OpenProject, show};
use crate::table::{OrderSpec, complete, filter_error, order, page};
use crate::wire::*;
use signalbox_types::{ProjectId, RunId};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// So many of a run's models are listed among its artifacts.
const MAX_MODELS: usize = 1_000;
/// Preferences are small: view states, a theme.
const MAX_PREF_BYTES: usize = 1 << 20;

impl App {
    pub(crate) fn about(&self, _: Empty) -> Result<About, CallError> {
        let options = &self.0.options;
        Ok(About {
            version: options.version.to_owned(),
            data_dir: show(&options.data_dir),
            can_dialog: options.desktop.is_some(),
            demo_path: options.demo_path.as_deref().map(show),
            home: crate::place::home().as_deref().map(show),
        })
    }

    pub(crate) fn projects(&self, _: Empty) -> Result<Vec<Project>, CallError> {
        let rows = self.with_reader(|reader| Ok(reader.projects()?))?;
        let open: BTreeMap<ProjectId, Arc<OpenProject>> = lock(&self.0.projects).clone();
        Ok(rows
            .into_iter()
            .map(|row| Project {
                id: row.id.0,
                name: row.path.file_name().map_or_else(|| show(&row.path), |n| show(Path::new(n))),
                demo: self.is_demo(&row.path),
                missing: !row.path.is_dir(),
                path: show(&row.path),
                open: open.contains_key(&row.id),
                last_opened: row.last_opened,
                n_runs: open.get(&row.id).map_or(row.n_runs as usize, |p| p.catalogue().runs.len()),
            })
            .collect())
    }

    pub(crate) fn open_project(&self, args: FolderPath) -> Result<Project, CallError> {
        // A recent project whose name is not UTF-8 is asked for by the text that was shown.
        let shown = args.path.trim();
        let known = self.with_reader(|reader| Ok(reader.projects()?))?;
        let path = known.into_iter().find(|p| show(&p.path) == shown).map_or_else(|| expand(shown), |p| p.path);
        self.open_folder(&path)
    }

    pub(crate) fn open_demo(&self, _: Empty) -> Result<Project, CallError> {
        match self.0.options.demo_path.clone() {
            Some(path) => self.open_folder(&path),
            None => Err(CallError::new(ErrorCode::NotFound, "The demo project did not come along with this copy.")
                .hint("It lies in assets/demo of the source tree: open that folder.")),
        }
    }

    pub(crate) fn open_folder(&self, path: &Path) -> Result<Project, CallError> {
        let wrong = |what: String| {
            CallError::new(ErrorCode::Unreadable, what).hint("Choose a folder that exists and that you may read.")
        };
        let root = path.canonicalize().map_err(|e| wrong(format!("{} cannot be opened: {e}.", show(path))))?;
        if !root.is_dir() {
            return Err(wrong(format!("{} is not a folder.", show(&root))));
        }
        std::fs::read_dir(&root).map_err(|e| wrong(format!("{} cannot be read: {e}.", show(&root))))?;
        let id = self.write(|store| store.add_project(&root, now()))?;
        let project = {
            let mut open = lock(&self.0.projects);
            match open.get(&id) {
                Some(project) => project.clone(),
                None => {
                    let said = self.said_of_runs(&root)?;
                    let project = self.with_reader(|reader| OpenProject::load(id, &root, reader, said))?;
                    let project = Arc::new(project);
                    open.insert(id, project.clone());
                    // Inside the lock: nobody closes it between.
                    self.0.live.watch(id, &root);
                    project
                }
            }
        };
        crate::live::look(self, &project);
        // What is watched is watched whether a page shows it or not.
        self.sync_monitors(&project)?;
        self.0.events.projects();
        let n_runs = project.catalogue().runs.len();
        Ok(Project {
            id: id.0,
            name: project.name.clone(),
            path: show(&root),
            open: true,
            demo: self.is_demo(&root),
            missing: false,
            last_opened: now(),
            n_runs,
        })
    }

    pub(crate) fn close_project(&self, args: OfProject) -> Result<(), CallError> {
        let id = ProjectId(args.project);
        if lock(&self.0.projects).remove(&id).is_some() {
            self.0.live.unwatch(id);
            self.stop_monitors(id.0);
            self.0.events.projects();
        }
        Ok(())
    }

    pub(crate) fn pick_folder(&self, _: Empty) -> Result<PickedPath, CallError> {
        let Some(desktop) = &self.0.options.desktop else {
            return Err(CallError::new(ErrorCode::Refused, "There is no desktop here that could show a dialog.")
                .hint("Type the folder's path."));
        };
        Ok(PickedPath { path: desktop.pick_folder().map(|p| show(&p)) })
    }

    pub(crate) fn status(&self, _: Empty) -> Result<StatusLine, CallError> {
        Ok(self.0.live.status(self))
    }

    pub(crate) fn columns(&self, args: OfProject) -> Result<Vec<ColumnInfo>, CallError> {
        let project = self.project(args.project)?;
        let columns = crate::columns::columns(&project.catalogue());
        Ok(columns)
    }

    pub(crate) fn table(&self, args: TableQuery) -> Result<TablePage, CallError> {
        let project = self.project(args.project)?;
        let catalogue = project.catalogue();
        let page = page(&catalogue, &mut lock(&project.orders), &args);
        Ok(page)
    }

    pub(crate) fn table_ids(&self, args: IdsQuery) -> Result<Ids, CallError> {
        let project = self.project(args.project)?;
        let catalogue = project.catalogue();
        let spec = OrderSpec {
            filter: &args.filter,
            sort: &args.sort,
            show_deleted: args.show_deleted,
            show_hidden: args.show_hidden,
        };
        let order = lock(&project.orders).get(&catalogue, &spec);
        let mut out = Ids::default();
        for &i in order.rows.iter().take(args.limit) {
            let run = &catalogue.runs[i as usize];
            out.ids.push(run.row.id.0);
            out.colors.push(run.color);
            out.dashes.push(run.dash);
            out.names.push(run.name.clone());
        }
        Ok(out)
    }

    pub(crate) fn check_filter(&self, args: FilterText) -> Result<FilterCheck, CallError> {
        let project = self.project(args.project)?;
        if let Err(e) = signalbox_filter::parse(&args.filter) {
            return Ok(FilterCheck { ok: false, error: Some(filter_error(&e, &args.filter)), matched: 0 });
        }
        let spec = OrderSpec { filter: &args.filter, sort: &[], show_deleted: false, show_hidden: false };
        let matched = order(&project.catalogue(), &spec).rows.len();
        Ok(FilterCheck { ok: true, error: None, matched })
    }

    pub(crate) fn complete_filter(&self, args: CompleteQuery) -> Result<Vec<Completion>, CallError> {
        let project = self.project(args.project)?;
        let completions = complete(&project.catalogue(), &args.filter, args.caret);
        Ok(completions)
    }

    pub(crate) fn metrics(&self, args: MetricsQuery) -> Result<Vec<MetricInfo>, CallError> {
        let project = self.project(args.project)?;
        let catalogue = project.catalogue();
        let mut totals: BTreeMap<_, (usize, u64)> = BTreeMap::new();
        let mut add = |run: &crate::catalogue::Run| {
            for m in &run.row.metrics {
                let total = totals.entry(m.metric).or_default();
                total.0 += 1;
                total.1 += m.n;
            }
        };
        match &args.runs {
            Some(ids) => ids.iter().filter_map(|id| catalogue.get(RunId(*id))).for_each(&mut add),
            None => catalogue.runs.iter().for_each(&mut add),
        }
        let mut out: Vec<MetricInfo> = totals
            .into_iter()
            .map(|(id, (n_runs, n_points))| {
                let name = catalogue.metric_name(id).to_owned();
                let prefix = name.split_once('/').map_or(String::new(), |(p, _)| p.to_owned());
                MetricInfo { prefix, n_runs, n_points, goal: catalogue.goal(id), name }
            })
            .collect();
        out.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(out)
    }

    pub(crate) fn run(&self, args: OfRun) -> Result<RunDetail, CallError> {
        crate::run_page::detail(self, RunId(args.run))
    }

    pub(crate) fn annotate(&self, args: Annotate) -> Result<(), CallError> {
        let mut by_project: BTreeMap<ProjectId, (Arc<OpenProject>, Vec<RunId>)> = BTreeMap::new();
        for id in &args.runs {
            let project = self.project_of(RunId(*id))?;
            by_project.entry(project.id).or_insert_with(|| (project, Vec::new())).1.push(RunId(*id));
        }
        for (project, runs) in by_project.into_values() {
            let changed: Vec<(RunId, signalbox_store::Annotation)> = {
                let catalogue = project.catalogue();
                runs.iter()
                    .filter_map(|id| catalogue.get(*id))
                    .map(|run| (run.row.id, changed(run.row.annotation.clone().unwrap_or_default(), &args)))
                    .collect()
            };
            self.write(|store| store.annotate_many(&changed))?;
            self.with_reader(|reader| project.refresh(reader, &runs))?;
            let ids: Vec<u32> = runs.iter().map(|r| r.0).collect();
            let version = project.catalogue().version;
            self.0.events.runs(project.id.0, version, Some(&ids));
        }
        Ok(())
    }

    /// `path`: what of them is wanted; a path below a model resolves that model only.
    pub(crate) fn artifacts_of(&self, id: RunId, path: &str) -> Result<Artifacts, CallError> {
        let project = self.project_of(id)?;
        let models = self.with_reader(|reader| Ok(reader.models(project.id)?))?;
        let (rel, root, models) = {
            let catalogue = project.catalogue();
            let Some(run) = catalogue.get(id) else {
                return Err(CallError::new(ErrorCode::NotFound, "This run is no longer there."));
            };
            let of_run: Vec<_> = models.into_iter().filter(|m| crate::run_page::is_of(m, run)).collect();
            let root = run.row.artifact_root.as_deref().map(|r| project.root.join(r));
            (run.origin.rel.clone(), root, of_run)
        };
        // The disk is asked without the catalogue's lock: it may be a slow one.
        let wanted = path.strip_prefix(':').map(|p| p.split('/').next().unwrap_or(p));
        let real = std::fs::canonicalize(&project.root).unwrap_or_else(|_| project.root.clone());
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for row in &models {
            let Some(id) = ModelFiles::id_of(&row.model.source) else { continue };
            if wanted.is_none_or(|wanted| wanted == id) && found.len() < MAX_MODELS && seen.insert(id) {
                found.extend(ModelFiles::find(&real, &rel, &row.model.name, &row.model.source));
            }
        }
        Ok(Artifacts { project: project.root.clone(), root, models: found })
    }

    pub(crate) fn artifacts(&self, args: ArtifactsQuery) -> Result<Vec<ArtifactEntry>, CallError> {
        self.artifacts_of(RunId(args.run), &args.path)?.list(&args.path)
    }

    pub(crate) fn problems(&self, args: ProblemsQuery) -> Result<ProblemsPage, CallError> {
        let projects = match args.project {
            Some(id) => vec![self.project(id)?],
            None => self.open_projects(),
        };
        let mut out = ProblemsPage { total: 0, rows: Vec::new() };
        for project in projects {
            let rows = self.with_reader(|reader| Ok(reader.problems(project.id)?))?;
            let folders = self.0.live.folder_problems(project.id);
            out.total += rows.len() + folders.len();
            let catalogue = project.catalogue();
            let room = args.limit.saturating_sub(out.rows.len());
            out.rows.extend(folders.into_iter().take(room).map(|p| crate::run_page::folder_problem(&project, p)));
            let room = args.limit.saturating_sub(out.rows.len());
            out.rows.extend(rows.into_iter().take(room).map(|p| crate::run_page::problem_row(&project, &catalogue, p)));
        }
        Ok(out)
    }

    pub(crate) fn get_pref(&self, args: GetPref) -> Result<PrefValue, CallError> {
        let text = self.write(|store| store.pref(&args.key))?;
        let value = text.and_then(|t| serde_json::from_str(&t).ok()).unwrap_or(serde_json::Value::Null);
        Ok(PrefValue { value })
    }

    pub(crate) fn set_pref(&self, args: SetPref) -> Result<(), CallError> {
        let text = args.value.to_string();
        if text.len() > MAX_PREF_BYTES || args.key.len() > 200 {
            return Err(CallError::new(ErrorCode::BadRequest, "A preference holds at most 1 MiB."));
        }
        self.write(|store| store.set_pref(&args.key, &text))
    }

    pub(crate) fn stop_job(&self, args: OfJob) -> Result<(), CallError> {
        self.0.live.stop_job(args.id);
        Ok(())
    }

    /// Runs that move now, over all open projects.
    pub(crate) fn n_live(&self) -> usize {
        let live = |p: &Arc<OpenProject>| p.catalogue().runs.iter().filter(|r| r.state == RunState::Running).count();
        self.open_projects().iter().map(live).sum()
    }

    pub(crate) fn n_problems(&self) -> usize {
        self.open_projects().iter().map(|p| p.n_problems.load(Ordering::Relaxed)).sum()
    }
}

/// `~` is the person's home, as in a shell.
fn expand(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ if text == "~" => std::env::var_os("HOME").map_or_else(|| PathBuf::from(text), PathBuf::from),
        _ => PathBuf::from(text),
    }
}

fn changed(mut own: signalbox_store::Annotation, change: &Annotate) -> signalbox_store::Annotation {
    if let Some(name) = &change.name {
        own.name = name.clone().map(|n| n.trim().to_owned()).filter(|n| !n.is_empty());
    }
    if let Some(color) = change.color {
        own.color = color.map(u32::from);
    }
    if let Some(hidden) = change.hidden {
        own.hidden = hidden;
    }
    if let Some(pinned) = change.pinned {
        own.pinned = pinned;
    }
    if let Some(note) = &change.note {
        own.note.clone_from(note);
    }
    for tag in change.add_tags.iter().flatten() {
        let tag = tag.trim();
        if !tag.is_empty() && !own.tags.iter().any(|t| t == tag) {
            own.tags.push(tag.to_owned());
        }
    }
    if let Some(remove) = &change.remove_tags {
        own.tags.retain(|t| !remove.contains(t));
    }
    own
}
