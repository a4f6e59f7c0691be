//! One Signalbox at a time moves an alias, in a registry that compares nothing before it sets.
//!
//! Reading and writing alone are enough for that (Dijkstra 1965; Lamport's bakery, 1974): each Signalbox has a tag of
//! its own, its claim, that nobody else writes. It puts its claim up, then lists all claims on the alias. If another's
//! is up, the one whose name sorts first keeps its claim and waits; any other takes its own down and comes again. Of two
//! that put theirs up at once, at least one sees the other's: both cannot find themselves alone.
//!
//! This holds where a tag that was put is in the next list of tags, as it is in one registry with one store. It does
//! not where lists are read from copies that lag behind. A claim ends by itself after [`HELD_MS`], in case its owner is
//! gone; work under it is given half of that, so what remains is a request that a network holds back for longer than
//! the rest. What is read back after a move shows that, and the move of any tool that knows nothing of claims.
//!
//! Nothing is deleted: a claim is taken down by another note under the same tag. There is one for each machine's cache
//! and alias.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox_release::{AliasName, Cancel, Cx, Digest, Failure, FailureCode, ModelName};

use super::OciRegistry;
use super::manifest::{Manifest, note};
use super::names::NOTES;
use crate::cache::{alone, local};
use crate::http::{Call, Lost, Patience, words};

const HELD_MS: i64 = 40_000;
/// What is done under a claim is done within this.
pub const WORK: Duration = Duration::from_secs(20);
const BETWEEN_LOOKS: Duration = Duration::from_millis(150);

/// A claim that is up. No other process of this machine's cache puts up another meanwhile.
pub struct Claim {
    repository: String,
    tag: String,
    until_unix_ms: i64,
    _alone: File,
}

struct Other {
    writer: String,
    owner: String,
}

impl OciRegistry {
    /// Waits for the alias as long as patience lasts. Whatever fails here, the alias was not touched.
    pub(super) fn claim(&self, model: &ModelName, alias: &AliasName, patience: &Patience) -> Result<Claim, Failure> {
        let repository = self.repository(model)?;
        let folder = self.at.cache.join(self.at.id.as_str());
        let busy = "another Signalbox of this machine is moving an alias just now";
        // One process at a time speaks for this cache.
        let _alone = alone(&folder.join("claims.lock"), busy, patience)?;
        let writer = writer_of(&folder)?;
        let prefix = prefix(alias);
        let mut claim = Claim { tag: format!("{prefix}{writer}"), repository, until_unix_ms: 0, _alone };
        self.send_empty(&claim.repository, patience).map_err(Lost::failure)?;
        // Once somebody was seen to be at it, that is why time ran out, whatever call it ran out in.
        let mut busy = None;
        let claimed = self.wait_for(&mut claim, &mut busy, &prefix, &writer, (model, alias), patience);
        let claimed = claimed.map_err(|failure| match busy {
            Some(busy) if failure.code == FailureCode::TimedOut => busy,
            _ => failure,
        });
        if claimed.is_err() {
            self.release(&claim);
        }
        claimed.map(|()| claim)
    }

    /// `busy`: whom it waits for, as a failure.
    fn wait_for(
        &self,
        claim: &mut Claim,
        busy: &mut Option<Failure>,
        prefix: &str,
        writer: &str,
        (model, alias): (&ModelName, &AliasName),
        patience: &Patience,
    ) -> Result<(), Failure> {
        loop {
            patience.check()?;
            claim.until_unix_ms = self.clock.unix_ms() + HELD_MS;
            let (call, up) = self.claim_call(claim, &json!(claim.until_unix_ms));
            // If its answer is lost it may be up or not; what is listed says so.
            let put = self.settled(patience, || self.put(&call, &up, patience));
            let others = self.others(claim, prefix, writer, patience)?;
            let first = others.iter().min_by(|a, b| a.writer.cmp(&b.writer));
            if let Some(first) = first {
                let why = format!("{} is moving {alias} of {model} just now", first.owner);
                let hint = "Wait until that is done, and look again.";
                *busy = Some(Failure::new(FailureCode::Busy, why).hint(hint));
            }
            let mine = self.manifest(&claim.repository, &claim.tag, patience)?;
            if mine.is_none_or(|mine| mine.digest != up.digest) {
                put.map_err(Lost::failure)?;
                let why = "another Signalbox writes under this one's name: its folder was copied here";
                return Err(Failure::new(FailureCode::Conflict, why)
                    .hint(format!("Delete {} on one of the machines.", self.writer_file().display())));
            }
            let Some(first) = first else { return Ok(()) };
            if first.writer.as_str() < writer {
                self.release(claim);
                while !self.others(claim, prefix, writer, patience)?.is_empty() {
                    self.pause_between(patience)?;
                }
            } else {
                self.pause_between(patience)?;
            }
        }
    }

