package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"siaga/internal/seal"
	"siaga/internal/store"
	"siaga/internal/watch"
)

// maxBatch bounds one transaction: large enough to share an fsync among a burst, small enough that the last of it
// does not wait long.
const maxBatch = 512

// job is one submission: a draft, or a function that writes rows and events.
type job struct {
	draft     watch.Draft
	delivery  *Delivery
	fn        func(*sql.Tx, Appender) error
	receipt   *Receipt
	submitted time.Time

	seq uint64 // outcome, valid once the batch is committed
	err error
}

// Run is the writer. It commits at once when idle and gathers what arrives while a commit is under way. When ctx ends
// it refuses new work, answers all it accepted, and returns. It MUST be called exactly once.
func (j *Journal) Run(ctx context.Context) error {
	w, err := newWriter(j)
	if err != nil {
		return errors.Join(err, j.refuseAll(err))
	}
	defer w.close()
	batch := make([]*job, 0, maxBatch)
	for {
		select {
		case jb := <-j.queue:
			batch = j.gather(append(batch[:0], jb))
			w.commit(batch)
		case <-ctx.Done():
			close(j.closing)
			j.gate.Lock()
			j.closed = true
			j.gate.Unlock()
			for len(j.queue) > 0 {
				batch = j.gather(batch[:0])
				w.commit(batch)
			}
			return nil
		}
	}
}

// refuseAll answers every submission with err until no more can come.
func (j *Journal) refuseAll(err error) error {
	close(j.closing)
	j.gate.Lock()
	defer j.gate.Unlock()
	j.closed = true
	for len(j.queue) > 0 {
		(<-j.queue).receipt.resolve(0, err)
	}
	return nil
}

func (j *Journal) gather(batch []*job) []*job {
	for len(batch) < maxBatch {
		select {
		case jb := <-j.queue:
			batch = append(batch, jb)
		default:
			return batch
		}
	}
	return batch
}

// writer owns the one writing connection and the statements prepared on it.
type writer struct {
	j        *Journal
	conn     *sql.Conn
	insert   *sql.Stmt
	find     *sql.Stmt
	remember *sql.Stmt
	pruned   time.Time
	salts    []byte        // random bytes not yet used; one read serves many events
	aside    []watch.Draft // of the transaction under way, where Options.Aside takes them
}

func newWriter(j *Journal) (*writer, error) {
	ctx := context.Background()
	conn, err := j.db.Writer().Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("journal: taking the writing connection: %w", err)
	}
	w := &writer{j: j, conn: conn}
	for _, s := range []struct {
		into *(*sql.Stmt)
		text string
	}{
		{&w.insert, `INSERT INTO events (seq, kind, device, zone, subject, actor, at, device_at, body, salt, tree) VALUES (?,?,?,?,?,?,?,?,?,?,?)`},
		{&w.find, `SELECT seq, at FROM deliveries WHERE key = ?`},
		{&w.remember, `INSERT INTO deliveries (key, seq, at) VALUES (?,?,?) ON CONFLICT DO NOTHING`},
	} {
		if *s.into, err = conn.PrepareContext(ctx, s.text); err != nil {
			return nil, errors.Join(fmt.Errorf("journal: preparing: %w", err), conn.Close())
		}
	}
	return w, nil
}

func (w *writer) close() {
	for _, s := range []io.Closer{w.insert, w.find, w.remember, w.conn} {
		_ = s.Close() // nothing is pending; the file is synced by each commit
	}
}

// commit makes the batch durable and then answers every job in it. A full disk costs the reserve and one retry.
func (w *writer) commit(batch []*job) {
	started := time.Now()
	tree := w.j.tree
	err := w.transact(batch)
	if err != nil && store.IsFull(err) {
		released := w.j.db.Reserve() != nil && w.j.db.Reserve().Release()
		if w.j.opt.OnFull != nil {
			w.j.opt.OnFull(released)
		}
		if released {
			w.j.tree = tree
			err = w.transact(batch)
		}
	}
	if err != nil {
		w.j.tree = tree
		err = fmt.Errorf("journal: committing %d jobs: %w", len(batch), err)
	} else {
		w.j.advance()
	}
	w.j.Metrics.committed(len(batch), started, err)
	for _, jb := range batch {
		w.j.Metrics.receipt(time.Since(jb.submitted))
		if err != nil {
			jb.err = err
		}
		jb.receipt.resolve(jb.seq, jb.err)
	}
}

