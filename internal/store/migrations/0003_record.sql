-- +goose Up

-- Streams that are, or were, to be recorded. Owner: record (projection).
CREATE TABLE recorded_streams (
    device TEXT    NOT NULL, -- slug
    stream TEXT    NOT NULL, -- 'main' or 'sub'
    since  INTEGER NOT NULL, -- site time, UTC ms; its time line begins here
    until  INTEGER,          -- site time, UTC ms; NULL while it is to be recorded
    PRIMARY KEY (device, stream)
) STRICT, WITHOUT ROWID;

-- Closed video files, one row a file. Owner: record (projection). Order of work: file, fsync, rename, fsync of the
-- directory, then this row; so a row always has its file.
CREATE TABLE segments (
    seq       INTEGER PRIMARY KEY, -- sequence of its segment.closed event
    device    TEXT    NOT NULL,    -- slug
    stream    TEXT    NOT NULL,    -- 'main' or 'sub'
    era       INTEGER NOT NULL,    -- grows by one when the site's clock was set back: within an era time only grows
    start     INTEGER NOT NULL,    -- site time of the first frame, UTC ms
    "end"     INTEGER NOT NULL,    -- site time after the last frame, UTC ms; exclusive
    path      TEXT    NOT NULL,    -- of the file, relative to the data directory
    bytes     INTEGER NOT NULL,    -- size of the file
    sha256    BLOB    NOT NULL,    -- of the whole file, 32 bytes
    header    INTEGER NOT NULL,    -- bytes of the file before its first part
    layout    TEXT    NOT NULL,    -- hash of that header: equal layouts play on without a new one
    ticks     INTEGER NOT NULL,    -- media time of the leading track, in units of 1/timescale s
    timescale INTEGER NOT NULL,    -- of the leading track (video if there is one), per second
    frames    INTEGER NOT NULL,    -- access units of the leading track
    tracks    TEXT    NOT NULL,    -- JSON: what each track holds
    wall      TEXT    NOT NULL,    -- where its times come from: 'sender' (RTCP), 'arrival', 'name' (recovered)
    recovered INTEGER NOT NULL     -- 1: finished after a crash from its complete parts
) STRICT;
CREATE UNIQUE INDEX segments_path ON segments (path);
CREATE INDEX segments_span ON segments (device, stream, start, "end", bytes);
CREATE INDEX segments_start ON segments (start);

-- Spans of a stream without video, and why. Owner: record (projection).
CREATE TABLE gaps (
    seq    INTEGER PRIMARY KEY, -- sequence of the event that told of it first
    device TEXT    NOT NULL,    -- slug
    stream TEXT    NOT NULL,    -- 'main' or 'sub'
    era    INTEGER NOT NULL,    -- as in segments
    start  INTEGER NOT NULL,    -- site time, UTC ms
    "end"  INTEGER,             -- site time, UTC ms, exclusive; NULL while it lasts
    reason TEXT    NOT NULL,    -- word of watch.Reason
    who    TEXT    NOT NULL,    -- opaque id of the person who switched off, '' if none
    detail TEXT    NOT NULL     -- the error in a sentence, for technicians; '' if none
) STRICT;
CREATE INDEX gaps_span ON gaps (device, stream, start);
CREATE INDEX gaps_open ON gaps (device, stream) WHERE "end" IS NULL;

-- Spans whose video was recorded and has been deleted by retention, neighbours joined. Owner: record (projection).
CREATE TABLE expired_spans (
    seq    INTEGER PRIMARY KEY, -- sequence of the segment.closed event of its first file
    device TEXT    NOT NULL,    -- slug
    stream TEXT    NOT NULL,    -- 'main' or 'sub'
    era    INTEGER NOT NULL,    -- as in segments
    start  INTEGER NOT NULL,    -- site time, UTC ms
    "end"  INTEGER NOT NULL     -- site time, UTC ms, exclusive
) STRICT;
CREATE INDEX expired_span ON expired_spans (device, stream, era, start, "end");

-- What keeps segments from retention. Owner: record (projection). One row a stream it names.
CREATE TABLE holds (
    id       TEXT    NOT NULL, -- UUIDv7
    device   TEXT    NOT NULL, -- slug; '' means every device
    stream   TEXT    NOT NULL, -- 'main' or 'sub'; '' means both
    start    INTEGER NOT NULL, -- site time, UTC ms
    "end"    INTEGER,          -- site time, UTC ms, exclusive; NULL: until released, whatever is recorded
    incident TEXT    NOT NULL, -- id of the incident it is for, '' if none
    reason   TEXT    NOT NULL, -- in words of the person who placed it
    placed   INTEGER NOT NULL, -- UTC ms
    actor    TEXT    NOT NULL, -- opaque id of the person, '' if the program itself
    pair     INTEGER NOT NULL, -- 1: two people are needed to release it
    PRIMARY KEY (id, device, stream)
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_incident ON holds (incident) WHERE incident <> '';

-- Files that retention has given up and that are still to be unlinked. Owner: record. Not a projection: which files
-- are still there is a fact about the disk, not about the journal; the segment.expired event names every one.
CREATE TABLE record_garbage (
    path TEXT PRIMARY KEY, -- relative to the data directory
    at   INTEGER NOT NULL  -- when it was given up, UTC ms
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE record_garbage;
DROP TABLE holds;
DROP TABLE expired_spans;
DROP TABLE gaps;
DROP TABLE segments;
DROP TABLE recorded_streams;
