package sim

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// reportEvery is the period of RTCP sender reports.
const reportEvery = 2 * time.Second

// player is one camera.
type player struct {
	camera Camera
	first  *clip
	video  *feed
	audio  *feed // nil: no audio
	stream *gortsplib.ServerStream

	mu       sync.Mutex
	wrong    cameraFaults
	next     *clip // to change to
	sessions map[*gortsplib.ServerSession]struct{}
}

// feed is one track on its way out.
type feed struct {
	media  *description.Media
	format format.Format
	encode func([][]byte) ([]*rtp.Packet, error)
	base   uint32 // RTP timestamp of the camera's start
	ssrc   uint32
	sent   struct{ packets, octets uint32 }
}

func newPlayer(c Camera, k *clip) *player {
	return &player{camera: c, first: k, sessions: map[*gortsplib.ServerSession]struct{}{}}
}

// open makes the stream's description and packetisers.
func (p *player) open(server *gortsplib.Server) error {
	if err := p.openVideo(); err != nil {
		return err
	}
	medias := []*description.Media{p.video.media}
	if p.camera.Audio && p.first.aac != nil {
		if err := p.openAudio(); err != nil {
			return err
		}
		medias = append(medias, p.audio.media)
	}
	p.stream = &gortsplib.ServerStream{Server: server, Desc: &description.Session{Medias: medias}}
	if err := p.stream.Initialize(); err != nil {
		return err
	}
	stats := p.stream.Stats()
	for _, f := range []*feed{p.video, p.audio} {
		if f != nil {
			f.ssrc, f.base = stats.Medias[f.media].Formats[f.format].LocalSSRC, rand.Uint32()
		}
	}
	return nil
}

func (p *player) openVideo() error {
	p.video = &feed{}
	if p.first.h265 {
		f := &format.H265{PayloadTyp: 96, VPS: p.first.vps, SPS: p.first.sps, PPS: p.first.pps}
		enc, err := f.CreateEncoder()
		if err != nil {
			return err
		}
		p.video.format, p.video.encode = f, enc.Encode
	} else {
		f := &format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: p.first.sps, PPS: p.first.pps}
		enc, err := f.CreateEncoder()
		if err != nil {
			return err
		}
		p.video.format, p.video.encode = f, enc.Encode
	}
	p.video.media = &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{p.video.format}}
	return nil
}

func (p *player) openAudio() error {
	f := &format.MPEG4Audio{PayloadTyp: 97, Config: p.first.aac, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}
	enc, err := f.CreateEncoder()
	if err != nil {
		return err
	}
	p.audio = &feed{format: f, encode: enc.Encode}
	p.audio.media = &description.Media{Type: description.MediaTypeAudio, Formats: []format.Format{f}}
	return nil
}

// run sends frames at their time until ctx ends.
func (p *player) run(ctx context.Context) {
	k := p.first
	i := 0
	for i < len(k.samples)-1 && k.samples[i].at < p.camera.Offset%k.length {
		i++
	}
	start := time.Now()
	zero := start.Add(-k.samples[i].at) // when the current round of the clip began
	var reported time.Time
	for {
		s := &k.samples[i]
		due := zero.Add(s.at)
		if !sleepUntil(ctx, due) {
			return
		}
		now := time.Now()
		if late := now.Sub(due); late > time.Second { // the machine slept; a camera does not catch up
			zero, due = zero.Add(late), now
		}
		p.send(k, s, zero.Add(s.pts).Sub(start))
		if now.Sub(reported) >= reportEvery {
			reported = now
			p.report(due.Sub(start), due)
		}
		if i++; i == len(k.samples) {
			i, zero = 0, zero.Add(k.length)
		}
		if next := p.takeNext(); next != nil {
			k, i, zero = next, 0, time.Now()
		}
	}
}

func sleepUntil(ctx context.Context, t time.Time) bool {
	d := time.Until(t)
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// send packetises one frame, shown at pts since the camera's start, for all viewers.
func (p *player) send(k *clip, s *sample, pts time.Duration) {
	f := p.video
	if s.audio {
		f = p.audio
	}
	faults := p.faults()
	if f == nil || faults.silent || !p.watched() {
		return
	}
	packets, err := f.encode(frameData(k, s))
	if err != nil {
		return // a clip's odd frame; a camera goes on
	}
	ts := f.base + rtpUnits(pts, f.format.ClockRate())
	for _, pkt := range packets {
		pkt.Timestamp += ts
		f.sent.packets++
		f.sent.octets += uint32(len(pkt.Payload))
		if faults.loses > 0 && f.sent.packets%faults.loses == 0 {
			continue
		}
		// The only error is a closed stream, and then run ends by itself.
		_ = p.stream.WritePacketRTP(f.media, pkt)
	}
}

// frameData puts the parameter sets in front of key frames, as cameras do, and the send time into H.264.
func frameData(k *clip, s *sample) [][]byte {
	if s.audio {
		return s.data
	}
	var out [][]byte
	if s.key {
		if k.h265 {
			out = append(out, k.vps)
		}
		out = append(out, k.sps, k.pps)
	}
	if !k.h265 {
		out = append(out, sendTimeNAL(time.Now()))
	}
	return append(out, s.data...)
}

// report sends sender reports: this timestamp was taken at that time by the camera's clock.
func (p *player) report(since time.Duration, at time.Time) {
	faults := p.faults()
	if faults.silent {
		return
	}
	for _, f := range []*feed{p.video, p.audio} {
		if f == nil {
			continue
		}
		_ = p.stream.WritePacketRTCP(f.media, &rtcp.SenderReport{
			SSRC: f.ssrc, NTPTime: toNTP(at.Add(faults.offset)),
			RTPTime:     f.base + rtpUnits(since, f.format.ClockRate()),
			PacketCount: f.sent.packets, OctetCount: f.sent.octets,
		})
	}
}

func rtpUnits(d time.Duration, rate int) uint32 {
	return uint32(int64(d/time.Second)*int64(rate) + int64(d%time.Second)*int64(rate)/int64(time.Second))
}

func toNTP(t time.Time) uint64 {
	sec := uint64(t.Unix() + 2208988800)
	frac := uint64(t.Nanosecond()) << 32 / 1e9
	return sec<<32 | frac
}

func (p *player) faults() cameraFaults {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wrong
}

func (p *player) takeNext() *clip {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.next
	p.next = nil
	if k != nil {
		if f, ok := p.video.format.(*format.H264); ok {
			f.SafeSetParams(k.sps, k.pps)
		}
	}
	return k
}

func (p *player) join(ss *gortsplib.ServerSession) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions[ss] = struct{}{}
}

func (p *player) leave(ss *gortsplib.ServerSession) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, ss)
}

func (p *player) watched() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sessions) > 0
}

func (p *player) viewers() []*gortsplib.ServerSession {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]*gortsplib.ServerSession, 0, len(p.sessions))
	for ss := range p.sessions {
		out = append(out, ss)
	}
	return out
}
