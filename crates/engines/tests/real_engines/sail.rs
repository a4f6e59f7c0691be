//! Sail, which speaks Spark Connect without a JVM.

use crate::rows::World;
use crate::server::{Server, python};
use signalbox_engines::{Address, Cancel, Connection, EngineError, Limits, Password, TableName, Wanted};
use std::process::{Command, Stdio};
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
