package rtsp_test

import (
	"testing"
	"time"
)

func TestRun_CountsLostPacketsAndSaysSoAtMostOnceASecond(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"tcp", "udp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			s := serve(t, oneCamera("forecourt-live.mp4"))
			p := play(t, device(t, map[string]any{"url": s.URL("cam1"), "transport": transport}, ""))
			p.until(t, 10*time.Second, "online", hasKind("camera.online"))
			if err := s.Lose("cam1", 10); err != nil {
				t.Fatal(err)
			}
			reports := func(h *host) (n int, lost int, last, gap time.Duration) {
				gap = time.Hour
				var before time.Time
				for _, r := range h.readings {
					if r.Kind != "camera.packets_lost" {
						continue
					}
					n++
					lost += body[struct{ Lost int }](t, &r).Lost
					if !before.IsZero() {
						gap = min(gap, r.Received.Sub(before))
					}
					before = r.Received
					if !r.Sample {
						t.Error("camera.packets_lost is not a sample")
					}
				}
				return n, lost, 0, gap
			}
			p.until(t, 15*time.Second, "three reports", func(h *host) bool { n, _, _, _ := reports(h); return n >= 3 })
			p.mu.Lock()
			defer p.mu.Unlock()
			if n, lost, _, gap := reports(p.host); lost < n || gap < 900*time.Millisecond {
				t.Errorf("%d reports of %d packets, %v apart at least", n, lost, gap)
			}
		})
	}
}
