-- +goose Up

-- Full-text index of what events say, one document an event, rowid its sequence. It holds words, not the text itself, and
-- marks that begin with an underscore for kind, zone, device and person. Owner: journal (a follower; its place is the
-- cursor 'search'). secure-delete takes an erased event's words out of the file at once, not at some later merge.
CREATE VIRTUAL TABLE search USING fts5 (
    words,
    content = '', detail = none, columnsize = 0, tokenize = "unicode61 remove_diacritics 2 tokenchars '_'"
);
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);

-- Every word of every document, for the check.
CREATE VIRTUAL TABLE search_words USING fts5vocab ('search', 'instance');

-- Who did what to which incident.
CREATE INDEX events_acts ON events (actor, kind, subject) WHERE actor <> '' AND subject <> '';

CREATE INDEX incidents_category ON incidents (category, number);
CREATE INDEX incidents_priority ON incidents (priority, number);

-- +goose Down
DROP INDEX incidents_priority;
DROP INDEX incidents_category;
DROP INDEX events_acts;
DROP TABLE search_words;
DROP TABLE search;
DELETE FROM cursors WHERE follower = 'search'; -- the next upgrade reads everything again
