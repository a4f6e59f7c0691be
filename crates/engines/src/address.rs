//! Where an engine is, from one URL. What proves who we are is never in it: command lines are seen by everyone.

mod origin;

use self::origin::named_port;
use crate::Engine;
use crate::error::EngineError;
use reqwest::Url;

pub use self::origin::origin;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub engine: Engine,
    /// Without the password, which may not be in it.
    pub url: String,
    /// Host, port and database, for a person.
    pub shown: String,
    /// Whom the URL says that we are.
    pub user: Option<String>,
    /// Nobody else can listen.
    pub is_this_machine: bool,
    /// Whether what is sent is sealed.
    pub tls: bool,
    /// The host that is spoken to, or a socket's folder: as it was read here, and no client reads it from the URL again.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Of Postgres; without it, the user's name.
    pub(crate) database: Option<String>,
    /// Postgres's `channel_binding=require`: nobody between may pass on who we are.
    pub(crate) binds: bool,
    /// Of Spark: headers for a gateway, `x-name=value`.
    pub(crate) headers: Vec<String>,
}

const SCHEMES: &str = "postgres://user@host/database, https://user@host:8443/database of ClickHouse (http:// and \
                       clickhouse:// too), or sc://host:15002 of Spark Connect.";
const SECRET: &str = "An address is seen by everyone: Settings keeps a password, or SIGNALBOX_ENGINE_PASSWORD (or \
                      PGPASSWORD, CLICKHOUSE_PASSWORD) holds it.";
const PLAIN: &str = "Add use_ssl=true; or write use_ssl=false if everyone on the way may read it.";

