package view

import (
	"strings"
	"testing"

	"siaga/internal/watch"
)

// chromeOffer is what Chromium offers for video, shortened to what matters.
const chromeOffer = `v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
m=video 9 UDP/TLS/RTP/SAVPF 96 102 104 106 39 45
c=IN IP4 0.0.0.0
a=mid:0
a=recvonly
a=rtpmap:96 VP8/90000
a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:104 H264/90000
a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=4d001f
a=rtpmap:106 H264/90000
a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:39 H264/90000
a=fmtp:39 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f
a=rtpmap:45 AV1/90000
m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
`

func TestChooseCodecs_TakesTheStreamsProfileElseAny(t *testing.T) {
	for _, c := range []struct {
		sps   []byte
		video int
	}{
		{[]byte{0x67, 0x42, 0xe0, 0x1e}, 106}, // constrained baseline
		{[]byte{0x67, 0x42, 0x00, 0x1e}, 102}, // baseline
		{[]byte{0x67, 0x4d, 0x40, 0x29}, 39},  // main, other flags: the profile decides
		{[]byte{0x67, 0x64, 0x00, 0x28}, 102}, // high is not offered; decoders read the SPS
	} {
		got, err := chooseCodecs(chromeOffer, &watch.Format{Codec: watch.H264, SPS: c.sps}, watch.PCMA)
		if err != nil {
			t.Fatal(err)
		}
		if int(got.video.PayloadType) != c.video || got.audio == nil || got.audio.PayloadType != 8 {
			t.Errorf("%x: video as %d, audio %+v; want %d and 8", c.sps, got.video.PayloadType, got.audio, c.video)
		}
	}
	if got, err := chooseCodecs(chromeOffer, &watch.Format{Codec: watch.H264}, watch.AAC); err != nil || got.audio != nil {
		t.Errorf("AAC over WebRTC: %+v %v", got, err)
	}
}

func FuzzParseOffer(f *testing.F) {
	f.Add(chromeOffer)
	f.Add("m=video\na=rtpmap:96\na=fmtp:999 x\na=rtpmap:127 h264/-1/99999999\n")
	f.Fuzz(func(t *testing.T, sdp string) {
		o := parseOffer(sdp)
		if len(o.codecs) > maxOffered {
			t.Errorf("%d codecs", len(o.codecs))
		}
		if o.video && !strings.Contains(sdp, "m=video") {
			t.Error("video out of nothing")
		}
	})
}

func TestMIME_SpellsProfileAndLevel(t *testing.T) {
	// Main, level 3.1, as x265 writes it.
	h265 := []byte{0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x5d, 0xa0}
	if got := h265MIME(h265); got != "hvc1.1.6.L93.90" {
		t.Errorf("H.265: %s", got)
	}
	aac := &watch.Format{Codec: watch.AAC, AudioConfig: []byte{0x11, 0x90}}
	video := &watch.Format{Codec: watch.H264, SPS: []byte{0x67, 0x64, 0x00, 0x28}}
	if got := mime(video, aac); got != `video/mp4; codecs="avc1.640028,mp4a.40.2"` {
		t.Errorf("H.264 and AAC: %s", got)
	}
}

func FuzzH265MIME(f *testing.F) {
	f.Add([]byte{0x42, 0x01, 0x01, 0x01, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x5d, 0xa0})
	f.Fuzz(func(t *testing.T, sps []byte) {
		if !strings.HasPrefix(h265MIME(sps), "hvc1.") {
			t.Error("not a codec name")
		}
	})
}
