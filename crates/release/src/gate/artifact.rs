//! The artifact itself: is it whole, how large is it, what in it is a risk.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Ruling, Verdict};
use crate::names::Digest;
use crate::tree::Tree;

/// Whole: it is what its digest says, and an MLflow model has the files that its `MLmodel` names.
pub fn complete(path: &Path, tree: &Tree, wanted: Option<&Digest>) -> Verdict {
    const GATE: &str = "artifact";
    let evidence = json!({ "digest": tree.digest, "n_files": tree.files.len(), "bytes": tree.bytes() });
    if let Some(wanted) = wanted.filter(|wanted| **wanted != tree.digest) {
        let says = format!("it holds {}, not {}", tree.digest.short(), wanted.short());
        return Verdict::new(GATE, Ruling::Fail, says).with(evidence);
    }
    if let Some(empty) = tree.files.iter().find(|file| file.bytes == 0 && !file.path.ends_with("__init__.py")) {
        return Verdict::new(GATE, Ruling::Inconclusive, format!("{} is empty", empty.path)).with(evidence);
    }
    let has =
        |name: &str| tree.files.iter().any(|file| file.path == name || file.path.starts_with(&format!("{name}/")));
    if has("MLmodel") {
        let text = match read_some(&path.join("MLmodel"), 1 << 20) {
            Ok(text) => text,
            Err(e) => return Verdict::new(GATE, Ruling::Error, format!("MLmodel: {e}")).with(evidence),
        };
        let model: serde_norway::Value = match serde_norway::from_str(&text) {
            Ok(model) => model,
            Err(e) => return Verdict::new(GATE, Ruling::Fail, format!("MLmodel does not read: {e}")).with(evidence),
        };
        for named in named_files(&model) {
            if !has(named.trim_end_matches('/')) {
                let says = format!("MLmodel names {named}, which is not there");
                return Verdict::new(GATE, Ruling::Fail, says).with(evidence);
            }
        }
    }
    let says = format!("{} files, {}", tree.files.len(), tree.digest.short());
    Verdict::new(GATE, Ruling::Pass, says).with(evidence)
}

/// The files that MLflow's flavors need to load (`mlflow/models/model.py`, `mlflow/pyfunc/__init__.py`).
fn named_files(model: &serde_norway::Value) -> Vec<String> {
    let mut named = Vec::new();
    for (flavor, keys) in [("python_function", ["model_path", "data", "code"]), ("sklearn", ["pickled_model", "", ""])]
    {
        for key in keys {
            if let Some(name) =
                model.get("flavors").and_then(|f| f.get(flavor)).and_then(|f| f.get(key)).and_then(|v| v.as_str())
            {
                named.push(name.to_owned());
            }
        }
    }
    named.dedup();
    named
}

/// Not above what the policy allows.
pub fn size(tree: &Tree, max_bytes: Option<u64>) -> Verdict {
    const GATE: &str = "size";
    let bytes = tree.bytes();
    let evidence = json!({ "bytes": bytes, "max_bytes": max_bytes });
    match max_bytes {
        None => Verdict::new(GATE, Ruling::Skipped, format!("{}; no limit is set", size_of(bytes))),
        Some(max) if bytes > max => {
            Verdict::new(GATE, Ruling::Fail, format!("{}, more than {}", size_of(bytes), size_of(max)))
        }
        Some(max) => Verdict::new(GATE, Ruling::Pass, format!("{} of {}", size_of(bytes), size_of(max))),
    }
    .with(evidence)
}

/// Something in an artifact that one should know of before others load it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Risk {
    /// Loading it runs what its author put in.
    Pickle { path: String },
    /// It looks like a secret. What it is, not what it says.
    Secret { path: String, kind: String, line: usize },
    /// It could not be looked through.
    Unread { path: String, why: String },
}

const READ_BYTES: u64 = 4 << 20;

/// What is a risk in an artifact. Shown, not judged: most models of scikit-learn are pickles.
pub fn risks(path: &Path, tree: &Tree) -> Vec<Risk> {
    let mut found = Vec::new();
    for file in &tree.files {
        let at = if path.is_file() { path.to_path_buf() } else { path.join(&file.path) };
        let mut head = Vec::new();
        let read = fs::File::open(&at).and_then(|f| f.take(READ_BYTES).read_to_end(&mut head));
        if let Err(e) = read {
            found.push(Risk::Unread { path: file.path.clone(), why: e.to_string() });
            continue;
        }
        if is_pickle(&file.path, &head) {
            found.push(Risk::Pickle { path: file.path.clone() });
        } else if let Ok(text) = std::str::from_utf8(&head) {
            for (i, line) in text.lines().enumerate() {
                if let Some(kind) = secret_in(line) {
                    found.push(Risk::Secret { path: file.path.clone(), kind: kind.to_owned(), line: i + 1 });
                }
            }
        }
    }
    found
}

