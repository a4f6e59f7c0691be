//! Weekends are not like weekdays: what is usual is that of the same hours of the weeks before.

use super::Place;
use signalbox_drift::monitor::{Cell, Definition, QualityCell, Reference, Task, Timeline, timeline};
use signalbox_drift::quality::RandomState;
use signalbox_drift::read::{Options, Problems, Table};
use signalbox_drift::verdict::Rule;

const WEEK: i64 = 168;
/// A Monday at midnight: 1970-01-05.
const MONDAY: i64 = 96;
/// Wednesday noon of the sixth week, for six hours.
const SHIFT: std::ops::Range<i64> = 5 * WEEK + 60..5 * WEEK + 66;

/// Rows in no order, as training sets have been shuffled.
fn reference(place: &Place, random: &mut RandomState) -> Reference {
    let rows = (0..10_000).fold("k\n".to_owned(), |text, _| text + if random.up_to(99) < 70 { "a\n" } else { "b\n" });
    let table = Table::open(&place.put("reference.csv", rows), &Options::default()).expect("a table");
    Reference::freeze(&table, &Definition::default(), &mut Problems::default())
}

fn hour(reference: &Reference, at: i64, random: &mut RandomState) -> Cell {
    let is_weekend = at.rem_euclid(WEEK) >= 5 * 24;
    let (rows, of_a, right) = match (SHIFT.contains(&at), is_weekend) {
        (true, _) => (40, 10, 50),
        (false, true) => (120, 45, 75),
        (false, false) => (400, 70, 92),
    };
    let rows = rows + random.up_to(rows / 5);
    let mut cell = Cell::empty(reference);
    let mut quality = QualityCell::default();
    for _ in 0..rows {
        cell.columns[0].bins[usize::from(random.up_to(99) >= of_a)] += 1;
        quality.confusion.add_rows("yes", if random.up_to(99) < right { "yes" } else { "no" }, 1);
    }
    (cell.rows, cell.columns[0].counts.rows, cell.quality) = (rows.into(), rows.into(), Some(quality));
    cell
}

fn six_weeks(hours: i64) -> Timeline {
    let (place, mut random) = (Place::new(), RandomState::seeded(5));
    let reference = reference(&place, &mut random);
    let cells: Vec<Cell> = (0..6 * WEEK).map(|at| hour(&reference, at, &mut random)).collect();
    let cells: Vec<(i64, &str, &Cell)> =
        cells.iter().enumerate().map(|(at, cell)| (MONDAY + at as i64, "", cell)).collect();
    timeline(&reference, &cells, (&Task::default(), None), None, Some(hours), &Rule::default())
}

/// Of each bucket from `from` on: (above the plain band, above the weekly one, rows outside, accuracy outside).
fn alarms(found: &Timeline, from: usize) -> Vec<[bool; 4]> {
    let outside = |value: f64, (low, high): (f64, f64)| value < low || value > high;
    (from..found.buckets.len())
        .map(|at| {
            let point = found.columns[0].points[at].expect("rows");
            let quality = found.quality[at].as_ref().expect("labels");
            let js = point.js.expect("levels");
            [
                js > found.columns[0].band.expect("a band").high,
                outside(js, point.usual_js.expect("four weeks")),
                outside(found.buckets[at].rows as f64, found.buckets[at].usual_rows.expect("four weeks")),
                outside(quality.accuracy.expect("labels"), quality.usual_accuracy.expect("four weeks")),
            ]
        })
        .collect()
}

#[test]
fn a_weekend_is_usual_and_a_shift_is_not() {
    let found = six_weeks(1);
    assert_eq!(found.buckets.len() as i64, 6 * WEEK);
    let n = |alarms: &[[bool; 4]], at: usize| alarms.iter().filter(|alarm| alarm[at]).count();
    let (week, hours) = (WEEK as usize, SHIFT.end - SHIFT.start);
    let fifth = &alarms(&found, 4 * week)[..week];
    let weekend = &fifth[5 * 24..];
    assert!(n(weekend, 0) > 44, "the plain band takes {} of 48 hours of a weekend for drift", n(weekend, 0));
    for (at, name) in [(1, "distance"), (2, "rows"), (3, "accuracy")] {
        assert!(n(fifth, at) <= 3, "{name}: {} of the 168 hours of a usual week", n(fifth, at));
    }
    let shift = &alarms(&found, SHIFT.start as usize)[..hours as usize];
    for at in 0..4 {
        assert_eq!(n(shift, at), hours as usize, "{at}: {shift:?}");
    }
}

#[test]
fn four_weeks_come_first_and_whole_buckets_a_week() {
    let found = six_weeks(6);
    let usual = |at: usize| {
        (
            found.columns[0].points[at].expect("rows").usual_js,
            found.buckets[at].usual_rows,
            found.quality[at].as_ref().and_then(|q| q.usual_accuracy),
        )
    };
    let a_week = WEEK as usize / 6;
    for at in 0..4 * a_week {
        assert_eq!(usual(at), (None, None, None), "{at}");
    }
    let (js, rows, accuracy) = usual(4 * a_week);
    let ((low, high), (least, most), accuracy) = (js.expect("weeks"), rows.expect("weeks"), accuracy.expect("weeks"));
    assert!(0.0 <= low && low < high && high < 0.1, "{low} {high}");
    assert!((2300.0..2640.0).contains(&least) && (2640.0..3000.0).contains(&most), "{least} {most}");
    assert!(accuracy.0 > 0.85 && accuracy.1 < 1.0, "{accuracy:?}");
    // A week is no whole number of five hours.
    assert!(six_weeks(5).buckets.iter().all(|bucket| bucket.usual_rows.is_none()));
}
