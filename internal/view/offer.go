package view

import (
	"strconv"
	"strings"
)

// offered is one codec line of an offer.
type offered struct {
	payload  uint8
	name     string // lower case: h264, opus, pcma
	rate     uint32
	channels uint16
	fmtp     string
}

// offerLines is what an offer says about codecs.
type offerLines struct {
	video  bool // there is a video section
	codecs []offered
}

// maxOffered bounds the codecs read from one offer.
const maxOffered = 128

// parseOffer collects rtpmap and fmtp lines. It takes anything; what it cannot read it leaves out, and the
// WebRTC library then refuses what is broken.
func parseOffer(sdp string) offerLines {
	var o offerLines
	index := map[uint8]int{}
	for line := range strings.Lines(sdp) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "m=") {
			o.video = o.video || strings.HasPrefix(line, "m=video ")
			continue
		}
		value, isMap := strings.CutPrefix(line, "a=rtpmap:")
		if !isMap {
			var isParams bool
			if value, isParams = strings.CutPrefix(line, "a=fmtp:"); !isParams {
				continue
			}
		}
		number, rest, ok := strings.Cut(value, " ")
		pt, err := strconv.ParseUint(number, 10, 7)
		if !ok || err != nil {
			continue
		}
		i, known := index[uint8(pt)]
		switch {
		case isMap && !known && len(o.codecs) < maxOffered:
			index[uint8(pt)] = len(o.codecs)
			o.codecs = append(o.codecs, readCodec(uint8(pt), rest))
		case !isMap && known:
			o.codecs[i].fmtp = rest
		}
	}
	return o
}

func readCodec(pt uint8, text string) offered {
	parts := strings.Split(text, "/")
	c := offered{payload: pt, name: strings.ToLower(parts[0])}
	if len(parts) > 1 {
		n, _ := strconv.ParseUint(parts[1], 10, 32)
		c.rate = uint32(n)
	}
	if len(parts) > 2 {
		n, _ := strconv.ParseUint(parts[2], 10, 16)
		c.channels = uint16(n)
	}
	return c
}
