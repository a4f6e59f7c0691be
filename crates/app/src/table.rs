//! Filter, order and cut the runs of a project.

use crate::catalogue::{Catalogue, Run, stat};
use crate::columns::{Column, Key, compare};
use crate::wire::{
    CallError, Cell, ColumnRef, Completion, CompletionKind, ErrorCode, Place, SortKey, Stat, TablePage, TableQuery,
    TableRow,
};
use signalbox_filter::{Field, Filter, FilterError, Names, Stat as FilterStat, Value};
use signalbox_types::{Lifecycle, MetricId};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Orders that were asked for lately, so that paging through a table sorts once.
#[derive(Default)]
pub(crate) struct Orders(Vec<(OrderKey, Arc<Order>)>);

type OrderKey = (u32, String, Vec<SortKey>, bool, bool);

/// Row numbers of the catalogue in table order, and what was wrong with the filter.
pub(crate) struct Order {
    pub rows: Vec<u32>,
    pub filter_error: Option<CallError>,
    /// Why it may be that the filter matches nothing.
    pub filter_hint: Option<String>,
    pub total: usize,
    /// Columns that were looked at: whether no row has a value in them.
    empty: Mutex<HashMap<ColumnRef, bool>>,
}

impl Order {
    fn is_empty(&self, reference: &ColumnRef, column: &Column, catalogue: &Catalogue) -> bool {
        let mut known = self.empty.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(reference.clone()).or_insert_with(|| {
            self.rows.iter().all(|&row| matches!(column.cell(&catalogue.runs[row as usize]), Cell::None))
        })
    }
}

/// What decides the order of a table.
pub(crate) struct OrderSpec<'a> {
    pub filter: &'a str,
    pub sort: &'a [SortKey],
    pub show_deleted: bool,
    pub show_hidden: bool,
}

impl Orders {
    pub fn get(&mut self, catalogue: &Catalogue, spec: &OrderSpec) -> Arc<Order> {
        let key: OrderKey =
            (catalogue.version, spec.filter.to_owned(), spec.sort.to_vec(), spec.show_deleted, spec.show_hidden);
        if let Some(at) = self.0.iter().position(|(k, _)| *k == key) {
            let hit = self.0.remove(at);
            self.0.push(hit);
            return self.0[self.0.len() - 1].1.clone();
        }
        let order = Arc::new(order(catalogue, spec));
        self.0.retain(|(k, _)| k.0 == catalogue.version);
        if self.0.len() >= 8 {
            self.0.remove(0);
        }
        self.0.push((key, order.clone()));
        order
    }
}

pub(crate) fn order(catalogue: &Catalogue, spec: &OrderSpec) -> Order {
    let (filter, filter_error) = match signalbox_filter::parse(spec.filter) {
        Ok(filter) => (filter, None),
        Err(e) => (signalbox_filter::parse("").expect("BUG: the empty filter"), Some(filter_error(&e, spec.filter))),
    };
    let ask = Ask::new(&filter, catalogue);
    let mut total = 0;
    let mut rows: Vec<u32> = Vec::new();
    for (i, run) in catalogue.runs.iter().enumerate() {
        if (!spec.show_deleted && run.row.lifecycle == Lifecycle::Deleted) || (!spec.show_hidden && run.hidden()) {
            continue;
        }
        total += 1;
        if filter.is_empty() || filter.matches(&|f| ask.value(f, run)) {
            rows.push(i as u32);
        }
    }
    sort(catalogue, spec.sort, &mut rows);
    let filter_hint = if rows.is_empty() { crate::unknown::unknown_name(&filter, catalogue) } else { None };
    Order { rows, filter_error, filter_hint, total, empty: Mutex::default() }
}

/// Pinned first, then by the keys, then newest first.
fn sort(catalogue: &Catalogue, keys: &[SortKey], rows: &mut [u32]) {
    let columns: Vec<(Column, bool)> =
        keys.iter().map(|k| (Column::resolve(&k.column, catalogue), k.descending)).collect();
    let run = |row: u32| &catalogue.runs[row as usize];
    // Keys are fetched once a run, not once a comparison.
    let fetched: Vec<Vec<Key>> = if columns.is_empty() {
        Vec::new()
    } else {
        let mut all: Vec<Vec<Key>> = vec![Vec::new(); catalogue.runs.len()];
        for &row in rows.iter() {
            all[row as usize] = columns.iter().map(|(c, _)| c.key(run(row))).collect();
        }
        all
    };
    let pinned = |row: u32| run(row).row.annotation.as_ref().is_some_and(|a| a.pinned);
    rows.sort_by(|&a, &b| {
        let mut order = pinned(b).cmp(&pinned(a));
        for (i, (_, descending)) in columns.iter().enumerate() {
            order = order.then_with(|| compare(&fetched[a as usize][i], &fetched[b as usize][i], *descending));
        }
        order
            .then_with(|| run(b).started().unwrap_or(0.0).total_cmp(&run(a).started().unwrap_or(0.0)))
            .then_with(|| run(a).row.id.cmp(&run(b).row.id))
    });
}

