-- +goose Up

-- What rules claimed. Each alert.* event carries its alert whole; the row is the last of them. Owner: incident.
CREATE TABLE alerts (
    id              TEXT PRIMARY KEY,    -- UUIDv7
    seq             INTEGER NOT NULL,    -- event that last wrote this row
    key             TEXT    NOT NULL,    -- rule id, '/', what the rule groups by; one active alert a key
    rule            TEXT    NOT NULL,    -- rule id
    code            TEXT    NOT NULL,    -- code in the catalogue, "ht.panik"
    category        TEXT    NOT NULL,    -- category in the catalogue, "ancaman_orang"
    priority        INTEGER NOT NULL,    -- 0 info, 1 caution, 2 important, 3 critical; the highest it ever had
    title_id        TEXT    NOT NULL,    -- Indonesian
    title_en        TEXT    NOT NULL,    -- English
    alias           TEXT    NOT NULL,    -- call sign or name of what it is about
    device          TEXT    NOT NULL,    -- device id, '' if none
    zone            TEXT    NOT NULL,    -- zone id, '' if none
    subject         TEXT    NOT NULL,    -- opaque id from the event, '' if none
    incident        TEXT    NOT NULL,    -- incident id; '' for an info alert that belongs to none
    active          INTEGER NOT NULL,    -- 1 until it is cleared
    raised_at       INTEGER NOT NULL,    -- UTC ms from which the claim held
    updated_at      INTEGER NOT NULL,    -- UTC ms of the last occurrence
    cleared_at      INTEGER NOT NULL,    -- UTC ms, 0 while active
    cleared_by      TEXT    NOT NULL,    -- event, window or act; '' while active
    count           INTEGER NOT NULL,    -- occurrences
    cause_seq       INTEGER NOT NULL,    -- event that raised it
    last_seq        INTEGER NOT NULL,    -- event of the last occurrence
    window_ms       INTEGER NOT NULL,    -- how long a repetition belongs to it, 0 if the rule has no window
    holds           INTEGER NOT NULL,    -- 1: only the end of the condition clears it, not people
    acknowledged_by TEXT    NOT NULL,    -- person id of the first acceptance, '' if none
    acknowledged_at INTEGER NOT NULL     -- UTC ms, 0 if not
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX alerts_active ON alerts (key) WHERE active = 1;
CREATE INDEX alerts_key ON alerts (key, raised_at);
CREATE INDEX alerts_incident ON alerts (incident, raised_at) WHERE incident <> '';
CREATE INDEX alerts_device ON alerts (device) WHERE device <> '';
CREATE INDEX alerts_zone ON alerts (zone) WHERE zone <> '';

-- The cases people work. Each incident.* event carries its incident whole; the row is the last of them.
-- Owner: incident.
CREATE TABLE incidents (
    id              TEXT PRIMARY KEY,    -- UUIDv7
    seq             INTEGER NOT NULL,    -- event that last wrote this row
    number          TEXT    NOT NULL,    -- year and running number for people, "2026-000123"
    state           TEXT    NOT NULL,    -- new, acknowledged, handling, escalated, resolved, closed, false_alarm …
    open            INTEGER NOT NULL,    -- 1 while the state still wants people
    priority        INTEGER NOT NULL,    -- the highest of its alerts, as alerts.priority
    category        TEXT    NOT NULL,    -- of the alert that opened it
    code            TEXT    NOT NULL,    -- likewise
    rule            TEXT    NOT NULL,    -- likewise
    title_id        TEXT    NOT NULL,    -- likewise, Indonesian
    title_en        TEXT    NOT NULL,    -- likewise, English
    zone            TEXT    NOT NULL,    -- likewise, '' if none
    device          TEXT    NOT NULL,    -- likewise, '' if none
    opened_at       INTEGER NOT NULL,    -- UTC ms
    updated_at      INTEGER NOT NULL,    -- UTC ms of the last change
    last_alert_at   INTEGER NOT NULL,    -- UTC ms of the last occurrence of any of its alerts
    alert_count     INTEGER NOT NULL,    -- how many alerts belong to it
    acknowledged_by TEXT    NOT NULL,    -- person id of the first acceptance, '' if none
    acknowledged_at INTEGER NOT NULL,    -- UTC ms, 0 if not
    handled_by      TEXT    NOT NULL,    -- person id who last took it in hand
    escalations     INTEGER NOT NULL,    -- how often it was passed up
    escalated_to    TEXT    NOT NULL,    -- to whom last: a role or person id
    resolved_by     TEXT    NOT NULL,    -- person id who resolved it or left it by an exit
    resolved_at     INTEGER NOT NULL,    -- UTC ms, 0 if not
    closed_by       TEXT    NOT NULL,    -- person id of the reviewer
    closed_at       INTEGER NOT NULL,    -- UTC ms, 0 if not
    duplicate_of    TEXT    NOT NULL,    -- incident id of which it is the duplicate, '' if none
    cause           TEXT    NOT NULL,    -- from act.resolved; blanked when that body is erased
    action          TEXT    NOT NULL,    -- likewise
    resolve_seq     INTEGER NOT NULL     -- the act.resolved that cause and action come from, 0 if none
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX incidents_number ON incidents (number) WHERE number <> '';
CREATE INDEX incidents_open ON incidents (zone) WHERE open = 1;
CREATE INDEX incidents_state ON incidents (state, number);
CREATE INDEX incidents_zone ON incidents (zone, number);
CREATE INDEX incidents_opened ON incidents (opened_at);

-- What the judge remembers: counts, waits, what it claimed. Written with the cursor of the follower 'judge'; not
-- explained by events, since a rebuild runs no rules. Owner: incident.
CREATE TABLE judge_memory (
    key   TEXT PRIMARY KEY,              -- as alerts.key
    state BLOB NOT NULL                  -- JSON of the judge; only it can read it
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE judge_memory;
DROP TABLE incidents;
DROP TABLE alerts;
