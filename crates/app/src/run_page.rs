//! A run's page: all that is known of one run.

use crate::App;
use crate::catalogue::{Catalogue, Run, stat};
use crate::merge::Differs;
use crate::project::{OpenProject, show};
use crate::wire::*;
use signalbox_store::{MetricSummary, ProblemRow as StoredProblem, StoreReader};
use signalbox_types::{Format, RunId};
use std::collections::HashMap;
use std::path::Path;

/// More source files than a page lists.
const MAX_FILES: usize = 500;

pub(crate) fn detail(app: &App, id: RunId) -> Result<RunDetail, CallError> {
    let project = app.project_of(id)?;
    app.with_reader(|reader| page(&project, reader, id))
}

/// Whether a run made a model.
pub(crate) fn is_of(model: &signalbox_store::ModelRow, run: &Run) -> bool {
    model.run.is_some_and(|id| run.records().contains(&id))
        || (!run.row.key.is_empty() && model.model.run == run.row.key)
}

pub(crate) fn page(project: &OpenProject, reader: &StoreReader, id: RunId) -> Result<RunDetail, CallError> {
    let models = reader.models(project.id)?;
    let catalogue = project.catalogue();
    let Some(run) = catalogue.get(id) else {
        return Err(CallError::new(ErrorCode::NotFound, "This run is no longer there."));
    };
    let (mut media, mut datasets, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for record in run.records() {
        media.extend(reader.media_tags(record)?.into_iter().map(crate::media::tag_row));
        media.extend(crate::media::images::tags(&project.root, &catalogue, record));
        datasets.extend(reader.datasets(record)?);
        problems.extend(reader.run_problems(record)?);
    }
    let named = |r: &Run| RunName { id: r.row.id.0, name: r.name.clone() };
    let parent = run
        .row
        .parent_key
        .as_deref()
        .and_then(|key| catalogue.by_key(run.row.source, key).or_else(|| sibling(&catalogue, key)));
    let children = catalogue
        .runs
        .iter()
        .filter(|r| !run.row.key.is_empty() && r.row.parent_key.as_deref() == Some(&run.row.key))
        .map(named)
        .collect();
    let own = run.row.annotation.clone().unwrap_or_default();
    let models = models
        .into_iter()
        .filter(|m| is_of(m, run))
        .map(|m| ModelRow {
            name: m.model.name,
            version: m.model.version,
            stage: m.model.stage,
            aliases: m.model.aliases,
            run: m.run.map(|r| r.0),
            status: m.model.status,
            source: m.model.source,
        })
        .collect();
    Ok(RunDetail {
        id: run.row.id.0,
        row: crate::table::row(run, &[]),
        project: project.id.0,
        key: run.own_id().to_owned(),
        path: run.origin.path.to_string(),
        source_format: run.origin.format.name().to_owned(),
        source_title: run.origin.format.title().to_owned(),
        started: run.started(),
        ended: run.row.ended,
        last_change: run.row.last_change,
        duration: run.duration(),
        experiment: run.row.experiment.clone(),
        user: run.row.user.clone(),
        parent: parent.map(named),
        children,
        params: run.row.params.iter().map(|(k, v)| (k.clone(), v.text())).collect(),
        tags: run.row.tags.clone(),
        own: Annotation {
            name: own.name,
            color: own.color.map(|c| (c % 10) as u8),
            hidden: own.hidden,
            pinned: own.pinned,
            tags: own.tags,
            note: own.note,
        },
        metrics: run.row.metrics.iter().map(|m| metric_row(&catalogue, m)).collect(),
        datasets: datasets
            .into_iter()
            .map(|d| Dataset { name: d.name, digest: d.digest, context: d.context, source: d.source, schema: d.schema })
            .collect(),
        models,
        media,
        sources: sources(project, &catalogue, run),
        problems: problems.into_iter().map(|p| problem_row(project, &catalogue, p)).collect(),
        artifact_root: run.row.artifact_root.clone(),
        state_why: run.state_why.to_string(),
    })
}

/// What each record of a run is, and what it says otherwise than the page does.
fn sources(project: &OpenProject, catalogue: &Catalogue, run: &Run) -> Vec<RunSource> {
    let members = run.whole.iter().flat_map(|whole| &whole.members);
    let whys: HashMap<RunId, &str> = members.map(|member| (member.id, member.why.as_str())).collect();
    let differs = |id: RunId| {
        let of_record = run.whole.iter().flat_map(|whole| &whole.differs).filter(move |one| one.of == id);
        of_record.map(|one| said(catalogue, run, id, &one.what)).collect()
    };
    let records = run.records().into_iter().filter_map(|id| catalogue.record(id));
    let source = |record: &Run| RunSource {
        run: record.row.id.0,
        format: record.origin.format.name().to_owned(),
        title: record.origin.format.title().to_owned(),
        path: record.origin.path.to_string(),
        why: whys.get(&record.row.id).filter(|why| !why.is_empty()).map(|why| (*why).to_owned()),
        n_metrics: record.row.metrics.len(),
        differs: differs(record.row.id),
        files: files(&project.root, record),
    };
    records.map(source).collect()
}

/// A difference, in a sentence of the record that has it.
fn said(catalogue: &Catalogue, run: &Run, of: RunId, what: &Differs) -> String {
    match what {
        Differs::State(status) => format!("It says that the run is {}.", status.name()),
        Differs::Param(name, value) => {
            let shown = run.param(name).map(signalbox_types::ParamValue::text).unwrap_or_default();
            format!("{name} is {value} here, and {shown} above.")
        }
        Differs::Metric(metric) => {
            let name = catalogue.metric_name(*metric);
            let here = catalogue.record(of).and_then(|record| record.metric(*metric));
            let [here, above] = [here, run.metric(*metric)]
                .map(|m| m.map_or(String::new(), |m| format!("{} at step {} of {} points", m.last, m.last_step, m.n)));
            format!("{name} ends with {here} here, and with {above} above.")
        }
    }
}

/// A parent in another source of the same kind: MLflow's file store has one source a run.
fn sibling<'a>(catalogue: &'a Catalogue, key: &str) -> Option<&'a Run> {
    catalogue.runs.iter().find(|r| r.row.key == key)
}

