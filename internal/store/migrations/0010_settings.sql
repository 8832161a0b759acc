-- +goose Up

-- What people changed of the program's configuration while it ran; it overrides siaga.yaml. Owner: registry, from
-- setting.* events.
CREATE TABLE settings (
    key   TEXT PRIMARY KEY,      -- as in siaga.yaml, dotted
    value TEXT,                  -- JSON; NULL: set back to what the file says
    actor TEXT    NOT NULL,      -- person id
    at    INTEGER NOT NULL,      -- UTC ms
    seq   INTEGER NOT NULL       -- event that last wrote this row
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE settings;
