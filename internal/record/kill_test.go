package record

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"siaga/internal/journal"
	"siaga/internal/store"
	"siaga/internal/watch"
)

// tinyJPEG is a test picture of 160 by 96 that ffmpeg made.
//
//go:embed testdata/frame.jpg
var tinyJPEG []byte

// killStreams are the cameras of the program that is killed.
var killStreams = []string{"cam-1", "cam-2", "cam-3"}

// recordUntilKilled is the program that is killed: it records the streams in real time and prints, as soon as it is
// offered, when each frame was taken. It ends by itself when its standard input is closed.
func recordUntilKilled(dir string) int {
	if err := recordSynthetic(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func recordSynthetic(dir string) error {
	db, err := store.Open(context.Background(), filepath.Join(dir, "siaga.db"), store.Options{})
	if err != nil {
		return err
	}
	j, err := journal.Open(context.Background(), db, journal.Options{Site: "kpu-majene", Projections: []journal.Projection{Projection()}})
	if err != nil {
		return err
	}
	length := []time.Duration{1500 * time.Millisecond, time.Minute}[rand.IntN(2)] // killed between files and within one
	r, err := New(Options{Dir: dir, Journal: j, FileLength: length})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var all sync.WaitGroup
	var jerr, rerr error
	all.Go(func() { jerr = j.Run(context.WithoutCancel(ctx)) })
	all.Go(func() { rerr = r.Run(ctx) })
	var out sync.Mutex
	for i, device := range killStreams {
		if err := r.StreamExpected(device, "main", time.Time{}); err != nil {
			return errors.Join(err, jerr, rerr)
		}
		all.Go(func() {
			playSynthetic(ctx, i, func(u watch.AccessUnit) {
				r.Offer(device, u)
				out.Lock()
				fmt.Printf("%s %d\n", device, u.At.UnixMilli())
				out.Unlock()
			})
		})
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent
	cancel()
	all.Wait()
	return errors.Join(jerr, rerr)
}

// playSynthetic makes 25 JPEG frames a second; the cameras' parts end at different moments. The pictures are real: a
// player decodes them.
func playSynthetic(ctx context.Context, i int, offer func(watch.AccessUnit)) {
	format := &watch.Format{Codec: watch.MJPEG, ClockRate: 90_000}
	formats := []*watch.Format{format}
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	began := time.Now().Add(-time.Duration(i) * 13 * time.Millisecond)
	for {
		select {
		case now := <-tick.C:
			offer(watch.AccessUnit{
				Stream: "main", Run: 1, Formats: formats, Format: format, Key: true, At: now,
				PTS: int64(now.Sub(began)) * 9 / 100_000, Data: [][]byte{tinyJPEG},
			})
		case <-ctx.Done():
			return
		}
	}
}

// Each kill leaves what was written whole: the stream goes on where its last part ends, and the rest is a crash gap.
// A busy machine may hold the writer up once; that four kills of five lose at most a second shows that parts reach the
// disk by themselves, not with their file. The worst is printed.
func TestRecorder_KillLosesAtMostThePartBeingWritten(t *testing.T) {
	dir := t.TempDir()
	const kills = 10
	var losses []time.Duration
	for range kills {
		edge := killOnce(t, dir)
		g := start(t, dir)
		for device, span := range edge {
			g.waitFor("recovery of "+device, func() bool {
				gaps := g.gaps(device)
				return len(gaps) > 0 && gaps[len(gaps)-1].Reason == watch.ReasonCrash && gaps[len(gaps)-1].End.IsZero()
			})
			end := span.first // a program killed in its first second may have nothing on disk yet
			if s := g.segments(device); len(s) > 0 && s[len(s)-1].End.After(end) {
				end = s[len(s)-1].End
			}
			losses = append(losses, span.last.Sub(end))
		}
		g.verify(VerifyOptions{})
		g.halt()
	}
	slices.Sort(losses)
	if most := losses[len(losses)*4/5]; most > time.Second {
		t.Errorf("one kill of five lost %s of video or more: %v", most, losses)
	}
	t.Logf("%d kills of %d cameras: at most %s of video lost", kills, len(killStreams), losses[len(losses)-1])
	plays(t, dir)
	rebuilt(t, dir)
}

// offered says when the first and the last frame of a camera were taken.
type offered struct{ first, last time.Time }

// killOnce runs the program, kills it after a random time and returns what each camera had offered by then.
func killOnce(t *testing.T, dir string) map[string]offered {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "RECORD_TEST_CHILD="+dir)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	must(t, err)
	defer in.Close()
	out, err := c.StdoutPipe()
	must(t, err)
	must(t, c.Start())
	kill := time.AfterFunc(700*time.Millisecond+rand.N(3*time.Second), func() { _ = c.Process.Kill() })
	defer kill.Stop()
	edge := map[string]offered{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var device string
		var ms int64
		if n, _ := fmt.Sscanf(lines.Text(), "%s %d", &device, &ms); n == 2 {
			o := edge[device]
			o.last = time.UnixMilli(ms)
			if o.first.IsZero() {
				o.first = o.last
			}
			edge[device] = o
		}
	}
	if err := c.Wait(); err == nil {
		t.Error("the program ended before it was killed")
	}
	if len(edge) != len(killStreams) {
		t.Errorf("only %d cameras had begun to record", len(edge))
	}
	return edge
}

// plays decodes every file of a directory.
func plays(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, folder, "*", "*", "*"))
	must(t, err)
	for _, f := range files {
		if filepath.Ext(f) != fileSuffix {
			t.Errorf("left behind: %s", f)
		} else if probe(t, f).frames("video") < 1 {
			t.Errorf("%s: no frame decodes", f)
		}
	}
}
