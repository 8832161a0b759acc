// Package store is the one SQLite file: pragmas, migrations, one writing connection, many readers.
// Who may write what is the business of journal; store only keeps the file sound.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/mattn/go-sqlite3"
)

// Readers is the number of connections for concurrent reads.
const Readers = 6

// Options say how to open the file.
type Options struct {
	// Scratch opens a throw-away database: nothing is synced, a crash may lose it.
	Scratch bool
	// ReserveBytes is the size of the reserve file beside the database that is given back to the file
	// system when the disk is full, so that events still fit. 0 means no reserve.
	ReserveBytes int64
	// ReadOnly opens an existing file without migrating or writing it, beside a running program too.
	ReadOnly bool
}

// DB is an open database file.
type DB struct {
	path    string
	write   *sql.DB
	read    *sql.DB
	reserve *Reserve
}

// Open opens or creates the database, brings its schema up to date and checks that SQLite was built with what
// Siaga needs. A schema newer than this program is refused.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	if o.ReadOnly {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("store: opening %s: %w", path, err)
		}
	}
	db := &DB{path: path}
	var err error
	if db.write, err = sql.Open("sqlite3", dsn(path, o, true)); err != nil {
		return nil, fmt.Errorf("store: opening %s: %w", path, err)
	}
	db.write.SetMaxOpenConns(1)
	if db.read, err = sql.Open("sqlite3", dsn(path, o, false)); err != nil {
		return nil, errors.Join(fmt.Errorf("store: opening %s: %w", path, err), db.write.Close())
	}
	db.read.SetMaxOpenConns(Readers)
	db.read.SetMaxIdleConns(Readers)
	if err := db.prepare(ctx, o); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) prepare(ctx context.Context, o Options) error {
	var fts int
	err := db.write.QueryRowContext(ctx, `SELECT count(*) FROM pragma_compile_options WHERE compile_options = 'ENABLE_FTS5'`).Scan(&fts)
	if err != nil {
		return fmt.Errorf("store: opening %s: %w", db.path, err)
	}
	if fts == 0 {
		return errors.New("store: this program was built without full-text search; build it with `make build` (go build -tags sqlite_fts5)")
	}
	if o.ReadOnly {
		return nil
	}
	if err := migrate(ctx, db.write); err != nil {
		return fmt.Errorf("store: schema of %s: %w", db.path, err)
	}
	if o.ReserveBytes > 0 {
		db.reserve = &Reserve{path: filepath.Join(filepath.Dir(db.path), "reserve"), size: o.ReserveBytes}
		return db.reserve.Fill()
	}
	return nil
}

func dsn(path string, o Options, write bool) string {
	q := url.Values{}
	q.Set("_busy_timeout", "5000")
	q.Set("_foreign_keys", "1")
	q.Set("_journal_mode", "WAL")
	q.Set("_synchronous", "FULL")
	q.Set("_cache_size", "-16000")
	q.Set("_secure_delete", "true")  // an erased body must not stay in free pages
	q.Set("_stmt_cache_size", "128") // raising an alert runs twenty statements; compiling them cost more than running them
	if o.Scratch {
		q.Set("_journal_mode", "MEMORY")
		q.Set("_synchronous", "OFF")
	}
	if write && !o.ReadOnly {
		q.Set("_txlock", "immediate")
	} else {
		q.Set("mode", "ro")
		q.Set("_query_only", "1")
		q.Del("_journal_mode")
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// Writer is the one writing connection pool (size 1). Only journal, and migrations, use it.
func (db *DB) Writer() *sql.DB { return db.write }

// Read is the pool for queries; writing through it fails.
func (db *DB) Read() *sql.DB { return db.read }

// Path is the database file.
func (db *DB) Path() string { return db.path }

// Reserve is the emergency space, or nil.
func (db *DB) Reserve() *Reserve { return db.reserve }

// Close closes every connection. The write-ahead log is folded into the file first.
func (db *DB) Close() error {
	return errors.Join(db.read.Close(), db.write.Close())
}

// Backup writes a consistent copy of the database to path, which MUST NOT exist, while others read and write.
func (db *DB) Backup(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("store: backup to %s: the file exists; choose another name", path)
	}
	// A connection of its own: in WAL mode its long read holds up neither writer nor readers.
	c, err := sql.Open("sqlite3", dsn(db.path, Options{}, true))
	if err != nil {
		return fmt.Errorf("store: backup to %s: %w", path, err)
	}
	if _, err = c.ExecContext(ctx, `VACUUM INTO ?`, path); err != nil {
		err = fmt.Errorf("store: backup to %s: %w", path, err)
	}
	return errors.Join(err, c.Close())
}

// ErrDamaged means that the file is not a sound database.
var ErrDamaged = errors.New("the database file is damaged")

// Sound looks through the whole file for damage to its structure. It takes as long as reading the file does, beside
// readers and the writer. An error that IsDamaged is a finding, any other means that it could not be done.
func (db *DB) Sound(ctx context.Context) error {
	var found string
	if err := db.read.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return fmt.Errorf("store: looking through %s: %w", db.path, err)
	}
	if found != "ok" {
		return fmt.Errorf("%w: %s: %s", ErrDamaged, db.path, found)
	}
	return nil
}

// IsDamaged reports whether err means that the file is not a sound database.
func IsDamaged(err error) bool {
	var e sqlite3.Error
	return errors.Is(err, ErrDamaged) || errors.As(err, &e) && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB)
}

// IsFull reports whether err means that the disk has no room left.
func IsFull(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.Code == sqlite3.ErrFull
}

// IsFatal reports whether err concerns the file and not the statement: full disk, I/O error, damaged or locked file.
func IsFatal(err error) bool {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrBusy, sqlite3.ErrLocked,
		sqlite3.ErrReadonly, sqlite3.ErrCantOpen, sqlite3.ErrNomem:
		return true
	}
	return false
}
