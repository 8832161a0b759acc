package journal

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"siaga/internal/seal"
	"siaga/internal/store"
	"siaga/internal/watch"
)

// VerifyOptions say what to prove, and against what.
type VerifyOptions struct {
	Site     string
	Verifier note.Verifier // checks the stored checkpoints
	// Against are signed checkpoints kept elsewhere: they catch what a rewritten database cannot show by itself.
	Against [][]byte
	// Projections and the text index are rebuilt in a scratch database under ScratchDir and compared row by row. Without a
	// ScratchDir only the log itself is checked.
	Projections []Projection
	ScratchDir  string
	Progress    func(done, total uint64)
}

// Finding is one thing that is wrong. Seq is the event it was found at, 0 if it is not about one.
type Finding struct {
	Seq  uint64
	What string
}

// Report is the outcome of Verify. No findings means that everything was proved.
type Report struct {
	Events      uint64
	Root        seal.Hash
	Checkpoints int
	Rows        map[string]int // projection rows compared, by table
	Findings    []Finding
}

// maxFindings ends a check that has made its point.
const maxFindings = 50

// errEnough stops the walk once maxFindings are known.
var errEnough = errors.New("enough findings")

// Verify proves the journal from its bytes alone: no hole in the sequence, every leaf, the whole tree, each checkpoint,
// and every row of every projection explained by events. It reads one consistent snapshot, beside a running program
// too. An error means that the check itself could not be done; what is wrong with the log stands in the report.
func Verify(ctx context.Context, db *store.DB, o VerifyOptions) (Report, error) {
	tx, err := db.Read().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Report{}, fmt.Errorf("journal: check: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	v := &verifier{tx: tx, opt: o, report: Report{Rows: map[string]int{}}}
	if o.ScratchDir != "" {
		if v.scratch, err = store.Open(ctx, filepath.Join(o.ScratchDir, "check.db"), store.Options{Scratch: true}); err != nil {
			return Report{}, err
		}
		defer func() { _ = v.scratch.Close() }() // it is thrown away
	}
	err = v.run(ctx)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return v.report, err
}

type verifier struct {
	tx      *sql.Tx
	opt     VerifyOptions
	scratch *store.DB
	report  Report
	tree    seal.Tree
	heads   []signedHead // by size
}

// signedHead is a checkpoint to meet on the walk.
type signedHead struct {
	seal.Checkpoint
	from string // where it was kept, for messages
}

func (v *verifier) run(ctx context.Context) error {
	if err := v.loadHeads(ctx); err != nil {
		return err
	}
	rebuild := newRebuild(v.scratch, v.opt.Projections)
	index, err := v.beginIndex(ctx)
	if err != nil {
		return err
	}
	err = v.walk(ctx, func(e watch.Event) error {
		if err := rebuild.apply(e); err != nil {
			return err
		}
		if index.add(v, e); len(index.docs) < 5000 {
			return nil
		}
		return errors.Join(rebuild.finish(), index.flush(v)) // one connection: one transaction at a time
	})
	if err = errors.Join(err, rebuild.finish(), index.flush(v)); err != nil {
		return err
	}
	v.report.Events, v.report.Root = v.tree.Size(), v.tree.Root()
	for _, h := range v.heads {
		if err := v.found(v.tree.Size(), "a checkpoint (%s) was signed over %d events, but the log ends at %d: its tail was removed, or an old copy was put back",
			h.from, h.Size, v.tree.Size()); err != nil {
			return err
		}
	}
	if v.scratch == nil {
		return nil
	}
	for _, p := range v.opt.Projections {
		for _, t := range p.Tables() {
			if err := v.compare(ctx, p.Name(), t); err != nil {
				return err
			}
		}
	}
	return v.compareIndex(ctx)
}

func (v *verifier) found(seq uint64, format string, args ...any) error {
	v.report.Findings = append(v.report.Findings, Finding{Seq: seq, What: fmt.Sprintf(format, args...)})
	if len(v.report.Findings) >= maxFindings {
		return errEnough
	}
	return nil
}

// walk recomputes every leaf and node in order and hands each event on.
func (v *verifier) walk(ctx context.Context, each func(watch.Event) error) error {
	var total uint64
	if err := v.tx.QueryRowContext(ctx, `SELECT count(*) FROM events`).Scan(&total); err != nil {
		return fmt.Errorf("journal: check: %w", err)
	}
	rows, err := v.tx.QueryContext(ctx, `SELECT `+columns+`, salt, erased, tree FROM events ORDER BY seq`)
	if err != nil {
		return fmt.Errorf("journal: check: %w", err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	for rows.Next() {
		e, err := v.event(rows)
		if err != nil {
			return err
		}
		if err := each(e); err != nil {
			if err := v.found(e.Seq, "event %d (%s) cannot be replayed: %v", e.Seq, e.Kind, err); err != nil {
				return err
			}
		}
		if v.opt.Progress != nil && e.Seq%10_000 == 0 {
			v.opt.Progress(e.Seq, total)
		}
	}
	return rows.Err()
}

// event checks one row: its place in the sequence, its leaf, the nodes it completes, the checkpoints signed over it.
func (v *verifier) event(rows *sql.Rows) (watch.Event, error) {
	e := watch.Event{Site: v.opt.Site}
	var at, deviceAt int64
	var body, salt, erased, tree []byte
	err := rows.Scan(&e.Seq, &e.Kind, &e.Device, &e.Zone, &e.Subject, &e.Actor, &at, &deviceAt, &body, &e.Erased, &salt, &erased, &tree)
	if err != nil {
		return e, fmt.Errorf("journal: check: reading the event after %d: %w", v.tree.Size(), err)
	}
	e.At, e.DeviceAt, e.Body = watch.FromMillis(at), watch.FromMillis(deviceAt), body
	if want := v.tree.Size() + 1; e.Seq != want {
		if err := v.found(want, "event %d is missing: the log goes from %d to %d", want, want-1, e.Seq); err != nil {
			return e, err
		}
		return e, errEnough // everything after a hole is wrong by definition
	}
	sum := seal.BodyHash(salt, body)
	if e.Erased {
		if len(erased) != len(sum) {
			return e, v.found(e.Seq, "event %d (%s) is marked erased, but the hash of its body is %d bytes long", e.Seq, e.Kind, len(erased))
		}
		sum = seal.Hash(erased)
	}
	leaf := seal.LeafHash(envelope(e), sum)
	size := len(leaf)
	if len(tree) < size || !bytes.Equal(tree[:size], leaf[:]) {
		if err := v.found(e.Seq, "event %d (%s of %s) was changed: its content does not match its leaf", e.Seq, e.Kind, e.At.Format(watch.TimeForm)); err != nil {
			return e, err
		}
		if len(tree) >= size {
			leaf = seal.Hash(tree[:size]) // go on with what was sealed, so that one edit is one finding
		}
	}
	for i, h := range v.tree.Append(leaf) {
		if len(tree) < (i+1)*size || !bytes.Equal(tree[i*size:(i+1)*size], h[:]) {
			if err := v.found(e.Seq, "the tree is broken at event %d, level %d: an event before it was changed together with its leaf", e.Seq, i); err != nil {
				return e, err
			}
			break
		}
	}
	return e, v.meetHeads()
}

// meetHeads compares the root with every checkpoint signed at this size.
func (v *verifier) meetHeads() error {
	for len(v.heads) > 0 && v.heads[0].Size <= v.tree.Size() {
		h := v.heads[0]
		v.heads = v.heads[1:]
		if h.Size == v.tree.Size() && h.Root != v.tree.Root() {
			if err := v.found(h.Size, "the log of %d events has another root than the checkpoint (%s) signed at %s: events up to %d were changed after that",
				h.Size, h.from, h.At.Format(watch.TimeForm), h.Size); err != nil {
				return err
			}
		}
	}
	return nil
}

// loadHeads reads and verifies all checkpoints to be met.
func (v *verifier) loadHeads(ctx context.Context) error {
	rows, err := v.tx.QueryContext(ctx, `SELECT size, note FROM checkpoints ORDER BY size`)
	if err != nil {
		return fmt.Errorf("journal: check: reading checkpoints: %w", err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	for rows.Next() {
		var size uint64
		var signed string
		if err := rows.Scan(&size, &signed); err != nil {
			return fmt.Errorf("journal: check: reading checkpoints: %w", err)
		}
		if err := v.addHead(size, []byte(signed), "stored"); err != nil {
			return err
		}
		v.report.Checkpoints++
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("journal: check: reading checkpoints: %w", err)
	}
	for i, signed := range v.opt.Against {
		if err := v.addHead(0, signed, fmt.Sprintf("kept elsewhere, number %d", i+1)); err != nil {
			return err
		}
	}
	sortHeads(v.heads)
	return nil
}

func (v *verifier) addHead(size uint64, signed []byte, from string) error {
	if v.opt.Verifier == nil {
		return nil
	}
	c, err := seal.OpenCheckpoint(signed, v.opt.Verifier)
	if err == nil && size != 0 && c.Size != size {
		err = fmt.Errorf("it says size %d inside", c.Size)
	}
	if err != nil {
		return v.found(size, "the checkpoint (%s) of size %d is not valid: %v", from, size, err)
	}
	v.heads = append(v.heads, signedHead{c, from})
	return nil
}
