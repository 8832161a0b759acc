package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

func TestAddPerson_IsKnownAfterARestartAndProvedByTheJournal(t *testing.T) {
	s := newSite(t, t.TempDir())
	p, err := s.AddPerson(context.Background(), admin, NewPerson{
		Login: " Baharuddin ", Name: "Baharuddin", Titles: "Aipda", Agency: "Polri", Roles: []Role{Technician, Guard, Guard},
		Password: goodPassword, Phone: "0812-3456-7890",
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Login != "baharuddin" || !slices.Equal(p.Roles, []Role{Guard, Technician}) || p.Main() != Guard || !p.Active || !p.HasPhone {
		t.Errorf("added: %+v", p)
	}
	s.proved()
	s.stop()
	s = newSite(t, s.dir)
	if again, ok := s.Person(p.ID); !ok || again.Name != "Baharuddin" || again.Titles != "Aipda" || again.Agency != "Polri" || !again.Created.Equal(p.Created) {
		t.Errorf("after a restart: %+v", again)
	}
	if phone, err := s.Phone(context.Background(), p.ID); err != nil || phone != "+6281234567890" {
		t.Errorf("phone: %q, %v", phone, err)
	}
}

func TestSecrets_AreNowhereInTheFileInClear(t *testing.T) {
	s := newSite(t, t.TempDir())
	ctx := context.Background()
	p := s.add("sinta", Leader)
	if err := s.SetPhone(ctx, admin, p.ID, "0812 3456 7890"); err != nil {
		t.Fatal(err)
	}
	secret, _, err := s.BeginSecondFactor(ctx, p.ID, goodPassword, "10.0.0.9")
	if err != nil {
		t.Fatal(err)
	}
	g := s.signIn("sinta")
	typed := "sandi-yang-salah-ketik"
	if _, err := s.try("sinta", typed, "10.0.0.9"); err == nil {
		t.Fatal("signed in with a wrong password")
	}
	if _, err := s.try(typed, "x", "10.0.0.9"); err == nil { // the password in the name's box
		t.Fatal("signed in as nobody")
	}
	reset, err := s.ResetPassword(ctx, admin, p.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	words := []string{goodPassword, "81234567890", "8123456789", secret, g.Cookie, g.Bearer, typed, reset, "$argon2id$"}
	s.absentFromFiles(words...)
	s.stop()
	s.absentFromFiles(words...)
}

func TestAddPerson_RefusesWhatCannotBe(t *testing.T) {
	s := newSite(t, t.TempDir())
	s.add("sinta", Guard)
	head := s.j.Head()
	good := NewPerson{Login: "tono", Name: "Tono", Roles: []Role{Guard}, Password: goodPassword}
	for _, c := range []struct {
		what  string
		f     func(*NewPerson)
		cause error
		field string
		why   string
	}{
		{"login taken", func(n *NewPerson) { n.Login = "SINTA" }, ErrConflict, "login", "taken"},
		{"login with a space", func(n *NewPerson) { n.Login = "si nta" }, watch.ErrInvalid, "login", "lower case"},
		{"no name", func(n *NewPerson) { n.Name = " " }, watch.ErrInvalid, "name", "1 to 100"},
		{"name that turns text around", func(n *NewPerson) { n.Name = "a\u202eb" }, watch.ErrInvalid, "name", "control"},
		{"no role", func(n *NewPerson) { n.Roles = nil }, watch.ErrInvalid, "roles", "at least one"},
		{"unknown role", func(n *NewPerson) { n.Roles = []Role{"boss"} }, watch.ErrInvalid, "roles", "boss"},
		{"bad phone", func(n *NewPerson) { n.Phone = "telepon" }, watch.ErrInvalid, "phone", "digit"},
		{"short password", func(n *NewPerson) { n.Password = "elevenchars" }, watch.ErrInvalid, "password", "12"},
	} {
		n := good
		c.f(&n)
		_, err := s.AddPerson(context.Background(), admin, n)
		s.refused(c.what, err, c.cause, c.field, c.why)
	}
	if s.j.Head() != head {
		t.Error("a refusal was journaled")
	}
}

func TestAddPerson_OfTwoWithOneLoginOneWins(t *testing.T) {
	s := newSite(t, t.TempDir())
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = s.AddPerson(context.Background(), admin, NewPerson{Login: "tono", Name: "Tono", Roles: []Role{Guard}, Password: goodPassword})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, ErrConflict) {
			t.Errorf("the loser is told %v", err)
		}
	}
	if won != 1 || len(s.People()) != 1 {
		t.Errorf("%d won", won)
	}
	s.proved()
}

func TestRoles_TheLastAdministratorStaysAndNobodyPromotesThemselves(t *testing.T) {
	s := newSite(t, t.TempDir())
	ctx := context.Background()
	a, b := s.add("ani", Administrator), s.add("budi", Guard)
	_, err := s.SetRoles(ctx, admin, a.ID, []Role{Guard})
	s.refused("last administrator", err, ErrConflict, "roles", "last")
	_, err = s.EnablePerson(ctx, admin, a.ID, false)
	s.refused("last administrator shut out", err, ErrConflict, "roles", "last")
	_, err = s.SetRoles(ctx, By{Actor: b.ID}, b.ID, []Role{Guard, Chair})
	s.refused("own roles", err, ErrConflict, "roles", "own")
	_, err = s.EnablePerson(ctx, By{Actor: "x"}, b.ID, false)
	s.refused("without reason", err, watch.ErrInvalid, "reason", "reason")
	if b, err = s.SetRoles(ctx, By{Actor: a.ID}, b.ID, []Role{Administrator}); err != nil || !slices.Equal(b.Roles, []Role{Administrator}) {
		t.Fatalf("promoted: %+v, %v", b, err)
	}
	if a, err = s.EnablePerson(ctx, By{Actor: b.ID, Reason: "pensiun"}, a.ID, false); err != nil || a.Active {
		t.Errorf("shut out: %+v, %v", a, err)
	}
	if a, err = s.EnablePerson(ctx, By{Actor: b.ID}, a.ID, true); err != nil || !a.Active {
		t.Errorf("let in again: %+v, %v", a, err)
	}
	_, err = s.SetRoles(ctx, admin, "nobody", []Role{Guard})
	s.refused("unknown", err, ErrNotFound, "id", "nobody")
	s.proved()
}

func TestErase_ForgetsANameAndStaysProved(t *testing.T) {
	s := newSite(t, t.TempDir())
	ctx := context.Background()
	p, q := s.add("sinta", Guard), s.add("tono", Guard)
	if _, err := s.ChangePerson(ctx, admin, p.ID, "sinta", "Sinta Baru", "", ""); err != nil {
		t.Fatal(err)
	}
	added, roles := s.events(KindPersonAdded), s.events(KindPersonRoleChanged)
	if added[0].Subject != p.ID || strings.Contains(added[0].Actor+added[0].Subject, "sinta") {
		t.Fatalf("the envelope holds a name: %+v", added[0])
	}
	erase := func(seq uint64) {
		t.Helper()
		if err := s.j.Erase(ctx, seq, "ketua", "sekretaris", "permintaan subjek data"); err != nil {
			t.Fatal(err)
		}
		if err := s.refresh(ctx); err != nil {
			t.Fatal(err)
		}
	}
	erase(added[0].Seq) // an older description: the newer one stands
	if now, _ := s.Person(p.ID); now.Name != "Sinta Baru" {
		t.Errorf("erasing the old name took the new one: %+v", now)
	}
	s.proved()
	erase(s.events(KindPersonChanged)[0].Seq)
	now, ok := s.Person(p.ID)
	if !ok || now.Name != "" || now.Login != "" || !slices.Equal(now.Roles, []Role{Guard}) || s.Name(p.ID) != p.ID {
		t.Errorf("after erasure: %+v", now)
	}
	_, err := s.try("sinta", goodPassword, "10.0.0.1")
	s.denied("somebody erased", err, DeniedCredentials)
	if other, _ := s.Person(q.ID); other.Login != "tono" {
		t.Errorf("another person was blanked: %+v", other)
	}
	if err := s.j.Erase(ctx, roles[0].Seq, "ketua", "sekretaris", "x"); !errors.Is(err, journal.ErrNotErasable) {
		t.Errorf("roles were erased: %v", err)
	}
	s.proved()
}

func TestCheckPassword_TakesSentencesAndRefusesTheWorst(t *testing.T) {
	for _, good := range []string{goodPassword, "aaaaaaaaaaab", "xk29-dj3m-p0qw-zz81", "日本語のパスワードです長い", "Sinta suka hujan sore"} {
		if err := CheckPassword(good, "sinta", "Sinta"); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "short", "aaaaaaaaaaaaaaaa", "123456789012", "Indonesia Raya", "JAGAT SAKSANA 123", "sinta1234567", "SintaSintaSinta", "Sinta Dewi 2026!",
		strings.Repeat("panjang ", 100), "\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe",
	} {
		if err := CheckPassword(bad, "sinta", "Sinta Dewi"); !errors.Is(err, watch.ErrInvalid) {
			t.Errorf("%q was taken: %v", bad, err)
		}
	}
	for line := range strings.Lines(string(worst)) {
		w := strings.TrimSpace(line)
		if w != squeeze(w) || len(w) < minPassword {
			t.Errorf("%q in the list can never be met", w)
		}
	}
	fresh, err := NewPassword()
	if err != nil || CheckPassword(fresh, "sinta", "Sinta") != nil {
		t.Errorf("our own password %q is refused: %v", fresh, err)
	}
}

func TestHash_CarriesItsCostAndIsRaisedAtTheNextSignIn(t *testing.T) {
	h, err := hashPassword("rahasia", wantedCost())
	if err != nil || !strings.HasPrefix(h, "$argon2id$v=19$m=32768,t=3,p=1$") {
		t.Fatalf("%s, %v", h, err)
	}
	parsed, err := parseHash(h)
	if err != nil || !parsed.matches("rahasia") || parsed.matches("Rahasia") {
		t.Errorf("hash does not match its password: %v", err)
	}
	s := newSite(t, t.TempDir())
	p := s.add("sinta", Guard)
	s.cost.time = 2
	s.signIn("sinta")
	var rec passwordRecord
	if _, err := s.openRecord(context.Background(), s.j.DB(), p.ID, secretPassword, &rec); err != nil || !strings.Contains(rec.Hash, ",t=2,") {
		t.Errorf("still %s, %v", rec.Hash, err)
	}
	s.signIn("sinta")
}

func FuzzParseHash_NeverPanicsAndBoundsTheCost(f *testing.F) {
	f.Add("$argon2id$v=19$m=32768,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=4294967296,t=3,p=1$$")
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := parseHash(s); err == nil && (h.memory > 1<<20 || h.time == 0 || h.time > 16 || h.threads == 0 || len(h.sum) < 16) {
			t.Errorf("%q passed as %+v", s, h)
		}
	})
}

