package record

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// fullHD is a camera of 1080p at 15 frames a second and 2 Mbit/s with a key frame every 2 s: the headers of a real
// clip, so that decoding times are worked out as ever, in front of bytes that stand for the picture.
func fullHD(b *testing.B) *take {
	clip := load(b, filepath.Join(footage, "forecourt-live.mp4"))
	var key, other watch.AccessUnit
	for _, u := range clip.units {
		if u.Format.Codec.Video() && u.Key && key.Data == nil {
			key = u
		} else if u.Format.Codec.Video() && !u.Key {
			other = u
		}
	}
	format := key.Format
	k := &take{length: 2 * time.Second}
	for i := range 30 {
		u, size := other, 15_000
		if i == 0 {
			u, size = key, 65_000
		}
		nal := append([]byte{}, u.Data[len(u.Data)-1]...)
		for len(nal) < size {
			nal = append(nal, byte(len(nal)*7))
		}
		u.Data, u.Formats, u.Format = [][]byte{nal[:size]}, []*watch.Format{format}, format
		u.PTS, u.Key = int64(i)*6000, i == 0
		k.units, k.due = append(k.units, u), append(k.due, time.Duration(i)*time.Second/15)
	}
	return k
}

// cpu is the processor time this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func resident() float64 {
	b, _ := os.ReadFile("/proc/self/status")
	for _, l := range strings.Split(string(b), "\n") {
		if f := strings.Fields(l); len(f) == 3 && f[0] == "VmRSS:" {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb / 1024
		}
	}
	return 0
}

// BenchmarkRecorder_Cameras records for 20 s in real time and prints what a camera costs, and how much a power cut
// would have taken at the worst moment. Reading RTSP is not in it.
func BenchmarkRecorder_Cameras(b *testing.B) {
	for _, n := range []int{16, 50, 100} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			cam := fullHD(b)
			for b.Loop() {
				g := start(b, b.TempDir())
				idle := resident()
				for i := range n {
					must(b, g.r.StreamExpected("cam-"+strconv.Itoa(i), "main", time.Time{}))
				}
				const long = 20 * time.Second
				before := cpu()
				var all sync.WaitGroup
				for i := range n {
					all.Go(func() {
						<-time.After(time.Duration(i) * 2 * time.Second / time.Duration(n))
						cam.play(g.r, "cam-"+strconv.Itoa(i), 1, long)
					})
				}
				all.Wait()
				used := cpu() - before
				m := &g.r.Metrics
				b.ReportMetric(used.Seconds()/float64(n)*60/long.Seconds(), "cpu-s/camera-min")
				b.ReportMetric((resident()-idle)/float64(n), "MiB/camera")
				b.ReportMetric(time.Duration(m.MaxExposure.Load()).Seconds(), "s-at-risk-max")
				b.ReportMetric(float64(m.Syncs.Load())/float64(n)/long.Seconds(), "syncs/camera-s")
				b.ReportMetric(float64(m.SyncTime.Load())/float64(m.Syncs.Load())/1e6, "ms/sync")
				b.ReportMetric(float64(m.MaxSync.Load())/1e6, "ms-sync-max")
				b.ReportMetric(float64(m.Dropped.Load()), "dropped")
				b.ReportMetric(0, "ns/op")
				g.halt()
			}
		})
	}
}

// BenchmarkSweep_500000 starts on half a million segments, with a file left open by a crash for each of 50 cameras,
// and prints how long it is until the first camera records.
func BenchmarkSweep_500000(b *testing.B) {
	const cameras, days, perDay = 50, 7, 1440
	dir := b.TempDir()
	fillSegments(b, dir, cameras, days, perDay)
	clip := fullHD(b)
	part := muxed(b, clip.repeat(20), 40*time.Second)
	for b.Loop() {
		b.StopTimer()
		for c := range cameras {
			path := segmentPath(key{"cam-" + strconv.Itoa(c), "main"}, time.Now().Add(-time.Minute).UnixMilli())
			must(b, os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755))
			must(b, os.WriteFile(filepath.Join(dir, path)+openSuffix, part, 0o600))
		}
		b.StartTimer()
		began := time.Now()
		g := start(b, dir)
		must(b, g.r.StreamExpected("cam-0", "main", time.Time{}))
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			for !g.r.Recording("cam-0", "main") || g.r.Metrics.Parts.Load() == 0 {
				runtime.Gosched()
			}
			b.ReportMetric(time.Since(began).Seconds(), "s-to-recording")
			cancel()
		}()
		playSynthetic(ctx, 0, func(u watch.AccessUnit) { g.r.Offer("cam-0", u) })
		for g.r.Metrics.Recovered.Load() < cameras {
			runtime.Gosched()
		}
		b.ReportMetric(time.Since(began).Seconds(), "s-to-all-recovered")
		g.halt()
	}
}

// fillSegments makes rows and empty files, as a week of recording leaves them, up to yesterday.
func fillSegments(b *testing.B, dir string, cameras, days, perDay int) {
	g := start(b, dir)
	first := time.Now().Add(-time.Duration(days) * 24 * time.Hour).Truncate(time.Minute)
	for c := range cameras {
		k := key{"cam-" + strconv.Itoa(c), "main"}
		must(b, g.r.opt.Journal.Commit(context.Background(), func(tx *sql.Tx, add journal.Appender) error {
			d, err := g.r.draft(KindExpected, k.device, lineBody{Stream: "main", At: watch.Time{Time: first}})
			if err == nil {
				_, err = add(d)
			}
			return err
		}))
		for day := range days {
			must(b, g.r.opt.Journal.Commit(context.Background(), func(_ *sql.Tx, add journal.Appender) error {
				for i := range perDay {
					at := first.Add(time.Duration(day*perDay+i) * time.Minute)
					if err := fillOne(g, k, at, add); err != nil {
						return err
					}
				}
				return nil
			}))
		}
	}
	g.halt()
}

func fillOne(g *rig, k key, at time.Time, add journal.Appender) error {
	path := segmentPath(k, at.UnixMilli())
	abs := filepath.Join(g.dir, path)
	if err := os.MkdirAll(filepath.Dir(abs), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(abs, nil, 0o600); err != nil {
		return err
	}
	d, err := g.r.draft(KindSegmentClosed, k.device, closedBody{
		Stream: "main", Path: path, Start: watch.Time{Time: at}, End: watch.Time{Time: at.Add(time.Minute)}, Bytes: 15_000_000,
		SHA256: hex.EncodeToString(make([]byte, 32)), Header: 700, Layout: fmt.Sprintf("%016x", 1), Ticks: 5_400_000,
		Timescale: 90_000, Frames: 900, Tracks: []Track{{Codec: watch.H264, Clock: 90_000}}, Wall: WallArrival,
	})
	if err == nil {
		_, err = add(d)
	}
	return err
}
