package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"siaga/internal/auth"
	"siaga/internal/hub"
	"siaga/internal/incident"
	"siaga/internal/registry"
	"siaga/internal/watch"
	"siaga/internal/web"
)

// Start starts every stage, sinks first. The order is the order of the design; stop order is this list read upwards.
func (a *App) Start(ctx context.Context) error {
	a.started = time.Now()
	if a.remains == nil {
		a.alignStreams(ctx) // before fleet: a device that fails at once finds its streams known, and its gap has the reason
	}
	for _, s := range a.list() {
		a.stages.start(s)
	}
	return a.announce(ctx)
}

// list is the product: everything that runs.
func (a *App) list() []stage {
	if a.remains != nil {
		return a.onlookers()
	}
	l := []stage{
		{"journal writer", a.journal.Run, 10 * time.Second},
		{"text index", a.journal.RunIndex, 5 * time.Second},
		{"checkpointer", a.journal.RunCheckpoints, 5 * time.Second},
		{"sockets", a.web.RunSockets, 3 * time.Second},
		{"live channel", a.hub.Run, 5 * time.Second},
		{"judge", a.desk.Run, 5 * time.Second},
		{"ladder", a.climb, 2 * time.Second},
		{"recorder", a.recorder.Run, 12 * time.Second},
		{"live view", a.view.Run, 5 * time.Second},
		{"stream list", a.followStreams, time.Second},
		{"device states", a.tellStates, time.Second},
		{"front door", a.web.Run, 6 * time.Second},
		{"console watch", a.web.RunAttendance, time.Second},
		{"clock watch", a.watchClock, time.Second},
		{"watchdog", a.watchdog, time.Second},
		{"disk watch", a.watchDisk, time.Second},
		{"database check", a.lookThrough, 2 * time.Second},
	}
	if a.broker != nil {
		l = append(l, stage{"broker", a.broker.Run, 5 * time.Second})
	}
	return append(l, stage{"fleet", a.fleet.Run, 10 * time.Second})
}

// climb passes critical alerts up that nobody accepts, as the configuration says.
func (a *App) climb(ctx context.Context) error {
	c := a.cfg.Console
	return a.desk.RunLadder(ctx, []incident.Step{
		{After: time.Duration(c.LeaderS) * time.Second, To: string(auth.Leader)},
		{After: time.Duration(c.SecretariatS) * time.Second, To: string(auth.Secretariat)},
		{After: time.Duration(c.PoliceS) * time.Second, To: "police"},
	})
}

// announce journals that the program started, what was done while it stood by, and what it found wrong while opening.
func (a *App) announce(ctx context.Context) error {
	if a.remains != nil {
		return nil
	}
	if err := a.tell(ctx, "site.started", map[string]any{"version": a.version}); err != nil {
		return err
	}
	if err := a.adoptDeeds(ctx); err != nil {
		slog.Error("what was done while the site stood by is not journaled; it is tried again at the next start", "err", err)
	}
	doubt := a.doubt.Load()
	if doubt == nil {
		return nil
	}
	return a.tell(ctx, "integrity.log_broken", map[string]any{"detail": (*doubt).Error()})
}

// tell journals a fact about the program itself and waits until it is durable.
func (a *App) tell(ctx context.Context, kind string, body map[string]any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	receipt, err := a.journal.Append(ctx, watch.Draft{Kind: kind, Body: raw})
	if err != nil {
		return fmt.Errorf("app: %s: %w", kind, err)
	}
	return receipt.Wait(ctx)
}

// Wait blocks until ctx ends or a stage fails, and returns the failure.
func (a *App) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-a.stages.failed:
		slog.Error("a stage failed; stopping", "err", err)
		return err
	}
}

// Stop ends all stages in reverse order, each within its deadline, and closes the data directory.
func (a *App) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var err error
	if !a.started.IsZero() && a.remains == nil {
		err = a.tell(ctx, "site.stopping", map[string]any{"uptime_s": int(time.Since(a.started).Seconds())})
	}
	return errors.Join(err, a.stages.stop(), a.Close())
}

// Close closes what Open opened, last first. It may be called more than once.
func (a *App) Close() error {
	var errs []error
	for i := len(a.opened) - 1; i >= 0; i-- {
		errs = append(errs, a.opened[i]())
	}
	a.opened = nil
	return errors.Join(errs...)
}

// clockStep is how often the wall clock is compared with the monotonic one, and clockJump how far they may part.
const (
	clockStep = time.Second
	clockJump = 2 * time.Second
)

// watchClock journals a jump of the machine's clock. Order in the journal is by sequence and does not care.
func (a *App) watchClock(ctx context.Context) error {
	tick := time.NewTicker(clockStep)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := time.Now()
		// Sub uses the monotonic clock; without it the difference is the wall's.
		jump := now.Round(0).Sub(last.Round(0)) - now.Sub(last)
		last = now
		if jump.Abs() < clockJump {
			continue
		}
		if err := a.tell(ctx, "clock.jumped", map[string]any{"jump_ms": jump.Milliseconds()}); err != nil && ctx.Err() == nil {
			slog.Error("clock jump not journaled", "jump", jump, "err", err)
		}
	}
}

// describe is the site as the screens know it.
func (a *App) describe() web.Site {
	s := web.Site{ID: a.cfg.Site.ID, Name: a.cfg.Site.Name, ZoneName: a.cfg.Site.ZoneName, Timezone: a.cfg.Site.Timezone}
	if a.remains != nil {
		s.Standby = &a.remains.notice
	}
	return s
}

// snapshot is what a screen begins with.
func (a *App) snapshot(ctx context.Context, classes []string) (hub.Snapshot, error) {
	alerts, err := a.desk.OpenAlerts(ctx)
	if err != nil {
		return hub.Snapshot{}, err
	}
	incidents, err := a.desk.OpenIncidents(ctx)
	if err != nil {
		return hub.Snapshot{}, err
	}
	return web.SnapshotFor(classes, alerts, incidents, a.States()), nil
}

// MQTT is where devices publish.
func (a *App) MQTT() string {
	if a.broker != nil {
		return a.broker.URL()
	}
	return a.cfg.MQTT.URL
}

// Registry is what the site has.
func (a *App) Registry() *registry.Registry { return a.registry }

// Auth is who the people are.
func (a *App) Auth() *auth.Auth { return a.auth }
