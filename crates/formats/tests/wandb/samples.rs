//! Runs that the real SDK wrote, against what its own protobuf module says of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use signalbox_formats::{MediaBody, read_media};
use signalbox_types::{Format, MediaKind, Status};

use crate::told::{Told, expected, read_whole, samples, spec};
use crate::write::{file, row};

const SAMPLES: [&str; 5] =
    ["wandb_offline", "wandb_multiblock", "wandb_legacy_0_17", "wandb_core_0_17_4", "wandb_core_0_18"];

fn read(sample: &str, log: &str) -> Told {
    read_whole(&spec(Format::Wandb, &samples().join(sample), log.rsplit_once('/').unwrap().0))
}

#[test]
fn every_sample_holds_what_its_expected_json_says() {
    let mut n_runs = 0;
    for sample in SAMPLES {
        for (log, says) in expected(sample)["runs"].as_object().unwrap() {
            let told = read(sample, log);
            check_history(log, &told, &says["history"]);
            check_head(log, &told, says);
            assert_eq!(told.problems, BTreeSet::new(), "{log}");
            n_runs += 1;
        }
    }
    assert_eq!(n_runs, 7);
}

/// The numbers in the history: not the SDK's own, no texts, and nothing that describes an image or a table.
fn check_history(log: &str, told: &Told, history: &Json) {
    let history = history.as_object().unwrap();
    let is_media =
        |name: &str| name.match_indices('.').any(|(i, _)| history.contains_key(&format!("{}._type", &name[..i])));
    let times: BTreeMap<i64, f64> = match history["_timestamp"]["steps"].as_array() {
        Some(steps) => {
            let times = history["_timestamp"]["values"].as_array().unwrap().iter().map(|t| t.as_f64().unwrap());
            steps.iter().map(|s| s.as_i64().unwrap()).zip(times).collect()
        }
        None => BTreeMap::new(),
    };
    let mut expected = BTreeSet::new();
    for (name, says) in history {
        if matches!(name.as_str(), "_step" | "_runtime" | "_timestamp") || is_media(name) || says["values"][0] == "text"
        {
            continue;
        }
        expected.insert(name.clone());
        let line = told.line(name);
        assert_eq!(line.len() as u64, says["points"].as_u64().unwrap(), "{log} {name}");
        if let Some(steps) = says["steps"].as_array() {
            let values = says["values"].as_array().unwrap().iter().map(number);
            let expected: Vec<_> = steps.iter().map(|s| s.as_i64().unwrap()).zip(values).collect();
            assert_eq!(format!("{line:?}"), format!("{expected:?}"), "{log} {name}");
            let expected: Vec<f64> = line.iter().map(|(step, _)| times[step]).collect();
            assert_eq!(told.times(name), expected, "{log} {name}");
        } else {
            let ends = [("first", line[0]), ("last", line[line.len() - 1])];
            for (end, (step, value)) in ends {
                assert_eq!(says[format!("{end}_step")].as_i64(), Some(step), "{log} {name}");
                assert_eq!(says[end].as_f64(), Some(value), "{log} {name}");
            }
        }
    }
    let own = told.series.keys().filter(|(part, name)| part.is_empty() && !name.starts_with("system/"));
    assert_eq!(own.map(|(_, name)| name.clone()).collect::<BTreeSet<_>>(), expected, "{log}");
}

#[test]
fn an_image_a_histogram_and_a_table_are_found_where_they_lie() {
    let rel = "wandb/offline-run-20261121_080159-l3zsecjo";
    let spec = spec(Format::Wandb, &samples().join("wandb_offline"), rel);
    let told = read_whole(&spec);
    let (image, MediaBody::Bytes(png)) = told.held(&spec, "img") else { panic!("an image") };
    assert_eq!((image.kind, image.step, image.caption.as_str()), (MediaKind::Image, 21, "cap"));
    assert!(png.starts_with(b"\x89PNG") && image.time > 1.79e9);
    // wandb.Histogram(np.arange(100)): 64 bins.
    let (histogram, MediaBody::Histogram(bins)) = told.held(&spec, "hist") else { panic!("a histogram") };
    assert_eq!((histogram.kind, histogram.step, bins.counts.len()), (MediaKind::Histogram, 21, 64));
    assert_eq!((bins.lefts[0], bins.rights[63], bins.counts.iter().sum::<f64>()), (0.0, 99.0, 100.0));
    assert_eq!(bins.lefts[1..], bins.rights[..63]);
    let (table, MediaBody::Bytes(json)) = told.held(&spec, "tbl") else { panic!("a table") };
    let json: Json = serde_json::from_slice(&json).unwrap();
    assert_eq!((table.kind, table.step, &json["columns"]), (MediaKind::Table, 22, &serde_json::json!(["x", "y"])));
    assert_eq!(told.media.len(), 3);
}

