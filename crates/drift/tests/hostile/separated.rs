//! CSV and its kin.

use super::{Place, read, read_as, refused, rows};
use signalbox_drift::gather::Counts;
use signalbox_drift::read::{Kind, Options, Table};

#[test]
fn no_bytes_and_a_header_alone_are_no_rows() {
    let place = Place::new();
    let found = read(&place.put("empty.csv", ""));
    assert_eq!((found.names().len(), found.problems.len()), (0, 0));
    let found = read(&place.put("header.csv", "a,b\n"));
    assert_eq!(found.names(), ["a", "b"]);
    assert_eq!((found.counts("a"), found.counts("b")), (rows(0, 0), rows(0, 0)));
    let found = read(&place.put("one.csv", "a,b\n1,x"));
    assert_eq!((found.numbers("a"), found.levels("b")), (&[1.0][..], vec![("x".into(), 1)]));
}

#[test]
fn cells_of_another_kind_are_missing_and_told_with_line_and_column() {
    let place = Place::new();
    let mut text = "n,when,yes\n".to_owned();
    for row in 0..40 {
        text.push_str(&format!("{row},2026-01-01,true\n"));
    }
    text.push_str("ten,soon,maybe\n");
    let found = read_as(
        &place.put("mixed.csv", text),
        &Options { types: [("yes".to_owned(), Kind::Boolean)].into(), ..Options::default() },
    );
    for column in ["n", "when", "yes"] {
        assert_eq!(found.counts(column), rows(41, 1), "{column}");
        let problem = found.problems.iter().find(|p| p.column.as_deref() == Some(column)).expect("told");
        assert_eq!(problem.place.as_deref(), Some("line 42"));
        assert!(problem.hint.as_ref().is_some_and(|hint| hint.contains("--type")), "{problem:?}");
    }
    assert_eq!(found.problems.len(), 3);
}

#[test]
fn ragged_rows_keep_what_they_have() {
    let place = Place::new();
    let found = read(&place.put("ragged.csv", "a,b,c\n1,2,3\n4\n5,6,7,8\n9,10,11\n"));
    assert_eq!(found.numbers("a"), [1.0, 4.0, 5.0, 9.0]);
    assert_eq!((found.counts("b"), found.counts("c")), (rows(4, 1), rows(4, 1)));
    let problem = found.problem();
    assert_eq!(problem.place.as_deref(), Some("line 3"));
    assert!(problem.message.starts_with("2 rows") && problem.hint.is_some(), "{problem:?}");
}

#[test]
fn bytes_that_are_no_text_are_replaced_or_refused() {
    let place = Place::new();
    let found = read(&place.put("latin1.csv", b"city,n\nK\xf6ln,1\nBonn,2\n"));
    assert_eq!(found.levels("city"), [("Bonn".into(), 1), ("K\u{fffd}ln".into(), 1)]);
    let problem = found.problem();
    assert!(problem.message.contains("not UTF-8"), "{problem:?}");
    assert_eq!(problem.place.as_deref(), Some("line 2"));
    let utf16 = |bom: bool| {
        let units = "a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes);
        if bom { [0xff, 0xfe].into_iter().chain(units).collect() } else { units.collect::<Vec<u8>>() }
    };
    let said = refused(&place.put("bom16.csv", utf16(true)));
    assert!(said.contains("bom16.csv") && said.contains("UTF-16") && said.contains("save it as UTF-8"), "{said}");
    assert!(refused(&place.put("no_bom16.csv", utf16(false))).contains("zero"));
    let found = read(&place.put("bom8.csv", b"\xef\xbb\xbfa,b\n1,2\n"));
    assert_eq!((found.names(), found.problems.len()), (vec!["a", "b"], 0));
}

#[test]
fn a_quote_that_never_ends_is_told_where_it_begins() {
    let place = Place::new();
    let mut text = "a,b\n1,x\n2,\"open\n".to_owned();
    (3..2000).for_each(|row| text.push_str(&format!("{row},y\n")));
    let found = read(&place.put("open.csv", &text));
    assert_eq!(found.counts("a"), rows(2, 0));
    let problem = found.problem();
    assert_eq!(problem.place.as_deref(), Some("line 3"));
    assert!(problem.message.contains("never ends") && problem.hint.as_deref() == Some("Close the quote."));
    // An inch is no open quote, and a closed one may hold lines.
    let found = read(&place.put("closed.csv", "a,b\n1,5\" pipe\n2,\"two\nlines\"\n3,z\n"));
    assert_eq!((found.counts("a"), found.problems.len()), (rows(3, 0), 0));
}

#[test]
fn a_record_without_end_stops_the_reading_and_not_the_program() {
    let place = Place::new();
    let mut text = b"a,b\n1,2\n3,\"".to_vec();
    text.resize(80 << 20, b'x');
    let found = read(&place.put("endless.csv", text));
    assert_eq!(found.counts("a"), rows(1, 0));
    let problem = found.problem();
    assert!(problem.message.contains("64 MiB") && problem.place.is_some() && problem.hint.is_some(), "{problem:?}");
}

