//! The lines that each writer prints, matched from their beginning to their end by hand: most lines of a log are told
//! apart by their first byte.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::place;

mod boosting;
mod keras;
mod nanogpt;
mod trainer;

/// Who prints such lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Writer {
    Xgboost,
    Lightgbm,
    Catboost,
    NanoGpt,
    Keras,
    /// Hugging Face's Trainer.
    Trainer,
}

impl Writer {
    pub(super) const ALL: [Writer; 6] =
        [Writer::Xgboost, Writer::Lightgbm, Writer::Catboost, Writer::NanoGpt, Writer::Keras, Writer::Trainer];

    /// A metric's name: as it is printed, but `valid_0's l2` of LightGBM is `valid_0/l2`.
    pub(super) fn metric(self, printed: &[u8], suffix: &str) -> String {
        let mut name = place::clean_name(printed);
        if self == Writer::Lightgbm {
            name = name.replacen(boosting::OF_SET, "/", 1);
        }
        name.push_str(suffix);
        name
    }
}

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning {
    /// Values, which the record holds.
    Row(Writer),
    /// Keras' `Epoch 1/3`.
    Epoch(i64),
    /// "Best iteration:", with that iteration's line once more below.
    BestFollows,
}

/// The values of a line, kept from line to line for its memory.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Where the training stands: an iteration or an epoch; of Keras' lines, the number of batches.
    pub position: f64,
    /// `None`: the lines do not say, and are counted.
    pub step: Option<i64>,
    /// The line counts as one, where lines are counted.
    pub counts: bool,
    pub values: Vec<Value>,
}

#[derive(Debug)]
pub(super) struct Value {
    /// Where in the line its name stands.
    pub name: Range<usize>,
    /// What belongs to its name and is not in the line.
    pub suffix: &'static str,
    pub value: f64,
}

impl Record {
    fn at(&mut self, step: i64) {
        (self.position, self.step, self.counts) = (step as f64, Some(step), false);
    }

    fn push(&mut self, name: Range<usize>, suffix: &'static str, value: f64) {
        self.values.push(Value { name, suffix, value });
    }
}

/// What a line without surrounding blanks means; `None` for what is not ours.
#[inline]
pub(super) fn meaning(line: &[u8], record: &mut Record) -> Option<Meaning> {
    let (first, last) = (*line.first()?, *line.last()?);
    if last == b'}' {
        return trainer::row(line, record);
    }
    if last == b':' {
        return boosting::best_follows(line).then_some(Meaning::BestFollows);
    }
    match first {
        b'[' => boosting::bracketed(line, record),
        b'0'..=b'9' => {
            let (number, rest) = whole(line)?;
            match rest.first()? {
                b':' => boosting::catboost(line, number, record),
                b'/' => keras::row(line, number, record),
                _ => None,
            }
        }
        b'i' | b's' => nanogpt::row(line, record),
        b'E' => keras::epoch(line),
        _ => None,
    }
}

/// A whole number at the beginning, and what follows it.
fn whole(text: &[u8]) -> Option<(i64, &[u8])> {
    let n = text.iter().take(19).position(|b| !b.is_ascii_digit()).unwrap_or(text.len().min(19));
    let (digits, rest) = text.split_at(n);
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (!rest.first().is_some_and(u8::is_ascii_digit)).then_some((number, rest))
}

/// A number as Python and C++ print it.
fn number(text: &[u8]) -> Option<f64> {
    decimal(text).or_else(|| any_number(text))
}

/// A decimal of few digits, which nearly all are.
fn decimal(text: &[u8]) -> Option<f64> {
    decimal_at(text, 0).filter(|(_, end)| *end == text.len()).map(|(value, _)| value)
}

/// The decimal of few digits that begins at `from`, and where it ends. A whole number below 2^53 divided by an exact power
/// of ten is the float that is nearest to the decimal (Clinger 1990).
#[inline]
fn decimal_at(line: &[u8], from: usize) -> Option<(f64, usize)> {
    const POWERS: [f64; 16] = [1., 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let text = line.get(from..)?;
    let text = &text[..text.len().min(POWERS.len() + 1)];
    let (mut digits, mut point, mut len) = (0_u64, None, 0);
    for byte in text {
        match byte {
            b'0'..=b'9' => digits = digits * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(len),
            _ => break,
        }
        len += 1;
    }
    if len < 2 || len > POWERS.len() {
        return None;
    }
    // With a point there are at most 15 digits.
    Some((digits as f64 / POWERS[len - 1 - point?], from + len))
}

fn any_number(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text.get(..text.len().min(64))?).ok()?;
    text.parse().ok()
}

