//! whylogs 1.6.4.

use super::{Column, Key, NO_ROWS, Near, Ours, P, Part, Parts, apart, is_near, walk};
use crate::sample;
use signalbox_drift::method::{Method, named};

#[test]
fn whylogs_answers() {
    const SKETCH: Parts = &[(Part::Statistic, "/stat", Near::By(0.0, 0.02))];
    const CHI2: Parts = &[(Part::Statistic, "/stat", Near::By(1e-9, 0.0)), (Part::P, "/p", P)];
    let key = |name, with| Key { name, with };
    let keys = [
        key("ks", Ok(("ks:whylogs", SKETCH))),
        key("hellinger", Ok(("hellinger:whylogs", SKETCH))),
        key("chi2", Ok(("chi2:whylogs", CHI2))),
        key("note", Err("says that its sketches are of chance")),
    ];
    let aparts = [
        apart("current_all_nan", "*", NO_ROWS, "it says nothing"),
        apart("single_value_each", "ks", Ours::NoP, "the limit has no p for one row each; it says nothing"),
        apart("with_inf", "hellinger", Ours::Statistic(0.126_062_459_917_916_26), "it fails of an infinity"),
        apart(
            "cat_unicode",
            "chi2",
            Ours::P(2.027_757_883_966_177e-54),
            "one of the eight levels is the empty text, which its count of distinct values (HLL) leaves out: p = 2.9e-55 \
             by six degrees of freedom instead of seven",
        ),
        // 30 bins of a sketch whose bins' shares are good to δ = 2.446/k^0.9433 = 0.0035 (DataSketches, k = 1024): a share of
        // p moves the square of the distance by δ²/8p, thirty of 1/30 by 0.0014 for each side, and so the distance by up to
        // 0.05. It says 0.0352; of the samples themselves it is 0.0141.
        apart("huge_n", "hellinger", Ours::Statistic(0.014_119_688_290_944_853), "the sketch's error"),
    ];
    let (n, differ) = walk("whylogs", &keys, &aparts);
    assert_eq!((n, differ), (77, 6));
}

/// A sketch keeps up to 1,000 rows whole: there it is the definition that is compared.
#[test]
fn whylogs_answers_for_few_rows_to_the_last_digits() {
    let golden = sample::golden();
    let mut n = 0;
    for (case, answers) in golden["whylogs"]["cases"].as_object().expect("cases") {
        let of = &golden["inputs"]["cases"][case];
        let rows = of["n_ref"].as_u64().max(of["n_cur"].as_u64()).expect("rows");
        if of["kind"] != "num" || rows > 1000 || !answers["hellinger"]["stat"].is_number() {
            continue;
        }
        let (reference, current) = (Column::of(case, "ref", &of["kind"]), Column::of(case, "cur", &of["kind"]));
        let got = |name| {
            let method: &Method = named(name).expect("a method");
            method.measure(&reference.sample(), &current.sample()).expect("an answer")
        };
        let (ks, hellinger) = (got("ks:whylogs"), got("hellinger:whylogs"));
        for (got, part, wanted, near) in [
            (hellinger, Part::Statistic, &answers["hellinger"]["stat"], Near::By(1e-9, 1e-12)),
            (ks, Part::Statistic, &answers["ks"]["stat"], Near::By(1e-12, 0.0)),
            (ks, Part::P, &answers["ks"]["p"], P),
        ] {
            if wanted.is_null() {
                assert_eq!(case, "single_value_each");
                continue;
            }
            assert!(is_near(&got, part, wanted, near), "{case}: {part:?}: {got:?} for {wanted}");
            n += 1;
        }
    }
    assert_eq!(n, 31);
}
