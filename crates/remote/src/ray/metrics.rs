//! How a version fares, from the counters that Ray keeps for Prometheus.
//!
//! Ray 2.60's proxies count by application and route, so a version that is an application of its own has counters of
//! its own. Our own looks at a version are `GET`s and are not counted; our golden requests are, and are taken out.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use signalbox_release::{Failure, FailureCode, Health, ServiceName, VersionRef};

use super::RayServe;
use super::application::{live_prefix, name_of};
use crate::counted::{Counts, Sample};
use crate::http::Patience;
use crate::secret::Auth;

const COUNT: &str = "ray_serve_num_http_requests_total";
const BUCKET: &str = "ray_serve_http_request_latency_ms_bucket";
/// So late Ray's processes tell their exporter what they have counted (`metrics_report_interval_ms`).
const LAG: Duration = Duration::from_secs(10);

impl RayServe {
    pub(super) fn fared(
        &self,
        service: &ServiceName,
        version: &VersionRef,
        secs: u64,
        patience: &Patience,
    ) -> Result<Health, Failure> {
        // Counters that are read one after the other only grow.
        let _one = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let (counts, source) = self.count(service, version, patience)?;
        let own = self.own_asks(service);
        let mut memory = self.memory();
        let looks = memory.looks.entry(name_of(service, version.version.as_str())).or_default();
        Ok(looks.health(Instant::now(), counts, secs, (&own, LAG), |_| source))
    }

    /// What all exporters that answer have counted, and who that is.
    fn count(
        &self,
        service: &ServiceName,
        version: &VersionRef,
        patience: &Patience,
    ) -> Result<(Counts, String), Failure> {
        let none = |why: String| {
            Failure::new(FailureCode::NotFound, format!("Ray tells no counts here: {why}"))
                .hint("Name what Prometheus scrapes of the cluster's nodes, or leave out the bake.")
        };
        let exporters = match &self.at.metrics {
            Some(address) => vec![address.clone()],
            None => {
                let told = self.http.read(&self.http.get("api/prometheus/sd", &[]), patience);
                exporters(&told.map_err(|failure| none(failure.message))?)
            }
        };
        let (mut counts, mut n, mut last, all) = (Counts::default(), 0, None, exporters.len());
        for address in exporters {
            // Whoever it is: it is not told who we are.
            let server = self.server(&address, Arc::new(|| Auth::None))?;
            match server.read_text(&server.get("metrics", &[]), patience) {
                Ok(text) => {
                    add(&mut counts, &text, &name_of(service, version.version.as_str()), &live_prefix(service));
                    self.memory().exporters.insert(address);
                    n += 1;
                }
                // Half of the counts would be wrong counts.
                Err(failure) if self.memory().exporters.contains(&address) => return Err(failure),
                Err(failure) => last = Some(failure.message),
            }
        }
        match n {
            0 => Err(none(last.unwrap_or_else(|| "no exporter is named".into()))),
            1 if all == 1 => Ok((counts, "Ray's own counters (1 exporter)".into())),
            _ if n == all => Ok((counts, format!("Ray's own counters ({n} exporters)"))),
            // A node may have one that this machine does not reach: then what passes there is not counted.
            _ => {
                let why = last.unwrap_or_default();
                Ok((counts, format!("Ray's own counters ({n} of {all} exporters; {why})")))
            }
        }
    }
}

/// `[{"targets": ["host:port", …]}]`, as Prometheus' service discovery has it.
fn exporters(told: &Value) -> Vec<String> {
    const MAX: usize = 256;
    let groups = told.as_array().into_iter().flatten();
    let targets = groups.filter_map(|group| group.get("targets")?.as_array()).flatten();
    let is_place = |text: &&str| {
        text.rsplit_once(':').is_some_and(|(host, port)| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '[' | ']');
            !host.is_empty() && host.chars().all(fits) && port.parse::<u16>().is_ok()
        })
    };
    targets.filter_map(Value::as_str).filter(is_place).take(MAX).map(|place| format!("http://{place}")).collect()
}

/// Adds what one exporter tells of an application at a route; `text` is Prometheus' text format.
fn add(counts: &mut Counts, text: &str, application: &str, route: &str) {
    for sample in Sample::all(text) {
        let is = |key: &str, wanted: &str| sample.label(key) == Some(wanted);
        if !is("application", application) || !is("route", route) || is("method", "GET") {
            continue;
        }
        match sample.name {
            COUNT => {
                counts.n_requests += sample.value;
                // Ray's own counter of errors holds 4xx too: what a new signature does not take is one.
                let code = sample.label("status_code").and_then(|code| code.parse::<u16>().ok());
                if code.is_none_or(|code| code >= 400) {
                    counts.n_errors += sample.value;
                }
            }
            BUCKET => counts.add_bucket(sample.label("le").unwrap_or(""), sample.value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_version_answered_at_the_services_address_counts() {
        let text = r#"# HELP ray_serve_num_http_requests_total d
ray_serve_num_http_requests_total{application="churn--7",method="POST",route="/churn",status_code="200"} 8.0
ray_serve_num_http_requests_total{application="churn--7",method="POST",route="/churn",status_code="500"} 2
ray_serve_num_http_requests_total{application="churn--7",method="GET",route="/churn",status_code="200"} 99
ray_serve_num_http_requests_total{application="churn--7",method="POST",route="/churn--7",status_code="500"} 99
ray_serve_num_http_requests_total{application="churn--6",method="POST",route="/churn",status_code="500"} 99
ray_serve_http_request_latency_ms_bucket{application="churn--7",le="10.0",route="/churn"} 5
ray_serve_http_request_latency_ms_bucket{application="churn--7",le="+Inf",route="/churn"} 10
broken{application="churn--7
ray_serve_num_http_requests_total{application="churn--7",route="/churn",status_code="200"} NaN
"#;
        let mut counts = Counts::default();
        add(&mut counts, text, "churn--7", "/churn");
        let mut wanted = Counts::new(10, 2);
        wanted.add_bucket("10", 5.0);
        wanted.add_bucket("+Inf", 10.0);
        assert_eq!(counts, wanted);
    }
}
