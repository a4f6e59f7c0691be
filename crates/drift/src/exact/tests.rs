use super::*;

/// Numbers without a pattern, the same each time (xorshift*).
struct Numbers(u64);

impl Numbers {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn list(&mut self, n: usize, of: impl Fn(&mut Numbers) -> f64) -> Vec<f64> {
        (0..n).map(|_| of(self)).collect()
    }
}

const AT: [f64; 11] = [0.0, 0.1, 0.2, 0.25, 0.3, 0.5, 0.6, 0.75, 0.9, 0.999, 1.0];

fn agrees(about: &str, reference: &[f64], current: &[f64]) {
    let got = compare(reference, current, &AT).expect("rows");
    let wanted = by_order(&sorted(reference), &sorted(current), &AT).expect("rows");
    assert_eq!(got.ks, wanted.ks, "{about}");
    assert_eq!(got.quantiles, wanted.quantiles, "{about}");
    assert_eq!(got.below, wanted.below, "{about}");
    let scale = reference.iter().chain(current).fold(0.0_f64, |most, value| most.max(value.abs()));
    let off = (got.wasserstein - wanted.wasserstein).abs();
    assert!(
        off <= 1e-12 * wanted.wasserstein + 1e-15 * scale,
        "{about}: {} for {}",
        got.wasserstein,
        wanted.wasserstein
    );
}

#[test]
fn it_is_what_sorting_gives() {
    let mut numbers = Numbers(42);
    let normal = numbers.list(30_000, Numbers::normal);
    let other = numbers.list(25_000, Numbers::normal);
    let moved = numbers.list(40_001, |n| 0.3 + 1.1 * n.normal());
    let cauchy = |n: &mut Numbers| (std::f64::consts::PI * (n.uniform() - 0.5)).tan();
    agrees("the same distribution", &normal, &other);
    agrees("moved", &normal, &moved);
    agrees("heavy tails", &numbers.list(30_000, cauchy), &numbers.list(30_000, |n| 0.2 + cauchy(n)));
    agrees(
        "a wide range",
        &numbers.list(30_000, |n| (5.0 * n.normal()).exp()),
        &numbers.list(30_000, |n| (5.1 * n.normal()).exp()),
    );
    agrees("apart", &normal, &numbers.list(30_000, |n| 1e6 + n.normal()));
    agrees(
        "far away, and close together",
        &numbers.list(30_000, |n| 1e15 + n.normal()),
        &numbers.list(30_000, |n| 1e15 + n.normal()),
    );
    agrees("tiny", &numbers.list(30_000, |n| 1e-9 * n.normal()), &numbers.list(30_000, |n| 3e-10 + 1e-9 * n.normal()));
    agrees(
        "ties",
        &numbers.list(30_000, |n| (n.normal() * 3.0).round()),
        &numbers.list(21_000, |n| (n.normal() * 3.0).round()),
    );
    // It looks like few values, until too many have come.
    let codes = |n: &mut Numbers| {
        if n.uniform() < 0.95 {
            (n.uniform() * 100.0).floor()
        } else {
            n.uniform().round() + (n.uniform() * 1e4).floor()
        }
    };
    agrees("more values than it seems", &numbers.list(150_000, codes), &numbers.list(120_000, codes));
    agrees(
        "few values far apart",
        &numbers.list(30_000, |n| [-1e300, -1.5, 0.0, 1e-300, 7e200][(n.uniform() * 5.0) as usize]),
        &numbers.list(25_000, |n| [-1e300, -0.0, 1e-300, 7e200][(n.uniform() * 4.0) as usize]),
    );
    let zeros = |n: &mut Numbers| if n.uniform() < 0.6 { 0.0 } else { n.normal().abs() };
    agrees("mostly zeros", &numbers.list(30_000, zeros), &numbers.list(30_000, zeros));
    agrees(
        "two heaps",
        &numbers.list(30_000, |n| n.normal() + 100.0 * n.uniform().round()),
        &numbers.list(30_000, |n| n.normal() + 100.0 * (n.uniform() - 0.1).round()),
    );
    agrees("a constant", &vec![3.5; 30_000], &vec![3.5; 30_000]);
    agrees("two constants", &vec![3.5; 30_000], &vec![3.6; 30_000]);
    agrees("few beside many", &normal, &[0.5]);
    agrees(
        "nothing between the quartiles",
        &numbers.list(30_000, |n| if n.uniform() < 0.3 { -1.0 } else { 1.0 } + 0.01 * n.uniform()),
        &numbers.list(30_000, |n| 2.0 * n.uniform() - 1.0),
    );
    agrees(
        "signed zeros",
        &numbers.list(30_000, |n| if n.uniform() < 0.5 { -0.0 } else { 0.0 }),
        &numbers.list(30_000, |n| 0.1 * n.normal().round()),
    );
    agrees(
        "the ends of the range",
        &numbers.list(30_000, |n| n.normal() * 1e307),
        &numbers.list(30_000, |n| n.normal() * 1.2e307),
    );
    agrees("itself", &normal, &normal);
}

/// The distance is largest where a bucket ends, of one sample's values only: the other's lie just behind.
#[test]
fn a_distance_that_is_largest_where_buckets_meet_is_found() {
    let mut numbers = Numbers(7);
    let uniform = numbers.list(21_000, Numbers::uniform);
    let in_order = sorted(&uniform);
    let buckets = Buckets::around(&uniform, &[0.5; 200]).expect("a bulk");
    let begins = |at: &usize| *at == 0 || buckets.of(in_order[at - 1]) != buckets.of(in_order[*at]);
    for at in (0..in_order.len()).filter(begins) {
        let constant = [in_order[at].next_down(); 200];
        let of = |a: &[f64], b: &[f64]| compare(a, b, &[]).expect("rows").ks;
        assert_eq!(of(&uniform, &constant), ks(&in_order, &constant).expect("rows"), "before {at}");
        assert_eq!(of(&constant, &uniform), ks(&constant, &in_order).expect("rows"), "before {at}");
    }
}
