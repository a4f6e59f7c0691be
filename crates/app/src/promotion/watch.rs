//! Looks at what serves now and then, whether a page shows it or not, and says what a person must know: an alias or
//! the traffic that another has moved, an alias that parts from what serves, a service that fails or keeps to its
//! limits no more. What it saw is in the audit: registries such as MLflow's keep no history of their own.
//!
//! One thread, from the first promotion on; it holds the app weakly and ends with it.

use super::systems::{Rules, ServiceAt};
use super::{elsewhere, views};
use crate::app::{App, Inner, lock};
use crate::wire::*;
use serde_json::json;
use signalbox_release::{Action, Choice, Clock, Limits, Plan, SystemClock};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// A service changes within seconds only by hand.
const EVERY: Duration = Duration::from_secs(20);
/// The window comes first.
const FIRST: Duration = Duration::from_secs(3);
/// One look that fails is the network's business.
const MISSES: u32 = 3;

/// A service, as it was seen at one look.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    alias: Option<AliasView>,
    live: Option<String>,
    phase: String,
    alarm: Option<String>,
    /// What it breaks of its limits.
    breach: Option<String>,
    /// Looks in a row that nobody answered, and what was said then.
    misses: u32,
    failure: Option<String>,
}

/// What a person is told.
#[derive(Debug, PartialEq)]
struct News {
    level: Level,
    says: String,
}

/// By project, target and service, as its policy calls them: a target's title may be another at the next look.
type Services = BTreeMap<(Option<u32>, String, String), Seen>;

/// From now on, if that was not begun yet.
pub(super) fn start(app: &App) {
    if app.0.promotions.watched.swap(true, Ordering::SeqCst) {
        return;
    }
    let weak = std::sync::Arc::downgrade(&app.0);
    let started = thread::Builder::new().name("services".into()).spawn(move || run(&weak));
    // Without it the page still shows what is so when it is looked at.
    drop(started);
}

fn run(weak: &Weak<Inner>) {
    let mut before: Services = BTreeMap::new();
    let mut looked_ms = SystemClock.unix_ms();
    let mut wait = FIRST;
    loop {
        let until = Instant::now() + wait;
        let mut was_carried = false;
        while Instant::now() < until {
            thread::sleep(Duration::from_millis(500));
            let Some(app) = weak.upgrade().filter(|app| !app.stopped.load(Ordering::SeqCst)) else { return };
            // At a plan's end at once: what changes from then on is another's.
            let is_carried = !lock(&app.promotions.running).is_empty();
            if was_carried && !is_carried {
                break;
            }
            was_carried = is_carried;
        }
        {
            let Some(app) = weak.upgrade().map(App) else { return };
            let now_ms = SystemClock.unix_ms();
            if wait == FIRST {
                app.tell_cut_short();
            }
            // While a plan moves things, it tells itself what it does.
            let ours = app.moved_by_us(looked_ms);
            before = app.look_at_services(&before, &ours);
            looked_ms = now_ms;
        }
        wait = EVERY;
    }
}

impl App {
    /// What no process carries out any more, and nobody ended: with each start, until somebody does. One that went
    /// through needs nobody to unload what was there before.
    fn tell_cut_short(&self) {
        for (plan, progress) in self.all_plans().unwrap_or_default() {
            if !progress.is_open() || self.is_running(&plan.id) {
                continue;
            }
            // It may have ended between the two looks.
            let Ok((plan, progress)) = self.plan_row(plan.id.as_str()) else { continue };
            if !progress.is_open() {
                continue;
            }
            if progress.is_untidy() {
                let world = self.ground(&plan).and_then(|ground| self.world_of_plan(&plan, &ground));
                // What cannot be reached now is tidied at another start.
                let _ = world.and_then(|world| self.carry(plan, world, Some(Choice::GoOn)));
            } else {
                let hint = "Open it under Models: it says how things stand, and goes on or back.";
                self.tell(Level::Warn, format!("{}: it was cut short.", plan.title), Some(hint.into()));
            }
        }
    }

    /// What the plans touch that are being carried out, here or by another Signalbox of this user, or were since then.
    fn moved_by_us(&self, since_unix_ms: i64) -> Touched {
        let mut touched = Touched::default();
        let Ok(ledger) = self.ledger() else { return touched };
        for row in ledger.plans().unwrap_or_default() {
            let lines = signalbox_release::plan_lines(&ledger, &row.id).unwrap_or_default();
            let is_new = lines.last().is_some_and(|(at, _)| *at >= since_unix_ms);
            let Ok(id) = row.id.parse() else { continue };
            if !is_new && !lock(&self.0.promotions.running).contains_key(&id) {
                continue;
            }
            if let Ok(plan) = serde_json::from_str::<Plan>(&row.body) {
                touched.add(&plan);
            }
        }
        touched
    }

