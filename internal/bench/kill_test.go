package bench

import (
	"testing"
	"time"
)

// BenchmarkKill9 kills the recorder and prints how much of each camera's footage is gone: from the last frame that
// ffmpeg can read up to the moment of the kill. Our files are read as the dead program left them.
//
//	go test -tags sqlite_fts5 -run '^$' -bench Kill9 -benchtime 1x -timeout 30m ./internal/bench
func BenchmarkKill9(b *testing.B) {
	const n = 8
	all := recorders(b)
	for _, name := range order(all) {
		b.Run(name, func(b *testing.B) {
			reportLoad(b)
			cams := startCameras(b, n, false)
			r := all[name]()
			r.start(b, cams.urls(""))
			began := time.Now()
			<-time.After(span(47*time.Second, 13*time.Second)) // in the middle of everybody's files
			killed := time.Now()
			r.kill()
			var lost []time.Duration
			broken := 0
			for i := range n {
				sent, bad := footageOf(b, r.files(b, i))
				broken += bad
				last, ok := before(sent, killed)
				if !ok {
					last = began // there is nothing of this camera
				}
				lost = append(lost, killed.Sub(last))
			}
			b.ReportMetric(float64(broken), "unreadable-files")
			spread(b, "lost", lost)
		})
	}
}
