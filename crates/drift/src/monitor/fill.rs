//! Rows become cells.

use super::cell::{Cell, CellColumn, FileCells};
use super::frozen::{Bins, FrozenColumn, PARTS, Reference};
use super::labels::Labels;
use super::quality::{self, Task};
use super::segments::{MAX_SEGMENTS, OTHERS, Segments};
use super::{Definition, HOUR};
use crate::gather::known_as;
use crate::read::{Batch, Fingerprint, Kind, Problem, Problems, Rows, Table, beyond_doubles, of_another_kind};
use arrow::array::{Array, ArrayRef, AsArray};
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::Path;

/// No cell for this row.
pub const NOWHERE: u32 = u32::MAX;
/// A file has no more cells than these, or than fit into so many bytes where they are small: a day of birth is no time at
/// which rows came.
const MAX_CELLS: usize = 10_000;
const CELL_BYTES: usize = 256 << 20;

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
    let besides: Vec<usize> = time.into_iter().chain(segment).chain(task.columns(table)).collect();
    let seats = Seats::of(table, reference, &besides);
    let of_task = task.seats(table, &seats.wanted);
    let written = written_at(path);
    let mut found = FileCells::default();
    let mut filling = Filling::of(reference, most_cells(reference));
    let mut rounded = vec![0; reference.columns.len()];
    let mut cut = BTreeSet::new();
    table.scan(&seats.wanted, problems, &mut |batch| {
        let column =
            |at: Option<usize>| seats.wanted.binary_search(&at?).ok().and_then(|at| batch.columns[at].as_ref());
        let times = column(time).map(Rows::of);
        let named = Segments::of(column(segment), batch.n_rows);
        let mut places: Vec<Option<usize>> = vec![None; named.names.len()];
        let mut slots = Vec::with_capacity(batch.n_rows);
        for row in 0..batch.n_rows {
            let Some(hour) = hour_of(times.as_ref(), written, row) else {
                found.n_timeless += 1;
                slots.push(NOWHERE);
                continue;
            };
            let at = named.at(row);
            // The first name is that of a file without the column.
            let place = *places[at].get_or_insert_with(|| filling.place(&named.names[at], at > 0));
            slots.push(filling.slot(hour, place));
        }
        let mut to: Vec<&mut Cell> = filling.cells.iter_mut().map(|(_, _, cell)| cell).collect();
        add(&mut to, &slots, reference, &seats, batch);
        for (at, n) in rounded.iter_mut().enumerate() {
            *n += seats.array(at, batch).map_or(0, |array| beyond_doubles(&array));
        }
        found.n_unlabelled += quality::add(&mut to, &slots, (task, &of_task, labels), batch, &mut cut);
        ControlFlow::Continue(())
    });
    for (frozen, n) in reference.columns.iter().zip(rounded).filter(|(_, n)| *n > 0) {
        problems.add(Problem::rounded(path, &frozen.name, n));
    }
    cut.iter().for_each(|of| problems.add(quality::too_many_names(path, of)));
    if let (Some(time), true) = (time, filling.n_beyond > 0) {
        problems.add(too_many_hours(path, &table.columns()[time].name, &filling));
    }
    found.n_timeless += filling.n_beyond;
    found.cells = filling.done();
    found
}

/// The hour of a row; where no column tells it, that at which the file was written.
fn hour_of(times: Option<&Rows>, written: Option<i64>, row: usize) -> Option<i64> {
    match times {
        Some(Rows::Numbers(times)) => {
            let there = times.is_valid(row).then(|| times.value(row)).filter(|seconds| seconds.is_finite());
            there.map(|seconds| (seconds / HOUR as f64).floor() as i64)
        }
        Some(_) => None,
        None => written,
    }
}

/// The cells of a file while its rows go by.
struct Filling<'a> {
    reference: &'a Reference,
    /// Segments by place.
    names: Vec<String>,
    /// By hour and segment.
    slots: HashMap<(i64, usize), u32>,
    cells: Vec<(i64, usize, Cell)>,
    most: usize,
    /// Rows of hours for which there is no room.
    n_beyond: u64,
    last: Option<((i64, usize), u32)>,
}

impl Filling<'_> {
    fn of(reference: &Reference, most: usize) -> Filling<'_> {
        let (names, slots, cells) = (Vec::new(), HashMap::new(), Vec::new());
        Filling { reference, names, slots, cells, most, n_beyond: 0, last: None }
    }

    /// Of the segment that rows of this name are in. Where the reference has none, the file's first ones are told apart.
    fn place(&mut self, name: &str, is_value: bool) -> usize {
        let is_full = self.reference.segments.is_empty() && self.names.len() >= MAX_SEGMENTS;
        let name = if is_value { self.reference.segment_of(name) } else { name };
        let known = |name: &str| self.names.iter().position(|other| other == name);
        let name = if is_full && known(name).is_none() { OTHERS } else { name };
        known(name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }

    fn slot(&mut self, hour: i64, segment: usize) -> u32 {
        let key = (hour, segment);
        if let Some((_, slot)) = self.last.filter(|(last, _)| *last == key) {
            return slot;
        }
        let known = self.slots.get(&key).copied();
        if known.is_none() && self.cells.len() >= self.most {
            self.n_beyond += 1;
            return NOWHERE;
        }
        let slot = known.unwrap_or_else(|| {
            self.cells.push((hour, segment, Cell::empty(self.reference)));
            self.slots.insert(key, self.cells.len() as u32 - 1);
            self.cells.len() as u32 - 1
        });
        self.last = Some((key, slot));
        slot
    }

    fn done(self) -> Vec<(i64, String, Cell)> {
        let named = |(hour, segment, cell): (i64, usize, Cell)| (hour, self.names[segment].clone(), cell);
        let mut cells: Vec<(i64, String, Cell)> = self.cells.into_iter().map(named).collect();
        cells.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        cells
    }
}

