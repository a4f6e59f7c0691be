//! The unified diff that a person applies.

use similar::TextDiff;

/// Three lines of context, and the names that `git apply` and `patch -p1` expect. A file that does not exist yet is
/// made from `/dev/null`, as git writes it.
pub fn unified(old: Option<&str>, new: &str) -> String {
    let from = if old.is_some() { "a/signalbox.toml" } else { "/dev/null" };
    let diff = TextDiff::from_lines(old.unwrap_or_default(), new);
    diff.unified_diff().context_radius(3).header(from, "b/signalbox.toml").to_string()
}
