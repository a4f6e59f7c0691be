//! What a cluster is told to run: read whole, changed in our own part, put back whole.
//!
//! A `PUT` replaces everything, and an application that it leaves out is deleted. So what belongs to others goes back
//! as it was read, byte for byte, and what cannot be read stops the change.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use signalbox_release::{Digest, Failure, FailureCode, canonical};

use crate::http::words;

/// What goes back beside the applications. What else may stand in a config (`logging_config`, `tracing_config`,
/// `controller_options`) Ray leaves as it is if it is left out.
const HEAD: [&str; 4] = ["proxy_location", "http_options", "grpc_options", "target_capacity"];
/// What Ray shows to browsers in place of a variable's value. Put back, it would be the value.
const REDACTED: &str = "<redacted>";
/// Variables of ours hold no secret, and are shown.
const OPEN_VARIABLES: [&str; 3] = ["SIGNALBOX_VERSION", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"];

/// The config of a cluster, as `GET /api/serve/applications/` tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    head: Map<String, Value>,
    /// By name, as they were deployed.
    pub applications: BTreeMap<String, Value>,
    /// Deployed by a program (`serve.run`), by name, with their route prefix. Ray 2.60 leaves them alone in a `PUT`,
    /// unless the `PUT` takes their name or their prefix.
    pub imperative: BTreeMap<String, Option<String>>,
}

impl Config {
    pub fn read(details: &Value) -> Result<Config, Failure> {
        let odd = |what: &str| {
            Failure::new(FailureCode::Server, format!("Ray's answer {what}"))
                .hint("Is this the address of Ray's dashboard (port 8265), with Serve's REST API?")
        };
        let applications = details.get("applications").and_then(Value::as_object);
        let applications = applications.ok_or_else(|| odd("tells of no applications"))?;
        let mut config = Config::default();
        for key in HEAD {
            if let Some(value) = details.get(key).filter(|value| !value.is_null()) {
                config.head.insert(key.to_owned(), value.clone());
            }
        }
        for (name, told) in applications {
            match told.get("deployed_app_config") {
                Some(app) if app.is_object() => {
                    if app.get("name").and_then(Value::as_str) != Some(name) {
                        return Err(odd(&format!("calls {} by two names", words(name.as_bytes()))));
                    }
                    if hides(app) {
                        return Err(hidden(name));
                    }
                    if !is_exact(app) {
                        let name = words(name.as_bytes());
                        return Err(odd(&format!("holds a number in {name} that cannot be put back as it is")));
                    }
                    config.applications.insert(name.clone(), app.clone());
                }
                _ if told.get("source").and_then(Value::as_str) == Some("imperative") => {
                    let prefix = told.get("route_prefix").and_then(Value::as_str).map(str::to_owned);
                    config.imperative.insert(name.clone(), prefix);
                }
                _ if told.get("status").and_then(Value::as_str) == Some("DELETING") => {}
                _ => {
                    let name = words(name.as_bytes());
                    return Err(Failure::new(
                        FailureCode::Conflict,
                        format!("Ray does not tell how {name} was deployed: a change here would delete it"),
                    )
                    .hint("Look again in a moment; if it stays so, deploy that application from a config file."));
                }
            }
        }
        Ok(config)
    }

    /// The body of the `PUT` that makes it so.
    pub fn body(&self) -> Value {
        let mut body = self.head.clone();
        body.insert("applications".into(), self.applications.values().cloned().collect());
        Value::Object(body)
    }

    /// Of all that it says.
    pub fn digest(&self) -> Digest {
        Digest::of(canonical(&json!([self.head, self.applications, self.imperative])))
    }

    /// Who holds a route prefix.
    pub fn at(&self, prefix: &str) -> Option<&str> {
        let mut declared = self.applications.iter().filter(|(_, app)| prefix_of(app) == Some(prefix));
        let mut programs = self.imperative.iter().filter(|(_, at)| at.as_deref() == Some(prefix));
        let name = declared.next().map(|(name, _)| name).or_else(|| programs.next().map(|(name, _)| name));
        name.map(String::as_str)
    }

