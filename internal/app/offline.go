package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"siaga/internal/config"
)

// Offline opens the site's data without devices and doors, runs fn, and closes it. It fails with ErrRunning beside a
// running program, which has the data directory for itself.
func Offline(ctx context.Context, cfg config.Config, version string, fn func(context.Context, *App) error) error {
	if _, err := os.Stat(databasePath(cfg)); err != nil {
		return fmt.Errorf("app: %w; `siaga serve` makes the database at its first start, and `data:` in the config says where it is", err)
	}
	a := prepare(cfg, version)
	if err := a.openData(ctx); err != nil {
		return errors.Join(err, a.Close())
	}
	a.stages.start(stage{"journal writer", a.journal.Run, 10 * time.Second})
	err := fn(ctx, a)
	if err == nil {
		_, err = a.journal.Checkpoint(ctx)
	}
	return errors.Join(err, a.stages.stop(), a.Close())
}
