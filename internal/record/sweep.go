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
	"slices"
	"strings"
	"time"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// line is where a stream's time line stood when the program started.
type line struct {
	active  bool
	era     int64
	lastEnd int64
	lastSeg int64 // start of the newest segment of the era
	open    *openGap
	alive   int64    // the last moment the program is known to have run, site time
	left    []string // files without a row: final paths, oldest first
}

// sweep finds out where every time line stands and which files the last run left behind. It looks at names only, and
// only in the newest directories of each stream: half a million segments must not delay recording. The rest is the
// business of Verify. Files are recovered later, by each stream's keeper, while its writer records already.
func (r *Recorder) sweep(ctx context.Context) (map[key]line, error) {
	lines, err := r.lines(ctx)
	if err != nil {
		return nil, fmt.Errorf("record: reading the time lines: %w", err)
	}
	alive, err := r.lastAlive(ctx)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	garbage, err := r.garbage(ctx)
	if err != nil {
		return nil, fmt.Errorf("record: reading garbage rows: %w", err)
	}
	dirs, err := os.ReadDir(filepath.Join(r.opt.Dir, folder))
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	for _, d := range dirs {
		k, ok := keyOf(d.Name())
		if !ok || !d.IsDir() {
			continue
		}
		l := lines[k]
		if l.left, err = r.leftovers(ctx, k, l.lastSeg, garbage); err != nil {
			return nil, fmt.Errorf("record: %w", err)
		}
		if l.active || len(l.left) > 0 {
			lines[k] = l
		}
	}
	for k, l := range lines {
		l.alive = alive
		lines[k] = l
	}
	return lines, nil
}

// keyOf reads a stream out of its directory's name.
func keyOf(name string) (key, bool) {
	device, stream, ok := strings.Cut(name, ".")
	return key{device, stream}, ok && watch.ValidSlug(device) && (stream == "main" || stream == "sub")
}

