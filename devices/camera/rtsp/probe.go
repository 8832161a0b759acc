package rtsp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"sync"
	"time"

	"siaga/devices"
	"siaga/internal/watch"
)

// How long a look takes: until its picture is there and this much video was seen, and never longer than probeTime.
const (
	probeTime   = 10 * time.Second
	lookFor     = 1500 * time.Millisecond
	lookFrames  = 8
	longGOP     = 4 * time.Second
	clockNotice = 5 * time.Second
)

var _ devices.Prober = (*device)(nil)

// Probe plays main and then sub for a moment. It returns before ctx's deadline, after 10 s at most. A main
// stream that cannot be played is a *watch.Fault; a sub stream that cannot is a note.
func (d *device) Probe(ctx context.Context) (devices.Probe, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	if end, ok := ctx.Deadline(); ok {
		// Leave a moment to hang up and answer.
		ctx, cancel = context.WithDeadline(ctx, end.Add(-min(300*time.Millisecond, time.Until(end)/4)))
		defer cancel()
	}
	l, err := d.look(ctx, "main", d.config.main)
	if err != nil {
		return devices.Probe{}, err
	}
	p := devices.Probe{Picture: l.picture, Streams: []devices.ProbedStream{l.describe()}, Notes: l.notes()}
	if l.s.software != "" {
		p.Device = map[string]string{"software": l.s.software}
	}
	p.Notes = append(p.Notes, d.passwordNotes(l.s.asked)...)
	if d.config.sub != nil {
		sub, err := d.look(ctx, "sub", d.config.sub)
		if err != nil {
			p.Notes = append(p.Notes, "the sub stream cannot be played: "+err.Error())
			return p, nil
		}
		p.Streams = append(p.Streams, sub.describe())
		p.Notes = append(p.Notes, sub.notes()...)
	}
	return p, nil
}

// look is what was seen of one stream.
type look struct {
	s       *session
	enough  chan struct{}
	mu      sync.Mutex
	picture *watch.AccessUnit
	pts     []int64 // of every frame
	keys    []int64 // of the key frames
	back    bool    // a PTS stepped back: B-frames
}

// deaf is a host that hears nothing: a look reports nothing.
type deaf struct{}

func (deaf) Observe(context.Context, watch.Reading) (devices.Receipt, error) { return nil, nil }
func (deaf) Media(watch.AccessUnit)                                          {}

func (d *device) look(ctx context.Context, stream string, u *url.URL) (*look, error) {
	l := &look{enough: make(chan struct{})}
	reports := newReporter(deaf{})
	l.s = d.session(stream, u, l.take, reports)
	seeing, stop := context.WithCancel(ctx)
	defer stop()
	var rest sync.WaitGroup
	rest.Go(reports.run)
	rest.Go(func() {
		select {
		case <-l.enough:
		case <-seeing.Done():
		}
		stop()
	})
	err := l.s.run(seeing)
	stop()
	reports.close()
	rest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.picture != nil {
		return l, nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = faultOf("looking at "+stream+" "+l.s.url.Redacted(), l.nothing(err))
	}
	return nil, err
}

// nothing says what was missing when the time was over.
func (l *look) nothing(err error) error {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	switch {
	case l.s.runID == 0:
		return errSlow
	case l.s.heard:
		return errNoKeyFrames
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return errNoFrames
	}
	return err
}

func (l *look) take(au watch.AccessUnit) {
	if !au.Format.Codec.Video() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.picture == nil {
		l.picture = &au
	}
	if n := len(l.pts); n > 0 && au.PTS < l.pts[n-1] {
		l.back = true
	}
	l.pts = append(l.pts, au.PTS)
	if au.Key {
		l.keys = append(l.keys, au.PTS)
	}
	seen := duration(au.PTS-l.pts[0], au.Format.ClockRate)
	if len(l.pts) >= lookFrames && seen >= lookFor {
		select {
		case <-l.enough:
		default:
			close(l.enough)
		}
	}
}

func (l *look) describe() devices.ProbedStream {
	f := l.picture.Format
	p := devices.ProbedStream{Name: l.s.stream, Codec: string(f.Codec), Width: f.Width, Height: f.Height}
	if step := l.step(); step > 0 {
		p.FPS = math.Round(float64(f.ClockRate)/float64(step)*10) / 10
	}
	for _, o := range l.picture.Formats {
		if !o.Codec.Video() {
			p.Audio = string(o.Codec)
		}
	}
	return p
}

// step is the usual distance between two pictures. B-frames come out of order, so the times are sorted first.
func (l *look) step() int64 {
	pts := slices.Sorted(slices.Values(l.pts))
	var steps []int64
	for i := 1; i < len(pts); i++ {
		steps = append(steps, pts[i]-pts[i-1])
	}
	if len(steps) == 0 {
		return 0
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

func (l *look) notes() []string {
	var notes []string
	f := l.picture.Format
	add := func(format string, args ...any) { notes = append(notes, l.s.stream+": "+fmt.Sprintf(format, args...)) }
	if l.back {
		add("the video has B-frames, which live view over WebRTC cannot carry; it will be shown the slower way. " +
			"Switch B-frames off in the camera if it allows that")
	}
	if f.Codec == watch.H265 {
		add("H.265 is not shown by every browser; H.264 is")
	}
	if l.s.audioNot != "" {
		add("audio as %s is not carried; set AAC, G.711 or Opus", l.s.audioNot)
	}
	if len(l.keys) > 1 {
		if gop := duration(l.keys[1]-l.keys[0], f.ClockRate); gop > longGOP {
			add("key frames are %.1f s apart; 1 or 2 s lets recording and live view begin sooner", gop.Seconds())
		}
	}
	l.s.mu.Lock()
	clock := l.s.tracks[0].sender
	l.s.mu.Unlock()
	if clock.known && clock.offset.Abs() > clockNotice {
		add("the camera's clock differs from ours by %s; set its time server", clock.offset.Round(time.Second))
	}
	return notes
}

func (d *device) passwordNotes(asked bool) []string {
	switch {
	case !asked:
		return []string{"the camera shows its picture to anybody, without a password; set one"}
	case d.config.password == "" || slices.Contains(defaultPasswords(), d.config.password):
		return []string{"this looks like the password the camera was delivered with; change it before use"}
	}
	return nil
}

// defaultPasswords are those that cameras are delivered with.
func defaultPasswords() []string {
	return []string{
		"admin", "12345", "123456", "1234", "1111", "111111", "123456789", "888888", "666666", "000000",
		"password", "pass", "root", "user", "camera", "service", "system", "ubnt", "4321", "9999", "meinsm", "jvc",
		"ikwd", "hikadmin", "admin123", "abcd1234", "Admin12345", "tlJwpbo6", "xmhdipc", "wbox",
	}
}
