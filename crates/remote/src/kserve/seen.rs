//! What an InferenceService's status means.
//!
//! `Ready` alone tells nothing: it stays true while another revision serves than the spec names. What counts is which
//! revision gets how much (`traffic[]`), and which version that revision is. `status.observedGeneration` is of no use
//! either: KServe copies there the Knative service's, which counts other changes than the object's own.

use signalbox_release::{Identity, Observed, Phase, Served, ServiceName};

use super::object::{MADE_BY, Object, Told};
use crate::http::words;

/// The revision that the spec as it is now has made; none if KServe has not made it yet.
pub fn revision_now(object: &Object) -> Option<&str> {
    let before = object.previous().and_then(|previous| previous.newest);
    object.revision("latestCreatedRevision").filter(|made| before.as_deref() != Some(*made))
}

/// The spec's own revision is up.
pub fn is_ready(object: &Object) -> bool {
    let made = revision_now(object);
    made.is_some() && made == object.revision("latestReadyRevision") && object.failure().is_none()
}

/// KServe gives a first revision all traffic at once, whatever the percentage says. Nothing served before it, so until
/// it is given traffic by a plan it counts as having none.
pub fn is_first_and_waiting(object: &Object) -> bool {
    object.percent() == Some(0) && object.previous().is_none() && object.annotation(MADE_BY).is_some()
}

pub fn observed(service: &ServiceName, object: &Object) -> Observed {
    let loaded = if object.is_standard() { standard(object) } else { by_revision(object) };
    Observed {
        service: service.clone(),
        phase: phase(object, &loaded),
        foreign: foreign(object, &loaded),
        loaded,
        raw: object.0.clone(),
    }
}

fn by_revision(object: &Object) -> Vec<Served> {
    let (told, previous) = (object.told(), object.previous());
    let (now, ready) = (revision_now(object), is_ready(object));
    let stopped = is(object, "Stopped", "True");
    let mut loaded: Vec<Served> = Vec::new();
    for line in object.traffic() {
        let is_previous = |previous: &&Told| previous.is_in(&line.revision);
        let is_now = now == Some(line.revision.as_str());
        let is_leaving = previous.as_ref().is_some_and(|previous| previous.newest.as_deref() == Some(&line.revision));
        if is_leaving && line.percent == 0 && !previous.iter().any(|previous| previous.is_in(&line.revision)) {
            // Knative names the newest that is ready until the next one is.
            continue;
        }
        let version = match (previous.as_ref().filter(is_previous), is_now) {
            (Some(previous), _) => Some(previous.version.clone()),
            (None, true) => told.as_ref().map(|told| told.version.clone()),
            (None, false) => None,
        };
        let waiting = is_now && is_first_and_waiting(object);
        let mut label = words(line.revision.as_bytes());
        if waiting {
            label += " (the first one: KServe lets it answer already)";
        } else if version.is_none() {
            label += &object.other_editor().map_or(String::new(), |who| format!(" (changed by {who})"));
        }
        add(
            &mut loaded,
            Served {
                version,
                label,
                share: if waiting { 0 } else { line.percent },
                // Knative gives traffic to nothing that was never up.
                ready: !stopped && (ready || !is_now) && !is(object, "RoutesReady", "False"),
                identity: Identity::Claimed,
                since_unix_ms: None,
            },
        );
    }
    if let Some(told) = told
        && !loaded.iter().any(|served| served.version.as_ref().is_some_and(|at| at.is(&told.version)))
    {
        let label = now.map_or_else(|| "not made yet".to_owned(), |now| words(now.as_bytes()));
        let (version, identity) = (Some(told.version), Identity::Claimed);
        loaded.push(Served { version, label, share: 0, ready: ready && !stopped, identity, since_unix_ms: None });
    }
    if let Some(leaving) = object.leaving()
        && !loaded.iter().any(|served| served.version.as_ref().is_some_and(|at| at.is(&leaving)))
    {
        // Whoever takes it away again finishes what was begun.
        let label = "being taken away: what was put back is not up, or has not been given its traffic".to_owned();
        let (version, identity) = (Some(leaving), Identity::Claimed);
        loaded.push(Served { version, label, share: 0, ready: false, identity, since_unix_ms: None });
    }
    for served in &mut loaded {
        if served.version.is_none() {
            served.identity = Identity::Unknown;
        }
    }
    loaded
}

/// Two revisions may hold one version: a model that was put back has a new one.
fn add(loaded: &mut Vec<Served>, one: Served) {
    let same = |known: &&mut Served| match (&known.version, &one.version) {
        (Some(a), Some(b)) => a.is(b),
        _ => false,
    };
    match loaded.iter_mut().find(same) {
        Some(known) => {
            if one.share > known.share {
                known.label.clone_from(&one.label);
                known.ready = one.ready;
            }
            known.share = known.share.saturating_add(one.share).min(100);
        }
        None => loaded.push(one),
    }
}

