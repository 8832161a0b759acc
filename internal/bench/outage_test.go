package bench

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// outageCameras is how many cameras go at once.
const outageCameras = 8

// BenchmarkOutage takes all cameras away for 20 s and gives them back: by resetting their sockets, and silently, as a
// cable that is pulled. It prints the footage that is missing behind the return, and for Siaga the time from their end
// to the alert on the live channel. A camera that returns begins with a key frame; the next comes 2 s later.
//
//	go test -tags sqlite_fts5 -run '^$' -bench Outage -benchtime 1x -timeout 30m ./internal/bench
func BenchmarkOutage(b *testing.B) {
	all := recorders(b)
	for _, how := range []string{"reset", "silent"} {
		for _, name := range order(all) {
			b.Run(how+"/"+name, func(b *testing.B) {
				reportLoad(b)
				outage(b, all[name](), how == "silent")
			})
		}
	}
}

func outage(b *testing.B, r recorder, silent bool) {
	b.Helper()
	cams := startCameras(b, outageCameras, true)
	way := startRelay(b, cams.listen)
	r.start(b, cams.urls(way.address))
	<-time.After(span(15*time.Second, 6*time.Second))
	var alerts chan []time.Time
	if w, ok := r.(*ours); ok {
		alerts = make(chan []time.Time, 1)
		ws := w.live(b, "10.1.0.1")
		defer ws.Close()
		go func() { alerts <- lostAlerts(ws) }() // ends with the socket, and its answer is taken below
	}
	gone := time.Now()
	if silent {
		way.blackhole()
	} else {
		way.reset()
	}
	<-time.After(span(20*time.Second, 12*time.Second))
	cams.halt()
	cams.start(b, true)
	back := time.Now()
	if silent {
		way.back()
	} else {
		way.listen(b)
	}
	<-time.After(span(30*time.Second, 14*time.Second))
	if alerts != nil {
		reportAlerts(b, <-alerts, gone)
	}
	r.stop(b)
	var missing []time.Duration
	for i := range outageCameras {
		sent, _ := footageOf(b, r.files(b, i))
		if first, ok := after(sent, back); ok {
			missing = append(missing, first.Sub(back))
		}
	}
	b.ReportMetric(float64(outageCameras-len(missing)), "never-back")
	spread(b, "lost", missing)
}

// lostAlerts waits for one alert a camera.
func lostAlerts(ws *websocket.Conn) []time.Time {
	var out []time.Time
	seen := map[string]bool{}
	for len(seen) < outageCameras {
		_ = ws.SetReadDeadline(time.Now().Add(40 * time.Second)) // an open connection takes it
		_, data, err := ws.ReadMessage()
		if err != nil {
			return out
		}
		var m struct{ Kind, Device string }
		if json.Unmarshal(data, &m) == nil && m.Kind == "alert.raised" && !seen[m.Device] {
			seen[m.Device] = true
			out = append(out, time.Now())
		}
	}
	return out
}

func reportAlerts(b *testing.B, at []time.Time, gone time.Time) {
	b.Helper()
	var took []time.Duration
	for _, t := range at {
		took = append(took, t.Sub(gone))
	}
	b.ReportMetric(float64(outageCameras-len(at)), "no-alert")
	spread(b, "alert", took)
}
