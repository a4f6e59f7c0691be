//! What changed since the commit as a patch, in the form that `git diff` writes and `git apply` takes (git's
//! diff-generate-patch.txt).

mod hunks;

use std::borrow::Cow;

use gix_hash::ObjectId;

use self::hunks::Text;
use crate::{
    Limits, Patch, Shown,
    attributes::{Attributes, Endings},
    compare::{Compared, Comparer, Work},
    content::{link, with_lf},
    index::{MODE_LINK, MODE_SUBMODULE},
    objects::{Objects, blob_id},
    quote, redact,
    repository::read,
};

/// So many files are named that are not in it.
const MAX_REMARKS: usize = 100;

/// A file's content with its mode.
struct Side {
    mode: u32,
    id: ObjectId,
    bytes: Vec<u8>,
}

pub(crate) struct Writer<'a> {
    objects: &'a Objects,
    limits: &'a Limits,
    text: String,
    remarks: Vec<String>,
    n_missing: u64,
}

impl<'a> Writer<'a> {
    pub(crate) fn of(objects: &'a Objects, limits: &'a Limits) -> Writer<'a> {
        Writer { objects, limits, text: String::new(), remarks: Vec::new(), n_missing: 0 }
    }

    /// Takes one change in, or says why not.
    pub(crate) fn add(&mut self, change: &Compared, comparer: &mut Comparer<'_>) -> Shown {
        let shown = match self.diff(change, comparer) {
            Ok((_, diff)) if self.text.len() + diff.len() > self.limits.patch_bytes => Shown::PatchFull,
            Ok((shown, diff)) => {
                self.text.push_str(&diff);
                shown
            }
            Err(shown) => shown,
        };
        let why = match shown {
            Shown::Whole | Shown::LineEndings | Shown::Nothing => return shown,
            Shown::Redacted => "values that look like secrets are replaced; this part does not apply",
            Shown::Binary => "not in this patch: binary",
            Shown::Encoding => "not in this patch: not UTF-8",
            Shown::TooLarge => "not in this patch: too large",
            Shown::PatchFull => "not in this patch: the patch is full",
            Shown::Secret => "not in this patch: a file for secrets",
            Shown::Submodule => "not in this patch: a submodule",
            Shown::Lfs => "not in this patch: kept by Git LFS",
            Shown::Unreadable => "not in this patch: not readable",
            Shown::OutOfTime => "not in this patch: time was up",
        };
        self.n_missing += 1;
        if self.remarks.len() < MAX_REMARKS {
            self.remarks.push(format!("# {}: {why}\n", quote::in_header("", &change.path)));
        }
        shown
    }

    /// `None` if there is nothing to say.
    pub(crate) fn finish(self) -> Option<Patch> {
        if self.text.is_empty() && self.n_missing == 0 {
            return None;
        }
        let mut text = self.remarks.concat();
        let n_more = self.n_missing - self.remarks.len() as u64;
        if n_more > 0 {
            text += &format!("# and {n_more} more files\n");
        }
        Some(Patch { text: text + &self.text, is_whole: self.n_missing == 0 })
    }

    fn diff(&self, change: &Compared, comparer: &mut Comparer<'_>) -> Result<(Shown, String), Shown> {
        let before = change.committed.ok_or(Shown::Unreadable)?;
        let is_submodule = |mode: u32| mode == MODE_SUBMODULE;
        match change.work {
            Work::AsIndex(now) if now == before => return Err(Shown::Nothing),
            Work::Submodule(_) => return Err(Shown::Submodule),
            Work::AsIndex(Some(now)) if is_submodule(now.mode) => return Err(Shown::Submodule),
            _ if before.is_some_and(|before| is_submodule(before.mode)) => return Err(Shown::Submodule),
            Work::Gone if before.is_none() => return Err(Shown::Nothing),
            Work::Unreadable => return Err(Shown::Unreadable),
            _ => {}
        }
        if redact::is_secret_file(&change.path) {
            return Err(Shown::Secret);
        }
        if let Work::Other { is_lfs: true, .. } = change.work {
            return Err(Shown::Lfs);
        }
        if comparer.look.budget.is_up() {
            return Err(Shown::OutOfTime);
        }
        let attributes = comparer.attributes.of_path(&change.path);
        if attributes.is_binary {
            return Err(Shown::Binary);
        }
        let old = before.map(|v| self.blob(v.mode, v.id)).transpose()?;
        let (new, shown) = match change.work {
            Work::AsIndex(Some(v)) => (Some(self.blob(v.mode, v.id)?), Shown::Whole),
            Work::Other { mode, .. } => {
                let (new, shown) = self.work(change, mode, old.as_ref(), attributes, comparer)?;
                (Some(new), shown)
            }
            _ => (None, Shown::Whole),
        };
        let is_binary = |side: &Option<Side>| side.as_ref().is_some_and(|side| side.bytes.contains(&0));
        if is_binary(&old) || is_binary(&new) {
            return Err(Shown::Binary);
        }
        let (diff, is_redacted) = self.between(change, old.as_ref(), new.as_ref(), comparer)?;
        match (diff.is_empty(), is_redacted) {
            (true, _) => Err(Shown::Nothing),
            (false, true) => Ok((Shown::Redacted, diff)),
            (false, false) => Ok((shown, diff)),
        }
    }

    fn blob(&self, mode: u32, id: ObjectId) -> Result<Side, Shown> {
        use crate::objects::ObjectError;
        let bytes = self.objects.blob(id, self.limits.file_bytes).map_err(|e| match e {
            ObjectError::TooLarge(..) => Shown::TooLarge,
            _ => Shown::Unreadable,
        })?;
        Ok(Side { mode, id, bytes })
    }

    /// What lies in the working tree, as git would take it.
    fn work(
        &self,
        change: &Compared,
        mode: u32,
        old: Option<&Side>,
        attributes: Attributes,
        comparer: &mut Comparer<'_>,
    ) -> Result<(Side, Shown), Shown> {
        let (file, about) = comparer.place(&change.path).ok().flatten().ok_or(Shown::Unreadable)?;
        let side = |bytes: Vec<u8>, shown| -> Result<(Side, Shown), Shown> {
            let id = blob_id(&bytes).ok_or(Shown::Unreadable)?;
            Ok((Side { mode, id, bytes }, shown))
        };
        if about.is_symlink() {
            return side(link(&file).map_err(|_| Shown::Unreadable)?, Shown::Whole);
        }
        if attributes.is_filtered {
            return Err(Shown::Unreadable);
        }
        if about.len() > self.limits.file_bytes {
            return Err(Shown::TooLarge);
        }
        let bytes = match read(&file, self.limits.file_bytes) {
            Ok(Some((bytes, _))) => bytes,
            Ok(None) => return Err(Shown::Unreadable),
            Err(e) if e.kind() == std::io::ErrorKind::FileTooLarge => return Err(Shown::TooLarge),
            Err(_) => return Err(Shown::Unreadable),
        };
        let has_crlf = |bytes: &[u8]| bytes.windows(2).any(|pair| pair == b"\r\n");
        let is_all_crlf = || {
            let mut ends = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n');
            ends.all(|(at, _)| at > 0 && bytes[at - 1] == b'\r')
        };
        // As git's "safe" conversion: what is committed with CR LF stays so.
        let converts = match (attributes.endings, old) {
            (Endings::Keeps, _) | (Endings::Unknown, None) => false,
            (Endings::Converts, None) => true,
            (Endings::Converts, Some(old)) => !has_crlf(&old.bytes),
            (Endings::Unknown, Some(old)) => !has_crlf(&old.bytes) && is_all_crlf(),
        };
        if converts && mode != MODE_LINK && has_crlf(&bytes) && !bytes.contains(&0) {
            return side(with_lf(&bytes), Shown::LineEndings);
        }
        side(bytes, Shown::Whole)
    }

    /// One file's part, and whether something in it is replaced. Empty: the two are the same.
    fn between(
        &self,
        change: &Compared,
        old: Option<&Side>,
        new: Option<&Side>,
        comparer: &Comparer<'_>,
    ) -> Result<(String, bool), Shown> {
        // A file in a link's place, or the other way round, is one gone and one come.
        if let (Some(a), Some(b)) = (old, new)
            && (a.mode == MODE_LINK) != (b.mode == MODE_LINK)
        {
            let (gone, is_gone_redacted) = self.between(change, old, None, comparer)?;
            let (come, is_come_redacted) = self.between(change, None, new, comparer)?;
            return Ok((gone + &come, is_gone_redacted || is_come_redacted));
        }
        let (a, b) = (quote::in_header("a/", &change.path), quote::in_header("b/", &change.path));
        let mut out = format!("diff --git {a} {b}\n");
        let none = ObjectId::null(gix_hash::Kind::Sha1);
        let (old_id, new_id) = (old.map_or(none, |s| s.id), new.map_or(none, |s| s.id));
        let mut mode = String::new();
        match (old, new) {
            (Some(old), None) => out += &format!("deleted file mode {:06o}\n", old.mode),
            (None, Some(new)) => out += &format!("new file mode {:06o}\n", new.mode),
            (Some(old), Some(new)) if old.mode != new.mode => {
                out += &format!("old mode {:06o}\nnew mode {:06o}\n", old.mode, new.mode);
            }
            (Some(old), Some(new)) if old.id == new.id => return Ok((String::new(), false)),
            (Some(old), Some(_)) => mode = format!(" {:06o}", old.mode),
            (None, None) => return Ok((String::new(), false)),
        }
        if old_id == new_id {
            return Ok((out, false));
        }
        out += &format!("index {old_id}..{new_id}{mode}\n");
        let text = |side: Option<&Side>| side.map_or(Ok(String::new()), |s| String::from_utf8(s.bytes.clone()));
        let old_text = text(old).map_err(|_| Shown::Encoding)?;
        let new_text = text(new).map_err(|_| Shown::Encoding)?;
        let told = |text: &str| -> Vec<String> {
            redact::lines(&change.path, text).into_iter().map(Cow::into_owned).collect()
        };
        let (old_told, new_told) = (told(&old_text), told(&new_text));
        let texts = (Text::of(&old_text, &old_told), Text::of(&new_text, &new_told));
        let (hunks, is_redacted) = hunks::between(&texts.0, &texts.1, comparer.look.budget.deadline);
        if !hunks.is_empty() {
            // Git ends a name with blanks in it with a tab, for other programs' sake.
            let tab = if change.path.contains(&b' ') && !a.starts_with('"') { "\t" } else { "" };
            let name = |is: bool, name: &str| if is { format!("{name}{tab}") } else { "/dev/null".to_owned() };
            out += &format!("--- {}\n+++ {}\n", name(old.is_some(), &a), name(new.is_some(), &b));
            out += &hunks;
        }
        Ok((out, is_redacted))
    }
}
