//! Loading, giving traffic, taking away.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_release::{
    Deployable, Failure, FailureCode, OpKey, Request, ServiceName, Split, TO_BE_GIVEN, VersionRef,
};

use super::object::{MADE_BY, OP, Object, PREVIOUS, Told, Wanted};
use super::seen::{is_first_and_waiting, is_ready, observed, revision_now};
use super::{Kserve, name_of};
use crate::http::{Lost, Patience};

const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

impl Kserve {
    pub(super) fn stage_calls(&self, service: &ServiceName, what: &Deployable, key: &OpKey) -> Vec<Request> {
        let uri = self.at.storage.uri(what).unwrap_or_else(|_| "{where the registry keeps it}".to_owned());
        let told = self.told(&what.version, &uri);
        let wanted = Wanted {
            name: service.as_str(),
            namespace: &self.at.namespace,
            told: &told,
            previous: None,
            op: key.as_str(),
            made_by: None,
            leaving: None,
        };
        let mut body = wanted.object();
        body["metadata"]["resourceVersion"] = json!("{as it was seen}");
        body["metadata"]["annotations"][PREVIOUS] = json!("{what serves now}");
        let change = self.shown(service, body);
        vec![Request { to: format!("{}&dryRun=All", change.to), ..change.clone() }, change]
    }

    /// An apply, for a person.
    pub(super) fn shown(&self, service: &ServiceName, body: Value) -> Request {
        let server = self.api.access().map_or_else(|_| "{cluster}".to_owned(), |access| access.server);
        let to = format!(
            "{}/{}?fieldManager=signalbox&force=false",
            server.trim_end_matches('/'),
            self.api.path(service.as_str())
        );
        Request { verb: "PATCH".into(), to, body: Some(body) }
    }

    fn told(&self, version: &VersionRef, uri: &str) -> Told {
        let mut model = json!({ "modelFormat": { "name": self.at.format }, "storageUri": uri });
        if self.at.protocol == super::Protocol::V2 {
            model["protocolVersion"] = json!("v2");
        }
        if let Some(runtime) = &self.at.runtime {
            model["runtime"] = json!(runtime);
        }
        Told { version: version.clone(), model, revisions: Vec::new(), newest: None }
    }

    pub(super) fn load(
        &self,
        service: &ServiceName,
        what: &Deployable,
        key: &OpKey,
        patience: &Patience,
    ) -> Result<Value, Lost> {
        let name = name_of(service)?;
        if what.version.version.as_str() == TO_BE_GIVEN {
            return Err(Failure::new(FailureCode::Invalid, "the version has no number yet").into());
        }
        let told = self.told(&what.version, &self.at.storage.uri(what)?);
        let mut now = self.api.get(name, patience)?;
        if now.as_ref().is_some_and(|object| object.annotation(OP) == Some(key.as_str())) {
            // This very call was made before; its answer was lost.
            if let Some(object) = now {
                self.handed_over(service, object, patience)?;
            }
            return self.settled_load(service, &what.version, patience);
        }
        if let Some(object) = now.take() {
            now = Some(self.handed_over(service, object, patience)?);
        }
        let previous = match &now {
            Some(object) => Some(before(service, object)?),
            None => None,
        };
        self.at.storage.bring(what)?;
        let wanted = Wanted {
            name,
            namespace: &self.at.namespace,
            told: &told,
            previous: previous.as_ref(),
            op: key.as_str(),
            // Who made it stays on it.
            made_by: match &now {
                Some(object) => object.annotation(MADE_BY),
                None => Some(key.as_str()),
            },
            leaving: None,
        };
        match &now {
            Some(object) => self.replace(service, object, &wanted.object(), patience)?,
            None => self.make(service, &wanted.object(), key, patience)?,
        };
        self.settled_load(service, &what.version, patience)
    }

    /// Waits for the model. One that does not load is taken away again at once, so that refused means undone.
    fn settled_load(&self, service: &ServiceName, version: &VersionRef, patience: &Patience) -> Result<Value, Lost> {
        while patience.check().is_ok() {
            // Whoever waits after us looks again, and longer.
            let Ok(Some(object)) = self.api.get(service.as_str(), patience) else { break };
            let ours = object.told().is_some_and(|told| told.version.is(version));
            if !ours || is_ready(&object) {
                break;
            }
            // What is told of a revision that is not there yet is told of the one before; but for a spec that makes none.
            let made = revision_now(&object).is_some();
            let invalid = object.text("/status/modelStatus/transitionStatus") == Some("InvalidSpec");
            if let Some(why) = object.failure().filter(|_| made || invalid) {
                let failure = Failure::new(FailureCode::Server, format!("{version} does not load: {why}"))
                    .hint("The version before serves on. KServe's pod has the whole story.");
                return match self.take_away(service, &object, version, patience) {
                    Ok(_) => Err(Lost::Refused(failure)),
                    Err(lost) => Err(Lost::Unknown(Failure::new(
                        failure.code,
                        format!("{}; taking it away failed: {}", failure.message, lost.failure()),
                    ))),
                };
            }
            self.clock.pause(BETWEEN_LOOKS, patience.cancel());
        }
        Ok(json!({ "applied": version.to_string() }))
    }

