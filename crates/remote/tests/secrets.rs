//! Where credentials come from: each tool's own place beside hostile contents, and what a person has stored before all.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use signalbox_remote::{
    Auth, Identity, Keychain, KeychainAt, KeychainError, KeychainLimits, Kind, Place, Secret, Secrets, SecretsAt,
    VaultState, Where, auth_for,
};

/// Keeps in memory; can be told to fail.
#[derive(Default)]
struct Memory {
    kept: Mutex<BTreeMap<String, Secret>>,
    fails: Mutex<Option<KeychainError>>,
}

impl Memory {
    fn fail(&self, e: impl Into<Option<KeychainError>>) {
        *self.fails.lock().expect("not poisoned") = e.into();
    }
}

impl Keychain for Memory {
    fn greet(&self) -> Result<(), KeychainError> {
        self.fails.lock().expect("not poisoned").map_or(Ok(()), Err)
    }

    fn read(&self, key: &str) -> Result<Option<Secret>, KeychainError> {
        self.greet()?;
        Ok(self.kept.lock().expect("not poisoned").get(key).cloned())
    }

    fn write(&self, key: &str, secret: &Secret) -> Result<(), KeychainError> {
        self.greet()?;
        self.kept.lock().expect("not poisoned").insert(key.into(), secret.clone());
        Ok(())
    }

    fn remove(&self, key: &str) -> Result<(), KeychainError> {
        self.greet()?;
        self.kept.lock().expect("not poisoned").remove(key);
        Ok(())
    }
}

struct Home {
    dir: tempfile::TempDir,
    environment: Arc<Mutex<BTreeMap<String, String>>>,
    keychain: Arc<Memory>,
}

impl Home {
    fn new() -> Home {
        let home =
            Home { dir: tempfile::tempdir().expect("a folder"), environment: Arc::default(), keychain: Arc::default() };
        home.set("PATH", &format!("{}:/usr/local/bin:/usr/bin:/bin", home.dir.path().join("bin").display()));
        home.set("HOME", &home.dir.path().display().to_string());
        home
    }

    fn set(&self, name: &str, value: &str) -> &Home {
        self.environment.lock().expect("not poisoned").insert(name.into(), value.into());
        self
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) -> &Home {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, text).expect("written");
        self.mode(&path, 0o600)
    }

    fn mode(&self, path: &Path, mode: u32) -> &Home {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
        self
    }

    fn program(&self, name: &str, script: &str) -> &Home {
        let path = format!("bin/{name}");
        self.write(&path, format!("#!/bin/sh\n{script}\n")).mode(&self.dir.path().join(path), 0o700)
    }

    fn secrets(&self) -> Secrets {
        self.secrets_with(KeychainAt::Given(self.keychain.clone(), KeychainLimits::default()))
    }

    fn secrets_with(&self, keychain: KeychainAt) -> Secrets {
        let environment = self.environment.clone();
        Secrets::new(SecretsAt {
            folder: self.dir.path().join("data"),
            keychain,
            home: Some(self.dir.path().to_owned()),
            environment: Arc::new(move |name| environment.lock().expect("not poisoned").get(name).cloned()),
        })
    }

    /// What is found for an address, and where: `ada:hunter2 from ~/.netrc`.
    fn found(&self, kind: Kind, url: &str) -> Option<String> {
        told(&self.secrets(), kind, url)
    }

    /// The failure, which must hold no secret.
    fn fails(&self, kind: Kind, url: &str) -> String {
        let e = self.secrets().lookup(&place(kind, url, None)).expect_err("a failure");
        let text = format!("{e} {e:?}");
        assert!(!text.contains("hunter2") && e.hint.is_some(), "{text}");
        e.message
    }
}

fn place(kind: Kind, url: &str, account: Option<&str>) -> Place {
    Place::new(kind, url, account).expect("a place")
}

fn told(secrets: &Secrets, kind: Kind, url: &str) -> Option<String> {
    let found = secrets.lookup(&place(kind, url, None)).expect("no failure")?;
    assert!(!format!("{found:?} {:?}", found.source()).contains("hunter2"), "a secret is shown");
    Some(match &found.auth {
        auth if *auth == basic("ada", "hunter2") => format!("ada:hunter2 from {}", found.from),
        auth if *auth == basic("<token>", "hunter2") => format!("refresh hunter2 from {}", found.from),
        auth if *auth == bearer("hunter2") => format!("hunter2 from {}", found.from),
        auth => panic!("something else: {auth:?}"),
    })
}

