//! Lock files, and secrets in what is kept.

use std::fs;

use signalbox_worktree::{LockState, Shown, capture};

use crate::world::{World, limits};

#[test]
fn lock_files_of_the_project_and_of_the_repository() {
    let world = World::with(&[
        ("uv.lock", "version = 1\n"),
        ("requirements-dev.txt", "pytest==8\n"),
        ("train/Pipfile.lock", "{}\n"),
        ("other/poetry.lock", "x\n"),
        (".gitignore", "pixi.lock\n"),
    ]);
    world.put("requirements-dev.txt", "pytest==9\n--index-url https://me:pw@host/simple\n");
    world.put("train/environment.yml", "name: a\nvariables:\n  HF_TOKEN: abc\n");
    world.put("pixi.lock", vec![b'x'; (1 << 20) + 1]);
    let snapshot = capture(&world.path("train"), &limits()).unwrap().unwrap();
    assert_eq!(snapshot.folder, "train");
    let told: Vec<_> = snapshot
        .locks
        .iter()
        .map(|lock| (lock.path.as_str(), lock.state, lock.content.as_deref(), lock.is_redacted))
        .collect();
    let index = "pytest==9\n--index-url [redacted by Signalbox]\n";
    let environment = "name: a\nvariables:\n  HF_TOKEN: [redacted by Signalbox]\n";
    assert_eq!(
        told,
        [
            ("pixi.lock", LockState::Untracked, None, false),
            ("requirements-dev.txt", LockState::Changed, Some(index), true),
            ("train/Pipfile.lock", LockState::Committed, None, false),
            ("train/environment.yml", LockState::Untracked, Some(environment), true),
            ("uv.lock", LockState::Committed, None, false),
        ]
    );
    let sum = std::process::Command::new("sha256sum").arg(world.path("uv.lock")).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    assert_eq!(snapshot.locks[4].sha256.as_deref(), Some(&sum[..64]));
    assert_eq!(snapshot.locks[0].bytes, (1 << 20) + 1);
}

#[test]
fn no_secret_is_kept() {
    let body = "import os\nlr = 0.1\n";
    let world = World::with(&[("train.py", body), (".env", "A=1\n"), ("conf.yaml", "lr: 1\n"), ("id_rsa", "x\n")]);
    let secrets = ["hunter2hunter2", "hf_0123456789abcdefghij", "s3cr3t-of-env"];
    world.put("train.py", format!("{body}API_KEY = \"{}\"\nlogin(\"{}\")\n", secrets[0], secrets[1]));
    world.put("conf.yaml", format!("lr: 1\npassword: {}\n", secrets[0]));
    world.put(".env", format!("DB={}\n", secrets[2]));
    world.put("id_rsa", secrets[2]);
    world.put("prod.key", secrets[2]);
    fs::create_dir(world.path("new")).unwrap();
    world.put("new/credentials.json", secrets[2]);
    world.git(&["add", "new", "prod.key"]);
    let snapshot = world.check_status();
    let shown: Vec<_> = snapshot.changes.iter().map(|c| (c.path.as_str(), c.shown)).collect();
    assert_eq!(
        shown,
        [
            (".env", Shown::Secret),
            ("conf.yaml", Shown::Redacted),
            ("id_rsa", Shown::Secret),
            ("new/credentials.json", Shown::Secret),
            ("prod.key", Shown::Secret),
            ("train.py", Shown::Redacted),
        ]
    );
    let patch = snapshot.patch.as_ref().unwrap();
    assert!(!patch.is_whole);
    assert!(patch.text.contains("# train.py: values that look like secrets are replaced; this part does not apply\n"));
    assert!(patch.text.contains("\n+API_KEY = \"[redacted by Signalbox]\"\n+login(\"[redacted by Signalbox]\")\n"));
    let all = serde_json::to_string(&snapshot).unwrap();
    for secret in secrets {
        assert!(!all.contains(secret), "{secret}");
    }
    // A secret that is removed is as secret as it was.
    world.commit("hf_0123456789abcdefghij");
    world.put("train.py", body);
    let snapshot = world.check_status();
    assert_eq!(snapshot.commit.as_ref().unwrap().title, None);
    let all = serde_json::to_string(&snapshot).unwrap();
    for secret in secrets {
        assert!(!all.contains(secret), "{secret}");
    }
}
