//! Sail, which speaks Spark Connect without a JVM.

use crate::rows::{World, same_column, written_batch};
use crate::server::{Server, python};
use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use signalbox_drift::monitor::{Definition, Labels, Reference, Task, fill_file};
use signalbox_drift::read::{Options, Problems, Table};
use signalbox_engines::{Address, Cancel, Connection, EngineError, Limits, Password, TableName, Wanted};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn sail() -> Server {
    let program = python("SIGNALBOX_PYTHON_ENGINES", "requirements-engines.txt").with_file_name("sail");
    Server::start("Sail", |port| {
        let mut command = Command::new(&program);
        command.args(["spark", "server", "--ip", "127.0.0.1", "--port", &port.to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    })
}

fn connected(server: &Server, limits: Limits, cancel: &Cancel) -> Connection {
    let address = Address::parse(&format!("sc://127.0.0.1:{}", server.port)).expect("an address");
    Connection::open(&address, &Password::default(), limits, cancel).expect("connected")
}

#[test]
fn sail_counts_as_the_local_kernel_does() {
    let (world, server) = (World::new(), sail());
    let mut engine = connected(&server, Limits::default(), &Cancel::default());
    world.ask(&mut engine, &format!("parquet.`{}`", world.current.display()));
    world.ask_days(&mut engine, &format!("parquet.`{}`", world.days.display()));
}

#[test]
fn a_query_that_nobody_waits_for_is_ended() {
    let (world, server) = (World::new(), sail());
    let cancel = Cancel::default();
    let mut engine = connected(&server, Limits::default(), &cancel);
    let table = TableName::parse(&format!("parquet.`{}`", world.current.display())).expect("a name");
    let found = engine.describe(&table).expect("described");
    let plan = engine.plan(&world.reference, &found, &Wanted::default(), None).expect("a plan");
    cancel.tell();
    let begun = Instant::now();
    let error = engine.count(&plan, &world.reference).expect_err("nobody waits");
    assert!(matches!(error, EngineError::Cancelled), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn many_columns_are_counted_in_parts_that_fit() {
    let (dir, server) = (tempfile::tempdir().expect("a folder"), sail());
    let path = dir.path().join("wide.parquet");
    let column = |k: usize| -> ArrayRef {
        let value = |n: usize| (!n.is_multiple_of(11)).then(|| ((n * (k + 3)) % 101) as f64 / 7.0);
        Arc::new(Float64Array::from_iter((0..2000).map(value)))
    };
    let columns = (0..70).map(|k| (format!("c{k}"), column(k), true));
    written_batch(&path, &RecordBatch::try_from_iter_with_nullable(columns).expect("columns"));
    let table = Table::open(&path, &Options::default()).expect("it opens");
    let reference = Reference::freeze(&table, &Definition::default(), &mut Problems::default());
    let mut engine = connected(&server, Limits::default(), &Cancel::default());
    let found = engine.describe(&TableName::parse(&format!("parquet.`{}`", path.display())).expect("a name"));
    let wanted = Wanted { this_hour: 7, ..Wanted::default() };
    let plan = engine.plan(&reference, &found.expect("described"), &wanted, None).expect("a plan");
    assert_eq!(plan.statements(&reference).expect("printed").len(), 3);
    let counted = engine.count(&plan, &reference).expect("counted");
    let [(7, segment, cell)] = &counted.cells[..] else { panic!("one hour: {:?}", counted.cells.len()) };
    let labels = (&Task::default(), &Labels::default());
    let local = fill_file(&table, &path, &reference, &Definition::default(), labels, &mut Problems::default());
    assert_eq!((cell.rows, segment.as_str()), (2000, ""));
    for (at, (found, expected)) in cell.columns.iter().zip(&local.cells[0].2.columns).enumerate() {
        same_column(found, expected, &format!("c{at}"));
    }
}
