package incident

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// Follower is the name of the judging follower's cursor.
const Follower = "judge"

// judge says what events mean. What it remembers is stored with the effects of what it claimed.
type judge interface {
	Judge(e watch.Event) []watch.Claim
	Tick(now time.Time) []watch.Claim
	Due() (time.Time, bool)
	Dirty() bool
	Changed() (map[string][]byte, error)
	Restore(map[string][]byte) error
}

// log is the journal as this room uses it.
type log interface {
	Cursor(ctx context.Context, follower string) (uint64, error)
	Follow(ctx context.Context, after uint64, handle func(context.Context, []watch.Event) error) error
	Commit(ctx context.Context, fn func(*sql.Tx, journal.Appender) error) error
	Events(ctx context.Context, q journal.Query) ([]watch.Event, error)
	Find(ctx context.Context, q journal.Query) (journal.Page, error)
	DB() *sql.DB
}

// site knows the tree of zones.
type site interface {
	// Lineage lists a zone and those it lies in, from the inside out.
	Lineage(zone string) []string
}

// Options are what a desk needs from other rooms.
type Options struct {
	Log      log
	Judge    judge
	Site     site
	Location *time.Location   // years of incident numbers; nil: UTC
	Now      func() time.Time // the site's clock; nil: time.Now
}

// Desk keeps alerts and incidents. Its acts and queries may be used from any goroutine while Run runs.
type Desk struct {
	opt Options
	now func() time.Time

	// The follower's own, while Run runs.
	seq    uint64          // last event judged
	stored uint64          // the cursor as stored
	moved  time.Time       // when it was stored
	active map[string]bool // keys with an active alert
	alarm  time.Time       // when Follow is to be left for a timer
}

// New makes a desk; it starts nothing.
func New(o Options) *Desk {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	return &Desk{opt: o, now: o.Now}
}

const (
	// lazily is how long the cursor may lag behind events without effect.
	lazily = time.Second
	// longestWait bounds a wait for a timer, since the site's clock may be set while we wait.
	longestWait = 5 * time.Second
	// retryAfter is the pause after a failed transaction.
	retryAfter = time.Second
)

// errSooner leaves Follow because a timer is due sooner than it was waiting for.
var errSooner = errors.New("a timer is due sooner")

