use super::*;
use std::collections::BTreeSet;

fn levels(levels: &[(&str, u64)]) -> Vec<(String, u64)> {
    levels.iter().map(|(level, n)| ((*level).to_owned(), *n)).collect()
}

#[test]
fn the_names_are_the_command_lines() {
    let names: Vec<&str> = methods().iter().map(|method| method.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "each once");
    let ours: Vec<&str> = names.iter().copied().filter(|name| !name.contains(':')).collect();
    let promised = [
        "ks",
        "wasserstein",
        "wasserstein_std",
        "energy",
        "cvm",
        "ad",
        "mann_whitney",
        "t",
        "welch",
        "epps_singleton",
        "psi",
        "js",
        "hellinger",
        "kl",
        "tvd",
        "l_infinity",
        "chi2",
        "chi2_yates",
        "chi2_permuted",
        "g",
        "fisher",
        "z",
        "cramers_v",
    ];
    assert_eq!(ours, promised);
    let peers: BTreeSet<&str> = names.iter().filter_map(|name| name.split_once(':')).map(|(_, peer)| peer).collect();
    let known = ["alibi", "deepchecks", "evidently", "frouros", "nannyml", "scouter", "tfdv", "whylogs"];
    assert_eq!(peers.into_iter().collect::<Vec<_>>(), known);
    for method in methods() {
        assert!(method.says.ends_with('.') && !method.says.contains("  "), "{}: {}", method.name, method.says);
        assert_eq!(named(method.name).map(|found| found.name), Some(method.name));
    }
    assert!(named("PSI").is_none() && named("psi:").is_none() && named("").is_none());
}

#[test]
fn what_a_method_does_not_take_it_refuses() {
    let (some, none) = (levels(&[("a", 1)]), levels(&[("a", 0)]));
    for method in methods() {
        let (numbers, texts) = (Sample::Numbers(&[1.0]), Sample::Levels(&some));
        let of_numbers = method.measure(&numbers, &Sample::Numbers(&[]));
        let of_levels = method.measure(&Sample::Levels(&none), &texts);
        let (reference, current) =
            (Err(Refusal::Empty { side: "reference" }), Err(Refusal::Empty { side: "current sample" }));
        let (wants_numbers, wants_levels) = (Err(Refusal::WantsNumbers), Err(Refusal::WantsLevels));
        let (wanted, mixed) = match method.takes {
            Takes::Numbers => ((current, wants_numbers.clone()), wants_numbers),
            Takes::Levels => ((wants_levels.clone(), reference), wants_levels),
            Takes::Both => ((current, reference), Err(Refusal::OtherKind)),
        };
        assert_eq!((of_numbers, of_levels), wanted, "{}", method.name);
        assert_eq!(method.measure(&numbers, &texts), mixed, "{}", method.name);
    }
}

#[test]
fn equal_samples_are_no_drift_to_any_method() {
    let mut numbers: Vec<f64> = (0..90).map(|i| f64::from(i * i % 37) / 4.0).collect();
    numbers.sort_by(f64::total_cmp);
    let texts = levels(&[("a", 30), ("b", 12), ("c", 1)]);
    let two = levels(&[("no", 30), ("yes", 12)]);
    for method in methods() {
        for sample in [Sample::Numbers(&numbers), Sample::Levels(&texts), Sample::Levels(&two)] {
            let Ok(got) = method.measure(&sample, &sample) else { continue };
            assert_ne!(got.is_drift, Some(true), "{}: {got:?}", method.name);
            match got.p_value {
                // Anderson and Darling's table ends there; one-sided tests are at one half.
                Some(p) => assert!(p >= 0.25, "{}: {got:?}", method.name),
                // The unbiased discrepancy of a sample from itself is below nothing.
                None if method.name == "mmd:frouros" => assert!(got.statistic < 0.0, "{got:?}"),
                None => assert!(got.statistic.abs() < 1e-7, "{}: {got:?}", method.name),
            }
        }
    }
}

#[test]
fn odd_samples_end_no_method() {
    let many: Vec<f64> = (0..200).map(|i| f64::from(i) * 1e-9).collect();
    let samples: [&[f64]; 10] = [
        &[0.0],
        &[-0.0, 0.0],
        &[f64::MIN, f64::MAX],
        &[f64::MIN, -1.0, 0.0, 5e-324, 1.0, f64::MAX],
        &[5e-324; 12],
        &[1e300; 3],
        &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1e18],
        &[9_007_199_254_740_992.0, 9_007_199_254_740_994.0],
        &[0.0, 0.0, 0.0, 1.0, 2.0, 3.0],
        &many,
    ];
    for method in methods() {
        for (reference, current) in samples.iter().flat_map(|a| samples.iter().map(move |b| (*a, *b))) {
            let Ok(got) = method.measure(&Sample::Numbers(reference), &Sample::Numbers(current)) else { continue };
            let is_number = !got.statistic.is_nan() && got.p_value.is_none_or(|p| (0.0..=1.0).contains(&p));
            assert!(is_number, "{}: {got:?}", method.name);
        }
        let odd = [levels(&[("", 1)]), levels(&[("a", 100_000), ("b", 0)]), levels(&[("b", 1), ("c", 7)])];
        for (reference, current) in odd.iter().flat_map(|a| odd.iter().map(move |b| (a, b))) {
            let Ok(got) = method.measure(&Sample::Levels(reference), &Sample::Levels(current)) else { continue };
            let is_number = !got.statistic.is_nan() && got.p_value.is_none_or(|p| (0.0..=1.0).contains(&p));
            assert!(is_number, "{}: {got:?}", method.name);
        }
    }
}
