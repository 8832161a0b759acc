package faults

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// The power fails at a random moment while three cameras record and facts are journaled. What was not synced is gone,
// in any mixture that a disk can leave. The site starts again by itself, every fact with a receipt is there, no file
// and no row is unsound, and at most two seconds of video are missing.
func TestPowerCut_LosesNoFactAndAtMostTwoSecondsOfVideo(t *testing.T) {
	const perDisk, together = 20, 8
	cycles := times(t, "SIAGA_CUTS", 16)
	var sum cuts
	var all sync.WaitGroup
	slots := make(chan struct{}, together)
	per := min(perDisk, max(1, cycles/together))
	for done := 0; done < cycles; done += per {
		n := min(per, cycles-done)
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			t.Run("disk", func(t *testing.T) { cutOften(t, n, &sum) })
		})
	}
	all.Wait()
	tell(t, "power cut under load", sum.cycles, sum.lost, sum.corrupt,
		fmt.Sprintf("%d facts; video lost: worst %s, %d of %d over 2 s", sum.facts, sum.worst, sum.over, sum.videos))
	if sum.over*20 > sum.videos {
		t.Errorf("%d of %d cameras lost more than two seconds", sum.over, sum.videos)
	}
}

// cuts sums up.
type cuts struct {
	mu                           sync.Mutex
	cycles, lost, corrupt, facts int
	videos, over                 int
	worst                        time.Duration
}

func cutOften(t *testing.T, n int, sum *cuts) {
	g := newRig(t, 0)
	for range n {
		p := g.start("site")
		time.Sleep(200*time.Millisecond + time.Duration(g.rand.Int64N(int64(3*time.Second))))
		at := time.Now().UnixMilli()
		g.disk.Cut()
		p.kill()
		must(t, g.disk.Unmount())
		must(t, g.disk.Recover(g.rand))
		must(t, g.disk.Mount(g.dir))
		v := g.check()
		sum.mu.Lock()
		sum.cycles++
		if v == nil || len(v.Findings) > 0 {
			sum.corrupt++
		}
		if v != nil {
			sum.lost += g.lost(v)
			sum.video(p, v, at)
		}
		sum.mu.Unlock()
		if t.Failed() {
			return
		}
	}
	sum.mu.Lock()
	sum.facts += len(g.receipts)
	sum.mu.Unlock()
}

// video adds what each camera lost: from the end of what is recorded to the last picture before the cut.
func (c *cuts) video(p *program, v *verdict, cut int64) {
	for camera, last := range p.last {
		end := max(v.VideoEnd[camera], p.first[camera])
		lost := time.Duration(min(last, cut)-end) * time.Millisecond
		c.videos++
		c.worst = max(c.worst, lost)
		if lost > 2*time.Second {
			c.over++
		}
	}
}
