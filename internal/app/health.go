package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"siaga/internal/web"
)

// readyIn is how long the journal may take to answer before the site counts as not ready.
const readyIn = 2 * time.Second

// ready tells the truth: every stage runs, and the journal takes a transaction within readyIn.
func (a *App) ready(ctx context.Context) error {
	if len(a.stages.failed) > 0 {
		return errors.New("a stage of the program has failed; see the log")
	}
	ctx, cancel := context.WithTimeout(ctx, readyIn)
	defer cancel()
	if err := a.journal.Ping(ctx); err != nil {
		return fmt.Errorf("the journal takes no transaction: %w (is the disk full or very slow?)", err)
	}
	return nil
}

// counts are the figures of rooms that the front door does not know.
func (a *App) counts() []web.Count {
	out := []web.Count{
		{Name: "siaga_record_dropped_total", Help: "Frames not recorded because the disk was too slow.", Value: float64(a.recorder.Metrics.Dropped.Load()), Rising: true},
	}
	for id, t := range a.rules.Troubles() {
		out = append(out, web.Count{
			Name: "siaga_rules_blind_total", Help: "Times that a rule's expression could not be evaluated.",
			Label: "rule", Of: id, Value: float64(t.Times), Rising: true,
		})
	}
	return out
}
