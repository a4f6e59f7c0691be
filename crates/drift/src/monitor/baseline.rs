//! How well the model does on the reference: what it is measured by later, and what its scores are worth without labels.

use super::labels::Texts;
use super::quality::Task;
use crate::quality::CalibrationRule;
use crate::quality::estimate::{Cbpe, Scored};
use crate::read::{Problems, Rows, Table};
use arrow::array::Array;
use std::ops::ControlFlow;

/// Of a reference with predictions, scores and labels.
#[derive(Clone, Debug)]
pub struct Baseline {
    pub cbpe: Cbpe,
    /// Where no score is named: of how sure the model was of what it said, and whether that was right.
    pub is_of_confidence: bool,
    pub n_rows: u64,
    /// The share of right answers.
    pub accuracy: f64,
}

/// Into so many chunks, at most, for the thresholds.
const CHUNKS: usize = 20;
const MIN_CHUNK: usize = 100;

impl Baseline {
    /// `None` where the reference lacks predictions, scores or labels.
    pub fn of(table: &Table, task: &Task) -> Option<Baseline> {
        if task.is_regression {
            return None;
        }
        let prediction = table.column(task.prediction.as_ref()?).ok()?;
        let label = table.column(task.label.as_ref()?).ok()?;
        let is_of_confidence = task.score.is_none() || task.positive.is_none();
        let scores: Vec<(String, usize)> = if is_of_confidence {
            task.confidences
                .iter()
                .filter_map(|(class, name)| Some((class.clone(), table.column(name).ok()?)))
                .collect()
        } else {
            vec![(String::new(), table.column(task.score.as_ref()?).ok()?)]
        };
        if scores.is_empty() {
            return None;
        }
        let mut wanted = vec![prediction, label];
        wanted.extend(scores.iter().map(|(_, at)| *at));
        let (mut rows, mut right): (Vec<(Scored, bool)>, u64) = (Vec::new(), 0);
        table.scan(&wanted, &mut Problems::default(), &mut |batch| {
            let texts = |at: usize| batch.columns[at].as_ref().map(|column| Texts::of(column, batch.n_rows));
            let (Some(called), Some(labels)) = (texts(0), texts(1)) else { return ControlFlow::Continue(()) };
            let scored: Vec<Option<Rows>> = batch.columns[2..].iter().map(|of| of.as_ref().map(Rows::of)).collect();
            for row in 0..batch.n_rows {
                let (Some(said), Some(label)) = (called.at(row), labels.at(row)) else { continue };
                let place = if is_of_confidence { scores.iter().position(|(class, _)| class == said) } else { Some(0) };
                let Some(Some(Rows::Numbers(values))) = place.map(|place| scored[place].as_ref()) else { continue };
                let score = if values.is_valid(row) { values.value(row) } else { continue };
                if !(0.0..=1.0).contains(&score) {
                    continue;
                }
                right += u64::from(said == label);
                let (called, is_so) = if is_of_confidence {
                    (true, said == label)
                } else {
                    (Some(said) == task.positive.as_deref(), Some(label) == task.positive.as_deref())
                };
                rows.push((Scored { score, called }, is_so));
            }
            ControlFlow::Continue(())
        });
        if rows.len() < MIN_CHUNK {
            return None;
        }
        let n_rows = rows.len() as u64;
        let cbpe = Cbpe::fit(&chunks(&rows), CalibrationRule::default());
        Some(Baseline { cbpe, is_of_confidence, n_rows, accuracy: right as f64 / n_rows as f64 })
    }
}

/// About equally long: what a chunk of a few rows does tells nothing of what is usual.
fn chunks<T: Clone>(rows: &[T]) -> Vec<Vec<T>> {
    let n = (rows.len() / MIN_CHUNK).clamp(1, CHUNKS);
    (0..n).map(|at| rows[at * rows.len() / n..(at + 1) * rows.len() / n].to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_chunk_is_shorter_than_the_others() {
        for (n_rows, n_chunks) in [(100, 1), (199, 1), (201, 2), (2001, 20), (12_345, 20)] {
            let rows: Vec<usize> = (0..n_rows).collect();
            let found = chunks(&rows);
            let lengths: Vec<usize> = found.iter().map(Vec::len).collect();
            let (least, most) = (lengths.iter().min().expect("some"), lengths.iter().max().expect("some"));
            assert_eq!((found.len(), most - least <= 1, found.concat()), (n_chunks, true, rows), "{lengths:?}");
            assert!(*least >= MIN_CHUNK);
        }
    }
}
