//! A version as an application of its own: `{service}--{version}`.
//!
//! Which version it is stands in its `runtime_env`, where no builder stumbles over it, where Ray keeps it, and where
//! every Signalbox reads it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use signalbox_release::{
    Deployable, Failure, FailureCode, ModelName, OpKey, ServiceName, SystemId, TO_BE_GIVEN, VersionName, VersionRef,
};

/// The variable that tells which version an application is.
pub const VARIABLE: &str = "SIGNALBOX_VERSION";
/// Our own module's builder.
pub const OWN_BUILDER: &str = "signalbox_serve:build";

/// What an application says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    pub service: ServiceName,
    pub registry: SystemId,
    pub model: ModelName,
    pub version: VersionName,
    pub digest: Option<signalbox_release::Digest>,
    /// The step that deployed it.
    pub op: String,
}

impl Mark {
    pub fn new(service: &ServiceName, at: &VersionRef, key: &OpKey) -> Mark {
        Mark {
            service: service.clone(),
            registry: at.registry.clone(),
            model: at.model.clone(),
            version: at.version.clone(),
            digest: at.digest.clone(),
            op: key.as_str().to_owned(),
        }
    }

    /// None: it was not deployed by a Signalbox.
    pub fn of(app: &Value) -> Option<Mark> {
        serde_json::from_str(app.pointer(&format!("/runtime_env/env_vars/{VARIABLE}"))?.as_str()?).ok()
    }

    pub fn at(&self) -> VersionRef {
        VersionRef {
            registry: self.registry.clone(),
            model: self.model.clone(),
            version: self.version.clone(),
            digest: self.digest.clone(),
        }
    }

    pub fn is(&self, service: &ServiceName, version: &VersionRef) -> bool {
        self.service == *service && self.at().is(version)
    }
}

/// The application's name; its route prefix is `/` and this while it takes no traffic.
pub fn name_of(service: &ServiceName, version: &str) -> String {
    format!("{service}--{version}")
}

pub fn own_prefix(service: &ServiceName, version: &str) -> String {
    format!("/{}", name_of(service, version))
}

pub fn live_prefix(service: &ServiceName) -> String {
    format!("/{service}")
}

/// What stands in an address, and nothing that a route pattern would take for something else.
pub fn check_name(what: &str, name: &str) -> Result<(), Failure> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '+');
    if name == TO_BE_GIVEN || name.chars().all(fits) {
        return Ok(());
    }
    Err(Failure::new(FailureCode::Invalid, format!("{what} {name:?} cannot stand in a route of Ray Serve"))
        .hint("Letters, digits, - _ . ~ and + can."))
}

/// Where the cluster finds what it serves.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The artifact.
    pub path: Option<String>,
    /// The folder with our own module.
    pub module: Option<String>,
}

/// A version's application. `template`: what the team's policy says of it; `live`: what serves now.
pub fn application(
    template: &Map<String, Value>,
    live: Option<&Value>,
    mark: &Mark,
    what: &Deployable,
    found: &Found,
) -> Result<Value, Failure> {
    let version = mark.version.as_str();
    let mut app = template.clone();
    let own = is_own(template);
    if own {
        app.insert("import_path".into(), json!(OWN_BUILDER));
        app.insert("args".into(), json!({ "path": "{path}" }));
    }
    // Somebody may have scaled what serves since the policy was written.
    if let Some(live) = live.filter(|live| live.get("import_path") == app.get("import_path"))
        && let Some(deployments) = live.get("deployments")
    {
        app.insert("deployments".into(), deployments.clone());
    }
    let fill = |text: &str| -> Result<String, Failure> {
        let digest = mark.digest.as_ref().map(ToString::to_string);
        let values = [
            ("{path}", found.path.clone()),
            ("{source}", what.source.clone()),
            ("{digest}", digest),
            ("{version}", Some(version.to_owned())),
            ("{model}", Some(mark.model.to_string())),
            ("{registry}", Some(mark.registry.to_string())),
            ("{service}", Some(mark.service.to_string())),
        ];
        let mut filled = String::new();
        let mut rest = text;
        // One pass: what a name holds is not filled in again.
        'text: while !rest.is_empty() {
            for (mark, value) in &values {
                if let Some(after) = rest.strip_prefix(mark) {
                    let value = value.as_ref().ok_or_else(|| {
                        Failure::new(FailureCode::Invalid, format!("{mark} of {} is not known", what.version)).hint(
                            "Ray's policy needs a shared folder for {path}, a registry with addresses for {source}.",
                        )
                    })?;
                    filled.push_str(value);
                    rest = after;
                    continue 'text;
                }
            }
            let next = rest.chars().next().map_or(0, char::len_utf8);
            filled.push_str(&rest[..next]);
            rest = &rest[next..];
        }
        Ok(filled)
    };
    if let Some(args) = app.get_mut("args") {
        *args = over_texts(args, &fill)?;
    }
    let environment = object(app.entry("runtime_env").or_insert_with(|| json!({})), "runtime_env")?;
    let variables = object(environment.entry("env_vars").or_insert_with(|| json!({})), "runtime_env.env_vars")?;
    variables.insert(VARIABLE.into(), json!(signalbox_release::canonical(&json!(mark))));
    if let Some(module) = found.module.as_ref().filter(|_| own) {
        let theirs = variables.get("PYTHONPATH").and_then(Value::as_str).unwrap_or("${PYTHONPATH}");
        variables.insert("PYTHONPATH".into(), json!(format!("{module}:{theirs}")));
        // What Python writes beside a model's own code would make the artifact another.
        variables.insert("PYTHONDONTWRITEBYTECODE".into(), json!("1"));
    }
    app.insert("name".into(), json!(name_of(&mark.service, version)));
    app.insert("route_prefix".into(), json!(own_prefix(&mark.service, version)));
    Ok(Value::Object(app))
}

