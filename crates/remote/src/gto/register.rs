//! Registering: a tag on the commit that has the model. What loses the race for a number takes the next.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox_release::{
    Digest, Failure, FailureCode, ModelName, OpKey, Registration, Request, TO_BE_GIVEN, VersionName, digest_of,
};

use super::mirror::{NewTag, Seen};
use super::push::Pushed;
use super::tags::{Semver, versions};
use super::{DIGEST, GtoRegistry, OP, PATH, TAG, check_names};
use crate::cache::{Passing, goes_down};
use crate::http::{Lost, Patience};

/// So many others may be faster before it is given up.
const TRIES: usize = 20;
/// Clocks differ by a little.
const WORTH_WAITING_MS: i64 = 3000;

impl GtoRegistry {
    pub(super) fn take_in(
        &self,
        model: &ModelName,
        what: &Registration,
        key: &OpKey,
        patience: &Patience,
    ) -> Result<Value, Lost> {
        check_names(model, None)?;
        let (commit, path) = self.place_of(what, patience)?;
        let mut seen = self.mirror.seen(patience)?;
        self.mirror.have(&commit, patience)?;
        let digest = self.digest_at(&commit, &path, what, patience)?;
        for _ in 0..TRIES {
            let events = seen.of(model);
            let all = versions(&events);
            let own = all.iter().find(|v| v.registration().is_some_and(|e| e.line(OP) == Some(key.as_str())));
            if let Some(own) = own {
                return Ok(json!({ "version": own.name }));
            }
            let (version, counter) = match all.iter().rev().find(|v| v.commit == commit && !v.direct.is_empty()) {
                Some(there) if there.is_active() => {
                    let why = format!("this commit is {model} {} already: GTO takes one version a commit", there.name);
                    return Err(Failure::new(FailureCode::Conflict, why).hint("Promote that version.").into());
                }
                // What was taken back is registered again under its own name, as GTO does.
                Some(there) => (there.name.clone(), Some(next_counter(&events))),
                None => (next_version(&all), None),
            };
            let name = format!("{model}@{version}{}", counter.map(|n| format!("#{n}")).unwrap_or_default());
            let message = message(model, version.as_str(), key, digest.as_ref(), &path, &what.tags);
            let tag = NewTag { name, commit: commit.clone(), message, ..self.new_tag(&events, patience) };
            let object = self.mirror.make(&tag, patience)?;
            match self.mirror.push(&[(tag.name.clone(), object)], seen, patience) {
                (Pushed::Done, _) => return Ok(json!({ "version": version, "tag": tag.name })),
                (Pushed::Taken, Some(now)) => seen = now,
                (Pushed::Refused(failure), _) => return Err(Lost::Refused(failure)),
                (Pushed::Unknown(failure), _) => return Err(Lost::Unknown(failure)),
                (Pushed::Taken, None) => unreachable!("BUG: it was seen to be taken"),
            }
        }
        let failure = Failure::new(FailureCode::Busy, format!("{TRIES} others have registered {model} meanwhile"));
        Err(failure.hint("Try it again.").into())
    }

    /// A tag of ours for now: later than all that there is, since it is the time that counts. If the last is of this
    /// second, the next one is waited for: a tag dated into the future would hide what others do until then.
    pub(super) fn new_tag(&self, events: &[&super::Event], patience: &Patience) -> NewTag {
        let after = events.iter().map(|event| event.at_unix_s).max().unwrap_or(0).saturating_add(1);
        let early_ms = after.saturating_mul(1000).saturating_sub(self.clock.unix_ms());
        // Farther ahead somebody's clock is wrong, and that one's tag must still be followed by ours.
        if (1..=WORTH_WAITING_MS).contains(&early_ms) {
            self.clock.pause(Duration::from_millis(early_ms.unsigned_abs()), patience.cancel());
        }
        let at_unix_s = self.clock.unix_ms().div_euclid(1000).max(after);
        NewTag { name: String::new(), commit: String::new(), by: self.at.by.clone(), at_unix_s, message: String::new() }
    }

    /// The commit, and the path in it.
    fn place_of(&self, what: &Registration, patience: &Patience) -> Result<(String, String), Failure> {
        if let Some(source) = &what.source {
            let place = source.strip_prefix("git:").and_then(|rest| rest.split_once(':'));
            let is_commit = |c: &str| matches!(c.len(), 40 | 64) && c.bytes().all(|b| b.is_ascii_hexdigit());
            return match place.filter(|(commit, path)| is_commit(commit) && goes_down(path)) {
                Some((commit, path)) => Ok((commit.to_ascii_lowercase(), path.to_owned())),
                None => Err(Failure::new(FailureCode::Invalid, "GTO's sources are git:<commit>:<path>")),
            };
        }
        let Some(path) = &what.path else {
            return Err(Failure::new(FailureCode::Invalid, "there is nothing to register")
                .hint("Name the model's file or folder in the project's repository."));
        };
        let own = match &self.project {
            Some(project) => project.committed(path, patience),
            None => match super::Project::at(path.parent().unwrap_or(Path::new(".")))? {
                Some(project) => project.committed(path, patience),
                None => Err(Failure::new(FailureCode::Invalid, format!("{} is in no git repository", path.display()))
                    .hint("GTO registers what is committed.")),
            },
        }?;
        Ok((own.commit, own.path))
    }

