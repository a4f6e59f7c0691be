//! The peers' own definitions, each by its name, so that a number that a team knows can be had again. Sources and
//! versions: Evidently 0.7.23 (`legacy/calculations/stattests`), NannyML 0.13.1 (`drift/univariate/methods.py`), and those
//! that each module names.

pub mod deepchecks;
pub mod evidently;
pub mod frouros;
pub mod nannyml;
pub mod scouter;
pub mod tfdv;
pub mod whylogs;
