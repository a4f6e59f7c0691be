//! Which tables hang on a project, a source, a run, a series or a tag: read from the schema itself, so that a table that is added
//! later is neither left behind when a project is forgotten nor left out when room is counted.
//!
//! The rule: a table's rows belong to what its INTEGER column `tag`, `series`, `run`, `source` or `project` names, the first
//! of these that it has. Whatever cannot follow it is named in [`APART`], and a test holds every table against both.

use rusqlite::Connection;

use crate::Result;

/// Tables that the rule is not about: the owners' own rows, what is numbered by series (`blocks`), and what belongs to
/// nobody or, as what the code was, to several. Preferences are forgotten by their names ([`crate::Forgetting`]).
pub(crate) const APART: [&str; 10] =
    ["project", "source", "run", "series", "media_tag", "chunk", "node", "snapshot", "counter", "pref"];

/// What a table's rows belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// A row of `media_tag`.
    Tag,
    Series,
    Run,
    Source,
    Project,
}

impl Owner {
    const ALL: [Owner; 5] = [Owner::Tag, Owner::Series, Owner::Run, Owner::Source, Owner::Project];

    pub fn column(self) -> &'static str {
        match self {
            Owner::Tag => "tag",
            Owner::Series => "series",
            Owner::Run => "run",
            Owner::Source => "source",
            Owner::Project => "project",
        }
    }
}

/// A table of which each row belongs to one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub name: String,
    pub owner: Owner,
    /// An SQL expression: the bytes that a row's values take.
    pub bytes: String,
    /// What a row is known by, as SQL.
    key: String,
}

impl Table {
    /// Deletes at most `limit` of the rows that belong to `id`; how many they were.
    pub fn delete_some(&self, db: &Connection, id: i64, limit: usize) -> Result<usize> {
        let Table { name, key, owner, .. } = self;
        let column = owner.column();
        let sql = format!(
            "DELETE FROM \"{name}\" WHERE ({key}) IN (SELECT {key} FROM \"{name}\" WHERE \"{column}\" = ?1 LIMIT ?2)"
        );
        Ok(db.prepare_cached(&sql)?.execute((id, limit as i64))?)
    }

    /// The bytes that the rows of `id` take.
    pub fn bytes_of(&self, db: &Connection, id: i64) -> Result<u64> {
        let Table { name, bytes, owner, .. } = self;
        let sql = format!("SELECT ifnull(sum({bytes}), 0) FROM \"{name}\" WHERE \"{}\" = ?", owner.column());
        Ok(db.prepare_cached(&sql)?.query_row((id,), |row| row.get::<_, i64>(0))?.unsigned_abs())
    }
}

struct Column {
    name: String,
    is_integer: bool,
    in_key: bool,
}

/// The tables that have owners, by the schema as it is in the file.
pub(crate) fn tables(db: &Connection) -> Result<Vec<Table>> {
    let mut list = db.prepare_cached(
        "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%'
         ESCAPE '\\' ORDER BY name",
    )?;
    let names: Vec<(String, bool)> =
        list.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut out = Vec::new();
    for (name, without_rowid) in names {
        if APART.contains(&name.as_str()) {
            continue;
        }
        let columns = columns(db, &name)?;
        let owns = |owner: &&Owner| columns.iter().any(|c| c.is_integer && c.name == owner.column());
        let Some(owner) = Owner::ALL.iter().find(owns).copied() else { continue };
        let key = if without_rowid {
            let key: Vec<String> = columns.iter().filter(|c| c.in_key).map(|c| quoted(&c.name)).collect();
            key.join(", ")
        } else {
            "rowid".to_owned()
        };
        out.push(Table { bytes: sum(columns.iter().map(|c| c.name.as_str())), name, owner, key });
    }
    Ok(out)
}

/// Of a table that is not in [`tables`] too: the bytes that a row's values take, as SQL.
pub(crate) fn row_bytes(db: &Connection, table: &str) -> Result<String> {
    Ok(sum(columns(db, table)?.iter().map(|c| c.name.as_str())))
}

fn columns(db: &Connection, table: &str) -> Result<Vec<Column>> {
    let mut select = db.prepare_cached("SELECT name, upper(type) = 'INTEGER', pk > 0 FROM pragma_table_info(?)")?;
    let rows = select
        .query_map((table,), |row| Ok(Column { name: row.get(0)?, is_integer: row.get(1)?, in_key: row.get(2)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// `octet_length` reads a long value's header only, not the value.
fn sum<'a>(columns: impl Iterator<Item = &'a str>) -> String {
    let each: Vec<String> = columns.map(|name| format!("ifnull(octet_length({}), 0)", quoted(name))).collect();
    if each.is_empty() { "0".into() } else { each.join(" + ") }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[test]
    fn every_table_has_an_owner_or_is_named() {
        let store = Store::open_temporary().unwrap();
        let db = Connection::open(store.path()).unwrap();
        let known: Vec<String> = tables(&db).unwrap().into_iter().map(|t| t.name).collect();
        let all: Vec<String> = db
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
            .unwrap()
            .query_map((), |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(all.len() > 15, "{all:?}");
        for name in all {
            let is_known = known.contains(&name) || APART.contains(&name.as_str());
            assert!(is_known, "{name}: how is it forgotten? Give it an INTEGER column tag, run, source or project.");
        }
        let owner = |name: &str| tables(&db).unwrap().into_iter().find(|t| t.name == name).map(|t| t.owner);
        assert_eq!(owner("media"), Some(Owner::Tag));
        assert_eq!(owner("tail"), Some(Owner::Series));
        assert_eq!(owner("param"), Some(Owner::Run));
        assert_eq!(owner("problem"), Some(Owner::Source));
        // Its `run` is the name that a registry has for one.
        assert_eq!(owner("model"), Some(Owner::Source));
        // Its `source` is a tool's words.
        assert_eq!(owner("dataset"), Some(Owner::Run));
        assert_eq!(owner("annotation"), Some(Owner::Project));
    }
}
