//! `signalbox serve`: the window's page for a browser on this machine.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;
use signalbox_app::App;

use crate::arguments::Serve;
use crate::failure::{Failure, Outcome};
use crate::own::{self, absolute};

pub fn run(arguments: &Serve, data_dir: Option<PathBuf>) -> Result<Outcome, Failure> {
    let app = own::open(data_dir)?;
    let result = serve(&app, arguments);
    app.shutdown();
    result
}

fn serve(app: &App, arguments: &Serve) -> Result<Outcome, Failure> {
    let mut fragment = String::new();
    for path in &arguments.paths {
        let path = absolute(path)?;
        let Some(text) = path.to_str() else {
            // A name that is no Unicode fits into no command's arguments; the page lists the project.
            app.open_paths(&[path]);
            continue;
        };
        let project = app.call("open_project", json!({ "path": text }))?;
        fragment = format!("#/p/{}/runs", project["id"]);
    }
    let mut said = Ok(());
    signalbox_server::serve(app.clone(), arguments.port, |address, _| {
        // Scripts read the first line; a browser keeps the fragment over the redirect.
        let mut out = std::io::stdout().lock();
        said = writeln!(out, "Signalbox is at {}{fragment}", address.url).and_then(|()| out.flush());
        eprintln!("The address holds the key; it is good on this machine until Ctrl-C.");
    })
    .map_err(|e| Failure::System(e.to_string()))?;
    said?;
    Ok(Outcome::Done)
}
