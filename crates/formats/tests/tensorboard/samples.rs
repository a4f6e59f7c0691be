//! Every sample that a real tool wrote, against what TensorBoard's own Python reader says of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use signalbox_formats::{MediaBody, SourceSpec, read_media};
use signalbox_types::{MediaItem, MediaKind};

use crate::told::{Told, read_whole, samples, spec};

const SAMPLES: [&str; 8] =
    ["tb_torch", "tb_tensorboardx", "tb_tf2", "keras", "lightning", "ultralytics", "catboost", "hf_trainer"];

#[test]
fn every_sample_holds_what_its_expected_json_says() {
    let mut n_runs = 0;
    for sample in SAMPLES {
        let text = std::fs::read_to_string(samples().join(sample).join("expected.json")).unwrap();
        let expected: Json = serde_json::from_str(&text).unwrap();
        let expected = expected.get("tb").unwrap_or(&expected);
        for (run, says) in expected["runs"].as_object().unwrap() {
            let files: Vec<&Json> = expected["files"].as_array().unwrap().iter().filter(|f| is_in(f, run)).collect();
            let spec = spec(&samples().join(sample), run);
            let told = read_whole(&spec);
            let media = media(&spec, &told);
            check_run(&format!("{sample}/{run}"), &told, &media, says, &files);
            n_runs += 1;
        }
    }
    assert_eq!(n_runs, 18);
}

fn is_in(file: &Json, run: &str) -> bool {
    file["path"].as_str().unwrap().rsplit_once('/').unwrap().0 == run
}

/// What was told to lie somewhere, read from there: kind, tag, step, and what is known of it in general.
type Media = Vec<(MediaKind, String, i64, Json)>;

fn media(spec: &SourceSpec, told: &Told) -> Media {
    let read = |item: &MediaItem| match read_media(spec, item).unwrap() {
        MediaBody::Bytes(bytes) => json!(bytes.len()),
        MediaBody::Text(text) => json!(text),
        MediaBody::Histogram(h) => {
            assert!(h.lefts.iter().zip(&h.rights).all(|(left, right)| left <= right), "{h:?}");
            json!({ "shape": [h.counts.len(), 3], "total": h.counts.iter().sum::<f64>() })
        }
    };
    told.media.iter().map(|item| (item.kind, item.tag.clone(), item.step, read(item))).collect()
}

fn place(item: &(MediaKind, String, i64, Json)) -> (MediaKind, String, i64) {
    (item.0, item.1.clone(), item.2)
}

fn expected_media(tag: &str, t: &Json) -> Media {
    let steps = t["steps"].as_array().unwrap().iter().map(|step| step.as_i64().unwrap());
    let items = steps.zip(t["values"].as_array().unwrap()).flat_map(|(step, value)| {
        let (kind, bodies) = match t["plugin"].as_str().unwrap() {
            "images" => (MediaKind::Image, value["bytes"].as_array().unwrap().clone()),
            "text" => (MediaKind::Text, vec![value[0].clone()]),
            "histograms" => (MediaKind::Histogram, vec![value.clone()]),
            other => panic!("{other}"),
        };
        bodies.into_iter().map(move |body| (kind, tag.to_owned(), step, body))
    });
    items.collect()
}

fn check_run(name: &str, told: &Told, media: &Media, says: &Json, files: &[&Json]) {
    let mut counted = BTreeMap::<String, u64>::new();
    let mut scalars = BTreeSet::new();
    let (mut expected, mut sounds) = (Media::new(), 0);
    for (tag, t) in says["tags"].as_object().unwrap() {
        let n_points = t["points"].as_u64().unwrap();
        match t["plugin"].as_str().unwrap() {
            "scalars" => {
                scalars.insert(tag.as_str());
                check_scalar(&format!("{name} {tag}"), &told.line(tag), t);
                assert_eq!(told.line(tag).len() as u64, n_points);
            }
            "text" | "images" | "histograms" => expected.extend(expected_media(tag, t)),
            "audio" => sounds += n_points,
            "hparams" => {}
            "graphs" | "graph_tagged_run_metadata" => *counted.entry("graphs".into()).or_default() += n_points,
            other => *counted.entry(other.into()).or_default() += n_points,
        }
    }
    assert_eq!(told.metrics(), scalars, "{name}");
    let (heard, mut seen): (Media, Media) = media.iter().cloned().partition(|item| item.0 == MediaKind::Audio);
    assert!(heard.iter().all(|item| item.3.as_u64() > Some(44)) && heard.len() as u64 == sounds, "{name}: {heard:?}");
    seen.sort_by_key(place);
    expected.sort_by_key(place);
    assert_eq!(seen, expected, "{name}");
    let counted: Vec<_> = counted.iter().map(|(plugin, n)| format!("{plugin} {n}")).collect();
    assert_eq!(told.tags.get("tensorboard.plugins").cloned().unwrap_or_default(), counted.join(", "), "{name}");
    check_hparams(name, told, media, says);
    check_files(name, told, says, files);
}

