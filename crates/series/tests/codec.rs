//! Chunks and rows of nodes: what went in comes out, bit by bit; damage is an error, old bytes stay readable.

use proptest::prelude::*;
use signalbox_series::{CHUNK_POINTS, Chunk, CodecError, Effort, Node, base_nodes, codec, decode_nodes, encode_nodes};
use signalbox_types::{Point, Points};

const EFFORTS: [Effort; 3] = [Effort::Plain, Effort::Quick, Effort::Sealed];

fn bits(points: &Points) -> Vec<(i64, u64, u64)> {
    points.iter().map(|p| (p.step, p.time.to_bits(), p.value.to_bits())).collect()
}

fn round_trip(points: &Points) {
    for effort in EFFORTS {
        let blob = codec::encode(points, 0, points.len(), effort);
        let mut back = Points::default();
        codec::decode(&blob, &mut back).unwrap();
        assert_eq!(bits(&back), bits(points), "{effort:?}");
        assert_eq!(Chunk::open(&blob).unwrap().len(), points.len());
    }
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => any::<f32>().prop_map(f64::from),
        4 => any::<f64>(),
        2 => (-1000i32..1000).prop_map(f64::from),
        1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(f64::NEG_INFINITY), 1 => Just(-0.0), 1 => Just(0.0),
    ]
}

fn step() -> impl Strategy<Value = i64> {
    prop_oneof![6 => -100i64..10_000, 1 => any::<i64>(), 1 => Just(i64::MIN), 1 => Just(i64::MAX)]
}

