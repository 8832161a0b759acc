package bench

import (
	"bytes"
	"os/exec"
	"slices"
	"testing"
	"time"

	"siaga/internal/sim"
)

// footageOf lists when the camera sent each frame that ffmpeg can still read from the files, and how many files it
// cannot open at all.
func footageOf(b *testing.B, files []string) (sent []time.Time, broken int) {
	b.Helper()
	for _, f := range files {
		// An unfinished file may end in the middle of a frame: what is readable before that counts, whatever ffmpeg says at the end.
		raw, _ := exec.Command("ffmpeg", "-nostdin", "-v", "quiet", "-i", f, "-map", "0:v", "-c", "copy", "-f", "h264", "-").Output()
		frames := sentIn(raw)
		if len(frames) == 0 {
			broken++
		}
		sent = append(sent, frames...)
	}
	slices.SortFunc(sent, time.Time.Compare)
	return sent, broken
}

// sentIn reads the send times that simulated cameras put into their frames.
func sentIn(annexB []byte) []time.Time {
	var out []time.Time
	for _, unit := range bytes.Split(annexB, []byte{0, 0, 1}) {
		if t, ok := sim.SendTime([][]byte{unit}); ok {
			out = append(out, t)
		}
	}
	return out
}

// after is the first frame sent at or behind a time, and before the last one sent at or in front of it; false if there is none.
func after(sent []time.Time, t time.Time) (time.Time, bool) {
	i, _ := slices.BinarySearchFunc(sent, t, time.Time.Compare)
	if i == len(sent) {
		return time.Time{}, false
	}
	return sent[i], true
}

func before(sent []time.Time, t time.Time) (time.Time, bool) {
	i, found := slices.BinarySearchFunc(sent, t, time.Time.Compare)
	if found {
		return sent[i], true
	}
	if i == 0 {
		return time.Time{}, false
	}
	return sent[i-1], true
}

func TestFootage_BeforeAndAfter(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	sent := []time.Time{at(10), at(20), at(30)}
	for _, c := range []struct {
		at, before, after int64 // 0: none
	}{{5, 0, 10}, {10, 10, 10}, {15, 10, 20}, {30, 30, 30}, {31, 30, 0}} {
		got, ok := before(sent, at(c.at))
		if ok != (c.before != 0) || ok && got != at(c.before) {
			t.Errorf("before %d: %v %v, want %d", c.at, got, ok, c.before)
		}
		got, ok = after(sent, at(c.at))
		if ok != (c.after != 0) || ok && got != at(c.after) {
			t.Errorf("after %d: %v %v, want %d", c.at, got, ok, c.after)
		}
	}
}
