//! The same plan on Spark itself: its Connect server comes with PyPI's `pyspark`, and needs Java.
//!
//! `SIGNALBOX_PYTHON_SPARK=… cargo test -p signalbox-engines --features heavy-engines --test real_spark`

#[path = "../real_engines/rows.rs"]
mod rows;
#[path = "../real_engines/server.rs"]
mod server;

use rows::World;
use server::{Server, python};
use signalbox_engines::{Address, Cancel, Connection, Limits, Password};
use std::process::{Command, Stdio};

#[test]
fn spark_counts_as_the_local_kernel_does() {
    let world = World::new();
    let python = python("SIGNALBOX_PYTHON_SPARK", "requirements-spark.txt");
    let home = Command::new(&python).args(["-c", "import pyspark; print(pyspark.__path__[0])"]).output();
    let home = String::from_utf8(home.expect("Python runs").stdout).expect("a path").trim().to_owned();
    let server = Server::start("Spark's Connect server", |port| {
        // In this process's place, unlike sbin/start-connect-server.sh, which leaves it behind.
        let mut command = Command::new(format!("{home}/bin/spark-submit"));
        command.args(["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "--name", "signalbox"]);
        command.args(["--master", "local[2]", "--conf", "spark.ui.enabled=false"]);
        command.args(["--conf", "spark.connect.grpc.binding.address=127.0.0.1"]);
        command.args(["--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.driver.host=127.0.0.1"]);
        command.args(["--conf", &format!("spark.connect.grpc.binding.port={port}")]);
        command.args(["--conf", "spark.sql.session.timeZone=Asia/Kathmandu"]);
        command.env("SPARK_HOME", &home).env("SPARK_LOCAL_IP", "127.0.0.1").env("PYSPARK_PYTHON", &python);
        command.current_dir(world.dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    });
    let address = Address::parse(&format!("sc://127.0.0.1:{}", server.port)).expect("an address");
    let mut engine =
        Connection::open(&address, &Password::default(), Limits::default(), &Cancel::default()).expect("connected");
    world.ask(&mut engine, &format!("parquet.`{}`", world.current.display()));
    world.ask_days(&mut engine, &format!("parquet.`{}`", world.days.display()));
}
