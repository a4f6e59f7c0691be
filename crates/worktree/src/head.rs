//! Which commit HEAD names: a branch or a commit, refs as files or in `packed-refs` (git's `refs/files-backend.c`).

use gix_hash::ObjectId;

use crate::{Trouble, repository::Repository};

const MAX_LINE: u64 = 4096;
/// Half a million refs.
const MAX_PACKED: u64 = 64 << 20;
/// As git: a ref may name a ref.
const MAX_DEPTH: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// `None`: detached.
    pub branch: Option<String>,
    /// `None`: the branch has no commit yet.
    pub id: Option<ObjectId>,
}

enum Target {
    Id(ObjectId),
    Ref(String),
}

impl Head {
    pub(crate) fn read(repository: &Repository) -> Result<Head, Trouble> {
        let damaged = || Trouble::Damaged("HEAD");
        let text = repository.read(&repository.head, "HEAD", MAX_LINE).map_err(Trouble::Unreadable)?;
        let (text, _) = text.ok_or_else(damaged)?;
        let mut name = match target(&text).ok_or_else(damaged)? {
            Target::Id(id) => return Ok(Head { branch: None, id: Some(id) }),
            Target::Ref(name) => name,
        };
        let branch = name.strip_prefix("refs/heads/").unwrap_or(&name).to_owned();
        for _ in 0..MAX_DEPTH {
            match loose(repository, &name)? {
                Some(Target::Id(id)) => return Ok(Head { branch: Some(branch), id: Some(id) }),
                Some(Target::Ref(next)) => name = next,
                None => return Ok(Head { branch: Some(branch), id: packed(repository, &name)? }),
            }
        }
        Err(Trouble::Damaged("a ref that names itself"))
    }
}

fn loose(repository: &Repository, name: &str) -> Result<Option<Target>, Trouble> {
    // Each linked working tree has these of its own.
    let is_own = ["refs/bisect/", "refs/worktree/", "refs/rewritten/"].iter().any(|own| name.starts_with(own));
    let dir = if is_own { &repository.head } else { &repository.common };
    let text = repository.read(dir, name, MAX_LINE).map_err(Trouble::Unreadable)?;
    text.map(|(text, _)| target(&text).ok_or(Trouble::Damaged("a ref"))).transpose()
}

fn packed(repository: &Repository, name: &str) -> Result<Option<ObjectId>, Trouble> {
    let text = repository.read(&repository.common, "packed-refs", MAX_PACKED).map_err(Trouble::Unreadable)?;
    let Some((text, _)) = text else { return Ok(None) };
    let of_line = |line: &[u8]| {
        let (id, rest) = line.split_at_checked(40)?;
        let is_it = rest.strip_prefix(b" ")?.trim_ascii_end() == name.as_bytes();
        is_it.then(|| ObjectId::from_hex(id).ok()).flatten()
    };
    Ok(text.split(|b| *b == b'\n').find_map(of_line))
}

fn target(text: &[u8]) -> Option<Target> {
    let text = std::str::from_utf8(text).ok()?.trim_end();
    match text.strip_prefix("ref:") {
        Some(name) => Some(Target::Ref(name.trim().to_owned()).filter_ref()?),
        None if text.len() == 40 => ObjectId::from_hex(text.as_bytes()).ok().map(Target::Id),
        None => None,
    }
}

impl Target {
    /// A ref's name as git allows it (`git check-ref-format`), and below `refs/`: nothing that leads elsewhere.
    fn filter_ref(self) -> Option<Target> {
        let Target::Ref(name) = &self else { return Some(self) };
        let allowed = |c: char| !c.is_control() && !matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
        let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
        let fits = name.starts_with("refs/") && name.len() <= 1024 && !name.contains("..") && !name.contains("@{");
        (fits && name.chars().all(allowed) && name.split('/').all(part)).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let ref_of = |text: &str| match target(text.as_bytes()) {
            Some(Target::Ref(name)) => Some(name),
            _ => None,
        };
        assert_eq!(ref_of("ref: refs/heads/a/b\n").as_deref(), Some("refs/heads/a/b"));
        for odd in
            ["ref: ../x", "ref: refs/../../x", "ref: /etc/passwd", "ref: refs//a", "ref: refs/heads/.invalid", ""]
        {
            assert!(ref_of(odd).is_none(), "{odd}");
        }
        let id = "0123456789012345678901234567890123456789";
        assert!(matches!(target(id.as_bytes()), Some(Target::Id(_))));
        assert!(target(&id.as_bytes()[1..]).is_none());
    }
}
