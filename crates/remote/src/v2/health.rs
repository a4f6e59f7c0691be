//! How the live model fares, by the server's own counters. They count since the server or the model was loaded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use signalbox_release::{Health, ServiceName};

use crate::counted::{Counts, Looks, OwnAsks, Sample};

#[derive(Default)]
pub struct Tally {
    asked: Mutex<HashMap<ServiceName, Arc<OwnAsks>>>,
    /// Looks while one version serves, with its name.
    looks: Mutex<HashMap<ServiceName, (String, Looks)>>,
}

impl Tally {
    /// A question of our own to the live model.
    pub fn asked(&self, service: &ServiceName, is_ok: bool) {
        self.own(service).note(Instant::now(), is_ok);
    }

    /// `label`: who serves now.
    pub fn look(&self, service: &ServiceName, label: &str, counts: Counts, secs: u64) -> Health {
        let own = self.own(service);
        let mut looks = locked(&self.looks);
        let (known, looks) = looks.entry(service.clone()).or_default();
        if known != label {
            (*known, *looks) = (label.to_owned(), Looks::default());
        }
        // These servers count at once.
        looks.health(Instant::now(), counts, secs, (&own, Duration::ZERO), |over| {
            format!("the server's own counters over {over} s, without Signalbox's questions; no histogram")
        })
    }

    fn own(&self, service: &ServiceName) -> Arc<OwnAsks> {
        locked(&self.asked).entry(service.clone()).or_default().clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Triton's statistics of a model (`/v2/models/NAME/stats`).
pub fn of_stats(stats: &Value) -> Counts {
    let (mut ok, mut failed) = (0u64, 0u64);
    for one in stats["model_stats"].as_array().into_iter().flatten() {
        let count = |what: &str| one["inference_stats"][what]["count"].as_u64().unwrap_or(0);
        ok = ok.saturating_add(count("success"));
        failed = failed.saturating_add(count("fail"));
    }
    Counts::new(ok.saturating_add(failed), failed)
}

/// MLServer's metrics in Prometheus' text form; those of one model, whatever version the requests named.
pub fn of_metrics(text: &str, model: &str) -> Counts {
    let mut counts = Counts::default();
    for sample in Sample::all(text).filter(|sample| sample.label("model") == Some(model)) {
        match sample.name {
            "model_infer_request_success_total" => counts.n_requests += sample.value,
            "model_infer_request_failure_total" => {
                counts.n_requests += sample.value;
                counts.n_errors += sample.value;
            }
            _ => {}
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_version_is_counted_from_its_own_first_look() {
        let (tally, service) = (Tally::default(), "iris".parse().expect("a name"));
        let look = |label: &str, n, failed| {
            let health = tally.look(&service, label, Counts::new(n, failed), 600);
            (health.n_requests, health.n_errors)
        };
        assert_eq!(look("1", 105, 5), (0, 0));
        tally.asked(&service, true);
        tally.asked(&service, false);
        assert_eq!(look("1", 119, 8), (12, 2));
        assert_eq!(look("2", 130, 8), (0, 0), "another version serves");
    }

    #[test]
    fn counters_are_read_from_both_servers() {
        let stats =
            json!({"model_stats": [{"inference_stats": {"success": {"count": 3}, "fail": {"count": 1}}}, {"odd": 1}]});
        assert_eq!(of_stats(&stats), Counts::new(4, 1));
        let text = "# HELP\nmodel_infer_request_success_total{model=\"iris\",version=\"None\"} 7.0\nmodel_infer_request_success_total{model=\"iris--1\",version=\"None\"} 9.0\nmodel_infer_request_success_total{version=\"a,model=\\\"x\\\"\",model=\"iris\"} 1.0\nmodel_infer_request_failure_total{model=\"iris\",version=\"None\"} NaN\nrubbish";
        assert_eq!(of_metrics(text, "iris"), Counts::new(8, 0));
    }
}
