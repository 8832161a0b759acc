package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pquerna/otp/totp"
)

func TestSignIn_GivesACookieAndABearerTokenThatEndTogether(t *testing.T) {
	s := newSite(t, t.TempDir())
	ctx := context.Background()
	p := s.add("sinta", Guard)
	g := s.signIn(" SINTA")
	if g.Person.ID != p.ID || g.Cookie == g.Bearer || len(g.Cookie) < 40 || g.Session.Address != "10.0.0.9" || g.Session.Ends.IsZero() {
		t.Errorf("grant: %+v", g)
	}
	for what, open := range map[string]func() (Session, Person, error){
		"cookie": func() (Session, Person, error) { return s.FromCookie(ctx, g.Cookie) },
		"bearer": func() (Session, Person, error) { return s.FromBearer(ctx, g.Bearer) },
	} {
		v, who, err := open()
		if err != nil || who.ID != p.ID || v.ID != g.Session.ID || v.Agent != "uji/1" {
			t.Errorf("%s: %+v %+v %v", what, v, who, err)
		}
	}
	for what, err := range map[string]error{
		"bearer as cookie": second(s.FromCookie(ctx, g.Bearer)), "cookie as bearer": second(s.FromBearer(ctx, g.Cookie)),
		"nothing": second(s.FromCookie(ctx, "")), "forged": second(s.FromCookie(ctx, "x"+g.Cookie[1:])), "long": second(s.FromCookie(ctx, strings.Repeat("x", 1000))),
	} {
		if !errors.Is(err, ErrNotSignedIn) {
			t.Errorf("%s: %v", what, err)
		}
	}
	told := make(chan struct{})
	go func() { // as a socket waits for the end of its session
		defer close(told)
		for {
			wake := s.Changed()
			if !s.Alive(g.Session.ID) {
				return
			}
			<-wake
		}
	}()
	if err := s.SignOut(ctx, g.Session); err != nil {
		t.Fatal(err)
	}
	<-told
	if second(s.FromCookie(ctx, g.Cookie)) == nil || second(s.FromBearer(ctx, g.Bearer)) == nil || s.Alive(g.Session.ID) {
		t.Error("signed out, but a token lives on")
	}
	if e := s.events(KindSignedIn, KindSignedOut); len(e) != 2 || e[0].Subject != p.ID || e[0].Actor != p.ID {
		t.Errorf("events: %+v", e)
	}
	s.proved()
}

func second[A, B any](_ A, _ B, err error) error { return err }

func TestSignIn_AFixedTokenOpensNothing(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.add("sinta", Guard)
	planted := strings.Repeat("A", 43)
	if second(s.FromCookie(context.Background(), planted)) == nil {
		t.Fatal("a planted token opens a session")
	}
	if g := s.signIn("sinta"); g.Cookie == planted || second(s.FromCookie(context.Background(), planted)) == nil {
		t.Error("the sign-in took over a planted token")
	}
}

func TestSignIn_TellsNobodyWhatWasWrongAndJournalsEachLook(t *testing.T) {
	s := newSite(t, t.TempDir())
	p := s.add("sinta", Guard)
	s.add("boss", Administrator)
	for i, try := range [][2]string{{"sinta", "salah salah salah"}, {"nobody", goodPassword}, {"not a login!", goodPassword}, {"sinta", strings.Repeat("x", 5000)}, {"sinta", ""}} {
		_, err := s.try(try[0], try[1], fmt.Sprintf("10.0.1.%d", i))
		s.denied(try[0], err, DeniedCredentials)
	}
	if _, err := s.EnablePerson(context.Background(), admin, p.ID, false); err != nil {
		t.Fatal(err)
	}
	_, err := s.try("sinta", goodPassword, "10.0.1.9")
	s.denied("shut out", err, DeniedCredentials)
	e := s.events(KindFailed)
	if len(e) != 6 {
		t.Fatalf("%d events", len(e))
	}
	if e[0].Subject != p.ID || !strings.Contains(string(e[0].Body), `"address":"10.0.1.0"`) || e[1].Subject != "" || !strings.Contains(string(e[5].Body), "inactive") {
		t.Errorf("events: %+v", e)
	}
	for _, v := range e {
		if strings.Contains(string(v.Body), "nobody") || strings.Contains(string(v.Body), "not a login") {
			t.Errorf("the typed name was kept: %s", v.Body)
		}
	}
}

