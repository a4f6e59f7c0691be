//! Models, versions and aliases as they are now.

use std::collections::{BTreeMap, HashSet};

use reqwest::header;
use serde_json::{Value, json};
use signalbox_release::{
    AliasName, Digest, Failure, FailureCode, Model, ModelName, OpKey, Pointer, Version, VersionName, VersionRef,
    VersionState,
};

use super::manifest::{DIGEST_AT, MANIFEST, Manifest, OP_AT};
use super::names::{NOTES, alias_of_tag, is_version, model_of_part, tag_of_alias, version_of_tag};
use super::{OciRegistry, absent, named};
use crate::http::{Patience, words};

const MAX_PAGES: usize = 1000;
/// Far above any registry of models, far below what would fill the memory.
const MAX_NAMES: usize = 100_000;
/// What else a registry may hold; a Docker image manifest names its layers alike.
const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json";

/// The tag of a registration's note.
pub fn op_tag(key: &str) -> String {
    format!("{NOTES}op.{}", &Digest::of(key).hex()[..32])
}

pub fn withdrawn_tag(version: &str) -> String {
    format!("{NOTES}withdrawn.{version}")
}

pub fn moved_tag(alias: &AliasName) -> String {
    format!("{NOTES}moved.{}", &Digest::of(alias.as_str()).hex()[..16])
}

impl OciRegistry {
    pub(super) fn all_models(&self, patience: &Patience) -> Result<Vec<Model>, Failure> {
        let prefix = format!("{}/", self.at.repository);
        let listed = match self.listed("v2/_catalog", "repositories", patience) {
            Ok(listed) => listed.unwrap_or_default(),
            // Many registries do not list what they hold.
            Err(failure) if !self.at.models.is_empty() && failure.code != FailureCode::Unreachable => Vec::new(),
            Err(failure) => {
                return Err(failure.hint("If this registry lists no repositories, name the models in signalbox.toml."));
            }
        };
        let mut names: Vec<ModelName> =
            listed.iter().filter_map(|name| model_of_part(name.strip_prefix(&prefix)?)).collect();
        names.extend(self.at.models.iter().cloned());
        names.sort();
        names.dedup();
        let mut models = Vec::new();
        for name in names {
            let repository = self.repository(&name)?;
            let Some(tags) = self.tags(&repository, patience)? else { continue };
            let mut aliases = Vec::new();
            for alias in tags.iter().filter(|tag| !is_version(tag)).filter_map(|tag| alias_of_tag(tag)) {
                if let Some(version) = self.read_pointer(&name, &alias, patience)?.0.to {
                    aliases.push((alias, version));
                }
            }
            let raw = json!({ "name": repository, "tags": tags });
            models.push(Model { name, aliases, description: None, raw });
        }
        Ok(models)
    }

    pub(super) fn all_versions(&self, model: &ModelName, patience: &Patience) -> Result<Vec<Version>, Failure> {
        let repository = self.repository(model)?;
        let tags = self.tags(&repository, patience)?.unwrap_or_default();
        let mut found: BTreeMap<VersionName, Manifest> = BTreeMap::new();
        for tag in tags.iter().filter(|tag| !tag.starts_with(NOTES)) {
            let known = version_of_tag(tag).is_some_and(|version| found.contains_key(&version));
            let Some(manifest) = (if known { None } else { self.manifest(&repository, tag, patience)? }) else {
                continue;
            };
            // A tag of a version's form that was put on something else names nothing.
            if manifest.said().is_none() && version_of_tag(tag).is_none_or(|version| version == manifest.version()) {
                found.insert(manifest.version(), manifest);
            }
        }
        let tags: HashSet<&str> = tags.iter().map(String::as_str).collect();
        let mut versions = Vec::new();
        for (name, manifest) in found {
            let withdrawn = tags.contains(withdrawn_tag(name.as_str()).as_str());
            versions.push(self.seen(model, &repository, &manifest, withdrawn, patience)?);
        }
        versions.sort_by(|a, b| (b.made_unix_ms, &b.at.version).cmp(&(a.made_unix_ms, &a.at.version)));
        Ok(versions)
    }

    pub(super) fn one_version(
        &self,
        model: &ModelName,
        version: &VersionName,
        patience: &Patience,
    ) -> Result<Option<Version>, Failure> {
        let repository = self.repository(model)?;
        let Some(manifest) = self.version_manifest(&repository, version, patience)? else { return Ok(None) };
        let withdrawn = self.manifest(&repository, &withdrawn_tag(version.as_str()), patience)?.is_some();
        self.seen(model, &repository, &manifest, withdrawn, patience).map(Some)
    }

