//! The vault's file: a header of fixed length, what it seals, a checksum.
//!
//! | bytes | what |
//! |---|---|
//! | 16 | `Signalbox vault\n` |
//! | 4 | version, 1 |
//! | 12 | Argon2id (RFC 9106): memory in KiB, passes, lanes |
//! | 16 | salt |
//! | 32 | SHA-256 of the second half of what Argon2id gives: tells a wrong passphrase from a file that was altered |
//! | 24 | nonce |
//! | n + 16 | XChaCha20-Poly1305 under the first half, with all bytes before it as associated data |
//! | 32 | SHA-256 of all bytes before it: tells a damaged file from a wrong passphrase |
//!
//! Numbers are little-endian. The header is not trusted before the passphrase has proven it: its costs are bounded.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::VaultError;
use crate::secret::Secret;

const MAGIC: &[u8; 16] = b"Signalbox vault\n";
const VERSION: u32 = 1;
const SALT: std::ops::Range<usize> = 32..48;
const PROOF: std::ops::Range<usize> = 48..80;
const NONCE: std::ops::Range<usize> = 80..104;
const HEAD_BYTES: usize = 104;
const TAG_BYTES: usize = 16;
const SUM_BYTES: usize = 32;
pub const MAX_FILE_BYTES: u64 = 4 << 20;

/// What a guess costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl Default for Cost {
    /// RFC 9106's second choice has 4 lanes for the same memory and passes; one lane keeps one thread busy here.
    fn default() -> Cost {
        Cost { memory_kib: 64 << 10, passes: 3, lanes: 1 }
    }
}

/// A file may not ask for more: it may come from anybody until it is proven.
const MOST: Cost = Cost { memory_kib: 256 << 10, passes: 16, lanes: 8 };

/// The opened lock of one file: what Argon2id made of its passphrase.
pub struct Key {
    head: [u8; PROOF.end],
    key: Zeroizing<[u8; 32]>,
}

impl Key {
    /// For a file that is made anew.
    pub fn new(passphrase: &Secret, cost: Cost) -> Result<Key, VaultError> {
        let mut head = [0; PROOF.end];
        head[..16].copy_from_slice(MAGIC);
        let words = [VERSION, cost.memory_kib, cost.passes, cost.lanes];
        for (place, word) in head[16..].chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        getrandom::fill(&mut head[SALT]).map_err(|_| VaultError::NoRandomness)?;
        let (key, proof) = derive(passphrase, cost, &head[SALT])?;
        head[PROOF].copy_from_slice(&proof);
        Ok(Key { head, key })
    }

    /// Of a file that is there.
    pub fn of(passphrase: &Secret, file: &[u8]) -> Result<Key, VaultError> {
        let cost = check(file)?;
        let head: [u8; PROOF.end] = file[..PROOF.end].try_into().expect("BUG: checked to be longer");
        let (key, proof) = derive(passphrase, cost, &head[SALT])?;
        // Both are known to whoever has the file and the passphrase: there is nothing to time.
        if proof != head[PROOF] {
            return Err(VaultError::WrongPassphrase);
        }
        Ok(Key { head, key })
    }

    pub fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut file = Vec::with_capacity(HEAD_BYTES + plain.len() + TAG_BYTES + SUM_BYTES);
        file.extend_from_slice(&self.head);
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce).map_err(|_| VaultError::NoRandomness)?;
        file.extend_from_slice(&nonce);
        file.extend_from_slice(plain);
        let (head, body) = file.split_at_mut(HEAD_BYTES);
        let tag = self.cipher().encrypt_inout_detached(&XNonce::from(nonce), head, body.into());
        file.extend_from_slice(&tag.map_err(|_| VaultError::TooLarge)?);
        let sum = Sha256::digest(&file);
        file.extend_from_slice(&sum);
        Ok(file)
    }

    pub fn open(&self, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        check(file)?;
        // Another process has given it another passphrase.
        if file[..PROOF.end] != self.head {
            return Err(VaultError::Locked);
        }
        let (head, rest) = file.split_at(HEAD_BYTES);
        let (body, tag) = rest[..rest.len() - SUM_BYTES].split_at(rest.len() - SUM_BYTES - TAG_BYTES);
        let nonce: [u8; 24] = head[NONCE].try_into().expect("BUG: 24 bytes");
        let tag: [u8; TAG_BYTES] = tag.try_into().expect("BUG: 16 bytes");
        let mut plain = Zeroizing::new(body.to_vec());
        let opened =
            self.cipher().decrypt_inout_detached(&XNonce::from(nonce), head, (&mut plain[..]).into(), &Tag::from(tag));
        opened.map_err(|_| VaultError::Altered)?;
        Ok(plain)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.key).into())
    }
}