fn basic(user: &str, password: &str) -> Auth {
    Auth::Basic { user: user.into(), password: Secret::new(password) }
}

fn bearer(token: &str) -> Auth {
    Auth::Bearer { token: Secret::new(token) }
}

fn is(text: &str) -> Option<String> {
    Some(text.into())
}

#[test]
fn mlflow_is_told_what_its_own_client_would_tell_that_server() {
    let home = Home::new();
    home.set("MLFLOW_TRACKING_TOKEN", "hunter2");
    let ml = "https://ml.example/mlflow";
    assert_eq!(home.found(Kind::Mlflow, ml), None, "the environment names no server");
    home.set("MLFLOW_TRACKING_URI", "https://ml.example:443/other/path");
    assert_eq!(home.found(Kind::Mlflow, ml), is("hunter2 from MLFLOW_TRACKING_TOKEN"));
    for elsewhere in ["http://ml.example", "https://ml.example:8443", "https://ml.example.evil", "https://evil"] {
        assert_eq!(home.found(Kind::Mlflow, elsewhere), None, "{elsewhere}");
        assert_eq!(home.found(Kind::V2, ml), None, "another kind of system");
    }
    home.write(".mlflow/credentials", "[mlflow]\nmlflow_tracking_username = ada\nmlflow_tracking_password = hunter2\n");
    assert_eq!(home.found(Kind::Mlflow, ml), is("ada:hunter2 from ~/.mlflow/credentials"));
    home.mode(&home.dir.path().join(".mlflow/credentials"), 0o644);
    let found = home.secrets().lookup(&place(Kind::Mlflow, ml, None)).expect("read").expect("found");
    assert_eq!(found.warning.as_deref(), Some("Others on this machine can read ~/.mlflow/credentials."));
    home.set("MLFLOW_TRACKING_USERNAME", "ada").set("MLFLOW_TRACKING_PASSWORD", "hunter2");
    let from = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD";
    assert_eq!(home.found(Kind::Mlflow, ml), Some(format!("ada:hunter2 from {from}")));
    home.set("MLFLOW_TRACKING_URI", "https://ada:hunter2@ml.example");
    assert_eq!(home.found(Kind::Mlflow, ml), is("ada:hunter2 from MLFLOW_TRACKING_URI"));
}

#[test]
fn netrc_speaks_to_what_its_names_can_mean() {
    let home = Home::new();
    home.write(".netrc", "machine ml.example login ada password hunter2\ndefault login ada password hunter2\n");
    assert_eq!(home.found(Kind::Mlflow, "https://ml.example"), is("ada:hunter2 from ~/.netrc"));
    for other in ["http://ml.example", "https://ml.example:8443", "https://other.example"] {
        assert_eq!(home.found(Kind::Mlflow, other), None, "{other}");
    }
    assert_eq!(home.found(Kind::Prometheus, "https://ml.example"), None);
}

#[test]
fn ray_s_token_goes_to_ray_s_own_address() {
    let home = Home::new();
    home.write(".ray/auth_token", " hunter2 \nmore");
    assert_eq!(home.found(Kind::Ray, "http://127.0.0.1:8265"), is("hunter2 from ~/.ray/auth_token"));
    assert_eq!(home.found(Kind::Ray, "http://127.0.0.1:9999"), None, "anybody may listen there");
    assert_eq!(home.found(Kind::Ray, "http://evil:8265"), None);
    home.set("RAY_DASHBOARD_ADDRESS", "http://head.example:8265");
    assert_eq!(home.found(Kind::Ray, "http://head.example:8265/"), is("hunter2 from ~/.ray/auth_token"));
    home.set("RAY_AUTH_TOKEN_PATH", &home.dir.path().join("nothing").display().to_string());
    assert!(home.fails(Kind::Ray, "http://localhost:8265").contains("no token"));
    home.set("RAY_AUTH_TOKEN", "hunter2");
    assert_eq!(home.found(Kind::Ray, "http://localhost:8265"), is("hunter2 from RAY_AUTH_TOKEN"));
    home.set("RAY_AUTH_MODE", "disabled");
    assert_eq!(home.found(Kind::Ray, "http://localhost:8265"), None);
}

