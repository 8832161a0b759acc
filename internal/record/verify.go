package record

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// VerifyOptions say how deep to look.
type VerifyOptions struct {
	Hash bool // read every file and compare its hash; without it sizes alone
	// Running says that a program writes beside the check: open files are no finding, and neither is a file that is
	// newer than a minute.
	Running bool
	// Limit ends the check after so many findings; 0 means 100.
	Limit int
}

// Report is what Verify looked at and what is wrong.
type Report struct {
	Segments, Files, Gaps, Expired int
	Bytes                          int64
	Findings                       []string // empty: everything is as it should be
}

// Verify proves the recorder's invariants: every segment row has its file with its size (and hash), no file is without
// a row, and recorded, missing and expired spans tile every time line without hole or overlap beyond 100 ms. db is
// only read; dir is the data directory. An error means that it could not look, not that something is wrong.
func Verify(ctx context.Context, db *sql.DB, dir string, o VerifyOptions) (Report, error) {
	if o.Limit <= 0 {
		o.Limit = 100
	}
	v := &verifier{db: db, dir: dir, opt: o, paths: map[string]bool{}}
	for _, step := range []func(context.Context) error{v.garbage, v.rows, v.files, v.lines} {
		if err := step(ctx); err != nil {
			return v.report, fmt.Errorf("record: check: %w", err)
		}
	}
	return v.report, nil
}

type verifier struct {
	db     *sql.DB
	dir    string
	opt    VerifyOptions
	paths  map[string]bool // known to the database
	report Report
}

func (v *verifier) found(format string, args ...any) {
	if len(v.report.Findings) < v.opt.Limit {
		v.report.Findings = append(v.report.Findings, fmt.Sprintf(format, args...))
	}
}

func (v *verifier) each(ctx context.Context, query string, visit func(*sql.Rows) error) error {
	rows, err := v.db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // the error that matters is rows.Err
	for rows.Next() {
		if err := visit(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (v *verifier) garbage(ctx context.Context) error {
	return v.each(ctx, `SELECT path FROM record_garbage`, func(rows *sql.Rows) error {
		var path string
		err := rows.Scan(&path)
		v.paths[path] = true
		return err
	})
}

// rows checks every segment row against its file.
func (v *verifier) rows(ctx context.Context) error {
	return v.each(ctx, `SELECT seq, path, bytes, sha256 FROM segments ORDER BY seq`, func(rows *sql.Rows) error {
		var seq, size int64
		var path string
		var sum []byte
		if err := rows.Scan(&seq, &path, &size, &sum); err != nil {
			return err
		}
		v.report.Segments++
		v.report.Bytes += size
		v.paths[path] = true
		info, err := os.Lstat(filepath.Join(v.dir, path))
		switch {
		case err != nil:
			v.found("segment %d: its file %s is missing", seq, path)
		case !info.Mode().IsRegular():
			v.found("segment %d: %s is not a file", seq, path)
		case info.Size() != size:
			v.found("segment %d: %s has %d bytes, recorded were %d", seq, path, info.Size(), size)
		case v.opt.Hash:
			have, err := hashFile(filepath.Join(v.dir, path))
			if err != nil {
				v.found("segment %d: %s cannot be read: %v", seq, path, err)
			} else if !bytes.Equal(have, sum) {
				v.found("segment %d: %s was changed: its SHA-256 is %x, recorded was %x", seq, path, have, sum)
			}
		}
		return ctx.Err()
	})
}

func hashFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// files looks for what has no row.
func (v *verifier) files(ctx context.Context) error {
	root := filepath.Join(v.dir, folder)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		v.report.Files++
		rel, err := filepath.Rel(v.dir, path)
		if err != nil {
			return err
		}
		open := strings.HasSuffix(rel, openSuffix)
		if v.paths[rel] || v.opt.Running && (open || young(d)) {
			return ctx.Err()
		}
		if open {
			v.found("%s: left behind by a crash; the next start finishes it", rel)
		} else {
			v.found("%s: no segment in the journal has this file", rel)
		}
		return ctx.Err()
	})
	if os.IsNotExist(err) {
		return nil // nothing was ever recorded
	}
	return err
}

func young(d fs.DirEntry) bool {
	info, err := d.Info()
	return err != nil || time.Since(info.ModTime()) < time.Minute
}

// lines checks that the spans of each stream tile its time line, era by era.
func (v *verifier) lines(ctx context.Context) error {
	live := map[key]bool{}
	err := v.each(ctx, `SELECT device, stream FROM recorded_streams WHERE until IS NULL`, func(rows *sql.Rows) error {
		var k key
		err := rows.Scan(&k.device, &k.stream)
		live[k] = true
		return err
	})
	if err != nil {
		return err
	}
	t := tiling{v: v, live: live}
	err = v.each(ctx, `SELECT device, stream, era, start, "end", 's' || seq FROM segments
		UNION ALL SELECT device, stream, era, start, coalesce("end", `+forever+`), 'g' || seq FROM gaps
		UNION ALL SELECT device, stream, era, start, "end", 'e' || seq FROM expired_spans
		ORDER BY 1, 2, 3, 4, 5`, t.next)
	t.finish()
	return err
}

// tiling walks the spans of all streams in order.
type tiling struct {
	v    *verifier
	live map[key]bool // time lines that have not ended
	k    key
	era  int64
	end  int64 // where the last span ended; lasting: it has not
	any  bool
}

// lasting stands for the end of a gap that is open.
const (
	lasting = int64(1) << 52
	forever = "4503599627370496"
)

func (t *tiling) next(rows *sql.Rows) error {
	var k key
	var era, start, end int64
	var what string
	if err := rows.Scan(&k.device, &k.stream, &era, &start, &end, &what); err != nil {
		return err
	}
	switch what[0] {
	case 'g':
		t.v.report.Gaps++
	case 'e':
		t.v.report.Expired++
	}
	if end < start {
		t.v.found("%s: %s ends before it starts", k, name(what))
	}
	if !t.any || k != t.k {
		t.finish()
		t.k, t.era, t.any = k, era, true
	} else if era == t.era {
		t.border(start, what)
	}
	t.era, t.end = era, end
	return nil
}

// border checks one span against the end of the one before.
func (t *tiling) border(start int64, what string) {
	switch {
	case t.end == lasting:
		t.v.found("%s: %s lies behind a gap that is still open", t.k, name(what))
	case start > t.end+slack && !t.resumed(start):
		t.v.found("%s: nothing explains %s to %s, before %s", t.k, stamp(t.end), stamp(start), name(what))
	case start < t.end-slack:
		t.v.found("%s: %s begins %d ms before the one before it ends", t.k, name(what), t.end-start)
	}
}

// resumed reports whether the time line had ended there and was begun anew at start.
func (t *tiling) resumed(start int64) bool {
	var n int
	err := t.v.db.QueryRow(`SELECT count(*) FROM recorded_streams WHERE device = ? AND stream = ? AND (since = ?3 OR until <= ?3)`,
		t.k.device, t.k.stream, start).Scan(&n)
	return err == nil && n > 0
}

// finish checks the end of a time line: one that has not ended has its last gap open, unless a file is open.
func (t *tiling) finish() {
	if t.any && t.live[t.k] && t.end != lasting && !t.v.opt.Running {
		t.v.found("%s: nothing explains the time since %s", t.k, stamp(t.end))
	}
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

func name(what string) string {
	kinds := map[byte]string{'s': "segment ", 'g': "gap ", 'e': "the expired span from segment "}
	return kinds[what[0]] + what[1:]
}
