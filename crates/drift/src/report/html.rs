//! One page that needs nothing else: no script, no font, no address. Light or dark as its reader has it.

use super::chart::svg;
use super::escaped;
use crate::pair::{ColumnReport, Move, Report, short, short_p};
use crate::verdict::Verdict;
use std::fmt::Write as _;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2230;--soft:#5d6578;--line:#dde1ea;--page:#fff;--a:#8a93a8;--b:#2962d9;--bad:#b3261e;--warn:#8a5a00}\
@media(prefers-color-scheme:dark){:root{--ink:#e8eaf0;--soft:#a0a8ba;--line:#343b4b;--page:#14171f;--a:#9aa3b8;--b:#7aa5ff;--bad:#ff8a80;--warn:#ffc55c}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:60rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2rem 0 .3rem;overflow-wrap:anywhere}p{margin:.3rem 0}\
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}\
td.n,th.n{text-align:right}.soft{color:var(--soft)}.drift{color:var(--bad);font-weight:600}.unsure{color:var(--warn)}\
svg{width:100%;max-width:30rem;height:auto;display:block;margin:.6rem 0}svg text{font:11px system-ui,sans-serif;fill:var(--soft)}\
path.a,rect.a{fill:var(--a);fill-opacity:.45;stroke:var(--a)}path.b,rect.b{fill:var(--b);fill-opacity:.3;stroke:var(--b)}\
.key i{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}details{margin:.3rem 0}a{color:inherit}";

/// `written`: when, in words; nothing here knows a clock.
pub fn html(report: &Report, written: &str) -> String {
    let mut columns: Vec<&ColumnReport> = report.columns.iter().collect();
    let weight = |c: &ColumnReport| c.effect.as_ref().map_or(0.0, |effect| effect.value / effect.threshold);
    columns.sort_by(|a, b| a.verdict.cmp(&b.verdict).then(weight(b).total_cmp(&weight(a))));
    let n_drifted = report.drifted().count();
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Data drift: {}</title><style>{STYLE}</style></head>\
         <body>\n<h1>Data drift: {n_drifted} of {} columns</h1>\n<p>{} against {}.</p>\n<p class=\"soft\">{}</p>\n",
        escaped(&report.current.path),
        report.columns.len(),
        escaped(&report.current.path),
        escaped(&report.reference.path),
        escaped(written),
    );
    out.push_str(
        "<p class=\"key soft\"><i style=\"background:var(--a)\"></i>reference<i style=\"background:var(--b)\"></i>current</p>\n\
         <table><thead><tr><th>Column</th><th>Verdict</th><th>By</th><th class=\"n\">Effect</th>\
         <th class=\"n\">Adjusted p</th></tr></thead><tbody>\n",
    );
    for (at, column) in columns.iter().enumerate() {
        let (by, effect, p) = column.turned_on().map_or_else(
            || ("–".to_owned(), "–".to_owned(), "–".to_owned()),
            |(by, effect, p)| (by.to_owned(), short(effect), short(p)),
        );
        let _ = writeln!(
            out,
            "<tr><td><a href=\"#c{at}\">{}</a></td><td class=\"{}\">{}</td><td>{}</td><td class=\"n\">{effect}</td>\
             <td class=\"n\">{p}</td></tr>",
            escaped(&column.name),
            class(column.verdict),
            column.verdict.words(),
            escaped(&by),
        );
    }
    out.push_str("</tbody></table>\n");
    for (at, column) in columns.iter().enumerate() {
        section(&mut out, at, column);
    }
    problems(&mut out, report);
    explained(&mut out, report);
    out.push_str("</body></html>\n");
    out
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Drift | Verdict::TypeChanged | Verdict::Missing => "drift",
        Verdict::LargeButUncertain | Verdict::TooFewRows => "unsure",
        _ => "soft",
    }
}

