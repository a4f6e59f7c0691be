//! Paths and names as others may see them: project-relative, printable, never out of the project.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use crate::stamp::{Stamp, is_absent};

/// The longest name (of a metric, param, tag) that is passed on; what is longer is cut.
const MAX_NAME_CHARS: usize = 1_000;

/// A relative path as it stands in [`signalbox_types::Problem::path`]: `/` between parts, foreign bytes replaced.
pub(crate) fn shown(rel: &Path) -> String {
    let parts: Vec<_> = rel.components().map(|c| c.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// A name out of a file: bytes that are not UTF-8 and control characters replaced, over-long ones cut.
pub(crate) fn clean_name(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().take(MAX_NAME_CHARS).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A relative path out of a record, `/` between its parts; `None` for one that leads up, is absolute or empty, or is none
/// that a tool would write.
pub(crate) fn plain_path(path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains([':', '\0']);
    let fits = path.len() <= 4 * MAX_NAME_CHARS && !path.chars().any(char::is_control);
    (fits && path.split('/').all(is_plain)).then_some(path)
}

/// What a person would call the run in a folder: the folder, or the one above where the tool gives all of them one
/// name (`usual`); at the top, the project's.
pub(crate) fn run_name(project: &Path, rel: &Path, usual: &str) -> String {
    let rel = match rel.file_name() {
        Some(name) if name == usual => rel.parent().unwrap_or(Path::new("")),
        _ => rel,
    };
    if !rel.as_os_str().is_empty() {
        return clean_name(shown(rel).as_bytes());
    }
    let name = match project.file_name() {
        // The tool's folder itself was opened as a project.
        Some(name) if name == usual => project.parent().and_then(Path::file_name).or(Some(name)),
        name => name,
    };
    name.map_or_else(String::new, |name| clean_name(name.as_encoded_bytes()))
}

/// `rel` (relative to the project) if it is an existing directory that lies in the project once every symlink is
/// followed, in the form of `RunHead::artifact_root`.
pub(crate) fn directory_inside(project: &Path, rel: &Path) -> Option<String> {
    if !rel.components().all(|c| matches!(c, Component::Normal(_))) {
        return None;
    }
    let root = project.canonicalize().ok()?;
    let real = project.join(rel).canonicalize().ok()?;
    (real.is_dir() && real.starts_with(root)).then(|| shown(rel))
}

/// What `stat` says of a regular file that lies in one of `roots` once every symlink is followed; `None` where there
/// is none. A pipe would keep its reader waiting, and a link may lead to anything on the machine.
pub(crate) fn stamp_inside(roots: &[&Path], path: &Path) -> io::Result<Option<Stamp>> {
    let mut about = match fs::symlink_metadata(path) {
        Ok(about) => about,
        Err(e) if is_absent(&e) => return Ok(None),
        Err(e) => return Err(e),
    };
    if about.is_symlink() {
        let Ok(real) = path.canonicalize() else { return Ok(None) };
        if !roots.iter().any(|root| root.canonicalize().is_ok_and(|root| real.starts_with(root))) {
            return Ok(None);
        }
        about = fs::metadata(&real)?;
    }
    Ok(about.is_file().then(|| Stamp::of_metadata(&about)))
}

/// Whether a directory is there, and no link.
pub(crate) fn is_real_dir(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| about.is_dir())
}

/// Whether a regular file is there, and no link.
pub(crate) fn is_real_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| about.is_file())
}

/// Whether a file or directory may be read for a project: it is no link, or one that stays in the project.
pub(crate) fn may_follow(project: &Path, path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_symlink() => stays_inside(project, path),
        _ => true,
    }
}

pub(crate) fn stays_inside(project: &Path, link: &Path) -> bool {
    matches!((project.canonicalize(), link.canonicalize()), (Ok(root), Ok(real)) if real.starts_with(&root))
}

/// Where artifacts lie, relative to the project, if they lie inside of it.
///
/// `beside` are the places (project-relative) where the record's own position suggests them, tried first, since
/// recorded URIs are absolute paths of the writing machine. `uri` is what the record says; its directory may be
/// yet to come.
pub(crate) fn artifact_root(project: &Path, beside: &[PathBuf], uri: &str) -> Option<String> {
    beside.iter().find_map(|rel| directory_inside(project, rel)).or_else(|| {
        let path = uri_path(uri)?;
        if let Ok(real) = path.canonicalize() {
            let root = project.canonicalize().ok()?;
            return directory_inside(project, real.strip_prefix(root).ok()?);
        }
        let rel = path.strip_prefix(project).ok()?;
        rel.components().all(|c| matches!(c, Component::Normal(_))).then(|| shown(rel))
    })
}

/// The local path that an artifact URI names, `None` for remote ones.
pub fn uri_path(uri: &str) -> Option<PathBuf> {
    let path = match uri.strip_prefix("file:") {
        Some(rest) => percent_decoded(rest.strip_prefix("//").unwrap_or(rest)),
        None if uri.contains(":/") => return None,
        None => uri.to_owned(),
    };
    let path = PathBuf::from(path);
    path.is_absolute().then_some(path)
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = bytes.get(i + 1..i + 3).and_then(|h| std::str::from_utf8(h).ok());
        match (bytes[i], hex.and_then(|h| u8::from_str_radix(h, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 3;
            }
            (byte, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printable_and_bounded() {
        assert_eq!(clean_name(b"train/loss"), "train/loss");
        assert_eq!(clean_name(b"a\nb\x1b[31m\xff"), "a\u{fffd}b\u{fffd}[31m\u{fffd}");
        assert_eq!(clean_name(&[b'x'; 5_000]).len(), MAX_NAME_CHARS);
    }

    #[test]
    fn artifacts_never_leave_the_project() {
        let outer = tempfile::tempdir().unwrap();
        let project = outer.path().join("project");
        std::fs::create_dir_all(project.join("run/artifacts")).unwrap();
        std::fs::create_dir_all(outer.path().join("secret")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(outer.path().join("secret"), project.join("run/link")).unwrap();
        let inside = |rel: &str| directory_inside(&project, Path::new(rel));
        assert_eq!(inside("run/artifacts").as_deref(), Some("run/artifacts"));
        assert_eq!(inside("run/../../secret"), None);
        assert_eq!(inside("run/link"), None);
        assert_eq!(inside("run/missing"), None);
        let uri = format!("file://{}", outer.path().join("secret").display());
        assert_eq!(artifact_root(&project, &[], &uri), None);
        let uri = format!("file://{}", project.join("later/artifacts").display());
        assert_eq!(artifact_root(&project, &[], &uri).as_deref(), Some("later/artifacts"));
        let uri = format!("file://{}", project.join("x/../../../etc/artifacts").display());
        assert_eq!(artifact_root(&project, &[], &uri), None);
        let uri = format!("file://{}", project.join("run/artifacts").display());
        assert_eq!(artifact_root(&project, &["elsewhere".into()], &uri).as_deref(), Some("run/artifacts"));
    }

    #[test]
    fn uris_name_local_paths_only() {
        assert_eq!(uri_path("file:///a%20b/c"), Some(PathBuf::from("/a b/c")));
        assert_eq!(uri_path("/plain/path"), Some(PathBuf::from("/plain/path")));
        assert_eq!(uri_path("s3://bucket/key"), None);
        assert_eq!(uri_path("mlflow-artifacts:/1/abc"), None);
        assert_eq!(uri_path("relative/path"), None);
        assert_eq!(uri_path("file:///bad%zz"), Some(PathBuf::from("/bad%zz")));
    }
}
