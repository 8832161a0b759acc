-- +goose Up

-- Facts about this database that never change. Owner: journal.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY, -- 'site', 'format'
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The journal. One row an event, never edited; only body and salt may be erased (see `erased`).
CREATE TABLE events (
    seq       INTEGER PRIMARY KEY, -- 1, 2, 3 … without holes; tree index is seq - 1
    kind      TEXT    NOT NULL,    -- family.name
    device    TEXT    NOT NULL,    -- slug, '' if none
    zone      TEXT    NOT NULL,    -- slug, '' if none
    subject   TEXT    NOT NULL,    -- opaque id, never a name; it cannot be erased
    actor     TEXT    NOT NULL,    -- opaque id of the person, '' if none
    at        INTEGER NOT NULL,    -- receive time, UTC ms
    device_at INTEGER NOT NULL,    -- the device's clock, UTC ms, 0 if it sent none
    body      BLOB,                -- JSON, verbatim; NULL once erased
    salt      BLOB,                -- 16 random bytes; NULL once erased
    erased    BLOB,                -- SHA-256(salt || body), set when body and salt go
    tree      BLOB    NOT NULL,    -- hashes this leaf completed, 32 bytes each: leaf, then parents upwards
    CHECK ((body IS NULL) = (salt IS NULL) AND (body IS NULL) = (erased IS NOT NULL))
) STRICT;
CREATE INDEX events_kind ON events (kind, seq);
CREATE INDEX events_device ON events (device, seq) WHERE device <> '';
CREATE INDEX events_zone ON events (zone, seq) WHERE zone <> '';
CREATE INDEX events_subject ON events (subject, seq) WHERE subject <> '';
CREATE INDEX events_actor ON events (actor, seq) WHERE actor <> '';
CREATE INDEX events_at ON events (at);

-- Signed tree heads, C2SP notes. Rows, not events, so that signing does not grow the tree.
CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY, -- tree size
    at   INTEGER NOT NULL,    -- UTC ms, as inside the note
    note TEXT    NOT NULL     -- the signed note, with cosignatures as they arrive
) STRICT;

-- Where each follower stands; written in the transaction of the follower's effect.
CREATE TABLE cursors (
    follower TEXT PRIMARY KEY,
    seq      INTEGER NOT NULL -- last event whose effect is stored
) STRICT, WITHOUT ROWID;

-- Wire messages already journaled, so that what the broker delivers again finds its first event.
CREATE TABLE deliveries (
    key BLOB PRIMARY KEY,     -- 16 bytes: hash of topic, payload and which reading of it
    seq INTEGER NOT NULL,     -- its first event
    at  INTEGER NOT NULL      -- UTC ms; rows older than two days are dropped
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_at ON deliveries (at);

-- +goose Down
DROP TABLE deliveries;
DROP TABLE cursors;
DROP TABLE checkpoints;
DROP TABLE events;
DROP TABLE meta;
