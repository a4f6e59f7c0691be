use super::*;
use crate::app::Options;
use signalbox_drift::fairness::Groups;
use signalbox_drift::quality::Outcomes;
use std::path::Path;

fn app(data: &Path) -> App {
    App::open(Options::alone(data, "test")).expect("the app opens")
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
    assert!(stopped.bound.data.is_some() && stopped.evidence["reference"].as_str().is_some_and(|hex| hex.len() == 64));
    let moved: Vec<String> = serde_json::from_value(stopped.evidence["moved"].clone()).expect("names");
    let passed = judged(&rule(&moved.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(passed.ruling, Ruling::Pass, "{}", passed.says);
    // Where next to nothing came, what is left out changes nothing about that.
    let few = judged(&DriftGate { hours: 1, ..rule(&["site"]) });
    assert_eq!(few.ruling, Ruling::Inconclusive, "{}", few.says);
    // Without labels nothing is known of how often it was right: that passes nothing.
    let asked = DriftGate { min_accuracy: Some(0.5), ..rule(&moved.iter().map(String::as_str).collect::<Vec<_>>()) };
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
    let (mut reference, mut current) = ("x,site,said,label\n".to_owned(), "logged_at,x,site,said,label\n".to_owned());
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

#[test]
fn a_table_that_nobody_may_ask_passes_nothing() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let root = folder.path().canonicalize().expect("a path");
    std::fs::write(root.join("train.csv"), "x\n1\n2\n3\n").expect("written");
    // Nobody listens there: whoever asked would say so.
    let table =
        "reference = \"train.csv\"\nengine = \"postgres://ada@127.0.0.1:1/app\"\ntable = \"seen\"\ntime = \"at\"\n";
    let policy = format!("[data.seen]\n{table}last_hours = 24\n[data.wrong]\n{table}current = \"seen\"\n");
    std::fs::write(root.join("signalbox.toml"), policy).expect("written");
    let app = app(data.path());
    let opened = app.open_folder(&root).expect("it opens");
    let project = app.project(opened.id).expect("open");
    let judged = |data: &str, hours: u32, rules: bool| {
        let (data, ignore) = (data.to_owned(), Vec::new());
        let rule = DriftGate { data, hours, max_columns: 0, ignore, min_accuracy: None, max_unfairness: None, rules };
        drift_gate(&app, Some(&project), &rule, &Bound::default())
    };
    let asking = judged("seen", 24, false);
    assert_eq!(asking.ruling, Ruling::Inconclusive, "{}", asking.says);
    assert!(asking.says.contains("nobody has allowed"), "{}", asking.says);
    for (hours, rules, wanted) in [(168, false, "the last 24 hours only"), (24, true, "asked of files")] {
        let told = judged("seen", hours, rules);
        assert_eq!(told.ruling, Ruling::Error, "{}", told.says);
        assert!(told.says.contains(wanted), "{}", told.says);
    }
    // What cannot be is said at once, and not waited for.
    let begun = Instant::now();
    let wrong = judged("wrong", 24, false);
    assert!(begun.elapsed() < Duration::from_secs(10) && wrong.says.contains("not both"), "{}", wrong.says);
    // Allowed, its engine's silence is no pass either.
    let [(ask, table)] = &app.engines_not_allowed(opened.id).expect("asked")[..] else { panic!("one engine") };
    assert_eq!((table.at.as_str(), ask.url.as_str()), ("127.0.0.1:1/app", "postgres://ada@127.0.0.1:1/app"));
    app.allow_engine(ask.clone()).expect("allowed");
    let silent = judged("seen", 24, false);
    assert_eq!(silent.ruling, Ruling::Inconclusive, "{}", silent.says);
    assert!(silent.says.contains("cannot be reached"), "{}", silent.says);
    app.forbid_engine(ask.clone()).expect("forbidden");
    assert!(judged("seen", 24, false).says.contains("nobody has allowed"));
    app.allow_engine(ask.clone()).expect("allowed");
    app.forget_project(crate::wire::OfProject { project: opened.id }).expect("forgotten");
    let again = app.open_folder(&root).expect("it opens again");
    assert_eq!(app.engines_not_allowed(again.id).expect("asked").len(), 1);
    app.shutdown();
}