fn check_scalar(name: &str, line: &[(i64, f64)], t: &Json) {
    let steps: Vec<_> = line.iter().map(|p| Json::from(p.0)).collect();
    assert_eq!(Json::from(steps), t["steps"], "{name}");
    let values: Vec<_> = line
        .iter()
        .map(|&(_, v)| match v {
            v if v.is_nan() => Json::from("nan"),
            f64::INFINITY => Json::from("inf"),
            f64::NEG_INFINITY => Json::from("-inf"),
            v => Json::from(v),
        })
        .collect();
    assert_eq!(Json::from(values), t["values"], "{name}");
}

fn check_hparams(name: &str, told: &Told, media: &Media, says: &Json) {
    let mut params = BTreeMap::new();
    let mut metrics = Vec::new();
    for entry in says["hparams"].as_array().unwrap() {
        let start = &entry["data"]["session_start_info"];
        for (key, value) in start["hparams"].as_object().into_iter().flatten() {
            params.insert(key.clone(), expected_param(value));
        }
        if let Some(secs) = start["start_time_secs"].as_f64() {
            assert_eq!(told.started, Some(secs), "{name}");
        }
        if let Some(group) = start["group_name"].as_str() {
            assert_eq!(told.tags["tensorboard.hparams_group"], group, "{name}");
        }
        for info in entry["data"]["experiment"]["metric_infos"].as_array().into_iter().flatten() {
            metrics.push(info["name"]["tag"].as_str().unwrap().to_string());
        }
    }
    if let Some(args) = media.iter().find(|item| item.1 == "args/text_summary") {
        let args: Json = serde_json::from_str(args.3.as_str().unwrap()).unwrap();
        let flat = args.as_object().unwrap().iter().filter(|(_, v)| !v.is_null() && !v.is_array() && !v.is_object());
        params.extend(flat.map(|(k, v)| (k.clone(), expected_param(v))));
        assert_eq!(params["output_dir"], "text out");
        assert_eq!(params["num_train_epochs"], "number 3");
    }
    assert_eq!(told.params, params, "{name}");
    let told_metrics = told.tags.get("tensorboard.hparams_metrics").cloned().unwrap_or_default();
    assert_eq!(told_metrics, metrics.join(", "), "{name}");
    assert_eq!(told.status, None, "{name}: none of these writers knows the end");
}

fn expected_param(value: &Json) -> String {
    match value {
        Json::Bool(b) => format!("bool {b}"),
        Json::Number(n) => format!("number {}", n.as_f64().unwrap()),
        Json::String(s) => format!("text {s}"),
        other => panic!("{other}"),
    }
}

fn check_files(name: &str, told: &Told, says: &Json, files: &[&Json]) {
    let is_said = says["hparams"].to_string().contains("start_time_secs");
    let first = files.iter().filter_map(|f| f["first_wall_time"].as_f64()).min_by(f64::total_cmp);
    if !is_said {
        assert_eq!(told.started, first, "{name}");
    }
    assert_eq!(told.bytes_read, files.iter().map(|f| f["size"].as_u64().unwrap()).sum::<u64>(), "{name}");
    assert_eq!(told.problems, BTreeSet::new(), "{name}");
    let starts = files.iter().flat_map(|f| f["session_log"].as_array().unwrap()).filter(|s| s["status"] == 1);
    let starts: Vec<_> = starts.map(|s| s["step"].as_i64().unwrap()).collect();
    assert_eq!(told.purges.iter().map(|p| p.1).collect::<Vec<_>>(), starts, "{name}");
    let mut pids =
        files.iter().filter_map(|f| f["path"].as_str().unwrap().split(".vm.").nth(1)?.split('.').next()?.parse().ok());
    assert_eq!(told.pid, pids.next_back(), "{name}");
}

#[test]
fn points_carry_the_time_of_their_event() {
    let told = read_whole(&spec(&samples().join("tb_tensorboardx"), "runs/exp1"));
    let times: Vec<_> = told
        .series
        .values()
        .flatten()
        .map(|p| f64::from_bits(p.1))
        .filter(|t| (1795247926.28..1795247926.58).contains(t))
        .collect();
    assert_eq!(times.len(), told.n_points as usize);
    assert_eq!(times.iter().copied().reduce(f64::max), Some(1795247926.5754304));
}
