//! How the live model fares, by the server's own counters. They count since the server or the model was loaded: so what
//! is told is the difference between two looks, without the questions that we asked ourselves.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use signalbox_release::{Health, ServiceName};

/// Requests answered, and requests failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub ok: u64,
    pub failed: u64,
}

impl Counts {
    fn since(self, before: Counts) -> Counts {
        // A server that was started anew counts from nothing.
        let part = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
        Counts { ok: part(self.ok, before.ok), failed: part(self.failed, before.failed) }
    }
}

struct Sample {
    at: Instant,
    theirs: Counts,
    ours: Counts,
}

/// Looks of one service while one version serves.
#[derive(Default)]
struct Looks {
    label: String,
    samples: VecDeque<Sample>,
}

#[derive(Default)]
pub struct Tally {
    asked: Mutex<HashMap<ServiceName, Counts>>,
    looks: Mutex<HashMap<ServiceName, Looks>>,
}

const MAX_SAMPLES: usize = 4096;

impl Tally {
    /// A question of our own to the live model.
    pub fn asked(&self, service: &ServiceName, is_ok: bool) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = asked.entry(service.clone()).or_default();
        if is_ok { counts.ok += 1 } else { counts.failed += 1 }
    }

    /// `label`: who serves now.
    pub fn look(&self, service: &ServiceName, label: &str, theirs: Counts, secs: u64, now: Instant) -> Health {
        let ours = self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(service).copied().unwrap_or_default();
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = looks.entry(service.clone()).or_default();
        if looks.label != label {
            *looks = Looks { label: label.to_owned(), samples: VecDeque::new() };
        }
        let window = Duration::from_secs(secs);
        // One look from before the window stays, as that from which it is counted.
        while looks.samples.get(1).is_some_and(|next| now.duration_since(next.at) >= window)
            || looks.samples.len() >= MAX_SAMPLES
        {
            looks.samples.pop_front();
        }
        looks.samples.push_back(Sample { at: now, theirs, ours });
        let first = looks.samples.front().expect("BUG: one was just put in");
        let (all, own) = (theirs.since(first.theirs), ours.since(first.ours));
        let (ok, failed) = (all.ok.saturating_sub(own.ok), all.failed.saturating_sub(own.failed));
        let over = now.duration_since(first.at).as_secs();
        Health {
            n_requests: ok + failed,
            n_errors: failed,
            p50_ms: None,
            p95_ms: None,
            source: format!("the server's own counters over {over} s, without Signalbox's questions; no histogram"),
        }
    }
}

/// Triton's statistics of a model (`/v2/models/NAME/stats`).
pub fn of_stats(stats: &Value) -> Counts {
    let mut counts = Counts::default();
    for one in stats["model_stats"].as_array().into_iter().flatten() {
        let count = |what: &str| one["inference_stats"][what]["count"].as_u64().unwrap_or(0);
        counts.ok = counts.ok.saturating_add(count("success"));
        counts.failed = counts.failed.saturating_add(count("fail"));
    }
    counts
}

/// MLServer's metrics in Prometheus' text form; those of one model, whatever version the requests named.
pub fn of_metrics(text: &str, model: &str) -> Counts {
    let wanted = format!("model=\"{model}\"");
    let sum = |name: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.split_once("} "));
        let of_model = lines.filter(|(labels, _)| labels.split(',').any(|label| label == wanted));
        of_model.filter_map(|(_, value)| value.trim().parse::<f64>().ok()).filter(|n| *n >= 0.0).sum::<f64>() as u64
    };
    Counts { ok: sum("model_infer_request_success_total"), failed: sum("model_infer_request_failure_total") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_came_between_two_looks_counts_and_not_our_questions() {
        let (tally, service, start) = (Tally::default(), "iris".parse().expect("a name"), Instant::now());
        let look = |label: &str, ok, failed, after| {
            let health = tally.look(&service, label, Counts { ok, failed }, 10, start + Duration::from_secs(after));
            (health.n_requests, health.n_errors)
        };
        assert_eq!(look("1", 100, 5, 0), (0, 0));
        tally.asked(&service, true);
        tally.asked(&service, false);
        assert_eq!(look("1", 111, 8, 4), (12, 2));
        assert_eq!(look("1", 120, 8, 8), (21, 2));
        assert_eq!(look("1", 121, 8, 15), (10, 0), "counted from the second look");
        assert_eq!(look("2", 122, 8, 16), (0, 0), "another version serves");
        assert_eq!(look("2", 3, 1, 17), (4, 1), "the server was started anew");
    }

    #[test]
    fn counters_are_read_from_both_servers() {
        let stats =
            json!({"model_stats": [{"inference_stats": {"success": {"count": 3}, "fail": {"count": 1}}}, {"odd": 1}]});
        assert_eq!(of_stats(&stats), Counts { ok: 3, failed: 1 });
        let text = "# HELP\nmodel_infer_request_success_total{model=\"iris\",version=\"None\"} 7.0\nmodel_infer_request_success_total{model=\"iris--1\",version=\"None\"} 9.0\nmodel_infer_request_success_total{model=\"iris\",version=\"1\"} 1.0\nmodel_infer_request_failure_total{model=\"iris\",version=\"None\"} NaN\nrubbish";
        assert_eq!(of_metrics(text, "iris"), Counts { ok: 8, failed: 0 });
    }
}