    /// The version that a key's note names; none before its own tag is there.
    pub(super) fn version_by(
        &self,
        model: &ModelName,
        key: &OpKey,
        patience: &Patience,
    ) -> Result<Option<Version>, Failure> {
        let repository = self.repository(model)?;
        let Some(note) = self.manifest(&repository, &op_tag(key.as_str()), patience)? else { return Ok(None) };
        let said = note.said().unwrap_or_default();
        let Some(version) = said["version"].as_str().filter(|version| is_version(version)) else { return Ok(None) };
        let version = version.parse().expect("BUG: hex digits are a version's name");
        let found = self.one_version(model, &version, patience)?;
        Ok(found.filter(|found| found.raw["annotations"][OP_AT].as_str() == Some(key.as_str())))
    }

    /// A version by its name: under its own tag, or under any other for one that another tool has pushed.
    pub(super) fn version_manifest(
        &self,
        repository: &str,
        version: &VersionName,
        patience: &Patience,
    ) -> Result<Option<Manifest>, Failure> {
        if !is_version(version.as_str()) {
            return Ok(None);
        }
        let fits = |manifest: &Manifest| manifest.version() == *version && manifest.said().is_none();
        if let Some(manifest) = self.manifest(repository, version.as_str(), patience)?.filter(fits) {
            return Ok(Some(manifest));
        }
        let tags = self.tags(repository, patience)?.unwrap_or_default();
        for tag in tags.iter().filter(|tag| alias_of_tag(tag).is_some()) {
            if let Some(manifest) = self.manifest(repository, tag, patience)?.filter(fits) {
                return Ok(Some(manifest));
            }
        }
        Ok(None)
    }

    /// Where an alias points, and the manifest there.
    pub(super) fn read_pointer(
        &self,
        model: &ModelName,
        alias: &AliasName,
        patience: &Patience,
    ) -> Result<(Pointer, Option<Manifest>), Failure> {
        let repository = self.repository(model)?;
        let manifest = self.manifest(&repository, &alias_tag(alias)?, patience)?;
        let at = manifest.filter(|manifest| manifest.said().is_none());
        let to = at.as_ref().map(Manifest::version);
        let note = self.manifest(&repository, &moved_tag(alias), patience)?.and_then(|note| note.said());
        // If another tool has moved it since, nobody knows who it was.
        let note = note.filter(|note| note["to"].as_str() == to.as_ref().map(VersionName::as_str));
        let pointer = Pointer {
            to,
            moved_by: note.as_ref().and_then(|note| Some(words(note["by"].as_str()?.as_bytes()))),
            moved_unix_ms: note.as_ref().and_then(|note| note["at_unix_ms"].as_i64()),
            raw: json!({ "digest": at.as_ref().map(|at| &at.digest), "note": note }),
        };
        Ok((pointer, at))
    }

    fn seen(
        &self,
        model: &ModelName,
        repository: &str,
        manifest: &Manifest,
        withdrawn: bool,
        patience: &Patience,
    ) -> Result<Version, Failure> {
        // When and by whom: beside it, since the manifest itself must follow from the artifact alone.
        let note = match manifest.annotation(OP_AT) {
            Some(key) => self.manifest(repository, &op_tag(key), patience)?.and_then(|note| note.said()),
            None => None,
        }
        .unwrap_or_default();
        let version = manifest.version();
        let note = if note["version"] == version.as_str() { note } else { Value::Null };
        Ok(Version {
            at: VersionRef {
                registry: self.at.id.clone(),
                model: model.clone(),
                version,
                digest: manifest.annotation(DIGEST_AT).and_then(|digest| digest.parse().ok()),
            },
            state: if withdrawn { VersionState::Withdrawn } else { VersionState::Ready },
            run: None,
            source: Some(format!("{}@{}", self.reference(repository), manifest.digest)),
            made_unix_ms: note["at_unix_ms"].as_i64(),
            made_by: note["by"].as_str().map(|by| words(by.as_bytes())),
            tags: manifest.tags(),
            raw: manifest.raw.clone(),
        })
    }

    /// As `oras pull` and a pod's image volume name it: without a scheme.
    fn reference(&self, repository: &str) -> String {
        let place = self.http.place();
        let host = place.split_once("://").map_or(place.as_str(), |(_, host)| host);
        format!("{host}/{repository}")
    }

    /// `None`: there is no such repository.
    pub(super) fn tags(&self, repository: &str, patience: &Patience) -> Result<Option<Vec<String>>, Failure> {
        self.listed(&format!("v2/{repository}/tags/list"), "tags", patience)
    }