func (w *writer) transact(batch []*job) error {
	tx, err := w.conn.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	w.aside = nil
	err = w.fill(tx, batch)
	if err == nil && len(w.aside) > 0 {
		err = w.j.opt.Aside(w.aside)
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (w *writer) fill(tx *sql.Tx, batch []*job) error {
	stmts := bound{insert: tx.Stmt(w.insert), find: tx.Stmt(w.find), remember: tx.Stmt(w.remember)}
	for _, jb := range batch {
		jb.seq, jb.err = 0, nil
		if err := w.one(tx, stmts, jb); err != nil {
			return err
		}
	}
	return w.prune(tx)
}

// bound are the prepared statements inside one transaction.
type bound struct{ insert, find, remember *sql.Stmt }

// one runs a job. What is the job's own fault lands in jb.err and is undone alone; what is returned fails the batch.
func (w *writer) one(tx *sql.Tx, s bound, jb *job) error {
	if jb.fn == nil && len(w.j.projectionsOf(jb.draft.Kind)) == 0 {
		return w.deliver(tx, s, jb)
	}
	tree, aside := w.j.tree, len(w.aside)
	if _, err := tx.Exec(`SAVEPOINT job`); err != nil {
		return err
	}
	var err error
	if jb.fn != nil {
		err = w.call(tx, s, jb)
	} else {
		err = w.deliver(tx, s, jb)
	}
	if err == nil {
		_, err = tx.Exec(`RELEASE job`)
		return err
	}
	if fatal(err) {
		return err
	}
	jb.err = err
	w.j.tree, w.aside = tree, w.aside[:aside]
	if _, err := tx.Exec(`ROLLBACK TO job`); err != nil {
		return err
	}
	_, err = tx.Exec(`RELEASE job`)
	return err
}

// call runs a caller's function; its panic is its own error, not the end of the journal.
func (w *writer) call(tx *sql.Tx, s bound, jb *job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("journal: the function given to Commit panicked: %v", p)
		}
	}()
	return jb.fn(tx, func(d watch.Draft) (watch.Event, error) {
		if err := d.Validate(); err != nil {
			return watch.Event{}, err
		}
		if len(d.Body) == 0 {
			d.Body = []byte("{}")
		}
		e, err := w.insertEvent(tx, s, d)
		jb.seq = e.Seq
		return e, err
	})
}

// deliver journals a draft, or finds that it is in the journal already.
func (w *writer) deliver(tx *sql.Tx, s bound, jb *job) error {
	d := jb.draft
	if jb.delivery == nil {
		e, err := w.insertEvent(tx, s, d)
		jb.seq = e.Seq
		return err
	}
	var first uint64
	var at int64
	err := s.find.QueryRow(jb.delivery.Key[:]).Scan(&first, &at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if first != 0 {
		if jb.delivery.Resent || jb.delivery.Redelivered && at < jb.delivery.LinkSince.UnixMilli() {
			jb.seq = first
			return nil
		}
		if jb.delivery.Unique {
			d.Body = withRepeat(d.Body, first)
		}
	}
	e, err := w.insertEvent(tx, s, d)
	if err != nil {
		return err
	}
	jb.seq = e.Seq
	_, err = s.remember.Exec(jb.delivery.Key[:], int64(e.Seq), e.At.UnixMilli())
	return err
}

// withRepeat puts repeat_of in front of the other keys of a JSON object.
func withRepeat(body []byte, first uint64) []byte {
	rest := strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(string(body), " \t\r\n"), "{"), " \t\r\n")
	if rest == "}" {
		return fmt.Appendf(nil, `{"repeat_of":%d}`, first)
	}
	return fmt.Appendf(nil, `{"repeat_of":%d,%s`, first, rest)
}

