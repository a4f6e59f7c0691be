//! Every answer that a peer has given in `golden/golden.json`, beside the method that has its name. A key that nothing here
//! names fails its peer's test, and so does a case that is said to differ and does not come up.

mod alibi;
mod deepchecks;
mod evidently;
mod frouros;
mod nannyml;
mod scipy;
mod whylogs;

use crate::sample::{self, number};
use serde_json::Value;
use signalbox_drift::method::{Outcome, Refusal, Sample, named};

/// A key of a peer's answers.
struct Key {
    name: &'static str,
    /// The method that answers it, and where its parts stand in the key's value; or why it is not answered.
    with: Result<(&'static str, Parts), &'static str>,
}

/// What is compared, where it stands in the key's value, and how near.
type Parts = &'static [(Part, &'static str, Near)];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Statistic,
    P,
    Threshold,
    Drift,
}

#[derive(Clone, Copy, Debug)]
enum Near {
    /// Relative and absolute.
    By(f64, f64),
    /// Both are shares of so many draws: within 4.5 of the difference's deviations.
    Draws(f64, f64),
}

const EXACT: Near = Near::By(0.0, 0.0);
/// p-values, as DRIFT.md has it.
const P: Near = Near::By(1e-6, 0.0);

/// Where a peer refuses, says NaN or is wrong: what ours says, and why.
struct Apart {
    /// `*`: all cases where the peer says that it failed.
    case: &'static str,
    /// Of the golden file, or the name of a method; `*`: all.
    key: &'static str,
    ours: Ours,
    #[allow(dead_code, reason = "it is there to be read")]
    why: &'static str,
}

enum Ours {
    Refuses(Refusal),
    Statistic(f64),
    P(f64),
    /// A statistic, and no p.
    NoP,
    /// What stands at this place of the case's specification, which scipy has computed.
    SpecP(&'static str),
}

fn apart(case: &'static str, key: &'static str, ours: Ours, why: &'static str) -> Apart {
    Apart { case, key, ours, why }
}

const NO_ROWS: Ours = Ours::Refuses(Refusal::Empty { side: "current sample" });

enum Column {
    Numbers(Vec<f64>),
    Levels(Vec<(String, u64)>),
}

impl Column {
    fn of(case: &str, side: &str, kind: &Value) -> Column {
        if kind == "num" || kind == "dt" {
            Column::Numbers(sample::numbers(case, side))
        } else {
            Column::Levels(sample::all_levels(case, side))
        }
    }

    fn sample(&self) -> Sample<'_> {
        match self {
            Column::Numbers(numbers) => Sample::Numbers(numbers),
            Column::Levels(levels) => Sample::Levels(levels),
        }
    }
}

/// Compares all that a peer has said; how many numbers and verdicts were compared, and how many were said to differ.
fn walk(peer: &str, keys: &[Key], aparts: &[Apart]) -> (usize, usize) {
    let golden = sample::golden();
    let (mut n, mut wrong, mut used) = (0, Vec::new(), vec![0; aparts.len()]);
    for (case, answers) in golden[peer]["cases"].as_object().expect("cases") {
        let kind = &golden["inputs"]["cases"][case]["kind"];
        let (reference, current) = (Column::of(case, "ref", kind), Column::of(case, "cur", kind));
        for (name, wanted) in answers.as_object().expect("answers") {
            let about = format!("{peer}: {case}: {name}");
            if keys.iter().all(|key| key.name != name) {
                wrong.push(format!("{about}: a key that nothing compares"));
            }
            for key in keys.iter().filter(|key| key.name == name) {
                let Ok((method, parts)) = key.with else { continue };
                let method = named(method).unwrap_or_else(|| panic!("{about}: there is no method {method}"));
                let got = method.measure(&reference.sample(), &current.sample());
                let special =
                    aparts.iter().position(|apart| [case, "*"].contains(&apart.case) && apart.is_of(name, method.name));
                if let Some(at) = special.filter(|at| aparts[*at].case != "*" || wanted["error"].is_string()) {
                    used[at] += 1;
                    if !aparts[at].ours.is(&got, &golden["spec"]["cases"][case]) {
                        wrong.push(format!("{about}: it differs otherwise than is said: {got:?}"));
                    }
                    continue;
                }
                let Ok(got) = got else {
                    wrong.push(format!("{about}: refused ({}) for {wanted}", got.unwrap_err()));
                    continue;
                };
                for (part, place, near) in parts {
                    n += 1;
                    let wanted = wanted.pointer(place).unwrap_or(&Value::Null);
                    if !is_near(&got, *part, wanted, *near) {
                        wrong.push(format!("{about}: {part:?} of {}: {got:?} for {wanted}", method.name));
                    }
                }
            }
        }
    }
    let unused = aparts.iter().zip(&used).filter(|(_, n)| **n == 0);
    wrong.extend(unused.map(|(apart, _)| format!("{}: {}: no such difference", apart.case, apart.key)));
    assert!(wrong.is_empty(), "{} of {n}:\n{}", wrong.len(), wrong.join("\n"));
    (n, used.iter().sum())
}

