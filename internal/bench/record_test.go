package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkRecording prints what recording costs the whole program a camera: processor time of two windows (the middle
// of them), memory at the end, with the peers on the same cameras in the same run, one after the other.
//
//	SIAGA_BENCH_CAMERAS=50 MEDIAMTX=/path/to/mediamtx go test -tags sqlite_fts5 -run '^$' -bench Recording -benchtime 1x -timeout 60m ./internal/bench
func BenchmarkRecording(b *testing.B) {
	all := recorders(b)
	all["floor"] = func() recorder { return &bare{} }
	for _, n := range sizes(b) {
		for _, name := range order(all) {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				reportLoad(b)
				cams := startCameras(b, n, false)
				r := all[name]()
				r.start(b, cams.urls(""))
				<-time.After(span(15*time.Second, 4*time.Second)) // all connected, first groups through
				measureRecorder(b, r, n)
				r.stop(b)
				if name != "floor" {
					reportKept(b, r, n)
				}
			})
		}
	}
}

func measureRecorder(b *testing.B, r recorder, n int) {
	b.Helper()
	var costs []float64
	for range 2 {
		pids := r.pids()
		if len(pids) == 0 {
			b.Fatal("the recorder is not there")
		}
		before, began := cpuOf(b, pids), time.Now()
		<-time.After(span(40*time.Second, 4*time.Second))
		costs = append(costs, (cpuOf(b, pids)-before).Seconds()*60/time.Since(began).Seconds()/float64(n))
	}
	slices.Sort(costs)
	rss, pss := memoryOf(b, r.pids())
	b.ReportMetric((costs[0]+costs[1])/2, "cpu-s/camera-min")
	b.ReportMetric(costs[1]-costs[0], "cpu-spread")
	b.ReportMetric(rss/float64(n), "MiB-RSS/camera")
	b.ReportMetric(pss/float64(n), "MiB-PSS/camera")
}

// reportKept reports how many cameras have footage that can be read: a recorder that gave up is cheap.
func reportKept(b *testing.B, r recorder, n int) {
	b.Helper()
	kept := 0
	for i := range n {
		if files := r.files(b, i); len(files) > 0 {
			kept++
		}
	}
	b.ReportMetric(float64(kept), "cameras-recorded")
}