func (w *writer) insertEvent(tx *sql.Tx, s bound, d watch.Draft) (watch.Event, error) {
	if d.At.IsZero() {
		d.At = w.j.now()
	}
	e := watch.Event{
		Site: w.j.opt.Site, Kind: d.Kind, Device: d.Device, Zone: d.Zone, Subject: d.Subject,
		Actor: d.Actor, At: d.At.UTC().Truncate(time.Millisecond), DeviceAt: watch.FromMillis(watch.Millis(d.DeviceAt)), Body: d.Body,
	}
	if w.j.opt.Aside != nil {
		w.aside = append(w.aside, d)
		return e, nil
	}
	salt, err := w.salt()
	if err != nil {
		return e, err
	}
	e.Seq = w.j.tree.Size() + 1
	done := w.j.tree.Append(seal.LeafHash(envelope(e), seal.BodyHash(salt, e.Body)))
	tree := make([]byte, 0, len(done)*len(seal.Hash{}))
	for _, h := range done {
		tree = append(tree, h[:]...)
	}
	_, err = s.insert.Exec(int64(e.Seq), e.Kind, e.Device, e.Zone, e.Subject, e.Actor,
		watch.Millis(e.At), watch.Millis(e.DeviceAt), []byte(e.Body), salt, tree)
	if err != nil {
		return e, fmt.Errorf("journal: inserting event %d (%s): %w", e.Seq, e.Kind, err)
	}
	for _, p := range w.j.projectionsOf(e.Kind) {
		if err := p.Apply(tx, e); err != nil {
			return e, fmt.Errorf("%s: applying %s %d: %w", p.Name(), e.Kind, e.Seq, err)
		}
	}
	return e, nil
}

func (w *writer) salt() ([]byte, error) {
	if len(w.salts) < seal.SaltSize {
		w.salts = make([]byte, 256*seal.SaltSize)
		if _, err := io.ReadFull(w.j.random, w.salts); err != nil {
			return nil, fmt.Errorf("journal: random numbers: %w", err)
		}
	}
	s := w.salts[:seal.SaltSize:seal.SaltSize]
	w.salts = w.salts[seal.SaltSize:]
	return s, nil
}

// deliveriesKept is how long a wire message can be recognised.
const deliveriesKept = 48 * time.Hour

// prune forgets old deliveries once an hour, inside a transaction that is under way anyway.
func (w *writer) prune(tx *sql.Tx) error {
	now := w.j.now()
	if now.Sub(w.pruned) < time.Hour {
		return nil
	}
	w.pruned = now
	_, err := tx.Exec(`DELETE FROM deliveries WHERE at < ?`, now.Add(-deliveriesKept).UnixMilli())
	return err
}

func envelope(e watch.Event) seal.Envelope {
	return seal.Envelope{
		Seq: e.Seq, Site: e.Site, Kind: e.Kind, Device: e.Device, Zone: e.Zone, Subject: e.Subject, Actor: e.Actor,
		At: watch.Millis(e.At), DeviceAt: watch.Millis(e.DeviceAt),
	}
}

// fatal reports whether the error is the database's and not the job's, so that the whole batch must fail.
func fatal(err error) bool { return store.IsFatal(err) }

// advance publishes the new head and wakes followers.
func (j *Journal) advance() {
	if j.opt.Aside != nil {
		return
	}
	j.head.Store(j.tree.Size())
	j.wakeMu.Lock()
	defer j.wakeMu.Unlock()
	close(j.wake)
	j.wake = make(chan struct{})
}

// projectionsOf lists the projections that want a kind, remembered per kind.
func (j *Journal) projectionsOf(kind string) []Projection {
	if v, ok := j.byKind.Load(kind); ok {
		return v.([]Projection)
	}
	var out []Projection
	for _, p := range j.opt.Projections {
		if wants(p, kind) {
			out = append(out, p)
		}
	}
	j.byKind.Store(kind, out)
	return out
}

func wants(p Projection, kind string) bool {
	for _, k := range p.Kinds() {
		if family, ok := strings.CutSuffix(k, "*"); k == kind || ok && strings.HasPrefix(kind, family) {
			return true
		}
	}
	return false
}
