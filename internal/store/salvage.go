package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
)

// leastRow is fewer bytes than any row of a table with numbers takes in the file.
const leastRow = 16

// Salvage copies every row that can still be read out of a damaged database into a new one at to, which is replaced if
// it is there. It reads tables and trusts no index, so that what it gives may have holes but no page of it is damaged;
// the text index stays empty. The damaged file is not written to. progress is called with each row's number and the last
// one's, of the table of events only. torn are the tables of which something could not be read. An error means that
// nothing can be read in this way, or that it could not be done.
func Salvage(ctx context.Context, from, to string, progress func(done, total int64)) (torn []string, err error) {
	old, err := Open(ctx, from, Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	if err := old.Current(ctx); err != nil {
		return nil, errors.Join(err, old.Close())
	}
	for _, rest := range [...]string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(to + rest); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, errors.Join(fmt.Errorf("store: salvage: %w", err), old.Close())
		}
	}
	fresh, err := Open(ctx, to, Options{Scratch: true})
	if err != nil {
		return nil, errors.Join(err, old.Close())
	}
	s := &salvage{from: old.read, to: fresh.write, progress: progress}
	err = errors.Join(s.run(ctx, from), fresh.Close(), old.Close())
	return s.torn, err
}

type salvage struct {
	from, to *sql.DB
	progress func(done, total int64)
	torn     []string
}

// run takes the tables over.
func (s *salvage) run(ctx context.Context, path string) error {
	names, err := texts(ctx, s.to, `SELECT name FROM sqlite_schema WHERE type = 'table'
		AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose%' AND name NOT LIKE 'search%' ORDER BY name`)
	if err != nil {
		return fmt.Errorf("store: salvage: %w", err)
	}
	most := int64(0)
	for _, part := range [...]string{path, path + "-wal"} {
		if info, err := os.Stat(part); err == nil {
			most += info.Size() / leastRow
		}
	}
	// References may point at rows that are lost.
	if _, err := s.to.ExecContext(ctx, `PRAGMA foreign_keys = OFF`); err != nil {
		return fmt.Errorf("store: salvage: %w", err)
	}
	for _, name := range names {
		t, err := s.table(ctx, name, most)
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
	number  bool     // the key is one integer, a sequence that begins with 1
	at      int      // of it, among columns
	last    int64    // newest number taken over
	most    int64    // no table has more rows, and no sequence is higher
	total   int64    // the highest number, as far as it can be told
	insert  string
}

func (s *salvage) table(ctx context.Context, name string, most int64) (*salvagedTable, error) {
	t := &salvagedTable{salvage: s, name: name, most: most}
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
		t.at = slices.Index(t.columns, t.key[0])
		_ = s.from.QueryRowContext(ctx, `SELECT max(`+t.key[0]+`) FROM `+name).Scan(&t.total) // unreadable: nobody knows
	}
	t.insert = `INSERT OR IGNORE INTO ` + name + ` (` + quoted(t.columns) + `) VALUES (?` + strings.Repeat(`,?`, len(t.columns)-1) + `)`
	return t, nil
}

// copy reads from the front. Past what cannot be read it goes on with the next number; other keys it reads from the back.
func (t *salvagedTable) copy(ctx context.Context) error {
	for {
		where, args := "", []any(nil)
		if t.number {
			where, args = ` WHERE `+t.key[0]+` > ?`, []any{t.last}
		}
		err := t.take(ctx, where+` ORDER BY `+quoted(t.key), args)
		if !errors.Is(err, errUnreadable) {
			return err
		}
		slog.Warn("salvage: a part of a table cannot be read", "table", t.name, "after", t.last, "err", err)
		if !slices.Contains(t.torn, t.name) {
			t.torn = append(t.torn, t.name)
		}
		if !t.number {
			break
		}
		if over, err := t.stepOver(ctx); err != nil || !over {
			return err
		}
	}
	backwards := ` ORDER BY "` + strings.Join(t.key, `" DESC, "`) + `" DESC`
	if err := t.take(ctx, backwards, nil); !errors.Is(err, errUnreadable) {
		return err
	}
	return nil
}

// stepOver moves last to just before the next row that can be read, and reports whether there may be one.
func (t *salvagedTable) stepOver(ctx context.Context) (bool, error) {
	readable := func(step int64) (bool, error) {
		err := t.read(ctx, ` WHERE `+t.key[0]+` > ? ORDER BY `+t.key[0]+` LIMIT 1`, []any{t.last + step}, func([]any) error { return nil })
		if errors.Is(err, errUnreadable) {
			return false, nil
		}
		return err == nil, err
	}
	low, step, most := int64(0), int64(1), t.most-t.last
	for { // ever wider, until something can be read again
		if low >= most {
			return false, nil
		}
		ok, err := readable(step)
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
		ok, err := readable(middle)
		if err != nil {
			return false, err
		}
		if ok {
			step = middle
		} else {
			low = middle
		}
	}
	t.last += step
	return true, nil
}

// errUnreadable means that the damaged file cannot be read at this place.
var errUnreadable = errors.New("unreadable")

// take copies what a query gives in one transaction, and keeps what came before a place that cannot be read.
func (t *salvagedTable) take(ctx context.Context, rest string, args []any) error {
	tx, err := t.to.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, t.insert)
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	rows := int64(0)
	err = t.read(ctx, rest, args, func(row []any) error {
		if rows++; rows > t.most {
			return fmt.Errorf("%w: the damage leads in circles", errUnreadable)
		}
		if good, err := t.believe(ctx, row); err != nil || !good {
			return err
		}
		if _, err := insert.ExecContext(ctx, row...); err != nil {
			if IsFull(err) || ctx.Err() != nil {
				return err
			}
			slog.Warn("salvage: a row makes no sense and is left out", "table", t.name, "err", err)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errUnreadable) {
		return errors.Join(err, tx.Rollback())
	}
	return errors.Join(err, tx.Commit())
}

// believe refuses a row whose number cannot be: SQLite does not check that numbers rise. One that does not follow its
// neighbour must be found where its number says.
func (t *salvagedTable) believe(ctx context.Context, row []any) (bool, error) {
	if !t.number {
		return true, nil
	}
	number, _ := row[t.at].(int64)
	if number <= t.last || number > t.most {
		slog.Warn("salvage: a row with an impossible number is left out", "table", t.name, "number", number, "after", t.last)
		return false, nil
	}
	if number != t.last+1 {
		found := false
		err := t.read(ctx, ` WHERE `+t.key[0]+` = ?`, []any{number}, func([]any) error { found = true; return nil })
		if err != nil && !errors.Is(err, errUnreadable) || !found {
			return false, err
		}
	}
	t.last = number
	if t.name == "events" && t.progress != nil {
		t.progress(number, t.total)
	}
	return true, nil
}

// read calls fn with each row of a query on the damaged file. An error of that file is errUnreadable.
func (t *salvagedTable) read(ctx context.Context, rest string, args []any, fn func([]any) error) error {
	rows, err := t.from.QueryContext(ctx, `SELECT `+quoted(t.columns)+` FROM `+t.name+rest, args...)
	if err != nil {
		return unreadable(ctx, err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	row, into := make([]any, len(t.columns)), make([]any, len(t.columns))
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return unreadable(ctx, err)
		}
		if err := fn(row); err != nil {
			return err
		}
	}
	return unreadable(ctx, rows.Err())
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