    /// What is otherwise in `now`, for a person; not more than a person reads.
    pub fn differences(&self, now: &Config) -> Vec<String> {
        const MAX: usize = 10;
        let mut found = Vec::new();
        for name in
            self.applications.keys().chain(now.applications.keys().filter(|n| !self.applications.contains_key(*n)))
        {
            let shown = words(name.as_bytes());
            match (self.applications.get(name), now.applications.get(name)) {
                (Some(_), None) => found.push(format!("{shown} is gone")),
                (None, Some(_)) => found.push(format!("{shown} is new")),
                (was, is) if was != is => found.push(format!("{shown} is deployed otherwise")),
                _ => {}
            }
        }
        if self.imperative != now.imperative {
            found.push("what programs deployed is otherwise".into());
        }
        if self.head != now.head {
            found.push("the cluster's own options are otherwise".into());
        }
        if found.len() > MAX {
            let more = found.split_off(MAX).len();
            found.push(format!("and {more} more"));
        }
        found
    }

    /// The body as a person sees it: ours in full, of others that they stay.
    pub fn shown(&self, ours: impl Fn(&str) -> bool) -> Value {
        let mut body = self.head.clone();
        if let Some(options) = body.get_mut("http_options").and_then(Value::as_object_mut)
            && let Some(password) = options.get_mut("ssl_keyfile_password").filter(|value| !value.is_null())
        {
            *password = json!("…");
        }
        let applications = self.applications.iter();
        body.insert(
            "applications".into(),
            applications.map(|(name, app)| if ours(name) { masked(app) } else { kept(name, app) }).collect(),
        );
        Value::Object(body)
    }
}

pub fn prefix_of(app: &Value) -> Option<&str> {
    app.get("route_prefix")?.as_str()
}

/// Another team's application: its config may hold secrets.
pub fn kept(name: &str, app: &Value) -> Value {
    json!({ "name": name, "kept_as_it_is": Digest::of(canonical(app)) })
}

/// An application without what its variables hold.
pub fn masked(app: &Value) -> Value {
    over_variables(app, &|name, value| {
        if OPEN_VARIABLES.contains(&name) { value.clone() } else { json!("…") }
    })
}

fn hides(app: &Value) -> bool {
    match app {
        Value::Object(map) => map.iter().any(|(key, value)| match value.as_object() {
            Some(variables) if key == "env_vars" => variables.values().any(|value| value == REDACTED),
            _ => hides(value),
        }),
        Value::Array(list) => list.iter().any(hides),
        _ => false,
    }
}

/// An integer that is too large here was read as another number.
fn is_exact(value: &Value) -> bool {
    const FIRST_LOST: f64 = 9_223_372_036_854_775_808.0;
    match value {
        Value::Number(number) => {
            number.is_u64() || number.is_i64() || number.as_f64().is_some_and(|x| x.abs() < FIRST_LOST)
        }
        Value::Object(map) => map.values().all(is_exact),
        Value::Array(list) => list.iter().all(is_exact),
        _ => true,
    }
}

fn hidden(name: &str) -> Failure {
    let name = words(name.as_bytes());
    Failure::new(FailureCode::Denied, format!("Ray hides the variables of {name}: a change here would lose them"))
        .hint("Name the dashboard's own address: what stands before it makes our calls look like a browser's.")
}

