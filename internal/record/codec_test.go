package record

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"siaga/internal/watch"
)

// packets are the presentation times of a stream's packets as ffprobe reads them, in seconds, sorted, from 0.
func packets(t *testing.T, path, stream string) []float64 {
	t.Helper()
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", stream, "-show_entries", "packet=pts_time", "-of", "json", path).Output()
	must(t, err)
	var p struct {
		Packets []struct {
			PTS string `json:"pts_time"`
		} `json:"packets"`
	}
	must(t, json.Unmarshal(out, &p))
	var all []float64
	for _, x := range p.Packets {
		v, err := strconv.ParseFloat(x.PTS, 64)
		must(t, err)
		all = append(all, v)
	}
	return fromZero(all)
}

func fromZero(all []float64) []float64 {
	slices.Sort(all)
	for i := len(all) - 1; i >= 0; i-- {
		all[i] -= all[0]
	}
	return all
}

// times are the presentation times of a take's units in one format, as packets gives them.
func (k *take) times(f *watch.Format) []float64 {
	var all []float64
	for _, u := range k.units {
		if u.Format == f {
			all = append(all, float64(u.PTS)/float64(f.ClockRate))
		}
	}
	return fromZero(all)
}

// withG711 adds a track of G.711, 20 ms a unit, as long as the video.
func (k *take) withG711(t *testing.T, codec watch.Codec, form string) *take {
	t.Helper()
	raw, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=8000", "-t",
		strconv.FormatFloat(k.length.Seconds(), 'f', 2, 64), "-f", form, "-").Output()
	must(t, err)
	f := &watch.Format{Track: 1, Codec: codec, ClockRate: 8000, Channels: 1}
	formats := []*watch.Format{k.units[0].Formats[0], f}
	for i := range k.units {
		k.units[i].Formats = formats
	}
	for at := 0; at+160 <= len(raw); at += 160 {
		k.units = append(k.units, watch.AccessUnit{
			Stream: "main", Run: 1, Formats: formats, Format: f, PTS: int64(at), Key: true, Data: [][]byte{raw[at : at+160]},
		})
		k.due = append(k.due, time.Duration(at)*time.Second/8000)
	}
	k.sort()
	return k
}

func TestRecorder_EveryCodecPlays(t *testing.T) {
	lavfi := func(args ...string) func(*testing.T) *take {
		return func(t *testing.T) *take {
			return filmed(t, append([]string{"-f", "lavfi", "-i", "testsrc2=s=320x180:r=15", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "6"}, args...)...)
		}
	}
	silent := lavfi("-an", "-c:v", "libx264", "-g", "30", "-bf", "0", "-preset", "ultrafast")
	for _, c := range []struct {
		name         string
		film         func(*testing.T) *take
		video, audio string
	}{
		{"H.264 without B-frames", func(t *testing.T) *take { return load(t, filepath.Join(footage, "forecourt-live.mp4")) }, "h264", "aac"},
		{"H.264 Baseline and AAC", func(t *testing.T) *take {
			return filmed(t, "-t", "8", "-i", filepath.Join(footage, "car-detection.mp4"), "-c", "copy")
		}, "h264", "aac"},
		{"H.264 with B-frames", func(t *testing.T) *take {
			return filmed(t, "-t", "20", "-i", filepath.Join(footage, "one-by-one-person-detection.mp4"), "-c", "copy")
		}, "h264", ""},
		{"H.264 with a pyramid of B-frames", lavfi("-an", "-c:v", "libx264", "-g", "30", "-bf", "4", "-preset", "medium"), "h264", ""},
		{"H.265", lavfi("-an", "-c:v", "libx265", "-x265-params", "log-level=none:keyint=30:bframes=0", "-preset", "ultrafast"), "hevc", ""},
		{"H.265 with B-frames", lavfi("-an", "-c:v", "libx265", "-x265-params", "log-level=none:keyint=30:bframes=3", "-preset", "medium"), "hevc", ""},
		{"MJPEG", lavfi("-an", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"), "mjpeg", ""},
		{"Opus", lavfi("-c:v", "libx264", "-bf", "0", "-g", "15", "-c:a", "libopus"), "h264", "opus"},
		{"G.711 A-law", func(t *testing.T) *take { return silent(t).withG711(t, watch.PCMA, "alaw") }, "h264", "pcm_alaw"},
		{"G.711 µ-law", func(t *testing.T) *take { return silent(t).withG711(t, watch.PCMU, "mulaw") }, "h264", "pcm_mulaw"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, k := t.TempDir(), c.film(t)
			path := recordOnce(t, dir, k)
			p := probe(t, path)
			if p.Streams[0].Codec != c.video || p.frames("video") != k.frames() {
				t.Errorf("%s with %d frames, want %s with %d", p.Streams[0].Codec, p.frames("video"), c.video, k.frames())
			}
			if c.audio != "" && (len(p.Streams) != 2 || p.Streams[1].Codec != c.audio) {
				t.Errorf("streams %+v, want audio %s", p.Streams, c.audio)
			}
			for i, f := range k.units[0].Formats {
				have, want := packets(t, path, strconv.Itoa(i)), k.times(f)
				if !slices.EqualFunc(have, want, func(a, b float64) bool { return a-b < 0.002 && b-a < 0.002 }) {
					t.Errorf("track %d: %d presentation times differ from the %d sent", i, len(have), len(want))
				}
			}
		})
	}
}

// recordOnce records a take and returns the path of its only file.
func recordOnce(t *testing.T, dir string, k *take) string {
	t.Helper()
	var path string
	synctest.Test(t, func(t *testing.T) {
		g := start(t, dir, func(r *Recorder) { r.opt.FileLength = time.Hour })
		must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
		k.play(g.r, "cam-1", 1, k.length)
		time.Sleep(time.Second)
		g.r.Interrupted("cam-1", &watch.Fault{Reason: watch.ReasonReset}, time.Time{})
		g.waitFor("segment", func() bool {
			s := g.segments("cam-1")
			return len(s) == 1 && !s[0].Open
		})
		path = filepath.Join(dir, g.segments("cam-1")[0].Path)
		g.verify(VerifyOptions{})
	})
	return path
}
