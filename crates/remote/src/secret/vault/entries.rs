//! What a vault seals: JSON, by name. Its texts are in base64, so that reading them makes no copies which stay in
//! memory; and it is filled up, so that the file's length does not tell how much it holds.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::VaultError;
use crate::secret::Secret;

pub type Entries = BTreeMap<String, Secret>;

const PAGE_BYTES: usize = 1024;

#[derive(Serialize)]
struct Written<'a> {
    entries: BTreeMap<&'a str, &'a str>,
}

#[derive(Deserialize)]
struct Read<'a> {
    #[serde(borrow)]
    entries: BTreeMap<String, &'a str>,
}

pub fn text(entries: &Entries) -> Zeroizing<Vec<u8>> {
    let encoded = |(name, secret): (&String, &Secret)| (name.clone(), Zeroizing::new(BASE64.encode(secret.reveal())));
    let encoded: BTreeMap<String, Zeroizing<String>> = entries.iter().map(encoded).collect();
    let written: BTreeMap<&str, &str> = encoded.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    // Enough from the start: a vector that grows leaves copies behind. A character of a name takes 6 at most.
    let room: usize = written.iter().map(|(name, secret)| 6 * name.len() + secret.len() + 8).sum();
    let mut text = Zeroizing::new(Vec::with_capacity(room + 2 * PAGE_BYTES));
    serde_json::to_writer(&mut *text, &Written { entries: written }).expect("BUG: texts by names are JSON");
    let full = text.len().next_multiple_of(PAGE_BYTES);
    text.resize(full, b' ');
    text
}

pub fn parse(text: &[u8]) -> Result<Entries, VaultError> {
    // It was sealed with the passphrase: who wrote this is one of us.
    let bad = || VaultError::Damaged("what it holds does not read");
    let read: Read<'_> = serde_json::from_slice(text).map_err(|_| bad())?;
    let secret = |(name, text): (String, &str)| {
        let mut bytes = Zeroizing::new(vec![0; text.len()]);
        let n = BASE64.decode_slice(text, &mut bytes).map_err(|_| bad())?;
        Ok((name, Secret::new(std::str::from_utf8(&bytes[..n]).map_err(|_| bad())?)))
    };
    read.entries.into_iter().map(secret).collect()
}
