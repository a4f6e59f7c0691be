//! What a person says of which records are one training: kept with our own data, by project.

use super::{ByHand, own_key};
use crate::app::App;
use crate::project::OpenProject;
use crate::wire::*;
use signalbox_types::RunId;
use std::collections::BTreeSet;
use std::path::Path;

/// The preference that keeps it.
pub(crate) fn pref_of(root: &Path) -> String {
    format!("one-training:{}", root.display())
}

impl App {
    pub(crate) fn said_of_runs(&self, root: &Path) -> Result<ByHand, CallError> {
        let text = self.write(|store| store.pref(&pref_of(root)))?;
        // What cannot be understood says nothing.
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// They are one training, whatever they look like.
    pub(crate) fn join_runs(&self, args: JoinRuns) -> Result<(), CallError> {
        let project = self.project(args.project)?;
        let keys: BTreeSet<String> = {
            let catalogue = project.catalogue();
            let runs = args.runs.iter().filter_map(|id| catalogue.get(RunId(*id)));
            let records = runs.flat_map(|run| run.records()).filter_map(|id| catalogue.record(id));
            records.map(own_key).collect()
        };
        if keys.len() < 2 {
            return Err(CallError::new(ErrorCode::BadRequest, "Two runs or more are joined."));
        }
        let mut said = project.catalogue().by_hand().clone();
        said.split.retain(|key| !keys.contains(key));
        let (with, without): (Vec<_>, Vec<_>) =
            std::mem::take(&mut said.joined).into_iter().partition(|list| list.iter().any(|key| keys.contains(key)));
        let all: BTreeSet<String> = with.into_iter().flatten().chain(keys).collect();
        said.joined = without;
        said.joined.push(all.into_iter().collect());
        self.say_of_runs(&project, said)
    }

    /// The record is a run of its own, and stays so.
    pub(crate) fn split_run(&self, args: SplitRun) -> Result<(), CallError> {
        let project = self.project(args.project)?;
        let key = project.catalogue().record(RunId(args.record)).map(own_key);
        let Some(key) = key else {
            return Err(CallError::new(ErrorCode::NotFound, "This record is no longer there."));
        };
        let mut said = project.catalogue().by_hand().clone();
        for list in &mut said.joined {
            list.retain(|known| *known != key);
        }
        said.joined.retain(|list| list.len() > 1);
        said.split.insert(key);
        self.say_of_runs(&project, said)
    }

    fn say_of_runs(&self, project: &OpenProject, said: ByHand) -> Result<(), CallError> {
        let text = serde_json::to_string(&said).map_err(|e| CallError::new(ErrorCode::Internal, e.to_string()))?;
        self.write(|store| store.set_pref(&pref_of(&project.root), &text))?;
        {
            let mut catalogue = project.write();
            catalogue.set_by_hand(said);
            catalogue.regroup();
        }
        crate::live::look(self, project);
        self.0.events.runs(project.id.0, project.catalogue().version, None);
        Ok(())
    }
}
