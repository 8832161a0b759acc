package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"siaga/internal/watch"
)

// Page is a part of an answer.
type Page struct {
	Events []watch.Event
	// Next is the sequence that the next page goes on from, exclusive; 0 at the end. A page may hold fewer events than
	// asked for without being the last: how much one page reads is bounded, so that no filter takes long.
	Next uint64
}

const (
	findBudget  = 10_000        // candidates that one page looks at
	probeLimit  = 4_000         // entries counted to learn which index is the narrowest
	clockMargin = 2 * time.Hour // how far the clock may have been set back without a period losing events
	maxArms     = 120           // values that one index is asked for at once
)

// Find returns a page of what the query selects. Unlike Events it never walks a long index for what another one holds few
// of: it takes the narrowest index, or the text index when there is a text, and looks at a bounded number of entries.
func (j *Journal) Find(ctx context.Context, q Query) (Page, error) {
	if q.Limit <= 0 || q.Limit > 1000 {
		q.Limit = 1000
	}
	f := &finder{db: j.db.Read(), q: q}
	if err := f.bound(ctx, j.Head()); err != nil || f.empty() {
		return Page{}, err
	}
	if err := f.choose(ctx); err != nil {
		return Page{}, err
	}
	return f.page(ctx, j.scan)
}

// source is an index that can list candidates in the order of their sequence.
type source struct {
	index  string // "" for the table itself
	column string
	values []string
	match  string // of the text index
}

// finder answers one Find.
type finder struct {
	db         *sql.DB
	q          Query
	low, high  uint64 // sequences, exclusive
	from       source
	impossible bool // no event can meet it
}

func (f *finder) empty() bool { return f.impossible || f.low+1 >= f.high }

// bound turns the period into sequences.
func (f *finder) bound(ctx context.Context, head uint64) error {
	f.low, f.high = f.q.After, head+1
	if f.q.Before > 0 {
		f.high = min(f.high, f.q.Before)
	}
	if !f.q.Since.IsZero() {
		first, found, err := f.one(ctx, `SELECT seq FROM events INDEXED BY events_at WHERE at >= ? ORDER BY at LIMIT 1`, f.q.Since.Add(-clockMargin).UnixMilli())
		if err != nil {
			return err
		}
		if f.impossible = !found; found && first > 0 {
			f.low = max(f.low, first-1)
		}
	}
	if !f.q.Until.IsZero() {
		last, found, err := f.one(ctx, `SELECT seq FROM events INDEXED BY events_at WHERE at < ? ORDER BY at DESC LIMIT 1`, f.q.Until.Add(clockMargin).UnixMilli())
		if err != nil {
			return err
		}
		f.impossible = f.impossible || !found
		f.high = min(f.high, last+1)
	}
	return nil
}

func (f *finder) one(ctx context.Context, query string, args ...any) (uint64, bool, error) {
	var n uint64
	err := f.db.QueryRowContext(ctx, query, args...).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("journal: finding events: %w", err)
	}
	return n, true, nil
}

// choose finds the narrowest index.
func (f *finder) choose(ctx context.Context) error {
	if f.from.match = f.q.match(); f.from.match != "" {
		return nil
	}
	sources, err := f.sources(ctx)
	if err != nil || len(sources) == 0 {
		return err
	}
	f.from = sources[0]
	if len(sources) == 1 {
		return nil
	}
	least := uint64(probeLimit + 1)
	for _, s := range sources {
		list, args := s.list(f.low, f.high, false)
		n, _, err := f.one(ctx, `SELECT count(*) FROM (`+list+` LIMIT ?)`, append(args, least)...)
		if err != nil {
			return err
		}
		if n < least {
			least, f.from = n, s
		}
	}
	return nil
}

// sources are the indexes that the query's conditions have, the likely narrowest first.
func (f *finder) sources(ctx context.Context) ([]source, error) {
	var out []source
	for _, s := range []source{
		{index: "events_subject", column: "subject", values: []string{f.q.Subject}},
		{index: "events_actor", column: "actor", values: []string{f.q.Actor}},
		{index: "events_device", column: "device", values: []string{f.q.Device}},
		{index: "events_zone", column: "zone", values: f.q.zones()},
	} {
		if len(s.values) > 0 && s.values[0] != "" && len(s.values) <= maxArms {
			out = append(out, s)
		}
	}
	if len(f.q.Kinds) == 0 {
		return out, nil
	}
	kinds, err := f.kinds(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case len(kinds) == 0:
		f.impossible = true
	case len(kinds) <= maxArms:
		out = append(out, source{index: "events_kind", column: "kind", values: kinds})
	}
	return out, nil
}