/// `ada:hunter2` in base64.
const BOTH: &str = "YWRhOmh1bnRlcjI=";

#[test]
fn docker_s_and_podman_s_files_are_read() {
    let home = Home::new();
    let runtime = home.dir.path().join("run");
    home.set("XDG_RUNTIME_DIR", &runtime.display().to_string());
    home.write("run/containers/auth.json", format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{BOTH}"}}}}}}"#));
    assert_eq!(home.found(Kind::Oci, "https://ghcr.io"), is("ada:hunter2 from ~/run/containers/auth.json"));
    let auths = format!(
        r#"{{"auths":{{"ghcr.io":{{"auth":"{BOTH}"}},"https://index.docker.io/v1/":{{"auth":"{BOTH}"}},
        "localhost:5000":{{"auth":"{BOTH}"}},"plain.example:80":{{"auth":"{BOTH}"}},
        "https://old.example/v2/":{{"auth":"{BOTH}"}},"part.example/team":{{"auth":"{BOTH}"}},
        "azure.example":{{"auth":"x","identitytoken":"hunter2"}},"token.example":{{"registrytoken":"hunter2"}},
        "apart.example":{{"username":"ada","password":"hunter2"}},"empty.example":{{}}}}}}"#
    );
    home.write(".docker/config.json", auths);
    for url in [
        "https://ghcr.io",
        "ghcr.io/team/x",
        "docker.io",
        "https://registry-1.docker.io",
        "http://localhost:5000",
        "https://old.example",
        "https://apart.example:443",
    ] {
        assert_eq!(home.found(Kind::Oci, url), is("ada:hunter2 from ~/.docker/config.json"), "{url}");
    }
    assert_eq!(home.found(Kind::Oci, "azure.example"), is("refresh hunter2 from ~/.docker/config.json"));
    assert_eq!(home.found(Kind::Oci, "token.example"), is("hunter2 from ~/.docker/config.json"));
    for url in [
        "http://ghcr.io",
        "https://ghcr.io:8443",
        "http://plain.example",
        "http://old.example",
        "https://part.example",
        "https://empty.example",
        "https://ghcr.io.evil",
    ] {
        assert_eq!(home.found(Kind::Oci, url), None, "{url}");
    }
}

#[test]
fn docker_s_helpers_are_asked() {
    let home = Home::new();
    let answer = r#"read server; echo "$server" >> asked; [ "$1" = get ] || exit 9
        case "$server" in
        ghcr.io) echo '{"ServerURL":"ghcr.io","Username":"ada","Secret":"hunter2"}';;
        azure.example) echo '{"ServerURL":"x","Username":"<token>","Secret":"hunter2"}';;
        odd.example) echo 'hunter2';;
        *) echo 'credentials not found in native keychain'; exit 1;;
        esac"#;
    home.program("docker-credential-fake", answer).program("docker-credential-sad", "echo hunter2; exit 1");
    let helpers = r#"{"credsStore":"fake","credHelpers":{"sad.example":"sad","up.example":"../../bin/sh","gone.example":"gone"}}"#;
    home.write(".docker/config.json", helpers);
    assert_eq!(home.found(Kind::Oci, "ghcr.io"), is("ada:hunter2 from docker-credential-fake"));
    assert_eq!(home.found(Kind::Oci, "azure.example"), is("refresh hunter2 from docker-credential-fake"));
    assert_eq!(home.found(Kind::Oci, "docker.io"), None);
    assert_eq!(home.found(Kind::Oci, "http://ghcr.io"), None, "not in plain text over the network");
    let asked = std::fs::read_to_string(home.dir.path().join("asked")).expect("asked");
    assert_eq!(asked, "ghcr.io\nazure.example\nhttps://index.docker.io/v1/\n");
    for url in ["odd.example", "sad.example", "up.example", "gone.example"] {
        home.fails(Kind::Oci, url);
    }
    // A helper that is not installed is in the way only of what was given to it.
    home.write(".docker/config.json", r#"{"credsStore":"desktop.exe","auths":{"mine.example":{}}}"#);
    assert_eq!(home.found(Kind::Oci, "public.example"), None);
    home.fails(Kind::Oci, "mine.example");
}