    fn look_at_services(&self, before: &Services, touched: &Touched) -> Services {
        let mut now: Services = BTreeMap::new();
        let mut seen_at = BTreeSet::new();
        for project in std::iter::once(None).chain(self.open_projects().into_iter().map(Some)) {
            let Ok((world, _)) = self.world(project.as_deref()) else { continue };
            let policy = project.as_ref().and_then(|project| Rules::of(&project.root).ok()).map(|rules| rules.policy);
            for at in self.services(project.as_deref(), &world) {
                let Some(port) = world.targets.get(&at.target) else { continue };
                if !seen_at.insert((port.title(), at.service.clone())) {
                    continue;
                }
                let key = (project.as_ref().map(|project| project.id.0), at.target.to_string(), at.service.to_string());
                let view = views::service(&world, &at, &**port);
                let limits = policy.as_ref().and_then(|policy| {
                    let of = |(name, model): (_, &signalbox_release::ModelPolicy)| {
                        (elsewhere::service_at(name, model) == at.service).then(|| model.bake.clone())?
                    };
                    policy.models.iter().find_map(of)
                });
                let (old, ours) = (before.get(&key), touched.has(&at));
                let mut seen = Seen::of(&view, limits.as_ref(), old);
                for news in old.map(|old| seen.news(old, ours)).unwrap_or_default() {
                    self.tell_news(&view, &news, ours);
                }
                if ours {
                    // One that lasts when the plan is over is told then.
                    seen.alarm = old.and_then(|old| old.alarm.clone());
                }
                now.insert(key, seen);
            }
        }
        now
    }

    fn tell_news(&self, view: &ServiceView, news: &News, ours: bool) {
        let says = format!("{} on {}: {}", view.service, view.target_title, news.says);
        let detail = json!({ "service": view.service, "target": view.target, "saw": news.says, "state": view });
        // It is told all the same if it cannot be kept.
        let _ = self.audit("observed", None, None, detail);
        if ours && news.level == Level::Info {
            return;
        }
        let hint = "The view of what serves shows it, and the way back.".to_owned();
        self.tell(news.level, says, Some(hint));
    }

    /// To the page, and, where it matters and nobody looks at it, to the desktop.
    pub(crate) fn tell(&self, level: Level, message: String, hint: Option<String>) {
        if let Some(desktop) = &self.0.options.desktop {
            desktop.notify(&message, hint.as_deref().unwrap_or_default());
        }
        self.0.events.plain(Event::Notice { level, message, hint });
    }
}

/// Services and models that plans of ours have to do with.
#[derive(Default)]
struct Touched(BTreeSet<(String, String)>);

impl Touched {
    fn add(&mut self, plan: &Plan) {
        self.0.insert((plan.candidate.registry().to_string(), plan.candidate.model().to_string()));
        let places = plan.steps.iter().filter_map(|step| match &step.action {
            Action::Stage { target, service, .. } | Action::Route { target, service, .. } => Some((target, service)),
            _ => None,
        });
        self.0.extend(places.map(|(target, service)| (target.to_string(), service.to_string())));
    }

    fn has(&self, at: &ServiceAt) -> bool {
        self.0.contains(&(at.target.to_string(), at.service.to_string()))
            || self.0.contains(&(at.registry.to_string(), at.model.to_string()))
    }
}

impl Seen {
    fn of(view: &ServiceView, limits: Option<&Limits>, before: Option<&Seen>) -> Seen {
        if let Some(failure) = &view.failure {
            // What was seen before stays the last that is known.
            let old = before.cloned().unwrap_or_default();
            return Seen { misses: old.misses + 1, failure: Some(failure.message.clone()), ..old };
        }
        let live = view.loaded.iter().find(|served| served.share == 100);
        Seen {
            alias: view.alias.clone(),
            live: live.and_then(|served| served.version.clone()),
            phase: view.phase.clone(),
            alarm: view.alarm.clone(),
            breach: limits.zip(live).and_then(|(limits, served)| breach(served, limits)),
            misses: 0,
            failure: None,
        }
    }

