-- Version 2.
-- What a run logged beside numbers stays in the tool's files: here is where it lies.
CREATE TABLE media_tag(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
  UNIQUE(run, kind, name));
-- part: id of a part; offset: of the record that tells of it. kept: its text, where version 1 copied it.
CREATE TABLE media(tag INTEGER, step INTEGER, part INTEGER, idx INTEGER, offset INTEGER, time REAL, path TEXT NOT NULL,
  caption TEXT NOT NULL, kept TEXT, PRIMARY KEY(tag, step, part, idx, offset)) WITHOUT ROWID;

-- Texts of sources that are gone have no other place. Those of the others are told anew, by the next reading.
INSERT INTO media_tag(run, kind, name) SELECT DISTINCT run, 'text', tag FROM text;
INSERT INTO media(tag, step, part, idx, offset, time, path, caption, kept)
  SELECT m.id, t.step, 0, t.id, 0, t.time, '', '', t.text
  FROM text t JOIN media_tag m ON m.run = t.run AND m.kind = 'text' AND m.name = t.tag;
DROP TABLE text;

-- What the code was when a run was first seen. Runs that share it share the document.
CREATE TABLE snapshot(id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, document TEXT NOT NULL);
CREATE TABLE code(run INTEGER PRIMARY KEY, snapshot INTEGER NOT NULL, taken REAL NOT NULL);
CREATE INDEX code_snapshot ON code(snapshot);
