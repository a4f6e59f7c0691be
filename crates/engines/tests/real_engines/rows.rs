//! The same hostile rows for each engine and for the local kernel, and the question whether both counted the same.

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int64Array, RecordBatch,
};
use arrow::array::{StringArray, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use signalbox_drift::monitor::{
    Bins, Cell, CellColumn, Definition, FileCells, Labels, Reference, Task, fill_file, window,
};
use signalbox_drift::read::{Options, Problems, Table};
use signalbox_drift::verdict::Rule;
use signalbox_engines::{Connection, Described, How, TableName, Wanted};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names that no quoting may break.
pub const AMOUNT: &str = "am\"ou`nt\\";
pub const FEW: &str = "few '; DROP TABLE x; --";
pub const TEXT: &str = "tëxt ☃";
pub const REGION: &str = "region";

#[derive(Clone, Debug, Default)]
pub struct Row {
    pub amount: Option<f64>,
    pub few: Option<f64>,
    /// The least and the greatest doubles, and such as few parsers get right.
    pub extreme: Option<f64>,
    pub whole: Option<i64>,
    pub single: Option<f32>,
    /// Hundredths.
    pub price: Option<i128>,
    pub flag: Option<bool>,
    pub text: Option<String>,
    /// Text in the reference, a number in the current data.
    pub turned: Option<f64>,
    pub region: Option<String>,
    /// Microseconds since 1970.
    pub at: Option<i64>,
}

/// Numbers that come out the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.roll() * n as f64) as usize
    }

    fn some<T>(&mut self, value: T) -> Option<T> {
        (self.roll() > 0.05).then_some(value)
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

const TEXTS: [&str; 8] = ["plain", "it's", "say \"hi\"", "back\\slash", "", "line\nbreak\ttab", "☃ ünï", "NULL"];
const EXTREMES: [f64; 8] =
    [5e-324, f64::MAX, f64::MIN_POSITIVE, -1e-310, 0.1, 1.0 / 3.0, 9_007_199_254_740_993.0, 2.225_073_858_507_201e-308];
const REGIONS: [&str; 4] = ["north", "sou'th", "(none)", ""];

fn common(dice: &mut Dice, moved: f64) -> Row {
    let normal = dice.roll() + dice.roll() + dice.roll() + dice.roll() - 2.0;
    // The year before 1970 and the one after.
    let (few, extreme, turned) = (dice.one(&[0.0, -0.0, 1.0, 2.5, -7.0]), dice.one(&EXTREMES), dice.below(3) as f64);
    let (flag, text, region) = (dice.roll() > 0.3 + moved / 10.0, dice.one(&TEXTS), dice.one(&REGIONS));
    let at = ((dice.roll() - 0.5) * 12.0 * 3_600e6) as i64;
    Row {
        amount: dice.some(normal * 3.7 + moved),
        few: dice.some(few),
        extreme: dice.some(extreme),
        whole: dice.some((normal * 1e5) as i64),
        single: dice.some(normal as f32),
        price: dice.some((normal * 12_345.0) as i128),
        flag: dice.some(flag),
        text: dice.some(text.to_owned()),
        turned: dice.some(turned),
        region: dice.some(region.to_owned()),
        at: dice.some(at),
    }
}

pub fn reference_rows() -> Vec<Row> {
    let mut dice = Dice(7);
    (0..4000).map(|_| common(&mut dice, 0.0)).collect()
}

/// What a table has seen since: with all that is odd, and every edge of the reference hit and missed by a bit.
pub fn current_rows(reference: &Reference) -> Vec<Row> {
    let mut dice = Dice(11);
    let mut rows: Vec<Row> = (0..3000).map(|_| common(&mut dice, 0.4)).collect();
    let mut odd: Vec<f64> = vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1e308, -1e308, 5e-324, 1e-200];
    let amount = reference.columns.iter().find(|column| column.name == AMOUNT).expect("frozen");
    let Bins::Edges { edges, .. } = &amount.bins else { panic!("many values have edges") };
    odd.extend(edges.iter().flat_map(|edge| [*edge, edge.next_up(), edge.next_down()]));
    for (n, value) in odd.into_iter().enumerate() {
        let hour_border = [-3_600_000_000, -3_600_000_001, -1, 0, 1, 3_599_999_999, 3_600_000_000, -7_200_000_000];
        rows.push(Row {
            amount: Some(value),
            few: Some(value),
            single: Some(value as f32),
            whole: Some([1 << 53, -(1 << 53), 0, i64::from(i32::MAX)][n % 4]),
            price: Some([9_999_999_999, -1, 0, 5][n % 4]),
            text: Some(format!("new {} \u{1}'\"\\", n % 20)),
            // The reference does not have it: it is one of the others.
            region: Some("west".into()),
            at: Some(hour_border[n % hour_border.len()]),
            ..common(&mut dice, 0.0)
        });
    }
    rows
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It has `gone`, which the others have not, and `turned` is a text in it.
    Reference,
    Current,
    /// The current data with days for times.
    Days,
}

