//! What the model sees now, as a gate before a promotion.

use super::rules;
use crate::app::{App, now};
use crate::project::OpenProject;
use signalbox_drift::fairness::{Criterion, Ends, Frame, Gap, Metric};
use signalbox_drift::monitor::{HOUR, QualityCell, Task};
use signalbox_drift::verdict::Verdict as Drift;
use signalbox_release::gate::{Bound, Ruling, Verdict};
use signalbox_release::{Digest, DriftGate};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A year of hourly files is read within it.
const PATIENCE: Duration = Duration::from_secs(120);

/// So many broken rules are kept as evidence.
const MAX_TOLD: usize = 200;

/// `about`: what the verdict is bound to besides the data.
pub(crate) fn drift_gate(app: &App, project: Option<&Arc<OpenProject>>, rule: &DriftGate, about: &Bound) -> Verdict {
    let verdict =
        |ruling, says: String, evidence| Verdict { gate: "drift".into(), ruling, says, evidence, bound: about.clone() };
    let error = |why: String| verdict(Ruling::Error, format!("{}: {why}", rule.data), serde_json::Value::Null);
    let Some(project) = project else { return error("the project that the data are of is not open".into()) };
    let monitor = match app.monitor(project.id.0, &rule.data) {
        Ok(monitor) if monitor.in_policy => monitor,
        Ok(_) => return error("signalbox.toml has no such table under [data]".into()),
        Err(e) => return error(e.message),
    };
    if rule.rules && monitor.table.is_some() {
        return error("its rules are asked of files, and it watches a table: take `rules` out of the gate".into());
    }
    if let Some(hours) = monitor.definition.last_hours.filter(|hours| *hours < rule.hours) {
        return error(format!("it counts the last {hours} hours only, and {} are asked for", rule.hours));
    }
    let last = match monitor.last_hours(i64::from(rule.hours), Instant::now() + PATIENCE) {
        Ok(last) => last,
        Err(why) => return verdict(Ruling::Inconclusive, format!("{}: {why}", rule.data), serde_json::Value::Null),
    };
    let is_asked = |name: &str| !rule.ignore.iter().any(|other| other == name);
    let with = |is: &dyn Fn(Drift) -> bool| {
        let columns =
            last.window.columns.iter().filter(|column| is(column.report.verdict) && is_asked(&column.report.name));
        columns.map(|column| column.report.name.clone()).collect::<Vec<String>>()
    };
    let asked = with(&|_| true).len();
    let moved = with(&|verdict| verdict.is_drift());
    let unjudged = with(&|verdict| matches!(verdict, Drift::TooFewRows | Drift::NotJudged)).len();
    let mut against = Vec::new();
    let mut unknown = Vec::new();
    if moved.len() > rule.max_columns as usize {
        let shown: Vec<&str> = moved.iter().take(4).map(String::as_str).collect();
        let more = if moved.len() > shown.len() { ", …" } else { "" };
        against.push(format!("{} of {} columns have drifted: {}{more}", moved.len(), asked, shown.join(", ")));
    } else if unjudged == asked {
        unknown.push(format!("{} rows are too few to tell", last.window.rows));
    }
    if let Some(lost) = last.lost.first() {
        let more = if last.lost.len() > 1 { format!(", and {} more", last.lost.len() - 1) } else { String::new() };
        unknown.push(format!("not all could be read: {}: {}{more}", lost.file, lost.message));
    }
    let n_hourless = last.n_timeless + last.n_later;
    // A stray row is none to stop for.
    let share = |n: u64, of: u64| n as f64 / of.max(1) as f64;
    if share(last.n_timeless, last.timeless_of) + share(last.n_later, last.window.rows) > 0.01 {
        unknown.push(format!("{n_hourless} rows are of no hour until now"));
    }
    if let Some(hours) = monitor.definition.last_hours
        && last.from + 1 < (now() / HOUR as f64) as i64 - i64::from(hours)
    {
        unknown.push(format!("only rows of the {hours} hours until now are counted, and the last came before"));
    }
    if let Some(least) = rule.min_accuracy {
        match last
            .quality
            .as_ref()
            .and_then(|quality| Some((quality.accuracy?, quality.accuracy_high?, quality.labelled)))
        {
            Some((accuracy, _, rows)) if accuracy < least => {
                against.push(format!(
                    "right on {:.1} % of {rows} labelled rows, {:.1} % are asked",
                    accuracy * 100.0,
                    least * 100.0
                ));
            }
            Some(_) => {}
            None => unknown.push("no labels are in".to_owned()),
        }
    }
    let mut fairness = Vec::new();
    if rule.max_unfairness.is_some() && monitor.table.is_some() {
        unknown.push("fairness is not counted in a table".to_owned());
    } else if let Some(most) = rule.max_unfairness {
        fairness = by_attribute(last.cell.quality.as_ref(), &last.task, most);
        match groups_apart(&fairness, most) {
            Some((Ruling::Fail, says)) => against.push(says),
            Some((_, says)) => unknown.push(says),
            None => {}
        }
    }
    let mut rules_broken = Vec::new();
    if rule.rules {
        match rules::broken(&monitor, &last.files) {
            Ok(broken) => rules_broken = broken,
            Err(why) => return error(why),
        }
        if let Some(first) = rules_broken.first() {
            let more = rules_broken.len() - 1;
            against.push(if more == 0 { first.clone() } else { format!("{first}, and {more} more") });
        }
    }
    let evidence = serde_json::json!({
        "data": rule.data,
        "reference": last.digest,
        "hours": [last.from, last.till],
        "rows": last.window.rows,
        "rows_without_hour": n_hourless,
        "not_read": last.lost.iter().take(MAX_TOLD).collect::<Vec<_>>(),
        "moved": moved,
        "quality": last.quality,
        "fairness": fairness.iter().map(|(attribute, found)| serde_json::json!({
            "attribute": attribute,
            "criterion": found,
        })).collect::<Vec<_>>(),
        "rules_broken": rules_broken.iter().take(MAX_TOLD).collect::<Vec<_>>(),
        "columns": last.window.columns.iter().map(|column| serde_json::json!({
            "name": column.report.name,
            "verdict": column.report.verdict,
            "effect": column.report.effect,
            "p_adjusted": column.report.p_adjusted,
            "counts": column.found,
        })).collect::<Vec<_>>(),
    });
    let (ruling, says) = if !against.is_empty() {
        (Ruling::Fail, against.join("; "))
    } else if !unknown.is_empty() {
        (Ruling::Inconclusive, unknown.join("; "))
    } else {
        (Ruling::Pass, format!("the last {} hours ({} rows) are like the reference", rule.hours, last.window.rows))
    };
    let data = Digest::of(evidence.to_string().as_bytes());
    let mut verdict = verdict(ruling, format!("{}: {says}", rule.data), evidence);
    verdict.bound.data = Some(data);
    verdict
}

