package web

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limit is how often one address may do something.
type limit struct {
	name  string
	every rate.Limit
	burst int
}

var (
	generalLimit = limit{"general", 200, 600} // a wall of tiles asks for many things at once when it opens
	socketLimit  = limit{"socket", 10, 100}
)

// limits holds a bucket per address and limit.
type limits struct {
	mu      sync.Mutex
	buckets map[limitKey]*rate.Limiter
	off     bool
}

func newLimits(off bool) *limits {
	return &limits{buckets: map[limitKey]*rate.Limiter{}, off: off}
}

type limitKey struct{ address, name string }

// maxBuckets bounds the memory that addresses can take; beyond it the full buckets, which say nothing, are dropped.
const maxBuckets = 10_000

// wait takes one from the bucket, or says how long until there is one again.
func (l *limits) wait(address string, of limit) time.Duration {
	if l.off {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := limitKey{address, of.name}
	b, ok := l.buckets[key]
	if !ok {
		l.makeRoom()
		b = rate.NewLimiter(of.every, of.burst)
		l.buckets[key] = b
	}
	r := b.Reserve()
	if d := r.Delay(); d > 0 {
		r.Cancel()
		return d
	}
	return 0
}

func (l *limits) makeRoom() {
	if len(l.buckets) < maxBuckets {
		return
	}
	for key, b := range l.buckets {
		if b.Tokens() >= float64(b.Burst()) {
			delete(l.buckets, key)
		}
	}
	if len(l.buckets) >= maxBuckets {
		clear(l.buckets) // a flood from ten thousand addresses: start afresh rather than grow
	}
}