#[test]
fn what_leads_out_of_the_run_is_not_told_or_read() {
    let dir = tempfile::tempdir().unwrap();
    let (project, outside) = (dir.path().join("project"), dir.path().join("secret.png"));
    std::fs::write(&outside, b"\x89PNG").unwrap();
    let run = project.join("wandb/run-20260102_030405-abc");
    std::fs::create_dir_all(run.join("files/media")).unwrap();
    std::os::unix::fs::symlink(&outside, run.join("files/media/link.png")).unwrap();
    std::fs::write(run.join("files/media/in.png"), b"in").unwrap();
    let image = |path: &str| format!(r#"{{"_type": "image-file", "path": "{path}", "caption": "c"}}"#);
    let items: Vec<(String, String)> =
        ["../../../../../secret.png", "/etc/passwd", "media/link.png", "media/in.png", "media/no.png"]
            .iter()
            .enumerate()
            .map(|(i, path)| (format!("i{i}"), image(path)))
            .collect();
    let items: Vec<(&str, &str)> = items.iter().map(|(name, json)| (name.as_str(), json.as_str())).collect();
    std::fs::write(run.join("run-abc.wandb"), file(&[row(3, &items)])).unwrap();
    let spec = spec(Format::Wandb, &project, "wandb/run-20260102_030405-abc");
    let told = read_whole(&spec);
    let tags: Vec<&str> = told.media.iter().map(|item| item.tag.as_str()).collect();
    assert_eq!(tags, ["i2", "i3", "i4"]);
    let read: Vec<_> = told.media.iter().map(|item| read_media(&spec, item)).collect();
    assert!(read[0].is_err() && read[2].is_err(), "{read:?}");
    assert_eq!(read[1], Ok(MediaBody::Bytes(b"in".to_vec())));
}

fn number(value: &Json) -> f64 {
    match value.as_str() {
        Some(text) => text.parse().unwrap(),
        None => value.as_f64().unwrap_or_else(|| f64::from(u8::from(value.as_bool().unwrap()))),
    }
}

fn check_head(log: &str, told: &Told, says: &Json) {
    let run = &says["run"];
    assert_eq!(told.name(), run["display_name"], "{log}");
    assert_eq!(told.head.experiment.as_deref(), run["project"].as_str(), "{log}");
    assert_eq!(told.tags["wandb.host"], "vm", "{log}");
    assert_eq!(told.tags["wandb.python"], "3.11.7", "{log}");
    // Runs of one process each, but for those that shared their parent's service.
    let is_own = says["config"]["lr"] != 1 && says["config"]["lr"] != 2;
    assert_eq!(told.status(), Some(if is_own { Status::Finished } else { Status::Unknown }), "{log}");
    let (started, ended) = (told.head.started.unwrap(), told.head.ended.unwrap().unwrap());
    assert!(ended >= started + says["runtime"].as_f64().unwrap(), "{log}");
    assert!(ended <= started + says["runtime"].as_f64().unwrap() + 1.0, "{log}");
    let n_stats = told.line("system/proc.memory.rssMB").len() as u64;
    assert_eq!(n_stats, says["stats"].as_u64().unwrap(), "{log}");
}

#[test]
fn an_offline_run_of_every_kind_of_value() {
    let told = read("wandb_offline", "wandb/offline-run-20261121_080159-l3zsecjo/run-l3zsecjo.wandb");
    let params: Vec<_> = told.params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(
        params,
        [
            ("late", "number 5"),
            ("list", "text [1,2]"),
            ("lr", "number 0.01"),
            ("model.act", "text relu"),
            ("model.depth", "number 3"),
        ]
    );
    let tags: Vec<_> = told.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(
        tags,
        [
            ("wandb.group", "grp"),
            ("wandb.host", "vm"),
            ("wandb.job_type", "train"),
            ("wandb.notes", "some notes"),
            ("wandb.program", "gen_wandb.py"),
            ("wandb.python", "3.11.7"),
            ("wandb.tags", "a, b"),
        ]
    );
    let summary = |name: &str| told.series[&("summary".to_owned(), name.to_owned())].clone();
    let at_the_end = |value: f64| vec![(22, 1_795_248_125.309_798_2f64.to_bits(), value.to_bits())];
    assert_eq!(summary("val/acc.max"), at_the_end(0.8));
    assert_eq!(summary("best"), at_the_end(0.95));
    assert_eq!(told.series.keys().filter(|(part, _)| part == "summary").count(), 2);
    assert_eq!(told.head.started, Some(1_795_248_120.222_52));
    assert_eq!(told.head.artifact_root.as_deref(), Some("wandb/offline-run-20261121_080159-l3zsecjo/files/media"));
    let cpu = told.line("system/cpu");
    assert_eq!(cpu[0], (1, 14.215_686_798_095_703));
    assert_eq!(told.times("system/cpu")[0].floor(), 1_795_248_121.0);
    assert!(!told.everything().contains("/home/"), "{told:?}");
}
