-- What was done to systems elsewhere. Rows are added, and only a plan's claim is ever changed.
CREATE TABLE plan (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL,
    body TEXT NOT NULL,
    made_unix_ms INTEGER NOT NULL,
    -- Who carries it out just now, and until when nobody else may.
    claimed_by TEXT,
    claimed_until_unix_ms INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- One row before each call and one after: a plan's state is what they add up to.
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    plan TEXT NOT NULL REFERENCES plan (id),
    at_unix_ms INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX entry_plan ON entry (plan, seq);

-- Verdicts, approvals and answers that plans refer to, by what they are about.
CREATE TABLE record (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    about TEXT NOT NULL,
    at_unix_ms INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX record_about ON record (kind, about, seq);

-- The audit's chain: each hash covers the one before it.
CREATE TABLE link (
    seq INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER link_is_not_changed BEFORE UPDATE ON link BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER link_is_not_removed BEFORE DELETE ON link BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

-- The embedded registry: values by key, with a revision to compare and set by.
CREATE TABLE item (
    space TEXT NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (space, key)
) STRICT, WITHOUT ROWID;
