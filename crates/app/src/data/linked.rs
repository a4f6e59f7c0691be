//! What else knows a data file: runs that were given it (MLflow's dataset inputs), and DVC.

use crate::app::App;
use crate::project::OpenProject;
use crate::wire::{DataSource, DvcOut, SourceRun};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// A source tells no more of its runs than these, the newest first.
const MAX_RUNS: usize = 50;
/// Of all of DVC's files: a lock of many stages is some hundred kilobytes.
const MAX_BYTES: u64 = 16 << 20;

/// Puts into each source what is known of it. `dvc`: the project's `*.dvc` and `dvc.lock` files.
pub(super) fn link(app: &App, project: &OpenProject, dvc: &[PathBuf], sources: &mut [DataSource]) {
    let outs = outs_of(dvc, &project.root);
    let given = app.with_reader(|reader| Ok(reader.dataset_sources(project.id)?)).unwrap_or_default();
    let catalogue = project.catalogue();
    // By the last part of the path, the newest first: each source then looks at its own few.
    let mut by_name: HashMap<OsString, Vec<(usize, PathBuf)>> = HashMap::new();
    for (at, (_, _, told)) in given.iter().enumerate().rev() {
        for path in paths_of(told) {
            if let Some(name) = path.file_name() {
                by_name.entry(name.to_owned()).or_default().push((at, path));
            }
        }
    }
    for source in sources.iter_mut() {
        let rel = Path::new(&source.path);
        // DVC's size of a folder is of all that lies in it, ours of the data files.
        let is_same = |out: &Out| out.size.filter(|_| !source.is_folder).map(|size| size == source.bytes);
        source.dvc = outs.get(rel).map(|out| DvcOut { md5: out.md5.clone(), is_same_size: is_same(out) });
        let Some(named) = rel.file_name().and_then(|name| by_name.get(name)) else { continue };
        let mut runs: Vec<usize> = Vec::new();
        for (at, path) in named {
            if runs.len() < MAX_RUNS && !runs.contains(at) && is_same_path(path, &project.root, rel) {
                runs.push(*at);
            }
        }
        source.runs = runs
            .into_iter()
            .filter_map(|at| {
                let (run, context, _) = &given[at];
                let name = catalogue.get(*run)?.name.clone();
                Some(SourceRun { run: run.0, name, context: context.clone() })
            })
            .collect();
    }
}

/// Whether what a run was given is this file of the project: where it lies now, or where it lay before the project moved.
fn is_same_path(given: &Path, root: &Path, rel: &Path) -> bool {
    if given.is_absolute() && given.starts_with(root) {
        return given.strip_prefix(root).is_ok_and(|below| below == rel);
    }
    // Elsewhere a name alone may be anybody's; a folder and a name are the same file of another checkout.
    let n = rel.components().count();
    let given: Vec<Component> = given.components().filter(|part| *part != Component::CurDir).collect();
    if given.len() == n {
        given.iter().copied().eq(rel.components())
    } else {
        n > 1 && given.len() > n && given[given.len() - n..].iter().copied().eq(rel.components())
    }
}

/// The paths that MLflow's words on a source hold: `{"type", "source": "{\"uri\": …}"}`, one JSON in another.
fn paths_of(told: &str) -> impl Iterator<Item = PathBuf> {
    fn texts(value: &Value, depth: usize, out: &mut Vec<String>) {
        match value {
            Value::String(text) => match serde_json::from_str::<Value>(text) {
                Ok(inner) if depth < 4 && (inner.is_object() || inner.is_array()) => texts(&inner, depth + 1, out),
                _ => out.push(text.clone()),
            },
            Value::Object(table) => table.values().for_each(|value| texts(value, depth, out)),
            Value::Array(list) => list.iter().for_each(|value| texts(value, depth, out)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    texts(&serde_json::from_str(told).unwrap_or_else(|_| Value::String(told.to_owned())), 0, &mut found);
    found
        .into_iter()
        .filter(|text| text.contains(['/', '\\', '.']))
        .map(|text| PathBuf::from(text.strip_prefix("file://").unwrap_or(&text).trim_end_matches(['/', '\\'])))
}

#[derive(Debug, Deserialize)]
struct Out {
    path: String,
    #[serde(default)]
    md5: Option<String>,
    #[serde(default)]
    size: Option<u64>,
}

/// `X.dvc`.
#[derive(Deserialize)]
struct Single {
    #[serde(default)]
    outs: Vec<Out>,
    #[serde(default)]
    wdir: Option<String>,
}

/// `dvc.lock`.
#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    stages: BTreeMap<String, Single>,
}

/// By their paths, relative to the root. What does not read is DVC's to complain of.
fn outs_of(files: &[PathBuf], root: &Path) -> BTreeMap<PathBuf, Out> {
    let mut found = BTreeMap::new();
    let mut left = MAX_BYTES;
    for file in files {
        let Some(text) = text_of(file, left) else { continue };
        left -= text.len() as u64;
        if has_anchor(&text) {
            continue;
        }
        let folder = file.parent().unwrap_or(root);
        let parts: Vec<Single> = if file.extension().is_some_and(|ending| ending == "lock") {
            serde_norway::from_str::<Lock>(&text).map(|lock| lock.stages.into_values().collect()).unwrap_or_default()
        } else {
            serde_norway::from_str(&text).into_iter().collect()
        };
        for part in parts {
            let folder = part.wdir.as_deref().map_or_else(|| folder.to_owned(), |wdir| folder.join(wdir));
            for out in part.outs {
                if let Some(rel) = plain(&folder.join(&out.path)).strip_prefix(root).ok().map(Path::to_owned) {
                    found.insert(rel, out);
                }
            }
        }
    }
    found
}

/// Without `.` and `..`, by the words alone.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(out.pop()),
            other => out.push(other),
        }
    }
    out
}

