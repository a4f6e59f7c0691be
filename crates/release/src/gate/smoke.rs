//! Requests to the candidate before it takes traffic: does it answer, how fast.

use std::time::Instant;

use serde_json::json;

use super::{Ruling, Verdict};
use crate::names::{ServiceName, VersionRef};
use crate::plan::Golden;
use crate::policy::LatencyGate;
use crate::ports::{Cx, Target, Whom};

/// Asks the candidate the golden requests over and over, as many times as the policy says.
pub fn smoke(
    gate: &LatencyGate,
    target: &dyn Target,
    service: &ServiceName,
    candidate: &VersionRef,
    golden: &[Golden],
    cx: &Cx,
) -> Verdict {
    const GATE: &str = "latency";
    if golden.is_empty() {
        return Verdict::new(GATE, Ruling::Inconclusive, "there is no request to ask: the model has no input example");
    }
    if !target.caps().ask_candidate {
        return Verdict::new(GATE, Ruling::Inconclusive, "a version without traffic cannot be asked at this target");
    }
    let whom = Whom::Version(candidate.clone());
    let (mut times_ms, mut failures) = (Vec::new(), Vec::new());
    let until = Instant::now() + cx.limit;
    for golden in golden.iter().cycle().take(gate.n_requests as usize) {
        if cx.cancel.is_stopped() {
            return Verdict::new(GATE, Ruling::Error, "it was stopped");
        }
        let limit = until.saturating_duration_since(Instant::now());
        if limit.is_zero() {
            let n = times_ms.len() + failures.len();
            let says = format!("{n} of {} requests took all of {} s", gate.n_requests, cx.limit.as_secs());
            return Verdict::new(GATE, Ruling::Error, says);
        }
        match target.ask(service, &whom, &golden.request, &Cx { limit, ..cx.clone() }) {
            Ok(answer) => match golden.parts_from(&answer.body) {
                None => times_ms.push(answer.took_ms),
                Some(how) => failures.push(format!("it is answered otherwise: {how}")),
            },
            Err(failure) => failures.push(failure.message),
        }
    }
    times_ms.sort_by(f64::total_cmp);
    let n = times_ms.len() + failures.len();
    let rate = failures.len() as f64 / n as f64;
    let p95 = percentile(&times_ms, 0.95);
    let evidence = json!({ "n": n, "n_failed": failures.len(), "p50_ms": percentile(&times_ms, 0.5), "p95_ms": p95,
        "failures": failures.iter().take(5).collect::<Vec<_>>(), "limits": gate });
    let (ruling, says) = match p95 {
        _ if rate > gate.max_error_rate => (
            Ruling::Fail,
            format!("{} of {n} requests failed: {}", failures.len(), failures.first().map_or("", String::as_str)),
        ),
        None => (Ruling::Error, "no request was answered".to_owned()),
        Some(p95) if p95 > gate.max_p95_ms => {
            (Ruling::Fail, format!("95 % of {n} answered within {p95:.1} ms, and {} ms is the limit", gate.max_p95_ms))
        }
        Some(p95) => (Ruling::Pass, format!("95 % of {n} answered within {p95:.1} ms")),
    };
    Verdict::new(GATE, ruling, says).with(evidence)
}

/// Of sorted values, the nearest rank.
fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.95), Some(19.0));
        assert_eq!(percentile(&values, 0.5), Some(10.0));
        assert_eq!(percentile(&values[..1], 0.95), Some(1.0));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
