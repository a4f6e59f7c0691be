//! What a version's files say of it.

use crate::promotion::{reading, views};
use crate::wire::*;
use signalbox_release::{Registry, Version, digest_of, gate};
use std::path::Path;

/// What is needed to run a model, as tools write it; at the artifact's top.
const ENVIRONMENT: [&str; 9] = [
    "requirements.txt",
    "python_env.yaml",
    "conda.yaml",
    "environment.yml",
    "pyproject.toml",
    "uv.lock",
    "poetry.lock",
    "Pipfile.lock",
    "MLmodel",
];
const MAX_TEXT_BYTES: u64 = 64 << 10;

pub(super) fn look(registry: &dyn Registry, version: &Version) -> (LineageArtifact, LineageEnvironment) {
    let not = |failure| (LineageArtifact { failure: Some(failure), ..Default::default() }, Default::default());
    let folder = match registry.fetch(version, &reading()) {
        Ok(folder) => folder,
        Err(e) => return not(views::failure(&e)),
    };
    let tree = match digest_of(&folder) {
        Ok(tree) => tree,
        Err(e) => return not(FailureView { message: sentence(&e.to_string()), hint: None, code: None }),
    };
    let files: Vec<ArtifactDigest> = tree
        .files
        .iter()
        .map(|file| ArtifactDigest { path: file.path.clone(), bytes: file.bytes, digest: file.digest.to_string() })
        .collect();
    let mut environment = LineageEnvironment::default();
    for file in files.iter().filter(|file| ENVIRONMENT.contains(&file.path.as_str())) {
        let text = text(&folder, file);
        if file.path == "MLmodel" {
            let said = text.as_deref().unwrap_or_default();
            environment.python = value(said, "python_version:");
            environment.mlflow = value(said, "mlflow_version:");
        } else {
            let (path, digest) = (file.path.clone(), file.digest.clone());
            environment.files.push(EnvironmentFile { path, bytes: file.bytes, digest, text });
        }
    }
    let bytes = tree.bytes();
    (LineageArtifact { digest: Some(tree.digest.to_string()), bytes, files, failure: None }, environment)
}

fn text(folder: &Path, file: &ArtifactDigest) -> Option<String> {
    if file.bytes > MAX_TEXT_BYTES {
        return None;
    }
    // An artifact that is a single file is no folder.
    let path = if folder.is_file() { folder.to_owned() } else { folder.join(&file.path) };
    let text = std::fs::read_to_string(path).ok()?;
    let line = |line: &str| match gate::secret_in(line) {
        Some(kind) => format!("(left out: it looks like {kind})"),
        None => super::without_user(line),
    };
    Some(
        text.split_inclusive('\n')
            .map(|whole| {
                let bare = whole.trim_end_matches('\n');
                line(bare) + &whole[bare.len()..]
            })
            .collect(),
    )
}

/// Of a line `key value` of a YAML file that MLflow wrote; enough for two scalars.
fn value(text: &str, key: &str) -> Option<String> {
    let rest = text.lines().find_map(|line| line.trim_start().strip_prefix(key))?;
    let rest = rest.trim().trim_matches(['\'', '"']);
    (!rest.is_empty() && rest != "null").then(|| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_into_a_report_holds_no_secret() {
        let dir = tempfile::tempdir().expect("a folder");
        let said = "--extra-index-url https://ci:tok3n@pypi.example/simple\nnumpy==2.1\ntoken = ghp_0123456789012345678901234567890123456789\n";
        std::fs::write(dir.path().join("requirements.txt"), said).expect("written");
        let file = ArtifactDigest { path: "requirements.txt".into(), bytes: 10, digest: String::new() };
        let told =
            "--extra-index-url https://pypi.example/simple\nnumpy==2.1\n(left out: it looks like a GitHub token)\n";
        assert_eq!(text(dir.path(), &file).as_deref(), Some(told));
        assert_eq!(super::super::without_user("git@host:a/b and https://x@y/z@w"), "git@host:a/b and https://y/z@w");
    }

    #[test]
    fn two_scalars_of_a_model() {
        let text =
            "flavors:\n  python_function:\n    python_version: 3.11.7\nmlflow_version: '3.17.2'\nprompts: null\n";
        assert_eq!(value(text, "python_version:").as_deref(), Some("3.11.7"));
        assert_eq!(value(text, "mlflow_version:").as_deref(), Some("3.17.2"));
        assert_eq!((value(text, "prompts:"), value(text, "none:")), (None, None));
    }
}
