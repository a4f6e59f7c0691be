//! Names in a filter that no run has: a filter that matches nothing is most often a misspelt one.

use crate::catalogue::Catalogue;
use crate::columns::columns;
use crate::wire::{ColumnInfo, ColumnKind};
use signalbox_filter::{Field, Filter};

/// Names that are less alike are no slip of the pen (1 is equal, 0 has nothing in common).
const ALIKE: f64 = 0.6;

/// "No run has metrics.val/ac. Did you mean metrics.val/acc?", of the first name that no run has.
pub(crate) fn unknown_name(filter: &Filter, catalogue: &Catalogue) -> Option<String> {
    let known = columns(catalogue);
    let (kind, name) = filter.fields.iter().filter_map(asked).find(|(kind, name)| {
        let has = |c: &ColumnInfo| c.kind == *kind && c.name == *name;
        !known.iter().any(has)
    })?;
    let said = format!("No run has {}.", shown(kind, name));
    Some(match nearest(&known, kind, name) {
        Some(near) => format!("{said} Did you mean {}?", shown(near.kind, &near.name)),
        None => said,
    })
}

fn asked(field: &Field) -> Option<(ColumnKind, &str)> {
    match field {
        Field::Param(name) => Some((ColumnKind::Param, name)),
        Field::Tag(name) => Some((ColumnKind::Tag, name)),
        Field::Metric(name, _) => Some((ColumnKind::Metric, name)),
        Field::Attribute(_) | Field::Dataset(_) => None,
    }
}

/// The most alike name; at equal likeness one of the kind that was asked for, then the one that more runs have.
fn nearest<'a>(known: &'a [ColumnInfo], kind: ColumnKind, name: &str) -> Option<&'a ColumnInfo> {
    let name = name.to_lowercase();
    let alike = |c: &ColumnInfo| strsim::normalized_damerau_levenshtein(&c.name.to_lowercase(), &name);
    known
        .iter()
        .filter(|c| c.kind != ColumnKind::Attr)
        .map(|c| (alike(c), c.kind == kind, c.n_runs, c))
        .filter(|(alike, ..)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)))
        .map(|(.., c)| c)
}

/// As one would write it in a filter.
fn shown(kind: ColumnKind, name: &str) -> String {
    let prefix = match kind {
        ColumnKind::Metric => "metrics",
        ColumnKind::Param => "params",
        ColumnKind::Tag => "tags",
        ColumnKind::Attr => "attributes",
    };
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_/.-".contains(c));
    if plain { format!("{prefix}.{name}") } else { format!("{prefix}.\"{}\"", name.replace('"', "\"\"")) }
}