/// Without Knative there is one model, and it has all traffic once it is ready.
fn standard(object: &Object) -> Vec<Served> {
    let ready = is(object, "PredictorReady", "True") && object.failure().is_none();
    let version = object.told().map(|told| told.version);
    let identity = if version.is_some() { Identity::Claimed } else { Identity::Unknown };
    let label = "Standard mode".to_owned();
    vec![Served { version, label, share: if ready { 100 } else { 0 }, ready, identity, since_unix_ms: None }]
}

fn phase(object: &Object, loaded: &[Served]) -> Phase {
    let serves = loaded.iter().any(|served| served.share > 0 && served.ready);
    if object.failure().is_some() {
        return if serves { Phase::Degraded } else { Phase::Failed };
    }
    if is(object, "Stopped", "True") {
        return Phase::Degraded;
    }
    match object.condition("Ready").map(|(status, _)| status) {
        Some("True") if object.revision("latestCreatedRevision") == object.revision("latestReadyRevision") => {
            Phase::Serving
        }
        Some("False") if serves => Phase::Degraded,
        Some("False") => Phase::Failed,
        Some("True" | "Unknown") | None => Phase::Starting,
        Some(_) => Phase::Unknown,
    }
}

/// What another does to it just now.
fn foreign(object: &Object, loaded: &[Served]) -> Option<String> {
    if object.text("/metadata/deletionTimestamp").is_some() {
        return Some("it is being deleted".to_owned());
    }
    let who = object.other_editor()?;
    let rolls = object.revision("latestCreatedRevision") != object.revision("latestReadyRevision");
    let split = loaded.iter().any(|served| (1..100).contains(&served.share));
    let theirs = object.told().is_none();
    (theirs && (rolls || split)).then(|| format!("{who} changed it, and KServe is rolling that out"))
}