pub(crate) fn page(catalogue: &Catalogue, orders: &mut Orders, query: &TableQuery) -> TablePage {
    let spec = OrderSpec {
        filter: &query.filter,
        sort: &query.sort,
        show_deleted: query.show_deleted,
        show_hidden: query.show_hidden,
    };
    let order = orders.get(catalogue, &spec);
    let columns: Vec<Column> = query.columns.iter().map(|c| Column::resolve(c, catalogue)).collect();
    let from = query.offset.min(order.rows.len());
    let to = from.saturating_add(query.limit.min(1000)).min(order.rows.len());
    TablePage {
        version: catalogue.version,
        total: order.total,
        matched: order.rows.len(),
        offset: from,
        rows: order.rows[from..to].iter().map(|&i| row(&catalogue.runs[i as usize], &columns)).collect(),
        empty: query.columns.iter().zip(&columns).map(|(r, c)| order.is_empty(r, c, catalogue)).collect(),
        filter_error: order.filter_error.clone(),
        filter_hint: order.filter_hint.clone(),
    }
}

pub(crate) fn row(run: &Run, columns: &[Column]) -> TableRow {
    let own = run.row.annotation.as_ref();
    TableRow {
        id: run.row.id.0,
        name: run.name.clone(),
        color: run.color,
        dash: run.dash,
        status: run.state,
        hidden: run.hidden(),
        pinned: own.is_some_and(|a| a.pinned),
        tags: own.map_or_else(Vec::new, |a| a.tags.clone()),
        has_note: own.is_some_and(|a| !a.note.is_empty()),
        n_problems: run.n_problems,
        gone: run.row.gone || run.origin.gone,
        cells: columns.iter().map(|c| c.cell(run)).collect::<Vec<Cell>>(),
    }
}

pub(crate) fn filter_error(e: &FilterError, text: &str) -> CallError {
    let at = e.utf16(text);
    CallError {
        code: ErrorCode::BadFilter,
        message: e.message.clone(),
        hint: e.hint.clone(),
        detail: Some(Place { start: at.start, end: at.end }),
        models: None,
    }
}

/// A filter's fields, looked up once, to be asked of many runs.
pub(crate) struct Ask<'a> {
    fields: Vec<(&'a Field, Option<MetricId>)>,
    catalogue: &'a Catalogue,
}

impl<'a> Ask<'a> {
    pub fn new(filter: &'a Filter, catalogue: &'a Catalogue) -> Self {
        let id = |f: &Field| match f {
            Field::Metric(name, _) => catalogue.metric_id(name),
            _ => None,
        };
        Self { fields: filter.fields.iter().map(|f| (f, id(f))).collect(), catalogue }
    }

    pub fn value<'r>(&self, field: usize, run: &'r Run) -> Value<'r> {
        let (field, metric) = &self.fields[field];
        match field {
            Field::Metric(_, which) => {
                let Some((id, m)) = metric.and_then(|id| run.metric(id).map(|m| (id, m))) else {
                    return Value::Missing;
                };
                let goal = self.catalogue.goal(id);
                match which {
                    FilterStat::Last => Value::Number(m.last),
                    FilterStat::Min => stat(m, Stat::Min, goal).map_or(Value::Missing, Value::Number),
                    FilterStat::Max => stat(m, Stat::Max, goal).map_or(Value::Missing, Value::Number),
                    FilterStat::Best => stat(m, Stat::Best, goal).map_or(Value::Missing, Value::Number),
                    FilterStat::Count => Value::Number(m.n as f64),
                }
            }
            Field::Param(name) => run.param(name).map_or(Value::Missing, |p| Value::Text(Cow::Owned(p.text()))),
            Field::Tag(name) => run.tag(name).map_or(Value::Missing, |t| Value::Text(Cow::Borrowed(t))),
            Field::Dataset(_) => Value::Missing,
            Field::Attribute(name) => attribute(name, run),
        }
    }
}