impl Address {
    pub fn parse(text: &str) -> Result<Address, EngineError> {
        // Not the text itself: a password may be in it.
        let bad = |what: &str| EngineError::Address(format!("The engine's URL {what}."), SCHEMES);
        let secret = || EngineError::Address("The engine's URL has a password in it.".into(), SECRET);
        let parsed = |text: &str| Url::parse(text).map_err(|e| bad(&format!("cannot be read ({e})")));
        let url = parsed(text)?;
        // ClickHouse's own scheme is read as what it stands for: else a host is not the same in both.
        let is_clickhouse = url.scheme() == "clickhouse";
        let url = if is_clickhouse { parsed(&text.replacen("clickhouse:", "https:", 1))? } else { url };
        // Clients read URLs otherwise than this one does: what they could take for a host is not in it.
        let after = text.split_once("://").map_or(text, |(_, rest)| rest);
        let tail = after.find(['/', '?', '#']).map_or("", |end| &after[end..]);
        if url.fragment().is_some() || tail.contains(['@', '\\']) || text.contains(char::is_control) {
            return Err(bad("has a # in it, or an @ where no user is"));
        }
        if text.trim() != text {
            return Err(bad("has spaces around it"));
        }
        let is_secret = |key: &str| {
            let key = key.trim().to_ascii_lowercase();
            ["password", "token", "sslpassword", "passwd", "pwd"].contains(&key.as_str())
        };
        let params = url.path().split(';').skip(1).filter_map(|pair| pair.split('=').next());
        if url.password().is_some()
            || url.query_pairs().any(|(key, _)| is_secret(&key))
            || params.into_iter().any(is_secret)
        {
            return Err(secret());
        }
        let engine = match url.scheme() {
            "postgres" | "postgresql" => Engine::Postgres,
            "clickhouse" | "http" | "https" => Engine::ClickHouse,
            "sc" => Engine::Spark,
            other => return Err(bad(&format!("begins with {other:?}"))),
        };
        if let Some(odd) = odd_part(engine, &url) {
            return Err(bad(&format!("has {odd:?} in it, which is not passed on")));
        }
        let host = url.host_str().unwrap_or_default();
        if host.contains('%') {
            return Err(bad("names a host that is none"));
        }
        // Without a host: Postgres's socket on this machine.
        let is_socket = engine == Engine::Postgres && host.is_empty();
        if host.is_empty() && !is_socket {
            return Err(bad("names no host"));
        }
        let named: Vec<String> = (url.query_pairs())
            .filter(|(key, value)| {
                engine == Engine::Postgres && (key == "host" || key == "hostaddr") && !value.is_empty()
            })
            .map(|(_, value)| value.into_owned())
            .collect();
        // Postgres's client would try all of them; what is shown and sealed is one.
        let places = usize::from(!is_socket) + named.len();
        if places > 1 || host.contains(',') || named.iter().any(|host| host.contains(',')) {
            return Err(bad("names more than one host, or one twice"));
        }
        let is_this_machine = match named.first() {
            Some(host) => is_loopback(host) || host.starts_with('/'),
            None => is_socket || is_loopback(host),
        };
        let shown = match named.first().filter(|host| !host.starts_with('/')) {
            Some(host) => format!("{host}{}", url.path().trim_end_matches('/')),
            None => shown(&url),
        };
        let of_query = |wanted: &str| {
            let found = url.query_pairs().find(|(key, _)| engine == Engine::Postgres && key == wanted);
            found.map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())
        };
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(unescaped).or_else(|| of_query("user"));
        let port = match of_query("port") {
            Some(port) => Some(port.parse().map_err(|_| bad("names a port that is none"))?),
            None => named_port(text),
        };
        let dialled =
            named.first().map_or(host, String::as_str).trim_start_matches('[').trim_end_matches(']').to_owned();
        let database = Some(unescaped(url.path().trim_matches('/'))).filter(|name| !name.is_empty());
        let mut address = Address {
            engine,
            url: text.to_owned(),
            shown,
            user,
            is_this_machine,
            tls: false,
            port: port.unwrap_or(if engine == Engine::Spark { 15002 } else { 5432 }),
            host: if dialled.is_empty() { sockets().to_owned() } else { dialled },
            database: database.filter(|_| engine != Engine::Spark),
            binds: of_query("channel_binding").as_deref() == Some("require"),
            headers: url.path().split(';').filter(|pair| pair.starts_with("x-")).map(str::to_owned).collect(),
        };
        match engine {
            Engine::Postgres => address.tls = postgres_tls(&url, is_this_machine),
            Engine::ClickHouse => {
                let scheme = if is_clickhouse && is_this_machine { "http" } else { url.scheme() };
                address.clickhouse(&url, scheme.to_owned(), port)?;
            }
            Engine::Spark => {
                let mut said = url.path().split(';').filter_map(|pair| pair.strip_prefix("use_ssl="));
                let first = said.next();
                if said.next().is_some() || first.is_some_and(|value| value != "true" && value != "false") {
                    return Err(EngineError::Address(
                        "The engine's URL says use_ssl twice, or not true or false.".into(),
                        PLAIN,
                    ));
                }
                address.tls = first == Some("true");
                if !address.tls && !is_this_machine && first.is_none() {
                    return Err(EngineError::Address(
                        format!("{} is another machine, and TLS is not asked for.", address.shown),
                        PLAIN,
                    ));
                }
            }
        }
        Ok(address)
    }

    fn clickhouse(&mut self, url: &Url, scheme: String, port: Option<u16>) -> Result<(), EngineError> {
        self.tls = scheme == "https";
        // A URL's scheme decides on its default port, so it is put in front as text.
        let rest = url.as_str().split_once(':').map_or("", |(_, rest)| rest);
        let mut url = Url::parse(&format!("{scheme}:{rest}"))
            .map_err(|e| EngineError::Address(format!("The engine's URL cannot be read ({e})."), SCHEMES))?;
        self.port = port.unwrap_or(if self.tls { 8443 } else { 8123 });
        let _ = url.set_port(Some(self.port));
        self.shown = shown(&url);
        self.url = url.to_string();
        Ok(())
    }
}

/// Where Postgres listens on this machine: Debian and Fedora have a folder for it, others its own usual one.
fn sockets() -> &'static str {
    let folder = "/var/run/postgresql";
    if std::path::Path::new(folder).is_dir() { folder } else { "/tmp" }
}

/// What of an address would change who is asked, or as whom, or in which way, without standing where a person looks.
fn odd_part(engine: Engine, url: &Url) -> Option<String> {
    let is_socket = url.host_str().is_none_or(str::is_empty);
    let query: &[&str] = match engine {
        // Without a host there is no other place for them. The last three say how, not whom; ours are used instead.
        Engine::Postgres if is_socket => &[
            "sslmode",
            "host",
            "hostaddr",
            "user",
            "port",
            "channel_binding",
            "application_name",
            "connect_timeout",
            "target_session_attrs",
        ],
        Engine::Postgres => &[
            "sslmode",
            "host",
            "hostaddr",
            "channel_binding",
            "application_name",
            "connect_timeout",
            "target_session_attrs",
        ],
        Engine::ClickHouse => &["max_threads", "max_memory_usage"],
        Engine::Spark => &[],
    };
    let of_path = |pair: &str| {
        let key = pair.split('=').next().unwrap_or_default().to_owned();
        // A gateway before a cluster is told by headers which one is meant.
        let is_known = engine == Engine::Spark && (matches!(key.as_str(), "" | "use_ssl") || key.starts_with("x-"));
        (!is_known).then_some(key)
    };
    let params = url.path().split(';').skip(1).find_map(of_path);
    let user = (engine == Engine::Spark && !url.username().is_empty()).then(|| url.username().to_owned());
    let part = url.query_pairs().find(|(key, _)| !query.contains(&&**key)).map(|(key, _)| key.into_owned());
    let path =
        (engine == Engine::Postgres && url.path().trim_matches('/').contains('/')).then(|| url.path().to_owned());
    part.or(params).or(user).or(path)
}

