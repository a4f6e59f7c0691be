//! The readers' handle.
#![allow(unused_variables)] // bodies follow in the next commits

use signalbox_types::{DatasetRef, MetricId, Points, ProjectId, RunId, SourceId, TextRecord};

use crate::{FrameQuery, ModelRow, PartPoints, ProblemRow, ProjectRow, Result, RunRow, SourceRow, StoreError};

/// A read-only connection. `Send`, not `Sync`: one per thread.
pub struct StoreReader {
    _connection: std::cell::RefCell<()>,
}

fn soon<T>() -> Result<T> {
    Err(StoreError::Damaged { what: "the store is still being built".into() })
}

impl StoreReader {
    /// Latest opened first.
    pub fn projects(&self) -> Result<Vec<ProjectRow>> {
        soon()
    }

    pub fn sources(&self, project: ProjectId) -> Result<Vec<SourceRow>> {
        soon()
    }

    /// Every run of a project, by id.
    pub fn load_runs(&self, project: ProjectId) -> Result<Vec<RunRow>> {
        soon()
    }

    /// Those that exist, in the order asked for.
    pub fn runs(&self, runs: &[RunId]) -> Result<Vec<RunRow>> {
        soon()
    }

    pub fn metric_names(&self, project: ProjectId) -> Result<Vec<(MetricId, String)>> {
        soon()
    }

    pub fn texts(&self, run: RunId) -> Result<Vec<TextRecord>> {
        soon()
    }

    pub fn datasets(&self, run: RunId) -> Result<Vec<DatasetRef>> {
        soon()
    }

    pub fn models(&self, project: ProjectId) -> Result<Vec<ModelRow>> {
        soon()
    }

    pub fn problems(&self, project: ProjectId) -> Result<Vec<ProblemRow>> {
        soon()
    }

    /// The problems of one source.
    pub fn source_problems(&self, source: SourceId) -> Result<Vec<ProblemRow>> {
        soon()
    }

    /// The problems of the run's source.
    pub fn run_problems(&self, run: RunId) -> Result<Vec<ProblemRow>> {
        soon()
    }

    /// Every point that was logged, part by part: what an export writes. Empty if the run has no such metric.
    pub fn points(&self, run: RunId, metric: MetricId) -> Result<Vec<PartPoints>> {
        soon()
    }

    /// The line: for each step the last writer's point, ascending, without what a restart took back.
    pub fn line(&self, run: RunId, metric: MetricId) -> Result<Points> {
        soon()
    }

    /// The binary frame that a chart draws; see `signalbox_series::frame`.
    pub fn frame(&self, query: &FrameQuery) -> Result<Vec<u8>> {
        soon()
    }
}
