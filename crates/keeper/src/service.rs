//! A service: one address, the versions behind it, and who gets the next request.

use std::sync::{Arc, Mutex};

use signalbox_release::{Digest, Failure, FailureCode, ServiceName, Split, VersionRef};
use tokio::task::AbortHandle;

use crate::held;
use crate::protocol::{ServiceSeen, Stand, VersionSeen};
use crate::server::Server;
use crate::visit::Visit;

pub struct Service {
    pub name: ServiceName,
    pub port: u16,
    pub table: Mutex<Table>,
    /// Why its port is not open.
    pub trouble: Mutex<Option<String>>,
    /// Listens on the port.
    pub listens: Mutex<Option<AbortHandle>>,
}

#[derive(Default)]
pub struct Table {
    pub entries: Vec<Entry>,
}

pub struct Entry {
    pub server: Arc<Server>,
    /// Percent of the traffic.
    pub share: u8,
    /// What it is owed, in hundredths of a request.
    credit: i32,
    /// It is in the state file; until then it is still being loaded.
    pub kept: bool,
}

/// Whom a request asks for by its header: `VERSION`, or `VERSION sha256:HEX`.
#[derive(Debug, PartialEq)]
pub struct Pin {
    pub version: String,
    pub digest: Option<Digest>,
}

/// Why a request goes to nobody.
#[derive(Debug, PartialEq)]
pub enum Nobody {
    /// No version takes traffic.
    Takes,
    /// The version that it asks for is not loaded.
    Loaded,
    /// Several are called so.
    Sure,
}

impl Pin {
    pub fn read(text: &str) -> Option<Pin> {
        let (version, digest) = match text.trim().split_once(' ') {
            Some((version, digest)) => (version, Some(digest.trim().parse().ok()?)),
            None => (text.trim(), None),
        };
        Some(Pin { version: version.to_owned(), digest })
    }

    fn fits(&self, server: &Server) -> bool {
        let digest = server.life(|life| life.digest.clone());
        self.version == server.what.at.version.as_str() && (self.digest.is_none() || self.digest == digest)
    }
}

impl Entry {
    pub fn new(server: Arc<Server>, share: u8, kept: bool) -> Entry {
        Entry { server, share, credit: 0, kept }
    }

    pub fn is(&self, at: &VersionRef) -> bool {
        self.server.what.at.is(at)
    }

    fn seen(&self) -> VersionSeen {
        let server = &self.server;
        let (n_requests, n_errors) = {
            let tally = held(&server.tally);
            (tally.n_requests, tally.n_errors)
        };
        server.life(|life| VersionSeen {
            at: server.what.at.clone(),
            share: self.share,
            stand: if self.kept || life.stand != Stand::Ready { life.stand } else { Stand::Loading },
            digest: life.digest.clone(),
            since_unix_ms: server.what.since_unix_ms,
            n_restarts: life.n_restarts,
            last_failure: life.last_failure.as_ref().map(|failure| failure.message.clone()),
            pid: life.runs.map(|(pid, _)| pid.as_raw_nonzero().get().unsigned_abs()),
            port: life.runs.map(|(_, port)| port),
            path: server.what.path.clone(),
            log: server.log.clone(),
            key: server.what.key.clone(),
            n_in_flight: life.n_in_flight,
            n_requests,
            n_errors,
        })
    }
}

impl Table {
    pub fn find(&self, at: &VersionRef) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.is(at))
    }

    /// The version that gets a request, with the request in it.
    ///
    /// By error diffusion, so that ten per cent of thirty requests are three: every version is owed its share, the one
    /// that is owed most is chosen, and a whole request is taken off what it is owed.
    pub fn choose(&mut self, pin: Option<&Pin>) -> Result<Visit, Nobody> {
        if let Some(pin) = pin {
            let mut fitting = self.entries.iter().filter(|entry| pin.fits(&entry.server));
            return match (fitting.next(), fitting.next()) {
                (Some(entry), None) => Ok(Visit::new(&entry.server)),
                (None, _) => Err(Nobody::Loaded),
                _ => Err(Nobody::Sure),
            };
        }
        let mut takers: Vec<&mut Entry> = self.entries.iter_mut().filter(|entry| entry.share > 0).collect();
        takers.iter_mut().for_each(|entry| entry.credit += i32::from(entry.share));
        let most = takers.iter().map(|entry| entry.credit).max().ok_or(Nobody::Takes)?;
        let chosen = takers.into_iter().find(|entry| entry.credit == most).expect("BUG: one has the most");
        chosen.credit -= 100;
        Ok(Visit::new(&chosen.server))
    }

    /// The share of each entry that a split gives.
    pub fn shares_after(&self, split: &Split) -> Result<Vec<u8>, Failure> {
        let mut shares = vec![0; self.entries.len()];
        let find = |at: &VersionRef| {
            let found = self.entries.iter().position(|entry| entry.is(at));
            found.ok_or_else(|| Failure::new(FailureCode::NotFound, format!("{at} is not loaded")))
        };
        let Some(to) = &split.to else { return Ok(shares) };
        shares[find(to)?] = split.share;
        match &split.rest {
            _ if split.share == 100 => {}
            Some(rest) if !rest.is(to) => shares[find(rest)?] = 100 - split.share,
            _ => {
                let said = format!("nobody is named who takes the other {} %", 100 - split.share);
                return Err(Failure::new(FailureCode::Invalid, said));
            }
        }
        Ok(shares)
    }

    /// Who is not named takes none. The next request sees all of it, or none.
    pub fn set(&mut self, shares: &[(VersionRef, u8)]) {
        for entry in &mut self.entries {
            let found = shares.iter().find(|(at, _)| entry.server.what.at.is(at));
            (entry.share, entry.credit) = (found.map_or(0, |(_, share)| *share), 0);
        }
    }
}

