//! The system's own dialogs. The page cannot open them: it asks the app, which asks here.

use std::path::PathBuf;

use signalbox_app::Desktop;
use tauri::AppHandle;
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
}

fn local(chosen: Option<FilePath>) -> Option<PathBuf> {
    chosen?.into_path().ok()
}
