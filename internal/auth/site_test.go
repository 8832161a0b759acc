package auth

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"siaga/internal/journal"
	"siaga/internal/store"
	"siaga/internal/vault"
	"siaga/internal/watch"
)

// site is auth on a real database with a running journal.
type site struct {
	*Auth
	t    *testing.T
	dir  string
	db   *store.DB
	j    *journal.Journal
	v    *vault.Vault
	stop func()
}

func newSite(t *testing.T, dir string) *site {
	t.Helper()
	return openSite(t, dir, Options{})
}

func openSite(t *testing.T, dir string, o Options) *site {
	t.Helper()
	ctx := context.Background()
	s := &site{t: t, dir: dir}
	var err error
	s.v, err = vault.Open(filepath.Join(dir, "keys"), journal.Origin("majene"))
	if err != nil {
		t.Fatal(err)
	}
	if s.db, err = store.Open(ctx, filepath.Join(dir, "siaga.db"), store.Options{}); err != nil {
		t.Fatal(err)
	}
	s.j, err = journal.Open(ctx, s.db, journal.Options{
		Site: "majene", Signer: s.v.Signer(), Verifier: s.v.Verifier(), Projections: []journal.Projection{Projection()},
	})
	if err != nil {
		t.Fatal(err)
	}
	run, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { _ = s.j.Run(run) })
	var once sync.Once
	s.stop = func() {
		once.Do(func() {
			cancel()
			done.Wait()
			if err := s.db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(s.stop)
	o.Journal, o.Vault = s.j, s.v
	if s.Auth, err = Open(ctx, o); err != nil {
		t.Fatal(err)
	}
	s.cost = cost{memory: 8, time: 1, threads: 1} // what it costs is not what these tests are about
	s.dummy.cost = s.cost
	return s
}

const goodPassword = "kucing makan ikan asin"

var admin = By{Actor: "0190-admin", Reason: "uji"}

func (s *site) add(login string, roles ...Role) Person {
	s.t.Helper()
	p, err := s.AddPerson(context.Background(), admin, NewPerson{Login: login, Name: "Nama " + login, Roles: roles, Password: goodPassword})
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *site) try(login, password, address string) (Grant, error) {
	return s.SignIn(context.Background(), Attempt{Login: login, Password: password, Address: address, Agent: "uji/1"})
}

func (s *site) signIn(login string) Grant {
	s.t.Helper()
	g, err := s.try(login, goodPassword, "10.0.0.9:51234")
	if err != nil {
		s.t.Fatal(err)
	}
	return g
}

func (s *site) denied(what string, err error, code string) *Denied {
	s.t.Helper()
	var d *Denied
	if !errors.As(err, &d) || d.Code != code {
		s.t.Errorf("%s: got %v, want %s", what, err, code)
		return &Denied{}
	}
	return d
}

func (s *site) refused(what string, err, cause error, field, why string) {
	s.t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || !errors.Is(err, cause) || r.Field != field || !strings.Contains(r.Why, why) {
		s.t.Errorf("%s: got %v; want a refusal of %q with %q (%v)", what, err, field, why, cause)
	}
}

func (s *site) proved() {
	s.t.Helper()
	report, err := journal.Verify(context.Background(), s.db, journal.VerifyOptions{
		Site: "majene", Verifier: s.v.Verifier(), Projections: []journal.Projection{Projection()}, ScratchDir: s.t.TempDir(),
	})
	if err != nil || len(report.Findings) > 0 {
		s.t.Errorf("check: %v, %v", report.Findings, err)
	}
}

func (s *site) events(kinds ...string) []watch.Event {
	s.t.Helper()
	e, err := s.j.Events(context.Background(), journal.Query{Kinds: kinds})
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// absentFromFiles searches the bytes of every database file.
func (s *site) absentFromFiles(words ...string) {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "siaga.db*"))
	if err != nil || len(files) == 0 {
		s.t.Fatalf("no database files: %v", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, w := range words {
			if strings.Contains(string(b), w) {
				s.t.Errorf("%s holds %q in clear text", filepath.Base(f), w)
			}
		}
	}
}

// clock is a time that tests move on by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func errInvalid() error { return watch.ErrInvalid }

// number reads a number of an event's body; 0 when it is not there.
func number(t *testing.T, body []byte, field string) int {
	t.Helper()
	var b map[string]any
	if err := json.Unmarshal(body, &b); err != nil {
		t.Fatal(err)
	}
	n, _ := b[field].(float64)
	return int(n)
}
