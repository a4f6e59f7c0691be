//! How a version is named: at the server, and in what the server itself says of it.

use signalbox_release::{Digest, Failure, FailureCode, ServiceName, VersionRef, canonical};

/// What our labels begin with; the rest is the version, as JSON.
const MARK: &str = "signalbox ";

/// What the server is made to say of a version: all that tells which it is.
pub fn label(at: &VersionRef, digest: &Digest) -> String {
    let at = VersionRef { digest: Some(digest.clone()), ..at.clone() };
    format!("{MARK}{}", canonical(&serde_json::to_value(at).expect("BUG: a version is JSON")))
}

/// The version and the digest that a label names; None for what is not ours.
pub fn read(text: &str) -> Option<VersionRef> {
    let at: VersionRef = serde_json::from_str(text.strip_prefix(MARK)?).ok()?;
    at.digest.is_some().then_some(at)
}

/// The name under which a version is loaded that takes no traffic. `version`: a version, or what stands for it.
pub fn staged(service: &str, version: &str) -> String {
    format!("{service}--{version}")
}

/// Names end in paths of two servers and of this machine, which read odd characters in three ways.
pub fn check(service: &ServiceName, version: &str) -> Result<String, Failure> {
    let name = staged(service.as_str(), version);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.chars().all(plain) && !name.starts_with('.') && name.len() <= 200 {
        return Ok(name);
    }
    Err(Failure::new(FailureCode::Invalid, format!("{name:?} cannot be the name of a model at a V2 server"))
        .hint("A service and a version here are letters, digits, dots, dashes and underscores, 200 at most."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_read_as_it_is_written_and_others_are_not_ours() {
        let at = VersionRef {
            registry: "own".parse().expect("a name"),
            model: "chürn \"x\"".parse().expect("a name"),
            version: "7".parse().expect("a name"),
            digest: Some(Digest::of("x")),
        };
        assert_eq!(read(&label(&at, &Digest::of("x"))), Some(at.clone()));
        let bare = serde_json::to_string(&VersionRef { digest: None, ..at }).expect("JSON");
        for odd in ["", "1", "signalbox", "signalbox {}", &format!("signalbox {bare}")] {
            assert_eq!(read(odd), None, "{odd}");
        }
        let evil = r#"signalbox {"registry":"own","model":"../x","version":"1","digest":null}"#;
        assert_eq!(read(evil), None);
    }

    #[test]
    fn only_plain_names_are_taken() {
        let service = |text: &str| text.parse::<ServiceName>().expect("a name");
        assert_eq!(check(&service("iris"), "7").expect("plain"), "iris--7");
        for (name, version) in
            [("ir%2fis", "7"), ("é", "7"), ("iris", "{version}"), (".x", "1"), ("a", &"1".repeat(200))]
        {
            assert!(check(&service(name), version).is_err(), "{name} {version}");
        }
    }
}
