//! Ctrl-C and SIGTERM while something is under way: the first and the second mean different things.

use std::thread;

use tokio::signal::unix::{SignalKind, signal};

/// From here on, until this process ends. `first` is called once; `again`, at each signal after it, ends the process.
pub fn listen(first: impl Fn() + Send + 'static, again: impl Fn() + Send + 'static) -> std::io::Result<()> {
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
                if n == 0 { first() } else { again() }
            }
        });
    };
    thread::Builder::new().name("signals".into()).spawn(work).map(drop)
}
