//! The OCI adapter beside registries and issuers of tokens that do what no real one in our tests does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use signalbox_release::{Cancel, Cx, Failure, FailureCode, Registry, SystemClock};
use signalbox_remote::{Auth, Identity, OciAt, OciRegistry, Secret};
use signalbox_testkit::fake::{Asked, Fake, answer};

fn cx() -> Cx {
    Cx { cancel: Cancel::default(), limit: Duration::from_secs(60) }
}

fn registry(url: &str, auth: impl Identity + 'static) -> OciRegistry {
    let at = OciAt {
        id: "oci".parse().expect("a name"),
        url: url.into(),
        repository: "team".into(),
        by: "ada@laptop".into(),
        cache: std::env::temp_dir(),
        models: Vec::new(),
    };
    OciRegistry::new(at, Arc::new(auth), None, Arc::new(SystemClock)).expect("a registry")
}

fn basic(user: &str, password: &str) -> Auth {
    Auth::Basic { user: user.into(), password: Secret::new(password) }
}

fn denied(headers: &str) -> String {
    answer("401 Unauthorized", headers, "")
}

fn versions(registry: &OciRegistry) -> Result<usize, Failure> {
    Ok(registry.versions(&"m".parse().expect("a name"), &cx())?.len())
}

#[test]
fn a_list_that_goes_on_where_nobody_understands_it_is_not_taken_for_whole() {
    for (link, why) in [
        (r#"</v2/team/m/tags/list?page=2>; rel="next""#, "goes on in a way that is not understood"),
        (r#"</v2/_catalog?last=x>; rel="next""#, "goes on elsewhere"),
        (r#"</v2/team/m/tags/list?n=1000&last=same>; rel="next""#, "goes on in a circle"),
    ] {
        let link = format!("Link: {link}\r\n");
        let fake = Fake::new(move |_| answer("200 OK", &link, r#"{"name":"team/m","tags":[]}"#));
        let failure = versions(&registry(&fake.url(), || Auth::None)).expect_err("part of a list");
        assert_eq!(failure.code, FailureCode::Server, "{failure}");
        assert!(failure.message.contains(why), "{failure}");
    }
}

#[test]
fn a_list_without_an_end_is_given_up() {
    let page = AtomicUsize::new(0);
    let names = vec!["\"v\""; 1000].join(",");
    let fake = Fake::new(move |_| {
        let n = page.fetch_add(1, Ordering::SeqCst);
        let link = format!("Link: </v2/team/m/tags/list?n=1000&last={n}>; rel=\"next\"\r\n");
        answer("200 OK", &link, &format!("{{\"name\":\"team/m\",\"tags\":[{names}]}}"))
    });
    let failure = versions(&registry(&fake.url(), || Auth::None)).expect_err("no end");
    assert!(failure.message.ends_with("does not end"), "{failure}");
    assert_eq!(fake.seen().len(), 101);
}

/// A registry that wants tokens from an issuer, which answers what `issues` says.
fn with_issuer(issues: impl Fn(&Asked) -> String + Send + Sync + 'static) -> (Fake, Fake) {
    let issuer = Fake::new(issues);
    let asks = format!("WWW-Authenticate: Bearer realm=\"{}/token\",service=\"reg\"\r\n", issuer.url());
    let registry = Fake::new(move |asked| match asked.header("authorization") {
        Some("Bearer issued") => answer("200 OK", "", r#"{"name":"team/m","tags":[]}"#),
        _ => denied(&asks),
    });
    (registry, issuer)
}

#[test]
fn what_an_issuer_says_is_not_repeated() {
    for (status, code) in [
        ("400 Bad Request", FailureCode::Invalid),
        ("401 Unauthorized", FailureCode::Denied),
        ("500 Sick", FailureCode::Server),
        // What is no JSON would be shown too.
        ("200 OK", FailureCode::Server),
    ] {
        let (fake, issuer) = with_issuer(move |asked| answer(status, "", &format!("{:?}", asked)));
        let failure = versions(&registry(&fake.url(), || basic("ada", "hunter2"))).expect_err(status);
        assert_eq!(failure.code, code, "{failure}");
        // ada:hunter2
        assert!(issuer.seen().iter().all(|asked| asked.header("authorization") == Some("Basic YWRhOmh1bnRlcjI=")));
        assert!(!format!("{failure:?}").contains("YWRhOmh1bnRlcjI="), "{failure:?}");
        assert!(failure.message.contains(&issuer.url()), "{failure}");
    }
}

#[test]
fn a_refresh_token_goes_to_its_issuer_in_a_form_and_nowhere_else() {
    let (fake, issuer) = with_issuer(|asked| {
        let good = asked.line.starts_with("POST /token HTTP") && asked.body.contains("refresh_token=hunter2%2B%3D");
        if good { answer("200 OK", "", r#"{"access_token":"issued","expires_in":300}"#) } else { denied("") }
    });
    assert_eq!(versions(&registry(&fake.url(), || basic("<token>", "hunter2+="))), Ok(0));
    let asked = issuer.seen();
    assert_eq!((asked.len(), asked[0].header("authorization")), (1, None));
    assert_eq!(asked[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    let form = "grant_type=refresh_token&client_id=signalbox&scope=repository%3Ateam%2Fm%3Apull&service=reg\
                &refresh_token=hunter2%2B%3D";
    assert_eq!(asked[0].body, form);

    let failure = versions(&registry(&fake.url(), || basic("<token>", "wrong"))).expect_err("denied");
    assert_eq!(failure.code, FailureCode::Denied);
    // One that wants a password does not get this for one.
    let fake = Fake::new(|_| denied("WWW-Authenticate: Basic realm=\"x\"\r\n"));
    let failure = versions(&registry(&fake.url(), || basic("<token>", "hunter2"))).expect_err("denied");
    assert!(failure.message.contains("asks for a password"), "{failure}");
    assert!(fake.seen().iter().all(|asked| asked.header("authorization").is_none()));
}

/// What a tool keeps, remembered until a server refuses it.
struct Remembers {
    kept: Arc<Mutex<Auth>>,
    remembered: Mutex<Option<Auth>>,
}

impl Identity for Remembers {
    fn auth(&self) -> Result<Auth, Failure> {
        let kept = || self.kept.lock().expect("held").clone();
        Ok(self.remembered.lock().expect("held").get_or_insert_with(kept).clone())
    }

    fn refused(&self) {
        *self.remembered.lock().expect("held") = None;
    }
}

#[test]
fn a_credential_that_was_renewed_is_taken_at_the_next_refusal() {
    let bearer = |token: &str| Auth::Bearer { token: Secret::new(token) };
    for (scheme, [(old, old_header), (new, new_header)]) in [
        ("Basic", [(basic("a", "1"), "Basic YTox"), (basic("a", "2"), "Basic YToy")]),
        ("Bearer", [(bearer("1"), "Bearer 1"), (bearer("2"), "Bearer 2")]),
    ] {
        let taken = Arc::new(Mutex::new(old_header));
        let known = taken.clone();
        let fake = Fake::new(move |asked| {
            let good = asked.header("authorization") == Some(*known.lock().expect("held"));
            let asks = format!("WWW-Authenticate: {scheme} realm=\"x\"\r\n");
            if good { answer("200 OK", "", r#"{"name":"team/m","tags":[]}"#) } else { denied(&asks) }
        });
        let kept = Arc::new(Mutex::new(old));
        let registry = registry(&fake.url(), Remembers { kept: kept.clone(), remembered: Mutex::default() });
        assert_eq!(versions(&registry), Ok(0), "{scheme}");
        *kept.lock().expect("held") = new;
        *taken.lock().expect("held") = new_header;
        assert_eq!(versions(&registry), Ok(0), "{scheme}");
        *taken.lock().expect("held") = "nothing";
        assert_eq!(versions(&registry).expect_err("denied").code, FailureCode::Denied, "{scheme}");
    }
}
