package hub

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkBroadcast prints the time from an event's commit until the last of 500 viewers has it, beside a raw loop
// over 500 channels.
func BenchmarkBroadcast(b *testing.B) {
	const viewers = 500
	b.Run(fmt.Sprintf("hub-%d", viewers), func(b *testing.B) {
		l := newLog()
		h := newHub(b, l, nil)
		run(b, h)
		var wg sync.WaitGroup
		var got atomic.Int64
		all := make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(b.Context())
		for range viewers {
			c, err := h.Join(ctx, []string{"guard"}, From{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := c.Next(ctx); err != nil {
				b.Fatal(err)
			}
			wg.Go(func() {
				for {
					batch, err := c.Next(ctx)
					if err != nil {
						return
					}
					for _, m := range batch {
						if m.Data[2] == 's' && got.Add(1)%viewers == 0 {
							all <- struct{}{}
						}
					}
				}
			})
		}
		measure(b, func() { l.add(1); <-all })
		cancel()
		wg.Wait()
	})
	b.Run(fmt.Sprintf("raw-%d", viewers), func(b *testing.B) {
		var wg sync.WaitGroup
		var got atomic.Int64
		all := make(chan struct{}, 1)
		var lines []chan []byte
		for range viewers {
			line := make(chan []byte, 64)
			lines = append(lines, line)
			wg.Go(func() {
				for range line {
					if got.Add(1)%viewers == 0 {
						all <- struct{}{}
					}
				}
			})
		}
		data := make([]byte, 300)
		measure(b, func() {
			for _, line := range lines {
				line <- data
			}
			<-all
		})
		for _, line := range lines {
			close(line)
		}
		wg.Wait()
	})
}

func measure(b *testing.B, round func()) {
	var took []time.Duration
	for b.Loop() {
		started := time.Now()
		round()
		took = append(took, time.Since(started))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
