use super::*;
use crate::described::{Described, Estimate};
use crate::name::TableName;
use crate::plan::Wanted;
use signalbox_drift::monitor::Reference;
use signalbox_drift::read::Kind;

const ENGINES: [Engine; 3] = [Engine::Postgres, Engine::ClickHouse, Engine::Spark];

#[test]
fn names_and_texts_stay_within_their_quotes() {
    let check = |engine: Engine, name: &str, text: &str| {
        let of = dialect(engine);
        assert_eq!((of.ident("a\"`\\b").as_str(), of.text("it's\\").as_deref()), (name, Some(text)), "{engine:?}");
        assert_eq!(of.text("plain 1").as_deref(), Some("'plain 1'"));
        assert!(of.quoted("a\0b").is_err());
    };
    check(Engine::Postgres, "\"a\"\"`\\b\"", "'it''s\\'");
    check(Engine::ClickHouse, "`a\"\\`\\\\b`", "unhex('697427735C')");
    check(Engine::Spark, "`a\"``\\b`", "CAST(X'697427735C' AS STRING)");
    // Postgres has no text with a NUL: none can be this level.
    assert_eq!(dialect(Engine::Postgres).text("a\0"), None);
}

#[test]
fn doubles_are_printed_to_the_bit() {
    for value in [0.1, 1e308, f64::MAX, 5e-324, -1.0 / 3.0, f64::MIN_POSITIVE] {
        let spark = dialect(Engine::Spark).double(value);
        assert_eq!(spark.trim_end_matches('D').parse(), Ok(value));
        let postgres = dialect(Engine::Postgres).double(value);
        assert_eq!(postgres.trim_start_matches('\'').trim_end_matches("'::float8").parse(), Ok(value));
        assert!(dialect(Engine::ClickHouse).double(value).contains(&value.to_bits().to_string()));
    }
    assert_eq!(dialect(Engine::Spark).double(-0.0), "0.0D", "the two zeros are one");
}

#[test]
fn hours_are_written_as_a_calendar_has_them() {
    for (hour, text) in [
        (0, "1970-01-01 00:00:00"),
        (-1, "1969-12-31 23:00:00"),
        (498_806, "2026-11-26 14:00:00"),
        (264_422, "2000-03-01 14:00:00"),
        (i64::MIN, "0001-01-01 00:00:00"),
        (i64::MAX, "9999-12-31 23:00:00"),
    ] {
        assert_eq!(civil(hour), text, "{hour}");
    }
}

/// What a tree of comparisons says of a number.
fn walked(sql: &str, x: f64) -> usize {
    let Some(rest) = sql.strip_prefix("CASE WHEN x < ") else { return sql.parse().expect("a bin") };
    let (edge, rest) = rest.split_once(" THEN ").expect("an edge");
    let rest = rest.strip_suffix(" END").expect("an end");
    // The branch for less ends where as many CASEs have ended as have begun.
    let mut depth = 0;
    let at = rest
        .match_indices(' ')
        .map(|(at, _)| at)
        .chain([0])
        .collect::<std::collections::BTreeSet<usize>>()
        .into_iter()
        .find(|at| {
            let word = rest[*at..].trim_start().split(' ').next().unwrap_or_default();
            match word {
                "CASE" => depth += 1,
                "END" => depth -= 1,
                _ => {}
            }
            word == "ELSE" && depth == 0
        })
        .expect("another branch");
    let (less, more) = (&rest[..at], rest[at..].trim_start().strip_prefix("ELSE ").expect("a branch"));
    walked(if x < edge.parse().expect("a number") { less } else { more }, x)
}

#[test]
fn halving_finds_the_bin_that_edges_have() {
    for n in 0..20 {
        let edges: Vec<f64> = (0..n).map(f64::from).collect();
        let sql = halving("x", &edges.iter().map(f64::to_string).collect::<Vec<_>>(), 0);
        for x in [-1.0, 0.0, 0.5, 3.0, 3.5, 7.0, 18.9, 19.0, 99.0] {
            assert_eq!(walked(&sql, x), edges.partition_point(|edge| *edge <= x), "{x} in {sql}");
        }
    }
}

