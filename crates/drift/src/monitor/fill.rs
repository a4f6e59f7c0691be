//! Rows become cells.

use super::cell::{Cell, CellColumn, FileCells};
use super::frozen::{Bins, FrozenColumn, PARTS, Reference};
use super::labels::Labels;
use super::quality::{self, Task};
use super::{Definition, HOUR};
use crate::read::{Batch, Fingerprint, Kind, Problem, Problems, Rows, Table, beyond_doubles};
use arrow::array::{Array, ArrayRef, AsArray};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

/// More segments of a file than these are one, named "others".
const MAX_SEGMENTS: usize = 50;
const OTHERS: &str = "others";
/// No cell for this row.
const NOWHERE: u32 = u32::MAX;

/// The column that tells the time of a row: the named one, or the only one of times.
pub fn time_column(table: &Table, definition: &Definition) -> Option<usize> {
    if let Some(name) = &definition.time {
        return table.column(name).ok();
    }
    let times: Vec<usize> =
        (0..table.columns().len()).filter(|at| table.columns()[*at].kind == Kind::Datetime).collect();
    if times.len() == 1 { Some(times[0]) } else { None }
}

/// A file's cells. Where no column tells the time, the names of its folders do (`date=`, `hour=`), else the time at which
/// the file was written.
pub fn fill_file(
    table: &Table,
    path: &Path,
    reference: &Reference,
    definition: &Definition,
    (task, labels): (&Task, &Labels),
    problems: &mut Problems,
) -> FileCells {
    let time = time_column(table, definition);
    let segment = definition.segment.as_ref().and_then(|name| table.column(name).ok());
    let places: Vec<Option<usize>> = reference.columns.iter().map(|column| table.column(&column.name).ok()).collect();
    let mut wanted: Vec<usize> = places.iter().flatten().copied().collect();
    wanted.extend(time.iter().chain(&segment));
    wanted.extend(task.columns(table));
    wanted.sort_unstable();
    wanted.dedup();
    let at = |place: &Option<usize>| place.and_then(|place| wanted.binary_search(&place).ok());
    let columns: Vec<Option<usize>> = places.iter().map(at).collect();
    let (time, segment) = (at(&time), at(&segment));
    let seats = task.seats(table, &wanted);
    let written = written_at(path);
    let mut found = FileCells {
        lacks: (reference.columns.iter().zip(&places))
            .filter(|(_, place)| place.is_none())
            .map(|(column, _)| column.name.clone())
            .collect(),
        ..FileCells::default()
    };
    let mut slots_of: HashMap<(i64, String), u32> = HashMap::new();
    let mut cells: Vec<(i64, String, Cell)> = Vec::new();
    let mut n_segments = std::collections::HashSet::new();
    let mut rounded = vec![0; columns.len()];
    table.scan(&wanted, problems, &mut |batch| {
        let column = |at: Option<usize>| at.and_then(|at| batch.columns[at].as_ref());
        let times = column(time).map(Rows::of);
        let segments = column(segment).map(Rows::of);
        let named = Segments::of(segments.as_ref(), batch.n_rows);
        let mut slots = Vec::with_capacity(batch.n_rows);
        let mut last: Option<(i64, usize, u32)> = None;
        for row in 0..batch.n_rows {
            let hour = match (&times, written) {
                (Some(Rows::Numbers(times)), _) => {
                    let there = times.is_valid(row).then(|| times.value(row)).filter(|seconds| seconds.is_finite());
                    there.map(|seconds| (seconds / HOUR as f64).floor() as i64)
                }
                (Some(_), _) => None,
                (None, written) => written,
            };
            let Some(hour) = hour else {
                found.n_timeless += 1;
                slots.push(NOWHERE);
                continue;
            };
            let segment = named.at(row);
            if let Some((at_hour, at_segment, slot)) = last.filter(|(h, s, _)| *h == hour && *s == segment) {
                last = Some((at_hour, at_segment, slot));
                slots.push(slot);
                continue;
            }
            let mut name = named.names[segment].clone();
            if !n_segments.contains(&name) && n_segments.len() >= MAX_SEGMENTS {
                name = OTHERS.to_owned();
            }
            n_segments.insert(name.clone());
            let slot = *slots_of.entry((hour, name.clone())).or_insert_with(|| {
                cells.push((hour, name, Cell::empty(reference)));
                (cells.len() - 1) as u32
            });
            last = Some((hour, segment, slot));
            slots.push(slot);
        }
        let mut to: Vec<&mut Cell> = cells.iter_mut().map(|(_, _, cell)| cell).collect();
        add(&mut to, &slots, reference, &columns, batch);
        for (n, at) in rounded.iter_mut().zip(&columns) {
            *n += at.and_then(|at| batch.columns[at].as_ref()).map_or(0, beyond_doubles);
        }
        found.n_unlabelled += quality::add(&mut to, &slots, task, &seats, labels, batch);
        ControlFlow::Continue(())
    });
    for (frozen, n) in reference.columns.iter().zip(rounded).filter(|(_, n)| *n > 0) {
        problems.add(Problem::rounded(path, &frozen.name, n));
    }
    cells.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    found.cells = cells;
    found
}

