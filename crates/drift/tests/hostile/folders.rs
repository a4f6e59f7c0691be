//! Folders of files that do not agree, and what is no file at all.

use super::columnar::{batch, write};
use super::{Place, read, refused, rows};
use arrow::array::{ArrayRef, Float64Array, StringArray, TimestampMillisecondArray};
use signalbox_drift::gather::Counts;
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
