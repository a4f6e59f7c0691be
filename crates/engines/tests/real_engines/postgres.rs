//! Debian's Postgres. It refuses to run as root: then it is that of the user `postgres`, or of `nobody`.

use crate::rows::{AMOUNT, FEW, Row, TEXT, World};
use crate::server::Server;
use futures_util::SinkExt;
use signalbox_engines::{Address, Cancel, Connection, EngineError, Limits, Password, TableName, Wanted};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio_postgres::NoTls;

const PASSWORD: &str = "it's a \"secret\"";
const TABLE: &str = "odd \" na`me";

/// Where initdb and postgres are; Debian has them beside the PATH.
fn programs() -> PathBuf {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    folders.sort();
    let all = folders.into_iter().rev().chain(std::env::split_paths(&on_path));
    let found = all.into_iter().find(|folder| folder.join("initdb").exists());
    found.expect("these tests need Postgres's initdb and postgres (Debian: postgresql)")
}

fn command(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user(), "--regid", user_group(), "--clear-groups", "--"]).arg(program);
    command
}

fn user() -> &'static str {
    let is_there = Command::new("id").arg("postgres").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if is_there.is_ok_and(|status| status.success()) { "postgres" } else { "nobody" }
}

fn user_group() -> &'static str {
    if user() == "postgres" { "postgres" } else { "nogroup" }
}

struct Postgres {
    server: Server,
    _dir: tempfile::TempDir,
}

impl Postgres {
    fn new() -> Postgres {
        let (programs, dir) = (programs(), tempfile::tempdir().expect("a folder"));
        let secret = dir.path().join("password");
        std::fs::write(&secret, PASSWORD).expect("written");
        if rustix::process::geteuid().is_root() {
            let owner = format!("{}:{}", user(), user_group());
            let done = Command::new("chown").arg("-R").arg(owner).arg(dir.path()).status();
            assert!(done.expect("chown runs").success());
        }
        let data = dir.path().join("data");
        let made = command(&programs.join("initdb"))
            .args(["-U", "ada", "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync", "--pwfile"])
            .args([&secret, Path::new("-D"), &data])
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let server = Server::start("Postgres", |port| {
            let mut command = command(&programs.join("postgres"));
            command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
            command.args(["-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "timezone=Asia/Kathmandu"]);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command
        });
        Postgres { server, _dir: dir }
    }

    fn url(&self) -> String {
        format!("postgres://ada@127.0.0.1:{}/postgres", self.server.port)
    }

    fn open(&self, limits: Limits, cancel: &Cancel) -> Result<Connection, EngineError> {
        let address = Address::parse(&self.url()).expect("an address");
        Connection::open(&address, &Password::new(Some(PASSWORD.into())), limits, cancel)
    }

    /// Until it answers; a statement that fails is a bug of the test.
    fn run(&self, statements: &str, copy: Option<(&str, String)>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut config: tokio_postgres::Config = self.url().parse().expect("a URL");
            config.password(PASSWORD);
            let until = Instant::now() + Duration::from_secs(60);
            let (client, connection) = loop {
                match config.connect(NoTls).await {
                    Ok(connected) => break connected,
                    // "The database system is starting up".
                    Err(e) => assert!(Instant::now() < until, "{e}"),
                }
            };
            tokio::spawn(connection);
            client.batch_execute(statements).await.expect("it runs");
            if let Some((to, rows)) = copy {
                let mut sink = pin!(client.copy_in::<_, std::io::Cursor<Vec<u8>>>(to).await.expect("copies"));
                sink.send(std::io::Cursor::new(rows.into_bytes())).await.expect("sent");
                sink.as_mut().finish().await.expect("all rows are taken");
                client.batch_execute("ANALYZE").await.expect("it counts");
            }
        });
    }

    fn fill(&self, rows: &[Row]) {
        let name = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let create = format!(
            "CREATE SCHEMA odd; CREATE DOMAIN odd.money AS numeric(12, 2); CREATE TABLE odd.{} ({} float8, {} float8, \
             extreme float8, whole bigint, single real, price odd.money, flag boolean, {} text, region varchar(20), at timestamp, \
             turned float8)",
            name(TABLE),
            name(AMOUNT),
            name(FEW),
            name(TEXT)
        );
        self.run(&create, Some((&format!("COPY odd.{} FROM STDIN", name(TABLE)), rows.iter().map(line).collect())));
    }
}

/// A row as COPY reads it.
fn line(row: &Row) -> String {
    let none = || "\\N".to_owned();
    let double = |value: Option<f64>| value.map_or_else(none, |value| format!("{value:?}"));
    let text = |value: &Option<String>| {
        let escaped =
            |text: &String| text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t").replace('\r', "\\r");
        value.as_ref().map_or_else(none, escaped)
    };
    let at = |at: i64| {
        let micros = at.rem_euclid(3_600_000_000);
        let hours = at.div_euclid(3_600_000_000);
        let (day, hour) = (hours.div_euclid(24), hours.rem_euclid(24));
        let day = if day < 0 { format!("1969-12-{:02}", 32 + day) } else { format!("1970-01-{:02}", 1 + day) };
        format!("{day} {hour:02}:{:02}:{:09.6}", micros / 60_000_000, (micros % 60_000_000) as f64 / 1e6)
    };
    let fields = [
        double(row.amount),
        double(row.few),
        double(row.extreme),
        row.whole.map_or_else(none, |value| value.to_string()),
        row.single.map_or_else(none, |value| format!("{value:?}")),
        row.price.map_or_else(none, |value| format!("{value}e-2")),
        row.flag.map_or_else(none, |value| value.to_string()),
        text(&row.text),
        text(&row.region),
        row.at.map_or_else(none, at),
        double(row.turned),
    ];
    fields.join("\t") + "\n"
}

