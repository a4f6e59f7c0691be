//! Where a version is used: all aliases and services that the open projects know of.

use super::{Found, Place};
use crate::promotion::{reading, views};
use crate::wire::*;
use signalbox_release::{Identity, Served};
use std::collections::HashSet;

pub(super) fn of(places: &[Place], found: &Found, unseen: &mut Vec<FailureView>) -> Vec<UseView> {
    let mut used = aliases(places, found, unseen);
    let at = &found.version.at;
    let mut seen = HashSet::new();
    for place in places {
        for service in &place.services {
            let Some(port) = place.world.targets.get(&service.target) else { continue };
            if !seen.insert((port.title(), service.service.clone())) {
                continue;
            }
            let observed = match port.observe(&service.service, &reading()) {
                Ok(observed) => observed,
                Err(e) => {
                    unseen.push(views::failure(&e));
                    continue;
                }
            };
            let is_it = |served: &&Served| {
                served.version.as_ref().is_some_and(|v| v.is(at) || (v.digest.is_some() && v.digest == at.digest))
            };
            used.extend(observed.loaded.iter().filter(is_it).map(|served| UseView {
                kind: "service".into(),
                system: port.title(),
                name: service.service.to_string(),
                share: Some(served.share),
                proven: Some(
                    matches!(&served.identity, Identity::Proven(digest) if Some(digest) == at.digest.as_ref()),
                ),
                address: observed.raw["address"].as_str().map(str::to_owned),
                by: None,
                since: served.since_unix_ms.map(views::secs),
            }));
        }
    }
    used
}

fn aliases(places: &[Place], found: &Found, unseen: &mut Vec<FailureView>) -> Vec<UseView> {
    let at = &found.version.at;
    let Ok(port) = places[found.place].world.registry(&at.registry) else { return Vec::new() };
    let model = match port.models(&reading()) {
        Ok(models) => models.into_iter().find(|model| model.name == at.model),
        Err(e) => {
            unseen.push(views::failure(&e));
            None
        }
    };
    let aliases = model.map(|model| model.aliases).unwrap_or_default();
    let named = aliases.into_iter().filter(|(_, to)| *to == at.version);
    named
        .map(|(alias, _)| {
            let pointer = port.pointer(&at.model, &alias, &reading()).ok();
            UseView {
                kind: "alias".into(),
                system: port.title(),
                name: alias.to_string(),
                share: None,
                proven: None,
                address: None,
                by: pointer.as_ref().and_then(|pointer| pointer.moved_by.clone()),
                since: pointer.and_then(|pointer| pointer.moved_unix_ms).map(views::secs),
            }
        })
        .collect()
}
