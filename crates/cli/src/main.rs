//! `signalbox`: the commands of the app in a terminal.
//!
//! `runs`, `show`, `export` and `problems` read a folder to its end into a throw-away store: neither the folder nor the
//! user's own store is written to. All others work on the user's data.

mod arguments;
mod data;
mod export;
mod failure;
mod grid;
mod number;
mod open;
mod own;
mod problems;
mod promotion;
mod reading;
mod runs;
mod serve;
mod show;
mod signals;
mod storage;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::Parser;
use failure::{Failure, Outcome};

fn main() -> ExitCode {
    if let Some(code) = signalbox_app::keep_if_asked(std::env::args_os()) {
        return code;
    }
    // clap itself ends with 2 on a usage error, and with 0 after --help.
    let arguments = Arguments::parse();
    let data_dir = arguments.data_dir;
    let result = match arguments.command {
        Command::Runs(a) => runs::run(&a),
        Command::Show(a) => show::run(&a),
        Command::Export(a) => export::run(&a),
        Command::Problems(a) => problems::run(&a),
        Command::Data(a) => data::run(a, data_dir),
        Command::Serve(a) => serve::run(&a, data_dir),
        Command::Open(a) => open::run(&a, data_dir),
        Command::Store(a) => storage::store(&a, data_dir),
        Command::Forget(a) => storage::forget(&a, data_dir),
        Command::Compact(a) => storage::compact(&a, data_dir),
        // It is about a folder's file alone: no store is opened for it.
        Command::Policy(a) => promotion::policy(&a),
        command => promotion::run(command, data_dir),
    };
    let code = match result {
        Ok(outcome) => outcome.code(),
        Err(failure) => {
            failure.say(&mut std::io::stderr());
            failure.code()
        }
    };
    ExitCode::from(code)
}

/// What a command prints on stdout.
pub struct Out {
    to: std::io::BufWriter<std::io::Stdout>,
    /// Columns, on a terminal.
    pub width: Option<usize>,
}

impl Out {
    pub fn stdout() -> Out {
        let stdout = std::io::stdout();
        let terminal = console::Term::stdout();
        let width = stdout.is_terminal().then(|| terminal.size_checked().map_or(80, |(_, columns)| columns as usize));
        Out { to: std::io::BufWriter::new(stdout), width }
    }

    pub fn line(&mut self, text: impl std::fmt::Display) -> Result<(), Failure> {
        writeln!(self.to, "{text}").map_err(Failure::from)
    }

    /// Now, not when the buffer is full: for whoever follows what happens.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.to.flush().map_err(Failure::from)
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.to.write_all(bytes).map_err(Failure::from)
    }

    /// Without it a broken pipe at the last buffer would go unseen.
    pub fn end(mut self, outcome: Outcome) -> Result<Outcome, Failure> {
        self.to.flush()?;
        Ok(outcome)
    }
}
