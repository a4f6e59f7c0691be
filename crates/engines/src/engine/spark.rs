//! Spark Connect, through its official client; Sail speaks it too. The client waits in threads of its own.

// Its errors are large, and not ours to change; its own crate allows them too.
#![allow(clippy::result_large_err)]

use super::{As, Each, Limits, Session, Value, Wrong};
use crate::Engine;
use crate::address::{Address, Password};
use crate::cancel::Cancel;
use crate::described::{Described, Estimate, RemoteColumn, Shape};
use crate::dialect::dialect;
use crate::error::{EngineError, words};
use crate::name::TableName;
use spark_connect::row::{Row, Value as SparkValue};
use spark_connect::{DataType, SparkError, SparkSession};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

const CONNECT: Duration = Duration::from_secs(15);
/// How often a person is listened to.
const LISTEN: Duration = Duration::from_millis(50);
const NAME: &str = Engine::Spark.name();
/// Rows that wait between the client and us.
const AHEAD: usize = 1024;

pub struct Spark {
    session: SparkSession,
    limits: Limits,
    cancel: Cancel,
}

impl Spark {
    pub fn open(address: &Address, password: &Password, limits: Limits, cancel: &Cancel) -> Result<Spark, EngineError> {
        let unreachable = |why: String| EngineError::Unreachable {
            engine: NAME,
            address: address.shown.clone(),
            why,
            hint: "Is a Spark Connect server (Spark's, or Sail's) listening there?",
        };
        // The client itself would go on trying for an hour.
        reach(&address.host, address.port).map_err(unreachable)?;
        let mut url = place_of(address);
        if let Some(token) = password.reveal() {
            let token: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
            url = format!("{url};token={token}");
        }
        let session = SparkSession::builder().remote(&url).get_or_create();
        // The client's words may have the URL in them.
        let session = session.map_err(|e| {
            unreachable(if password.reveal().is_some() { "the URL cannot be used".into() } else { said(&e) })
        })?;
        let mut spark = Spark { session, limits, cancel: cancel.clone() };
        let of = spark.session.clone();
        spark.waited(move || of.conf().set("spark.sql.session.timeZone", "UTC"))?.map_err(|e| unreachable(said(&e)))?;
        Ok(spark)
    }

