//! Our own copy of the remote's tags, with the commits that they are on and no history: what is read is read there, and
//! what is pushed is made there. The project's own repository is not touched.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use signalbox_release::{Failure, FailureCode};

use super::git::{Said, command, run};
use super::tags::{Event, parse};
use crate::cache::{alone, local};
use crate::http::{Patience, words};

/// A message longer than this is none of GTO's; it is not read.
const MAX_MESSAGE: u64 = 64 << 10;
/// ssh asks nobody.
const QUIET_SSH: &str = "ssh -oBatchMode=yes";

pub struct Mirror {
    /// What `git` reaches the remote by. Holds no secret.
    pub remote: String,
    pub folder: PathBuf,
    /// Whether the person names an ssh of their own, which then is used as it is.
    pub own_ssh: OnceLock<bool>,
}

/// All that the remote's tags say, as they were when it was asked.
pub struct Seen {
    /// By time; as GTO does, by name where that is the same.
    pub events: Vec<Event>,
    /// The names of all tags, and the objects that they are.
    pub names: Vec<(String, String)>,
    /// No other process works on the mirror meanwhile.
    _alone: File,
}

impl Seen {
    pub fn of(&self, model: &signalbox_release::ModelName) -> Vec<&Event> {
        self.events.iter().filter(|event| event.named.model == *model).collect()
    }

    pub fn has(&self, tag: &str) -> Option<&str> {
        self.names.iter().find(|(name, _)| name == tag).map(|(_, object)| object.as_str())
    }
}

/// The names of all tags with their objects, and GTO's events with the size of each message.
type Listed = (Vec<(String, String)>, Vec<(Event, u64)>);

impl Mirror {
    /// Brings what is new, and reads it.
    pub fn seen(&self, patience: &Patience) -> Result<Seen, Failure> {
        let lock = self.folder.with_extension("lock");
        let _alone = alone(&lock, "another Signalbox of this machine is at work on this registry", patience)?;
        self.read(_alone, patience)
    }

    /// The same once more, after something was pushed.
    pub fn again(&self, seen: Seen, patience: &Patience) -> Result<Seen, Failure> {
        self.read(seen._alone, patience)
    }

    fn read(&self, _alone: File, patience: &Patience) -> Result<Seen, Failure> {
        if !self.folder.join("HEAD").is_file() {
            fs::create_dir_all(&self.folder).map_err(|e| local(&self.folder, &e))?;
            self.put_away();
            self.well(&["init", "--quiet", "--bare", "--template="], None, patience)?;
        }
        let there = self.there(patience)?;
        let (mut names, mut found) = self.listed(patience)?;
        if there.is_empty() {
            // Git fails at fetching nothing.
            (names, found) = (Vec::new(), Vec::new());
        } else if there != names.iter().cloned().collect() {
            self.put_away();
            self.bring_tags(patience)?;
            (names, found) = self.listed(patience)?;
        }
        let mut events = self.with_messages(found, patience)?;
        events.sort_by_key(|event| event.at_unix_s);
        Ok(Seen { events, names, _alone })
    }

    /// Removes what a git that was killed has left half done: its locks stop every later one. Only under `alone`, so
    /// that no Signalbox holds them. A git may, that outlives a Signalbox which was killed; then one of the two fails,
    /// and the next look begins anew.
    fn put_away(&self) {
        let is_lock = |name: &str| name.ends_with(".lock");
        remove_from(&self.folder, &is_lock, false);
        remove_from(&self.folder.join("refs"), &is_lock, true);
        remove_from(&self.folder.join("objects"), &|name| name.starts_with("tmp_"), true);
    }

    /// The remote's tags, and the objects that they are.
    fn there(&self, patience: &Patience) -> Result<BTreeMap<String, String>, Failure> {
        let args = ["ls-remote", "--quiet", "--refs", "--tags", "--end-of-options", &self.remote];
        let said = self.git(&args, None, patience)?;
        if !said.well {
            return Err(self.unreachable(&said.words));
        }
        let line = |line: &str| {
            let (object, name) = line.split_once('\t')?;
            Some((name.strip_prefix("refs/tags/")?.to_owned(), object.to_owned()))
        };
        Ok(said.text().lines().filter_map(line).collect())
    }

