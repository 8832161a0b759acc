package rtsp

import (
	"bytes"
	"errors"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpfragmented"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpmpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"

	"siaga/internal/watch"
)

// track turns the packets of one media track into frames. It belongs to one session and one goroutine at a time.
type track struct {
	media  *description.Media
	wire   format.Format
	depack depacketizer
	format *watch.Format // never edited; replaced when parameter sets change
	time   timeline
	sender senderClock

	packet   rtp.Packet // reused
	numbered bool       // next is known
	next     uint16     // sequence number

	// emit receives each finished frame; set by the session.
	emit func(t *track, ts uint32, data [][]byte, key bool)
	// changed is told after format was replaced; set by the session.
	changed func(t *track)
}

// depacketizer takes packets of one coding and calls t.emit for each frame they complete.
type depacketizer interface {
	push(pkt *rtp.Packet, t *track) error
	// copies says that push keeps nothing of the packet's memory.
	copies() bool
}

func (t *track) change(f *watch.Format) {
	t.format = f
	if t.changed != nil {
		t.changed(t)
	}
}

// pickTracks chooses the first video and the first audio that can be carried. audioNot names an audio coding
// that cannot.
func pickTracks(desc *description.Session) (tracks []*track, audioNot string, err error) {
	video, refused := pick(desc, description.MediaTypeVideo)
	if video == nil {
		return nil, "", &unsupportedError{codecs: refused}
	}
	tracks = append(tracks, video)
	audio, refused := pick(desc, description.MediaTypeAudio)
	switch {
	case audio != nil:
		audio.format.Track = 1
		tracks = append(tracks, audio)
	case len(refused) > 0:
		audioNot = refused[0]
	}
	return tracks, audioNot, nil
}

func pick(desc *description.Session, kind description.MediaType) (*track, []string) {
	var refused []string
	for _, m := range desc.Medias {
		if m.Type != kind || m.IsBackChannel {
			continue
		}
		for _, f := range m.Formats {
			t, err := newTrack(f)
			if err == nil {
				t.media = m
				return t, nil
			}
			refused = append(refused, f.Codec())
		}
	}
	return nil, refused
}

var errNotCarried = errors.New("not carried")

func newTrack(wire format.Format) (*track, error) {
	t := &track{wire: wire}
	var err error
	switch f := wire.(type) {
	case *format.H264:
		err = t.initH264(f)
	case *format.H265:
		err = t.initH265(f)
	case *format.MJPEG:
		d := &mjpegVideo{}
		t.depack, t.format = d, &watch.Format{Codec: watch.MJPEG}
		err = d.dec.Init()
	default:
		err = t.initAudio(wire)
	}
	if err != nil {
		return nil, err
	}
	rate := wire.ClockRate()
	if rate <= 0 || rate > 1_000_000 {
		return nil, errNotCarried
	}
	t.format.ClockRate = rate
	t.time.rate, t.sender.rate = rate, rate
	return t, nil
}

func (t *track) initH264(f *format.H264) error {
	if f.PacketizationMode > 1 {
		return errNotCarried
	}
	t.depack, t.format = &h264Video{}, &watch.Format{Codec: watch.H264}
	sps, pps := f.SafeParams()
	var p h264.SPS
	if p.Unmarshal(sps) == nil {
		t.format.SPS, t.format.PPS = bytes.Clone(sps), bytes.Clone(pps)
		t.format.Width, t.format.Height = p.Width(), p.Height()
	}
	return nil
}

func (t *track) initH265(f *format.H265) error {
	if f.MaxDONDiff != 0 {
		return errNotCarried
	}
	t.depack, t.format = &h265Video{}, &watch.Format{Codec: watch.H265}
	vps, sps, pps := f.SafeParams()
	var p h265.SPS
	if p.Unmarshal(sps) == nil {
		t.format.VPS, t.format.SPS, t.format.PPS = bytes.Clone(vps), bytes.Clone(sps), bytes.Clone(pps)
		t.format.Width, t.format.Height = p.Width(), p.Height()
	}
	return nil
}

