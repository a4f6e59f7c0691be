//! Params and tags: one file each, whose whole content is the value.

use std::{collections::BTreeMap, io, ops::ControlFlow, path::Path};

use signalbox_types::{Batch, ParamValue, ProblemKind, RunDelta};

use super::{RunDir, Walked};
use crate::{
    bounded,
    mlflow::{self, keys::Keys},
    stamp::Stamp,
    yaml,
};

/// Longer values are cut.
const MAX_BYTES: u64 = 1 << 20;

/// A value; invalid UTF-8 is replaced, over-long text cut.
pub(super) fn read(path: &Path, bytes_read: &mut u64) -> io::Result<String> {
    let bytes = bounded::read(path, MAX_BYTES, bytes_read)?;
    Ok(yaml::cut_text(String::from_utf8_lossy(&bytes).into_owned()))
}

impl RunDir {
    /// Reads about `budget` bytes of values. `Break`: there are more.
    pub(super) fn read_values(
        &mut self,
        walked: &Walked,
        budget: usize,
        batch: &mut Batch,
        run: &mut RunDelta,
    ) -> ControlFlow<()> {
        let end = batch.bytes_read.saturating_add(budget as u64);
        let mut params = std::mem::take(&mut self.state.params);
        let (found, params_flow) = self.read_changed(&walked.params, &mut params, end, batch);
        run.params.extend(found.into_iter().map(|(key, value)| (key, ParamValue::Text(value))));
        self.state.params = params;
        let mut tags = std::mem::take(&mut self.state.tags);
        let (found, tags_flow) = self.read_changed(&walked.tags, &mut tags, end, batch);
        for (key, value) in found {
            match key.as_str() {
                mlflow::PARENT => run.head.parent = Some(value.trim().to_owned()),
                mlflow::RUN_NAME if !self.state.named_by_meta && !value.is_empty() => {
                    run.head.name = Some(value.clone());
                }
                mlflow::USER if !self.state.user_by_meta => run.head.user = Some(value.clone()),
                _ => {}
            }
            run.tags.push((key, value));
        }
        self.state.tags = tags;
        if params_flow.is_break() { params_flow } else { tags_flow }
    }

    /// Values that changed, until `end` bytes were read.
    fn read_changed(
        &mut self,
        keys: &Keys,
        known: &mut BTreeMap<String, Stamp>,
        end: u64,
        batch: &mut Batch,
    ) -> (Vec<(String, String)>, ControlFlow<()>) {
        let mut out = Vec::new();
        for file in &keys.files {
            if known.get(&file.key) == Some(&file.stamp) {
                continue;
            }
            if batch.bytes_read >= end {
                return (out, ControlFlow::Break(()));
            }
            match read(&file.path, &mut batch.bytes_read) {
                Ok(value) => {
                    self.heal(&file.path, batch);
                    known.insert(file.key.clone(), file.stamp);
                    out.push((file.key.clone(), value));
                }
                Err(e) if crate::stamp::is_absent(&e) => {}
                Err(e) => {
                    let message = format!("The value cannot be read ({e}); it is tried again when it changes.");
                    self.fail(&file.path, ProblemKind::Unreadable, message, batch);
                }
            }
        }
        (out, ControlFlow::Continue(()))
    }
}
