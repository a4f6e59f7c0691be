//! The one window: how it looks before the page does, and where it may not go.

use std::path::Path;
use std::thread;

use signalbox_app::App;
use tauri::webview::{Color, NewWindowResponse};
use tauri::{
    AppHandle, DragDropEvent, Manager, Theme, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent,
};

use crate::timing;

/// The label that `capabilities/main.json` grants commands to.
const LABEL: &str = "main";

/// Opens the window at `address`, a path below the page with its fragment.
pub fn build(handle: &AppHandle, app: &App, address: &str, data_dir: &Path) -> tauri::Result<()> {
    let chosen = chosen_theme(app);
    let mut builder = WebviewWindowBuilder::new(handle, LABEL, WebviewUrl::App(address.into()))
        .title("Signalbox")
        .inner_size(1440.0, 900.0)
        .min_inner_size(900.0, 600.0)
        .data_directory(data_dir.join("webview"))
        .theme(chosen)
        .visible(false)
        .on_navigation(is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_, _| false);
    if let Some(theme) = chosen {
        // The page asks for the preference only after its first paint.
        let script =
            format!("if (document.documentElement) document.documentElement.dataset.theme = '{}';", name(theme));
        builder = builder.initialization_script(script);
    }
    if timing::wanted() {
        builder = builder.initialization_script(timing::SCRIPT);
    }
    let window = builder.build()?;
    let theme = chosen.or_else(|| window.theme().ok()).unwrap_or(Theme::Dark);
    window.set_background_color(Some(background(theme)))?;
    console(&window)?;
    take_dropped_folders(&window, app.clone());
    window.show()
}

/// Shows the window to a person who asked for it again.
pub fn raise(handle: &AppHandle) {
    if let Some(window) = handle.get_webview_window(LABEL) {
        // What a window manager refuses is not worth a word.
        let _ = window.unminimize();
        let _ = window.set_focus();
    }
}

/// The page, and nothing else: neither a link nor a script leads the window away.
fn is_ours(url: &Url) -> bool {
    if cfg!(windows) {
        url.scheme() == "http" && url.host_str() == Some("tauri.localhost") && url.port().is_none()
    } else {
        url.scheme() == "tauri" && url.host_str() == Some("localhost")
    }
}

/// `None`: the system's.
fn chosen_theme(app: &App) -> Option<Theme> {
    let pref = app.call("get_pref", serde_json::json!({ "key": "theme" })).ok()?;
    match pref["value"].as_str()? {
        "dark" => Some(Theme::Dark),
        "light" => Some(Theme::Light),
        _ => None,
    }
}

/// As the page and the tokens call it.
fn name(theme: Theme) -> &'static str {
    if theme == Theme::Light { "light" } else { "dark" }
}

/// The page's own, so that nothing flashes before it paints.
fn background(theme: Theme) -> Color {
    let tokens: serde_json::Value =
        serde_json::from_str(include_str!("../../assets/tokens.json")).expect("BUG: assets/tokens.json is JSON");
    let hex = tokens["themes"][name(theme)]["bg"].as_str().expect("BUG: each theme has a background");
    let [_, r, g, b] =
        u32::from_str_radix(hex.trim_start_matches('#'), 16).expect("BUG: a colour like #1a2b3c").to_be_bytes();
    Color(r, g, b, 255)
}

fn take_dropped_folders(window: &WebviewWindow, app: App) {
    window.on_window_event(move |event| {
        if let WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) = event {
            let (app, paths) = (app.clone(), paths.clone());
            thread::spawn(move || app.open_paths(&paths));
        }
    });
}

/// The page's console on stdout, for tests: a blank window is silent otherwise.
#[cfg(target_os = "linux")]
fn console(window: &WebviewWindow) -> tauri::Result<()> {
    use webkit2gtk::{SettingsExt, WebViewExt};
    if std::env::var_os("SIGNALBOX_CONSOLE").is_none() {
        return Ok(());
    }
    window.with_webview(|webview| {
        if let Some(settings) = webview.inner().settings() {
            settings.set_enable_write_console_messages_to_stdout(true);
        }
    })
}

#[cfg(not(target_os = "linux"))]
fn console(_: &WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_stays_on_its_page() {
        let at = |text: &str| is_ours(&text.parse().expect("an address"));
        #[cfg(not(windows))]
        assert!(at("tauri://localhost/index.html#/p/1/runs"));
        for other in [
            "http://127.0.0.1:4100/",
            "https://example.org",
            "tauri://evil/",
            "file:///etc/passwd",
            "data:text/html,x",
            "about:blank",
            "javascript:1",
        ] {
            assert!(!at(other), "{other}");
        }
    }

    #[test]
    fn each_theme_has_its_background() {
        assert_ne!(background(Theme::Dark), background(Theme::Light));
    }
}
