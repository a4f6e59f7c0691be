//! When data outgrow the laptop: the profile plan of a frozen reference runs where the data live, and only cells come
//! back.
//!
//! A [`Plan`] is made of a reference and of what an engine's catalogue says of a table. It is printed as SQL in the
//! engine's words ([`Plan::statements`]) and counted there; what returns are counts on the frozen bins by hour and
//! segment, never a row. Counts are the local kernel's, integer for integer; sums are its up to rounding, since nobody
//! adds in the same order twice. Where that cannot be held, the plan refuses and says why.
//!
//! Nothing is written to an engine: transactions are read only where there is such a thing, all statements are `SELECT`.
//! Labels are no part of it: [`Cell::quality`](signalbox_drift::monitor::Cell) is `None`.

mod address;
mod cancel;
mod cells;
mod described;
mod dialect;
mod engine;
mod error;
mod name;
mod plan;
mod pull;

pub use address::{Address, Password, origin};
pub use cancel::Cancel;
pub use described::{Described, Estimate, RemoteColumn, Shape};
pub use engine::{Connection, Limits};
pub use error::EngineError;
pub use name::TableName;
pub use plan::{How, Plan, PlanColumn, Statement, Wanted};

/// What speaks SQL over there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Postgres,
    ClickHouse,
    /// Spark Connect: Spark, Sail.
    Spark,
}

impl Engine {
    pub const fn name(self) -> &'static str {
        match self {
            Engine::Postgres => "Postgres",
            Engine::ClickHouse => "ClickHouse",
            Engine::Spark => "Spark Connect",
        }
    }
}
