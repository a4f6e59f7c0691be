//! The news of many runs in the making.

use std::collections::HashMap;

use signalbox_types::{Batch, ModelRef, Point, RunDelta, SeriesDelta};

/// News by run, in the order in which the runs came up.
#[derive(Default)]
pub(crate) struct Deltas {
    runs: Vec<RunDelta>,
    index: HashMap<String, usize>,
    /// By run: the place of each metric among its series.
    series: Vec<HashMap<String, usize>>,
    gone: Vec<String>,
    pub models: Option<Vec<ModelRef>>,
    /// Rows that make no sense: their id, and what was lost.
    pub troubles: Vec<(u64, String)>,
    /// The source is another one: what was said of its damage no longer holds.
    pub healed: bool,
    n_points: u64,
}

impl Deltas {
    fn number(&mut self, key: &str) -> usize {
        if let Some(&i) = self.index.get(key) {
            return i;
        }
        let i = self.runs.len();
        self.runs.push(RunDelta { key: key.to_owned(), ..RunDelta::default() });
        self.series.push(HashMap::new());
        self.index.insert(key.to_owned(), i);
        i
    }

    pub(crate) fn run(&mut self, key: &str) -> &mut RunDelta {
        let i = self.number(key);
        &mut self.runs[i]
    }

    pub(crate) fn push(&mut self, key: &str, metric: &str, point: Point) {
        let i = self.number(key);
        let series = &mut self.runs[i].series;
        let at = match self.series[i].get(metric) {
            Some(&at) => at,
            None => {
                series.push(SeriesDelta { metric: metric.to_owned(), ..SeriesDelta::default() });
                self.series[i].insert(metric.to_owned(), series.len() - 1);
                series.len() - 1
            }
        };
        series[at].points.push(point);
        self.n_points += 1;
    }

    /// The run vanished: nothing else is to be said of it.
    pub(crate) fn gone(&mut self, key: &str) {
        if let Some(&i) = self.index.get(key) {
            let old = std::mem::replace(&mut self.runs[i], RunDelta { key: key.to_owned(), ..RunDelta::default() });
            self.n_points -= old.series.iter().map(|series| series.points.len() as u64).sum::<u64>();
            self.series[i].clear();
        }
        self.gone.push(key.to_owned());
    }

    pub(crate) fn into_batch(mut self, batch: &mut Batch) {
        let has_news = |run: &RunDelta| {
            run.reset
                || run.head != Default::default()
                || !(run.params.is_empty() && run.tags.is_empty() && run.series.is_empty() && run.datasets.is_empty())
        };
        // A key that was given away again: what stands of it came later than its end, and nothing before it counts.
        let index = &self.index;
        let runs = &mut self.runs;
        self.gone.retain(|key| {
            let Some(run) = index.get(key).map(|i| &mut runs[*i]).filter(|run| has_news(run)) else { return true };
            run.reset = true;
            false
        });
        batch.runs.extend(self.runs.into_iter().filter(has_news));
        batch.gone.extend(self.gone);
        if self.models.is_some() {
            batch.models = self.models;
        }
        batch.n_points += self.n_points;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_given_away_again() {
        let mut deltas = Deltas::default();
        let point = |value| Point { step: 0, time: f64::NAN, value };
        for (key, metric) in [("a", "x"), ("a", "y"), ("b", "x")] {
            deltas.push(key, metric, point(1.0));
        }
        deltas.gone("a");
        deltas.gone("b");
        deltas.gone("c");
        deltas.push("a", "y", point(2.0));
        let mut batch = Batch::default();
        deltas.into_batch(&mut batch);
        assert_eq!((batch.n_points, batch.gone), (1, vec!["b".to_owned(), "c".to_owned()]));
        let told: Vec<_> = batch.runs.iter().map(|run| (run.key.as_str(), run.reset, run.series.len())).collect();
        assert_eq!(told, [("a", true, 1)]);
        assert_eq!(batch.runs[0].series[0].metric, "y");
    }
}
