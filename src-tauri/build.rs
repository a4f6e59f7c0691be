//! Declares the window's commands, so that each needs a grant (`capabilities/main.json`), and embeds the page.

use std::path::Path;
use std::process::Command;

fn main() {
    link_slow_library_early();
    // Asked when it runs: a clone elsewhere, with the same target folder, may have built this script.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").expect("BUG: cargo says where the crate is");
    let page = Path::new(&here).join("../ui/dist/index.html");
    if !page.exists() {
        println!("cargo::rerun-if-changed={}", page.display());
        println!(
            "cargo::error=the page is not built: {} is missing. Run `make` (or `npm ci && npm run build` in ui/).",
            page.display()
        );
        return;
    }
    let commands = tauri_build::AppManifest::new().commands(&["call", "frame", "blob", "subscribe"]);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands)).expect("tauri.conf.json is in order");
}

/// Names a library of WebKit's among the program's own, so that the loader searches it early: see
/// `src/environment.rs`. Only where the WebKit that is linked needs it itself: the program then needs nothing more.
fn link_slow_library_early() {
    const SLOW: &str = "libflite_cmu_time_awb.so.1";
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    let printed = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let needs = printed("pkg-config", &["--variable=libdir", "webkit2gtk-4.1"])
        .and_then(|folder| printed("ldd", &[&format!("{folder}/libwebkit2gtk-4.1.so")]));
    let found = |line: &str| line.trim_start().starts_with(SLOW) && !line.contains("not found");
    if needs.is_some_and(|libraries| libraries.lines().any(found)) {
        println!("cargo::rustc-link-arg-bins=-Wl,--push-state,--no-as-needed,-l:{SLOW},--pop-state");
    }
}
