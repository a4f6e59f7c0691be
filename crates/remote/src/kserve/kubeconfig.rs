//! Kubeconfigs: which cluster a context means, and how one says there who one is
//! (kubernetes.io/docs/reference/config-api/kubeconfig.v1). Read each time, kept nowhere.

use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde::Deserialize;
use signalbox_release::{Failure, FailureCode};

use crate::http::{Trust, words};
use crate::secret::{Auth, Secret};

const MAX_BYTES: u64 = 4 << 20;

/// A cluster, and how one gets in.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    pub context: String,
    pub server: String,
    pub trust: Trust,
    pub proof: Proof,
}

/// How one says who one is.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    Auth(Auth),
    /// A file that another keeps fresh: read at each use.
    TokenFile(PathBuf),
    Plugin(Plugin),
}

/// A program that says it (kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).
#[derive(Clone, PartialEq)]
pub struct Plugin {
    pub api_version: String,
    pub command: PathBuf,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub hint: Option<String>,
    /// What it is told of the cluster, if it wants to know.
    pub cluster: Option<serde_json::Value>,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Arguments and environment may hold secrets.
        write!(f, "Plugin({})", self.command.display())
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct File {
    current_context: Option<String>,
    clusters: Option<Vec<Named<Cluster>>>,
    users: Option<Vec<Named<User>>>,
    contexts: Option<Vec<Named<Context>>>,
}

#[derive(Clone, Deserialize)]
struct Named<T> {
    name: String,
    #[serde(alias = "cluster", alias = "user", alias = "context")]
    it: Option<T>,
}

#[derive(Clone, Deserialize)]
struct Context {
    cluster: String,
    #[serde(default)]
    user: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Cluster {
    server: String,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
    insecure_skip_tls_verify: bool,
    tls_server_name: Option<String>,
    proxy_url: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    client_certificate: Option<PathBuf>,
    client_certificate_data: Option<String>,
    client_key: Option<PathBuf>,
    client_key_data: Option<String>,
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<PathBuf>,
    username: Option<String>,
    password: Option<String>,
    exec: Option<Exec>,
    auth_provider: Option<serde_norway::Value>,
    #[serde(rename = "as")]
    impersonate: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Exec {
    api_version: Option<String>,
    command: String,
    args: Option<Vec<String>>,
    env: Option<Vec<Variable>>,
    install_hint: Option<String>,
    interactive_mode: Option<String>,
    provide_cluster_info: bool,
}

#[derive(Clone, Deserialize)]
struct Variable {
    name: String,
    value: String,
}

/// All files as one: what an earlier one names, a later one does not change.
#[derive(Default)]
struct Merged {
    current: Option<String>,
    clusters: Vec<(PathBuf, Named<Cluster>)>,
    users: Vec<(PathBuf, Named<User>)>,
    contexts: Vec<Named<Context>>,
}

/// `context`: none means the files' current one.
pub fn access(files: &[PathBuf], context: Option<&str>) -> Result<Access, Failure> {
    let merged = merged(files)?;
    let shown = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
    let missing = |what: &str, name: &str| {
        Failure::new(FailureCode::Local, format!("{shown} has no {what} called {:?}", words(name.as_bytes())))
            .hint("`kubectl config get-contexts` lists what there is.")
    };
    let name = context.or(merged.current.as_deref()).filter(|name| !name.is_empty()).ok_or_else(|| {
        Failure::new(FailureCode::Local, format!("{shown} has no current context"))
            .hint("Name a context in signalbox.toml, or choose one with `kubectl config use-context`.")
    })?;
    let context = found(&merged.contexts, name).ok_or_else(|| missing("context", name))?;
    let (file, cluster) =
        found_in(&merged.clusters, &context.cluster).ok_or_else(|| missing("cluster", &context.cluster))?;
    let trust = trust_of(file, &cluster)?;
    let (trust, proof) = if context.user.is_empty() {
        (trust, Proof::Auth(Auth::None))
    } else {
        let (file, user) = found_in(&merged.users, &context.user).ok_or_else(|| missing("user", &context.user))?;
        proof_of(file, &user, &cluster, trust)?
    };
    Ok(Access { context: name.to_owned(), server: cluster.server, trust, proof })
}

fn merged(files: &[PathBuf]) -> Result<Merged, Failure> {
    let mut all = Merged::default();
    let mut n_read = 0;
    for path in files {
        let Some(file) = read(path)? else { continue };
        n_read += 1;
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        all.current = all.current.filter(|name| !name.is_empty()).or(file.current_context);
        all.clusters.extend(file.clusters.unwrap_or_default().into_iter().map(|it| (folder.clone(), it)));
        all.users.extend(file.users.unwrap_or_default().into_iter().map(|it| (folder.clone(), it)));
        all.contexts.extend(file.contexts.unwrap_or_default());
    }
    if n_read == 0 {
        let shown = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(Failure::new(FailureCode::Local, format!("there is no kubeconfig: {shown}"))
            .hint("KUBECONFIG names it, or it is ~/.kube/config; your cluster's provider writes it for you."));
    }
    Ok(all)
}

/// None: there is no such file; kubectl passes it over too.
fn read(path: &Path) -> Result<Option<File>, Failure> {
    let bad = |why: String| Failure::new(FailureCode::Local, format!("{}: {why}", path.display()));
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(bad(e.to_string())),
    };
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|e| bad(e.to_string()))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(bad(format!("it is longer than {MAX_BYTES} bytes")));
    }
    if text.trim().is_empty() {
        return Ok(Some(File::default()));
    }
    // The reader's own message may repeat a line with a token in it; the place is enough.
    let wrong = |e: serde_norway::Error| {
        let place = e.location().map(|at| format!(" (line {}, column {})", at.line(), at.column()));
        bad(format!("it is no kubeconfig{}", place.unwrap_or_default()))
    };
    serde_norway::from_str(&text).map(Some).map_err(wrong)
}

