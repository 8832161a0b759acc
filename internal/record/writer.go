package record

import (
	"context"
	"hash/fnv"
	"time"

	"siaga/internal/watch"
)

// What the writer tolerates before a segment ends and a gap begins.
const (
	stallAfter = 7 * time.Second  // no unit at all: dead, as the drivers have it
	holeAfter  = time.Second      // missing in the camera's own time, or four frames if that is more
	fileMax    = 10 * time.Minute // no key frame for so long
	slack      = 100              // ms: a shorter hole between two segments is none
	retryFirst = time.Second      // after a failed file operation
	retryMost  = 3 * time.Second
)

// writer turns one stream's units into files. It runs on one goroutine, which never waits for the journal.
type writer struct {
	s    *stream
	r    *Recorder
	step int64 // of the site clock, as this stream follows it

	wanted  bool
	mux     *muxer
	file    *segFile  // nil until the first part of the segment is written
	live    *liveFile // nil: no segment under way
	limit   int64     // ms: how long the file may become
	start   int64     // site time of the segment
	lastEnd int64     // site time at which the last span ended
	lastAt  int64     // site time of the newest leading unit
	lastKey int64     // site time of the newest leading key frame
	ticks   int64     // media time in the file, in leading ticks
	maxPTS  int64     // of the leading track
	wall    string

	partAt  time.Time // arrival of the first unit of the part under way
	retryAt time.Time
	backoff time.Duration
}

func (w *writer) run(ctx context.Context) {
	defer close(w.s.ops)
	for {
		select {
		case <-w.s.wake:
			w.round()
		case <-ctx.Done():
			w.s.want.Store(false)
			w.round()
			w.shutdown()
			return
		}
	}
}

// round handles all that has arrived and what time has brought.
func (w *writer) round() {
	items := w.s.take()
	for i := range items {
		if items[i].cmd != nil {
			w.command(items[i].cmd)
		} else {
			w.unit(&items[i])
		}
	}
	w.s.done(items)
	now := w.r.clock.now()
	if w.live != nil && now.Sub(time.Unix(0, w.s.newest.Load())) > stallAfter {
		w.interrupt(watch.ReasonNoFrames, "", "")
	}
	if w.mux != nil && w.mux.first != 0 && now.Sub(w.partAt) >= partMax+50*time.Millisecond {
		w.flush(-1)
	}
	next := now
	if w.mux != nil && w.mux.first != 0 {
		next = w.partAt
	}
	w.s.wakeAt.Store(next.Add(partMax).UnixNano())
}

// unit takes one access unit.
func (w *writer) unit(it *item) {
	u := &it.unit
	if !w.wanted {
		return
	}
	at := it.taken + w.step
	lead := u.Format == u.Formats[leadOf(u.Formats)]
	w.split(u, it, at, lead)
	if w.live == nil && !(lead && u.Key && w.open(u, it)) {
		return
	}
	i := w.mux.indexOf(u.Format)
	if i < 0 {
		return
	}
	dts := w.mux.tracks[i].timing.next(u)
	if lead {
		if w.mux.first == 0 && w.file == nil {
			w.mux.begin(dts)
		} else if !w.lead(u, it, dts) {
			return
		}
		w.lastAt = max(it.taken+w.step, w.lastAt+1)
		w.maxPTS = max(w.maxPTS, u.PTS)
		if u.Key {
			w.lastKey = w.lastAt
		}
	}
	if w.mux.first == 0 {
		w.partAt = it.arrived
	}
	w.mux.add(i, dts, u, it.taken+w.step)
}

// split ends the segment under way where the unit cannot follow what is in it.
func (w *writer) split(u *watch.AccessUnit, it *item, at int64, lead bool) {
	if w.live == nil {
		return
	}
	switch {
	case w.r.full.Load():
		w.interrupt(watch.ReasonDiskFull, "", "")
	case it.lostAt != 0:
		w.interrupt(watch.ReasonDiskSlow, "", "")
	case !w.mux.carries(u):
		reason := watch.ReasonReset
		if u.Run == w.mux.run {
			reason = watch.ReasonProtocol // new formats without a key frame
		}
		if lead && u.Key && at-w.endAt() <= slack {
			if w.flush(-1) {
				w.finish(max(at, w.start+1))
			}
		} else {
			w.interrupt(reason, "", "")
		}
		w.mux = nil
	case lead && w.torn(u):
		w.interrupt(watch.ReasonNoFrames, "", "")
		w.mux = nil
	case lead && !u.Key && at-w.start > fileMax.Milliseconds():
		w.interrupt(watch.ReasonProtocol, "", "the camera sends no key frames")
	}
}

// torn reports whether frames are missing before the unit by the camera's own time, or that time has jumped.
func (w *writer) torn(u *watch.AccessUnit) bool {
	hole := max(w.mux.ticks(holeAfter), 4*w.mux.tracks[w.mux.lead].timing.frame)
	return u.PTS > w.maxPTS+hole || u.PTS < w.maxPTS-w.mux.ticks(2*time.Second)
}

