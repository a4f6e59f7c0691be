use proptest::prelude::*;

use super::*;

const BLOCK: usize = BLOCK_BYTES as usize;

/// Writes records as the tools do, blocks counted from `origin`. Returns the file and where each record begins.
fn written(records: &[Vec<u8>], origin: Origin) -> (Vec<u8>, Vec<usize>) {
    let mut out = vec![b'p'; PREAMBLE_BYTES];
    let mut starts = Vec::new();
    for record in records {
        let (mut rest, mut begun) = (&record[..], false);
        loop {
            let left = origin.left(out.len() as u64);
            if left < HEADER_BYTES {
                out.extend(vec![0; left]);
                continue;
            }
            if !begun {
                starts.push(out.len());
            }
            let (data, after) = rest.split_at(rest.len().min(left - HEADER_BYTES));
            let kind = match (begun, after.is_empty()) {
                (false, true) => FULL,
                (false, false) => FIRST,
                (true, false) => 3,
                (true, true) => LAST,
            };
            let summed = [&[kind], data].concat();
            out.extend(crc32fast::hash(&summed).to_le_bytes());
            out.extend((data.len() as u16).to_le_bytes());
            out.extend(summed);
            (rest, begun) = (after, true);
            if rest.is_empty() {
                break;
            }
        }
    }
    (out, starts)
}

#[derive(Debug, Default, PartialEq)]
struct Read {
    records: Vec<Vec<u8>>,
    faults: Vec<(u64, Fault)>,
}

/// Reads a file that grows from cut to cut, the state saved and restored at each.
fn read(file: &[u8], cuts: &[usize]) -> Read {
    let mut out = Read::default();
    let (mut at, mut framing) = (PREAMBLE_BYTES, Framing::default());
    for &len in cuts.iter().chain([&file.len()]) {
        while at < len {
            match framing.next(&file[at..len], at as u64, &mut out.faults) {
                Found::Record { data, n_bytes } => {
                    out.records.push(data.into_owned());
                    at += n_bytes;
                }
                Found::Skip(n) => {
                    assert!(n > 0, "no progress");
                    at += n;
                }
                Found::Mended(offset) => panic!("nothing was mended at {offset}"),
                Found::Wait => break,
            }
        }
        framing = serde_json::from_str(&serde_json::to_string(&framing).unwrap()).unwrap();
    }
    out
}

fn records(lengths: &[usize]) -> Vec<Vec<u8>> {
    lengths.iter().enumerate().map(|(i, n)| vec![i as u8 + 1; *n]).collect()
}

#[test]
fn both_alignments_at_every_end_of_a_block() {
    for origin in [Origin::FileStart, Origin::BehindPreamble] {
        // The second record ends 0..=20 bytes around the first block's end.
        for short in 0..21 {
            let records = records(&[100, BLOCK - 110 - short, 50, 2 * BLOCK, 0, 10]);
            let (file, _) = written(&records, origin);
            let found = read(&file, &[]);
            assert_eq!(found, Read { records, faults: vec![] }, "{origin:?} {short}");
        }
    }
}

#[test]
fn damage_costs_the_records_that_it_is_in() {
    for origin in [Origin::FileStart, Origin::BehindPreamble] {
        let all = records(&[100, 200, 40_000, 300, 70_000, 500, 600]);
        let (file, starts) = written(&all, origin);
        let without =
            |i: usize| all.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, r)| r.clone()).collect::<Vec<_>>();
        for (i, &start) in starts.iter().enumerate() {
            let mut bad = file.clone();
            bad[start + HEADER_BYTES + 20] ^= 1;
            let found = read(&bad, &[]);
            if i == all.len() - 1 {
                assert_eq!(found.records, all[..i], "the last record is waited for");
            } else {
                assert_eq!(found.records, without(i), "{origin:?} {i}");
            }
            assert_eq!(found.faults, [(start as u64, Fault::Checksum)], "{origin:?} {i}");
        }
        // A length that is wrong costs the rest of its block.
        let mut bad = file.clone();
        bad[starts[1] + 4] ^= 0x40;
        let found = read(&bad, &[]);
        assert_eq!(found.faults, [(starts[1] as u64, Fault::Checksum)]);
        assert_eq!(found.records, [&all[..1], &all[3..]].concat());
    }
}

