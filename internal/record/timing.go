package record

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"siaga/internal/watch"
)

// timing turns the presentation times of one track, which is all RTP carries, into decoding times that only grow.
// The library reads them out of the picture headers; where it cannot (no timing in the stream, interlaced or broken
// headers), they are spread evenly. Presentation times are kept exactly in both cases.
type timing struct {
	format  *watch.Format
	extract func(au [][]byte, pts int64) (int64, error) // nil: decoding order is presentation order, or given up
	last    int64                                       // decoding time of the last unit
	begun   bool
	reorder int64 // frames a decoder holds back, from the parameter sets
	frame   int64 // duration of one frame, estimated
	failed  int   // times the library could not tell; after maxFailed it is not asked again

	keyPTS, maxPTS int64 // of the group of pictures under way
	inGroup        int64
}

const maxFailed = 3

func newTiming(f *watch.Format) *timing {
	return &timing{format: f, frame: max(1, int64(f.ClockRate)/15)}
}

// next returns the decoding time of a unit.
func (t *timing) next(au *watch.AccessUnit) int64 {
	t.measure(au)
	dts := au.PTS
	switch t.format.Codec {
	case watch.H264, watch.H265:
		dts = t.decode(au)
	}
	if t.begun && dts <= t.last {
		dts = t.last + 1
	}
	t.last, t.begun = dts, true
	return dts
}

// measure keeps the frame duration up to date.
func (t *timing) measure(au *watch.AccessUnit) {
	if !t.format.Codec.Video() {
		t.frame = max(1, audioTicks(t.format, au))
		return
	}
	if au.Key {
		if d := au.PTS - t.keyPTS; t.inGroup > 0 && d > 0 {
			t.frame = max(1, d/t.inGroup)
		}
		t.keyPTS, t.maxPTS, t.inGroup = au.PTS, au.PTS, 1
		return
	}
	t.maxPTS = max(t.maxPTS, au.PTS)
	if t.inGroup++; t.inGroup > 4 {
		t.frame = max(1, (t.maxPTS-t.keyPTS)/(t.inGroup-1))
	}
}

func (t *timing) decode(au *watch.AccessUnit) int64 {
	data := au.Data
	if au.Key && t.extract == nil && t.failed < maxFailed {
		t.open()
		data = append(t.parameters(), data...)
	}
	if t.extract != nil {
		if dts, err := t.extract(data, au.PTS); err == nil {
			return dts
		}
		t.extract = nil // until the next key frame
		t.failed++
	}
	if au.Key || !t.begun {
		return au.PTS - t.reorder*t.frame
	}
	return min(au.PTS, t.last+t.frame)
}

// open makes a new extractor; the parameter sets must be shown to it with the next unit.
func (t *timing) open() {
	f := t.format
	if f.Codec == watch.H264 {
		x := &h264.DTSExtractor{}
		x.Initialize()
		t.extract = x.Extract
		var sps h264.SPS
		if sps.Unmarshal(f.SPS) == nil && sps.VUI != nil && sps.VUI.BitstreamRestriction != nil {
			t.reorder = int64(min(sps.VUI.BitstreamRestriction.MaxNumReorderFrames, 16))
		}
		return
	}
	var sps h265.SPS
	if sps.Unmarshal(f.SPS) == nil && len(sps.MaxNumReorderPics) > 0 {
		t.reorder = int64(min(sps.MaxNumReorderPics[0], 16))
	}
	// The library counts H.265 in 90 kHz, and reordered frames by the frame rate in the stream.
	timed := sps.VUI != nil && sps.VUI.TimingInfo != nil && f.ClockRate == 90_000
	if timed || t.reorder == 0 {
		x := &h265.DTSExtractor{}
		x.Initialize()
		t.extract = x.Extract
	}
}

func (t *timing) parameters() [][]byte {
	var out [][]byte
	for _, p := range [][]byte{t.format.VPS, t.format.SPS, t.format.PPS} {
		if len(p) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// audioTicks is how long a unit of audio lasts, in clock units.
func audioTicks(f *watch.Format, au *watch.AccessUnit) int64 {
	switch f.Codec {
	case watch.PCMA, watch.PCMU:
		return int64(au.Size() / max(f.Channels, 1))
	case watch.Opus:
		if len(au.Data) > 0 && len(au.Data[0]) > 0 {
			return int64(f.ClockRate) * opus.PacketDuration2(au.Data[0]) / 48_000
		}
	}
	return 1024 // AAC
}