fn points(max: usize) -> impl Strategy<Value = Points> {
    let time = prop_oneof![
        3 => (0i64..100_000_000).prop_map(|ms| 1.7e9 + ms as f64 / 1000.0),
        3 => (0.0..1e5).prop_map(|s: f64| 1.7e9 + s),
        1 => Just(f64::NAN), 1 => Just(0.0), 1 => Just(-0.0), 1 => any::<f64>(),
    ];
    proptest::collection::vec((step(), time, value()), 1..=max)
        .prop_map(|v| v.into_iter().map(|(step, time, value)| Point { step, time, value }).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_points_survive(points in points(600)) {
        round_trip(&points);
    }

    #[test]
    fn narrow_columns_survive(values in proptest::collection::vec(any::<f32>(), 1..400), start in step(), stride in -5i64..500) {
        let at = |i: usize| start.wrapping_add(stride.wrapping_mul(i as i64));
        let points = values.iter().enumerate()
            .map(|(i, &v)| Point { step: at(i), time: 1.7e9 + i as f64 * 0.25, value: f64::from(v) }).collect();
        round_trip(&points);
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic(points in points(80), at in any::<prop::sample::Index>(), flip in 1u8..=255, cut in any::<prop::sample::Index>()) {
        for effort in EFFORTS {
            let mut blob = codec::encode(&points, 0, points.len(), effort);
            let mut out = Points::default();
            prop_assert!(codec::decode(&blob[..cut.index(blob.len())], &mut out).is_err());
            let i = at.index(blob.len());
            blob[i] ^= flip;
            prop_assert!(codec::decode(&blob, &mut out).is_err());
            prop_assert!(out.is_empty());
        }
    }

    #[test]
    fn noise_is_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(codec::decode(&bytes, &mut Points::default()).is_err());
        prop_assert!(decode_nodes(&bytes, &mut Vec::new()).is_err());
    }

    #[test]
    fn nodes_survive(points in points(900)) {
        let n = points.len() / 64 * 64;
        let nodes = base_nodes(&points, 0, n, None);
        let blob = encode_nodes(1, &nodes);
        let mut back = Vec::new();
        decode_nodes(&blob, &mut back).unwrap();
        prop_assert_eq!(&back, &nodes);
    }

    #[test]
    fn merged_nodes_are_the_node_of_all(points in points(300), cut in any::<prop::sample::Index>()) {
        let n = points.len();
        let cut = cut.index(n);
        let whole = Node::of(&points, 0, n, None);
        if cut > 0 {
            let mut joined = Node::of(&points, 0, cut, None);
            joined.merge(&Node::of(&points, cut, n, Some(points.steps[cut - 1])));
            prop_assert_eq!(joined, whole);
        }
    }
}

#[test]
fn a_full_chunk_of_a_training_curve_is_small() {
    let points: Points = curve().slice(0, CHUNK_POINTS);
    round_trip(&points);
    let len = codec::encode(&points, 0, CHUNK_POINTS, Effort::Sealed).len();
    // As short as pco alone makes it (4.9 bytes a point), and at most a fifth of the times' for reading them in place.
    assert!(len < 21 * CHUNK_POINTS / 4, "{len} bytes");
}

/// Values as they come, and all of them fit for blocks.
fn calm(seed: u64, n: usize, of: impl Fn(u64) -> f64) -> Points {
    let mut x = seed;
    let mut random = || {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        x
    };
    let (mut step, mut time) = (random() as i64 >> 20, 1.7e9);
    let mut one = |_| {
        step += (random() >> 60) as i64;
        time += (random() >> 40) as f64 / 1e7;
        Point { step, time, value: of(random()) }
    };
    (0..n).map(&mut one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn columns_in_blocks_survive(seed in any::<u64>(), blocks in 1usize..=64, which in 0usize..6) {
        let of: fn(u64) -> f64 = match which {
            0 => |r| f64::from(f32::from_bits((r >> 33) as u32 & 0xbfff_ffff)),
            1 => |r| f64::from_bits(r & 0xbfff_ffff_ffff_ffff),
            2 => |r| (r >> 32) as f64 / 1e5,
            3 => |r| f64::from((r >> 40) as f32),
            4 => |r| (r >> 63) as f64,
            _ => |r| f64::from(-((r >> 33) as f32)).min(-1.0),
        };
        let points = calm(seed, 64 * blocks, of);
        round_trip(&points);
        let blob = codec::encode(&points, 0, points.len(), Effort::Sealed);
        for at in [0, blob.len() / 2, blob.len() - 1] {
            let mut damaged = blob.clone();
            damaged[at] ^= 1;
            prop_assert!(codec::decode(&damaged, &mut Points::default()).is_err());
        }
    }
}

#[test]
fn a_chunk_of_calm_values_is_in_blocks() {
    for of in [|r: u64| f64::from((r >> 40) as f32), |r: u64| (r >> 32) as f64 / 1e5] {
        let points = calm(1, CHUNK_POINTS, of);
        let blob = codec::encode(&points, 0, CHUNK_POINTS, Effort::Sealed);
        let (times, values) = (blob[13], blob[18]);
        assert!(blob[0] == 2 && times >= 8 && values >= 8, "{} {times} {values}", blob[0]);
    }
}

#[test]
fn a_newer_version_is_named() {
    let mut blob = codec::encode(&curve(), 0, 10, Effort::Plain);
    blob[0] = 3;
    assert_eq!(codec::decode(&blob, &mut Points::default()), Err(CodecError::Version(3)));
}

/// A noisy f32 curve with steps of ten and times with jitter, without a random generator: the fixtures hold it.
fn curve() -> Points {
    let mut x = 12345u64;
    let mut noise = || {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (x >> 33) as f64 / f64::from(1u32 << 31) - 0.5
    };
    let mut time = 1_700_000_000.0;
    (0..5000)
        .map(|i| {
            time += 0.1 + 0.02 * noise();
            let value = f64::from((2.0 / (1.0 + f64::from(i) / 500.0) * (1.0 + 0.1 * noise())) as f32);
            Point { step: i64::from(i) * 10, time, value: if i % 1000 == 777 { f64::NAN } else { value } }
        })
        .collect()
}

/// Bytes that version 1 wrote once. If this fails, stores in the field cannot be read: add a version, keep this one.
#[test]
fn bytes_of_version_1_stay_readable() {
    let expected = curve();
    let fixtures: [(&[u8], usize); 3] = [
        (include_bytes!("fixtures/chunk-v1-plain.bin"), 300),
        (include_bytes!("fixtures/chunk-v1-quick.bin"), 1000),
        (include_bytes!("fixtures/chunk-v1-sealed.bin"), 4096),
    ];
    for (blob, n) in fixtures {
        let mut points = Points::default();
        codec::decode(blob, &mut points).unwrap();
        assert_eq!(bits(&points), bits(&expected.slice(0, n)));
    }
    let mut nodes = Vec::new();
    decode_nodes(include_bytes!("fixtures/nodes-v1.bin"), &mut nodes).unwrap();
    assert_eq!(nodes, base_nodes(&expected, 0, 4096, None));
}

/// The same of version 2.
#[test]
fn bytes_of_version_2_stay_readable() {
    let expected = calm_curve();
    let blob = include_bytes!("fixtures/chunk-v2-sealed.bin");
    assert_eq!(blob.first(), Some(&2));
    let mut points = Points::default();
    codec::decode(blob, &mut points).unwrap();
    assert_eq!(bits(&points), bits(&expected));
}

fn calm_curve() -> Points {
    curve().iter().filter(|p| p.value.is_finite()).take(CHUNK_POINTS).collect()
}

/// Writes the fixtures where there are none yet: `SIGNALBOX_FIXTURES=1 cargo test -p signalbox-series`.
#[test]
fn fixtures_exist() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let points = curve();
    let blobs = [
        ("chunk-v1-plain.bin", codec::encode(&points, 0, 300, Effort::Plain)),
        ("chunk-v1-quick.bin", codec::encode(&points, 0, 1000, Effort::Quick)),
        ("chunk-v1-sealed.bin", codec::encode(&points, 0, 4096, Effort::Sealed)),
        ("chunk-v2-sealed.bin", codec::encode(&calm_curve(), 0, 4096, Effort::Sealed)),
        ("nodes-v1.bin", encode_nodes(1, &base_nodes(&points, 0, 4096, None))),
    ];
    for (name, blob) in blobs {
        let path = dir.join(name);
        if std::env::var_os("SIGNALBOX_FIXTURES").is_some() && std::fs::metadata(&path).map_or(0, |m| m.len()) == 0 {
            std::fs::write(&path, blob).unwrap();
        }
        assert!(std::fs::metadata(&path).unwrap().len() > 0, "{name}");
    }
}
