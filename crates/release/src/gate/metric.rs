//! Whether the candidate does better than the version in production, on the same evaluation.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Ruling, Verdict};
use crate::names::Digest;
use crate::policy::{Better, MetricGate};

/// A metric of a version, on some data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub value: f64,
    /// Of the data that it was measured on.
    pub data: Option<Digest>,
    /// Per example (or fold, or seed), in the same order for both versions; empty where only the mean is known.
    pub parts: Vec<f64>,
}

/// Judges by the mean; by the paired bootstrap's 95 % interval of the difference where both tell their parts.
pub fn metric(gate: &MetricGate, candidate: Option<&Measured>, production: Option<&Measured>) -> Verdict {
    const GATE: &str = "metric";
    let name = &gate.name;
    let say = |ruling, says: String| {
        let evidence = json!({ "metric": gate, "candidate": candidate, "production": production });
        Verdict::new(GATE, ruling, says).with(evidence)
    };
    let Some(new) = candidate else { return say(Ruling::Inconclusive, format!("the candidate has no {name}")) };
    if !new.value.is_finite() {
        return say(Ruling::Fail, format!("{name} is {}", new.value));
    }
    let Some(old) = production else {
        return say(Ruling::Pass, format!("{name} {}; nothing is in production to compare it with", new.value));
    };
    if !old.value.is_finite() {
        return say(Ruling::Inconclusive, format!("{name} of the version in production is {}", old.value));
    }
    match (&new.data, &old.data) {
        (Some(a), Some(b)) if a == b => {}
        (Some(_), Some(_)) => {
            return say(Ruling::Inconclusive, format!("{name} of the two was measured on different data"));
        }
        _ => return say(Ruling::Inconclusive, format!("on which data {name} was measured is not known")),
    }
    let sign = if gate.better == Better::Higher { 1.0 } else { -1.0 };
    let gain = sign * (new.value - old.value);
    let told = format!("{name} {} against {}", new.value, old.value);
    if new.parts.len() == old.parts.len() && new.parts.len() >= MIN_PARTS {
        let gains: Vec<f64> = new.parts.iter().zip(&old.parts).map(|(a, b)| sign * (a - b)).collect();
        let Some((low, high)) = paired_bootstrap(&gains) else {
            return say(Ruling::Inconclusive, format!("{told}; not all of its parts are numbers"));
        };
        let interval = format!("{told}; better by {low:.4} to {high:.4} (95 %, {} pairs)", gains.len());
        return if low >= gate.margin {
            say(Ruling::Pass, interval)
        } else if high < gate.margin {
            say(Ruling::Fail, interval)
        } else {
            say(Ruling::Inconclusive, format!("{interval}: {} may be on either side", gate.margin))
        };
    }
    if gain >= gate.margin {
        say(Ruling::Pass, format!("{told}; how sure that is is not known"))
    } else {
        say(Ruling::Fail, format!("{told}: {gain} better, and {} is asked for", gate.margin))
    }
}

const MIN_PARTS: usize = 10;
const N_RESAMPLES: usize = 10_000;

/// The 2.5 and 97.5 percentiles of the mean over resamples of `gains` (Efron and Tibshirani, An Introduction to the
/// Bootstrap, 1993, section 13.3). The same every time: the generator's seed is fixed. `None`: not all are finite.
pub fn paired_bootstrap(gains: &[f64]) -> Option<(f64, f64)> {
    if gains.is_empty() || gains.iter().any(|gain| !gain.is_finite()) {
        return None;
    }
    let mut state = 0x5157_ba8e_2f0c_91d3_u64;
    // SplitMix64 (Steele, Lea and Flood, 2014); the high half times the length gives an index without a visible bias.
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let n = gains.len() as u64;
    let mut means: Vec<f64> = (0..N_RESAMPLES)
        .map(|_| (0..n).map(|_| gains[(((next() >> 32) * n) >> 32) as usize]).sum::<f64>() / n as f64)
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[((N_RESAMPLES - 1) as f64 * share).round() as usize];
    Some((at(0.025), at(0.975)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(value: f64, data: &str, parts: &[f64]) -> Measured {
        Measured { value, data: Some(Digest::of(data)), parts: parts.to_vec() }
    }

    fn check(candidate: Option<Measured>, production: Option<Measured>, wanted: Ruling) {
        let gate = MetricGate { name: "acc".into(), better: Better::Higher, margin: 0.01 };
        let verdict = metric(&gate, candidate.as_ref(), production.as_ref());
        assert_eq!(verdict.ruling, wanted, "{}", verdict.says);
    }

    #[test]
    fn better_by_the_margin_on_the_same_data_or_not_known() {
        let one = |value: f64| Some(measured(value, "test", &[]));
        check(one(0.92), one(0.90), Ruling::Pass);
        check(one(0.905), one(0.90), Ruling::Fail);
        check(one(0.92), Some(measured(0.90, "other", &[])), Ruling::Inconclusive);
        check(one(0.92), Some(Measured { value: 0.9, data: None, parts: vec![] }), Ruling::Inconclusive);
        check(None, one(0.9), Ruling::Inconclusive);
        check(one(0.92), None, Ruling::Pass);
        check(one(f64::NAN), one(0.9), Ruling::Fail);
        check(one(0.9), one(f64::NAN), Ruling::Inconclusive);
        let lower = MetricGate { name: "rmse".into(), better: Better::Lower, margin: 0.0 };
        assert_eq!(metric(&lower, one(0.5).as_ref(), one(0.6).as_ref()).ruling, Ruling::Pass);
    }

    #[test]
    fn with_parts_the_interval_decides() {
        let old: Vec<f64> = (0..200).map(|i| f64::from(i % 2)).collect();
        let plus = |by: f64| old.iter().enumerate().map(|(i, x)| x + by + (i % 7) as f64 * 0.001).collect::<Vec<_>>();
        let of = |parts: &[f64]| Some(measured(parts.iter().sum::<f64>() / 200.0, "test", parts));
        check(of(&plus(0.05)), of(&old), Ruling::Pass);
        check(of(&plus(-0.05)), of(&old), Ruling::Fail);
        let mut noisy = old.clone();
        noisy.iter_mut().enumerate().for_each(|(i, x)| *x += if i % 3 == 0 { 1.0 } else { -0.48 });
        check(of(&noisy), of(&old), Ruling::Inconclusive);
    }

    /// `scipy.stats.bootstrap((x,), np.mean, n_resamples=10000, method="percentile", random_state=0)` says
    /// (2.9, 5.45) for these; another generator's 10,000 resamples differ by a few hundredths.
    #[test]
    fn the_interval_is_scipys() {
        let x: Vec<f64> = (0..20).map(|i| f64::from(i * i % 11)).collect();
        let (low, high) = paired_bootstrap(&x).expect("numbers");
        assert!((low - 2.9).abs() < 0.11 && (high - 5.45).abs() < 0.11, "{low} {high}");
        assert_eq!(paired_bootstrap(&[1.0, f64::NAN]), None);
        assert_eq!(paired_bootstrap(&[]), None);
        assert_eq!(paired_bootstrap(&[3.0; 12]), Some((3.0, 3.0)));
    }
}
