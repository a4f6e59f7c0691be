//! The keeper's folder: who may enter it, and what lies where.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use signalbox_release::{Digest, Failure, FailureCode, ServiceName, VersionRef};

/// Where a keeper lives. Whoever may enter the folder may command the keeper: only its owner may.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// Paths of sockets may be 108 bytes long on Linux and 104 on macOS, with the zero at the end.
const MAX_SOCKET_PATH: usize = 100;
const TAIL_BYTES: u64 = 64 << 10;

impl Folder {
    pub fn new(path: PathBuf) -> Folder {
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn state(&self) -> PathBuf {
        self.0.join("state.json")
    }

    /// What the keeper itself says.
    pub fn own_log(&self) -> PathBuf {
        self.0.join("keeper.log")
    }

    /// The working folder of model servers: some write where they stand.
    pub fn scratch(&self) -> PathBuf {
        self.0.join("scratch")
    }

    /// What a version's server says. Names may hold what file names may not: the digest tells them apart.
    pub fn log_of(&self, service: &ServiceName, at: &VersionRef) -> PathBuf {
        let all = format!("{service}/{}/{}/{}", at.registry, at.model, at.version);
        let plain = |text: &str| -> String {
            text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect()
        };
        let name =
            format!("{}.{}.{}.log", plain(service.as_str()), plain(at.version.as_str()), Digest::of(all).short());
        self.0.join("logs").join(name)
    }

    /// Makes it, for its owner only.
    pub fn prepare(&self) -> Result<Folder, Failure> {
        for folder in [&self.0, &self.scratch(), &self.0.join("logs")] {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| failed(folder, &e))?;
        }
        let about = fs::metadata(&self.0).map_err(|e| failed(&self.0, &e))?;
        if about.uid() != rustix::process::geteuid().as_raw() {
            return Err(Failure::new(
                FailureCode::Denied,
                format!("{} belongs to another user, who could command what runs here", self.0.display()),
            )
            .hint("Choose another data folder."));
        }
        if about.mode() & 0o077 != 0 {
            fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700)).map_err(|e| failed(&self.0, &e))?;
        }
        fs::canonicalize(&self.0).map(Folder).map_err(|e| failed(&self.0, &e))
    }

    /// Makes this process the folder's keeper for as long as the file lives. None: another is.
    pub fn lock(&self) -> Result<Option<File>, Failure> {
        let path = self.0.join("lock");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|e| failed(&path, &e))?;
        match file.try_lock() {
            Ok(()) => {
                // For a person who looks for it; nothing reads it.
                let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                written.map_err(|e| failed(&path, &e))?;
                Ok(Some(file))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(failed(&path, &e)),
        }
    }

    /// Calls `open` with a path of the socket that is short enough for the system.
    pub fn with_socket<T>(&self, open: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
        let path = self.0.join("socket");
        if path.as_os_str().len() <= MAX_SOCKET_PATH || !cfg!(target_os = "linux") {
            return open(&path);
        }
        let here = File::open(&self.0)?;
        open(&PathBuf::from(format!("/proc/self/fd/{}/socket", here.as_raw_fd())))
    }
}

pub fn failed(path: &Path, e: &io::Error) -> Failure {
    Failure::new(FailureCode::Local, format!("{}: {e}", path.display()))
}

/// The last lines of a log; fewer if they are long, none if there is no log.
pub fn tail(path: &Path, n_lines: usize) -> Vec<String> {
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[lines.len().saturating_sub(n_lines)..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn only_its_owner_may_enter() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("keeper");
        fs::create_dir(&path).expect("made");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
        let folder = Folder::new(path.clone()).prepare().expect("prepared");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o700);
        assert!(folder.lock().expect("locks").is_some_and(|_file| folder.lock().expect("asks").is_none()));
    }

    #[test]
    fn a_long_path_has_a_socket_too() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::new(dir.path().join("x".repeat(150))).prepare().expect("prepared");
        let _listener = folder.with_socket(|path| UnixListener::bind(path)).expect("bound");
        folder.with_socket(|path| UnixStream::connect(path)).expect("connected");
    }

    #[test]
    fn logs_of_names_that_look_alike_are_two() {
        let folder = Folder::new("k".into());
        let at = |model: &str, version: &str| VersionRef {
            registry: "own".parse().expect("a name"),
            model: model.parse().expect("a name"),
            version: version.parse().expect("a name"),
            digest: None,
        };
        let service = "é é".replace(' ', "").parse().expect("a name");
        let logs = [at("a", "1"), at("b", "1"), at("a", "é1")].map(|at| folder.log_of(&service, &at));
        assert!(logs[0] != logs[1] && logs[0] != logs[2]);
    }
}
