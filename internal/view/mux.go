package view

import (
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4"

	"siaga/internal/watch"
)

// Track ids of every init segment.
const (
	videoTrack = 1
	audioTrack = 2
)

// muxer turns units into fragmented MP4 for one viewer. Its clock starts at 0 and goes on over reconnects.
type muxer struct {
	video *watch.Format // nil: waiting for a key frame
	audio *watch.Format // nil: none that a browser plays from MP4
	run   uint64
	order decodeOrder
	shift int64 // added to the video's times
	last  int64 // the last decoding time that was sent
	step  int64 // between the last two pictures
	got   time.Time
	begun bool // a picture was ever sent
	fresh bool // no picture since begin
	seq   uint32

	pictures []timed
	sounds   []timed
}

// timed is a sample and its decoding time.
type timed struct {
	sample *fmp4.Sample
	at     int64
	key    bool
	wall   time.Time
}

// decodeOrder finds decoding times; H.264's and H.265's differ only in what they read.
type decodeOrder interface {
	Extract(au [][]byte, pts int64) (int64, error)
}

// add takes one unit. It returns chunks only where the stream changed: what was pending, then a new init segment.
func (m *muxer) add(u *unit) []Chunk {
	if !u.video() {
		m.addAudio(u)
		return nil
	}
	var out []Chunk
	if m.video != u.au.Format || m.run != u.au.Run {
		if !u.au.Key {
			m.video = nil
			return nil
		}
		out = m.flush()
		init, err := m.begin(u)
		if err != nil {
			m.video = nil
			return out // a stream that cannot be described; perhaps the next key frame can
		}
		out = append(out, init)
	}
	m.addVideo(u)
	return out
}

// begin starts at a key frame with a new init segment.
func (m *muxer) begin(u *unit) (Chunk, error) {
	m.video, m.audio, m.run = u.au.Format, nil, u.au.Run
	for _, f := range u.au.Formats {
		if f.Codec == watch.AAC || f.Codec == watch.Opus {
			m.audio = f
		}
	}
	m.order, m.fresh = newOrder(m.video.Codec), true
	return m.init()
}

func newOrder(c watch.Codec) decodeOrder {
	if c == watch.H265 {
		d := &h265.DTSExtractor{}
		d.Initialize()
		return d
	}
	d := &h264.DTSExtractor{}
	d.Initialize()
	return d
}

func (m *muxer) init() (Chunk, error) {
	f := m.video
	i := fmp4.Init{Tracks: []*fmp4.InitTrack{{ID: videoTrack, TimeScale: uint32(f.ClockRate)}}}
	if f.Codec == watch.H264 {
		i.Tracks[0].Codec = &mp4.CodecH264{SPS: f.SPS, PPS: f.PPS}
	} else {
		i.Tracks[0].Codec = &mp4.CodecH265{VPS: f.VPS, SPS: f.SPS, PPS: f.PPS}
	}
	if codec := audioCodec(m.audio); codec != nil {
		i.Tracks = append(i.Tracks, &fmp4.InitTrack{ID: audioTrack, TimeScale: uint32(m.audio.ClockRate), Codec: codec})
	} else {
		m.audio = nil
	}
	var b seekablebuffer.Buffer
	if err := i.Marshal(&b); err != nil {
		return Chunk{}, err
	}
	return Chunk{Kind: KindInit, MIME: mime(m.video, m.audio), Data: b.Bytes()}, nil
}

func audioCodec(f *watch.Format) mp4.Codec {
	switch {
	case f == nil:
	case f.Codec == watch.Opus:
		return &mp4.CodecOpus{ChannelCount: max(f.Channels, 1)}
	case f.Codec == watch.AAC:
		var c mpeg4audio.AudioSpecificConfig
		if c.Unmarshal(f.AudioConfig) == nil {
			return &mp4.CodecMPEG4Audio{Config: c}
		}
	}
	return nil
}

