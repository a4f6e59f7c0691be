//! The trees by what they have to find, and what they must not.

use signalbox_drift::quality::RandomState;
use signalbox_drift::trees::{Column, Forest, Loss, Settings, Told, domain_auroc, told_by};

/// Even numbers from 0 to 1, the same each time.
fn even(random: &mut RandomState, rows: usize) -> Vec<f64> {
    (0..rows).map(|_| f64::from(random.next_u32()) / 4_294_967_296.0).collect()
}

fn settings() -> Settings {
    Settings { trees: 40, rate: 0.2, leaves: 8, ..Settings::default() }
}

fn mean_square(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64
}

#[test]
fn a_product_of_two_columns_is_found() {
    let mut random = RandomState::seeded(1);
    let (x, z) = (even(&mut random, 2000), even(&mut random, 2000));
    // No column says anything alone: their signs together do.
    let target: Vec<f64> = x.iter().zip(&z).map(|(x, z)| f64::from(u8::from((*x > 0.5) != (*z > 0.4)))).collect();
    let columns = [Column::Numbers(x), Column::Numbers(z)];
    let forest = Forest::fit(&columns, &target, Loss::Logistic, settings()).expect("rows");
    let wrong = forest.predict(&columns).iter().zip(&target).filter(|(p, y)| (**p > 0.5) != (**y > 0.5)).count();
    assert!(wrong < 20, "{wrong}");
}

#[test]
fn one_step_is_one_split_between_the_values() {
    let x: Vec<f64> = (0..100).map(f64::from).collect();
    let target: Vec<f64> = x.iter().map(|x| if *x < 30.0 { 1.0 } else { 5.0 }).collect();
    let one = Settings { trees: 1, rate: 1.0, leaves: 2, min_leaf_rows: 1, bins: 255 };
    let forest = Forest::fit(&[Column::Numbers(x)], &target, Loss::Squares, one).expect("rows");
    let asked = [f64::NEG_INFINITY, 29.0, 29.5, 30.0, f64::INFINITY];
    let told = forest.predict(&[Column::Numbers(asked.to_vec())]);
    let wanted = [1.0, 1.0, 5.0, 5.0, 5.0];
    assert!(told.iter().zip(wanted).all(|(told, wanted)| (told - wanted).abs() < 1e-12), "{told:?}");
}

#[test]
fn what_is_missing_goes_where_it_belongs() {
    for missing in [1.0, 5.0] {
        let x: Vec<f64> = (0..300).map(|i| if i % 3 == 0 { f64::NAN } else { f64::from(i) }).collect();
        let of = |x: f64| {
            if x.is_nan() {
                missing
            } else if x < 150.0 {
                1.0
            } else {
                5.0
            }
        };
        let target: Vec<f64> = x.iter().map(|x| of(*x)).collect();
        let one = Settings { trees: 1, rate: 1.0, leaves: 2, min_leaf_rows: 1, bins: 255 };
        let forest = Forest::fit(&[Column::Numbers(x)], &target, Loss::Squares, one).expect("rows");
        let told = forest.predict(&[Column::Numbers(vec![f64::NAN, 10.0, 290.0])]);
        let wanted = [missing, 1.0, 5.0];
        assert!(told.iter().zip(wanted).all(|(told, wanted)| (told - wanted).abs() < 1e-9), "{told:?} for {wanted:?}");
    }
}

#[test]
fn levels_are_cut_by_what_they_mean_and_not_by_their_codes() {
    let mut random = RandomState::seeded(2);
    let codes: Vec<u32> = (0..4000).map(|_| random.up_to(499)).collect();
    let of = |code: u32| f64::from(u8::from(code % 7 < 3));
    let target: Vec<f64> = codes.iter().map(|code| of(*code)).collect();
    let column = [Column::Levels(codes.iter().copied().map(Some).collect())];
    let forest = Forest::fit(&column, &target, Loss::Squares, settings()).expect("rows");
    assert!(mean_square(&forest.predict(&column), &target) < 0.01);
    // A level that was not there, and none at all, are missing alike.
    let told = forest.predict(&[Column::Levels(vec![Some(9999), None])]);
    assert_eq!(told[0], told[1]);
}

#[test]
fn of_noise_nothing_is_learned() {
    let mut random = RandomState::seeded(3);
    let columns = [Column::Numbers(even(&mut random, 1500)), Column::Numbers(even(&mut random, 1500))];
    let labels: Vec<bool> = even(&mut random, 1500).into_iter().map(|value| value < 0.4).collect();
    let area = domain_auroc(&columns, &labels, Some(1), settings()).expect("both");
    // The error of an area of 1/2 with 600 and 900 rows is 0.0153: three of them.
    assert!((area - 0.5).abs() < 0.046, "{area}");
    assert_eq!(domain_auroc(&columns, &[true; 1500], Some(1), settings()), None);
}

