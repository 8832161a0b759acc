package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"siaga/internal/watch"
)

// Indexer is the name of the text index's cursor.
const Indexer = "search"

const (
	indexStep  = 500             // events looked at in one go
	indexEvery = time.Second     // pause that lets a batch gather, so that the index costs few commits
	indexLag   = 10_000          // events without words that the stored cursor may lag behind
	indexRetry = 5 * time.Second // pause after a failure
)

// RunIndex keeps the text index up with the journal until ctx ends. What it has not come to by then it does after the next
// start. A failure is tried again.
func (j *Journal) RunIndex(ctx context.Context) error {
	place, err := j.Cursor(ctx, Indexer)
	for {
		pause := indexEvery
		wake := j.awaken()
		if err == nil {
			place, err = j.catchUp(ctx, place)
		}
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, ErrClosed) {
				return nil
			}
			slog.Error("text index stopped; trying again from the stored place", "err", err, "after", place)
			pause = indexRetry
		} else {
			select {
			case <-wake:
			case <-ctx.Done():
				return nil
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		if err != nil {
			place, err = j.Cursor(ctx, Indexer)
		}
	}
}

// Index brings the text index up to the head once. It MUST NOT run beside RunIndex.
func (j *Journal) Index(ctx context.Context) error {
	place, err := j.Cursor(ctx, Indexer)
	if err == nil {
		_, err = j.catchUp(ctx, place)
	}
	return err
}

// catchUp indexes up to the head and returns where it came to. The stored cursor moves with what is written, and by
// itself only seldom, so that an index with nothing to do costs no commits.
func (j *Journal) catchUp(ctx context.Context, place uint64) (uint64, error) {
	stored := place
	for head := j.Head(); place < head && ctx.Err() == nil; {
		to := min(place+indexStep, head)
		docs, err := j.documents(ctx, place, to)
		if err != nil {
			return place, err
		}
		if len(docs) > 0 || to-stored >= indexLag {
			if err := j.Commit(ctx, func(tx *sql.Tx, _ Appender) error { return writeIndex(tx, docs, to) }); err != nil {
				return place, err
			}
			stored = to
		}
		place = to
	}
	return place, nil
}

// doc is one event's entry.
type doc struct {
	seq  uint64
	text string
}

// documents prepares the entries of a span outside the writer.
func (j *Journal) documents(ctx context.Context, after, to uint64) ([]doc, error) {
	events, err := j.Events(ctx, Query{After: after, Before: to + 1, NotKinds: wordless(), Limit: indexStep})
	if err != nil {
		return nil, err
	}
	var out []doc
	for _, e := range events {
		if text := document(e); text != "" {
			out = append(out, doc{e.Seq, text})
		}
	}
	return out, nil
}

// writeIndex adds the entries. An event that was erased since it was read is left out.
func writeIndex(tx *sql.Tx, docs []doc, to uint64) error {
	if len(docs) > 0 {
		insert, err := tx.Prepare(`INSERT INTO search (rowid, words) SELECT seq, ? FROM events WHERE seq = ? AND erased IS NULL`)
		if err != nil {
			return fmt.Errorf("journal: text index: %w", err)
		}
		defer func() { _ = insert.Close() }() // the transaction ends it anyway
		for _, d := range docs {
			if _, err := insert.Exec(d.text, int64(d.seq)); err != nil {
				return fmt.Errorf("journal: text index of event %d: %w", d.seq, err)
			}
		}
	}
	return SetCursor(tx, Indexer, to)
}

// unindex takes an event's words out of the index, if they are in it already. It MUST run before the body goes, since the
// index can only be told by the words which entries to remove.
func unindex(tx *sql.Tx, e watch.Event) error {
	text := document(e)
	if text == "" {
		return nil
	}
	var place uint64
	err := tx.QueryRow(`SELECT seq FROM cursors WHERE follower = ?`, Indexer).Scan(&place)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("journal: text index: %w", err)
	}
	if e.Seq > place {
		return nil
	}
	if _, err := tx.Exec(`INSERT INTO search (search, rowid, words) VALUES ('delete', ?, ?)`, int64(e.Seq), text); err != nil {
		return fmt.Errorf("journal: taking event %d out of the text index: %w", e.Seq, err)
	}
	return nil
}

// compareIndex walks the stored index and one made anew from the events up to its cursor.
func (v *verifier) compareIndex(ctx context.Context) error {
	const query = `SELECT term, doc FROM search_words`
	have, err := v.tx.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("journal: check: text index: %w", err)
	}
	defer func() { _ = have.Close() }() // the error that matters is rows.Err
	want, err := v.scratch.Read().QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("journal: check: rebuilt text index: %w", err)
	}
	defer func() { _ = want.Close() }() // likewise
	for {
		h, err1 := nextRow(have)
		w, err2 := nextRow(want)
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("journal: check: text index: %w", err)
		}
		if h == nil && w == nil {
			return nil
		}
		v.report.Rows["search"]++
		if diff := differ(h, w); diff != "" {
			return v.found(0, "search: the text index is not what the journal explains: %s", diff)
		}
	}
}

// indexed collects the entries that the index must hold up to its cursor.
type indexed struct {
	place uint64
	docs  []doc
}

func (v *verifier) beginIndex(ctx context.Context) (*indexed, error) {
	ix := &indexed{}
	err := v.tx.QueryRowContext(ctx, `SELECT seq FROM cursors WHERE follower = ?`, Indexer).Scan(&ix.place)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("journal: check: text index: %w", err)
	}
	return ix, nil
}

// add takes one event of the walk.
func (ix *indexed) add(v *verifier, e watch.Event) {
	if v.scratch == nil || e.Seq > ix.place {
		return
	}
	if text := document(e); text != "" {
		ix.docs = append(ix.docs, doc{e.Seq, text})
	}
}

func (ix *indexed) flush(v *verifier) error {
	if v.scratch == nil || len(ix.docs) == 0 {
		return nil
	}
	tx, err := v.scratch.Writer().Begin()
	if err != nil {
		return err
	}
	for _, d := range ix.docs {
		if _, err := tx.Exec(`INSERT INTO search (rowid, words) VALUES (?, ?)`, int64(d.seq), d.text); err != nil {
			return errors.Join(fmt.Errorf("journal: check: text index of event %d: %w", d.seq, err), tx.Rollback())
		}
	}
	ix.docs = ix.docs[:0]
	return tx.Commit()
}
