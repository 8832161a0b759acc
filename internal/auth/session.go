package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"
)

// Session is somebody signed in. A sign-in makes one session with two tokens: a cookie for the browser and a bearer
// token for scripts; signing out and revoking end both, not being used ends each for itself.
type Session struct {
	ID      string // public id, for lists and events; it opens nothing
	Person  string
	Script  bool   // a long-lived token made on purpose, not a sign-in
	Label   string // what such a token is for
	Address string // where it was made from
	Agent   string // the browser's own description, cut to 200 bytes
	Created time.Time
	Ends    time.Time // it ends then at the latest
	Expires time.Time // it ends then if it is not used
}

// ErrNotSignedIn means that a token opens no session: it is unknown, expired, revoked, or of the other sort.
var ErrNotSignedIn = errors.New("not signed in")

// Keys of what scs keeps of a session, and how it is carried.
const (
	keySession, keyPerson, keyVia, keyLabel    = "session", "person", "via", "label"
	keyAddress, keyAgent, keyScript, keyCreate = "address", "agent", "script", "created"

	viaCookie, viaBearer = "cookie", "bearer"
)

// maxSessions is how many sessions a person may have; the oldest ends when another one begins.
const maxSessions = 32

// newManager builds the manager by hand: scs.New would start a goroutine for a store that is not used here.
func newManager(s *sessionStore, idle, lifetime time.Duration) *scs.SessionManager {
	return &scs.SessionManager{Store: s, Codec: scs.GobCodec{}, HashTokenInStore: true, IdleTimeout: idle, Lifetime: lifetime}
}

// sessions keeps who is signed in.
type sessions struct {
	store   *sessionStore
	console *scs.SessionManager // ends when idle
	script  *scs.SessionManager // does not
}

func openSessions(ctx context.Context, o Options) (*sessions, error) {
	store, err := openStore(ctx, o.Journal)
	if err != nil {
		return nil, err
	}
	return &sessions{store: store, console: newManager(store, o.Idle, o.Lifetime), script: newManager(store, 0, maxTokenLife)}, nil
}

func (s *sessions) manager(script bool) *scs.SessionManager {
	if script {
		return s.script
	}
	return s.console
}

// begin makes one token of a session inside the transaction. The token is always new, whatever the browser sent: a
// token that somebody else knew before the sign-in opens nothing after it.
func (s *sessions) begin(ctx context.Context, b *batch, v Session, via string) (token string, expires time.Time, err error) {
	m := s.manager(v.Script)
	sctx, err := m.Load(ctx, "")
	if err != nil {
		return "", time.Time{}, err
	}
	for key, val := range map[string]any{
		keySession: v.ID, keyPerson: v.Person, keyVia: via, keyLabel: v.Label, keyAddress: v.Address, keyAgent: v.Agent,
		keyScript: v.Script, keyCreate: v.Created.UnixMilli(),
	} {
		m.Put(sctx, key, val)
	}
	if !v.Ends.IsZero() {
		m.SetDeadline(sctx, v.Ends)
	}
	return m.Commit(context.WithValue(sctx, batchKey{}, b))
}

// FromCookie finds who a cookie's token belongs to and notes that the session is in use.
func (a *Auth) FromCookie(ctx context.Context, token string) (Session, Person, error) {
	return a.open(ctx, token, viaCookie)
}

// FromBearer does the same for a bearer token. A cookie's token is refused here and the other way round, so that the
// checks against forged requests, which cookies need, cannot be gone around.
func (a *Auth) FromBearer(ctx context.Context, token string) (Session, Person, error) {
	return a.open(ctx, token, viaBearer)
}

func (a *Auth) open(ctx context.Context, token, via string) (Session, Person, error) {
	if token == "" || len(token) > 256 {
		return Session{}, Person{}, ErrNotSignedIn
	}
	m := a.sessions.console
	sctx, err := m.Load(ctx, token)
	if err != nil {
		return Session{}, Person{}, fmt.Errorf("auth: reading a session: %w", err)
	}
	p, ok := a.Person(m.GetString(sctx, keyPerson))
	if !ok || !p.Active || m.GetString(sctx, keyVia) != via {
		return Session{}, Person{}, ErrNotSignedIn
	}
	s := decodeSession(m.Deadline(sctx), func(key string) any { return m.Get(sctx, key) })
	_, s.Expires, err = a.sessions.manager(s.Script).Commit(sctx)
	if errors.Is(err, errGone) {
		return Session{}, Person{}, ErrNotSignedIn
	}
	return s, p, err
}

func decodeSession(ends time.Time, get func(string) any) Session {
	text := func(key string) string { v, _ := get(key).(string); return v }
	script, _ := get(keyScript).(bool)
	created, _ := get(keyCreate).(int64)
	return Session{
		ID: text(keySession), Person: text(keyPerson), Script: script, Label: text(keyLabel), Address: text(keyAddress),
		Agent: text(keyAgent), Created: time.UnixMilli(created).UTC(), Ends: ends,
	}
}