// kinds are those that the journal has of the kinds and families asked for. It jumps from kind to kind in the index.
func (f *finder) kinds(ctx context.Context) ([]string, error) {
	var out []string
	for _, k := range f.q.Kinds {
		family, ok := strings.CutSuffix(k, "*")
		if !ok {
			out = append(out, k)
			continue
		}
		rows, err := f.db.QueryContext(ctx, `WITH RECURSIVE k(kind) AS (
			SELECT min(kind) FROM events WHERE kind >= ?1 AND kind < ?2
			UNION ALL SELECT (SELECT min(kind) FROM events WHERE kind > k.kind AND kind < ?2) FROM k WHERE k.kind IS NOT NULL)
			SELECT kind FROM k WHERE kind IS NOT NULL`, family, family+"\x7f")
		if err != nil {
			return nil, fmt.Errorf("journal: finding kinds: %w", err)
		}
		for rows.Next() {
			var kind string
			if err := rows.Scan(&kind); err != nil {
				return nil, errors.Join(err, rows.Close())
			}
			if !slices.Contains(f.q.NotKinds, kind) {
				out = append(out, kind)
			}
		}
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("journal: finding kinds: %w", err)
		}
	}
	return out, nil
}

// list is the query for the source's sequences between two, in order.
func (s source) list(low, high uint64, newest bool) (string, []any) {
	order, column := " ORDER BY seq", "seq"
	if newest {
		order = " ORDER BY seq DESC"
	}
	var parts []string
	var args []any
	switch {
	case s.match != "":
		parts, column = []string{`SELECT rowid AS seq FROM search WHERE search MATCH ? AND rowid > ? AND rowid < ?`}, "rowid"
		args = append(args, s.match, int64(low), int64(high))
	case s.index == "":
		parts = []string{`SELECT seq FROM events WHERE seq > ? AND seq < ?`}
		args = append(args, int64(low), int64(high))
	}
	for _, v := range s.values {
		// The constant condition lets SQLite use the partial index.
		parts = append(parts, `SELECT seq FROM events INDEXED BY `+s.index+` WHERE `+s.column+` = ? AND `+s.column+` <> '' AND seq > ? AND seq < ?`)
		args = append(args, v, int64(low), int64(high))
	}
	return strings.Join(parts, " UNION ALL ") + strings.Replace(order, "seq", column, 1), args
}

// page reads windows of candidates, each wider than the last, until the page is full, the candidates end or the budget is
// spent.
func (f *finder) page(ctx context.Context, scan func(scanner) (watch.Event, error)) (Page, error) {
	var out Page
	if f.empty() {
		return out, nil
	}
	budget := findBudget
	for step := max(200, 2*f.q.Limit); ; step *= 4 {
		step = min(step, budget)
		seen, edge, err := f.window(ctx, step)
		if err != nil {
			return out, err
		}
		events, err := f.read(ctx, edge, f.q.Limit-len(out.Events), scan)
		if err != nil {
			return out, err
		}
		out.Events = append(out.Events, events...)
		if len(out.Events) == f.q.Limit {
			out.Next = out.Events[f.q.Limit-1].Seq
			return out, nil
		}
		if seen < step {
			return out, nil
		}
		if f.q.Newest {
			f.high = edge
		} else {
			f.low = edge
		}
		if budget -= seen; budget <= 0 {
			out.Next = edge
			return out, nil
		}
	}
}

// window counts the next candidates, at most step, and names the last of them.
func (f *finder) window(ctx context.Context, step int) (seen int, edge uint64, _ error) {
	list, args := f.from.list(f.low, f.high, f.q.Newest)
	of := "max"
	if f.q.Newest {
		of = "min"
	}
	err := f.db.QueryRowContext(ctx, `SELECT count(*), coalesce(`+of+`(seq), 0) FROM (`+list+` LIMIT ?)`, append(args, step)...).Scan(&seen, &edge)
	if err != nil {
		return 0, 0, fmt.Errorf("journal: finding events: %w", err)
	}
	return seen, edge, nil
}

// read reads those candidates of a window that meet every condition.
func (f *finder) read(ctx context.Context, edge uint64, limit int, scan func(scanner) (watch.Event, error)) ([]watch.Event, error) {
	query, args := f.statement(edge, limit)
	rows, err := f.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("journal: finding events: %w", err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	var out []watch.Event
	for rows.Next() {
		e, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("journal: finding events: %w", err)
	}
	return out, nil
}

// statement is read's query. The cross join keeps SQLite from beginning with an index of the other conditions.
func (f *finder) statement(edge uint64, limit int) (string, []any) {
	low, high, order := f.low, edge+1, "seq"
	if f.q.Newest {
		low, high, order = edge-min(edge, 1), f.high, "seq DESC"
	}
	list, args := f.from.list(low, high, f.q.Newest)
	rest := f.q
	rest.After, rest.Before, rest.Text = 0, 0, ""
	where, more := rest.where()
	return `SELECT ` + columns + ` FROM (` + list + `) CROSS JOIN events USING (seq)` + where + ` ORDER BY ` + order + ` LIMIT ?`,
		append(append(args, more...), limit)
}
