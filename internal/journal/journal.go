// Package journal is the site's only bus: facts go in with a receipt, followers read them in order,
// and a Merkle tree over salted leaves makes every later change visible.
package journal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"siaga/internal/seal"
	"siaga/internal/store"
	"siaga/internal/watch"
)

// ErrClosed is what a receipt resolves to when the journal stopped before it took the event.
var ErrClosed = errors.New("journal: stopped")

// Projection is a set of tables that is wholly explained by events. Apply MUST be a function of the event
// and the tables alone: no clock, no random numbers, no rules. It runs live in the event's own transaction and
// again in a rebuild, and both MUST give the same rows.
type Projection interface {
	// Name is the projection's word in messages, "incident".
	Name() string
	// Tables are the tables it owns, compared row by row by the check.
	Tables() []string
	// Kinds are the event kinds it wants: exact ("segment.closed") or a family ("alert.*").
	Kinds() []string
	// Apply writes what the event means. The event of an erased body has Erased set and no Body.
	Apply(tx *sql.Tx, e watch.Event) error
}

// Options are what a journal needs besides its database.
type Options struct {
	Site        string              // slug of the site; fixed at the first opening
	Signer      note.Signer         // signs checkpoints; nil makes none
	Verifier    note.Verifier       // checks our own checkpoints; nil with a nil signer
	Projections []Projection        // everything that lives from events
	Now         func() time.Time    // nil: time.Now
	OnFull      func(released bool) // told once the disk is full; runs on the writer, MUST be quick
	// Aside takes, in place of the log, what would be journaled: the database is what was saved of a damaged one, and its
	// log is only read, holes and all. Such an event has no sequence, and no projection hears of it. What Aside returns nil
	// for MUST be durable. It runs on the writer.
	Aside func([]watch.Draft) error
}

// Journal is open on one database. Append and Commit may be called from any goroutine while Run runs.
type Journal struct {
	db     *store.DB
	opt    Options
	now    func() time.Time
	random io.Reader

	queue   chan *job
	gate    sync.RWMutex // submitters hold it for reading; stop takes it to know that none is under way
	closing chan struct{}
	closed  bool

	tree    seal.Tree // right edge of what is committed; the writer's own
	head    atomic.Uint64
	wakeMu  sync.Mutex
	wake    chan struct{} // closed and replaced after each commit
	byKind  sync.Map      // kind → []Projection
	checkMu sync.Mutex    // one checkpoint at a time

	Metrics Metrics
}

// Open loads the tree's right edge and checks it against the newest checkpoint. An error that wraps ErrNotIntact
// means that the file was changed from outside.
func Open(ctx context.Context, db *store.DB, o Options) (*Journal, error) {
	if !watch.ValidSlug(o.Site) {
		return nil, fmt.Errorf("journal: site %q is not a slug (lower case letters, digits, hyphens)", o.Site)
	}
	j := &Journal{
		db: db, opt: o, now: o.Now, random: rand.Reader,
		queue: make(chan *job, 4096), closing: make(chan struct{}), wake: make(chan struct{}),
	}
	if j.now == nil {
		j.now = time.Now
	}
	if o.Aside == nil {
		if err := j.claimSite(ctx); err != nil {
			return nil, err
		}
	}
	var head sql.NullInt64
	if err := db.Writer().QueryRowContext(ctx, `SELECT max(seq) FROM events`).Scan(&head); err != nil {
		return nil, fmt.Errorf("journal: reading the head: %w", err)
	}
	size := uint64(head.Int64)
	j.head.Store(size)
	if o.Aside != nil {
		return j, nil // a log with holes has no tree
	}
	tree, err := seal.LoadTree(size, nodeReader(ctx, db.Writer()))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotIntact, err)
	}
	j.tree = tree
	return j, j.quickCheck(ctx)
}

// claimSite writes the site's name into a new database and refuses another site's.
func (j *Journal) claimSite(ctx context.Context) error {
	w := j.db.Writer()
	if _, err := w.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ('site', ?) ON CONFLICT DO NOTHING`, j.opt.Site); err != nil {
		return fmt.Errorf("journal: claiming the database: %w", err)
	}
	var site string
	if err := w.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'site'`).Scan(&site); err != nil {
		return fmt.Errorf("journal: reading the site's name: %w", err)
	}
	if site != j.opt.Site {
		return fmt.Errorf("journal: the database belongs to site %q, the config says %q: correct `site.id`, or choose another data directory", site, j.opt.Site)
	}
	return nil
}

