package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"siaga/internal/config"
	"siaga/internal/journal"
	"siaga/internal/store"
)

// ErrDamaged means that the database cannot be used as it is, or is gone although the site has one. Nothing was written.
var ErrDamaged = errors.New("the database is damaged")

// present refuses to begin an empty site where there was one: a database that is missing or empty beside what only a
// running site leaves behind. Keys alone are no proof, they are made first.
func present(cfg config.Config) error {
	info, err := os.Stat(databasePath(cfg))
	if err == nil && info.Size() > 0 {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	for _, name := range [...]string{"segments", "broker", "reserve", "standby"} {
		if _, serr := os.Stat(filepath.Join(cfg.Data, name)); serr == nil {
			what := "is empty"
			if err != nil {
				what = "is missing"
			}
			return fmt.Errorf("%w: %s %s, but %s beside it shows that this site has worked before", ErrDamaged, databasePath(cfg), what, name)
		}
	}
	return nil
}

// damage marks an error of opening that means a damaged file.
func damage(err error) error {
	if store.IsDamaged(err) || errors.Is(err, journal.ErrNotIntact) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// lookFor is how long a start may be held up by looking through the database; a larger one is looked through while the
// program runs, at the start and then once in every lookAgain.
const (
	lookFor   = 2 * time.Second
	lookAgain = 24 * time.Hour
)

// sound looks through the database before anything is written into it, a new program's migrations included.
func sound(ctx context.Context, cfg config.Config) error {
	if err := present(cfg); err != nil {
		return err
	}
	if info, err := os.Stat(databasePath(cfg)); err != nil || info.Size() == 0 {
		return nil // a new site
	}
	db, err := store.Open(ctx, databasePath(cfg), store.Options{ReadOnly: true})
	if err != nil {
		return damage(err)
	}
	limited, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	err = db.Sound(limited)
	if err != nil && !store.IsDamaged(err) && limited.Err() != nil && ctx.Err() == nil {
		err = nil // a large one: lookThrough
	}
	return errors.Join(damage(err), db.Close())
}

// lookThrough finds pages that went bad while nobody read them, and is loud about it.
func (a *App) lookThrough(ctx context.Context) error {
	for {
		if err := a.db.Sound(ctx); store.IsDamaged(err) {
			slog.Error("the database is damaged; run `siaga doctor`, make ready to restore the last backup", "err", err)
			a.doubt.Store(&err)
			if terr := a.tell(ctx, "integrity.log_broken", map[string]any{"detail": err.Error()}); terr != nil {
				slog.Error("the damage is not journaled", "err", terr)
			}
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return nil
		}
	}
}
