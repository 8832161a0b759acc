package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"siaga/internal/config"
	"siaga/internal/journal"
	"siaga/internal/store"
)

// upgrade makes the tables anew from the journal where a new program changed the schema.
func (a *App) upgrade(ctx context.Context) error {
	stale, err := a.db.Stale(ctx)
	if err != nil || !stale {
		return err
	}
	slog.Info("the data was written by another version; tables are made anew from the journal")
	begun, told := time.Now(), time.Now()
	err = journal.Rebuild(ctx, a.db, a.cfg.Site.ID, projections(), func(done, total uint64) {
		if time.Since(told) < upgradeTold {
			return
		}
		told = time.Now()
		slog.Info("making tables anew", "event", done, "of", total)
		// systemd must not take a long upgrade for a start that hangs.
		_, _ = daemon.SdNotify(false, fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", (10*upgradeTold).Microseconds())) // no systemd, no need
	})
	if err == nil {
		slog.Info("tables made anew", "took", time.Since(begun).Round(time.Millisecond))
	}
	return err
}

// upgradeTold is how often a long upgrade says how far it is.
const upgradeTold = 5 * time.Second

// Rebuild makes every table that lives from events anew, for a database whose check found rows that the journal does not
// explain. The program must not run.
func Rebuild(ctx context.Context, cfg config.Config, progress func(done, total uint64)) error {
	return alone(ctx, cfg, func() error {
		db, err := store.Open(ctx, databasePath(cfg), store.Options{})
		if err != nil {
			return damage(err)
		}
		return errors.Join(journal.Rebuild(ctx, db, cfg.Site.ID, projections(), progress), db.Close())
	})
}

// Downgrade takes the data back to an older program's schema and returns the version it had. No event is touched. The
// program must not run.
func Downgrade(ctx context.Context, cfg config.Config, to int64) (from int64, err error) {
	err = alone(ctx, cfg, func() error {
		from, err = store.Downgrade(ctx, databasePath(cfg), to)
		return err
	})
	return from, err
}

// alone does something to the data directory while no program runs on it, and never in a place where there is no site.
func alone(ctx context.Context, cfg config.Config, do func() error) error {
	if _, err := os.Stat(databasePath(cfg)); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	lock, err := lockDir(cfg.Data)
	if err != nil {
		return err
	}
	if err := sound(ctx, cfg); err != nil { // evidence is not worked on
		return errors.Join(err, lock.Close())
	}
	return errors.Join(do(), lock.Close())
}

// provable returns a database folder that this program can check: the given one or, if an older program wrote it, an
// upgraded copy in scratch.
func provable(ctx context.Context, saved config.Config, scratch string) (config.Config, error) {
	db, err := store.Open(ctx, databasePath(saved), store.Options{ReadOnly: true})
	if err != nil {
		return saved, err
	}
	if err := errors.Join(db.Current(ctx), db.Close()); !errors.Is(err, store.ErrOtherSchema) {
		return saved, err
	}
	copied := saved
	copied.Data = filepath.Join(scratch, "upgraded")
	if err := copyPrivate(copied.Data, saved.Data); err != nil {
		return saved, err
	}
	return copied, Rebuild(ctx, copied, nil)
}
