//! Keras' `fit`: `Epoch 1/3`, and below it at the epoch's end `4/4 - 1s - 192ms/step - loss: 0.7465 - mae: 0.7776`
//! (`verbose=2`), or the last picture of its progress bar, `4/4 ━━━━ 1s 110ms/step - loss: 3.7540`.

use super::{Meaning, Record, Writer, number, place_of, whole};

pub(super) fn epoch(line: &[u8]) -> Option<Meaning> {
    let (epoch, rest) = whole(line.strip_prefix(b"Epoch ")?)?;
    let (of, rest) = whole(rest.strip_prefix(b"/")?)?;
    (rest.is_empty() && (1..=of).contains(&epoch)).then_some(Meaning::Epoch(epoch))
}

/// Of an epoch that is at its end; `n_batches` is the number that the line begins with.
pub(super) fn row(line: &[u8], n_batches: i64, record: &mut Record) -> Option<Meaning> {
    let slash = memchr::memchr(b'/', line)?;
    let (of, rest) = whole(&line[slash + 1..])?;
    if n_batches != of || of == 0 {
        return None;
    }
    record.at(n_batches);
    record.values.clear();
    let mut at = 0;
    while at <= rest.len() {
        let end = memchr::memmem::find(&rest[at..], b" - ").map_or(rest.len(), |i| at + i);
        let part = rest[at..end].trim_ascii();
        if let Some(colon) = memchr::memmem::find(part, b": ").filter(|i| *i > 0)
            && let Some(value) = number(part[colon + 2..].trim_ascii())
        {
            record.push(place_of(line, &part[..colon]), "", value);
        }
        at = end + 3;
    }
    (!record.values.is_empty()).then_some(Meaning::Row(Writer::Keras))
}