func TestCleanPhone_KnowsHowPeopleWriteIt(t *testing.T) {
	for in, want := range map[string]string{
		"0812-3456-7890": "+6281234567890", "+62 812 3456 7890": "+6281234567890", "(0422) 21234": "+6242221234", "62 812 3456 7890": "+6281234567890",
		"+60 12-345 6789": "+60123456789",
	} {
		if got, err := CleanPhone(in); err != nil || got != want {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, bad := range []string{"", "110", "812345678", "0812x", "08123456789012345", "08+12345678"} {
		if got, err := CleanPhone(bad); err == nil {
			t.Errorf("%q became %s", bad, got)
		}
	}
}

func FuzzCleanPhone_GivesOnlyDigits(f *testing.F) {
	f.Add("0812-3456-7890")
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := CleanPhone(s); err == nil && (got[0] != '+' || strings.Trim(got[1:], "0123456789") != "" || len(got) > 16) {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func TestEnrol_WorksOnceWithThePrintedCode(t *testing.T) {
	s := newSite(t, t.TempDir())
	ctx := context.Background()
	code := s.EnrolmentCode()
	if len(code) < 16 || s.Enrolled() {
		t.Fatalf("code %q, enrolled %v", code, s.Enrolled())
	}
	n := NewPerson{Login: "ani", Name: "Ani", Password: goodPassword, Roles: []Role{Chair}}
	_, err := s.Enrol(ctx, "AAAA-AAAA-AAAA-AAAA", n)
	s.refused("wrong code", err, watch.ErrInvalid, "code", "printed")
	p, err := s.Enrol(ctx, strings.ToLower(strings.ReplaceAll(code, "-", " ")), n)
	if err != nil || !slices.Equal(p.Roles, []Role{Administrator}) || Can(p, RightPeople) != ScopeFull {
		t.Fatalf("enrolled: %+v, %v", p, err)
	}
	if !s.Enrolled() || s.EnrolmentCode() != "" {
		t.Error("the code lives on")
	}
	_, err = s.Enrol(ctx, code, n)
	s.refused("twice", err, ErrConflict, "code", "already")
	s.absentFromFiles(code)
	s.proved()
}

func TestEnrol_GuessingEndsAfterAFewTries(t *testing.T) {
	s := newSite(t, t.TempDir())
	n := NewPerson{Login: "ani", Name: "Ani", Password: goodPassword}
	for range maxTries {
		if _, err := s.Enrol(context.Background(), "AAAA-AAAA-AAAA-AAAA", n); err == nil {
			t.Fatal("guessed")
		}
	}
	if _, err := s.Enrol(context.Background(), s.EnrolmentCode(), n); err == nil {
		t.Error("the right code works after too many guesses")
	}
}

func TestEnrol_OfTwoAtOnceOneWins(t *testing.T) {
	s := newSite(t, t.TempDir())
	code := s.EnrolmentCode()
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = s.Enrol(context.Background(), code, NewPerson{Login: "ani" + string(rune('a'+i)), Name: "Ani", Password: goodPassword})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, ErrConflict) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d first administrators", won)
	}
}