func TestLockOut_GrowsHoldsOneAddressBackAndThrowsNobodyOut(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)}
	s := openSite(t, t.TempDir(), Options{Now: c.now})
	p := s.add("sinta", Guard)
	working := s.signIn("sinta")
	attacker := "10.6.6.6"
	var delays []time.Duration
	for len(delays) < 13 {
		_, err := s.try("sinta", "salah salah salah", attacker)
		d := s.denied("wrong password", err, DeniedCredentials)
		delays = append(delays, d.RetryAfter)
		if d.RetryAfter > 0 {
			c.add(d.RetryAfter - time.Millisecond)
			_, err := s.try("sinta", goodPassword, attacker+":4000") // right, but too early
			if early := s.denied("too early", err, DeniedLocked); early.RetryAfter != time.Millisecond {
				t.Errorf("retry after %v", early.RetryAfter)
			}
			c.add(time.Millisecond)
		}
		c.add(time.Second)
	}
	want := []time.Duration{0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900}
	for i, d := range delays {
		if d != want[i]*time.Second {
			t.Errorf("failure %d: delay %v, want %v", i+1, d, want[i]*time.Second)
		}
	}
	if second(s.FromCookie(context.Background(), working.Cookie)) != nil {
		t.Error("whoever was signed in was thrown out")
	}
	_, err := s.try("sinta", "salah salah salah", attacker)
	s.denied("once more", err, DeniedCredentials)
	s.signIn("sinta") // from another address, while the attacker's is locked out
	locked := s.events(KindLocked)
	if len(locked) != 7 || locked[0].Subject != p.ID || !strings.Contains(string(locked[0].Body), attacker) || !strings.Contains(string(locked[0].Body), `"refused":1`) {
		t.Errorf("lock-outs: %d, first %s", len(locked), locked[0].Body)
	}
	c.add(longestDelay)
	if _, err := s.try("sinta", goodPassword, attacker); err != nil {
		t.Errorf("after the delay: %v", err)
	}
	_, err = s.try("sinta", "salah salah salah", attacker)
	if d := s.denied("a success wipes the slate", err, DeniedCredentials); d.RetryAfter != 0 {
		t.Errorf("delay %v", d.RetryAfter)
	}
}

func TestSignIn_AFloodFromOneAddressIsHeldBackBeforeAnyHashing(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)}
	s := openSite(t, t.TempDir(), Options{Now: c.now})
	s.add("sinta", Guard)
	busy := 0
	for i := range 500 {
		_, err := s.try(fmt.Sprintf("user%d", i), "x", "10.6.6.6:1")
		var d *Denied
		if errors.As(err, &d) && d.Code == DeniedBusy {
			busy++
		}
	}
	if busy != 500-attemptBurst {
		t.Errorf("%d of 500 were held back", busy)
	}
	s.signIn("sinta")
	if n := len(s.events(KindFailed)); n != attemptBurst {
		t.Errorf("%d events", n)
	}
}

func TestSignIn_AnOfficeBehindOneAddressIsNotHeldBackByBeingRight(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)}
	s := openSite(t, t.TempDir(), Options{Now: c.now})
	s.add("sinta", Guard)
	for range 3 * attemptBurst {
		s.signIn("sinta")
	}
	busy := 0
	for i := range 500 {
		_, err := s.try(fmt.Sprintf("user%d", i), "x", "10.0.0.9:1")
		var d *Denied
		if errors.As(err, &d) && d.Code == DeniedBusy {
			busy++
		}
	}
	if busy < 500-2*attemptBurst {
		t.Errorf("%d of 500 guesses were held back afterwards", busy)
	}
}

func TestThrottle_StaysBoundedAndGroupsIPv6Networks(t *testing.T) {
	th := newThrottle(time.Now)
	for i := range maxTrials + 500 {
		th.failed("sinta", fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
	}
	if len(th.trials) > maxTrials {
		t.Errorf("%d trials remembered", len(th.trials))
	}
	for in, want := range map[string]string{
		"[2001:db8::1]:443": "2001:db8::/64", "2001:db8::ffff:2": "2001:db8::/64", "::ffff:10.0.0.1": "10.0.0.1", "10.0.0.1:5": "10.0.0.1", "@": "@",
	} {
		if got := where(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestDesk_LetsTwoHashAndRefusesAQueueWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		ctx, cancel := context.WithCancel(t.Context())
		for range deskSlots {
			if err := d.enter(ctx); err != nil {
				t.Fatal(err)
			}
		}
		left := make(chan error, deskQueue)
		for range deskQueue {
			go func() { left <- d.enter(ctx) }()
		}
		synctest.Wait()
		if len(left) != 0 {
			t.Error("more than two at a time")
		}
		var denied *Denied
		if err := d.enter(ctx); !errors.As(err, &denied) || denied.Code != DeniedBusy {
			t.Errorf("one too many: %v", err)
		}
		d.leave()
		if err := <-left; err != nil {
			t.Errorf("the next in the queue: %v", err)
		}
		cancel()
		for range deskQueue - 1 {
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Errorf("gave up waiting: %v", err)
			}
		}
	})
}