// Site is the slug of the site.
func (j *Journal) Site() string { return j.opt.Site }

// Head is the sequence of the last durable event; 0 for an empty journal.
func (j *Journal) Head() uint64 { return j.head.Load() }

// Waiting is how many submissions wait for the transaction under way to end; Append blocks at a full queue.
func (j *Journal) Waiting() int { return len(j.queue) }

// DB is the pool for reading beside the journal.
func (j *Journal) DB() *sql.DB { return j.db.Read() }

// Delivery identifies the wire message a draft was made from, so that a second delivery is recognised.
type Delivery struct {
	// Key names the reading within the message: the same bytes give the same key.
	Key [16]byte
	// Resent is true when the transport says that it sends the message again.
	Resent bool
	// Redelivered is true when it may well be doing so without saying. It counts only for what was first heard before
	// LinkSince: on one and the same connection nothing is sent again unflagged.
	Redelivered bool
	LinkSince   time.Time
	// Unique is true when the message carries its own id or time, so that a genuine second one differs.
	Unique bool
}

// Append journals one draft. It blocks while the queue is full. The receipt always resolves: nil means
// durable, anything else means that the event is not and will not be in the journal.
func (j *Journal) Append(ctx context.Context, d watch.Draft) (*Receipt, error) {
	return j.append(ctx, &job{draft: d})
}

// AppendOnce is Append for what came over a broker. A redelivered message that is already in the journal resolves to
// its first event; the same unique message sent anew is journaled with `repeat_of` in its body.
func (j *Journal) AppendOnce(ctx context.Context, d watch.Draft, del Delivery) (*Receipt, error) {
	return j.append(ctx, &job{draft: d, delivery: &del})
}

func (j *Journal) append(ctx context.Context, jb *job) (*Receipt, error) {
	if err := jb.draft.Validate(); err != nil {
		return nil, err
	}
	if len(jb.draft.Body) == 0 {
		jb.draft.Body = []byte("{}")
	}
	if err := j.submit(ctx, jb); err != nil {
		return nil, err
	}
	return jb.receipt, nil
}

// Appender adds an event to the transaction under way and returns it with its sequence.
type Appender func(watch.Draft) (watch.Event, error)

// Commit runs fn inside one transaction with the events it appends: all of it becomes durable, or nothing.
// It is the only way to write rows and events together. fn MUST depend on the transaction alone, since it runs
// again if the disk was full the first time, and MUST NOT wait for the journal. An error from fn undoes all it did.
func (j *Journal) Commit(ctx context.Context, fn func(tx *sql.Tx, add Appender) error) error {
	jb := &job{fn: fn}
	if err := j.submit(ctx, jb); err != nil {
		return err
	}
	// The transaction may be under way; its outcome is the answer even if the caller loses interest.
	return jb.receipt.Wait(context.WithoutCancel(ctx))
}

// Ping passes an empty transaction through the writer: nil means that the journal takes work.
func (j *Journal) Ping(ctx context.Context) error {
	jb := &job{fn: func(*sql.Tx, Appender) error { return nil }}
	if err := j.submit(ctx, jb); err != nil {
		return err
	}
	return jb.receipt.Wait(ctx)
}

func (j *Journal) submit(ctx context.Context, jb *job) error {
	jb.receipt = &Receipt{done: make(chan struct{})}
	jb.submitted = time.Now()
	j.gate.RLock()
	defer j.gate.RUnlock()
	if j.closed {
		return ErrClosed
	}
	select {
	case j.queue <- jb:
		return nil
	default:
	}
	select {
	case j.queue <- jb:
		return nil
	case <-j.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Receipt resolves once, when its event is durable or can never become so.
type Receipt struct {
	done chan struct{}
	seq  uint64
	err  error
}

// Wait returns nil when durable, the reason when it never will be, or ctx.Err().
func (r *Receipt) Wait(ctx context.Context) error {
	select {
	case <-r.done:
		return r.err
	default:
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Seq is the event's sequence. It MUST only be read after Wait returned nil.
func (r *Receipt) Seq() uint64 { return r.seq }

func (r *Receipt) resolve(seq uint64, err error) {
	r.seq, r.err = seq, err
	close(r.done)
}
