//! Files that are damaged, replaced, or made to do harm.

use std::fs;

use signalbox_formats::open;
use signalbox_types::{Batch, Cursor, Format, ProblemKind, Status};

use crate::{
    told::{Told, append, put, read_whole, spec},
    write::{DIR, LOG, add, bytes, chunk, file, int, item, items, project, record, row, run},
};

fn rows(n: i64) -> Vec<Vec<u8>> {
    (0..n).map(|step| row(step, &[("loss", &format!("{step}.5"))])).collect()
}

fn told_of(log: &[u8]) -> Told {
    let dir = tempfile::tempdir().unwrap();
    put(&dir.path().join(LOG), log);
    read_whole(&spec(Format::Wandb, dir.path(), DIR))
}

#[test]
fn a_damaged_record_is_named_and_the_rest_is_read() {
    let records = rows(3000);
    let mut log = file(&records);
    let at = 7 + (7 + records[0].len()) * 5;
    assert_eq!(&log[at + 7..at + 7 + records[5].len()], &records[5][..]);
    log[at + 12] ^= 1;
    let told = told_of(&log);
    assert_eq!(
        told.problems.into_iter().collect::<Vec<_>>(),
        [(LOG.to_owned(), Some(at as u64), ProblemKind::DamagedRecord)]
    );
    let dir = tempfile::tempdir().unwrap();
    put(&dir.path().join(LOG), &log);
    let told = read_whole(&spec(Format::Wandb, dir.path(), DIR));
    let steps: Vec<i64> = told.line("loss").iter().map(|p| p.0).collect();
    assert_eq!(steps, (0..3000).filter(|step| *step != 5).collect::<Vec<_>>());
}

#[test]
fn a_torn_tail_is_waited_for_and_zeros_are_told_until_they_are_mended() {
    let whole = file(&rows(10));
    let cut = whole.len() - 30;
    assert_eq!(told_of(&whole[..cut]).problems.len(), 0);
    let zeroed = [&whole[..7 + 7 + rows(1)[0].len()], &[0; 400]].concat();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LOG);
    let spec = spec(Format::Wandb, dir.path(), DIR);
    put(&path, &zeroed);
    let (mut told, mut cursor) = (Told::default(), None);
    told.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((told.problems.len(), told.line("loss").len()), (1, 1));
    put(&path, &whole);
    told.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((told.problems.len(), told.line("loss").len()), (0, 10));
}

#[test]
fn what_is_no_run_of_wandb_says_so_until_it_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LOG);
    let spec = spec(Format::Wandb, dir.path(), DIR);
    let (mut told, mut cursor) = (Told::default(), None);
    for (text, kind) in [
        (&b"PK\x03\x04 something else"[..], ProblemKind::DamagedFile),
        (b":W&B\xe1\xbe\x07abc", ProblemKind::Unsupported),
    ] {
        put(&path, text);
        told.visit(&spec, &mut cursor, usize::MAX);
        assert_eq!(told.problems.iter().map(|p| p.2).collect::<Vec<_>>(), [kind]);
    }
    for text in [&b""[..], b":W&"] {
        put(&path, text);
        told.visit(&spec, &mut cursor, usize::MAX);
        assert_eq!(told.problems.len(), 0, "{text:?}");
    }
    put(&path, &file(&rows(2)));
    told.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((told.problems.len(), told.line("loss").len(), told.name()), (0, 2, "abc"));
}

#[test]
fn another_file_of_the_same_name_is_told_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LOG);
    let spec = spec(Format::Wandb, dir.path(), DIR);
    let config = |lr: &str| items(5, &[item(lr, "1")]);
    let (mut told, mut cursor) = (Told::default(), None);
    put(&path, &file(&[vec![config("old")], rows(50)].concat()));
    told.visit(&spec, &mut cursor, usize::MAX);
    // Longer, shorter, of the same length, and gone for a while.
    for (name, n) in [("longer", 60), ("shorter", 5), ("again", 5)] {
        put(&path, &file(&[vec![config(name)], rows(n)].concat()));
        told.visit(&spec, &mut cursor, usize::MAX);
        assert_eq!(told, read_whole(&spec), "{name}");
        assert_eq!((told.params.len(), told.line("loss").len() as i64), (1, n), "{name}");
    }
    let log = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    told.visit(&spec, &mut cursor, usize::MAX);
    put(&path, &log);
    told.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(told.line("loss").len(), 5);
    append(&path, b"");
    cursor = Some(Cursor("{\"v\": 99}".into()));
    told.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!(told.line("loss").len(), 5, "a cursor that is not understood doubles nothing");
}