#[test]
fn damaged_files_are_told_and_bound() {
    let home = Home::new();
    let oci = |text: &[u8]| {
        home.write(".docker/config.json", text);
        home.fails(Kind::Oci, "ghcr.io")
    };
    assert!(oci(b"{\"auths\": hunter2").contains("does not read, at 1:"));
    oci(b"\xff\xfe");
    oci(format!("{{\"x\":\"{}\"}}", "y".repeat(2 << 20)).as_bytes());
    oci(b"{\"auths\":{\"ghcr.io\":{\"auth\":\"hunter2!\"}}}");
    oci(b"{\"auths\":{\"ghcr.io\":{\"auth\":12345}}}");
    oci(b"{\"auths\":\"hunter2\"}");
    std::fs::remove_file(home.dir.path().join(".docker/config.json")).expect("removed");
    std::os::unix::fs::symlink("/dev/zero", home.dir.path().join(".docker/config.json")).expect("linked");
    assert!(home.fails(Kind::Oci, "ghcr.io").contains("it is no file"));
    std::fs::remove_file(home.dir.path().join(".docker/config.json")).expect("removed");
    home.write("real.json", format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{BOTH}"}}}}}}"#));
    std::os::unix::fs::symlink(home.dir.path().join("real.json"), home.dir.path().join(".docker/config.json"))
        .expect("");
    assert_eq!(home.found(Kind::Oci, "ghcr.io"), is("ada:hunter2 from ~/.docker/config.json"), "people link dot files");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_file_is_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..400), text in "[\\[\\]={}\":\\n a-z#\\\\]{0,300}") {
        let home = Home::new();
        home.set("MLFLOW_TRACKING_URI", "https://h");
        for content in [&bytes[..], text.as_bytes()] {
            for path in [".docker/config.json", ".netrc", ".mlflow/credentials", ".ray/auth_token", "data/secrets.json"] {
                home.write(path, content);
            }
            let secrets = home.secrets();
            for (kind, url) in [(Kind::Mlflow, "https://h"), (Kind::Oci, "https://h"), (Kind::Ray, "http://localhost:8265")] {
                let _ = secrets.lookup(&place(kind, url, None));
            }
            let _ = secrets.list();
            std::fs::remove_file(home.dir.path().join("data/secrets.json")).expect("removed");
            for (kind, url) in [(Kind::Mlflow, "https://h"), (Kind::Oci, "https://h"), (Kind::Ray, "http://localhost:8265")] {
                let _ = secrets.lookup(&place(kind, url, None));
            }
        }
    }
}

#[test]
fn what_a_person_stored_comes_first_and_for_that_origin_only() {
    let home = Home::new();
    home.set("MLFLOW_TRACKING_URI", "https://h").set("MLFLOW_TRACKING_TOKEN", "other");
    let secrets = home.secrets();
    let ada = place(Kind::Mlflow, "https://h/x", Some("ada"));
    assert_eq!(secrets.store(&ada, &Secret::new("hunter2")).expect("stored"), Where::Keychain);
    assert_eq!(told(&secrets, Kind::Mlflow, "https://h"), is("ada:hunter2 from Signalbox, in the system's keychain"));
    for (kind, url) in [(Kind::Mlflow, "http://h"), (Kind::Mlflow, "https://h:8443"), (Kind::V2, "https://h")] {
        assert_eq!(secrets.lookup(&place(kind, url, None)).expect("no failure"), None, "{url}");
    }
    // What another Signalbox has stored for a kind that this one does not know is passed over.
    let index = home.dir.path().join("data/secrets.json");
    let rows = std::fs::read_to_string(&index).expect("rows");
    let other = r#"[{"kind":"later","origin":"https://h","account":null,"at":"vault","stored_unix_ms":1},"#;
    std::fs::write(&index, rows.replacen('[', other, 1)).expect("written");
    let kept = secrets.list().expect("listed");
    assert_eq!(kept.iter().map(|kept| &kept.place).collect::<Vec<_>>(), [&ada]);
    assert!(!format!("{kept:?}").contains("hunter2"));

    home.keychain.fail(KeychainError::Locked);
    let e = secrets.lookup(&place(Kind::Mlflow, "https://h", None)).expect_err("another's is not used instead");
    assert!(e.message.contains("locked"), "{e}");
    let source = secrets.source(&place(Kind::Mlflow, "https://h", None)).expect("known without it").expect("stored");
    assert_eq!((source.from.as_str(), source.user.as_deref()), (Where::Keychain.title(), Some("ada")));
    assert!(secrets.forget(&ada).is_err(), "it is still there");
    home.keychain.fail(None);
    // Somebody has removed it from the keychain.
    home.keychain.kept.lock().expect("not poisoned").clear();
    let e = secrets.lookup(&place(Kind::Mlflow, "https://h", None)).expect_err("another's is not used instead");
    assert!(e.message.contains("not there any more") && e.hint.expect("a hint").contains("Store it anew"));
    secrets.forget(&ada).expect("forgotten");
    assert_eq!(home.keychain.kept.lock().expect("not poisoned").len(), 0);
    let found = secrets.lookup(&place(Kind::Mlflow, "https://h", None)).expect("read").expect("found");
    assert_eq!(found.from, "MLFLOW_TRACKING_TOKEN");
}