fn is_near(got: &Outcome, part: Part, wanted: &Value, near: Near) -> bool {
    let got = match part {
        Part::Statistic => Some(got.statistic),
        Part::P => got.p_value,
        Part::Threshold => got.threshold,
        Part::Drift => {
            return got.is_drift.is_some_and(|is_drift| *wanted == is_drift || *wanted == u64::from(is_drift));
        }
    };
    let (Some(got), true) = (got, wanted.is_number() || wanted.is_string()) else { return false };
    let wanted = number(wanted);
    got == wanted
        || match near {
            // Of an infinity everything would be.
            Near::By(relative, absolute) => {
                wanted.is_finite() && (got - wanted).abs() <= relative * wanted.abs() + absolute
            }
            Near::Draws(theirs, ours) => {
                let deviation = (got * (1.0 - got) * (1.0 / theirs + 1.0 / ours)).sqrt();
                (got - wanted).abs() <= 4.5 * deviation + 1.0 / theirs
            }
        }
}

impl Apart {
    fn is_of(&self, key: &str, method: &str) -> bool {
        [key, method, "*"].contains(&self.key)
    }
}

impl Ours {
    fn is(&self, got: &Result<Outcome, Refusal>, spec: &Value) -> bool {
        let near = |got: f64, wanted: f64| {
            got == wanted || (wanted.is_finite() && (got - wanted).abs() <= 1e-9 * wanted.abs())
        };
        match (self, got) {
            (Ours::Refuses(refusal), Err(got)) => refusal == got,
            (Ours::Statistic(wanted), Ok(got)) => near(got.statistic, *wanted),
            (Ours::P(wanted), Ok(got)) => got.p_value.is_some_and(|p| near(p, *wanted)),
            (Ours::NoP, Ok(got)) => got.p_value.is_none() && got.is_drift.is_none(),
            (Ours::SpecP(place), Ok(got)) => {
                let wanted = number(spec.pointer(place).expect("a place in the specification"));
                got.p_value.is_some_and(|p| (p - wanted).abs() <= 1e-6 * wanted)
            }
            _ => false,
        }
    }
}

/// What the file has besides the cases, and why it is not compared here: a new part fails.
#[test]
fn the_file_has_no_part_that_nothing_reads() {
    let known = [
        ("evidently", vec!["cases", "seconds", "versions"]),
        // Windows over time on data that is not among the samples: monitors, performance estimates, models.
        ("nannyml", vec!["cases", "monitor", "seconds", "versions"]),
        ("alibi", vec!["cases", "fdr_q05", "seconds", "tabular_monitor", "versions"]),
        ("deepchecks", vec!["cases", "seconds", "versions"]),
        // Detectors of streams.
        ("frouros", vec!["cases", "seconds", "stream", "versions"]),
        ("whylogs", vec!["cases", "seconds", "versions"]),
        ("spec", vec!["cases", "multiple_testing", "seconds", "versions"]),
        // Fairness.
        ("fairlearn", vec!["aif360_privileged_A", "fairlearn", "seconds", "versions"]),
        ("inputs", vec!["cases", "seed"]),
    ];
    let golden = sample::golden();
    for (part, of) in golden.as_object().expect("parts").iter().filter(|(_, of)| of.is_object()) {
        let (_, wanted) = known.iter().find(|(known, _)| known == part).unwrap_or_else(|| panic!("{part} is new"));
        let mut found: Vec<&str> = of.as_object().expect("an object").keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, *wanted, "{part}");
    }
}
