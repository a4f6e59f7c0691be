//! A project's `signalbox.toml`: read, and proposed anew. Signalbox never writes it; a person saves or applies what is
//! proposed.

use crate::app::App;
use crate::promotion::{addresses, wrong_policy};
use crate::wire::*;
use serde_json::{Value, json};
use signalbox_release::{
    AliasName, BadName, Change, Digest, FreezeText, ModelName, POLICY_FILE, Policy, PolicyError, Proposal, ServiceName,
    SystemId, propose_policy,
};
use std::path::Path;
use std::str::FromStr;

/// The policy of a folder. What is wrong with it is told in it; `Err` only if it cannot be read at all.
pub fn policy_file(folder: &Path) -> Result<PolicyFile, CallError> {
    let text = text_of(folder)?;
    let parsed = text.as_deref().map(|text| Policy::parse(text, POLICY_FILE)).transpose();
    let (policy, failure) = match parsed {
        Ok(policy) => (policy.map(|(policy, _)| view(&policy)).transpose()?, None),
        // The page has the path; TOML's own words show the place below one another, as they are.
        Err(PolicyError::Wrong { path, why }) => {
            let hint = wrong_policy(&PolicyError::Wrong { path, why: why.clone() }).hint;
            (None, Some(FailureView { message: why, hint, code: Some("invalid".into()) }))
        }
        Err(e) => {
            let e = wrong_policy(&e);
            (None, Some(FailureView { message: e.message, hint: e.hint, code: Some("invalid".into()) }))
        }
    };
    Ok(PolicyFile {
        path: path_of(folder),
        digest: text.as_ref().map(|text| Digest::of(text).to_string()),
        text,
        policy,
        failure,
    })
}

/// The policy of a folder with changes made, as text and diff; each change is a `PolicyChange`.
pub fn propose_in(folder: &Path, changes: &[Value]) -> Result<PolicyProposal, CallError> {
    let text = text_of(folder)?;
    let digest = text.as_ref().map(|text| Digest::of(text).to_string());
    let asked = changes.iter().enumerate().map(|(n, change)| decode(n, change)).collect::<Result<Vec<_>, _>>();
    let proposed = match asked {
        Ok(changes) => match propose_policy(text.as_deref(), &changes) {
            Ok(proposal) => Ok(proposal),
            Err(PolicyError::Field { field, why }) => Err(PolicyProblem { field, message: sentence(&why) }),
            Err(PolicyError::Wrong { why, .. }) => {
                return Err(wrong_policy(&PolicyError::Wrong { path: path_of(folder), why }));
            }
            Err(e) => return Err(wrong_policy(&e)),
        },
        Err(Undecoded::Problem(problem)) => Err(problem),
        Err(Undecoded::Call(e)) => return Err(e),
    };
    Ok(match proposed {
        Ok(proposal) => {
            let (says, new_addresses) = meaning(folder, &proposal);
            PolicyProposal { digest, text: proposal.text, diff: proposal.diff, says, new_addresses, problem: None }
        }
        Err(problem) => PolicyProposal {
            digest,
            text: text.unwrap_or_default(),
            diff: String::new(),
            says: Vec::new(),
            new_addresses: Vec::new(),
            problem: Some(problem),
        },
    })
}

impl App {
    pub(crate) fn policy_file(&self, args: OfProject) -> Result<PolicyFile, CallError> {
        policy_file(&self.project(args.project)?.root)
    }

    pub(crate) fn propose_policy(&self, args: ProposePolicy) -> Result<PolicyProposal, CallError> {
        propose_in(&self.project(args.project)?.root, &args.changes)
    }