#[test]
fn postgres_counts_as_the_local_kernel_does() {
    let (world, postgres) = (World::new(), Postgres::new());
    postgres.fill(&world.rows);
    let mut engine = postgres.open(Limits::default(), &Cancel::default()).expect("connected");
    world.ask(&mut engine, &format!("odd.\"{}\"", TABLE.replace('"', "\"\"")));
    drop(engine);
    // Times with a zone are the same moments; the server's own zone is far from UTC.
    let zoned = format!(
        "CREATE SCHEMA zoned; CREATE TABLE zoned.t AS SELECT * FROM odd.\"{0}\"; ALTER TABLE zoned.t ALTER at TYPE \
         timestamptz USING at AT TIME ZONE 'UTC'; CREATE TABLE zoned.days AS SELECT * FROM odd.\"{0}\"; ALTER TABLE zoned.days ALTER at TYPE date; \
         CREATE TABLE zoned.parted (LIKE zoned.days) PARTITION BY LIST (flag); CREATE TABLE zoned.yes PARTITION OF \
         zoned.parted FOR VALUES IN (true); CREATE TABLE zoned.others PARTITION OF zoned.parted DEFAULT; INSERT INTO \
         zoned.parted SELECT * FROM zoned.days; ANALYZE",
        TABLE.replace('"', "\"\"")
    );
    postgres.run(&zoned, None);
    let mut engine = postgres.open(Limits::default(), &Cancel::default()).expect("connected");
    world.ask(&mut engine, "zoned.t");
    world.ask_days(&mut engine, "zoned.days");
    world.ask_days(&mut engine, "zoned.parted");
    let parted = engine.describe(&TableName::parse("zoned.parted").expect("a name")).expect("described");
    assert_eq!(parted.estimate.rows, Some(world.rows.len() as u64), "of its parts together");
    assert!(parted.estimate.bytes.expect("they have a size") > 100_000, "{parted:?}");
}

#[test]
fn nothing_is_written_and_what_takes_too_long_ends() {
    let (world, postgres) = (World::new(), Postgres::new());
    postgres.fill(&world.rows);
    let slow = "CREATE SEQUENCE seen; CREATE FUNCTION slow(x float8) RETURNS float8 LANGUAGE sql VOLATILE AS 'SELECT x \
                FROM pg_sleep(0.05)'; CREATE VIEW slow_view AS SELECT slow(turned) AS turned FROM odd.\"odd \"\" na`me\"; \
                CREATE VIEW counting AS SELECT nextval('seen')::float8 AS turned";
    postgres.run(slow, None);
    let ask = |table: &str, limits: Limits, cancel: &Cancel| {
        let mut engine = postgres.open(limits, cancel).expect("connected");
        let found = engine.describe(&TableName::parse(table).expect("a name")).expect("described");
        let wanted = Wanted { this_hour: 7, ..Wanted::default() };
        let plan = engine.plan(&world.reference, &found, &wanted, None).expect("a plan");
        engine.count(&plan, &world.reference).expect_err("it is stopped")
    };
    let error = ask("counting", Limits::default(), &Cancel::default()).to_string();
    assert!(error.contains("read-only"), "{error}");
    let limits = Limits { timeout: Duration::from_millis(300), ..Limits::default() };
    let error = ask("slow_view", limits, &Cancel::default()).to_string();
    assert!(error.contains("timeout") && error.contains("slow_view"), "{error}");
    let cancel = Cancel::default();
    let told = cancel.clone();
    let begun = Instant::now();
    let teller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        told.tell();
    });
    let error = ask("slow_view", Limits::default(), &cancel);
    teller.join().expect("told");
    assert!(matches!(error, EngineError::Cancelled), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let few = Limits { max_rows: 3, ..Limits::default() };
    let mut engine = postgres.open(few, &Cancel::default()).expect("connected");
    let found = engine.describe(&TableName::parse("odd.\"odd \"\" na`me\"").expect("a name")).expect("described");
    let plan = engine.plan(&world.reference, &found, &Wanted::default(), None).expect("a plan");
    let error = engine.count(&plan, &world.reference).expect_err("too large");
    assert!(matches!(error, EngineError::TooLarge { .. }), "{error:?}");
}

#[test]
fn a_wrong_password_is_said_without_it() {
    let postgres = Postgres::new();
    postgres.run("SELECT 1", None);
    let address = Address::parse(&postgres.url()).expect("an address");
    let password = Password::new(Some("hunter2".into()));
    let error = Connection::open(&address, &password, Limits::default(), &Cancel::default()).err().expect("refused");
    assert!(error.to_string().contains("password authentication failed"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"));
}
