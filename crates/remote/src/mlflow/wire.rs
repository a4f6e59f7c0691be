//! MLflow's JSON to what was seen. Fields that are missing or odd are as if they were not there: 2.x, 3.x and the
//! servers that speak their API differ in them.

use serde_json::Value;
use signalbox_release::{
    AliasName, Digest, Failure, FailureCode, Model, SystemId, Version, VersionName, VersionRef, VersionState,
};

use super::{DIGEST_TAG, STATE_TAG, WITHDRAWN};
use crate::http::words;

/// A text that is there and not empty.
pub fn text<'a>(raw: &'a Value, key: &str) -> Option<&'a str> {
    raw.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// A whole number; some servers write 64-bit ones as texts.
pub fn whole(raw: &Value, key: &str) -> Option<i64> {
    let found = raw.get(key)?;
    found.as_i64().or_else(|| found.as_str()?.parse().ok())
}

pub fn list<'a>(raw: &'a Value, key: &str) -> &'a [Value] {
    raw.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `[{key, value}, …]`.
pub fn tags(raw: &Value) -> Vec<(String, String)> {
    let pair = |tag: &Value| Some((tag.get("key")?.as_str()?.to_owned(), tag.get("value")?.as_str()?.to_owned()));
    list(raw, "tags").iter().filter_map(pair).collect()
}

pub fn tag<'a>(tags: &'a [(String, String)], key: &str) -> Option<&'a str> {
    tags.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// A version's number: a text or, from some servers, a number.
pub fn number(raw: &Value, key: &str) -> Option<VersionName> {
    let found = raw.get(key)?;
    found.as_str().map(str::to_owned).or_else(|| Some(found.as_u64()?.to_string()))?.parse().ok()
}

pub fn aliases(raw: &Value) -> Vec<(AliasName, VersionName)> {
    let pair = |at: &Value| Some((text(at, "alias")?.parse().ok()?, number(at, "version")?));
    list(raw, "aliases").iter().filter_map(pair).collect()
}

/// `None`: its name is none that we take; it cannot be promoted.
pub fn model(raw: &Value) -> Option<Model> {
    Some(Model {
        name: text(raw, "name")?.parse().ok()?,
        aliases: aliases(raw),
        description: text(raw, "description").map(str::to_owned),
        raw: raw.clone(),
    })
}

pub fn version(registry: &SystemId, raw: &Value) -> Result<Version, Failure> {
    let odd = |what: &str| {
        Failure::new(FailureCode::Server, format!("the registry names a version without a {what}")).raw(raw.clone())
    };
    let tags = tags(raw);
    let at = VersionRef {
        registry: registry.clone(),
        model: text(raw, "name").and_then(|name| name.parse().ok()).ok_or_else(|| odd("name that is one"))?,
        version: number(raw, "version").ok_or_else(|| odd("number"))?,
        digest: tag(&tags, DIGEST_TAG).and_then(|digest| digest.parse::<Digest>().ok()),
    };
    let said = text(raw, "status_message").map(|said| words(said.as_bytes()));
    let state = if tag(&tags, STATE_TAG) == Some(WITHDRAWN) {
        VersionState::Withdrawn
    } else {
        match text(raw, "status") {
            None | Some("READY") => VersionState::Ready,
            Some("PENDING_REGISTRATION") => VersionState::Pending,
            Some(status) => VersionState::Failed(said.unwrap_or_else(|| words(status.as_bytes()))),
        }
    };
    Ok(Version {
        at,
        state,
        run: text(raw, "run_id").map(str::to_owned),
        source: text(raw, "source").map(str::to_owned),
        made_unix_ms: whole(raw, "creation_timestamp"),
        made_by: text(raw, "user_id").map(str::to_owned),
        tags,
        raw: raw.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(raw: Value) -> Version {
        version(&"mlflow".parse().expect("a name"), &raw).expect("a version")
    }

    #[test]
    fn a_version_is_read_as_2x_and_3x_write_it() {
        let digest = Digest::of("x");
        let raw = json!({ "name": "it's", "version": "12", "creation_timestamp": "1795295949020", "status": "READY",
            "run_id": "", "source": "models:/m-1", "user_id": "ada",
            "tags": [{ "key": DIGEST_TAG, "value": digest.to_string() }, { "key": 1 }] });
        let version = seen(raw);
        assert_eq!((version.at.version.as_str(), version.at.digest), ("12", Some(digest)));
        assert_eq!((version.state, version.made_unix_ms), (VersionState::Ready, Some(1_795_295_949_020)));
        assert_eq!((version.run, version.made_by.as_deref()), (None, Some("ada")));
        assert_eq!(seen(json!({ "name": "m", "version": 3 })).at.version.as_str(), "3");
    }

    #[test]
    fn states_are_mapped() {
        let state = |status: &str, withdrawn: bool| {
            let tags = if withdrawn { json!([{ "key": STATE_TAG, "value": WITHDRAWN }]) } else { json!([]) };
            seen(json!({ "name": "m", "version": "1", "status": status, "status_message": "no\u{7} disk", "tags": tags }))
                .state
        };
        assert_eq!(state("PENDING_REGISTRATION", false), VersionState::Pending);
        assert_eq!(state("FAILED_REGISTRATION", false), VersionState::Failed("no disk".into()));
        assert_eq!(state("READY", true), VersionState::Withdrawn);
        assert_eq!(state("FAILED_REGISTRATION", true), VersionState::Withdrawn);
    }

    #[test]
    fn names_that_mean_something_else_are_not_taken() {
        assert!(model(&json!({ "name": "../x" })).is_none());
        let id = "mlflow".parse().expect("a name");
        for raw in [json!({}), json!({ "name": "m" }), json!({ "name": "a/b", "version": "1" }), json!([]), json!(null)]
        {
            assert!(version(&id, &raw).is_err(), "{raw}");
        }
    }
}
