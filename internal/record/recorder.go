// Package record writes the cameras' video to disk as segments, and accounts for every second of every stream: it is
// either recorded or a gap with a reason. docs/design/0004-recording.md says how and why.
package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"siaga/internal/journal"
	"siaga/internal/watch"
)

// Defaults of Options.
const (
	DefaultFileLength = 60 * time.Second
	DefaultRingBytes  = 4 << 20
)

// Options are what a recorder needs.
type Options struct {
	Dir     string           // the data directory, which exists
	Journal *journal.Journal // with Projection() among its projections
	// Retention says how long video is kept; SetRetention changes it later.
	Retention Retention
	// FileLength is the greatest length of a file whose stream has key frames more often; 0 means DefaultFileLength.
	FileLength time.Duration
	// RingBytes bounds what waits for the disk, per stream; 0 means DefaultRingBytes.
	RingBytes int
	// Zone returns the zone of a device for the envelope of its events; nil gives none. It MUST NOT block.
	Zone func(device string) string
	// JanitorEvery is how often retention and disk space are looked at; 0 means every 30 s.
	JanitorEvery time.Duration
}

// Recorder records streams while Run runs. All its methods may be called from any goroutine.
type Recorder struct {
	Metrics Metrics

	opt       Options
	clock     *clock
	disk      *disk
	syncer    *syncer
	full      atomic.Bool // the disk is full and nothing may be deleted: no video is written
	level     atomic.Int32
	pressure  chan struct{} // cap 1: a write found no room
	retention atomic.Pointer[Retention]
	parts     sync.Pool // of *[]byte: what parts are put together in, shared by all streams

	mu       sync.Mutex                      // guards what follows, and the swap of streams
	streams  atomic.Pointer[map[key]*stream] // copied on write: Offer reads it without a lock
	start    func(*stream, line)             // set while Run runs
	closed   bool                            // Run has begun to end
	scanGate chan struct{}                   // bounds how many files are recovered at once
}

// New makes a recorder. It does no I/O and starts nothing.
func New(o Options) (*Recorder, error) {
	if o.Dir == "" || o.Journal == nil {
		return nil, errors.New("record: Options need a data directory and a journal")
	}
	if o.FileLength <= 0 {
		o.FileLength = DefaultFileLength
	}
	if o.RingBytes <= 0 {
		o.RingBytes = DefaultRingBytes
	}
	if o.JanitorEvery <= 0 {
		o.JanitorEvery = 30 * time.Second
	}
	r := &Recorder{
		opt: o, clock: newClock(), disk: realDisk(), pressure: make(chan struct{}, 1), scanGate: make(chan struct{}, 2),
	}
	r.syncer = newSyncer(func() time.Time { return r.clock.now() }, &r.Metrics)
	r.streams.Store(&map[key]*stream{})
	r.retention.Store(&o.Retention)
	return r, nil
}

// Offer hands over one access unit. It never blocks: what does not fit into the stream's ring is dropped up to the
// next key frame, counted, and reported. Units of streams that are not expected are ignored.
func (r *Recorder) Offer(device string, au watch.AccessUnit) {
	s := (*r.streams.Load())[key{device, au.Stream}]
	if s == nil || au.Format == nil || len(au.Formats) == 0 || len(au.Data) == 0 || !slices.Contains(au.Formats, au.Format) {
		return
	}
	for _, d := range au.Data {
		if len(d) == 0 {
			return
		}
	}
	s.offer(&au, r.clock.now())
}

// StreamExpected says that a stream should be recorded from now on. Its time line begins with a gap `not_yet`, or goes
// on if it was known before. at is ours; zero means now.
func (r *Recorder) StreamExpected(device, name string, at time.Time) error {
	if !watch.ValidSlug(device) || name != "main" && name != "sub" {
		return fmt.Errorf("record: stream %.64q.%.64q: want a device's slug and main or sub: %w", device, name, watch.ErrInvalid)
	}
	k := key{device, name}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.New("record: stopped")
	}
	s := (*r.streams.Load())[k]
	if s == nil {
		s = r.admit(k)
		if r.start != nil {
			r.start(s, line{})
		}
	}
	s.want.Store(true)
	s.command(command{kind: cmdExpect, at: r.stamp(at)})
	return nil
}

// Interrupted says that a device's connection ended: its streams have a gap from their last frame on, with the reason
// inside err. A context's error, which is how a driver answers when told to stop, counts as shutdown. It does nothing
// for streams that Stopped switched off.
func (r *Recorder) Interrupted(device string, err error, at time.Time) {
	reason := watch.ReasonOf(err)
	if reason == watch.ReasonUnknown && errors.Is(err, context.Canceled) {
		reason = watch.ReasonShutdown
	}
	detail := ""
	if err != nil {
		detail = err.Error()
	}
	r.each(device, command{kind: cmdLost, at: r.stamp(at), reason: reason, detail: detail})
}

// StreamInterrupted is Interrupted for one stream of a device whose others go on.
func (r *Recorder) StreamInterrupted(device, name string, err error, at time.Time) {
	if s := (*r.streams.Load())[key{device, name}]; s != nil {
		s.command(command{kind: cmdLost, at: r.stamp(at), reason: watch.ReasonOf(err), detail: fmt.Sprint(err)})
	}
}