pub const DAY: i64 = 86_400_000_000;

fn batch(rows: &[Row], part: Part) -> RecordBatch {
    let decimal = Decimal128Array::from_iter(rows.iter().map(|row| row.price)).with_precision_and_scale(12, 2);
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        (AMOUNT, Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.amount)))),
        (FEW, Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.few)))),
        ("extreme", Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.extreme)))),
        ("whole", Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.whole)))),
        ("single", Arc::new(Float32Array::from_iter(rows.iter().map(|row| row.single)))),
        ("price", Arc::new(decimal.expect("it fits"))),
        ("flag", Arc::new(BooleanArray::from_iter(rows.iter().map(|row| row.flag)))),
        (TEXT, Arc::new(StringArray::from_iter(rows.iter().map(|row| row.text.as_deref())))),
        (REGION, Arc::new(StringArray::from_iter(rows.iter().map(|row| row.region.as_deref())))),
        match part {
            Part::Days => {
                let days = rows.iter().map(|row| row.at.map(|at| at.div_euclid(DAY) as i32));
                ("at", Arc::new(Date32Array::from_iter(days)))
            }
            _ => ("at", Arc::new(TimestampMicrosecondArray::from_iter(rows.iter().map(|row| row.at)))),
        },
    ];
    if part == Part::Reference {
        let texts = rows.iter().map(|row| row.turned.map(|n| format!("level {n}")));
        columns.push(("turned", Arc::new(StringArray::from_iter(texts))));
        columns.push(("gone", Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.amount)))));
    } else {
        columns.push(("turned", Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.turned)))));
    }
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("columns of one length")
}

pub fn written(path: &Path, rows: &[Row], part: Part) {
    written_batch(path, &batch(rows, part));
}

pub fn written_batch(path: &Path, batch: &RecordBatch) {
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(batch).expect("written");
    writer.close().expect("closed");
}

/// The reference, the current data as a file and as rows.
pub struct World {
    pub dir: tempfile::TempDir,
    pub reference: Reference,
    pub current: PathBuf,
    pub days: PathBuf,
    pub rows: Vec<Row>,
    task: Task,
}

pub fn definition() -> Definition {
    Definition { time: Some("at".into()), segment: Some(REGION.into()), ..Definition::default() }
}

impl World {
    pub fn new() -> World {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("reference.parquet");
        written(&path, &reference_rows(), Part::Reference);
        let table = Table::open(&path, &Options::default()).expect("it opens");
        let reference = Reference::freeze(&table, &definition(), &mut Problems::default());
        assert_eq!(reference.columns.len(), 11, "all but the time");
        let rows = current_rows(&reference);
        let current = dir.path().join("current.parquet");
        written(&current, &rows, Part::Current);
        let days = dir.path().join("days.parquet");
        written(&days, &rows, Part::Days);
        let task = Task::of(&definition(), &table);
        World { dir, reference, current, days, rows, task }
    }