// Sessions lists the sessions of a person, or of everybody for "", newest first.
func (a *Auth) Sessions(person string) []Session {
	var out []Session
	seen := map[string]int{}
	for _, s := range a.sessions.store.all() {
		if person != "" && s.Person != person {
			continue
		}
		if i, ok := seen[s.ID]; ok {
			if s.Expires.After(out[i].Expires) {
				out[i].Expires = s.Expires
			}
			continue
		}
		seen[s.ID] = len(out)
		out = append(out, s)
	}
	slices.SortFunc(out, func(x, y Session) int { return y.Created.Compare(x.Created) })
	return out
}

// Alive reports whether a session still stands. Whoever holds a socket open asks after each wake of Changed.
func (a *Auth) Alive(session string) bool {
	return slices.ContainsFunc(a.sessions.store.all(), func(s Session) bool {
		return s.ID == session && a.live.Load().byID[s.Person].Active
	})
}

// SignOut ends a session with all its tokens.
func (a *Auth) SignOut(ctx context.Context, s Session) error {
	return a.endSessions(ctx, By{Actor: s.Person}, func(x Session) bool { return x.ID == s.ID }, "signed out")
}

// Revoke ends one session of anybody by its public id.
func (a *Auth) Revoke(ctx context.Context, by By, session string) error {
	if !slices.ContainsFunc(a.sessions.store.all(), func(s Session) bool { return s.ID == session }) {
		return &Refusal{Field: "id", Why: fmt.Sprintf("there is no session %.64q", session), Cause: ErrNotFound}
	}
	return a.endSessions(ctx, by, func(s Session) bool { return s.ID == session }, "revoked")
}

// endSessions ends those that match, with an event for each.
func (a *Auth) endSessions(ctx context.Context, by By, match func(Session) bool, why string) error {
	if !slices.ContainsFunc(a.sessions.store.all(), match) {
		return nil
	}
	var gone []string
	err := a.commit(ctx, by, func(c *change) error {
		var err error
		gone, err = c.endSessions(match, why)
		return err
	})
	if err != nil {
		return err
	}
	a.drop(gone)
	return nil
}

// drop forgets tokens whose end is durable, and wakes who holds sockets open for them.
func (a *Auth) drop(tokens []string) {
	a.sessions.store.forget(tokens)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wake()
}

// endSessions deletes rows and journals the ends; the tokens it returns MUST be forgotten once it is durable.
func (c *change) endSessions(match func(Session) bool, why string) ([]string, error) {
	var gone []string
	told := map[string]bool{}
	for token, s := range c.a.sessions.store.byToken() {
		if !match(s) {
			continue
		}
		gone = append(gone, token)
		if err := exec(c.tx, `DELETE FROM sessions WHERE token = ?`, token); err != nil {
			return nil, err
		}
		if told[s.ID] {
			continue
		}
		told[s.ID] = true
		err := c.event(KindSignedOut, s.Person, struct {
			Session string `json:"session"`
			Why     string `json:"why"`
			Reason  string `json:"reason,omitempty"`
		}{s.ID, why, c.by.Reason})
		if err != nil {
			return nil, err
		}
	}
	return gone, nil
}

// maxTokenLife is how long a token for scripts may live.
const maxTokenLife = 90 * 24 * time.Hour

// IssueToken makes a bearer token for a script that acts as a person. It is shown once.
func (a *Auth) IssueToken(ctx context.Context, by By, person, label string, life time.Duration) (string, Session, error) {
	if len(label) == 0 || len(label) > 100 {
		return "", Session{}, invalid("label", "say in 1 to 100 bytes what the token is for")
	}
	if life <= 0 || life > maxTokenLife {
		return "", Session{}, invalid("life", "want more than 0 and at most %d days", int(maxTokenLife.Hours()/24))
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", Session{}, fmt.Errorf("auth: random numbers: %w", err)
	}
	now := time.Now()
	s := Session{ID: id.String(), Person: person, Script: true, Label: label, Created: now, Ends: now.Add(life).UTC()}
	var token string
	b := &batch{}
	err = a.commit(ctx, by, func(c *change) error {
		if p, ok := c.r.byID[person]; !ok || !p.Active {
			return noPerson(person)
		}
		b.reset(c.tx)
		if token, s.Expires, err = a.sessions.begin(ctx, b, s, viaBearer); err != nil {
			return err
		}
		return c.event(KindTokenIssued, person, struct {
			Session string `json:"session"`
			Label   string `json:"label"`
			Ends    int64  `json:"ends"` // UTC ms
		}{s.ID, label, s.Ends.UnixMilli()})
	})
	if err != nil {
		return "", Session{}, err
	}
	a.sessions.store.adopt(b)
	return token, s, nil
}
