package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// diskLook is how often the database's disk is looked at.
const diskLook = 5 * time.Second

// watchDisk tells, once it can, that the journal refused work for a while, and fills the reserve again when there is
// room: the next full disk must find it.
func (a *App) watchDisk(ctx context.Context) error {
	tick := time.NewTicker(diskLook)
	defer tick.Stop()
	var told uint64
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if failed := a.journal.Metrics.Failures.Load(); failed > told {
			err := a.tell(ctx, "worker.failed", map[string]any{
				"worker": "journal", "detail": fmt.Sprintf("%d transactions could not be written; what was in them was refused, not lost in silence", failed-told),
			})
			if err == nil {
				told = failed
			} else if ctx.Err() == nil {
				slog.Error("the journal cannot be written", "err", err)
			}
		}
		if err := a.refill(); err != nil {
			slog.Error("the reserve for events is not filled again", "err", err)
		}
	}
}

// refill fills the reserve when the disk has room for it many times over.
func (a *App) refill() error {
	r := a.db.Reserve()
	if r == nil || r.Held() {
		return nil
	}
	u, err := a.recorder.Disk()
	if err != nil || u.Percent() >= refillBelow || u.Free < 2*r.Size() {
		return err
	}
	if err := r.Fill(); err != nil {
		return err
	}
	slog.Info("the reserve for events is filled again", "bytes", r.Size())
	return nil
}

// refillBelow is how full, in percent, the disk may be when the reserve takes its share again: below the level at which
// video is deleted for room.
const refillBelow = 90