fn reference() -> Reference {
    let column = |name: &str, kind: Kind, bins: Bins| FrozenColumn {
        name: name.into(),
        kind,
        physical: "x".into(),
        bins,
        has_others: false,
        moments: None,
        kll: Vec::new(),
        hll: Vec::new(),
    };
    let edges = Bins::Edges { edges: vec![1.0, 2.5], decile: vec![true, true] };
    let columns = vec![
        column("a\"b", Kind::Numeric, edges),
        column("plan", Kind::Categorical, Bins::Levels(vec!["free".into(), "te'am".into()])),
        column("gone", Kind::Boolean, Bins::Levels(vec!["true".into()])),
    ];
    Reference { columns, parts: Vec::new(), segments: Vec::new(), n_rows: 0 }
}

fn plan(engine: Engine) -> Plan {
    let (double, text, time) = match engine {
        Engine::Postgres => ("double precision", "text", "timestamp with time zone"),
        Engine::ClickHouse => ("Nullable(Float64)", "String", "DateTime64(3)"),
        Engine::Spark => ("double", "string", "timestamp"),
    };
    let column = |name: &str, type_name: &str, shape: Shape| RemoteColumn {
        name: name.into(),
        type_name: type_name.into(),
        shape,
        bytes: None,
    };
    let found = Described {
        engine: "x".into(),
        table: TableName::parse("s.t").expect("a name"),
        columns: vec![
            column("a\"b", double, Shape::Number { is_whole: false }),
            column("plan", text, Shape::Text),
            column("at", time, Shape::Time),
        ],
        estimate: Estimate { rows: None, from: String::new(), bytes: None, whole_rows: false },
    };
    let wanted = Wanted { segment: Some("plan".into()), hours: Some(10..12), ..Wanted::default() };
    Plan::new(engine, &reference(), &found, &wanted).expect("a plan")
}

#[test]
fn a_plan_is_one_reading_and_asks_for_no_row() {
    for engine in ENGINES {
        let statements = plan(engine).statements(&reference()).expect("printed");
        assert_eq!(statements.len(), 1);
        let sql = &statements[0].sql;
        assert_eq!(statements[0].columns, [0, 1], "{sql}");
        assert_eq!(sql.matches(&dialect(engine).table(&plan(engine)).expect("a name")).count(), 1, "{sql}");
        assert!(sql.contains("GROUP BY") && sql.starts_with("SELECT "), "{sql}");
        assert!(sql.contains("1970-01-01 09:00:00"), "engines can skip what is before: {sql}");
    }
}

#[test]
fn a_level_of_which_only_the_beginning_is_kept_is_found_by_nobody() {
    let mut reference = reference();
    let Bins::Levels(levels) = &mut reference.columns[1].bins else { panic!("a column of levels") };
    levels.push("x… (2000 bytes, 0123456789abcdef)".into());
    for engine in ENGINES {
        let refused = plan(engine).statements(&reference).expect_err("refused");
        assert!(refused.to_string().contains("\"plan\"") && refused.hint().is_some(), "{refused}");
    }
}

#[test]
fn what_cannot_be_the_same_is_refused() {
    let refused = |column: &str| {
        let mut wanted = Wanted { segment: Some(column.into()), ..Wanted::default() };
        let found = Described {
            engine: "x".into(),
            table: TableName::parse("t").expect("a name"),
            columns: vec![RemoteColumn {
                name: "a\"b".into(),
                type_name: "double precision".into(),
                shape: Shape::Number { is_whole: false },
                bytes: None,
            }],
            estimate: Estimate { rows: None, from: String::new(), bytes: None, whole_rows: true },
        };
        let by_segment = Plan::new(Engine::Postgres, &reference(), &found, &wanted).expect_err("refused");
        (wanted.segment, wanted.hours) = (None, Some(0..1));
        let by_hours = Plan::new(Engine::Postgres, &reference(), &found, &wanted).expect_err("refused");
        (by_segment.to_string(), by_hours.to_string())
    };
    let (segment, hours) = refused("a\"b");
    assert!(segment.contains("cannot name segments") && hours.contains("tells the time"), "{segment} {hours}");
    assert!(refused("no such").0.contains("no column \"no such\""));
}
