package record

import (
	"sync/atomic"
	"time"
)

// stepTolerance is how far the wall clock may run from site time before site time follows it.
const stepTolerance = 2 * time.Second

// clock is the site's time for coverage: the wall clock as it stood when the program started, plus monotonic time
// since, plus the steps taken after it. It only follows a step at the border between two spans of a stream, so that
// spans tile whatever happens to the wall clock.
type clock struct {
	now    func() time.Time // with the monotonic reading
	wall   func() time.Time
	anchor time.Time
	base   time.Time // wall clock at anchor
	step   atomic.Int64
}

func newClock() *clock {
	c := &clock{now: time.Now, wall: time.Now}
	c.start()
	return c
}

// start fixes the origin; tests set now and wall first.
func (c *clock) start() {
	c.anchor, c.base = c.now(), c.wall().Round(0)
}

// since returns the site time of t before any step, in milliseconds.
func (c *clock) since(t time.Time) int64 {
	return c.base.Add(t.Sub(c.anchor)).UnixMilli()
}

// unit returns when a unit was taken, before any step. At is kept within two seconds of its arrival: a camera's
// clock may colour the time of a frame, but not decide it.
func (c *clock) unit(at, arrived time.Time) int64 {
	late := arrived.Sub(at)
	if at.IsZero() || late < 0 || late > stepTolerance {
		late = 0
	}
	return c.since(arrived.Add(-late))
}

// site returns the present site time in milliseconds.
func (c *clock) site() int64 { return c.since(c.now()) + c.step.Load() }

// look compares site time with the wall clock, takes a step if they are too far apart and returns it.
func (c *clock) look() time.Duration {
	now := c.now()
	off := c.wall().UnixMilli() - c.since(now) - c.step.Load()
	if d := time.Duration(off) * time.Millisecond; d > stepTolerance || d < -stepTolerance {
		c.step.Add(off)
		return d
	}
	return 0
}
