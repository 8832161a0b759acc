-- +goose Up

-- What a device told about itself; '' is not told. Owner: registry, from device.described events.
CREATE TABLE device_descriptions (
    device   TEXT PRIMARY KEY,
    vendor   TEXT    NOT NULL,
    model    TEXT    NOT NULL,
    firmware TEXT    NOT NULL,
    serial   TEXT    NOT NULL,
    software TEXT    NOT NULL,      -- the name of a program that it runs
    at       INTEGER NOT NULL,      -- UTC ms, when it last told something new
    seq      INTEGER NOT NULL       -- event that last wrote this row
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE device_descriptions;
