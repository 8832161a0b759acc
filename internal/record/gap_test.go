package record

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"siaga/internal/watch"
)

// synthetic is a camera that sends one small JPEG a period: every unit is a key frame.
func synthetic(period time.Duration) *take {
	f := &watch.Format{Codec: watch.MJPEG, ClockRate: 90_000, Width: 160, Height: 96}
	return &take{
		units:  []watch.AccessUnit{{Stream: "main", Run: 1, Formats: []*watch.Format{f}, Format: f, Key: true, Data: [][]byte{tinyJPEG}}},
		due:    []time.Duration{0},
		length: period,
	}
}

func fault(r watch.Reason) error { return &watch.Fault{Reason: r, Doing: "testing"} }

// settle lets writers and keepers finish what they have.
func settle() { time.Sleep(2 * time.Second); synctest.Wait() }

func TestRecorder_EveryMissingSpanHasItsReason(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := start(t, dir)
		cam := synthetic(100 * time.Millisecond)
		must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
		time.Sleep(time.Second) // nothing comes: not_yet
		g.r.Interrupted("cam-1", fault(watch.ReasonUnreachable), time.Time{})
		time.Sleep(time.Second)
		g.r.Interrupted("cam-1", fault(watch.ReasonUnreachable), time.Time{}) // the next try: the same gap
		time.Sleep(time.Second)
		g.r.Interrupted("cam-1", fault(watch.ReasonRefused), time.Time{})
		time.Sleep(time.Second)
		cam.play(g.r, "cam-1", 1, 10*time.Second)
		g.r.Interrupted("cam-1", fault(watch.ReasonNoFrames), time.Time{})
		time.Sleep(3 * time.Second)
		cam.play(g.r, "cam-1", 2, 10*time.Second)
		time.Sleep(9 * time.Second) // the driver says nothing, the recorder notices by itself
		cam.play(g.r, "cam-1", 3, 5*time.Second)
		g.r.Stopped("cam-1", "person-7", time.Time{})
		cam.play(g.r, "cam-1", 3, 5*time.Second) // what still comes is not wanted
		g.r.Interrupted("cam-1", context.Canceled, time.Time{})
		must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
		time.Sleep(time.Second)
		cam.play(g.r, "cam-1", 4, 5*time.Second)
		cam.play(g.r, "cam-1", 5, 5*time.Second) // a new connection nobody told of, without a hole
		time.Sleep(4 * time.Second)
		cam.play(g.r, "cam-1", 6, 5*time.Second) // and one with a hole
		g.r.Interrupted("cam-1", errors.New("something odd"), time.Time{})
		settle()
		want := []watch.Reason{
			watch.ReasonNotYet, watch.ReasonUnreachable, watch.ReasonRefused, watch.ReasonNoFrames, watch.ReasonNoFrames,
			watch.ReasonStopped, watch.ReasonNotYet, watch.ReasonReset, watch.ReasonUnknown,
		}
		gaps := g.gaps("cam-1")
		if got := reasons(gaps); !slices.Equal(got, want) {
			t.Errorf("reasons %v, want %v", got, want)
		}
		if gaps[5].Who != "person-7" {
			t.Errorf("stopped by %q", gaps[5].Who)
		}
		if long := gaps[3].End.Sub(gaps[3].Start); long < 2900*time.Millisecond || long > 3100*time.Millisecond {
			t.Errorf("a gap of 3 s is %s long: %+v", long, gaps[3])
		}
		c, err := g.r.Coverage(t.Context(), "cam-1", "main", gaps[0].Start, time.Time{})
		must(t, err)
		if c.Recorded < 39*time.Second || c.Recorded > 41*time.Second {
			t.Errorf("40 s were sent, %s are recorded", c.Recorded)
		}
		if c.Unexplained < 1900*time.Millisecond || c.Unexplained > 2100*time.Millisecond {
			t.Errorf("only the 2 s of reason unknown are unexplained, have %s", c.Unexplained)
		}
		g.verify(VerifyOptions{})
		g.halt()
	})
	rebuilt(t, dir)
}

