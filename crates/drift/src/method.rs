//! The methods by their names, which are those of the command line: ours plain (`psi`), a peer's as `psi:evidently`, so that
//! a number that a team knows can be had again. What a method cannot answer it refuses, in words.

mod alibi;
mod deepchecks;
mod evidently;
mod frouros;
mod nannyml;
mod others;
mod ours;
mod sample;
mod whylogs;

pub use sample::Sample;

use crate::test::Tested;
use std::fmt;
use std::sync::LazyLock;

/// What a method can be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Numbers,
    Levels,
    Both,
}

/// Two samples compared by one method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    pub statistic: f64,
    /// Of the null hypothesis that both samples come from the same distribution; `None` of a distance.
    pub p_value: Option<f64>,
    /// The method's own by default: of `p_value` if it is a test, else of `statistic`.
    pub threshold: Option<f64>,
    /// By that threshold; `None` without one, and where p has no value.
    pub is_drift: Option<bool>,
}

/// Why a method has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no values in the {side}: all are null, NaN or infinite, or there are no rows")]
    Empty { side: &'static str },
    #[error("too few rows: it wants {least} in each sample, and one has {found}")]
    TooFewRows { least: usize, found: usize },
    #[error(
        "too many rows: its work grows with their square, so it takes {most} of both samples together, not {found}"
    )]
    TooManyRows { most: usize, found: usize },
    #[error("it wants numbers, and these are levels")]
    WantsNumbers,
    #[error("it wants levels, and these are numbers")]
    WantsLevels,
    #[error("one sample has numbers and the other has levels")]
    OtherKind,
    #[error("it wants two levels, and there are {found}")]
    WantsTwoLevels { found: usize },
    #[error("all values are the same, so that there is no order to test")]
    AllTie,
    #[error("it has no scale: half of all values, or all of each sample, are the same")]
    NoScale,
    #[error("most values are so close, and others so far, that its histogram would have more than a million bins")]
    TooManyBins,
    #[error("it has no value: sums of such large numbers are no numbers any more")]
    TooLarge,
}

/// A named method.
pub struct Method {
    pub name: &'static str,
    pub takes: Takes,
    /// What it computes, in a sentence.
    pub says: &'static str,
    of: Of,
}

type Answer = Result<Outcome, Refusal>;
type Rows = (Vec<u64>, Vec<u64>);

/// How it is computed.
enum Of {
    /// Finite numbers, sorted; both have some.
    Numbers(fn(&[f64], &[f64]) -> Answer),
    /// Counts of the same levels in the same order; both have some.
    Levels(fn(&[u64], &[u64]) -> Answer),
    /// Counts of levels, or of numbers on bins.
    Counts {
        bins: fn(&[f64], &[f64]) -> Rows,
        of: fn(&[u64], &[u64]) -> Answer,
    },
    Either {
        numbers: fn(&[f64], &[f64]) -> Answer,
        levels: fn(&[u64], &[u64]) -> Answer,
    },
}

/// All, ours first, then peer by peer.
pub fn methods() -> &'static [Method] {
    static ALL: LazyLock<Vec<Method>> = LazyLock::new(|| {
        let lists: [fn() -> Vec<Method>; 8] = [
            ours::methods,
            evidently::methods,
            nannyml::methods,
            alibi::methods,
            deepchecks::methods,
            frouros::methods,
            whylogs::methods,
            others::methods,
        ];
        lists.iter().flat_map(|list| list()).collect()
    });
    &ALL
}

/// By its whole name.
pub fn named(name: &str) -> Option<&'static Method> {
    methods().iter().find(|method| method.name == name)
}

