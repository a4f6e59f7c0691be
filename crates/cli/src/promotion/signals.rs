//! Ctrl-C and SIGTERM while a plan is carried out: the first takes it back, the second leaves it as it stands.

use std::thread;

use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Outcome;

/// From here on, until this process ends. `stop` is called once.
pub fn listen(stop: impl Fn() + Send + 'static) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Made here, so that no signal is missed once this returns.
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let work = move || {
        runtime.block_on(async {
            for n in 0.. {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if n == 0 {
                    eprintln!("Stopping: what was done is taken back. Once more leaves it as it stands.");
                    stop();
                } else {
                    eprintln!("Left as it stands: `signalbox status` says how, `signalbox resume` goes on or back.");
                    std::process::exit(i32::from(Outcome::Open.code()));
                }
            }
        });
    };
    thread::Builder::new().name("signals".into()).spawn(work).map(drop)
}
