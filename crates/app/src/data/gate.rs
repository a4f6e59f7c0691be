//! What the model sees now, as a gate before a promotion.

use super::rules;
use crate::app::App;
use crate::project::OpenProject;
use signalbox_drift::fairness::{Criterion, Ends, Frame, Gap, Metric};
use signalbox_drift::monitor::{QualityCell, Task};
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
    let mut fairness = Vec::new();
    if let Some(most) = rule.max_unfairness {
        fairness = by_attribute(last.cell.quality.as_ref(), &last.task, most);
        match groups_apart(&fairness, most) {
            Some((Ruling::Fail, says)) => against.push(says),
            Some((_, says)) => unknown.push(says),
            None => {}
        }
    }
    let mut rules_broken = Vec::new();
    if rule.rules && monitor.table.is_some() {
        return error("its rules are asked of files, and it watches a table: take `rules` out of the gate".into());
    }
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
        "fairness": fairness.iter().map(|(attribute, found)| serde_json::json!({
            "attribute": attribute,
            "criterion": found,
        })).collect::<Vec<_>>(),
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

/// The groups of each attribute, by how many are called positive; without a positive class, by how many are answered
/// rightly. A difference up to `most` is borne.
fn by_attribute<'a>(quality: Option<&'a QualityCell>, task: &Task, most: f64) -> Vec<(&'a str, Criterion)> {
    let (name, metric) = if task.positive.is_some() {
        ("demographic_parity", Metric::SelectionRate)
    } else {
        ("accuracy_parity", Metric::Accuracy)
    };
    let attributes = quality.into_iter().flat_map(|quality| &quality.groups);
    attributes
        .map(|(attribute, groups)| {
            let frame = Frame::of(groups, task.min_group);
            (attribute.as_str(), Criterion::of(&frame, name, metric, most))
        })
        .collect()
}