    /// Until it is done, no longer wanted or too late; then the engine is told to stop.
    fn waited<T: Send + 'static>(&mut self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, EngineError> {
        let (to, from) = sync_channel(1);
        spawned(move || drop(to.send(work())))?;
        let until = Instant::now() + self.limits.timeout;
        self.next(&from, until)?.ok_or_else(|| EngineError::Local("The client of Spark Connect broke.".into()))
    }

    /// `None`: there is no more.
    fn next<T>(&self, from: &Receiver<T>, until: Instant) -> Result<Option<T>, EngineError> {
        loop {
            let wait = LISTEN.min(until.saturating_duration_since(Instant::now()));
            match from.recv_timeout(wait) {
                Ok(found) => return Ok(Some(found)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if self.cancel.is_told() => {
                    self.stop();
                    return Err(EngineError::Cancelled);
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() >= until => {
                    self.stop();
                    let why = format!("it took longer than {} s", self.limits.timeout.as_secs());
                    return Err(EngineError::Failed { engine: NAME, table: String::new(), why });
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn stop(&self) {
        self.tell(|session| session.interrupt_all().is_ok());
    }

    /// Waits no longer than for a connection.
    fn tell(&self, what: impl FnOnce(&SparkSession) -> bool + Send + 'static) {
        let session = self.session.clone();
        let (to, done) = sync_channel(1);
        let told = spawned(move || {
            let _ = to.send(what(&session));
        });
        if told.is_ok() {
            let _ = done.recv_timeout(CONNECT);
        }
    }

    fn table_sql(table: &TableName) -> String {
        let parts: Vec<String> = table.parts().iter().map(|part| dialect(Engine::Spark).ident(part)).collect();
        parts.join(".")
    }
}

fn spawned(work: impl FnOnce() + Send + 'static) -> Result<(), EngineError> {
    let started = std::thread::Builder::new().name("spark connect".into()).spawn(work);
    started.map(drop).map_err(|e| EngineError::Local(e.to_string()))
}

/// The client reads URLs in its own way: it is given one that can be read in one way only.
fn place_of(address: &Address) -> String {
    let host = if address.host.contains(':') { format!("[{}]", address.host) } else { address.host.clone() };
    let headers: String = address.headers.iter().map(|pair| format!(";{pair}")).collect();
    format!("sc://{host}:{}/;use_ssl={}{headers}", address.port, address.tls)
}

fn reach(host: &str, port: u16) -> Result<(), String> {
    let addresses = (host, port).to_socket_addrs().map_err(|e| e.to_string())?;
    let mut why = "no such host".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(_) => return Ok(()),
            Err(e) => why = e.to_string(),
        }
    }
    Err(why)
}

impl Drop for Spark {
    /// Else its server keeps the session until it is tired of it, one for each look.
    fn drop(&mut self) {
        self.tell(|session| session.stop().is_ok());
    }
}

fn said(e: &SparkError) -> String {
    words(&e.to_string())
}

impl Session for Spark {
    fn describe(&mut self, table: &TableName) -> Result<Described, EngineError> {
        let failed = |e: &SparkError| {
            let why = said(e);
            // Neither engine has a code for it that both use.
            let is_none = ["TABLE_OR_VIEW_NOT_FOUND", "table not found", "No table", "not found: "];
            if is_none.iter().any(|part| why.contains(part)) {
                EngineError::NoTable { engine: NAME, table: table.to_string() }
            } else {
                EngineError::Failed { engine: NAME, table: table.to_string(), why }
            }
        };
        let (session, name) = (self.session.clone(), Spark::table_sql(table));
        let sql = format!("SELECT * FROM {name} LIMIT 0");
        let schema = self.waited(move || session.sql(&sql).and_then(|frame| frame.schema()))?;
        let DataType::Struct { fields } = schema.map_err(|e| failed(&e))? else {
            return Err(EngineError::NoTable { engine: NAME, table: table.to_string() });
        };
        let of = |field: &spark_connect::StructField| {
            let type_name = field.data_type.simple_string();
            if type_name.starts_with("string collate") {
                return Err(EngineError::Refused(
                    format!(
                        "Column {:?} of table {table} compares texts in a way of its own ({type_name}).",
                        field.name
                    ),
                    "Leave it out (--ignore), or make a view that casts it to a plain string.",
                ));
            }
            Ok(RemoteColumn { name: field.name.clone(), type_name, shape: shape(&field.data_type), bytes: None })
        };
        let columns = fields.iter().map(of).collect::<Result<Vec<RemoteColumn>, EngineError>>()?;
        let mut rows = None;
        self.query(table, &format!("SELECT count(*) AS n FROM {name}"), &[As::Integer], &mut |row| {
            if let [Value::Integer(n)] = row[..] {
                rows = u64::try_from(n).ok();
            }
            Ok(())
        })?;
        let mut version = String::new();
        self.query(table, "SELECT version() AS v", &[As::Text], &mut |row| {
            if let [Value::Text(text)] = &row[..] {
                version = text.split(' ').next().unwrap_or_default().to_owned();
            }
            Ok(())
        })?;
        let from = "counted just now: there is no catalogue that says".into();
        let estimate = Estimate { rows, from, bytes: None, whole_rows: false };
        let engine = format!("Spark Connect {version}").trim_end().to_owned();
        Ok(Described { engine, table: table.clone(), columns, estimate })
    }

    fn query(&mut self, table: &TableName, sql: &str, columns: &[As], each: Each<'_>) -> Result<(), EngineError> {
        let failed = |e: &SparkError| EngineError::Failed { engine: NAME, table: table.to_string(), why: said(e) };
        let senseless = |why: String| EngineError::Senseless { engine: NAME, table: table.to_string(), why };
        let (session, sql) = (self.session.clone(), sql.to_owned());
        let (to, from) = sync_channel::<Result<Option<Row>, SparkError>>(AHEAD);
        spawned(move || match session.sql(&sql).and_then(|frame| frame.to_local_iterator(false)) {
            Ok(rows) => {
                // The end is said: a client that broke has none.
                for row in rows.map(|row| row.map(Some)).chain([Ok(None)]) {
                    let is_end = row.is_err();
                    // Nobody listens any more.
                    if to.send(row).is_err() || is_end {
                        break;
                    }
                }
            }
            Err(e) => drop(to.send(Err(e))),
        })?;
        let until = Instant::now() + self.limits.timeout;
        loop {
            let broke = || EngineError::Local("The client of Spark Connect broke.".into());
            let Some(row) = self.next(&from, until)?.ok_or_else(broke)?.map_err(|e| failed(&e))? else { break };
            if row.len() != columns.len() {
                return Err(senseless(format!("{} columns instead of {}", row.len(), columns.len())));
            }
            let of = |(at, kind): (usize, &As)| {
                let found = row.get(at).and_then(|value| value_of(value, *kind));
                found.ok_or_else(|| senseless(format!("column {} is no {kind:?}", at + 1)))
            };
            let values: Result<Vec<Value>, EngineError> = columns.iter().enumerate().map(of).collect();
            each(values?).map_err(|Wrong(why)| senseless(why))?;
        }
        Ok(())
    }
}

fn shape(data_type: &DataType) -> Shape {
    match data_type {
        DataType::Byte | DataType::Short | DataType::Integer | DataType::Long => Shape::Number { is_whole: true },
        DataType::Float | DataType::Double | DataType::Decimal { .. } => Shape::Number { is_whole: false },
        DataType::Boolean => Shape::Boolean,
        DataType::String { .. } | DataType::Char { .. } | DataType::Varchar { .. } => Shape::Text,
        DataType::Date | DataType::Timestamp | DataType::TimestampNtz => Shape::Time,
        _ => Shape::Other,
    }
}

fn value_of(value: &SparkValue, kind: As) -> Option<Value> {
    Some(match (kind, value) {
        (_, SparkValue::Null) => Value::Null,
        (As::Double, value) => Value::Double(value.as_f64()?),
        (As::Integer, value) => Value::Integer(value.as_i64()?),
        (As::Text, value) => Value::Text(value.as_str()?.to_owned()),
        (As::Boolean, value) => Value::Boolean(value.as_bool()?),
    })
}
