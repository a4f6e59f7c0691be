//! `mlflow models serve` itself on a small scikit-learn model. Needs a Python with both: `SIGNALBOX_PYTHON` names it.
//!
//! `cargo test -p signalbox-keeper --features real-servers --test real_servers`

mod bench;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bench::*;
use serde_json::Value;
use signalbox_keeper::How;
use signalbox_release::*;

fn python() -> PathBuf {
    std::env::var_os("SIGNALBOX_PYTHON")
        .expect("SIGNALBOX_PYTHON must name a Python that has mlflow and scikit-learn; these tests are not skipped")
        .into()
}

/// Saves a model with its example into a folder; gives the example and the model's own answers to it.
fn save(python: &Path, to: &Path, seed: u32) -> (Value, Value) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/save_model.py");
    let output = Command::new(python)
        .args([script.as_os_str(), to.as_os_str(), seed.to_string().as_ref()])
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        .current_dir(to.parent().expect("a parent"))
        .output()
        .expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let last = String::from_utf8_lossy(&output.stdout).lines().last().expect("a line").to_owned();
    let answer = serde_json::from_str(&last).expect("JSON");
    let example = std::fs::read_to_string(to.join("serving_input_example.json")).expect("an example");
    (serde_json::from_str(&example).expect("JSON"), answer)
}

#[test]
fn mlflow_serves_two_versions_one_after_the_other() {
    let python = python();
    let bench = Bench::with(How::Mlflow { python: python.clone() });
    let long = |secs| Cx { cancel: Cancel::default(), limit: Duration::from_secs(secs) };
    let mut loaded = Vec::new();
    for version in ["1", "2"] {
        let path = bench.dir.path().join(format!("model{version}"));
        let (request, answer) = save(&python, &path, version.parse().expect("a number"));
        let digest = digest_of(&path).expect("read").digest;
        let at = VersionRef {
            registry: name("own"),
            model: name("iris"),
            version: name(version),
            digest: Some(digest.clone()),
        };
        let what = Deployable { version: at.clone(), path: Some(path.clone()), source: None };
        let since = std::time::Instant::now();
        done(bench.target.stage(&churn(), &what, &key(), &long(180)));
        println!("version {version} was ready after {:.1} s", since.elapsed().as_secs_f64());
        let golden = Golden { request: request.clone(), answer, tolerance: 1e-9 };
        let said = bench.target.ask(&churn(), &Whom::Version(at.clone()), &request, &cx(30)).expect("an answer");
        assert_eq!(golden.parts_from(&said.body), None, "{said:?}");
        assert_eq!(said.by.as_deref(), Some(version));
        done(bench.route(&what, 100));
        let said = bench.target.ask(&churn(), &Whom::Live, &request, &cx(30)).expect("an answer");
        assert_eq!(golden.parts_from(&said.body), None, "{said:?}");
        println!("answered in {:.1} ms", said.took_ms);
        let seen = bench.observe();
        assert_eq!(seen.of(&at).map(|served| served.identity.clone()), Some(Identity::Proven(digest.clone())));
        // What it asks for wrongly is the caller's error, in MLflow's words.
        let failure = bench.target.ask(&churn(), &Whom::Live, &serde_json::json!({ "odd": 1 }), &cx(30));
        assert_eq!(failure.expect_err("no such request").code, FailureCode::Invalid);
        assert_eq!(digest_of(&path).expect("read").digest, digest, "serving has changed the artifact");
        loaded.push(what);
    }
    // The process that MLflow starts in its turn goes with it.
    done(bench.unstage(&loaded[0]));
    let servers = bench.seen().versions;
    assert_eq!(servers.len(), 1);
    kill(servers[0].pid.expect("it runs"));
    bench.until(|seen| seen.phase == Phase::Serving && bench.version_seen(&loaded[1]).n_restarts == 1);
}

#[test]
fn a_python_without_mlflow_is_told_in_its_words() {
    let bench = Bench::with(How::Command {
        argv: ["python3", "-S", "-E", "-m", "mlflow", "models", "serve"].map(str::to_owned).into(),
        ready: "/ping".into(),
        asked: "/invocations".into(),
    });
    let failure = refused(bench.stage(&bench.version("1", "")));
    assert!(failure.message.contains("No module named mlflow"), "{failure:?}");
}
