package view_test

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkFirstPicture prints how long a viewer waits from its offer to the first whole picture.
func BenchmarkFirstPicture(b *testing.B) {
	s := newSite(b, footage, "car-detection")
	eventually(b, 10*time.Second, "a rate", func() bool {
		st, err := s.hub.State("car-detection", "main")
		return err == nil && st.FPS > 0
	})
	var waits []time.Duration
	for b.Loop() {
		v := newBrowser(b, false)
		_, asked := v.watch(b, s.hub, "car-detection")
		eventually(b, 10*time.Second, "a picture", func() bool { return v.count() > 0 })
		waits = append(waits, v.first.Sub(asked))
		if err := v.pc.Close(); err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(waits)
	b.ReportMetric(ms(waits[len(waits)/2]), "first-p50-ms")
	b.ReportMetric(ms(waits[len(waits)*95/100]), "first-p95-ms")
}

// BenchmarkRelayDelay prints the time from a camera's sending to a viewer's whole picture, with 16 viewers.
func BenchmarkRelayDelay(b *testing.B) {
	s := newSite(b, footage, "forecourt-live")
	var wall []*browser
	for range 16 {
		v := newBrowser(b, false)
		v.watch(b, s.hub, "forecourt-live")
		wall = append(wall, v)
	}
	for _, v := range wall {
		eventually(b, 10*time.Second, "pictures", func() bool { return v.count() > 15 })
		v.mu.Lock()
		v.delays = nil // those of the first group are old by intention
		v.mu.Unlock()
	}
	for b.Loop() {
		for _, v := range wall {
			n := v.count()
			eventually(b, 5*time.Second, "another picture", func() bool { return v.count() > n })
		}
	}
	var all []time.Duration
	for _, v := range wall {
		v.mu.Lock()
		all = append(all, v.delays...)
		v.mu.Unlock()
	}
	slices.Sort(all)
	b.ReportMetric(ms(all[len(all)/2]), "delay-p50-ms")
	b.ReportMetric(ms(all[len(all)*99/100]), "delay-p99-ms")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
