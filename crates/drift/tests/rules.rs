//! Rules learnt, asked and imported.

use signalbox_drift::read::{Kind, Options, Problems, Table};
use signalbox_drift::rules::{Checked, Name, Rules, Schema, Severity, check, import, learn};
use std::path::{Path, PathBuf};

fn put(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    path
}

fn table(path: &Path) -> Table {
    Table::open(path, &Options::default()).expect("a table")
}

fn people(n: usize, of: impl Fn(usize) -> (String, String, String)) -> String {
    let rows = (0..n).map(|at| {
        let (age, city, when) = of(at);
        format!("{at},{age},{city},{when}\n")
    });
    std::iter::once("id,age,city,when\n".to_owned()).chain(rows).collect()
}

fn usual(at: usize) -> (String, String, String) {
    let age = if at.is_multiple_of(50) { String::new() } else { (20 + at % 60).to_string() };
    (age, ["Bonn", "Köln", "Mainz"][at % 3].into(), format!("2026-11-{:02}", 1 + at % 20))
}

#[track_caller]
fn broken(checked: &Checked) -> Vec<(Option<&str>, Name)> {
    checked.rules.iter().filter(|asked| !asked.passes).map(|asked| (asked.column.as_deref(), asked.rule)).collect()
}

#[test]
fn a_reference_keeps_the_rules_that_were_learnt_from_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = put(&folder, "reference.csv", &people(300, usual));
    let rules = learn(&table(&path), &mut Problems::default());
    assert_eq!((rules.schema, rules.min_rows), (Some(Schema::AtLeast), Some(150)));
    let of = |name: &str| &rules.columns[name];
    assert_eq!((of("age").kind, of("age").min, of("age").max), (Some(Kind::Numeric), Some(14.1), Some(84.9)));
    assert_eq!((of("age").max_null_share, of("city").max_null_share), (Some(0.03), Some(0.0)));
    assert_eq!(of("city").allowed.as_deref(), Some(&["Bonn".to_owned(), "Köln".into(), "Mainz".into()][..]));
    assert!(of("id").unique && of("id").max.is_none() && !of("age").unique);
    assert_eq!(of("when").kind, Some(Kind::Datetime));
    let checked = check(&table(&path), &rules, 0.0);
    assert!(checked.passes && broken(&checked).is_empty(), "{:#?}", checked.rules);
    // By way of the file that a person edits.
    assert_eq!(Rules::from_toml(&rules.to_toml("people"), Some("people")).expect("rules"), rules);
}

#[test]
fn what_breaks_a_rule_is_shown_by_row_and_value() {
    let folder = tempfile::tempdir().expect("a folder");
    let reference = put(&folder, "reference.csv", &people(300, usual));
    let rules = learn(&table(&reference), &mut Problems::default());
    let odd = |at: usize| {
        let (age, city, when) = usual(at);
        match at {
            7 => ("-3".into(), city, when),
            9 => (age, city, String::new()),
            _ if at % 20 == 11 => (age, "Ulm".into(), when),
            _ => (age, city, when),
        }
    };
    let mut text = people(200, odd);
    text.push_str("199,30,Bonn,2026-11-02\n");
    let checked = check(&table(&put(&folder, "odd.csv", &text)), &rules, 0.0);
    assert!(!checked.passes);
    let wanted = [("age", Name::Min), ("city", Name::Allowed), ("id", Name::Unique), ("when", Name::MaxNullShare)];
    assert_eq!(broken(&checked), wanted.map(|(column, rule)| (Some(column), rule)));
    let of = |rule: Name, column: &str| {
        let found = checked.rules.iter().find(|a| a.rule == rule && a.column.as_deref() == Some(column));
        let asked = found.expect("asked");
        (asked.n_wrong, asked.examples[0].row, asked.examples[0].value.clone())
    };
    assert_eq!(of(Name::Min, "age"), (1, 8, "-3".into()));
    assert_eq!(of(Name::Allowed, "city"), (10, 12, "Ulm".into()));
    assert_eq!(of(Name::Unique, "id"), (1, 201, "199".into()));
    assert_eq!(of(Name::MaxNullShare, "when"), (1, 10, "null".into()));
}

#[test]
fn tables_are_held_against_their_schema_their_volume_and_the_clock() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = put(&folder, "x.csv", "a,t,more\n1,2026-11-22 10:00,x\n2,2026-11-22 11:00,y\n");
    let text = "
        [data.x]
        schema = 'exact'
        min_rows = 2
        max_rows = 2
        max_age_hours = 2.5
        time = 't'
        warnings = ['max_age_hours']
        [data.x.columns.a]
        type = 'categorical'
        max_mean = 1.0
        warnings = ['type']
        [data.x.columns.b]
        required = true
        min = 0
    ";
    let rules = Rules::from_toml(text, None).expect("rules");
    let noon = 1_795_348_800.0;
    let at = |hours: f64| check(&table(&path), &rules, noon + hours * 3600.0);
    let found = at(0.0);
    assert_eq!(
        broken(&found),
        [(None, Name::Schema), (Some("a"), Name::Type), (Some("a"), Name::MaxMean), (Some("b"), Name::Required)]
    );
    let schema = found.rules.iter().find(|a| a.rule == Name::Schema).expect("asked");
    assert_eq!(schema.found, "unknown: more; missing: b");
    assert_eq!(found.broken(Severity::Warning).count(), 1);
    assert!(broken(&at(2.0)).contains(&(None, Name::MaxAgeHours)), "{:#?}", at(2.0).rules);
    // Without a column of times the file's own is what counts.
    let rules = Rules { time: None, max_age_hours: Some(1.0), ..Rules::default() };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs_f64();
    assert!(check(&table(&path), &rules, now).passes);
    assert!(!check(&table(&path), &rules, now + 7200.0).passes);
}

