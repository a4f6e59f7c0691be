//! GTO's grammar of tags, and what a repository's tags say together.
//!
//! `gto/constants.py` 1.10.1: `iris@v1.0.1` registers the commit as a version, `iris@v1.0.1!#3` takes that back,
//! `iris#prod#4` gives a commit a stage, `iris#prod!#5` takes it away, `iris@deprecated` ends the artifact. What counts
//! is the tags' own time (`gto/tag.py`), the number is there for the name to be new. A stage is where it was assigned
//! last among the versions that still have it (`gto/base.py`).

use std::cmp::Ordering;

use signalbox_release::{AliasName, ModelName, VersionName};

/// What a tag does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Register(VersionName),
    Deregister(VersionName),
    Assign(AliasName),
    Unassign(AliasName),
    Deprecate,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub model: ModelName,
    pub act: Act,
    pub counter: Option<u64>,
}

/// An annotated tag of GTO's.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub named: Named,
    pub tag: String,
    /// The tag's own object.
    pub object: String,
    pub commit: String,
    pub by: String,
    pub at_unix_s: i64,
    pub message: String,
}

impl Event {
    /// A line `Key: value` of its message.
    pub fn line(&self, key: &str) -> Option<&str> {
        self.message.lines().find_map(|line| value_of(line, key))
    }

    pub fn lines<'a>(&'a self, key: &'static str) -> impl Iterator<Item = &'a str> {
        self.message.lines().filter_map(move |line| value_of(line, key))
    }
}

fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix(':').map(str::trim)
}

/// A version as GTO sees it: a commit, and what was done to it.
#[derive(Clone, Debug)]
pub struct Versioned<'a> {
    pub name: VersionName,
    pub commit: &'a str,
    /// Its registrations and what took them back, by time.
    pub direct: Vec<&'a Event>,
    /// What was done to its stages, by time.
    pub stages: Vec<&'a Event>,
}

impl<'a> Versioned<'a> {
    /// A commit that only has a stage counts too.
    pub fn is_active(&self) -> bool {
        self.direct.last().is_none_or(|event| matches!(event.named.act, Act::Register(_)))
    }

    pub fn registration(&self) -> Option<&'a Event> {
        self.direct.iter().rev().find(|event| matches!(event.named.act, Act::Register(_))).copied()
    }

    /// The tag by which it has the stage now.
    pub fn assigned(&self, stage: &AliasName) -> Option<&'a Event> {
        let last = self.stages.iter().rev().find(|event| stage_of(event) == Some(stage)).copied();
        last.filter(|event| matches!(event.named.act, Act::Assign(_)))
    }
}

pub fn stage_of(event: &Event) -> Option<&AliasName> {
    match &event.named.act {
        Act::Assign(stage) | Act::Unassign(stage) => Some(stage),
        _ => None,
    }
}

/// What the tags of one artifact say together. `events`: by time.
pub fn versions<'a>(events: &[&'a Event]) -> Vec<Versioned<'a>> {
    let mut all: Vec<Versioned> = Vec::new();
    for &event in events {
        let (Act::Register(name) | Act::Deregister(name)) = &event.named.act else { continue };
        match all.iter_mut().find(|version| version.name == *name && version.commit == event.commit) {
            Some(version) => version.direct.push(event),
            None => {
                let name = name.clone();
                all.push(Versioned { name, commit: &event.commit, direct: vec![event], stages: Vec::new() });
            }
        }
    }
    for &event in events.iter().filter(|event| stage_of(event).is_some()) {
        match all.iter_mut().rev().find(|version| version.commit == event.commit) {
            Some(version) => version.stages.push(event),
            None => {
                let name = event.commit.parse().expect("BUG: hex digits are a version's name");
                all.push(Versioned { name, commit: &event.commit, direct: Vec::new(), stages: vec![event] });
            }
        }
    }
    all
}

/// Which version has a stage, and by which tag.
pub fn holder<'a, 'b>(all: &'b [Versioned<'a>], stage: &AliasName) -> Option<(&'b Versioned<'a>, &'a Event)> {
    let active = all.iter().filter(|version| version.is_active());
    active.filter_map(|version| Some((version, version.assigned(stage)?))).max_by_key(|(_, event)| event.at_unix_s)
}

/// `None`: it is no tag of GTO's, or of an artifact whose name is none that we take.
pub fn parse(tag: &str) -> Option<Named> {
    let at = tag.find(['@', '#'])?;
    let (artifact, rest) = tag.split_at(at);
    if !is_artifact(artifact) {
        return None;
    }
    let model = artifact.parse().ok()?;
    let (body, counter) = match rest[1..].split_once('#') {
        Some((body, counter)) if counter.bytes().all(|b| b.is_ascii_digit()) => (body, Some(counter.parse().ok()?)),
        Some(_) => return None,
        None => (&rest[1..], None),
    };
    let (plain, cancels) = body.strip_suffix('!').map_or((body, false), |plain| (plain, true));
    let act = if rest.starts_with('#') {
        let stage = is_name(plain).then(|| plain.parse().ok())??;
        if cancels { Act::Unassign(stage) } else { Act::Assign(stage) }
    } else if plain == "deprecated" && !cancels {
        Act::Deprecate
    } else {
        Semver::of(plain)?;
        let version = plain.parse().ok()?;
        if cancels { Act::Deregister(version) } else { Act::Register(version) }
    };
    Some(Named { model, act, counter })
}

