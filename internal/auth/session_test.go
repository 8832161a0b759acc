package auth

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSessions_SurviveARestartAndNothingElseDoes(t *testing.T) {
	s := newSite(t, t.TempDir())
	ctx := context.Background()
	s.add("sinta", Guard)
	kept, ended := s.signIn("sinta"), s.signIn("sinta")
	if err := s.Revoke(ctx, admin, ended.Session.ID); err != nil {
		t.Fatal(err)
	}
	s.stop()
	s = newSite(t, s.dir)
	v, _, err := s.FromCookie(ctx, kept.Cookie)
	if err != nil || v.ID != kept.Session.ID || v.Address != "10.0.0.9" || !v.Created.Equal(kept.Session.Created) {
		t.Errorf("after a restart: %+v, %v", v, err)
	}
	if second(s.FromCookie(ctx, ended.Cookie)) == nil {
		t.Error("a revoked session came back")
	}
	if list := s.Sessions(""); len(list) != 1 || list[0].ID != kept.Session.ID {
		t.Errorf("list: %+v", list)
	}
	s.refused("revoke twice", s.Revoke(ctx, admin, ended.Session.ID), ErrNotFound, "id", "no session")
}

func TestSession_EndsWhenIdleAndInAnyCaseAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openSite(t, t.TempDir(), Options{Idle: 2 * time.Hour, Lifetime: 14 * time.Hour})
		defer s.stop() // inside the bubble
		ctx := context.Background()
		s.add("sinta", Guard)
		idle, used := s.signIn("sinta"), s.signIn("sinta")
		for range 13 {
			time.Sleep(time.Hour) // the bubble's clock
			if err := second(s.FromCookie(ctx, used.Cookie)); err != nil {
				t.Fatalf("in use at %v: %v", time.Now(), err)
			}
		}
		if second(s.FromCookie(ctx, idle.Cookie)) == nil {
			t.Error("an idle session lives on")
		}
		time.Sleep(time.Hour + 2*touchEvery)
		if second(s.FromCookie(ctx, used.Cookie)) == nil {
			t.Error("a session outlived its end")
		}
		s.signIn("sinta") // sweeps
		var rows int
		if err := s.j.DB().QueryRow(`SELECT count(*) FROM sessions`).Scan(&rows); err != nil || rows != 2 {
			t.Errorf("%d rows, %v", rows, err)
		}
	})
}

func TestSession_UseIsWrittenDownAtMostOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, t.TempDir())
		defer s.stop()
		s.add("sinta", Guard)
		g := s.signIn("sinta")
		before := s.j.Metrics.Jobs.Load()
		for range 600 {
			time.Sleep(time.Second)
			if err := second(s.FromCookie(context.Background(), g.Cookie)); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.j.Metrics.Jobs.Load() - before; n < 8 || n > 11 {
			t.Errorf("%d writes in 10 minutes of use", n)
		}
	})
}

func TestShutOut_EndsSessionsAtOnce(t *testing.T) {
	s := newSite(t, t.TempDir())
	ctx := context.Background()
	s.add("boss", Administrator)
	p := s.add("sinta", Guard)
	g := s.signIn("sinta")
	token, script, err := s.IssueToken(ctx, By{Actor: p.ID}, p.ID, "laporan malam", 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if v, who, err := s.FromBearer(ctx, token); err != nil || !v.Script || v.Label != "laporan malam" || who.ID != p.ID {
		t.Errorf("script: %+v, %v", v, err)
	}
	if d := time.Until(script.Ends); d < 23*time.Hour || d > 24*time.Hour {
		t.Errorf("the token ends in %v", d)
	}
	if _, err := s.EnablePerson(ctx, admin, p.ID, false); err != nil {
		t.Fatal(err)
	}
	if second(s.FromCookie(ctx, g.Cookie)) == nil || second(s.FromBearer(ctx, token)) == nil || len(s.Sessions(p.ID)) != 0 {
		t.Error("somebody shut out is still in")
	}
	if e := s.events(KindSignedOut); len(e) != 2 || !strings.Contains(string(e[0].Body), "disabled") {
		t.Errorf("events: %v", e)
	}
	if _, err := s.EnablePerson(ctx, admin, p.ID, true); err != nil || second(s.FromCookie(ctx, g.Cookie)) == nil {
		t.Error("letting somebody in again brought old sessions back")
	}
	for _, life := range []time.Duration{0, -1, maxTokenLife + 1} {
		if _, _, err := s.IssueToken(ctx, admin, p.ID, "x", life); err == nil {
			t.Errorf("a token for %v", life)
		}
	}
	s.proved()
}

func TestSessions_OfOnePersonAreBounded(t *testing.T) {
	s := newSite(t, t.TempDir())
	c := &clock{at: time.Now()}
	s.throttle.now = c.now
	s.add("sinta", Guard)
	first := s.signIn("sinta")
	for range maxSessions + 3 {
		c.add(10 * time.Second)
		s.signIn("sinta")
	}
	if n := len(s.Sessions("")); n > maxSessions {
		t.Errorf("%d sessions", n)
	}
	if second(s.FromCookie(context.Background(), first.Cookie)) == nil {
		t.Error("the oldest session did not make room")
	}
}