// lines reads the state of every stream that is to be recorded, and of those that were.
func (r *Recorder) lines(ctx context.Context) (map[key]line, error) {
	db := r.opt.Journal.DB()
	rows, err := db.QueryContext(ctx, `SELECT device, stream, until FROM recorded_streams`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	out := map[key]line{}
	for rows.Next() {
		var k key
		var until sql.NullInt64
		if err := rows.Scan(&k.device, &k.stream, &until); err != nil {
			return nil, err
		}
		out[k] = line{active: !until.Valid}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for k, l := range out {
		if err := readLine(ctx, db, k, &l); err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		out[k] = l
	}
	return out, nil
}

// readLine fills in where one time line ends.
func readLine(ctx context.Context, db *sql.DB, k key, l *line) error {
	err := db.QueryRowContext(ctx, `SELECT max(era) FROM (
		SELECT max(era) AS era FROM gaps WHERE device = ?1 AND stream = ?2
		UNION ALL SELECT era FROM (SELECT era FROM segments WHERE device = ?1 AND stream = ?2 ORDER BY seq DESC LIMIT 1)
		UNION ALL SELECT 0)`, k.device, k.stream).Scan(&l.era)
	if err != nil {
		return err
	}
	var ends [3]sql.NullInt64
	var seg sql.NullInt64
	err = db.QueryRowContext(ctx, `SELECT
		(SELECT max("end") FROM (SELECT "end" FROM segments WHERE device = ?1 AND stream = ?2 AND era = ?3 ORDER BY start DESC LIMIT 1)),
		(SELECT max(coalesce("end", start)) FROM gaps WHERE device = ?1 AND stream = ?2 AND era = ?3),
		(SELECT max("end") FROM expired_spans WHERE device = ?1 AND stream = ?2 AND era = ?3),
		(SELECT start FROM segments WHERE device = ?1 AND stream = ?2 AND era = ?3 ORDER BY start DESC LIMIT 1)`,
		k.device, k.stream, l.era).Scan(&ends[0], &ends[1], &ends[2], &seg)
	if err != nil {
		return err
	}
	l.lastEnd, l.lastSeg = max(ends[0].Int64, ends[1].Int64, ends[2].Int64), seg.Int64
	var g openGap
	err = db.QueryRowContext(ctx, `SELECT start, reason, who FROM gaps WHERE device = ? AND stream = ? AND "end" IS NULL ORDER BY seq DESC LIMIT 1`,
		k.device, k.stream).Scan(&g.from, &g.reason, &g.who)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	l.open = &g
	return err
}

// lastAlive is the time of the last event before this program started.
func (r *Recorder) lastAlive(ctx context.Context) (int64, error) {
	events, err := r.opt.Journal.Events(ctx, journal.Query{Until: r.clock.base, Newest: true, Limit: 1})
	if err != nil || len(events) == 0 {
		return 0, err
	}
	return watch.Millis(events[0].At), nil
}

// newestDirs is how many of a stream's directories the sweep looks into, by name and by last change.
const newestDirs = 2

// leftovers lists the files of a stream that have no row: open ones, and renamed ones younger than the last row.
func (r *Recorder) leftovers(ctx context.Context, k key, lastSeg int64, garbage map[string]bool) ([]string, error) {
	root := filepath.Join(folder, k.String())
	days, err := os.ReadDir(filepath.Join(r.opt.Dir, root))
	if err != nil {
		return nil, err
	}
	var left []string
	for _, day := range newest(days) {
		files, err := os.ReadDir(filepath.Join(r.opt.Dir, root, day))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			name, open := strings.CutSuffix(f.Name(), openSuffix)
			path := filepath.Join(root, day, name)
			start, err := startOf(name)
			if err != nil || !strings.HasSuffix(name, fileSuffix) || garbage[path] || !open && start <= lastSeg {
				continue
			}
			if known, err := r.known(ctx, path); err != nil {
				return nil, err
			} else if !known {
				left = append(left, path)
			}
		}
	}
	slices.SortFunc(left, func(a, b string) int { return cmp.Compare(filepath.Base(a), filepath.Base(b)) })
	return slices.Compact(left), nil
}

// known reports whether a file has its row.
func (r *Recorder) known(ctx context.Context, path string) (bool, error) {
	var n int
	err := r.opt.Journal.DB().QueryRowContext(ctx, `SELECT count(*) FROM segments WHERE path = ?`, path).Scan(&n)
	return n > 0, err
}

// newest picks the directories that the last run can have written to.
func newest(days []fs.DirEntry) []string {
	type dir struct {
		name    string
		changed time.Time
	}
	var all []dir
	for _, d := range days {
		if _, err := time.Parse(dayForm, d.Name()); err != nil || !d.IsDir() {
			continue
		}
		if info, err := d.Info(); err == nil {
			all = append(all, dir{d.Name(), info.ModTime()})
		}
	}
	var out []string
	for _, order := range []func(a, b dir) int{
		func(a, b dir) int { return cmp.Compare(b.name, a.name) },
		func(a, b dir) int { return b.changed.Compare(a.changed) },
	} {
		slices.SortFunc(all, order)
		for _, d := range all[:min(newestDirs, len(all))] {
			out = append(out, d.name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// resume finishes what the last run left of this stream and says why there was no video since.
func (k *keeper) resume(ctx context.Context, l line) {
	if len(l.left) > 0 {
		k.r.scanGate <- struct{}{}
		for i, path := range l.left {
			next := ""
			if i+1 < len(l.left) {
				next = l.left[i+1]
			}
			if err := k.adopt(ctx, path, next); err != nil {
				slog.Error("video left by the last run not recovered", "path", path, "err", err)
			}
		}
		<-k.r.scanGate
	}
	switch {
	case !k.active:
	case k.open == nil:
		k.opened(op{at: l.lastEnd, reason: watch.ReasonCrash})
	case k.open.reason != watch.ReasonShutdown && k.open.reason != watch.ReasonStopped && k.open.reason != watch.ReasonCrash:
		k.closed(max(l.alive, k.open.from))
		k.opened(op{reason: watch.ReasonCrash})
	}
	k.commit(ctx)
}

// adopt makes a segment of a file without a row.
func (k *keeper) adopt(ctx context.Context, path, next string) error {
	seg, err := k.r.salvage(k.s.key, path)
	if err != nil || seg == nil {
		return err
	}
	start, end := watch.Millis(seg.Start), watch.Millis(seg.End)
	if start+slack < k.lastEnd {
		given, err := k.givenUp(ctx, start)
		if err != nil {
			return err
		}
		if given {
			return k.r.unlink(path)
		}
	}
	if follows, err := startOf(next); err == nil && follows > start && follows < end+int64(time.Second/time.Millisecond) {
		end = follows // files that followed one another at a key frame
		seg.End = watch.FromMillis(end)
	}
	k.begin(start, watch.ReasonCrash)
	seg.Era = k.era
	k.told(seg)
	k.lastEnd = end
	k.r.Metrics.Recovered.Add(1)
	return nil
}

// givenUp reports whether the journal says already that there is no video because of the disk.
func (k *keeper) givenUp(ctx context.Context, at int64) (bool, error) {
	var n int
	err := k.r.opt.Journal.DB().QueryRowContext(ctx, `SELECT count(*) FROM gaps
		WHERE device = ? AND stream = ? AND start <= ? AND "end" > ? AND reason IN (?, ?)`,
		k.s.key.device, k.s.key.stream, at, at, watch.ReasonDiskError, watch.ReasonDiskFull).Scan(&n)
	return n > 0, err
}
