package record

import (
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"siaga/internal/watch"
)

// liveFile is a file that is being written, or closed but not yet journaled, as readers may see it. Guarded by the
// stream's mu.
type liveFile struct {
	path  string // final, relative to the data directory; "" until its first part is written
	start int64
	end   int64 // of what is written
	size  int64 // bytes of complete parts
	done  bool  // no more is written; it is being sealed
}

func (s *stream) publish(l *liveFile) {
	s.mu.Lock()
	s.live = append(s.live, l)
	s.mu.Unlock()
}

func (s *stream) retract(l *liveFile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.live {
		if s.live[i] == l {
			s.live = append(s.live[:i:i], s.live[i+1:]...)
			return
		}
	}
}

// flush writes the part under way with one call. next is the decoding time of the following leading unit, negative if
// none is known. It reports whether the segment goes on; if not, it has been ended and the gap told.
func (w *writer) flush(next int64) bool {
	m := w.mux
	if m == nil || m.first == 0 {
		return w.live != nil
	}
	first, units := m.first, m.count()
	begin := w.file == nil
	buf := w.r.borrow()
	defer w.r.giveBack(buf)
	if begin {
		if err := w.create(); err != nil {
			m.drop()
			return w.fail(err, first, units)
		}
		*buf = append(*buf, m.header...)
	}
	ticks, had := m.end(next), m.counts
	*buf = m.encode(*buf, next)
	err := w.file.write(*buf)
	if err != nil {
		m.counts = had
		return w.fail(err, first, units)
	}
	w.wrote(ticks, units, len(*buf), begin)
	if err := w.file.failed(); err != nil {
		return w.fail(err, max(w.endAt(), w.start+1), 0)
	}
	return true
}

// borrow gives an empty buffer for one part. Each stream having its own cost a fifth of the program's memory.
func (r *Recorder) borrow() *[]byte {
	if buf, ok := r.parts.Get().(*[]byte); ok {
		*buf = (*buf)[:0]
		return buf
	}
	return new([]byte)
}

// giveBack takes a buffer back, unless one very large picture made it: that must not stay in memory for ever.
func (r *Recorder) giveBack(buf *[]byte) {
	if cap(*buf) <= 2<<20 {
		r.parts.Put(buf)
	}
}

// wrote notes a part that is in the file.
func (w *writer) wrote(ticks int64, units, bytes int, begin bool) {
	w.backoff, w.ticks = 0, ticks
	w.r.syncer.wrote(w.file, w.partAt)
	w.s.mu.Lock()
	l := w.live
	l.size, l.end, l.path, l.start = w.file.size, w.start+ticks*1000/w.mux.scale(), w.file.path, w.start
	w.s.mu.Unlock()
	w.r.Metrics.Parts.Add(1)
	w.r.Metrics.Units.Add(uint64(units))
	w.r.Metrics.Bytes.Add(uint64(bytes))
	if begin {
		w.tell(op{kind: opBegin, at: w.start})
	}
}

// create makes the segment's file. A name that is taken, by a file from before the clock was set back, costs a
// millisecond.
func (w *writer) create() error {
	for range 20 {
		f, err := w.r.disk.openSegment(w.r.opt.Dir, segmentPath(w.s.key, w.start))
		if err == nil {
			w.file = f
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		w.start++
	}
	return fs.ErrExist
}

// fail ends the segment because a file operation failed: what is written before at is kept, the rest is a gap until
// a key frame after a pause. It returns false for flush to return.
func (w *writer) fail(err error, at int64, units int) bool {
	w.r.Metrics.DiskErrors.Add(1)
	w.r.Metrics.Dropped.Add(uint64(units))
	reason := diskReason(err)
	if reason == watch.ReasonDiskFull {
		w.r.pressed()
	}
	if w.backoff == 0 {
		slog.Error("video not written", "stream", w.s.key.String(), "err", err)
	}
	w.delay(w.r.clock.now())
	if w.file != nil && w.file.size == 0 {
		w.discard()
	}
	if w.file == nil {
		w.s.retract(w.live)
		w.live = nil
		at = max(w.start, w.lastEnd)
	} else {
		w.finish(max(at, w.start+1))
		at = w.lastEnd
	}
	w.tell(op{kind: opLost, at: at, reason: reason, detail: clip(err.Error())})
	return false
}

// discard removes a file into which nothing could be written.
func (w *writer) discard() {
	if err := errors.Join(w.file.abandon(), w.r.disk.remove(w.file.abs+openSuffix)); err != nil {
		slog.Error("empty file not removed", "err", err) // the next start's sweep does
	}
	w.file = nil
}

func (w *writer) delay(now time.Time) {
	w.backoff = min(max(2*w.backoff, retryFirst), retryMost)
	w.retryAt = now.Add(w.backoff)
}

// finish hands the segment under way to the keeper, who seals and journals it. Its time ends at end.
func (w *writer) finish(end int64) {
	seg := Segment{
		Device: w.s.key.device, Stream: w.s.key.stream, Start: watch.FromMillis(w.start), End: watch.FromMillis(end),
		Path: w.file.path, Bytes: w.file.size, Header: int64(len(w.mux.header)), Layout: w.mux.layout, Ticks: w.ticks,
		Timescale: w.mux.scale(), Frames: w.mux.counts[w.mux.lead].units, Tracks: w.mux.describe(), Wall: w.wall,
	}
	w.s.mu.Lock()
	w.live.done, w.live.end = true, end
	w.s.mu.Unlock()
	w.tell(op{kind: opEnd, at: end, file: w.file, seg: seg, live: w.live})
	w.live, w.file, w.lastEnd = nil, nil, end
}

// describe says what the tracks of the file hold.
func (m *muxer) describe() []Track {
	out := make([]Track, len(m.formats))
	for i, f := range m.formats {
		out[i] = Track{
			Codec: f.Codec, Clock: f.ClockRate, Width: f.Width, Height: f.Height, Chans: f.Channels,
			Runs: m.counts[i].runs, Units: m.counts[i].units,
		}
	}
	return out
}
