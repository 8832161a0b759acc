package record

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// Retention says how long video is kept. Held segments are kept in any case.
type Retention struct {
	// Default is for streams that Streams does not name.
	Default Policy
	// Streams is by "device.stream"; a device may also stand alone, for both its streams.
	Streams map[string]Policy
}

// Policy is the retention of one stream. A zero field sets no bound.
type Policy struct {
	MaxAge   time.Duration // older video is deleted
	MaxBytes int64         // beyond it the oldest is deleted
	// MinAge is what must be kept while the disk is below 95 %: between 90 and 95 % video older than it goes, although
	// MaxAge and MaxBytes would keep it. Zero: MaxAge and MaxBytes alone decide.
	MinAge time.Duration
}

func (t *Retention) of(k key) Policy {
	if p, ok := t.Streams[k.String()]; ok {
		return p
	}
	if p, ok := t.Streams[k.device]; ok {
		return p
	}
	return t.Default
}

// SetRetention changes the retention from the janitor's next round on, which it asks for at once.
func (r *Recorder) SetRetention(t Retention) {
	r.retention.Store(&t)
	select {
	case r.pressure <- struct{}{}:
	default: // one is due anyway
	}
}

// Why a file was deleted, in segment.expired.
const (
	whyAge   = "age"
	whyBytes = "bytes"
	whyDisk  = "disk"
)

// notHeld is the condition on a segment s that no hold covers it.
const notHeld = `NOT EXISTS (SELECT 1 FROM holds h WHERE h.start < s."end" AND (h."end" IS NULL OR h."end" > s.start)
	AND (h.device = '' OR h.device = s.device AND h.stream IN ('', s.stream)))`

// expireBatch is how many files go in one transaction.
const expireBatch = 200

// expire takes up to limit of the oldest segments that match where and are not held: their rows become garbage rows,
// told by one event a stream, in one transaction; then the files go. It returns how many files and bytes went.
func (r *Recorder) expire(ctx context.Context, why, where string, limit int, args ...any) (int, int64, error) {
	n, bytes := 0, int64(0)
	err := r.opt.Journal.Commit(ctx, func(tx *sql.Tx, add journal.Appender) error {
		n, bytes = 0, 0
		files, err := candidates(tx, where, limit, args)
		if err != nil {
			return err
		}
		for k, list := range files {
			d, err := r.draft(KindExpired, k.device, expiredBody{Stream: k.stream, Why: why, Files: list})
			if err != nil {
				return err
			}
			if _, err := add(d); err != nil {
				return err
			}
			for _, f := range list {
				n, bytes = n+1, bytes+f.Bytes
				if _, err := tx.Exec(`INSERT INTO record_garbage (path, at) VALUES (?, ?)`, f.Path, r.clock.site()); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("record: expiring video: %w", err)
	}
	if n == 0 {
		return 0, 0, nil
	}
	r.Metrics.Expired.Add(uint64(n))
	r.Metrics.ExpiredSize.Add(uint64(bytes))
	return n, bytes, r.collect(ctx)
}

// candidates reads inside the transaction, so that a hold placed a moment before counts.
func candidates(tx *sql.Tx, where string, limit int, args []any) (map[key][]expiredFile, error) {
	rows, err := tx.Query(`SELECT s.seq, s.device, s.stream, s.path, s.start, s."end", s.era, s.bytes FROM segments s
		WHERE `+where+` AND `+notHeld+` ORDER BY s.start LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	out := map[key][]expiredFile{}
	for rows.Next() {
		var k key
		var f expiredFile
		var start, end int64
		if err := rows.Scan(&f.Seq, &k.device, &k.stream, &f.Path, &start, &end, &f.Era, &f.Bytes); err != nil {
			return nil, err
		}
		f.Start, f.End = wireTime(start), wireTime(end)
		out[k] = append(out[k], f)
	}
	return out, rows.Err()
}

// garbage returns the files that are given up but may still be there.
func (r *Recorder) garbage(ctx context.Context) (map[string]bool, error) {
	rows, err := r.opt.Journal.DB().QueryContext(ctx, `SELECT path FROM record_garbage`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	out := map[string]bool{}
	for rows.Next() {
		var path string
		if err := rows.Scan(&path); err != nil {
			return nil, err
		}
		out[path] = true
	}
	return out, rows.Err()
}

// collect unlinks what garbage rows name, puts that on the medium, and only then lets the rows go. A crash anywhere
// in between is made good by the next call.
func (r *Recorder) collect(ctx context.Context) error {
	paths, err := r.garbage(ctx)
	if err != nil {
		return fmt.Errorf("record: reading garbage rows: %w", err)
	}
	gone := r.unlinkAll(paths)
	if len(gone) == 0 {
		return nil
	}
	err = r.opt.Journal.Commit(ctx, func(tx *sql.Tx, _ journal.Appender) error {
		for _, p := range gone {
			if _, err := tx.Exec(`DELETE FROM record_garbage WHERE path = ?`, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record: removing garbage rows: %w", err)
	}
	return nil
}

// unlinkAll returns which of the files are gone for good.
func (r *Recorder) unlinkAll(paths map[string]bool) []string {
	dirs := map[string][]string{}
	var first error
	for p := range paths {
		abs := filepath.Join(r.opt.Dir, p)
		if err := r.disk.remove(abs); err != nil && !errors.Is(err, fs.ErrNotExist) {
			first = cmp.Or(first, err)
			continue
		}
		dirs[filepath.Dir(abs)] = append(dirs[filepath.Dir(abs)], p)
	}
	var gone []string
	for dir, files := range dirs {
		if err := r.disk.syncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			first = cmp.Or(first, err)
			continue
		}
		gone = append(gone, files...)
		r.tidy(dir)
	}
	if first != nil {
		slog.Error("expired video not deleted; the next round tries again", "files", len(paths)-len(gone), "err", first)
	}
	return gone
}

// tidy removes the directory of a past day once it is empty.
func (r *Recorder) tidy(dir string) {
	day, err := time.Parse(dayForm, filepath.Base(dir))
	if err != nil || r.clock.site()-watch.Millis(day) < (48*time.Hour).Milliseconds() {
		return
	}
	_ = os.Remove(dir) // fails while there is anything in it, which is what we want
}
