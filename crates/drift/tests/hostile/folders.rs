//! Folders of files that do not agree, and what is no file at all.

use super::columnar::{batch, write};
use super::{Place, read, refused, rows};
use arrow::array::{ArrayRef, Float64Array, Int64Array, NullArray, StringArray, TimestampMillisecondArray};
use signalbox_drift::gather::Counts;
use signalbox_drift::read::{Kind, Options, Problems, Table};
use std::ops::ControlFlow;
use std::sync::Arc;

#[test]
fn files_that_change_their_columns_are_read_by_name_and_told() {
    let place = Place::new();
    place.put("f/1.csv", "a,b\n1,x\n2,y\n");
    place.put("f/2.csv", "b,a\nz,3\n");
    place.put("f/3.csv", "a,c\n4,5\n");
    let found = read(&place.path("f"));
    assert_eq!(found.names(), ["a", "b", "c"]);
    assert_eq!(found.numbers("a"), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!((found.counts("b"), found.counts("c")), (rows(4, 1), rows(4, 3)));
    let told: Vec<&str> = found.problems.iter().map(|p| &*p.message).collect();
    assert_eq!(told, ["It lacks b, unlike the files before.", "It also has c, unlike the files before."]);
    assert!(found.problems.iter().all(|p| p.file.ends_with("3.csv")));
}

#[test]
fn a_column_of_another_type_is_counted_as_such() {
    let place = Place::new();
    std::fs::create_dir(place.path("f")).expect("a folder");
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), None]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("b")]));
    write(&place.path("f/1.parquet"), &[batch(vec![("x", numbers)])]);
    write(&place.path("f/2.parquet"), &[batch(vec![("x", texts)])]);
    let found = read(&place.path("f"));
    assert_eq!(found.counts("x"), Counts { rows: 5, nulls: 2, mismatched: 2, ..Counts::default() });
    let problem = found.problem();
    assert_eq!(problem.column.as_deref(), Some("x"));
    assert!(problem.message.contains("string") && problem.message.contains("double"), "{problem:?}");
}

#[test]
fn a_column_that_begins_with_nulls_is_what_comes_first_in_it() {
    let place = Place::new();
    std::fs::create_dir(place.path("f")).expect("a folder");
    let nothing: ArrayRef = Arc::new(NullArray::new(3));
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
    for (at, x) in [nothing.clone(), numbers, nothing].into_iter().enumerate() {
        write(&place.path(&format!("f/{at}.parquet")), &[batch(vec![("x", x)])]);
    }
    let found = read(&place.path("f"));
    assert_eq!((found.kind("x"), found.counts("x"), found.numbers("x")), (Kind::Numeric, rows(8, 6), &[1.0, 2.0][..]));
    assert_eq!(found.problems, []);
    place.put("g/1.csv", "x,k\n,\n");
    place.put("g/2.csv", "x,k\n1,a\n");
    let found = read(&place.path("g"));
    assert_eq!((found.counts("x"), found.counts("k")), (rows(2, 1), rows(2, 1)));
    assert_eq!((found.numbers("x"), found.levels("k")), (&[1.0][..], vec![("a".into(), 1)]));
    assert_eq!(found.problems, []);
}

#[test]
fn times_among_numbers_and_numbers_among_times_are_of_another_type() {
    let place = Place::new();
    let times: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![1000, 2000]));
    let millis: ArrayRef = Arc::new(Int64Array::from(vec![Some(1_700_000_000_000), None]));
    for (name, first, second) in [("f", &times, &millis), ("g", &millis, &times)] {
        std::fs::create_dir(place.path(name)).expect("a folder");
        write(&place.path(&format!("{name}/1.parquet")), &[batch(vec![("t", first.clone())])]);
        write(&place.path(&format!("{name}/2.parquet")), &[batch(vec![("t", second.clone())])]);
    }
    let counts = |mismatched| Counts { rows: 4, nulls: 1, mismatched, ..Counts::default() };
    let (found, other) = (read(&place.path("f")), read(&place.path("g")));
    assert_eq!((found.counts("t"), found.numbers("t")), (counts(1), &[1.0, 2.0][..]));
    assert_eq!((other.counts("t"), other.numbers("t")), (counts(2), &[1.7e12][..]));
    assert!(found.problem().message.contains("int64"), "{:?}", found.problems);
    place.put("h/1.csv", "t\n2026-01-01\n2026-01-02\n");
    place.put("h/2.csv", "t\n1700000000000\n");
    let found = read(&place.path("h"));
    assert_eq!(found.counts("t"), Counts { rows: 3, mismatched: 1, ..Counts::default() });
}

#[test]
fn text_files_are_of_one_kind_as_far_as_their_cells_bear_it() {
    let place = Place::new();
    place.put("f/1.csv", "zip,n\n94110,1\n94111,2\n");
    place.put("f/2.csv", "zip,n\n01234,three\n");
    place.put("f/3.csv", "zip,n\n94110,\n");
    let found = read(&place.path("f"));
    assert_eq!(found.levels("zip"), [("01234".into(), 1), ("94110".into(), 2), ("94111".into(), 1)]);
    // A word is no number, and nobody makes levels of a thousand files' numbers for it.
    assert_eq!(found.counts("n"), Counts { rows: 4, nulls: 1, mismatched: 1, ..Counts::default() });
    assert_eq!(found.problem().column.as_deref(), Some("n"));
}