#[test]
fn without_a_keychain_there_is_the_vault_and_never_plain_text() {
    let home = Home::new();
    let at = place(Kind::Prometheus, "http://h:9090", None);
    let secrets = home.secrets_with(KeychainAt::Absent);
    let e = secrets.store(&at, &Secret::new("hunter2")).expect_err("nowhere to keep it");
    assert!(e.hint.expect("a hint").contains("vault"));
    secrets.make_vault(&Secret::new("long enough")).expect("made");
    for odd in ["", "two words", "a\r\nHost: evil", "é"] {
        assert!(secrets.store(&at, &Secret::new(odd)).is_err(), "{odd:?} is no token");
    }
    assert_eq!(secrets.store(&at, &Secret::new("hunter2")).expect("stored"), Where::Vault);
    assert_eq!(told(&secrets, Kind::Prometheus, "http://h:9090"), is("hunter2 from Signalbox's vault"));
    let again = home.secrets_with(KeychainAt::Absent);
    assert_eq!(again.vault(), VaultState::Locked);
    assert!(again.lookup(&at).expect_err("locked").hint.expect("a hint").contains("Unlock"));

    let file = home.dir.path().join("passphrase");
    home.write("passphrase", "long enough\n").set("SIGNALBOX_VAULT_PASSPHRASE_FILE", &file.display().to_string());
    home.mode(&file, 0o640);
    assert!(again.lookup(&at).expect_err("open to others").message.contains("can read it"));
    home.mode(&file, 0o600);
    assert_eq!(told(&again, Kind::Prometheus, "http://h:9090"), is("hunter2 from Signalbox's vault"));
    std::fs::remove_file(home.dir.path().join("data/secrets.json")).expect("removed");
    again.unlock_vault(&Secret::new("long enough")).expect("opened");
    assert_eq!(again.list().expect("listed").len(), 1, "a vault from elsewhere tells what it holds");
}

#[test]
fn a_token_that_was_renewed_is_taken_at_the_next_refusal() {
    let home = Home::new();
    home.write(".ray/auth_token", "old");
    let secrets = Arc::new(home.secrets());
    let ray = auth_for(&secrets, place(Kind::Ray, "http://localhost:8265", None));
    assert_eq!(ray.auth(), Ok(bearer("old")));
    home.write(".ray/auth_token", "new");
    assert_eq!(ray.auth(), Ok(bearer("old")), "remembered for a while");
    ray.refused();
    assert_eq!(ray.auth(), Ok(bearer("new")));
    secrets.store(&place(Kind::Ray, "http://localhost:8265", None), &Secret::new("stored")).expect("stored");
    assert_eq!(ray.auth(), Ok(bearer("stored")), "what is stored holds at once");
    home.keychain.fail(KeychainError::Hangs);
    ray.refused();
    assert!(ray.auth().is_err(), "nothing is sent");
}
