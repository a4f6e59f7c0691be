//! The person's own words on a project, as JSON: what no folder has, to be kept elsewhere before it is forgotten.

use crate::app::{App, now};
use crate::project::show;
use crate::wire::*;
use serde_json::{Value, json};

/// `{"signalbox_words": 1, "project", "exported", "runs": [{"source", "key", "name", "note", "tags", "color", "hidden",
/// "pinned"}], "joined": [[…]], "apart": […], "monitors": {…}}`. A record is named in `joined` and `apart` by format,
/// path and key, a line each.
pub(crate) fn bytes(app: &App, args: &SaveWords) -> Result<Vec<u8>, CallError> {
    let row = app.known(args.project)?;
    let said = app.said_of_runs(&row.path)?;
    let runs: Vec<Value> = app
        .with_reader(|reader| Ok(reader.annotations(row.id)?))?
        .into_iter()
        .map(|(rel, key, own)| {
            json!({ "source": show(&rel), "key": key, "name": own.name, "note": own.note, "tags": own.tags,
                    "color": own.color, "hidden": own.hidden, "pinned": own.pinned })
        })
        .collect();
    let document = json!({
        "signalbox_words": 1, "project": show(&row.path), "exported": now(), "runs": runs,
        "joined": said.joined, "apart": said.split, "monitors": app.saved_monitors(&row.path)?,
    });
    let mut bytes =
        serde_json::to_vec_pretty(&document).map_err(|e| CallError::new(ErrorCode::Internal, e.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl App {
    pub(crate) fn save_words(&self, args: SaveWords) -> Result<PickedPath, CallError> {
        crate::export::save(self, &args.name, || bytes(self, &args))
    }

    /// The same for a shell that knows where it goes.
    pub fn words(&self, project: u32) -> Result<Vec<u8>, CallError> {
        bytes(self, &SaveWords { name: String::new(), project })
    }
}
