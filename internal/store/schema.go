package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// staleKey marks, in meta, a database whose schema changed and whose tables were not made anew from the journal since.
// It is written before the change, so that a program that ends in between does not forget it.
const staleKey = "stale"

// ErrOtherSchema means that a database is of another version than this program's, and was left alone.
var ErrOtherSchema = errors.New("the database's schema is not this program's")

func schema(w *sql.DB) (*goose.Provider, int64, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, 0, err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, w, dir, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, 0, err
	}
	all := p.ListSources()
	return p, all[len(all)-1].Version, nil
}

// migrate brings the schema up to date.
func migrate(ctx context.Context, w *sql.DB) error {
	p, newest, err := schema(w)
	if err != nil {
		return err
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if have > newest {
		return fmt.Errorf("%w: it is of version %d, this program knows up to %d: use the newer program, or take the data back with it: siaga downgrade --to %d",
			ErrOtherSchema, have, newest, newest)
	}
	if have > 0 && have < newest {
		if err := markStale(ctx, w, have); err != nil {
			return err
		}
	}
	_, err = p.Up(ctx)
	return err
}

func markStale(ctx context.Context, w *sql.DB, version int64) error {
	_, err := w.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, staleKey, version)
	return err
}

// Stale reports whether the schema changed and the tables that live from events must be made anew from the journal.
// Whoever does so calls Fresh in the same transaction.
func (db *DB) Stale(ctx context.Context) (bool, error) {
	var n int
	if err := db.read.QueryRowContext(ctx, `SELECT count(*) FROM meta WHERE key = ?`, staleKey).Scan(&n); err != nil {
		return false, fmt.Errorf("store: %s: %w", db.path, err)
	}
	return n > 0, nil
}

// Fresh takes the mark of Stale away.
func Fresh(tx *sql.Tx) error {
	_, err := tx.Exec(`DELETE FROM meta WHERE key = ?`, staleKey)
	return err
}

// Current returns an error that wraps ErrOtherSchema if the database waits for its upgrade.
func (db *DB) Current(ctx context.Context) error {
	_, newest, err := schema(db.read)
	if err != nil {
		return err
	}
	have, err := db.version(ctx)
	if err == nil && have != newest {
		err = fmt.Errorf("%w: %s is of version %d, this program's is %d: start the site with this program once, or use the program it was written by",
			ErrOtherSchema, db.path, have, newest)
	}
	return err
}

// version reads what goose wrote, without making its table: the database may be open for reading only.
func (db *DB) version(ctx context.Context) (int64, error) {
	var v int64
	err := db.read.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&v)
	if err != nil {
		return 0, fmt.Errorf("store: schema of %s: %w", db.path, err)
	}
	return v, nil
}

// Downgrade takes the schema of a database that nobody has open back to an older program's version and returns the one
// it had. No event is touched; tables that the older program does not know go, and come back with the next upgrade.
func Downgrade(ctx context.Context, path string, to int64) (from int64, err error) {
	db, err := Open(ctx, path, Options{ReadOnly: true}) // also says when there is no such file
	if err != nil {
		return 0, err
	}
	from, err = db.version(ctx)
	if err = errors.Join(err, db.Close()); err != nil {
		return from, err
	}
	if to < 1 || to > from {
		return from, fmt.Errorf("%w: it is of version %d: --to wants a version from 1 to %d; the older program names its own when it refuses the data",
			ErrOtherSchema, from, from)
	}
	w, err := sql.Open("sqlite3", dsn(path, Options{}, true))
	if err != nil {
		return from, fmt.Errorf("store: opening %s: %w", path, err)
	}
	w.SetMaxOpenConns(1)
	p, _, err := schema(w)
	if err == nil {
		_, err = p.DownTo(ctx, to)
	}
	if err != nil {
		err = fmt.Errorf("store: taking %s back to version %d: %w", path, to, err)
	}
	return from, errors.Join(err, w.Close())
}
