//! What is said of an alias that is not where it was seen, or was put: the same for every registry.

use signalbox_release::{AliasName, Failure, FailureCode, ModelName, Pointer, VersionName};

use crate::http::Lost;

/// Another has moved it.
pub fn elsewhere(model: &ModelName, alias: &AliasName, seen: &Pointer) -> Failure {
    let (to, by) = (shown(seen.to.as_ref()), seen.moved_by.as_ref());
    let by = by.map_or(String::new(), |by| format!("; {by} moved it"));
    Failure::new(FailureCode::Conflict, format!("{alias} of {model} points at {to} by now{by}"))
        .hint("Make the plan again, from what is so now.")
}

/// Judges what is read back after the registry has said yes to a move.
pub fn has_moved(
    model: &ModelName,
    alias: &AliasName,
    from: Option<&VersionName>,
    to: Option<&VersionName>,
    seen: &Pointer,
) -> Result<(), Lost> {
    if seen.to.as_ref() == to {
        return Ok(());
    }
    if seen.to.as_ref() != from {
        return Err(elsewhere(model, alias, seen).into());
    }
    // It may lag behind, or something else may have said yes in the registry's stead: the move may still come.
    let (from, to) = (shown(from), shown(to));
    let why = format!("the registry took the move of {alias} of {model} to {to}, and still shows it at {from}");
    Err(Lost::Unknown(Failure::new(FailureCode::Server, why)))
}

fn shown(version: Option<&VersionName>) -> String {
    version.map_or("nothing".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_that_does_not_show_may_still_come_and_one_to_elsewhere_is_anothers() {
        let (model, alias) = ("m".parse().expect("a name"), "champion".parse().expect("a name"));
        let [one, two, three]: [VersionName; 3] = ["1", "2", "3"].map(|name| name.parse().expect("a name"));
        let judged = |to: Option<&VersionName>| {
            let seen = Pointer { to: to.cloned(), moved_by: None, moved_unix_ms: None, raw: serde_json::Value::Null };
            has_moved(&model, &alias, Some(&one), Some(&two), &seen)
        };
        assert_eq!(judged(Some(&two)), Ok(()));
        let Err(Lost::Unknown(failure)) = judged(Some(&one)) else { panic!("it may still come") };
        assert_eq!(failure.message, "the registry took the move of champion of m to 2, and still shows it at 1");
        for other in [Some(&three), None] {
            let Err(Lost::Refused(failure)) = judged(other) else { panic!("another has moved it") };
            assert_eq!(failure.code, FailureCode::Conflict);
        }
    }
}