    /// Writes the proposal where the person points, and nowhere else.
    pub(crate) fn save_policy(&self, args: SavePolicy) -> Result<SavedPolicy, CallError> {
        let Some(desktop) = &self.0.options.desktop else {
            return Err(CallError::new(ErrorCode::Refused, "There is no desktop here that could ask for a file name.")
                .hint("The page downloads the file instead."));
        };
        let root = self.project(args.project)?.root.clone();
        let fresh = || -> Result<Option<PolicyProposal>, CallError> {
            let proposal = propose_in(&root, &args.changes)?;
            if let Some(problem) = proposal.problem {
                return Err(CallError::new(ErrorCode::BadRequest, problem.message));
            }
            Ok((proposal.digest == args.digest).then_some(proposal))
        };
        const STALE: SavedPolicy = SavedPolicy { path: None, stale: true };
        if fresh()?.is_none() {
            return Ok(STALE);
        }
        let name = if args.what == PolicyForm::File { POLICY_FILE } else { "signalbox.patch" };
        let Some(path) = desktop.save_file(name) else { return Ok(SavedPolicy { path: None, stale: false }) };
        // The dialog may have stood open for long.
        let Some(proposal) = fresh()? else { return Ok(STALE) };
        let written = if args.what == PolicyForm::File { proposal.text } else { proposal.diff };
        std::fs::write(&path, written).map_err(|e| {
            CallError::new(ErrorCode::Unreadable, format!("{} was not written: {e}.", path.display()))
                .hint("Choose another folder.")
        })?;
        Ok(SavedPolicy { path: Some(path.display().to_string()), stale: false })
    }
}

fn path_of(folder: &Path) -> String {
    crate::project::show(&folder.join(POLICY_FILE))
}

fn text_of(folder: &Path) -> Result<Option<String>, CallError> {
    Policy::text_of(folder).map_err(|e| wrong_policy(&e))
}

/// As JSON; a freeze's times as TOML writes them.
fn view(policy: &Policy) -> Result<TeamPolicy, CallError> {
    let freeze: Vec<FreezeText> = policy.freeze.iter().map(FreezeText::from).collect();
    let odd = |e: serde_json::Error| CallError::new(ErrorCode::Internal, format!("{POLICY_FILE}: {e}."));
    serde_json::from_value(json!({
        "registries": policy.registries, "targets": policy.targets, "models": policy.models, "roles": policy.roles,
        "data": policy.data, "freeze": freeze,
    }))
    .map_err(odd)
}

enum Undecoded {
    Problem(PolicyProblem),
    Call(CallError),
}

/// A name that is none is the form's to mend; anything else is a caller that speaks another language.
fn decode(n: usize, change: &Value) -> Result<Change, Undecoded> {
    serde_json::from_value(change.clone()).map_err(|e| {
        bad_name(change).map_or_else(
            || Undecoded::Call(CallError::new(ErrorCode::BadRequest, format!("Change {}: {e}.", n + 1))),
            Undecoded::Problem,
        )
    })
}

fn bad_name(change: &Value) -> Option<PolicyProblem> {
    fn check<T: FromStr<Err = BadName>>(value: &Value) -> Option<String> {
        value.as_str()?.parse::<T>().err().map(|e| sentence(&e.to_string()))
    }
    let kind = change["change"].as_str()?;
    let section = match kind.split_once('_')?.1 {
        "model" => "models",
        "registry" => "registries",
        "target" => "targets",
        _ => return None,
    };
    let name = &change["name"];
    let rules = &change["rules"];
    let own = if section == "models" { check::<ModelName>(name) } else { check::<SystemId>(name) };
    let found = [
        ("name", own),
        ("registry", check::<SystemId>(&rules["registry"])),
        ("target", check::<SystemId>(&rules["target"])),
        ("service", check::<ServiceName>(&rules["service"])),
        ("alias", check::<AliasName>(&rules["alias"])),
    ];
    let (field, message) = found.into_iter().find_map(|(field, message)| Some((field, message?)))?;
    Some(PolicyProblem { field: vec![section.into(), name.as_str()?.into(), field.into()], message })
}

/// What follows from the change, and the addresses that come with it.
fn meaning(folder: &Path, proposal: &Proposal) -> (Vec<String>, Vec<String>) {
    if proposal.diff.is_empty() {
        return (vec!["Nothing changes.".into()], Vec::new());
    }
    let (before, after) = (addresses(folder, &proposal.before), addresses(folder, &proposal.after));
    let new: Vec<String> = after.iter().filter(|address| !before.contains(address)).cloned().collect();
    let gone: Vec<String> = before.iter().filter(|address| !after.contains(address)).cloned().collect();
    let mut says = Vec::new();
    if !new.is_empty() {
        says.push(format!("New to it: {}.", new.join(", ")));
    }
    if !gone.is_empty() {
        says.push(format!("No longer in it: {}.", gone.join(", ")));
    }
    says.push(if after.is_empty() {
        "It names nobody elsewhere: nothing has to be allowed.".into()
    } else {
        "A changed file asks nobody elsewhere until you have allowed its addresses anew, under Models.".into()
    });
    (says, new)
}

#[cfg(test)]
mod tests;
