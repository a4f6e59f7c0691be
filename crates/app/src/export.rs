//! Out of the store: every logged point as CSV, charts as SVG or PNG.

use crate::App;
use crate::catalogue::Catalogue;
use crate::project::OpenProject;
use crate::wire::*;
use signalbox_plot::{AxisKind, ChartSeries, ChartSpec};
use signalbox_series as series;
use signalbox_store::{Drawn, FrameQuery, StoreReader};
use signalbox_types::{ProjectId, RunId};
use std::fmt::Write;

/// `catalogue`: of the project; `None` if it is not open.
pub(crate) fn frame_query(args: &FrameArgs, catalogue: Option<&Catalogue>) -> FrameQuery {
    FrameQuery {
        project: ProjectId(args.project),
        metric: args.metric.clone(),
        runs: args.runs.iter().map(|run| drawn(catalogue, RunId(*run), &args.metric)).collect(),
        axis: axis(args.x),
        x0: args.x0,
        x1: args.x1,
        width: args.width.clamp(1, 16_384),
        smooth: smooth(args.smooth),
    }
}

/// Whose points a run's line is made of.
fn drawn(catalogue: Option<&Catalogue>, run: RunId, metric: &str) -> Drawn {
    let home = catalogue.and_then(|all| Some(all.get(run)?.home(all.metric_id(metric)?)));
    Drawn { record: home.unwrap_or(run), shown: run }
}

fn axis(x: XAxis) -> series::Axis {
    match x {
        XAxis::Step => series::Axis::Step,
        XAxis::Relative => series::Axis::Relative,
        XAxis::Wall => series::Axis::Wall,
    }
}

fn smooth(s: Smooth) -> series::Smooth {
    let amount = if s.amount.is_finite() { s.amount } else { 0.0 };
    match s.kind {
        SmoothKind::None => series::Smooth::None,
        SmoothKind::Ema => series::Smooth::Ema(amount.clamp(0.0, 0.9999)),
        SmoothKind::Gaussian => series::Smooth::Gaussian(amount.clamp(0.0, 1e6)),
        SmoothKind::Mean => series::Smooth::Mean(amount.clamp(1.0, 1e7)),
    }
}

/// Every point that was logged, in writing order, a row each: `run,run_id,metric,part,step,time,value`. Numbers are
/// printed so that reading them gives the same bits back; non-finite ones as NaN, Infinity, -Infinity.
pub(crate) fn csv(
    project: &OpenProject,
    reader: &StoreReader,
    runs: &[RunId],
    metrics: &[String],
) -> Result<String, CallError> {
    let catalogue = project.catalogue();
    let mut out = String::from("run,run_id,metric,part,step,time,value\n");
    for id in runs {
        let run = catalogue.get(*id).ok_or_else(|| CallError::new(ErrorCode::NotFound, "A run is not there."))?;
        for m in &run.row.metrics {
            let name = catalogue.metric_name(m.metric);
            if !metrics.is_empty() && !metrics.iter().any(|n| n == name) {
                continue;
            }
            let head = format!("{},{},{}", quote(&run.name), quote(run.own_id()), quote(name));
            for part in reader.points(run.home(m.metric), m.metric)? {
                let part_name = quote(&part.part);
                for p in part.points.iter() {
                    let time = if p.time.is_nan() { String::new() } else { p.time.to_string() };
                    let _ = writeln!(out, "{head},{part_name},{},{time},{}", p.step, number(p.value));
                }
            }
        }
    }
    Ok(out)
}

fn number(x: f64) -> String {
    signalbox_types::number_json(x).map_or_else(|| x.to_string(), str::to_owned)
}

