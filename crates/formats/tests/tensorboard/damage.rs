//! Damaged, cut and hostile files: what can be read is, what cannot is told, and mended files heal.

use std::fs;
use std::io::{Read, Seek, SeekFrom};

use signalbox_formats::EventStream;
use signalbox_testkit::tfevents as write;
use signalbox_types::{Batch, Cursor, ProblemKind};

use crate::told::{Told, read_on, read_whole, samples, spec, stream_on, stream_whole};

/// Where the record with this number begins.
fn record_offset(bytes: &[u8], number: usize) -> u64 {
    (0..number).fold(0, |at, _| at + 16 + u64::from_le_bytes(bytes[at as usize..][..8].try_into().unwrap()))
}

fn edge(name: &str) -> Told {
    read_whole(&spec(&samples().join("edge"), name))
}

#[test]
fn the_edge_samples() {
    let whole = fs::read(samples().join("tb_torch/runs/exp1/events.out.tfevents.1795247922.vm.31278.0")).unwrap();
    let at = Some(record_offset(&whole, 12));
    let n_points = |told: &Told| -> usize { told.series.values().map(Vec::len).sum() };
    let check = |name: &str, n_losses: usize, trouble: &[(Option<u64>, ProblemKind)]| {
        let told = edge(name);
        assert_eq!(told.line("train/loss").len(), n_losses, "{name}");
        assert_eq!(told.trouble(), trouble, "{name}");
        told
    };
    check("tb_empty", 0, &[]);
    check("tb_header_only", 0, &[]);
    check("tb_partial_tail", 6, &[]);
    check("tb_partial_payload", 6, &[]);
    check("tb_no_version", 3, &[]);
    check("tb_concat", 8, &[]);
    check("tb_bad_len_crc", 6, &[(at, ProblemKind::DamagedFile)]);
    let zeros = fs::read(samples().join("edge/tb_zero_tail/events.out.tfevents.1.h")).unwrap();
    check("tb_zero_tail", 6, &[(Some(record_offset(&zeros, 12)), ProblemKind::DamagedFile)]);
    let told = check("tb_bad_data_crc", 10, &[(at, ProblemKind::DamagedRecord)]);
    assert_eq!(n_points(&told), n_points(&stream_whole(&whole)) - 1, "one record holds one point");
    assert_eq!(edge("tb_empty").n_runs, 1);
}

#[test]
fn a_damaged_tail_heals_and_what_stays_damaged_is_told_again() {
    let records: Vec<_> = (1..7).map(|i| write::record(&write::scalar(1.0, i, "a", i as f32))).collect();
    let whole = records.concat();
    let n = records[0].len();
    let mut bytes = whole.clone();
    bytes[n + 14] ^= 1; // data of record 1
    bytes[3 * n..].fill(0); // crash
    let project = tempfile::tempdir().unwrap();
    let path = project.path().join("events.out.tfevents.1.h");
    fs::write(&path, &bytes).unwrap();
    let spec = spec(project.path(), "");
    let mut told = Told::default();
    let cursor = read_on(&spec, &Cursor::default(), &mut told);
    let record = (Some(n as u64), ProblemKind::DamagedRecord);
    let file = (Some(3 * n as u64), ProblemKind::DamagedFile);
    assert_eq!(told.trouble(), [record, file]);
    assert_eq!(told.line("a"), [(1, 1.0), (3, 3.0)]);

    bytes[3 * n..4 * n].copy_from_slice(&records[3]);
    fs::write(&path, [&bytes[..], &[0; 7]].concat()).unwrap();
    let cursor = read_on(&spec, &cursor, &mut told);
    assert_eq!(told.trouble(), [record, (Some(4 * n as u64), ProblemKind::DamagedFile)]);

    bytes[3 * n..].copy_from_slice(&whole[3 * n..]);
    fs::write(&path, &bytes).unwrap();
    read_on(&spec, &cursor, &mut told);
    assert_eq!(told.trouble(), [record]);
    assert_eq!(told.line("a").iter().map(|p| p.0).collect::<Vec<_>>(), [1, 3, 4, 5, 6]);
}