fn most_cells(reference: &Reference) -> usize {
    let n_bins: usize = reference.columns.iter().map(|column| column.bins.n()).sum();
    let n_bytes = size_of::<Cell>() + reference.columns.len() * size_of::<CellColumn>() + n_bins * size_of::<u64>();
    (CELL_BYTES / n_bytes).max(MAX_CELLS)
}

fn too_many_hours(path: &Path, time: &str, filling: &Filling) -> Problem {
    let (most, n) = (filling.most, filling.n_beyond);
    Problem {
        file: path.display().to_string(),
        column: Some(time.to_owned()),
        place: None,
        lost: false,
        message: format!(
            "It tells of more than {most} hours and segments: {n} rows of others count as without a time."
        ),
        hint: Some("Name the column of the time at which rows came, or cut the file by time.".into()),
    }
}

/// Where a batch has the reference's columns.
pub struct Seats {
    /// The table's columns that are read, ascending.
    pub wanted: Vec<usize>,
    /// Each with whether it is of times here: none of the reference's is.
    columns: Vec<Option<(usize, bool)>>,
}

impl Seats {
    pub fn of(table: &Table, reference: &Reference, besides: &[usize]) -> Seats {
        let places: Vec<Option<usize>> =
            reference.columns.iter().map(|column| table.column(&column.name).ok()).collect();
        let mut wanted: Vec<usize> = places.iter().flatten().chain(besides).copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let seat =
            |place: &usize| Some((wanted.binary_search(place).ok()?, table.columns()[*place].kind == Kind::Datetime));
        let columns = places.iter().map(|place| place.as_ref().and_then(seat)).collect();
        Seats { wanted, columns }
    }

    fn array(&self, column: usize, batch: &Batch) -> Option<ArrayRef> {
        let (at, is_time) = self.columns[column]?;
        let array = batch.columns[at].as_ref()?;
        Some(if is_time { of_another_kind(array) } else { array.clone() })
    }
}

/// The reference in consecutive parts.
pub fn parts(table: &Table, reference: &Reference, n_rows: u64) -> Vec<Cell> {
    let mut parts = vec![Cell::empty(reference); PARTS];
    let seats = Seats::of(table, reference, &[]);
    let mut seen = 0_u64;
    // Damage was told when the bins were made.
    table.scan(&seats.wanted, &mut Problems::default(), &mut |batch| {
        let slot = |row: usize| ((seen + row as u64) * PARTS as u64 / n_rows.max(1)).min(PARTS as u64 - 1) as u32;
        let slots: Vec<u32> = (0..batch.n_rows).map(slot).collect();
        let mut to: Vec<&mut Cell> = parts.iter_mut().collect();
        add(&mut to, &slots, reference, &seats, batch);
        seen += batch.n_rows as u64;
        ControlFlow::Continue(())
    });
    parts
}

pub fn add(cells: &mut [&mut Cell], slots: &[u32], reference: &Reference, seats: &Seats, batch: &Batch) {
    for slot in slots.iter().filter(|slot| **slot != NOWHERE) {
        cells[*slot as usize].rows += 1;
    }
    for (at, frozen) in reference.columns.iter().enumerate() {
        add_column(cells, slots, at, frozen, seats.array(at, batch).as_ref());
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
            let place = |text: usize| texts.is_valid(text).then(|| known.get(&*known_as(texts.value(text))).copied());
            // For each key: its bin, or that it is new, or null.
            let bins: Vec<Option<Option<usize>>> = (0..texts.len()).map(place).collect();
            each(&mut |row, column| {
                let key = values.keys().is_valid(row).then(|| values.keys().value(row) as usize);
                match key.and_then(|key| bins[key].map(|bin| (key, bin))) {
                    None => column.counts.nulls += 1,
                    Some((_, Some(bin))) => column.bins[bin] += 1,
                    Some((key, None)) => {
                        *column.bins.last_mut().expect("BUG: there is a bin for others") += 1;
                        // What is not among its bins need not be new to a reference that has more levels.
                        if !frozen.has_others {
                            column.new_level(texts.value(key), 1);
                        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_has_no_cell() {
        let reference = Reference { columns: Vec::new(), parts: Vec::new(), segments: Vec::new(), n_rows: 0 };
        assert!(most_cells(&reference) >= MAX_CELLS);
        let mut filling = Filling::of(&reference, 2);
        let place = filling.place("", false);
        let slots: Vec<u32> = [7, 8, 9, 7, 9].iter().map(|hour| filling.slot(*hour, place)).collect();
        assert_eq!((slots, filling.n_beyond), (vec![0, 1, NOWHERE, 0, NOWHERE], 2));
        // Without a reference that knows them, the first segments of a file are told apart.
        let places: Vec<usize> = (0..60).map(|at| filling.place(&format!("s{at}"), true)).collect();
        assert_eq!((places[0], places[48], places[49], places[59]), (1, 49, 50, 50));
        assert_eq!((filling.names.len(), &*filling.names[50]), (MAX_SEGMENTS + 1, OTHERS));
        assert_eq!(filling.place("s0", true), 1);
    }
}
