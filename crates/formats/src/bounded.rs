//! Small files, which are read at one go: no more of them than a limit says.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

/// The first `max` bytes of a regular file; counts what it reads in `bytes_read`.
pub(crate) fn read(path: &Path, max: u64, bytes_read: &mut u64) -> io::Result<Vec<u8>> {
    read_from(path, 0, max, bytes_read)
}

/// At most `max` bytes of a regular file, from the byte `from` on. A pipe would keep its reader waiting: anything that is
/// no regular file is an error.
pub(crate) fn read_from(path: &Path, from: u64, max: u64, bytes_read: &mut u64) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut file = File::open(path)?;
    if from > 0 {
        file.seek(SeekFrom::Start(from))?;
    }
    let mut bytes = Vec::new();
    file.take(max).read_to_end(&mut bytes)?;
    *bytes_read += bytes.len() as u64;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "0123456789").unwrap();
        let mut n = 0;
        assert_eq!(read(&path, 4, &mut n).unwrap(), b"0123");
        assert_eq!(read_from(&path, 8, 4, &mut n).unwrap(), b"89");
        assert_eq!(read_from(&path, 20, 4, &mut n).unwrap(), b"");
        assert_eq!(n, 6);
        assert!(read(dir.path(), 4, &mut n).is_err());
        assert_eq!(read(&dir.path().join("b"), 4, &mut n).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_keeps_nobody_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(read(&path, 4, &mut 0).is_err());
    }
}
