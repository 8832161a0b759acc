package record

import (
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkPart prints what an access unit of 1080p15 at 2 Mbit/s costs on its way into a part of a file, encoding
// included, hashing and writing not.
func BenchmarkPart(b *testing.B) {
	cam := fullHD(b)
	m, err := newMuxer(&cam.units[0])
	must(b, err)
	m.begin(0)
	const frame = 6000 // ticks
	var buf []byte
	n, size := int64(0), int64(0)
	b.ReportAllocs()
	for b.Loop() {
		u := cam.units[n%int64(len(cam.units))]
		u.PTS = n * frame
		if m.full(u.PTS, u.Key) {
			buf = m.encode(buf[:0], u.PTS)
		}
		m.add(0, u.PTS, &u, n)
		size += int64(u.Size())
		n++
	}
	b.SetBytes(size / n)
}

// BenchmarkVerify prints how fast a video file is read and hashed, from the page cache.
func BenchmarkVerify(b *testing.B) {
	const size = 32 << 20
	path := filepath.Join(b.TempDir(), "file.mp4")
	block := make([]byte, size)
	_, err := rand.Read(block)
	must(b, err)
	must(b, os.WriteFile(path, block, 0o600))
	b.SetBytes(size)
	for b.Loop() {
		_, err := hashFile(path)
		must(b, err)
	}
}

// film records a few seconds in real time and ends the recorder in order.
func film(b *testing.B, g *rig) (began time.Time) {
	b.Helper()
	cam := fullHD(b)
	must(b, g.r.StreamExpected("cam-1", "main", time.Time{}))
	began = time.Now()
	cam.play(g.r, "cam-1", 1, 6*time.Second)
	return began
}

// BenchmarkReadBack prints how fast recorded video is read as one MP4 file, index included.
func BenchmarkReadBack(b *testing.B) {
	g := start(b, b.TempDir())
	began := film(b, g)
	g.waitFor("video on disk", func() bool { return g.r.Metrics.Parts.Load() > 5 })
	end := time.Now()
	var size int64
	for b.Loop() {
		v, err := g.r.OpenVideo(b.Context(), "cam-1", "main", began, end)
		must(b, err)
		size, err = io.Copy(io.Discard, struct{ io.Reader }{v})
		must(b, err)
		must(b, v.Close())
	}
	b.SetBytes(size)
}

// BenchmarkSeal_Segment prints how many bytes the journal keeps to seal a minute of 2 Mbit/s video, as a share of the
// video: the event of the closed file with its salt and its hashes.
func BenchmarkSeal_Segment(b *testing.B) {
	g := start(b, b.TempDir())
	film(b, g)
	g.r.Interrupted("cam-1", errEnd{}, time.Time{})
	g.waitFor("closed segment", func() bool { return len(g.segments("cam-1")) > 0 && g.segments("cam-1")[0].Seq > 0 })
	var kept int64
	for b.Loop() {
		must(b, g.db.Read().QueryRowContext(b.Context(),
			`SELECT length(body) + length(salt) + length(tree) + length(kind) + length(device) + length(zone) + 24 FROM events WHERE kind = ? LIMIT 1`,
			KindSegmentClosed).Scan(&kept))
	}
	const minute = 60 * 2_000_000 / 8
	b.ReportMetric(float64(kept)/minute*100, "%media")
	b.ReportMetric(float64(kept), "bytes/segment")
}

// errEnd is a camera that went.
type errEnd struct{}

func (errEnd) Error() string { return "the benchmark's camera went" }
