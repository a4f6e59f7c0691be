//! Where secrets are kept and found.
//!
//! What a person has stored for an origin comes first; then what the tools themselves would say there. Each is read
//! when it is used, and nothing is ever written in plain text: without a keychain there is a vault, and without an
//! open vault nothing is stored.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use signalbox_release::{Clock, Failure, FailureCode, SystemClock};

use super::index::Index;
use super::keychain::{Keychain, KeychainError, KeychainLimits, System, Timed};
use super::tools::{self, Around};
use super::vault::{Cost, IDLE, Vault, VaultError};
use super::{Auth, Kind, Place, Secret, files};
use crate::mlflow::Lookup;

/// Which keychain is used.
pub enum KeychainAt {
    /// The system's; the text is the name under which its person finds our entries.
    System(String),
    /// None: there is the vault only.
    Absent,
    Given(Arc<dyn Keychain>, KeychainLimits),
}

pub struct SecretsAt {
    /// Our own folder: the vault and the list of what is kept lie in it.
    pub folder: PathBuf,
    pub keychain: KeychainAt,
    /// The person's home, where the tools' files lie.
    pub home: Option<PathBuf>,
    /// The environment's variables.
    pub environment: Lookup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Where {
    Keychain,
    Vault,
}

impl Where {
    /// For a person.
    pub fn title(self) -> &'static str {
        match self {
            Where::Keychain => "Signalbox, in the system's keychain",
            Where::Vault => "Signalbox's vault",
        }
    }
}

/// Something that a person has stored; without what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub place: Place,
    pub at: Where,
    pub stored_unix_ms: i64,
}

/// Where a credential comes from, for a person; without what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub from: String,
    pub user: Option<String>,
    /// What is wrong with that place, though it was used.
    pub warning: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub auth: Auth,
    /// Where it was found, for a person.
    pub from: String,
    /// What is wrong with that place, though it was used.
    pub warning: Option<String>,
    /// Where a person has stored it, if not a tool.
    pub at: Option<Where>,
}

