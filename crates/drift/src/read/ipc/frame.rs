//! The lengths in an Arrow file, checked before the crate believes them: it allocates what they say, and a program that
//! is out of memory ends.
//!
//! The format: <https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc>.

use super::packed;
use arrow::ipc::{Block, root_as_footer, root_as_message};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

pub const BEYOND: &str = "it says that there is more than the file has";

/// Of a file with a footer: all blocks lie within, and those of levels can be unpacked. How many batches of rows can be,
/// and what is wrong with the next one.
pub fn check_file(file: &mut File) -> Result<(usize, Option<String>), String> {
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
    footer.dictionaries().iter().flatten().try_for_each(|block| check_block(file, block))?;
    let mut found = (0, None);
    for block in footer.recordBatches().iter().flatten() {
        if let Err(said) = check_block(file, block) {
            found.1 = Some(said);
            break;
        }
        found.0 += 1;
    }
    rewind(file)?;
    Ok(found)
}

/// Of a block that lies within the file.
fn check_block(file: &mut File, block: &Block) -> Result<(), String> {
    let (from, length) = (block.offset() as u64, block.metaDataLength() as u64);
    let mut about = vec![0; length as usize];
    read_at(file, from, &mut about)?;
    let prefix = if about[..4] == [0xff; 4] { 8 } else { 4 };
    let message = root_as_message(&about[prefix..]).map_err(|e| format!("a message is damaged: {e}"))?;
    packed::check(file, &message, (from + length, block.bodyLength() as u64))
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
    let message = root_as_message(&about).map_err(|e| format!("a message is damaged: {e}"))?;
    let body = u64::try_from(message.bodyLength()).map_err(|_| BEYOND)?;
    let end = (at + length).checked_add(body).filter(|end| *end <= n_bytes).ok_or(BEYOND)?;
    packed::check(file, &message, (at + length, body))?;
    Ok(Some(end))
}

pub fn read_at(file: &mut File, at: u64, to: &mut [u8]) -> Result<(), String> {
    file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(to)).map_err(|_| BEYOND.to_owned())
}

fn rewind(file: &mut File) -> Result<(), String> {
    file.rewind().map_err(|e| e.to_string())
}
