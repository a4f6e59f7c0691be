//! `signalbox data fairness`.

use console::style;
use signalbox_app::drift::fairness::{Attribute, Criterion, Ends, FairnessError, Gap, Judged, Wanted, judge};

use super::{ended, failed, opened, say_problems};
use crate::Out;
use crate::arguments::data::{FailOnGap, Fairness};
use crate::failure::{Failure, Outcome};
use crate::grid::{Column, calm, lines};

pub fn run(arguments: &Fairness) -> Result<Outcome, Failure> {
    if !(0.0..=1.0).contains(&arguments.max_difference) {
        return Err(Failure::Usage("--max-difference is a share, between 0 and 1.".into(), None));
    }
    let table = opened(&arguments.path, &arguments.reading.options()?)?;
    let wanted = Wanted {
        label: arguments.label.clone(),
        prediction: arguments.prediction.clone(),
        score: arguments.score.clone(),
        positive: arguments.positive.clone(),
        groups: arguments.groups.clone(),
        min_group: arguments.min_group,
        max_difference: arguments.max_difference,
    };
    let found = judge(&table, &wanted).map_err(|e| match e {
        FairnessError::Read(e) => failed(e),
        e @ FairnessError::WhichIsPositive { .. } => {
            Failure::Usage(e.to_string(), Some("Name it: --positive CLASS.".into()))
        }
        e => Failure::Usage(e.to_string(), None),
    })?;
    let fails = match arguments.fail_on {
        None => false,
        Some(FailOnGap::Sure) => found.verdict == Gap::Sure,
        Some(FailOnGap::Any) => matches!(found.verdict, Gap::Sure | Gap::Uncertain),
    };
    let outcome = ended(fails, arguments.fail_on.is_some(), &found.problems);
    let mut out = Out::stdout();
    if arguments.json {
        out.line(serde_json::to_string(&found).map_err(|e| Failure::System(e.to_string()))?)?;
        return out.end(outcome);
    }
    say(&mut out, &found)?;
    out.end(outcome)
}

fn say(out: &mut Out, found: &Judged) -> Result<(), Failure> {
    for attribute in &found.attributes {
        let by: Vec<String> = attribute.by.iter().map(|name| calm(name)).collect();
        out.line(style(by.join(" × ")).bold())?;
        table(out, attribute)?;
        let areas: Vec<String> = (attribute.groups.iter())
            .filter_map(|of| Some(format!("{} {:.3}", calm(&of.group), of.auroc.as_ref()?.value?)))
            .collect();
        if !areas.is_empty() {
            out.line(format!("area under the ROC curve: {}", areas.join(", ")))?;
        }
        if !attribute.too_small.is_empty() {
            let shown = attribute.too_small.iter().take(8).map(|of| format!("{} ({})", calm(&of.group), of.rows));
            let shown = shown.collect::<Vec<_>>().join(", ");
            let more = if attribute.too_small.len() > 8 { ", …" } else { "" };
            let least = found.min_group;
            out.line(style(format!("Fewer than {least} rows, not judged: {shown}{more}.")).dim())?;
        }
        out.line("")?;
    }
    out.line(
        style(format!(
            "{} rows of {}, {} left out; positive is {}; differences up to {} are borne.",
            found.rows,
            calm(&found.path),
            found.left_out,
            calm(&found.positive),
            found.max_difference
        ))
        .dim(),
    )?;
    say_problems(out, &found.problems)
}

fn table(out: &mut Out, attribute: &Attribute) -> Result<(), Failure> {
    let of = |say: &dyn Fn(&Criterion) -> String| attribute.criteria.iter().map(say).collect::<Vec<String>>();
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    let ends = |of: &Option<Ends>| of.as_ref().map_or("–".to_owned(), |of| format!("{:.3} … {:.3}", of.low, of.high));
    let group = |name: &Option<String>| name.as_deref().map_or("–".to_owned(), calm);
    let verdict = |gap: Gap| match gap {
        Gap::Sure => "apart",
        Gap::Uncertain => "apart, perhaps by chance",
        Gap::Borne => "borne",
        Gap::NotJudged => "not judged",
    };
    let columns = [
        Column::left("criterion", of(&|c| c.name.replace('_', " "))),
        Column::left("verdict", of(&|c| verdict(c.verdict).to_owned())),
        Column::right("difference", of(&|c| number(c.difference))),
        Column::left("interval", of(&|c| ends(&c.difference_interval))),
        Column::right("ratio", of(&|c| number(c.ratio))),
        Column::left("lowest", of(&|c| group(&c.lowest))),
        Column::left("highest", of(&|c| group(&c.highest))),
    ];
    let (rows, left_out) = lines(&columns, out.width);
    for row in rows {
        out.line(row)?;
    }
    if !left_out.is_empty() {
        out.line(style(format!("Not shown, for want of room: {}.", left_out.join(", "))).dim())?;
    }
    for (criterion, sure) in attribute.criteria.iter().filter_map(|c| Some((c, c.sure.as_ref()?))) {
        // Groups at the ends may be small; the pair that the verdict turned on is told where it is another.
        let is_shown = |name: &String, shown: &Option<String>| shown.as_ref() == Some(name);
        if !is_shown(&sure.lowest, &criterion.lowest) || !is_shown(&sure.highest, &criterion.highest) {
            let ends = ends(&Some(sure.difference_interval));
            let (name, low, high) = (criterion.name.replace('_', " "), calm(&sure.lowest), calm(&sure.highest));
            out.line(format!("{name}: {low} and {high} are {:.3} apart ({ends})", sure.difference))?;
        }
    }
    Ok(())
}
