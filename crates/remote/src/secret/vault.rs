//! Where there is no keychain: a file that a passphrase opens.
//!
//! While it is open only its key is in memory; what it holds is read from the file when it is needed. So what another
//! Signalbox has written is seen, and writing is: read, change, replace, under a lock file.

mod entries;
mod error;
mod sealed;

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{Secret, files, lock};
use entries::{Entries, parse, text};
pub use error::VaultError;
pub use sealed::Cost;
use sealed::{Key, MAX_FILE_BYTES};

/// Less is guessed in hours, whatever a guess costs.
const MIN_PASSPHRASE_CHARS: usize = 8;
/// Without being used for so long it locks itself.
pub const IDLE: Duration = Duration::from_secs(15 * 60);
/// And after this in any case: what watches a service uses it all the time.
const LONGEST: Duration = Duration::from_secs(12 * 3600);

pub struct Vault {
    path: PathBuf,
    cost: Cost,
    idle: Duration,
    open: Arc<Mutex<Option<Open>>>,
    /// One passphrase is tried at a time: each try takes the memory that the header asks for.
    trying: Mutex<()>,
}

struct Open {
    key: Key,
    since: Instant,
    used: Instant,
    /// Going with this, it ends the thread that waits to lock.
    _waits: mpsc::Sender<()>,
}

impl Open {
    /// What is left until it locks itself.
    fn left(&self, idle: Duration) -> Duration {
        idle.saturating_sub(self.used.elapsed()).min(LONGEST.saturating_sub(self.since.elapsed()))
    }
}

impl Vault {
    pub fn new(path: PathBuf, cost: Cost, idle: Duration) -> Vault {
        Vault { path, cost, idle, open: Arc::default(), trying: Mutex::default() }
    }

    pub fn exists(&self) -> bool {
        self.path.symlink_metadata().is_ok()
    }

    pub fn is_open(&self) -> bool {
        lock(&self.open).as_ref().is_some_and(|open| !open.left(self.idle).is_zero())
    }

    pub fn make(&self, passphrase: &Secret) -> Result<(), VaultError> {
        strong(passphrase)?;
        let _one_at_a_time = lock(&self.trying);
        let _writing = self.writing()?;
        if self.exists() {
            return Err(VaultError::Exists);
        }
        let key = Key::new(passphrase, self.cost)?;
        self.replace(&key, &Entries::new())?;
        self.keep_open(key);
        Ok(())
    }

    pub fn unlock(&self, passphrase: &Secret) -> Result<(), VaultError> {
        let _one_at_a_time = lock(&self.trying);
        let file = self.file()?;
        let key = Key::of(passphrase, &file)?;
        key.open(&file)?;
        self.keep_open(key);
        Ok(())
    }

    pub fn lock(&self) {
        *lock(&self.open) = None;
    }

    /// Another passphrase, with another salt, at today's cost.
    pub fn change(&self, old: &Secret, new: &Secret) -> Result<(), VaultError> {
        strong(new)?;
        let _one_at_a_time = lock(&self.trying);
        let _writing = self.writing()?;
        let file = self.file()?;
        let entries = parse(&Key::of(old, &file)?.open(&file)?)?;
        let key = Key::new(new, self.cost)?;
        self.replace(&key, &entries)?;
        self.keep_open(key);
        Ok(())
    }

    pub fn read(&self, name: &str) -> Result<Option<Secret>, VaultError> {
        Ok(self.entries()?.remove(name))
    }

    pub fn names(&self) -> Result<Vec<String>, VaultError> {
        Ok(self.entries()?.into_keys().collect())
    }

    pub fn write(&self, name: &str, secret: &Secret) -> Result<(), VaultError> {
        self.changed(|entries| drop(entries.insert(name.to_owned(), secret.clone())))
    }

    pub fn remove(&self, name: &str) -> Result<(), VaultError> {
        self.changed(|entries| drop(entries.remove(name)))
    }