    fn pause_between(&self, patience: &Patience) -> Result<(), Failure> {
        patience.check()?;
        self.clock.pause(BETWEEN_LOOKS.min(patience.left()), patience.cancel());
        Ok(())
    }

    /// A failure where so much of the claim's time is over that the work under it might outlast it: its answer came
    /// late, or this machine slept.
    pub(super) fn still_up(&self, claim: &Claim) -> Result<(), Failure> {
        if self.clock.unix_ms() <= claim.until_unix_ms - HELD_MS / 2 {
            return Ok(());
        }
        let why = "the registry took so long to take our claim that others may not have waited for it";
        Err(Failure::new(FailureCode::Busy, why).hint("Nothing was moved. Try it again."))
    }

    /// Whose claims are up besides this one.
    fn others(&self, claim: &Claim, prefix: &str, writer: &str, patience: &Patience) -> Result<Vec<Other>, Failure> {
        let tags = self.tags(&claim.repository, patience)?.unwrap_or_default();
        let mut up = Vec::new();
        for other in tags.iter().filter_map(|tag| tag.strip_prefix(prefix)).filter(|other| *other != writer) {
            let said = self.manifest(&claim.repository, &format!("{prefix}{other}"), patience)?;
            let said = said.and_then(|said| said.said()).unwrap_or_default();
            if said["until_unix_ms"].as_i64().is_some_and(|until| until > self.clock.unix_ms()) {
                let owner = words(said["owner"].as_str().unwrap_or("another Signalbox").as_bytes());
                up.push(Other { writer: other.to_owned(), owner });
            }
        }
        Ok(up)
    }

    /// If it fails, the claim ends when its time is over. It is tried even where the person has stopped the move; also
    /// after its time, since nobody else writes this tag.
    pub(super) fn release(&self, claim: &Claim) {
        let cx = Cx { cancel: Cancel::default(), limit: Duration::from_secs(5) };
        let (call, down) = self.claim_call(claim, &Value::Null);
        let _ = self.put_again(call, &down, &Patience::new(&cx));
    }

    fn claim_call(&self, claim: &Claim, until_unix_ms: &Value) -> (Call, Manifest) {
        let says = json!({ "kind": "claim", "owner": self.at.by, "nonce": self.nonce, "until_unix_ms": until_unix_ms });
        let noted = note(&says);
        (self.put_call(&claim.repository, &claim.tag, &noted), noted)
    }

    /// The claim that goes up, and comes down, as they are shown.
    pub(super) fn claim_calls(&self, repository: &str, alias: &AliasName) -> [Call; 2] {
        [json!("{until}"), Value::Null].map(|until| {
            let noted = note(&json!({ "kind": "claim", "owner": self.at.by, "until_unix_ms": until }));
            self.put_call(repository, &format!("{}{{this machine}}", prefix(alias)), &noted)
        })
    }

    fn writer_file(&self) -> std::path::PathBuf {
        self.at.cache.join(self.at.id.as_str()).join("writer")
    }
}

fn prefix(alias: &AliasName) -> String {
    format!("{NOTES}claim.{}.", &Digest::of(alias.as_str()).hex()[..16])
}

/// This cache's own name among all that claim; made once, at random.
fn writer_of(folder: &Path) -> Result<String, Failure> {
    let path = folder.join("writer");
    let fits = |name: &str| name.len() == 16 && name.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(name) = fs::read_to_string(&path).ok().filter(|name| fits(name)) {
        return Ok(name);
    }
    let name = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
    fs::write(&path, &name).map_err(|e| local(&path, &e))?;
    Ok(name)
}
