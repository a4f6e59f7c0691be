//! The same plan on real engines, beside the local kernel: every count of every cell is the same.
//!
//! Debian's Postgres; Sail and chDB (ClickHouse in Python) of the Python that `SIGNALBOX_PYTHON_ENGINES` names. Each is
//! started on a free port of this machine and ended with its test.
//!
//! `SIGNALBOX_PYTHON_ENGINES=… cargo test -p signalbox-engines --features real-engines --test real_engines`

mod clickhouse;
mod postgres;
mod rows;
mod sail;
mod server;
