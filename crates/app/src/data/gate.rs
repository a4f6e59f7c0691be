//! What the model sees now, as a gate before a promotion.

use super::rules;
use crate::app::App;
use crate::project::OpenProject;
use signalbox_drift::fairness::{Against, Frame, Metric};
use signalbox_drift::verdict::Verdict as Drift;
use signalbox_release::gate::{Bound, Ruling, Verdict};
use signalbox_release::{Digest, DriftGate};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A year of hourly files is read within it.
const PATIENCE: Duration = Duration::from_secs(120);

/// So many broken rules are kept as evidence.
const MAX_TOLD: usize = 200;

/// `about`: what the verdict is bound to besides the data.
pub(crate) fn drift_gate(app: &App, project: Option<&Arc<OpenProject>>, rule: &DriftGate, about: &Bound) -> Verdict {
    let verdict =
        |ruling, says: String, evidence| Verdict { gate: "drift".into(), ruling, says, evidence, bound: about.clone() };
    let error = |why: String| verdict(Ruling::Error, format!("{}: {why}", rule.data), serde_json::Value::Null);
    let Some(project) = project else { return error("the project that the data are of is not open".into()) };
    let monitor = match app.monitor(project.id.0, &rule.data) {
        Ok(monitor) if monitor.in_policy => monitor,
        Ok(_) => return error("signalbox.toml has no such table under [data]".into()),
        Err(e) => return error(e.message),
    };
    let last = match monitor.last_hours(i64::from(rule.hours), Instant::now() + PATIENCE) {
        Ok(last) => last,
        Err(why) => return verdict(Ruling::Inconclusive, format!("{}: {why}", rule.data), serde_json::Value::Null),
    };
    let is_asked = |name: &str| !rule.ignore.iter().any(|other| other == name);
    let with = |is: &dyn Fn(Drift) -> bool| {
        let columns =
            last.window.columns.iter().filter(|column| is(column.report.verdict) && is_asked(&column.report.name));
        columns.map(|column| column.report.name.clone()).collect::<Vec<String>>()
    };
    let asked = with(&|_| true).len();
    let moved = with(&|verdict| verdict.is_drift());
    let unjudged = with(&|verdict| matches!(verdict, Drift::TooFewRows | Drift::NotJudged)).len();
    let mut against = Vec::new();
    let mut unknown = Vec::new();
    if moved.len() > rule.max_columns as usize {
        let shown: Vec<&str> = moved.iter().take(4).map(String::as_str).collect();
        let more = if moved.len() > shown.len() { ", …" } else { "" };
        against.push(format!("{} of {} columns have drifted: {}{more}", moved.len(), asked, shown.join(", ")));
    } else if unjudged == asked {
        unknown.push(format!("{} rows are too few to tell", last.window.rows));
    }
    if let Some(lost) = last.lost.first() {
        let more = if last.lost.len() > 1 { format!(", and {} more", last.lost.len() - 1) } else { String::new() };
        unknown.push(format!("not all could be read: {}: {}{more}", lost.file, lost.message));
    }
    // A stray row is none to stop for.
    if last.n_hourless * 100 > last.window.rows {
        unknown.push(format!("{} rows are of no hour until now", last.n_hourless));
    }
    if let Some(least) = rule.min_accuracy {
        match last
            .quality
            .as_ref()
            .and_then(|quality| Some((quality.accuracy?, quality.accuracy_high?, quality.labelled)))
        {
            Some((accuracy, _, rows)) if accuracy < least => {
                against.push(format!(
                    "right on {:.1} % of {rows} labelled rows, {:.1} % are asked",
                    accuracy * 100.0,
                    least * 100.0
                ));
            }
            Some(_) => {}
            None => unknown.push("no labels are in".to_owned()),
        }
    }
    if let Some(most) = rule.max_unfairness {
        let metric = if last.task.positive.is_some() { Metric::SelectionRate } else { Metric::Accuracy };
        let groups = last.cell.quality.as_ref().map(|quality| &quality.groups);
        let apart = groups.into_iter().flatten().filter_map(|(attribute, groups)| {
            let frame = Frame::of(groups, last.task.min_group);
            Some((attribute, frame.difference(metric, Against::EachOther)?))
        });
        match apart.max_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((attribute, apart)) if apart > most => {
                against.push(format!("groups of {attribute} are {apart:.3} apart, {most} is allowed"));
            }
            Some(_) => {}
            None => unknown.push("no two groups are large enough to be compared".to_owned()),
        }
    }
    let mut rules_broken = Vec::new();
    if rule.rules {
        match rules::broken(&monitor, &last.files) {
            Ok(broken) => rules_broken = broken,
            Err(why) => return error(why),
        }
        if let Some(first) = rules_broken.first() {
            let more = rules_broken.len() - 1;
            against.push(if more == 0 { first.clone() } else { format!("{first}, and {more} more") });
        }
    }
    let evidence = serde_json::json!({
        "data": rule.data,
        "reference": last.digest,
        "hours": [last.from, last.till],
        "rows": last.window.rows,
        "rows_without_hour": last.n_hourless,
        "not_read": last.lost.iter().take(MAX_TOLD).collect::<Vec<_>>(),
        "moved": moved,
        "quality": last.quality,
        "rules_broken": rules_broken.iter().take(MAX_TOLD).collect::<Vec<_>>(),
        "columns": last.window.columns.iter().map(|column| serde_json::json!({
            "name": column.report.name,
            "verdict": column.report.verdict,
            "effect": column.report.effect,
            "p_adjusted": column.report.p_adjusted,
            "counts": column.found,
        })).collect::<Vec<_>>(),
    });
    let (ruling, says) = if !against.is_empty() {
        (Ruling::Fail, against.join("; "))
    } else if !unknown.is_empty() {
        (Ruling::Inconclusive, unknown.join("; "))
    } else {
        (Ruling::Pass, format!("the last {} hours ({} rows) are like the reference", rule.hours, last.window.rows))
    };
    let data = Digest::of(evidence.to_string().as_bytes());
    let mut verdict = verdict(ruling, format!("{}: {says}", rule.data), evidence);
    verdict.bound.data = Some(data);
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Options;
    use std::path::Path;

    fn copied(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("the folder").flatten() {
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copied(&entry.path(), &target);
            } else {
                std::fs::copy(entry.path(), &target).expect("copied");
            }
        }
    }

    #[test]
    fn the_demos_shift_stops_a_promotion_and_what_is_ignored_does_not() {
        let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let root = folder.path().canonicalize().expect("a path");
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/demo/wine");
        copied(&demo.join("data"), &root.join("data"));
        copied(&demo.join("inference"), &root.join("inference"));
        let policy = "[data.wine]\nreference = \"data/test.parquet\"\ncurrent = \"inference\"\ntime = \"ts\"\nlabel = \"label\"\n\
                      prediction = \"prediction\"\nid = \"request_id\"\nignore = [\"split\"]\n";
        std::fs::write(root.join("signalbox.toml"), policy).expect("written");
        let app = App::open(Options {
            data_dir: data.path().to_owned(),
            demo_path: None,
            version: "test",
            desktop: None,
            force_polling: false,
            keeper: None,
        })
        .expect("the app opens");
        let opened = app.open_folder(&root).expect("it opens");
        let project = app.project(opened.id).expect("open");
        let rule = |ignore: &[&str]| DriftGate {
            data: "wine".into(),
            hours: 168,
            max_columns: 0,
            ignore: ignore.iter().map(|name| (*name).to_owned()).collect(),
            min_accuracy: None,
            max_unfairness: None,
            rules: false,
        };
        let judged = |rule: &DriftGate| drift_gate(&app, Some(&project), rule, &Bound::default());
        let stopped = judged(&rule(&[]));
        assert_eq!(stopped.ruling, Ruling::Fail, "{}", stopped.says);
        assert!(stopped.says.contains("color_intensity") && stopped.says.contains("bottling"), "{}", stopped.says);
        assert!(
            stopped.bound.data.is_some() && stopped.evidence["reference"].as_str().is_some_and(|hex| hex.len() == 64)
        );
        let moved: Vec<String> = serde_json::from_value(stopped.evidence["moved"].clone()).expect("names");
        let passed = judged(&rule(&moved.iter().map(String::as_str).collect::<Vec<_>>()));
        assert_eq!(passed.ruling, Ruling::Pass, "{}", passed.says);
        // Where next to nothing came, what is left out changes nothing about that.
        let few = judged(&DriftGate { hours: 1, ..rule(&["site"]) });
        assert_eq!(few.ruling, Ruling::Inconclusive, "{}", few.says);
        // Without labels nothing is known of how often it was right: that passes nothing.
        let asked =
            DriftGate { min_accuracy: Some(0.5), ..rule(&moved.iter().map(String::as_str).collect::<Vec<_>>()) };
        assert_eq!(judged(&asked).ruling, Ruling::Inconclusive);
        // Rules are asked for where there are some.
        let all: Vec<&str> = moved.iter().map(String::as_str).collect();
        let with_rules = DriftGate { rules: true, ..rule(&all) };
        assert_eq!(judged(&with_rules).ruling, Ruling::Error);
        let ruled = |rules: &str| {
            std::fs::write(root.join("signalbox.toml"), format!("{policy}{rules}")).expect("written");
            judged(&with_rules)
        };
        let kept = ruled("[data.wine.columns.alcohol]\nrequired = true\nmin = 0.0\n");
        assert_eq!(kept.ruling, Ruling::Pass, "{}", kept.says);
        // A file that cannot be read has no rows of any hour: it is asked all the same.
        let torn = root.join("inference/date=2026-11-15/hour=19.parquet");
        std::fs::write(&torn, b"PAR1 and no more").expect("written");
        let written = std::time::UNIX_EPOCH + Duration::from_secs(1_794_769_200);
        std::fs::File::options().write(true).open(&torn).and_then(|file| file.set_modified(written)).expect("dated");
        let until = Instant::now() + Duration::from_secs(30);
        let stopped = loop {
            let judged = ruled("[data.wine.columns.alcohol]\nrequired = true\nmin = 0.0\n");
            if judged.ruling != Ruling::Pass || Instant::now() > until {
                break judged;
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        assert_eq!(stopped.ruling, Ruling::Fail, "{}", stopped.says);
        assert!(stopped.says.contains("hour=19.parquet"), "{}", stopped.says);
        // Whether it would have been like the reference, nobody knows.
        let lost = judged(&rule(&all));
        assert_eq!(lost.ruling, Ruling::Inconclusive, "{}", lost.says);
        assert!(lost.says.contains("hour=19.parquet"), "{}", lost.says);
        std::fs::remove_file(&torn).expect("removed");
        let broken = ruled("[data.wine.columns.alcohol]\nmax = 11.0\n");
        assert_eq!(broken.ruling, Ruling::Fail, "{}", broken.says);
        assert!(broken.says.contains("alcohol") && broken.says.contains("11"), "{}", broken.says);
        assert!(broken.evidence["rules_broken"].as_array().is_some_and(|all| !all.is_empty()));
        let unknown = judged(&DriftGate { data: "nowhere".into(), ..rule(&[]) });
        assert_eq!(unknown.ruling, Ruling::Error, "{}", unknown.says);
        app.shutdown();
    }
}