// open begins a segment with a leading key frame. It reports whether there is one now.
func (w *writer) open(u *watch.AccessUnit, it *item) bool {
	if w.r.full.Load() {
		w.tell(op{kind: opLost, at: w.siteNow(), reason: watch.ReasonDiskFull})
		return false
	}
	if it.arrived.Before(w.retryAt) {
		return false
	}
	if w.mux == nil || !w.mux.carries(u) {
		m, err := newMuxer(u)
		if err != nil {
			w.mux = nil
			w.delay(it.arrived)
			w.tell(op{kind: opLost, at: w.siteNow(), reason: watch.ReasonUnsupported, detail: clip(err.Error())})
			return false
		}
		w.mux = m
	}
	w.maxPTS = u.PTS
	first := it.taken+w.step > w.lastEnd+slack
	w.step = w.r.clock.step.Load()
	w.begin(it.taken + w.step)
	if first {
		w.limit -= w.stagger()
	}
	w.wall = WallArrival
	if u.FromSender {
		w.wall = WallSender
	}
	return true
}

// begin makes the segment known. Arrival jitters: a start up to two seconds before the last end is that end.
func (w *writer) begin(at int64) {
	if early := w.lastEnd - at; early > 0 && early < stepTolerance.Milliseconds() {
		at = w.lastEnd
	}
	w.start, w.lastAt, w.lastKey = at, at-1, at
	w.limit = w.r.opt.FileLength.Milliseconds()
	w.live = &liveFile{start: at}
	w.s.publish(w.live)
}

// stagger shortens the first file of a stream, so that cameras that came together do not close their files together.
func (w *writer) stagger() int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(w.s.key.String())) // never fails
	return int64(h.Sum32()%997) * w.limit * 2 / 3 / 997
}

// lead decides what ends before a leading unit decoded at dts: the part, the file, or nothing. It reports whether the
// unit still has a file to go into.
func (w *writer) lead(u *watch.AccessUnit, it *item, dts int64) bool {
	at := it.taken + w.step
	if u.Key && at+(at-w.lastKey)-w.start > w.limit && at > w.start {
		if !w.flush(dts) {
			return false
		}
		w.finish(at)
		w.step = w.r.clock.step.Load()
		w.begin(it.taken + w.step)
		w.mux.begin(dts)
		return true
	}
	if w.mux.full(dts, u.Key) {
		return w.flush(dts)
	}
	return true
}

// endAt is the site time at which the newest leading frame ends.
func (w *writer) endAt() int64 {
	lead := w.mux.tracks[w.mux.lead].timing
	return w.lastAt + min(lead.frame*1000/w.mux.scale(), 2000)
}

func (w *writer) siteNow() int64 {
	w.step = w.r.clock.step.Load()
	return w.r.clock.site()
}

// interrupt ends the segment under way, if there is one, and says why there is no video from there on.
func (w *writer) interrupt(reason watch.Reason, who, detail string) {
	if w.live == nil || !w.flush(-1) {
		return
	}
	end := max(w.endAt(), w.start+1)
	w.finish(end)
	w.tell(op{kind: opLost, at: end, reason: reason, who: who, detail: clip(detail)})
}

// command takes effect between two units.
func (w *writer) command(c *command) {
	running := w.live != nil
	switch c.kind {
	case cmdExpect:
		w.wanted = true
		if !running {
			w.step = w.r.clock.step.Load()
		}
		w.tell(op{kind: opExpect, at: c.at + w.step})
		return
	case cmdLost:
		if !w.wanted {
			return
		}
	case cmdStop, cmdRemove:
		w.wanted = false
	}
	w.interrupt(c.reason, c.who, c.detail)
	w.mux = nil
	if !running {
		w.step = w.r.clock.step.Load()
		if c.kind != cmdRemove {
			w.tell(op{kind: opLost, at: c.at + w.step, reason: c.reason, who: c.who, detail: clip(c.detail)})
		}
	}
	if c.kind == cmdRemove {
		w.tell(op{kind: opRemove, at: max(c.at+w.step, w.lastEnd), who: c.who})
	}
}

// shutdown closes what is open because the program stops.
func (w *writer) shutdown() {
	if at := w.s.unresumed(); at != 0 && w.live != nil {
		w.interrupt(watch.ReasonDiskSlow, "", "")
	}
	if w.live != nil {
		w.interrupt(watch.ReasonShutdown, "", "")
		return
	}
	w.tell(op{kind: opLost, at: max(w.siteNow(), w.lastEnd), reason: watch.ReasonShutdown, final: true})
}

// tell hands an entry of the time line to its keeper.
func (w *writer) tell(o op) { w.s.ops <- o }
