//! The document of `signalbox runs PATH --json`. Its shape is public and stable; fields may be added, never changed:
//!
//! ```json
//! {"runs": [{"id", "name", "status", "alive", "state", "sources": [{"format", "path"}],
//!            "params": {}, "tags": {}, "experiment", "parent", "user", "started", "ended", "deleted", "artifacts",
//!            "datasets": [{"name", "digest", "context"}],
//!            "metrics": {NAME: {"n", "last", "last_step", "min", "max", "first_step", "min_step", "max_step",
//!                               "n_nan", "n_pos_inf", "n_neg_inf", "rewinds"}}}],
//!  "models": [{"name", "version", "stage", "aliases", "run", "source", "status"}],
//!  "problems": [{"path", "offset", "kind", "message"}]}
//! ```
//!
//! It is written a run at a time: a store that fails midway leaves it cut short, which the exit code tells.
//!
//! - `status` is what the source says: running, scheduled, finished, failed, killed, or unknown where it has no word
//!   for it. `state` adds what can be seen: running (moving or its process is alive), silent, stopped.
//! - Numbers that JSON cannot hold are the strings "NaN", "Infinity", "-Infinity"; times are Unix seconds.
//! - `last` is the value at the greatest step, of several there the last writer's; `n`, `min` and `max` are over
//!   every point that was logged, `min` and `max` over the finite ones (null without any).
//! - `id` is the tool's own where it has one (MLflow), else the path of the record; unique within the document.

use crate::catalogue::{Catalogue, Run};
use crate::wire::Cell;
use serde_json::{Map, Value, json};
use signalbox_store::{ModelRow, StoreError, StoreReader};
use signalbox_types::{Lifecycle, Problem};
use std::collections::HashMap;

/// What is said besides the runs.
pub(crate) struct Beside<'a> {
    pub problems: &'a [Problem],
    pub models: &'a [ModelRow],
}

/// The document's text in pieces, a run at a time: that of all runs together takes more memory than the folder did.
pub(crate) fn document<'a>(
    catalogue: &'a Catalogue,
    runs: impl Iterator<Item = &'a Run> + 'a,
    beside: Beside<'_>,
    reader: &'a StoreReader,
) -> impl Iterator<Item = Result<String, StoreError>> + 'a {
    let ids = unique_ids(catalogue);
    let models: Vec<Value> = beside
        .models
        .iter()
        .map(|m| {
            json!({
                "name": m.model.name, "version": m.model.version, "stage": m.model.stage, "aliases": m.model.aliases,
                "run": m.run.and_then(|id| ids.get(&catalogue.shown(id).0)), "source": m.model.source, "status": m.model.status,
            })
        })
        .collect();
    let problems: Vec<Value> = beside
        .problems
        .iter()
        .map(|p| {
            json!({
                "path": p.path, "offset": p.offset, "kind": p.kind, "message": p.message,
            })
        })
        .collect();
    let begin = format!("{{\"models\":{},\"problems\":{},\"runs\":[", Value::from(models), Value::from(problems));
    let mut comma = "";
    let listed = runs.map(move |run| {
        let text = run_json(catalogue, run, &ids, reader)?.to_string();
        Ok(format!("{}{text}", std::mem::replace(&mut comma, ",")))
    });
    std::iter::once(Ok(begin)).chain(listed).chain(std::iter::once(Ok("]}".to_owned())))
}

/// The run's own id, with its record's path behind it where two runs share one.
pub(crate) fn unique_ids(catalogue: &Catalogue) -> HashMap<u32, String> {
    let mut count: HashMap<&str, usize> = HashMap::new();
    for run in &catalogue.runs {
        *count.entry(run.own_id()).or_default() += 1;
    }
    let mut taken: HashMap<String, usize> = HashMap::new();
    catalogue
        .runs
        .iter()
        .map(|run| {
            let own = run.own_id();
            let mut id = if count[own] == 1 { own.to_owned() } else { format!("{own}@{}", run.origin.path) };
            let n = taken.entry(id.clone()).or_default();
            *n += 1;
            if *n > 1 {
                // Two formats at one path: their names tell them apart.
                id = format!("{id}#{}", run.origin.format.name());
            }
            (run.row.id.0, id)
        })
        .collect()
}

/// A run of the document. `ids`: see `unique_ids`.
pub(crate) fn run_json(
    catalogue: &Catalogue,
    run: &Run,
    ids: &HashMap<u32, String>,
    reader: &StoreReader,
) -> Result<Value, StoreError> {
    let number = |x: f64| serde_json::to_value(Cell::Number(x)).expect("BUG: a cell serialises");
    let finite = |x: f64| if x.is_nan() { Value::Null } else { number(x) };
    let step = |x: f64, s: i64| if x.is_nan() { Value::Null } else { json!(s) };
    let mut metrics = Map::new();
    for m in &run.row.metrics {
        metrics.insert(
            catalogue.metric_name(m.metric).to_owned(),
            json!({
                "n": m.n, "last": number(m.last), "last_step": m.last_step, "first_step": m.first_step,
                "min": finite(m.min), "max": finite(m.max), "min_step": step(m.min, m.min_step),
                "max_step": step(m.max, m.max_step), "n_nan": m.n_nan, "n_pos_inf": m.n_pos_inf,
                "n_neg_inf": m.n_neg_inf, "rewinds": m.n_rewinds,
            }),
        );
    }
    let params: Map<String, Value> = run
        .row
        .params
        .iter()
        .map(|(k, v)| (k.clone(), serde_json::to_value(v).expect("BUG: a param serialises")))
        .collect();
    let tags: Map<String, Value> = run.row.tags.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    let mut datasets: Vec<Value> = Vec::new();
    for record in run.records() {
        let of_record = reader.datasets(record)?;
        datasets.extend(of_record.iter().map(|d| json!({ "name": d.name, "digest": d.digest, "context": d.context })));
    }
    let records = run.records().into_iter().filter_map(|id| catalogue.record(id));
    let sources: Vec<Value> = records
        .map(|record| json!({ "format": record.origin.format.name(), "path": record.origin.path.as_ref() }))
        .collect();
    Ok(json!({
        "id": ids[&run.row.id.0],
        "name": run.name,
        "status": run.row.status.name(),
        "state": run.state.name(),
        "alive": run.state == crate::wire::RunState::Running,
        "sources": sources,
        "experiment": run.row.experiment,
        "parent": run.row.parent_key,
        "user": run.row.user,
        "started": run.started(),
        "ended": run.row.ended,
        "deleted": run.row.lifecycle == Lifecycle::Deleted,
        "artifacts": run.row.artifact_root,
        "params": params,
        "tags": tags,
        "datasets": datasets,
        "metrics": metrics,
    }))
}
