package record

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// short makes files of two seconds and a janitor that looks every second.
func short(r *Recorder) {
	r.opt.FileLength = 2 * time.Second
	r.opt.JanitorEvery = time.Second
}

func (g *rig) bytes(device string) int64 {
	n := int64(0)
	for _, s := range g.segments(device) {
		n += s.Bytes
	}
	return n
}

func TestRetention_ByAgeAndByBytesPerStream(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, dir, short)
		g.r.SetRetention(Retention{
			Default: Policy{MaxAge: 10 * time.Second},
			Streams: map[string]Policy{"cam-2.main": {MaxBytes: 300_000}, "cam-3": {}},
		})
		cam := synthetic(100 * time.Millisecond)
		for _, d := range []string{"cam-1", "cam-2", "cam-3"} {
			must(t, g.r.StreamExpected(d, "main", time.Time{}))
			go cam.play(g.r, d, 1, 30*time.Second)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		oldest := g.segments("cam-1")[0]
		if age := time.Since(oldest.End); age > 11500*time.Millisecond {
			t.Errorf("by age: the oldest ended %s ago", age)
		}
		if !oldest.Expires.Equal(oldest.End.Add(10 * time.Second)) {
			t.Errorf("it ends %s and is said to expire %s", oldest.End, oldest.Expires)
		}
		if n := g.bytes("cam-2"); n > 400_000 || n < 200_000 {
			t.Errorf("by bytes: %d are kept, 300,000 and what was written since are allowed", n)
		}
		if n := len(g.segments("cam-3")); n < 15 {
			t.Errorf("kept for ever: %d segments", n)
		}
		for _, d := range []string{"cam-1", "cam-2", "cam-3"} {
			g.r.Stopped(d, "", time.Time{})
		}
		settle()
		rep := g.verify(VerifyOptions{})
		if rep.Expired != 2 {
			t.Errorf("%d expired spans for two streams whose files followed one another", rep.Expired)
		}
		c, err := g.r.Coverage(t.Context(), "cam-1", "main", time.Time{}, time.Time{})
		must(t, err)
		if c.Unexplained != 0 || c.Spans[0].Kind != SpanExpired || c.Spans[1].Kind != SpanRecorded {
			t.Errorf("coverage: %+v", c)
		}
		g.halt()
	})
	rebuilt(t, dir)
}

func TestRetention_NeverTakesAHeldSegment(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, dir, short)
		g.r.SetRetention(Retention{Default: Policy{MaxAge: 5 * time.Second}})
		cam := synthetic(100 * time.Millisecond)
		for _, d := range []string{"cam-1", "cam-2"} {
			must(t, g.r.StreamExpected(d, "main", time.Time{}))
			go cam.play(g.r, d, 1, 40*time.Second)
		}
		began := time.Now()
		id, err := g.r.Hold(t.Context(), Hold{
			Streams: []StreamRef{{Device: "cam-1"}}, From: began.Add(10 * time.Second), To: began.Add(14 * time.Second),
			Incident: "inc-1", Reason: "panic at the gate", By: "person-7", TwoPeople: true,
		})
		must(t, err)
		time.Sleep(30 * time.Second)
		var held []Segment
		for _, s := range g.segments("cam-1") {
			if s.Held {
				held = append(held, s)
			}
		}
		if len(held) < 2 || held[0].Start.After(began.Add(10*time.Second)) || held[len(held)-1].End.Before(began.Add(14*time.Second)) {
			t.Errorf("held: %+v", held)
		}
		if !held[0].Expires.IsZero() {
			t.Error("a held segment has a day of deletion")
		}
		for _, s := range g.segments("cam-2") {
			if s.Held || time.Since(s.End) > 7*time.Second && !s.Open {
				t.Errorf("cam-2 is not held: %+v", s)
			}
		}
		for _, second := range []string{"", "person-7"} {
			if err := g.r.Release(t.Context(), id, "person-7", second, "done"); !errors.Is(err, ErrTwoPeople) {
				t.Errorf("released by one person: %v", err)
			}
		}
		holds, err := g.r.Holds(t.Context(), "inc-1")
		must(t, err)
		if len(holds) != 1 || holds[0].ID != id || holds[0].By != "person-7" || !slices.Equal(holds[0].Streams, []StreamRef{{Device: "cam-1"}}) {
			t.Errorf("holds: %+v", holds)
		}
		must(t, g.r.Release(t.Context(), id, "person-7", "person-8", "handed over"))
		if err := g.r.Release(t.Context(), id, "person-7", "person-8", "again"); !errors.Is(err, ErrNoHold) {
			t.Errorf("released twice: %v", err)
		}
		time.Sleep(3 * time.Second)
		if s := g.segments("cam-1"); s[0].Start.Before(began.Add(15 * time.Second)) {
			t.Errorf("released, but still there: %+v", s[0])
		}
		time.Sleep(8 * time.Second)
		g.halt()
	})
	rebuilt(t, dir)
}

