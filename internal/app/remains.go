package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"siaga/devices"
	"siaga/internal/config"
	"siaga/internal/journal"
	"siaga/internal/store"
	"siaga/internal/view"
	"siaga/internal/watch"
	"siaga/internal/web"
)

// remains is what could still be read of a damaged database. An App that has it shows that, and live pictures: it
// records, judges and journals nothing, and what people do goes aside.
type remains struct {
	deeds  *deeds
	notice web.Standby
}

// salvage reads what is left of the damaged database into a copy of its own, and says how much that is.
func salvage(ctx context.Context, cfg config.Config, progress func(done, total int64)) (web.Standby, error) {
	if err := fits(cfg); err != nil {
		return web.Standby{}, err
	}
	copied := standbyPath(cfg, "siaga.db")
	torn, err := store.Salvage(ctx, databasePath(cfg), copied, progress)
	if err != nil {
		return web.Standby{}, err
	}
	db, err := store.Open(ctx, copied, store.Options{})
	if err != nil {
		return web.Standby{}, err
	}
	n, err := countRemains(ctx, db)
	if err == nil && n.Unreadable == 0 && len(torn) > 0 {
		// Every event is there, and they explain the tables.
		err = journal.Rebuild(ctx, db, cfg.Site.ID, projections(), nil)
		torn = slices.DeleteFunc(torn, explained)
	}
	n.Torn = orNone(torn)
	return n, errors.Join(err, db.Close())
}

// explained reports whether events say all that a table holds.
func explained(table string) bool {
	return slices.ContainsFunc(projections(), func(p journal.Projection) bool { return slices.Contains(p.Tables(), table) })
}

// countRemains counts the events that are there and those that ought to be.
func countRemains(ctx context.Context, db *store.DB) (n web.Standby, err error) {
	err = db.Read().QueryRowContext(ctx, `SELECT count(*), max(coalesce(max(seq), 0), (SELECT coalesce(max(size), 0) FROM checkpoints)) - count(*) FROM events`).
		Scan(&n.Readable, &n.Unreadable)
	if err != nil {
		err = fmt.Errorf("app: standby: %w", err)
	}
	return n, err
}

// fits looks whether there is room for a copy.
func fits(cfg config.Config) error {
	// Indexes are written anew and the backup must find room beside the copy; an earlier copy is replaced.
	need := sizeOf(databasePath(cfg))*5/2 - sizeOf(standbyPath(cfg, "siaga.db"))
	var disk unix.Statfs_t
	if err := unix.Statfs(cfg.Data, &disk); err != nil {
		return fmt.Errorf("app: standby: %w", err)
	}
	free := int64(disk.Bavail) * disk.Bsize
	if free < need {
		return fmt.Errorf("app: standby: reading what is left of the database needs %d MiB, %d are free in %s", need>>20, free>>20, cfg.Data)
	}
	return nil
}

// sizeOf is how large a database is with its log.
func sizeOf(path string) (n int64) {
	for _, part := range [...]string{path, path + "-wal"} {
		if info, err := os.Stat(part); err == nil {
			n += info.Size()
		}
	}
	return n
}

// openRemains opens what salvage made, for looking at.
func openRemains(ctx context.Context, cfg config.Config, version string, r remains) (*App, error) {
	a := prepare(cfg, version)
	a.remains = &r
	return a, a.open(ctx, a.openSalvaged, a.openRules, a.openMedia, a.openLive, a.openDoors)
}

func (a *App) openSalvaged(ctx context.Context) error {
	var err error
	if a.vault, err = openVault(a.cfg); err != nil {
		return err
	}
	if a.db, err = store.Open(ctx, standbyPath(a.cfg, "siaga.db"), store.Options{}); err != nil {
		return err
	}
	a.closing(a.db)
	a.journal, err = journal.Open(ctx, a.db, journal.Options{Site: a.cfg.Site.ID, Aside: a.remains.deeds.take})
	if err != nil {
		return err
	}
	if err := a.openPeople(ctx); err != nil {
		return err
	}
	if !a.auth.Enrolled() {
		return errors.New("app: standby: the list of people cannot be read, so nobody could sign in")
	}
	return nil
}

// onlookers is all that runs while the site stands by.
func (a *App) onlookers() []stage {
	return []stage{
		{"deeds", a.journal.Run, 10 * time.Second},
		{"text index", a.journal.RunIndex, 5 * time.Second},
		{"sockets", a.web.RunSockets, 3 * time.Second},
		{"live channel", a.hub.Run, 5 * time.Second},
		{"live view", a.view.Run, 5 * time.Second},
		{"device states", a.tellStates, time.Second},
		{"front door", a.web.Run, 6 * time.Second},
		{"fleet", a.fleet.Run, 10 * time.Second},
	}
}

// onlooker is a camera's host while the site stands by: its pictures are shown, what it says is heard by nobody.
type onlooker struct {
	device string
	view   *view.Hub
}

// Observe takes note of nothing.
func (onlooker) Observe(context.Context, watch.Reading) (devices.Receipt, error) {
	return unheard{}, nil
}

// Media shows the picture.
func (o onlooker) Media(au watch.AccessUnit) { o.view.Offer(o.device, au) }

// Watched reports whether anybody looks.
func (o onlooker) Watched(stream string) bool { return o.view.Watched(o.device, stream) }

// unheard is the receipt of what nobody heard. It is given for cameras alone, which have nothing to send again.
type unheard struct{}

// Wait returns at once.
func (unheard) Wait(context.Context) error { return nil }
