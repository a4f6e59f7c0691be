//! The lengths in an Arrow file, checked before the crate believes them: it allocates what they say, and a program that
//! is out of memory ends.
//!
//! The format: <https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc>.

use arrow::ipc::{root_as_footer, root_as_message};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

const BEYOND: &str = "it says that there is more than the file has";

/// Of a file with a footer: all blocks lie within.
pub fn check_file(file: &mut File) -> Result<(), String> {
    let n_bytes = file.metadata().map_err(|e| e.to_string())?.len();
    let mut end = [0; 10];
    let from = n_bytes.checked_sub(10).ok_or("it is too short")?;
    read_at(file, from, &mut end)?;
    let length = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    if &end[4..] != b"ARROW1" {
        return Err("its footer is missing: it was cut off, or is still being written".into());
    }
    let from = from.checked_sub(length).ok_or("its footer is damaged")?;
    let mut footer = vec![0; length as usize];
    read_at(file, from, &mut footer)?;
    let footer = root_as_footer(&footer).map_err(|e| format!("its footer is damaged: {e}"))?;
    for block in footer.dictionaries().iter().flatten().chain(footer.recordBatches().iter().flatten()) {
        let sum = [block.offset(), i64::from(block.metaDataLength()), block.bodyLength()]
            .into_iter()
            .try_fold(0_u64, |sum, part| sum.checked_add(u64::try_from(part).ok()?));
        // The crate looks at the first eight bytes of a block.
        if sum.is_none_or(|end| end > n_bytes) || block.metaDataLength() < 8 {
            return Err(BEYOND.into());
        }
    }
    rewind(file)
}

/// Of a stream: where the first message begins that is damaged or cut off, and what is wrong with it; the end if none is.
pub fn sound_end(file: &mut File) -> Result<(u64, Option<String>), String> {
    let n_bytes = file.metadata().map_err(|e| e.to_string())?.len();
    let mut at = 0;
    let found = loop {
        match message(file, at, n_bytes) {
            Ok(Some(next)) => at = next,
            Ok(None) => break (n_bytes, None),
            Err(said) => break (at, Some(said)),
        }
    };
    rewind(file)?;
    Ok(found)
}

/// Where the message after this one begins; `None` at the end.
fn message(file: &mut File, at: u64, n_bytes: u64) -> Result<Option<u64>, String> {
    if at == n_bytes {
        return Ok(None);
    }
    let mut word = [0; 4];
    let mut at = at;
    let mut take = |file: &mut File| {
        read_at(file, at, &mut word)?;
        at += 4;
        Ok::<[u8; 4], String>(word)
    };
    let mut length = take(file)?;
    if length == [0xff; 4] {
        length = take(file)?;
    }
    let length = i32::from_le_bytes(length);
    if length == 0 {
        return Ok(None);
    }
    let length = u64::try_from(length).map_err(|_| "a message has a length below nothing")?;
    if at + length > n_bytes {
        return Err(BEYOND.into());
    }
    let mut about = vec![0; length as usize];
    read_at(file, at, &mut about)?;
    let body = root_as_message(&about).map_err(|e| format!("a message is damaged: {e}"))?.bodyLength();
    let end = u64::try_from(body).ok().and_then(|body| (at + length).checked_add(body));
    end.filter(|end| *end <= n_bytes).map(Some).ok_or(BEYOND.into())
}

fn read_at(file: &mut File, at: u64, to: &mut [u8]) -> Result<(), String> {
    file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(to)).map_err(|_| BEYOND.to_owned())
}

fn rewind(file: &mut File) -> Result<(), String> {
    file.rewind().map_err(|e| e.to_string())
}