    /// All pages of a list. A registry that knows no pages answers all at once.
    fn listed(&self, path: &str, key: &str, patience: &Patience) -> Result<Option<Vec<String>>, Failure> {
        let (mut all, mut call) = (Vec::new(), self.http.get(path, &[("n", "1000")]));
        for _ in 0..MAX_PAGES {
            let reply = match self.settled(patience, || self.http.read_reply(&call, patience)).map_err(named) {
                Err(failure) if absent(&failure) => return Ok(None),
                reply => reply?,
            };
            let page = reply.json(&self.http.place())?;
            let names = page.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            all.extend(names.iter().filter_map(|name| Some(name.as_str()?.to_owned())));
            if all.len() > MAX_NAMES {
                break;
            }
            // A list that is taken for whole and is not hides others' claims.
            let next = match reply.header(header::LINK) {
                Some(link) => next_of(link, call.to(), path).map_err(|why| {
                    let link = words(link.as_bytes());
                    Failure::new(FailureCode::Server, format!("the registry's list {path} goes on {why}: {link}"))
                })?,
                None => None,
            };
            match next {
                None => return Ok(Some(all)),
                Some(last) => call = self.http.get(path, &[("n", "1000"), ("last", &last)]),
            }
        }
        Err(Failure::new(FailureCode::Server, format!("the registry's list {path} does not end")))
    }

    /// What lies under a tag or a digest; `None` if nothing does.
    pub(super) fn manifest(
        &self,
        repository: &str,
        reference: &str,
        patience: &Patience,
    ) -> Result<Option<Manifest>, Failure> {
        let call = self.http.get(&format!("v2/{repository}/manifests/{reference}"), &[]);
        let call = call.with(header::ACCEPT, if reference.starts_with(NOTES) { MANIFEST } else { ACCEPTED });
        match self.settled(patience, || self.http.read_reply(&call, patience)).map_err(named) {
            Err(failure) if absent(&failure) => Ok(None),
            Err(failure) => Err(failure),
            Ok(reply) => Manifest::of(reply.body).map(Some),
        }
    }
}

pub fn alias_tag(alias: &AliasName) -> Result<String, Failure> {
    tag_of_alias(alias).ok_or_else(|| {
        Failure::new(FailureCode::Invalid, format!("{alias} is too long for a tag")).hint("Choose a shorter alias.")
    })
}

/// The `last` of the next page, from `Link: <…?last=x&n=1000>; rel="next"`; `None` if the link is of another kind. Only
/// that is taken from it: where it leads to is known.
fn next_of(link: &str, here: &reqwest::Url, path: &str) -> Result<Option<String>, &'static str> {
    const ODD: &str = "in a way that is not understood";
    let (to, rel) = link.trim().strip_prefix('<').and_then(|link| link.split_once('>')).ok_or(ODD)?;
    let is_next = |rel: &str| rel.split(['"', '\'', ' ', ',']).any(|word| word.eq_ignore_ascii_case("next"));
    let rels = rel.split(';').filter_map(|part| part.trim().split_once('='));
    let mut rels = rels.filter(|(key, _)| key.trim().eq_ignore_ascii_case("rel")).map(|(_, value)| value.trim());
    if !rels.any(is_next) {
        return Ok(None);
    }
    let to = here.join(to).ok().filter(|to| to.path().ends_with(path)).ok_or("elsewhere")?;
    let last_of =
        |url: &reqwest::Url| url.query_pairs().find(|(key, _)| key == "last").map(|(_, last)| last.into_owned());
    let last = last_of(&to).filter(|last| !last.is_empty()).ok_or(ODD)?;
    if last_of(here).as_ref() == Some(&last) { Err("in a circle") } else { Ok(Some(last)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_where_this_one_is_and_none_that_is_not_understood_is_the_last() {
        let here = reqwest::Url::parse("https://r/v2/a/tags/list?n=1000").expect("a URL");
        let next = |link: &str| next_of(link, &here, "v2/a/tags/list");
        for link in
            [r#"</v2/a/tags/list?last=v%201&n=1000>; rel="next""#, "</v2/a/tags/list?last=v%201> ; title=x; Rel=next"]
        {
            assert_eq!(next(link), Ok(Some("v 1".into())), "{link}");
        }
        assert_eq!(next("</v2/a/tags/list?last=1>; rel=prev"), Ok(None));
        assert_eq!(next("</help>; rel=\"help nextto\""), Ok(None));
        for odd in [
            "",
            "next",
            r#"</v2/b/tags/list?last=1>; rel="next""#,
            r#"</v2/a/tags/list?page=2>; rel="next""#,
            r#"</v2/a/tags/list?last=>; rel="next""#,
        ] {
            assert!(next(odd).is_err(), "{odd}");
        }
        let second = reqwest::Url::parse("https://r/v2/a/tags/list?n=1000&last=x").expect("a URL");
        let same = r#"</v2/a/tags/list?last=x&n=1000>; rel="next""#;
        assert_eq!(next_of(same, &second, "v2/a/tags/list"), Err("in a circle"));
    }
}
