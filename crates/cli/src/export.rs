//! `signalbox export`: every logged point as CSV, or a chart as PNG or SVG.

use std::io::IsTerminal;
use std::path::Path;

use signalbox_app::Offline;
use signalbox_app::wire::{ColumnKind, ExportFormat, SaveExport, Smooth, SmoothKind, XAxis};

use crate::Out;
use crate::arguments::{Axis, Export};
use crate::failure::{Failure, Outcome};
use crate::reading::read;
use crate::show::find;

pub fn run(arguments: &Export) -> Result<Outcome, Failure> {
    let format = format(arguments);
    let smooth = smooth(arguments.smooth.as_deref())?;
    let chart = format != ExportFormat::Csv;
    if arguments.output.is_none() && format == ExportFormat::Png && std::io::stdout().is_terminal() {
        let hint = Some("Name a file with -o, or redirect the output.".to_owned());
        return Err(Failure::Usage("A PNG is not for a terminal.".into(), hint));
    }
    if chart && arguments.metric.len() > 1 {
        return Err(Failure::Usage("A chart shows one metric; name one with --metric.".into(), None));
    }
    let offline = read(&arguments.project)?;
    let mut runs = Vec::new();
    for word in &arguments.runs {
        runs.push(find(&offline, word)?);
    }
    if let Some(filter) = &arguments.filter {
        let more = offline.matching(filter)?;
        runs.extend(more.into_iter().filter(|id| !arguments.runs.is_empty() || !runs.contains(id)).collect::<Vec<_>>());
        runs.dedup();
    }
    let metrics = metrics(&offline, arguments, chart)?;
    let bytes = offline.export(&SaveExport {
        name: String::new(),
        format,
        project: 0,
        runs,
        metrics,
        x: match arguments.x {
            Axis::Step => XAxis::Step,
            Axis::Relative => XAxis::Relative,
            Axis::Wall => XAxis::Wall,
        },
        smooth,
        log_y: arguments.log_y,
        dark: arguments.dark,
    })?;
    match &arguments.output {
        Some(file) => {
            std::fs::write(file, &bytes)
                .map_err(|e| Failure::System(format!("{} cannot be written: {e}", file.display())))?;
            Ok(Outcome::Done)
        }
        None => {
            let mut out = Out::stdout();
            out.bytes(&bytes)?;
            out.end(Outcome::Done)
        }
    }
}

/// What was said, or what the file's name says.
fn format(arguments: &Export) -> ExportFormat {
    let extension = arguments.output.as_deref().and_then(Path::extension).map(|e| e.to_ascii_lowercase());
    match (arguments.csv, arguments.png, arguments.svg, extension.as_deref().and_then(|e| e.to_str())) {
        (true, ..) => ExportFormat::Csv,
        (_, true, ..) | (false, false, false, Some("png")) => ExportFormat::Png,
        (_, _, true, _) | (false, false, false, Some("svg")) => ExportFormat::Svg,
        _ => ExportFormat::Csv,
    }
}

fn smooth(said: Option<&str>) -> Result<Smooth, Failure> {
    let Some(said) = said else { return Ok(Smooth::default()) };
    let wrong = || {
        let hint = Some("Say ema:0.9, gaussian:5 or mean:20.".to_owned());
        Failure::Usage(format!("--smooth {said} is not understood."), hint)
    };
    let (kind, amount) = said.split_once(':').ok_or_else(wrong)?;
    let amount: f64 = amount.parse().map_err(|_| wrong())?;
    let (kind, fits) = match kind {
        "ema" => (SmoothKind::Ema, (0.0..1.0).contains(&amount)),
        "gaussian" => (SmoothKind::Gaussian, amount > 0.0 && amount.is_finite()),
        "mean" => (SmoothKind::Mean, amount >= 1.0 && amount.is_finite()),
        _ => return Err(wrong()),
    };
    if fits { Ok(Smooth { kind, amount }) } else { Err(wrong()) }
}

/// The named metrics, each checked; for a chart without a name the only one that there is.
fn metrics(offline: &Offline, arguments: &Export, chart: bool) -> Result<Vec<String>, Failure> {
    let columns = offline.columns();
    let known: Vec<&str> = columns.iter().filter(|c| c.kind == ColumnKind::Metric).map(|c| c.name.as_str()).collect();
    let list = || {
        let some: Vec<&str> = known.iter().take(20).copied().collect();
        let more = if known.len() > 20 { ", …" } else { "" };
        Some(format!("There are: {}{more}.", some.join(", ")))
    };
    if let Some(unknown) = arguments.metric.iter().find(|m| !known.contains(&m.as_str())) {
        return Err(Failure::Usage(format!("There is no metric {unknown:?} in this folder."), list()));
    }
    if chart && arguments.metric.is_empty() {
        return match known[..] {
            [only] => Ok(vec![only.to_owned()]),
            _ => Err(Failure::Usage("A chart shows one metric; name it with --metric.".into(), list())),
        };
    }
    Ok(arguments.metric.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_is_understood_or_refused() {
        assert!(matches!(smooth(Some("ema:0.9")), Ok(Smooth { kind: SmoothKind::Ema, amount }) if amount == 0.9));
        assert!(smooth(None).is_ok());
        for wrong in ["ema", "ema:1", "ema:x", "mean:0", "gaussian:NaN", "median:3", ""] {
            assert!(matches!(smooth(Some(wrong)), Err(Failure::Usage(..))), "{wrong}");
        }
    }
}
