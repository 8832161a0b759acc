package record

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"siaga/internal/watch"
)

// muxed makes a recording of a take in memory, without a recorder.
func muxed(t testing.TB, k *take, long time.Duration) []byte {
	t.Helper()
	first := slices.IndexFunc(k.units, func(u watch.AccessUnit) bool { return u.Format == u.Formats[leadOf(u.Formats)] })
	m, err := newMuxer(&k.units[first])
	must(t, err)
	out := slices.Clone(m.header)
	begun := false
	for i := range k.units {
		if k.due[i] >= long {
			break
		}
		u := &k.units[i]
		track := m.indexOf(u.Format)
		if !begun && track != m.lead {
			continue
		}
		dts := m.tracks[track].timing.next(u)
		if !begun {
			m.begin(dts)
			begun = true
		} else if track == m.lead && m.full(dts, u.Key) {
			out = m.encode(out, dts)
		}
		m.add(track, dts, u, 1)
	}
	return m.encode(out, -1)
}

// repeat makes a longer take of a short one.
func (k *take) repeat(n int) *take {
	out := &take{length: k.length * time.Duration(n)}
	for i := range n {
		for j, u := range k.units {
			at := time.Duration(i) * k.length
			u.PTS += int64(at.Seconds() * float64(u.Format.ClockRate))
			out.units, out.due = append(out.units, u), append(out.due, at+k.due[j])
		}
	}
	return out
}

func TestMuxer_PartsAreWhatTheLibraryReads(t *testing.T) {
	k := load(t, filepath.Join(footage, "forecourt-live.mp4"))
	file := muxed(t, k, 5*time.Second)
	rec, err := scan(bytes.NewReader(file), int64(len(file)))
	must(t, err)
	var in fmp4.Init
	must(t, in.Unmarshal(bytes.NewReader(rec.header)))
	var parts fmp4.Parts
	must(t, parts.Unmarshal(file[len(rec.header):]))
	if len(in.Tracks) != 2 || len(parts) != len(rec.parts) {
		t.Fatalf("the library reads %d tracks and %d parts, scan %d and %d", len(in.Tracks), len(parts), len(rec.tracks), len(rec.parts))
	}
	for i, p := range parts {
		lead := p.Tracks[0]
		if int64(lead.BaseTime) != rec.parts[i].base || len(lead.Samples) != int(rec.parts[i].frames) || lead.Samples[0].IsNonSyncSample == rec.parts[i].key {
			t.Errorf("part %d: the library reads time %d, %d frames, scan %+v", i, lead.BaseTime, len(lead.Samples), rec.parts[i])
		}
		if long := time.Duration(rec.parts[i].ticks) * time.Second / 90_000; long > partMax+time.Millisecond {
			t.Errorf("part %d is %s long", i, long)
		}
	}
}

// Sound that comes from just before the first picture of a file stays in time with itself: no part overlaps the next.
func TestMuxer_SoundFromBeforeThePictureOverlapsNothing(t *testing.T) {
	for _, early := range []time.Duration{0, 4 * time.Millisecond, 90 * time.Millisecond, 400 * time.Millisecond} {
		k := load(t, filepath.Join(footage, "forecourt-live.mp4"))
		for i := range k.units {
			if u := &k.units[i]; !u.Format.Codec.Video() {
				u.PTS -= int64(early) * int64(u.Format.ClockRate) / int64(time.Second)
			}
		}
		file := muxed(t, k, 5*time.Second)
		rec, err := scan(bytes.NewReader(file), int64(len(file)))
		must(t, err)
		var parts fmp4.Parts
		must(t, parts.Unmarshal(file[len(rec.header):]))
		end := uint64(0)
		for n, p := range parts {
			for _, track := range p.Tracks {
				if track.ID != 2 {
					continue
				}
				if track.BaseTime < end || track.BaseTime > end+1 && end > 0 {
					t.Fatalf("sound %v early: part %d begins at %d, the one before ends at %d", early, n, track.BaseTime, end)
				}
				end = track.BaseTime
				for _, s := range track.Samples {
					end += uint64(s.Duration)
				}
			}
		}
		if end == 0 {
			t.Fatal("the file has no sound")
		}
	}
}

