package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// watchdog tells systemd that the program lives, as often as the unit asks for, and only while the journal takes
// transactions: a program that cannot write down what happens is better started anew. Without a watchdog it waits.
func (a *App) watchdog(ctx context.Context) error {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		slog.Warn("systemd's watchdog is not understood; going on without", "err", err)
	}
	if every == 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(every / 3)
	defer tick.Stop()
	for {
		a.pat(ctx, every/3)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// pat tells systemd once, if the journal answers in time.
func (a *App) pat(ctx context.Context, within time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := a.journal.Ping(ctx); err != nil {
		if ctx.Err() == nil || context.Cause(ctx) == context.DeadlineExceeded {
			slog.Error("the journal does not answer; systemd is not told that we live", "err", err)
		}
		return
	}
	if _, err := daemon.SdNotify(false, daemon.SdNotifyWatchdog); err != nil {
		slog.Warn("systemd was not told that we live", "err", err)
	}
}
