package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"strings"
)

// salvageStep is how many rows one transaction of a salvage takes over.
const salvageStep = 20_000

// Salvage copies every row that can still be read out of a damaged database into a new one at to, which is replaced if
// it is there. It reads tables and trusts no index, so that what it gives may have holes but no page of it is damaged;
// the text index stays empty. The damaged file is not written to. progress is called with each row's number and the last
// one's, of the table of events only. An error means that nothing can be read in this way, or that it could not be done.
func Salvage(ctx context.Context, from, to string, progress func(done, total int64)) error {
	old, err := Open(ctx, from, Options{ReadOnly: true})
	if err != nil {
		return err
	}
	if err := old.Current(ctx); err != nil {
		return errors.Join(err, old.Close())
	}
	for _, rest := range [...]string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(to + rest); err != nil && !errors.Is(err, os.ErrNotExist) {
			return errors.Join(fmt.Errorf("store: salvage: %w", err), old.Close())
		}
	}
	fresh, err := Open(ctx, to, Options{Scratch: true})
	if err != nil {
		return errors.Join(err, old.Close())
	}
	s := &salvage{from: old.read, to: fresh.write, progress: progress}
	return errors.Join(s.run(ctx), fresh.Close(), old.Close())
}

type salvage struct {
	from, to *sql.DB
	progress func(done, total int64)
}

// run takes the tables over. What a table lost is for the log; the caller counts what it cares for.
func (s *salvage) run(ctx context.Context) error {
	names, err := texts(ctx, s.to, `SELECT name FROM sqlite_schema WHERE type = 'table'
		AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose%' AND name NOT LIKE 'search%' ORDER BY name`)
	if err != nil {
		return fmt.Errorf("store: salvage: %w", err)
	}
	// References may point at rows that are lost.
	if _, err := s.to.ExecContext(ctx, `PRAGMA foreign_keys = OFF`); err != nil {
		return fmt.Errorf("store: salvage: %w", err)
	}
	for _, name := range names {
		t, err := s.table(ctx, name)
		if err == nil {
			err = t.copy(ctx)
		}
		if err != nil {
			return fmt.Errorf("store: salvage of table %s: %w", name, err)
		}
	}
	_, err = s.to.ExecContext(ctx, `DELETE FROM cursors WHERE follower = 'search'`)
	if err != nil {
		return fmt.Errorf("store: salvage: %w", err)
	}
	return nil
}

// salvagedTable is one table under way.
type salvagedTable struct {
	*salvage
	name    string
	columns []string
	key     []string // columns of its primary key
	byKey   []int    // where they are among columns
	number  bool     // the key is one integer
	last    []any    // key of the newest row taken over from the front; nil before the first
	end     int64    // last integer key, as far as it can be told
	insert  string
}

func (s *salvage) table(ctx context.Context, name string) (*salvagedTable, error) {
	t := &salvagedTable{salvage: s, name: name, end: math.MaxInt64}
	var err error
	if t.columns, err = texts(ctx, s.to, `SELECT name FROM pragma_table_info(?) ORDER BY cid`, name); err != nil {
		return nil, err
	}
	if t.key, err = texts(ctx, s.to, `SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk`, name); err != nil {
		return nil, err
	}
	if len(t.key) == 0 {
		return nil, errors.New("it has no primary key to go by")
	}
	var keyed bool
	if err := s.to.QueryRowContext(ctx, `SELECT wr FROM pragma_table_list(?)`, name).Scan(&keyed); err != nil {
		return nil, err
	}
	if t.number = !keyed; t.number {
		_ = s.from.QueryRowContext(ctx, `SELECT max(`+t.key[0]+`) FROM `+name).Scan(&t.end) // unreadable: no end is known
	}
	for _, k := range t.key {
		for i, c := range t.columns {
			if c == k {
				t.byKey = append(t.byKey, i)
			}
		}
	}
	t.insert = `INSERT OR IGNORE INTO ` + name + ` (` + quoted(t.columns) + `) VALUES (?` + strings.Repeat(`,?`, len(t.columns)-1) + `)`
	return t, nil
}

// copy reads from the front, steps over what cannot be read, and where that is not possible reads from the back too.
func (t *salvagedTable) copy(ctx context.Context) error {
	for {
		whole, err := t.forward(ctx)
		if err != nil || whole {
			return err
		}
		slog.Warn("salvage: a part of a table cannot be read", "table", t.name, "after", t.last)
		over, err := t.stepOver(ctx)
		if err != nil {
			return err
		}
		if !over {
			return t.backward(ctx)
		}
	}
}