#[test]
fn hostile_records() {
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let long = "k".repeat(100_000);
    let told = told_of(&file(&[
        row(1, &[("../../etc/passwd", "1"), ("a\u{1b}[31m\nb", "2"), (&long, "3"), ("deep", &deep), ("o", &objects)]),
        items(5, &[item("../x", "1"), item("deep", &deep), item("broken", "{"), item(&long, "1")]),
        record(2, &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        vec![0xff; 40],
        record(18, &[int(1, i64::MIN), int(2, i64::MAX)].concat()),
        row(i64::MAX, &[("loss", "1e400"), ("huge", "-1e308")]),
        record(2, &[bytes(1, &item("_step", "1e300")), bytes(1, &item("loss", "1"))].concat()),
    ]));
    assert!(told.problems.iter().all(|p| p.2 == ProblemKind::Malformed));
    assert!(told.metrics().iter().all(|m| m.chars().count() <= 1000 && !m.chars().any(char::is_control)));
    assert!(told.params.keys().all(|m| m.chars().count() <= 1000));
    assert_eq!(told.line("../../etc/passwd"), [(1, 1.0)]);
    assert_eq!(told.status(), Some(Status::Failed));
    assert_eq!(told.line("loss"), [(i64::MAX, f64::INFINITY), (2, 1.0)]);
}

#[test]
fn names_without_bounds_end() {
    let many = (0..30).map(|i| {
        let values: Vec<String> = (0..1000).map(|j| format!("m{i}_{j}")).collect();
        row(i, &values.iter().map(|name| (name.as_str(), "1")).collect::<Vec<_>>())
    });
    let told = told_of(&file(&many.collect::<Vec<_>>()));
    assert_eq!(told.metrics().len(), 20_000);
    assert_eq!(told.problems.iter().map(|p| p.2).collect::<Vec<_>>(), [ProblemKind::TooLarge]);
}

#[test]
fn a_record_that_never_ends_is_not_kept() {
    let mut log = b":W&B\xe1\xbe\x00".to_vec();
    log.extend(chunk(2, &vec![7; 32768 - 14]));
    for _ in 0..700 {
        log.extend(chunk(3, &vec![7; 32768 - 7]));
    }
    log.extend(chunk(4, &[7]));
    log.extend(chunk(1, &row(3, &[("loss", "1")])));
    let told = told_of(&log);
    assert_eq!(told.problems.iter().map(|p| (p.1, p.2)).collect::<Vec<_>>(), [(Some(7), ProblemKind::TooLarge)]);
    assert_eq!(told.line("loss"), [(3, 1.0)]);
}

#[test]
fn what_is_none_of_ours_is_not_read_to_its_end_nor_again() {
    let dir = tempfile::tempdir().unwrap();
    put(&dir.path().join(LOG), &vec![b'x'; 8 << 20]);
    let mut reader = open(&spec(Format::Wandb, dir.path(), DIR), None);
    let mut batch = Batch::default();
    reader.read(4 << 20, &mut batch);
    assert_eq!(batch.problems.len(), 1);
    assert!(batch.bytes_read < 1 << 20, "{} bytes", batch.bytes_read);
    let mut again = Batch::default();
    reader.read(4 << 20, &mut again);
    assert!(again.problems.is_empty() && again.bytes_read < 1 << 12, "{} bytes", again.bytes_read);
}

#[test]
fn chunks_of_nothing_do_not_fill_the_memory() {
    // A record that begins, and goes on with nothing for ever: 7 bytes a chunk.
    let mut log = file(&[]);
    log.extend(chunk(2, b""));
    let empty = chunk(3, b"");
    while log.len() < 80 << 20 {
        let left = (32 << 10) - log.len() % (32 << 10);
        if left < 7 {
            log.resize(log.len() + left, 0);
        }
        log.extend(&empty);
    }
    let dir = tempfile::tempdir().unwrap();
    put(&dir.path().join(LOG), &log);
    let mut reader = open(&spec(Format::Wandb, dir.path(), DIR), None);
    let mut batch = Batch::default();
    reader.read(1 << 20, &mut batch);
    let stuck = batch.bytes_read;
    assert!(stuck < 60 << 20, "{stuck} bytes of {} before it is given up", log.len());
}

#[test]
fn any_bytes_behind_the_preamble_end_without_panic() {
    let mut seed = 1u64;
    for n in 0..300 {
        let mut log = b":W&B\xe1\xbe\x00".to_vec();
        let mut noise = Vec::new();
        for _ in 0..n * 7 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            noise.push((seed >> 40) as u8);
        }
        // Half of them with checksums that hold.
        if n % 2 == 0 {
            log.extend(noise.chunks(300).flat_map(|data| chunk(1, &[&varied(data)[..], data].concat())));
        } else {
            log.extend(noise);
        }
        told_of(&log);
    }
}