// Run judges events from the stored cursor on until ctx ends, and then those that are durable by then. A transaction that
// fails is tried again from what is stored; only a stopped journal ends Run before its time. It MUST NOT run twice at once.
func (d *Desk) Run(ctx context.Context) error {
	for {
		err := d.follow(ctx)
		if ctx.Err() != nil || errors.Is(err, journal.ErrClosed) {
			return err
		}
		slog.Error("judging stopped; trying again from the stored place", "err", err, "after", d.seq)
		pause := time.NewTimer(retryAfter)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}

// follow is one run from what is stored; it ends with ctx or an error.
func (d *Desk) follow(ctx context.Context) error {
	work := context.WithoutCancel(ctx)
	if err := d.load(work); err != nil {
		return err
	}
	for {
		wait, cancel := context.WithTimeout(ctx, d.patience())
		err := d.opt.Log.Follow(wait, d.seq, d.judge)
		cancel()
		if errors.Is(err, errSooner) {
			continue // there may be more to read; timers come after it
		}
		if err != nil {
			return err
		}
		// Everything durable is judged; now the timers that nothing else came after.
		claims := d.opt.Judge.Tick(d.now())
		if ctx.Err() != nil {
			return d.commit(work, claims)
		}
		if err := d.settle(work, claims); err != nil {
			return err
		}
	}
}

// patience is how long to wait for events before the next timer, and notes when that is.
func (d *Desk) patience() time.Duration {
	wait := longestWait
	if d.behind() {
		wait = lazily
	}
	now := d.now()
	if due, ok := d.opt.Judge.Due(); ok {
		wait = min(wait, max(due.Sub(now), 0))
	}
	d.alarm = now.Add(wait)
	return wait
}

// load reads cursor, memory and active keys.
func (d *Desk) load(ctx context.Context) error {
	seq, err := d.opt.Log.Cursor(ctx, Follower)
	if err != nil {
		return err
	}
	memory := map[string][]byte{}
	type row struct {
		key   string
		state []byte
	}
	rows, err := collect(ctx, d.opt.Log.DB(), func(r interface{ Scan(...any) error }) (v row, err error) {
		return v, r.Scan(&v.key, &v.state)
	}, `SELECT key, state FROM judge_memory`, nil)
	if err != nil {
		return err
	}
	for _, r := range rows {
		memory[r.key] = r.state
	}
	if err := d.opt.Judge.Restore(memory); err != nil {
		return err
	}
	alerts, err := selectAlerts(ctx, d.opt.Log.DB(), `WHERE active = 1`)
	if err != nil {
		return err
	}
	d.active = map[string]bool{}
	for _, a := range alerts {
		d.active[a.Key] = true
	}
	d.seq, d.stored, d.moved = seq, seq, d.now()
	return nil
}

// judge handles a batch of events: one transaction if any of them has an effect, none otherwise.
func (d *Desk) judge(ctx context.Context, events []watch.Event) error {
	var claims []watch.Claim
	for _, e := range events {
		claims = append(claims, d.relevant(d.opt.Judge.Judge(e))...)
		d.seq = e.Seq
	}
	if err := d.settle(ctx, claims); err != nil {
		return err
	}
	if due, ok := d.opt.Judge.Due(); ok && due.Before(d.alarm) {
		return errSooner
	}
	if d.behind() && d.alarm.Sub(d.now()) > lazily {
		return errSooner
	}
	return nil
}

// relevant drops the ends of what is not active, which is most of them.
func (d *Desk) relevant(claims []watch.Claim) []watch.Claim {
	kept := claims[:0]
	for _, c := range claims {
		if c.Clear {
			if !d.active[c.Key] {
				continue
			}
			delete(d.active, c.Key)
		} else {
			d.active[c.Key] = true
		}
		kept = append(kept, c)
	}
	return kept
}

func (d *Desk) behind() bool { return d.seq > d.stored || d.opt.Judge.Dirty() }

// settle commits at once what has an effect, and what has none once in a while.
func (d *Desk) settle(ctx context.Context, claims []watch.Claim) error {
	if len(claims) == 0 {
		since := d.now().Sub(d.moved)
		if !d.behind() || since >= 0 && since < lazily {
			return nil
		}
	}
	return d.commit(ctx, claims)
}

// commit makes the effects of claims, the judge's memory and the cursor durable together.
func (d *Desk) commit(ctx context.Context, claims []watch.Claim) error {
	if len(claims) == 0 && !d.behind() {
		return nil
	}
	changed, err := d.opt.Judge.Changed()
	if err != nil {
		return err
	}
	err = d.opt.Log.Commit(ctx, func(tx *sql.Tx, add journal.Appender) error {
		w := d.work(ctx, tx, add)
		for _, c := range claims {
			if err := w.claim(c); err != nil {
				return fmt.Errorf("incident: claim %s: %w", c.Key, err)
			}
		}
		if err := w.tell(); err != nil {
			return err
		}
		if err := remember(tx, changed); err != nil {
			return err
		}
		return journal.SetCursor(tx, Follower, d.seq)
	})
	if err != nil {
		return err
	}
	d.stored, d.moved = d.seq, d.now()
	return nil
}

func remember(tx *sql.Tx, changed map[string][]byte) error {
	for key, state := range changed {
		var err error
		if state == nil {
			_, err = tx.Exec(`DELETE FROM judge_memory WHERE key = ?`, key)
		} else {
			_, err = tx.Exec(`INSERT INTO judge_memory (key, state) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET state = excluded.state`, key, state)
		}
		if err != nil {
			return fmt.Errorf("incident: storing the judge's memory of %s: %w", key, err)
		}
	}
	return nil
}
