//! A copy of a sample's database, with a writer beside the reader.

use rusqlite::Connection;
use signalbox_formats::SourceSpec;
use signalbox_types::{Batch, Cursor, Format};

use crate::known::{Known, copy_of, read_whole, spec};

pub struct LiveDatabase {
    pub dir: tempfile::TempDir,
    pub spec: SourceSpec,
    pub writer: Connection,
    pub known: Known,
    pub cursor: Option<Cursor>,
    /// Of each read.
    pub budget: usize,
}

impl LiveDatabase {
    /// `db`: the file, and `rel`: the source, both below the sample.
    pub fn of(sample: &str, format: Format, db: &str, rel: &str) -> Self {
        let dir = copy_of(sample);
        let spec = spec(format, dir.path(), rel);
        let writer = Connection::open(dir.path().join(db)).unwrap();
        // Nobody waits for us.
        writer.busy_timeout(std::time::Duration::ZERO).unwrap();
        writer.pragma_update(None, "synchronous", "off").unwrap();
        writer.pragma_update(None, "foreign_keys", false).unwrap();
        Self { dir, spec, writer, known: Known::default(), cursor: None, budget: usize::MAX }
    }

    pub fn sql(&self, sql: &str) {
        self.writer.execute_batch(sql).unwrap();
    }

    /// Reads on, by a reader that was restarted, and compares with reading anew.
    pub fn visit(&mut self) -> Batch {
        let batch = self.known.visit(&self.spec, &mut self.cursor, self.budget);
        let mut whole = read_whole(&self.spec);
        whole.gone = self.known.gone.clone();
        assert_eq!(self.known, whole);
        batch
    }
}

/// A database with a few bytes changed, in many ways.
pub fn damaged(sound: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut seed = 7_u64;
    (0..60).map(move |_| {
        let mut bytes = sound.to_vec();
        for _ in 0..20 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = 100 + (seed >> 20) as usize % (bytes.len() - 100);
            bytes[at] = (seed >> 12) as u8;
        }
        bytes
    })
}
