//! ClickHouse over HTTP, read only. The whole answer is made before its status is sent, so that a late error is none that
//! looks like rows.

use super::{As, Each, Limits, Session, Value, Wrong};
use crate::Engine;
use crate::address::{Address, Password};
use crate::cancel::Cancel;
use crate::described::{Described, Estimate, RemoteColumn, Shape};
use crate::dialect::{dialect, plain_type};
use crate::error::{EngineError, words};
use crate::name::TableName;
use reqwest::{Client, Url, header};
use std::time::Duration;
use tokio::runtime::Runtime;

const CONNECT: Duration = Duration::from_secs(15);
const NAME: &str = Engine::ClickHouse.name();
/// A row of an answer is a few numbers and a name.
const MAX_LINE: usize = 1 << 20;

pub struct ClickHouse {
    runtime: Runtime,
    client: Client,
    url: Url,
    shown: String,
    user: Option<String>,
    password: Password,
    database: Option<String>,
    limits: Limits,
    cancel: Cancel,
}

impl ClickHouse {
    pub fn open(
        address: &Address,
        password: &Password,
        limits: Limits,
        cancel: &Cancel,
    ) -> Result<ClickHouse, EngineError> {
        let mut url = Url::parse(&address.url).map_err(|e| EngineError::Local(e.to_string()))?;
        if password.reveal().is_some() && !address.tls && !address.is_this_machine {
            return Err(EngineError::Address(
                format!("{} is another machine, and a password would go there unsealed.", address.shown),
                "Write https:// instead.",
            ));
        }
        let user = address.user.clone();
        let database = address.database.clone();
        let _ = url.set_username("");
        url.set_path("/");
        // If another part of the process has chosen already, its choice stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(limits.timeout + CONNECT)
            .redirect(reqwest::redirect::Policy::none());
        if address.is_this_machine {
            // No proxy can reach what only this machine can.
            builder = builder.no_proxy();
        }
        let local = |e: String| EngineError::Local(e);
        let client = builder.build().map_err(|e| local(format!("HTTP cannot be used here: {e}")))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| local(e.to_string()))?;
        let (shown, password) = (address.shown.clone(), password.clone());
        Ok(ClickHouse { runtime, client, url, shown, user, password, database, limits, cancel: cancel.clone() })
    }

    fn address(&self) -> Url {
        let mut url = self.url.clone();
        let bytes = self.limits.max_bytes.to_string();
        let seconds = self.limits.timeout.as_secs().max(1).to_string();
        let mut query = url.query_pairs_mut();
        for (key, value) in [
            ("readonly", "1"),
            ("default_format", "JSONCompactEachRow"),
            ("session_timezone", "UTC"),
            ("wait_end_of_query", "1"),
            // Else 2⁵³ and more lose digits in some readers; ours takes both.
            ("output_format_json_quote_64bit_integers", "1"),
            ("output_format_json_quote_denormals", "1"),
            ("max_execution_time", &seconds),
            ("max_result_bytes", &bytes),
            ("result_overflow_mode", "throw"),
            // A reference's levels may be long.
            ("max_query_size", "67108864"),
            ("max_ast_elements", "5000000"),
            ("max_expanded_ast_elements", "5000000"),
            // Whoever stops waiting stops the query.
            ("cancel_http_readonly_queries_on_client_close", "1"),
        ] {
            query.append_pair(key, value);
        }
        if let Some(database) = &self.database {
            query.append_pair("database", database);
        }
        drop(query);
        url
    }

    async fn answer(
        &self,
        table: &TableName,
        sql: &str,
        line: &mut dyn FnMut(&[u8]) -> Result<(), Wrong>,
    ) -> Result<(), EngineError> {
        let failed = |why: &str| EngineError::Failed { engine: NAME, table: table.to_string(), why: words(why) };
        let senseless = |Wrong(why)| EngineError::Senseless { engine: NAME, table: table.to_string(), why };
        let mut request = self.client.post(self.address()).header(header::CONTENT_TYPE, "text/plain; charset=utf-8");
        if let Some(user) = &self.user {
            request = request.header("X-ClickHouse-User", user);
        }
        if let Some(password) = self.password.reveal() {
            request = request.header("X-ClickHouse-Key", password);
        }
        let sent = request.body(sql.to_owned()).send().await;
        let mut response = sent.map_err(|e| EngineError::Unreachable {
            engine: NAME,
            address: self.shown.clone(),
            why: chain(&e),
            hint: "Is its HTTP port (8123, or 8443 with TLS) open, and is the user's password in CLICKHOUSE_PASSWORD?",
        })?;
        if !response.status().is_success() {
            let status = response.status();
            let mut said = Vec::new();
            while let Some(bytes) = response.chunk().await.map_err(|e| failed(&chain(&e)))? {
                said.extend_from_slice(&bytes);
                if said.len() > 4096 {
                    break;
                }
            }
            return Err(failed(&format!("HTTP {}: {}", status.as_u16(), String::from_utf8_lossy(&said))));
        }
        let (mut pending, mut n_bytes) = (Vec::new(), 0);
        while let Some(bytes) = response.chunk().await.map_err(|e| failed(&chain(&e)))? {
            n_bytes += bytes.len();
            if n_bytes > self.limits.max_bytes {
                let limit = format!("{} bytes", self.limits.max_bytes);
                return Err(EngineError::TooLarge { table: table.to_string(), limit });
            }
            for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                pending.extend_from_slice(piece);
                if pending.len() > MAX_LINE {
                    return Err(senseless(Wrong("a row of more than a mebibyte".into())));
                }
                if piece.ends_with(b"\n") {
                    line(pending.trim_ascii()).map_err(senseless)?;
                    pending.clear();
                }
            }
        }
        // What ends without an end was cut.
        if pending.trim_ascii().is_empty() { Ok(()) } else { line(pending.trim_ascii()).map_err(senseless) }
    }
}

