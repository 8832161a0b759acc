package view

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/pion/webrtc/v4"

	"siaga/internal/watch"
)

// maxOffer is the largest SDP offer in bytes.
const maxOffer = 64 << 10

// playoutDelay is the header extension that tells a browser how little to buffer.
const playoutDelay = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

// Answer takes a browser's WHEP offer for a stream and returns the answer and the session to hang up. The
// answer holds every candidate: nothing follows it. Errors: *NeedsFMP4 when the screen must use Subscribe,
// *NotLive when there is no picture, ErrOffer, ErrTooMany, ErrNotRunning.
func (h *Hub) Answer(ctx context.Context, device, name, offerSDP string) (answerSDP, sessionID string, err error) {
	s, err := h.find(device, name)
	if err != nil {
		return "", "", err
	}
	format, audio, age := s.describe()
	if format == nil || age > stale {
		return "", "", &NotLive{Device: device, Stream: name, Age: age}
	}
	if why := h.noWebRTC(s); why != "" {
		return "", "", &NeedsFMP4{Reason: why}
	}
	codecs, err := chooseCodecs(offerSDP, format, audio)
	if err != nil {
		return "", "", err
	}
	v, answer, err := h.newViewer(ctx, s, codecs, offerSDP)
	if err != nil {
		return "", "", err
	}
	if err := h.peers.add(v); err != nil {
		_ = v.pc.Close()
		return "", "", err
	}
	return answer, v.id, nil
}

func (h *Hub) noWebRTC(s *stream) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.noWebRTC(h.opts.Listen != "")
}

// newViewer makes the peer connection and the answer.
func (h *Hub) newViewer(ctx context.Context, s *stream, c *agreed, offer string) (*viewer, string, error) {
	engine, err := c.engine()
	if err != nil {
		return nil, "", err
	}
	api, err := h.peers.api(engine)
	if err != nil {
		return nil, "", err
	}
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, "", err
	}
	v := newViewer(pc, s, h.log)
	answer, err := v.negotiate(ctx, c, offer)
	if err != nil {
		return nil, "", errors.Join(err, pc.Close())
	}
	return v, answer, nil
}

func newSessionID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

// agreed is what one viewer and one stream have in common.
type agreed struct {
	video webrtc.RTPCodecParameters
	audio *webrtc.RTPCodecParameters // nil: no audio for this viewer
}

func (c *agreed) engine() (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	if err := m.RegisterCodec(c.video, webrtc.RTPCodecTypeVideo); err != nil {
		return nil, err
	}
	if c.audio != nil {
		if err := m.RegisterCodec(*c.audio, webrtc.RTPCodecTypeAudio); err != nil {
			return nil, err
		}
	}
	ext := webrtc.RTPHeaderExtensionCapability{URI: playoutDelay}
	return m, m.RegisterHeaderExtension(ext, webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverDirectionSendonly)
}

// chooseCodecs reads an offer. H.264 is answered with the offered payload type whose profile is the stream's,
// else with any offered one: decoders read the profile from the stream itself.
func chooseCodecs(offer string, format *watch.Format, audio watch.Codec) (*agreed, error) {
	if len(offer) > maxOffer {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrOffer, len(offer), maxOffer)
	}
	lines := parseOffer(offer)
	if !lines.video {
		return nil, fmt.Errorf("%w: no video in it", ErrOffer)
	}
	c := &agreed{}
	var profile string
	if len(format.SPS) > 3 {
		profile = hex.EncodeToString(format.SPS[1:4])
	}
	best := -1
	for _, o := range lines.codecs {
		if score := h264Score(o, profile); score > best {
			best = score
			c.video = webrtc.RTPCodecParameters{
				PayloadType: webrtc.PayloadType(o.payload),
				RTPCodecCapability: webrtc.RTPCodecCapability{
					MimeType: webrtc.MimeTypeH264, ClockRate: 90000,
					SDPFmtpLine: o.fmtp, RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}},
				},
			}
		}
	}
	if best < 0 {
		return nil, &NeedsFMP4{Reason: ReasonBrowser}
	}
	c.audio = chooseAudio(lines.codecs, audio)
	return c, nil
}

// h264Score is -1 for what cannot carry the stream, else higher the closer its profile is.
func h264Score(o offered, profile string) int {
	if o.name != "h264" || !strings.Contains(o.fmtp, "packetization-mode=1") {
		return -1
	}
	_, id, ok := strings.Cut(strings.ToLower(o.fmtp), "profile-level-id=")
	id, _, _ = strings.Cut(id, ";")
	switch {
	case !ok || len(id) != 6 || len(profile) != 6:
		return 0
	case id[:4] == profile[:4]:
		return 3
	case id[:2] == profile[:2]:
		return 2
	}
	return 1
}

func chooseAudio(all []offered, audio watch.Codec) *webrtc.RTPCodecParameters {
	mime := map[watch.Codec]string{watch.Opus: webrtc.MimeTypeOpus, watch.PCMA: webrtc.MimeTypePCMA, watch.PCMU: webrtc.MimeTypePCMU}[audio]
	for _, o := range all {
		if mime != "" && "audio/"+o.name == strings.ToLower(mime) {
			return &webrtc.RTPCodecParameters{
				PayloadType:        webrtc.PayloadType(o.payload),
				RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mime, ClockRate: o.rate, Channels: o.channels, SDPFmtpLine: o.fmtp},
			}
		}
	}
	return nil
}
