//! The best rising function of a score: isotonic regression.

/// As scikit-learn's `IsotonicRegression(out_of_bounds="clip")`: pooled over the rising scores (PAVA: Best and
/// Chakravarti, Mathematical Programming 47, 1990), linear between what is left of its points, constant beyond them.
#[derive(Clone, Debug, PartialEq)]
pub struct Isotonic {
    points: Vec<(f64, f64)>,
}

/// numpy's `finfo(float64).resolution`: scores that are closer become one.
const RESOLUTION: f64 = 1e-15;

impl Isotonic {
    /// Of (score, target), finite, in any order. `None` without rows.
    pub fn fit(rows: &[(f64, f64)]) -> Option<Isotonic> {
        let mut sorted = rows.to_vec();
        sorted.sort_unstable_by(|a, b| (a.0 + 0.0).total_cmp(&(b.0 + 0.0)).then(a.1.total_cmp(&b.1)));
        let mut unique: Vec<Block> = Vec::new();
        for (score, target) in sorted {
            match unique.last_mut() {
                Some(last) if score - last.score < RESOLUTION => {
                    last.sum += target;
                    last.weight += 1.0;
                }
                _ => unique.push(Block { score, sum: target, weight: 1.0, scores: 1 }),
            }
        }
        let scores: Vec<f64> = unique.iter().map(|block| block.score).collect();
        let levels = pooled(unique);
        let is_needed =
            |i: usize| i == 0 || i + 1 == levels.len() || levels[i] != levels[i - 1] || levels[i] != levels[i + 1];
        let points: Vec<(f64, f64)> =
            (0..levels.len()).filter(|i| is_needed(*i)).map(|i| (scores[i], levels[i])).collect();
        (!points.is_empty()).then_some(Isotonic { points })
    }

    /// (score, level), rising in both: the ends of each flat piece.
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }

    pub fn at(&self, score: f64) -> f64 {
        let points = &self.points;
        let (first, last) = (points[0], points[points.len() - 1]);
        if score <= first.0 {
            return first.1;
        }
        if score >= last.0 {
            return last.1;
        }
        if score.is_nan() {
            return f64::NAN;
        }
        let above = points.partition_point(|(x, _)| *x <= score);
        let ((x0, y0), (x1, y1)) = (points[above - 1], points[above]);
        (y1 - y0) / (x1 - x0) * (score - x0) + y0
    }

    /// The mean level over the scores from `low` to `high`, which is above it: the area of the pieces in between.
    pub fn mean_over(&self, low: f64, high: f64) -> f64 {
        let inside = self.points.iter().map(|(x, _)| *x).filter(|x| low < *x && *x < high);
        let (mut from, mut area) = ((low, self.at(low)), 0.0);
        for x in inside.chain([high]) {
            let here = (x, self.at(x));
            area += (here.0 - from.0) * (here.1 + from.1) / 2.0;
            from = here;
        }
        area / (high - low)
    }
}

/// Neighbouring scores with one level.
struct Block {
    score: f64,
    sum: f64,
    weight: f64,
    scores: usize,
}

impl Block {
    fn level(&self) -> f64 {
        self.sum / self.weight
    }
}

/// The level of each.
fn pooled(unique: Vec<Block>) -> Vec<f64> {
    let mut blocks: Vec<Block> = Vec::new();
    for mut block in unique {
        while let Some(last) = blocks.pop_if(|last| last.level() >= block.level()) {
            block.sum += last.sum;
            block.weight += last.weight;
            block.scores += last.scores;
        }
        blocks.push(block);
    }
    blocks.iter().flat_map(|block| std::iter::repeat_n(block.level(), block.scores)).collect()
}
