package record

import (
	"sync"
	"sync/atomic"
	"time"

	"siaga/internal/watch"
)

// key names a stream.
type key struct{ device, stream string }

func (k key) String() string { return k.device + "." + k.stream }

// maxUnit is the largest access unit taken; a 4K key frame has 1 MB.
const maxUnit = 16 << 20

// stream is one feed that is or was to be recorded. The ring is filled by the driver's callback and emptied by the
// stream's writer; they only share what mu guards.
type stream struct {
	key  key
	r    *Recorder
	wake chan struct{} // cap 1: there is something to do
	ops  chan op       // from the writer to the keeper of the time line, in order

	want   atomic.Bool  // units are taken; set by commands as they arrive, before the writer sees them
	wakeAt atomic.Int64 // UnixNano from which a unit should wake the writer
	newest atomic.Int64 // UnixNano at which the last leading unit was offered

	mu       sync.Mutex
	ring     []item
	spare    []item // the other buffer, empty
	bytes    int
	dropping bool  // the ring was full; waiting for a key frame
	dropped  int64 // when that began, site time before any step
	lost     tally // not yet reported
	live     []*liveFile
}

// item is an access unit, or a command that takes effect at its place among the units.
type item struct {
	unit    watch.AccessUnit
	arrived time.Time
	taken   int64 // when the picture was taken, site time before any step
	lostAt  int64 // 0, or since when units before this one were dropped
	cmd     *command
}

type commandKind int

const (
	cmdExpect commandKind = iota // recording should happen from now
	cmdLost                      // the device's connection ended
	cmdStop                      // switched off by a person
	cmdRemove                    // no longer to be recorded
)

type command struct {
	kind   commandKind
	at     int64 // site time before any step
	reason watch.Reason
	who    string
	detail string
}

// tally counts what was dropped.
type tally struct {
	units, bytes int
	all          int
}

// offer takes a unit or drops it; it never waits.
func (s *stream) offer(au *watch.AccessUnit, now time.Time) {
	if !s.want.Load() {
		return
	}
	size := au.Size()
	lead := au.Format == au.Formats[leadOf(au.Formats)]
	if lead {
		s.newest.Store(now.UnixNano())
	}
	taken := s.r.clock.unit(au.At, now)
	s.mu.Lock()
	fits := size <= maxUnit && (s.bytes+size <= s.r.opt.RingBytes || len(s.ring) == 0)
	var lostAt int64
	switch {
	case s.dropping && lead && au.Key && fits && s.bytes <= s.r.opt.RingBytes/2:
		s.dropping, lostAt = false, s.dropped
	case s.dropping:
		s.drop(size)
		s.mu.Unlock()
		return
	case !fits:
		s.dropping, s.dropped = true, taken
		s.drop(size)
		s.mu.Unlock()
		s.poke()
		return
	}
	s.ring = append(s.ring, item{unit: *au, arrived: now, taken: taken, lostAt: lostAt})
	s.bytes += size
	s.mu.Unlock()
	if now.UnixNano() >= s.wakeAt.Load() {
		s.poke()
	}
}

func (s *stream) drop(size int) {
	s.lost.units++
	s.lost.bytes += size
	s.r.Metrics.Dropped.Add(1)
}

// command puts a command in its place among the units.
func (s *stream) command(c command) {
	s.mu.Lock()
	s.ring = append(s.ring, item{cmd: &c})
	s.mu.Unlock()
	s.poke()
}

// poke wakes the writer; it never blocks.
func (s *stream) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take empties the ring. The slice is the writer's until it calls take again.
func (s *stream) take() []item {
	s.mu.Lock()
	defer s.mu.Unlock()
	items := s.ring
	s.ring, s.spare = s.spare[:0], nil
	return items
}

// done gives the slice of take back and releases its frames. Units count against the ring until they are written.
func (s *stream) done(items []item) {
	n := 0
	for i := range items {
		n += items[i].unit.Size()
	}
	clear(items)
	if cap(items) > 4096 {
		items = nil
	}
	s.mu.Lock()
	s.bytes -= n
	s.spare = items
	s.mu.Unlock()
}

// report returns and resets what was dropped since the last call.
func (s *stream) report() tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost.all += s.lost.units
	t := s.lost
	s.lost.units, s.lost.bytes = 0, 0
	return t
}

// unresumed returns since when units are being dropped, 0 if they are not, and forgets it.
func (s *stream) unresumed() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.dropped
	if !s.dropping {
		at = 0
	}
	return at
}
