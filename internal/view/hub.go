// Package view brings live video to browsers.
//
// A Hub holds every live stream's last group of pictures. A new viewer gets it at once and then every frame
// as it comes: over WebRTC (WHEP, H.264 passed through) where the browser and the stream allow it, else as
// fragmented MP4 or JPEG frames for a websocket that web owns.
package view

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"siaga/internal/watch"
)

// Limits of one stream and one viewer.
const (
	maxGOP      = 8 << 20 // bytes of a stream's kept group of pictures
	maxGOPUnits = 600     // and units, audio included
	queueUnits  = 256     // units a viewer may be behind before it skips to the next key frame
	stale       = 8 * time.Second
)

// Options is what a Hub needs.
type Options struct {
	// Listen is the address for WebRTC media, UDP and TCP on one port: "0.0.0.0:8555", "127.0.0.1:0".
	// Empty: no WebRTC; every viewer is sent to the fMP4 path.
	Listen string
	// Announce are the IP addresses told to browsers instead of those of the interfaces that Listen covers,
	// for a server behind address translation. With several interfaces, Listen SHOULD then name one of them.
	Announce []string
	// FFmpeg is the program that makes snapshots; empty: "ffmpeg" from the path.
	FFmpeg string
	// MaxViewers bounds WebRTC viewers of the whole site; 0: 256.
	MaxViewers int
	Log        *slog.Logger // nil: discarded
}

type key struct{ device, stream string }

// Hub is the live side of every stream. Offer, Subscribe, State and Snapshot work before and after Run;
// Answer only while it runs.
type Hub struct {
	opts Options
	log  *slog.Logger
	shot *shooter

	mu      sync.RWMutex
	streams map[key]*stream

	peers *peers
}

// New makes a hub. It does no I/O.
func New(o Options) *Hub {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxViewers == 0 {
		o.MaxViewers = 256
	}
	h := &Hub{opts: o, log: o.Log, streams: map[key]*stream{}, shot: newShooter(o.FFmpeg)}
	h.peers = &peers{log: o.Log, limit: o.MaxViewers, sessions: map[string]*viewer{}}
	return h
}

// Run serves WebRTC until ctx ends; then every viewer is hung up and waited for.
func (h *Hub) Run(ctx context.Context) error {
	if h.opts.Listen == "" {
		<-ctx.Done()
		return nil
	}
	if err := h.peers.open(h.opts); err != nil {
		return fmt.Errorf("view: %w", err)
	}
	<-ctx.Done()
	h.peers.close()
	return nil
}

// Offer takes one unit of a device's stream. It never blocks and MUST NOT be called concurrently for one
// stream with units out of order.
func (h *Hub) Offer(device string, au watch.AccessUnit) {
	h.get(key{device, au.Stream}).offer(au, time.Now())
}

func (h *Hub) get(k key) *stream {
	h.mu.RLock()
	s := h.streams[k]
	h.mu.RUnlock()
	if s != nil {
		return s
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if s = h.streams[k]; s == nil {
		s = newStream()
		h.streams[k] = s
	}
	return s
}

// find returns a stream that exists, or an error that says what is missing.
func (h *Hub) find(device, name string) (*stream, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	s := h.streams[key{device, name}]
	if s == nil {
		return nil, &NotLive{Device: device, Stream: name}
	}
	return s, nil
}

// Forget drops a device's streams and ends their viewers, when the device leaves the site.
func (h *Hub) Forget(device string) {
	h.mu.Lock()
	var gone []*stream
	for k, s := range h.streams {
		if k.device == device {
			gone = append(gone, s)
			delete(h.streams, k)
		}
	}
	h.mu.Unlock()
	for _, s := range gone {
		s.close()
	}
}

// Watched reports whether a stream has a viewer.
func (h *Hub) Watched(device, name string) bool {
	s, err := h.find(device, name)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.taps) > 0
}

// KeyFrame returns the last unit of a stream from which decoding can begin.
func (h *Hub) KeyFrame(device, name string) (watch.AccessUnit, error) {
	s, err := h.find(device, name)
	if err != nil {
		return watch.AccessUnit{}, err
	}
	u := s.keyFrame()
	if u == nil {
		return watch.AccessUnit{}, &NotLive{Device: device, Stream: name}
	}
	return u.au, nil
}
