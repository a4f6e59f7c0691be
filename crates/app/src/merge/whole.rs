//! One run of several records.

use super::Member;
use crate::catalogue::{Origin, Run, is_below};
use signalbox_store::MetricSummary;
use signalbox_types::{Format, MetricId, RunId, Status};
use std::collections::HashMap;
use std::sync::Arc;

/// What a run that several records tell of is made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whole {
    /// The one that stands for the others first.
    pub members: Vec<Member>,
    /// Where each of them is from.
    origins: Vec<Origin>,
    /// The tools, joined for a person: "MLflow + TensorBoard".
    tools: String,
    /// Whose points a metric's are, where they are not the first member's.
    homes: HashMap<MetricId, RunId>,
    /// What a member says otherwise than the one that is shown.
    pub differs: Vec<Difference>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    pub of: RunId,
    pub what: Differs,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Differs {
    Metric(MetricId),
    /// Its name and what this member says.
    Param(String, String),
    State(Status),
}

impl Run {
    /// The record that holds a metric's points.
    pub fn home(&self, metric: MetricId) -> RunId {
        self.whole.as_ref().and_then(|whole| whole.homes.get(&metric).copied()).unwrap_or(self.row.id)
    }

    /// Where it is from: once, or by each of its records.
    pub fn origins(&self) -> &[Origin] {
        self.whole.as_ref().map_or(std::slice::from_ref(&self.origin), |whole| &whole.origins)
    }

    /// The tool, or the tools, that recorded it.
    pub fn tools(&self) -> &str {
        self.whole.as_ref().map_or(self.origin.format.title(), |whole| &whole.tools)
    }

    /// The records that it is made of: itself alone, or several.
    pub fn records(&self) -> Vec<RunId> {
        match &self.whole {
            Some(whole) => whole.members.iter().map(|member| member.id).collect(),
            None => vec![self.row.id],
        }
    }
}

/// `parts`: the records of `members`, in their order.
pub(crate) fn whole(members: &[Member], parts: &[&Run]) -> Run {
    let mut run = parts[0].clone();
    let origins: Vec<Origin> = parts.iter().map(|part| part.origin.clone()).collect();
    let mut tools: Vec<&str> = Vec::new();
    for title in origins.iter().map(|origin| origin.format.title()) {
        if !tools.contains(&title) {
            tools.push(title);
        }
    }
    let tools = tools.join(" + ");
    let mut whole = Whole { members: members.to_vec(), origins, tools, ..Whole::default() };
    for part in &parts[1..] {
        add(&mut run, part, &mut whole);
    }
    let ended: Vec<&&Run> = (parts.iter())
        .filter(|part| matches!(part.row.status, Status::Failed | Status::Killed | Status::Finished))
        .collect();
    // An end that one tool tells of is one, whatever the others do not know; a failure goes before another end.
    if let Some(end) = ended.iter().find(|part| part.row.status == Status::Failed).or(ended.first()) {
        let others = ended.iter().filter(|part| part.row.status != end.row.status);
        whole.differs.extend(others.map(|part| Difference { of: part.row.id, what: Differs::State(part.row.status) }));
        run.row.status = end.row.status;
        run.row.ended = end.row.ended.or(run.row.ended);
    }
    run.row.metrics.sort_unstable_by_key(|m| m.metric);
    run.row.params.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    run.row.tags.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    run.row.gone = parts.iter().all(|part| part.row.gone || part.origin.gone);
    run.origin.gone = run.row.gone;
    if !parts[0].is_named() {
        // A name is somebody's word; a path is not. Of paths, the folder's says more than that of what lies in it.
        let named =
            (parts.iter().filter(|part| part.is_named())).min_by_key(|part| part.origin.format == Format::Tensorboard);
        let around = parts.iter().filter(|part| is_below(&run.name, &part.name)).min_by_key(|part| part.name.len());
        if let Some(part) = named.or(around) {
            run.name.clone_from(&part.name);
        }
    }
    run.whole = Some(Arc::new(whole));
    run
}

fn add(run: &mut Run, part: &Run, whole: &mut Whole) {
    let (row, other) = (&mut run.row, &part.row);
    let id = other.id;
    for metric in &other.metrics {
        match row.metrics.iter().find(|known| known.metric == metric.metric) {
            Some(known) if is_same(known, metric) => {}
            Some(_) => whole.differs.push(Difference { of: id, what: Differs::Metric(metric.metric) }),
            None => {
                whole.homes.insert(metric.metric, id);
                row.metrics.push(*metric);
            }
        }
    }
    for (name, value) in &other.params {
        match row.params.iter().find(|(known, _)| known == name) {
            Some((_, known)) if known.text() == value.text() => {}
            Some(_) => whole.differs.push(Difference { of: id, what: Differs::Param(name.clone(), value.text()) }),
            None => row.params.push((name.clone(), value.clone())),
        }
    }
    for (name, value) in &other.tags {
        if row.tags.iter().all(|(known, _)| known != name) {
            row.tags.push((name.clone(), value.clone()));
        }
    }
    row.started = [row.started, other.started].into_iter().flatten().reduce(f64::min);
    row.ended = row.ended.or(other.ended);
    row.first_time = row.first_time.or(other.first_time);
    row.last_change = row.last_change.max(other.last_change);
    row.first_seen = row.first_seen.min(other.first_seen);
    for (mine, theirs) in [
        (&mut row.experiment, &other.experiment),
        (&mut row.user, &other.user),
        (&mut row.artifact_root, &other.artifact_root),
    ] {
        if mine.is_none() {
            mine.clone_from(theirs);
        }
    }
    row.pid = row.pid.or(other.pid);
    if row.annotation.is_none() {
        row.annotation.clone_from(&other.annotation);
    }
}

/// To the 32 bits that some tools keep; the last value only where both are as far.
fn is_same(a: &MetricSummary, b: &MetricSummary) -> bool {
    let same = |a: f64, b: f64| a as f32 == b as f32 || a.is_nan() && b.is_nan();
    a.last_step != b.last_step || a.n != b.n || same(a.last, b.last) && same(a.min, b.min) && same(a.max, b.max)
}
