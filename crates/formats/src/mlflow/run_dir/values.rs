//! Params and tags: one file each, whose whole content is the value.

use std::{collections::BTreeMap, fs::File, io, io::Read, path::Path};

use signalbox_types::{Batch, ParamValue, ProblemKind, RunDelta};

use super::{RunDir, Walked};
use crate::{
    mlflow::{self, keys::Keys},
    stamp::Stamp,
    yaml,
};

/// Longer values are cut.
const MAX_BYTES: u64 = 1 << 20;

/// A value; invalid UTF-8 is replaced, over-long text cut.
pub(super) fn read(path: &Path, bytes_read: &mut u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    *bytes_read += bytes.len() as u64;
    Ok(yaml::cut_text(String::from_utf8_lossy(&bytes).into_owned()))
}

impl RunDir {
    pub(super) fn read_values(&mut self, walked: &Walked, batch: &mut Batch, run: &mut RunDelta) {
        let mut params = std::mem::take(&mut self.state.params);
        let found = self.read_changed(&walked.params, &mut params, batch);
        run.params.extend(found.into_iter().map(|(key, value)| (key, ParamValue::Text(value))));
        self.state.params = params;
        let mut tags = std::mem::take(&mut self.state.tags);
        for (key, value) in self.read_changed(&walked.tags, &mut tags, batch) {
            match key.as_str() {
                mlflow::PARENT => run.head.parent = Some(value.trim().to_owned()),
                mlflow::RUN_NAME if !self.state.named_by_meta && !value.is_empty() => {
                    run.head.name = Some(value.clone());
                }
                mlflow::USER if run.head.user.is_none() && !self.state.told => run.head.user = Some(value.clone()),
                _ => {}
            }
            run.tags.push((key, value));
        }
        self.state.tags = tags;
    }

    fn read_changed(
        &mut self,
        keys: &Keys,
        known: &mut BTreeMap<String, Stamp>,
        batch: &mut Batch,
    ) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for file in &keys.files {
            if known.get(&file.key) == Some(&file.stamp) {
                continue;
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
        out
    }
}
