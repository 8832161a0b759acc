package record

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4"
	"go.uber.org/goleak"

	"siaga/internal/journal"
	"siaga/internal/store"
	"siaga/internal/watch"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("RECORD_TEST_CHILD"); dir != "" {
		os.Exit(recordUntilKilled(dir))
	}
	goleak.VerifyTestMain(m)
}

// rig is a recorder on a real journal and a real directory.
type rig struct {
	t   testing.TB
	dir string
	db  *store.DB
	j   *journal.Journal
	r   *Recorder
	// halt ends the recorder, then the journal, in order; crash ends the journal first, so that nothing of the
	// recorder's end is journaled.
	halt  func()
	crash func()
	// stopJournal ends the journal only; what follows finds it closed.
	stopJournal func()
}

// start opens what is in dir and runs a recorder; prepare may change it before it runs.
func start(t testing.TB, dir string, prepare ...func(*Recorder)) *rig {
	t.Helper()
	g := &rig{t: t, dir: dir}
	db, err := store.Open(t.Context(), filepath.Join(dir, "siaga.db"), store.Options{})
	must(t, err)
	g.db = db
	g.j, err = journal.Open(t.Context(), db, journal.Options{Site: "kpu-majene", Projections: []journal.Projection{Projection()}})
	must(t, err)
	g.r, err = New(Options{Dir: dir, Journal: g.j, RingBytes: 64 << 20})
	must(t, err)
	for _, f := range prepare {
		f(g.r)
	}
	stopJournal := sync.OnceFunc(running(t, g.j.Run))
	g.stopJournal = stopJournal
	stopRecorder := running(t, g.r.Run)
	var once sync.Once
	g.halt = func() {
		once.Do(func() {
			stopRecorder()
			stopJournal()
			must(t, db.Close())
		})
	}
	g.crash = func() {
		once.Do(func() {
			stopJournal()
			stopRecorder()
			must(t, db.Close())
		})
	}
	t.Cleanup(g.halt)
	return g
}

// running runs f until the returned function is called, which waits for it.
func running(t testing.TB, f func(context.Context) error) func() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// verify checks every invariant, and that the tables are what the journal explains.
func (g *rig) verify(o VerifyOptions) Report {
	g.t.Helper()
	o.Hash = true
	rep, err := Verify(g.t.Context(), g.j.DB(), g.dir, o)
	must(g.t, err)
	for _, f := range rep.Findings {
		g.t.Error("verify: ", f)
	}
	return rep
}

// rebuilt checks that the journal explains every row; the rig must be halted.
func rebuilt(t testing.TB, dir string) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(dir, "siaga.db"), store.Options{ReadOnly: true})
	must(t, err)
	defer db.Close()
	rep, err := journal.Verify(t.Context(), db, journal.VerifyOptions{
		Site: "kpu-majene", ScratchDir: t.TempDir(), Projections: []journal.Projection{Projection()},
	})
	must(t, err)
	for _, f := range rep.Findings {
		t.Error("journal: ", f.What)
	}
}

// waitFor waits until a condition on the database or the disk holds.
func (g *rig) waitFor(what string, cond func() bool) {
	g.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			g.t.Fatalf("not within 20 s: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func (g *rig) segments(device string) []Segment {
	g.t.Helper()
	s, err := g.r.Segments(context.Background(), device, "main", time.Time{}, time.Time{})
	must(g.t, err)
	return s
}

func (g *rig) gaps(device string) []Gap {
	g.t.Helper()
	s, err := g.r.Gaps(context.Background(), device, "main", time.Time{}, time.Time{})
	must(g.t, err)
	return s
}

func reasons(gaps []Gap) []watch.Reason {
	var out []watch.Reason
	for _, g := range gaps {
		out = append(out, g.Reason)
	}
	return out
}

// footage is where the demo's clips lie.
const footage = "../../configs/demo/footage"

// take is a stream as a camera would send it: units in sending order, with the time of each since the start.
type take struct {
	units  []watch.AccessUnit
	due    []time.Duration
	length time.Duration
}

// load reads a clip as a camera's stream.
func load(t testing.TB, path string) *take {
	t.Helper()
	return filmed(t, "-i", path, "-c", "copy")
}

// filmed reads what ffmpeg makes of its arguments as a camera's stream.
func filmed(t testing.TB, args ...string) *take {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip.mp4")
	args = append([]string{"-v", "error"}, args...)
	args = append(args, "-movflags", "frag_keyframe+empty_moov+default_base_moof", path)
	if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %v: %v %s", args, err, out)
	}
	raw, err := os.ReadFile(path)
	must(t, err)
	var in fmp4.Init
	must(t, in.Unmarshal(bytes.NewReader(raw)))
	var parts fmp4.Parts
	must(t, parts.Unmarshal(raw))
	k := &take{}
	var formats []*watch.Format
	for i, track := range in.Tracks {
		formats = append(formats, formatOf(t, i, track))
	}
	for _, p := range parts {
		for _, track := range p.Tracks {
			k.add(t, formats, int64(in.Tracks[track.ID-1].TimeScale), track)
		}
	}
	k.sort()
	return k
}