/// RFC 4180. A text that a spreadsheet would run as a formula is not changed: the export equals the log.
pub(crate) fn quote(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// The bytes of a file: CSV of all points, or the chart of one metric as SVG or PNG.
pub(crate) fn bytes(project: &OpenProject, reader: &StoreReader, args: &SaveExport) -> Result<Vec<u8>, CallError> {
    let runs: Vec<RunId> = args.runs.iter().map(|r| RunId(*r)).collect();
    let drawn = |e: signalbox_plot::ChartError| CallError::new(ErrorCode::Internal, format!("{e}."));
    match args.format {
        ExportFormat::Csv => csv(project, reader, &runs, &args.metrics).map(String::into_bytes),
        ExportFormat::Svg => {
            signalbox_plot::svg(&chart(project, reader, &runs, args)?).map(String::into_bytes).map_err(drawn)
        }
        ExportFormat::Png => signalbox_plot::png(&chart(project, reader, &runs, args)?).map_err(drawn),
    }
}

pub(crate) fn export(app: &App, args: &SaveExport) -> Result<Vec<u8>, CallError> {
    let project = app.project(args.project)?;
    app.with_reader(|reader| bytes(&project, reader, args))
}

/// The chart of one metric, 1,000 × 560 pixels, from the same frames as the screen's.
fn chart(
    project: &OpenProject,
    reader: &StoreReader,
    runs: &[RunId],
    args: &SaveExport,
) -> Result<ChartSpec, CallError> {
    let Some(metric) = args.metrics.first() else {
        return Err(CallError::new(ErrorCode::BadRequest, "A chart shows one metric.").hint("Name it."));
    };
    let drawn = runs.iter().map(|run| drawn(Some(&project.catalogue()), *run, metric)).collect();
    let bytes = reader.frame(&FrameQuery {
        project: project.id,
        metric: metric.clone(),
        runs: drawn,
        axis: axis(args.x),
        x0: None,
        x1: None,
        width: 2000,
        smooth: smooth(args.smooth),
    })?;
    let lines = crate::frame::decode(&bytes)
        .ok_or_else(|| CallError::new(ErrorCode::Internal, "The chart's data do not decode; please report it."))?;
    let catalogue = project.catalogue();
    let series = lines
        .into_iter()
        .map(|s| {
            let run = catalogue.get(RunId(s.run));
            let (xs, ys) = finite_x(s.x, s.y);
            ChartSeries {
                name: run.map_or_else(String::new, |r| r.name.clone()),
                color_index: run.map_or(0, |r| usize::from(r.color)),
                dash: run.map_or(0, |r| usize::from(r.dash)),
                xs,
                ys,
                raw: if s.raw_x.is_empty() { None } else { Some(finite_x(s.raw_x, s.raw_y)) },
                marks: Some(s.marks),
            }
        })
        .collect();
    Ok(ChartSpec {
        title: metric.clone(),
        x_label: match args.x {
            XAxis::Step => "step",
            XAxis::Relative => "time since start",
            XAxis::Wall => "time",
        }
        .to_owned(),
        x_kind: match args.x {
            XAxis::Step => AxisKind::Number,
            XAxis::Relative => AxisKind::Duration,
            XAxis::Wall => AxisKind::UnixTime,
        },
        y_label: String::new(),
        log_y: args.log_y,
        dark: args.dark,
        series,
        width: 1000,
        height: 560,
    })
}

/// Points without an x (a source that tells no time) cannot lie on this axis.
fn finite_x(x: Vec<f64>, y: Vec<f64>) -> (Vec<f64>, Vec<f64>) {
    x.into_iter().zip(y).filter(|(x, _)| x.is_finite()).unzip()
}

/// Asks the person where to, then makes the bytes and writes them.
pub(crate) fn save(
    app: &App,
    name: &str,
    bytes: impl FnOnce() -> Result<Vec<u8>, CallError>,
) -> Result<PickedPath, CallError> {
    let Some(desktop) = &app.0.options.desktop else {
        return Err(CallError::new(ErrorCode::Refused, "There is no desktop here that could ask for a file name.")
            .hint("The page downloads the file instead."));
    };
    // Only a name: the person chooses the folder.
    let name: String = name.chars().filter(|c| !c.is_control() && !matches!(c, '/' | '\\')).take(120).collect();
    let Some(path) = desktop.save_file(&name) else { return Ok(PickedPath { path: None }) };
    std::fs::write(&path, bytes()?).map_err(|e| {
        CallError::new(ErrorCode::Unreadable, format!("{} was not written: {e}.", path.display()))
            .hint("Choose another folder.")
    })?;
    Ok(PickedPath { path: Some(path.display().to_string()) })
}

impl App {
    pub(crate) fn export_csv(&self, args: ExportCsv) -> Result<ExportedText, CallError> {
        let project = self.project(args.project)?;
        let runs: Vec<RunId> = args.runs.iter().map(|r| RunId(*r)).collect();
        let text = self.with_reader(|reader| csv(&project, reader, &runs, &args.metrics))?;
        Ok(ExportedText { text })
    }

    pub(crate) fn save_export(&self, args: SaveExport) -> Result<PickedPath, CallError> {
        save(self, &args.name, || export(self, &args))
    }

    pub(crate) fn artifact_bytes(&self, args: &ArtifactBlob) -> Result<Vec<u8>, CallError> {
        self.artifacts_of(RunId(args.run), &args.path)?.read(&args.path, args.max_bytes)
    }
}
