//! What a cluster serves, as Ray says, as its proxy routes, and as the replicas say themselves.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use signalbox_release::{
    Digest, Failure, FailureCode, Identity, Observed, Phase, Served, ServiceName, VersionRef, canonical,
};

use super::RayServe;
use super::application::{Mark, OWN_BUILDER, check_name, live_prefix};
use super::config::prefix_of;
use crate::http::{Http, Patience, words};

/// An application, as Ray tells of it.
pub struct App {
    pub name: String,
    /// Ray's word: `RUNNING`, `DEPLOYING`, `DEPLOY_FAILED`, `UNHEALTHY`, `DELETING`, `NOT_STARTED`.
    pub status: String,
    message: String,
    prefix: Option<String>,
    mark: Option<Mark>,
    /// Our own module says what it holds.
    tells: bool,
    since_unix_ms: Option<i64>,
    deployments: Vec<Deployment>,
}

struct Deployment {
    name: String,
    status: String,
    message: String,
    running: usize,
    wanted: Option<u64>,
    dead: usize,
}

impl App {
    pub fn all(details: &Value) -> Vec<App> {
        let all = details.get("applications").and_then(Value::as_object);
        all.into_iter().flatten().map(|(name, told)| App::read(name, told)).collect()
    }

    fn read(name: &str, told: &Value) -> App {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        let config = told.get("deployed_app_config").filter(|config| config.is_object());
        let prefix = config.and_then(prefix_of).or_else(|| prefix_of(told));
        let deployments = told.get("deployments").and_then(Value::as_object);
        let replicas = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let mut app = App {
            name: name.to_owned(),
            status: text(told, "status"),
            message: text(told, "message"),
            prefix: prefix.map(str::to_owned),
            mark: config.and_then(Mark::of),
            tells: config.is_some_and(|config| text(config, "import_path") == OWN_BUILDER),
            since_unix_ms: None,
            deployments: deployments
                .into_iter()
                .flatten()
                .map(|(name, told)| Deployment {
                    name: name.clone(),
                    status: text(told, "status"),
                    message: text(told, "message"),
                    running: replicas(told, "replicas").iter().filter(|it| text(it, "state") == "RUNNING").count(),
                    wanted: told.get("target_num_replicas").and_then(Value::as_u64),
                    dead: replicas(told, "recent_dead_replicas").len(),
                })
                .collect(),
        };
        // `last_deployed_time_s` is when anybody put anything; a replica has its own time.
        let all = told.get("deployments").and_then(Value::as_object).into_iter().flatten();
        let starts =
            all.flat_map(|(_, told)| replicas(told, "replicas")).filter_map(|it| it.get("start_time_s")?.as_f64());
        app.since_unix_ms = starts.map(|secs| (secs * 1000.0) as i64).min();
        app
    }

    /// It takes requests. While another's `PUT` is taken in, Ray says `DEPLOYING` of all applications for a moment,
    /// also of those that it does not touch; so its deployments decide.
    pub fn is_up(&self) -> bool {
        matches!(self.status.as_str(), "RUNNING" | "DEPLOYING")
            && !self.deployments.is_empty()
            && self.deployments.iter().all(|it| {
                matches!(it.status.as_str(), "HEALTHY" | "UPSCALING" | "DOWNSCALING")
                    && (it.running > 0 || it.wanted == Some(0))
            })
    }

    pub fn running(&self) -> usize {
        self.deployments.iter().map(|it| it.running).sum()
    }

    pub fn dead(&self) -> usize {
        self.deployments.iter().map(|it| it.dead).sum()
    }

    fn has_all_replicas(&self) -> bool {
        self.deployments.iter().all(|it| it.wanted.is_none_or(|wanted| it.running as u64 >= wanted))
    }

    fn shown_name(&self) -> String {
        words(self.name.as_bytes())
    }

    /// What Ray says of it, for a person.
    pub fn why(&self) -> String {
        let mut said = vec![format!("{} is {}", self.shown_name(), words(self.status.as_bytes()))];
        for it in self.deployments.iter().filter(|it| it.status != "HEALTHY" || !self.has_all_replicas()) {
            let wanted = it.wanted.map_or("?".to_owned(), |wanted| wanted.to_string());
            said.push(format!("{} of {wanted} replicas of {} run", it.running, words(it.name.as_bytes())));
        }
        // The application's own message says no more than which deployment it is.
        let messages = self.deployments.iter().map(|it| &it.message).chain([&self.message]);
        said.extend(messages.map(|message| end_of(message)).find(|end| !end.is_empty()));
        said.join("; ")
    }

