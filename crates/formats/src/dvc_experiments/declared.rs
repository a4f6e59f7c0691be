//! What `dvc.yaml` says of a tree's files: where metrics and parameters are (DVC's user guide, "dvc.yaml"; its
//! `dvc/schema.py`).

use std::collections::BTreeSet;

use serde_json::Value;

/// The file of a stage's parameters that names none.
const PARAMS: &str = "params.yaml";

/// Files by their path in the tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Declared {
    pub metrics: BTreeSet<String>,
    pub params: BTreeSet<String>,
}

impl Declared {
    /// Adds what the `dvc.yaml` of the folder `dir` says.
    pub(crate) fn read(&mut self, dir: &str, dvc_yaml: &Value) {
        self.params.extend(join(dir, PARAMS));
        let of =
            |dir: &str, list: Option<&Value>| -> Vec<String> { files(list).filter_map(|f| join(dir, f)).collect() };
        self.metrics.extend(of(dir, dvc_yaml.get("metrics")));
        self.params.extend(of(dir, dvc_yaml.get("params")));
        for stage in dvc_yaml.get("stages").and_then(Value::as_object).into_iter().flatten().map(|(_, stage)| stage) {
            let wdir = stage.get("wdir").and_then(Value::as_str).unwrap_or(".");
            let Some(dir) = join(dir, wdir) else { continue };
            self.metrics.extend(of(&dir, stage.get("metrics")));
            // A bare name is a parameter's, of the file that is usual.
            let params = stage.get("params").and_then(Value::as_array).into_iter().flatten();
            let named = params.filter_map(Value::as_object).flat_map(|files| files.keys());
            self.params.extend(named.filter_map(|file| join(&dir, file)));
            self.params.extend(join(&dir, PARAMS));
        }
    }
}

/// A list's items: paths, or paths with options.
fn files(list: Option<&Value>) -> impl Iterator<Item = &str> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.flat_map(|item| match item {
        Value::String(path) => vec![path.as_str()],
        Value::Object(options) => options.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    })
}

/// A path below `dir`, by its words alone; `None` if it leads out of the tree.
pub(crate) fn join(dir: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains('\\') {
        return None;
    }
    let mut parts: Vec<&str> = dir.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let check =
            |dir, path, expected: Option<&str>| assert_eq!(join(dir, path).as_deref(), expected, "{dir} {path}");
        check("", "dvclive/metrics.json", Some("dvclive/metrics.json"));
        check("a/b", "../m.json", Some("a/m.json"));
        check("a", "./x//y", Some("a/x/y"));
        check("a", ".", Some("a"));
        check("a", "../../m.json", None);
        check("", "/etc/passwd", None);
    }

    #[test]
    fn both_kinds_of_lists() {
        let mut declared = Declared::default();
        let dvc_yaml = serde_json::json!({
            "metrics": ["dvclive/metrics.json", 1], "params": ["dvclive/params.yaml"],
            "stages": {
                "train": {"wdir": "../src", "params": ["lr", {"conf.json": ["a"]}], "metrics": [{"m.json": {"cache": false}}]},
                "odd": {"wdir": "../../..", "metrics": ["x.json"]}, "none": null,
            },
        });
        declared.read("p", &dvc_yaml);
        let of = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>();
        assert_eq!(of(&declared.metrics), ["p/dvclive/metrics.json", "src/m.json"]);
        assert_eq!(
            of(&declared.params),
            ["p/dvclive/params.yaml", "p/params.yaml", "src/conf.json", "src/params.yaml"]
        );
    }
}
