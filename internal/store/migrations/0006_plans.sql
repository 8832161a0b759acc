-- +goose Up

-- The floor plan of a zone: a picture kept in plans/<sha256>.png or .jpg beside the database. Owner: registry, from
-- zone.plan_* events.
CREATE TABLE plans (
    zone    TEXT PRIMARY KEY,      -- zone id; what stands on this plan names it as its floor
    sha256  TEXT    NOT NULL,      -- of the picture, hexadecimal; also its file name
    type    TEXT    NOT NULL,      -- image/png or image/jpeg
    width   INTEGER NOT NULL,      -- pixels
    height  INTEGER NOT NULL,      -- pixels
    bytes   INTEGER NOT NULL,      -- size of the file
    anchors TEXT    NOT NULL,      -- JSON: no place or two places on earth, [{x, y, lat, lon}]
    changed INTEGER NOT NULL,      -- UTC ms
    seq     INTEGER NOT NULL       -- event that last wrote this row
) STRICT, WITHOUT ROWID;

-- Where a device on a plan looks, and how much of it it sees.
ALTER TABLE devices ADD COLUMN plan_heading REAL NOT NULL DEFAULT 0; -- degrees clockwise from the plan's upper edge
ALTER TABLE devices ADD COLUMN plan_fov     REAL NOT NULL DEFAULT 0; -- degrees of its field of view, 0 if it has none
ALTER TABLE devices ADD COLUMN plan_range   REAL NOT NULL DEFAULT 0; -- how far it sees, a fraction of the plan's width

-- +goose Down
ALTER TABLE devices DROP COLUMN plan_range;
ALTER TABLE devices DROP COLUMN plan_fov;
ALTER TABLE devices DROP COLUMN plan_heading;
DROP TABLE plans;
