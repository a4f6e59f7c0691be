//! Who we are, asked at each request.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use signalbox_release::Failure;

use super::{Auth, Place, Secrets, Where, lock};

/// Who we are, to one server. A closure that gives an [`Auth`] is one.
pub trait Identity: Send + Sync {
    /// Asked at each request. With a failure nothing is sent: the vault may be locked.
    fn auth(&self) -> Result<Auth, Failure>;

    /// The server did not take it (401): what is remembered is forgotten. The request is made once more if
    /// [`Identity::auth`] then gives something else.
    fn refused(&self) {}
}

impl<F: Fn() -> Auth + Send + Sync> Identity for F {
    fn auth(&self) -> Result<Auth, Failure> {
        Ok(self())
    }
}

impl Identity for std::sync::Arc<dyn Identity> {
    fn auth(&self) -> Result<Auth, Failure> {
        (**self).auth()
    }

    fn refused(&self) {
        (**self).refused();
    }
}

/// So long a tool's file or helper is not asked again. The vault always is.
const REMEMBERED: Duration = Duration::from_secs(60);

/// What [`Secrets`] has for a place.
pub struct Asked {
    secrets: Arc<Secrets>,
    place: Place,
    remembered: Mutex<Option<Remembered>>,
}

struct Remembered {
    auth: Auth,
    since: Instant,
    n_changes: u64,
}

/// For [`crate::Http::new`].
pub fn auth_for(secrets: &Arc<Secrets>, place: Place) -> Asked {
    Asked { secrets: secrets.clone(), place, remembered: Mutex::default() }
}

impl Identity for Asked {
    fn auth(&self) -> Result<Auth, Failure> {
        let n_changes = self.secrets.n_changes();
        let fresh = |kept: &&Remembered| kept.n_changes == n_changes && kept.since.elapsed() < REMEMBERED;
        if let Some(kept) = lock(&self.remembered).as_ref().filter(fresh) {
            return Ok(kept.auth.clone());
        }
        let found = self.secrets.lookup(&self.place)?;
        let from_vault = found.as_ref().is_some_and(|found| found.at == Some(Where::Vault));
        let auth = found.map_or(Auth::None, |found| found.auth);
        // What the vault holds goes from memory when the vault is locked.
        let remembered = (!from_vault).then(|| Remembered { auth: auth.clone(), since: Instant::now(), n_changes });
        *lock(&self.remembered) = remembered;
        Ok(auth)
    }

    fn refused(&self) {
        *lock(&self.remembered) = None;
    }
}
