//! `signalbox plan`: proposed, judged, kept and shown.

use std::path::Path;

use console::style;
use serde_json::json;
use signalbox_app::{App, ErrorCode};

use super::{call, show, text};
use crate::Out;
use crate::arguments::promotion::Plan;
use crate::failure::{Failure, Outcome};
use crate::reading::with_bar;

/// Says how it is allowed from here.
fn with_command(failure: Failure, project: &Path) -> Failure {
    match failure {
        Failure::Refused(mut e) if e.code == ErrorCode::NotAllowed => {
            let hint = e.hint.unwrap_or_default();
            e.hint = Some(format!("{hint} `signalbox allow {} --models` does.", project.display()));
            Failure::Refused(e)
        }
        other => other,
    }
}

pub fn run(app: &App, arguments: &Plan) -> Result<Outcome, Failure> {
    let project = with_bar(&arguments.project, |progress| app.read_folder(&arguments.project, progress))?;
    let mut args = json!({ "project": project.id });
    if let Some(run) = &arguments.run {
        args["run"] = app.find_run(project.id, run)?.into();
    }
    let given = [
        ("path", &arguments.path),
        ("model", &arguments.model),
        ("version", &arguments.version),
        ("registry", &arguments.registry),
    ];
    for (name, value) in given.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        args[name] = value.as_str().into();
    }
    let plan = call(app, "propose", args).map_err(|failure| with_command(failure, &arguments.project))?;
    let mut out = Out::stdout();
    if arguments.json {
        out.line(&plan)?;
        return out.end(Outcome::Done);
    }
    show::plan(&plan, &mut out)?;
    let id = text(&plan["row"]["id"]);
    out.line(style("Nothing was changed. The plan is kept:").dim())?;
    out.line(style(format!("  signalbox apply {id} --dry-run")).dim())?;
    out.line(style(format!("  signalbox apply {id}")).dim())?;
    out.end(Outcome::Done)
}
