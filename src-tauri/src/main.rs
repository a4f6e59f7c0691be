//! The desktop shell: a window on [`signalbox_app::App`]. Carries names, JSON and bytes; decides nothing.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod arguments;
mod bridge;
mod dialogs;
mod environment;
mod timing;
mod window;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use arguments::{Arguments, Asked};
use signalbox_app::{App, CallError, Options};
use tauri::{AppHandle, Manager, RunEvent};
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};
use tauri_plugin_window_state::StateFlags;

fn main() -> ExitCode {
    // A keeper is this program without a window.
    if let Some(code) = signalbox_app::keep_if_asked(std::env::args_os()) {
        return code;
    }
    environment::prepare();
    timing::mark("main");
    let arguments = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(Asked::Run(arguments)) => arguments,
        Ok(Asked::Print(text)) => {
            println!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("signalbox-desktop: {message}\n\n{}", arguments::HELP);
            return ExitCode::from(2);
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("signalbox-desktop: the window cannot be opened: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> tauri::Result<()> {
    let mut builder = tauri::Builder::default();
    // Tests run several at once, each for itself and without memory of where its window was.
    if std::env::var_os("SIGNALBOX_MULTI").is_none() {
        builder = builder.plugin(single_instance(&arguments)).plugin(
            tauri_plugin_window_state::Builder::new()
                .with_filename(arguments.data_dir.join("window.json").to_string_lossy())
                .with_state_flags(
                    StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED | StateFlags::FULLSCREEN,
                )
                .build(),
        );
    }
    let app = builder
        .plugin(tauri_plugin_dialog::init())
        .invoke_handler(tauri::generate_handler![bridge::call, bridge::frame, bridge::blob, bridge::subscribe])
        .setup(move |tauri| {
            timing::mark("set-up");
            match open_app(tauri.handle(), arguments.data_dir.clone()) {
                Ok(app) => {
                    let (address, later) = open_folders(&app, &arguments.folders);
                    timing::mark("store-open");
                    tauri.manage(bridge::Bridge::new(app.clone(), later));
                    window::build(tauri.handle(), &app, &address, &arguments.data_dir)?;
                    timing::mark("window");
                }
                Err(e) => say_and_exit(tauri.handle().clone(), &e),
            }
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run(|tauri, event| {
        if let RunEvent::Exit = event
            && let Some(bridge) = tauri.try_state::<bridge::Bridge>()
        {
            bridge.app.shutdown();
        }
    });
    Ok(())
}

fn open_app(handle: &AppHandle, data_dir: PathBuf) -> Result<App, CallError> {
    App::open(Options {
        data_dir,
        demo_path: environment::demo_path(),
        version: env!("CARGO_PKG_VERSION"),
        desktop: Some(Box::new(dialogs::Dialogs(handle.clone()))),
        force_polling: std::env::var_os("SIGNALBOX_POLL").is_some(),
        keeper: signalbox_app::own_program(),
    })
}

/// Opens the folders of the command line. Gives the page's address, at the last of them, and the folders that are
/// for the app to open once a page listens: those that it refused, so that it says why, and those whose names are no
/// Unicode, which no command's arguments can hold.
fn open_folders(app: &App, folders: &[PathBuf]) -> (String, Vec<PathBuf>) {
    let mut address = "index.html".to_owned();
    let mut later = Vec::new();
    for folder in folders {
        let opened = folder.to_str().map(|path| app.call("open_project", serde_json::json!({ "path": path })));
        match opened {
            Some(Ok(project)) => address = format!("index.html#/p/{}/runs", project["id"]),
            Some(Err(_)) | None => later.push(folder.clone()),
        }
    }
    (address, later)
}

/// The second start of the program hands its folders to the first and ends.
fn single_instance(arguments: &Arguments) -> tauri::plugin::TauriPlugin<tauri::Wry> {
    tauri_plugin_single_instance::Builder::new()
        .dbus_id(arguments.instance_name())
        .callback(|handle, line, cwd| {
            let again = Arguments::parse_in(line.into_iter().skip(1).map(Into::into), Path::new(&cwd));
            if let (Ok(Asked::Run(again)), Some(bridge)) = (again, handle.try_state::<bridge::Bridge>()) {
                let app = bridge.app.clone();
                thread::spawn(move || app.open_paths(&again.folders));
            }
            window::raise(handle);
        })
        .build()
}

/// There is nothing to show a page of: the system's own dialog says why.
fn say_and_exit(handle: AppHandle, error: &CallError) {
    let text = format!("{}\n\n{}", error.message, error.hint.as_deref().unwrap_or_default());
    eprintln!("signalbox-desktop: {}", text.trim_end());
    let dialog =
        handle.dialog().message(text.trim_end()).title("Signalbox cannot start").kind(MessageDialogKind::Error);
    dialog.show(move |_| handle.exit(1));
}