/// `iris`, or `models=iris` for one of a part of a large repository.
pub fn is_artifact(text: &str) -> bool {
    let folder =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b));
    match text.split_once('=') {
        Some((dir, name)) => folder(dir) && is_name(name),
        None => is_name(text),
    }
}

pub fn is_name(text: &str) -> bool {
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_/".contains(b))
}

/// `v1.2.3-rc.1+build`, ordered as semver.org 2.0.0 (11) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Semver {
    core: [u64; 3],
    pre: Vec<String>,
}

impl Semver {
    pub fn of(text: &str) -> Option<Semver> {
        let text = text.strip_prefix('v')?;
        let ids = |text: &str| -> Option<Vec<String>> {
            let fits = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            text.split('.').map(|id| fits(id).then(|| id.to_owned())).collect()
        };
        let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        if let Some(build) = build {
            ids(build)?;
        }
        let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
        let number = |text: &str| -> Option<u64> {
            let fits = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
            fits.then(|| text.parse().ok())?
        };
        let core: Vec<u64> = core.split('.').map(number).collect::<Option<_>>()?;
        let pre = pre.map_or(Some(Vec::new()), ids)?;
        let zero_led = |id: &String| id.len() > 1 && id.starts_with('0') && id.bytes().all(|b| b.is_ascii_digit());
        if pre.iter().any(zero_led) {
            return None;
        }
        Some(Semver { core: core.try_into().ok()?, pre })
    }

    /// What `gto register` gives next.
    pub fn next(&self) -> VersionName {
        let [major, minor, patch] = self.core;
        format!("v{major}.{minor}.{}", patch.saturating_add(1)).parse().expect("BUG: a version's name")
    }
}

impl PartialOrd for Semver {
    fn partial_cmp(&self, other: &Semver) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Semver {
    fn cmp(&self, other: &Semver) -> Ordering {
        let by_id = |a: &String, b: &String| match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        self.core.cmp(&other.core).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let mut ids = self.pre.iter().zip(&other.pre).map(|(a, b)| by_id(a, b));
                ids.find(|order| order.is_ne()).unwrap_or(self.pre.len().cmp(&other.pre.len()))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_gto_reads_them() {
        let read = |tag: &str| parse(tag).map(|named| (named.model.to_string(), named.act, named.counter));
        let (version, stage) = ("v1.0.1".parse().expect("a name"), "prod".parse().expect("a name"));
        assert_eq!(read("iris@v1.0.1"), Some(("iris".into(), Act::Register(version), None)));
        assert_eq!(read("m=i-r_is#prod#12"), Some(("m=i-r_is".into(), Act::Assign(stage), Some(12))));
        assert!(matches!(read("iris@v1.0.1-rc.1+b!#3"), Some((_, Act::Deregister(_), Some(3)))));
        assert!(matches!(read("iris#prod!#4"), Some((_, Act::Unassign(_), Some(4)))));
        assert!(matches!(read("iris@deprecated"), Some((_, Act::Deprecate, None))));
        for odd in [
            "v1.0.1",
            "iris",
            "iris@1.0.1",
            "iris@v1.0",
            "iris@v01.0.0",
            "iris@v1.0.0#x",
            "iris#prod#1#2",
            "-i@v1.0.0",
            "iris#-x",
            "iris#a b",
            "signalbox+iris+prod+0",
            "iris@deprecated!",
            "",
            "@v1.0.0",
            "é@v1.0.0",
            "a=b=c@v1.0.0",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn versions_are_ordered_as_semver_says() {
        let names = ["v1.0.0-alpha", "v1.0.0-alpha.1", "v1.0.0-alpha.beta", "v1.0.0-2", "v1.0.0", "v1.0.2", "v1.0.10"];
        let mut read: Vec<(Semver, &str)> = names.iter().map(|n| (Semver::of(n).expect("a version"), *n)).collect();
        read.sort_by(|a, b| a.0.cmp(&b.0));
        let sorted: Vec<&str> = read.iter().map(|(_, name)| *name).collect();
        assert_eq!(
            sorted,
            ["v1.0.0-2", "v1.0.0-alpha", "v1.0.0-alpha.1", "v1.0.0-alpha.beta", "v1.0.0", "v1.0.2", "v1.0.10"]
        );
        assert_eq!(Semver::of("v1.2.9").expect("a version").next().as_str(), "v1.2.10");
    }
}
