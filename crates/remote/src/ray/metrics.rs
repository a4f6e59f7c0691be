//! How a version fares, from the counters that Ray keeps for Prometheus.
//!
//! Ray 2.60's proxies count by application and route, so a version that is an application of its own has counters of
//! its own. They only grow, so two looks make a rate. Our own looks at a version are `GET`s and are not counted.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use signalbox_release::Health;

const COUNT: &str = "ray_serve_num_http_requests_total";
const BUCKET: &str = "ray_serve_http_request_latency_ms_bucket";
/// Far above what a bake looks, far below what would fill the memory.
const MAX_LOOKS: usize = 4096;

/// What was counted for a version at the live prefix, since its proxies started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    n_requests: f64,
    n_errors: f64,
    /// Cumulative counts by upper bound, in ms.
    buckets: BTreeMap<Bound, f64>,
}

/// A bound that sorts; positive, or infinite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Bound(u64);

impl Bound {
    fn ms(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl Counted {
    /// Adds what one exporter tells; `text` is Prometheus' text format.
    pub fn add(&mut self, text: &str, application: &str, route: &str) {
        for sample in text.lines().filter_map(Sample::read) {
            let is = |key: &str, wanted: &str| sample.label(key) == Some(wanted);
            let counts = is("application", application) && is("route", route) && !is("method", "GET");
            match sample.name {
                COUNT if counts => {
                    self.n_requests += sample.value;
                    // Ray's own counter of errors holds 4xx too: what a new signature does not take is one.
                    let code = sample.label("status_code").and_then(|code| code.parse::<u16>().ok());
                    if code.is_none_or(|code| code >= 400) {
                        self.n_errors += sample.value;
                    }
                }
                BUCKET if counts => {
                    let bound = sample.label("le").and_then(|le| le.parse::<f64>().ok()).filter(|le| *le > 0.0);
                    if let Some(bound) = bound {
                        *self.buckets.entry(Bound(bound.to_bits())).or_default() += sample.value;
                    }
                }
                _ => {}
            }
        }
    }

    /// What came after `before`. None: the counters began anew.
    fn since(&self, before: &Counted) -> Option<Counted> {
        if self.n_requests < before.n_requests {
            return None;
        }
        let was = |bound: &Bound| before.buckets.get(bound).copied().unwrap_or(0.0);
        Some(Counted {
            n_requests: self.n_requests - before.n_requests,
            n_errors: (self.n_errors - before.n_errors).max(0.0),
            buckets: self.buckets.iter().map(|(bound, n)| (*bound, (n - was(bound)).max(0.0))).collect(),
        })
    }

    /// The time within which this share of the requests was answered: linear within its bucket, as Prometheus'
    /// `histogram_quantile` has it; the last finite bound for what is above it.
    fn quantile(&self, share: f64) -> Option<f64> {
        let total = *self.buckets.values().next_back()?;
        if total <= 0.0 {
            return None;
        }
        let rank = share * total;
        let (mut low, mut below) = (0.0, 0.0);
        for (bound, n) in &self.buckets {
            if *n >= rank {
                let high = bound.ms();
                if high.is_infinite() {
                    return Some(low);
                }
                return Some(low + (high - low) * if *n > below { (rank - below) / (n - below) } else { 0.0 });
            }
            (low, below) = (bound.ms(), *n);
        }
        None
    }
}

/// Looks at one version's counters, oldest first.
#[derive(Debug, Default)]
pub struct Looks(VecDeque<(Instant, Counted)>);

impl Looks {
    /// How it fared in the last `secs`, or since the first look if that is later.
    pub fn health(&mut self, now: Instant, counted: Counted, secs: u64, source: String) -> Health {
        let from = now.checked_sub(Duration::from_secs(secs));
        // The newest of those that are old enough stays as the base.
        while let (Some(from), Some((second, _))) = (from, self.0.get(1))
            && *second <= from
        {
            self.0.pop_front();
        }
        let base = self.0.front().map_or_else(|| counted.clone(), |(_, base)| base.clone());
        let fared = counted.since(&base).unwrap_or_else(|| {
            self.0.clear();
            counted.clone()
        });
        if self.0.len() < MAX_LOOKS {
            self.0.push_back((now, counted));
        }
        Health {
            n_requests: fared.n_requests.round() as u64,
            n_errors: fared.n_errors.round() as u64,
            p50_ms: fared.quantile(0.5),
            p95_ms: fared.quantile(0.95),
            source,
        }
    }
}

/// A line `name{label="value",…} value`.
struct Sample<'a> {
    name: &'a str,
    labels: Vec<(&'a str, String)>,
    value: f64,
}

impl Sample<'_> {
    /// None: a comment, or what is no sample with labels.
    fn read(line: &str) -> Option<Sample<'_>> {
        let (name, mut rest) = line.split_once('{')?;
        let mut labels = Vec::new();
        loop {
            rest = rest.trim_start_matches([',', ' ']);
            if let Some(after) = rest.strip_prefix('}') {
                let value: f64 = after.split_whitespace().next()?.parse().ok()?;
                return (value.is_finite() && value >= 0.0).then_some(Sample { name, labels, value });
            }
            let (key, after) = rest.split_once("=\"")?;
            let (mut value, mut chars) = (String::new(), after.char_indices());
            let end = loop {
                match chars.next()? {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match chars.next()?.1 {
                        'n' => '\n',
                        other => other,
                    }),
                    (_, c) => value.push(c),
                }
            };
            labels.push((key, value));
            rest = &after[end + 1..];
        }
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(n: u64, errors: u64, fast: u64) -> String {
        let all = n + errors;
        format!(
            r#"# HELP ray_serve_num_http_requests_total d
ray_serve_num_http_requests_total{{application="churn--7",method="POST",route="/churn",status_code="200"}} {n}.0
ray_serve_num_http_requests_total{{application="churn--7",method="POST",route="/churn",status_code="500"}} {errors}
ray_serve_num_http_requests_total{{application="churn--7",method="GET",route="/churn",status_code="200"}} 99
ray_serve_num_http_requests_total{{application="churn--7",method="POST",route="/churn--7",status_code="500"}} 99
ray_serve_num_http_requests_total{{application="churn--6",method="POST",route="/churn",status_code="500"}} 99
ray_serve_http_request_latency_ms_bucket{{application="churn--7",le="10.0",route="/churn"}} {fast}
ray_serve_http_request_latency_ms_bucket{{application="churn--7",le="100.0",route="/churn"}} {all}
ray_serve_http_request_latency_ms_bucket{{application="churn--7",le="+Inf",route="/churn"}} {all}
broken{{application="churn--7
ray_serve_num_http_requests_total{{application="churn--7",route="/churn",status_code="200"}} NaN
"#
        )
    }

    fn counted(n: u64, errors: u64, fast: u64) -> Counted {
        let mut counted = Counted::default();
        counted.add(&text(n, errors, fast), "churn--7", "/churn");
        counted
    }

    #[test]
    fn two_looks_make_a_rate() {
        let (mut looks, start) = (Looks::default(), Instant::now());
        let mut at = |secs: u64, counted: Counted| {
            let health = looks.health(start + Duration::from_secs(secs), counted, 10, "Ray".into());
            (health.n_requests, health.n_errors, health.p50_ms, health.p95_ms)
        };
        assert_eq!(at(100, counted(1000, 5, 1000)), (0, 0, None, None), "what was before is not its doing");
        assert_eq!(at(102, counted(1008, 7, 1005)), (10, 2, Some(10.0), Some(91.0)));
        assert_eq!(at(111, counted(1018, 7, 1015)).0, 20);
        assert_eq!(at(113, counted(1018, 7, 1015)).0, 10, "only the last ten seconds");
        assert_eq!(at(114, counted(3, 1, 4)), (4, 1, Some(5.0), Some(9.5)), "a proxy that was started anew");
    }

    #[test]
    fn labels_are_read_as_they_are_escaped() {
        let line = r#"m{a="x\"}\\\n",b=""} 1.5 123"#;
        let sample = Sample::read(line).expect("a sample");
        assert_eq!((sample.name, sample.value), ("m", 1.5));
        assert_eq!(sample.labels, [("a", "x\"}\\\n".to_owned()), ("b", String::new())]);
        for odd in ["", "m 1", "m{", "m{a=}", "m{a=\"", "m{a=\"b\"} x", "m{a=\"b\"} -1", "m{a=\"b\\", "m{a=\"é"] {
            assert!(Sample::read(odd).is_none(), "{odd}");
        }
    }
}