fn attribute<'r>(name: &str, run: &'r Run) -> Value<'r> {
    let text = |t: Option<&'r str>| t.filter(|t| !t.is_empty()).map_or(Value::Missing, |t| Value::Text(t.into()));
    match name {
        "name" => Value::Text(Cow::Borrowed(&run.name)),
        "status" => Value::Word(run.state.name()),
        "source" => Value::Any(run.origins().iter().flat_map(|at| [at.format.name(), at.format.title()]).collect()),
        "experiment" => text(run.row.experiment.as_deref()),
        "user" => text(run.row.user.as_deref()),
        "path" => match run.origins() {
            [one] => text(Some(&one.path)),
            several => Value::Any(several.iter().map(|at| &*at.path).collect()),
        },
        "id" => text(Some(run.own_id())),
        "note" => text(run.row.annotation.as_ref().map(|a| a.note.as_str())),
        "label" => match run.row.annotation.as_ref() {
            Some(a) if !a.tags.is_empty() => Value::Any(a.tags.iter().map(String::as_str).collect()),
            _ => Value::Missing,
        },
        "started" => run.started().map_or(Value::Missing, Value::Time),
        "ended" => run.row.ended.map_or(Value::Missing, Value::Time),
        "duration" => run.duration().map_or(Value::Missing, Value::Number),
        "points" => Value::Number(run.n_points() as f64),
        "problems" => Value::Number(run.n_problems as f64),
        "last_change" => Value::Time(run.row.last_change),
        _ => Value::Missing,
    }
}

/// Names and values of a project, for completion.
struct Known<'a>(&'a Catalogue);

impl Names for Known<'_> {
    fn fields(&self) -> Vec<(Field, String)> {
        use crate::wire::ColumnKind;
        crate::columns::columns(self.0)
            .into_iter()
            .filter_map(|c| {
                let detail = format!("{} run{}", c.n_runs, if c.n_runs == 1 { "" } else { "s" });
                let field = match c.kind {
                    ColumnKind::Attr => return None,
                    ColumnKind::Param => Field::Param(c.name),
                    ColumnKind::Tag => Field::Tag(c.name),
                    ColumnKind::Metric => Field::Metric(c.name, FilterStat::Last),
                };
                Some((field, detail))
            })
            .collect()
    }

    fn values(&self, field: &Field) -> Vec<String> {
        let mut counts: HashMap<String, usize> = HashMap::new();
        let text = format!("{field:?}");
        let filter = match field {
            Field::Attribute(name) => signalbox_filter::parse(&format!("{name} is null")),
            Field::Param(name) => signalbox_filter::parse(&format!("params.\"{}\" is null", name.replace('"', "\"\""))),
            Field::Tag(name) => signalbox_filter::parse(&format!("tags.\"{}\" is null", name.replace('"', "\"\""))),
            Field::Metric(..) | Field::Dataset(_) => return Vec::new(),
        };
        let filter = filter.unwrap_or_else(|e| unreachable!("BUG: {text} cannot be asked for: {e}"));
        let ask = Ask::new(&filter, self.0);
        for run in &self.0.runs {
            match ask.value(0, run) {
                Value::Text(t) => *counts.entry(t.into_owned()).or_default() += 1,
                Value::Word(w) => *counts.entry(w.to_owned()).or_default() += 1,
                Value::Any(many) => many.into_iter().for_each(|t| *counts.entry(t.to_owned()).or_default() += 1),
                _ => {}
            }
            if counts.len() > 1000 {
                break;
            }
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().filter(|(v, _)| v.len() <= 200).collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts.into_iter().map(|(v, _)| v).collect()
    }
}

/// Completions at `caret` (UTF-16 units), their places in UTF-16 units.
pub(crate) fn complete(catalogue: &Catalogue, text: &str, caret: usize) -> Vec<Completion> {
    let byte = text.char_indices().map(|(i, _)| i).chain([text.len()]).find(|&i| units(text, i) >= caret);
    signalbox_filter::complete(text, byte.unwrap_or(text.len()), &Known(catalogue))
        .into_iter()
        .map(|c| Completion {
            from: units(text, c.replace.start),
            to: units(text, c.replace.end),
            text: c.text,
            detail: c.detail,
            kind: match c.kind {
                signalbox_filter::CompletionKind::Field => CompletionKind::Field,
                signalbox_filter::CompletionKind::Operator => CompletionKind::Operator,
                signalbox_filter::CompletionKind::Value => CompletionKind::Value,
                signalbox_filter::CompletionKind::Keyword => CompletionKind::Keyword,
            },
        })
        .collect()
}

fn units(text: &str, byte: usize) -> usize {
    text[..byte].encode_utf16().count()
}
