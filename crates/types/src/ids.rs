//! Ids are rows of our own store. 32 bits, so that they cross to the page as plain numbers.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(/// A watched folder.
    ProjectId);
id!(/// A format at a path inside a project.
    SourceId);
id!(/// One execution that a source tells of. Unique over all projects of a store.
    RunId);
id!(/// A metric's name, interned per project.
    MetricId);
