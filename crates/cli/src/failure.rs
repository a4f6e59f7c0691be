//! How a command ends. The codes are a promise to scripts and stand in `--help`.

use std::io::Write;

use signalbox_app::{CallError, ErrorCode};

use crate::grid::calm_lines as calm;

/// A command that did what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// `--strict`: not everything could be read.
    Problems,
    /// `--strict`: nothing was there to be shown.
    Nothing,
    /// Done, but not all of it; what was not is on stderr.
    Partial,
    /// A gate, the policy or the person said no; nothing was changed.
    Refused,
    /// A plan was taken back.
    TakenBack,
    /// A plan stands open.
    Open,
}

impl Outcome {
    pub fn code(self) -> u8 {
        match self {
            Outcome::Done => 0,
            Outcome::Problems => 3,
            Outcome::Nothing => 4,
            Outcome::Partial => 1,
            Outcome::Refused => 3,
            Outcome::TakenBack => 4,
            Outcome::Open => 5,
        }
    }
}

/// A command that did not.
#[derive(Debug)]
pub enum Failure {
    /// The command line asks for what cannot be meant.
    Usage(String, Option<String>),
    /// The app refused or failed.
    Call(CallError),
    /// The named run is not there.
    NoRun(CallError),
    /// A promotion was refused; nothing was changed.
    Refused(CallError),
    /// The system refused.
    System(String),
    /// Whoever read our output has gone, such as `head`: no failure of ours.
    ReaderGone,
}

impl Failure {
    pub fn code(&self) -> u8 {
        match self {
            Failure::ReaderGone => 0,
            Failure::Call(e) if matches!(e.code, ErrorCode::BadFilter | ErrorCode::BadRequest) => 2,
            Failure::Usage(..) => 2,
            Failure::Call(_) | Failure::System(_) => 1,
            Failure::NoRun(_) => 4,
            Failure::Refused(_) => 3,
        }
    }

    /// Says it to a person.
    pub fn say(&self, to: &mut impl Write) {
        let (message, hint) = match self {
            Failure::ReaderGone => return,
            Failure::Usage(message, hint) => (message, hint.as_ref()),
            Failure::Call(e) | Failure::NoRun(e) | Failure::Refused(e) => (&e.message, e.hint.as_ref()),
            Failure::System(message) => (message, None),
        };
        let red = console::style("error:").for_stderr().red().bold();
        // Nobody is left to tell if stderr is gone too.
        let _ = writeln!(to, "{red} {}", calm(message));
        if let Some(hint) = hint {
            let _ = writeln!(to, "       {}", calm(hint));
        }
    }
}

impl From<CallError> for Failure {
    fn from(e: CallError) -> Failure {
        Failure::Call(e)
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Failure {
        if e.kind() == std::io::ErrorKind::BrokenPipe { Failure::ReaderGone } else { Failure::System(e.to_string()) }
    }
}
