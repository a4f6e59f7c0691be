//! Signatures of approvals, made and checked by OpenSSH's own `ssh-keygen -Y` (ssh-keygen(1); the format is OpenSSH's
//! PROTOCOL.sshsig). People have such keys, agents and tokens already, and their public halves are in the team's git.

use signalbox_release::gate::{Approval, NAMESPACE};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A key on a token waits for a touch.
const LIMIT: Duration = Duration::from_secs(30);
const MAX_BYTES: u64 = 64 << 10;

/// Signs with the private half of `key`: the agent's, or the file's beside its public half in `ssh_dir`.
pub(super) fn sign(approval: &Approval, key: &str, ssh_dir: &Path) -> Result<String, String> {
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let public = folder.path().join("key.pub");
    std::fs::write(&public, format!("{key}\n")).map_err(|e| format!("{}: {e}", public.display()))?;
    let mut why = String::new();
    // A public key alone: the agent has the other half.
    for path in std::iter::once(public).chain(private_half(key, ssh_dir)) {
        let path = path.display().to_string();
        match ssh_keygen(&["-Y", "sign", "-n", NAMESPACE, "-f", &path], approval.message().as_bytes()) {
            Ok(signature) => return Ok(signature),
            Err(said) => why = said,
        }
    }
    Err(why)
}

/// Whether `approval` was signed by `key`.
pub(super) fn verify(approval: &Approval, key: &str) -> Result<(), String> {
    let signature = approval.signature.as_ref().ok_or("it is not signed")?;
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let (allowed, file) = (folder.path().join("allowed"), folder.path().join("signature"));
    // The name is ours: whose key it is was looked up already.
    let lines = format!("approver namespaces=\"{NAMESPACE}\" {key}\n");
    std::fs::write(&allowed, lines)
        .and_then(|()| std::fs::write(&file, signature))
        .map_err(|e| format!("{}: {e}", folder.path().display()))?;
    let (allowed, file) = (allowed.display().to_string(), file.display().to_string());
    let args = ["-Y", "verify", "-f", &allowed, "-I", "approver", "-n", NAMESPACE, "-s", &file];
    ssh_keygen(&args, approval.message().as_bytes())
        .map(drop)
        .map_err(|said| format!("its signature is not by their key: {said}"))
}

/// The file beside a public half that is this key.
fn private_half(key: &str, ssh_dir: &Path) -> Option<PathBuf> {
    let bare = |line: &str| line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    let wanted = bare(key);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(ssh_dir).ok()?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pub"));
    let found = paths.into_iter().find(|path| {
        let is_small = std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() < MAX_BYTES);
        is_small && std::fs::read_to_string(path).is_ok_and(|text| bare(&text) == wanted)
    })?;
    Some(found.with_extension("")).filter(|path| path.is_file())
}

/// Runs it without a terminal, so that it asks nobody for a passphrase: an agent does that.
fn ssh_keygen(args: &[&str], input: &[u8]) -> Result<String, String> {
    let mut child = Command::new("ssh-keygen")
        .args(args)
        .env("SSH_ASKPASS_REQUIRE", "never")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("ssh-keygen (OpenSSH) cannot be started: {e}"))?;
    let mut stdin = child.stdin.take().ok_or("no pipe")?;
    // What it does not read it does not want; its exit code tells.
    let _ = stdin.write_all(input);
    drop(stdin);
    let begun = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if begun.elapsed() < LIMIT => std::thread::sleep(Duration::from_millis(5)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("ssh-keygen did not end within {} s", LIMIT.as_secs()));
            }
        }
    };
    let read = |pipe: Option<&mut dyn Read>| {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            let _ = pipe.take(MAX_BYTES).read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let out = read(child.stdout.as_mut().map(|pipe| pipe as &mut dyn Read));
    if status.success() {
        return Ok(out);
    }
    let said = read(child.stderr.as_mut().map(|pipe| pipe as &mut dyn Read));
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(last.chars().filter(|c| !c.is_control()).take(300).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox_release::Digest;

    fn key(dir: &Path, name: &str) -> String {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "a test", "-f"])
            .arg(dir.join(name))
            .status()
            .expect("OpenSSH is there");
        assert!(made.success());
        std::fs::read_to_string(dir.join(format!("{name}.pub"))).expect("a key").trim().to_owned()
    }

    #[test]
    fn what_one_signs_is_verified_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let (grace, eve) = (key(dir.path(), "id_grace"), key(dir.path(), "id_eve"));
        let mut approval = Approval {
            by: "grace".into(),
            plan: Digest::of("a plan"),
            at_unix_ms: 1,
            comment: Some("fine,\nI think".into()),
            withdrawn: false,
            signature: None,
        };
        assert_eq!(verify(&approval, &grace), Err("it is not signed".into()));
        let nowhere = dir.path().join("nowhere");
        assert!(sign(&approval, &grace, &nowhere).is_err(), "nobody has that key");
        approval.signature = Some(sign(&approval, &grace, dir.path()).expect("signed"));
        assert_eq!(verify(&approval, &grace), Ok(()));
        assert!(verify(&approval, &eve).is_err_and(|why| why.contains("not by their key")));
        let other = Approval { withdrawn: true, ..approval.clone() };
        assert!(verify(&other, &grace).is_err(), "it is of all that the approval says");
        let garbage = Approval { signature: Some("-----BEGIN SSH SIGNATURE-----\nAAAA\n".into()), ..approval };
        assert!(verify(&garbage, &grace).is_err());
    }
}