fn metric_row(catalogue: &Catalogue, m: &MetricSummary) -> MetricRow {
    let goal = catalogue.goal(m.metric);
    let finite = |x: f64| if x.is_nan() { Cell::None } else { Cell::Number(x) };
    let step = |x: f64, s: i64| (!x.is_nan()).then_some(s);
    let best_step = match goal {
        Some(Goal::Min) => step(m.min, m.min_step),
        Some(Goal::Max) => step(m.max, m.max_step),
        None => None,
    };
    MetricRow {
        name: catalogue.metric_name(m.metric).to_owned(),
        n: m.n,
        last: Cell::Number(m.last),
        last_step: m.last_step,
        best: Cell::number(stat(m, Stat::Best, goal)),
        best_step,
        min: finite(m.min),
        min_step: step(m.min, m.min_step),
        max: finite(m.max),
        max_step: step(m.max, m.max_step),
        n_nan: m.n_nan,
        n_pos_inf: m.n_pos_inf,
        n_neg_inf: m.n_neg_inf,
        n_rewinds: u64::from(m.n_rewinds),
    }
}

pub(crate) fn problem_row(project: &OpenProject, catalogue: &Catalogue, p: StoredProblem) -> ProblemRow {
    let runs = catalogue
        .runs
        .iter()
        .filter(|r| r.row.source == p.source)
        // A database's problem concerns all of its runs: a few names are enough.
        .take(10)
        .map(|r| RunName { id: r.row.id.0, name: r.name.clone() })
        .collect();
    ProblemRow { first_seen: p.first_seen, runs, ..folder_problem(project, p.problem) }
}

/// A problem that belongs to no run.
pub(crate) fn folder_problem(project: &OpenProject, p: signalbox_types::Problem) -> ProblemRow {
    let kind = serde_json::to_value(p.kind).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    ProblemRow {
        project: project.id.0,
        path: p.path,
        offset: p.offset,
        kind,
        message: p.message,
        first_seen: crate::app::now(),
        runs: Vec::new(),
    }
}

/// The files that the run was read from, as they are now.
fn files(root: &Path, run: &Run) -> Vec<SourceFile> {
    let path = root.join(&run.origin.rel);
    let Ok(meta) = std::fs::metadata(&path) else { return Vec::new() };
    if meta.is_file() {
        return vec![SourceFile { path: run.origin.path.to_string(), bytes: meta.len() }];
    }
    let mut out = Vec::new();
    collect(root, &path, run.origin.format, 0, &mut out);
    out.sort_by(|a, b| a.path.cmp(&b.path));
    out
}

fn collect(root: &Path, dir: &Path, format: Format, depth: usize, out: &mut Vec<SourceFile>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if out.len() >= MAX_FILES {
            return;
        }
        let Ok(kind) = entry.file_type() else { continue };
        let name = entry.file_name();
        let is_events = name.to_string_lossy().contains("tfevents");
        if kind.is_dir() && format == Format::MlflowFile && depth < 4 && name != "artifacts" {
            collect(root, &entry.path(), format, depth + 1, out);
        } else if kind.is_file() && (format != Format::Tensorboard || is_events) {
            let path = entry.path();
            let shown = show(path.strip_prefix(root).unwrap_or(&path));
            out.push(SourceFile { path: shown, bytes: entry.metadata().map_or(0, |m| m.len()) });
        }
    }
}
