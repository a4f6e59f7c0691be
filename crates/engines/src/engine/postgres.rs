//! Postgres: one read-only transaction, of one moment, which ends with the connection.

use super::{As, Each, Limits, Session, Value, Wrong};
use crate::Engine;
use crate::address::{Address, Password};
use crate::cancel::Cancel;
use crate::described::{Described, Estimate, RemoteColumn, Shape};
use crate::error::{EngineError, words};
use crate::name::TableName;
use futures_util::TryStreamExt;
use rustls_platform_verifier::ConfigVerifierExt;
use std::pin::pin;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::{CancelToken, Client, Config, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

const CONNECT: Duration = Duration::from_secs(15);
const NAME: &str = Engine::Postgres.name();

pub struct Postgres {
    runtime: Runtime,
    client: Client,
    token: CancelToken,
    tls: Option<MakeRustlsConnect>,
    cancel: Cancel,
}

impl Postgres {
    pub fn open(
        address: &Address,
        password: &Password,
        limits: Limits,
        cancel: &Cancel,
    ) -> Result<Postgres, EngineError> {
        let unreachable = |why: String, hint: &'static str| EngineError::Unreachable {
            engine: NAME,
            address: address.shown.clone(),
            why,
            hint,
        };
        // Not from the URL's text: the client reads URLs otherwise, and could dial another host than the one that was
        // shown. A certificate is looked at whatever its mode is called.
        let mut config = Config::new();
        config.host(&address.host).port(address.port);
        if let Some(user) = &address.user {
            config.user(user);
        }
        if let Some(database) = &address.database {
            config.dbname(database);
        }
        if address.binds {
            config.channel_binding(ChannelBinding::Require);
        }
        if let Some(password) = password.reveal() {
            config.password(password);
        }
        config.connect_timeout(CONNECT).application_name("signalbox");
        config.ssl_mode(if address.tls { SslMode::Require } else { SslMode::Disable });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| EngineError::Local(e.to_string()))?;
        let tls = address.tls.then(connector).transpose()?;
        let hint = if address.tls {
            "The certificate must be one that this system trusts (SSL_CERT_FILE adds one); ?sslmode=disable goes without."
        } else {
            "Is it running there, and is the user's password in PGPASSWORD?"
        };
        let client = runtime.block_on(async {
            tokio::select! {
                client = connected(&config, tls.clone()) => client.map_err(|e| unreachable(said(&e), hint)),
                () = cancel.wait() => Err(EngineError::Cancelled),
            }
        })?;
        let token = client.cancel_token();
        let begin = format!(
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL TimeZone = 'UTC'; \
             SET LOCAL statement_timeout = {}; SET LOCAL work_mem = '64MB'; SET LOCAL standard_conforming_strings = on",
            limits.timeout.as_millis()
        );
        let opened = Postgres { runtime, client, token, tls, cancel: cancel.clone() };
        opened.wait(opened.client.batch_execute(&begin))?.map_err(|e| unreachable(said(&e), hint))?;
        Ok(opened)
    }

    /// Until it is done or no longer wanted; then Postgres is told to stop.
    fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, EngineError> {
        self.runtime.block_on(async {
            tokio::select! {
                done = work => Ok(done),
                () = self.cancel.wait() => {
                    let stop = async {
                        let _ = match &self.tls {
                            Some(tls) => self.token.cancel_query(tls.clone()).await,
                            None => self.token.cancel_query(NoTls).await,
                        };
                    };
                    let _ = tokio::time::timeout(CONNECT, stop).await;
                    Err(EngineError::Cancelled)
                }
            }
        })
    }

    fn failed(&self, table: &TableName, e: &tokio_postgres::Error) -> EngineError {
        EngineError::Failed { engine: NAME, table: table.to_string(), why: said(e) }
    }

    fn asked(&self, table: &TableName, sql: &str, text: &[&str]) -> Result<Vec<Row>, EngineError> {
        let params: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> =
            text.iter().map(|text| text as &(dyn tokio_postgres::types::ToSql + Sync)).collect();
        self.wait(self.client.query(sql, &params))?.map_err(|e| self.failed(table, &e))
    }
}

async fn connected(config: &Config, tls: Option<MakeRustlsConnect>) -> Result<Client, tokio_postgres::Error> {
    Ok(match tls {
        Some(tls) => {
            let (client, connection) = config.connect(tls).await?;
            tokio::spawn(connection);
            client
        }
        None => {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(connection);
            client
        }
    })
}

fn connector() -> Result<MakeRustlsConnect, EngineError> {
    // If another part of the process has chosen already, its choice stands.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = rustls::ClientConfig::with_platform_verifier();
    let config = config.map_err(|e| EngineError::Local(format!("TLS cannot be used here: {e}")))?;
    Ok(MakeRustlsConnect::new(config))
}

/// Postgres's own words, where it has spoken.
fn said(e: &tokio_postgres::Error) -> String {
    use std::error::Error;
    match e.as_db_error() {
        Some(db) => words(&format!("{} ({})", db.message(), db.code().code())),
        None => match e.source() {
            Some(source) => words(&format!("{e}: {source}")),
            None => words(&e.to_string()),
        },
    }
}