/// What can be known of a file without its passphrase.
pub fn check(file: &[u8]) -> Result<Cost, VaultError> {
    if !file.starts_with(MAGIC) {
        return Err(VaultError::Damaged("it does not begin as a vault does"));
    }
    let word = |at: usize| file.get(at..at + 4).map(|b| u32::from_le_bytes(b.try_into().expect("BUG: 4 bytes")));
    let short = VaultError::Damaged("it is cut short");
    let [Some(version), Some(memory_kib), Some(passes), Some(lanes)] = [word(16), word(20), word(24), word(28)] else {
        return Err(short);
    };
    if version > VERSION {
        return Err(VaultError::Newer(version));
    }
    if file.len() < HEAD_BYTES + TAG_BYTES + SUM_BYTES {
        return Err(short);
    }
    let (content, sum) = file.split_at(file.len() - SUM_BYTES);
    if Sha256::digest(content)[..] != *sum {
        return Err(VaultError::Damaged("its checksum does not fit"));
    }
    if version != VERSION || memory_kib > MOST.memory_kib || passes > MOST.passes || lanes > MOST.lanes {
        return Err(VaultError::Damaged("its header asks for what no vault needs"));
    }
    Ok(Cost { memory_kib, passes, lanes })
}

type Derived = (Zeroizing<[u8; 32]>, [u8; 32]);

/// The key, and what proves it.
fn derive(passphrase: &Secret, cost: Cost, salt: &[u8]) -> Result<Derived, VaultError> {
    let bad = |_| VaultError::Damaged("its header asks for what Argon2id does not do");
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(64)).map_err(bad)?;
    let mut both = Zeroizing::new([0; 64]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(passphrase.reveal().as_bytes(), salt, &mut both[..]).map_err(bad)?;
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(&both[..32]);
    Ok((key, Sha256::digest(&both[32..]).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn key() -> Key {
        Key::new(&Secret::new("a long passphrase"), CHEAP).expect("a key")
    }

    fn resummed(mut file: Vec<u8>) -> Vec<u8> {
        let end = file.len() - SUM_BYTES;
        let sum = Sha256::digest(&file[..end]);
        file[end..].copy_from_slice(&sum);
        file
    }

    #[test]
    fn what_is_sealed_opens_with_its_passphrase_only() {
        let file = key().seal(b"hunter2").expect("sealed");
        assert!(!file.windows(7).any(|w| w == b"hunter2"));
        let again = Key::of(&Secret::new("a long passphrase"), &file).expect("the passphrase");
        assert_eq!(again.open(&file).expect("opened")[..], *b"hunter2");
        let wrong = Key::of(&Secret::new("another passphrase"), &file).err();
        assert_eq!(wrong, Some(VaultError::WrongPassphrase));
        assert_eq!(key().open(&file).err(), Some(VaultError::Locked), "a key of another salt");
        assert_ne!(file, again.seal(b"hunter2").expect("sealed"), "no nonce is used twice");
    }

    #[test]
    fn damage_alteration_and_a_newer_file_are_told_apart() {
        let key = key();
        let file = key.seal(b"hunter2").expect("sealed");
        for at in 0..file.len() {
            let mut bad = file.clone();
            bad[at] ^= 1;
            let Err(e) = key.open(&bad) else { panic!("one bit was changed, and it opened") };
            assert!(matches!(e, VaultError::Damaged(_) | VaultError::Newer(_)), "{at}: {e:?}");
        }
        let mut altered = file.clone();
        altered[HEAD_BYTES] ^= 1;
        assert_eq!(key.open(&resummed(altered)).err(), Some(VaultError::Altered));
        let mut newer = file.clone();
        newer[16] = 2;
        assert_eq!(check(&newer).err(), Some(VaultError::Newer(2)));
    }

    #[test]
    fn a_header_cannot_ask_for_all_memory() {
        let file = key().seal(b"").expect("sealed");
        for (at, word) in
            [(20, u32::MAX), (20, MOST.memory_kib + 1), (24, 1 << 20), (28, 255), (24, 0), (28, 0), (20, 0)]
        {
            let mut greedy = file.clone();
            greedy[at..at + 4].copy_from_slice(&word.to_le_bytes());
            let greedy = resummed(greedy);
            let e = Key::of(&Secret::new("a long passphrase"), &greedy).err().expect("refused");
            assert!(matches!(e, VaultError::Damaged(_)), "{at} {word}: {e:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..400) {
            prop_assert!(check(&bytes).is_err());
            let mut file = key().seal(&bytes).expect("sealed");
            file.truncate(cut.min(file.len() - 1));
            prop_assert!(check(&file).is_err());
            file.extend_from_slice(&bytes);
            let _ = check(&file);
        }
    }
}