/// The groups of each attribute, by how many are called positive; without a positive class, by how many are answered
/// rightly. A difference up to `most` is borne.
fn by_attribute<'a>(quality: Option<&'a QualityCell>, task: &Task, most: f64) -> Vec<(&'a str, Criterion)> {
    let (name, metric) = if task.positive.is_some() {
        ("demographic_parity", Metric::SelectionRate)
    } else {
        ("accuracy_parity", Metric::Accuracy)
    };
    let attributes = quality.into_iter().flat_map(|quality| &quality.groups);
    attributes
        .map(|(attribute, groups)| {
            let frame = Frame::of(groups, task.min_group);
            (attribute.as_str(), Criterion::of(&frame, name, metric, most))
        })
        .collect()
}

/// What the gravest of them has against it (`Fail`), or leaves unknown (`Inconclusive`). `None`: nothing.
fn groups_apart(found: &[(&str, Criterion)], most: f64) -> Option<(Ruling, String)> {
    let apart = |of: &Criterion| of.sure.as_ref().map(|pair| pair.difference).or(of.difference).unwrap_or(0.0);
    let gravest = found.iter().min_by(|(_, a), (_, b)| a.verdict.cmp(&b.verdict).then(apart(b).total_cmp(&apart(a))));
    match gravest {
        Some((attribute, Criterion { sure: Some(pair), .. })) => {
            let Ends { low, high } = pair.difference_interval;
            let says = format!(
                "groups of {attribute} are {:.3} apart ({} and {}, interval {low:.3} to {high:.3}), {most} is allowed",
                pair.difference, pair.lowest, pair.highest
            );
            Some((Ruling::Fail, says))
        }
        Some((attribute, of)) if of.verdict == Gap::Uncertain => {
            let name = |group: &Option<String>| group.clone().unwrap_or_default();
            let (lowest, highest) = (name(&of.lowest), name(&of.highest));
            let within = of.difference_interval.map(|Ends { low, high }| format!(": interval {low:.3} to {high:.3}"));
            let says = format!(
                "groups of {attribute} are {:.3} apart ({lowest} and {highest}), {most} is allowed, and chance may \
                 explain it{}",
                apart(of),
                within.unwrap_or_default()
            );
            Some((Ruling::Inconclusive, says))
        }
        Some((_, of)) if of.verdict == Gap::Borne => None,
        _ => Some((Ruling::Inconclusive, "no two groups are large enough to be compared".to_owned())),
    }
}

#[cfg(test)]
mod tests;