    /// What is new since the look before. `ours`: a plan of this Signalbox may be what moved it.
    fn news(&self, old: &Seen, ours: bool) -> Vec<News> {
        let mut news = Vec::new();
        let mut add = |level, says: String| news.push(News { level, says });
        if self.misses == MISSES {
            add(Level::Warn, format!("it cannot be looked at: {}", self.failure.as_deref().unwrap_or("no answer")));
        }
        if self.misses > 0 {
            return news;
        }
        if old.misses >= MISSES {
            add(Level::Info, "it can be looked at again".into());
        }
        let to = |version: &Option<String>| version.clone().unwrap_or_else(|| "nothing".into());
        if let (Some(alias), Some(before), false) = (&self.alias, &old.alias, ours)
            && alias.version != before.version
        {
            let by = alias.moved_by.as_deref().unwrap_or("somebody");
            add(
                Level::Warn,
                format!("{by} moved {} from {} to {}", alias.alias, to(&before.version), to(&alias.version)),
            );
        }
        if !ours && self.live != old.live {
            add(
                Level::Warn,
                format!("{} serves, and {} did; no plan of this machine changed it", to(&self.live), to(&old.live)),
            );
        }
        // While a plan moves one after the other, they part for a moment.
        if let (Some(alarm), false) = (&self.alarm, ours || self.alarm == old.alarm) {
            add(Level::Warn, alarm.clone());
        }
        let is_bad = |phase: &str| matches!(phase, "failed" | "degraded");
        if is_bad(&self.phase) && self.phase != old.phase {
            add(Level::Error, format!("it is {}", self.phase));
        }
        if is_bad(&old.phase) && self.phase == "serving" {
            add(Level::Info, "it serves again".into());
        }
        if let (Some(breach), None) = (&self.breach, &old.breach) {
            add(Level::Error, breach.clone());
        }
        news
    }
}

/// What a version breaks of the limits that it baked under.
fn breach(served: &ServedView, limits: &Limits) -> Option<String> {
    let (n, errors) = (served.n_requests?, served.n_errors?);
    if n == 0 || n < limits.min_requests {
        return None;
    }
    let rate = errors as f64 / n as f64;
    if rate > limits.max_error_rate {
        return Some(format!("{errors} of {n} requests failed, and {} % is the limit", limits.max_error_rate * 100.0));
    }
    let (p95, max) = (served.p95_ms?, limits.max_p95_ms?);
    (p95 > max).then(|| format!("95 % answered within {p95:.0} ms, and {max:.0} ms is the limit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(alias: &str, live: &str) -> Seen {
        let alias = AliasView {
            registry: "own".into(),
            alias: "champion".into(),
            version: Some(alias.into()),
            moved_by: None,
            moved: None,
        };
        Seen { alias: Some(alias), live: Some(live.into()), phase: "serving".into(), ..Seen::default() }
    }

    fn says(now: &Seen, old: &Seen, ours: bool) -> Vec<String> {
        now.news(old, ours).into_iter().map(|news| news.says).collect()
    }

    #[test]
    fn what_another_moves_is_told_once() {
        let (old, mut now) = (seen("4", "4"), seen("5", "4"));
        now.alarm = Some("champion says 5, and 4 serves".into());
        assert_eq!(says(&now, &old, false), ["somebody moved champion from 4 to 5", "champion says 5, and 4 serves"]);
        assert!(says(&now, &now, false).is_empty());
        assert!(says(&now, &old, true).is_empty(), "a plan tells itself what it does");
        let told = says(&seen("4", "5"), &old, false);
        assert_eq!(told, ["5 serves, and 4 did; no plan of this machine changed it"]);
    }

    #[test]
    fn a_service_that_nobody_can_look_at_is_told_after_some_looks_and_keeps_what_was_known() {
        let view = |failure: Option<&str>| ServiceView {
            target: "local".into(),
            target_title: "this machine".into(),
            service: "churn".into(),
            phase: "unknown".into(),
            loaded: Vec::new(),
            alias: None,
            alarm: None,
            address: None,
            project: None,
            can_go_back: false,
            failure: failure.map(|message| FailureView { message: message.into(), hint: None, code: None }),
        };
        let (mut last, mut told) = (seen("4", "4"), Vec::new());
        for _ in 0..5 {
            let now = Seen::of(&view(Some("nobody answers")), None, Some(&last));
            told.extend(says(&now, &last, false));
            last = now;
        }
        assert_eq!(told, ["it cannot be looked at: nobody answers"]);
        assert_eq!(last.live.as_deref(), Some("4"));
        let back = seen("5", "5");
        let told = says(&back, &last, false);
        assert_eq!(told.len(), 3, "it is back, and both were moved meanwhile: {told:?}");
    }

    #[test]
    fn limits_hold_after_the_promotion_too() {
        let limits: Limits = serde_json::from_value(
            json!({ "secs": 60, "max_error_rate": 0.01, "max_p95_ms": 100.0, "min_requests": 20 }),
        )
        .expect("limits");
        let served = |n, errors, p95_ms| ServedView {
            label: "4".into(),
            model: None,
            version: Some("4".into()),
            share: 100,
            ready: true,
            proven: true,
            digest: None,
            since: None,
            n_requests: Some(n),
            n_errors: Some(errors),
            p95_ms,
        };
        assert_eq!(breach(&served(19, 19, None), &limits), None);
        assert_eq!(breach(&served(100, 1, None), &limits), None);
        assert!(breach(&served(100, 2, None), &limits).is_some_and(|says| says.starts_with("2 of 100")));
        assert!(breach(&served(100, 0, Some(101.0)), &limits).is_some());
        assert_eq!(breach(&served(100, 0, Some(99.0)), &limits), None);
    }
}
