-- The working journal: storage only. The evidence is the bundle (FORMAT.md); whoever checks a run
-- reads lines and objects, and nothing else that this file might hold.

-- "csgn", and the version of this schema.
PRAGMA application_id = 1668507502;
PRAGMA user_version = 1;

-- One line per entry: the very bytes that are hashed.
CREATE TABLE entry (
    run  TEXT NOT NULL,
    seq  INTEGER NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- Everything larger or foreign, once, by the SHA-256 of its bytes.
CREATE TABLE object (
    sha256 TEXT PRIMARY KEY,
    bytes  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Who sits, or sat last: compared in every seat append.
CREATE TABLE lease (
    run     TEXT PRIMARY KEY,
    epoch   INTEGER NOT NULL,
    machine TEXT NOT NULL,
    boot    TEXT NOT NULL,
    pid     INTEGER NOT NULL,
    since   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
