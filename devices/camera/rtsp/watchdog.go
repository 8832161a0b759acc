package rtsp

import (
	"context"
	"time"

	"github.com/bluenviron/gortsplib/v4"

	"siaga/internal/watch"
)

// When a running session is given up, and how often it speaks.
const (
	tick          = 500 * time.Millisecond
	maxSilence    = 7 * time.Second // without a picture
	maxKeyless    = 30 * time.Second
	udpPatience   = 3 * time.Second
	lossEvery     = time.Second
	clockEvery    = 5 * time.Minute // a rule reads it, so each one is journaled; a moved clock is told at once
	changedEvery  = 10 * time.Second
	clockAtOnceMS = 500 // a clock that moved this far is reported at once
)

// watchdog is the loop beside a playing connection: it reports what the callbacks noted and sees silence.
type watchdog struct {
	s             *session
	saidOnline    bool
	lossAt        time.Time
	lost, broken  uint64
	clockAt       time.Time
	clockMS       int64
	changedAt     time.Time
	changePending bool
}

// watch returns when the connection ended, a callback failed, the camera fell silent, or ctx ended.
func (s *session) watch(ctx context.Context, ended <-chan error, otherTransport bool) error {
	w := &watchdog{s: s}
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			w.report(ctx, time.Now())
			return err
		case <-s.broken:
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.failure
		case <-s.news:
			w.report(ctx, time.Now())
		case now := <-t.C:
			w.report(ctx, now)
			if err := w.silence(now, otherTransport); err != nil {
				return err
			}
		}
	}
}

func (w *watchdog) silence(now time.Time, otherTransport bool) error {
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case otherTransport && !s.heard && now.Sub(s.start) > udpPatience:
		return errSilentUDP
	case now.Sub(s.lastVideo) > maxSilence:
		return errNoFrames
	case !s.started && now.Sub(s.start) > maxKeyless:
		return errNoKeyFrames
	}
	return nil
}

// report says what is new. Facts may wait for the queue; callbacks never do.
func (w *watchdog) report(ctx context.Context, now time.Time) {
	s := w.s
	s.mu.Lock()
	started, lost, broken := s.started, s.lost, s.undecoded
	w.changePending = w.changePending || s.changed
	s.changed = false
	body := s.onlineBody()
	sender := s.tracks[0].sender
	s.mu.Unlock()
	if started && !w.saidOnline {
		w.saidOnline, w.changePending = true, false
		w.online(ctx, body)
	}
	if w.changePending && now.Sub(w.changedAt) >= changedEvery {
		w.changedAt, w.changePending = now, false
		s.reports.fact(ctx, "camera.format_changed", body)
	}
	if (lost != w.lost || broken != w.broken) && now.Sub(w.lossAt) >= lossEvery {
		s.reports.sample("camera.packets_lost", time.Time{}, lossBody{
			Stream: s.stream, Lost: lost - w.lost, Broken: broken - w.broken, Total: lost,
			Seconds: int(now.Sub(s.start) / time.Second),
		})
		w.lossAt, w.lost, w.broken = now, lost, broken
	}
	w.clock(now, sender)
}

func (w *watchdog) online(ctx context.Context, body onlineBody) {
	kind := "camera.online"
	if w.s.stream != "main" {
		kind = "camera.sub_online"
	}
	w.s.reports.fact(ctx, kind, body)
	if about := (watch.Description{Software: w.s.software}); kind == "camera.online" && about.Software != "" {
		w.s.reports.fact(ctx, watch.KindDescribed, about)
	}
	select {
	case <-w.s.online:
	default:
		close(w.s.online)
	}
}

func (w *watchdog) clock(now time.Time, c senderClock) {
	if !c.known || w.s.stream != "main" {
		return
	}
	ms := c.offset.Milliseconds()
	moved := ms-w.clockMS > clockAtOnceMS || w.clockMS-ms > clockAtOnceMS
	if now.Sub(w.clockAt) < clockEvery && !(moved && now.Sub(w.clockAt) >= lossEvery) {
		return
	}
	w.clockAt, w.clockMS = now, ms
	w.s.reports.sample("camera.clock", now.Add(c.offset),
		clockBody{Stream: w.s.stream, OffsetMS: ms, Trusted: c.trusted})
}

// onlineBody describes the session; s.mu is held.
func (s *session) onlineBody() onlineBody {
	video := s.tracks[0]
	b := onlineBody{
		Stream: s.stream, Run: s.runID, Codec: video.format.Codec, Width: video.format.Width,
		Height: video.format.Height, AudioNot: s.audioNot, Transport: "tcp", Secure: s.url.Scheme == "rtsps",
		FromSender: video.sender.trusted,
	}
	if s.transport == gortsplib.TransportUDP {
		b.Transport = "udp"
	}
	if len(s.tracks) > 1 {
		b.Audio = s.tracks[1].format.Codec
	}
	return b
}
