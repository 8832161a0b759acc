package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"siaga/internal/journal"
)

// errGone means that a session ended while it was being used.
var errGone = errors.New("auth: the session has ended")

// touchEvery is how often the use of a session is written down. A crash forgets at most so much of it.
const touchEvery = time.Minute

// sessionStore is the scs store: everything in memory, so that a request costs no query, and in the database, so that a
// restart throws nobody out. Tokens arrive hashed.
type sessionStore struct {
	journal *journal.Journal
	mu      sync.RWMutex
	live    map[string]*entry
}

// entry is one token's session.
type entry struct {
	data    []byte
	session Session
	written time.Time // the expiry that is in the database
}

// batch collects the tokens that a transaction under way makes.
type batch struct {
	tx    *sql.Tx
	fresh map[string]*entry
}

// batchKey finds the batch in a context.
type batchKey struct{}

// reset begins anew, since the function of a transaction may run twice.
func (b *batch) reset(tx *sql.Tx) { b.tx, b.fresh = tx, map[string]*entry{} }

func openStore(ctx context.Context, j *journal.Journal) (*sessionStore, error) {
	s := &sessionStore{journal: j, live: map[string]*entry{}}
	rows, err := j.DB().QueryContext(ctx, `SELECT token, data, expires FROM sessions WHERE expires > ?`, time.Now().UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("auth: reading sessions: %w", err)
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	for rows.Next() {
		var token string
		var data []byte
		var expires int64
		if err := rows.Scan(&token, &data, &expires); err != nil {
			return nil, fmt.Errorf("auth: reading sessions: %w", err)
		}
		e, err := newEntry(data, time.UnixMilli(expires).UTC())
		if err != nil {
			slog.Warn("auth: a stored session cannot be read; its owner must sign in again", "err", err)
			continue
		}
		s.live[token] = e
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("auth: reading sessions: %w", err)
	}
	return s, nil
}

func newEntry(data []byte, expires time.Time) (*entry, error) {
	ends, values, err := scs.GobCodec{}.Decode(data)
	if err != nil {
		return nil, err
	}
	e := &entry{data: data, session: decodeSession(ends, func(key string) any { return values[key] }), written: expires}
	e.session.Expires = expires
	return e, nil
}

// Find is scs.Store's.
func (s *sessionStore) Find(token string) ([]byte, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok := s.live[token]
	if !ok || !time.Now().Before(e.session.Expires) {
		return nil, false, nil
	}
	return e.data, true, nil
}

// Commit is scs.Store's; scs calls CommitCtx instead.
func (s *sessionStore) Commit(token string, data []byte, expires time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expires)
}

// Delete is scs.Store's. Sessions end by endSessions, which also journals it; this is for scs alone.
func (s *sessionStore) Delete(token string) error {
	s.forget([]string{token})
	return nil
}

// DeleteCtx is scs.CtxStore's.
func (s *sessionStore) DeleteCtx(_ context.Context, token string) error { return s.Delete(token) }

// FindCtx is scs.CtxStore's.
func (s *sessionStore) FindCtx(_ context.Context, token string) ([]byte, bool, error) {
	return s.Find(token)
}

// CommitCtx writes a new token into the transaction that the context carries. Without one, it moves a session's expiry:
// the values of a session never change after it began.
func (s *sessionStore) CommitCtx(ctx context.Context, token string, data []byte, expires time.Time) error {
	b, ok := ctx.Value(batchKey{}).(*batch)
	if !ok {
		return s.touch(ctx, token, expires)
	}
	e, err := newEntry(data, expires)
	if err != nil {
		return err
	}
	b.fresh[token] = e
	return exec(b.tx, `INSERT INTO sessions (token, data, expires) VALUES (?,?,?)`, token, data, expires.UnixMilli())
}

func (s *sessionStore) touch(ctx context.Context, token string, expires time.Time) error {
	s.mu.Lock()
	e, ok := s.live[token]
	if !ok {
		s.mu.Unlock()
		return errGone
	}
	e.session.Expires = expires
	due := expires.Sub(e.written) >= touchEvery
	if due {
		e.written = expires
	}
	s.mu.Unlock()
	if !due {
		return nil
	}
	err := s.journal.Commit(ctx, func(tx *sql.Tx, _ journal.Appender) error {
		return exec(tx, `UPDATE sessions SET expires = ? WHERE token = ?`, expires.UnixMilli(), token)
	})
	if err != nil {
		// A full disk must not sign anybody out; the session stands in memory.
		slog.Warn("auth: the use of a session was not written down", "err", err)
	}
	return nil
}

// adopt takes over what a transaction made, once it is durable.
func (s *sessionStore) adopt(b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.live, b.fresh)
}

func (s *sessionStore) forget(tokens []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range tokens {
		delete(s.live, t)
	}
}

// byToken lists the sessions that stand, by hashed token.
func (s *sessionStore) byToken() map[string]Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make(map[string]Session, len(s.live))
	now := time.Now()
	for t, e := range s.live {
		if now.Before(e.session.Expires) {
			out[t] = e.session
		}
	}
	return out
}

func (s *sessionStore) all() []Session {
	out := []Session{}
	for _, v := range s.byToken() {
		out = append(out, v)
	}
	return out
}

// sweep drops what has expired, inside a transaction that is under way anyway.
func (s *sessionStore) sweep(tx *sql.Tx) error {
	now := time.Now()
	s.mu.Lock()
	for t, e := range s.live {
		if !now.Before(e.session.Expires) {
			delete(s.live, t)
		}
	}
	s.mu.Unlock()
	// What is still in use was written down at most touchEvery before it would be swept.
	return exec(tx, `DELETE FROM sessions WHERE expires <= ?`, now.Add(-touchEvery).UnixMilli())
}
