//! Secrets for systems elsewhere: stored, listed without what they are, forgotten; and the vault's passphrase.
//!
//! The audit tells for whom something was stored and where, and no command answers with a secret.

use crate::app::App;
use crate::data::TableAt;
use crate::project::OpenProject;
use crate::promotion::{Rules, failure_view};
use crate::wire::*;
use serde_json::json;
use signalbox_release::{Failure, FailureCode, RegistryAt, TargetAt};
use signalbox_remote::{KeychainAt, Kind, Place as SecretPlace, Secrets, SecretsAt, VaultState, Where};
use std::sync::Arc;

impl App {
    /// Where secrets come from. Made with the first use.
    pub fn secrets_of(&self) -> &Arc<Secrets> {
        self.0.secrets.get_or_init(|| {
            Arc::new(Secrets::new(SecretsAt {
                folder: self.0.options.data_dir.clone(),
                keychain: KeychainAt::System("Signalbox".into()),
                home: crate::place::home(),
                environment: Arc::new(|name| std::env::var(name).ok()),
            }))
        })
    }

    /// For tests, which must not touch a person's keychain: before the first use, else it changes nothing.
    pub fn use_secrets(&self, secrets: Secrets) {
        let _ = self.0.secrets.set(Arc::new(secrets));
    }

    pub(crate) fn secrets(&self, _: Empty) -> Result<SecretsView, CallError> {
        let secrets = self.secrets_of();
        let vault = match secrets.vault() {
            VaultState::Missing => "missing",
            VaultState::Locked => "locked",
            VaultState::Open => "open",
        };
        let (kept, failure) = match secrets.list() {
            Ok(kept) => (kept, None),
            Err(e) => (Vec::new(), Some(failure_view(&e))),
        };
        let view = |kept: signalbox_remote::Kept| KeptView {
            kind: kept.place.kind().word().to_owned(),
            origin: kept.place.origin().to_owned(),
            user: kept.place.account().map(str::to_owned),
            at: word(kept.at).to_owned(),
            stored: kept.stored_unix_ms as f64 / 1000.0,
        };
        Ok(SecretsView {
            keychain: secrets.keychain().err().as_ref().map(failure_view),
            vault: vault.to_owned(),
            kept: kept.into_iter().map(view).collect(),
            failure,
            systems: (self.open_projects().iter())
                .flat_map(|project| self.systems_of(project).into_iter().chain(self.engines_of(project)))
                .collect(),
        })
    }

    pub(crate) fn store_secret(&self, args: StoreSecret) -> Result<StoredAt, CallError> {
        let place = place(&args.kind, &args.url, args.user.as_deref())?;
        // Before it is done: what is not in the audit is not done.
        self.audit("store secret", None, None, shown(&place))?;
        let at = self.secrets_of().store(&place, &args.secret)?;
        self.passwords_changed();
        Ok(StoredAt { at: word(at).to_owned() })
    }

    pub(crate) fn forget_secret(&self, args: ForgetSecret) -> Result<(), CallError> {
        let place = place(&args.kind, &args.url, args.user.as_deref())?;
        self.audit("forget secret", None, None, shown(&place))?;
        self.secrets_of().forget(&place)?;
        self.passwords_changed();
        Ok(())
    }

    pub(crate) fn make_vault(&self, args: Passphrase) -> Result<(), CallError> {
        self.audit("make vault", None, None, json!({}))?;
        Ok(self.secrets_of().make_vault(&args.passphrase)?)
    }

    pub(crate) fn unlock_vault(&self, args: Passphrase) -> Result<(), CallError> {
        self.secrets_of().unlock_vault(&args.passphrase)?;
        self.passwords_changed();
        Ok(())
    }

    pub(crate) fn lock_vault(&self, _: Empty) -> Result<(), CallError> {
        self.secrets_of().lock_vault();
        Ok(())
    }

    /// Looking may start a credential helper: only for what the person has allowed.
    fn systems_of(&self, project: &OpenProject) -> Vec<SystemSecretView> {
        let Ok(rules) = Rules::of(&project.root) else { return Vec::new() };
        if !self.is_allowed(&project.root, &rules) {
            return Vec::new();
        }
        let registries = rules.policy.registries.iter().filter_map(|(name, at)| match at {
            RegistryAt::Mlflow { url } => Some((name, Kind::Mlflow, url)),
            RegistryAt::Oci { url, .. } => Some((name, Kind::Oci, url)),
            _ => None,
        });
        let targets = rules.policy.targets.iter().filter_map(|(name, at)| match at {
            TargetAt::V2 { url, .. } => Some((name, Kind::V2, url)),
            TargetAt::RayServe { url, .. } => Some((name, Kind::Ray, url)),
            _ => None,
        });
        let view = |(name, kind, url): (&signalbox_release::SystemId, Kind, &String)| {
            let place = SecretPlace::new(kind, url, None);
            let source = place.as_ref().map_err(Clone::clone).and_then(|place| self.secrets_of().source(place));
            let (source, failure) = match source {
                Ok(source) => (source, None),
                Err(e) => (None, Some(failure_view(&e))),
            };
            let (from, user, warning) = source.map_or((None, None, None), |s| (Some(s.from), s.user, s.warning));
            SystemSecretView {
                project: project.id.0,
                name: name.to_string(),
                kind: kind.word().to_owned(),
                origin: place.map_or_else(|_| String::new(), |place| place.origin().to_owned()),
                from,
                user,
                warning,
                failure,
            }
        };
        registries.chain(targets).map(view).collect()
    }
}

impl App {
    /// The engines that a project's monitors ask, as far as the person has allowed them.
    fn engines_of(&self, project: &OpenProject) -> Vec<SystemSecretView> {
        let asked = self.engines_asked(project).unwrap_or_default();
        let view = |(name, at): (String, TableAt)| {
            let place = at.place()?;
            let (source, failure) = match self.secrets_of().source(&place) {
                Ok(source) => (source, None),
                Err(e) => (None, Some(failure_view(&e))),
            };
            let (from, user, warning) = match source {
                Some(source) => (Some(source.from), source.user, source.warning),
                None => (at.in_environment(), at.address.user.clone(), None),
            };
            let (project, kind) = (project.id.0, Kind::Database.word().to_owned());
            Some(SystemSecretView {
                project,
                name,
                kind,
                origin: place.origin().to_owned(),
                from,
                user,
                warning,
                failure,
            })
        };
        asked.into_iter().filter_map(view).collect()
    }
}

fn place(kind: &str, url: &str, user: Option<&str>) -> Result<SecretPlace, Failure> {
    match kind.parse()? {
        Kind::Database => {
            // Those who ask it say for whom it is kept. What is none is not repeated: it may hold a password.
            let address = "a database's address is postgres://, clickhouse://, http://, https:// or sc://, and a host";
            let origin = signalbox_engines::origin(url).ok_or_else(|| Failure::new(FailureCode::Invalid, address))?;
            SecretPlace::new(Kind::Database, &origin, user)
        }
        kind => SecretPlace::new(kind, url, user),
    }
}

fn shown(place: &SecretPlace) -> serde_json::Value {
    json!({ "kind": place.kind().word(), "origin": place.origin(), "user": place.account() })
}

fn word(at: Where) -> &'static str {
    match at {
        Where::Keychain => "keychain",
        Where::Vault => "vault",
    }
}
