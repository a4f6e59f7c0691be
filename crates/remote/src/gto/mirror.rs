//! Our own copy of the remote's tags, with the commits that they are on and no history: what is read is read there, and
//! what is pushed is made there. The project's own repository is not touched.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use signalbox_release::{Failure, FailureCode};

use super::git::{Said, command, run};
use super::tags::{Event, parse};
use crate::cache::{alone, local};
use crate::http::{Patience, words};

/// A message longer than this is none of GTO's; it is not read.
const MAX_MESSAGE: u64 = 64 << 10;

pub struct Mirror {
    /// What `git` reaches the remote by. Holds no secret.
    pub remote: String,
    pub folder: PathBuf,
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

/// How a push ended.
pub enum Pushed {
    Done,
    /// Another has pushed a tag of that name first.
    Taken,
    Refused(Failure),
    Unknown(Failure),
}

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
            std::fs::create_dir_all(&self.folder).map_err(|e| local(&self.folder, &e))?;
            self.well(&["init", "--quiet", "--bare", "--template="], None, patience)?;
        }
        let there = self.there(patience)?;
        let (mut names, mut found) = self.listed(patience)?;
        if there.is_empty() {
            // Git fails at fetching nothing.
            (names, found) = (Vec::new(), Vec::new());
        } else if there != names.iter().cloned().collect() {
            self.bring_tags(patience)?;
            (names, found) = self.listed(patience)?;
        }
        let mut events = self.with_messages(found, patience)?;
        events.sort_by_key(|event| event.at_unix_s);
        Ok(Seen { events, names, _alone })
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

    /// Pushes all of it or nothing: names and the objects that they shall be. None of the names may be there.
    pub fn push(&self, tags: &[(String, String)], seen: Seen, patience: &Patience) -> (Pushed, Option<Seen>) {
        let mut args: Vec<String> = ["push", "--porcelain", "--atomic", "--no-verify", "--no-follow-tags"]
            .iter()
            .chain(&["--recurse-submodules=no", "--end-of-options", &self.remote])
            .map(ToString::to_string)
            .collect();
        args.extend(tags.iter().map(|(name, object)| format!("{object}:refs/tags/{name}")));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let said = match self.git(&args, None, patience) {
            Ok(said) => said,
            // It was stopped midway.
            Err(failure) => return (Pushed::Unknown(failure), None),
        };
        if said.well {
            return (Pushed::Done, Some(seen));
        }
        let text = said.text();
        let refused = text.lines().find(|line| line.starts_with('!')).map(|line| words(line.as_bytes()));
        let failure =
            Failure::new(FailureCode::TimedOut, format!("the push to {} broke off: {}", self.remote, said.words));
        // What is there now says how it went.
        let Ok(seen) = self.again(seen, patience) else { return (Pushed::Unknown(failure), None) };
        let is_there = |(name, object): &(String, String)| seen.has(name) == Some(object.as_str());
        if tags.iter().all(is_there) {
            return (Pushed::Done, Some(seen));
        }
        let taken = tags.iter().any(|(name, object)| seen.has(name).is_some_and(|there| there != object));
        let pushed = match refused {
            _ if taken => Pushed::Taken,
            Some(line) => {
                let why = format!("{} takes no such tags: {line}", self.remote);
                let hint = "Ask for the permission to push tags there, or look for a rule that protects them.";
                Pushed::Refused(Failure::new(FailureCode::Denied, why).hint(hint))
            }
            None => Pushed::Unknown(failure),
        };
        (pushed, Some(seen))
    }

    /// Sees to it that a commit is here; only if the remote has it.
    pub fn have(&self, commit: &str, patience: &Patience) -> Result<(), Failure> {
        if self.git(&["cat-file", "-e", &format!("{commit}^{{commit}}")], None, patience)?.well {
            return Ok(());
        }
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
        run(command(&self.folder, true), args, input, patience)
    }

    pub fn well(&self, args: &[&str], input: Option<&[u8]>, patience: &Patience) -> Result<Vec<u8>, Failure> {
        let said = self.git(args, input, patience)?;
        if said.well {
            return Ok(said.out);
        }
        Err(Failure::new(FailureCode::Local, format!("git {} fails here: {}", args[0], said.words)))
    }
}

/// A tag to be made.
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