impl Method {
    pub fn measure(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Refusal> {
        let found = self.found(reference, current)?;
        if found.statistic.is_nan() { Err(Refusal::TooLarge) } else { Ok(found) }
    }

    fn found(&self, reference: &Sample, current: &Sample) -> Answer {
        for (sample, side) in [(reference, "reference"), (current, "current sample")] {
            match (sample, self.takes) {
                (Sample::Numbers(_), Takes::Levels) => return Err(Refusal::WantsLevels),
                (Sample::Levels(_), Takes::Numbers) => return Err(Refusal::WantsNumbers),
                _ if sample.n_rows() == 0 => return Err(Refusal::Empty { side }),
                _ => {}
            }
        }
        match (reference, current) {
            (Sample::Numbers(a), Sample::Numbers(b)) => match self.of {
                Of::Numbers(of) | Of::Either { numbers: of, .. } => of(a, b),
                Of::Counts { bins, of } => {
                    let (a, b) = bins(a, b);
                    of(&a, &b)
                }
                Of::Levels(_) => Err(Refusal::WantsLevels),
            },
            (Sample::Levels(a), Sample::Levels(b)) => {
                let (a, b) = sample::aligned(a, b);
                match self.of {
                    Of::Levels(of) | Of::Counts { of, .. } | Of::Either { levels: of, .. } => of(&a, &b),
                    Of::Numbers(_) => Err(Refusal::WantsNumbers),
                }
            }
            _ => Err(Refusal::OtherKind),
        }
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Method").field("name", &self.name).field("takes", &self.takes).finish_non_exhaustive()
    }
}

fn of_numbers(name: &'static str, says: &'static str, of: fn(&[f64], &[f64]) -> Answer) -> Method {
    Method { name, takes: Takes::Numbers, says, of: Of::Numbers(of) }
}

fn of_levels(name: &'static str, says: &'static str, of: fn(&[u64], &[u64]) -> Answer) -> Method {
    Method { name, takes: Takes::Levels, says, of: Of::Levels(of) }
}

impl Outcome {
    /// `None`: a sample has no rows, which [`Method::found`] refuses before.
    fn distance(found: Option<f64>) -> Answer {
        let statistic = found.ok_or(Refusal::Empty { side: "samples" })?;
        Ok(Outcome { statistic, p_value: None, threshold: None, is_drift: None })
    }

    fn tested(found: Option<Tested>, otherwise: Refusal) -> Answer {
        let Tested { statistic, p_value } = found.ok_or(otherwise)?;
        let p_value = (!p_value.is_nan()).then_some(p_value);
        Ok(Outcome { statistic, p_value, threshold: None, is_drift: None })
    }

    /// Drift is a distance of so much and more.
    fn at_least(self, threshold: f64) -> Outcome {
        Outcome { threshold: Some(threshold), is_drift: Some(self.statistic >= threshold), ..self }
    }

    /// Drift is a greater distance.
    fn above(self, threshold: f64) -> Outcome {
        Outcome { threshold: Some(threshold), is_drift: Some(self.statistic > threshold), ..self }
    }

    /// Drift is a lower p.
    fn below(self, threshold: f64) -> Outcome {
        Outcome { threshold: Some(threshold), is_drift: self.p_value.map(|p| p < threshold), ..self }
    }

    /// Drift is p of so much and less.
    fn at_most(self, threshold: f64) -> Outcome {
        Outcome { threshold: Some(threshold), is_drift: self.p_value.map(|p| p <= threshold), ..self }
    }
}

/// Each sample has to have so many rows.
fn at_least_rows(least: usize, reference: &[f64], current: &[f64]) -> Result<(), Refusal> {
    let found = reference.len().min(current.len());
    if found < least { Err(Refusal::TooFewRows { least, found }) } else { Ok(()) }
}

fn at_most_rows(most: usize, reference: &[f64], current: &[f64]) -> Result<(), Refusal> {
    let found = reference.len() + current.len();
    if found > most { Err(Refusal::TooManyRows { most, found }) } else { Ok(()) }
}

/// The counts of two levels: `[first, second]` of each sample. Of one level there are none of the second.
fn two_levels(reference: &[u64], current: &[u64]) -> Result<([u64; 2], [u64; 2]), Refusal> {
    let (a, b) = crate::distance::present(reference, current);
    match (&a[..], &b[..]) {
        ([a], [b]) => Ok(([*a, 0], [*b, 0])),
        ([a, c], [b, d]) => Ok(([*a, *c], [*b, *d])),
        _ => Err(Refusal::WantsTwoLevels { found: a.len() }),
    }
}

fn both(
    name: &'static str,
    says: &'static str,
    bins: fn(&[f64], &[f64]) -> Rows,
    of: fn(&[u64], &[u64]) -> Answer,
) -> Method {
    Method { name, takes: Takes::Both, says, of: Of::Counts { bins, of } }
}

fn either(
    name: &'static str,
    says: &'static str,
    numbers: fn(&[f64], &[f64]) -> Answer,
    levels: fn(&[u64], &[u64]) -> Answer,
) -> Method {
    Method { name, takes: Takes::Both, says, of: Of::Either { numbers, levels } }
}

#[cfg(test)]
mod tests;
