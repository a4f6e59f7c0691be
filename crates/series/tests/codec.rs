//! Chunks and rows of nodes: what went in comes out, bit by bit; damage is an error, old bytes stay readable.

use proptest::prelude::*;
use signalbox_series::{
    CHUNK_POINTS, Chunk, CodecError, Coordinates, Effort, Node, base_nodes, codec, decode_nodes, encode_nodes,
};
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
        prop_assert!(decode_nodes(&bytes, Coordinates::Both, &mut Vec::new()).is_err());
    }

    #[test]
    fn nodes_survive(points in points(900)) {
        let n = points.len() / 64 * 64;
        let nodes = base_nodes(&points, 0, n, None);
        let blob = encode_nodes(1, &nodes);
        let mut back = Vec::new();
        decode_nodes(&blob, Coordinates::Both, &mut back).unwrap();
        prop_assert_eq!(&back, &nodes);
        let mut steps = Vec::new();
        decode_nodes(&blob, Coordinates::Steps, &mut steps).unwrap();
        for (a, b) in steps.iter().zip(&nodes) {
            prop_assert_eq!((a.first.step, a.min.step, a.max.step, a.last.step), (b.first.step, b.min.step, b.max.step, b.last.step));
            prop_assert_eq!(a.min.value.to_bits(), b.min.value.to_bits());
        }
        let mut times = Vec::new();
        decode_nodes(&blob, Coordinates::Times, &mut times).unwrap();
        for (a, b) in times.iter().zip(&nodes) {
            prop_assert_eq!(a.last.time.to_bits(), b.last.time.to_bits());
        }
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
    assert!(len < 5 * CHUNK_POINTS, "{len} bytes");
}

#[test]
fn a_newer_version_is_named() {
    let mut blob = codec::encode(&curve(), 0, 10, Effort::Plain);
    blob[0] = 2;
    assert_eq!(codec::decode(&blob, &mut Points::default()), Err(CodecError::Version(2)));
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
    decode_nodes(include_bytes!("fixtures/nodes-v1.bin"), Coordinates::Both, &mut nodes).unwrap();
    assert_eq!(nodes, base_nodes(&expected, 0, 4096, None));
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
