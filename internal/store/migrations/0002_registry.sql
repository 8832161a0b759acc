-- +goose Up

-- The parts of the site, a tree. Owner: registry, from zone.* events.
CREATE TABLE zones (
    id        TEXT PRIMARY KEY,    -- slug, never reused for another place
    parent    TEXT    NOT NULL,    -- zone id, '' for a root
    name      TEXT    NOT NULL,    -- as people say it, unique within the site
    code      TEXT    NOT NULL,    -- short form in device names ("GDB"), '' if none
    kind      TEXT    NOT NULL,    -- gate, yard, server_room …
    special   INTEGER NOT NULL,    -- 1: ruang khusus, every entry is an event
    floor     TEXT    NOT NULL,    -- floor plan the position is on, '' if none
    plan_x    REAL,                -- 0 to 1 from the plan's left edge, NULL if not placed
    plan_y    REAL,                -- 0 to 1 from the plan's top edge, NULL if not placed
    lat       REAL,                -- degrees WGS 84, NULL if not placed
    lon       REAL,                -- degrees WGS 84, NULL if not placed
    armed     INTEGER NOT NULL,    -- 1: presence here is an alert
    armed_by  TEXT    NOT NULL,    -- person id who last armed or disarmed, '' if never
    armed_at  INTEGER NOT NULL,    -- UTC ms of that, 0 if never
    locked    INTEGER NOT NULL,    -- 1: locked up, any motion inside is critical
    locked_by TEXT    NOT NULL,    -- person id who last locked or unlocked, '' if never
    locked_at INTEGER NOT NULL,    -- UTC ms of that, 0 if never
    created   INTEGER NOT NULL,    -- UTC ms
    changed   INTEGER NOT NULL,    -- UTC ms of the last change of description
    seq       INTEGER NOT NULL     -- event that last wrote this row
) STRICT, WITHOUT ROWID;

-- Equipment: what a driver speaks to, and what hangs behind a gateway. Owner: registry, from device.* events.
CREATE TABLE devices (
    id        TEXT PRIMARY KEY,    -- slug, kept when the equipment is replaced
    kind      TEXT    NOT NULL,    -- driver ("rtsp"), or what it is behind a gateway ("radio")
    name      TEXT    NOT NULL,    -- unique within the site
    alias     TEXT    NOT NULL,    -- call sign or short name for screens, '' if none
    zone      TEXT    NOT NULL,    -- zone id
    parent    TEXT    NOT NULL,    -- gateway's id, '' for what connects itself
    child_key TEXT    NOT NULL,    -- native key behind the gateway (DMR number, friendly name), '' without parent
    config    TEXT    NOT NULL,    -- JSON for the driver, without secrets
    enabled   INTEGER NOT NULL,    -- 0: switched off by a person
    floor     TEXT    NOT NULL,    -- floor plan the position is on, '' if none
    plan_x    REAL,                -- 0 to 1, NULL if not placed
    plan_y    REAL,                -- 0 to 1, NULL if not placed
    lat       REAL,                -- degrees WGS 84, NULL if not placed
    lon       REAL,                -- degrees WGS 84, NULL if not placed
    created   INTEGER NOT NULL,    -- UTC ms of the registration
    created_by TEXT   NOT NULL,    -- person id who registered it
    installed INTEGER NOT NULL,    -- UTC ms since when this very unit stands there (registration or replacement)
    changed   INTEGER NOT NULL,    -- UTC ms of the last event
    seq       INTEGER NOT NULL     -- event that last wrote this row
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX devices_child ON devices (parent, child_key) WHERE parent <> '';

-- The video and audio feeds of a device. Owner: registry, from device.* events.
CREATE TABLE streams (
    device    TEXT    NOT NULL,    -- device id
    name      TEXT    NOT NULL,    -- main or sub; together the stream is device.name
    record    INTEGER NOT NULL,    -- 1: written to segments
    retention TEXT    NOT NULL,    -- retention class, a slug; the config says what it means
    PRIMARY KEY (device, name)
) STRICT, WITHOUT ROWID;

-- Secrets of devices (passwords, tokens), sealed by vault. Not explained by events: no event holds a secret.
-- Owner: registry.
CREATE TABLE device_secrets (
    device  TEXT    NOT NULL,      -- device id
    name    TEXT    NOT NULL,      -- "password"
    box     BLOB    NOT NULL,      -- sealed for device_secrets.box of row device/name
    changed INTEGER NOT NULL,      -- UTC ms
    PRIMARY KEY (device, name)
) STRICT, WITHOUT ROWID;

-- MQTT identities, one a gateway. Not explained by events: the salt is random. Owner: registry.
CREATE TABLE mqtt_credentials (
    device TEXT PRIMARY KEY,       -- device id, also the MQTT user name
    salt   BLOB    NOT NULL,       -- 16 random bytes
    hash   BLOB    NOT NULL,       -- SHA-256(salt || generated secret of 160 random bits)
    issued INTEGER NOT NULL        -- UTC ms
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE mqtt_credentials;
DROP TABLE device_secrets;
DROP TABLE streams;
DROP TABLE devices;
DROP TABLE zones;