/// Where `part` stands in `line`, of which it is a piece.
fn place_of(line: &[u8], part: &[u8]) -> Range<usize> {
    let from = (part.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize).min(line.len());
    from..(from + part.len()).min(line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Told = (Writer, Option<i64>, Vec<(String, f64)>);

    /// Names and values of a line, with its step.
    fn told(line: &str) -> Option<Told> {
        let mut record = Record::default();
        let Meaning::Row(writer) = meaning(line.as_bytes(), &mut record)? else { return None };
        let name = |value: &Value| writer.metric(&line.as_bytes()[value.name.clone()], value.suffix);
        Some((writer, record.step, record.values.iter().map(|v| (name(v), v.value)).collect()))
    }

    #[test]
    fn numbers() {
        for text in ["0.18317", "123456789.12345", "0.1", ".5", "5.", "00.000000000001", "99999999999999.9", "4.0900"] {
            assert_eq!(decimal(text.as_bytes()), text.parse().ok(), "{text}");
        }
        for text in [".", "", "1", "1e5", "-0.5", "1.2.3", "1.23456789012345678", " 1.0"] {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
            assert_eq!(number(text.as_bytes()), text.parse().ok(), "{text}");
        }
    }

    fn check(line: &str, writer: Writer, step: Option<i64>, expected: &[(&str, f64)]) {
        let expected = expected.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        assert_eq!(told(line), Some((writer, step, expected)), "{line}");
    }

    #[test]
    fn boosting() {
        let line = "[3]\ttrain-rmse:0.18317\tvalid-rmse:inf";
        check(line, Writer::Xgboost, Some(3), &[("train-rmse", 0.18317), ("valid-rmse", f64::INFINITY)]);
        let plain = [("train-rmse", 0.18317), ("valid-rmse", 99_999_999_999_999.9), ("valid-a", 0.5)];
        check("[3]\ttrain-rmse:0.18317\tvalid-rmse:99999999999999.9\tvalid-a:.5", Writer::Xgboost, Some(3), &plain);
        // What is not plain in a line does not change what is.
        for (odd, value) in [("1e-05", 1e-5), ("-0.5", -0.5), ("1.23456789012345678", 1.234_567_890_123_456_8)] {
            let line = format!("[3]\ttrain-rmse:0.18317\tset:a-b:{odd}\tvalid-a:0.5");
            let values = [("train-rmse", 0.18317), ("set:a-b", value), ("valid-a", 0.5)];
            check(&line, Writer::Xgboost, Some(3), &values);
        }
        let cv = [("train-auc-mean", 0.9), ("train-auc-std", 0.01)];
        check("[0]\ttrain-auc:0.90000+0.01000", Writer::Xgboost, Some(0), &cv);
        let line = "[10]\tvalid_0's l2: 0.1\tvalid_0's l1: 1e-05\ttraining's auc: 1";
        let values = [("valid_0/l2", 0.1), ("valid_0/l1", 1e-5), ("training/auc", 1.0)];
        check(line, Writer::Lightgbm, Some(10), &values);
        let cv = [("cv_agg/valid l2-mean", 0.25), ("cv_agg/valid l2-stdv", 0.01)];
        check("[1]\tcv_agg's valid l2: 0.25 + 0.01", Writer::Lightgbm, Some(1), &cv);
        let line = "0:\tlearn: 0.404\ttest: 0.5\ttest1: nan\tbest: 0.5 (0)\ttotal: 52.8ms\tremaining: 476ms";
        let mut record = Record::default();
        assert_eq!(meaning(line.as_bytes(), &mut record), Some(Meaning::Row(Writer::Catboost)));
        assert_eq!((record.values.len(), record.values[1].value), (3, 0.5));
        check("12:\tlearn: -0.5\ttotal: 1.2s\tremaining: 0us", Writer::Catboost, Some(12), &[("learn", -0.5)]);
        for line in ["Stopping. Best iteration:", "Early stopping, best iteration is:", "[LightGBM] best iteration is:"]
        {
            let expected = (!line.starts_with('[')).then_some(Meaning::BestFollows);
            assert_eq!(meaning(line.as_bytes(), &mut record), expected, "{line}");
        }
        assert_eq!(
            meaning(b"Did not meet early stopping. Best iteration is:", &mut record),
            Some(Meaning::BestFollows)
        );
    }

    #[test]
    fn others() {
        let line = "iter 10: loss 4.0900, time 123.45ms, mfu 12.34%";
        check(line, Writer::NanoGpt, Some(10), &[("loss", 4.09), ("time_ms", 123.45), ("mfu", 12.34)]);
        // nanoGPT's word for "not known yet".
        let line = "iter 0: loss nan, time 5ms, mfu -100.00%";
        assert_eq!(told(line).unwrap().2.len(), 2);
        let eval = [("train/loss", 3.95), ("val/loss", 4.0)];
        check("step 250: train loss 3.9500, val loss 4.0000", Writer::NanoGpt, Some(250), &eval);
        let keras = [("loss", 0.7465), ("val_mae", 6e-5)];
        for line in [
            "4/4 - 1s - 192ms/step - loss: 0.7465 - val_mae: 6.0000e-05",
            "4/4 [==============================] - 1s 192ms/step - loss: 0.7465 - val_mae: 6e-05",
            "4/4 ━━━━━━━━━━ 1s 110ms/step - loss: 0.7465 - val_mae: 6e-05",
        ] {
            check(line, Writer::Keras, Some(4), &keras);
        }
        let trainer = [("loss", 0.51), ("grad_norm", 2.0), ("epoch", 0.4)];
        for line in [
            "{'loss': '0.51', 'grad_norm': '2.0', 'epoch': '0.4'}",
            "{'loss': 0.51, 'grad_norm': np.float64(2.0), 'note': None, 'epoch': 0.4}",
            "10%|█         | 500/5000 [01:00<09:00,  8.3it/s]{'loss': 0.51, \"grad_norm\": 2, 'epoch': 0.4}",
        ] {
            check(line, Writer::Trainer, None, &trainer);
        }
        let line = "10%|█         | 500/5000 [01:00<09:00,  8.3it/s]{'eval_loss': nan, 'epoch': 1.0}";
        assert_eq!(told(line).unwrap().2[0].0, "eval_loss");
    }

    #[test]
    fn what_only_looks_like_it() {
        for line in [
            "[1234]\thost:8080\tstatus:200",
            "[1]\tport-a:8080",
            "[3]\tvalid-rmse:0.5\tdone",
            "[3]\tvalid-rmse:0.5\t\tvalid-mae:0.5",
            "[3]\tvalid-rmse:0.5 \tvalid-mae:0.5",
            "[3]\tvalid-rmse:0.5\tmae:0.5",
            "[3]\tvalid-rmse:0.5\t-:0.5:",
            "[3]\tvalid-rmse:.",
            "[3] train-rmse:0.5",
            "[x]\ttrain-rmse:0.5",
            "[3]",
            "[3]\t",
            "[99999999999999999999]\ttrain-rmse:0.5",
            "0:\tlearn: 0.5",
            "0:\tlearn: x\ttotal: 1s",
            "12:30:01\tGET /learn: 0.5\ttotal: 1",
            "iter 10: loss 4.09",
            "iter 10: loss x, time 1ms",
            "iter 10: loss 4.09, time 1s",
            "step 3: train loss 1.0",
            "step 3: installing packages",
            "3/4 - 1s - loss: 0.5",
            "4/4 - 1s",
            "4/4 files - size: big",
            "4/4",
            "{'epoch': 3, 'count': 5}",
            "{'loss': 0.5}",
            "{'loss': 0.5, 'epoch': 1795247717}",
            "{'loss': 0.5, 'epoch': 1, 'x': [1]}",
            "{'loss': 0.5, 'epoch': __import__('os')}",
            "{\"loss\": 0.5 \"epoch\": 1}",
            "request {'loss': 0.5, 'epoch': 1}",
            "{'loss': 0.5, 'epoch': 1}}",
            "{'",
            "{}",
            "}",
            ":",
            "Epoch 1",
            "Epoch 0/3x",
        ] {
            let mut record = Record::default();
            assert_eq!(meaning(line.as_bytes(), &mut record), None, "{line}");
        }
        let mut record = Record::default();
        assert_eq!(meaning(b"Epoch 2/30", &mut record), Some(Meaning::Epoch(2)));
    }
}