func (k *take) add(t testing.TB, formats []*watch.Format, scale int64, track *fmp4.PartTrack) {
	f := formats[track.ID-1]
	dts := int64(track.BaseTime)
	for _, s := range track.Samples {
		data, key := [][]byte{s.Payload}, true
		switch f.Codec { // the library does not read the flags that ffmpeg sets on the first sample only
		case watch.H264:
			data = units(t, s.Payload, f)
			key = h264.IsRandomAccess(data)
		case watch.H265:
			data = units(t, s.Payload, f)
			key = h265.IsRandomAccess(data)
		}
		k.units = append(k.units, watch.AccessUnit{
			Stream: "main", Run: 1, Formats: formats, Format: f, Key: key, Data: data,
			PTS: (dts + int64(s.PTSOffset)) * int64(f.ClockRate) / scale,
		})
		k.due = append(k.due, time.Duration(dts)*time.Second/time.Duration(scale))
		dts += int64(s.Duration)
		k.length = max(k.length, time.Duration(dts)*time.Second/time.Duration(scale))
	}
}

func formatOf(t testing.TB, i int, track *fmp4.InitTrack) *watch.Format {
	f := &watch.Format{Track: i, ClockRate: 90_000}
	switch c := track.Codec.(type) {
	case *mp4.CodecH264:
		f.Codec, f.SPS, f.PPS = watch.H264, c.SPS, c.PPS
	case *mp4.CodecH265:
		f.Codec, f.VPS, f.SPS, f.PPS = watch.H265, c.VPS, c.SPS, c.PPS
	case *mp4.CodecMJPEG:
		f.Codec = watch.MJPEG
	case *mp4.CodecMPEG4Audio:
		config, err := c.Config.Marshal()
		must(t, err)
		f.Codec, f.AudioConfig, f.ClockRate, f.Channels = watch.AAC, config, c.Config.SampleRate, c.Config.ChannelCount
	case *mp4.CodecOpus:
		f.Codec, f.ClockRate, f.Channels = watch.Opus, 48_000, c.ChannelCount
	default:
		t.Fatalf("track %d: %T", i, c)
	}
	return f
}

// units splits a sample as the RTSP driver would: parameter sets and delimiters are left out.
func units(t testing.TB, payload []byte, f *watch.Format) [][]byte {
	var au h264.AVCC
	must(t, au.Unmarshal(payload))
	return slices.DeleteFunc([][]byte(au), func(n []byte) bool {
		if f.Codec == watch.H264 {
			typ := n[0] & 0x1f
			return typ == 7 || typ == 8 || typ == 9
		}
		typ := n[0] >> 1 & 0x3f
		return typ >= 32 && typ <= 35
	})
}

func (k *take) sort() {
	order := make([]int, len(k.units))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(k.due[a] - k.due[b]) })
	units, due := make([]watch.AccessUnit, len(order)), make([]time.Duration, len(order))
	for i, o := range order {
		units[i], due[i] = k.units[o], k.due[o]
	}
	k.units, k.due = units, due
}

// frames counts the leading units.
func (k *take) frames() int {
	n := 0
	for _, u := range k.units {
		if u.Format == u.Formats[leadOf(u.Formats)] {
			n++
		}
	}
	return n
}

// play offers the take in its own time, again and again until the time is up, timestamps going on. It returns how
// many leading units it offered.
func (k *take) play(r *Recorder, device string, run uint64, long time.Duration) int {
	began := time.Now()
	frames := 0
	for loop := 0; ; loop++ {
		for i, u := range k.units {
			at := time.Duration(loop)*k.length + k.due[i]
			if at >= long {
				return frames
			}
			time.Sleep(time.Until(began.Add(at)))
			u.Run = run
			u.PTS += int64(time.Duration(loop) * k.length / time.Microsecond * time.Duration(u.Format.ClockRate) / 1_000_000)
			u.At = time.Now()
			r.Offer(device, u)
			if u.Format == u.Formats[leadOf(u.Formats)] {
				frames++
			}
		}
	}
}

// bodies are the bodies of all events of a kind.
func (g *rig) bodies(kind string) []string {
	g.t.Helper()
	events, err := g.j.Events(context.Background(), journal.Query{Kinds: []string{kind}, Limit: 10_000})
	must(g.t, err)
	var out []string
	for _, e := range events {
		out = append(out, string(e.Body))
	}
	return out
}

// sql changes the database behind the journal's back.
func (g *rig) sql(query string, args ...any) {
	g.t.Helper()
	must(g.t, g.j.Commit(context.Background(), func(tx *sql.Tx, _ journal.Appender) error {
		_, err := tx.Exec(query, args...)
		return err
	}))
}