func (t *track) initAudio(wire format.Format) error {
	switch f := wire.(type) {
	case *format.MPEG4Audio:
		return t.initAAC(f)
	case *format.MPEG4AudioLATM:
		return t.initLATM(f)
	case *format.G711:
		t.depack, t.format = plainAudio{}, &watch.Format{Codec: watch.PCMA, Channels: f.ChannelCount}
		if f.MULaw {
			t.format.Codec = watch.PCMU
		}
	case *format.Opus:
		t.depack, t.format = plainAudio{}, &watch.Format{Codec: watch.Opus, Channels: f.ChannelCount}
	default:
		return errNotCarried
	}
	return nil
}

func (t *track) initAAC(f *format.MPEG4Audio) error {
	if f.Config == nil {
		return errNotCarried
	}
	config, err := f.Config.Marshal()
	if err != nil {
		return err
	}
	d := &aacAudio{}
	d.dec.SizeLength, d.dec.IndexLength, d.dec.IndexDeltaLength = f.SizeLength, f.IndexLength, f.IndexDeltaLength
	t.depack = d
	t.format = &watch.Format{Codec: watch.AAC, Channels: f.Config.ChannelCount, AudioConfig: config}
	return d.dec.Init()
}

func (t *track) initLATM(f *format.MPEG4AudioLATM) error {
	mux := f.StreamMuxConfig
	if f.CPresent || mux == nil || len(mux.Programs) != 1 || len(mux.Programs[0].Layers) != 1 ||
		mux.Programs[0].Layers[0].AudioSpecificConfig == nil {
		return errNotCarried
	}
	asc := mux.Programs[0].Layers[0].AudioSpecificConfig
	config, err := asc.Marshal()
	if err != nil {
		return err
	}
	if mux.Programs[0].Layers[0].FrameLengthType > 1 {
		// Not possible for AAC. GStreamer puts a sync extension behind the AudioSpecificConfig, whose length this
		// form does not tell, so what follows it was read from the wrong place; it is always this.
		mux = &mpeg4audio.StreamMuxConfig{NumSubFrames: mux.NumSubFrames, Programs: []*mpeg4audio.StreamMuxConfigProgram{
			{Layers: []*mpeg4audio.StreamMuxConfigLayer{{AudioSpecificConfig: asc}}},
		}}
	}
	d := &latmAudio{mux: mux}
	t.depack, t.format = d, &watch.Format{Codec: watch.AAC, Channels: asc.ChannelCount, AudioConfig: config}
	return d.dec.Init()
}

// plainAudio takes codings with one frame a packet: G.711 and Opus.
type plainAudio struct{}

func (plainAudio) copies() bool { return false }

func (plainAudio) push(pkt *rtp.Packet, t *track) error {
	if len(pkt.Payload) > 0 {
		t.emit(t, pkt.Timestamp, [][]byte{pkt.Payload}, true)
	}
	return nil
}

// aacAudio takes AAC packets in RFC 3640 form.
type aacAudio struct{ dec rtpmpeg4audio.Decoder }

func (*aacAudio) copies() bool { return false }

func (a *aacAudio) push(pkt *rtp.Packet, t *track) error {
	frames, err := a.dec.Decode(pkt)
	if err != nil {
		if errors.Is(err, rtpmpeg4audio.ErrMorePacketsNeeded) {
			return nil
		}
		return err
	}
	emitAAC(t, pkt.Timestamp, frames)
	return nil
}

// latmAudio takes AAC packets in RFC 6416 form.
type latmAudio struct {
	dec rtpfragmented.Decoder
	mux *mpeg4audio.StreamMuxConfig
}

func (*latmAudio) copies() bool { return false }

func (a *latmAudio) push(pkt *rtp.Packet, t *track) error {
	buf, err := a.dec.Decode(pkt)
	if err != nil {
		if errors.Is(err, rtpfragmented.ErrMorePacketsNeeded) {
			return nil
		}
		return err
	}
	el := mpeg4audio.AudioMuxElement{StreamMuxConfig: a.mux}
	if err := el.Unmarshal(buf); err != nil {
		return err
	}
	var frames [][]byte
	for _, sub := range el.Payloads {
		for _, program := range sub {
			frames = append(frames, program...)
		}
	}
	emitAAC(t, pkt.Timestamp, frames)
	return nil
}

func emitAAC(t *track, ts uint32, frames [][]byte) {
	for i, f := range frames {
		if len(f) > 0 {
			t.emit(t, ts+uint32(i)*mpeg4audio.SamplesPerAccessUnit, [][]byte{f}, true)
		}
	}
}
