package record

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"siaga/internal/watch"
)

// Metrics counts what the recorder does. All fields may be read while it runs.
type Metrics struct {
	Units       atomic.Uint64 // access units written
	Bytes       atomic.Uint64 // bytes written to segment files
	Parts       atomic.Uint64 // write calls
	Segments    atomic.Uint64 // files closed and journaled
	Recovered   atomic.Uint64 // files finished after a crash
	Dropped     atomic.Uint64 // access units that did not fit or could not be written
	DiskErrors  atomic.Uint64 // failed file operations
	Expired     atomic.Uint64 // files deleted by retention
	ExpiredSize atomic.Uint64 // their bytes
	Syncs       atomic.Uint64 // periodic syncs of open files
	SyncTime    atomic.Int64  // their total, nanoseconds
	// Exposures counts syncs by the age of the oldest unit they made durable: what a power cut just before would have
	// taken. Bucket i holds those up to ExposureBuckets[i].
	Exposures   [len(ExposureBuckets) + 1]atomic.Uint64
	MaxExposure atomic.Int64 // the greatest, nanoseconds
	MaxSync     atomic.Int64 // the slowest sync, nanoseconds
	Gaps        GapTime      // explained time without video
}

// GapTime adds up how long streams were without video, by reason.
type GapTime struct {
	mu sync.Mutex
	by map[watch.Reason]time.Duration
}

func (g *GapTime) add(why watch.Reason, d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.by == nil {
		g.by = map[watch.Reason]time.Duration{}
	}
	g.by[why] += d
}

// Total is the time of all gaps that ended since the start of the program, summed over streams, by reason.
func (g *GapTime) Total() map[watch.Reason]time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.by)
}

// ExposureBuckets are the upper bounds of Metrics.Exposures.
var ExposureBuckets = [...]time.Duration{
	time.Second, 1250 * time.Millisecond, 1500 * time.Millisecond, 1750 * time.Millisecond, 2 * time.Second,
	3 * time.Second, 5 * time.Second, 10 * time.Second,
}

func (m *Metrics) synced(took, exposed time.Duration) {
	m.Syncs.Add(1)
	m.SyncTime.Add(int64(took))
	i := 0
	for i < len(ExposureBuckets) && exposed > ExposureBuckets[i] {
		i++
	}
	m.Exposures[i].Add(1)
	raise(&m.MaxExposure, int64(exposed))
	raise(&m.MaxSync, int64(took))
}

// raise stores v if it is greater.
func raise(a *atomic.Int64, v int64) {
	for {
		have := a.Load()
		if v <= have || a.CompareAndSwap(have, v) {
			return
		}
	}
}

// Waiting is how many bytes of video wait for the disk, all streams together. It grows when the disk is too slow.
func (r *Recorder) Waiting() int64 {
	var n int64
	for _, s := range *r.streams.Load() {
		s.mu.Lock()
		n += int64(s.bytes)
		s.mu.Unlock()
	}
	return n
}