fn found<T: Clone>(list: &[Named<T>], name: &str) -> Option<T> {
    list.iter().find(|named| named.name == name)?.it.clone()
}

fn found_in<'a, T: Clone>(list: &'a [(PathBuf, Named<T>)], name: &str) -> Option<(&'a Path, T)> {
    let (folder, named) = list.iter().find(|(_, named)| named.name == name)?;
    Some((folder, named.it.clone()?))
}

fn trust_of(folder: &Path, cluster: &Cluster) -> Result<Trust, Failure> {
    for (set, what) in [(&cluster.tls_server_name, "tls-server-name"), (&cluster.proxy_url, "proxy-url")] {
        if set.as_ref().is_some_and(|set| !set.is_empty()) {
            return Err(not_here(what));
        }
    }
    let only =
        bytes_of(folder, cluster.certificate_authority.as_deref(), cluster.certificate_authority_data.as_deref())?;
    Ok(Trust { only, anyone: cluster.insecure_skip_tls_verify, ..Trust::default() })
}

fn proof_of(folder: &Path, user: &User, cluster: &Cluster, mut trust: Trust) -> Result<(Trust, Proof), Failure> {
    if user.auth_provider.is_some() {
        return Err(not_here("auth-provider").hint("Have the kubeconfig written anew: it uses `exec` for that by now."));
    }
    if user.impersonate.is_some() {
        return Err(not_here("as"));
    }
    let certificate = bytes_of(folder, user.client_certificate.as_deref(), user.client_certificate_data.as_deref())?;
    let key = bytes_of(folder, user.client_key.as_deref(), user.client_key_data.as_deref())?;
    if let (Some(certificate), Some(key)) = (certificate, key) {
        let pem = [certificate, b"\n".to_vec(), key].concat();
        trust.identity = Some(Secret::new(String::from_utf8_lossy(&pem)));
    }
    let proof = match (&user.exec, &user.token, &user.token_file, &user.username) {
        (Some(exec), ..) => Proof::Plugin(plugin_of(folder, exec, cluster)?),
        // As kubectl does: what is in a file is fresher than what is written here.
        (None, _, Some(path), _) => Proof::TokenFile(folder.join(path)),
        (None, Some(token), ..) => Proof::Auth(Auth::Bearer { token: Secret::new(token.trim()) }),
        (None, None, None, Some(name)) => Proof::Auth(Auth::Basic {
            user: name.clone(),
            password: Secret::new(user.password.clone().unwrap_or_default()),
        }),
        (None, None, None, None) => Proof::Auth(Auth::None),
    };
    Ok((trust, proof))
}

fn plugin_of(folder: &Path, exec: &Exec, cluster: &Cluster) -> Result<Plugin, Failure> {
    let api_version = exec.api_version.clone().unwrap_or_default();
    if !matches!(api_version.as_str(), "client.authentication.k8s.io/v1" | "client.authentication.k8s.io/v1beta1") {
        return Err(not_here(&format!("exec with {:?}", words(api_version.as_bytes()))));
    }
    if exec.interactive_mode.as_deref() == Some("Always") {
        return Err(not_here("exec that must ask at a terminal").hint("Log in with kubectl first."));
    }
    // Of a path: from the file's folder. Of a name: where programs are looked for.
    let command = if exec.command.contains(['/', '\\']) { folder.join(&exec.command) } else { (&exec.command).into() };
    Ok(Plugin {
        api_version,
        command,
        args: exec.args.clone().unwrap_or_default(),
        env: exec.env.iter().flatten().map(|it| (it.name.clone(), it.value.clone())).collect(),
        hint: exec.install_hint.as_deref().map(|hint| words(hint.as_bytes())),
        cluster: exec.provide_cluster_info.then(|| {
            serde_json::json!({
                "server": cluster.server,
                "certificate-authority-data": cluster.certificate_authority_data,
                "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
            })
        }),
    })
}

