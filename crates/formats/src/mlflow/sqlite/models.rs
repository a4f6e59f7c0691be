//! Logged models, registered models and their versions.

use std::collections::HashMap;

use signalbox_types::ModelRef;

use crate::{
    mlflow,
    sqlite::{
        access::{AccessError, Db},
        cell,
        schema::Schema,
    },
};

/// So many models and versions are read.
const MAX_MODELS: u32 = 20_000;

pub(crate) fn read(db: &Db, schema: &Schema) -> Result<Vec<ModelRef>, AccessError> {
    let mut models = Vec::new();
    if schema.has_table("logged_models") {
        models.extend(logged(db, schema)?);
    }
    if schema.has_table("model_versions") {
        models.extend(versions(db, schema)?);
    }
    Ok(models)
}

fn logged(db: &Db, schema: &Schema) -> Result<Vec<ModelRef>, AccessError> {
    let columns = ["name", "source_run_id", "artifact_location", "status", "creation_timestamp_ms", "lifecycle_stage"];
    let columns = schema.list("logged_models", &columns);
    let sql = format!("SELECT {columns} FROM logged_models ORDER BY rowid LIMIT {MAX_MODELS}");
    let rows = db.rows(&sql, [], |r| {
        let is_deleted = cell::text(r, 5)? == "deleted";
        let model = ModelRef {
            name: cell::text(r, 0)?,
            version: String::new(),
            run: cell::text(r, 1)?,
            stage: String::new(),
            aliases: Vec::new(),
            source: cell::text(r, 2)?,
            status: mlflow::model_status(cell::integer(r, 3)?.unwrap_or(0)).to_owned(),
            created_unix_ms: cell::integer(r, 4)?.unwrap_or(0),
        };
        Ok((!is_deleted).then_some(model))
    })?;
    Ok(rows.into_iter().flatten().collect())
}

fn versions(db: &Db, schema: &Schema) -> Result<Vec<ModelRef>, AccessError> {
    let columns = ["name", "version", "run_id", "current_stage", "source", "status", "creation_time"];
    let columns = schema.list("model_versions", &columns);
    let sql = format!("SELECT {columns} FROM model_versions ORDER BY rowid LIMIT {MAX_MODELS}");
    let mut models = db.rows(&sql, [], |r| {
        Ok(ModelRef {
            name: cell::text(r, 0)?,
            version: cell::text(r, 1)?,
            run: cell::text(r, 2)?,
            stage: cell::text(r, 3)?,
            aliases: Vec::new(),
            source: cell::text(r, 4)?,
            status: cell::text(r, 5)?,
            created_unix_ms: cell::integer(r, 6)?.unwrap_or(0),
        })
    })?;
    // A deleted version stays as a row of this stage, without its name.
    models.retain(|m| m.stage != "Deleted_Internal");
    if schema.has_table("registered_model_aliases") {
        let columns = schema.list("registered_model_aliases", &["name", "version", "alias"]);
        let sql = format!("SELECT {columns} FROM registered_model_aliases ORDER BY alias LIMIT {MAX_MODELS}");
        let aliases = db.rows(&sql, [], |r| Ok((cell::text(r, 0)?, cell::text(r, 1)?, cell::text(r, 2)?)))?;
        let mut by_version: HashMap<(String, String), Vec<String>> = HashMap::new();
        for (name, version, alias) in aliases {
            by_version.entry((name, version)).or_default().push(alias);
        }
        for model in &mut models {
            let key = (model.name.clone(), model.version.clone());
            model.aliases = by_version.remove(&key).unwrap_or_default();
        }
    }
    Ok(models)
}
