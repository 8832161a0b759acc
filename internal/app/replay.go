package app

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"

	"siaga/internal/config"
	"siaga/internal/journal"
	"siaga/internal/registry"
	"siaga/internal/rules"
	"siaga/internal/store"
	"siaga/internal/watch"
)

// ReplayOptions say which history to judge with which rules.
type ReplayOptions struct {
	File     string // one rule file; "" means the config's folder
	From, To time.Time
	Out      io.Writer
}

// Replay judges past events and prints what would have been raised. It changes nothing and may run beside the program.
// Rules see zones and devices as the registry has them today, armed and locked zones included.
func Replay(ctx context.Context, cfg config.Config, o ReplayOptions) error {
	set, err := replayRules(cfg, o.File)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, databasePath(cfg), store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // it was only read
	site, err := replaySite(ctx, cfg, db)
	if err != nil {
		return err
	}
	loc := cfg.Site.Location()
	counts := map[rules.Outcome]int{}
	err = rules.Replay(set, site, history(ctx, journal.Reader(db, cfg.Site.ID), o.From, o.To), o.To, func(f rules.Finding) error {
		counts[f.Outcome]++
		c := f.Claim
		_, err := fmt.Fprintf(o.Out, "%s %s  %-7s %-9s %-22s %s  device=%s zone=%s event=%d\n",
			c.At.In(loc).Format("02/01/2006 15.04.05"), cfg.Site.ZoneName, f.Outcome, c.Priority, c.Rule, c.Title.ID, c.Device, c.Zone, c.Cause)
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.Out, "%d raised, %d updated, %d cleared\n", counts[rules.Raised], counts[rules.Updated], counts[rules.Cleared])
	return err
}

// replaySite reads what the site has, beside a running program too.
func replaySite(ctx context.Context, cfg config.Config, db *store.DB) (rules.Site, error) {
	keys, err := openVault(cfg)
	if err != nil {
		return nil, err
	}
	reg, err := registry.Open(ctx, registry.Options{Journal: journal.Reader(db, cfg.Site.ID), Vault: keys, Drivers: newCatalogue()})
	if err != nil {
		return nil, err
	}
	return knowledge{reg}, nil
}

func replayRules(cfg config.Config, file string) (*rules.Set, error) {
	if file == "" {
		set, _, err := rules.Load(os.DirFS(filepath.Dir(cfg.Rules)), filepath.Base(cfg.Rules))
		return set, err
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	set, _, err := rules.LoadFile(file, raw)
	return set, err
}

// history walks the events received in a span, oldest first.
func history(ctx context.Context, j *journal.Journal, from, to time.Time) iter.Seq2[watch.Event, error] {
	return func(yield func(watch.Event, error) bool) {
		q := journal.Query{Since: from, Until: to, Limit: 2000}
		for {
			events, err := j.Events(ctx, q)
			if err != nil {
				yield(watch.Event{}, err)
				return
			}
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
			if len(events) < q.Limit {
				return
			}
			q.After = events[len(events)-1].Seq
		}
	}
}