    fn bring_tags(&self, patience: &Patience) -> Result<(), Failure> {
        let args = [
            "fetch",
            "--quiet",
            "--force",
            "--prune",
            "--no-tags",
            "--depth=1",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--end-of-options",
            &self.remote,
            "+refs/tags/*:refs/tags/*",
        ];
        let said = self.git(&args, None, patience)?;
        if said.well { Ok(()) } else { Err(self.unreachable(&said.words)) }
    }

    fn unreachable(&self, said: &str) -> Failure {
        let why = format!("git cannot read {}: {said}", self.remote);
        Failure::new(FailureCode::Unreachable, why)
            .hint(format!("Does `git ls-remote {}` work in a terminal, without asking for a password?", self.remote))
    }

    /// All tags, and those of GTO's without their messages.
    fn listed(&self, patience: &Patience) -> Result<Listed, Failure> {
        let fields = [
            "refname:strip=2",
            "objectname",
            "objecttype",
            "*objecttype",
            "*objectname",
            "taggername",
            "taggerdate:unix",
            "contents:size",
        ];
        let format = fields.map(|field| format!("%({field})")).join("%00");
        let out = self.well(&["for-each-ref", &format!("--format={format}"), "refs/tags"], None, patience)?;
        let (mut names, mut found) = (Vec::new(), Vec::new());
        for line in out.split(|b| *b == b'\n') {
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let parts: Vec<&str> = line.split('\0').collect();
            let [tag, object, kind, target_kind, commit, by, at, size] = parts[..] else { continue };
            names.push((tag.to_owned(), object.to_owned()));
            // A tag that is no object of its own is none for GTO either.
            let (Some(named), "tag", "commit") = (parse(tag), kind, target_kind) else { continue };
            let (Ok(at_unix_s), Ok(size)) = (at.parse(), size.parse()) else { continue };
            let event = Event {
                named,
                tag: tag.to_owned(),
                object: object.to_owned(),
                commit: commit.to_owned(),
                by: words(by.as_bytes()),
                at_unix_s,
                message: String::new(),
            };
            found.push((event, size));
        }
        Ok((names, found))
    }

    fn with_messages(&self, found: Vec<(Event, u64)>, patience: &Patience) -> Result<Vec<Event>, Failure> {
        let readable = |size: u64| size <= MAX_MESSAGE;
        let asked: String =
            found.iter().filter(|(_, size)| readable(*size)).map(|(event, _)| format!("{}\n", event.object)).collect();
        let out = self.well(&["cat-file", "--batch"], Some(asked.as_bytes()), patience)?;
        let mut rest = &out[..];
        let mut events = Vec::new();
        for (mut event, size) in found {
            if readable(size) {
                let body = next_object(&mut rest).ok_or_else(|| {
                    Failure::new(FailureCode::Local, format!("git does not show the tag {}", event.tag))
                })?;
                let text = String::from_utf8_lossy(body);
                event.message = text.split_once("\n\n").map_or(String::new(), |(_, message)| message.to_owned());
            }
            events.push(event);
        }
        Ok(events)
    }

