//! Predictions: to whom a request goes, and in which protocol.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use reqwest::Url;
use serde_json::{Value, json};
use signalbox_release::{Answer, Failure, FailureCode, VersionRef, Whom};

use super::object::Object;
use super::seen::revision_now;
use crate::http::{Http, Patience, words};
use crate::secret::Auth;

/// How requests reach the services.
#[derive(Clone, Debug, PartialEq)]
pub enum Reach {
    /// At the addresses that KServe gives them.
    Status,
    /// At an ingress (a port-forward, a gateway), which tells services apart by the `Host` header: `http://host:port`.
    Ingress(String),
}

/// What the model server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `POST /v1/models/NAME:predict`, `{"instances": …}`.
    V1,
    /// The Open Inference Protocol: `POST /v2/models/NAME/infer`.
    V2,
}

/// One client per place.
pub type Places = Mutex<HashMap<String, Arc<Http>>>;

/// The address that the version, or whoever answers the service, has.
pub fn address(object: &Object, whom: &Whom) -> Result<String, Failure> {
    match whom {
        Whom::Live => {
            let known = ["/status/url", "/status/components/predictor/url"];
            known
                .into_iter()
                .find_map(|pointer| object.text(pointer))
                .map(str::to_owned)
                .ok_or_else(|| Failure::new(FailureCode::NotFound, "KServe has given the service no address yet"))
        }
        Whom::Version(version) => tagged(object, version).ok_or_else(|| {
            Failure::new(FailureCode::NotFound, format!("KServe gives {version} no address of its own")).hint(
                "Is the service in Knative mode? Signalbox asks for it with serving.kserve.io/enable-tag-routing.",
            )
        }),
    }
}

/// Knative gives each tagged line of traffic an address.
fn tagged(object: &Object, version: &VersionRef) -> Option<String> {
    let previous = object.previous().filter(|told| told.version.is(version));
    let now = object.told().filter(|told| told.version.is(version)).and_then(|_| revision_now(object));
    let lines = object.traffic();
    // The one that has traffic, should both hold the version.
    let mut own: Vec<_> = lines
        .iter()
        .filter(|line| {
            now == Some(line.revision.as_str()) || previous.as_ref().is_some_and(|told| told.is_in(&line.revision))
        })
        .filter(|line| line.url.is_some())
        .collect();
    own.sort_by_key(|line| std::cmp::Reverse(line.percent));
    own.first().and_then(|line| line.url.clone())
}

pub fn ask(
    places: &Places,
    reach: &Reach,
    address: &str,
    (protocol, name): (Protocol, &str),
    request: &Value,
    patience: &Patience,
) -> Result<Answer, Failure> {
    let bad = || {
        let shown = words(address.as_bytes());
        Failure::new(FailureCode::Server, format!("KServe gives {shown:?} as an address, which is none"))
    };
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(bad)?;
    let host = url.host_str().ok_or_else(bad)?;
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let (place, for_host) = match reach {
        Reach::Status => (url.origin().ascii_serialization(), None),
        Reach::Ingress(ingress) => (ingress.clone(), Some(host)),
    };
    let http = {
        let mut places = places.lock().unwrap_or_else(PoisonError::into_inner);
        match places.get(&place) {
            Some(http) => http.clone(),
            None => {
                let http = Arc::new(Http::new(&place, || Auth::None, None)?);
                places.insert(place, http.clone());
                http
            }
        }
    };
    let path = match protocol {
        Protocol::V1 => format!("v1/models/{name}:predict"),
        Protocol::V2 => format!("v2/models/{name}/infer"),
    };
    let mut call = http.post(&path, to_server(protocol, request)?);
    if let Some(host) = &for_host {
        call = call.for_host(host);
    }
    let began = Instant::now();
    // Asking a model changes nothing, but it may be dear: once.
    let body = http.change(&call, patience).map_err(crate::http::Lost::failure)?;
    let took_ms = began.elapsed().as_secs_f64() * 1000.0;
    let by = body.get("model_version").and_then(Value::as_str).map(|by| words(by.as_bytes()));
    Ok(Answer { body: from_server(protocol, body), by, took_ms })
}

/// A request as MLflow's scoring servers take it, in the server's own protocol.
fn to_server(protocol: Protocol, request: &Value) -> Result<Value, Failure> {
    let v2 = request.get("inputs").and_then(Value::as_array).is_some_and(|inputs| {
        inputs.iter().all(|input| input.get("datatype").is_some() && input.get("shape").is_some())
    });
    let refused = |what: &str| {
        Err(Failure::new(FailureCode::Invalid, format!("this request cannot be put as the {what} protocol wants it"))
            .hint("Write the golden request in the server's own protocol."))
    };
    match protocol {
        Protocol::V2 if v2 => Ok(request.clone()),
        Protocol::V2 => refused("V2"),
        Protocol::V1 if request.get("instances").is_some() => Ok(request.clone()),
        Protocol::V1 => {
            let rows = request.pointer("/dataframe_split/data").or_else(|| request.get("inputs").filter(|_| !v2));
            match rows.filter(|rows| rows.is_array()) {
                Some(rows) => Ok(json!({ "instances": rows })),
                None => refused("V1"),
            }
        }
    }
}

/// The answer without what differs from one answer to the next.
fn from_server(protocol: Protocol, mut body: Value) -> Value {
    if let (Protocol::V2, Some(body)) = (protocol, body.as_object_mut()) {
        for changing in ["id", "model_version", "parameters"] {
            body.remove(changing);
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_put_as_the_server_wants_them() {
        let check = |protocol, request: Value, expected: Option<Value>| {
            assert_eq!(to_server(protocol, &request).ok(), expected, "{request}");
        };
        let rows = json!([[1, 2], [3, 4]]);
        check(Protocol::V1, json!({ "instances": rows }), Some(json!({ "instances": rows })));
        check(Protocol::V1, json!({ "inputs": rows }), Some(json!({ "instances": rows })));
        let split = json!({ "dataframe_split": { "columns": ["a", "b"], "data": rows } });
        check(Protocol::V1, split.clone(), Some(json!({ "instances": rows })));
        check(Protocol::V1, json!({ "x": 1 }), None);
        let v2 = json!({ "inputs": [{ "name": "x", "shape": [1], "datatype": "FP64", "data": [1.5] }] });
        check(Protocol::V2, v2.clone(), Some(v2.clone()));
        check(Protocol::V1, v2, None);
        check(Protocol::V2, split, None);
        let answer = json!({ "id": "x", "model_version": "2", "outputs": [1] });
        assert_eq!(from_server(Protocol::V2, answer), json!({ "outputs": [1] }));
    }
}
