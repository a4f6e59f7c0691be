//! nanoGPT's `train.py`: `iter 10: loss 4.0900, time 123.45ms, mfu 12.34%`, and when it evaluates
//! `step 250: train loss 3.9500, val loss 4.0000`.

use super::{Meaning, Record, Writer, number, place_of, whole};

pub(super) fn row(line: &[u8], record: &mut Record) -> Option<Meaning> {
    match line.strip_prefix(b"iter ") {
        Some(rest) => iteration(line, rest, record),
        None => evaluation(line.strip_prefix(b"step ")?, record),
    }
}

fn iteration(line: &[u8], rest: &[u8], record: &mut Record) -> Option<Meaning> {
    let (step, rest) = whole(rest)?;
    record.at(step);
    record.values.clear();
    let mut has_time = false;
    for (i, field) in rest.strip_prefix(b": ")?.split(|b| *b == b',').enumerate() {
        let field = field.trim_ascii();
        let space = memchr::memchr(b' ', field)?;
        let (name, value) = (&field[..space], &field[space + 1..]);
        if i == 0 && name != b"loss" {
            return None;
        }
        match name {
            b"time" => {
                record.push(0..0, "time_ms", number(value.strip_suffix(b"ms")?)?);
                has_time = true;
            }
            b"mfu" => {
                let mfu = number(value.strip_suffix(b"%")?)?;
                // -100 % until it is known.
                if mfu.is_nan() || mfu >= 0.0 {
                    record.push(place_of(line, name), "", mfu);
                }
            }
            _ => record.push(place_of(line, name), "", number(value)?),
        }
    }
    has_time.then_some(Meaning::Row(Writer::NanoGpt))
}

fn evaluation(rest: &[u8], record: &mut Record) -> Option<Meaning> {
    let (step, rest) = whole(rest)?;
    let values = rest.strip_prefix(b": train loss ")?;
    let comma = memchr::memchr(b',', values)?;
    let val = values[comma..].strip_prefix(b", val loss ")?;
    record.at(step);
    record.values.clear();
    record.push(0..0, "train/loss", number(&values[..comma])?);
    record.push(0..0, "val/loss", number(val)?);
    Some(Meaning::Row(Writer::NanoGpt))
}
