package sim

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// maxClip is the largest clip file in bytes.
const maxClip = 256 << 20

// clip is a decoded MP4 file, shared by all cameras that play it.
type clip struct {
	h265          bool
	vps, sps, pps []byte
	aac           *mpeg4audio.AudioSpecificConfig // nil: no audio
	samples       []sample                        // of both tracks, by decoding time
	length        time.Duration
}

// sample is one frame of a clip.
type sample struct {
	audio bool
	key   bool
	at    time.Duration // decoding time
	pts   time.Duration
	data  [][]byte // NAL units, or one AAC frame
}

func loadClip(footage fs.FS, name string) (*clip, error) {
	f, err := footage.Open(name)
	if err != nil {
		return nil, fmt.Errorf("sim: clip %s: %w", name, err)
	}
	defer f.Close()
	file, err := io.ReadAll(io.LimitReader(f, maxClip))
	if err != nil {
		return nil, fmt.Errorf("sim: clip %s: %w", name, err)
	}
	k, err := decodeClip(file)
	if err != nil {
		return nil, fmt.Errorf("sim: clip %s: %w", name, err)
	}
	return k, nil
}

func decodeClip(file []byte) (*clip, error) {
	tracks, err := readTracks(file)
	if err != nil {
		return nil, err
	}
	k := &clip{}
	var video, audio []sample
	for _, t := range tracks {
		switch {
		case (t.coding == "avc1" || t.coding == "hvc1" || t.coding == "hev1") && video == nil:
			if err = k.readParameterSets(t); err == nil {
				video, k.length, err = readSamples(file, t, false)
			}
		case t.coding == "mp4a" && audio == nil:
			if k.aac = readAAC(t.config); k.aac != nil {
				audio, _, err = readSamples(file, t, true)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if len(video) == 0 || k.length <= 0 || !video[0].key {
		return nil, fmt.Errorf("%w: no H.264 or H.265 video that begins with a key frame", errMP4)
	}
	k.merge(video, audio)
	return k, nil
}

// merge puts both tracks into one order and drops audio beyond the end of the video.
func (k *clip) merge(video, audio []sample) {
	for len(video) > 0 {
		if len(audio) > 0 && audio[0].at < video[0].at {
			k.samples, audio = append(k.samples, audio[0]), audio[1:]
		} else {
			k.samples, video = append(k.samples, video[0]), video[1:]
		}
	}
	for len(audio) > 0 && audio[0].at < k.length {
		k.samples, audio = append(k.samples, audio[0]), audio[1:]
	}
}

func readSamples(file []byte, t *mp4Track, audio bool) (out []sample, length time.Duration, err error) {
	if t.scale == 0 {
		return nil, 0, fmt.Errorf("%w: no time scale", errMP4)
	}
	err = t.each(file, func(data []byte, dts, shift int64, key bool) error {
		s := sample{audio: audio, key: key, at: clipTime(dts, t.scale), pts: clipTime(dts+shift, t.scale)}
		s.data = [][]byte{data}
		if !audio {
			var units h264.AVCC
			if err := units.Unmarshal(data); err != nil {
				return fmt.Errorf("%w: %w", errMP4, err)
			}
			s.data = units
		}
		out = append(out, s)
		return nil
	})
	for _, d := range t.deltas {
		length += clipTime(int64(d[0])*int64(d[1]), t.scale)
	}
	return out, length, err
}

func clipTime(v int64, scale uint32) time.Duration {
	return time.Duration(v/int64(scale))*time.Second + time.Duration(v%int64(scale))*time.Second/time.Duration(scale)
}

// readParameterSets reads the one SPS, PPS (and VPS) of an avcC or hvcC box.
func (k *clip) readParameterSets(t *mp4Track) error {
	c := t.config
	var sets [][]byte
	if k.h265 = t.coding != "avc1"; k.h265 {
		sets = hvcSets(c)
	} else {
		sets = avcSets(c)
	}
	for _, s := range sets {
		switch {
		case k.h265 && s[0]>>1&0x3f == 32:
			k.vps = s
		case k.h265 && s[0]>>1&0x3f == 33, !k.h265 && s[0]&0x1f == 7:
			k.sps = s
		case k.h265 && s[0]>>1&0x3f == 34, !k.h265 && s[0]&0x1f == 8:
			k.pps = s
		}
	}
	if k.sps == nil || k.pps == nil || k.h265 && k.vps == nil {
		return fmt.Errorf("%w: parameter sets are missing", errMP4)
	}
	return nil
}

func avcSets(c []byte) (sets [][]byte) {
	if len(c) < 6 {
		return nil
	}
	counts, rest := []int{int(c[5] & 0x1f)}, c[6:]
	for i := 0; i < len(counts); i++ {
		for range counts[i] {
			var s []byte
			if s, rest = sized(rest); s == nil {
				return sets
			}
			sets = append(sets, s)
		}
		if i == 0 && len(rest) > 0 {
			counts, rest = append(counts, int(rest[0])), rest[1:]
		}
	}
	return sets
}

func hvcSets(c []byte) (sets [][]byte) {
	if len(c) < 23 {
		return nil
	}
	rest := c[23:]
	for range c[22] {
		if len(rest) < 3 {
			return sets
		}
		n := binary.BigEndian.Uint16(rest[1:])
		rest = rest[3:]
		for range n {
			var s []byte
			if s, rest = sized(rest); s == nil {
				return sets
			}
			sets = append(sets, s)
		}
	}
	return sets
}

// sized takes one NAL unit with a 16-bit length; nil when there is none.
func sized(b []byte) (unit, rest []byte) {
	if len(b) < 2 {
		return nil, nil
	}
	n := int(binary.BigEndian.Uint16(b))
	if n == 0 || len(b) < 2+n {
		return nil, nil
	}
	return bytes.Clone(b[2 : 2+n]), b[2+n:]
}

// readAAC finds the AudioSpecificConfig in an esds box; nil when it is not AAC.
func readAAC(esds []byte) *mpeg4audio.AudioSpecificConfig {
	const tag = 5 // DecoderSpecificInfo
	for i := 4; i+2 < len(esds); i++ {
		if esds[i] != tag {
			continue
		}
		j := i + 1
		for j < len(esds) && esds[j]&0x80 != 0 { // the length may be padded to four bytes
			j++
		}
		if j >= len(esds) || j+1+int(esds[j]) > len(esds) {
			continue
		}
		var c mpeg4audio.AudioSpecificConfig
		if c.Unmarshal(esds[j+1:j+1+int(esds[j])]) == nil {
			return &c
		}
	}
	return nil
}