/// By name, or by the opcode PROTO with a protocol that exists (Python's `pickletools`); torch's zip holds `data.pkl`.
fn is_pickle(path: &str, head: &[u8]) -> bool {
    let by_name = [".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle"].iter().any(|end| path.ends_with(end));
    let by_bytes = head.len() > 2 && head[0] == 0x80 && (2..=5).contains(&head[1]);
    let in_zip = head.starts_with(b"PK\x03\x04") && head.windows(9).any(|part| part == b"/data.pkl");
    by_name || by_bytes || in_zip
}

/// `22.1 kB`: a power of 1000, three digits.
fn size_of(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, "B");
    for next in ["kB", "MB", "GB", "TB"] {
        if value < 999.5 {
            break;
        }
        (value, unit) = (value / 1000.0, next);
    }
    let digits = if unit == "B" || value >= 99.95 { 0 } else { 1 };
    format!("{value:.digits$} {unit}")
}

/// Shapes that the issuers document for their own keys, and private keys in PEM.
pub fn secret_in(line: &str) -> Option<&'static str> {
    let runs = |prefix: &str, n: usize, of: fn(u8) -> bool| {
        line.match_indices(prefix).any(|(at, _)| {
            let free = at == 0 || !line.as_bytes()[at - 1].is_ascii_alphanumeric();
            free && line.as_bytes()[at + prefix.len()..].iter().take_while(|b| of(**b)).count() >= n
        })
    };
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    let upper = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY-----") {
        Some("a private key")
    } else if runs("AKIA", 16, upper) || runs("ASIA", 16, upper) {
        Some("an AWS access key")
    } else if runs("ghp_", 36, word) || runs("github_pat_", 50, word) {
        Some("a GitHub token")
    } else if runs("hf_", 30, word) {
        Some("a Hugging Face token")
    } else if runs("sk-", 40, word) {
        Some("an API key")
    } else if runs("xoxb-", 20, word) {
        Some("a Slack token")
    } else {
        None
    }
}

fn read_some(path: &Path, max_bytes: u64) -> std::io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(max_bytes).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::digest_of;

    fn model(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        for (name, bytes) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, bytes).expect("written");
        }
        dir
    }

    const MLMODEL: &[u8] =
        b"flavors:\n  python_function:\n    model_path: model.pkl\n    loader_module: mlflow.sklearn\n";

    #[test]
    fn an_mlflow_model_has_the_files_that_it_names() {
        let check = |files: &[(&str, &[u8])], wanted: Ruling| {
            let dir = model(files);
            let tree = digest_of(dir.path()).expect("read");
            let verdict = complete(dir.path(), &tree, None);
            assert_eq!(verdict.ruling, wanted, "{verdict:?}");
        };
        check(&[("MLmodel", MLMODEL), ("model.pkl", b"\x80\x04")], Ruling::Pass);
        check(&[("MLmodel", MLMODEL)], Ruling::Fail);
        check(&[("MLmodel", b"flavors: [")], Ruling::Fail);
        check(&[("MLmodel", MLMODEL), ("model.pkl", b"")], Ruling::Inconclusive);
        check(&[("model.onnx", b"onnx")], Ruling::Pass);
        let dir = model(&[("model.onnx", b"onnx")]);
        let tree = digest_of(dir.path()).expect("read");
        assert_eq!(complete(dir.path(), &tree, Some(&Digest::of("other"))).ruling, Ruling::Fail);
    }

    #[test]
    fn risks_are_named_and_secrets_not_repeated() {
        let key = format!("token = 'hf_{}'", "x".repeat(34));
        let dir = model(&[
            ("model.pkl", b"anything"),
            ("weights.bin", b"\x80\x04\x95abc"),
            ("model.pt", b"PK\x03\x04....archive/data.pkl"),
            ("train.py", key.as_bytes()),
            ("id.pem", b"x\n-----BEGIN RSA PRIVATE KEY-----\n"),
            ("README.md", b"AKIA is a prefix; hf_short is none, and neither is task_hf_\n"),
        ]);
        let found = risks(dir.path(), &digest_of(dir.path()).expect("read"));
        let said: Vec<String> = found.iter().map(|risk| serde_json::to_string(risk).expect("JSON")).collect();
        assert_eq!(found.len(), 5, "{said:?}");
        assert!(found.contains(&Risk::Pickle { path: "weights.bin".into() }));
        assert!(found.contains(&Risk::Pickle { path: "model.pt".into() }));
        assert!(found.contains(&Risk::Secret { path: "id.pem".into(), kind: "a private key".into(), line: 2 }));
        assert!(!said.concat().contains("xxx"), "{said:?}");
    }
}
