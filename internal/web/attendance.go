package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"siaga/internal/watch"
)

// Kinds of events about the people before the consoles.
const (
	kindAttended   = "console.attended"
	kindUnattended = "console.unattended"
	kindMuted      = "console.muted"
	kindUnmuted    = "console.unmuted"
)

// Attendance are the times of the check that somebody sits before a console.
type Attendance struct {
	AskAfter     time.Duration // without a key or a touch the console asks; 0 never
	AnswerWithin time.Duration // then it counts as unattended
	AbsentAfter  time.Duration // without a word from any console; 0 switches the check off
}

// console is one screen that a person who can accept alerts has open.
type console struct {
	id, person     string
	guard          bool // the person stands guard; others only lend a hand
	heard, touched time.Time
}

// maxConsoles bounds the consoles remembered; the one not heard for longest goes.
const maxConsoles = 256

// attendance judges whether somebody sits before a console. The site is attended as long as one console is: it speaks,
// and somebody touched it not too long ago. A leader's page that lies open on a phone is no guard: it counts only while it
// is used. What the browser does not say counts as nobody.
type attendance struct {
	times func() Attendance
	now   func() time.Time
	tell  func(context.Context, watch.Draft) error

	mu       sync.Mutex
	consoles map[string]console
	last     console   // the one that spoke last
	began    time.Time // of Run, or of the check when it was switched on later
	off      bool      // the check for any console was off at the last look
	since    time.Time // of standing
	standing string    // kindAttended, kindUnattended, or "" before the first verdict
	nudge    chan struct{}
}

func newAttendance(times func() Attendance, now func() time.Time, tell func(context.Context, watch.Draft) error) *attendance {
	if times == nil {
		times = func() Attendance { return Attendance{} }
	}
	return &attendance{times: times, now: now, tell: tell, consoles: map[string]console{}, nudge: make(chan struct{}, 1)}
}

// attendanceEvery is how often the verdict is looked at.
const attendanceEvery = time.Second

// run judges until ctx ends. A verdict that could not be journaled is tried again.
func (a *attendance) run(ctx context.Context) error {
	a.mu.Lock()
	a.began = a.now()
	a.since = a.began
	a.mu.Unlock()
	tick := time.NewTicker(attendanceEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-a.nudge:
		case <-ctx.Done():
			return nil
		}
		if err := a.settle(ctx); err != nil && ctx.Err() == nil {
			slog.Error("whether the console is attended was not journaled, trying again", "err", err)
		}
	}
}

// settle journals a verdict that is another than the last.
func (a *attendance) settle(ctx context.Context) error {
	a.mu.Lock()
	now, off := a.now(), a.times().AbsentAfter <= 0
	if a.off && !off {
		a.began = now
	}
	a.off = off
	kind, draft := a.verdict(now)
	changed := kind != "" && kind != a.standing
	a.mu.Unlock()
	if !changed {
		return nil
	}
	if err := a.tell(ctx, draft); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.standing, a.since = kind, now
	return nil
}

// attendedBody is the body of console.attended, and unattendedBody that of console.unattended.
type attendedBody struct {
	Console string `json:"console"`
	Why     string `json:"why"` // opened, touched
	AwayS   int    `json:"away_s"`
}

type unattendedBody struct {
	Console  string `json:"console"`
	Person   string `json:"person"`
	Why      string `json:"why"` // no_answer, closed, none
	IdleS    int    `json:"idle_s"`
	Consoles int    `json:"consoles"`
}

// verdict is the kind that holds now and the event that would say so; "" as long as it is too early to tell.
func (a *attendance) verdict(now time.Time) (string, watch.Draft) {
	times := a.times()
	if times.AbsentAfter <= 0 && times.AskAfter <= 0 {
		return "", watch.Draft{}
	}
	open, best := 0, console{}
	for _, c := range a.consoles {
		if !a.speaks(c, now) {
			continue
		}
		open++
		if best.id == "" || a.left(c, now) > a.left(best, now) {
			best = c
		}
	}
	if open > 0 && a.left(best, now) >= 0 {
		body := attendedBody{Console: best.id, Why: "touched", AwayS: int(now.Sub(a.since).Seconds())}
		if a.standing == "" {
			body.Why = "opened"
		}
		return kindAttended, draftOf(kindAttended, best.id, best.person, body)
	}
	if open > 0 {
		return kindUnattended, draftOf(kindUnattended, best.id, "", unattendedBody{
			Console: best.id, Person: best.person, Why: "no_answer", IdleS: int(now.Sub(best.touched).Seconds()), Consoles: open,
		})
	}
	if times.AbsentAfter <= 0 || now.Sub(a.began) <= times.AbsentAfter {
		return "", watch.Draft{}
	}
	body := unattendedBody{Console: a.last.id, Person: a.last.person, Why: "none", IdleS: int(now.Sub(a.began).Seconds())}
	if a.last.id != "" {
		body.Why, body.IdleS = "closed", int(now.Sub(a.last.touched).Seconds())
	}
	return kindUnattended, draftOf(kindUnattended, a.last.id, "", body)
}

// speaks reports whether a console was heard lately.
func (a *attendance) speaks(c console, now time.Time) bool {
	return now.Sub(c.heard) <= max(a.times().AbsentAfter, 3*hearEvery)
}

// left is how long a console still counts as attended without a touch.
func (a *attendance) left(c console, now time.Time) time.Duration {
	times := a.times()
	patience := times.AnswerWithin
	switch {
	case c.guard && times.AskAfter <= 0:
		return time.Hour // guards are never asked
	case c.guard:
		patience += times.AskAfter
	}
	return patience - now.Sub(c.touched)
}

// hearEvery is how often a console speaks.
const hearEvery = 10 * time.Second

// hear takes the word of a console: who sits there, and how long ago the last key or touch was.
// It returns how long ago that was in any window of the console.
func (a *attendance) hear(id, person string, guard bool, idle time.Duration) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	c := console{id: id, person: person, guard: guard, heard: now, touched: now.Add(-max(idle, 0))}
	if was, ok := a.consoles[id]; ok && was.person == person && was.touched.After(c.touched) {
		c.touched = was.touched // a second window of the same screen was touched later
	}
	if _, ok := a.consoles[id]; !ok && len(a.consoles) >= maxConsoles {
		oldest := id
		for key, other := range a.consoles {
			if oldest == id || other.heard.Before(a.consoles[oldest].heard) {
				oldest = key
			}
		}
		delete(a.consoles, oldest)
	}
	a.consoles[id], a.last = c, c
	select {
	case a.nudge <- struct{}{}:
	default:
	}
	return now.Sub(c.touched)
}

func draftOf(kind, subject, actor string, body any) watch.Draft {
	raw, err := json.Marshal(body)
	if err != nil {
		raw = nil // bodies of ours have no value that JSON lacks
	}
	return watch.Draft{Kind: kind, Subject: subject, Actor: actor, Body: raw}
}