fn is(object: &Object, kind: &str, wanted: &str) -> bool {
    object.condition(kind).is_some_and(|(status, _)| status == wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use signalbox_release::VersionRef;

    use super::*;
    use crate::kserve::object::Wanted;

    fn told(version: &str, revision: Option<&str>) -> Told {
        let name = |text: &str| text.parse().expect("a name");
        Told {
            version: VersionRef {
                registry: "own".parse().expect("a name"),
                model: name("churn"),
                version: version.parse().expect("a name"),
                digest: None,
            },
            model: json!({ "modelFormat": { "name": "sklearn" }, "storageUri": format!("s3://b/{version}") }),
            revisions: revision.map(str::to_owned).into_iter().collect(),
            newest: revision.map(str::to_owned),
        }
    }

    /// As KServe leaves it: version 2 has come beside version 1, which revision r1 serves.
    fn object(percent: Option<u8>, made_and_ready: [&str; 2], traffic: &[(&str, u8)], model_status: Value) -> Object {
        let (two, one) = (told("2", None), told("1", Some("r1")));
        let wanted = Wanted {
            name: "churn",
            namespace: "models",
            told: &two,
            previous: Some(&one),
            op: "p.1",
            made_by: None,
            leaving: None,
        };
        let mut raw = wanted.object();
        raw["spec"]["predictor"]["canaryTrafficPercent"] = json!(percent);
        let traffic: Vec<Value> =
            traffic.iter().map(|(name, percent)| json!({ "revisionName": name, "percent": percent })).collect();
        raw["status"] = json!({
            // The Knative service's, not ours: see above.
            "observedGeneration": 1,
            "conditions": [{ "type": "Ready", "status": "True" }],
            "components": { "predictor": {
                "latestCreatedRevision": made_and_ready[0],
                "latestReadyRevision": made_and_ready[1],
                "traffic": traffic,
            } },
            "modelStatus": model_status,
        });
        Object(raw)
    }

    fn shares(object: &Object) -> (Phase, Vec<(String, u8, bool)>) {
        let seen = observed(&"churn".parse().expect("a name"), object);
        let loaded = seen.loaded.iter().map(|served| {
            let name = served.version.as_ref().map_or(served.label.clone(), |at| at.version.to_string());
            (name, served.share, served.ready)
        });
        (seen.phase, loaded.collect())
    }

    fn one_of(name: &str, share: u8, ready: bool) -> (String, u8, bool) {
        (name.to_owned(), share, ready)
    }

    #[test]
    fn a_revision_serves_what_traffic_says_whatever_ready_says() {
        let ok = || json!({ "transitionStatus": "UpToDate" });
        // KServe has not looked yet.
        let fresh = object(Some(0), ["r1", "r1"], &[("r1", 100)], ok());
        assert_eq!(shares(&fresh), (Phase::Serving, vec![one_of("1", 100, true), one_of("2", 0, false)]));
        // Made, and not up.
        let coming = object(Some(0), ["r2", "r1"], &[("r1", 0), ("r1", 100)], ok());
        assert_eq!(shares(&coming), (Phase::Starting, vec![one_of("1", 100, true), one_of("2", 0, false)]));
        let loaded = object(Some(0), ["r2", "r2"], &[("r2", 0), ("r1", 100)], ok());
        assert_eq!(shares(&loaded), (Phase::Serving, vec![one_of("2", 0, true), one_of("1", 100, true)]));
        let shared = object(Some(10), ["r2", "r2"], &[("r2", 10), ("r1", 90)], ok());
        assert_eq!(shares(&shared).1, [one_of("2", 10, true), one_of("1", 90, true)]);
        let all = object(None, ["r2", "r2"], &[("r2", 100)], ok());
        assert_eq!(shares(&all).1, [one_of("2", 100, true)]);
        // Put back just before, KServe had it in two revisions: either may have the traffic.
        let mut twice = object(Some(0), ["r2", "r2"], &[("r2", 0), ("r0", 100)], ok());
        let mut one_told = told("1", Some("r1"));
        one_told.revisions.push("r0".into());
        twice.0["metadata"]["annotations"]["signalbox/previous"] =
            json!(serde_json::to_string(&one_told).expect("JSON"));
        assert_eq!(shares(&twice).1, [one_of("2", 0, true), one_of("1", 100, true)]);
        // A revision that nobody here has made.
        let odd = object(Some(0), ["r2", "r2"], &[("r2", 0), ("r0", 100)], ok());
        assert_eq!(shares(&odd).1, [one_of("2", 0, true), one_of("r0", 100, true)]);
    }

    #[test]
    fn a_model_that_does_not_load_says_why() {
        let status = json!({ "transitionStatus": "BlockedByFailedLoad", "lastFailureInfo": {
            "reason": "ModelLoadFailed", "message": "no such\nbucket\u{1b}[0m", "location": "pod-1" } });
        let failed = object(Some(0), ["r2", "r1"], &[("r1", 100)], status);
        assert_eq!(failed.failure().as_deref(), Some("BlockedByFailedLoad: ModelLoadFailed no such bucket [0m pod-1"));
        assert_eq!(shares(&failed), (Phase::Degraded, vec![one_of("1", 100, true), one_of("2", 0, false)]));
    }

    #[test]
    fn a_version_that_is_being_taken_away_is_there_until_that_is_done() {
        let (one, two) = (told("1", None), told("2", None).version);
        let previous = Told { newest: Some("r2".into()), ..told("1", Some("r1")) };
        let wanted = Wanted {
            name: "churn",
            namespace: "models",
            told: &one,
            previous: Some(&previous),
            op: "p.1.back",
            made_by: None,
            leaving: Some(&two),
        };
        let back = |percent: Option<u8>, ready: &str, traffic: &[(&str, u8)]| {
            let mut object = object(percent, ["r3", ready], traffic, json!(null));
            let wanted = wanted.object();
            object.0["metadata"]["annotations"] = wanted["metadata"]["annotations"].clone();
            object.0["spec"]["predictor"]["model"] = wanted["spec"]["predictor"]["model"].clone();
            shares(&object).1
        };
        let coming = back(Some(0), "r2", &[("r2", 0), ("r1", 100)]);
        assert_eq!(coming, [one_of("1", 100, true), one_of("2", 0, false)]);
        let up = back(Some(0), "r3", &[("r3", 0), ("r1", 100)]);
        assert_eq!(up, [one_of("1", 100, true), one_of("2", 0, false)]);
        assert_eq!(back(None, "r3", &[("r3", 100)]), [one_of("1", 100, true)]);
    }

    #[test]
    fn a_name_that_a_terminal_would_obey_is_shown_without_that() {
        let long = format!("r\u{1b}[2J\n{}", "x".repeat(1 << 20));
        for newest in ["r2", &long] {
            let hostile = object(Some(0), [newest, newest], &[(&long, 100)], json!(null));
            let seen = observed(&"churn".parse().expect("a name"), &hostile);
            let labels = seen.loaded.iter().map(|served| served.label.as_str());
            assert!(labels.clone().all(|label| label.len() < 300 && !label.contains(['\u{1b}', '\n'])));
            assert!(labels.clone().count() > 0);
        }
    }

    #[test]
    fn what_another_wrote_is_no_version_of_ours() {
        let mut changed = object(None, ["r3", "r2"], &[("r2", 100)], json!(null));
        changed.0["spec"]["predictor"]["model"]["storageUri"] = json!("s3://evil/9");
        changed.0["metadata"]["managedFields"] =
            json!([{ "manager": "kubectl-edit", "time": "T", "fieldsV1": { "f:spec": {} } }]);
        let seen = observed(&"churn".parse().expect("a name"), &changed);
        assert_eq!(seen.loaded.len(), 1);
        assert_eq!((&seen.loaded[0].version, &seen.loaded[0].identity), (&None, &Identity::Unknown));
        assert!(seen.foreign.expect("seen").contains("kubectl-edit at T"));
        for hostile in [json!(null), json!(5), json!([]), json!({ "status": { "conditions": 5, "components": [] } })] {
            assert!(observed(&"churn".parse().expect("a name"), &Object(hostile)).live().is_none());
        }
    }
}
