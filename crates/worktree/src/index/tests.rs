use proptest::prelude::*;

use super::*;

fn header(version: u32, n: u32) -> Vec<u8> {
    [b"DIRC".as_slice(), &version.to_be_bytes(), &n.to_be_bytes()].concat()
}

/// An entry of version 2, or of 4 with `n_cut` bytes of the path before it cut off.
fn entry(path: &[u8], stage: u16, n_cut: Option<u8>) -> Vec<u8> {
    let mut out = vec![0; 40];
    out[24..28].copy_from_slice(&MODE_FILE.to_be_bytes());
    out.extend([7; 20]);
    out.extend((stage << 12 | path.len().min(0xfff) as u16).to_be_bytes());
    out.extend(n_cut);
    out.extend(path);
    out.push(0);
    while n_cut.is_none() && !out.len().is_multiple_of(8) {
        out.push(0);
    }
    out
}

fn index(version: u32, entries: &[Vec<u8>], extensions: &[u8]) -> Result<Index, String> {
    let bytes = [header(version, entries.len() as u32), entries.concat(), extensions.to_vec(), vec![0; 20]].concat();
    parse(&bytes)
}

fn why(version: u32, entries: &[Vec<u8>], extensions: &[u8]) -> String {
    index(version, entries, extensions).unwrap_err()
}

#[test]
fn paths_of_both_kinds() {
    let plain = index(2, &[entry(b"a", 0, None), entry(b"a/b", 1, None), entry(b"a/b", 2, None)], b"").unwrap();
    let short = index(4, &[entry(b"a", 0, Some(0)), entry(b"/b", 1, Some(0)), entry(b"b", 2, Some(1))], b"").unwrap();
    for index in [plain, short] {
        let paths: Vec<_> = index.entries.iter().map(|e| (e.path.as_slice(), e.stage)).collect();
        assert_eq!(paths, [(b"a".as_slice(), 0), (b"a/b", 1), (b"a/b", 2)]);
        assert_eq!((index.of_path(b"a/b").len(), index.of_path(b"a").len(), index.of_path(b"b").len()), (2, 1, 0));
        assert!(index.has_below(b"a") && !index.has_below(b"a/b"));
    }
}

#[test]
fn names_that_lead_elsewhere_are_counted() {
    let odd: [&[u8]; 8] = [b"../x", b".git/config", b"/etc/passwd", b"a/../b", b"a//b", b"b/.GIT/x", b"c/", b"d/."];
    let mut entries: Vec<_> = odd.iter().map(|path| entry(path, 0, None)).collect();
    entries.sort_by_key(|e| e[62..].to_vec());
    let index = index(2, &entries, b"").unwrap();
    assert_eq!((index.entries.len(), index.n_odd), (0, 8));
}

#[test]
fn what_is_not_understood() {
    assert_eq!(why(5, &[], b""), "it is of version 5");
    assert_eq!(why(2, &[], b"link\0\0\0\0"), "it is split");
    assert_eq!(why(2, &[], b"sdir\0\0\0\0"), "it is sparse");
    assert_eq!(why(2, &[], b"abcd\0\0\0\0"), "it has an extension that Signalbox does not know");
    assert!(index(2, &[], b"ABCD\0\0\0\x01x").is_ok());
    assert_eq!(why(2, &[entry(b"b", 0, None), entry(b"a", 0, None)], b""), "its entries are not in order");
    assert_eq!(why(2, &[entry(b"../a", 0, None), entry(b"../a", 0, None)], b""), "its entries are not in order");
    assert_eq!(why(4, &[entry(b"b", 0, Some(1))], b""), "it is cut off or damaged");
    let huge = parse(&[header(2, u32::MAX), vec![0; 20]].concat()).unwrap_err();
    assert_eq!(huge, "it has 4294967295 entries, more than the million that Signalbox reads");
    assert_eq!(parse(&[header(2, 9), vec![0; 20]].concat()).unwrap_err(), "it is cut off or damaged");
}

#[test]
fn a_small_file_does_not_claim_many_long_paths() {
    // Each path is the one before and 200 letters more.
    let entries: Vec<_> = (0..100).map(|_| entry(&[b'a'; 200], 0, Some(0))).collect();
    assert_eq!(why(4, &entries, b""), "it has a path of more than 4096 bytes");
}

#[test]
fn the_cached_tree() {
    let tree = |text: &[u8]| cached_tree(&[text, &[9; 20]].concat());
    assert_eq!(tree(b"\x003 0\n").unwrap().as_slice(), [9; 20]);
    assert_eq!(tree(b"\0-1 0\n"), None);
    assert_eq!(tree(b"a\x003 0\n"), None);
    assert_eq!(cached_tree(b"\x003 0\n123"), None);
}

proptest! {
    #[test]
    fn no_bytes_are_a_trouble(mut bytes in prop::collection::vec(any::<u8>(), 0..400), version in 2u32..5) {
        let header = header(version, 3);
        let n = header.len().min(bytes.len());
        bytes[..n].copy_from_slice(&header[..n]);
        bytes.extend([0; 20]);
        let _ = parse(&bytes);
    }
}
