//! Integers that doubles do not tell apart: compared as doubles, and said so; whole where they are names.

use super::Place;
use super::columnar::{batch, write};
use arrow::array::*;
use signalbox_drift::monitor::{Definition, Labels, Reference, Task, fill_file};
use signalbox_drift::pair::{Wanted, compare_tables};
use signalbox_drift::profile::{Looked, profile};
use signalbox_drift::read::{Options, Problem, Problems, Table};
use signalbox_drift::rules::{Rules, check};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The first that a double does not hold.
const FIRST: i64 = (1 << 53) + 1;

fn table(path: &Path) -> Table {
    Table::open(path, &Options::default()).expect("a table")
}

fn column(place: &Place, name: &str, values: ArrayRef) -> PathBuf {
    let path = place.path(name);
    write(&path, &[batch(vec![("x", values)])]);
    path
}

#[track_caller]
fn is_told(problems: &[Problem], n: u64) {
    let said = format!("{n} of its integers lie beyond 2⁵³");
    let told: Vec<&Problem> = problems.iter().filter(|p| p.message.contains("2⁵³")).collect();
    assert!(told.iter().any(|p| p.message.starts_with(&said) && p.column.as_deref() == Some("x")), "{problems:#?}");
}

#[test]
fn how_many_are_rounded_is_told_by_profile_drift_and_monitor() {
    let place = Place::new();
    let large = (0..400_i64).map(|at| if at < 7 { FIRST + at } else { at });
    let (reference, current) = (
        column(&place, "a.parquet", Arc::new(Int64Array::from_iter_values(large))),
        column(&place, "b.parquet", Arc::new(UInt64Array::from_iter_values((0..400).map(|at| u64::MAX - 5 * at)))),
    );
    let plain = column(&place, "c.parquet", Arc::new(Int64Array::from_iter_values([1 << 53, -(1 << 53), 3])));
    let profiled = |path: &Path| {
        profile(&table(path), &Looked::default(), &mut |_| ControlFlow::Continue(())).expect("not stopped")
    };
    is_told(&profiled(&reference).problems, 7);
    assert_eq!(profiled(&plain).problems, []);
    let (a, b) = (table(&reference), table(&current));
    let report = compare_tables(&a, &b, &Wanted::default(), &mut |_| ControlFlow::Continue(())).expect("not stopped");
    is_told(&report.problems, 7);
    is_told(&report.problems, 400);
    let (mut frozen_said, mut said) = (Problems::default(), Problems::default());
    let definition = Definition::default();
    let frozen = Reference::freeze(&a, &definition, &mut frozen_said);
    let task = Task::of(&definition, &a);
    fill_file(&b, &current, &frozen, &definition, (&task, &Labels::default()), &mut said);
    is_told(&frozen_said.told(), 7);
    is_told(&said.told(), 400);
}

/// Ids that are one as doubles; the labels come as another kind of file.
#[test]
fn labels_find_their_own_rows() {
    let place = Place::new();
    let ids = [FIRST - 1, FIRST, FIRST + 1, FIRST + 2, i64::MAX, 17];
    let said = |at: usize| if at.is_multiple_of(2) { "yes" } else { "no" };
    let rows: Vec<(String, &str)> = ids.iter().enumerate().map(|(at, id)| (id.to_string(), said(at))).collect();
    let of_lines = |head: &str, line: &dyn Fn(&str, &str) -> String| {
        let lines: Vec<String> = rows.iter().map(|(id, label)| line(id, label)).collect();
        format!("{head}{}\n", lines.join("\n"))
    };
    let texts = |name: &str, text: String| place.put(name, text);
    let csv = texts("labels.csv", of_lines("id,label\n", &|id, label| format!("{id},{label}")));
    let lines = texts("labels.jsonl", of_lines("", &|id, label| format!(r#"{{"id": {id}, "label": "{label}"}}"#)));
    let path = place.path("labels.parquet");
    let labels: ArrayRef = Arc::new(StringArray::from_iter_values((0..ids.len()).map(said)));
    write(&path, &[batch(vec![("id", Arc::new(Int64Array::from(ids.to_vec())) as ArrayRef), ("label", labels)])]);
    for path in [csv, lines, path] {
        let mut problems = Problems::default();
        let labels = Labels::read(&table(&path), "id", "label", &mut problems);
        assert_eq!((labels.len(), problems.told()), (6, vec![]), "{}", path.display());
        for (id, label) in &rows {
            assert_eq!(labels.of(id), Some(*label), "{}: {id}", path.display());
        }
        assert_eq!(labels.of("9007199254740996"), None);
    }
    // Where a fraction stands among them they are doubles: the column holds no integers.
    let mixed = place.put("mixed.csv", format!("id,label\n{FIRST},a\n0.5,b\n{},c\n", FIRST + 1));
    assert_eq!(Labels::read(&table(&mixed), "id", "label", &mut Problems::default()).of("0.5"), Some("b"));
}

#[test]
fn unsigned_ids_beyond_63_bits_are_whole_too() {
    let place = Place::new();
    let path = place.put("ids.csv", format!("id,label\n{},a\n{},b\n,c\n3,d\n", u64::MAX, u64::MAX - 1));
    let labels = Labels::read(&table(&path), "id", "label", &mut Problems::default());
    let of = |id: u64| labels.of(&id.to_string()).map(str::to_owned);
    assert_eq!((of(u64::MAX), of(u64::MAX - 1), of(3)), (Some("a".into()), Some("b".into()), Some("d".into())));
    assert_eq!(labels.len(), 3);
}

#[test]
fn neighbours_are_no_duplicates_and_unique() {
    let place = Place::new();
    let ids = |n: i64| (0..n).map(|at| FIRST + at % 300);
    for (n, twice) in [(300, 0), (310, 10)] {
        let path = column(&place, "x.parquet", Arc::new(Int64Array::from_iter_values(ids(n))));
        let csv = ids(n).fold("x\n".to_owned(), |text, id| format!("{text}{id}\n"));
        for path in [path, place.put("x.csv", csv)] {
            let table = table(&path);
            let found = profile(&table, &Looked::default(), &mut |_| ControlFlow::Continue(())).expect("not stopped");
            assert_eq!(found.duplicates.expect("hashed").rows, twice, "{}", path.display());
            is_told(&found.problems, n as u64);
            let rules = Rules::from_toml("[data.a.columns.x]\nunique = true", Some("a")).expect("rules");
            assert_eq!(check(&table, &rules, 0.0).passes, twice == 0, "{}", path.display());
        }
    }
}
