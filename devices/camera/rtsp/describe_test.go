package rtsp

import (
	"strings"
	"testing"
)

func TestSoftware_IsTheServerElseTheToolElseTheSessionsName(t *testing.T) {
	const sdp = "v=0\r\ns=Media Server V3.4\r\na=tool:LIVE555 v2020\r\nm=video 0 RTP/AVP 96\r\na=tool:not this\r\n"
	for _, c := range []struct{ name, server, sdp, want string }{
		{"server", "Rtsp Server/3.0\x07", sdp, "Rtsp Server/3.0"},
		{"tool", "", sdp, "LIVE555 v2020"},
		{"name", "\x00", "v=0\r\ns=Media Server V3.4\r\nm=video 0 RTP/AVP 96\r\na=tool:not this\r\n", "Media Server V3.4"},
		{"nothing", "", "v=0\ns=-\nm=video 0 RTP/AVP 96\n", ""},
		{"no description", "", "", ""},
		{"oversize", strings.Repeat("x", 1<<20), "", strings.Repeat("x", 128)},
	} {
		if got := softwareOf(c.server, []byte(c.sdp)); got != c.want {
			t.Errorf("%s: %.60q, want %.60q", c.name, got, c.want)
		}
	}
}
