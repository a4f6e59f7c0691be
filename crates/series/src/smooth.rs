//! Smoothing over the full data, O(n). Values that are not finite stay as they are and count for nothing.

use crate::Smooth;

/// The smoothed values, one for each.
pub fn smooth(values: &[f64], how: Smooth) -> Vec<f64> {
    match how {
        Smooth::None => values.to_vec(),
        Smooth::Ema(weight) => ema(values, weight),
        Smooth::Gaussian(sigma) => gaussian(values, sigma),
        Smooth::Mean(window) => mean(values, window),
    }
}

/// Debiased exponential moving average, as TensorBoard's line chart does it (`vz_line_chart2`, `resmoothDataset`): a
/// constant series stays as it is, and values that are not finite pass through without touching the average.
pub fn ema(values: &[f64], weight: f64) -> Vec<f64> {
    let weight = if weight.is_nan() { 0.0 } else { weight.clamp(0.0, 1.0) };
    if values.windows(2).all(|w| w[0] == w[1]) {
        return values.to_vec();
    }
    let mut last = 0.0;
    // weight^n, n being the finite values so far.
    let mut bias = 1.0;
    let step = |&value: &f64| {
        if !value.is_finite() {
            return value;
        }
        last = last * weight + (1.0 - weight) * value;
        bias *= weight;
        if weight == 1.0 { last } else { last / (1.0 - bias) }
    };
    values.iter().map(step).collect()
}

/// Gaussian with sigma in points, normalised over the finite values in reach. Narrow kernels are summed as they are (to
/// four sigma); from 2 on by Deriche's recursive filter of order 4 (coefficients: P. Getreuer, "A Survey of Gaussian
/// Convolution Algorithms", IPOL 2013, table 1), whose kernel differs from the true one by less than 1e-3 of its peak.
pub fn gaussian(values: &[f64], sigma: f64) -> Vec<f64> {
    if sigma.is_nan() || sigma <= 0.05 {
        return values.to_vec();
    }
    let sigma = sigma.min(1e9);
    let scale = Scale::of(values);
    let scaled: Vec<f64> = values.iter().map(|v| v * scale.factor).collect();
    let blurred = if sigma < 2.0 { narrow(&scaled, sigma) } else { deriche(&scaled, sigma) };
    let keep =
        |(&value, (sum, weight)): (&f64, (f64, f64))| if value.is_finite() { scale.back(sum / weight) } else { value };
    values.iter().zip(blurred).map(keep).collect()
}

/// Keeps sums of the largest doubles finite; a factor of 1 for all others.
#[derive(Clone, Copy)]
struct Scale {
    factor: f64,
    high: f64,
}

impl Scale {
    fn of(values: &[f64]) -> Self {
        let high = values.iter().filter(|v| v.is_finite()).fold(0.0, |m: f64, v| m.max(v.abs()));
        Self { factor: if high > 1e290 { 1e290 / high } else { 1.0 }, high }
    }

    /// A mean is never larger than its largest value.
    fn back(self, mean: f64) -> f64 {
        (mean / self.factor).clamp(-self.high, self.high)
    }
}

/// For each value the weighted sum of the finite ones around it, and the sum of the weights.
fn narrow(values: &[f64], sigma: f64) -> Vec<(f64, f64)> {
    let reach = (4.0 * sigma).ceil() as usize;
    let kernel: Vec<f64> = (0..=reach).map(|k| (-0.5 * (k as f64 / sigma).powi(2)).exp()).collect();
    let around = |i: usize| {
        let (from, to) = (i.saturating_sub(reach), (i + reach).min(values.len() - 1));
        (from..=to).filter(|&j| values[j].is_finite()).fold((0.0, 0.0), |(sum, weight), j| {
            let k = kernel[i.abs_diff(j)];
            (sum + k * values[j], weight + k)
        })
    };
    (0..values.len()).map(around).collect()
}

