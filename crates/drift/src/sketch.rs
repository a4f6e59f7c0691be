//! What is left of a column that is not kept: KLL for its quantiles, HLL for how many values it has.
//!
//! The bytes are Apache DataSketches', which Spark's `kll_sketch_agg_double` and `hll_sketch_agg` return: what a cluster
//! has sketched can be read here, and the other way round. Karnin, Lang and Liberty, "Optimal quantile approximation in
//! streams", FOCS 2016; Flajolet and others, "HyperLogLog", AofA 2007.

use datasketches::common::SearchCriteria;
use datasketches::hash::value::{canonical_float, raw_bytes};
use datasketches::hll::{HllSketch, HllType};
use datasketches::kll::{KllFloat, KllSketch};

/// A quantile's rank is off by 1.33 % in 99 of 100 sketches.
const KLL_K: u16 = 200;
/// 4,096 registers; more than that many values are estimated.
const HLL_LG_K: u8 = 12;
/// The standard error of an estimate, as a share of it: 1.04 / √4,096.
pub const HLL_ERROR: f64 = 0.016_25;

/// How many values there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distinct {
    pub n: u64,
    /// The standard error as a share of `n`; none where they were counted.
    pub error: Option<f64>,
}

/// Of finite numbers. Which of two neighbours it keeps is chance that cannot be seeded: the same numbers have other
/// bytes each time, though each is as right.
pub fn kll(values: &[f64]) -> Vec<u8> {
    let mut sketch = KllSketch::<KllFloat<f64>>::new(KLL_K).expect("BUG: k is within its bounds");
    // Its own words for NaN are an error.
    values.iter().filter_map(|value| KllFloat::<f64>::new(*value).ok()).for_each(|value| sketch.update(value));
    sketch.serialize()
}

/// The values at these shares of all rows; `None` of bytes that are no sketch, or one of nothing.
pub fn kll_quantiles(bytes: &[u8], at: &[f64]) -> Option<Vec<f64>> {
    let sketch = KllSketch::<KllFloat<f64>>::deserialize(bytes).ok()?;
    let found = sketch.quantiles(at, SearchCriteria::Inclusive).ok()??;
    Some(found.into_iter().map(KllFloat::into_inner).collect())
}

/// A set that can only be added to and counted. The same values in the same order have the same bytes.
#[derive(Clone)]
pub struct Hll(HllSketch);

impl Default for Hll {
    fn default() -> Hll {
        // A byte a register, as Spark has it.
        Hll(HllSketch::new(HLL_LG_K, HllType::Hll8).expect("BUG: k is within its bounds"))
    }
}

impl std::fmt::Debug for Hll {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hll(about {:.0})", self.0.estimate())
    }
}

impl Hll {
    pub fn text(&mut self, text: &str) {
        self.0.update(raw_bytes::from_str(text));
    }

    /// −0 is 0.
    pub fn number(&mut self, value: f64) {
        self.0.update(canonical_float::from_f64(value));
    }

    /// Of a column of integers, as engines hash those; beyond 63 bits they wrap around.
    pub fn whole(&mut self, value: f64) {
        self.0.update(value as i128 as i64);
    }

    pub fn distinct(&self) -> Distinct {
        Distinct { n: self.0.estimate().round() as u64, error: Some(HLL_ERROR) }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.serialize()
    }

    /// `None` of bytes that are no sketch.
    pub fn of_bytes(bytes: &[u8]) -> Option<Hll> {
        HllSketch::deserialize(bytes).ok().map(Hll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = include_bytes!("../tests/sketches/whole_20000.hll");
    const NUMBERS: &[u8] = include_bytes!("../tests/sketches/numbers_5000.hll");
    const TEXTS: &[u8] = include_bytes!("../tests/sketches/texts_3.hll");
    const KLL: &[u8] = include_bytes!("../tests/sketches/numbers_100000.kll");

    fn of(add: impl Fn(&mut Hll)) -> Hll {
        let mut hll = Hll::default();
        add(&mut hll);
        hll
    }

    /// The engines' library says so of its own bytes (`write.py` prints it); and the same values are the same set here.
    #[test]
    fn what_apaches_library_writes_is_read_and_the_other_way_round() {
        let whole = of(|hll| (0..20_000).for_each(|at| hll.whole(f64::from(at))));
        let numbers = of(|hll| (0..5000).for_each(|at| hll.number(f64::from(at) / 8.0)));
        let texts = of(|hll| ["a", "ä", "本"].into_iter().for_each(|text| hll.text(text)));
        for (bytes, ours) in [(WHOLE, &whole), (NUMBERS, &numbers), (TEXTS, &texts)] {
            let theirs = Hll::of_bytes(bytes).expect("a sketch");
            assert_eq!(theirs.distinct(), ours.distinct());
            assert_eq!(theirs.to_bytes(), ours.to_bytes());
            assert_eq!(Hll::of_bytes(&ours.to_bytes()).expect("a sketch").distinct(), ours.distinct());
        }
        for share in [0.01, 0.25, 0.5, 0.99] {
            let found = kll_quantiles(KLL, &[share]).expect("a sketch")[0];
            assert!((found / 100_000.0 - share).abs() < 0.02, "{share}: {found}");
        }
        assert!(Hll::of_bytes(&WHOLE[..30]).is_none() && kll_quantiles(&KLL[..30], &[0.5]).is_none());
    }

    #[test]
    fn estimates_are_as_near_as_they_say() {
        let mut worst: f64 = 0.0;
        for (from, n) in [(0, 200_000), (1_000_000, 300_000), (7_000_000, 1_000_000)] {
            let hll = of(|hll| (from..from + n).for_each(|at| hll.text(&at.to_string())));
            let Distinct { n: found, error } = hll.distinct();
            assert_eq!(error, Some(HLL_ERROR));
            worst = worst.max((found as f64 / f64::from(n) - 1.0).abs());
        }
        assert!(worst > 0.0 && worst < 3.0 * HLL_ERROR, "{worst}");
    }

    #[test]
    fn quantiles_of_a_sketch_are_near_those_of_the_column() {
        let values: Vec<f64> = (0..50_000).map(|at| f64::from(at * 7919 % 50_000)).collect();
        let found = kll_quantiles(&kll(&values), &[0.0, 0.1, 0.5, 0.9, 1.0]).expect("a sketch");
        assert_eq!((found[0], found[4]), (0.0, 49_999.0));
        for (found, share) in found.iter().zip([0.0, 0.1, 0.5, 0.9, 1.0]) {
            assert!((found / 50_000.0 - share).abs() < 0.03, "{share}: {found}");
        }
        assert_eq!(kll_quantiles(&kll(&[]), &[0.5]), None);
        assert_eq!(kll_quantiles(b"", &[0.5]), None);
    }
}
