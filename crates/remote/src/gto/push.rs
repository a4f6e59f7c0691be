//! Pushing tags: all of them or none, and what is known of it afterwards.

use signalbox_release::{Failure, FailureCode};

use super::git::Said;
use super::mirror::{Mirror, Seen};
use crate::http::{Patience, words};

/// How a push ended.
pub enum Pushed {
    Done,
    /// Another has pushed a tag of that name first.
    Taken,
    Refused(Failure),
    Unknown(Failure),
}

impl Mirror {
    /// Pushes all of it or nothing: names and the objects that they shall be. None of the names may be there.
    pub fn push(&self, tags: &[(String, String)], seen: Seen, patience: &Patience) -> (Pushed, Option<Seen>) {
        let mut args: Vec<String> = ["push", "--porcelain", "--atomic", "--no-verify", "--no-follow-tags"]
            .iter()
            .chain(&["--recurse-submodules=no", "--end-of-options", &self.remote])
            .map(ToString::to_string)
            .collect();
        args.extend(tags.iter().map(|(name, object)| format!("{object}:refs/tags/{name}")));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        // First without the sending: what is refused then was not begun, and what fails after that may have been done.
        let dry: Vec<&str> = [args[0], "--dry-run"].iter().chain(&args[1..]).copied().collect();
        match self.git(&dry, None, patience) {
            Ok(said) if said.well => {}
            Ok(said) => return self.not_begun(tags, seen, &said, patience),
            Err(failure) => return (Pushed::Refused(failure), None),
        }
        let said = match self.git(&args, None, patience) {
            Ok(said) => said,
            // It was stopped midway.
            Err(failure) => return (Pushed::Unknown(failure), None),
        };
        if said.well {
            return (Pushed::Done, Some(seen));
        }
        let refused = refusal(&said.text());
        let failure =
            Failure::new(FailureCode::TimedOut, format!("the push to {} broke off: {}", self.remote, said.words));
        // What is there now says how it went, if it is there by now.
        let Ok(seen) = self.again(seen, patience) else { return (Pushed::Unknown(failure), None) };
        let is_there = |(name, object): &(String, String)| seen.has(name) == Some(object.as_str());
        if tags.iter().all(is_there) {
            return (Pushed::Done, Some(seen));
        }
        let pushed = match refused {
            _ if is_taken(tags, &seen) => Pushed::Taken,
            Some(line) => Pushed::Refused(self.no_permission(&line)),
            None => Pushed::Unknown(failure),
        };
        (pushed, Some(seen))
    }

    /// A push that fails before anything is sent: others were faster, or we may not, or nobody is there any more.
    fn not_begun(
        &self,
        tags: &[(String, String)],
        seen: Seen,
        said: &Said,
        patience: &Patience,
    ) -> (Pushed, Option<Seen>) {
        match self.again(seen, patience) {
            Ok(seen) if is_taken(tags, &seen) => (Pushed::Taken, Some(seen)),
            Ok(seen) => {
                let line = refusal(&said.text()).unwrap_or_else(|| said.words.clone());
                (Pushed::Refused(self.no_permission(&line)), Some(seen))
            }
            Err(failure) => (Pushed::Refused(failure), None),
        }
    }

    fn no_permission(&self, said: &str) -> Failure {
        let why = format!("{} takes no such tags: {said}", self.remote);
        let hint = "Ask for the permission to push tags there, or look for a rule that protects them.";
        Failure::new(FailureCode::Denied, why).hint(hint)
    }
}

/// Another's object has a name that we would give.
fn is_taken(tags: &[(String, String)], seen: &Seen) -> bool {
    tags.iter().any(|(name, object)| seen.has(name).is_some_and(|there| there != object))
}

/// The line in which the remote refuses (`git push --porcelain`). That it has not reported at all is no refusal.
fn refusal(said: &str) -> Option<String> {
    let line = said.lines().find(|line| line.starts_with('!') && !line.contains("[remote failure]"));
    line.map(|line| words(line.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_a_remote_has_not_reported_is_no_refusal() {
        let lost = "To x\n!\tabc:refs/tags/a\t[remote failure] (remote failed to report status)\nDone\n";
        assert_eq!(refusal(lost), None);
        let no = "To x\n!\tabc:refs/tags/a\t[remote rejected] (pre-receive hook declined)\n";
        assert_eq!(refusal(no).as_deref(), Some("! abc:refs/tags/a [remote rejected] (pre-receive hook declined)"));
    }
}