/// The reference in consecutive parts.
pub fn parts(table: &Table, reference: &Reference, n_rows: u64) -> Vec<Cell> {
    let mut parts = vec![Cell::empty(reference); PARTS];
    let wanted: Vec<usize> = reference.columns.iter().filter_map(|column| table.column(&column.name).ok()).collect();
    let mut order: Vec<usize> = wanted.clone();
    order.sort_unstable();
    let columns: Vec<Option<usize>> = wanted.iter().map(|at| order.binary_search(at).ok()).collect();
    let mut seen = 0_u64;
    // Damage was told when the bins were made.
    table.scan(&order, &mut Problems::default(), &mut |batch| {
        let slot = |row: usize| ((seen + row as u64) * PARTS as u64 / n_rows.max(1)).min(PARTS as u64 - 1) as u32;
        let slots: Vec<u32> = (0..batch.n_rows).map(slot).collect();
        let mut to: Vec<&mut Cell> = parts.iter_mut().collect();
        add(&mut to, &slots, reference, &columns, batch);
        seen += batch.n_rows as u64;
        ControlFlow::Continue(())
    });
    parts
}

/// The reference by segment: a segment is compared with its own.
pub fn by_segment(table: &Table, reference: &Reference, segment: usize) -> Vec<(String, Cell)> {
    let places: Vec<usize> = reference.columns.iter().filter_map(|column| table.column(&column.name).ok()).collect();
    let mut order: Vec<usize> = places.iter().copied().chain([segment]).collect();
    order.sort_unstable();
    order.dedup();
    let at = |place: &usize| order.binary_search(place).ok();
    let (columns, segment): (Vec<Option<usize>>, Option<usize>) = (places.iter().map(at).collect(), at(&segment));
    let mut found: Vec<(String, Cell)> = Vec::new();
    table.scan(&order, &mut Problems::default(), &mut |batch| {
        let rows = segment.and_then(|at| batch.columns[at].as_ref()).map(Rows::of);
        let named = Segments::of(rows.as_ref(), batch.n_rows);
        let slots_of: Vec<u32> = (named.names.iter())
            .map(|name| match found.iter().position(|(known, _)| known == name) {
                Some(slot) => slot as u32,
                None if found.len() < MAX_SEGMENTS => {
                    found.push((name.clone(), Cell::empty(reference)));
                    (found.len() - 1) as u32
                }
                None => NOWHERE,
            })
            .collect();
        let slots: Vec<u32> = (0..batch.n_rows).map(|row| slots_of[named.at(row)]).collect();
        let mut to: Vec<&mut Cell> = found.iter_mut().map(|(_, cell)| cell).collect();
        add(&mut to, &slots, reference, &columns, batch);
        ControlFlow::Continue(())
    });
    found.retain(|(_, cell)| cell.rows > 0);
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn add(cells: &mut [&mut Cell], slots: &[u32], reference: &Reference, columns: &[Option<usize>], batch: &Batch) {
    for slot in slots.iter().filter(|slot| **slot != NOWHERE) {
        cells[*slot as usize].rows += 1;
    }
    for (at, (frozen, place)) in reference.columns.iter().zip(columns).enumerate() {
        let array = place.and_then(|place| batch.columns[place].as_ref());
        add_column(cells, slots, at, frozen, array);
    }
}

fn add_column(cells: &mut [&mut Cell], slots: &[u32], at: usize, frozen: &FrozenColumn, array: Option<&ArrayRef>) {
    let mut each = |of: &mut dyn FnMut(usize, &mut CellColumn)| {
        for (row, slot) in slots.iter().enumerate().filter(|(_, slot)| **slot != NOWHERE) {
            let column = &mut cells[*slot as usize].columns[at];
            column.counts.rows += 1;
            of(row, column);
        }
    };
    match (array.map(Rows::of), &frozen.bins) {
        (Some(Rows::Numbers(values)), Bins::Values(_) | Bins::Edges { .. }) => {
            let mean = frozen.moments.map_or(0.0, |moments| moments.mean);
            each(&mut |row, column| {
                if values.is_null(row) {
                    column.counts.nulls += 1;
                    return;
                }
                let value = values.value(row);
                if value.is_finite() {
                    column.bins[frozen.bins.at(value)] += 1;
                    let apart = value - mean;
                    column.sum += apart;
                    column.squares += apart * apart;
                    column.min = column.min.min(value);
                    column.max = column.max.max(value);
                } else if value.is_nan() {
                    column.counts.nan += 1;
                } else if value > 0.0 {
                    column.counts.pos_inf += 1;
                } else {
                    column.counts.neg_inf += 1;
                }
            });
        }
        (Some(Rows::Levels(values)), Bins::Levels(levels)) if frozen.kind == Kind::Categorical => {
            let Some(texts) = values.values().as_string_opt::<i32>() else { return };
            let known: HashMap<&str, usize> = levels.iter().enumerate().map(|(at, level)| (&**level, at)).collect();
            let place = |text: usize| (texts.is_valid(text)).then(|| known.get(texts.value(text)).copied());
            // For each key: its bin, or that it is new, or null.
            let bins: Vec<Option<Option<usize>>> = (0..texts.len()).map(place).collect();
            each(&mut |row, column| {
                let key = values.keys().is_valid(row).then(|| values.keys().value(row) as usize);
                match key.and_then(|key| bins[key].map(|bin| (key, bin))) {
                    None => column.counts.nulls += 1,
                    Some((_, Some(bin))) => column.bins[bin] += 1,
                    Some((key, None)) => {
                        *column.bins.last_mut().expect("BUG: there is a bin for others") += 1;
                        column.new_level(texts.value(key), 1);
                    }
                }
            });
        }
        (Some(Rows::Booleans(values)), Bins::Levels(levels)) if frozen.kind == Kind::Boolean => {
            let place = |value: bool| levels.iter().position(|level| level == if value { "true" } else { "false" });
            let places = [place(false), place(true)];
            each(&mut |row, column| {
                if values.is_null(row) {
                    column.counts.nulls += 1;
                } else {
                    let bin = places[usize::from(values.value(row))].unwrap_or(levels.len());
                    column.bins[bin] += 1;
                }
            });
        }
        (None, _) => each(&mut |_, column| column.counts.nulls += 1),
        (Some(_), _) => {
            let nulls = array.and_then(|array| array.logical_nulls());
            each(&mut |row, column| {
                if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                    column.counts.nulls += 1;
                } else {
                    column.counts.mismatched += 1;
                }
            });
        }
    }
}

