//! Moving a stage: new tags, pushed all together or not at all.
//!
//! GTO numbers an artifact's tags through, so two that move one stage give their tags the same number, and the second
//! push is refused — unless something else of the artifact came in between, or one assigns while the other takes away:
//! then the names differ. So Signalboxes push one more tag with it, named after the stage's newest tag as it was seen
//! (`signalbox+iris+prod+<object>`): a newest tag has one successor. GTO itself overlooks that name.

use serde_json::{Value, json};
use signalbox_release::{AliasName, Failure, FailureCode, ModelName, Pointer, Request, VersionName};

use super::mirror::{NewTag, Seen};
use super::push::Pushed;
use super::register::next_counter;
use super::tags::{Event, Semver, holder, stage_of, versions};
use super::{GtoRegistry, check_names, shown};
use crate::alias::elsewhere;
use crate::http::{Lost, Patience};

/// Where a stage is. `events`: the artifact's, by time.
pub fn pointer(events: &[&Event], stage: &AliasName) -> Pointer {
    let all = versions(events);
    let held = holder(&all, stage);
    // Where it is nowhere, who took it away is who moved it.
    let last = events.iter().rev().find(|event| stage_of(event) == Some(stage)).copied();
    let by = held.map(|(_, event)| event).or(last);
    Pointer {
        to: held.map(|(version, _)| version.name.clone()),
        moved_by: by.map(|event| event.by.clone()),
        moved_unix_ms: by.map(|event| event.at_unix_s.saturating_mul(1000)),
        raw: json!({ "tag": by.map(shown) }),
    }
}

impl GtoRegistry {
    pub(super) fn move_stage(
        &self,
        model: &ModelName,
        stage: &AliasName,
        from: Option<&VersionName>,
        to: Option<&VersionName>,
        patience: &Patience,
    ) -> Result<Value, Lost> {
        check_names(model, Some(stage))?;
        let seen = self.mirror.seen(patience)?;
        let now = pointer(&seen.of(model), stage);
        if now.to.as_ref() != from {
            return Err(moved_by_another(model, stage, &now).into());
        }
        if from == to {
            return Ok(json!({ "to": to }));
        }
        let tags = self.moves(model, stage, to, &seen, patience)?;
        let guard = guard(model, stage, &seen);
        let mut pushed = Vec::new();
        for tag in &tags {
            pushed.push((tag.name.clone(), self.mirror.make(tag, patience)?));
        }
        let last = pushed.last().map(|(_, object)| object.clone()).expect("BUG: a move has a tag");
        pushed.push((guard, last));
        match self.mirror.push(&pushed, seen, patience) {
            (Pushed::Done, _) => Ok(json!({ "to": to, "tags": tags.iter().map(|tag| &tag.name).collect::<Vec<_>>() })),
            (Pushed::Taken, Some(seen)) => Err(moved_by_another(model, stage, &pointer(&seen.of(model), stage)).into()),
            (Pushed::Taken, None) => unreachable!("BUG: it was seen to be taken"),
            (Pushed::Refused(failure), _) => Err(Lost::Refused(failure)),
            (Pushed::Unknown(failure), _) => Err(Lost::Unknown(failure)),
        }
    }

    /// The tags that bring the stage there. GTO lets versions keep a stage that another has too, and shows the latest
    /// or, asked to sort by version, the highest: so a higher one loses it when a lower one gets it, and all of them
    /// when nobody is to have it.
    fn moves(
        &self,
        model: &ModelName,
        stage: &AliasName,
        to: Option<&VersionName>,
        seen: &Seen,
        patience: &Patience,
    ) -> Result<Vec<NewTag>, Failure> {
        let events = seen.of(model);
        let all = versions(&events);
        let target = match to {
            Some(name) => {
                let found = all.iter().rev().find(|version| version.name == *name && version.is_active());
                Some(found.ok_or_else(|| {
                    Failure::new(FailureCode::NotFound, format!("there is no {model} {name} in the registry"))
                })?)
            }
            None => None,
        };
        let rank = |name: &VersionName| Semver::of(name.as_str());
        let loses = |version: &&super::Versioned| {
            let higher = target.is_none_or(|to| rank(&version.name) > rank(&to.name));
            let same = target.is_some_and(|to| to.commit == version.commit);
            version.is_active() && version.assigned(stage).is_some() && higher && !same
        };
        let (mut n, mut tags) = (next_counter(&events), Vec::new());
        // All of the same time: each is of another version, and only a version's own tags are ordered by it.
        let fresh = self.new_tag(&events, patience);
        let mut add = |mark: &str, commit: &str, message: String| {
            let name = format!("{model}#{stage}{mark}#{n}");
            tags.push(NewTag { name, commit: commit.to_owned(), message, ..fresh.clone() });
            n += 1;
        };
        for version in all.iter().filter(loses) {
            let message = format!("Unassigning stage '{stage}' to artifact '{model}' version '{}'", version.name);
            add("!", version.commit, message);
        }
        if let Some(to) = target {
            add("", to.commit, assigning(model, stage, to.name.as_str()));
        }
        Ok(tags)
    }

    pub(super) fn point_calls(&self, model: &ModelName, stage: &AliasName, to: Option<&str>) -> Vec<Request> {
        let guard = format!("signalbox+{model}+{stage}+{{its newest tag}}");
        vec![match to {
            Some(version) => {
                self.push_shown(&[format!("{model}#{stage}#{{n}}"), guard], &assigning(model, stage, version))
            }
            None => {
                let message = format!("Unassigning stage '{stage}' to artifact '{model}'");
                self.push_shown(&[format!("{model}#{stage}!#{{n}}"), guard], &message)
            }
        }]
    }
}

fn assigning(model: &ModelName, stage: &AliasName, version: &str) -> String {
    format!("Assigning stage {stage} to artifact {model} version {version}")
}

/// The name that only one successor of the stage's newest tag gets. If tags were deleted that one may be there from
/// before; the next free one is the same for all who see the same.
fn guard(model: &ModelName, stage: &AliasName, seen: &Seen) -> String {
    let events = seen.of(model);
    let newest = events.iter().rev().find(|event| stage_of(event) == Some(stage)).map_or("0", |e| &e.object[..12]);
    let name = format!("signalbox+{model}+{stage}+{newest}");
    if seen.has(&name).is_none() {
        return name;
    }
    let mut more = (2..).map(|n| format!("{name}.{n}"));
    more.find(|name| seen.has(name).is_none()).expect("BUG: there are more numbers than tags")
}

/// With the tag that did it.
fn moved_by_another(model: &ModelName, stage: &AliasName, seen: &Pointer) -> Failure {
    elsewhere(model, stage, seen).raw(seen.raw.clone())
}
