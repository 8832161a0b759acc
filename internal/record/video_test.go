package record

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"siaga/internal/watch"
)

// read copies a video into a file through reads of odd sizes.
func read(t *testing.T, dir string, v *Video) string {
	t.Helper()
	f, err := os.CreateTemp(dir, "video*.mp4")
	must(t, err)
	_, err = v.Seek(0, io.SeekStart)
	must(t, err)
	n, err := io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{v}, make([]byte, 7777))
	must(t, err)
	must(t, f.Close())
	if n != v.Size() {
		t.Errorf("%d bytes came of a video of %d", n, v.Size())
	}
	return f.Name()
}

func open(t *testing.T, g *rig, from, to time.Time) *Video {
	t.Helper()
	v, err := g.r.OpenVideo(t.Context(), "cam-1", "main", from, to)
	must(t, err)
	t.Cleanup(func() { _ = v.Close() })
	return v
}

// recorded plays a clip for 100 s with a gap of 20 s after the first 50, and leaves the recorder running.
func recorded(t *testing.T, dir string, clip *take) (g *rig, began time.Time, frames int) {
	g = start(t, dir, func(r *Recorder) { r.opt.FileLength = 20 * time.Second })
	must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
	began = time.Now()
	frames = clip.play(g.r, "cam-1", 1, 50*time.Second)
	g.r.Interrupted("cam-1", fault(watch.ReasonReset), time.Time{})
	time.Sleep(20 * time.Second)
	frames += clip.play(g.r, "cam-1", 2, 50*time.Second)
	time.Sleep(2 * time.Second) // the last file is still open, its last part written
	synctest.Wait()
	return g, began, frames
}

func TestOpenVideo_IsOneFileThatPlays(t *testing.T) {
	for _, name := range []string{"forecourt-live.mp4", "one-by-one-person-detection.mp4"} {
		t.Run(name, func(t *testing.T) {
			clip := filmed(t, "-t", "20", "-i", filepath.Join(footage, name), "-c", "copy")
			dir := t.TempDir()
			var whole, cut string
			var frames int
			synctest.Test(t, func(t *testing.T) {
				g, began, n := recorded(t, dir, clip)
				frames = n
				v := open(t, g, began, time.Now())
				if !v.Whole() || len(v.Spans()) < 5 {
					t.Errorf("whole %v, spans %v", v.Whole(), v.Spans())
				}
				skips := 0
				for i, s := range v.Spans()[1:] {
					if s.From.Sub(v.Spans()[i].To) > 15*time.Second {
						skips++
					}
				}
				if skips != 1 {
					t.Errorf("the gap should be skipped once: %v", v.Spans())
				}
				whole = read(t, dir, v)
				cut = read(t, dir, open(t, g, began.Add(31*time.Second), began.Add(41*time.Second)))
			})
			p := probe(t, whole)
			if p.frames("video") != frames {
				t.Errorf("%d frames decode, %d were sent", p.frames("video"), frames)
			}
			if d := p.duration(t); d < 99 || d > 101 {
				t.Errorf("100 s of video in a file of %.1f s", d)
			}
			steady(t, whole, clip)
			if d := probe(t, cut).duration(t); d < 10 || d > 17 {
				t.Errorf("10 s cut at key frames have %.1f s", d)
			}
			seeks(t, whole)
		})
	}
}

func (p probed) duration(t *testing.T) float64 {
	var d float64
	_, err := fmt.Sscan(p.Format.Duration, &d)
	must(t, err)
	return d
}

// steady checks that no two frames are further apart than in the clip, also where files meet.
func steady(t *testing.T, path string, clip *take) {
	t.Helper()
	longest := 0.0
	want := clip.times(clip.units[0].Formats[0])
	for i := range want[1:] {
		longest = max(longest, want[i+1]-want[i])
	}
	have := packets(t, path, "v")
	for i := range have[1:] {
		if d := have[i+1] - have[i]; d > longest+0.05 || d <= 0 {
			t.Errorf("%.3f s after %.3f s there is a step of %.3f s", have[i+1], have[i], d)
		}
	}
}

// seeks checks that a player that jumps into the file finds frames there, by the table at its start.
func seeks(t *testing.T, path string) {
	t.Helper()
	for _, at := range []string{"15", "55", "90"} {
		out, err := exec.Command("ffmpeg", "-v", "error", "-ss", at, "-i", path, "-frames:v", "3", "-f", "framemd5", "-map", "0:v", "-").CombinedOutput()
		if err != nil || strings.Count(string(out), "\n0,") != 3 {
			t.Errorf("seeking to %s s: %v\n%s", at, err, out)
		}
	}
}