    pub(super) fn give(&self, service: &ServiceName, split: &Split, patience: &Patience) -> Result<Value, Lost> {
        let name = name_of(service)?;
        let object = self.api.get(name, patience)?.ok_or_else(|| missing(service))?;
        let object = self.handed_over(service, object, patience)?;
        let seen = observed(service, &object);
        let holders = seen.loaded.iter().filter(|served| served.share > 0);
        split.check(service, holders.filter_map(|served| served.version.as_ref()))?;
        let percent = percent_for(service, &object, split)?;
        if object.percent().unwrap_or(100) == percent {
            return Ok(json!({ "canaryTrafficPercent": percent }));
        }
        let mut body = object.applied().ok_or_else(|| not_ours(service, &object))?;
        let predictor = body["spec"]["predictor"].as_object_mut().ok_or_else(|| not_ours(service, &object))?;
        if percent == 100 {
            predictor.remove("canaryTrafficPercent");
        } else {
            predictor.insert("canaryTrafficPercent".into(), json!(percent));
        }
        let done = self.replace(service, &object, &body, patience)?;
        if done.percent().unwrap_or(100) != percent {
            // A field that another owns too stays when we leave it out.
            let who = done.other_editor().unwrap_or_else(|| "another".to_owned());
            return Err(Lost::Unknown(Failure::new(
                FailureCode::Conflict,
                format!("the percentage of {service} is {:?}, as {who} wants it", done.percent()),
            )));
        }
        Ok(json!({ "canaryTrafficPercent": percent }))
    }

    pub(super) fn unload(
        &self,
        service: &ServiceName,
        version: &VersionRef,
        patience: &Patience,
    ) -> Result<Value, Lost> {
        let Some(object) = self.api.get(name_of(service)?, patience)? else { return Ok(json!({ "gone": true })) };
        let seen = observed(service, &object);
        let Some(served) = seen.of(version) else { return Ok(json!({ "loaded": false })) };
        if served.share > 0 {
            let why = format!("{version} has {} % of the traffic", served.share);
            return Err(Failure::new(FailureCode::Conflict, why).hint("Give it to another version first.").into());
        }
        if object.leaving().is_some_and(|leaving| leaving.is(version)) {
            let op = object.annotation(OP).unwrap_or("").to_owned();
            let given = self.given_back(service, &op, patience);
            return Ok(json!({ "put back": true, "given": given }));
        }
        if !object.told().is_some_and(|told| told.version.is(version)) {
            // A revision before: Knative itself lets go of what has no traffic.
            return Ok(json!({ "left to": "Knative" }));
        }
        self.take_away(service, &object, version, patience)
    }

    /// Puts the model before back into the spec; or deletes what was made for this version.
    fn take_away(
        &self,
        service: &ServiceName,
        object: &Object,
        version: &VersionRef,
        patience: &Patience,
    ) -> Result<Value, Lost> {
        let Some(previous) = object.previous().filter(|told| !told.version.is(version)) else {
            if !is_first_and_waiting(object) {
                return Err(not_ours(service, object).into());
            }
            self.delete(service, object, patience)?;
            return Ok(json!({ "deleted": service }));
        };
        let op = format!("{}.back", object.annotation(OP).unwrap_or("").trim_end_matches(".back"));
        let newest = object.revision("latestCreatedRevision").map(str::to_owned);
        let told = Told { revisions: Vec::new(), newest: None, ..previous.clone() };
        let previous = Told { newest, ..previous };
        let wanted = Wanted {
            name: service.as_str(),
            namespace: &self.at.namespace,
            told: &told,
            previous: Some(&previous),
            op: &op,
            made_by: object.annotation(MADE_BY),
            leaving: Some(version),
        };
        self.replace(service, object, &wanted.object(), patience)?;
        let given = self.given_back(service, &op, patience);
        Ok(json!({ "put back": previous.version.to_string(), "given": given }))
    }

    /// What was put back serves already, as the revision that it had. Left at 0 % it would do so for ever, and pass over
    /// whatever somebody writes into the spec next: so it is given its traffic when it is up. Until then what it
    /// replaces counts as loaded, and whoever unloads that comes here again.
    fn given_back(&self, service: &ServiceName, op: &str, patience: &Patience) -> bool {
        while patience.check().is_ok() {
            let Ok(Some(now)) = self.api.get(service.as_str(), patience) else { break };
            if now.annotation(OP) != Some(op) {
                break;
            }
            if is_ready(&now) {
                return self.give_own(service, &now, patience).is_ok();
            }
            self.clock.pause(BETWEEN_LOOKS, patience.cancel());
        }
        false
    }