    /// The reference, with the segments of a definition.
    fn frozen(&self, definition: &Definition) -> Reference {
        let table = Table::open(&self.dir.path().join("reference.parquet"), &Options::default()).expect("it opens");
        Reference::freeze(&table, definition, &mut Problems::default())
    }

    fn local(&self, path: &Path, definition: &Definition) -> FileCells {
        let table = Table::open(path, &Options::default()).expect("it opens");
        let mut problems = Problems::default();
        let labels = (&self.task, &Labels::default());
        let found = fill_file(&table, path, &self.frozen(definition), definition, labels, &mut problems);
        assert!(problems.is_empty());
        found
    }

    /// Everything that is asked of an engine that holds the rows as `table`.
    pub fn ask(&self, engine: &mut Connection, table: &str) {
        let table = TableName::parse(table).expect("a name");
        let found = engine.describe(&table).expect("it is described");
        assert_eq!(found.columns.len(), 11);
        let rows = found.estimate.rows.expect("an estimate") as f64;
        assert!((rows / self.rows.len() as f64 - 1.0).abs() < 0.5, "{rows} of {}", self.rows.len());
        for segment in [None, Some(REGION), Some("flag"), Some("whole")] {
            self.ask_by(engine, &found, segment);
        }
        self.ask_last(engine, &found, &self.current, 3);
        self.ask_rows(engine, &found);
        let error = engine.describe(&TableName::parse("no_such_table_here").expect("a name")).expect_err("none");
        assert!(matches!(error, signalbox_engines::EngineError::NoTable { .. }), "{error:?}");
    }

    fn ask_by(&self, engine: &mut Connection, found: &Described, segment: Option<&str>) {
        let wanted = Wanted { time: Some("at".into()), segment: segment.map(str::to_owned), ..Wanted::default() };
        let definition = Definition { segment: segment.map(str::to_owned), ..definition() };
        let reference = self.frozen(&definition);
        let plan = engine.plan(&reference, found, &wanted, None).expect("a plan");
        let how = |name: &str| plan.columns.iter().find(|column| column.name == name).expect("planned").how;
        assert_eq!((how("gone"), how("turned"), how(TEXT)), (How::Missing, How::Mismatched, How::Levels));
        let counted = engine.count(&plan, &reference);
        if segment == Some("whole") {
            let error = counted.expect_err("too many segments").to_string();
            assert!(error.contains("\"whole\"") && error.contains("50"), "{error}");
            return;
        }
        let counted = counted.expect("counted");
        let local = self.local(&self.current, &definition);
        self.same(&counted, &local);
        assert_eq!(local.cells.iter().any(|(_, name, _)| name == "others"), segment == Some(REGION));
        assert!(counted.n_timeless > 50 && local.cells.len() > 10, "the rows are odd enough");
    }

    /// Of a table whose times are days.
    pub fn ask_days(&self, engine: &mut Connection, table: &str) {
        let found = engine.describe(&TableName::parse(table).expect("a name")).expect("it is described");
        let plan = engine.plan(&self.reference, &found, &Wanted::default(), None).expect("a plan");
        let counted = engine.count(&plan, &self.reference).expect("counted");
        self.same(&counted, &self.local(&self.days, &Definition { segment: None, ..definition() }));
        self.ask_last(engine, &found, &self.days, 1);
    }

