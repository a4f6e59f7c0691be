//! What can be deployed, and the files that each server's repository must hold for it.

use std::path::Path;

use serde_json::{Value, json};
use signalbox_release::{Failure, FailureCode, Tree};

use super::Dialect;
use super::pbtxt;
use super::record::{Content, Contents};
use super::signature::Signature;

const SETTINGS: &str = "model-settings.json";
const CONFIG: &str = "config.pbtxt";
/// The artifact itself, where it is not a model of the server's own form.
const FILES: &str = "files";
const MAX_TEXT_BYTES: u64 = 4 << 20;

/// The files of a folder in which `name` is a model that says `label` of itself.
pub fn contents(dialect: Dialect, path: &Path, tree: &Tree, name: &str, label: &str) -> Result<Contents, Failure> {
    let has = |wanted: &str| tree.files.iter().any(|file| file.path == wanted);
    let nested = tree.files.iter().find(|file| file.path.ends_with(&format!("/{SETTINGS}")));
    if let (Dialect::MlServer, Some(file)) = (dialect, nested) {
        return Err(Failure::new(
            FailureCode::Invalid,
            format!("MLServer would take {} for a model of its own", file.path),
        ));
    }
    let scored = ["model.joblib", "model.pickle", "model.pkl"].into_iter().find(|wanted| has(wanted));
    match dialect {
        Dialect::MlServer if has(SETTINGS) => {
            let settings: Value = serde_json::from_str(&text(path, SETTINGS)?)
                .map_err(|e| Failure::new(FailureCode::Invalid, format!("its {SETTINGS} is no JSON: {e}")))?;
            let mut all = copies(path, tree, "");
            all.insert(SETTINGS.into(), bytes(&named_settings(settings, name, Some(label))?.to_string()));
            Ok(all)
        }
        Dialect::MlServer if has("MLmodel") => {
            is_python_function(path)?;
            Ok(generated_settings(path, tree, name, "mlserver_mlflow.MLflowRuntime", FILES, label))
        }
        Dialect::MlServer if scored.is_some() => {
            let uri = format!("{FILES}/{}", scored.unwrap_or_default());
            Ok(generated_settings(path, tree, name, "mlserver_sklearn.SKLearnModel", &uri, label))
        }
        Dialect::Triton if has(CONFIG) => {
            let mut all = copies(path, tree, "");
            all.insert(CONFIG.into(), bytes(&pbtxt::renamed(&text(path, CONFIG)?, name, label)?));
            Ok(all)
        }
        Dialect::Triton if has("MLmodel") => {
            is_python_function(path)?;
            let signature = Signature::of(&text(path, "MLmodel")?)?;
            let mut all = copies(path, tree, &format!("1/{FILES}/"));
            all.insert(CONFIG.into(), bytes(&pbtxt::of_mlflow(name, &signature, label)));
            all.insert("1/model.py".into(), bytes(include_str!("mlflow_model.py")));
            // A file where Python would make a folder: Triton takes a model whose folder changed for another one, and
            // would load it anew when its service is routed.
            all.insert("1/__pycache__".into(), bytes(""));
            Ok(all)
        }
        Dialect::Triton if has("model.onnx") => {
            let mut all = copies(path, tree, "1/");
            // Triton reads inputs and outputs from the graph itself, if it has that backend.
            all.insert(CONFIG.into(), bytes(&pbtxt::renamed("backend: \"onnxruntime\"", name, label)?));
            Ok(all)
        }
        Dialect::MlServer => Err(unknown(
            path,
            "an MLflow model, a scikit-learn model.joblib or model.pkl, or a folder with model-settings.json",
        )),
        Dialect::Triton => Err(unknown(path, "an MLflow model, a model.onnx, or a folder with config.pbtxt")),
    }
}

/// MLServer's settings of a staged model, as those of the service: the same files, loaded once more.
pub fn live_settings(staged: &Value, name: &str, staged_name: &str) -> Result<Value, Failure> {
    let mut settings = named_settings(staged.clone(), name, None)?;
    if let Some(uri) = settings["parameters"]["uri"].as_str().and_then(|uri| uri.strip_prefix("./")) {
        settings["parameters"]["uri"] = json!(format!("../{staged_name}/{uri}"));
    }
    Ok(settings)
}

/// Whether MLServer's settings name code that must lie beside them.
pub fn brings_code(settings: &Value) -> bool {
    let of = settings["implementation"].as_str().unwrap_or("");
    !of.starts_with("mlserver_") && !of.starts_with("mlserver.")
}