// withSets is a picture as the extractors want it: parameter sets inside.
func withSets(u *unit) [][]byte {
	if !u.au.Key {
		return u.au.Data
	}
	f := u.au.Format
	out := make([][]byte, 0, len(u.au.Data)+3)
	for _, set := range [][]byte{f.VPS, f.SPS, f.PPS} {
		if len(set) > 0 {
			out = append(out, set)
		}
	}
	return append(out, u.au.Data...)
}

func (m *muxer) addVideo(u *unit) {
	if m.video == nil {
		return
	}
	dts, err := m.order.Extract(withSets(u), u.au.PTS)
	if err != nil {
		m.video = nil // lost track of the order; the next key frame begins anew
		return
	}
	at := m.place(u, dts)
	s := &fmp4.Sample{PTSOffset: int32(u.au.PTS + m.shift - at), IsNonSyncSample: !u.au.Key}
	if s.Payload, err = h264.AVCC(u.au.Data).Marshal(); err != nil {
		return
	}
	m.pictures = append(m.pictures, timed{sample: s, at: at, key: u.au.Key, wall: u.au.At})
	m.last, m.got = at, u.got
}

// place puts a decoding time on the viewer's clock: 0 for its first picture, and on from where it was, by the
// time that really passed, after a reconnect.
func (m *muxer) place(u *unit, dts int64) int64 {
	rate := int64(m.video.ClockRate)
	switch {
	case !m.begun:
		m.shift, m.step, m.begun, m.fresh = -dts, rate/15, true, false
		return 0
	case m.fresh:
		m.fresh = false
		m.shift = m.last + max(int64(u.got.Sub(m.got))*rate/int64(time.Second), 1) - dts
	}
	at := max(dts+m.shift, m.last+1)
	if d := at - m.last; d < 10*rate {
		m.step = d
	}
	return at
}

func (m *muxer) addAudio(u *unit) {
	if m.video == nil || m.audio == nil || u.au.Format != m.audio || u.au.Run != m.run {
		return
	}
	at := u.au.PTS + m.shift*int64(m.audio.ClockRate)/int64(m.video.ClockRate)
	if at < 0 {
		return // before the viewer's first picture
	}
	s := &fmp4.Sample{Payload: u.au.Data[0], Duration: mpeg4audio.SamplesPerAccessUnit}
	if m.audio.Codec == watch.Opus {
		s.Duration = uint32(opus.PacketDuration2(u.au.Data[0]))
	}
	m.sounds = append(m.sounds, timed{sample: s, at: at})
}

// flush makes a fragment of what is pending. Sound waits for a picture, so that fragments are not tiny.
func (m *muxer) flush() []Chunk {
	if len(m.pictures) == 0 {
		return nil
	}
	for i, p := range m.pictures {
		step := m.step
		if i+1 < len(m.pictures) {
			step = m.pictures[i+1].at - p.at
		}
		p.sample.Duration = uint32(max(step, 1))
	}
	m.seq++
	part := fmp4.Part{SequenceNumber: m.seq, Tracks: []*fmp4.PartTrack{partTrack(videoTrack, m.pictures)}}
	if len(m.sounds) > 0 {
		part.Tracks = append(part.Tracks, partTrack(audioTrack, m.sounds))
	}
	c := Chunk{Kind: KindFragment, Key: m.pictures[0].key, At: m.pictures[len(m.pictures)-1].wall}
	m.pictures, m.sounds = nil, nil
	var b seekablebuffer.Buffer
	if part.Marshal(&b) != nil {
		return nil
	}
	c.Data = b.Bytes()
	return []Chunk{c}
}

func partTrack(id int, samples []timed) *fmp4.PartTrack {
	t := &fmp4.PartTrack{ID: id, BaseTime: uint64(max(samples[0].at, 0))}
	for _, s := range samples {
		t.Samples = append(t.Samples, s.sample)
	}
	return t
}
