package rules

import (
	"fmt"
	"iter"
	"time"

	"siaga/internal/watch"
)

// Outcome says what a claim would have done to the alerts.
type Outcome string

// Outcomes of a claim.
const (
	Raised  Outcome = "raised"
	Updated Outcome = "updated"
	Cleared Outcome = "cleared"
)

// Finding is one thing that a replay would have done.
type Finding struct {
	Outcome Outcome
	Claim   watch.Claim
}

// Replay judges past events with a set of rules, as if nobody had worked the alerts, and reports what would have been
// raised, updated and cleared. Timers run on to until, if it is not zero. report may stop it with an error.
func Replay(set *Set, site Site, events iter.Seq2[watch.Event, error], until time.Time, report func(Finding) error) error {
	judge := NewJudge(set, site)
	ledger := map[string]*standing{}
	tell := func(claims []watch.Claim) error {
		for _, c := range claims {
			if out, ok := weigh(ledger, c); ok {
				if err := report(Finding{out, c}); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for e, err := range events {
		if err != nil {
			return fmt.Errorf("rules: replay: %w", err)
		}
		if err := tell(judge.Judge(e)); err != nil {
			return err
		}
	}
	if until.IsZero() {
		return nil
	}
	return tell(judge.Tick(until))
}

// standing is an alert as a replay sees it.
type standing struct {
	active bool
	last   time.Time
	window time.Duration
}

// weigh decides what a claim does, as those who keep the alerts would.
func weigh(ledger map[string]*standing, c watch.Claim) (Outcome, bool) {
	s := ledger[c.Key]
	if c.Clear {
		if s == nil || !s.active {
			return "", false
		}
		s.active = false
		return Cleared, true
	}
	if s == nil {
		ledger[c.Key] = &standing{active: true, last: c.At, window: c.Window}
		return Raised, true
	}
	within := c.Window > 0 && c.At.Sub(s.last) < c.Window
	if !s.active && c.Repeat && (within || c.Window == 0) {
		return "", false
	}
	out := Raised
	if s.active || within {
		out = Updated
	}
	s.active, s.last = true, c.At
	return out, true
}