fn section(out: &mut String, at: usize, column: &ColumnReport) {
    let _ = writeln!(
        out,
        "<h2 id=\"c{at}\">{}</h2>\n<p><span class=\"{}\">{}</span> {}</p>",
        escaped(&column.name),
        class(column.verdict),
        column.verdict.words(),
        escaped(&column.says),
    );
    if let Some(histogram) = &column.histogram {
        out.push_str(&svg(histogram));
    }
    out.push_str("<details><summary>Numbers</summary>\n<table><tbody>\n");
    for (name, side) in [("Reference", &column.reference), ("Current", &column.current)] {
        if let Some(side) = side {
            let _ = writeln!(out, "<tr><td>{name}</td><td>{}</td></tr>", escaped(&told(side)));
        }
    }
    for (name, test) in &column.tests {
        let value = test.statistic.map_or_else(|| test.refused.clone().unwrap_or_else(|| "–".into()), short);
        let p = test.p_value.map_or(String::new(), |p| format!(", p {}", short_p(p)));
        let limit = test.threshold.map_or(String::new(), |limit| format!(", threshold {}", short(limit)));
        let n = format!(", {} and {} values", test.n[0], test.n[1]);
        let _ = writeln!(out, "<tr><td>{}</td><td>{}</td></tr>", escaped(name), escaped(&(value + &p + &limit + &n)));
    }
    for rate in &column.rates {
        let said = format!(
            "{} % of the rows, then {} %; adjusted p {}",
            short(rate.reference * 100.0),
            short(rate.current * 100.0),
            short_p(rate.p_adjusted)
        );
        let _ = writeln!(out, "<tr><td>{}</td><td>{}</td></tr>", escaped(rate.of), escaped(&said));
    }
    for (name, levels) in [("New levels", &column.new_levels), ("Gone levels", &column.gone_levels)] {
        if !levels.is_empty() {
            let of = |level: &crate::pair::LevelMove| {
                format!("{} ({})", level.level.chars().take(80).collect::<String>(), level.rows)
            };
            let list: Vec<String> = levels.iter().map(of).collect();
            let _ = writeln!(out, "<tr><td>{name}</td><td>{}</td></tr>", escaped(&list.join(", ")));
        }
    }
    out.push_str("</tbody></table></details>\n");
}

fn told(side: &Move) -> String {
    let counts = &side.counts;
    let mut said = format!("{}, {} rows", side.physical, counts.rows);
    for (n, what) in [
        (counts.nulls, "null"),
        (counts.nan, "NaN"),
        (counts.pos_inf, "+∞"),
        (counts.neg_inf, "−∞"),
        (counts.mismatched, "of another type"),
    ] {
        if n > 0 {
            let _ = write!(said, ", {n} {what}");
        }
    }
    if let Some(m) = side.moments {
        let numbers = (short(m.mean), short(m.std), short(m.min), short(m.max));
        let _ = write!(said, "; mean {}, deviation {}, {} to {}", numbers.0, numbers.1, numbers.2, numbers.3);
    }
    if let Some(levels) = side.levels {
        let _ = write!(said, "; {levels} levels");
    }
    said
}

fn problems(out: &mut String, report: &Report) {
    if report.problems.is_empty() {
        return;
    }
    out.push_str("<h2>What could not be read as it should</h2>\n<ul>\n");
    for problem in &report.problems {
        let place: Vec<&str> = [Some(&problem.file), problem.place.as_ref(), problem.column.as_ref()]
            .into_iter()
            .flatten()
            .map(|s| &**s)
            .collect();
        let hint = problem.hint.as_deref().unwrap_or_default();
        let _ = writeln!(
            out,
            "<li>{}: {} <span class=\"soft\">{}</span></li>",
            escaped(&place.join(", ")),
            escaped(&problem.message),
            escaped(hint)
        );
    }
    out.push_str("</ul>\n");
}

fn explained(out: &mut String, report: &Report) {
    let rule = &report.rule;
    let _ = write!(
        out,
        "<h2>How this was judged</h2>\n<p>A column has drifted if the change is large and is not by chance. Chance: the \
         corrected p-value (Benjamini and Hochberg, over all columns and rates) is below {}. Large: Wasserstein's distance \
         is at least {} deviations of the reference (numbers), Jensen and Shannon's at least {} bits (levels), a share of \
         nulls, NaN or infinities moved by at least {} %. With fewer than {} values on either side nothing is claimed.</p>\n\
         <p>p is that of Kolmogorov and Smirnov's test for numbers, as scipy computes it; of levels Pearson's χ² without \
         correction, Fisher's test for two rare levels, 9,999 permutations where more than a fifth of the expected counts \
         are below five. PSI and the distances are on the reference's deciles, or on its values if there are at most 20; \
         PSI's threshold is what chance alone stays below.</p>\n",
        short(rule.alpha),
        short(rule.min_wasserstein_std),
        short(rule.min_js),
        short(rule.min_share * 100.0),
        rule.min_rows,
    );
}
