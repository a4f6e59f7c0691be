//! JSON Lines.

use super::{Place, read, refused, rows};
use signalbox_drift::gather::{Counts, Held};
use signalbox_drift::read::Kind;

#[test]
fn broken_lines_are_left_out_and_told() {
    let place = Place::new();
    let found =
        read(&place.put(
            "broken.jsonl",
            "{\"x\": 1}\n{\"x\": \n[1, 2]\n\n{\"x\": 2}\n\"text\"\n{\"x\": 3, \"x\": 4}\n{\"x\": 5",
        ));
    assert_eq!((found.counts("x"), found.numbers("x")), (rows(3, 0), &[1.0, 2.0, 4.0][..]));
    let problem = found.problem();
    assert_eq!(problem.place.as_deref(), Some("line 2"));
    assert!(problem.message.contains('4'), "{problem:?}");
    assert!(problem.hint.is_some(), "{problem:?}");
}

#[test]
fn pythons_nan_and_infinity_are_numbers() {
    let place = Place::new();
    let found = read(&place.put(
        "odd.jsonl",
        "{\"x\": NaN, \"t\": \"NaN\"}\n{\"x\": -Infinity, \"t\": \"\\\"Infinity\"}\n{\"x\": Infinity}\n{\"x\": null}\n{\"x\": 1.5}\n",
    ));
    let wanted = Counts { rows: 5, nulls: 1, nan: 1, pos_inf: 1, neg_inf: 1, mismatched: 0 };
    assert_eq!((found.counts("x"), found.numbers("x")), (wanted, &[1.5][..]));
    assert_eq!(found.levels("t"), [("\"Infinity".into(), 1), ("NaN".into(), 1)]);
    assert_eq!(found.problems, []);
}

#[test]
fn late_and_nested_fields_are_columns_or_told() {
    let place = Place::new();
    let mut text = "{\"a\": {\"b\": 1, \"c\": null}}\n".to_owned();
    while text.len() < 2 << 20 {
        text.push_str("{\"a\": {\"b\": 2, \"c\": \"x\"}, \"v\": [1, 2, null]}\n");
    }
    text.push_str("{\"late\": 7, \"a\": {\"b\": 3}}\n");
    let n = text.lines().count() as u64;
    let found = read(&place.put("late.jsonl", text));
    assert_eq!(found.names(), ["a.b", "a.c", "v"]);
    assert_eq!((found.counts("a.b"), found.counts("a.c"), found.counts("v")), (rows(n, 0), rows(n, 2), rows(n, 2)));
    let Held::Lists { lengths, .. } = &found.of("v").held else { panic!("lists") };
    assert_eq!((lengths.len() as u64, lengths[0]), (n - 2, 3.0));
    let problem = found.problem();
    assert_eq!(problem.place, Some(format!("line {n}")));
    assert!(problem.message.contains("\"late\""), "{problem:?}");
    assert!(problem.hint.is_some(), "{problem:?}");
}

#[test]
fn a_line_of_ten_megabytes_is_read_and_one_of_seventy_is_left_out() {
    let place = Place::new();
    let long = format!("{{\"t\": \"{}\", \"n\": 1}}\n", "z".repeat(10 << 20));
    let found = read(&place.put("long.jsonl", format!("{long}{{\"t\": \"x\", \"n\": 2}}\n{long}")));
    assert_eq!((found.numbers("n"), found.problems.len()), (&[1.0, 2.0, 1.0][..], 0));
    let mut text = b"{\"n\": 1}\n{\"n\": 2, \"t\": \"".to_vec();
    text.resize(70 << 20, b'x');
    text.extend(b"\"}\n{\"n\": 3}\n");
    let found = read(&place.put("longer.jsonl", text));
    assert_eq!(found.numbers("n"), [1.0, 3.0]);
    assert_eq!(found.problem().place.as_deref(), Some("line 2"));
}

#[test]
fn kinds_are_those_of_most_values_and_the_others_are_told() {
    let place = Place::new();
    let mut text = String::new();
    (0..30)
        .for_each(|row| text.push_str(&format!("{{\"x\": {row}, \"b\": true, \"o\": [{{}}], \"id\": \"{row}\"}}\n")));
    text.push_str("{\"x\": \"many\", \"b\": 3, \"o\": 4, \"id\": 5}\n");
    let found = read(&place.put("mixed.jsonl", text));
    assert_eq!((found.kind("x"), found.counts("x")), (Kind::Numeric, rows(31, 1)));
    assert_eq!((found.kind("b"), found.counts("b")), (Kind::Boolean, rows(31, 1)));
    assert_eq!((found.kind("o"), found.counts("o")), (Kind::Opaque, rows(31, 0)));
    assert_eq!((found.kind("id"), found.counts("id")), (Kind::Categorical, rows(31, 0)));
    let told: Vec<_> = found.problems.iter().map(|p| (p.column.as_deref(), p.place.as_deref())).collect();
    assert_eq!(told, [(Some("b"), Some("line 31")), (Some("x"), Some("line 31"))]);
}

#[test]
fn what_is_no_json_is_refused_by_its_name() {
    let place = Place::new();
    assert!(refused(&place.put("prose.jsonl", "It was\na dark night\n")).contains("prose.jsonl"));
    assert_eq!(read(&place.put("empty.jsonl", "")).names().len(), 0);
    let deep = "{\"a\":".repeat(500) + "1" + &"}".repeat(500);
    let found = read(&place.put("deep.jsonl", format!("{deep}\n{{\"x\": 1}}\n")));
    assert_eq!((found.numbers("x"), found.problem().place.as_deref()), (&[1.0][..], Some("line 1")));
}