    /// The rows of a small table, for the local kernel, and never more of them than was said.
    fn ask_rows(&self, engine: &mut Connection, found: &Described) {
        let plan = engine.plan(&self.reference, found, &Wanted::default(), None).expect("a plan");
        assert_eq!(plan.cannot_be_pulled(found), None);
        let path = self.dir.path().join("pulled.arrow");
        let n = self.rows.len() as u64;
        assert_eq!(engine.pull(&plan, found, n, &path).expect("pulled"), n);
        // Of one hour, that in which the files were written: the times were not pulled.
        let without = Definition { time: Some("no such column".into()), ..Definition::default() };
        let (pulled, file) = (self.local(&path, &without), self.local(&self.current, &without));
        let ([(_, _, pulled)], [(_, _, file)]) = (&pulled.cells[..], &file.cells[..]) else { panic!("one hour each") };
        for (at, (found, expected)) in pulled.columns.iter().zip(&file.columns).enumerate() {
            same_column(found, expected, &self.reference.columns[at].name);
        }
        let error = engine.pull(&plan, found, n - 1, &path).expect_err("one too many");
        assert!(error.to_string().contains(&format!("{} rows", n - 1)), "{error}");
    }

    /// The last hours that the table has, and no others.
    fn ask_last(&self, engine: &mut Connection, found: &Described, path: &Path, n_cells: usize) {
        let plan = engine.plan(&self.reference, found, &Wanted::default(), Some(3)).expect("a plan");
        let hours = plan.hours.clone().expect("hours");
        let counted = engine.count(&plan, &self.reference).expect("counted");
        let mut local = self.local(path, &Definition { segment: None, ..definition() });
        local.cells.retain(|(hour, ..)| hours.contains(hour));
        assert_eq!((hours.end - hours.start, local.cells.len()), (3, n_cells));
        local.n_timeless = 0;
        self.same(&counted, &local);
    }

    fn same(&self, counted: &FileCells, local: &FileCells) {
        let keys = |cells: &FileCells| cells.cells.iter().map(|(h, s, _)| (*h, s.clone())).collect::<Vec<_>>();
        assert_eq!(keys(counted), keys(local));
        assert_eq!(counted.n_timeless, local.n_timeless);
        for ((hour, segment, found), (_, _, expected)) in counted.cells.iter().zip(&local.cells) {
            assert_eq!(found.rows, expected.rows, "{hour} {segment:?}");
            assert!(found.quality.is_none());
            for (at, (found, expected)) in found.columns.iter().zip(&expected.columns).enumerate() {
                same_column(found, expected, &format!("{hour} {segment:?} {}", self.reference.columns[at].name));
            }
        }
        let sum = |cells: &FileCells| {
            let mut sum = Cell::empty(&self.reference);
            cells.cells.iter().for_each(|(_, _, cell)| sum.add(cell));
            window(&self.reference, &self.reference.whole(), &sum, &Rule::default())
        };
        let (found, expected) = (sum(counted), sum(local));
        assert_eq!(found.verdict, expected.verdict);
        for (found, expected) in found.columns.iter().zip(&expected.columns) {
            assert_eq!(found.report.verdict, expected.report.verdict, "{}", found.report.name);
            assert_eq!(found.report.by, expected.report.by, "{}", found.report.name);
        }
    }
}

pub fn same_column(found: &CellColumn, expected: &CellColumn, place: &str) {
    assert_eq!(found.counts, expected.counts, "{place}");
    assert_eq!(found.bins, expected.bins, "{place}");
    near(found.sum, expected.sum, expected.squares.sqrt(), place);
    near(found.squares, expected.squares, expected.squares, place);
    assert_eq!((found.min, found.max), (expected.min, expected.max), "{place}");
    assert_eq!(found.new_levels.len(), expected.new_levels.len(), "{place}");
    if found.new_levels.len() < 16 {
        assert_eq!(found.new_levels, expected.new_levels, "{place}");
    }
}

/// Sums are added up in another order; what cancels out is small beside what was added.
fn near(found: f64, expected: f64, added: f64, place: &str) {
    let is_near = found == expected
        || found.is_nan() && expected.is_nan()
        || (found - expected).abs() <= 1e-12 * expected.abs().max(added.min(f64::MAX));
    assert!(is_near, "{place}: {found:?} instead of {expected:?}");
}
