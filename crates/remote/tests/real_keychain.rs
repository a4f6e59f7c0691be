//! Beside a real Secret Service: gnome-keyring on a D-Bus session of its own, in a home of its own.
//!
//! The keyring's address is in the environment of the process, so each test runs itself again in a session, and looks
//! whether that went well.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use signalbox_remote::{
    Auth, KeychainAt, KeychainLimits, Kind, Place, Secret, Secrets, SecretsAt, SystemKeychain, VaultState, Where,
};

const INSIDE: &str = "SIGNALBOX_TEST_INSIDE";
const HOME: &str = "SIGNALBOX_TEST_HOME";
const LIMIT: Duration = Duration::from_secs(120);

/// A process group that ends with the test.
struct Group(Child);

impl Group {
    fn start(command: &mut Command) -> Group {
        Group(command.process_group(0).spawn().expect("it starts; gnome-keyring and dbus-daemon are needed"))
    }

    fn ends_well(&mut self) -> bool {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.0.try_wait().expect("it is ours") {
                return status.success();
            }
            assert!(Instant::now() < end, "not within {LIMIT:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = rustix::process::Pid::from_raw(self.0.id().cast_signed()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

/// Runs `test` of this file again, as `part`, in a session of its own.
fn again(test: &str, part: &str, home: &Path, with_bus: bool) {
    let own = std::env::current_exe().expect("a program");
    let mut command = if with_bus { Command::new("dbus-run-session") } else { Command::new(&own) };
    if with_bus {
        command.arg("--").arg(&own);
    }
    let run = home.join("run");
    std::fs::create_dir_all(&run).expect("made");
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(INSIDE, part).env(HOME, home).env("HOME", home).env("XDG_RUNTIME_DIR", &run);
    for name in ["DBUS_SESSION_BUS_ADDRESS", "XDG_DATA_HOME", "DISPLAY", "WAYLAND_DISPLAY", "GNOME_KEYRING_CONTROL"] {
        command.env_remove(name);
    }
    assert!(Group::start(&mut command).ends_well(), "{test}, {part}");
    assert!(home.join(part).exists(), "it ran: {part}");
}

/// Which part runs inside, and where.
fn inside() -> Option<(String, std::path::PathBuf)> {
    let part = std::env::var(INSIDE).ok()?;
    let home = std::path::PathBuf::from(std::env::var_os(HOME).expect("set with it"));
    std::fs::write(home.join(&part), "").expect("written");
    Some((part, home))
}

fn keyring() -> Group {
    let mut command = Command::new("gnome-keyring-daemon");
    command.args(["--foreground", "--unlock", "--components=secrets"]);
    let mut daemon = Group::start(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()));
    std::io::Write::write_all(&mut daemon.0.stdin.take().expect("piped"), b"test").expect("written");
    // Asking for the keyring before it has its name would make the bus start another, which nobody unlocks.
    let ask = ["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner"];
    let end = Instant::now() + LIMIT;
    loop {
        let said = Command::new("dbus-send").args(ask).arg("string:org.freedesktop.secrets").output().expect("it runs");
        if String::from_utf8_lossy(&said.stdout).contains("boolean true") {
            return daemon;
        }
        assert!(Instant::now() < end, "no keyring on the bus");
        thread::sleep(Duration::from_millis(50));
    }
}

fn secrets(home: &Path, secs: u64) -> Secrets {
    let limit = Duration::from_secs(secs);
    let limits = KeychainLimits { read: limit, write: limit, pause: Duration::from_secs(600) };
    Secrets::new(SecretsAt {
        folder: home.join("data"),
        keychain: KeychainAt::Given(Arc::new(SystemKeychain::new("Signalbox tests")), limits),
        home: None,
        environment: Arc::new(|_| None),
    })
}

fn place() -> Place {
    Place::new(Kind::Mlflow, "https://ml.example:8443/x", Some("ada")).expect("a place")
}

fn password() -> Auth {
    Auth::Basic { user: "ada".into(), password: Secret::new("hunter2 é") }
}

fn store_in_keyring(home: &Path) -> Group {
    let daemon = keyring();
    let at = secrets(home, 60).store(&place(), &Secret::new("hunter2 é")).expect("stored");
    assert_eq!(at, Where::Keychain);
    daemon
}

#[test]
fn the_secret_service_keeps_and_gives_back() {
    if let Some((_, home)) = inside() {
        let _daemon = store_in_keyring(&home);
        let other = secrets(&home, 60);
        assert_eq!(other.keychain(), Ok(()));
        let found = other.lookup(&place()).expect("read").expect("stored");
        assert_eq!((found.auth, found.from.as_str()), (password(), Where::Keychain.title()));
        assert_eq!(other.store(&place(), &Secret::new("second")).expect("stored"), Where::Keychain);
        let began = Instant::now();
        other.lookup(&place()).expect("read").expect("stored");
        println!("a reading took {:?}", began.elapsed());
        other.forget(&place()).expect("forgotten");
        assert_eq!(other.lookup(&place()), Ok(None));
        assert_eq!(other.vault(), VaultState::Missing, "nothing went elsewhere");
        return;
    }
    let home = tempfile::tempdir().expect("a folder");
    again("the_secret_service_keeps_and_gives_back", "whole", home.path(), true);
}

#[test]
fn without_a_bus_there_is_the_vault() {
    if let Some((_, home)) = inside() {
        let secrets = secrets(&home, 60);
        assert!(secrets.keychain().expect_err("no bus").message.contains("no keychain"));
        let e = secrets.store(&place(), &Secret::new("hunter2 é")).expect_err("no vault yet");
        assert!(e.hint.expect("a hint").contains("vault"));
        secrets.make_vault(&Secret::new("long enough")).expect("made");
        assert_eq!(secrets.store(&place(), &Secret::new("hunter2 é")).expect("stored"), Where::Vault);
        assert_eq!(secrets.lookup(&place()).expect("read").expect("stored").auth, password());
        return;
    }
    let home = tempfile::tempdir().expect("a folder");
    again("without_a_bus_there_is_the_vault", "whole", home.path(), false);
}

#[test]
fn a_locked_keyring_is_told_in_time() {
    match inside() {
        Some((part, home)) if part == "unlocked" => drop(store_in_keyring(&home)),
        Some((_, home)) => {
            // The bus starts the keyring itself, and nobody unlocks it.
            let secrets = secrets(&home, 2);
            let began = Instant::now();
            let e = secrets.lookup(&place()).expect_err("locked");
            println!("{e} after {:?}", began.elapsed());
            assert!(e.message.contains("locked") && e.hint.expect("a hint").contains("Unlock"), "{}", e.message);
            assert!(began.elapsed() < LIMIT / 2);
            secrets.make_vault(&Secret::new("long enough")).expect("made");
            assert_eq!(secrets.store(&place(), &Secret::new("hunter2 é")).expect("stored"), Where::Vault);
            assert_eq!(secrets.lookup(&place()).expect("read").expect("stored").auth, password());
        }
        None => {
            let home = tempfile::tempdir().expect("a folder");
            for part in ["unlocked", "locked"] {
                again("a_locked_keyring_is_told_in_time", part, home.path(), true);
            }
        }
    }
}
