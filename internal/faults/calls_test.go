package faults

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"siaga/internal/faultdisk"
)

// In the life of a site (open, forty facts, close) each single file operation fails once: the first in one life, the
// second in the next, and so on. Whatever the program makes of it, its receipts tell the truth, and the next start, half
// of the time after a power cut, is sound.
func TestFileOperation_MayFailAtAnyCall(t *testing.T) {
	calls := lifeCalls(t)
	lives := min(calls, times(t, "SIAGA_CALLS", 24))
	var ended, phantoms, next atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(lives) && !t.Failed(); i = next.Add(1) - 1 {
				nth := int(i) * calls / lives
				t.Run(fmt.Sprintf("call %d", nth+1), func(t *testing.T) {
					survived, phantom := failOnce(t, nth)
					phantoms.Add(int64(phantom))
					if !survived {
						ended.Add(1)
					}
				})
			}
		})
	}
	all.Wait()
	tell(t, fmt.Sprintf("each of %d file operations fails", calls), lives, 0, 0,
		fmt.Sprintf("%d lives ended with an error; %d refused facts came back", ended.Load(), phantoms.Load()))
}

// lifeCalls counts the operations of an undisturbed life.
func lifeCalls(t *testing.T) int {
	g := newRig(t, 0)
	seen := &faultdisk.Fault{After: 1 << 30}
	g.disk.Inject(seen)
	g.start("life").stop()
	return seen.Seen()
}

// failOnce lives one life in which one call fails, and the next. It reports whether the program stopped in order, and
// how many facts are there although their receipt said no.
func failOnce(t *testing.T, nth int) (survived bool, phantoms int) {
	g := newRig(t, 0)
	errno := [...]syscall.Errno{syscall.EIO, syscall.ENOSPC}[g.rand.IntN(2)]
	g.disk.Inject(&faultdisk.Fault{After: nth, Times: 1, Err: errno, Short: g.rand.IntN(2) == 0})
	p := g.start("life")
	survived = p.wait() == nil
	g.disk.Heal()
	if g.rand.IntN(2) == 0 {
		g.disk.Cut()
		must(t, g.disk.Unmount())
		must(t, g.disk.Recover(g.rand))
		must(t, g.disk.Mount(g.dir))
	}
	v := g.check()
	if v == nil {
		return survived, 0
	}
	g.lost(v)
	for id := range g.refused {
		phantoms += v.Facts[id]
	}
	if t.Failed() {
		t.Logf("call %d failed with %v; the program said: %s", nth+1, errno, tail(p.errs.String()))
	}
	return survived, phantoms
}
