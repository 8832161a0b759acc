-- +goose Up

-- The people of the site. Owner: auth, from person.* events. Names go when their event's body is erased.
CREATE TABLE people (
    id        TEXT PRIMARY KEY,    -- UUIDv7; what events call subject and actor
    login     TEXT    NOT NULL,    -- sign-in name in lower case, unique; '' once erased
    name      TEXT    NOT NULL,    -- one field, as the person writes it; '' once erased
    titles    TEXT    NOT NULL,    -- rank and titles, '' if none or erased
    agency    TEXT    NOT NULL,    -- KPU, Polri, Satpol PP …; '' if none or erased
    described INTEGER NOT NULL,    -- event that login, name, titles and agency come from
    roles     TEXT    NOT NULL,    -- JSON array of role words, sorted
    active    INTEGER NOT NULL,    -- 0: may not sign in
    created   INTEGER NOT NULL,    -- UTC ms
    seq       INTEGER NOT NULL     -- event that last wrote this row
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX people_login ON people (login) WHERE login <> '';

-- What nobody may read in clear: password hashes, one-time-code secrets, phone numbers; sealed by vault. Not explained by
-- events: no event holds a secret. Owner: auth.
CREATE TABLE person_secrets (
    person  TEXT    NOT NULL,      -- person id
    kind    TEXT    NOT NULL,      -- password, totp or phone
    box     BLOB    NOT NULL,      -- sealed for person_secrets.box of row person/kind
    changed INTEGER NOT NULL,      -- UTC ms
    PRIMARY KEY (person, kind)
) STRICT, WITHOUT ROWID;

-- Who is signed in. Not explained by events: tokens are random. Owner: auth.
CREATE TABLE sessions (
    token   TEXT PRIMARY KEY,      -- SHA-256 of the token, base64; the token itself is only with the person
    data    BLOB    NOT NULL,      -- session values as scs encodes them
    expires INTEGER NOT NULL       -- UTC ms; moved on with use, written at most once a minute
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_expires ON sessions (expires);

-- +goose Down
DROP TABLE sessions;
DROP TABLE person_secrets;
DROP TABLE people;
