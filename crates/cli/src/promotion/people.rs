//! `signalbox share`, `approve` and `approval`: a plan goes to a colleague as a file, and their word comes back as a line.

use std::io::{Read as _, Write as _};
use std::path::Path;

use serde_json::{Value, json};
use signalbox_app::App;

use super::{call, hash_of, plan_of, show, text};
use crate::Out;
use crate::arguments::promotion::{Approval, Approve, Share};
use crate::failure::{Failure, Outcome};

/// Above any plan; the app has a limit of its own.
const MAX_BYTES: u64 = 32 << 20;

pub fn share(app: &App, arguments: &Share) -> Result<Outcome, Failure> {
    let plan = plan_of(app, &arguments.plan)?;
    let file = call(app, "plan_file", json!({ "plan": plan["row"]["id"] }))?;
    let file = file.as_str().unwrap_or_default();
    let Some(path) = &arguments.file else {
        let mut out = Out::stdout();
        out.line(file)?;
        return out.end(Outcome::Done);
    };
    let system =
        |e: std::io::Error| Failure::System(format!("{}: {e}", crate::grid::calm(&path.display().to_string())));
    let mut to = std::fs::File::create_new(path).map_err(system)?;
    to.write_all(file.as_bytes()).and_then(|()| to.sync_all()).map_err(system)?;
    let mut out = Out::stdout();
    out.line(format!(
        "{} is written to {}.",
        text(&plan["row"]["title"]),
        crate::grid::calm(&path.display().to_string())
    ))?;
    out.line("A colleague reads it with `signalbox approve FILE`, in the same version of the project.")?;
    out.end(Outcome::Done)
}

pub fn approve(app: &App, arguments: &Approve) -> Result<Outcome, Failure> {
    let is_file = Path::new(&arguments.plan).is_file();
    let plan = if is_file {
        app.recall_folder(&arguments.project)?;
        let file = read(std::fs::File::open(&arguments.plan), &arguments.plan)?;
        call(app, "import_plan", json!({ "text": file }))?
    } else {
        plan_of(app, &arguments.plan)?
    };
    let mut out = Out::stdout();
    let Some(said) = &arguments.hash else {
        if !is_file {
            return Err(Failure::Usage(
                "Which plan you approve is said by its hash.".into(),
                Some("Say it with --hash.".into()),
            ));
        }
        if arguments.json {
            out.line(&plan)?;
            return out.end(Outcome::Done);
        }
        show::plan(&plan, &mut out)?;
        out.line(format!(
            "{} made it on another machine: what its gates say is what that machine says.",
            text(&plan["row"]["made_by"])
        ))?;
        out.line("Nothing is approved yet. If it is right:")?;
        out.line(format!("  signalbox approve {} --hash {}", crate::grid::calm(&arguments.plan), text(&plan["hash"])))?;
        return out.end(Outcome::Done);
    };
    let hash = hash_of(&plan, Some(said))?;
    let mut args = json!({ "plan": plan["row"]["id"], "hash": hash, "withdraw": arguments.withdraw });
    if let Some(comment) = &arguments.comment {
        args["comment"] = comment.as_str().into();
    }
    let plan = call(app, "approve_plan", args)?;
    if arguments.json {
        out.line(&plan)?;
        return out.end(Outcome::Done);
    }
    let done = if arguments.withdraw { "Your approval is taken back." } else { "Your approval is kept." };
    approvals(&plan, done, &mut out)?;
    if plan["foreign"] == true {
        out.line(format!("Send this line to {}:", text(&plan["row"]["made_by"])))?;
        out.line(text(&plan["own_approval"]))?;
    }
    out.end(Outcome::Done)
}

pub fn approval(app: &App, arguments: &Approval) -> Result<Outcome, Failure> {
    let plan = plan_of(app, &arguments.plan)?;
    let line = match arguments.line.as_str() {
        "-" => read(Ok(std::io::stdin().lock()), "the input")?,
        line => line.to_owned(),
    };
    let plan = call(app, "add_approval", json!({ "plan": plan["row"]["id"], "text": line }))?;
    let mut out = Out::stdout();
    approvals(&plan, "The approval is kept.", &mut out)?;
    out.end(Outcome::Done)
}

fn approvals(plan: &Value, done: &str, out: &mut Out) -> Result<(), Failure> {
    let gates = plan["gates"].as_array().cloned().unwrap_or_default();
    let approvals: Vec<_> = gates.into_iter().filter(|gate| gate["gate"] == "approvals").collect();
    out.line(format!("{} {done}", text(&plan["row"]["title"])))?;
    show::gates(&approvals, out)
}

fn read<R: std::io::Read>(from: std::io::Result<R>, name: &str) -> Result<String, Failure> {
    let system = |e: std::io::Error| Failure::System(format!("{}: {e}", crate::grid::calm(name)));
    let mut text = String::new();
    from.map_err(system)?.take(MAX_BYTES).read_to_string(&mut text).map_err(system)?;
    Ok(text)
}