impl Service {
    pub fn new(name: ServiceName, port: u16) -> Service {
        Service { name, port, table: Mutex::default(), trouble: Mutex::default(), listens: Mutex::default() }
    }

    pub fn seen(&self) -> ServiceSeen {
        let versions: Vec<VersionSeen> = held(&self.table).entries.iter().map(Entry::seen).collect();
        let how = held(&self.table).entries.first().map(|entry| entry.server.what.how.clone());
        let path = how.as_ref().map_or("/", |how| how.asked_path());
        ServiceSeen {
            service: self.name.clone(),
            port: self.port,
            address: format!("http://127.0.0.1:{}{path}", self.port),
            trouble: held(&self.trouble).clone(),
            versions,
        }
    }

    /// Closes the port. Connections that are open end when their callers end them.
    pub fn close(&self) {
        if let Some(listens) = held(&self.listens).take() {
            listens.abort();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;
    use crate::how::How;
    use crate::server::What;

    fn at(version: &str) -> VersionRef {
        VersionRef {
            registry: "own".parse().expect("a name"),
            model: "churn".parse().expect("a name"),
            version: version.parse().expect("a name"),
            digest: None,
        }
    }

    /// Servers whose artifact is nowhere, so that nothing is started.
    fn table(shares: &[(&str, u8)]) -> Table {
        let entry = |(version, share): &(&str, u8)| {
            let what = What {
                at: at(version),
                path: "/nowhere/at/all".into(),
                how: How::Mlflow { python: "python3".into() },
                key: String::new(),
                since_unix_ms: 0,
                digest: None,
            };
            let limit = Some(std::time::Duration::from_secs(1));
            Entry::new(Server::start(what, "/nowhere/log".into(), &Folder::new("/nowhere".into()), limit), *share, true)
        };
        Table { entries: shares.iter().map(entry).collect() }
    }

    fn counts(table: &mut Table, n: usize) -> Vec<usize> {
        let chosen: Vec<String> =
            (0..n).map(|_| table.choose(None).expect("somebody").server.what.at.version.to_string()).collect();
        let of = |entry: &Entry| chosen.iter().filter(|v| **v == entry.server.what.at.version.as_str()).count();
        table.entries.iter().map(of).collect()
    }

    #[test]
    fn ten_per_cent_of_few_requests_are_ten_per_cent() {
        for share in [1, 10, 33, 50, 99, 100] {
            let mut table = table(&[("1", 100 - share), ("2", share)]);
            for _ in 0..3 {
                assert_eq!(counts(&mut table, 100), [100 - usize::from(share), usize::from(share)]);
            }
        }
        assert_eq!(counts(&mut table(&[("1", 90), ("2", 10)]), 30), [27, 3]);
        assert!(matches!(table(&[("1", 0)]).choose(None), Err(Nobody::Takes)));
    }

    #[test]
    fn a_header_names_one_version() {
        let mut two = table(&[("1", 0), ("2", 100)]);
        let pin = |text: &str| Pin::read(text).expect("a pin");
        assert_eq!(two.choose(Some(&pin("1"))).map(|visit| visit.server.what.at.clone()).ok(), Some(at("1")));
        assert_eq!(two.choose(Some(&pin("3"))).err(), Some(Nobody::Loaded));
        let other = format!("1 {}", Digest::of("another"));
        assert_eq!(two.choose(Some(&pin(&other))).err(), Some(Nobody::Loaded));
        assert_eq!(table(&[("1", 0), ("1", 0)]).choose(Some(&pin("1"))).err(), Some(Nobody::Sure));
        assert_eq!(Pin::read("1 sha256:zz"), None);
    }

    #[test]
    fn what_a_share_leaves_goes_to_who_is_named() {
        let check = |shares: &[(&str, u8)], to: Option<&str>, share, rest: Option<&str>, wanted: Option<&[u8]>| {
            let after = table(shares).shares_after(&Split { to: to.map(at), share, rest: rest.map(at), among: None });
            assert_eq!(after.as_deref().ok(), wanted, "{after:?}");
        };
        check(&[("1", 100), ("2", 0)], Some("2"), 10, Some("1"), Some(&[90, 10]));
        check(&[("1", 90), ("2", 10)], Some("2"), 100, Some("1"), Some(&[0, 100]));
        // The way back from all of it to a part of it.
        check(&[("1", 0), ("2", 100)], Some("2"), 50, Some("1"), Some(&[50, 50]));
        check(&[("1", 0), ("2", 100)], None, 0, None, Some(&[0, 0]));
        // All of it takes nobody else, loaded or not.
        check(&[("1", 0)], Some("1"), 100, Some("2"), Some(&[100]));
        check(&[("1", 0)], Some("1"), 40, None, None);
        check(&[("1", 0)], Some("1"), 40, Some("1"), None);
        check(&[("1", 0)], Some("1"), 40, Some("2"), None);
        check(&[("1", 0)], Some("2"), 100, None, None);
        check(&[("1", 50), ("2", 50), ("3", 0)], Some("3"), 10, Some("1"), Some(&[90, 0, 10]));
        check(&[("1", 50), ("2", 50), ("3", 0)], Some("3"), 100, None, Some(&[0, 0, 100]));
    }
}
