//! JUnit's XML, as CI systems show it: a case for each column, or for each rule.

use super::escaped;
use crate::pair::Report;
use crate::rules::{Checked, Severity};
use crate::verdict::Verdict;
use std::fmt::Write as _;

enum End {
    Passed,
    Failed(String, String),
    Skipped(String),
}

/// Failures are drift, changed types and missing columns; skipped is what has too few rows or is not judged.
pub fn junit(report: &Report) -> String {
    let cases = report.columns.iter().map(|column| {
        let end = match column.verdict {
            Verdict::Drift | Verdict::TypeChanged | Verdict::Missing => {
                End::Failed(format!("{:?}", column.verdict), column.says.clone())
            }
            Verdict::TooFewRows | Verdict::NotJudged => End::Skipped(column.says.clone()),
            _ => End::Passed,
        };
        (column.name.clone(), end)
    });
    suite(&format!("data drift: {}", report.current.path), cases.collect())
}

/// Failures are errors; warnings that are broken are skipped, with what was found.
pub fn junit_of_rules(checked: &Checked) -> String {
    let cases = checked.rules.iter().map(|asked| {
        let rule = serde_json::to_value(asked.rule).ok().and_then(|name| name.as_str().map(str::to_owned));
        let rule = rule.unwrap_or_default();
        let name = asked.column.as_ref().map_or(rule.clone(), |column| format!("{column}: {rule}"));
        let said = format!("wanted {}, found {}", asked.wanted, asked.found);
        let end = match (asked.passes, asked.severity) {
            (true, _) => End::Passed,
            (false, Severity::Warning) => End::Skipped(said),
            (false, Severity::Error) => {
                let rows = asked.examples.iter().map(|e| format!("\nrow {}: {}", e.row, e.value)).collect::<String>();
                End::Failed(rule, said + &rows)
            }
        };
        (name, end)
    });
    suite(&format!("data rules: {}", checked.path), cases.collect())
}

fn suite(name: &str, cases: Vec<(String, End)>) -> String {
    let n = |is: fn(&End) -> bool| cases.iter().filter(|(_, end)| is(end)).count();
    let failed = n(|end| matches!(end, End::Failed(..)));
    let skipped = n(|end| matches!(end, End::Skipped(_)));
    let name = escaped(name).replace(['\n', '\t'], " ");
    let counts = format!("tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\"", cases.len());
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"{name}\" {counts}>\n"
    );
    for (case, end) in &cases {
        let case = escaped(case).replace(['\n', '\t'], " ");
        let start = format!("    <testcase classname=\"signalbox.data\" name=\"{case}\"");
        let _ = match end {
            End::Passed => writeln!(out, "{start}/>"),
            End::Failed(kind, said) => {
                let (kind, said) = (escaped(kind), escaped(said));
                let first = said.lines().next().unwrap_or_default();
                writeln!(out, "{start}><failure type=\"{kind}\" message=\"{first}\">{said}</failure></testcase>")
            }
            End::Skipped(said) => {
                let said = escaped(said).replace('\n', " ");
                writeln!(out, "{start}><skipped message=\"{said}\"/></testcase>")
            }
        };
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}
