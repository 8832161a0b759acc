package view

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"siaga/internal/watch"
)

// mime names the codecs of an init segment as MediaSource wants it.
func mime(video, audio *watch.Format) string {
	codecs := []string{videoMIME(video)}
	switch {
	case audio == nil:
	case audio.Codec == watch.Opus:
		codecs = append(codecs, "opus")
	case len(audio.AudioConfig) > 0:
		codecs = append(codecs, fmt.Sprintf("mp4a.40.%d", audio.AudioConfig[0]>>3))
	}
	return `video/mp4; codecs="` + strings.Join(codecs, ",") + `"`
}

func videoMIME(f *watch.Format) string {
	if f.Codec == watch.H265 {
		return h265MIME(f.SPS)
	}
	if len(f.SPS) < 4 {
		return "avc1.42E01E"
	}
	return fmt.Sprintf("avc1.%02X%02X%02X", f.SPS[1], f.SPS[2], f.SPS[3])
}

// h265MIME reads profile, tier and level from an SPS, as ISO 14496-15 annex E spells them.
func h265MIME(sps []byte) string {
	const usual = "hvc1.1.6.L93.B0"
	if len(sps) < 4 {
		return usual
	}
	b := h264.EmulationPreventionRemove(sps[2:]) // the same rule in both codecs
	if len(b) < 13 {
		return usual
	}
	p := b[1:13] // profile_tier_level after one byte of ids
	space := [4]string{"", "A", "B", "C"}[p[0]>>6]
	tier := "L"
	if p[0]&0x20 != 0 {
		tier = "H"
	}
	compat := bits.Reverse32(uint32(p[1])<<24 | uint32(p[2])<<16 | uint32(p[3])<<8 | uint32(p[4]))
	out := fmt.Sprintf("hvc1.%s%d.%X.%s%d", space, p[0]&0x1f, compat, tier, p[11])
	constraints := p[5:11]
	for len(constraints) > 0 && constraints[len(constraints)-1] == 0 {
		constraints = constraints[:len(constraints)-1]
	}
	for _, c := range constraints {
		out += fmt.Sprintf(".%X", c)
	}
	return out
}