func TestRecorder_RestartExplainsTheTimeBetween(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		cam := synthetic(100 * time.Millisecond)
		g := start(t, dir)
		must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
		must(t, g.r.StreamExpected("cam-2", "main", time.Time{}))
		must(t, g.r.StreamExpected("cam-3", "main", time.Time{}))
		g.r.Interrupted("cam-2", fault(watch.ReasonUnreachable), time.Time{})
		g.r.Stopped("cam-3", "person-7", time.Time{})
		cam.play(g.r, "cam-1", 1, 5*time.Second)
		g.halt()
		time.Sleep(time.Minute)

		g = start(t, dir)
		must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
		must(t, g.r.StreamExpected("cam-2", "main", time.Time{}))
		cam.play(g.r, "cam-1", 1, 5*time.Second)
		g.crash() // nothing of its end is journaled
		time.Sleep(time.Minute)

		g = start(t, dir)
		must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
		must(t, g.r.StreamExpected("cam-2", "main", time.Time{}))
		settle()
		want := []watch.Reason{watch.ReasonNotYet, watch.ReasonShutdown, watch.ReasonNotYet, watch.ReasonCrash, watch.ReasonNotYet}
		if got := reasons(g.gaps("cam-1")); !slices.Equal(got, want) {
			t.Errorf("cam-1: %v, want %v", got, want)
		}
		want = []watch.Reason{watch.ReasonNotYet, watch.ReasonUnreachable, watch.ReasonShutdown, watch.ReasonNotYet, watch.ReasonCrash, watch.ReasonNotYet}
		if got := reasons(g.gaps("cam-2")); !slices.Equal(got, want) {
			t.Errorf("cam-2: %v, want %v", got, want)
		}
		if got := reasons(g.gaps("cam-3")); !slices.Equal(got, []watch.Reason{watch.ReasonNotYet, watch.ReasonStopped}) {
			t.Errorf("cam-3, which a person switched off: %v", got)
		}
		if s := g.segments("cam-1"); len(s) != 2 || !s[1].Recovered {
			t.Errorf("segments: %+v", s)
		}
		g.verify(VerifyOptions{})
		g.halt()
	})
	rebuilt(t, dir)
}

func TestRecorder_FramesMissingInsideAConnectionAreAGap(t *testing.T) {
	dir := t.TempDir()
	clip := load(t, filepath.Join(footage, "forecourt-live.mp4"))
	synctest.Test(t, func(t *testing.T) {
		g := start(t, dir)
		must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
		began, sent := time.Now(), 0
		for i, u := range clip.units {
			if at := clip.due[i]; at < 5*time.Second || at >= 8*time.Second+500*time.Millisecond {
				time.Sleep(time.Until(began.Add(at)))
				u.At = time.Now()
				g.r.Offer("cam-1", u)
				sent++
			}
		}
		settle()
		g.r.Interrupted("cam-1", fault(watch.ReasonReset), time.Time{})
		settle()
		gaps := g.gaps("cam-1")
		if len(gaps) != 3 || gaps[1].Reason != watch.ReasonNoFrames {
			t.Fatalf("gaps: %+v", gaps)
		}
		if long := gaps[1].End.Sub(gaps[1].Start); long < 3400*time.Millisecond || long > 4600*time.Millisecond {
			t.Errorf("3.5 s are missing and then up to a second to the next key frame; the gap is %s", long)
		}
		g.verify(VerifyOptions{})
	})
}

func TestRecorder_LineOfARemovedDeviceEnds(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		cam := synthetic(100 * time.Millisecond)
		g := start(t, dir)
		must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
		cam.play(g.r, "cam-1", 1, 5*time.Second)
		g.r.Removed("cam-1", "person-7", time.Time{})
		time.Sleep(time.Minute)
		g.verify(VerifyOptions{})
		for _, gap := range g.gaps("cam-1") {
			if gap.End.IsZero() {
				t.Errorf("a gap is still open: %+v", gap)
			}
		}
		must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
		cam.play(g.r, "cam-1", 2, 5*time.Second)
		g.halt()
		g = start(t, dir)
		synctest.Wait()
		g.verify(VerifyOptions{})
		if n := len(g.segments("cam-1")); n != 2 {
			t.Errorf("%d segments, want one before and one after", n)
		}
	})
	rebuilt(t, dir)
}