/// DVC writes none; a stranger's that repeats itself through them is a few lines that fill the memory.
fn has_anchor(text: &str) -> bool {
    let is_before = |c: char| c.is_whitespace() || matches!(c, '[' | '{' | ',');
    text.match_indices('&').any(|(at, _)| {
        let after = text[at + 1..].chars().next();
        text[..at].chars().next_back().is_none_or(is_before) && after.is_some_and(|c| !c.is_whitespace() && c != '&')
    })
}

fn text_of(path: &Path, most: u64) -> Option<String> {
    let file = std::fs::File::open(path).ok()?;
    let mut text = String::new();
    let n = file.take(most + 1).read_to_string(&mut text).ok()?;
    (n as u64 <= most).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_s_words_on_its_data_lead_to_the_file() {
        let root = Path::new("/p");
        let is = |told: &str, rel: &str| paths_of(told).any(|path| is_same_path(&path, root, Path::new(rel)));
        let mlflow = |uri: &str| {
            serde_json::json!({ "type": "local", "source": serde_json::json!({ "uri": uri }).to_string() }).to_string()
        };
        assert!(is(&mlflow("file:///p/data/train.csv"), "data/train.csv"));
        assert!(is(&mlflow("data/train.csv"), "data/train.csv"));
        assert!(is(&mlflow("./data/"), "data"));
        assert!(is(&mlflow("/home/ada/project/data/train.csv"), "data/train.csv"), "the project has moved");
        assert!(!is(&mlflow("/p/old/data/train.csv"), "data/train.csv"), "another file of this project");
        assert!(!is(&mlflow("/home/ada/train.csv"), "train.csv"), "a name alone is anybody's");
        assert!(!is(&mlflow("s3://bucket/x.csv"), "y.csv"));
        assert!(!is("{\"type\": \"code\"}", "data"));
    }

    #[test]
    fn dvc_s_outs_are_found_with_their_sums() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let put = |name: &str, text: &str| {
            std::fs::create_dir_all(root.join(name).parent().expect("a folder")).expect("made");
            std::fs::write(root.join(name), text).expect("written");
            root.join(name)
        };
        let files = [
            put("data/train.csv.dvc", "outs:\n- md5: ab12\n  size: 7\n  hash: md5\n  path: train.csv\n"),
            put(
                "dvc.lock",
                "schema: '2.0'\nstages:\n  split:\n    cmd: x\n    outs:\n    - path: data/parts\n      md5: cd34.dir\n      size: 90\n",
            ),
            put("broken.dvc", "outs: ["),
            put("bomb/dvc.lock", "stages:\n  a:\n    outs: &o\n    - path: x\n  b:\n    outs: *o\n"),
            put("amp.dvc", "cmd: a && b & c\nouts:\n- path: R&D.csv\n"),
            put("out.dvc", "outs:\n- path: ../../etc/passwd\n  md5: x\n"),
        ];
        let outs = outs_of(&files, root);
        let told: Vec<(String, Option<u64>)> =
            outs.iter().map(|(path, out)| (path.display().to_string(), out.size)).collect();
        let wanted = [("R&D.csv".into(), None), ("data/parts".into(), Some(90)), ("data/train.csv".into(), Some(7))];
        assert_eq!(told, wanted);
        assert_eq!(outs[Path::new("data/train.csv")].md5.as_deref(), Some("ab12"));
    }
}