/// What the gravest of them has against it (`Fail`), or leaves unknown (`Inconclusive`). `None`: nothing.
fn groups_apart(found: &[(&str, Criterion)], most: f64) -> Option<(Ruling, String)> {
    let apart = |of: &Criterion| of.sure.as_ref().map(|pair| pair.difference).or(of.difference).unwrap_or(0.0);
    let gravest = found.iter().min_by(|(_, a), (_, b)| a.verdict.cmp(&b.verdict).then(apart(b).total_cmp(&apart(a))));
    match gravest {
        Some((attribute, Criterion { sure: Some(pair), .. })) => {
            let Ends { low, high } = pair.difference_interval;
            let says = format!(
                "groups of {attribute} are {:.3} apart ({} and {}, interval {low:.3} to {high:.3}), {most} is allowed",
                pair.difference, pair.lowest, pair.highest
            );
            Some((Ruling::Fail, says))
        }
        Some((attribute, of)) if of.verdict == Gap::Uncertain => {
            let name = |group: &Option<String>| group.clone().unwrap_or_default();
            let (lowest, highest) = (name(&of.lowest), name(&of.highest));
            let within = of.difference_interval.map(|Ends { low, high }| format!(": interval {low:.3} to {high:.3}"));
            let says = format!(
                "groups of {attribute} are {:.3} apart ({lowest} and {highest}), {most} is allowed, and chance may \
                 explain it{}",
                apart(of),
                within.unwrap_or_default()
            );
            Some((Ruling::Inconclusive, says))
        }
        Some((_, of)) if of.verdict == Gap::Borne => None,
        _ => Some((Ruling::Inconclusive, "no two groups are large enough to be compared".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Options;
    use signalbox_drift::fairness::Groups;
    use signalbox_drift::quality::Outcomes;
    use std::path::Path;

    fn app(data: &Path) -> App {
        App::open(Options {
            data_dir: data.to_owned(),
            demo_path: None,
            version: "test",
            desktop: None,
            force_polling: false,
            keeper: None,
        })
        .expect("the app opens")
    }

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
        let app = app(data.path());
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

    /// Groups of (name, rows, those of them that are called), as a table that is its own reference: nothing in it has
    /// drifted. What the policy has of it.
    fn sites(root: &Path, name: &str, groups: &[(&str, usize, usize)]) -> String {
        let (mut reference, mut current) =
            ("x,site,said,label\n".to_owned(), "logged_at,x,site,said,label\n".to_owned());
        for (site, rows, n_paid) in groups {
            for at in 0..*rows {
                let said = if at < *n_paid { "paid" } else { "late" };
                let row = format!("{},{site},{said},{said}\n", at % 17);
                reference.push_str(&row);
                current.push_str(&format!("2024-05-01T03:00:00Z,{row}"));
            }
        }
        std::fs::create_dir_all(root.join(name)).expect("a folder");
        std::fs::write(root.join(format!("{name}.csv")), reference).expect("written");
        std::fs::write(root.join(name).join("one.csv"), current).expect("written");
        format!(
            "[data.{name}]\nreference = \"{name}.csv\"\ncurrent = \"{name}\"\ntime = \"logged_at\"\n\
             prediction = \"said\"\nlabel = \"label\"\npositive = \"paid\"\ngroups = [\"site\"]\n"
        )
    }

    #[test]
    fn a_small_group_apart_by_chance_fails_nothing_and_hides_no_large_one() {
        let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let root = folder.path().canonicalize().expect("a path");
        let policy = [
            sites(&root, "few", &[("north", 400, 200), ("south", 400, 192), ("islet", 60, 24)]),
            sites(&root, "many", &[("north", 400, 200), ("south", 400, 192), ("islet", 4000, 1600)]),
            sites(&root, "hidden", &[("north", 4000, 2000), ("south", 4000, 1600), ("islet", 60, 22)]),
            sites(&root, "alone", &[("north", 400, 200), ("islet", 20, 0)]),
        ];
        std::fs::write(root.join("signalbox.toml"), policy.concat()).expect("written");
        let app = app(data.path());
        let opened = app.open_folder(&root).expect("it opens");
        let project = app.project(opened.id).expect("open");
        let judged = |data: &str, most: f64| {
            let rule = DriftGate {
                data: data.into(),
                hours: 168,
                max_columns: 0,
                ignore: Vec::new(),
                min_accuracy: None,
                max_unfairness: Some(most),
                rules: false,
            };
            drift_gate(&app, Some(&project), &rule, &Bound::default())
        };
        // 24 of 60 beside 200 of 400.
        let few = judged("few", 0.05);
        assert_eq!(few.ruling, Ruling::Inconclusive, "{}", few.says);
        let says = "few: groups of site are 0.100 apart (islet and north), 0.05 is allowed, and chance may explain it: \
                    interval -0.065 to 0.249";
        assert_eq!(few.says, says);
        assert_eq!(few.evidence["fairness"][0]["attribute"], "site");
        assert_eq!(few.evidence["fairness"][0]["criterion"]["verdict"], "uncertain");
        let borne = judged("few", 0.2);
        assert_eq!(borne.ruling, Ruling::Pass, "{}", borne.says);
        // As far apart, and not by chance.
        let many = judged("many", 0.05);
        assert_eq!(many.ruling, Ruling::Fail, "{}", many.says);
        let says = "many: groups of site are 0.100 apart (islet and north, interval 0.038 to 0.162), 0.05 is allowed";
        assert_eq!(many.says, says);
        // Further from the others than they are from each other, a small one is not all that is seen.
        let hidden = judged("hidden", 0.05);
        assert_eq!(hidden.ruling, Ruling::Fail, "{}", hidden.says);
        assert!(hidden.says.contains("0.100 apart (south and north, interval 0.073 to 0.126)"), "{}", hidden.says);
        assert_eq!(hidden.evidence["fairness"][0]["criterion"]["lowest"], "islet");
        // One group has nothing to be compared with.
        let alone = judged("alone", 0.05);
        assert_eq!(alone.ruling, Ruling::Inconclusive, "{}", alone.says);
        assert!(alone.says.contains("no two groups"), "{}", alone.says);
        app.shutdown();
    }

    /// Name, right ones, wrong ones.
    type Group = (&'static str, u64, u64);

    /// Without a positive class.
    fn told(attributes: &[(&str, &[Group])], most: f64) -> Option<(Ruling, String)> {
        let mut quality = QualityCell::default();
        for (attribute, rows) in attributes {
            let mut groups = Groups::default();
            for (name, right, wrong) in *rows {
                groups.add_counts(name, &Outcomes { tp: *right, fn_: *wrong, ..Outcomes::default() });
            }
            quality.groups.insert((*attribute).to_owned(), groups);
        }
        groups_apart(&by_attribute(Some(&quality), &Task::default(), most), most)
    }

    #[test]
    fn the_gravest_attribute_is_told_not_that_which_is_furthest_apart() {
        let few: (&str, &[_]) = ("plan", &[("free", 9, 1), ("team", 6, 4)]);
        let sure: (&str, &[_]) = ("sex", &[("f", 800, 200), ("m", 900, 100)]);
        let close: (&str, &[_]) = ("region", &[("north", 900, 100), ("south", 899, 101)]);
        let one: (&str, &[_]) = ("zone", &[("utc", 900, 100)]);
        let (ruling, says) = told(&[few, sure, close, one], 0.05).expect("something");
        assert_eq!(ruling, Ruling::Fail, "{says}");
        assert_eq!(says, "groups of sex are 0.100 apart (f and m, interval 0.069 to 0.131), 0.05 is allowed");
        let (ruling, says) = told(&[few, close, one], 0.05).expect("something");
        assert_eq!(ruling, Ruling::Inconclusive, "{says}");
        assert!(says.starts_with("groups of plan are 0.300 apart (team and free), 0.05 is allowed"), "{says}");
        assert_eq!(told(&[close, one], 0.05), None);
        for nothing in [told(&[one], 0.05), told(&[], 0.05)] {
            assert_eq!(nothing.map(|(ruling, _)| ruling), Some(Ruling::Inconclusive));
        }
    }
}
