package incident

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// Step is one rung of the ladder: to whom a critical alert goes that nobody has accepted for so long.
type Step struct {
	After time.Duration
	To    string // a role, or another party
}

// NotAccepted is the reason of an escalation that the site made by itself.
const NotAccepted = "not_accepted"

// ladderEvery is how often the ladder is looked at; steps are late by no more.
const ladderEvery = time.Second

// RunLadder passes critical alerts up that nobody accepts, until ctx ends. Where an incident stands on the ladder is read
// from the incident each time, so a restart neither forgets a step nor repeats one. Steps without time are left out.
func (d *Desk) RunLadder(ctx context.Context, steps []Step) error {
	steps = slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return s.After <= 0 })
	tick := time.NewTicker(ladderEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if len(steps) == 0 {
			continue
		}
		if err := d.Climb(ctx, steps); err != nil && ctx.Err() == nil {
			slog.Error("critical alerts that nobody accepts were not passed up, trying again", "err", err)
		}
	}
}

// waitingCase is an open incident with a critical alert that nobody has accepted.
type waitingCase struct {
	id    string
	to    string
	since int64 // milliseconds
}

// Climb takes every step that is due now, the highest due one of each incident.
func (d *Desk) Climb(ctx context.Context, steps []Step) error {
	waiting, err := collect(ctx, d.opt.Log.DB(), func(r interface{ Scan(...any) error }) (v waitingCase, err error) {
		return v, r.Scan(&v.id, &v.to, &v.since)
	}, `SELECT i.id, i.escalated_to, min(a.raised_at) FROM incidents i JOIN alerts a ON a.incident = i.id
		WHERE i.open = 1 AND i.priority = ? AND a.acknowledged_at = 0 AND a.priority = ? GROUP BY i.id`,
		[]any{rank(watch.Critical), rank(watch.Critical)})
	if err != nil {
		return fmt.Errorf("incident: reading what waits: %w", err)
	}
	for _, w := range waiting {
		waited := d.now().Sub(watch.FromMillis(w.since))
		if s, due := dueStep(steps, w.to, waited); due {
			if err := d.passUp(ctx, w.id, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// dueStep is the highest step that is due and lies above where the incident stands.
func dueStep(steps []Step, at string, waited time.Duration) (Step, bool) {
	stands := slices.IndexFunc(steps, func(s Step) bool { return s.To == at })
	for i := len(steps) - 1; i > stands; i-- {
		if waited >= steps[i].After {
			return steps[i], true
		}
	}
	return Step{}, false
}

// passUp escalates as the site itself: the act has no actor.
func (d *Desk) passUp(ctx context.Context, id string, s Step) error {
	return d.opt.Log.Commit(ctx, func(tx *sql.Tx, add journal.Appender) error {
		w := d.work(ctx, tx, add)
		in, err := findIncident(ctx, tx, id)
		if err != nil {
			return err
		}
		waiting, err := w.unseen(&in, watch.Critical)
		if err != nil || waiting == 0 || !in.State.Open() || in.EscalatedTo == s.To {
			return err // somebody was quicker
		}
		return w.do(Act{Verb: Escalate, To: s.To, Reason: NotAccepted}, in)
	})
}
