//! Where pictures, histograms and texts lie.

use std::path::Path;

use signalbox_store::{Store, StoreReader};
use signalbox_types::{Batch, Cursor, Format, MediaItem, MediaKind, Points, RunDelta, RunId, SeriesDelta, SourceId};

fn item(kind: MediaKind, tag: &str, step: i64, part: &str, offset: u64) -> MediaItem {
    let (tag, part) = (tag.to_owned(), part.to_owned());
    MediaItem { kind, tag, step, time: 7.5, index: 0, part, offset, path: String::new(), caption: String::new() }
}

fn commit(store: &mut Store, source: SourceId, run: RunDelta) -> RunId {
    let (_, generation) = store.cursor(source).unwrap();
    let batch = Batch { runs: vec![run], ..Batch::default() };
    store.commit(source, generation, &[batch], &Cursor("c".into()), 9.0).unwrap().runs[0]
}

/// (kind, name, how many, first step, last step)
fn tags(reader: &StoreReader, run: RunId) -> Vec<(MediaKind, String, u64, i64, i64)> {
    let tags = reader.media_tags(run).unwrap().into_iter();
    tags.map(|tag| (tag.kind, tag.name, tag.n, tag.first_step, tag.last_step)).collect()
}

#[test]
fn items_come_back_as_they_were_told_and_go_with_their_part() {
    let mut store = Store::open_temporary().unwrap();
    let project = store.add_project(Path::new("/data/p"), 1.0).unwrap();
    let source = store.add_source(project, Format::Tensorboard, Path::new("runs/a"), 1.0).unwrap();
    let other = store.add_source(project, Format::Tensorboard, Path::new("runs/b"), 1.0).unwrap();
    let reader = store.reader().unwrap();
    let told = vec![
        MediaItem {
            caption: "a cat".into(),
            path: "files/cat.png".into(),
            ..item(MediaKind::Image, "cat", 5, "p1", 40)
        },
        item(MediaKind::Image, "cat", i64::MIN, "p1", 10),
        MediaItem { index: 1, time: f64::NAN, ..item(MediaKind::Image, "cat", 5, "p1", 40) },
        item(MediaKind::Histogram, "cat", 5, "p1", 44),
        item(MediaKind::Image, "cat", i64::MAX, "p2", 4),
    ];
    let run = commit(&mut store, source, RunDelta { media: told.clone(), ..RunDelta::default() });
    let beside = commit(&mut store, other, RunDelta { media: told.clone(), ..RunDelta::default() });
    // The same again, as after a restart of the reader.
    commit(&mut store, source, RunDelta { media: told.clone(), ..RunDelta::default() });
    let all = vec![
        (MediaKind::Histogram, "cat".to_owned(), 1, 5, 5),
        (MediaKind::Image, "cat".to_owned(), 4, i64::MIN, i64::MAX),
    ];
    assert_eq!(tags(&reader, run), all);
    let images = reader.media_tags(run).unwrap().remove(1);
    assert_eq!((images.run, reader.media_run(images.id).unwrap()), (run, Some(run)));
    let rows = reader.media(images.id).unwrap();
    assert_eq!(rows.iter().map(|row| row.item.step).collect::<Vec<_>>(), [i64::MIN, 5, 5, i64::MAX]);
    assert_eq!((&rows[1].item, &rows[3].item), (&told[0], &told[4]));
    assert!(rows[2].item.time.is_nan() && rows[2].item.index == 1);
    let row = reader.media_item(images.id, (5, rows[1].part, 0, 40)).unwrap();
    assert_eq!(row, Some(rows[1].clone()));
    assert_eq!(reader.media_item(images.id, (5, rows[1].part, 0, 41)).unwrap(), None);
    assert_eq!((reader.media(999).unwrap().len(), reader.media_run(999).unwrap()), (0, None));

    // A part is replaced, with points in it or without.
    let anew = RunDelta {
        media_reset: vec!["p1".into()],
        media: vec![item(MediaKind::Image, "dog", 1, "p1", 0)],
        ..RunDelta::default()
    };
    commit(&mut store, source, anew);
    let left = vec![
        (MediaKind::Image, "cat".to_owned(), 1, i64::MAX, i64::MAX),
        (MediaKind::Image, "dog".to_owned(), 1, 1, 1),
    ];
    assert_eq!(tags(&reader, run), left);
    let series = SeriesDelta { metric: "loss".into(), part: "p2".into(), points: Points::default(), reset: true };
    commit(&mut store, source, RunDelta { series: vec![series], ..RunDelta::default() });
    assert_eq!(tags(&reader, run), left[1..]);
    commit(&mut store, source, RunDelta { reset: true, ..RunDelta::default() });
    assert_eq!(tags(&reader, run), []);
    assert_eq!(tags(&reader, beside), all);
}