#[test]
fn cells_of_ten_megabytes_are_levels_like_others() {
    let place = Place::new();
    let long = "z".repeat(10 << 20);
    let found = read(&place.put("long.csv", format!("t,n\n{long},1\nshort,2\n{long},3\n{long}!,4\n")));
    assert_eq!((found.kind("n"), found.numbers("n")), (Kind::Numeric, &[1.0, 2.0, 3.0, 4.0][..]));
    let levels = found.levels("t");
    assert_eq!(levels.iter().map(|(_, n)| *n).collect::<Vec<u64>>().iter().sum::<u64>(), 4);
    assert_eq!(levels.len(), 3, "two of the long ones are the same");
    assert!(levels.iter().all(|(level, _)| level.len() < 2000));
    assert_eq!(found.problems, []);
    // The long cell before the one whose kind is to be told.
    let found = read(&place.put("late.csv", format!("t,u\n{long},word\nx,other\n")));
    assert_eq!(found.kind("u"), Kind::Categorical);
}

#[test]
fn columns_of_one_name_are_told_apart() {
    let place = Place::new();
    let found = read(&place.put("twice.csv", "x,x,x (2),x\n1,2,3,4\n"));
    assert_eq!(found.names(), ["x", "x (3)", "x (2)", "x (4)"]);
    assert_eq!((found.numbers("x (2)"), found.numbers("x (3)")), (&[3.0][..], &[2.0][..]));
    assert!(found.problems.iter().all(|p| p.column.as_deref() == Some("x")), "{:?}", found.problems);
}

#[test]
fn five_thousand_columns_are_five_thousand_columns() {
    let place = Place::new();
    let line = |of: &dyn Fn(usize) -> String| (0..5000).map(of).collect::<Vec<_>>().join(",") + "\n";
    let mut text = line(&|at| format!("c{at}"));
    (0..3).for_each(|row| text.push_str(&line(&|at| (at * 10 + row).to_string())));
    let found = read(&place.put("wide.csv", text));
    assert_eq!(found.columns.len(), 5000);
    assert_eq!(found.numbers("c4999"), [49_990.0, 49_991.0, 49_992.0]);
}

#[test]
fn columns_that_are_too_many_are_told() {
    let place = Place::new();
    let names: Vec<String> = (0..20_003).map(|at| format!("c{at}")).collect();
    let lines = format!("{}\n{}\n", names.join(","), vec!["1"; names.len()].join(","));
    let object = format!("{{{}}}\n", names.iter().map(|name| format!("\"{name}\": 1")).collect::<Vec<_>>().join(", "));
    for path in [place.put("wide.csv", lines), place.put("wide.jsonl", object)] {
        let table = Table::open(&path, &Options::default()).expect("a table");
        assert_eq!(table.columns().len(), 20_000);
        let told = table.problems.told();
        assert!(told.len() == 1 && told[0].lost && told[0].message.starts_with("3 of"), "{told:?}");
    }
}

#[test]
fn kinds_are_told_by_more_than_the_first_rows() {
    let place = Place::new();
    let mut text = "zip\n".to_owned();
    (0..1000).for_each(|at| text.push_str(&format!("{}\n", 10_000 + at)));
    text.push_str("00501\n");
    assert_eq!(read(&place.put("zip.csv", text)).kind("zip"), Kind::Categorical);
}

#[test]
fn what_stands_for_nothing_and_for_no_number_is_counted_apart() {
    let place = Place::new();
    let found = read(&place.put("odd.csv", "x,t\n1,NA\nNA,\nnan,a\ninf,b\n-Infinity,c\nnull,d\n,e\n1e400,f\n"));
    let wanted = Counts { rows: 8, nulls: 3, nan: 1, pos_inf: 2, neg_inf: 1, mismatched: 0 };
    assert_eq!((found.counts("x"), found.numbers("x")), (wanted, &[1.0][..]));
    // NA is a level where texts are: Namibia's.
    assert_eq!((found.counts("t").nulls, found.levels("t")[0].clone()), (1, ("NA".into(), 1)));
}

#[test]
fn days_that_do_not_exist_are_told() {
    let place = Place::new();
    let mut text = "d,n\n".to_owned();
    (1..29).for_each(|day| text.push_str(&format!("2026-02-{day:02},1\n")));
    text.push_str("2026-02-30,1\n");
    let found = read(&place.put("days.csv", text));
    assert_eq!((found.kind("d"), found.counts("d")), (Kind::Datetime, rows(29, 1)));
    assert_eq!(found.problem().place.as_deref(), Some("line 30"));
}

#[test]
fn the_hour_that_is_there_twice_is_two_hours_with_its_offset() {
    let place = Place::new();
    let found = read(
        &place.put("dst.csv", "t,n\n2026-10-25T02:30:00+02:00,1\n2026-10-25T02:30:00+01:00,2\n2026-10-25T02:30:00,3\n"),
    );
    let times = found.numbers("t");
    assert_eq!(times[1] - times[0], 3600.0);
    assert_eq!(times[2] - times[1], 3600.0, "without a zone it is UTC");
}
