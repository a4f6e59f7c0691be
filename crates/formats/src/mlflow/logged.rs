//! What a run took in and put out: data sets (`inputs/`) and logged models (`outputs/`, or a tag before MLflow 3).

use std::path::{Path, PathBuf};

use signalbox_types::{DatasetRef, Lifecycle, ModelRef};

use crate::{
    mlflow::{self, run_meta},
    stamp::Stamp,
    yaml,
};

/// So many inputs or outputs of one run are looked at.
const MAX_ENTRIES: usize = 1_000;

/// The `meta.yaml` of each entry of a directory such as `inputs`, by the entry's name.
pub(crate) fn entries(dir: &Path) -> Vec<(String, PathBuf, Stamp)> {
    let Ok(found) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut out: Vec<_> = found
        .flatten()
        .take(MAX_ENTRIES)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let path = entry.path().join("meta.yaml");
            let stamp = Stamp::of(&path).ok()?;
            Some((name, path, stamp))
        })
        .collect();
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out
}

/// A number that changes when one of the files does.
pub(crate) fn signature<'a>(files: impl Iterator<Item = (&'a str, Stamp)>) -> u32 {
    files.fold(0, |crc, (name, stamp)| {
        let crc = crc32c::crc32c_append(crc, name.as_bytes());
        let crc = crc32c::crc32c_append(crc, &stamp.mtime_ns.to_le_bytes());
        crc32c::crc32c_append(crc, &stamp.len.to_le_bytes())
    })
}

/// The data set that `inputs/<id>/meta.yaml` names, from the experiment's `datasets/<id>/meta.yaml`.
pub(crate) fn dataset(input_meta: &Path, experiment: &Path, bytes: &mut u64) -> Option<DatasetRef> {
    let input = yaml::read_mapping(input_meta, bytes).ok()?;
    let id = yaml::text(&input, "source_id").filter(|id| mlflow::is_plain_id(id))?;
    let meta = yaml::read_mapping(&experiment.join("datasets").join(id).join("meta.yaml"), bytes).ok()?;
    let text = |key| yaml::cut_text(yaml::text(&meta, key).unwrap_or_default());
    let tags = input.get("tags").and_then(|t| t.as_mapping());
    let schema = text("schema");
    Some(DatasetRef {
        name: text("name"),
        digest: text("digest"),
        context: tags.and_then(|t| yaml::text(t, mlflow::DATA_CONTEXT)).unwrap_or_default(),
        source: source_words(&text("source_type"), &text("source")),
        schema: if schema.is_empty() { text("profile") } else { schema },
    })
}

/// Source type and source of a data set, as one JSON object.
pub(crate) fn source_words(source_type: &str, source: &str) -> String {
    serde_json::json!({ "type": source_type, "source": source }).to_string()
}

/// A logged model (MLflow 3) from its `meta.yaml`; `None` if it was deleted or tells nothing.
pub(crate) fn model(meta: &Path, run: &str, bytes: &mut u64) -> Option<ModelRef> {
    let meta = yaml::read_mapping(meta, bytes).ok()?;
    if run_meta::lifecycle(&meta) == Lifecycle::Deleted {
        return None;
    }
    let text = |key| yaml::text(&meta, key).unwrap_or_default();
    Some(ModelRef {
        name: text("name"),
        version: String::new(),
        run: run.to_owned(),
        stage: String::new(),
        aliases: Vec::new(),
        source: text("artifact_location"),
        status: mlflow::model_status(yaml::integer(&meta, "status").unwrap_or(0)).to_owned(),
        created_unix_ms: yaml::integer(&meta, "creation_timestamp").unwrap_or(0),
    })
}

/// The models that tag `mlflow.log-model.history` lists (MLflow 1 and 2 keep them as artifacts).
pub(crate) fn models_of_history(json: &str, run: &str) -> Vec<ModelRef> {
    let Ok(serde_json::Value::Array(items)) = serde_json::from_str(json) else { return Vec::new() };
    let model = |item: &serde_json::Value| {
        let path = item.get("artifact_path")?.as_str()?;
        let created = item.get("utc_time_created").and_then(|t| t.as_str());
        Some(ModelRef {
            name: path.to_owned(),
            version: String::new(),
            run: run.to_owned(),
            stage: String::new(),
            aliases: Vec::new(),
            source: format!("runs:/{run}/{path}"),
            status: String::new(),
            created_unix_ms: created.and_then(crate::text::clock::unix_of_iso).map_or(0, |s| (s * 1e3).round() as i64),
        })
    };
    items.iter().take(MAX_ENTRIES).filter_map(model).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_tags() {
        let json =
            r#"[{"run_id": "r", "artifact_path": "model", "utc_time_created": "2026-11-21 10:10:00.500000"}, 7]"#;
        let models = models_of_history(json, "r1");
        assert_eq!(models.len(), 1);
        assert_eq!((models[0].name.as_str(), models[0].created_unix_ms), ("model", 1_795_255_800_500));
        assert_eq!(models[0].source, "runs:/r1/model");
        assert!(models_of_history("{}", "r").is_empty() && models_of_history("nonsense", "r").is_empty());
    }
}