func TestOpenVideo_ServesRanges(t *testing.T) {
	clip := load(t, filepath.Join(footage, "forecourt-live.mp4"))
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g, began, _ := recorded(t, dir, clip)
		end := time.Now()
		whole, err := os.ReadFile(read(t, dir, open(t, g, began, end)))
		must(t, err)
		for range 50 {
			a := rand.IntN(len(whole))
			b := min(a+rand.IntN(200_000), len(whole)-1)
			req := httptest.NewRequest(http.MethodGet, "/video.mp4", nil)
			req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", a, b))
			rec := httptest.NewRecorder()
			http.ServeContent(rec, req, "video.mp4", time.Time{}, open(t, g, began, end))
			if rec.Code != http.StatusPartialContent || !bytes.Equal(rec.Body.Bytes(), whole[a:b+1]) {
				t.Fatalf("bytes %d to %d: status %d, %d bytes", a, b, rec.Code, rec.Body.Len())
			}
		}
	})
}

func TestOpenVideo_ParametersMayChangeOnTheWay(t *testing.T) {
	small := filmed(t, "-f", "lavfi", "-i", "testsrc2=s=320x180:r=15", "-t", "5", "-c:v", "libx264", "-bf", "0", "-g", "15")
	large := filmed(t, "-f", "lavfi", "-i", "testsrc2=s=640x360:r=15", "-t", "5", "-c:v", "libx264", "-bf", "2", "-g", "15")
	other := synthetic(100 * time.Millisecond)
	dir := t.TempDir()
	var path string
	synctest.Test(t, func(t *testing.T) {
		g := start(t, dir)
		must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
		began := time.Now()
		small.play(g.r, "cam-1", 1, 5*time.Second)
		large.play(g.r, "cam-1", 2, 5*time.Second)
		small.play(g.r, "cam-1", 3, 5*time.Second)
		time.Sleep(2 * time.Second)
		changed := time.Now()
		other.play(g.r, "cam-1", 4, 5*time.Second) // MJPEG cannot go into the same track
		settle()
		v := open(t, g, began, time.Now())
		if v.Whole() || v.End().After(changed) || len(v.Spans()) != 3 {
			t.Errorf("whole %v, ends %s of %s, spans %v", v.Whole(), v.End(), changed, v.Spans())
		}
		path = read(t, dir, v)
		if v := open(t, g, changed, time.Now()); !v.Whole() {
			t.Error("what follows the change is not whole by itself")
		}
	})
	if p := probe(t, path); p.frames("video") != 225 {
		t.Errorf("%d frames of 225 decode", p.frames("video"))
	}
}

func TestOpenVideo_RefusesWhatItCannotGive(t *testing.T) {
	g := start(t, t.TempDir())
	now := time.Now()
	for _, c := range []struct {
		from, to time.Time
		want     error
	}{
		{now.Add(-25 * time.Hour), now, ErrTooLong},
		{now, now.Add(-time.Hour), watch.ErrInvalid},
		{now, now, watch.ErrInvalid},
		{now.Add(-time.Hour), now, ErrNoVideo},
	} {
		if _, err := g.r.OpenVideo(t.Context(), "cam-1", "main", c.from, c.to); !errors.Is(err, c.want) {
			t.Errorf("%s to %s: %v, want %v", c.from, c.to, err, c.want)
		}
	}
}

func TestFrame_IsTheKeyFrameBeforeTheMoment(t *testing.T) {
	clip := filmed(t, "-t", "20", "-i", filepath.Join(footage, "forecourt-live.mp4"), "-c", "copy")
	dir := t.TempDir()
	keys := map[[32]byte]time.Duration{}
	for i, u := range clip.units {
		if u.Key && u.Format.Codec.Video() {
			keys[sha256.Sum256(bytes.Join(u.Data, nil))] = clip.due[i]
		}
	}
	synctest.Test(t, func(t *testing.T) {
		g, began, _ := recorded(t, dir, clip)
		for _, at := range []time.Duration{0, 3500 * time.Millisecond, 12 * time.Second, 49 * time.Second, 60 * time.Second, 75 * time.Second, 119 * time.Second} {
			u, err := g.r.Frame(t.Context(), "cam-1", "main", began.Add(at))
			must(t, err)
			due, known := keys[sha256.Sum256(bytes.Join(u.Data, nil))]
			shown := u.At.Sub(began)
			if played := shown % (70 * time.Second); !known || (played%clip.length-due).Abs() > 100*time.Millisecond {
				t.Errorf("at %s: a frame that says %s, sent at %s of the clip (known: %v)", at, shown, due, known)
			}
			if shown > at+time.Millisecond || at < 50*time.Second && at-shown > 1100*time.Millisecond {
				t.Errorf("at %s: a frame of %s", at, shown)
			}
			f := u.Format
			if f.Codec != watch.H264 || !slices.Equal(f.SPS, clip.units[0].Formats[0].SPS) || f.Width != 768 || f.Height != 432 {
				t.Errorf("format %+v", f)
			}
		}
		if _, err := g.r.Frame(t.Context(), "cam-1", "main", began.Add(-time.Minute)); !errors.Is(err, ErrNoVideo) {
			t.Errorf("before all video: %v", err)
		}
	})
}