    fn changed(&self, change: impl FnOnce(&mut Entries)) -> Result<(), VaultError> {
        let _writing = self.writing()?;
        let mut entries = self.entries()?;
        change(&mut entries);
        self.with_key(|key| self.replace(key, &entries))
    }

    fn entries(&self) -> Result<Entries, VaultError> {
        let file = self.file()?;
        self.with_key(|key| parse(&key.open(&file)?))
    }

    fn with_key<T>(&self, job: impl FnOnce(&Key) -> Result<T, VaultError>) -> Result<T, VaultError> {
        let mut open = lock(&self.open);
        open.take_if(|open| open.left(self.idle).is_zero());
        let held = open.as_mut().ok_or(VaultError::Locked)?;
        held.used = Instant::now();
        let done = job(&held.key);
        // The file's passphrase was changed elsewhere: this key opens nothing any more.
        if matches!(done, Err(VaultError::Locked)) {
            *open = None;
        }
        done
    }

    fn keep_open(&self, key: Key) {
        let (waits, ended) = mpsc::channel();
        let now = Instant::now();
        *lock(&self.open) = Some(Open { key, since: now, used: now, _waits: waits });
        let (open, idle) = (Arc::downgrade(&self.open), self.idle);
        let wait = move || {
            loop {
                let Some(open) = open.upgrade() else { return };
                let left = lock(&open).as_ref().map_or(Duration::ZERO, |open| open.left(idle));
                if left.is_zero() {
                    // Unless it was used just now; or was opened anew, and another thread waits for that.
                    lock(&open).take_if(|open| open.left(idle).is_zero());
                    return;
                }
                drop(open);
                if let Err(RecvTimeoutError::Disconnected) = ended.recv_timeout(left) {
                    return;
                }
            }
        };
        // Without the thread it locks at its next use.
        let _ = thread::Builder::new().name("vault".into()).spawn(wait);
    }

    fn file(&self) -> Result<Vec<u8>, VaultError> {
        let kind = match self.path.symlink_metadata() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(VaultError::Missing),
            found => found.map_err(|e| self.failed(&e))?,
        };
        // A link would be replaced by a file at the next change; a pipe would never end.
        if !kind.is_file() {
            return Err(self.failed(&io::Error::other("it is no ordinary file")));
        }
        let mut bytes = Vec::new();
        let file = File::open(&self.path).map_err(|e| self.failed(&e))?;
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|e| self.failed(&e))?;
        if bytes.len() as u64 > MAX_FILE_BYTES { Err(VaultError::TooLarge) } else { Ok(bytes) }
    }

    /// Whole or not at all, for its owner only.
    fn replace(&self, key: &Key, entries: &Entries) -> Result<(), VaultError> {
        let file = key.seal(&text(entries))?;
        if file.len() as u64 > MAX_FILE_BYTES {
            return Err(VaultError::TooLarge);
        }
        files::replace(&self.path, &file).map_err(|e| self.failed(&e))
    }

    fn writing(&self) -> Result<File, VaultError> {
        files::lock(&self.path.with_extension("lock")).map_err(|e| match e.kind() {
            io::ErrorKind::WouldBlock => VaultError::Busy,
            _ => self.failed(&e),
        })
    }

    fn failed(&self, e: &io::Error) -> VaultError {
        VaultError::File { path: self.path.display().to_string(), why: e.to_string() }
    }
}

