//! Writes `.wandb` files as the SDK does.

use std::path::Path;

use crate::told::put;

pub const DIR: &str = "wandb/run-20260102_030405-abc";
pub const LOG: &str = "wandb/run-20260102_030405-abc/run-abc.wandb";

pub fn varint(mut x: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while x >= 0x80 {
        out.push(x as u8 | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
    out
}

pub fn bytes(number: u64, data: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(data.len() as u64), data.to_vec()].concat()
}

pub fn int(number: u64, x: i64) -> Vec<u8> {
    [varint(number << 3), varint(x as u64)].concat()
}

pub fn item(key: &str, json: &str) -> Vec<u8> {
    [bytes(1, key.as_bytes()), bytes(16, json.as_bytes())].concat()
}

pub fn nested(keys: &[&str], json: &str) -> Vec<u8> {
    let keys: Vec<u8> = keys.iter().flat_map(|k| bytes(2, k.as_bytes())).collect();
    [keys, bytes(16, json.as_bytes())].concat()
}

/// A record as the logging process sends it.
pub fn record(number: u64, message: &[u8]) -> Vec<u8> {
    [int(1, 1), bytes(number, message), bytes(200, &bytes(1, b"abc"))].concat()
}

/// A record as the service writes it by itself.
pub fn service_record(number: u64, message: &[u8]) -> Vec<u8> {
    [int(1, 1), bytes(number, message)].concat()
}

/// Updates (field 1) of a summary (3) or config (5), or a history's items (2).
pub fn items(number: u64, items: &[Vec<u8>]) -> Vec<u8> {
    record(number, &items.iter().flat_map(|i| bytes(1, i)).collect::<Vec<u8>>())
}

pub fn row(step: i64, values: &[(&str, &str)]) -> Vec<u8> {
    let time = 1_700_000_000i64.saturating_add(step).to_string();
    let internal = [("_step", step.to_string()), ("_timestamp", time), ("_runtime", "1".to_owned())];
    let own = internal.iter().map(|(k, v)| item(k, v));
    items(2, &values.iter().map(|(k, v)| item(k, v)).chain(own).collect::<Vec<_>>())
}

pub fn run(fields: &[(u64, &[u8])]) -> Vec<u8> {
    record(17, &fields.iter().flat_map(|(n, data)| bytes(*n, data)).collect::<Vec<u8>>())
}

pub fn chunk(kind: u8, data: &[u8]) -> Vec<u8> {
    let summed = [&[kind], data].concat();
    let len = (data.len() as u16).to_le_bytes();
    [&crc32fast::hash(&summed).to_le_bytes()[..], &len, &summed].concat()
}

/// A file of records; blocks are counted from its first byte.
pub fn file(records: &[Vec<u8>]) -> Vec<u8> {
    framed(b":W&B\xe1\xbe\x00", records)
}

pub fn framed(preamble: &[u8; 7], records: &[Vec<u8>]) -> Vec<u8> {
    const BLOCK: usize = 32 << 10;
    let mut out = preamble.to_vec();
    for record in records {
        let (mut rest, mut begun) = (&record[..], false);
        loop {
            let left = BLOCK - out.len() % BLOCK;
            if left < 7 {
                out.extend(vec![0; left]);
                continue;
            }
            let (data, after) = rest.split_at(rest.len().min(left - 7));
            let kind = match (begun, after.is_empty()) {
                (false, true) => 1,
                (false, false) => 2,
                (true, false) => 3,
                (true, true) => 4,
            };
            out.extend(chunk(kind, data));
            (rest, begun) = (after, true);
            if rest.is_empty() {
                break;
            }
        }
    }
    out
}

/// A project with one run of these records.
pub fn project(records: &[Vec<u8>]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(&dir.path().join(LOG), &file(records));
    dir
}

pub fn add(project: &Path, name: &str, text: &str) {
    put(&project.join(DIR).join(name), text.as_bytes());
}
