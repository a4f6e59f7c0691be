-- Version 1. Ids of projects, sources, runs and metrics are never used twice (AUTOINCREMENT), nor are those of series
-- (counter): caches and other instances may still hold them.
CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counter VALUES('series', 0);

CREATE TABLE project(
  id INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL UNIQUE, added REAL NOT NULL, last_opened REAL NOT NULL);

CREATE TABLE source(
  id INTEGER PRIMARY KEY AUTOINCREMENT, project INTEGER NOT NULL, format TEXT NOT NULL, rel BLOB NOT NULL,
  cursor TEXT NOT NULL DEFAULT '', generation INTEGER NOT NULL DEFAULT 0, gone_since REAL,
  n_bytes INTEGER NOT NULL DEFAULT 0, added REAL NOT NULL, UNIQUE(project, format, rel));

CREATE TABLE run(
  id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL, key TEXT NOT NULL, name TEXT, status TEXT, started REAL,
  ended REAL, parent TEXT, experiment TEXT, user TEXT, deleted INTEGER NOT NULL DEFAULT 0, artifact_root TEXT,
  pid INTEGER, first_seen REAL NOT NULL, last_change REAL NOT NULL, first_time REAL, gone INTEGER NOT NULL DEFAULT 0,
  UNIQUE(source, key));

CREATE TABLE param(run INTEGER, name TEXT, value NOT NULL, PRIMARY KEY(run, name)) WITHOUT ROWID;
CREATE TABLE tag(run INTEGER, name TEXT, value TEXT NOT NULL, PRIMARY KEY(run, name)) WITHOUT ROWID;
CREATE TABLE text(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, tag TEXT NOT NULL, step INTEGER NOT NULL, time REAL,
  text TEXT NOT NULL);
CREATE INDEX text_run ON text(run);
CREATE TABLE dataset(run INTEGER, name TEXT, digest TEXT, context TEXT NOT NULL, source TEXT NOT NULL,
  schema TEXT NOT NULL, PRIMARY KEY(run, name, digest)) WITHOUT ROWID;
CREATE TABLE model(source INTEGER, ord INTEGER, name TEXT NOT NULL, version TEXT NOT NULL, run TEXT NOT NULL,
  stage TEXT NOT NULL, aliases TEXT NOT NULL, origin TEXT NOT NULL, status TEXT NOT NULL, created_ms INTEGER NOT NULL,
  PRIMARY KEY(source, ord)) WITHOUT ROWID;
-- offset is -1 where none is known.
CREATE TABLE problem(source INTEGER, path TEXT, offset INTEGER, kind TEXT, message TEXT NOT NULL,
  first_seen REAL NOT NULL, PRIMARY KEY(source, path, offset, kind)) WITHOUT ROWID;

-- Our own words on a run: by what names it in the project, not by an id that a re-read would change.
CREATE TABLE annotation(project INTEGER, rel BLOB, key TEXT, json TEXT NOT NULL,
  PRIMARY KEY(project, rel, key)) WITHOUT ROWID;
CREATE TABLE pref(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE metric(id INTEGER PRIMARY KEY AUTOINCREMENT, project INTEGER NOT NULL, name TEXT NOT NULL,
  UNIQUE(project, name));
CREATE TABLE part(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE(run, name));
-- Restarts: what earlier parts said from this step on no longer counts.
CREATE TABLE mark(run INTEGER, part TEXT, step INTEGER, PRIMARY KEY(run, part, step)) WITHOUT ROWID;
-- summary: signalbox_series::PartSummary. edge: the step of the last sealed point.
CREATE TABLE series(run INTEGER, metric INTEGER, part INTEGER, id INTEGER NOT NULL, edge INTEGER, summary BLOB NOT NULL,
  PRIMARY KEY(run, metric, part)) WITHOUT ROWID;
-- id: series << 32 | number of the first point.
CREATE TABLE chunk(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
-- Fewer than 128 points, rewritten at each commit.
CREATE TABLE tail(series INTEGER PRIMARY KEY, data BLOB NOT NULL);
-- id: series << 32 | level << 28 | row.
CREATE TABLE node(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