/// The same by running sums of complex exponentials, one way and the other.
fn deriche(values: &[f64], sigma: f64) -> Vec<(f64, f64)> {
    let input = |i: usize| if values[i].is_finite() { (values[i], 1.0) } else { (0.0, 0.0) };
    let mut out = vec![(0.0, 0.0); values.len()];
    let mut poles = Pole::pair(sigma);
    for (i, out) in out.iter_mut().enumerate() {
        for pole in &mut poles {
            pole.decay();
            pole.take(input(i));
            pole.add_to(out);
        }
    }
    let mut poles = Pole::pair(sigma);
    for (i, out) in out.iter_mut().enumerate().rev() {
        for pole in &mut poles {
            // A point's own weight came with the way there.
            pole.decay();
            pole.add_to(out);
            pole.take(input(i));
        }
    }
    out
}

/// One term of the kernel and its conjugate, with its sums of the values and of the weights.
struct Pole {
    alpha: (f64, f64),
    decay: (f64, f64),
    values: (f64, f64),
    weights: (f64, f64),
}

impl Pole {
    fn pair(sigma: f64) -> [Pole; 2] {
        // (alpha, lambda): the kernel is the sum of alpha·exp(-|x|·lambda/sigma) over these and their conjugates.
        let terms = [((0.84, 1.8675), (1.783, 0.6318)), ((-0.34015, -0.1299), (1.723, 1.997))];
        terms.map(|(alpha, (re, im)): ((f64, f64), (f64, f64))| {
            let size = (-re / sigma).exp();
            let decay = (size * (im / sigma).cos(), -size * (im / sigma).sin());
            Pole { alpha, decay, values: (0.0, 0.0), weights: (0.0, 0.0) }
        })
    }

    fn decay(&mut self) {
        let d = self.decay;
        for sum in [&mut self.values, &mut self.weights] {
            *sum = (sum.0 * d.0 - sum.1 * d.1, sum.0 * d.1 + sum.1 * d.0);
        }
    }

    fn take(&mut self, (value, weight): (f64, f64)) {
        self.values.0 += value;
        self.weights.0 += weight;
    }

    fn add_to(&self, out: &mut (f64, f64)) {
        out.0 += 2.0 * (self.alpha.0 * self.values.0 - self.alpha.1 * self.values.1);
        out.1 += 2.0 * (self.alpha.0 * self.weights.0 - self.alpha.1 * self.weights.1);
    }
}

/// Mean of the finite values in a window of about `window` points centred on each: `window / 2` on either side.
pub fn mean(values: &[f64], window: f64) -> Vec<f64> {
    let half = if window.is_nan() { 0.0 } else { (window / 2.0).floor().clamp(0.0, 1e9) } as usize;
    let n = values.len();
    if half == 0 || n == 0 {
        return values.to_vec();
    }
    // Sums from both ends of blocks as long as the window: any window is the end of one and the beginning of the next.
    // Nothing is ever subtracted, so rounding does not add up and a huge value does not outlive its window.
    let block = 2 * half + 1;
    let scale = Scale::of(values);
    let item = |i: usize| if values[i].is_finite() { (values[i] * scale.factor, 1usize) } else { (0.0, 0) };
    let add = |a: (f64, usize), b: (f64, usize)| (a.0 + b.0, a.1 + b.1);
    let mut up = Vec::with_capacity(n);
    for i in 0..n {
        up.push(if i % block == 0 { item(i) } else { add(up[i - 1], item(i)) });
    }
    let mut down = vec![(0.0, 0); n];
    for i in (0..n).rev() {
        down[i] = if i + 1 == n || (i + 1) % block == 0 { item(i) } else { add(down[i + 1], item(i)) };
    }
    let at = |i: usize| {
        if !values[i].is_finite() {
            return values[i];
        }
        let (from, to) = (i.saturating_sub(half), (i + half).min(n - 1));
        let sum = match (from / block == to / block, from % block) {
            (true, 0) => up[to],
            // Only at the end is a window shorter than a block without beginning one.
            (true, _) => down[from],
            (false, _) => add(down[from], up[to]),
        };
        scale.back(sum.0 / sum.1 as f64)
    };
    (0..n).map(at).collect()
}
