//! Arrows between our crates point down only, and each outside crate has one owner among ours
//! (ARCHITECTURE.md, "Who depends on whom").

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What each crate may use of ours.
const ALLOWED: [(&str, &[&str]); 19] = [
    ("types", &[]),
    ("gitobjects", &[]),
    ("series", &["types"]),
    ("formats", &["types", "gitobjects"]),
    ("worktree", &["types", "gitobjects"]),
    ("filter", &[]),
    ("drift", &["types"]),
    ("engines", &["drift"]),
    ("plot", &["types", "series"]),
    ("store", &["types", "series"]),
    ("watch", &["types", "formats", "store"]),
    ("release", &["types", "store"]),
    ("remote", &["release"]),
    ("keeper", &["release"]),
    (
        "app",
        &[
            "types", "series", "formats", "store", "watch", "filter", "plot", "drift", "engines", "release", "keeper",
            "remote", "worktree",
        ],
    ),
    ("server", &["app"]),
    ("cli", &["app", "server", "engines"]),
    ("desktop", &["app"]),
    ("bench", &["types", "store", "app", "testkit"]),
];

/// Who may use an outside crate that shapes what stands on it.
const OWNERS: [(&str, &[&str]); 18] = [
    ("tauri", &["desktop"]),
    ("rusqlite", &["store", "formats"]),
    ("gix-odb", &["gitobjects"]),
    ("notify", &["watch"]),
    ("axum", &["server"]),
    ("plotters", &["plot"]),
    ("pco", &["series"]),
    ("arrow", &["drift", "engines"]),
    ("parquet", &["drift"]),
    ("statrs", &["drift"]),
    ("postcard", &["drift"]),
    ("tokio", &["server", "keeper", "cli", "desktop", "remote", "engines"]),
    ("hyper", &["keeper"]),
    ("reqwest", &["remote", "engines"]),
    ("tokio-postgres", &["engines"]),
    ("apache-spark-connect", &["engines"]),
    ("keyring-core", &["remote"]),
    ("clap", &["cli"]),
];

/// Our crates' direct dependencies (build and normal, not dev), names without the prefix.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let short = |v: &serde_json::Value| {
        let name = v["name"].as_str().expect("a name");
        name.strip_prefix("signalbox-").unwrap_or(name).to_owned()
    };
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().expect("dependencies");
            let used = all.iter().filter(|d| d["kind"] != "dev").map(short).collect();
            (short(package), used)
        })
        .collect()
}

#[test]
fn arrows_point_down() {
    let ours: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    for (name, used) in dependencies() {
        if name == "testkit" {
            continue;
        }
        let Some(allowed) = ours.get(name.as_str()) else { panic!("{name} is on no floor: add it to ALLOWED") };
        for other in used.iter().filter(|u| ours.contains_key(u.as_str()) || *u == "testkit") {
            assert!(allowed.contains(&other.as_str()), "{name} may not use {other}");
        }
    }
}

#[test]
fn outside_crates_have_owners() {
    for (name, used) in dependencies() {
        for (outside, owners) in OWNERS {
            let stands_on = used.iter().any(|u| u == outside);
            assert!(!stands_on || owners.contains(&name.as_str()), "{name} may not use {outside}");
        }
    }
}
