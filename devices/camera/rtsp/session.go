package rtsp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime/debug"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/headers"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"siaga/internal/watch"
)

// session plays one stream of a camera, once. Its packet callbacks run on the library's reader goroutines,
// which live inside run.
type session struct {
	config  config
	stream  string // main or sub
	url     *url.URL
	nextRun func() uint64
	media   func(watch.AccessUnit)
	watched func(stream string) bool
	reports *reporter

	online chan struct{} // closed at the first key frame
	news   chan struct{} // something for the loop to report now
	broken chan struct{} // closed when a callback failed; failure says how

	// What follows is set before the first packet and not changed then.
	runID     uint64
	paced     *pacedConn
	transport gortsplib.Transport
	tracks    []*track
	audioNot  string
	start     time.Time // PLAY was sent
	asked     bool      // the camera asked for a password
	server    string    // what the camera calls itself
	software  string    // server, or what the session description says instead

	mu        sync.Mutex // guards what follows, and the tracks, against several reader goroutines
	formats   []*watch.Format
	heard     bool      // any packet came
	started   bool      // a key frame came
	lastVideo time.Time // last finished picture
	changed   bool      // a format changed since it was last reported
	lost      uint64    // packets, in this run
	undecoded uint64
	failure   error
}

// run connects, plays and returns why it ended.
func (s *session) run(ctx context.Context) error {
	err := s.runTransports(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return faultOf("playing "+s.stream+" "+s.url.Redacted(), err)
}

// runTransports tries one transport, and the other where the first is refused or silent.
func (s *session) runTransports(ctx context.Context) error {
	first, second := gortsplib.TransportTCP, gortsplib.TransportUDP
	if s.config.transport == "udp" {
		first, second = second, first
	}
	only := s.config.transport == "tcp" || s.url.Scheme == "rtsps"
	err := s.follow(ctx, first, !only)
	if only || ctx.Err() != nil || !refusesTransport(err) {
		return err
	}
	return s.follow(ctx, second, false)
}

// follow connects and follows redirects that stay on the same host and scheme: a camera may move a path, but
// MUST NOT send our password elsewhere.
func (s *session) follow(ctx context.Context, transport gortsplib.Transport, second bool) error {
	for hops := 0; ; hops++ {
		next, err := s.connect(ctx, transport, second)
		if !errors.Is(err, errRedirect) || next == nil || hops == 2 {
			return err
		}
		if next.Scheme != s.url.Scheme || next.Hostname() != s.url.Hostname() {
			return fmt.Errorf("%w to %s", errRedirect, next.Redacted())
		}
		next.User = nil
		s.url = next
	}
}

// connect plays over one connection until it breaks. second says that another transport is left to try.
func (s *session) connect(ctx context.Context, transport gortsplib.Transport, second bool) (*url.URL, error) {
	var redirect *url.URL
	dial := &dialer{url: s.url, config: s.config}
	c := &gortsplib.Client{
		Scheme: "rtsp", Host: hostPort(s.url), Transport: &transport,
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, UserAgent: "siaga",
		DialContext: dial.dial, ListenPacket: listenUDP,
		OnResponse: func(r *base.Response) {
			s.asked = s.asked || r.StatusCode == base.StatusUnauthorized
			if n := r.Header["Server"]; len(n) == 1 {
				s.server = n[0]
			}
			if l := r.Header["Location"]; len(l) == 1 {
				if u, err := base.ParseURL(l[0]); err == nil {
					redirect = (*url.URL)(u)
				}
			}
		},
		OnPacketsLost: func(uint64) {}, // counted by order, for both paths
		OnDecodeError: func(error) { s.mu.Lock(); s.undecoded++; s.mu.Unlock() },
	}
	if err := c.Start2(); err != nil {
		return nil, err
	}
	defer c.Close()
	s.transport = transport
	if err := s.open(ctx, c, dial); err != nil {
		return redirect, err
	}
	var wait sync.WaitGroup
	ended := make(chan error, 1)
	wait.Go(func() { ended <- c.Wait() })
	err := s.watch(ctx, ended, second && transport == gortsplib.TransportUDP)
	c.Close()
	wait.Wait()
	return nil, err
}

// open describes, sets up and plays within openTimeout.
func (s *session) open(ctx context.Context, c *gortsplib.Client, dial *dialer) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { c.Close(); close(closed) })
	err := s.setUp(c, dial)
	if !stop() {
		<-closed
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return errSlow
		}
		return context.Canceled
	}
	return err
}

