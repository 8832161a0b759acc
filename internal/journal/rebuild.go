package journal

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"siaga/internal/store"
	"siaga/internal/watch"
)

func sortHeads(h []signedHead) {
	slices.SortStableFunc(h, func(a, b signedHead) int { return cmp.Compare(a.Size, b.Size) })
}

// rebuild applies events to a scratch database, many to a transaction.
type rebuild struct {
	db          *store.DB
	projections []Projection
	tx          *sql.Tx
	pending     int
}

func newRebuild(db *store.DB, p []Projection) *rebuild { return &rebuild{db: db, projections: p} }

func (r *rebuild) apply(e watch.Event) error {
	if len(r.projections) == 0 {
		return nil // and no scratch database
	}
	if r.tx == nil {
		var err error
		if r.tx, err = r.db.Writer().Begin(); err != nil {
			return err
		}
	}
	if err := reapply(r.tx, r.projections, e); err != nil {
		return err
	}
	if r.pending++; r.pending < 5000 {
		return nil
	}
	return r.finish()
}

func (r *rebuild) finish() error {
	if r.tx == nil {
		return nil
	}
	err := r.tx.Commit()
	r.tx, r.pending = nil, 0
	return err
}

// Rebuild makes every table of the projections anew from the events, in one transaction: after the schema changed, or
// because the check found rows that the journal does not explain. Nobody else may write meanwhile. progress may be nil;
// it hears how many events of how many are done.
func Rebuild(ctx context.Context, db *store.DB, site string, projections []Projection, progress func(done, total uint64)) error {
	j := Reader(db, site)
	var total uint64
	if err := db.Read().QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM events`).Scan(&total); err != nil {
		return fmt.Errorf("journal: rebuild: %w", err)
	}
	tx, err := db.Writer().BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("journal: rebuild: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	for _, p := range projections {
		for _, table := range p.Tables() {
			// A table name comes from the program itself, never from input.
			if _, err := tx.ExecContext(ctx, fmt.Sprintf(`DELETE FROM %q`, table)); err != nil {
				return fmt.Errorf("journal: rebuild: %s: %w", p.Name(), err)
			}
		}
	}
	for done := uint64(0); done < total; {
		events, err := j.Events(ctx, Query{After: done, Limit: 10_000})
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return fmt.Errorf("journal: rebuild: %w: no event after %d of %d; run siaga check", ErrNotIntact, done, total)
		}
		for _, e := range events {
			if err := reapply(tx, projections, e); err != nil {
				return fmt.Errorf("journal: rebuild: %w", err)
			}
			done = e.Seq
		}
		if progress != nil {
			progress(done, total)
		}
	}
	if err := errors.Join(store.Fresh(tx), tx.Commit()); err != nil {
		return fmt.Errorf("journal: rebuild: %w", err)
	}
	return nil
}

// reapply writes what one event means into each projection that wants it.
func reapply(tx *sql.Tx, projections []Projection, e watch.Event) error {
	for _, p := range projections {
		if !wants(p, e.Kind) {
			continue
		}
		if err := p.Apply(tx, e); err != nil {
			return fmt.Errorf("%s at event %d: %w", p.Name(), e.Seq, err)
		}
	}
	return nil
}

// compare walks a stored table and its rebuilt twin in the order of their primary key and names the first rows
// that differ.
func (v *verifier) compare(ctx context.Context, projection, table string) error {
	key, err := primaryKey(ctx, v.scratch.Read(), table)
	if err != nil {
		return err
	}
	// Table and column names come from the program's own schema, never from input.
	query := fmt.Sprintf(`SELECT * FROM %q ORDER BY %s`, table, strings.Join(key, ", "))
	have, err := v.tx.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("journal: check: table %s: %w", table, err)
	}
	defer func() { _ = have.Close() }() // the error that matters is rows.Err
	want, err := v.scratch.Read().QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("journal: check: rebuilt table %s: %w", table, err)
	}
	defer func() { _ = want.Close() }() // likewise
	for {
		h, err1 := nextRow(have)
		w, err2 := nextRow(want)
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("journal: check: table %s: %w", table, err)
		}
		if h == nil && w == nil {
			return nil
		}
		if h != nil {
			v.report.Rows[table]++
		}
		if diff := differ(h, w); diff != "" {
			return v.found(0, "%s: table %s is not what the journal explains: %s", projection, table, diff)
		}
	}
}

// column is one value of a row with its name.
type column struct {
	name  string
	value any
}

func nextRow(rows *sql.Rows) ([]column, error) {
	if !rows.Next() {
		return nil, rows.Err()
	}
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	row := make([]column, len(names))
	into := make([]any, len(names))
	for i, n := range names {
		row[i].name = n
		into[i] = &row[i].value
	}
	return row, rows.Scan(into...)
}

func differ(have, want []column) string {
	switch {
	case have == nil:
		return "the row " + show(want) + " is missing"
	case want == nil:
		return "no event explains the row " + show(have)
	}
	for i := range have {
		if i >= len(want) || !same(have[i].value, want[i].value) {
			return fmt.Sprintf("row %s: column %s differs from the rebuilt row %s", show(have), have[i].name, show(want))
		}
	}
	return ""
}

func same(a, b any) bool {
	x, ok := a.([]byte)
	y, ok2 := b.([]byte)
	if ok && ok2 {
		return bytes.Equal(x, y)
	}
	return ok == ok2 && a == b
}

// show prints the head of a row, enough to find it.
func show(row []column) string {
	var b strings.Builder
	for i, c := range row {
		if i == 6 {
			b.WriteString(" …")
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		switch v := c.value.(type) {
		case []byte:
			fmt.Fprintf(&b, "%s=%.60q", c.name, v)
		case string:
			fmt.Fprintf(&b, "%s=%.60s", c.name, v)
		default:
			fmt.Fprintf(&b, "%s=%v", c.name, v)
		}
	}
	return b.String()
}

func primaryKey(ctx context.Context, db *sql.DB, table string) ([]string, error) {
	rows, err := db.QueryContext(ctx, `SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk`, table)
	if err != nil {
		return nil, fmt.Errorf("journal: check: table %s: %w", table, err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	var key []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		key = append(key, fmt.Sprintf("%q", name))
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(key) == 0 {
		return nil, fmt.Errorf("journal: check: table %s has no primary key to compare by", table)
	}
	return key, nil
}