fn over_variables(value: &Value, change: &dyn Fn(&str, &Value) -> Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| match value.as_object() {
                Some(variables) if key == "env_vars" => {
                    let changed = variables.iter().map(|(name, value)| (name.clone(), change(name, value)));
                    (key.clone(), Value::Object(changed.collect()))
                }
                _ => (key.clone(), over_variables(value, change)),
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(list) => list.iter().map(|value| over_variables(value, change)).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details() -> Value {
        json!({
            "controller_info": {}, "proxy_location": "HeadOnly", "target_capacity": null,
            "http_options": { "host": "127.0.0.1", "port": 8000, "ssl_keyfile_password": "hunter2" },
            "grpc_options": { "port": 9000 },
            "applications": {
                "fraud": {
                    "status": "RUNNING", "source": "declarative",
                    "deployed_app_config": {
                        "name": "fraud", "route_prefix": "/fraud", "import_path": "a:b", "args": { "n": 1.0 },
                        "runtime_env": { "env_vars": { "TOKEN": "hunter2" } },
                    },
                },
                "cron": { "status": "RUNNING", "source": "imperative", "route_prefix": "/cron", "deployed_app_config": null },
                "going": { "status": "DELETING", "source": "declarative", "deployed_app_config": null },
            },
        })
    }

    #[test]
    fn what_is_put_is_what_was_read() {
        let config = Config::read(&details()).expect("read");
        let body = config.body();
        assert_eq!(body["applications"], json!([details()["applications"]["fraud"]["deployed_app_config"]]));
        assert_eq!(body["http_options"], details()["http_options"]);
        assert_eq!(
            (body.get("target_capacity"), body.get("logging_config")),
            (None, None),
            "what is not told is not set"
        );
        assert_eq!((config.at("/fraud"), config.at("/cron"), config.at("/x")), (Some("fraud"), Some("cron"), None));
        // No Serve runs yet.
        let empty = json!({ "controller_info": {}, "proxies": {}, "applications": {}, "target_capacity": null });
        assert_eq!(Config::read(&empty).expect("read").body(), json!({ "applications": [] }));
    }

    #[test]
    fn secrets_of_others_are_put_back_and_never_shown() {
        let mut config = Config::read(&details()).expect("read");
        config.applications.insert(
            "churn--1".into(),
            json!({ "name": "churn--1", "runtime_env": { "env_vars": { "SIGNALBOX_VERSION": "{}", "KEY": "hunter2" } } }),
        );
        assert_eq!(config.body().to_string().matches("hunter2").count(), 3);
        let shown = config.shown(|name| name == "churn--1");
        assert!(!shown.to_string().contains("hunter2"), "{shown}");
        let fraud = &config.applications["fraud"];
        assert_eq!(shown["applications"][1], json!({ "name": "fraud", "kept_as_it_is": Digest::of(canonical(fraud)) }));
        assert_eq!(shown["applications"][0]["runtime_env"]["env_vars"]["SIGNALBOX_VERSION"], "{}");
    }

    #[test]
    fn numbers_go_back_as_they_were() {
        for text in [
            "0.30000000000000004",
            "1e-308",
            "18446744073709551615",
            "-9223372036854775808",
            "5e-324",
            "2.2250738585072011e-308",
        ] {
            let value: Value = serde_json::from_str(text).expect("JSON");
            assert!(is_exact(&value), "{text}");
            let again: Value = serde_json::from_str(&value.to_string()).expect("JSON");
            assert_eq!((again.as_f64(), &again), (text.parse().ok(), &value), "{text}");
        }
    }

    #[test]
    fn a_difference_is_named() {
        let was = Config::read(&details()).expect("read");
        let mut now = was.clone();
        assert_eq!((was.differences(&now), was.digest()), (vec![], now.digest()));
        now.applications.insert("new\u{202e}".into(), json!({}));
        now.applications.get_mut("fraud").expect("there")["args"]["n"] = json!(2);
        now.imperative.clear();
        now.head.remove("grpc_options");
        assert_ne!(was.digest(), now.digest());
        assert_eq!(
            was.differences(&now),
            [
                "fraud is deployed otherwise",
                "new is new",
                "what programs deployed is otherwise",
                "the cluster's own options are otherwise"
            ]
        );
        assert_eq!(now.differences(&Config::default())[0], "fraud is gone");
    }

    #[test]
    fn what_would_lose_something_is_refused() {
        let check = |path: &str, value: Value, code: FailureCode, wanted: &str| {
            let mut details = details();
            *details.pointer_mut(path).expect("there") = value;
            let failure = Config::read(&details).expect_err(wanted);
            assert_eq!(failure.code, code, "{failure}");
            assert!(failure.message.contains(wanted), "{failure}");
        };
        let hidden = json!({ "name": "fraud", "runtime_env": { "env_vars": { "TOKEN": "<redacted>" } } });
        check("/applications/fraud/deployed_app_config", hidden, FailureCode::Denied, "hides the variables of fraud");
        let deep = json!({ "name": "fraud", "deployments": [{ "ray_actor_options": { "runtime_env": { "env_vars": { "T": "<redacted>" } } } }] });
        check("/applications/fraud/deployed_app_config", deep, FailureCode::Denied, "hides the variables of fraud");
        check("/applications/fraud/deployed_app_config", json!(null), FailureCode::Conflict, "how fraud was deployed");
        check("/applications/fraud/deployed_app_config", json!({ "name": "x" }), FailureCode::Server, "two names");
        check("/applications/cron/source", json!("unknown"), FailureCode::Conflict, "how cron was deployed");
        check("/applications", json!([]), FailureCode::Server, "no applications");
        let text = details().to_string().replace("1.0", "123456789012345678901234567890");
        let failure = Config::read(&serde_json::from_str(&text).expect("JSON")).expect_err("it would be another");
        assert!(failure.message.contains("a number in fraud"), "{failure}");
        assert_eq!(Config::read(&json!("<html>")).expect_err("odd").code, FailureCode::Server);
    }
}
