package view

import (
	"slices"
	"strings"
	"time"

	"siaga/internal/watch"
)

// State is how a stream stands, for its tile.
type State struct {
	Device    string        `json:"device"`
	Stream    string        `json:"stream"`
	Codec     watch.Codec   `json:"codec"`
	Audio     watch.Codec   `json:"audio,omitempty"`
	Width     int           `json:"width"`
	Height    int           `json:"height"`
	Run       uint64        `json:"run"`
	LastFrame time.Time     `json:"last_frame"` // zero: none yet
	Age       time.Duration `json:"-"`          // of the last frame
	AgeMS     int64         `json:"age_ms"`
	FPS       float64       `json:"fps"`
	Bitrate   int           `json:"bitrate"` // bits per second of the video
	Viewers   int           `json:"viewers"`
	Dropped   uint64        `json:"dropped"`   // units that slow viewers missed
	NoWebRTC  string        `json:"no_webrtc"` // why WebRTC cannot show it; empty: it can
}

// State returns how one stream stands.
func (h *Hub) State(device, name string) (State, error) {
	s, err := h.find(device, name)
	if err != nil {
		return State{}, err
	}
	return s.state(key{device, name}, h.opts.Listen != ""), nil
}

// States returns every stream, by device and name.
func (h *Hub) States() []State {
	h.mu.RLock()
	all := make(map[key]*stream, len(h.streams))
	for k, s := range h.streams {
		all[k] = s
	}
	h.mu.RUnlock()
	out := make([]State, 0, len(all))
	for k, s := range all {
		out = append(out, s.state(k, h.opts.Listen != ""))
	}
	slices.SortFunc(out, func(a, b State) int {
		return strings.Compare(a.Device+"\x00"+a.Stream, b.Device+"\x00"+b.Stream)
	})
	return out
}

func (s *stream) state(k key, webrtc bool) State {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := State{
		Device: k.device, Stream: k.stream, Audio: s.audio, Run: s.run, LastFrame: s.last,
		Viewers: len(s.taps), Dropped: s.dropped,
	}
	if f := s.format; f != nil {
		st.Codec, st.Width, st.Height = f.Codec, f.Width, f.Height
	}
	if !s.last.IsZero() {
		st.Age = time.Since(s.last)
		st.AgeMS = st.Age.Milliseconds()
	}
	st.FPS, st.Bitrate = s.rate.read(time.Now())
	st.NoWebRTC = s.noWebRTC(webrtc)
	return st
}

// noWebRTC says why WebRTC cannot carry the stream; s.mu is held.
func (s *stream) noWebRTC(on bool) string {
	switch {
	case !on:
		return ReasonNoWebRTC
	case s.format != nil && s.format.Codec != watch.H264:
		return ReasonCodec
	case s.bframes:
		return ReasonBFrames
	}
	return ""
}

// rateSpan is how long frames are counted for one figure.
const rateSpan = 2 * time.Second

// rate measures frames and bits per second over the last whole span.
type rate struct {
	begun   time.Time
	frames  int
	bytes   int
	fps     float64
	bitrate int
	at      time.Time
}

func (r *rate) add(now time.Time, size int) {
	if r.begun.IsZero() {
		r.begun = now
		return // the first frame begins the span and is not in it
	}
	r.frames++
	r.bytes += size
	if span := now.Sub(r.begun); span >= rateSpan {
		r.fps = float64(int(float64(r.frames)/span.Seconds()*10+0.5)) / 10
		r.bitrate = int(float64(r.bytes*8) / span.Seconds())
		r.begun, r.frames, r.bytes, r.at = now, 0, 0, now
	}
}

// read returns zeros when no span ended lately: the camera is silent.
func (r *rate) read(now time.Time) (float64, int) {
	if now.Sub(r.at) > 3*rateSpan {
		return 0, 0
	}
	return r.fps, r.bitrate
}