#[test]
fn zeros_are_stepped_over_block_by_block() {
    let all = records(&[100, 200, 40_000, 30_000, 300, 70_000, 500]);
    let (mut file, starts) = written(&all, Origin::FileStart);
    file[starts[1]..starts[5]].fill(0);
    let found = read(&file, &[]);
    assert_eq!(found.faults, [(starts[1] as u64, Fault::Zeros)]);
    // What is left of the sixth record has no beginning in a block that can be found.
    assert_eq!(found.records, [all[0].clone(), all[6].clone()]);
    let tail = [&written(&all[..2], Origin::FileStart).0[..], &[0; 100_000]].concat();
    let found = read(&tail, &[]);
    assert_eq!((found.records.len(), found.faults.len()), (2, 1));
}

#[test]
fn a_fault_that_is_mended_is_said_to_be() {
    let all = records(&[100, 200]);
    let (file, starts) = written(&all, Origin::FileStart);
    let mut zeroed = file.clone();
    zeroed[starts[1]..].fill(0);
    let (mut framing, mut faults) = (Framing::default(), Vec::new());
    let at = starts[1] as u64;
    assert_eq!(framing.next(&zeroed[starts[1]..], at, &mut faults), Found::Wait);
    assert_eq!(framing.next(&zeroed[starts[1]..], at, &mut faults), Found::Wait);
    assert_eq!(faults, [(at, Fault::Zeros)]);
    assert_eq!(framing.next(&file[starts[1]..], at, &mut faults), Found::Mended(at));
    assert!(matches!(framing.next(&file[starts[1]..], at, &mut faults), Found::Record { .. }));
    assert_eq!(faults.len(), 1);
}

#[test]
fn a_record_without_its_end_and_an_end_without_its_record() {
    let (file, _) = written(&records(&[40_000]), Origin::FileStart);
    let (more, starts) = written(&records(&[40_000, 10]), Origin::FileStart);
    let joined = [&file[..BLOCK], &more[starts[1]..], &more[starts[1]..]].concat();
    let found = read(&joined, &[]);
    assert_eq!((found.records.len(), found.faults), (2, vec![(7, Fault::Unfinished)]));
    let orphan = [&file[..PREAMBLE_BYTES], &file[BLOCK..], &more[starts[1]..]].concat();
    let found = read(&orphan, &[]);
    assert_eq!((found.records.len(), found.faults), (1, vec![(7, Fault::Orphan)]));
}

#[test]
fn a_record_without_bounds_is_not_kept() {
    let all = records(&[10, MAX_RECORD_BYTES + 100_000, 20]);
    let (file, starts) = written(&all, Origin::FileStart);
    let found = read(&file, &[]);
    assert_eq!(found.records, [all[0].clone(), all[2].clone()]);
    assert_eq!(found.faults, [(starts[1] as u64, Fault::TooLarge)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn cut_anywhere_and_damaged_anywhere(
        lengths in prop::collection::vec(prop_oneof![0usize..300, 30_000usize..70_000], 1..12),
        behind in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 1u8..=255), 0..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let origin = if behind { Origin::BehindPreamble } else { Origin::FileStart };
        let (mut file, _) = written(&records(&lengths), origin);
        for (at, mask) in damage {
            let at = at.index(file.len() - PREAMBLE_BYTES) + PREAMBLE_BYTES;
            file[at] ^= mask;
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|c| c.index(file.len())).collect();
        cuts.sort_unstable();
        prop_assert_eq!(read(&file, &cuts), read(&file, &[]));
    }

    #[test]
    fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..100_000)) {
        read(&bytes, &[]);
    }
}