impl Found {
    pub fn source(&self) -> Source {
        let user = match &self.auth {
            Auth::Basic { user, .. } => Some(user.clone()),
            Auth::None | Auth::Bearer { .. } => None,
        };
        Source { from: self.from.clone(), user, warning: self.warning.clone() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VaultState {
    Missing,
    Locked,
    Open,
}

/// Names a file whose first line is the vault's passphrase, for where nobody can type it. It must be its owner's only.
const PASSPHRASE_FILE: &str = "SIGNALBOX_VAULT_PASSPHRASE_FILE";

pub struct Secrets {
    index: Index,
    keychain: Option<Timed>,
    vault: Vault,
    around: Around,
    /// Counts the changes, so that what was found before one is not used after it.
    changes: AtomicU64,
}

impl Secrets {
    pub fn new(at: SecretsAt) -> Secrets {
        let keychain = match at.keychain {
            KeychainAt::System(service) => Some(Timed::new(Arc::new(System::new(service)), KeychainLimits::default())),
            KeychainAt::Absent => None,
            KeychainAt::Given(keychain, limits) => Some(Timed::new(keychain, limits)),
        };
        Secrets {
            index: Index::new(at.folder.join("secrets.json")),
            keychain,
            vault: Vault::new(at.folder.join("vault"), Cost::default(), IDLE),
            around: Around { home: at.home, environment: at.environment },
            changes: AtomicU64::new(0),
        }
    }

    /// The first credential for a place: stored here, then in the tools' own places. What cannot be read is a failure
    /// if nothing else is found, and always if a person stored it here: another's credential is not used in its stead.
    pub fn lookup(&self, place: &Place) -> Result<Option<Found>, Failure> {
        if let Some(kept) = self.index.find(place)? {
            let secret = self.kept(&kept)?.ok_or_else(|| {
                let what = format!("what was stored for {} is not there any more ({})", kept.place, kept.at.title());
                Failure::new(FailureCode::Local, what).hint("Store it anew, or forget it.")
            })?;
            let auth = match kept.place.account() {
                Some(user) => Auth::Basic { user: user.to_owned(), password: secret },
                None => Auth::Bearer { token: secret },
            };
            return Ok(Some(Found { auth, from: kept.at.title().into(), warning: None, at: Some(kept.at) }));
        }
        tools::look(place, &self.around)
    }

    /// Where the credential for a place would come from; what is stored here is not opened for that.
    pub fn source(&self, place: &Place) -> Result<Option<Source>, Failure> {
        if let Some(kept) = self.index.find(place)? {
            let user = kept.place.account().map(str::to_owned);
            return Ok(Some(Source { from: kept.at.title().into(), user, warning: None }));
        }
        Ok(tools::look(place, &self.around)?.map(|found| found.source()))
    }

    /// Keeps a password for the place's account, or, without an account, a token: in the keychain, and in the vault
    /// if there is none that takes it.
    pub fn store(&self, place: &Place, secret: &Secret) -> Result<Where, Failure> {
        check(place, secret)?;
        let written = match &self.keychain {
            Some(keychain) => keychain.write(&place.key(), secret),
            None => Err(KeychainError::Absent),
        };
        let at = match written {
            Ok(()) => Where::Keychain,
            Err(e) if !self.vault.exists() => return Err(e.into()),
            Err(_) => {
                self.opened(|vault| vault.write(&place.key(), secret))?;
                Where::Vault
            }
        };
        let before = self.index.find(place)?.filter(|kept| kept.place == *place && kept.at != at);
        self.index.put(Kept { place: place.clone(), at, stored_unix_ms: SystemClock.unix_ms() })?;
        self.changed();
        // An older copy elsewhere is not used any more; if its keeper does not answer now, it stays, unused.
        if let Some(before) = before {
            let _ = self.remove_from(before.at, place);
        }
        Ok(at)
    }

    /// Removes what a person has stored for exactly this place.
    pub fn forget(&self, place: &Place) -> Result<(), Failure> {
        let kept = self.index.find(place)?.filter(|kept| kept.place == *place).ok_or_else(|| {
            Failure::new(FailureCode::NotFound, format!("nothing is stored for {place}"))
                .hint("What a tool keeps in its own place is removed with that tool.")
        })?;
        self.remove_from(kept.at, place)?;
        self.index.remove(place)?;
        self.changed();
        Ok(())
    }

    /// What is stored, newest first.
    pub fn list(&self) -> Result<Vec<Kept>, Failure> {
        self.index.rows()
    }

    /// Whether there is a keychain that answers; its person is not asked anything.
    pub fn keychain(&self) -> Result<(), Failure> {
        Ok(self.keychain.as_ref().ok_or(KeychainError::Absent)?.greet()?)
    }

    pub fn vault(&self) -> VaultState {
        match (self.vault.exists(), self.vault.is_open()) {
            (false, _) => VaultState::Missing,
            (true, false) => VaultState::Locked,
            (true, true) => VaultState::Open,
        }
    }

    /// Makes the vault, and leaves it open.
    pub fn make_vault(&self, passphrase: &Secret) -> Result<(), Failure> {
        self.vault.make(passphrase)?;
        self.changed();
        Ok(())
    }

    pub fn unlock_vault(&self, passphrase: &Secret) -> Result<(), Failure> {
        self.vault.unlock(passphrase)?;
        self.changed();
        let places = self.vault.names()?.iter().filter_map(|name| Place::of_key(name)).collect();
        self.index.add_missing(places, SystemClock.unix_ms())
    }

    pub fn lock_vault(&self) {
        self.vault.lock();
        self.changed();
    }

    pub fn change_passphrase(&self, old: &Secret, new: &Secret) -> Result<(), Failure> {
        Ok(self.vault.change(old, new)?)
    }

    /// How often something was stored, forgotten, locked or unlocked.
    pub(super) fn n_changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    fn changed(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    fn kept(&self, kept: &Kept) -> Result<Option<Secret>, Failure> {
        let key = kept.place.key();
        match (kept.at, &self.keychain) {
            (Where::Vault, _) => self.opened(|vault| vault.read(&key)),
            (Where::Keychain, Some(keychain)) => Ok(keychain.read(&key)?),
            (Where::Keychain, None) => Err(KeychainError::Absent.into()),
        }
    }

    fn remove_from(&self, at: Where, place: &Place) -> Result<(), Failure> {
        match (at, &self.keychain) {
            (Where::Vault, _) => self.opened(|vault| vault.remove(&place.key())),
            (Where::Keychain, Some(keychain)) => Ok(keychain.remove(&place.key())?),
            (Where::Keychain, None) => Err(KeychainError::Absent.into()),
        }
    }

    /// Uses the vault; if it is locked, after opening it with the passphrase of the file that the environment names.
    fn opened<T>(&self, job: impl Fn(&Vault) -> Result<T, VaultError>) -> Result<T, Failure> {
        match job(&self.vault) {
            Err(VaultError::Locked) => {}
            done => return Ok(done?),
        }
        let Some(passphrase) = self.passphrase_file()? else { return Err(VaultError::Locked.into()) };
        self.unlock_vault(&passphrase)?;
        Ok(job(&self.vault)?)
    }

    fn passphrase_file(&self) -> Result<Option<Secret>, Failure> {
        let Some(path) = self.around.var(PASSPHRASE_FILE) else { return Ok(None) };
        let wrong = |what: &str| {
            Failure::new(FailureCode::Local, format!("{path}: {what}"))
                .hint(format!("{PASSPHRASE_FILE} names a file with the passphrase in its first line, of mode 0600."))
        };
        let file = files::read(path.as_ref())?.ok_or_else(|| wrong("there is no such file"))?;
        if file.open_to_others {
            return Err(wrong("others on this machine can read it"));
        }
        Ok(file.text.lines().next().map(Secret::new))
    }
}

/// What can be sent: a token is a header, a password any text.
fn check(place: &Place, secret: &Secret) -> Result<(), Failure> {
    let text = secret.reveal();
    let odd = match place.account() {
        None => text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()),
        Some(_) => text.is_empty() || text.contains(char::is_control),
    };
    if !odd {
        return Ok(());
    }
    let failure = Failure::new(FailureCode::Invalid, "this is no password and no token");
    let hint = match (place.account(), place.kind()) {
        (Some(_), _) => "A password is one line.",
        (None, Kind::Ray) => "A token is one word of ASCII.",
        (None, _) => "A token is one word of ASCII. For a password, name its user too.",
    };
    Err(failure.hint(hint))
}