// A file cut anywhere keeps every part that was written whole.
func TestSalvage_KeepsEveryCompletePart(t *testing.T) {
	g := start(t, t.TempDir())
	k := load(t, filepath.Join(footage, "forecourt-live.mp4"))
	file := muxed(t, k, 4*time.Second)
	whole, err := scan(bytes.NewReader(file), int64(len(file)))
	must(t, err)
	cuts := []int64{0, 1, 31, int64(len(whole.header)) - 1, int64(len(whole.header)), int64(len(file)) - 1, int64(len(file))}
	for _, p := range whole.parts {
		cuts = append(cuts, p.off+3, p.off+p.size/2, p.off+p.size)
	}
	path := segmentPath(key{"cam-1", "main"}, 1_750_000_000_000)
	abs := filepath.Join(g.dir, path)
	for _, cut := range cuts {
		want := 0
		for _, p := range whole.parts {
			if p.off+p.size <= cut {
				want++
			}
		}
		must(t, os.MkdirAll(filepath.Dir(abs), 0o755))
		must(t, os.WriteFile(abs+openSuffix, file[:cut], 0o600))
		seg, err := g.r.salvage(key{"cam-1", "main"}, path)
		must(t, err)
		switch {
		case want == 0:
			if _, err := os.Stat(abs + openSuffix); seg != nil || !os.IsNotExist(err) {
				t.Errorf("cut at %d: nothing is complete, but there is %+v", cut, seg)
			}
		case seg == nil || seg.Bytes != whole.parts[want-1].off+whole.parts[want-1].size || !seg.Recovered:
			t.Errorf("cut at %d: %d parts are complete, salvaged %+v", cut, want, seg)
		}
		_ = os.Remove(abs)
	}
}

// After a power cut a file can have its length but zeros for content.
func TestSalvage_DropsPartsThatAreNotWhatWasWritten(t *testing.T) {
	k := load(t, filepath.Join(footage, "forecourt-live.mp4"))
	file := muxed(t, k, 4*time.Second)
	whole, err := scan(bytes.NewReader(file), int64(len(file)))
	must(t, err)
	last := whole.parts[len(whole.parts)-1]
	clear(file[last.off+last.size-2000:])
	f := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(f, file, 0o600))
	h, err := os.Open(f)
	must(t, err)
	defer h.Close()
	rec, err := readWhole(h)
	must(t, err)
	if len(rec.parts) != len(whole.parts)-1 || rec.good != last.off {
		t.Errorf("%d parts of %d are taken for sound", len(rec.parts), len(whole.parts))
	}
}