    /// Drops the percentage.
    fn give_own(&self, service: &ServiceName, now: &Object, patience: &Patience) -> Result<Object, Lost> {
        let mut body = now.applied().ok_or_else(|| not_ours(service, now))?;
        if let Some(predictor) = body["spec"]["predictor"].as_object_mut() {
            predictor.remove("canaryTrafficPercent");
        }
        self.replace(service, now, &body, patience)
    }
}

/// The version that has all traffic, with what brings it back.
fn before(service: &ServiceName, object: &Object) -> Result<Told, Failure> {
    if object.text("/metadata/deletionTimestamp").is_some() {
        return Err(Failure::new(FailureCode::Busy, format!("{service} is being deleted")));
    }
    if object.is_standard() {
        return Err(Failure::new(
            FailureCode::Invalid,
            format!("{service} runs in KServe's Standard mode, where the new version would take all traffic at once"),
        )
        .hint("Signalbox promotes services in Knative mode (serving.kserve.io/deploymentMode: Serverless)."));
    }
    if object.applied().is_none() {
        return Err(not_ours(service, object));
    }
    let seen = observed(service, object);
    let live = seen.live().and_then(|served| served.version.as_ref()).ok_or_else(|| changed(service, object))?;
    let (told, previous) = (object.told(), object.previous());
    let newest = object.revision("latestCreatedRevision").map(str::to_owned);
    // All that hold it: which of them has the traffic may change while we look, if it was put back just now.
    let mut revisions = Vec::new();
    if told.as_ref().is_some_and(|told| told.version.is(live)) {
        revisions.extend(newest.clone());
    }
    if let Some(previous) = previous.as_ref().filter(|told| told.version.is(live)) {
        revisions.extend(previous.revisions.iter().filter(|known| Some(*known) != newest.as_ref()).cloned());
    }
    let known = [told, previous].into_iter().flatten().find(|told| told.version.is(live));
    let told = known.ok_or_else(|| changed(service, object))?;
    // A revision that is still to come would be taken for the next version's.
    if revisions.is_empty() || !is_ready(object) {
        return Err(Failure::new(FailureCode::Busy, format!("{service} is between two revisions just now")));
    }
    // More than these KServe does not go back to.
    revisions.truncate(3);
    Ok(Told { revisions, newest, ..told })
}

/// What the spec's own revision must get for a split.
fn percent_for(service: &ServiceName, object: &Object, split: &Split) -> Result<u8, Failure> {
    let (told, previous) = (object.told(), object.previous());
    let is = |known: &Option<Told>, at: &VersionRef| known.as_ref().is_some_and(|told| told.version.is(at));
    let unknown = |at: &VersionRef| {
        Failure::new(FailureCode::Conflict, format!("{at} is not what {service} holds; {}", changed(service, object)))
    };
    let invalid = |why: &str| Err(Failure::new(FailureCode::Invalid, format!("{service}: {why}")));
    let Some(to) = &split.to else {
        return if previous.is_none() && object.annotation(MADE_BY).is_some() {
            Ok(0)
        } else {
            invalid("KServe cannot give its traffic to nobody")
        };
    };
    let rest_is = |known: &Option<Told>| split.rest.as_ref().is_none_or(|rest| is(known, rest));
    let percent = if is(&told, to) {
        if split.share < 100 && (previous.is_none() || !rest_is(&previous)) {
            return Err(split.rest.as_ref().map_or_else(|| missing(service), unknown));
        }
        split.share
    } else if is(&previous, to) {
        if split.share < 100 && !rest_is(&told) {
            return Err(split.rest.as_ref().map_or_else(|| missing(service), unknown));
        }
        100 - split.share.min(100)
    } else {
        return Err(unknown(to));
    };
    if percent > 0 && !is_ready(object) {
        // Knative would give it to the newest revision that is ready, which is another.
        return Err(Failure::new(FailureCode::Busy, format!("the newest revision of {service} is not ready")));
    }
    Ok(percent.min(100))
}

pub(super) fn changed(service: &ServiceName, object: &Object) -> Failure {
    let who = object.other_editor().unwrap_or_else(|| "another Signalbox".to_owned());
    Failure::new(FailureCode::Conflict, format!("{service} was changed by {who}"))
        .hint("Make the plan again, from what is so now.")
}

fn not_ours(service: &ServiceName, object: &Object) -> Failure {
    let who = object.other_editor().unwrap_or_else(|| "another".to_owned());
    Failure::new(FailureCode::Conflict, format!("{service} belongs to {who}, not to Signalbox"))
        .hint("Signalbox changes only services that it made itself. Name another service.")
}

fn missing(service: &ServiceName) -> Failure {
    Failure::new(FailureCode::NotFound, format!("{service} does not serve what is to take its traffic"))
}
