//! The MLflow adapter beside servers that answer what MLflow itself does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use signalbox_release::{Cancel, Cx, FailureCode, Registry, SystemClock};
use signalbox_remote::{MlflowAt, MlflowRegistry};
use signalbox_testkit::fake::{Fake, answer};

fn cx() -> Cx {
    Cx { cancel: Cancel::default(), limit: Duration::from_secs(60) }
}

fn registry(fake: &Fake) -> MlflowRegistry {
    let id = "mlflow".parse().expect("a name");
    let at = MlflowAt { id, url: fake.url(), by: "ada@laptop".into(), cache: std::env::temp_dir() };
    MlflowRegistry::new(at, Arc::new(|_| None), Arc::new(SystemClock)).expect("a registry")
}

fn ok(body: &str) -> String {
    answer("200 OK", "", body)
}

#[test]
fn an_alias_of_an_odd_form_does_not_point_at_nothing() {
    for odd in ["{}", r#"{"model_version":{"version":null}}"#, r#"{"model_version":{"version":"../4"}}"#, "[]"] {
        let fake = Fake::new(move |asked| match asked.line.contains("/registered-models/alias") {
            true => ok(odd),
            false => ok(r#"{"registered_model":{"name":"m"}}"#),
        });
        let (model, alias) = ("m".parse().expect("a name"), "champion".parse().expect("a name"));
        let failure = registry(&fake).pointer(&model, &alias, &cx()).expect_err(odd);
        assert_eq!(failure.code, FailureCode::Server, "{failure}");
    }
}

#[test]
fn a_list_without_an_end_is_given_up() {
    let page = AtomicUsize::new(0);
    let models = vec![r#"{"name":"m"}"#; 1000].join(",");
    let fake = Fake::new(move |_| {
        let n = page.fetch_add(1, Ordering::SeqCst);
        ok(&format!(r#"{{"registered_models":[{models}],"next_page_token":"{n}"}}"#))
    });
    let failure = registry(&fake).models(&cx()).expect_err("no end");
    assert!(failure.message.ends_with("does not come to the end of its list"), "{failure}");
    assert_eq!(fake.seen().len(), 101);
}

#[test]
fn every_model_is_asked_for_its_aliases_where_no_list_tells_them() {
    for (version, n_asked) in [(None, 250), (Some("3.17.2"), 0)] {
        let fake = Fake::new(move |asked| {
            let names = (0..250).map(|i| format!(r#"{{"name":"m{i:03}"}}"#));
            match asked.line.split(' ').nth(1).unwrap_or_default() {
                "/version" => version.map_or_else(|| answer("404 Not Found", "", "<html>"), ok),
                path if path.contains("/search") => {
                    ok(&format!(r#"{{"registered_models":[{}]}}"#, names.collect::<Vec<_>>().join(",")))
                }
                path => {
                    let name = path.rsplit('=').next().unwrap_or_default();
                    let aliases = r#"[{"alias":"champion","version":"7"}]"#;
                    ok(&format!(r#"{{"registered_model":{{"name":"{name}","aliases":{aliases}}}}}"#))
                }
            }
        });
        let models = registry(&fake).models(&cx()).expect("models");
        assert_eq!(models.len(), 250);
        let asked = fake.seen().iter().filter(|asked| asked.line.contains("/registered-models/get")).count();
        assert_eq!(asked, n_asked, "MLflow itself lists them: {version:?}");
        assert_eq!(models.iter().filter(|model| !model.aliases.is_empty()).count(), n_asked);
    }
}