func TestChangePassword_EndsTheOtherSessionsOnly(t *testing.T) {
	s := newSite(t, t.TempDir())
	ctx := context.Background()
	p := s.add("sinta", Guard)
	here, there := s.signIn("sinta"), s.signIn("sinta")
	err := s.ChangePassword(ctx, here.Session, "salah salah salah", "gajah minum air laut", "10.0.0.9")
	s.denied("wrong old password", err, DeniedCredentials)
	s.refused("the same again", s.ChangePassword(ctx, here.Session, goodPassword, goodPassword, "10.0.0.9"), errInvalid(), "password", "old one")
	if err := s.ChangePassword(ctx, here.Session, goodPassword, "gajah minum air laut", "10.0.0.9"); err != nil {
		t.Fatal(err)
	}
	if second(s.FromCookie(ctx, here.Cookie)) != nil || second(s.FromCookie(ctx, there.Cookie)) == nil {
		t.Error("the wrong session ended")
	}
	_, err = s.try("sinta", goodPassword, "10.0.0.9")
	s.denied("old password", err, DeniedCredentials)
	fresh, err := s.ResetPassword(ctx, admin, p.ID, "")
	if err != nil || second(s.FromCookie(ctx, here.Cookie)) == nil {
		t.Fatalf("reset: %v, or a session lived on", err)
	}
	g, err := s.try("sinta", fresh, "10.0.0.9")
	if err != nil || !g.MustChange || Can(g.Person, RightLiveConsole) != ScopeNone {
		t.Fatalf("after a reset: %+v, %v", g, err)
	}
	s.refused("a bad choice", s.SetPassword(ctx, admin, p.ID, "pendek"), errInvalid(), "password", "12")
	s.refused("nobody", s.SetPassword(ctx, admin, "nobody", goodPassword), ErrNotFound, "id", "nobody")
	if err := s.ChangePassword(ctx, g.Session, fresh, "bebek berenang di sawah", "10.0.0.9"); err != nil {
		t.Fatal(err)
	}
	if _, who, err := s.FromCookie(ctx, g.Cookie); err != nil || who.MustChange || Can(who, RightLiveConsole) != ScopeFull {
		t.Errorf("after choosing: %+v, %v", who, err)
	}
	if err := s.SetPassword(ctx, admin, p.ID, goodPassword); err != nil {
		t.Fatal(err)
	}
	if g := s.signIn("sinta"); g.MustChange {
		t.Error("a password set to stay must be changed")
	}
}

func TestSignIn_APasswordChangedMeanwhileOpensNothing(t *testing.T) {
	s := newSite(t, t.TempDir())
	ctx := context.Background()
	p := s.add("sinta", Guard)
	var rec passwordRecord
	if _, err := s.openRecord(ctx, s.j.DB(), p.ID, secretPassword, &rec); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ResetPassword(ctx, admin, p.ID, ""); err != nil {
		t.Fatal(err)
	}
	// The old password was right when it was checked; the session begins after the change.
	_, err := s.admit(ctx, Attempt{Login: "sinta", Address: "10.0.0.9"}, p, rec.Hash, rec.Hash)
	s.denied("old password", err, DeniedCredentials)
	if len(s.Sessions(p.ID)) != 0 {
		t.Error("a session began")
	}
}

func TestSecondFactor_IsAskedForAndTakesEachCodeOnce(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)}
	s := openSite(t, t.TempDir(), Options{Now: c.now, Site: "KPU Majene"})
	ctx := context.Background()
	p := s.add("sinta", Guard)
	secret, address, err := s.BeginSecondFactor(ctx, p.ID, goodPassword, "10.0.0.9")
	if err != nil || !strings.HasPrefix(address, "otpauth://totp/Siaga%20KPU%20Majene:sinta") {
		t.Fatalf("%s, %v", address, err)
	}
	code := func(offset time.Duration) string {
		v, err := totp.GenerateCode(secret, c.now().Add(offset))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	s.signIn("sinta") // not confirmed yet, so not asked for
	s.refused("wrong code", s.ConfirmSecondFactor(ctx, p.ID, "000000"), errInvalid(), "code", "clocks")
	if err := s.ConfirmSecondFactor(ctx, p.ID, code(0)); err != nil {
		t.Fatal(err)
	}
	if who, _ := s.Person(p.ID); !who.SecondFactor {
		t.Error("not shown as set up")
	}
	with := func(code string) error {
		_, err := s.SignIn(ctx, Attempt{Login: "sinta", Password: goodPassword, Code: code, Address: "10.0.0.9"})
		return err
	}
	s.denied("no code", with(""), DeniedCode)
	s.denied("the confirming code again", with(code(0)), DeniedCredentials)
	c.add(time.Minute)
	fresh := code(0)
	if err := with(fresh); err != nil {
		t.Errorf("right code: %v", err)
	}
	s.denied("the same code again", with(fresh), DeniedCredentials)
	c.add(time.Minute)
	s.denied("a code of long ago", with(code(-2*time.Minute)), DeniedCredentials)
	if err := with(code(-25 * time.Second)); err != nil {
		t.Errorf("a phone that is 25 s late: %v", err)
	}
	s.refused("removed without reason", s.RemoveSecondFactor(ctx, By{Actor: "x"}, p.ID), errInvalid(), "reason", "reason")
	if err := s.RemoveSecondFactor(ctx, admin, p.ID); err != nil || with("") != nil {
		t.Errorf("after removal: %v", err)
	}
	s.proved()
}
