//! Writing an object so that nobody else's writing is lost.

use serde_json::{Value, json};
use signalbox_release::{Failure, FailureCode, OpKey, ServiceName};

use super::Kserve;
use super::change::changed;
use super::object::{OP, Object, PREVIOUS, VERSION, maker};
use crate::http::{Lost, Patience};

/// How often a change is put on top of a status that has moved in between.
const TRIES: usize = 10;

impl Kserve {
    /// Server-side apply knows no "only if it is not there". So it is made under a name that only this operation has:
    /// whoever makes it in the same moment would change what we own, or we what they own, and the API server refuses
    /// the second.
    pub(super) fn make(
        &self,
        service: &ServiceName,
        body: &Value,
        key: &OpKey,
        patience: &Patience,
    ) -> Result<Object, Lost> {
        let (name, maker) = (service.as_str(), maker(key.as_str()));
        let another = |failure: Failure| {
            let code = failure.code;
            if code != FailureCode::Conflict {
                return failure;
            }
            Failure::new(code, format!("another has made {service} just now: {}", failure.message))
                .hint("Make the plan again, from what is so now.")
        };
        let told = |lost: Lost| match lost {
            Lost::Refused(failure) => Lost::Refused(another(failure)),
            lost => lost,
        };
        self.api.apply_as(&maker, name, body, true, patience).map_err(told)?;
        let made = self.api.apply_as(&maker, name, body, false, patience).map_err(told)?;
        self.handed_over(service, made, patience)
    }

    /// What was made for one operation becomes Signalbox's: applied once more under that name, and given up under the
    /// other. Neither changes the service. One that was killed in between is followed by the next who changes it.
    pub(super) fn handed_over(&self, service: &ServiceName, made: Object, patience: &Patience) -> Result<Object, Lost> {
        let Some(maker) = made.maker() else { return Ok(made) };
        let Some(mut body) = made.applied_by(&maker) else { return Ok(made) };
        let mut nothing = json!({ "apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": {
            "name": body["metadata"]["name"], "namespace": body["metadata"]["namespace"] } });
        for body in [&mut body, &mut nothing] {
            // If it is gone, it is not made anew.
            body["metadata"]["uid"] = json!(made.text("/metadata/uid"));
        }
        self.api.apply(service.as_str(), &body, false, patience)?;
        self.api.apply_as(&maker, service.as_str(), &nothing, false, patience)
    }

    /// Applies to what was seen, and to nothing else. KServe writes the status all the time: where nothing but that has
    /// moved, the server has said no to a change that is still right.
    pub(super) fn replace(
        &self,
        service: &ServiceName,
        seen: &Object,
        body: &Value,
        patience: &Patience,
    ) -> Result<Object, Lost> {
        let mut now = seen.clone();
        let mut body = body.clone();
        for _ in 0..TRIES {
            body["metadata"]["resourceVersion"] = json!(now.resource_version());
            body["metadata"]["uid"] = json!(now.text("/metadata/uid"));
            let done = self
                .api
                .apply(service.as_str(), &body, true, patience)
                .and_then(|_| self.api.apply(service.as_str(), &body, false, patience));
            match done {
                Err(Lost::Refused(f)) if f.code == FailureCode::Conflict && super::api::owners(&f).is_none() => {
                    let gone = || Failure::new(FailureCode::Conflict, format!("another has deleted {service}"));
                    let again = self.api.get(service.as_str(), patience)?.ok_or_else(gone)?;
                    if !is_same(&again, seen) {
                        return Err(changed(service, &again).into());
                    }
                    now = again;
                }
                done => return done,
            }
        }
        Err(Failure::new(FailureCode::Busy, format!("{service} changes faster than it can be changed")).into())
    }

    /// Deletes what was seen, and nothing else; where only the status has moved, it is what was seen.
    pub(super) fn delete(&self, service: &ServiceName, seen: &Object, patience: &Patience) -> Result<(), Lost> {
        let mut now = seen.clone();
        for _ in 0..TRIES {
            match self.api.delete(&now, patience) {
                Err(Lost::Refused(f)) if f.code == FailureCode::Conflict => {
                    let Some(again) = self.api.get(service.as_str(), patience)? else { return Ok(()) };
                    if !is_same(&again, seen) {
                        return Err(changed(service, &again).into());
                    }
                    now = again;
                }
                done => return done,
            }
        }
        Err(Failure::new(FailureCode::Busy, format!("{service} changes faster than it can be deleted")).into())
    }
}

/// Nothing but the status has moved.
fn is_same(one: &Object, other: &Object) -> bool {
    let id = |object: &Object| object.text("/metadata/uid").map(str::to_owned);
    let ours = |object: &Object| [VERSION, PREVIOUS, OP].map(|key| object.annotation(key).map(str::to_owned));
    id(one) == id(other) && one.generation() == other.generation() && ours(one) == ours(other)
}