#[test]
fn a_side_is_read_as_its_reference_is() {
    let place = Place::new();
    let reference = place.put("a.csv", "zip,yes,n,k\n01234,true,1,a\n94110,false,2,b\n");
    let current = place.put("b.csv", "zip,yes,n,k\n94110,,three,5\n");
    let kinds = |options: &Options| -> Vec<Kind> {
        let table = Table::open(&current, options).expect("a table");
        table.columns().iter().map(|column| column.kind).collect()
    };
    assert_eq!(kinds(&Options::default()), [Kind::Numeric, Kind::Numeric, Kind::Categorical, Kind::Numeric]);
    let like = Options::like(&Table::open(&reference, &Options::default()).expect("a table"));
    assert_eq!(kinds(&like), [Kind::Categorical, Kind::Boolean, Kind::Categorical, Kind::Categorical]);
    let told = Options { types: [("zip".to_owned(), Kind::Numeric)].into(), ..like };
    assert_eq!(kinds(&told)[0], Kind::Numeric, "a person knows better");
}

#[test]
fn rows_of_which_the_folder_says_all_come_a_few_at_a_time() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("f/day=1")).expect("a folder");
    let x: ArrayRef = Arc::new(Float64Array::from_iter_values((0..100_000).map(f64::from)));
    write(&place.path("f/day=1/1.parquet"), &[batch(vec![("x", x)])]);
    let table = Table::open(&place.path("f"), &Options::default()).expect("a table");
    let day = table.column("day").expect("the folder says it");
    let (mut n, mut most) = (0_usize, 0_usize);
    table.scan(&[day], &mut Problems::default(), &mut |batch| {
        (n, most) = (n + batch.n_rows, most.max(batch.n_rows));
        ControlFlow::Continue(())
    });
    assert_eq!((n, most), (100_000, 32_768));
}

#[test]
fn times_with_and_without_a_zone_are_told() {
    let place = Place::new();
    std::fs::create_dir(place.path("f")).expect("a folder");
    let naive = TimestampMillisecondArray::from(vec![1000, 2000]);
    let zoned: ArrayRef = Arc::new(naive.clone().with_timezone("+02:00"));
    write(&place.path("f/1.parquet"), &[batch(vec![("t", Arc::new(naive))])]);
    write(&place.path("f/2.parquet"), &[batch(vec![("t", zoned)])]);
    let found = read(&place.path("f"));
    assert_eq!(found.numbers("t"), [1.0, 2.0, 1.0, 2.0]);
    assert!(found.problem().message.contains("taken as UTC"));
}

#[test]
fn hive_parts_are_columns_and_what_the_file_says_holds() {
    let place = Place::new();
    place.put("f/day=2026-11-21/k=a%2Fb/1.csv", "x\n1\n2\n");
    place.put("f/day=__HIVE_DEFAULT_PARTITION__/k=c/2.csv", "x,k\n3,own\n");
    let found = read(&place.path("f"));
    assert_eq!(found.levels("day"), [("2026-11-21".into(), 2)]);
    assert_eq!(found.counts("day"), rows(3, 1));
    assert_eq!(found.levels("k"), [("a/b".into(), 2), ("own".into(), 1)]);
}

#[test]
fn a_folder_that_is_called_a_file_is_a_folder() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("f/x.parquet")).expect("a folder");
    write(&place.path("f/x.parquet/part-0.parquet"), &[batch(vec![("x", Arc::new(Float64Array::from(vec![7.0])))])]);
    place.put("f/x.parquet/_SUCCESS", "");
    let found = read(&place.path("f/x.parquet"));
    assert_eq!((found.numbers("x"), found.problems.len()), (&[7.0][..], 0));
    assert_eq!(read(&place.path("f")).numbers("x"), [7.0]);
    std::fs::create_dir(place.path("none")).expect("a folder");
    assert!(refused(&place.path("none")).contains("no data files"));
    assert!(refused(&place.path("nowhere.csv")).contains("no such file"));
}

#[cfg(unix)]
#[test]
fn loops_of_links_pipes_and_dead_links_stop_nobody() {
    let place = Place::new();
    place.put("f/1.csv", "x\n1\n");
    std::os::unix::fs::symlink(place.path("f"), place.path("f/again")).expect("a link");
    std::os::unix::fs::symlink(place.path("f"), place.path("f/loop.csv")).expect("a link");
    std::os::unix::fs::symlink(place.path("gone.csv"), place.path("f/dead.csv")).expect("a link");
    // A pipe that nobody writes into would be waited for without end.
    let made = std::process::Command::new("mkfifo").arg(place.path("f/pipe.csv")).status();
    assert!(made.is_ok_and(|status| status.success()), "a pipe");
    let found = read(&place.path("f"));
    assert_eq!((found.numbers("x"), found.problems.len()), (&[1.0][..], 3));
    assert!(refused(&place.path("f/pipe.csv")).contains("pipe"));
}

#[cfg(unix)]
#[test]
fn names_may_hold_anything() {
    let place = Place::new();
    place.put("f/a\u{1b}[2J\n.csv", "x\u{7},\"line\nbreak\"\n1,2\n,oops,3\n");
    let found = read(&place.path("f"));
    assert_eq!(found.names(), ["x\u{7}", "line\nbreak"]);
    assert_eq!(found.counts("x\u{7}"), rows(2, 1));
    assert!(found.problems.iter().all(|p| p.file.contains('\u{1b}')), "files are named as they are");
}
