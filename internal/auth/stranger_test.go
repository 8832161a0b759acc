package auth

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever is refused waited for the same work: each attempt takes a place at the desk where passwords are hashed, and what
// is hashed for a name that nobody has costs as much as a stored password.
func TestSignIn_DoesTheSameWorkForNamesThatNobodyHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, t.TempDir())
		defer s.stop() // inside the bubble
		p := s.add("sinta", Guard)
		s.add("boss", Administrator)
		out := s.add("pindah", Guard)
		if _, err := s.EnablePerson(context.Background(), admin, out.ID, false); err != nil {
			t.Fatal(err)
		}
		var rec passwordRecord
		if _, err := s.openRecord(context.Background(), s.j.DB(), p.ID, secretPassword, &rec); err != nil {
			t.Fatal(err)
		}
		stored, err := parseHash(rec.Hash)
		if err != nil || stored.cost != s.dummy.cost || len(stored.salt) != len(s.dummy.salt) || len(stored.sum) != len(s.dummy.sum) {
			t.Errorf("a stored hash costs %+v, that for nobody %+v, %v", stored.cost, s.dummy.cost, err)
		}
		for range deskSlots {
			if err := s.desk.enter(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		logins := []string{"sinta", "tidak.ada", "pindah", "not a login!", ""}
		answers := make(chan error, len(logins))
		for i, login := range logins {
			go func() {
				_, err := s.try(login, "salah salah salah", fmt.Sprintf("10.0.2.%d", i))
				answers <- err
			}()
		}
		synctest.Wait()
		if n := s.desk.waiting.Load(); int(n) != len(logins) || len(answers) != 0 {
			t.Errorf("%d of %d attempts wait for the desk, %d were answered without it", n, len(logins), len(answers))
		}
		for range deskSlots {
			s.desk.leave()
		}
		for range logins {
			var d *Denied
			if err := <-answers; !errors.As(err, &d) || *d != (Denied{Code: DeniedCredentials}) {
				t.Errorf("an answer differs: %+v", err)
			}
		}
	})
}

func TestSignIn_AFloodOfFailuresIsCountedInFewEvents(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)}
	s := openSite(t, t.TempDir(), Options{Now: c.now})
	s.add("sinta", Guard)
	const hour = 3600
	for i := range hour {
		c.add(time.Second)
		_, err := s.try(fmt.Sprintf("tebak%d", i), "x", "10.6.6.6")
		s.denied("guess", err, DeniedCredentials)
	}
	e := s.events(KindFailed)
	if len(e) < attemptBurst || len(e) > attemptBurst+hour/int(toldEvery/time.Second)+1 {
		t.Errorf("%d events of an hour of guessing", len(e))
	}
	told := 0
	for _, v := range e {
		told += 1 + number(t, v.Body, "untold")
	}
	if told < hour-int(toldEvery/time.Second)-1 || told > hour {
		t.Errorf("the events tell of %d failures of %d", told, hour)
	}
}