#[test]
fn a_problem_is_told_once() {
    let mut bytes = write::record(&write::scalar(1.0, 0, "a", 1.0));
    bytes[13] ^= 1;
    bytes.extend([1; 40]);
    let mut stream = EventStream::default();
    let mut n_problems = 0;
    for len in [bytes.len() - 3, bytes.len() - 2, bytes.len()] {
        let mut batch = Batch::default();
        stream.read(&mut std::io::Cursor::new(&bytes), len as u64, 1 << 20, &mut batch).unwrap();
        n_problems += batch.problems.len();
        assert!(batch.healed.is_empty());
    }
    assert_eq!(n_problems, 2);
}

#[test]
fn a_file_of_nothing_but_damage_is_told_of_in_bounds() {
    let mut record = write::record(&write::scalar(1.0, 0, "a", 1.0));
    record[13] ^= 1;
    let told = stream_whole(&record.repeat(5000));
    assert_eq!(told.problems.len(), 101);
    assert_eq!(told.bytes_read, 5000 * record.len() as u64);
}

#[test]
fn events_that_are_no_events_are_told_of() {
    let broken = write::Message(vec![0x2a, 0x7f, 0x0a]);
    let told = stream_whole(&write::records(&[broken, write::scalar(1.0, 3, "a", 1.0)]));
    assert_eq!(told.trouble(), [(Some(0), ProblemKind::Malformed)]);
    assert_eq!(told.line("a"), [(3, 1.0)]);
}

#[test]
fn tags_beyond_the_limit_are_told_of() {
    let long = "x".repeat(1001);
    let told = stream_whole(&write::records(&[write::scalar(1.0, 0, &long, 1.0), write::scalar(1.0, 0, "a", 1.0)]));
    assert_eq!(told.trouble(), [(Some(0), ProblemKind::TooLarge)]);
    assert_eq!(told.line("a").len(), 1);
}

/// A file of `len` bytes that holds `front` and `back` and nothing between, and fails when it is read in bulk.
struct Sparse {
    front: Vec<u8>,
    back: Vec<u8>,
    len: u64,
    pos: u64,
    n_read: u64,
}

impl Read for Sparse {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = buf.len().min((self.len - self.pos.min(self.len)) as usize).min(4096);
        for (i, b) in buf[..n].iter_mut().enumerate() {
            let at = self.pos + i as u64;
            let in_back = at.checked_sub(self.len - self.back.len() as u64).and_then(|i| self.back.get(i as usize));
            *b = *in_back.or_else(|| self.front.get(at as usize)).unwrap_or(&0);
        }
        self.pos += n as u64;
        self.n_read += n as u64;
        Ok(n)
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let SeekFrom::Start(pos) = to else { return Err(std::io::ErrorKind::Unsupported.into()) };
        self.pos = pos;
        Ok(pos)
    }
}

fn oversized(field: u8) -> (Told, u64) {
    const LEN: u64 = 3 << 30;
    let len = LEN.to_le_bytes();
    let crc = crc32c::crc32c(&len).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
    // The field's length: 3 GiB less its own six bytes.
    let front = [&len[..], &crc, &[field << 3 | 2, 0xfa, 0xff, 0xff, 0xff, 0x0b]].concat();
    let back = write::record(&write::scalar(1.0, 9, "a", 4.0));
    let len = 16 + LEN + back.len() as u64;
    let mut src = Sparse { front, back, len, pos: 0, n_read: 0 };
    let mut told = Told::default();
    let mut batch = Batch::default();
    EventStream::default().read(&mut src, len, 1 << 20, &mut batch).unwrap();
    told.apply(batch);
    (told, src.n_read)
}

#[test]
fn a_record_of_three_gib_is_stepped_over() {
    for (field, trouble) in [(5, vec![(Some(0), ProblemKind::TooLarge)]), (4, vec![])] {
        let (told, n_read) = oversized(field);
        assert_eq!(told.trouble(), trouble);
        assert_eq!(told.line("a"), [(9, 4.0)]);
        assert!(n_read < 1 << 20, "{n_read} bytes were read");
    }
}

#[test]
fn a_length_that_the_file_does_not_have_is_waited_for() {
    let len = (1u64 << 60).to_le_bytes();
    let crc = crc32c::crc32c(&len).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
    let bytes = [&write::record(&write::scalar(1.0, 1, "a", 1.0))[..], &len, &crc, &[7; 5000]].concat();
    let mut told = Told::default();
    let mut stream = EventStream::default();
    stream_on(&mut stream, &bytes, bytes.len(), 1 << 20, &mut told);
    assert_eq!((told.line("a").len(), told.trouble()), (1, vec![]));
}