    /// What the commit has there: it must be what was checked, so that it can be brought from there.
    fn digest_at(
        &self,
        commit: &str,
        path: &str,
        what: &Registration,
        patience: &Patience,
    ) -> Result<Option<Digest>, Failure> {
        let local = |e: signalbox_release::TreeError| Failure::new(FailureCode::Local, e.to_string());
        let changed = |found: &Digest, hint: &str| {
            let wanted = what.digest.as_ref().map(Digest::short).unwrap_or_default();
            let why = format!("{path} holds {} in the commit, not {wanted}", found.short());
            Failure::new(FailureCode::Conflict, why).hint(hint)
        };
        let found = if self.has_pointer(commit, path, patience)? {
            let Some(here) = &what.path else { return Ok(what.digest.clone()) };
            let found = digest_of(here).map_err(local)?.digest;
            if what.digest.as_ref().is_some_and(|wanted| *wanted != found) {
                return Err(changed(&found, "Make the plan again."));
            }
            found
        } else {
            let passing = Passing::below(&self.at.cache)?;
            self.export(commit, path, passing.path(), patience)?;
            let found = digest_of(passing.path()).map_err(local)?.digest;
            if what.digest.as_ref().is_some_and(|wanted| *wanted != found) {
                let hint = "Git changes it on the way (LFS, line ends): track it with DVC, or keep it as it is.";
                return Err(changed(&found, hint));
            }
            found
        };
        Ok(Some(found))
    }

    pub(super) fn take_back(&self, model: &ModelName, version: &VersionName, patience: &Patience) -> Result<(), Lost> {
        check_names(model, None)?;
        let mut seen = self.mirror.seen(patience)?;
        for _ in 0..TRIES {
            let events = seen.of(model);
            let all = versions(&events);
            let found = all.iter().rev().find(|v| v.name == *version && !v.direct.is_empty());
            let found =
                found.ok_or_else(|| Failure::new(FailureCode::NotFound, format!("there is no {model} {version}")))?;
            if !found.is_active() {
                return Ok(());
            }
            let name = format!("{model}@{version}!#{}", next_counter(&events));
            let message = taken_back(model, version.as_str());
            let tag = NewTag { name, commit: found.commit.to_owned(), message, ..self.new_tag(&events, patience) };
            let object = self.mirror.make(&tag, patience)?;
            match self.mirror.push(&[(tag.name, object)], seen, patience) {
                (Pushed::Done, _) => return Ok(()),
                (Pushed::Refused(failure), _) => return Err(Lost::Refused(failure)),
                (Pushed::Unknown(failure), _) => return Err(Lost::Unknown(failure)),
                (Pushed::Taken, now) => seen = now.map_or_else(|| self.mirror.seen(patience), Ok::<Seen, Failure>)?,
            }
        }
        Err(Failure::new(FailureCode::Busy, format!("others are changing {model} all the time")).into())
    }

    pub(super) fn register_calls(&self, model: &ModelName, what: &Registration, key: &OpKey) -> Vec<Request> {
        let path = what.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let message = message(model, TO_BE_GIVEN, key, what.digest.as_ref(), &path, &what.tags);
        vec![self.push_shown(&[format!("{model}@{TO_BE_GIVEN}")], &message)]
    }

    pub(super) fn push_shown(&self, tags: &[String], message: &str) -> Request {
        let refs: Vec<String> = tags.iter().map(|tag| format!("refs/tags/{tag}")).collect();
        let body = json!({ "tags": refs, "atomic": true, "tagger": self.at.by, "message": message });
        Request { verb: "git push".into(), to: self.mirror.remote.clone(), body: Some(body) }
    }
}

/// One more than any of the artifact's, as GTO counts.
pub fn next_counter(events: &[&super::Event]) -> u64 {
    events.iter().filter_map(|event| event.named.counter).max().unwrap_or(0).saturating_add(1)
}

/// After the highest that there ever was: what was taken back keeps its number.
fn next_version(all: &[super::Versioned]) -> VersionName {
    let highest = all.iter().filter_map(|version| Semver::of(version.name.as_str())).max();
    highest.map_or_else(|| "v0.0.1".parse().expect("BUG: a version's name"), |highest| highest.next())
}

pub fn taken_back(model: &ModelName, version: &str) -> String {
    format!("Deregistering artifact {model} version {version}")
}

fn message(
    model: &ModelName,
    version: &str,
    key: &OpKey,
    digest: Option<&Digest>,
    path: &str,
    tags: &[(String, String)],
) -> String {
    let line = |text: &str| text.split(char::is_control).collect::<Vec<_>>().join(" ");
    let mut text = format!("Registering artifact {model} version {version}\n\n{OP}: {}\n", key.as_str());
    if let Some(digest) = digest {
        text.push_str(&format!("{DIGEST}: {digest}\n"));
    }
    text.push_str(&format!("{PATH}: {}\n", line(path)));
    for (key, value) in tags {
        let value: String = value.chars().take(1000).collect();
        text.push_str(&format!("{TAG}: {}={}\n", line(&key.replace('=', "_")), line(&value)));
    }
    text
}
