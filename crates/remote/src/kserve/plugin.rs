//! Runs a credential plugin: a program that a kubeconfig names, which says who we are for a while.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use signalbox_release::{Failure, FailureCode};

use super::kubeconfig::Plugin;
use crate::http::{Patience, words};
use crate::secret::{Auth, Secret};

/// So long a person may take to log in at a page that the program opened.
const LIMIT: Duration = Duration::from_secs(60);
const MAX_BYTES: u64 = 1 << 20;

/// Who we are, and how long that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    pub auth: Auth,
    /// Our own certificate and its key, in PEM form.
    pub identity: Option<Secret>,
    pub until_unix_ms: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    api_version: String,
    kind: String,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<String>,
}

pub fn ask(plugin: &Plugin, patience: &Patience) -> Result<Credential, Failure> {
    let name = words(plugin.command.display().to_string().as_bytes());
    let bad = |why: &str| {
        let hint = plugin.hint.clone().unwrap_or_else(|| "Does `kubectl get inferenceservices` work here?".to_owned());
        Failure::new(FailureCode::Local, format!("{name}, which the kubeconfig asks who we are, {why}")).hint(hint)
    };
    let info = json!({
        "apiVersion": plugin.api_version, "kind": "ExecCredential",
        "spec": { "interactive": false, "cluster": plugin.cluster },
    });
    let mut command = Command::new(&plugin.command);
    command
        .args(&plugin.args)
        .envs(plugin.env.iter().map(|(name, value)| (name, value)))
        .env("KUBERNETES_EXEC_INFO", info.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    own_group(&mut command);
    let mut running = Running(command.spawn().map_err(|e| bad(&format!("does not start: {e}")))?);
    // Threads of their own: a grandchild may keep the pipes open for ever.
    let (out, err) = (read(running.0.stdout.take()), read(running.0.stderr.take()));
    let patience = patience.within(LIMIT);
    let status = loop {
        match running.0.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => patience.pause(Duration::from_millis(20)).map_err(|f| match f.code {
                FailureCode::TimedOut => bad("does not answer in time"),
                _ => f,
            })?,
            Err(e) => return Err(bad(&format!("cannot be waited for: {e}"))),
        }
    };
    let said = |from: &mpsc::Receiver<Vec<u8>>| from.recv_timeout(Duration::from_secs(2)).unwrap_or_default();
    if !status.success() {
        // What it tells a person goes there; what is secret goes to its other output.
        return Err(bad(&format!("failed ({status}): {}", words(&said(&err)))));
    }
    understood(plugin, &said(&out)).ok_or_else(|| bad("says what is no ExecCredential"))
}

fn understood(plugin: &Plugin, bytes: &[u8]) -> Option<Credential> {
    let said: Said = serde_json::from_slice(bytes).ok()?;
    let status = said.status.filter(|_| said.kind == "ExecCredential" && said.api_version == plugin.api_version)?;
    let identity = match (status.client_certificate_data, status.client_key_data) {
        (Some(certificate), Some(key)) => Some(Secret::new(format!("{certificate}\n{key}"))),
        _ => None,
    };
    let auth = match status.token.filter(|token| !token.is_empty()) {
        Some(token) => Auth::Bearer { token: Secret::new(token.trim()) },
        None if identity.is_some() => Auth::None,
        None => return None,
    };
    let until_unix_ms = match status.expiration_timestamp {
        Some(text) => Some(signalbox_release::unix_ms_of(&text)?),
        None => None,
    };
    Some(Credential { auth, identity, until_unix_ms })
}

fn read(from: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (told, hears) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(from) = from {
            // What was read before it broke off is judged as it is.
            let _ = from.take(MAX_BYTES).read_to_end(&mut bytes);
        }
        let _ = told.send(bytes);
    });
    hears
}

/// Ended, with all that it started, when nobody waits for it any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn own_group(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use signalbox_release::{Cancel, Cx};

    fn plugin(script: &str) -> Plugin {
        Plugin {
            api_version: "client.authentication.k8s.io/v1".into(),
            command: "sh".into(),
            args: vec!["-c".into(), script.into()],
            env: vec![("WHO".into(), "ada".into())],
            hint: Some("Install it.".into()),
            cluster: None,
        }
    }

    fn patience(ms: u64) -> Patience {
        Patience::new(&Cx { cancel: Cancel::default(), limit: Duration::from_millis(ms) })
    }

    #[test]
    fn a_program_says_who_we_are() {
        let said = r#"printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t-%s","expirationTimestamp":"2026-11-21T10:10:00Z"}}' "$WHO"; [ -n "$KUBERNETES_EXEC_INFO" ]"#;
        let credential = ask(&plugin(said), &patience(20_000)).expect("said");
        assert_eq!(credential.auth, Auth::Bearer { token: Secret::new("t-ada") });
        assert_eq!(credential.until_unix_ms, Some(1_795_255_800_000));
    }

    #[test]
    fn one_that_fails_or_hangs_or_babbles_is_told_of() {
        for (script, says) in [
            ("echo log in first >&2; echo hunter2; exit 3", "failed (exit status: 3): log in first"),
            ("echo '{\"kind\":\"x\",\"token\":\"hunter2\"}'", "says what is no ExecCredential"),
            ("head -c 3000000 /dev/zero; true", "says what is no ExecCredential"),
        ] {
            let failure = ask(&plugin(script), &patience(20_000)).expect_err(says);
            assert!(failure.message.contains(says) && !failure.message.contains("hunter2"), "{failure}");
            assert_eq!(failure.hint.as_deref(), Some("Install it."));
        }
        let began = std::time::Instant::now();
        let failure = ask(&plugin("sleep 100 & sleep 100"), &patience(300)).expect_err("it hangs");
        assert!(failure.message.contains("does not answer in time"), "{failure}");
        assert!(began.elapsed() < Duration::from_secs(60));
        let mut missing = plugin("");
        missing.command = "no-such-program-here".into();
        assert!(ask(&missing, &patience(1000)).expect_err("missing").message.contains("does not start"));
    }
}
