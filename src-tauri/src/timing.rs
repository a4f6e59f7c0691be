//! How long the start took, printed in ms since this process began when `SIGNALBOX_TIMING` is set: what the shell did,
//! then of what the page tells: `first-paint` (the empty frame) and `first-rows` (the table's first row is painted).

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// The name under which the page reports, among the app's commands.
pub const PAINTED: &str = "__painted";

pub fn wanted() -> bool {
    std::env::var_os("SIGNALBOX_TIMING").is_some()
}

/// Prints how long ago this process began.
pub fn mark(what: &str) {
    if wanted()
        && let (Some(now), Some(began)) = (unix_ms(), began_unix_ms())
    {
        println!("{what} {:.0}", now - began);
    }
}

/// Runs in the page before its own scripts.
pub const SCRIPT: &str = r#"
const painted = (what, at) => window.__TAURI_INTERNALS__.invoke("call", {
  name: "__painted", args: { what, unix_ms: performance.timeOrigin + at },
});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (entry.name === "first-contentful-paint") painted("first-paint", entry.startTime);
}).observe({ type: "paint", buffered: true });
new MutationObserver((_, observer) => {
  if (!document.querySelector('[role="grid"] [role="gridcell"]')) return;
  observer.disconnect();
  // Twice: the first callback is before the frame with the row is painted, the second after.
  requestAnimationFrame(() => requestAnimationFrame(() => painted("first-rows", performance.now())));
}).observe(document, { childList: true, subtree: true });
"#;

/// `args`: `what` was painted, and at what wall clock, `unix_ms`.
pub fn painted(args: &Value) {
    let what = args["what"].as_str().filter(|what| matches!(*what, "first-paint" | "first-rows"));
    if let (true, Some(what), Some(unix_ms), Some(began)) = (wanted(), what, args["unix_ms"].as_f64(), began_unix_ms())
    {
        println!("{what} {:.0}", unix_ms - began);
    }
}

fn unix_ms() -> Option<f64> {
    Some(SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs_f64() * 1e3)
}

/// Wall clock at which this process was started, by the kernel's own record (to 10 ms).
#[cfg(target_os = "linux")]
fn began_unix_ms() -> Option<f64> {
    /// Linux counts in USER_HZ, 100 on every platform that it is built for here.
    const TICKS_PER_SEC: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let started = start_ticks(&stat)? / TICKS_PER_SEC;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let up: f64 = uptime.split(' ').next()?.parse().ok()?;
    Some(unix_ms()? - (up - started) * 1e3)
}

#[cfg(not(target_os = "linux"))]
fn began_unix_ms() -> Option<f64> {
    None
}

/// Field 22 of proc(5)'s stat. The program's name, field 2, may hold spaces and brackets itself.
fn start_ticks(stat: &str) -> Option<f64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_began_a_moment_ago() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64() * 1e3;
        let age = now - began_unix_ms().expect("a start");
        assert!((-50.0..600_000.0).contains(&age), "{age} ms");
        assert_eq!(start_ticks("7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 0"), Some(4242.0));
    }
}
