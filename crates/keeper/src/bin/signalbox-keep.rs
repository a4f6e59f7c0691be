//! The keeper alone, for tests: `signalbox-keep keep FOLDER`, as the shells do it, and `signalbox-keep observe FOLDER
//! SERVICE`, a short-lived parent that starts one. Not shipped.

use std::process::ExitCode;
use std::time::Duration;

use signalbox_keeper::{How, LocalTarget, main_if_asked, own_program};
use signalbox_release::{Cancel, Cx, Target as _};

fn main() -> ExitCode {
    if let Some(code) = main_if_asked(std::env::args_os()) {
        return code;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [word, folder, service] = &args[..] else {
        eprintln!("signalbox-keep keep FOLDER | observe FOLDER SERVICE");
        return ExitCode::from(2);
    };
    let how = How::Mlflow { python: "python3".into() };
    let cx = Cx { cancel: Cancel::default(), limit: Duration::from_secs(30) };
    let (Ok(service), Ok(program), "observe") = (service.parse(), own_program(), word.as_str()) else {
        eprintln!("{service} is no service, or {word} is unknown");
        return ExitCode::from(2);
    };
    let id = "local".parse().expect("BUG: a name");
    match LocalTarget::new(id, folder.into(), program, how, None).observe(&service, &cx) {
        Ok(seen) => {
            println!("{}", serde_json::to_string(&seen).expect("BUG: what is observed is JSON"));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
