//! A run's and an experiment's `meta.yaml`, as far as they tell.

use serde_norway::Mapping;
use signalbox_types::{Lifecycle, RunHead};

use crate::{mlflow, yaml};

/// What a run's `meta.yaml` says; absent fields say nothing.
pub(crate) fn head(meta: &Mapping) -> RunHead {
    let text = |key| yaml::text(meta, key).filter(|s| !s.is_empty());
    RunHead {
        name: text("run_name"),
        // Old versions leave it out while the run is running; a word stands where a number should in some exports.
        status: Some(text("status").map_or(signalbox_types::Status::Running, |s| mlflow::status(&s))),
        started: yaml::integer(meta, "start_time").map(mlflow::seconds),
        ended: Some(yaml::integer(meta, "end_time").map(mlflow::seconds)),
        user: text("user_id"),
        lifecycle: Some(lifecycle(meta)),
        ..RunHead::default()
    }
}

/// Missing means active.
pub(crate) fn lifecycle(meta: &Mapping) -> Lifecycle {
    match yaml::text(meta, "lifecycle_stage").as_deref() {
        Some("deleted") => Lifecycle::Deleted,
        _ => Lifecycle::Active,
    }
}

#[cfg(test)]
mod tests {
    use signalbox_types::Status;

    use super::*;

    fn of(text: &str) -> RunHead {
        head(&yaml::parse_mapping(text.as_bytes()).unwrap())
    }

    #[test]
    fn heads() {
        let running = of("run_name: a\nstatus: 1\nstart_time: 1795247717758\nend_time: null\nuser_id: root\n");
        assert_eq!(running.status, Some(Status::Running));
        assert_eq!(running.started, Some(1_795_247_717.758));
        assert_eq!(running.ended, Some(None));
        assert_eq!(running.user.as_deref(), Some("root"));
        let old = of("start_time: 5\nend_time: 1500\nrun_name: ''\nlifecycle_stage: deleted\nstatus: 3\n");
        assert_eq!((old.name, old.ended, old.lifecycle), (None, Some(Some(1.5)), Some(Lifecycle::Deleted)));
        let odd = of("run_name: 12\nstatus: KILLED\nstart_time: soon\n");
        assert_eq!((odd.name.as_deref(), odd.status, odd.started), (Some("12"), Some(Status::Killed), None));
        assert_eq!(of("experiment_id: '0'\n").status, Some(Status::Running));
    }
}
