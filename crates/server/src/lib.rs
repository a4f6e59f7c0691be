//! The HTTP edge on loopback: the page and the commands of [`signalbox_app::App`] for a machine without a display.
//!
//! Listens on 127.0.0.1 only. Answers nobody who does not show the token of this start, and no request that a page
//! of another site could have made (Host and Origin are checked). Decides nothing: names, JSON and bytes go through.

mod api;
mod door;
mod page;
mod serve;
mod token;

pub use serve::{Address, ServeError, Stopper, serve};