fn strong(passphrase: &Secret) -> Result<(), VaultError> {
    if passphrase.reveal().chars().count() < MIN_PASSPHRASE_CHARS { Err(VaultError::Weak) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn secret(text: &str) -> Secret {
        Secret::new(text)
    }

    fn vault(folder: &tempfile::TempDir, idle: Duration) -> Vault {
        Vault::new(folder.path().join("vault"), CHEAP, idle)
    }

    #[test]
    fn a_vault_keeps_what_it_is_given_while_it_is_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = vault(&folder, IDLE);
        assert_eq!(own.unlock(&secret("long enough")), Err(VaultError::Missing));
        assert_eq!(own.make(&secret("short")), Err(VaultError::Weak));
        own.make(&secret("long enough")).expect("made");
        assert_eq!(own.make(&secret("long enough")), Err(VaultError::Exists));
        own.write("a", &secret("hunter2 \" \u{0} é")).expect("written");
        assert_eq!(own.read("a"), Ok(Some(secret("hunter2 \" \u{0} é"))));
        assert_eq!(own.read("b"), Ok(None));
        own.lock();
        assert_eq!(own.read("a"), Err(VaultError::Locked));
        assert_eq!(own.write("a", &secret("x")), Err(VaultError::Locked));
        assert_eq!(own.unlock(&secret("long enougi")), Err(VaultError::WrongPassphrase));
        assert!(!own.is_open());
        own.unlock(&secret("long enough")).expect("opened");
        own.remove("a").expect("removed");
        assert_eq!(own.names(), Ok(vec![]));
    }

    #[cfg(unix)]
    #[test]
    fn its_file_is_its_owner_s_and_holds_no_plain_text() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let own = vault(&folder, IDLE);
        own.make(&secret("long enough")).expect("made");
        let empty = std::fs::metadata(folder.path().join("vault")).expect("there").len();
        own.write("mlflow https://h ada", &secret("hunter2")).expect("written");
        let at = folder.path().join("vault");
        assert_eq!(std::fs::metadata(&at).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&at).expect("there").len(), empty, "its length does not tell how much it holds");
        let bytes = std::fs::read(&at).expect("read");
        assert!(!bytes.windows(4).any(|w| w == b"hunt" || w == b"http" || w == b"aHVu"));

        std::fs::rename(&at, folder.path().join("other")).expect("moved");
        std::os::unix::fs::symlink(folder.path().join("other"), &at).expect("linked");
        assert!(matches!(own.read("a"), Err(VaultError::File { .. })), "a link is not followed");
    }

    #[test]
    fn two_signalboxes_see_what_the_other_writes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, other) = (vault(&folder, IDLE), vault(&folder, IDLE));
        one.make(&secret("long enough")).expect("made");
        other.unlock(&secret("long enough")).expect("opened");
        thread::scope(|scope| {
            for (vault, name) in [(&one, "one"), (&other, "other")] {
                scope.spawn(move || {
                    for i in 0..8 {
                        vault.write(&format!("{name} {i}"), &secret("x")).expect("written");
                    }
                });
            }
        });
        assert_eq!(one.names().expect("read").len(), 16, "no writing was lost");
        other.change(&secret("long enough"), &secret("another one")).expect("changed");
        assert_eq!(one.read("one 1"), Err(VaultError::Locked), "its passphrase is not that any more");
        assert!(!one.is_open());
        assert_eq!(one.unlock(&secret("long enough")), Err(VaultError::WrongPassphrase));
        one.unlock(&secret("another one")).expect("opened");
        assert_eq!(one.names().expect("read").len(), 16);
    }

    #[test]
    fn it_locks_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = vault(&folder, Duration::from_millis(30));
        own.make(&secret("long enough")).expect("made");
        let end = Instant::now() + Duration::from_secs(60);
        while lock(&own.open).is_some() {
            assert!(Instant::now() < end, "the key is still in memory");
            thread::yield_now();
        }
        assert_eq!(own.names(), Err(VaultError::Locked));
    }

    #[test]
    fn garbage_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = vault(&folder, IDLE);
        for garbage in [&b""[..], b"Signalbox vault\n", b"{}", &[0xff; 5000]] {
            std::fs::write(folder.path().join("vault"), garbage).expect("written");
            assert!(matches!(own.unlock(&secret("long enough")), Err(VaultError::Damaged(_))));
        }
        let huge = File::create(folder.path().join("vault")).expect("made");
        huge.set_len(1 << 40).expect("a hole");
        assert_eq!(own.unlock(&secret("long enough")), Err(VaultError::TooLarge));
    }
}
