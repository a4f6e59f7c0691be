//! Secrets through the app's commands: they go in, and never come out.

use serde_json::{Value, json};
use signalbox_app::{App, ErrorCode, KeychainAt, Options, Secrets, SecretsAt};
use std::path::Path;
use std::sync::Arc;

const SECRET: &str = "hunter2-correct-horse";
const PASSPHRASE: &str = "battery staple";

/// An app whose only keeper of secrets is the vault in its folder.
fn app(data: &Path) -> App {
    let app = App::open(Options::alone(data, "test")).expect("the app opens");
    app.use_secrets(Secrets::new(SecretsAt {
        folder: data.to_owned(),
        keychain: KeychainAt::Absent,
        home: None,
        environment: Arc::new(|_| None),
    }));
    app
}

fn store(secret: &Value) -> Value {
    json!({ "kind": "mlflow", "url": "https://ml.example/x", "user": "ada", "secret": secret })
}

#[test]
fn what_is_stored_is_listed_and_never_told() {
    let data = tempfile::tempdir().expect("a folder");
    let app = app(data.path());
    let events = app.subscribe();
    let mut told = String::new();
    let mut call = |name: &str, args: Value| {
        let answer = app.call(name, args);
        told.push_str(&format!("{answer:?}"));
        answer
    };

    assert_eq!(call("secrets", json!({})).expect("listed")["vault"], "missing");
    let e = call("store_secret", store(&json!(SECRET))).expect_err("nowhere to keep it");
    assert_eq!(e.code, ErrorCode::Remote);
    assert!(e.hint.expect("a hint").contains("vault"));
    let all: Vec<_> =
        std::fs::read_dir(data.path()).expect("listed").flatten().map(|entry| entry.file_name()).collect();
    assert!(all.iter().all(|name| name != "secrets.json" && name != "vault"), "{all:?}");

    assert_eq!(call("make_vault", json!({ "passphrase": "short" })).expect_err("weak").code, ErrorCode::Refused);
    call("make_vault", json!({ "passphrase": PASSPHRASE })).expect("made");
    assert_eq!(call("store_secret", store(&json!(SECRET))).expect("stored"), json!({ "at": "vault" }));
    let view = call("secrets", json!({})).expect("listed");
    assert_eq!(view["vault"], "open");
    assert_eq!(view["keychain"]["message"], "There is no keychain here.");
    let kept = &view["kept"][0];
    assert_eq!(
        (&kept["origin"], &kept["user"], &kept["at"]),
        (&json!("https://ml.example"), &json!("ada"), &json!("vault"))
    );

    call("lock_vault", json!({})).expect("locked");
    assert_eq!(call("secrets", json!({})).expect("listed")["vault"], "locked");
    call("unlock_vault", json!({ "passphrase": SECRET })).expect_err("another passphrase");
    call("store_secret", store(&json!(SECRET))).expect_err("locked");
    call("unlock_vault", json!({ "passphrase": PASSPHRASE })).expect("opened");

    // What is no text, or in the wrong field, is not repeated either.
    for odd in [json!([SECRET]), json!({ SECRET: 1 }), json!(null)] {
        call("store_secret", store(&odd)).expect_err("no text");
        call("unlock_vault", json!({ "passphrase": odd })).expect_err("no text");
    }
    for (kind, url) in [(SECRET, "https://h"), ("mlflow", SECRET), ("mlflow", &format!("ftp://ada:{SECRET}@h"))] {
        let args = json!({ "kind": kind, "url": url, "secret": SECRET });
        call("store_secret", args).expect_err("no such place");
    }
    let place = json!({ "kind": "mlflow", "url": format!("https://ada:{SECRET}@ml.example"), "user": "ada" });
    let mut stored = place.clone();
    stored["secret"] = json!(SECRET);
    call("store_secret", stored).expect("stored, without what the address holds");

    let audit = call("audit_trail", json!({ "from": 1 })).expect("read");
    assert!(audit.to_string().contains("store secret"), "{audit}");
    call("forget_secret", place.clone()).expect("forgotten");
    assert_eq!(call("secrets", json!({})).expect("listed")["kept"], json!([]));
    assert_eq!(call("forget_secret", place).expect_err("gone").code, ErrorCode::NotFound);

    app.shutdown();
    for event in events.try_iter() {
        told.push_str(&event);
    }
    assert!(!told.contains(SECRET) && !told.contains(PASSPHRASE), "{told}");
    for entry in std::fs::read_dir(data.path()).expect("listed").flatten().filter(|entry| entry.path().is_file()) {
        let bytes = std::fs::read(entry.path()).expect("read");
        let has = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!has(SECRET) && !has(PASSPHRASE), "{}", entry.path().display());
    }
}