fn bytes_of(folder: &Path, path: Option<&Path>, data: Option<&str>) -> Result<Option<Vec<u8>>, Failure> {
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        let text: String = data.split_whitespace().collect();
        let decoded = base64::engine::general_purpose::STANDARD.decode(text);
        let bad = |_| Failure::new(FailureCode::Local, "a certificate or key in the kubeconfig is not in base64");
        return decoded.map(Some).map_err(bad);
    }
    let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else { return Ok(None) };
    let path = folder.join(path);
    let bad = |e| Failure::new(FailureCode::Local, format!("{}: {e}", path.display()));
    let mut bytes = Vec::new();
    std::fs::File::open(&path).map_err(bad)?.take(MAX_BYTES).read_to_end(&mut bytes).map_err(bad)?;
    Ok(Some(bytes))
}

fn not_here(what: &str) -> Failure {
    Failure::new(FailureCode::Local, format!("the kubeconfig asks for {what}, which Signalbox cannot do"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r"
apiVersion: v1
kind: Config
current-context: dev
clusters:
- name: a
  cluster: {server: 'https://10.0.0.1:6443', certificate-authority-data: aGVsbG8=}
- name: b
  cluster: {server: 'https://b', insecure-skip-tls-verify: true}
users:
- name: ada
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: ./login
      args: [--cluster, a]
      env: [{name: X, value: y}]
      interactiveMode: IfAvailable
      provideClusterInfo: true
- name: bob
  user: {tokenFile: tok, token: old}
- name: eve
  user: {token: hunter2}
contexts:
- name: dev
  context: {cluster: a, user: ada, namespace: x}
- name: two
  context: {cluster: b, user: bob}
- name: three
  context: {cluster: a, user: eve}
- name: lost
  context: {cluster: nowhere, user: eve}
";

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let dir = tempfile::tempdir().expect("a folder");
        let paths = files.iter().map(|(name, text)| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        });
        let paths = paths.collect();
        (dir, paths)
    }

    #[test]
    fn a_context_names_a_cluster_and_a_way_in() {
        let (dir, files) = folder(&[("config", FULL)]);
        let dev = access(&files, None).expect("read");
        assert_eq!((dev.server.as_str(), dev.trust.only), ("https://10.0.0.1:6443", Some(b"hello".to_vec())));
        let Proof::Plugin(plugin) = dev.proof else { panic!("{:?}", dev.proof) };
        assert_eq!(plugin.command, dir.path().join("./login"));
        assert_eq!((plugin.args.len(), plugin.env), (2, vec![("X".into(), "y".into())]));
        assert_eq!(plugin.cluster.expect("wanted")["server"], "https://10.0.0.1:6443");

        let two = access(&files, Some("two")).expect("read");
        assert!(two.trust.anyone && two.trust.only.is_none());
        assert_eq!(two.proof, Proof::TokenFile(dir.path().join("tok")));
        let three = access(&files, Some("three")).expect("read");
        assert_eq!(three.proof, Proof::Auth(Auth::Bearer { token: Secret::new("hunter2") }));
        assert!(!format!("{three:?}").contains("hunter2"));
        for (context, says) in [("lost", "no cluster called \"nowhere\""), ("four", "no context called \"four\"")] {
            assert!(access(&files, Some(context)).expect_err("missing").message.contains(says));
        }
    }

    #[test]
    fn what_an_earlier_file_names_a_later_one_does_not_change() {
        let later = FULL.replace("10.0.0.1", "6.6.6.6").replace("current-context: dev", "current-context: two");
        let (dir, mut files) = folder(&[("config", FULL), ("later", &later)]);
        files.insert(0, dir.path().join("not there"));
        assert_eq!(access(&files, None).expect("read").server, "https://10.0.0.1:6443");
        let none = access(&files[..1], None).expect_err("none");
        assert!(none.message.contains("there is no kubeconfig") && none.hint.is_some());
    }

    #[test]
    fn hostile_files_are_refused_without_their_secrets() {
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n".to_owned()
            + "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
            + "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
            + "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nusers: *g\n";
        let huge = "x".repeat(MAX_BYTES as usize + 1);
        for text in ["clusters: 5", "users:\n- name: x\n  user: {token: [hunter2]}", "hunter2: {", &bomb, &huge, "[]"] {
            let (_dir, files) = folder(&[("config", text)]);
            let failure = access(&files, Some("dev")).expect_err("refused");
            assert_eq!(failure.code, FailureCode::Local);
            assert!(!failure.message.contains("hunter2"), "{failure}");
        }
        for (from, to) in [
            ("aGVsbG8=", "'%%%'"),
            ("IfAvailable", "Always"),
            ("k8s.io/v1\n", "k8s.io/v1alpha1\n"),
            ("certificate-authority-data: aGVsbG8=", "proxy-url: 'socks5://x'"),
            ("certificate-authority-data: aGVsbG8=", "certificate-authority: missing.pem"),
        ] {
            let (_dir, files) = folder(&[("config", &FULL.replace(from, to))]);
            assert_eq!(access(&files, None).expect_err(to).code, FailureCode::Local);
        }
    }
}