/// The segments of a batch's rows, by name.
struct Segments {
    names: Vec<String>,
    /// By row; none: the first for all.
    rows: Vec<usize>,
}

impl Segments {
    fn of(rows: Option<&Rows>, n_rows: usize) -> Segments {
        let mut names = vec![String::new()];
        let mut by_name: HashMap<String, usize> = HashMap::new();
        let mut place = |name: String| {
            *by_name.entry(name).or_insert_with_key(|name| {
                names.push(name.clone());
                names.len() - 1
            })
        };
        let rows = match rows {
            Some(Rows::Levels(values)) => {
                let Some(texts) = values.values().as_string_opt::<i32>() else {
                    return Segments { names, rows: Vec::new() };
                };
                let of: Vec<usize> = (0..texts.len()).map(|at| place(texts.value(at).to_owned())).collect();
                let missing = place("(none)".into());
                (0..n_rows)
                    .map(
                        |row| {
                            if values.keys().is_valid(row) { of[values.keys().value(row) as usize] } else { missing }
                        },
                    )
                    .collect()
            }
            Some(Rows::Booleans(values)) => {
                let of = |row: usize| {
                    if values.is_null(row) {
                        "(none)"
                    } else if values.value(row) {
                        "true"
                    } else {
                        "false"
                    }
                };
                (0..n_rows).map(|row| place(of(row).to_owned())).collect()
            }
            Some(Rows::Numbers(values)) => {
                let of =
                    |row: usize| if values.is_null(row) { "(none)".to_owned() } else { values.value(row).to_string() };
                (0..n_rows).map(|row| place(of(row))).collect()
            }
            _ => Vec::new(),
        };
        Segments { names, rows }
    }

    fn at(&self, row: usize) -> usize {
        self.rows.get(row).copied().unwrap_or(0)
    }
}

/// The hour of a file without times in it.
fn written_at(path: &Path) -> Option<i64> {
    let parts: HashMap<String, Option<String>> = crate::read::folder_parts(path).into_iter().collect();
    let part = |names: &[&str]| names.iter().find_map(|name| parts.get(*name).cloned().flatten());
    if let Some(day) = part(&["date", "day", "dt", "ds"]).and_then(|text| crate::read::datetime(&text)) {
        let hour =
            part(&["hour", "hr"]).and_then(|text| text.parse::<i64>().ok()).filter(|hour| (0..24).contains(hour));
        return Some((day / HOUR as f64).floor() as i64 + hour.unwrap_or(0));
    }
    let modified = Fingerprint::of(path).ok()?.modified;
    Some((modified / 1_000_000_000) as i64 / HOUR)
}
