//! The tags of one run and which plugin each belongs to.
//!
//! Writers name the plugin with the first value of a tag per file only, so it is remembered here, over files and
//! over restarts. They also repeat their tags in the same order, step after step: the tag that followed last time
//! is tried before the hash is.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::place::clean_name;

/// More tags than this in one run are not taken in: a name per value is a mistake of the writer's.
pub const MAX_TAGS: usize = 100_000;
/// Longer tags are not taken in.
pub const MAX_TAG_BYTES: usize = 1000;

/// What is kept of a tag's values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// No plugin has been named.
    Unknown,
    Scalars,
    Text,
    Hparams,
    /// Counted, not kept.
    Other(String),
}

impl Kind {
    /// The kind for a plugin's name; `Unknown` for an empty one.
    pub fn of_plugin(name: &[u8]) -> Kind {
        match name {
            b"" => Kind::Unknown,
            b"scalars" => Kind::Scalars,
            b"text" => Kind::Text,
            b"hparams" => Kind::Hparams,
            other => Kind::Other(String::from_utf8_lossy(&other[..other.len().min(64)]).into_owned()),
        }
    }
}

/// Tags by number, in the order in which they were first seen.
#[derive(Clone, Debug, Default)]
pub struct Tags {
    names: Vec<String>,
    kinds: Vec<Kind>,
    index: HashMap<String, u32>,
    /// Per tag, the one that came after it last time.
    follower: Vec<u32>,
    last: usize,
}

impl Tags {
    pub fn from_saved(saved: Vec<(String, Kind)>) -> Self {
        let mut tags = Tags::default();
        for (name, kind) in saved {
            if let Some(id) = tags.insert(&name) {
                tags.kinds[id] = kind;
            }
        }
        tags
    }

    pub fn to_saved(&self) -> Vec<(String, Kind)> {
        self.names.iter().cloned().zip(self.kinds.iter().cloned()).collect()
    }

    pub fn name(&self, id: usize) -> &str {
        &self.names[id]
    }

    pub fn kind(&self, id: usize) -> &Kind {
        &self.kinds[id]
    }

    /// The first plugin that is named stays: as in TensorBoard, later ones are ignored.
    pub fn set_kind(&mut self, id: usize, kind: Kind) {
        if self.kinds[id] == Kind::Unknown {
            self.kinds[id] = kind;
        }
    }

    /// The number of a tag, given a new one if need be; `None` when a limit forbids it.
    #[inline]
    pub fn id(&mut self, tag: &[u8]) -> Option<usize> {
        if let Some(&guess) = self.follower.get(self.last) {
            let guess = guess as usize;
            if self.names[guess].as_bytes() == tag {
                self.last = guess;
                return Some(guess);
            }
        }
        self.look_up(tag)
    }

    fn look_up(&mut self, tag: &[u8]) -> Option<usize> {
        if tag.len() > MAX_TAG_BYTES {
            return None;
        }
        let name = clean_name(tag);
        let id = match self.index.get(&name) {
            Some(&id) => id as usize,
            None => self.insert(&name)?,
        };
        self.follower[self.last] = id as u32;
        self.last = id;
        Some(id)
    }

    fn insert(&mut self, name: &str) -> Option<usize> {
        let id = self.names.len();
        if id >= MAX_TAGS {
            return None;
        }
        self.names.push(name.to_string());
        self.kinds.push(Kind::Unknown);
        self.follower.push(id as u32);
        self.index.insert(name.to_string(), id as u32);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_whatever_the_order() {
        let mut tags = Tags::default();
        let order = ["a", "b", "a", "b", "c", "a", "c", "b", "b", "a"];
        let ids: Vec<_> = order.iter().map(|t| tags.id(t.as_bytes())).collect();
        let expected = [0, 1, 0, 1, 2, 0, 2, 1, 1, 0].map(Some);
        assert_eq!(ids, expected);
        assert_eq!(Tags::from_saved(tags.to_saved()).id(b"c"), Some(2));
    }

    #[test]
    fn the_first_plugin_named_stays() {
        let mut tags = Tags::default();
        let id = tags.id(b"t").unwrap();
        for plugin in [&b""[..], b"text", b"scalars"] {
            tags.set_kind(id, Kind::of_plugin(plugin));
        }
        assert_eq!(tags.kind(id), &Kind::Text);
    }

    #[test]
    fn limits_hold() {
        let mut tags = Tags::default();
        assert_eq!(tags.id(&[b'x'; MAX_TAG_BYTES + 1]), None);
        for i in 0..MAX_TAGS {
            assert!(tags.id(i.to_string().as_bytes()).is_some());
        }
        assert_eq!(tags.id(b"one more"), None);
        assert_eq!(tags.id(b"7"), Some(7));
    }
}
