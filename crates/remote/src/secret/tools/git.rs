//! git's credential helpers (git-credential(1)), for repositories over https. git keys what they hold by scheme, host
//! and port, as we do.

use signalbox_release::Failure;

use super::program::{self, Run};
use super::{Around, found};
use crate::process::QUIET_GIT;
use crate::secret::{Auth, Found, Place, Secret};

pub fn look(place: &Place, around: &Around) -> Result<Option<Found>, Failure> {
    if !place.origin().starts_with("https://") {
        return Ok(None);
    }
    let Some(git) = program::find("git", around) else { return Ok(None) };
    // Neither can hold the end of a line: a place is checked when it is made.
    let user = place.account().map(|account| format!("username={account}\n")).unwrap_or_default();
    let said = program::run(&Run {
        program: &git,
        args: &["credential", "fill"],
        set: &QUIET_GIT,
        // A repository can name helpers of its own: only the person's and the system's are meant.
        unset: &["GIT_DIR", "GIT_WORK_TREE", "GIT_CONFIG", "GIT_TRACE", "GIT_TRACE_CURL"],
        input: &format!("protocol=https\nhost={}\n{user}\n", place.authority()),
        around,
    })?;
    // It knows nothing: it wanted to ask.
    if !said.good {
        return Ok(None);
    }
    let value = |key: &str| said.text.lines().find_map(|line| line.strip_prefix(key)).filter(|v| !v.is_empty());
    let (Some(user), Some(password)) = (value("username="), value("password=")) else { return Ok(None) };
    let auth = Auth::Basic { user: user.to_owned(), password: Secret::new(password) };
    Ok(Some(found(auth, "git's credential helper")))
}