    pub fn raw(&self) -> Value {
        let deployments = self.deployments.iter().map(|it| {
            let told = json!({ "status": words(it.status.as_bytes()), "message": tail(&it.message), "running": it.running, "wanted": it.wanted });
            (words(it.name.as_bytes()), told)
        });
        json!({
            "status": words(self.status.as_bytes()),
            "message": tail(&self.message),
            "route_prefix": self.prefix.as_ref().map(|prefix| words(prefix.as_bytes())),
            "deployments": deployments.collect::<Map<_, _>>(),
        })
    }

    fn phase(&self) -> Phase {
        match (self.status.as_str(), self.running()) {
            ("RUNNING" | "DEPLOYING", _) if self.is_up() && self.has_all_replicas() => Phase::Serving,
            ("RUNNING" | "DEPLOYING" | "DEPLOY_FAILED" | "UNHEALTHY" | "DELETING", 1..) => Phase::Degraded,
            ("DEPLOY_FAILED" | "UNHEALTHY" | "RUNNING" | "DELETING", _) => Phase::Failed,
            ("DEPLOYING" | "NOT_STARTED", _) => Phase::Starting,
            _ => Phase::Unknown,
        }
    }
}

impl RayServe {
    pub(super) fn look(&self, service: &ServiceName, patience: &Patience) -> Result<Observed, Failure> {
        check_name("service", service.as_str())?;
        let details = self.details(patience)?;
        if details.get("applications").is_none_or(|all| !all.is_object()) {
            return Err(Failure::new(FailureCode::Server, "Ray's answer tells of no applications")
                .hint("Is this the address of Ray's dashboard (port 8265), with Serve's REST API?"));
        }
        let (live, prefix) = (live_prefix(service), format!("{service}--"));
        let is_ours = |app: &App| {
            app.prefix.as_deref() == Some(live.as_str())
                || app.mark.as_ref().is_some_and(|mark| mark.service == *service)
        };
        let (ours, others): (Vec<App>, Vec<App>) = App::all(&details).into_iter().partition(|app| is_ours(app));
        let (proxy, routes) = if ours.is_empty() {
            (None, None)
        } else {
            let proxy = self.proxy(Some(&details), patience)?;
            let routes = routes(&proxy, patience)?;
            (Some(proxy), routes)
        };
        let route_of = |app: &App| match &routes {
            Some(routes) => routes.iter().find(|(_, name)| **name == app.name).map(|(prefix, _)| prefix.clone()),
            None => app.prefix.clone(),
        };
        let mut seen = Observed {
            service: service.clone(),
            phase: Phase::Absent,
            loaded: vec![],
            foreign: None,
            raw: json!(null),
        };
        let mut told = Map::new();
        for app in &ours {
            let is_live = route_of(app).as_deref() == Some(live.as_str());
            let known = self.memory().ops.iter().any(|op| app.mark.as_ref().is_some_and(|mark| mark.op == *op));
            if (is_live && app.status == "DELETING") || (app.status == "DEPLOYING" && !app.is_up() && !known) {
                seen.foreign = Some(app.why());
            }
            if is_live {
                seen.phase = app.phase();
            }
            let mut raw = app.raw();
            if app.status != "DELETING" || is_live {
                let served = self.served(service, app, route_of(app).as_deref(), proxy.as_deref(), &mut raw, patience);
                if is_live && !served.ready && seen.phase == Phase::Serving {
                    seen.phase = Phase::Degraded;
                }
                seen.loaded.push(served);
            }
            told.insert(app.shown_name(), raw);
        }
        if seen.phase == Phase::Absent && ours.iter().any(|app| app.status == "DEPLOYING") {
            seen.phase = Phase::Starting;
        }
        let kept = |app: &App| {
            let config = &details["applications"][app.name.as_str()]["deployed_app_config"];
            (
                app.shown_name(),
                json!({ "status": words(app.status.as_bytes()), "config": Digest::of(canonical(config)) }),
            )
        };
        // An application of that name that is none of ours would be in the way.
        let in_the_way: Vec<String> =
            others.iter().filter(|app| app.name.starts_with(&prefix)).map(App::shown_name).collect();
        seen.raw = json!({
            "applications": told,
            "routes": routes,
            "in_the_way": in_the_way,
            "others": others.iter().map(kept).collect::<Map<_, _>>(),
        });
        Ok(seen)
    }

