//! What a reader remembers of a database's runs, in memory and (smaller) in its cursor.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// A run as it was last told.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownRun {
    pub key: String,
    /// Checksum of its row and its experiment's.
    pub head: u32,
    /// Sums of checksums over its tags: of names with values, and of names.
    pub tags: u32,
    pub names: u32,
    /// May still change often: neither finished nor deleted.
    pub active: bool,
    /// The `runs` row names it, so that the tag does not.
    pub named: bool,
    /// Seen in the sweep of this number.
    pub sweep: u32,
    /// In the database when it was last looked at.
    pub present: bool,
    /// To be told whatever the checksums say.
    pub force: bool,
}

/// All runs, found by key.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownRuns {
    pub runs: Vec<KnownRun>,
    index: HashMap<String, u32>,
}

/// Runs beyond this number are not kept in the cursor: those that vanish while nobody looks stay listed.
const MAX_IN_CURSOR: usize = 20_000;

/// The cursor's form: ids of 32 hex digits packed with their checksums, others as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PackedRuns {
    #[serde(rename = "h", default)]
    hex: String,
    #[serde(rename = "o", default, skip_serializing_if = "Vec::is_empty")]
    other: Vec<(String, u32, u32, u32)>,
}

impl KnownRuns {
    pub(crate) fn find(&self, key: &str) -> Option<u32> {
        self.index.get(key).copied()
    }

    /// The number of a run, newly given if it was not known.
    pub(crate) fn number(&mut self, key: &str) -> u32 {
        if let Some(number) = self.find(key) {
            return number;
        }
        let number = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
        self.index.insert(key.to_owned(), number);
        self.runs.push(KnownRun { key: key.to_owned(), force: true, ..KnownRun::default() });
        number
    }

    pub(crate) fn get(&mut self, number: u32) -> &mut KnownRun {
        &mut self.runs[number as usize]
    }

    pub(crate) fn pack(&self) -> PackedRuns {
        let mut packed = PackedRuns::default();
        let mut bytes = Vec::new();
        for run in self.runs.iter().filter(|r| r.present).take(MAX_IN_CURSOR) {
            match id_bytes(&run.key) {
                Some(id) => {
                    bytes.extend_from_slice(&id);
                    for sum in [run.head, run.tags, run.names] {
                        bytes.extend_from_slice(&sum.to_le_bytes());
                    }
                }
                None => packed.other.push((run.key.clone(), run.head, run.tags, run.names)),
            }
        }
        packed.hex = to_base64(&bytes);
        packed
    }

    /// The runs of a cursor; an unreadable one has none.
    pub(crate) fn unpack(packed: &PackedRuns) -> KnownRuns {
        let mut known = KnownRuns::default();
        let mut add = |key: &str, head, tags, names| {
            let number = known.number(key);
            let run = known.get(number);
            (run.head, run.tags, run.names) = (head, tags, names);
            (run.present, run.force) = (true, false);
        };
        for record in from_base64(&packed.hex).unwrap_or_default().chunks_exact(28) {
            let key: String = record[..16].iter().map(|b| format!("{b:02x}")).collect();
            let sum = |i: usize| u32::from_le_bytes([record[i], record[i + 1], record[i + 2], record[i + 3]]);
            add(&key, sum(16), sum(20), sum(24));
        }
        for (key, head, tags, names) in &packed.other {
            add(key, *head, *tags, *names);
        }
        known
    }
}

/// The 16 bytes of 32 lower-case hex digits.
fn id_bytes(key: &str) -> Option<[u8; 16]> {
    let is_hex = key.len() == 32 && key.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let value = is_hex.then(|| u128::from_str_radix(key, 16).ok())??;
    Some(value.to_be_bytes())
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 without padding (RFC 4648).
fn to_base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0_u32, |w, (i, b)| w | u32::from(*b) << (16 - 8 * i));
        for i in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(word >> (18 - 6 * i) & 63) as usize]));
        }
    }
    out
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in text.as_bytes().chunks(4) {
        let mut word = 0_u32;
        for (i, c) in chunk.iter().enumerate() {
            word |= (ALPHABET.iter().position(|a| a == c)? as u32) << (18 - 6 * i);
        }
        out.extend_from_slice(&word.to_be_bytes()[1..chunk.len()]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_survive_the_cursor() {
        let mut known = KnownRuns::default();
        for (i, key) in
            ["0123456789abcdef0123456789abcdef", "MY-RUN", "ffffffffffffffffffffffffffffffff"].iter().enumerate()
        {
            let number = known.number(key);
            let run = known.get(number);
            (run.head, run.tags, run.names, run.present) = (i as u32, u32::MAX, 7, true);
        }
        let packed = known.pack();
        assert_eq!(packed.other.len(), 1);
        let json = serde_json::to_string(&packed).unwrap();
        let back = KnownRuns::unpack(&serde_json::from_str(&json).unwrap());
        assert_eq!(back.runs.len(), 3);
        for run in &known.runs {
            let found = &back.runs[back.find(&run.key).unwrap() as usize];
            assert_eq!((found.head, found.tags, found.names), (run.head, run.tags, run.names));
        }
    }

    #[test]
    fn base64() {
        for (bytes, text) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(to_base64(bytes.as_bytes()), text);
            assert_eq!(from_base64(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(from_base64("a b"), None);
        assert!(KnownRuns::unpack(&PackedRuns { hex: "!!!".into(), other: Vec::new() }).runs.is_empty());
    }
}