/// Rows of views and of what was never analysed are the planner's guess, which reads nothing.
const TABLE: &str = "SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relkind::text, \
    (SELECT CASE WHEN bool_or(p.reltuples < 0) THEN -1 ELSE sum(p.reltuples) END FROM pg_class p WHERE p.oid = c.oid AND \
    c.relkind <> 'p' OR p.relispartition AND p.relkind <> 'p' AND c.relkind = 'p' AND p.oid IN (SELECT relid FROM \
    pg_partition_tree(c.oid)))::float8, \
    (SELECT sum(pg_table_size(p.oid)) FROM pg_class p WHERE p.oid = c.oid OR c.relkind = 'p' AND p.oid IN (SELECT relid \
    FROM pg_partition_tree(c.oid)))::int8, current_setting('server_version') \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)";

const COLUMNS: &str = "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), \
    CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE format_type(a.atttypid, a.atttypmod) END, \
    t.typtype::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
    WHERE a.attrelid = ($1::text)::int8::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

impl Session for Postgres {
    fn describe(&mut self, table: &TableName) -> Result<Described, EngineError> {
        let name: Vec<String> = table.parts().iter().map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
        let none = || EngineError::NoTable { engine: NAME, table: table.to_string() };
        let found = self.asked(table, TABLE, &[&name.join(".")])?;
        let row = found.first().ok_or_else(none)?;
        let (oid, schema, relation): (i64, String, String) = (row.get(0), row.get(1), row.get(2));
        let (kind, rows, bytes): (String, Option<f64>, Option<i64>) = (row.get(3), row.get(4), row.get(5));
        let engine = format!("PostgreSQL {}", row.get::<_, String>(6));
        let resolved = TableName::of(vec![schema, relation]);
        let columns = self.asked(table, COLUMNS, &[&oid.to_string()])?.iter().map(column).collect();
        let known = rows.filter(|rows| *rows >= 0.0 && ["r", "m", "p"].contains(&kind.as_str()));
        let (rows, from) = match known {
            Some(rows) => (Some(rows as u64), "pg_class.reltuples, as of its last ANALYZE".to_owned()),
            None => (self.guessed(table, &resolved)?, "the planner's guess (EXPLAIN)".to_owned()),
        };
        let bytes = bytes.and_then(|bytes| u64::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
        let estimate = Estimate { rows, from, bytes, whole_rows: true };
        Ok(Described { engine, table: resolved, columns, estimate })
    }

    fn query(&mut self, table: &TableName, sql: &str, columns: &[As], each: Each<'_>) -> Result<(), EngineError> {
        let senseless = |why: String| EngineError::Senseless { engine: NAME, table: table.to_string(), why };
        self.wait(async {
            let none: [&str; 0] = [];
            let rows = self.client.query_raw(sql, none).await.map_err(|e| self.failed(table, &e))?;
            let mut rows = pin!(rows);
            while let Some(row) = rows.try_next().await.map_err(|e| self.failed(table, &e))? {
                if row.len() != columns.len() {
                    return Err(senseless(format!("{} columns instead of {}", row.len(), columns.len())));
                }
                let values: Result<Vec<Value>, tokio_postgres::Error> =
                    columns.iter().enumerate().map(|(at, kind)| value(&row, at, *kind)).collect();
                let values = values.map_err(|e| senseless(said(&e)))?;
                each(values).map_err(|Wrong(why)| senseless(why))?;
            }
            Ok(())
        })?
    }
}

impl Postgres {
    fn guessed(&self, table: &TableName, resolved: &TableName) -> Result<Option<u64>, EngineError> {
        let name: Vec<String> =
            resolved.parts().iter().map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
        let lines = self.asked(table, &format!("EXPLAIN SELECT 1 FROM {}", name.join(".")), &[])?;
        let first: Option<String> = lines.first().and_then(|row| row.try_get(0).ok());
        let rows = first.as_deref().and_then(|line| line.split_once(" rows=")).map(|(_, rest)| rest);
        Ok(rows.and_then(|rest| rest.split(' ').next()?.parse().ok()))
    }
}

fn column(row: &Row) -> RemoteColumn {
    let (name, type_name, base, class): (String, String, String, String) =
        (row.get(0), row.get(1), row.get(2), row.get(3));
    let plain = base.split('(').next().unwrap_or_default().trim();
    let shape = match plain {
        "smallint" | "integer" | "bigint" => Shape::Number { is_whole: true },
        "real" | "double precision" | "numeric" if !base.ends_with(']') => Shape::Number { is_whole: false },
        "boolean" => Shape::Boolean,
        "text" | "character varying" | "character" | "name" | "citext" if !base.ends_with(']') => Shape::Text,
        "date" => Shape::Time,
        "timestamp" | "timestamp without time zone" | "timestamp with time zone" if !base.ends_with(']') => Shape::Time,
        _ if class == "e" => Shape::Text,
        _ => Shape::Other,
    };
    // Of a domain: what it is made of.
    let type_name = if base == type_name { type_name } else { base };
    RemoteColumn { name, type_name, shape, bytes: None }
}

fn value(row: &Row, at: usize, kind: As) -> Result<Value, tokio_postgres::Error> {
    Ok(match kind {
        As::Double => row.try_get::<_, Option<f64>>(at)?.map_or(Value::Null, Value::Double),
        As::Integer => row.try_get::<_, Option<i64>>(at)?.map_or(Value::Null, Value::Integer),
        As::Text => row.try_get::<_, Option<String>>(at)?.map_or(Value::Null, Value::Text),
        As::Boolean => row.try_get::<_, Option<bool>>(at)?.map_or(Value::Null, Value::Boolean),
    })
}
