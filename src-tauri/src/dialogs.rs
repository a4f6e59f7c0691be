//! The system's own dialogs. The page cannot open them: it asks the app, which asks here.

use std::path::PathBuf;

use signalbox_app::Desktop;
use tauri::{AppHandle, Manager};
use tauri_plugin_dialog::{DialogExt, FilePath};

/// Blocking: never called on the window's own thread, as commands run on others.
pub struct Dialogs(pub AppHandle);

impl Desktop for Dialogs {
    fn pick_folder(&self) -> Option<PathBuf> {
        local(self.0.dialog().file().set_title("Open a project folder").blocking_pick_folder())
    }

    fn save_file(&self, suggested: &str) -> Option<PathBuf> {
        local(self.0.dialog().file().set_title("Save").set_file_name(suggested).blocking_save_file())
    }

    /// Whoever has the window before them sees the notice in it. A desktop without notifications is none that fails.
    fn notify(&self, title: &str, body: &str) {
        let is_seen = self.0.webview_windows().values().any(|window| window.is_focused().unwrap_or(false));
        if is_seen {
            return;
        }
        let (title, body) = (title.to_owned(), body.to_owned());
        // The bus may take its time.
        std::thread::spawn(move || {
            let mut note = notify_rust::Notification::new();
            note.appname("Signalbox").summary(&title).body(&body).icon("signalbox");
            if let Err(e) = note.show() {
                eprintln!("signalbox-desktop: no desktop notification: {e}");
            }
        });
    }
}

fn local(chosen: Option<FilePath>) -> Option<PathBuf> {
    chosen?.into_path().ok()
}