func TestHold_RefusesWhatMakesNoSense(t *testing.T) {
	g := start(t, t.TempDir())
	now := time.Now()
	for _, h := range []Hold{
		{Reason: "no start"},
		{From: now, To: now.Add(-time.Second), Reason: "backwards"},
		{From: now},
		{From: now, Reason: strings.Repeat("x", 1000)},
		{From: now, Reason: "odd device", Streams: []StreamRef{{Device: "../etc"}}},
		{From: now, Reason: "odd stream", Streams: []StreamRef{{Device: "cam-1", Stream: "third"}}},
		{From: now, Reason: "many", Streams: make([]StreamRef, maxHoldStreams+1)},
	} {
		if _, err := g.r.Hold(t.Context(), h); !errors.Is(err, watch.ErrInvalid) {
			t.Errorf("%q: %v", h.Reason, err)
		}
	}
}

// simulated is a disk that only our files fill.
func simulated(dir string, total int64) func(string) (Usage, error) {
	return func(string) (Usage, error) {
		used := int64(0)
		err := filepath.WalkDir(filepath.Join(dir, folder), func(_ string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				if info, err := d.Info(); err == nil {
					used += info.Size()
				}
			}
			return nil
		})
		return Usage{Total: total, Free: total - used}, err
	}
}

// A site is asked for its figures from the first moment on.
func TestRecorder_KnowsItsDiskBeforeItHasMadeItsFolder(t *testing.T) {
	start(t, t.TempDir(), func(r *Recorder) {
		if u, err := r.Disk(); err != nil || u.Total == 0 || u.Free == 0 {
			t.Errorf("before it runs: %+v %v", u, err)
		}
	})
}

func TestRetention_TheDiskDecidesAtNinetyAndNinetyFive(t *testing.T) {
	dir := t.TempDir()
	const total = 2_000_000
	synctest.Test(t, func(t *testing.T) {
		g := start(t, dir, short, func(r *Recorder) { r.disk.usage = simulated(dir, total) })
		// cam-1 promises four seconds, cam-2 everything: at 90 % the former gives, at 95 % the oldest of both.
		g.r.SetRetention(Retention{Streams: map[string]Policy{"cam-1": {MinAge: 4 * time.Second}}})
		cam := synthetic(100 * time.Millisecond)
		for _, d := range []string{"cam-1", "cam-2"} {
			must(t, g.r.StreamExpected(d, "main", time.Time{}))
			go cam.play(g.r, d, 1, 120*time.Second)
		}
		gave, most := 0, 0.0
		for range 118 {
			time.Sleep(time.Second)
			u, err := g.r.Disk()
			must(t, err)
			most = max(most, u.Percent())
			if n := g.segments("cam-2"); len(n) > 0 && time.Since(n[0].Start) > 40*time.Second {
				gave++ // cam-2 was spared while cam-1 gave
			}
		}
		if gave == 0 || most > 99.5 || most < 89 || g.r.DiskFull() {
			t.Errorf("cam-2 spared in %d rounds, the disk at most %.1f %% full, video stopped: %v", gave, most, g.r.DiskFull())
		}
		if s := g.segments("cam-1")[0]; time.Since(s.End) > 10*time.Second {
			t.Errorf("cam-1 kept video for %s on a full disk", time.Since(s.End))
		}
		settle()
		if levels := g.bodies(KindDiskLevel); len(levels) < 2 || !strings.Contains(levels[0], `"level":80,`) || !strings.Contains(levels[1], `"level":90,`) {
			t.Errorf("levels: %v", levels)
		}
		g.halt()
	})
	rebuilt(t, dir)
}

