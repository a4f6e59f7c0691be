//! How much a model turns on each column, where a file tells it: the ranking then weighs by it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Such a file is a page; a stranger's may be anything.
const MAX_BYTES: u64 = 4 << 20;

/// `{"column": weight}` as JSON, as MLflow's autologging writes it (`feature_importance_gain.json`). Shares of the sum
/// come back; what is negative, as a coefficient may be, counts by its size.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, f64>, String> {
    let wrong = |why: String| format!("The importance of columns is not read from {}: {why}.", path.display());
    // Before it is opened: a pipe would wait for somebody to write.
    if !std::fs::metadata(path).map_err(|e| wrong(e.to_string()))?.is_file() {
        return Err(wrong("it is no file".into()));
    }
    let file = std::fs::File::open(path).map_err(|e| wrong(e.to_string()))?;
    let mut text = String::new();
    let n = file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|e| wrong(e.to_string()))?;
    if n as u64 > MAX_BYTES {
        return Err(wrong("it is larger than 4 MiB".into()));
    }
    let weights: BTreeMap<String, f64> = serde_json::from_str(&text)
        .map_err(|e| wrong(format!("{e}; a weight for each column is wanted, as {{\"age\": 0.3}}")))?;
    let sum: f64 = weights.values().map(|weight| weight.abs()).sum();
    if !(sum.is_finite() && sum > 0.0) {
        return Err(wrong("its weights add up to nothing".into()));
    }
    Ok(weights.into_iter().map(|(name, weight)| (name, weight.abs() / sum)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_become_shares_and_what_is_none_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("importance.json");
        let of = |text: &str| {
            std::fs::write(&path, text).expect("written");
            read(&path)
        };
        let shares = of(r#"{"a": 3, "b": -1.0, "c": 0}"#).expect("shares");
        assert_eq!(shares, [("a".to_owned(), 0.75), ("b".to_owned(), 0.25), ("c".to_owned(), 0.0)].into());
        for wrong in ["[1, 2]", r#"{"a": "x"}"#, r#"{"a": 0}"#, r#"{"a": 1e308, "b": 1e308, "c": 1e308}"#, "{"] {
            assert!(of(wrong).expect_err(wrong).contains("importance.json"));
        }
        assert!(read(folder.path()).is_err());
    }
}