func FuzzScan(f *testing.F) {
	// Small recordings: the fuzzer changes bytes of them, and most bytes of a large one are picture.
	jpeg := synthetic(200 * time.Millisecond)
	jpeg.units[0].Data = [][]byte{tinyJPEG[:40]}
	f.Add(muxed(f, jpeg.repeat(8), 2*time.Second))
	clip := filmed(f, "-f", "lavfi", "-i", "color=s=32x32:r=5", "-f", "lavfi", "-i", "anullsrc=r=8000", "-t", "2",
		"-c:v", "libx264", "-g", "5", "-bf", "2", "-c:a", "aac", "-b:a", "8k")
	f.Add(muxed(f, clip, 1200*time.Millisecond))
	f.Add([]byte("\x00\x00\x00\x08ftyp\x00\x00\x00\x08moov"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		rec, err := scan(r, int64(len(b)))
		if err != nil && !errors.Is(err, errBox) {
			t.Fatalf("not a complaint about the file: %v", err)
		}
		if rec.good > int64(len(b)) || err == nil && rec.good != int64(len(b)) {
			t.Fatalf("%d of %d bytes are good, error %v", rec.good, len(b), err)
		}
		if rec.tracks == nil {
			return
		}
		again, err := scan(bytes.NewReader(b[:rec.good]), rec.good)
		if err != nil || len(again.parts) != len(rec.parts) {
			t.Fatalf("what is good has %d parts, and scanned again %d: %v", len(rec.parts), len(again.parts), err)
		}
		for i := range rec.parts {
			if _, err := rec.sound(r, &rec.parts[i]); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = rec.segment(key{"cam-1", "main"}, segmentPath(key{"cam-1", "main"}, 0))
		_, _ = rec.keyFrame(r, 0, 1<<40)
		if len(rec.parts) == 0 {
			return
		}
		off, size, cut, _ := rec.measure(0, len(rec.parts))
		counts := rec.count(0, len(rec.parts))
		pc := piece{from: off, size: size, shift: -cut, limit: rec.good, index: indexSize(rec.tracks, counts[:])}
		if _, err := pc.makeIndex(r, 1); err != nil {
			t.Fatalf("no index: %v", err)
		}
	})
}

func TestVerify_FindsWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name, want string
		spoil      func(t *testing.T, g *rig, s []Segment)
	}{
		{"a file is gone", "is missing", func(t *testing.T, g *rig, s []Segment) { must(t, os.Remove(filepath.Join(g.dir, s[0].Path))) }},
		{"a file is shorter", "bytes, recorded were", func(t *testing.T, g *rig, s []Segment) {
			must(t, os.Truncate(filepath.Join(g.dir, s[0].Path), s[0].Bytes-1))
		}},
		{"one bit differs", "was changed", func(t *testing.T, g *rig, s []Segment) {
			b, err := os.ReadFile(filepath.Join(g.dir, s[0].Path))
			must(t, err)
			b[len(b)/2] ^= 1
			must(t, os.WriteFile(filepath.Join(g.dir, s[0].Path), b, 0o600))
		}},
		{"a file came from somewhere", "no segment in the journal", func(t *testing.T, g *rig, s []Segment) {
			must(t, os.WriteFile(filepath.Join(g.dir, filepath.Dir(s[0].Path), "x.mp4"), []byte("x"), 0o600))
		}},
		{"an open file was left", "left behind", func(t *testing.T, g *rig, s []Segment) {
			must(t, os.WriteFile(filepath.Join(g.dir, s[0].Path+openSuffix), []byte("x"), 0o600))
		}},
		{"a row is gone", "nothing explains", func(t *testing.T, g *rig, s []Segment) {
			g.sql(`DELETE FROM segments WHERE seq = ?`, int64(s[1].Seq))
		}},
		{"a row is stretched", "before the one before it ends", func(t *testing.T, g *rig, s []Segment) {
			g.sql(`UPDATE segments SET "end" = "end" + 5000 WHERE seq = ?`, int64(s[0].Seq))
		}},
		{"the last gap is gone", "nothing explains the time since", func(t *testing.T, g *rig, s []Segment) {
			g.sql(`DELETE FROM gaps WHERE "end" IS NULL`)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				g := start(t, dir, func(r *Recorder) { r.opt.FileLength = time.Second })
				must(t, g.r.StreamExpected("cam-1", "main", time.Time{}))
				synthetic(40*time.Millisecond).play(g.r, "cam-1", 1, 3*time.Second)
				g.r.Stopped("cam-1", "", time.Time{})
				settle()
				g.verify(VerifyOptions{})
				c.spoil(t, g, g.segments("cam-1"))
				rep, err := Verify(t.Context(), g.j.DB(), g.dir, VerifyOptions{Hash: true})
				must(t, err)
				if !slices.ContainsFunc(rep.Findings, func(f string) bool { return strings.Contains(f, c.want) }) {
					t.Errorf("findings %q, want one with %q", rep.Findings, c.want)
				}
			})
		})
	}
}

// A file beside a finished one of its name is never taken for rubbish: the finished one stays whatever happens.
func TestSalvage_NeverTouchesAFinishedFile(t *testing.T) {
	g := start(t, t.TempDir())
	k := key{"cam-1", "main"}
	path := segmentPath(k, 1_750_000_000_000)
	abs := filepath.Join(g.dir, path)
	must(t, os.MkdirAll(filepath.Dir(abs), 0o755))
	must(t, os.WriteFile(abs, []byte("finished"), 0o600))
	must(t, os.WriteFile(abs+openSuffix, []byte("x"), 0o600))
	if _, err := g.r.salvage(k, path); !errors.Is(err, os.ErrExist) {
		t.Errorf("salvage: %v", err)
	}
	if b, err := os.ReadFile(abs); err != nil || string(b) != "finished" {
		t.Errorf("the finished file: %q, %v", b, err)
	}
}