/// Without a version of their own: MLServer gives requests to a newer version before it is loaded, but replaces a model
/// without a version only when the next is (`mlserver/registry.py`).
fn named_settings(mut settings: Value, name: &str, label: Option<&str>) -> Result<Value, Failure> {
    let odd = || Failure::new(FailureCode::Invalid, format!("its {SETTINGS} is not what MLServer reads"));
    let object = settings.as_object_mut().ok_or_else(odd)?;
    object.insert("name".into(), json!(name));
    if let Some(parameters) = object.get_mut("parameters").and_then(Value::as_object_mut) {
        parameters.remove("version");
    }
    if let Some(label) = label {
        let theirs = object.get("versions").and_then(Value::as_array).cloned().unwrap_or_default();
        let all: Vec<Value> = std::iter::once(json!(label)).chain(theirs).collect();
        object.insert("versions".into(), json!(all));
    }
    Ok(settings)
}

fn generated_settings(path: &Path, tree: &Tree, name: &str, runtime: &str, uri: &str, label: &str) -> Contents {
    let mut all = copies(path, tree, &format!("{FILES}/"));
    let settings = json!({ "name": name, "implementation": runtime, "versions": [label],
        "parameters": { "uri": format!("./{uri}") } });
    all.insert(SETTINGS.into(), bytes(&settings.to_string()));
    all
}

fn copies(path: &Path, tree: &Tree, prefix: &str) -> Contents {
    let from = |below: &str| if path.is_file() { path.to_path_buf() } else { path.join(below) };
    let files = tree.files.iter();
    files.map(|file| (format!("{prefix}{}", file.path), Content::Copy(from(&file.path), file.digest.clone()))).collect()
}

fn bytes(text: &str) -> Content {
    Content::Bytes(text.as_bytes().to_vec())
}

fn text(path: &Path, below: &str) -> Result<String, Failure> {
    let path = path.join(below);
    let io = |e| super::folder::local(&path, &e);
    if std::fs::metadata(&path).map_err(io)?.len() > MAX_TEXT_BYTES {
        return Err(Failure::new(FailureCode::Invalid, format!("{} is too large to be read", path.display())));
    }
    std::fs::read_to_string(&path).map_err(io)
}

fn is_python_function(path: &Path) -> Result<(), Failure> {
    let file: Value = serde_norway::from_str(&text(path, "MLmodel")?)
        .map_err(|_| Failure::new(FailureCode::Invalid, "its MLmodel is no YAML"))?;
    if file["flavors"]["python_function"].is_object() {
        return Ok(());
    }
    Err(Failure::new(FailureCode::Invalid, "this MLflow model has no python_function flavor")
        .hint("Log it with a flavor that MLflow itself can serve."))
}

fn unknown(path: &Path, takes: &str) -> Failure {
    Failure::new(FailureCode::Invalid, format!("{} is nothing that this server can load", path.display()))
        .hint(format!("It takes {takes}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox_release::digest_of;

    #[test]
    fn mlserver_gets_its_settings_with_our_label() {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| std::fs::write(dir.path().join(path), text).expect("written");
        write(
            "model-settings.json",
            r#"{"name":"x","implementation":"my.Model","versions":["sk/1"],"parameters":{"version":"9","uri":"./a"}}"#,
        );
        write("my.py", "");
        let tree = digest_of(dir.path()).expect("read");
        let all = contents(Dialect::MlServer, dir.path(), &tree, "iris--1", "signalbox x").expect("files");
        let Content::Bytes(settings) = &all[SETTINGS] else { panic!("generated") };
        let settings: Value = serde_json::from_slice(settings).expect("JSON");
        assert_eq!(
            settings,
            json!({"name": "iris--1", "implementation": "my.Model", "versions": ["signalbox x", "sk/1"], "parameters": {"uri": "./a"}})
        );
        assert!(brings_code(&settings) && all.contains_key("my.py"));
        let live = live_settings(&settings, "iris", "iris--1").expect("settings");
        assert_eq!((&live["name"], &live["parameters"]["uri"]), (&json!("iris"), &json!("../iris--1/a")));
        assert!(contents(Dialect::Triton, dir.path(), &tree, "n", "l").expect_err("not Triton's").hint.is_some());
    }

    #[test]
    fn an_onnx_model_is_named_and_what_is_neither_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("model.onnx"), "graph").expect("written");
        let tree = digest_of(dir.path()).expect("read");
        let all = contents(Dialect::Triton, dir.path(), &tree, "n", "l").expect("files");
        assert_eq!(all.keys().collect::<Vec<_>>(), ["1/model.onnx", "config.pbtxt"]);
        assert_eq!(
            contents(Dialect::MlServer, dir.path(), &tree, "n", "l").expect_err("no").code,
            FailureCode::Invalid
        );
        std::fs::write(dir.path().join("MLmodel"), "flavors: {onnx: {}}").expect("written");
        let tree = digest_of(dir.path()).expect("read");
        assert!(
            contents(Dialect::MlServer, dir.path(), &tree, "n", "l")
                .expect_err("no")
                .message
                .contains("python_function")
        );
    }
}