#[test]
fn runs_that_share_the_code_share_one_document() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let mut store = Store::open(&path).unwrap();
    let project = store.add_project(Path::new("/data/p"), 1.0).unwrap();
    let source = store.add_source(project, Format::Tensorboard, Path::new("runs/a"), 1.0).unwrap();
    let other = store.add_source(project, Format::Tensorboard, Path::new("runs/b"), 1.0).unwrap();
    let a = commit(&mut store, source, RunDelta::default());
    let b = commit(&mut store, other, RunDelta::default());
    store.set_code(&[a, b, RunId(99)], 5.0, "d1", "{1}").unwrap();
    store.set_code(&[a], 6.0, "d2", "{2}").unwrap();
    let reader = store.reader().unwrap();
    let code = |run| reader.code(run).unwrap();
    assert_eq!((code(a), code(b), code(RunId(99))), (Some((5.0, "{1}".into())), Some((5.0, "{1}".into())), None));
    // Another training in the same place: what the code was for it is not known.
    commit(&mut store, source, RunDelta { reset: true, ..RunDelta::default() });
    assert_eq!((code(a), code(b).is_some()), (None, true));
    store.set_code(&[a], 7.0, "d3", "{3}").unwrap();
    assert_eq!(code(a), Some((7.0, "{3}".into())));
    let raw = rusqlite::Connection::open(&path).unwrap();
    let n: i64 = raw.query_row("SELECT count(*) FROM snapshot", (), |row| row.get(0)).unwrap();
    assert_eq!(n, 2, "d2 was for nobody");
}

#[test]
fn texts_that_version_1_copied_are_kept_until_their_source_is_read_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../src/schema.sql")).unwrap();
    old.execute_batch(
        "INSERT INTO project VALUES(1, CAST('/data/p' AS BLOB), 1.0, 1.0);
         INSERT INTO source(id, project, format, rel, added) VALUES(1, 1, 'tensorboard', CAST('runs/a' AS BLOB), 1.0);
         INSERT INTO run(id, source, key, first_seen, last_change) VALUES(1, 1, '', 1.0, 1.0), (2, 1, 'b', 1.0, 1.0);
         INSERT INTO text(run, tag, step, time, text) VALUES(1, 'note', 3, 5.0, 'hello'), (1, 'note', 3, NULL, 'again'),
           (1, 'args', 0, 5.0, '{}'), (2, 'note', 0, 5.0, 'other');
         PRAGMA application_id = 0x53426f78; PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(old);
    let mut store = Store::open(&path).unwrap();
    let reader = store.reader().unwrap();
    let expected = [(MediaKind::Text, "args".to_owned(), 1, 0, 0), (MediaKind::Text, "note".to_owned(), 2, 3, 3)];
    assert_eq!(tags(&reader, RunId(1)), expected);
    let note = reader.media_tags(RunId(1)).unwrap().remove(1);
    let kept: Vec<_> = reader.media(note.id).unwrap().into_iter().map(|row| row.kept).collect();
    assert_eq!(kept, [Some("hello".to_owned()), Some("again".to_owned())]);
    commit(&mut store, SourceId(1), RunDelta { reset: true, ..RunDelta::default() });
    assert_eq!((tags(&reader, RunId(1)), tags(&reader, RunId(2)).len()), (vec![], 1));
}
