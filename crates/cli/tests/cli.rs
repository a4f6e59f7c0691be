//! The program as a person and a script meet it: real folders, real output, real exit codes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A home of its own, and a project with two logs whose numbers are known.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().expect("a folder");
        let project = dir.path().join("project");
        std::fs::create_dir_all(project.join("logs")).expect("a folder");
        let a = "step,loss,acc\n0,2.5,0.1\n1,1.25,0.4\n2,0.625,0.7\n3,nan,0.8\n";
        let b = "step,loss\n0,3\n1,0.5\n2,inf\n";
        std::fs::write(project.join("logs/adam.csv"), a).expect("a log");
        std::fs::write(project.join("logs/sgd.csv"), b).expect("a log");
        Place { dir }
    }

    fn project(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
        command.args(arguments).current_dir(self.project()).stdin(Stdio::null());
        command.env("HOME", self.dir.path()).env("XDG_DATA_HOME", self.dir.path().join("data"));
        command.env_remove("SIGNALBOX_DATA_DIR").env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().expect("the program starts"))
    }

    /// Runs that must succeed.
    fn ok(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.out, said.err);
        assert_eq!(said.err, "", "{arguments:?}: nothing on stderr where it is no terminal");
        said.out
    }
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn of(output: Output) -> Said {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Said { code: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
    }
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/samples")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn the_document_holds_every_run_exactly() {
    let place = Place::new();
    let document = json(&place.ok(&["runs", ".", "--json"]));
    let runs = document["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 2);
    let run = |part: &str| {
        let by = |r: &&Value| r["sources"][0]["path"].as_str().is_some_and(|p| p.contains(part));
        runs.iter().find(by).unwrap_or_else(|| panic!("{part} in {document}"))
    };
    let loss = &run("adam")["metrics"]["loss"];
    assert_eq!((&loss["n"], &loss["min"], &loss["max"]), (&4.into(), &0.625.into(), &2.5.into()));
    assert_eq!((&loss["last"], &loss["last_step"], &loss["first_step"]), (&"NaN".into(), &3.into(), &0.into()));
    assert_eq!(run("sgd")["metrics"]["loss"]["last"], "Infinity");
    assert_eq!(run("sgd")["sources"][0]["format"], "csv");
    assert_eq!(document["problems"], Value::Array(vec![]));
    // The folder was not written to, nor was the user's own store made.
    assert_eq!(std::fs::read_dir(place.project()).expect("a folder").count(), 1);
    assert!(!place.dir.path().join("data").exists() && !place.dir.path().join(".local").exists());
}

#[test]
fn the_real_tools_logs_are_read() {
    let place = Place::new();
    let path = samples().join("tb_tensorboardx");
    let document = json(&place.ok(&["runs", path.to_str().expect("text"), "--json"]));
    let expected = json(&std::fs::read_to_string(path.join("expected.json")).expect("a sample"));
    let mut n_compared = 0;
    for (name, told) in expected["runs"].as_object().expect("runs") {
        for (tag, told) in told["tags"].as_object().expect("tags") {
            if told["plugin"] != "scalars" {
                continue;
            }
            let runs = document["runs"].as_array().expect("runs");
            let run =
                runs.iter().find(|r| r["sources"][0]["path"] == name.as_str()).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(run["metrics"][tag]["n"], told["points"], "{name} {tag}");
            n_compared += 1;
        }
    }
    assert!(n_compared > 0, "the sample has scalars");
}

#[test]
fn the_table_is_aligned_and_filters_and_sorts() {
    let place = Place::new();
    let table = place.ok(&["runs"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("run") && lines[0].contains("state") && lines[0].contains("loss"), "{table}");
    assert!(lines.iter().any(|l| l.contains("adam") && l.contains("NaN") && l.contains("0.8")), "{table}");
    assert!(table.contains("2 runs") && !table.contains('\u{1b}'), "{table}");

    let one = place.ok(&["runs", ".", "--filter", "metrics.acc > 0.5"]);
    assert!(one.contains("adam") && !one.contains("sgd") && one.contains("1 of 2 runs"), "{one}");
    assert_eq!(
        json(&place.ok(&["runs", "--json", "--filter", "metrics.acc > 0.5"]))["runs"].as_array().map(Vec::len),
        Some(1)
    );

    let first = |sort: &str| {
        let table = place.ok(&["runs", sort]);
        table.lines().nth(1).expect("a row").split(' ').next().expect("a name").to_owned()
    };
    assert_ne!(first("--sort=name"), first("--sort=-name"));
}

#[test]
fn what_is_not_understood_ends_with_two() {
    let place = Place::new();
    let said = place.run(&["runs", ".", "--filter", "metrics.loss << 3"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.starts_with("error:"), "{}", said.err);
    for wrong in [
        &["runs", "--sort", "nothing"][..],
        &["nonsense"],
        &["export"],
        &["export", "adam", "--png", "--csv"],
        &["export", "adam", "--smooth", "x"],
        &["export", "--filter", "", "--metric", "nothing"],
    ] {
        let said = place.run(wrong);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{wrong:?}");
        assert!(said.err.contains("error:"), "{wrong:?}: {}", said.err);
    }
}

#[test]
fn what_is_not_there_is_said_with_its_own_code() {
    let place = Place::new();
    let said = place.run(&["runs", "nowhere"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("nowhere") && !said.err.contains("panicked"), "{}", said.err);
    assert_eq!(place.run(&["show", "nobody"]).code, 4);
    assert_eq!(place.run(&["export", "nobody"]).code, 4);

    let empty = place.dir.path().join("empty");
    std::fs::create_dir(&empty).expect("a folder");
    let empty = empty.to_str().expect("text");
    assert!(place.ok(&["runs", empty]).contains("No runs here"));
    assert_eq!(json(&place.ok(&["runs", empty, "--json"]))["runs"], Value::Array(vec![]));
    assert_eq!(place.run(&["runs", empty, "--strict"]).code, 4);
}

#[test]
fn problems_are_listed_and_strict_scripts_hear_of_them() {
    let place = Place::new();
    assert!(place.ok(&["problems", "--strict"]).contains("No problems; 2 runs"));
    let damaged = samples().join("edge/mlruns_damaged");
    let damaged = damaged.to_str().expect("text");
    let list = place.ok(&["problems", damaged]);
    let said = place.run(&["problems", damaged, "--strict", "--json"]);
    assert_eq!(said.code, 3);
    let problems = json(&said.out)["problems"].as_array().expect("a list").clone();
    assert!(!problems.is_empty());
    for problem in &problems {
        let (path, message) = (problem["path"].as_str().expect("a path"), problem["message"].as_str().expect("words"));
        assert!(list.contains(path) && list.contains(message), "{problem} in {list}");
    }
    assert_eq!(place.run(&["runs", damaged, "--strict"]).code, 3);
    assert_eq!(place.run(&["runs", damaged]).code, 0);
}

#[test]
fn a_run_is_shown_whole() {
    let place = Place::new();
    let document = json(&place.ok(&["runs", "--json"]));
    let run = &document["runs"].as_array().expect("runs")[0];
    let id = run["id"].as_str().expect("an id");
    assert_eq!(&json(&place.ok(&["show", id, "--json"])), run);
    let text = place.ok(&["show", id, "--project", place.project().to_str().expect("text")]);
    for words in ["state", "source", "Metrics", "loss", "Files"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let mlflow = samples().join("mlflow_file");
    let mlflow = mlflow.to_str().expect("text");
    let runs = json(&place.ok(&["runs", mlflow, "--json"]));
    let id = runs["runs"][0]["id"].as_str().expect("an id").to_owned();
    let text = place.ok(&["show", &id[..10], "--project", mlflow]);
    assert!(text.contains(&id), "{text}");
}

#[test]
fn an_export_equals_the_log() {
    let place = Place::new();
    let csv = place.ok(&["export", "--filter", "metrics.acc > 0", "--metric", "loss"]);
    let rows: Vec<Vec<&str>> = csv.lines().map(|l| l.split(',').collect()).collect();
    let at = |name: &str| rows[0].iter().position(|c| *c == name).expect("a column");
    let (metric, step, value) = (at("metric"), at("step"), at("value"));
    let points: Vec<_> = rows[1..].iter().map(|r| (r[metric], r[step], r[value])).collect();
    assert_eq!(points, [("loss", "0", "2.5"), ("loss", "1", "1.25"), ("loss", "2", "0.625"), ("loss", "3", "NaN")]);

    let file = place.dir.path().join("chart.png");
    let name = file.to_str().expect("text");
    assert_eq!(place.ok(&["export", "--filter", "", "--metric", "loss", "-o", name]), "");
    assert_eq!(std::fs::read(&file).expect("written")[..8], *b"\x89PNG\r\n\x1a\n");
    let svg =
        place.ok(&["export", "--filter", "", "--svg", "--metric", "loss", "--smooth", "ema:0.5", "--x", "relative"]);
    assert!(svg.starts_with("<svg ") && svg.contains("loss") && svg.contains("adam"), "{svg:.300}");
    // Which metric, where there are two?
    let said = place.run(&["export", "--filter", "", "--svg"]);
    assert!(said.code == 2 && said.err.contains("acc, loss") || said.err.contains("loss, acc"), "{}", said.err);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let place = Place::new();
    let mut log = String::from("step,loss\n");
    (0..200_000).for_each(|i| log.push_str(&format!("{i},0.5\n")));
    std::fs::write(place.project().join("logs/long.csv"), log).expect("a log");
    let mut child = place
        .command(&["export", "--filter", "name like '%long%'"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // Gone before a byte was read: the pipe holds 64 KiB, the export is megabytes.
    drop(child.stdout.take());
    let said = Said::of(child.wait_with_output().expect("it ends"));
    assert_eq!((said.code, said.err.as_str()), (0, ""));
}

#[test]
fn help_teaches() {
    let place = Place::new();
    let help = place.ok(&["--help"]);
    for words in ["Examples:", "Exit codes:", "runs", "serve", "--filter"] {
        assert!(help.contains(words), "{words}");
    }
    // Every filter that the help shows is understood; words of explanation stand behind a wide gap.
    let filters = place.ok(&["runs", "--help"]);
    let (_, filters) = filters.split_once("parentheses besides.\n").expect("filters are explained");
    let filters: Vec<&str> = filters.lines().filter_map(|l| l.strip_prefix("  ")?.split("    ").next()).collect();
    assert_eq!(filters.len(), 5, "{filters:?}");
    for filter in filters {
        place.ok(&["runs", "--filter", filter]);
    }
    assert!(place.ok(&["--version"]).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_window_needs_a_display() {
    let place = Place::new();
    let said = place.run(&["open", "."]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("signalbox serve"), "{}", said.err);
}

#[test]
#[cfg(unix)]
fn serve_prints_its_address_and_ends_when_told() {
    use std::io::{BufRead, BufReader, Read, Write};
    let place = Place::new();
    let mut child = place
        .command(&["serve", "--data-dir", "own"])
        .current_dir(place.dir.path())
        .arg("project")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = lines.next().expect("a line").expect("text");
    let rest = line.strip_prefix("Signalbox is at http://127.0.0.1:").expect("an address");
    let (port, rest) = rest.split_once("/?token=").expect("a token");
    let token = rest.split('#').next().expect("a token");
    assert!(rest.contains("#/p/"), "it leads to the project: {line}");
    let mut stream =
        std::net::TcpStream::connect(("127.0.0.1", port.parse::<u16>().expect("a port"))).expect("connects");
    let head = format!(
        "POST /api/call/projects HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("read");
    assert!(reply.starts_with("HTTP/1.1 200") && reply.contains("project"), "{reply}");
    assert!(place.dir.path().join("own/signalbox.db").exists());

    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill");
    assert!(told.success());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0), "SIGTERM ends it in good order");
}

#[test]
fn what_fourteen_tools_wrote_stands_in_one_table() {
    let place = Place::new();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/samples");
    let of = |sample: &str| {
        let document = json(&place.ok(&["runs", samples.join(sample).to_str().expect("text"), "--json"]));
        let runs = document["runs"].as_array().expect("runs").iter();
        let told = runs.map(|run| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&run["sources"][0]["format"]), text(&run["name"]), text(&run["status"]))
        });
        let mut told: Vec<_> = told.collect();
        told.sort();
        told
    };
    let check = |sample: &str, expected: &[(&str, &str, &str)]| {
        let told = of(sample);
        let told: Vec<_> = told.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
        assert_eq!(told, expected, "{sample}");
    };
    check(
        "wandb_offline",
        &[
            ("wandb", "failed-run", "unknown"),
            ("wandb", "finished-run", "finished"),
            ("wandb", "killed-run", "unknown"),
        ],
    );
    check("wandb_multiblock", &[("wandb", "big-run", "finished")]);
    check("swanlab", &[("swanlab", "run-local", "finished"), ("swanlab", "run-offline", "finished")]);
    check("catboost", &[("catboost", "catboost", "unknown")]);
    check("sacred", &[("sacred", "1", "finished"), ("sacred", "2", "failed"), ("sacred", "3", "unknown")]);
    check("trackio", &[("trackio", "run-one", "unknown"), ("trackio", "run-two", "unknown")]);
    let optuna = of("optuna");
    for (format, n) in [("optuna_sqlite", 12), ("optuna_journal", 12)] {
        assert_eq!(optuna.iter().filter(|(of, ..)| of == format).count(), n, "{format}: {optuna:?}");
    }
    assert!(optuna.iter().any(|(_, name, status)| name == "demo-study/trial 4" && status == "failed"), "{optuna:?}");
    check("aim", &[("aim", "Run: 05b05da8f2d741ceaacb8850", "unknown"), ("aim", "run-one", "unknown")]);
    assert!(of("dvclive").iter().all(|(format, ..)| format == "dvclive"));
    assert!(of("guild").iter().any(|(format, name, _)| format == "guild" && name == "lab lr=0.1"));
}