func (s *session) setUp(c *gortsplib.Client, dial *dialer) error {
	u := (*base.URL)(s.url).Clone()
	if s.config.username != "" {
		u.User = url.UserPassword(s.config.username, s.config.password)
	}
	desc, res, err := c.Describe(u)
	if err != nil {
		return err
	}
	s.software = softwareOf(s.server, res.Body)
	tracks, audioNot, err := pickTracks(desc)
	if err != nil {
		return err
	}
	direct := &directTable{}
	for _, t := range tracks {
		res, err := c.Setup(desc.BaseURL, t.media, 0, 0)
		if err != nil {
			return err
		}
		if ch, ok := rtpChannel(res); ok && s.transport == gortsplib.TransportTCP {
			direct[ch] = func(packet []byte) { s.onBytes(t, packet) }
		} else {
			c.OnPacketRTP(t.media, t.wire, func(pkt *rtp.Packet) { s.onPacket(t, pkt) })
		}
		c.OnPacketRTCP(t.media, func(pkt rtcp.Packet) { s.onControl(t, pkt) })
	}
	s.begin(tracks, audioNot)
	dial.conn.direct.Store(direct)
	s.paced = dial.paced
	s.paced.play(true) // until a picture shows whether anybody watches
	_, err = c.Play(nil)
	return err
}

// rtpChannel is the interleaved channel that the camera chose for a track's packets.
func rtpChannel(setup *base.Response) (int, bool) {
	var h headers.Transport
	if h.Unmarshal(setup.Header["Transport"]) != nil || h.InterleavedIDs == nil {
		return 0, false
	}
	ch := h.InterleavedIDs[0]
	return ch, ch >= 0 && ch < len(directTable{})
}

// begin resets what belongs to one connection.
func (s *session) begin(tracks []*track, audioNot string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runID, s.tracks, s.audioNot, s.start = s.nextRun(), tracks, audioNot, time.Now()
	s.heard, s.started, s.changed, s.lost, s.undecoded = false, false, false, 0, 0
	s.lastVideo = s.start
	for _, t := range tracks {
		t.emit, t.changed = s.emit, s.onFormat
	}
	s.collectFormats()
}

// collectFormats makes a new list, because units already handed out hold the old one.
func (s *session) collectFormats() {
	s.formats = make([]*watch.Format, len(s.tracks))
	for i, t := range s.tracks {
		s.formats[i] = t.format
	}
}

// onPacket takes a packet from the library.
func (s *session) onPacket(t *track, pkt *rtp.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.guard()
	s.push(t, pkt)
}

// onBytes takes a packet straight from the socket's buffer, which is only valid during the call.
func (s *session) onBytes(t *track, packet []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.guard()
	pkt := &t.packet
	if pkt.Unmarshal(packet) != nil {
		s.undecoded++
		return
	}
	if pkt.PayloadType != t.wire.PayloadType() {
		return
	}
	if !t.depack.copies() {
		pkt.Payload = bytes.Clone(pkt.Payload)
	}
	s.push(t, pkt)
}

// push counts lost packets and takes the packet apart; s.mu is held.
func (s *session) push(t *track, pkt *rtp.Packet) {
	if s.heard = true; t.numbered {
		// A larger hole is a camera that restarted its counter, or a packet that came twice.
		if lost := pkt.SequenceNumber - t.next; lost < maxLoss {
			s.lost += uint64(lost)
		}
	}
	t.numbered, t.next = true, pkt.SequenceNumber+1
	if t.depack.push(pkt, t) != nil {
		s.undecoded++
	}
}

// guard turns a panic on a packet into the end of this session: it would otherwise end the program, since the
// goroutine is the library's.
func (s *session) guard() {
	if r := recover(); r != nil && s.failure == nil {
		s.failure = fmt.Errorf("%w: %v\n%s", errPanic, r, debug.Stack())
		close(s.broken)
	}
}

// emit hands on one frame; s.mu is held.
func (s *session) emit(t *track, ts uint32, data [][]byte, key bool) {
	now := time.Now()
	pts := t.time.at(ts, now.Sub(s.start))
	if t.format.Codec.Video() {
		s.lastVideo = now
		s.paced.play(s.watched(s.stream))
		if !s.started && key && complete(t.format) {
			s.started = true
			s.tell()
		}
	}
	if !s.started {
		return
	}
	at, fromSender := t.sender.wall(ts, now)
	s.media(watch.AccessUnit{
		Stream: s.stream, Run: s.runID, Formats: s.formats, Format: t.format,
		PTS: pts, At: at, FromSender: fromSender, Key: key, Data: data,
	})
}

// onFormat notes a changed format; s.mu is held.
func (s *session) onFormat(*track) {
	s.collectFormats()
	if s.started {
		s.changed = true
		s.tell()
	}
}

func (s *session) tell() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *session) onControl(t *track, pkt rtcp.Packet) {
	if sr, ok := pkt.(*rtcp.SenderReport); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		t.sender.report(sr.NTPTime, sr.RTPTime, time.Now())
	}
}

// maxLoss is the largest hole in the numbers that is believed.
const maxLoss = 10_000
