package auth

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"siaga/internal/journal"
)

// Attempt is one try to sign in.
type Attempt struct {
	Login, Password string
	Code            string // one-time code, where the person has one
	Address         string // where it comes from, with or without port
	Agent           string // the browser's own description
}

// Grant is a successful sign-in.
type Grant struct {
	Cookie     string // token for the browser
	Bearer     string // token for scripts
	Session    Session
	Person     Person
	MustChange bool // the person must choose another password before anything else
}

// SignIn checks a password and, where there is one, a one-time code, and begins a session. A refusal is a *Denied that
// says nothing about why beyond its code; every look at a password is an event. It takes as long for somebody unknown.
func (a *Auth) SignIn(ctx context.Context, t Attempt) (Grant, error) {
	d, err := cleanDescription(description{Login: t.Login, Name: "-"})
	if err != nil || len(t.Password) > maxPassword || len(t.Code) > 16 {
		d.Login = "" // it can be nobody's; the attempt is counted all the same
	}
	t.Login = d.Login
	if len(t.Agent) > 200 {
		t.Agent = t.Agent[:200]
	}
	if err := a.throttle.admit(t.Login, t.Address); err != nil {
		return Grant{}, err
	}
	r := a.live.Load()
	p, known := r.byID[r.byLogin[t.Login]]
	var rec passwordRecord
	if known {
		if known, err = a.openRecord(ctx, a.opt.Journal.DB(), p.ID, secretPassword, &rec); err != nil {
			return Grant{}, err
		}
	}
	matches, stale, err := a.verify(ctx, rec.Hash, t.Password)
	switch {
	case err != nil:
		return Grant{}, err
	case !known:
		return Grant{}, a.failed(ctx, t, p, "unknown")
	case !matches:
		return Grant{}, a.failed(ctx, t, p, "password")
	}
	return a.admit(ctx, t, p, rec.Hash, stale)
}

// verify checks a password against a stored hash, or against none in the same time. stale is a new hash when the old
// one was made with other parameters than are wanted now.
func (a *Auth) verify(ctx context.Context, hash, password string) (ok bool, stale string, err error) {
	h := a.dummy
	if hash != "" {
		if h, err = parseHash(hash); err != nil {
			return false, "", err
		}
	}
	if len(password) > maxPassword {
		password = "" // nobody's; the check still takes its time
	}
	if err := a.desk.enter(ctx); err != nil {
		return false, "", err
	}
	defer a.desk.leave()
	if !h.matches(password) || hash == "" {
		return false, "", nil
	}
	if h.cost != a.cost {
		stale, err = hashPassword(password, a.cost)
	}
	return true, stale, err
}

// failed counts and journals a failure. The name that was typed is never kept: it may be a password in the wrong box.
func (a *Auth) failed(ctx context.Context, t Attempt, p Person, why string) error {
	v := a.throttle.failed(t.Login, t.Address)
	if v.silent {
		return &Denied{Code: DeniedCredentials, RetryAfter: v.delay}
	}
	err := a.opt.Journal.Commit(ctx, func(_ *sql.Tx, add journal.Appender) error {
		c := &change{a: a, add: add}
		body := struct {
			Address  string `json:"address"`
			Why      string `json:"why"`
			Failures int    `json:"failures"`
			Refused  int    `json:"refused"`          // attempts since the last one that came too early to be looked at
			Untold   int    `json:"untold,omitempty"` // failures from there that got no event of their own
			DelayMS  int64  `json:"delay_ms"`
		}{where(t.Address), why, v.failures, v.refused, v.untold, v.delay.Milliseconds()}
		if err := c.event(KindFailed, p.ID, body); err != nil || !v.locked {
			return err
		}
		return c.event(KindLocked, p.ID, body)
	})
	if err != nil {
		return fmt.Errorf("auth: journaling a failed sign-in: %w", err)
	}
	return &Denied{Code: DeniedCredentials, RetryAfter: v.delay}
}

// admit begins the session: rows, one-time code and event in one transaction. hash is what the password was checked
// against, fresh a better hash of it or "".
func (a *Auth) admit(ctx context.Context, t Attempt, p Person, hash, fresh string) (Grant, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Grant{}, fmt.Errorf("auth: random numbers: %w", err)
	}
	g := Grant{Session: Session{
		ID: id.String(), Person: p.ID, Address: where(t.Address), Agent: t.Agent, Created: time.Now().UTC().Truncate(time.Millisecond),
	}}
	b := &batch{}
	var gone []string
	outcome := ""
	err = a.commit(ctx, By{Actor: p.ID}, func(c *change) error {
		b.reset(c.tx)
		var err error
		if outcome, err = c.recheck(ctx, p.ID, hash, fresh); err != nil || outcome != "" {
			return err
		}
		if outcome, err = c.checkCode(ctx, p.ID, t.Code); err != nil || outcome != "" {
			return err
		}
		gone, err = c.begin(ctx, b, &g)
		return err
	})
	switch {
	case err != nil:
		return Grant{}, err
	case outcome == "code missing":
		return Grant{}, &Denied{Code: DeniedCode}
	case outcome != "":
		return Grant{}, a.failed(ctx, t, p, outcome)
	}
	a.sessions.store.adopt(b)
	a.drop(gone)
	a.throttle.succeeded(t.Login, t.Address)
	g.Person, _ = a.Person(p.ID)
	g.MustChange = g.Person.MustChange
	return g, nil
}

// recheck says "" when the person and the password are still what they were when the password was checked, outside the
// transaction; and stores a better hash if there is one.
func (c *change) recheck(ctx context.Context, person, hash, fresh string) (string, error) {
	if !c.r.byID[person].Active {
		return "inactive", nil
	}
	var rec passwordRecord
	if _, err := c.a.openRecord(ctx, c.tx, person, secretPassword, &rec); err != nil {
		return "", err
	}
	if rec.Hash != hash {
		return "password", nil
	}
	if fresh == "" {
		return "", nil
	}
	rec.Hash = fresh
	return "", c.setRecord(person, secretPassword, rec)
}

// begin makes both tokens and journals the sign-in. It returns the tokens of older sessions that had to make room.
func (c *change) begin(ctx context.Context, b *batch, g *Grant) ([]string, error) {
	s := c.a.sessions
	if err := s.store.sweep(c.tx); err != nil {
		return nil, err
	}
	var gone []string
	if have := c.a.Sessions(g.Session.Person); len(have) >= maxSessions {
		oldest := have[maxSessions-1].Created
		var err error
		gone, err = c.endSessions(func(x Session) bool {
			return x.Person == g.Session.Person && !x.Script && !x.Created.After(oldest)
		}, "too many sessions")
		if err != nil {
			return nil, err
		}
	}
	var err error
	if g.Cookie, g.Session.Expires, err = s.begin(ctx, b, g.Session, viaCookie); err != nil {
		return nil, err
	}
	if g.Bearer, _, err = s.begin(ctx, b, g.Session, viaBearer); err != nil {
		return nil, err
	}
	for _, e := range b.fresh {
		g.Session.Ends = e.session.Ends
	}
	return gone, c.event(KindSignedIn, g.Session.Person, struct {
		Session string `json:"session"`
		Address string `json:"address"`
		Agent   string `json:"agent,omitempty"`
	}{g.Session.ID, g.Session.Address, g.Session.Agent})
}