func TestRecorder_ClockStepsLeaveNoHoleAndNoOverlap(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour, 24 * time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				var off time.Duration
				cam := synthetic(100 * time.Millisecond)
				set := func(r *Recorder) {
					r.clock.wall = func() time.Time { return time.Now().Add(off) }
					r.clock.start()
				}
				g := start(t, dir, set)
				must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
				cam.play(g.r, "cam-1", 1, 90*time.Second)
				synctest.Wait()
				off = step
				cam.play(g.r, "cam-1", 2, 100*time.Second)
				settle()
				g.verify(VerifyOptions{Running: true})
				g.halt()
				time.Sleep(time.Minute)
				off = 2 * step // once more, while the program does not run
				g = start(t, dir, set)
				must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
				cam.play(g.r, "cam-1", 3, 20*time.Second)
				g.r.Stopped("cam-1", "", time.Time{})
				settle()
				g.verify(VerifyOptions{})
				s := g.segments("cam-1")
				if last := s[len(s)-1].End.Sub(time.Now().Add(off)); last < -5*time.Second || last > 0 {
					t.Errorf("the last segment ends %s from the wall clock", last)
				}
				g.halt()
			})
			rebuilt(t, dir)
		})
	}
}

func TestStreamExpected_RefusesOddNames(t *testing.T) {
	r, err := New(Options{Dir: t.TempDir(), Journal: start(t, t.TempDir()).j})
	must(t, err)
	for _, n := range [][2]string{{"../x", "main"}, {"cam", "third"}, {"", "main"}, {"CAM", "sub"}} {
		if err := r.StreamExpected(n[0], n[1], time.Time{}); !errors.Is(err, watch.ErrInvalid) {
			t.Errorf("%v: %v", n, err)
		}
	}
}

// Whatever a driver hands over, nothing panics, nothing blocks, and the time line stays whole.
func TestOffer_SurvivesHostileUnits(t *testing.T) {
	clip := filmed(t, "-t", "3", "-i", filepath.Join(footage, "forecourt-live.mp4"), "-c", "copy")
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		must(t, err)
		synctest.Test(t, func(t *testing.T) {
			g := start(t, dir)
			must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
			for range 150 {
				time.Sleep(time.Duration(rapid.IntRange(0, 300).Draw(rt, "pause")) * time.Millisecond)
				u := clip.units[rapid.IntRange(0, len(clip.units)-1).Draw(rt, "unit")]
				spoil(rt, &u)
				g.r.Offer("cam-1", u)
			}
			g.r.Stopped("cam-1", "", time.Time{})
			settle()
			g.verify(VerifyOptions{})
			g.halt()
		})
	})
}

// spoil changes one thing about a unit, or nothing.
func spoil(rt *rapid.T, u *watch.AccessUnit) {
	u.At = time.Now()
	switch rapid.IntRange(0, 12).Draw(rt, "fault") {
	case 0:
		u.PTS = rapid.Int64().Draw(rt, "pts")
	case 1:
		u.At = time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(rt, "at"), 0)
	case 2:
		u.Run = rapid.Uint64().Draw(rt, "run")
	case 3:
		u.Key = !u.Key
	case 4:
		u.Data = [][]byte{{}}
	case 5:
		u.Data = [][]byte{rapid.SliceOfN(rapid.Byte(), 1, 30).Draw(rt, "data")}
	case 6:
		u.Format = &watch.Format{}
	case 7:
		f := *u.Format
		f.SPS, f.AudioConfig, f.ClockRate = f.SPS[:min(3, len(f.SPS))], nil, rapid.IntRange(-1, 1<<30).Draw(rt, "rate")
		u.Formats, u.Format = []*watch.Format{&f}, &f
	case 8:
		u.Formats = nil
	}
}
