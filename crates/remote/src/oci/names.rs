//! Our names in OCI's narrow grammar and back: a model is a part of a repository's name, an alias is a tag
//! (distribution-spec v1.1, "Pulling manifests"). What the grammar has no place for is written `__hh`, byte by byte.

use signalbox_release::{AliasName, ModelName, VersionName};

/// Tags that Signalbox keeps its own notes under; no alias begins so.
pub const NOTES: &str = "signalbox.";
/// Hex digits of a manifest's digest that name a version: enough to tell it by eye, as git and Docker show theirs.
pub const VERSION_DIGITS: usize = 12;
const MAX_TAG: usize = 128;
pub const MAX_REPOSITORY: usize = 255;

/// A repository's name has lower case only, and begins with a letter or a digit.
pub fn part_of_model(model: &ModelName) -> String {
    let part = written(model.as_str(), |b| b.is_ascii_lowercase() || b.is_ascii_digit());
    match part.strip_prefix('0') {
        _ if part.starts_with('_') => format!("0{part}"),
        // A model's own `0` before what is written out is no such mark.
        Some(rest) if rest.starts_with("__") => format!("0__30{rest}"),
        _ => part,
    }
}

/// `None`: no name that we would have written so.
pub fn model_of_part(part: &str) -> Option<ModelName> {
    let text = part.strip_prefix('0').filter(|rest| rest.starts_with("__")).unwrap_or(part);
    let model: ModelName = read(text)?.parse().ok()?;
    (part_of_model(&model) == part).then_some(model)
}

/// `None`: it is too long for a tag.
pub fn tag_of_alias(alias: &AliasName) -> Option<String> {
    let tag = written(alias.as_str(), |b| b.is_ascii_alphanumeric());
    // What would be taken for a version or a note is not written plainly.
    let tag = if tag.starts_with(NOTES) || is_version(&tag) {
        format!("__{:02x}{}", tag.as_bytes()[0], &tag[1..])
    } else {
        tag
    };
    (tag.len() <= MAX_TAG).then_some(tag)
}

pub fn alias_of_tag(tag: &str) -> Option<AliasName> {
    let alias: AliasName = read(tag)?.parse().ok()?;
    (tag_of_alias(&alias).as_deref() == Some(tag)).then_some(alias)
}

pub fn version_of_tag(tag: &str) -> Option<VersionName> {
    is_version(tag).then(|| tag.parse().expect("BUG: hex digits are a version's name"))
}

pub fn is_version(tag: &str) -> bool {
    tag.len() == VERSION_DIGITS && tag.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// `.`, `-` and `_` stand as they are between two plain characters, everything else that is not plain is written out.
fn written(text: &str, is_plain: fn(u8) -> bool) -> String {
    let bytes = text.as_bytes();
    let plain_at = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(|b| is_plain(*b));
    let mut out = String::new();
    for (i, &b) in bytes.iter().enumerate() {
        let parts = matches!(b, b'.' | b'-' | b'_') && plain_at(i.checked_sub(1)) && plain_at(Some(i + 1));
        if is_plain(b) || parts {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("__{b:02x}"));
        }
    }
    out
}

fn read(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        if let Some(escaped) = rest.strip_prefix("__") {
            bytes.push(u8::from_str_radix(escaped.get(..2)?, 16).ok()?);
            rest = &escaped[2..];
        } else {
            bytes.extend_from_slice(first.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &rest[first.len_utf8()..];
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_is_part_of_a_repositorys_and_comes_back() {
        for (name, part) in [
            ("churn", "churn"),
            ("churn-eu_2.1", "churn-eu_2.1"),
            ("Churn", "0__43hurn"),
            ("a b", "a__20b"),
            ("a--b", "a__2d__2db"),
            ("a__20b", "a__5f__5f20b"),
            ("a_é", "a__5f__c3__a9"),
            ("_x_", "0__5fx__5f"),
            ("0 x", "0__30__20x"),
            (" x", "0__20x"),
            ("0", "0"),
        ] {
            let model: ModelName = name.parse().expect("a name");
            assert_eq!(part_of_model(&model), part, "{name}");
            assert_eq!(model_of_part(part), Some(model), "{name}");
        }
        for foreign in ["a__2", "a__zz", "a__62", "__20", "a__c3", "UP", "a__2f__2e"] {
            assert_eq!(model_of_part(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn an_alias_is_a_tag_that_is_no_version_and_no_note() {
        for (name, tag) in [
            ("champion", "champion"),
            ("Prod_eu.1", "Prod_eu.1"),
            ("0123456789ab", "__30123456789ab"),
            ("signalbox.op.x", "__73ignalbox.op.x"),
            ("-x", "__2dx"),
        ] {
            if let Ok(alias) = name.parse::<AliasName>() {
                assert_eq!(tag_of_alias(&alias).as_deref(), Some(tag), "{name}");
                assert_eq!(alias_of_tag(tag), Some(alias), "{name}");
            }
        }
        assert_eq!(tag_of_alias(&"é".repeat(20).parse().expect("a name")), None);
        assert_eq!(alias_of_tag("signalbox.op.x"), None);
        assert_eq!(version_of_tag("0123456789ab").map(|v| v.to_string()).as_deref(), Some("0123456789ab"));
        assert!(!is_version("0123456789AB") && !is_version("latest"));
    }
}
