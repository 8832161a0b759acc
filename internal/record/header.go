package record

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4"

	"siaga/internal/watch"
)

// maxTracks is more than any camera has.
const maxTracks = 8

// makeHeader writes the boxes before the first part: what a player needs to know of each track. unit is the first
// one of the file; a JPEG carries its size only in itself. Track i has MP4 track id i+1.
func makeHeader(unit *watch.AccessUnit) ([]byte, error) {
	if len(unit.Formats) == 0 || len(unit.Formats) > maxTracks {
		return nil, fmt.Errorf("record: a stream of %d tracks: %w", len(unit.Formats), watch.ErrInvalid)
	}
	var in fmp4.Init
	for i, f := range unit.Formats {
		if f == nil || f.ClockRate <= 0 || f.ClockRate > 10_000_000 {
			return nil, fmt.Errorf("record: track %d has no clock rate: %w", i, watch.ErrInvalid)
		}
		c, err := codecOf(f, unit)
		if err != nil {
			return nil, fmt.Errorf("record: track %d, %s: %w", i, f.Codec, err)
		}
		in.Tracks = append(in.Tracks, &fmp4.InitTrack{ID: i + 1, TimeScale: uint32(f.ClockRate), Codec: c})
	}
	var buf seekablebuffer.Buffer
	if err := in.Marshal(&buf); err != nil {
		return nil, fmt.Errorf("record: writing the header: %w", err)
	}
	return withG711(buf.Bytes(), unit.Formats)
}

func codecOf(f *watch.Format, unit *watch.AccessUnit) (mp4.Codec, error) {
	switch f.Codec {
	case watch.H264:
		return &mp4.CodecH264{SPS: f.SPS, PPS: f.PPS}, nil
	case watch.H265:
		return &mp4.CodecH265{VPS: f.VPS, SPS: f.SPS, PPS: f.PPS}, nil
	case watch.MJPEG:
		w, h := f.Width, f.Height
		if w <= 0 || h <= 0 {
			w, h = jpegSize(unit.Data)
		}
		if w <= 0 || h <= 0 {
			return nil, fmt.Errorf("a JPEG frame without its size: %w", watch.ErrInvalid)
		}
		return &mp4.CodecMJPEG{Width: w, Height: h}, nil
	case watch.AAC:
		var c mpeg4audio.AudioSpecificConfig
		if err := c.Unmarshal(f.AudioConfig); err != nil {
			return nil, err
		}
		return &mp4.CodecMPEG4Audio{Config: c}, nil
	case watch.Opus:
		return &mp4.CodecOpus{ChannelCount: max(f.Channels, 1)}, nil
	case watch.PCMA, watch.PCMU:
		// A stand-in of the same shape; withG711 puts the real entry in its place.
		return &mp4.CodecLPCM{BitDepth: 16, SampleRate: min(f.ClockRate, 1<<16-1), ChannelCount: max(f.Channels, 1)}, nil
	}
	return nil, fmt.Errorf("codec %q is not one we carry: %w", f.Codec, watch.ErrInvalid)
}

// withG711 replaces the stand-ins by `alaw` and `ulaw` sample entries. G.711 is kept bit for bit, as every other
// codec is: evidence should be what the camera sent. Both entries play in ffmpeg and in Chromium.
func withG711(header []byte, formats []*watch.Format) ([]byte, error) {
	top, err := parseBoxes(header, 0)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(header))
	for _, x := range top {
		for i, trak := range x.all("trak") {
			if c := formats[i].Codec; c == watch.PCMA || c == watch.PCMU {
				stsd := trak.find("mdia", "minf", "stbl", "stsd")
				if stsd == nil {
					return nil, fmt.Errorf("record: track %d has no sample entry: %w", i, errBox)
				}
				stsd.kids = []*box{g711Entry(formats[i])}
			}
		}
		out = x.appendTo(out)
	}
	return out, nil
}

func g711Entry(f *watch.Format) *box {
	kind := "ulaw"
	if f.Codec == watch.PCMA {
		kind = "alaw"
	}
	b := make([]byte, 28) // an AudioSampleEntry without children
	b[7] = 1              // data reference
	binary.BigEndian.PutUint16(b[16:], uint16(max(f.Channels, 1)))
	binary.BigEndian.PutUint16(b[18:], 16) // bits once decoded, as QuickTime has it
	binary.BigEndian.PutUint16(b[24:], uint16(min(f.ClockRate, 1<<16-1)))
	return &box{kind: kind, head: b}
}

// layoutOf names a header: files with equal layouts can follow one another without a new header.
func layoutOf(header []byte) string {
	sum := sha256.Sum256(header)
	return hex.EncodeToString(sum[:8])
}

// jpegSize reads width and height out of a JPEG's start-of-frame marker; 0, 0 if there is none.
func jpegSize(data [][]byte) (width, height int) {
	if len(data) == 0 {
		return 0, 0
	}
	b := data[0]
	for i := 2; i+9 <= len(b) && b[i] == 0xff; {
		marker, size := b[i+1], int(binary.BigEndian.Uint16(b[i+2:]))
		if marker >= 0xc0 && marker <= 0xc2 {
			return int(binary.BigEndian.Uint16(b[i+7:])), int(binary.BigEndian.Uint16(b[i+5:]))
		}
		if size < 2 || marker == 0xda {
			break
		}
		i += 2 + size
	}
	return 0, 0
}