// Stopped says that a person switched a device off. by is the opaque id of the person.
func (r *Recorder) Stopped(device, by string, at time.Time) {
	for k, s := range *r.streams.Load() {
		if k.device == device {
			s.want.Store(false)
		}
	}
	r.each(device, command{kind: cmdStop, at: r.stamp(at), reason: watch.ReasonStopped, who: by})
}

// Removed says that a device is no longer part of the site: the time lines of its streams end. What is recorded stays
// until retention takes it.
func (r *Recorder) Removed(device, by string, at time.Time) {
	for k, s := range *r.streams.Load() {
		if k.device == device {
			s.want.Store(false)
		}
	}
	r.each(device, command{kind: cmdRemove, at: r.stamp(at), reason: watch.ReasonStopped, who: by})
}

func (r *Recorder) each(device string, c command) {
	for k, s := range *r.streams.Load() {
		if k.device == device {
			s.command(c)
		}
	}
}

func (r *Recorder) stamp(at time.Time) int64 {
	if at.IsZero() {
		at = r.clock.now()
	}
	return r.clock.since(at)
}

// admit makes a stream known; the caller holds mu.
func (r *Recorder) admit(k key) *stream {
	s := &stream{key: k, r: r, wake: make(chan struct{}, 1), ops: make(chan op, 64)}
	next := maps.Clone(*r.streams.Load())
	next[k] = s
	r.streams.Store(&next)
	return s
}

// pressed tells the janitor that a write found no room.
func (r *Recorder) pressed() {
	select {
	case r.pressure <- struct{}{}:
	default:
	}
}

// Recording reports whether a segment of the stream is being written.
func (r *Recorder) Recording(device, name string) bool {
	s := (*r.streams.Load())[key{device, name}]
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.live) > 0 && !s.live[len(s.live)-1].done
}

// stopTime is how long an orderly stop may wait for the disk and the journal.
const stopTime = 9 * time.Second

// Run sweeps up after the last run, then records until ctx ends, then closes every file and journals it. It returns
// when all of that is done, at the latest stopTime after ctx. The journal MUST run before it and outlast it. It MUST
// be called once.
func (r *Recorder) Run(ctx context.Context) error {
	if err := r.disk.mkdirs(r.opt.Dir, folder); err != nil {
		slog.Error("the folder of the video is not safe on the disk yet; each new file tries again", "err", err)
	}
	lines, err := r.sweep(ctx)
	if ctx.Err() != nil {
		return nil // stopped before it began
	}
	if err != nil {
		return err
	}
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx)) // for what is closed at the end
	defer cancel()
	var streams, rest sync.WaitGroup
	rest.Go(func() { r.syncer.run(hard) })
	rest.Go(func() { r.tick(ctx) })
	rest.Go(func() { r.janitor(ctx) })
	r.mu.Lock()
	r.start = func(s *stream, l line) {
		streams.Go(func() { (&writer{s: s, r: r}).run(ctx) })
		streams.Go(func() { r.keep(hard, s, l) })
	}
	for k := range lines {
		if (*r.streams.Load())[k] == nil {
			r.admit(k)
		}
	}
	for k, s := range *r.streams.Load() {
		r.start(s, lines[k])
	}
	r.mu.Unlock()
	<-ctx.Done()
	late := time.AfterFunc(stopTime, cancel)
	defer late.Stop()
	r.mu.Lock()
	r.closed, r.start = true, nil
	r.mu.Unlock()
	streams.Wait()
	cancel()
	rest.Wait()
	return nil
}

// keep runs the keeper of one stream from where its line stood.
func (r *Recorder) keep(ctx context.Context, s *stream, l line) {
	k := &keeper{s: s, r: r, active: l.active, era: l.era, lastEnd: l.lastEnd, open: l.open}
	k.resume(ctx, l)
	k.run(ctx)
}

// Periods of tick.
const (
	tickEvery   = 100 * time.Millisecond
	reportEvery = time.Second
)

// tick wakes writers whose time has come, watches the wall clock, and reports dropped frames.
func (r *Recorder) tick(ctx context.Context) {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	reported := r.clock.now()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			r.reportDropped(context.WithoutCancel(ctx))
			return
		}
		now := r.clock.now()
		late := now.Add(-tickEvery / 2).UnixNano()
		for _, s := range *r.streams.Load() {
			if late >= s.wakeAt.Load() {
				s.poke()
			}
		}
		if d := r.clock.look(); d != 0 {
			slog.Warn("the wall clock was set; recording follows at the next file", "by", d)
		}
		if now.Sub(reported) >= reportEvery {
			reported = now
			r.reportDropped(ctx)
		}
	}
}

// reportDropped journals what was dropped since the last time.
func (r *Recorder) reportDropped(ctx context.Context) {
	for k, s := range *r.streams.Load() {
		t := s.report()
		if t.units == 0 {
			continue
		}
		d, err := r.draft(KindDropped, k.device, map[string]any{
			"stream": k.stream, "frames": t.units, "bytes": t.bytes, "total": t.all, "reason": watch.ReasonDiskSlow,
		})
		if err == nil {
			_, err = r.opt.Journal.Append(ctx, d)
		}
		if err != nil {
			slog.Error("dropped frames not journaled", "stream", k.String(), "frames", t.units, "err", err)
		}
	}
}
