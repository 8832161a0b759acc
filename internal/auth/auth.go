// Package auth is who the people of the site are, what they may do, and who is signed in. Names live in event bodies
// that can be erased; passwords, one-time-code secrets and phone numbers live sealed beside them and in no event.
package auth

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

// Options are what auth stands on.
type Options struct {
	Journal *journal.Journal // opened with Projection() among its projections
	Vault   *vault.Vault
	Site    string // name of the site, as one-time-code apps show it
	// Idle ends a session that was not used that long; 0 means DefaultIdle.
	Idle time.Duration
	// Lifetime ends every session; 0 means DefaultLifetime.
	Lifetime time.Duration
	Now      func() time.Time // nil: time.Now; sessions expire by time.Now in any case
}

// How long a session lasts when nothing else is said: a shift of 12 hours with its handover must fit.
const (
	DefaultIdle     = 2 * time.Hour
	DefaultLifetime = 14 * time.Hour
)

// Auth answers from memory and changes through the journal. It may be used from any goroutine.
type Auth struct {
	opt      Options
	now      func() time.Time
	desk     *desk
	throttle *throttle
	sessions *sessions
	enrol    *enrolment
	cost     cost
	dummy    storedHash // checked when there is no such person, so that the answer takes as long

	live    atomic.Pointer[roll]
	mu      sync.Mutex // one refresh at a time
	changed chan struct{}
}

// By says who changes something and why.
type By struct {
	Actor  string // person id; "" only for the program itself
	Reason string
}

// Open reads people and sessions. The journal's writer need not run yet.
func Open(ctx context.Context, o Options) (*Auth, error) {
	if o.Journal == nil || o.Vault == nil {
		return nil, errors.New("auth: journal and vault are both needed")
	}
	if o.Idle == 0 {
		o.Idle = DefaultIdle
	}
	if o.Lifetime == 0 {
		o.Lifetime = DefaultLifetime
	}
	a := &Auth{opt: o, now: o.Now, desk: newDesk(), cost: wantedCost(), changed: make(chan struct{})}
	if a.now == nil {
		a.now = time.Now
	}
	a.throttle = newThrottle(a.now)
	a.dummy = storedHash{cost: a.cost, salt: make([]byte, saltLength), sum: make([]byte, hashLength)}
	if err := a.refresh(ctx); err != nil {
		return nil, err
	}
	var err error
	if a.sessions, err = openSessions(ctx, o); err != nil {
		return nil, err
	}
	a.enrol, err = newEnrolment()
	return a, err
}

func (a *Auth) refresh(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.loadRoll(ctx, a.opt.Journal.DB())
	if err != nil {
		return err
	}
	a.live.Store(r)
	a.wake()
	return nil
}

// wake tells who waits on Changed. The caller holds mu.
func (a *Auth) wake() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// Changed returns a channel that is closed after the next change of anybody, and after sessions ended. Take it before
// reading.
func (a *Auth) Changed() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.changed
}

// change is one change under way.
type change struct {
	a   *Auth
	tx  *sql.Tx
	add journal.Appender
	r   *roll // read inside the transaction
	by  By
	now time.Time
}

// maxReason bounds a reason, in bytes.
const maxReason = 1000

// commit runs fn in one transaction and publishes the outcome.
func (a *Auth) commit(ctx context.Context, by By, fn func(*change) error) error {
	if len(by.Reason) > maxReason {
		return invalid("reason", "%d bytes long, the limit is %d", len(by.Reason), maxReason)
	}
	err := a.opt.Journal.Commit(ctx, func(tx *sql.Tx, add journal.Appender) error {
		r, err := a.loadRoll(context.WithoutCancel(ctx), tx)
		if err != nil {
			return err
		}
		return fn(&change{a: a, tx: tx, add: add, r: r, by: by, now: a.now()})
	})
	if err != nil {
		return err
	}
	if err := a.refresh(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("the change is stored, but: %w", err)
	}
	return nil
}

// event journals something about a person.
func (c *change) event(kind, person string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("auth: body of %s: %w", kind, err)
	}
	_, err = c.add(watch.Draft{Kind: kind, Subject: person, Actor: c.by.Actor, Body: text})
	return err
}

// reason is the body of events that say nothing but why.
type reason struct {
	Reason string `json:"reason,omitempty"`
}

// Errors that refusals wrap, beside watch.ErrInvalid.
var (
	// ErrConflict means that what was asked for collides with what is there.
	ErrConflict = errors.New("conflict")
	// ErrNotFound means that there is no such person or session.
	ErrNotFound = errors.New("not found")
)

// Refusal says which field of a request cannot be taken, why, and what to do instead. It wraps watch.ErrInvalid,
// ErrConflict or ErrNotFound.
type Refusal struct {
	Field string
	Why   string // one sentence in English; MUST NOT hold a secret
	Cause error
}

func (r *Refusal) Error() string {
	if r.Field == "" {
		return r.Why
	}
	return r.Field + ": " + r.Why
}

func (r *Refusal) Unwrap() error { return r.Cause }

func invalid(field, format string, args ...any) error {
	return &Refusal{Field: field, Why: fmt.Sprintf(format, args...), Cause: watch.ErrInvalid}
}

func conflict(field, format string, args ...any) error {
	return &Refusal{Field: field, Why: fmt.Sprintf(format, args...), Cause: ErrConflict}
}

func noPerson(id string) error {
	return &Refusal{Field: "id", Why: fmt.Sprintf("there is no person %.64q", id), Cause: ErrNotFound}
}
