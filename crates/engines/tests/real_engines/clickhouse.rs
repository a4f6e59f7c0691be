//! ClickHouse's own engine (chDB) behind a few lines of Python that speak its HTTP interface.

use crate::rows::World;
use crate::server::{Server, python};
use signalbox_engines::{Address, Cancel, Connection, Limits, Password};
use std::process::{Command, Stdio};

#[test]
fn clickhouse_counts_as_the_local_kernel_does() {
    let world = World::new();
    let python = python("SIGNALBOX_PYTHON_ENGINES", "requirements-engines.txt");
    let data = world.dir.path().join("clickhouse");
    let server = Server::start("chDB", |port| {
        let mut command = Command::new(&python);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real_engines/clickhouse.py"));
        command.arg(port.to_string()).arg(&data).arg(&world.current).arg(&world.days).stdout(Stdio::null());
        command
    });
    let address = Address::parse(&format!("http://ada@127.0.0.1:{}/app", server.port)).expect("an address");
    let password = Password::new(Some("s3cret'\"".into()));
    let mut engine = Connection::open(&address, &password, Limits::default(), &Cancel::default()).expect("a client");
    world.ask(&mut engine, "`odd \\\" na``me`");
    world.ask_days(&mut engine, "app.days");
    // The same moments in seconds, which is another type there.
    world.ask_days(&mut engine, "app.day_starts");
}
