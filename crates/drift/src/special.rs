//! Tails of distributions, and what they are made of.

use statrs::function::{beta::beta_reg, erf::erfc, gamma::gamma_ur};

/// P(Z ≥ z) of the standard normal.
pub(crate) fn normal_sf(z: f64) -> f64 {
    0.5 * erfc(z / std::f64::consts::SQRT_2)
}

/// P(X ≥ x) of χ² with `df` degrees of freedom.
pub(crate) fn chi2_sf(x: f64, df: f64) -> f64 {
    if x.is_nan() || df.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 || df <= 0.0 {
        1.0
    } else if x.is_infinite() {
        0.0
    } else {
        gamma_ur(df / 2.0, x / 2.0)
    }
}

/// The point that χ² with `df` degrees of freedom exceeds with probability `p`, by bisection; infinite below 0.
pub(crate) fn chi2_isf(p: f64, df: f64) -> f64 {
    let (mut low, mut high) = (0.0, df.max(1.0));
    while high.is_finite() && chi2_sf(high, df) > p {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if chi2_sf(middle, df) > p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// P(|T| ≥ |t|) of Student's t with `df` degrees of freedom.
pub(crate) fn student_two_sided(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() {
        return f64::NAN;
    }
    if t.is_infinite() {
        return 0.0;
    }
    beta_reg(df / 2.0, 0.5, df / (df + t * t))
}

/// A sum that forgets nothing on the way (Neumaier 1974).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { (self.sum - sum) + value } else { (value - sum) + self.sum };
        self.sum = sum;
    }

    pub fn total(self) -> f64 {
        // An infinity has lost nothing that counts.
        if self.sum.is_finite() { self.sum + self.lost } else { self.sum }
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Sum {
        let mut sum = Sum::default();
        values.into_iter().for_each(|value| sum.add(value));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_found_for_whatever_is_asked() {
        assert!((chi2_isf(0.05, 1.0) - 3.841_458_820_694_124).abs() < 1e-9);
        assert_eq!(chi2_isf(-1.0, 9.0), f64::INFINITY);
        assert!(chi2_isf(0.0, 9.0) > 700.0 && chi2_isf(2.0, 9.0) < 1e-9);
    }
}
