//! A monitor's charts as files: what moved over time, the shape of a column in a window, the model's quality.

use super::watched::Watched;
use crate::app::App;
use crate::wire::*;
use signalbox_drift::monitor::{HOUR, Point, QualityPoint, Timeline};
use signalbox_drift::pair::ColumnReport;
use signalbox_plot::{AxisKind, ChartSeries, ChartSpec};
use std::fmt::Write as _;

/// As the runs' charts are exported, in CSS pixels.
const SIZE: (u32, u32) = (1000, 560);
/// Colours of the runs, by their places: blue, red, green.
const MAIN: usize = 0;
const BAD: usize = 1;
const OTHER: usize = 2;
const DASHED: usize = 1;
const DOTTED: usize = 2;

pub(crate) fn bytes(app: &App, args: &SaveDrift) -> Result<Vec<u8>, CallError> {
    let monitor = app.monitor(args.project, &args.monitor)?;
    let view = monitor.view(args.segment.as_deref(), args.hours);
    let timeline = view.timeline.ok_or_else(|| {
        CallError::new(ErrorCode::NotFound, "There is nothing to draw yet.").hint("The monitor is still reading.")
    })?;
    let spec = match (args.format, args.what) {
        (ExportFormat::Csv, _) => return Ok(csv(&timeline, args).into_bytes()),
        (_, DriftChart::Column) => over_time(&timeline, args)?,
        (_, DriftChart::Shape) => shape(&monitor, &timeline, args)?,
        (_, DriftChart::Quality) => quality(&timeline, args),
    };
    let drawn = |e: signalbox_plot::ChartError| CallError::new(ErrorCode::Internal, format!("{e}."));
    match args.format {
        ExportFormat::Png => signalbox_plot::png(&spec).map_err(drawn),
        _ => signalbox_plot::svg(&spec).map(String::into_bytes).map_err(drawn),
    }
}

impl App {
    pub(crate) fn save_drift(&self, args: SaveDrift) -> Result<PickedPath, CallError> {
        crate::export::save(self, &args.name, || bytes(self, &args))
    }
}

fn named(args: &SaveDrift) -> Result<&str, CallError> {
    args.column.as_deref().ok_or_else(|| CallError::new(ErrorCode::BadRequest, "Which column?"))
}

fn unknown(name: &str) -> CallError {
    CallError::new(ErrorCode::NotFound, format!("This monitor has no column {name:?}."))
}

fn spec(title: String, y_label: &str, args: &SaveDrift, series: Vec<ChartSeries>) -> ChartSpec {
    let title = match &args.segment {
        Some(segment) => format!("{title}, {segment}"),
        None => title,
    };
    ChartSpec {
        title,
        x_label: "time".into(),
        x_kind: AxisKind::UnixTime,
        y_label: y_label.into(),
        log_y: false,
        dark: args.dark,
        series,
        width: SIZE.0,
        height: SIZE.1,
    }
}

/// The middle of each bucket, in Unix seconds.
fn times(timeline: &Timeline) -> Vec<f64> {
    timeline.buckets.iter().map(|bucket| (bucket.from + bucket.till) as f64 * HOUR as f64 / 2.0).collect()
}

fn line(name: &str, color_index: usize, dash: usize, xs: &[f64], ys: Vec<f64>) -> ChartSeries {
    // A bucket without rows is a gap, not a NaN that somebody logged.
    ChartSeries { name: name.into(), color_index, dash, xs: xs.to_vec(), ys, raw: None, marks: Some(Vec::new()) }
}

fn level(name: &str, color_index: usize, xs: &[f64], at: f64) -> ChartSeries {
    line(name, color_index, DASHED, xs, vec![at; xs.len()])
}

