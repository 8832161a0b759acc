package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"siaga/internal/seal"
	"siaga/internal/store"
	"siaga/internal/watch"
)

// Query selects events. The zero Query is everything, oldest first.
type Query struct {
	After, Before uint64   // sequences, exclusive; 0 means no bound
	Kinds         []string // exact kinds, or families as "radio.*"
	NotKinds      []string // exact kinds to leave out
	Device        string
	Zone          string
	Zones         []string // any of them; not used beside Zone
	Text          string   // words that the body holds; Find only
	Subject       string
	Actor         string
	Since, Until  time.Time // receive time: from, inclusive; to, exclusive
	Newest        bool      // newest first
	Limit         int       // 0 means 1,000; at most 10,000
}

const columns = `seq, kind, device, zone, subject, actor, at, device_at, body, erased IS NOT NULL`

// Events returns the events the query selects.
func (j *Journal) Events(ctx context.Context, q Query) ([]watch.Event, error) {
	where, args := q.where()
	order := " ORDER BY seq"
	if q.Newest {
		order = " ORDER BY seq DESC"
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 1000
	}
	args = append(args, min(limit, 10_000))
	rows, err := j.db.Read().QueryContext(ctx, `SELECT `+columns+` FROM events`+where+order+` LIMIT ?`, args...)
	if err != nil {
		return nil, fmt.Errorf("journal: reading events: %w", err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	var out []watch.Event
	for rows.Next() {
		e, err := j.scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("journal: reading events: %w", err)
	}
	return out, nil
}

// Event returns one event, or an error that wraps sql.ErrNoRows.
func (j *Journal) Event(ctx context.Context, seq uint64) (watch.Event, error) {
	e, err := j.scan(j.db.Read().QueryRowContext(ctx, `SELECT `+columns+` FROM events WHERE seq = ?`, int64(seq)))
	if errors.Is(err, sql.ErrNoRows) {
		return e, fmt.Errorf("journal: there is no event %d (the last is %d): %w", seq, j.Head(), err)
	}
	return e, err
}

type scanner interface{ Scan(...any) error }

func (j *Journal) scan(row scanner) (watch.Event, error) {
	e := watch.Event{Site: j.opt.Site}
	var at, deviceAt int64
	var body []byte
	if err := row.Scan(&e.Seq, &e.Kind, &e.Device, &e.Zone, &e.Subject, &e.Actor, &at, &deviceAt, &body, &e.Erased); err != nil {
		return e, fmt.Errorf("journal: reading an event: %w", err)
	}
	e.At, e.DeviceAt, e.Body = watch.FromMillis(at), watch.FromMillis(deviceAt), body
	return e, nil
}

func (q Query) where() (string, []any) {
	var parts []string
	var args []any
	add := func(cond string, v ...any) {
		parts = append(parts, cond)
		args = append(args, v...)
	}
	if q.After > 0 {
		add("seq > ?", int64(q.After))
	}
	if q.Before > 0 {
		add("seq < ?", int64(q.Before))
	}
	for _, f := range [...]struct{ col, v string }{{"device", q.Device}, {"zone", q.Zone}, {"subject", q.Subject}, {"actor", q.Actor}} {
		if f.v != "" {
			// The constant condition lets SQLite use the partial index.
			add(f.col+" = ? AND "+f.col+" <> ''", f.v)
		}
	}
	if zones := q.zones(); q.Zone == "" && len(zones) > 0 {
		add("zone IN (?"+strings.Repeat(",?", len(zones)-1)+") AND zone <> ''", anys(zones)...)
	}
	if !q.Since.IsZero() {
		add("at >= ?", q.Since.UnixMilli())
	}
	if !q.Until.IsZero() {
		add("at < ?", q.Until.UnixMilli())
	}
	if len(q.Kinds) > 0 {
		var kinds []string
		for _, k := range q.Kinds {
			if family, ok := strings.CutSuffix(k, "*"); ok {
				kinds = append(kinds, "kind >= ? AND kind < ?")
				args = append(args, family, family+"\x7f")
			} else {
				kinds = append(kinds, "kind = ?")
				args = append(args, k)
			}
		}
		parts = append(parts, "("+strings.Join(kinds, " OR ")+")")
	}
	if len(q.NotKinds) > 0 {
		parts = append(parts, "kind NOT IN (?"+strings.Repeat(",?", len(q.NotKinds)-1)+")")
		for _, k := range q.NotKinds {
			args = append(args, k)
		}
	}
	if len(parts) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(parts, " AND "), args
}

// zones are the zones asked for, without repetitions.
func (q Query) zones() []string {
	if q.Zone != "" {
		return []string{q.Zone}
	}
	zones := slices.Clone(q.Zones)
	slices.Sort(zones)
	return slices.Compact(zones)
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// Follow calls handle with the events after a sequence, in order, in batches, as they become durable. When ctx ends
// it hands over what is durable by then and returns nil; handle's error ends it at once. handle gets a context that
// is not cancelled by ctx, so that the last batch can be finished.
func (j *Journal) Follow(ctx context.Context, after uint64, handle func(context.Context, []watch.Event) error) error {
	work := context.WithoutCancel(ctx)
	for {
		wake := j.awaken()
		for j.Head() > after {
			events, err := j.Events(work, Query{After: after, Limit: 500})
			if err != nil {
				return err
			}
			if len(events) == 0 {
				break
			}
			if err := handle(work, events); err != nil {
				return err
			}
			after = events[len(events)-1].Seq
		}
		if ctx.Err() != nil {
			return nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
		}
	}
}

// awaken returns a channel that is closed at the next commit.
func (j *Journal) awaken() <-chan struct{} {
	j.wakeMu.Lock()
	defer j.wakeMu.Unlock()
	return j.wake
}

// Cursor is where a follower stands; 0 if it never stored one.
func (j *Journal) Cursor(ctx context.Context, follower string) (uint64, error) {
	var seq uint64
	err := j.db.Read().QueryRowContext(ctx, `SELECT seq FROM cursors WHERE follower = ?`, follower).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("journal: cursor of %s: %w", follower, err)
	}
	return seq, nil
}

// SetCursor stores a follower's place inside the transaction of its effect.
func SetCursor(tx *sql.Tx, follower string, seq uint64) error {
	_, err := tx.Exec(`INSERT INTO cursors (follower, seq) VALUES (?, ?) ON CONFLICT (follower) DO UPDATE SET seq = excluded.seq`, follower, int64(seq))
	if err != nil {
		return fmt.Errorf("journal: storing the cursor of %s: %w", follower, err)
	}
	return nil
}

type queryer interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

func nodeReader(ctx context.Context, db queryer) seal.NodeReader {
	return func(seq uint64, level int) (seal.Hash, error) {
		var tree []byte
		err := db.QueryRowContext(ctx, `SELECT tree FROM events WHERE seq = ?`, int64(seq)).Scan(&tree)
		if err != nil {
			return seal.Hash{}, fmt.Errorf("journal: hashes of event %d: %w", seq, err)
		}
		const size = len(seal.Hash{})
		if len(tree) < (level+1)*size {
			return seal.Hash{}, fmt.Errorf("journal: event %d has %d bytes of hashes, level %d is missing", seq, len(tree), level)
		}
		return seal.Hash(tree[level*size : (level+1)*size]), nil
	}
}

// Reader is a journal for reading alone, beside a running program too. It has no writer and MUST NOT be run.
func Reader(db *store.DB, site string) *Journal {
	return &Journal{db: db, opt: Options{Site: site}, now: time.Now, closed: true}
}
