package rtsp

import (
	"slices"
	"strings"
)

// Hint is a pair of paths that cameras of a brand commonly use.
type Hint struct {
	Vendor string `json:"vendor"`
	Main   string `json:"main"` // path with query, as after rtsp://HOST:554
	Sub    string `json:"sub,omitempty"`
}

// Hints returns the common paths of a brand, best guess first; for an empty or unknown brand all of them, the
// most widely sold brands first. The list is for a wizard that tries paths, so that nobody has to know one.
func Hints(vendor string) []Hint {
	all := allHints()
	vendor = strings.ToLower(strings.TrimSpace(vendor))
	some := slices.DeleteFunc(slices.Clone(all), func(h Hint) bool {
		return vendor == "" || !strings.Contains(vendor, h.Vendor)
	})
	if len(some) == 0 {
		return all
	}
	return some
}

func allHints() []Hint {
	return []Hint{
		{"hikvision", "/Streaming/Channels/101", "/Streaming/Channels/102"},
		{"dahua", "/cam/realmonitor?channel=1&subtype=0", "/cam/realmonitor?channel=1&subtype=1"},
		{"uniview", "/video1", "/video2"},
		{"uniview", "/media/video1", "/media/video2"},
		{"axis", "/axis-media/media.amp", "/axis-media/media.amp?resolution=640x360"},
		{"hanwha", "/profile2/media.smp", "/profile3/media.smp"},
		{"bosch", "/rtsp_tunnel?inst=1", "/rtsp_tunnel?inst=2"},
		{"tp-link", "/stream1", "/stream2"},
		{"reolink", "/h264Preview_01_main", "/h264Preview_01_sub"},
		{"ezviz", "/h264_stream", ""},
		{"imou", "/cam/realmonitor?channel=1&subtype=0", "/cam/realmonitor?channel=1&subtype=1"},
		{"xiaomi", "/live/ch00_0", "/live/ch00_1"},
		{"vivotek", "/live.sdp", "/live2.sdp"},
		{"foscam", "/videoMain", "/videoSub"},
		{"mobotix", "/mobotix.h264", ""},
		{"panasonic", "/MediaInput/h264/stream_1", "/MediaInput/h264/stream_2"},
		{"sony", "/media/video1", "/media/video2"},
		{"generic", "/ch0_0.264", "/ch0_1.264"},
		{"generic", "/profile1", "/profile2"},
		{"generic", "/main", "/sub"},
		{"generic", "/11", "/12"},
		{"generic", "/live/ch0", "/live/ch1"},
		{"generic", "/onvif1", "/onvif2"},
	}
}