// A crash between any two of the four steps leaves nothing behind that the next start does not put right.
func TestRetention_ACrashBetweenTheStepsLeavesNothing(t *testing.T) {
	for _, step := range []string{"unlink", "fsync of the directory", "removal of the row"} {
		t.Run(step, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				g := start(t, dir, short)
				cam := synthetic(100 * time.Millisecond)
				must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
				cam.play(g.r, "cam-1", 1, 20*time.Second)
				g.halt()

				g = start(t, dir, short, func(r *Recorder) {
					switch step {
					case "unlink":
						r.disk.remove = func(string) error { return os.ErrPermission }
					case "fsync of the directory":
						r.disk.syncDir = func(string) error { return os.ErrPermission }
					case "removal of the row":
						real := r.disk.remove
						r.disk.remove = func(path string) error { defer g.stopJournal(); return real(path) }
					}
				})
				g.r.SetRetention(Retention{Default: Policy{MaxAge: 10 * time.Second}})
				time.Sleep(10 * time.Second)
				g.crash()

				g = start(t, dir, short)
				time.Sleep(3 * time.Second)
				g.verify(VerifyOptions{})
				var garbage int
				must(t, g.j.DB().QueryRow(`SELECT count(*) FROM record_garbage`).Scan(&garbage))
				if garbage != 0 || len(g.bodies(KindExpired)) == 0 {
					t.Errorf("%d garbage rows after %d deletions", garbage, len(g.bodies(KindExpired)))
				}
				g.halt()
			})
			rebuilt(t, dir)
		})
	}
}

func TestProjection_ExpiredSpansJoinWhateverTheOrder(t *testing.T) {
	g := start(t, t.TempDir())
	at := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	file := func(seq uint64, from, to int) expiredFile {
		return expiredFile{Seq: seq, Start: watch.Time{Time: at.Add(time.Duration(from) * time.Second)}, End: watch.Time{Time: at.Add(time.Duration(to) * time.Second)}}
	}
	for i, files := range [][]expiredFile{
		{file(1, 0, 10), file(2, 10, 20), file(3, 20, 30)},
		{file(3, 20, 30), file(2, 10, 20), file(1, 0, 10)},
		{file(2, 10, 20), file(1, 0, 10), file(3, 20, 30)},
		{file(1, 0, 10), file(3, 20, 30), file(2, 10, 20)},
	} {
		device := "cam-" + string(rune('a'+i))
		for k := range files {
			files[k].Seq += uint64(10 * i)
		}
		d, err := g.r.draft(KindExpired, device, expiredBody{Stream: "main", Why: whyAge, Files: files})
		must(t, err)
		must(t, g.j.Commit(context.Background(), func(_ *sql.Tx, add journal.Appender) error { _, err := add(d); return err }))
		var n int
		var start, end int64
		must(t, g.j.DB().QueryRow(`SELECT count(*), min(start), max("end") FROM expired_spans WHERE device = ?`, device).Scan(&n, &start, &end))
		if n != 1 || start != at.UnixMilli() || end != at.Add(30*time.Second).UnixMilli() {
			t.Errorf("order %d: %d spans from %d to %d", i, n, start, end)
		}
	}
}

func TestUsage_PercentIsWhatDfSays(t *testing.T) {
	if p := (Usage{Total: 200, Free: 50}).Percent(); math.Abs(p-75) > 1e-9 {
		t.Errorf("%f", p)
	}
	u, err := DiskUsage(t.TempDir())
	must(t, err)
	if u.Total <= 0 || u.Free <= 0 || u.Free > u.Total {
		t.Errorf("%+v", u)
	}
}
