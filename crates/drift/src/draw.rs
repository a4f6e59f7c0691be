//! Chance, of which the caller owns the seed: the same seed draws the same everywhere.

use statrs::function::gamma::ln_gamma;

/// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
#[derive(Clone, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub fn from(seed: u64) -> Draw {
        Draw(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of 0 … n − 1.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n - 1)
    }

    /// The first `taken` places are a sample of all of them without return.
    pub fn sample<T>(&mut self, places: &mut [T], taken: usize) {
        for at in 0..taken.min(places.len()) {
            let from = at + self.below(places.len() - at);
            places.swap(at, from);
        }
    }

    /// How many of `taken` drawn without return from `all` are among its `marked`: by inversion, from the likeliest count
    /// outwards, so that a draw takes as many steps as the count's deviation is wide.
    pub fn hypergeometric(&mut self, all: u64, marked: u64, taken: u64) -> u64 {
        let (least, most) = ((marked + taken).saturating_sub(all), marked.min(taken));
        if least == most {
            return least;
        }
        let mode = (((marked + 1) as f64 * (taken + 1) as f64 / (all + 2) as f64) as u64).clamp(least, most);
        let ln_choose =
            |n: u64, k: u64| ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0);
        let peak = (ln_choose(marked, mode) + ln_choose(all - marked, taken - mode) - ln_choose(all, taken)).exp();
        // p(k + 1) / p(k).
        let up = |k: u64| {
            (marked - k) as f64 * (taken - k) as f64 / ((k + 1) as f64 * (all + k + 1 - marked - taken) as f64)
        };
        let mut left = self.unit() - peak;
        let (mut low, mut p_low, mut high, mut p_high) = (mode, peak, mode, peak);
        while left >= 0.0 && (low > least || high < most) {
            if high < most {
                p_high *= up(high);
                high += 1;
                left -= p_high;
                if left < 0.0 {
                    return high;
                }
            }
            if low > least {
                p_low /= up(low - 1);
                low -= 1;
                left -= p_low;
                if left < 0.0 {
                    return low;
                }
            }
        }
        mode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_drawn_have_the_mean_and_the_variance_of_the_law() {
        let mut draw = Draw::from(1);
        for (all, marked, taken) in
            [(10_u64, 4_u64, 5_u64), (1000, 3, 400), (1000, 997, 400), (1_000_000, 500_000, 2000)]
        {
            let n = 20_000;
            let counts: Vec<f64> = (0..n).map(|_| draw.hypergeometric(all, marked, taken) as f64).collect();
            let (a, k, t) = (all as f64, marked as f64, taken as f64);
            let (mean, variance) = (t * k / a, t * k / a * (1.0 - k / a) * (a - t) / (a - 1.0));
            let got = counts.iter().sum::<f64>() / f64::from(n);
            let spread = counts.iter().map(|count| (count - got).powi(2)).sum::<f64>() / f64::from(n);
            assert!((got - mean).abs() < 5.0 * (variance / f64::from(n)).sqrt(), "{all}, {marked}: {got} for {mean}");
            assert!((spread / variance - 1.0).abs() < 0.06, "{all}, {marked}: {spread} for {variance}");
        }
    }

    #[test]
    fn a_sample_takes_each_place_as_often() {
        let (mut draw, mut taken) = (Draw::from(7), [0_u32; 6]);
        for _ in 0..12_000 {
            let mut places: Vec<usize> = (0..6).collect();
            draw.sample(&mut places, 2);
            places[..2].iter().for_each(|place| taken[*place] += 1);
            places.sort_unstable();
            assert_eq!(places, [0, 1, 2, 3, 4, 5]);
        }
        assert!(taken.iter().all(|n| n.abs_diff(4000) < 250), "{taken:?}");
    }
}
