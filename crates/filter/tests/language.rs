//! What the language accepts, what it says of a run, and where its errors point.

use signalbox_filter::{Completion, Field, Names, Stat, Value, complete, parse, parse_date};
use std::borrow::Cow;

/// One run that the cases below ask about.
fn value(field: &Field) -> Value<'static> {
    match field {
        Field::Metric(n, s) => match (n.as_str(), s) {
            ("val_loss", Stat::Last) => Value::Number(0.25),
            ("val_loss", Stat::Min) => Value::Number(0.125),
            ("val_loss", Stat::Count) => Value::Number(10.0),
            ("val/loss", Stat::Last) => Value::Number(0.5),
            ("mAP50-95(B)", Stat::Last) => Value::Number(0.7),
            ("diverged", _) => Value::Number(f64::NAN),
            ("blown", _) => Value::Number(f64::INFINITY),
            _ => Value::Missing,
        },
        Field::Param(n) => match n.as_str() {
            "opt" => Value::Text(Cow::Borrowed("adam")),
            "lr" => Value::Text(Cow::Borrowed("0.01")),
            "batch size" => Value::Text(Cow::Borrowed("32")),
            _ => Value::Missing,
        },
        Field::Tag(n) if n == "team" => Value::Text(Cow::Borrowed("team-cv-1")),
        Field::Attribute("status") => Value::Word("finished"),
        Field::Attribute("name") => Value::Text(Cow::Borrowed("Run A")),
        Field::Attribute("started") => Value::Time(1_795_219_200.0),
        Field::Attribute("label") => Value::Any(vec!["good", "paper"]),
        _ => Value::Missing,
    }
}

fn check(text: &str, expected: bool) {
    let filter = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(filter.matches(&|i| value(&filter.fields[i])), expected, "{text}");
}

fn fails(text: &str, at: std::ops::Range<usize>, says: &str) {
    let error = parse(text).expect_err(text);
    assert_eq!(error.span, at, "{text}: {error}");
    assert!(error.message.contains(says), "{text}: {error}");
}

#[test]
fn the_order_s_own_example() {
    check(r#"metrics.val_loss < 0.3 and (params.opt = "adam" or tags.team like "%cv%")"#, true);
    check(r#"metrics.val_loss < 0.2 and (params.opt = "adam" or tags.team like "%cv%")"#, false);
}

#[test]
fn mlflow_s_syntax() {
    check("metrics.val_loss < 1 and params.opt = 'adam'", true);
    check("metric.`val/loss` >= 0.5", true);
    check("metrics.\"mAP50-95(B)\" > 0.6", true);
    check("params.\"batch size\" = '32'", true);
    check("attributes.status = 'FINISHED'", true);
    check("attribute.run_name LIKE 'Run%'", true);
    check("run_name ILIKE 'run a'", true);
    check("tags.team != 'other'", true);
    check("tags.absent != 'other'", false);
    check("start_time > 1664067852747", true);
    check("params.opt IN ('sgd', 'adam')", true);
    check("params.opt not in ('sgd', 'adam')", false);
    check("params.absent IS NULL", true);
    check("params.opt is not null", true);
}

#[test]
fn beyond_mlflow() {
    check("not status = failed", true);
    check("params.lr = 0.01", true);
    check("params.lr = 1e-2", true);
    check("params.lr <= 1%", true);
    check("params.lr between 0.001 and 0.1", true);
    check("min(metrics.val_loss) < 0.2 && last(metrics.val_loss) > 0.2", true);
    check("n(metrics.val_loss) = 10", true);
    check("metrics.diverged = nan", true);
    check("metrics.diverged < 1 or metrics.diverged >= 1", false);
    check("metrics.blown = inf", true);
    check("metrics.blown > -inf", true);
    check("started >= '2026-11-21' and started < '2026-11-22'", true);
    check("label = good and label = paper", true);
    check("label != good", false);
    check("status == finished || status == failed", true);
    check("", true);
    check("   ", true);
    check("not (metrics.val_loss > 1 or params.opt = sgd)", true);
    check("not not status = finished", true);
}

#[test]
fn and_binds_tighter_than_or() {
    check("status = failed and status = finished or status = finished", true);
    check("status = failed and (status = finished or status = finished)", false);
}

#[test]
fn errors_point_at_the_column() {
    fails("metrics.val_loss <", 18..18, "expected a value");
    fails("metrics.val_loss", 0..16, "not compared");
    fails("loss < 1", 0..4, "no field loss");
    fails("status = 'x", 9..11, "never closed");
    fails("(status = x", 0..1, "never closed");
    fails("status = x)", 10..11, "no ( before");
    fails("status = x status = y", 11..17, "expected and, or");
    fails("0.3 < metrics.a", 0..3, "no field 0.3");
    fails("'a' = params.x", 0..3, "begins with a field");
    fails("metrics.a like 3", 15..16, "wants a text");
    fails("metrics.a in 3", 13..14, "wants a list");
    fails("and status = x", 0..3, "expected a field before");
    fails("min(params.a) < 1", 4..12, "only a metric");
    fails("metrics.a ; 3", 10..11, "no meaning");
    fails(&"(".repeat(100), 64..65, "too many");
    let e = parse("name = 'ü' and x").expect_err("x is no field");
    assert_eq!((e.span.clone(), e.utf16("name = 'ü' and x")), (16..17, 15..16));
}

#[test]
fn dates_are_utc() {
    assert_eq!(parse_date("1970-01-01"), Some(0.0));
    assert_eq!(parse_date("2000-03-01T00:00:01Z"), Some(951_868_801.0));
    assert_eq!(parse_date("2026-11-21 10:30"), Some(1_795_257_000.0));
    assert_eq!(parse_date("soon"), None);
    assert_eq!(parse_date("2026-13-01"), None);
}

struct Known;
impl Names for Known {
    fn fields(&self) -> Vec<(Field, String)> {
        vec![
            (Field::Metric("val_loss".into(), Stat::Last), "12 runs".into()),
            (Field::Metric("val acc".into(), Stat::Last), "12 runs".into()),
            (Field::Param("lr".into()), "12 runs".into()),
        ]
    }
    fn values(&self, field: &Field) -> Vec<String> {
        if *field == Field::Param("opt".into()) { vec!["adam".into(), "sgd".into()] } else { vec!["0.01".into()] }
    }
}

fn offers(text: &str) -> Vec<String> {
    complete(text, text.len(), &Known).into_iter().map(|c: Completion| c.text).collect()
}

#[test]
fn completion_follows_the_grammar() {
    assert_eq!(offers("va"), ["metrics.val_loss", "metrics.\"val acc\""]);
    assert!(offers("").contains(&"status".to_owned()));
    assert_eq!(offers("metrics.val_loss ")[..3], ["=", "!=", "<"]);
    assert_eq!(offers("params.opt = "), ["\"adam\"", "\"sgd\""]);
    assert_eq!(offers("params.opt = \"a"), ["\"adam\""]);
    assert_eq!(offers("params.lr = "), ["0.01"]);
    assert_eq!(offers("status = f"), ["\"finished\"", "\"failed\""]);
    assert_eq!(offers("status = finished "), ["and", "or"]);
    assert_eq!(offers("status = finished and l")[0], "label");
    assert_eq!(offers("params.opt in ('sgd', "), ["\"adam\"", "\"sgd\""]);
    assert_eq!(offers("min(val")[0], "metrics.val_loss");
    let c = &complete("status = x and va", 17, &Known)[0];
    assert_eq!(c.replace, 15..17);
}
