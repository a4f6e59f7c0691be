//! A request on its way through a version: keeps the version loaded until its answer has gone out, and is counted.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::Instant;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use crate::held;
use crate::server::Server;

/// In a version from when it was chosen until this is dropped.
pub struct Visit {
    pub server: Arc<Server>,
    since: Instant,
    /// Signalbox's own questions are not traffic.
    counted: bool,
}

impl Visit {
    /// Under the lock of the service's table: a version that was taken out of it gets no new one.
    pub fn new(server: &Arc<Server>) -> Visit {
        server.enter();
        Visit { server: server.clone(), since: Instant::now(), counted: true }
    }

    pub fn is_not_traffic(&mut self) {
        self.counted = false;
    }

    /// Counts it. One that the caller breaks off is not counted: it says nothing of the version.
    fn ends(&mut self, failed: bool) {
        if std::mem::take(&mut self.counted) {
            held(&self.server.tally).add(now_secs(), self.since.elapsed(), failed);
        }
    }

    /// It got no answer from the version.
    pub fn fails(mut self) {
        self.ends(true);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.server.leave();
    }
}

/// Seconds of a clock that nobody sets, for [`crate::tally::Tally`].
pub fn now_secs() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs()
}

/// A version's answer, passed on as it comes.
pub struct Tracked {
    body: Incoming,
    visit: Visit,
    failed: bool,
}

impl Tracked {
    pub fn new(body: Incoming, visit: Visit, failed: bool) -> Tracked {
        let mut tracked = Tracked { body, visit, failed };
        tracked.note();
        tracked
    }

    fn note(&mut self) {
        if self.body.is_end_stream() {
            self.visit.ends(self.failed);
        }
    }
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        let this = &mut *self;
        match &frame {
            Poll::Ready(None) => this.visit.ends(this.failed),
            // Broken off by the version, not by the caller.
            Poll::Ready(Some(Err(_))) => this.visit.ends(true),
            _ => this.note(),
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
