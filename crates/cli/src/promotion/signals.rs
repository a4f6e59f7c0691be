//! Ctrl-C and SIGTERM while a plan is carried out: the first takes it back, the second leaves it as it stands.

use crate::failure::Outcome;

/// From here on, until this process ends. `stop` is called once.
pub fn listen(stop: impl Fn() + Send + 'static) -> std::io::Result<()> {
    let first = move || {
        eprintln!("Stopping: what was done is taken back. Once more leaves it as it stands.");
        stop();
    };
    crate::signals::listen(first, || {
        eprintln!("Left as it stands: `signalbox status` says how, `signalbox resume` goes on or back.");
        std::process::exit(i32::from(Outcome::Open.code()));
    })
}