    /// Makes an annotated tag here; gives its object.
    pub fn make(&self, tag: &NewTag, patience: &Patience) -> Result<String, Failure> {
        let plain =
            |text: &str| text.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).collect::<String>();
        let by = plain(&tag.by);
        let mail = if by.contains('@') && !by.contains(' ') { by.clone() } else { "signalbox@localhost".into() };
        let text = format!(
            "object {}\ntype commit\ntag {}\ntagger {by} <{mail}> {} +0000\n\n{}\n",
            tag.commit, tag.name, tag.at_unix_s, tag.message
        );
        let out = self.well(&["mktag"], Some(text.as_bytes()), patience)?;
        Ok(String::from_utf8_lossy(&out).trim().to_owned())
    }

    /// Sees to it that a commit is here; only if the remote has it.
    pub fn have(&self, commit: &str, patience: &Patience) -> Result<(), Failure> {
        if self.git(&["cat-file", "-e", &format!("{commit}^{{commit}}")], None, patience)?.well {
            return Ok(());
        }
        self.put_away();
        let args = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--depth=1",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--end-of-options",
            &self.remote,
            commit,
        ];
        if self.git(&args, None, patience)?.well {
            return Ok(());
        }
        let why = format!("{} does not have the commit {}", self.remote, &commit[..commit.len().min(12)]);
        Err(Failure::new(FailureCode::NotFound, why).hint("Push the commit's branch first."))
    }

    pub fn git(&self, args: &[&str], input: Option<&[u8]>, patience: &Patience) -> Result<Said, Failure> {
        run(self.command(patience)?, args, input, patience)
    }

    fn command(&self, patience: &Patience) -> Result<Command, Failure> {
        let mut git = command(&self.folder, true);
        if !self.has_own_ssh(patience)? {
            git.env("GIT_SSH_COMMAND", QUIET_SSH);
        }
        Ok(git)
    }

    fn has_own_ssh(&self, patience: &Patience) -> Result<bool, Failure> {
        if let Some(own) = self.own_ssh.get() {
            return Ok(*own);
        }
        let named = ["GIT_SSH_COMMAND", "GIT_SSH"].iter().any(|name| std::env::var_os(name).is_some());
        let own =
            named || run(command(&self.folder, true), ["config", "--get", "core.sshCommand"], None, patience)?.well;
        Ok(*self.own_ssh.get_or_init(|| own))
    }

    pub fn well(&self, args: &[&str], input: Option<&[u8]>, patience: &Patience) -> Result<Vec<u8>, Failure> {
        let said = self.git(args, input, patience)?;
        if said.well {
            return Ok(said.out);
        }
        Err(Failure::new(FailureCode::Local, format!("git {} fails here: {}", args[0], said.words)))
    }
}

/// Removes files of such names from a folder, as far as that works: if it does not, git says what is in its way.
fn remove_from(folder: &Path, is_meant: &dyn Fn(&str) -> bool, deep: bool) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && deep {
            remove_from(&entry.path(), is_meant, deep);
        } else if kind.is_file() && entry.file_name().to_str().is_some_and(is_meant) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A tag to be made.
#[derive(Clone)]
pub struct NewTag {
    pub name: String,
    pub commit: String,
    pub by: String,
    pub at_unix_s: i64,
    pub message: String,
}

/// The next of `cat-file --batch`'s answers: `<object> <type> <size>`, a line's end, the bytes, a line's end.
fn next_object<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|b| *b == b'\n')?;
    let head = std::str::from_utf8(&rest[..end]).ok()?;
    let size: usize = head.rsplit(' ').next()?.parse().ok()?;
    let body = rest.get(end + 1..end + 1 + size)?;
    *rest = rest.get(end + 2 + size..)?;
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox_release::{Cancel, Cx};

    #[test]
    fn ssh_asks_nobody_unless_the_person_names_one_of_their_own() {
        let dir = tempfile::tempdir().expect("a folder");
        let patience = Patience::new(&Cx { cancel: Cancel::default(), limit: std::time::Duration::from_secs(60) });
        let ssh = |own: bool| {
            let own_ssh = OnceLock::from(own);
            let mirror = Mirror { remote: String::new(), folder: dir.path().to_path_buf(), own_ssh };
            let git = mirror.command(&patience).expect("a command");
            let named = git.get_envs().find(|(name, _)| *name == "GIT_SSH_COMMAND").and_then(|(_, value)| value);
            named.map(|value| value.display().to_string())
        };
        assert_eq!((ssh(false).as_deref(), ssh(true)), (Some("ssh -oBatchMode=yes"), None));
    }
}
