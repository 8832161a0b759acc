package view

import (
	"sync"
	"time"

	"siaga/internal/watch"
)

// unit is one access unit on its way to viewers; its packets are made once for all of them.
type unit struct {
	au      watch.AccessUnit
	got     time.Time
	bframes bool // the stream is known to have B-frames by now
	once    sync.Once
	packets [][]byte
}

func (u *unit) video() bool { return u.au.Format.Codec.Video() }

// start reports whether a viewer can begin here.
func (u *unit) start() bool { return u.au.Key && u.video() }

// stream is the live side of one stream.
type stream struct {
	mu      sync.Mutex
	taps    map[*tap]struct{}
	gop     []*unit // from the last key frame; empty after it outgrew its bounds
	gopSize int
	lastKey *unit
	last    time.Time // last picture came
	run     uint64
	format  *watch.Format // of the video
	audio   watch.Codec
	prevPTS int64
	bframes bool
	dropped uint64 // units that viewers missed
	rate    rate
	closed  bool
}

func newStream() *stream { return &stream{taps: map[*tap]struct{}{}} }

// tap is one viewer's place at a stream.
type tap struct {
	units   chan *unit
	ended   chan struct{} // closed when the stream is taken away or cannot be carried any more
	skip    bool          // until the next key frame; guarded by the stream
	dropped uint64        // guarded by the stream
}

func (s *stream) offer(au watch.AccessUnit, now time.Time) {
	u := &unit{au: au, got: now}
	s.mu.Lock()
	defer s.mu.Unlock()
	if au.Run != s.run {
		s.run, s.bframes, s.gop, s.gopSize = au.Run, false, nil, 0
		s.prevPTS = au.PTS - 1
	}
	if u.video() {
		s.noteVideo(u, now)
	} else {
		s.audio = au.Format.Codec
	}
	s.keep(u)
	for t := range s.taps {
		s.pass(t, u)
	}
}

func (s *stream) noteVideo(u *unit, now time.Time) {
	if s.format != u.au.Format {
		s.format, s.audio = u.au.Format, ""
		for _, f := range u.au.Formats {
			if !f.Codec.Video() {
				s.audio = f.Codec
			}
		}
	}
	if u.au.PTS < s.prevPTS {
		s.bframes = true
	}
	u.bframes = s.bframes
	s.prevPTS, s.last = u.au.PTS, now
	s.rate.add(now, u.au.Size())
}

// keep adds a unit to the group of pictures. A group that outgrows its bounds is given up until the next key
// frame: half a group shows nothing.
func (s *stream) keep(u *unit) {
	if u.start() {
		s.gop, s.gopSize, s.lastKey = nil, 0, u
	} else if len(s.gop) == 0 {
		return
	}
	s.gop = append(s.gop, u)
	s.gopSize += u.au.Size()
	if s.gopSize > maxGOP || len(s.gop) > maxGOPUnits {
		s.gop, s.gopSize = nil, 0
	}
}

// pass hands a unit to one viewer. A viewer whose queue is full misses everything up to a key frame.
func (s *stream) pass(t *tap, u *unit) {
	if t.skip {
		if !u.start() {
			t.dropped++
			s.dropped++
			return
		}
		t.skip = false
	}
	select {
	case t.units <- u:
	default:
		t.skip = true
		t.dropped++
		s.dropped++
	}
}

// join adds a viewer and returns the group of pictures so far; the units after it come through the tap.
func (s *stream) join() (*tap, []*unit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, ErrEnded
	}
	t := &tap{units: make(chan *unit, queueUnits), ended: make(chan struct{}), skip: len(s.gop) == 0}
	s.taps[t] = struct{}{}
	return t, append([]*unit(nil), s.gop...), nil
}

func (s *stream) leave(t *tap) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.taps, t)
}

// group returns the group of pictures so far, for a viewer whose decoder lost its way.
func (s *stream) group() []*unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*unit(nil), s.gop...)
}

func (s *stream) keyFrame() *unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastKey
}

func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for t := range s.taps {
		close(t.ended)
		delete(s.taps, t)
	}
}

// describe returns what a viewer needs to know before it joins.
func (s *stream) describe() (f *watch.Format, audio watch.Codec, age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last.IsZero() {
		age = time.Since(s.last)
	}
	return s.format, s.audio, age
}
