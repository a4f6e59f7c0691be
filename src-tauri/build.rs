//! Declares the window's commands, so that each needs a grant (`capabilities/main.json`), and embeds the page.

use std::path::Path;

fn main() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/dist/index.html");
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
