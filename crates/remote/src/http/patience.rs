//! How long a call may take, and whether the person still wants it. One for all requests that a call is made of.

use std::future::Future;
use std::pin::pin;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use signalbox_release::{Cancel, Cx, Failure, FailureCode};
use tokio::runtime::{Builder, Runtime};

/// How often it is looked whether a call was stopped.
const TICK: Duration = Duration::from_millis(50);
/// No call takes longer; and a sum of times that overflows none.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Debug)]
pub struct Patience {
    limit: Duration,
    until: Instant,
    cancel: Cancel,
}

impl Patience {
    /// From now on.
    pub fn new(cx: &Cx) -> Patience {
        let limit = cx.limit.min(LONGEST);
        Patience { limit, until: Instant::now() + limit, cancel: cx.cancel.clone() }
    }

    /// The same, but for no longer than `limit` from now on.
    pub fn within(&self, limit: Duration) -> Patience {
        let limit = limit.min(self.left());
        Patience { limit, until: Instant::now() + limit, cancel: self.cancel.clone() }
    }

    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// A failure if it is at an end.
    pub fn check(&self) -> Result<(), Failure> {
        if self.cancel.is_stopped() {
            return Err(Failure::new(FailureCode::Cancelled, "it was stopped"));
        }
        if self.left().is_zero() {
            let secs = self.limit.as_secs_f64();
            return Err(Failure::new(FailureCode::TimedOut, format!("it was not done within {secs:.1} s")));
        }
        Ok(())
    }

    /// Waits for `work` as long as patience lasts. Must not be called on a thread that runs asynchronous work itself.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        runtime().block_on(async {
            let mut work = pin!(work);
            loop {
                tokio::select! {
                    biased;
                    done = &mut work => return Ok(done),
                    () = tokio::time::sleep(TICK.min(self.left())) => self.check()?,
                }
            }
        })
    }

    /// Waits for nothing but time; less if patience ends before.
    pub(crate) fn pause(&self, time: Duration) -> Result<(), Failure> {
        self.wait(async move { tokio::time::sleep(time).await })
    }
}

/// One thread keeps all connections; it lives as long as the process.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let built = Builder::new_multi_thread().worker_threads(1).thread_name("http").enable_all().build();
        built.expect("BUG: the system gives a process one more thread")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_with_the_limit_and_with_the_persons_word() {
        let cx = Cx { cancel: Cancel::default(), limit: Duration::from_millis(80) };
        let began = Instant::now();
        let failure = Patience::new(&cx).pause(Duration::from_secs(60)).expect_err("it ends");
        assert_eq!(failure.code, FailureCode::TimedOut);
        assert!(began.elapsed() >= cx.limit);

        let cx = Cx { cancel: Cancel::default(), limit: Duration::MAX };
        let patience = Patience::new(&cx);
        let stops = std::thread::spawn({
            let cancel = cx.cancel.clone();
            move || cancel.stop()
        });
        let failure = patience.pause(Duration::from_secs(60)).expect_err("it is stopped");
        assert_eq!(failure.code, FailureCode::Cancelled);
        stops.join().expect("it ends");
    }
}