#[test]
fn the_same_table_gives_the_same_trees() {
    let mut random = RandomState::seeded(4);
    let columns = [Column::Numbers(even(&mut random, 500)), Column::Numbers(even(&mut random, 500))];
    let target = even(&mut random, 500);
    let told = || Forest::fit(&columns, &target, Loss::Squares, settings()).expect("rows").predict(&columns);
    assert_eq!(told(), told());
    // A copy of a column is never taken before it.
    let copied = [columns[0].clone(), columns[1].clone(), columns[0].clone()];
    let with_copy = Forest::fit(&copied, &target, Loss::Squares, settings()).expect("rows");
    let mut wrong = copied.clone();
    wrong[2] = Column::Numbers(vec![f64::NAN; 500]);
    assert_eq!(with_copy.predict(&wrong), told());
}

#[test]
fn a_leaf_has_the_rows_that_it_must_have() {
    let x: Vec<f64> = (0..30).map(f64::from).collect();
    let target: Vec<f64> = x.iter().map(|x| f64::from(u8::from(*x < 3.0))).collect();
    let of = |min_leaf_rows: u32| {
        let settings = Settings { trees: 1, rate: 1.0, leaves: 2, min_leaf_rows, bins: 255 };
        let columns = [Column::Numbers(x.clone())];
        let told = Forest::fit(&columns, &target, Loss::Squares, settings).expect("rows").predict(&columns);
        told.iter().filter(|value| **value == told[0]).count()
    };
    assert_eq!((of(3), of(10), of(16)), (3, 10, 30));
}

#[test]
fn a_column_that_knows_the_answer_is_found_out() {
    let mut random = RandomState::seeded(5);
    let noise = even(&mut random, 1000);
    let labels: Vec<f64> = even(&mut random, 1000).iter().map(|value| f64::from(u8::from(*value < 0.3))).collect();
    let hidden: Vec<f64> = labels.iter().zip(&noise).map(|(label, noise)| 100.0 - 7.0 * label + noise).collect();
    // An id says nothing of rows that were not seen, however many levels it has.
    let id = Column::Levels((0..1000).map(Some).collect());
    let columns = [Column::Numbers(noise), Column::Numbers(hidden), id];
    let told = told_by(&columns, &labels, 1, settings());
    let [Some(Told::Label(noise)), Some(Told::Label(hidden)), Some(Told::Label(id))] = told[..] else {
        panic!("{told:?}")
    };
    // Of 800 values in 255 bins one bin may hold the last value of one class and the first of the other.
    assert!(hidden > 0.9999 && (noise - 0.5).abs() < 0.08 && (id - 0.5).abs() < 0.08, "{noise}, {hidden}, {id}");
}

#[test]
fn leaks_of_numbers_and_targets_that_say_nothing() {
    let mut random = RandomState::seeded(6);
    let (x, noise) = (even(&mut random, 1000), even(&mut random, 1000));
    let target: Vec<f64> = x.iter().map(|x| 10.0 * x * x).collect();
    let told = told_by(&[Column::Numbers(x), Column::Numbers(noise)], &target, 1, settings());
    let [Some(Told::Value(hidden)), Some(Told::Value(noise))] = told[..] else { panic!("{told:?}") };
    assert!(hidden > 0.99 && noise < 0.05, "{hidden}, {noise}");
    let one = Column::Numbers(vec![1.0; 1000]);
    assert_eq!(told_by(std::slice::from_ref(&one), &[3.0; 1000], 1, settings()), [None]);
    assert_eq!(told_by(std::slice::from_ref(&one), &[1.0; 1000], 1, settings()), [None]);
    assert_eq!(told_by(&[one], &[f64::NAN; 1000], 1, settings()), [None]);
}

#[test]
fn tables_that_teach_nothing() {
    let one = Column::Numbers(vec![f64::NAN; 40]);
    let forest = Forest::fit(std::slice::from_ref(&one), &[2.0; 40], Loss::Squares, settings()).expect("rows");
    assert_eq!(forest.predict(&[one]), vec![2.0; 40]);
    assert!(Forest::fit(&[], &[], Loss::Squares, settings()).is_none());
    assert!(Forest::fit(&[Column::Numbers(vec![1.0])], &[1.0, 2.0], Loss::Squares, settings()).is_none());
    assert!(Forest::fit(&[Column::Numbers(vec![1.0])], &[f64::NAN], Loss::Squares, settings()).is_none());
    // A column that is not there, or of another kind, is all missing: an answer, and no end.
    let (x, target) = (Column::Numbers((0..99).map(f64::from).collect()), (0..99).map(f64::from).collect::<Vec<_>>());
    let learned = Forest::fit(&[x.clone(), x.clone()], &target, Loss::Squares, settings()).expect("rows");
    let codes = Column::Levels(vec![Some(1), None]);
    let told = learned.predict(&[codes]);
    assert!(told.len() == 2 && told[0] == told[1] && told[0].is_finite(), "{told:?}");
    assert_eq!(learned.predict(&[]), Vec::<f64>::new());
    assert_eq!(domain_auroc(&[x], &[true, false], None, settings()), None);
    let certain = Forest::fit(&[Column::Numbers(vec![1.0; 9])], &[1.0; 9], Loss::Logistic, settings()).expect("rows");
    assert!(certain.predict(&[Column::Numbers(vec![1.0])])[0] > 0.99);
}
