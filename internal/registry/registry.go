package registry

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"siaga/internal/journal"
	"siaga/internal/vault"
	"siaga/internal/watch"
)

// drivers is what the registry must know of the drivers in this build; app answers from the catalogue.
type drivers interface {
	// Check refuses a config that the driver of this kind would not take, and a kind without a driver. secrets are
	// the names of the secrets that are set. The error names the key at fault and holds no secret.
	Check(kind string, config json.RawMessage, secrets []string) error
	// Topics are the MQTT filters a device publishes on and reads; both empty for a kind that does not speak MQTT.
	Topics(kind string, config json.RawMessage) (publish, subscribe []string, err error)
	// Gateway reports whether equipment of its own can stand behind a device of this kind.
	Gateway(kind string) bool
}

// Options are what a registry stands on.
type Options struct {
	Journal *journal.Journal // opened with Projection() among its projections
	Vault   *vault.Vault
	Drivers drivers
	// NamePrefix begins suggested device names: "MJN" gives MJN-GDB-03. "" suggests names without one.
	NamePrefix string
	// Plans is the folder for the pictures of floor plans. "" refuses new ones.
	Plans string
	// Kicked is told an MQTT user whose secret or rights changed or ended, so that the broker cuts its connections.
	// It is called after the change is durable and MUST NOT call back into the registry. nil: nobody is told.
	Kicked func(user string)
	// Settings says which settings may be changed while the program runs. nil: none.
	Settings settings
	// Settled is told that a setting was changed, after the change is durable. It MUST NOT change another one. nil: nobody is told.
	Settled func()
	Now     func() time.Time // nil: time.Now
}

// Registry answers from memory and changes through the journal. It may be used from any goroutine.
type Registry struct {
	opt  Options
	now  func() time.Time
	live atomic.Pointer[state]

	mu      sync.Mutex    // one refresh at a time, so that an older state never replaces a newer one
	changed chan struct{} // closed and replaced after each change; guarded by mu

	decoding sync.Mutex // held while a picture is decoded
}

// Open reads what the site has. The journal's writer need not run yet.
func Open(ctx context.Context, o Options) (*Registry, error) {
	if o.Journal == nil || o.Vault == nil || o.Drivers == nil {
		return nil, errors.New("registry: journal, vault and drivers are all needed")
	}
	r := &Registry{opt: o, now: o.Now, changed: make(chan struct{})}
	if r.now == nil {
		r.now = time.Now
	}
	return r, r.refresh(ctx)
}

// refresh publishes what the database holds and wakes who waits on Changed.
func (r *Registry) refresh(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	tx, err := r.opt.Journal.DB().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("registry: reading: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	s, err := load(ctx, tx)
	if err != nil {
		return err
	}
	for id, c := range s.credentials {
		d := s.devices[id]
		if c.publish, c.subscribe, err = r.opt.Drivers.Topics(d.Kind, d.Config); err != nil {
			// A config this build's driver no longer reads gives no rights; the device's keeper reports why.
			c.publish, c.subscribe = nil, nil
		}
		s.credentials[id] = c
	}
	r.live.Store(s)
	close(r.changed)
	r.changed = make(chan struct{})
	return nil
}

// Changed returns a channel that is closed after the next change of anything. Take it before reading, so that no
// change falls between.
func (r *Registry) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// change is one change under way: a transaction, what the site has in it, and who changes it.
type change struct {
	r      *Registry
	tx     *sql.Tx
	add    journal.Appender
	st     *state
	by     By
	now    time.Time
	notes  []string
	issued []Issued
	kicked []string
}

// commit runs fn in one transaction and publishes the outcome. fn runs again after a full disk; it MUST keep what it
// learns in the change alone.
func (r *Registry) commit(ctx context.Context, by By, fn func(*change) error) (*change, error) {
	if err := checkBy(by); err != nil {
		return nil, err
	}
	var c *change
	err := r.opt.Journal.Commit(ctx, func(tx *sql.Tx, add journal.Appender) error {
		st, err := load(context.WithoutCancel(ctx), tx)
		if err != nil {
			return err
		}
		c = &change{r: r, tx: tx, add: add, st: st, by: by, now: r.now()}
		return fn(c)
	})
	if err != nil {
		return nil, r.explainStale(ctx, err)
	}
	if err := r.refresh(context.WithoutCancel(ctx)); err != nil {
		return nil, fmt.Errorf("the change is stored, but: %w", err)
	}
	if r.opt.Kicked != nil {
		for _, user := range c.kicked {
			r.opt.Kicked(user)
		}
	}
	return c, nil
}

// unchanged refuses a change of what has moved on since the person looked at it.
func (c *change) unchanged(revision uint64) error {
	if c.by.Seen != 0 && c.by.Seen != revision {
		return &Stale{seq: revision}
	}
	return nil
}

// explainStale says who came first.
func (r *Registry) explainStale(ctx context.Context, err error) error {
	var s *Stale
	if !errors.As(err, &s) {
		return err
	}
	e, lookup := r.opt.Journal.Event(ctx, s.seq)
	if lookup != nil {
		return errors.Join(err, lookup)
	}
	s.Actor, s.At = e.Actor, e.At
	return err
}

// event journals what the change did. Its projection writes the rows.
func event[T any](c *change, kind, device, zone string, b body[T]) (watch.Event, error) {
	if b.Reason == "" {
		b.Reason = c.by.Reason
	}
	if b.Second == "" {
		b.Second = c.by.Second
	}
	text, err := encode(b)
	if err != nil {
		return watch.Event{}, fmt.Errorf("registry: body of %s: %w", kind, err)
	}
	return c.add(watch.Draft{Kind: kind, Device: device, Zone: zone, Actor: c.by.Actor, Body: text})
}

// maxReason bounds a reason, in bytes.
const maxReason = 1000

func checkBy(by By) error {
	if len(by.Reason) > maxReason {
		return invalid("reason", "%d bytes long, the limit is %d", len(by.Reason), maxReason)
	}
	if len(by.Actor) > 128 || len(by.Second) > 128 {
		return invalid("actor", "longer than 128 bytes; it must be a person's id")
	}
	return nil
}

func (c *change) needReason(what string) error {
	if c.by.Reason == "" {
		return invalid("reason", "%s needs a reason", what)
	}
	return nil
}