    fn served(
        &self,
        service: &ServiceName,
        app: &App,
        route: Option<&str>,
        proxy: Option<&Http>,
        raw: &mut Value,
        patience: &Patience,
    ) -> Served {
        let mut served = Served {
            version: app.mark.as_ref().filter(|mark| mark.service == *service).map(Mark::at),
            label: app.shown_name(),
            share: if route == Some(&live_prefix(service)) { 100 } else { 0 },
            ready: app.is_up() && route.is_some() && route == app.prefix.as_deref(),
            identity: if app.mark.is_some() { Identity::Claimed } else { Identity::Unknown },
            since_unix_ms: app.since_unix_ms,
        };
        let (Some(mark), Some(proxy), Some(route), true) = (&app.mark, proxy, route, app.tells && served.ready) else {
            return served;
        };
        let call = proxy.get(&format!("{}/signalbox", route.trim_matches('/')), &[]);
        let said = proxy.read(&call, patience).map(|said| serde_json::from_value::<Mark>(said).ok());
        match said {
            Ok(Some(said))
                if said.is(&mark.service, &mark.at()) && (mark.digest.is_none() || mark.digest == said.digest) =>
            {
                if let Some(digest) = said.digest {
                    served.version = served.version.map(|at| VersionRef { digest: Some(digest.clone()), ..at });
                    served.identity = Identity::Proven(digest);
                }
            }
            wrong => {
                served.ready = false;
                raw["asked"] = match wrong {
                    Ok(Some(said)) => json!(format!("it says that it is {} {}", said.service, said.at())),
                    Ok(None) => json!("it does not say what it is"),
                    Err(failure) => json!(failure.message),
                };
            }
        }
        served
    }

    /// Where a version is asked itself: its path at the proxy; and what was read to know it.
    pub(super) fn routed(
        &self,
        service: &ServiceName,
        at: &VersionRef,
        patience: &Patience,
    ) -> Result<(String, Value), Failure> {
        let details = self.details(patience)?;
        let app = App::all(&details).into_iter().find(|app| app.mark.as_ref().is_some_and(|mark| mark.is(service, at)));
        let prefix = app.and_then(|app| app.prefix);
        let prefix =
            prefix.ok_or_else(|| Failure::new(FailureCode::NotFound, format!("{at} is not loaded at {service}")))?;
        Ok((prefix.trim_matches('/').to_owned(), details))
    }
}

/// The proxy's own table: application by prefix. None: what stands before it does not hand it on.
fn routes(proxy: &Http, patience: &Patience) -> Result<Option<BTreeMap<String, String>>, Failure> {
    match proxy.read(&proxy.get("-/routes", &[]), patience) {
        Ok(said) => Ok(serde_json::from_value(said).ok()),
        Err(failure)
            if matches!(failure.code, FailureCode::Unreachable | FailureCode::TimedOut | FailureCode::Cancelled) =>
        {
            Err(failure)
        }
        Err(_) => Ok(None),
    }
}

/// Messages of Ray end with what happened.
fn end_of(message: &str) -> String {
    let lines: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.last().map_or(String::new(), |line| words(line.as_bytes()))
}

/// The last lines of a long message, each as short as what a person is told.
fn tail(message: &str) -> String {
    const MAX_LINES: usize = 30;
    let mut lines: Vec<String> =
        message.lines().rev().filter(|line| !line.trim().is_empty()).take(MAX_LINES).map(indented).collect();
    lines.reverse();
    lines.join("\n")
}

fn indented(line: &str) -> String {
    let indent = line.chars().take_while(|c| *c == ' ').take(20).count();
    format!("{}{}", " ".repeat(indent), words(line.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ray_says_is_bounded_and_holds_nothing_that_a_terminal_obeys() {
        let line = "x".repeat(100_000);
        let message = format!("{}\nTraceback:\n  File \u{1b}[31m{line}\n", "more\n".repeat(100));
        let app = json!({ "status": format!("FAILED\u{1b}{line}"), "message": message, "deployments": {
            format!("M\u{7}{line}"): { "status": format!("UN\u{7}{line}"), "message": message } } });
        let app = App::read(&format!("churn\u{1b}[2J{line}"), &app);
        let raw = app.raw();
        assert!(raw["message"].as_str().expect("a text").contains("more\nTraceback:\n  File [31mxxx"));
        let told = [app.why(), app.shown_name(), raw["status"].to_string(), raw["message"].to_string()];
        for text in told.iter().map(String::as_str).chain([raw.to_string().as_str()]) {
            assert!(text.len() < 8000 && !text.contains(['\u{1b}', '\u{7}']), "{} bytes", text.len());
            assert!(!text.contains("\\u00"), "{text}");
        }
    }
}
