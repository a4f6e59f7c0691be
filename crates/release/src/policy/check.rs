//! What a policy must be beyond what its types say. Each fault names its field, for a form.

use super::{ModelPolicy, Policy, unix_secs};

const MAX_BAKE_SECS: u64 = 30 * 86_400;

/// What does not hold together in a policy whose types are right.
pub(super) struct Fault {
    pub field: Vec<String>,
    /// What it is about, for who reads the file; `why` alone is for who sees the field.
    pub at: String,
    pub why: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.at, self.why)
    }
}

impl Policy {
    /// What types cannot say.
    pub(super) fn check(&self) -> Result<(), Fault> {
        for (name, model) in &self.models {
            self.check_model(model).map_err(|(field, why)| Fault {
                field: ["models", name.as_str()].into_iter().chain(field.split('.')).map(str::to_owned).collect(),
                at: format!("models.{:?}", name.as_str()),
                why,
            })?;
        }
        for (name, key) in &self.roles.keys {
            // One line, as it stands beside the name in ssh-keygen's own list.
            let fields = key.split_whitespace().count();
            if key.chars().any(char::is_control)
                || fields < 2
                || !(key.starts_with("ssh-") || key.starts_with("ecdsa-") || key.starts_with("sk-"))
            {
                return Err(Fault {
                    field: vec!["roles".into(), "keys".into(), name.clone()],
                    at: format!("roles.keys.{name}"),
                    why: "it is no public SSH key, as in ~/.ssh/id_ed25519.pub".into(),
                });
            }
        }
        for (name, table) in &self.data {
            let named = |why: &str| Fault {
                field: vec!["data".into(), name.clone(), "name".into()],
                at: format!("data.{name:?}"),
                why: why.into(),
            };
            if !table.is_object() {
                return Err(named("it is a table, with a reference and what is seen since"));
            }
            if name.trim().is_empty() || name.len() > 64 || name.chars().any(char::is_control) {
                return Err(named("its name is one line of 64 bytes at most"));
            }
        }
        for (n, freeze) in self.freeze.iter().enumerate() {
            let wrong = |field: &str, why: &str| Fault {
                field: vec!["freeze".into(), n.to_string(), field.into()],
                at: format!("freeze ({})", freeze.reason),
                why: why.into(),
            };
            match (unix_secs(&freeze.from), unix_secs(&freeze.to)) {
                (Some(from), Some(to)) if from < to => {}
                (Some(_), Some(_)) => return Err(wrong("to", "it ends before it begins")),
                (None, _) => return Err(wrong("from", "from and to are dates, or dates with times")),
                _ => return Err(wrong("to", "from and to are dates, or dates with times")),
            }
        }
        Ok(())
    }

    /// Gives the field and why it is wrong.
    fn check_model(&self, model: &ModelPolicy) -> Result<(), (&'static str, String)> {
        if !self.registries.contains_key(&model.registry) {
            return Err(("registry", format!("there is no registry called {}", model.registry)));
        }
        if let Some(target) = model.target.as_ref().filter(|target| !self.targets.contains_key(target)) {
            return Err(("target", format!("there is no target called {target}")));
        }
        if model.shares.iter().any(|share| !(1..=100).contains(share)) {
            return Err(("shares", "shares are percents from 1 to 100".into()));
        }
        let is_rate = |rate: f64| (0.0..=1.0).contains(&rate);
        let is_time = |ms: f64| ms.is_finite() && ms > 0.0;
        if let Some(bake) = &model.bake {
            if !is_rate(bake.max_error_rate) {
                return Err(("bake.max_error_rate", "bake.max_error_rate is a share from 0 to 1".into()));
            }
            if bake.secs > MAX_BAKE_SECS {
                return Err(("bake.secs", format!("bake.secs is at most {MAX_BAKE_SECS}, 30 days")));
            }
            if bake.max_p95_ms.is_some_and(|ms| !is_time(ms)) {
                return Err(("bake.max_p95_ms", "bake.max_p95_ms is a time in milliseconds, more than 0".into()));
            }
        }
        if model.gates.metric.as_ref().is_some_and(|metric| !metric.margin.is_finite()) {
            return Err(("gates.metric.margin", "gates.metric.margin is not a number".into()));
        }
        if let Some(drift) = &model.gates.drift {
            if !self.data.contains_key(&drift.data) {
                return Err(("gates.drift.data", format!("there is no table [data.{:?}]", drift.data)));
            }
            if drift.hours == 0 {
                return Err(("gates.drift.hours", "gates.drift.hours is 1 or more".into()));
            }
            if drift.min_accuracy.is_some_and(|least| !is_rate(least)) {
                return Err(("gates.drift.min_accuracy", "gates.drift.min_accuracy is a share from 0 to 1".into()));
            }
            if drift.max_unfairness.is_some_and(|most| !is_rate(most)) {
                return Err(("gates.drift.max_unfairness", "gates.drift.max_unfairness is a share from 0 to 1".into()));
            }
        }
        if let Some(latency) = &model.gates.latency {
            if latency.n_requests == 0 || latency.n_requests > 10_000 {
                return Err(("gates.latency.n_requests", "gates.latency.n_requests is from 1 to 10000".into()));
            }
            if !is_time(latency.max_p95_ms) {
                let why = "gates.latency.max_p95_ms is a time in milliseconds, more than 0";
                return Err(("gates.latency.max_p95_ms", why.into()));
            }
            if !is_rate(latency.max_error_rate) {
                let why = "gates.latency.max_error_rate is a share from 0 to 1";
                return Err(("gates.latency.max_error_rate", why.into()));
            }
        }
        Ok(())
    }
}