/// `%40` is an at sign. What is none stays as it is.
fn unescaped(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match escaped.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Anywhere else TLS is a must, unless the URL says that it is not.
fn postgres_tls(url: &Url, is_this_machine: bool) -> bool {
    match url.query_pairs().find(|(key, _)| key == "sslmode") {
        Some((_, mode)) => mode != "disable" && !(is_this_machine && (mode == "prefer" || mode == "allow")),
        None => !is_this_machine,
    }
}

fn is_loopback(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

fn shown(url: &Url) -> String {
    let port = url.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
    let path = url.path().split(';').next().unwrap_or_default().trim_end_matches('/');
    match url.host_str().filter(|host| !host.is_empty()) {
        Some(host) => format!("{host}{port}{path}"),
        None => format!("this machine's socket{path}"),
    }
}

/// What proves who we are. It prints as nothing.
#[derive(Clone, Default)]
pub struct Password(Option<String>);

impl Password {
    pub fn new(text: Option<String>) -> Password {
        Password(text.filter(|text| !text.is_empty()))
    }

    /// From the engine's own variable or ours, which goes first.
    pub fn of_environment(engine: Engine) -> Password {
        Password::named_in_environment(engine).0
    }

    /// And the variable's name.
    pub fn named_in_environment(engine: Engine) -> (Password, Option<String>) {
        let own = match engine {
            Engine::Postgres => Some("PGPASSWORD"),
            Engine::ClickHouse => Some("CLICKHOUSE_PASSWORD"),
            // The client would take it anyway.
            Engine::Spark => Some("SPARK_CONNECT_AUTHENTICATE_TOKEN"),
        };
        let names = std::iter::once("SIGNALBOX_ENGINE_PASSWORD").chain(own);
        let set = |name: &'static str| Some((name, std::env::var(name).ok().filter(|text| !text.is_empty())?));
        let found = names.into_iter().find_map(set);
        (Password::new(found.as_ref().map(|(_, text)| text.clone())), found.map(|(name, _)| name.to_owned()))
    }

    /// Whether it is the same.
    pub fn is(&self, other: &Password) -> bool {
        self.0 == other.0
    }

    pub(crate) fn reveal(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Password(…)" } else { "Password(none)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_engine_place_and_seal() {
        let check = |text: &str, engine: Engine, shown: &str, tls: bool| {
            let found = Address::parse(text).expect(text);
            assert_eq!((found.engine, found.shown.as_str(), found.tls), (engine, shown, tls), "{text}");
        };
        check("postgres://ada@db.example/app", Engine::Postgres, "db.example/app", true);
        check("postgresql://ada@db.example:5433/app?sslmode=disable", Engine::Postgres, "db.example:5433/app", false);
        check("postgres://127.0.0.1:5432/app", Engine::Postgres, "127.0.0.1:5432/app", false);
        check("postgres://127.0.0.1/app?sslmode=require", Engine::Postgres, "127.0.0.1/app", true);
        check("postgres:///app?host=/run/postgresql", Engine::Postgres, "this machine's socket/app", false);
        check("postgres:///app?host=db.example", Engine::Postgres, "db.example/app", true);
        check("clickhouse://ada@ch.example/logs", Engine::ClickHouse, "ch.example:8443/logs", true);
        check("clickhouse://localhost", Engine::ClickHouse, "localhost:8123", false);
        check("http://[::1]:9/x", Engine::ClickHouse, "[::1]:9/x", false);
        check("sc://localhost:15002", Engine::Spark, "localhost:15002", false);
        check("sc://spark.example:443/;use_ssl=true", Engine::Spark, "spark.example:443", true);
        check("sc://spark.example:443/;use_ssl=false", Engine::Spark, "spark.example:443", false);
    }

    #[test]
    fn a_user_is_as_the_engine_knows_him() {
        let user = |text: &str| Address::parse(text).expect(text).user;
        assert_eq!(user("postgres://ada%40team@db.example/app").as_deref(), Some("ada@team"));
        assert_eq!(user("https://100%25@ch.example").as_deref(), Some("100%"));
        assert_eq!(user("postgres://db.example/app"), None);
    }

    #[test]
    fn one_place_is_spoken_to() {
        for bad in [
            "postgres://ada@localhost/app?hostaddr=203.0.113.5",
            "postgres://db.example/app?host=/run/postgresql",
            "postgres:///app?host=/run/postgresql&hostaddr=203.0.113.5",
            "postgres:///app?host=/run/postgresql,db.example",
            "postgres://localhost,db.example/app",
        ] {
            let said = Address::parse(bad).expect_err(bad).to_string();
            assert!(said.contains("more than one host"), "{bad}: {said}");
        }
        let far = Address::parse("postgres:///app?hostaddr=203.0.113.5").expect("an address");
        assert!(far.tls && !far.is_this_machine && far.host == "203.0.113.5");
        // What another reader of URLs would take for the host, the user or the database.
        for bad in [
            "postgres://trusted.example/app?application_name=x@evil.example/app",
            "postgres:///app?application_name=x#&host=evil.example",
            "postgres://trusted.example/app@evil.example",
            "postgres://trusted.example/app?user=postgres",
            "postgres://trusted.example/app?dbname=payroll",
            "postgres://trusted.example/app?options=-c%20role%3Dpostgres",
            "postgres://trusted.example/app/more",
            "postgres://%2Frun%2Fpostgresql/app",
            "https://ch.example/logs?user=admin",
            "https://ch.example/logs?readonly=0",
            "sc://trusted.example:443/;use_ssl=true;user_id=admin",
            "sc://trusted.example:443/;use_ssl=true;x-a=b@evil.example",
            "sc://ada@trusted.example:443/;use_ssl=true",
            "sc://trusted.example:443/;use_ssl=true?token=x",
            "sc://trusted.example:443/;use_ssl=true;use_ssl=false",
            "sc://trusted.example:443/;use_ssl=true ",
            "postgres://db.example/app;x-b=c",
            "postgres://db.example/app?port=6543",
        ] {
            let error = Address::parse(bad).expect_err(bad);
            assert!(error.is_usage() && error.hint().is_some(), "{bad}: {error}");
        }
        let here = Address::parse("postgresql://ada@[::1]:6543/my%20app").expect("an address");
        assert_eq!((here.host.as_str(), here.port, here.database.as_deref()), ("::1", 6543, Some("my app")));
        let socket = Address::parse("postgres:///app").expect("an address");
        assert_eq!((socket.host.as_str(), socket.is_this_machine), (sockets(), true));
        let socket = Address::parse("postgres:///app?user=ada&port=6543&host=").expect("an address");
        assert_eq!((socket.user.as_deref(), socket.port, socket.tls), (Some("ada"), 6543, false));
        // As it is written, also where a parser thinks that it need not be.
        let proxied = Address::parse("https://ch.example:443/my%20db").expect("an address");
        assert_eq!((proxied.port, proxied.url.as_str()), (443, "https://ch.example/my%20db"));
        assert_eq!((proxied.database.as_deref(), proxied.shown.as_str()), (Some("my db"), "ch.example:443/my%20db"));
        let own = Address::parse("clickhouse://CH.example:443").expect("an address");
        assert_eq!((own.port, own.tls, own.shown.as_str()), (443, true, "ch.example:443"));
        let gateway = Address::parse("sc://spark.example:443/;use_ssl=true;x-cluster=a=b").expect("an address");
        assert_eq!((gateway.tls, gateway.headers), (true, vec!["x-cluster=a=b".to_owned()]));
    }

    #[test]
    fn a_password_is_not_taken_from_a_url_nor_said() {
        for bad in [
            "postgres://ada:hunter2@db/app",
            "postgres://db/app?password=hunter2",
            "https://ada@ch:8443/?password=hunter2",
            "sc://spark:443/;use_ssl=true;token=hunter2",
            "mysql://ada:hunter2@db/app",
            "hunter2",
            "sc://spark.example:15002",
            "https://",
        ] {
            let error = Address::parse(bad).expect_err(bad);
            assert!(error.is_usage() && error.hint().is_some());
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        assert_eq!(format!("{:?}", Password::new(Some("hunter2".into()))), "Password(…)");
    }
}