/// The team names no builder: ours is meant.
pub fn is_own(template: &Map<String, Value>) -> bool {
    !template.contains_key("import_path")
}

fn object<'a>(value: &'a mut Value, what: &str) -> Result<&'a mut Map<String, Value>, Failure> {
    value.as_object_mut().ok_or_else(|| Failure::new(FailureCode::Invalid, format!("{what} is no table")))
}

fn over_texts(value: &Value, fill: &dyn Fn(&str) -> Result<String, Failure>) -> Result<Value, Failure> {
    Ok(match value {
        Value::String(text) => Value::String(fill(text)?),
        Value::Array(list) => list.iter().map(|value| over_texts(value, fill)).collect::<Result<_, _>>()?,
        Value::Object(map) => {
            let filled = map.iter().map(|(key, value)| Ok((key.clone(), over_texts(value, fill)?)));
            Value::Object(filled.collect::<Result<_, Failure>>()?)
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().expect("a name")
    }

    fn deployable() -> Deployable {
        let at = VersionRef { registry: name("own"), model: name("churn"), version: name("7"), digest: None };
        Deployable { version: at, path: None, source: Some("models:/{path}/7".into()) }
    }

    fn mark() -> Mark {
        Mark::new(&name("churn"), &deployable().version, &OpKey::new(&name("P"), 1, false))
    }

    #[test]
    fn our_own_builder_is_found_on_the_shared_folder() {
        let template = json!({ "runtime_env": { "pip": ["x"], "env_vars": { "PYTHONPATH": "/opt" } } });
        let found = Found { path: Some("/share/models/ab".into()), module: Some("/share/code".into()) };
        let app =
            application(template.as_object().expect("a table"), None, &mark(), &deployable(), &found).expect("one");
        assert_eq!((app["name"].as_str(), prefix_of(&app)), (Some("churn--7"), Some("/churn--7")));
        assert_eq!(app["args"], json!({ "path": "/share/models/ab" }));
        assert_eq!(app["runtime_env"]["pip"], json!(["x"]));
        assert_eq!(app["runtime_env"]["env_vars"]["PYTHONPATH"], "/share/code:/opt");
        assert_eq!(Mark::of(&app), Some(mark()));
    }

    fn prefix_of(app: &Value) -> Option<&str> {
        super::super::config::prefix_of(app)
    }

    #[test]
    fn a_teams_builder_gets_what_it_names() {
        let template = json!({
            "import_path": "team.app:build",
            "args": { "model": "{source}", "deep": [{ "v": "v{version}", "n": 1 }], "at": "{nothing} é" },
            "deployments": [{ "name": "M", "num_replicas": 1 }],
        });
        let template = template.as_object().expect("a table");
        let app = application(template, None, &mark(), &deployable(), &Found::default()).expect("one");
        assert_eq!(
            app["args"],
            json!({ "model": "models:/{path}/7", "deep": [{ "v": "v7", "n": 1 }], "at": "{nothing} é" })
        );
        assert!(!app["runtime_env"].to_string().contains("PYTHONPATH"));

        // What was scaled stays so, if it is the same code.
        let scaled = json!([{ "name": "M", "num_replicas": 8 }]);
        for (path, wanted) in [("team.app:build", 8), ("other:build", 1)] {
            let live = json!({ "import_path": path, "deployments": scaled });
            let app = application(template, Some(&live), &mark(), &deployable(), &Found::default()).expect("one");
            assert_eq!(app["deployments"][0]["num_replicas"], wanted);
        }
        let nowhere = json!({ "import_path": "a:b", "args": { "p": "{path}" } });
        let failure =
            application(nowhere.as_object().expect("a table"), None, &mark(), &deployable(), &Found::default());
        assert_eq!(failure.expect_err("no path").message, "{path} of churn 7 is not known");
    }

    #[test]
    fn a_name_that_a_route_would_mistake_is_refused() {
        for bad in ["a?b", "a#b", "{x}", "a b", "é", "a%2fb"] {
            assert_eq!(check_name("version", bad).expect_err(bad).code, FailureCode::Invalid);
        }
        check_name("version", "v1.2-rc_3").expect("a name");
        for odd in [json!({}), json!({ "runtime_env": { "env_vars": { VARIABLE: "{\"version\":\"../x\"}" } } })] {
            assert_eq!(Mark::of(&odd), None);
        }
    }
}