/// The key of one of the fields that are read.
fn varied(data: &[u8]) -> Vec<u8> {
    let numbers = [2u64, 3, 5, 7, 17, 18, 26];
    let number = numbers[usize::from(data[0]) % numbers.len()];
    [crate::write::varint(number << 3 | 2), crate::write::varint(data.len() as u64)].concat()
}

#[cfg(unix)]
#[test]
fn links_out_of_the_project_are_not_followed() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    put(&outside.path().join("run-abc.wandb"), &file(&rows(3)));
    put(&outside.path().join("config.yaml"), b"secret_plan: {value: 1}\n");
    put(&outside.path().join("files/wandb-metadata.json"), br#"{"program": "secret_plan"}"#);
    let dir = project(&rows(1));
    let folder = dir.path().join(DIR);
    fs::create_dir_all(folder.join("files")).unwrap();
    symlink(outside.path().join("config.yaml"), folder.join("files/config.yaml")).unwrap();
    let spec_here = spec(Format::Wandb, dir.path(), DIR);
    assert!(!read_whole(&spec_here).everything().contains("secret_plan"));
    fs::remove_dir_all(folder.join("files")).unwrap();
    symlink(outside.path().join("files"), folder.join("files")).unwrap();
    fs::remove_file(dir.path().join(LOG)).unwrap();
    symlink(outside.path().join("run-abc.wandb"), dir.path().join(LOG)).unwrap();
    let told = read_whole(&spec_here);
    assert!(!told.everything().contains("secret_plan"));
    assert_eq!(told.series.len(), 0);
    assert_eq!(told.problems.iter().map(|p| p.2).collect::<Vec<_>>(), [ProblemKind::Unreadable]);
}

#[test]
fn a_side_file_that_is_damaged_heals() {
    let dir = project(&rows(1));
    let spec = spec(Format::Wandb, dir.path(), DIR);
    let (mut told, mut cursor) = (Told::default(), None);
    add(dir.path(), "files/config.yaml", "a: [");
    add(dir.path(), "files/wandb-summary.json", "{\"best\": ");
    add(dir.path(), "files/wandb-metadata.json", "");
    told.visit(&spec, &mut cursor, usize::MAX);
    let paths: Vec<_> = told.problems.iter().map(|p| p.0.clone()).collect();
    assert_eq!(paths, [format!("{DIR}/files/config.yaml"), format!("{DIR}/files/wandb-summary.json")]);
    assert_eq!(told.line("loss").len(), 1);
    add(dir.path(), "files/config.yaml", "a: {desc: null, value: 2}");
    add(dir.path(), "files/wandb-summary.json", "{\"best\": NaN, \"_step\": 0}");
    told.visit(&spec, &mut cursor, usize::MAX);
    assert_eq!((told.problems.len(), told.params["a"].as_str()), (0, "number 2"));
    assert!(told.line("best")[0].1.is_nan());
}

#[test]
fn a_folder_that_is_gone_says_nothing() {
    let dir = project(&[run(&[(1, b"abc")])]);
    let spec = spec(Format::Wandb, dir.path(), DIR);
    let mut reader = open(&spec, None);
    let mut told = Told::default();
    told.catch_up(&mut *reader, usize::MAX);
    fs::remove_dir_all(dir.path().join("wandb")).unwrap();
    let mut batch = Batch::default();
    reader.read(usize::MAX, &mut batch);
    assert_eq!((batch.runs.len(), batch.problems.len(), batch.gone.len()), (0, 0, 0));
}
