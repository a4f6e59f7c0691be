//! Monitors that would fit what lies in a project: training data beside a folder of what the model saw later.

use crate::project::OpenProject;
use crate::wire::{DataSource, SuggestedMonitor};
use signalbox_drift::monitor::Definition;
use signalbox_drift::read::{Column, Kind, Options, Table};
use std::path::Path;

/// Names of what a model was made or measured with, the better ones first: only measured data have its answers.
const REFERENCES: [&str; 6] = ["test", "reference", "baseline", "validation", "train", "training"];
const CURRENTS: [&str; 9] =
    ["inference", "predictions", "production", "prod", "current", "serving", "logs", "requests", "monitoring"];
const PREDICTIONS: [&str; 5] = ["prediction", "predicted", "pred", "y_pred", "yhat"];
const LABELS: [&str; 6] = ["label", "target", "y_true", "actual", "truth", "y"];
/// So much of the reference's columns must be there.
const SHARED: f64 = 0.6;
const MAX: usize = 3;

pub(super) fn suggested(project: &OpenProject, sources: &[DataSource]) -> Vec<SuggestedMonitor> {
    let stem = |source: &DataSource| {
        Path::new(&source.path).file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default()
    };
    let rank = |names: &[&str], stem: &str| {
        names.iter().position(|name| stem.split(['_', '-', '.']).any(|part| part == *name))
    };
    let open = |source: &DataSource| Table::open(&project.root.join(&source.path), &Options::default()).ok();
    let mut found = Vec::new();
    for current in sources.iter().filter(|source| rank(&CURRENTS, &stem(source)).is_some()) {
        let mut references: Vec<(usize, usize, &DataSource)> = sources
            .iter()
            .filter(|source| source.path != current.path)
            .filter_map(|source| Some((apart(&source.path, &current.path), rank(&REFERENCES, &stem(source))?, source)))
            .collect();
        references.sort_by_key(|(apart, rank, _)| (*apart, *rank));
        let Some(now) = first_of(project, current) else { continue };
        let fits = |reference: &Table| {
            let shared = reference.columns().iter().filter(|column| now.column(&column.name).is_ok()).count();
            shared as f64 >= SHARED * reference.columns().len() as f64
        };
        let Some((reference, table)) =
            references.iter().find_map(|(_, _, source)| Some((source, open(source).filter(&fits)?)))
        else {
            continue;
        };
        let definition = guessed(&table, &now, (reference, current), sources, project);
        let name = Path::new(&current.path).parent().and_then(|above| above.file_name());
        let name = name.map_or_else(|| stem(current), |name| name.to_string_lossy().into_owned());
        let because = format!(
            "{} has the columns of {}{}",
            current.path,
            reference.path,
            definition.labels.as_ref().map_or(String::new(), |labels| format!(", and {labels} has the labels")),
        );
        found.push(SuggestedMonitor { project: project.id.0, name: plain(&name), definition, because });
        if found.len() == MAX {
            break;
        }
    }
    found
}

/// The first file tells the columns of all, well enough for a suggestion.
fn first_of(project: &OpenProject, source: &DataSource) -> Option<Table> {
    let path = project.root.join(&source.path);
    if !source.is_folder {
        return Table::open(&path, &Options::default()).ok();
    }
    let first = signalbox_drift::read::data_files(&path).ok()?.into_iter().next()?;
    Table::of_files(&path, vec![first], &Options::default()).ok()
}

/// As autologging calls it.
fn importance_beside(reference: &str, project: &OpenProject) -> Option<String> {
    let folder = Path::new(reference).parent()?;
    let names = [
        "importance.json",
        "feature_importance.json",
        "feature_importance_gain.json",
        "feature_importance_weight.json",
    ];
    let found = names.into_iter().map(|name| folder.join(name)).find(|path| project.root.join(path).is_file())?;
    Some(found.display().to_string())
}

/// How many folders lie between two paths.
fn apart(a: &str, b: &str) -> usize {
    let (a, b): (Vec<_>, Vec<_>) = (Path::new(a).components().collect(), Path::new(b).components().collect());
    let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    a.len() + b.len() - 2 * same
}

fn plain(name: &str) -> String {
    let of = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    name.chars().map(of).take(64).collect()
}

fn guessed(
    reference: &Table,
    now: &Table,
    (from, current): (&DataSource, &DataSource),
    sources: &[DataSource],
    project: &OpenProject,
) -> Definition {
    let has = |table: &Table, name: &str| table.columns().iter().any(|column| column.name == name);
    let named =
        |table: &Table, names: &[&str]| names.iter().find(|name| has(table, name)).map(|name| (*name).to_owned());
    let prediction = named(now, &PREDICTIONS);
    let label = named(reference, &LABELS);
    let id = now.columns().iter().find(|c| c.name == "id" || c.name.ends_with("_id")).map(|c| c.name.clone());
    let times: Vec<&Column> = now.columns().iter().filter(|column| column.kind == Kind::Datetime).collect();
    let labels = label.as_ref().zip(id.as_ref()).and_then(|(label, id)| {
        let near = |source: &&DataSource| source.path != from.path && source.path != current.path;
        sources.iter().filter(near).find(|source| {
            let stem = Path::new(&source.path).file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
            let is_named =
                stem.is_some_and(|stem| stem.contains("label") || stem.contains("truth") || stem.contains("actual"));
            let table = is_named.then(|| first_of(project, source)).flatten();
            table.is_some_and(|table| has(&table, id) && has(&table, label))
        })
    });
    Definition {
        reference: from.path.clone(),
        current: current.path.clone(),
        time: times.first().map(|column| column.name.clone()),
        segment: named(now, &["segment", "site", "region", "country", "tenant", "channel"]),
        ignore: (reference.columns().iter())
            .filter(|column| !has(now, &column.name) && Some(&column.name) != label.as_ref())
            .map(|column| column.name.clone())
            .collect(),
        score: named(now, &["score", "proba", "probability", "confidence"]).filter(|_| prediction.is_some()),
        labels: labels.map(|source| source.path.clone()),
        label: label.filter(|_| prediction.is_some()),
        prediction,
        id,
        importance: importance_beside(&from.path, project),
        groups: named(now, &["gender", "sex", "race", "age_group", "grower", "group"]).into_iter().collect(),
        ..Definition::default()
    }
}
