package view

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"sync"
	"time"

	"siaga/internal/watch"
)

// Limits of making a snapshot.
const (
	snapshotTime   = 5 * time.Second
	snapshotAtOnce = 2
	maxJPEG        = 16 << 20
)

// ErrNoFFmpeg says that the program which decodes snapshots is not installed.
var ErrNoFFmpeg = errors.New("view: snapshots need ffmpeg, which is not installed (apt install ffmpeg)")

// shooter makes JPEG pictures. A child process decodes, which keeps hostile bitstreams out of this one.
type shooter struct {
	program string
	slots   chan struct{}

	mu   sync.Mutex
	made map[*unit]*picture // pictures made or being made, young ones only
}

// picture is one JPEG, there when done is closed.
type picture struct {
	done  chan struct{}
	begun time.Time
	jpeg  []byte
	err   error
}

func newShooter(program string) *shooter {
	if program == "" {
		program = "ffmpeg"
	}
	return &shooter{program: program, slots: make(chan struct{}, snapshotAtOnce), made: map[*unit]*picture{}}
}

// Snapshot returns a JPEG of a device's main stream, or its sub stream when there is no main, and when the
// picture was taken. Errors: *NotLive, ErrNoFFmpeg, ctx.Err().
func (h *Hub) Snapshot(ctx context.Context, device string) ([]byte, time.Time, error) {
	var last error
	for _, name := range []string{"main", "sub"} {
		s, err := h.find(device, name)
		if err != nil {
			if last == nil {
				last = err
			}
			continue
		}
		u := s.keyFrame()
		if u == nil {
			last = &NotLive{Device: device, Stream: name}
			continue
		}
		jpeg, err := h.shot.take(ctx, u)
		return jpeg, u.au.At, err
	}
	return nil, time.Time{}, last
}

// take makes a picture of a key frame, or waits for the one that is being made of the same.
func (s *shooter) take(ctx context.Context, u *unit) ([]byte, error) {
	if u.au.Format.Codec == watch.MJPEG {
		return u.au.Data[0], nil
	}
	p, mine := s.claim(u)
	if mine {
		p.jpeg, p.err = s.decode(ctx, u)
		close(p.done)
		if p.err != nil {
			s.forget(u)
		}
	}
	select {
	case <-p.done:
		if !mine && errors.Is(p.err, context.Canceled) {
			return nil, fmt.Errorf("view: snapshot: the one who asked first gave up; ask again: %w", p.err)
		}
		return p.jpeg, p.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *shooter) claim(u *unit) (p *picture, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, old := range s.made {
		if time.Since(old.begun) > 2*snapshotTime {
			delete(s.made, k)
		}
	}
	if p = s.made[u]; p != nil {
		return p, false
	}
	p = &picture{done: make(chan struct{}), begun: time.Now()}
	s.made[u] = p
	return p, true
}

func (s *shooter) forget(u *unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.made, u)
}

func (s *shooter) decode(ctx context.Context, u *unit) ([]byte, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, snapshotTime)
	defer cancel()
	demuxer := "h264"
	if u.au.Format.Codec == watch.H265 {
		demuxer = "hevc"
	}
	cmd := exec.CommandContext(ctx, s.program, "-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1",
		"-f", demuxer, "-i", "pipe:0", "-frames:v", "1", "-q:v", "4", "-f", "mjpeg", "pipe:1")
	cmd.WaitDelay = time.Second
	cmd.Stdin = bytes.NewReader(annexB(&u.au))
	var out, say capped
	out.limit, say.limit = maxJPEG, 4096
	cmd.Stdout, cmd.Stderr = &out, &say
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return nil, ErrNoFFmpeg
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("view: snapshot: %w: %s", err, strings.TrimSpace(say.buf.String()))
	}
	if !bytes.HasPrefix(out.buf.Bytes(), []byte{0xff, 0xd8}) {
		return nil, fmt.Errorf("view: snapshot: the key frame cannot be decoded: %s", strings.TrimSpace(say.buf.String()))
	}
	return out.buf.Bytes(), nil
}

// capped keeps the first limit bytes and swallows the rest.
type capped struct {
	buf   bytes.Buffer
	limit int
}

func (c *capped) Write(p []byte) (int, error) {
	if room := c.limit - c.buf.Len(); room > 0 {
		c.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// JPEG makes a picture of any key frame, one that a test of a camera found for example. Errors: ErrNoFFmpeg, ctx.Err().
func (h *Hub) JPEG(ctx context.Context, au watch.AccessUnit) ([]byte, error) {
	return h.shot.take(ctx, &unit{au: au, got: time.Now()})
}