#[test]
fn rows_of_a_folder_are_named_by_their_file() {
    let folder = tempfile::tempdir().expect("a folder");
    put(&folder, "1.csv", "x\n1\n2\n");
    put(&folder, "2.csv", "x\n3\n-4\n");
    let rules = Rules::from_toml("[data.x.columns.x]\nmin = 0\nunique = true\n", None).expect("rules");
    let checked = check(&table(folder.path()), &rules, 0.0);
    let example = &checked.rules[0].examples[0];
    assert!(example.file.as_deref().is_some_and(|file| file.ends_with("2.csv")), "{example:?}");
    assert_eq!((example.row, checked.rows), (2, 4));
    let none = check(&table(&put(&folder, "none.csv", "x\n")), &rules, 0.0);
    assert!(none.passes, "no row breaks a rule: {:#?}", none.rules);
}

const SUITE: &str = r#"{"name": "taxi", "expectations": [
    {"type": "expect_column_to_exist", "kwargs": {"column": "fare"}},
    {"expectation_type": "expect_column_values_to_be_between", "kwargs": {"column": "fare", "min_value": 0, "max_value": 500, "mostly": 0.95}},
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "fare"}, "severity": "warning"},
    {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "kind", "value_set": ["cash", 1, true]}},
    {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}},
    {"type": "expect_column_values_to_be_of_type", "kwargs": {"column": "id", "type_": "int64"}},
    {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "fare", "min_value": 5}},
    {"type": "expect_column_max_to_be_between", "kwargs": {"column": "tip", "max_value": 90}},
    {"type": "expect_column_max_to_be_between", "kwargs": {"column": "fare", "min_value": 1, "max_value": 90}},
    {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "zip", "regex": "^\\d+$"}},
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "tip", "min_value": 0, "strict_min": true}},
    {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "tip", "row_condition": "x > 0"}},
    {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 10}},
    {"type": "expect_table_columns_to_match_set", "kwargs": {"column_set": ["fare", "kind"]}}
]}"#;

#[test]
fn great_expectations_suites_come_in_as_far_as_they_map() {
    let (rules, not_mapped) = import::great_expectations(SUITE).expect("a suite");
    rules.sound().expect("rules");
    let of = |name: &str| &rules.columns[name];
    assert_eq!((of("fare").min, of("fare").max, of("fare").max_outside_share), (Some(0.0), Some(500.0), Some(0.05)));
    assert_eq!((of("fare").max_null_share, &of("fare").warnings[..]), (Some(0.0), &[Name::MaxNullShare][..]));
    assert_eq!((of("fare").min_mean, of("tip").max, of("id").unique), (Some(5.0), Some(90.0), true));
    assert_eq!((of("id").kind, of("tip").min), (Some(Kind::Numeric), None));
    assert_eq!(of("kind").allowed.as_deref(), Some(&["cash".to_owned(), "1".into(), "true".into()][..]));
    assert_eq!((rules.min_rows, rules.max_rows, rules.schema), (Some(10), None, Some(Schema::Exact)));
    let names: Vec<(&str, Option<&str>)> = not_mapped.iter().map(|of| (&*of.name, of.column.as_deref())).collect();
    assert_eq!(
        names,
        [
            ("expect_column_max_to_be_between", Some("fare")),
            ("expect_column_values_to_match_regex", Some("zip")),
            ("expect_column_values_to_be_between", Some("tip")),
            ("expect_column_values_to_be_unique", Some("tip")),
        ]
    );
    assert!(import::great_expectations("{}").is_err() && import::great_expectations("[").is_err());
}

#[test]
fn sagemakers_constraints_come_in_as_far_as_they_map() {
    let text = r#"{"version": 0, "features": [
        {"name": "age", "inferred_type": "Integral", "completeness": 0.99, "num_constraints": {"is_non_negative": true}},
        {"name": "city", "inferred_type": "String", "completeness": 1.0, "string_constraints": {"domains": ["a", "b"]}},
        {"name": "odd", "inferred_type": "Unknown"}
    ], "monitoring_config": {"evaluate_constraints": "Enabled", "domain_content_threshold": 0.1, "datatype_check_threshold": 1.0,
        "distribution_constraints": {"perform_comparison": "Enabled", "comparison_threshold": 0.1}}}"#;
    let (rules, not_mapped) = import::sagemaker(text).expect("constraints");
    let of = |name: &str| &rules.columns[name];
    assert_eq!((of("age").kind, of("age").min, of("age").max_null_share), (Some(Kind::Numeric), Some(0.0), Some(0.01)));
    assert_eq!((of("city").allowed.as_ref().map(Vec::len), of("city").max_new_level_share), (Some(2), Some(0.1)));
    assert_eq!((of("odd").kind, of("odd").required, rules.schema), (None, true, Some(Schema::Exact)));
    let names: Vec<&str> = not_mapped.iter().map(|of| &*of.name).collect();
    assert_eq!(names, ["inferred_type", "distribution_constraints"]);
    let all =
        import::sagemaker(&text.replace("\"domain_content_threshold\": 0.1", "\"domain_content_threshold\": 1.0"));
    assert_eq!(all.expect("constraints").0.columns["city"].max_new_level_share, None);
}