fn chain(e: &reqwest::Error) -> String {
    use std::error::Error;
    // The address is said by whoever says this, without all of its settings.
    let mut said = e.to_string().split(" for url (").next().unwrap_or_default().to_owned();
    let mut next = e.source();
    while let Some(source) = next {
        said = format!("{said}: {source}");
        next = source.source();
    }
    words(&said)
}

impl Session for ClickHouse {
    fn describe(&mut self, table: &TableName) -> Result<Described, EngineError> {
        let words = dialect(Engine::ClickHouse);
        let text = |text: &str| words.text(text).unwrap_or_default();
        let (database, name) = match table.parts() {
            [name] => ("currentDatabase()".to_owned(), name),
            [database, name] => (text(database), name),
            _ => return Err(EngineError::TableName(table.to_string())),
        };
        let place = format!("database = {database} AND");
        let sql = format!(
            "SELECT database, total_rows, total_bytes, version() FROM system.tables WHERE {place} name = {}",
            text(name)
        );
        let mut found = None;
        self.query(table, &sql, &[As::Text, As::Integer, As::Integer, As::Text], &mut |row| {
            found = Some(row);
            Ok(())
        })?;
        let Some([Value::Text(database), rows, bytes, version]) = found.as_deref() else {
            return Err(EngineError::NoTable { engine: NAME, table: table.to_string() });
        };
        let known = |value: &Value| match value {
            Value::Integer(n) => u64::try_from(*n).ok(),
            _ => None,
        };
        let version = if let Value::Text(version) = version { version.as_str() } else { "" };
        let resolved = TableName::of(vec![database.clone(), name.clone()]);
        let (rows, bytes, engine) = (known(rows), known(bytes), format!("ClickHouse {version}"));
        let sql = format!(
            "SELECT name, type, data_compressed_bytes FROM system.columns WHERE {place} table = {} ORDER BY position",
            text(name)
        );
        let mut columns = Vec::new();
        self.query(table, &sql, &[As::Text, As::Text, As::Integer], &mut |row| {
            let [Value::Text(name), Value::Text(type_name), bytes] = &row[..] else {
                return Err(Wrong("a column without a name".into()));
            };
            let shape = shape(plain_type(type_name));
            // Views have none, and say 0.
            let bytes = known(bytes).filter(|bytes| *bytes > 0);
            columns.push(RemoteColumn { name: name.clone(), type_name: type_name.clone(), shape, bytes });
            Ok(())
        })?;
        let mut estimate = Estimate { rows, from: "system.tables".into(), bytes, whole_rows: false };
        if estimate.rows.is_none() {
            let parts: Vec<String> = resolved.parts().iter().map(|part| words.ident(part)).collect();
            let sql = format!("SELECT toInt64(count()) FROM {}", parts.join("."));
            self.query(table, &sql, &[As::Integer], &mut |row| {
                estimate.rows = known(&row[0]);
                Ok(())
            })?;
            estimate.from = "counted just now: the catalogue does not say".into();
        }
        Ok(Described { engine, table: resolved, columns, estimate })
    }

    fn query(&mut self, table: &TableName, sql: &str, columns: &[As], each: Each<'_>) -> Result<(), EngineError> {
        let this = &*self;
        this.runtime.block_on(async {
            let mut line = |line: &[u8]| {
                if line.is_empty() {
                    return Ok(());
                }
                each(row(line, columns)?)
            };
            tokio::select! {
                done = this.answer(table, sql, &mut line) => done,
                // Its connection is closed with it.
                () = this.cancel.wait() => Err(EngineError::Cancelled),
            }
        })
    }
}

fn shape(plain: &str) -> Shape {
    let begins = |with: &str| plain.starts_with(with);
    match plain {
        "Bool" => Shape::Boolean,
        "String" => Shape::Text,
        "Float32" | "Float64" | "BFloat16" => Shape::Number { is_whole: false },
        _ if begins("Int") && !begins("Interval") || begins("UInt") => Shape::Number { is_whole: true },
        _ if begins("Decimal") => Shape::Number { is_whole: false },
        _ if begins("Enum") || begins("FixedString") => Shape::Text,
        _ if begins("DateTime") || plain == "Date" || plain == "Date32" => Shape::Time,
        _ => Shape::Other,
    }
}

fn row(line: &[u8], columns: &[As]) -> Result<Vec<Value>, Wrong> {
    // Texts over there are bytes.
    let text = String::from_utf8_lossy(line);
    let begin = || words(&text.chars().take(200).collect::<String>());
    let found: Vec<serde_json::Value> =
        serde_json::from_str(&text).map_err(|_| Wrong(format!("no row: {}", begin())))?;
    if found.len() != columns.len() {
        return Err(Wrong(format!("{} columns instead of {}", found.len(), columns.len())));
    }
    let of = |(value, kind): (serde_json::Value, &As)| {
        value_of(value, *kind).ok_or_else(|| Wrong(format!("a value of another type: {}", begin())))
    };
    found.into_iter().zip(columns).map(of).collect()
}

fn value_of(value: serde_json::Value, kind: As) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match (kind, value) {
        (_, Json::Null) => Value::Null,
        (As::Integer, Json::Number(n)) => Value::Integer(n.as_i64()?),
        (As::Integer, Json::String(text)) => Value::Integer(text.parse().ok()?),
        (As::Double, Json::Number(n)) => Value::Double(n.as_f64()?),
        (As::Double, Json::String(text)) => Value::Double(text.parse().ok()?),
        (As::Text, Json::String(text)) => Value::Text(text),
        (As::Boolean, Json::Bool(value)) => Value::Boolean(value),
        _ => return None,
    })
}
