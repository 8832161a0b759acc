package incident_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"siaga/internal/incident"
	"siaga/internal/journal"
	"siaga/internal/rules"
	"siaga/internal/store"
	"siaga/internal/watch"
)

// BenchmarkPanic_ToDurableAlert measures from Append of a panic to the durable alert.raised, on a real synced file, while
// other devices report 200 times a second. Each panic is
// another radio in another zone, so each raises and opens an incident. It prints p50 and p99.
func BenchmarkPanic_ToDurableAlert(b *testing.B) {
	db, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "siaga.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	j, err := journal.Open(b.Context(), db, journal.Options{Site: "kpu-majene", Projections: []journal.Projection{incident.Projection()}})
	if err != nil {
		b.Fatal(err)
	}
	yard := &yard{locked: map[string]bool{}}
	desk := incident.New(incident.Options{Log: j, Judge: rules.NewJudge(shipped(b), yard), Site: yard})
	var workers sync.WaitGroup
	writing, stopWriting := context.WithCancel(context.Background())
	judging, stopJudging := context.WithCancel(context.Background())
	var writer sync.WaitGroup
	writer.Go(func() { _ = j.Run(writing) })
	workers.Go(func() { _ = desk.Run(judging) })
	raised := make(chan uint64, 16)
	workers.Go(func() {
		_ = j.Follow(judging, 0, func(_ context.Context, events []watch.Event) error {
			for _, e := range events {
				if e.Kind == incident.KindRaised {
					raised <- e.Seq
				}
			}
			return nil
		})
	})
	workers.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for judging.Err() == nil {
			<-tick.C
			_, _ = j.Append(judging, watch.Draft{Kind: "drone.position", Device: "drone-1", Zone: "air", Body: json.RawMessage(`{"lat":-3.5,"lon":118.9,"height_takeoff_m":80}`)})
		}
	})
	took := make([]time.Duration, 0, b.N)
	for i := range b.N {
		body, err := json.Marshal(map[string]any{"src_id": time.Duration(i).String(), "csbk_desc": "Call Emergency"})
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		if _, err := j.Append(b.Context(), watch.Draft{Kind: "radio.emergency", Device: "gw-1", Zone: "zone-" + strconv.Itoa(i), Body: body}); err != nil {
			b.Fatal(err)
		}
		<-raised
		took = append(took, time.Since(began))
	}
	b.StopTimer()
	stopJudging()
	workers.Wait()
	stopWriting()
	writer.Wait()
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