fn or_gap(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

fn over_time(timeline: &Timeline, args: &SaveDrift) -> Result<ChartSpec, CallError> {
    let name = named(args)?;
    let column = timeline.columns.iter().find(|column| column.name == name).ok_or_else(|| unknown(name))?;
    let xs = times(timeline);
    let of = |is: &dyn Fn(&Point) -> bool| -> Vec<f64> {
        let at = |point: &Option<Point>| or_gap(point.filter(|point| is(point)).map(|point| point.strength));
        column.points.iter().map(at).collect()
    };
    let series = vec![
        line("effect", MAIN, 0, &xs, of(&|_| true)),
        line("drift", BAD, 0, &xs, of(&|point| point.verdict.is_drift())),
        level("threshold", OTHER, &xs, 1.0),
    ];
    Ok(spec(format!("{}: {name}", args.monitor), "effect, in thresholds", args, series))
}

fn shape(monitor: &Watched, timeline: &Timeline, args: &SaveDrift) -> Result<ChartSpec, CallError> {
    let name = named(args)?;
    let (Some(first), Some(last)) = (timeline.buckets.first(), timeline.buckets.last()) else {
        return Err(CallError::new(ErrorCode::NotFound, "No rows were seen yet."));
    };
    let hours = args.from.unwrap_or(first.from)..args.till.unwrap_or(last.till);
    let window = monitor.window(args.segment.as_deref(), hours).ok_or_else(|| unknown(name))?;
    let column = window.columns.iter().find(|column| column.report.name == name).ok_or_else(|| unknown(name))?;
    let report: &ColumnReport = &column.report;
    if column.edges.len() < 2 {
        return Err(CallError::new(ErrorCode::BadRequest, format!("{name} has levels, which lie on no axis."))
            .hint("Take the CSV, or the HTML report of `signalbox data drift`."));
    }
    let side = |name: &str, color, dash, counts: &[u64]| {
        let (xs, ys) = steps(&column.edges, counts);
        line(name, color, dash, &xs, ys)
    };
    let series = vec![side("reference", OTHER, DASHED, &column.expected), side("this window", MAIN, 0, &column.found)];
    let title = format!("{}: {name} ({})", args.monitor, report.verdict.words());
    Ok(ChartSpec {
        x_label: name.into(),
        x_kind: AxisKind::Number,
        ..spec(title, "share of the values, by width", args, series)
    })
}

/// Shares by width, as an outline; what lies beyond the edges has no width.
fn steps(edges: &[f64], counts: &[u64]) -> (Vec<f64>, Vec<f64>) {
    let all = counts.iter().sum::<u64>().max(1) as f64;
    let (mut xs, mut ys) = (vec![edges[0]], vec![0.0]);
    for (ends, n) in edges.windows(2).zip(&counts[1..]) {
        let height = *n as f64 / all / (ends[1] - ends[0]);
        xs.extend([ends[0], ends[1]]);
        ys.extend([height, height]);
    }
    xs.push(edges[edges.len() - 1]);
    ys.push(0.0);
    (xs, ys)
}

fn quality(timeline: &Timeline, args: &SaveDrift) -> ChartSpec {
    let xs = times(timeline);
    let of = |get: &dyn Fn(&QualityPoint) -> Option<f64>| -> Vec<f64> {
        timeline.quality.iter().map(|point| or_gap(point.as_ref().and_then(get))).collect()
    };
    let mut series = vec![
        line("accuracy", MAIN, 0, &xs, of(&|point| point.accuracy)),
        line("lowest at 95 %", MAIN, DOTTED, &xs, of(&|point| point.accuracy_low)),
        line("highest at 95 %", MAIN, DOTTED, &xs, of(&|point| point.accuracy_high)),
        line("estimate without labels", BAD, DASHED, &xs, of(&|point| point.estimate)),
    ];
    series.retain(|line| line.ys.iter().any(|y| y.is_finite()));
    if let Some((_, low, high)) = timeline.usual_accuracy.filter(|_| !series.is_empty()) {
        series.extend([level("usual, from", OTHER, &xs, low), level("usual, to", OTHER, &xs, high)]);
    }
    spec(format!("{}: model quality", args.monitor), "accuracy", args, series)
}

/// All of it, a line for each column and bucket; empty where there is no number.
fn csv(timeline: &Timeline, args: &SaveDrift) -> String {
    let number =
        |value: Option<f64>| value.filter(|value| value.is_finite()).map(|v| v.to_string()).unwrap_or_default();
    let mut out = String::new();
    if args.what == DriftChart::Quality {
        out.push_str(
            "from_unix,till_unix,rows,labelled,accuracy,accuracy_low,accuracy_high,estimate,f1,auroc,mae,rmse\n",
        );
        for (bucket, point) in timeline.buckets.iter().zip(&timeline.quality) {
            let p = point.clone().unwrap_or_default();
            let numbers = [p.accuracy, p.accuracy_low, p.accuracy_high, p.estimate, p.f1, p.auroc, p.mae, p.rmse];
            let rest = numbers.map(number).join(",");
            let _ = writeln!(out, "{},{},{},{},{rest}", bucket.from * HOUR, bucket.till * HOUR, p.rows, p.labelled);
        }
        return out;
    }
    out.push_str("column,from_unix,till_unix,rows,verdict,effect_in_thresholds,js,psi,p_adjusted,nulls,mean\n");
    for column in timeline.columns.iter().filter(|column| args.column.as_ref().is_none_or(|name| *name == column.name))
    {
        for (bucket, point) in timeline.buckets.iter().zip(&column.points) {
            let head = format!(
                "{},{},{},{}",
                crate::export::quote(&column.name),
                bucket.from * HOUR,
                bucket.till * HOUR,
                bucket.rows
            );
            let Some(p) = point else {
                let _ = writeln!(out, "{head},,,,,,,");
                continue;
            };
            let numbers = [Some(p.strength), p.js, p.psi, p.p_adjusted, Some(p.nulls), p.mean].map(number).join(",");
            let _ = writeln!(out, "{head},{},{numbers}", p.verdict.words());
        }
    }
    out
}
