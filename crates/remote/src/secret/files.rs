//! Reading and writing small files: our own, and those of tools, which hold whatever they hold.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use signalbox_release::{Failure, FailureCode};
use zeroize::Zeroizing;

/// How long another may hold a lock file.
const WRITING: Duration = Duration::from_secs(10);
/// No tool's file of credentials is longer.
const MAX_BYTES: u64 = 1 << 20;

/// A tool's file.
pub struct ToolFile {
    pub text: Zeroizing<String>,
    /// Others on this machine can read it.
    pub open_to_others: bool,
}

/// `None`: there is no such file. Links are followed: people link their dot files.
pub fn read(path: &Path) -> Result<Option<ToolFile>, Failure> {
    let wrong = |why: &str| {
        Failure::new(FailureCode::Local, format!("{}: {why}", path.display()))
            .hint("Mend this file, or remove it; it may hold what proves who you are.")
    };
    // Asked before it is opened: opening a pipe would wait for its writer.
    let about = match path.metadata() {
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        about => about.map_err(|e| wrong(&e.to_string()))?,
    };
    if !about.is_file() {
        return Err(wrong("it is no file"));
    }
    if about.len() > MAX_BYTES {
        return Err(wrong("it is longer than any such file"));
    }
    // Read at once into its own room: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(about.len() as usize + 64));
    let file = File::open(path).map_err(|e| wrong(&e.to_string()))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| wrong(&e.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it is no text"))?;
    Ok(Some(ToolFile { text: Zeroizing::new(text.to_owned()), open_to_others: open_to_others(&about) }))
}

#[cfg(unix)]
pub fn open_to_others(about: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    about.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
pub fn open_to_others(_: &std::fs::Metadata) -> bool {
    false
}

/// The file is the old one or the new one, whatever happens; and its owner's only.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // Made for its owner only, from the start.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Held until it is dropped; the system lets go of it when this process ends, however it ends.
pub fn lock(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    let end = Instant::now() + WRITING;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(e)) => return Err(e),
            Err(TryLockError::WouldBlock) if Instant::now() > end => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
        }
    }
}
