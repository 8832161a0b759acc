package web

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"siaga/internal/watch"
)

// post is an attendance whose events are kept in a list.
type duty struct {
	*attendance
	mu    sync.Mutex
	fail  bool
	times Attendance // may change while it runs
	heard []string
}

func (p *duty) told() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.heard)
}

func (p *duty) current() Attendance {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.times
}

func (p *duty) setFailing(fail bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = fail
}

func newDuty(t *testing.T) (*duty, func()) {
	p := &duty{times: Attendance{AskAfter: 20 * time.Minute, AnswerWithin: 5 * time.Minute, AbsentAfter: 30 * time.Second}}
	tell := func(_ context.Context, d watch.Draft) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.fail {
			return errors.New("the disk is full")
		}
		var body struct{ Why string }
		if err := json.Unmarshal(d.Body, &body); err != nil {
			t.Error(err)
		}
		p.heard = append(p.heard, strings.TrimSpace(strings.TrimPrefix(d.Kind, "console.")+" "+body.Why+" "+d.Actor))
		return nil
	}
	p.attendance = newAttendance(p.current, time.Now, tell)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.run(ctx) }()
	return p, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// sits sends heartbeats for a time without a key being touched.
func (p *duty) sits(console, person string, idle, span time.Duration) {
	for range int(span / hearEvery) {
		p.hear(console, person, person == "p-jaga", idle)
		time.Sleep(hearEvery) // of the bubble's clock
		idle += hearEvery
	}
	synctest.Wait()
}

func (p *duty) says(t *testing.T, when string, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := p.told(); !slices.Equal(got, want) {
		t.Fatalf("%s: %q, want %q", when, got, want)
	}
}

func TestAttendance_NoConsoleAtAllIsUnattended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newDuty(t)
		defer stop()
		time.Sleep(29 * time.Second)
		p.says(t, "a start takes a moment")
		time.Sleep(3 * time.Second)
		p.says(t, "nobody came", "unattended none")
		p.hear("konsol-1", "p-jaga", true, 0)
		p.says(t, "somebody came", "unattended none", "attended touched p-jaga")
	})
}

// The times may be changed while the check runs.
func TestAttendance_AChangedTimeCountsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newDuty(t)
		defer stop()
		set := func(after time.Duration) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.times.AbsentAfter = after
		}
		set(0)
		time.Sleep(10 * time.Minute)
		p.says(t, "switched off")
		set(2 * time.Minute)
		time.Sleep(time.Minute)
		p.says(t, "switched on a minute ago")
		set(30 * time.Second)
		time.Sleep(2 * time.Second)
		p.says(t, "a shorter time has passed", "unattended none")
	})
}

func TestAttendance_NobodyAnswersAndThenSomebodyDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newDuty(t)
		defer stop()
		p.sits("konsol-1", "p-jaga", 0, 24*time.Minute)
		p.says(t, "asked, not yet late", "attended opened p-jaga")
		p.sits("konsol-1", "p-jaga", 24*time.Minute, 2*time.Minute)
		p.says(t, "no answer", "attended opened p-jaga", "unattended no_answer")
		p.hear("konsol-1", "p-jaga", true, time.Second)
		p.says(t, "answered", "attended opened p-jaga", "unattended no_answer", "attended touched p-jaga")
	})
}

func TestAttendance_AClosedBrowserIsUnattendedUnlessAnotherIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newDuty(t)
		defer stop()
		p.hear("konsol-1", "p-jaga", true, 0)
		p.says(t, "the guard's console is open", "attended opened p-jaga")
		p.sits("telepon-1", "p-danru", 0, time.Minute)
		p.says(t, "the leader's page is open", "attended opened p-jaga")
		time.Sleep(19 * time.Second) // and ten since it last spoke
		p.says(t, "a reload takes a moment", "attended opened p-jaga")
		time.Sleep(15 * time.Second)
		p.says(t, "all are closed", "attended opened p-jaga", "unattended closed")
	})
}

func TestAttendance_ALeadersPageCountsOnlyWhileItIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newDuty(t)
		defer stop()
		p.sits("telepon-1", "p-danru", 0, 4*time.Minute)
		p.says(t, "the leader reads", "attended opened p-danru")
		p.sits("telepon-1", "p-danru", 4*time.Minute, 2*time.Minute)
		p.says(t, "the phone was put down", "attended opened p-danru", "unattended no_answer")
		p.hear("konsol-1", "p-jaga", true, 10*time.Minute)
		p.says(t, "a guard is there", "attended opened p-danru", "unattended no_answer", "attended touched p-jaga")
	})
}

func TestAttendance_ATouchInOneWindowCountsForTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newDuty(t)
		defer stop()
		for range 40 { // the wall's window of the same screen is never touched
			p.hear("konsol-1", "p-jaga", true, 0)
			p.hear("konsol-1", "p-jaga", true, 2*time.Hour)
			time.Sleep(time.Minute / 2)
		}
		p.says(t, "one window is used", "attended opened p-jaga")
	})
}

func TestAttendance_AVerdictThatWasNotJournaledIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newDuty(t)
		defer stop()
		p.setFailing(true)
		time.Sleep(40 * time.Second)
		p.says(t, "the journal refuses")
		p.setFailing(false)
		time.Sleep(2 * time.Second)
		p.says(t, "it takes it again", "unattended none")
	})
}

func TestAttendance_RemembersABoundedNumberOfConsoles(t *testing.T) {
	a := newAttendance(func() Attendance { return Attendance{AbsentAfter: time.Minute} }, time.Now, nil)
	for i := range 4 * maxConsoles {
		a.hear(strings.Repeat("k", 8+i%20)+string(rune('a'+i%26))+time.Duration(i).String(), "p-jaga", true, 0)
	}
	if len(a.consoles) != maxConsoles {
		t.Errorf("%d consoles are remembered", len(a.consoles))
	}
}
