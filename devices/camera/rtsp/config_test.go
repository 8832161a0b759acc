package rtsp

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"siaga/devices"
)

func aacFormat() *format.MPEG4Audio {
	return &format.MPEG4Audio{
		PayloadTyp: 96, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3,
		Config: &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48000, ChannelCount: 2},
	}
}

func TestNew_RefusesWithTheKeyAtFaultAndNeverThePassword(t *testing.T) {
	for name, c := range map[string]struct{ config, password, want string }{
		"unknown key":       {`{"url":"rtsp://a/","urll":"x"}`, "", `"urll"`},
		"no url":            {`{}`, "", `"url"`},
		"not an address":    {`{"url":"rtsp://a b/"}`, "", `"url"`},
		"http":              {`{"url":"http://a/"}`, "", "rtsp or rtsps"},
		"no host":           {`{"url":"rtsp:///x"}`, "", "no host"},
		"user in url":       {`{"url":"rtsp://admin:hunter2@10.0.0.9/main"}`, "", "leave user and password out"},
		"odd user in url":   {`{"url":"rtsp://admin:hunter2%zz@10.0.0.9:99999/"}`, "", "leave user and password out"},
		"user in sub_url":   {`{"url":"rtsp://a/","sub_url":"rtsp://u:hunter2@a/"}`, "", `"sub_url"`},
		"port":              {`{"url":"rtsp://a:70000/"}`, "", "port"},
		"fragment":          {`{"url":"rtsp://a/#x"}`, "", "#"},
		"transport":         {`{"url":"rtsp://a/","transport":"quic"}`, "", `"transport"`},
		"udp over TLS":      {`{"url":"rtsps://a/","transport":"udp"}`, "", `"transport"`},
		"pin without TLS":   {`{"url":"rtsp://a/","tls_fingerprint":"ab"}`, "", `"tls_fingerprint"`},
		"short pin":         {`{"url":"rtsps://a/","tls_fingerprint":"abcd"}`, "", `"tls_fingerprint"`},
		"line in user":      {`{"url":"rtsp://a/","username":"a\r\nb"}`, "", `"username"`},
		"line in password":  {`{"url":"rtsp://a/","username":"a"}`, "hunter2\r\nX: y", `"password"`},
		"nobody's password": {`{"url":"rtsp://a/"}`, "hunter2", `"username"`},
		"not JSON":          {`{`, "", "config"},
	} {
		_, err := Driver().New(devices.Settings{ID: "cam-1", Config: json.RawMessage(c.config), Secrets: map[string]string{"password": c.password}})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v; want %s", name, err, c.want)
		}
	}
}

func TestNew_TakesWhatCamerasHave(t *testing.T) {
	for _, config := range []string{
		`{"url":"rtsp://10.0.0.9/cam/realmonitor?channel=1&subtype=0"}`,
		`{"url":"rtsps://[fe80::1]:322/","tls_fingerprint":"AB:` + strings.Repeat("cd:", 30) + `EF"}`,
		`{"url":"rtsp://camera.local:8554/a/b@c","sub_url":"rtsp://camera.local:8554/b","transport":"udp","username":"admin"}`,
	} {
		if _, err := Driver().New(devices.Settings{ID: "cam-1", Config: json.RawMessage(config)}); err != nil {
			t.Errorf("%s: %v", config, err)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(`{"url":"rtsp://a:554/x","sub_url":"rtsp://a/y","transport":"udp","username":"u"}`)
	f.Add(`{"url":"rtsps://a","tls_fingerprint":"sha256:00"}`)
	f.Fuzz(func(t *testing.T, raw string) {
		c, err := readConfig(json.RawMessage(raw))
		if err == nil && (c.main == nil || c.main.User != nil || c.main.Hostname() == "") {
			t.Errorf("%q was taken as %+v", raw, c.main)
		}
	})
}