// forward takes rows over until the end of the table or the first that cannot be read.
func (t *salvagedTable) forward(ctx context.Context) (whole bool, err error) {
	for {
		query, args := `SELECT `+quoted(t.columns)+` FROM `+t.name, []any(nil)
		if t.last != nil {
			query += ` WHERE (` + quoted(t.key) + `) > (?` + strings.Repeat(`,?`, len(t.key)-1) + `)`
			args = t.last
		}
		n, fresh, err := t.take(ctx, query+` ORDER BY `+quoted(t.key)+fmt.Sprintf(` LIMIT %d`, salvageStep), args, func(key []any) { t.last = key })
		if errors.Is(err, errUnreadable) {
			return false, nil
		}
		if err != nil || n < salvageStep || fresh == 0 { // nothing new: damage leads in circles
			return err == nil, err
		}
	}
}

// backward takes rows over from the end of the table to the first that cannot be read. Rows that are there already stay.
func (t *salvagedTable) backward(ctx context.Context) error {
	order := make([]string, len(t.key))
	for i, k := range t.key {
		order[i] = `"` + k + `" DESC`
	}
	_, _, err := t.take(ctx, `SELECT `+quoted(t.columns)+` FROM `+t.name+` ORDER BY `+strings.Join(order, ", "), nil, func([]any) {})
	if errors.Is(err, errUnreadable) {
		return nil
	}
	return err
}

// stepOver sets last before the next row that can be read, and reports whether there is one. Only integers can be stepped over.
func (t *salvagedTable) stepOver(ctx context.Context) (bool, error) {
	if !t.number {
		return false, nil
	}
	var at int64
	if t.last != nil {
		at = t.last[0].(int64)
	}
	readable := func(after int64) (bool, error) {
		_, err := t.peek(ctx, after)
		if errors.Is(err, errUnreadable) {
			return false, nil
		}
		return err == nil, err
	}
	low, step, most := int64(0), int64(1), t.end-at
	for { // ever wider, until something can be read again
		if low >= most {
			return false, nil
		}
		ok, err := readable(at + step)
		if err != nil {
			return false, err
		}
		if ok {
			break
		}
		low, step = step, step+min(step, most-step)
	}
	for low+1 < step { // the nearest such place
		middle := low + (step-low)/2
		ok, err := readable(at + middle)
		if err != nil {
			return false, err
		}
		if ok {
			step = middle
		} else {
			low = middle
		}
	}
	t.last = []any{at + step}
	return true, nil
}

// errUnreadable means that the damaged file cannot be read at this place.
var errUnreadable = errors.New("unreadable")

// peek reads the next row whole, for what it is worth.
func (t *salvagedTable) peek(ctx context.Context, after int64) (int, error) {
	return t.read(ctx, `SELECT `+quoted(t.columns)+` FROM `+t.name+` WHERE `+t.key[0]+` > ? ORDER BY `+t.key[0]+` LIMIT 1`, []any{after}, func([]any) error { return nil })
}

// take copies what a query gives in one transaction, and keeps what came before a place that cannot be read. It returns
// how many rows there were, and how many of them are new.
func (t *salvagedTable) take(ctx context.Context, query string, args []any, taken func(key []any)) (n int, fresh int64, err error) {
	tx, err := t.to.BeginTx(ctx, nil)
	if err != nil {
		return 0, 0, err
	}
	insert, err := tx.PrepareContext(ctx, t.insert)
	if err != nil {
		return 0, 0, errors.Join(err, tx.Rollback())
	}
	n, err = t.read(ctx, query, args, func(row []any) error {
		switch res, err := insert.ExecContext(ctx, row...); {
		case err == nil:
			changed, _ := res.RowsAffected() // SQLite always knows
			fresh += changed
		case IsFull(err) || ctx.Err() != nil:
			return err
		default:
			slog.Warn("salvage: a row makes no sense and is left out", "table", t.name, "err", err)
		}
		key := make([]any, len(t.byKey))
		for i, at := range t.byKey {
			key[i] = row[at]
		}
		taken(key)
		if t.name == "events" && t.progress != nil {
			t.progress(key[0].(int64), t.end)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errUnreadable) {
		return n, fresh, errors.Join(err, tx.Rollback())
	}
	return n, fresh, errors.Join(err, tx.Commit())
}

// read calls fn with each row of a query on the damaged file. An error of that file is errUnreadable.
func (t *salvagedTable) read(ctx context.Context, query string, args []any, fn func([]any) error) (n int, err error) {
	rows, err := t.from.QueryContext(ctx, query, args...)
	if err != nil {
		return 0, unreadable(ctx, err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	row, into := make([]any, len(t.columns)), make([]any, len(t.columns))
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return n, unreadable(ctx, err)
		}
		n++
		if err := fn(row); err != nil {
			return n, err
		}
	}
	return n, unreadable(ctx, rows.Err())
}

func unreadable(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	return fmt.Errorf("%w: %w", errUnreadable, err)
}

func quoted(names []string) string { return `"` + strings.Join(names, `", "`) + `"` }

// texts is the one column that a query gives.
func texts(ctx context.Context, db *sql.DB, query string, args ...any) ([]string, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
