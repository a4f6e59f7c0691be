//! Hugging Face's Trainer: each log is printed as a Python dict, `{'loss': 0.51, 'learning_rate': 5e-05, 'epoch': 0.4}`,
//! its values texts since version 5. It tells epochs and no steps.
//!
//! A flat dict of texts, numbers and the like is understood, nothing else of Python.

use super::{Meaning, Record, Writer, number, place_of};

/// An `epoch` beyond is a time of day.
const MAX_EPOCH: f64 = 1e8;

pub(super) fn row(line: &[u8], record: &mut Record) -> Option<Meaning> {
    let begin = match line.first() {
        Some(b'{') => 0,
        _ => {
            // Printed at the end of tqdm's bar, which is not a line of its own.
            let begin = memchr::memmem::rfind(line, b"{'")?;
            let is_bar = |mark: &[u8]| memchr::memmem::find(&line[..begin], mark).is_some();
            (is_bar(b"%|") || is_bar(b"it/s]") || is_bar(b"s/it]")).then_some(begin)?
        }
    };
    let mut epoch = None;
    let mut is_training = false;
    (record.step, record.counts) = (None, false);
    record.values.clear();
    let mut rest = line[begin + 1..].trim_ascii_start();
    loop {
        let (key, after) = quoted(rest)?;
        let (value, after) = value(after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start())?;
        if let Some(value) = value {
            match key {
                b"epoch" => epoch = Some(value),
                b"loss" => record.counts = true,
                _ => {}
            }
            is_training |= is_logged_by_trainer(key);
            record.push(place_of(line, key), "", value);
        }
        rest = after.trim_ascii_start();
        match rest.split_first()? {
            (b',', more) => rest = more.trim_ascii_start(),
            (b'}', b"") => break,
            _ => return None,
        }
    }
    record.position = epoch.filter(|epoch| (0.0..=MAX_EPOCH).contains(epoch))?;
    is_training.then_some(Meaning::Row(Writer::Trainer))
}

fn is_logged_by_trainer(key: &[u8]) -> bool {
    matches!(key, b"learning_rate" | b"grad_norm")
        || key.ends_with(b"loss")
        || key.starts_with(b"eval_")
        || key.starts_with(b"train_")
}

/// A string literal without escapes, and what follows it.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (quote, rest) = text.split_first().filter(|(quote, _)| matches!(quote, b'\'' | b'"'))?;
    let end = memchr::memchr2(*quote, b'\\', rest).filter(|i| rest[*i] == *quote)?;
    Some((&rest[..end], &rest[end + 1..]))
}

/// A value, which may be no number, and what follows it.
fn value(text: &[u8]) -> Option<(Option<f64>, &[u8])> {
    if matches!(text.first()?, b'\'' | b'"') {
        let (text, rest) = quoted(text)?;
        return Some((number(text.trim_ascii()), rest));
    }
    let end = memchr::memchr2(b',', b'}', text)?;
    let (word, rest) = (text[..end].trim_ascii(), &text[end..]);
    if matches!(word, b"None" | b"True" | b"False") {
        return Some((None, rest));
    }
    // NumPy's numbers since its version 2.
    let inner = [&b"np.float64("[..], b"np.float32(", b"np.int64("].iter().find_map(|name| word.strip_prefix(*name));
    match inner {
        Some(inner) => Some((Some(number(inner.strip_suffix(b")")?)?), rest)),
        None => Some((Some(number(word)?), rest)),
    }
}
